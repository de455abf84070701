"""Convert content MathML to LaTeX: applications of operators become the usual notation.

Elements and their meaning: MathML 3.0, W3C Recommendation of 2014, chapter 4.
"""

import re
from collections.abc import Callable
from typing import Any

Element = Any  # an element of lxml, which ships no types
Write = Callable[[Element, int], str]

# Binding strength of operators, from the weakest.
_RELATION, _SUM, _PRODUCT, _POWER, _SYMBOL = range(1, 6)
_INFIX = {
    "eq": ("=", _RELATION), "neq": (r"\ne ", _RELATION), "lt": ("<", _RELATION), "gt": (">", _RELATION),
    "leq": (r"\le ", _RELATION), "geq": (r"\ge ", _RELATION), "equivalent": (r"\equiv ", _RELATION),
    "approx": (r"\approx ", _RELATION), "implies": (r"\Rightarrow ", _RELATION), "in": (r"\in ", _RELATION),
    "notin": (r"\notin ", _RELATION), "subset": (r"\subseteq ", _RELATION), "prsubset": (r"\subset ", _RELATION),
    "notsubset": (r"\nsubseteq ", _RELATION), "notprsubset": (r"\not\subset ", _RELATION),
    "tendsto": (r"\to ", _RELATION), "factorof": (r"\mid ", _RELATION), "and": (r"\wedge ", _SUM),
    "or": (r"\vee ", _SUM), "xor": (r"\oplus ", _SUM), "plus": ("+", _SUM), "minus": ("-", _SUM),
    "union": (r"\cup ", _SUM), "setdiff": (r"\setminus ", _SUM), "intersect": (r"\cap ", _PRODUCT),
    "rem": (r"\bmod ", _PRODUCT), "cartesianproduct": (r"\times ", _PRODUCT), "vectorproduct": (r"\times ", _PRODUCT),
    "scalarproduct": (r"\cdot ", _PRODUCT), "outerproduct": (r"\otimes ", _PRODUCT), "compose": (r"\circ ", _PRODUCT),
    "times": ("", _PRODUCT),
}  # fmt: skip
_ENCLOSING = {
    "abs": ("|", "|"), "card": ("|", "|"), "floor": (r"\lfloor ", r"\rfloor"), "ceiling": (r"\lceil ", r"\rceil"),
    "conjugate": (r"\overline{", "}"), "mean": (r"\overline{", "}"), "exp": ("e^{", "}"),
}  # fmt: skip
_SUFFIXES = {"factorial": "!", "transpose": "^{T}", "inverse": "^{-1}"}
_PREFIXES = {"not": r"\neg ", "divergence": r"\nabla\cdot ", "grad": r"\nabla ", "curl": r"\nabla\times ",
           "laplacian": r"\nabla^{2} "}  # fmt: skip
_FUNCTIONS = {
    name: f"\\{name}"
    for name in "sin cos tan sec csc cot sinh cosh tanh coth arcsin arccos arctan ln log max min gcd arg".split()
} | {"determinant": r"\det", "real": r"\Re", "imaginary": r"\Im"}
_LARGE = {"int": r"\int", "sum": r"\sum", "product": r"\prod", "limit": r"\lim"}
_QUANTIFIERS = {"forall": r"\forall ", "exists": r"\exists ", "lambda": r"\lambda "}
_CONSTANTS = {
    "pi": r"\pi", "exponentiale": "e", "imaginaryi": "i", "infinity": r"\infty", "emptyset": r"\emptyset",
    "eulergamma": r"\gamma", "true": r"\text{true}", "false": r"\text{false}", "notanumber": r"\text{NaN}",
    "reals": r"\mathbb{R}", "integers": r"\mathbb{Z}", "rationals": r"\mathbb{Q}", "complexes": r"\mathbb{C}",
    "naturalnumbers": r"\mathbb{N}", "primes": r"\mathbb{P}",
}  # fmt: skip
_SCRIPTS = {"superscript": "^", "subscript": "_"}
# Names in OpenMath content dictionaries that differ from those of MathML.
_OTHER_NAMES = {"unary_minus": "minus", "defint": "int"}
_QUALIFIERS = frozenset("bvar lowlimit uplimit degree logbase condition domainofapplication momentabout".split())
_BOUNDS = {"closed": "[]", "open": "()", "closed-open": "[)", "open-closed": "(]"}


def name_of(element: Element) -> str:
    """Return the tag of an element in lower case, without namespace or prefix; empty for comments."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _children(element: Element) -> list[Element]:
    return [child for child in element if name_of(child)]


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _operator_of(element: Element) -> str:
    """Return the name of the operator that an element applies; empty if the element is no application."""
    if name_of(element) not in ("apply", "bind", "reln"):
        return ""
    children = _children(element)
    if not children:
        return ""
    name = name_of(children[0])
    if name in ("csymbol", "fn"):
        name = _text(children[0])
        return _OTHER_NAMES.get(name, name)
    return name


def constant(element: Element, depth: int) -> str:
    """Return the LaTeX of a constant or a set of numbers."""
    return _CONSTANTS[name_of(element)]


def number(element: Element, depth: int) -> str | None:
    """Return the LaTeX of a number with two parts, such as a fraction; None for other numbers."""
    parts = [element.text or "", *(child.tail or "" for child in element)]
    kind, parts = element.get("type") or "", [part.strip() for part in parts]
    if len(parts) != 2:
        return None
    first, second = parts
    if kind == "rational":
        return f"\\frac{{{first}}}{{{second}}}"
    if kind == "e-notation":
        return f"{first}\\times 10^{{{second}}}"
    if kind == "complex-polar":
        return f"{first}e^{{{second}i}}"
    return f"{first}+{second}i" if kind == "complex-cartesian" else None


def application(element: Element, depth: int, write: Write) -> str:
    """Return the LaTeX of an operator or a function that is applied to its arguments.

    Args:
        element: an `apply`, `bind` or `reln` element.
        depth: nesting depth of the element in its formula.
        write: function that returns the LaTeX of an element at a depth.
    """
    children = _children(element)
    if not children:
        return ""
    call = _Application(element, _operator_of(element), children, depth + 1, write)
    for names, method in _METHODS:
        if call.operator in names:
            return method(call)
    return call.function(write(children[0], depth + 1))


class _Application:
    """An application: its operator, arguments and qualifiers."""

    def __init__(self, element: Element, operator: str, children: list[Element], depth: int, write: Write) -> None:
        self.operator = operator
        self.depth = depth
        self.write = write
        self.arguments = [child for child in children[1:] if name_of(child) not in _QUALIFIERS]
        self.variables = [child for child in children[1:] if name_of(child) == "bvar"]
        self.qualifiers = {name_of(child): child for child in children[1:] if name_of(child) in _QUALIFIERS}

    def argument(self, index: int, min_strength: int = 0) -> str:
        """Return an argument, in parentheses if it binds less strongly than `min_strength`; empty if it is missing."""
        if index >= len(self.arguments):
            return ""
        element = self.arguments[index]
        tex = self.write(element, self.depth)
        return f"({tex})" if _strength(element) < min_strength else tex

    def all(self, min_strength: int = 0) -> list[str]:
        return [self.argument(index, min_strength) for index in range(len(self.arguments))]

    def qualifier(self, name: str) -> str:
        """Return the content of a qualifier; empty if it is missing."""
        element = self.qualifiers.get(name)
        return "".join(self.write(child, self.depth) for child in _children(element)) if element is not None else ""

    def variable(self) -> str:
        """Return the bound variables without their degrees."""
        variables = [child for bound in self.variables for child in _children(bound) if name_of(child) != "degree"]
        return ",".join(self.write(child, self.depth) for child in variables)

    def function(self, name: str) -> str:
        """Return the name of a function with its arguments in parentheses."""
        return f"{name}({','.join(self.all())})"

    def infix(self) -> str:
        sign, strength = _INFIX[self.operator]
        if self.operator == "minus":
            if len(self.arguments) == 1:
                return f"-{self.argument(0, _PRODUCT)}"
            return f"{self.argument(0, _SUM)}-{self.argument(1, _PRODUCT)}"
        parts = [part for part in self.all(strength) if part]
        if self.operator != "times":
            return sign.join(parts)
        product = "".join(parts[:1])
        for part in parts[1:]:
            needs_space = re.search(r"\\[A-Za-z]+\Z", product[-30:]) is not None and part[:1].isalpha()
            product += (r"\cdot " if part[:1].isdigit() else " " if needs_space else "") + part
        return product

    def quotient(self) -> str:
        fraction = f"\\frac{{{self.argument(0)}}}{{{self.argument(1)}}}"
        return f"\\lfloor {fraction}\\rfloor" if self.operator == "quotient" else fraction

    def power(self) -> str:
        return f"{self.argument(0, _SYMBOL)}^{{{self.argument(1)}}}"

    def script(self) -> str:
        return f"{self.argument(0, _SYMBOL)}{_SCRIPTS[self.operator]}{{{self.argument(1)}}}"

    def root(self) -> str:
        degree = self.qualifier("degree") or self.argument(1)
        return f"\\sqrt[{degree}]{{{self.argument(0)}}}" if degree not in ("", "2") else f"\\sqrt{{{self.argument(0)}}}"

    def around(self) -> str:
        opening, closing = _ENCLOSING[self.operator]
        return f"{opening}{','.join(self.all())}{closing}"

    def after(self) -> str:
        return self.argument(0, _SYMBOL) + _SUFFIXES[self.operator]

    def before(self) -> str:
        return _PREFIXES[self.operator] + self.argument(0, _PRODUCT)

    def named(self) -> str:
        name = _FUNCTIONS[self.operator]
        base = self.qualifier("logbase") if self.operator == "log" else ""
        name += f"_{{{base}}}" if base else ""
        is_single_symbol = len(self.arguments) == 1 and _strength(self.arguments[0]) == _SYMBOL
        return f"{name} {self.argument(0)}" if is_single_symbol else self.function(name)

    def large(self) -> str:
        """Return a sum, product, integral or limit with its bounds or domain."""
        name, variable = _LARGE[self.operator], self.variable()
        low, high = self.qualifier("lowlimit"), self.qualifier("uplimit")
        domain = self.qualifier("condition") or self.qualifier("domainofapplication")
        if self.operator == "limit":
            below = domain or f"{variable}\\to {low}"
            return f"{name}_{{{below}}} {self.argument(0, _PRODUCT)}"
        if self.operator != "int" and low and variable:
            low = f"{variable}={low}"
        scripts = (f"_{{{low or domain}}}" if low or domain else "") + (f"^{{{high}}}" if high else "")
        differential = f"\\,d{variable}" if self.operator == "int" and variable else ""
        return f"{name}{scripts} {self.argument(0, _PRODUCT)}{differential}"

    def quantifier(self) -> str:
        domain = self.qualifier("condition")
        return f"{_QUANTIFIERS[self.operator]}{self.variable()}{f',{domain}' if domain else ''}:{','.join(self.all())}"

    def derivative(self) -> str:
        sign = r"\partial " if self.operator == "partialdiff" else "d"
        body = self.argument(0, _PRODUCT)
        if not self.variables:
            return f"{body}'" if sign == "d" else f"{sign}{body}"
        denominator: list[str] = []
        degrees: list[str] = []
        for bound in self.variables:
            inner = {name_of(child): child for child in _children(bound)}
            degree = inner.pop("degree", None)
            order = self.write(degree, self.depth) if degree is not None else "1"
            degrees.append(order)
            name = "".join(self.write(child, self.depth) for child in inner.values())
            denominator.append(f"{sign}{name}" + (f"^{{{order}}}" if order != "1" else ""))
        total = self.qualifier("degree")
        if not total:
            are_numbers = all(order.isascii() and order.isdigit() and len(order) < 5 for order in degrees)
            total = str(sum(map(int, degrees))) if are_numbers else "+".join(degrees)
        numerator = (
            sign.strip() + (f"^{{{total}}}" if total != "1" else "") + (" " if sign != "d" or total != "1" else "")
        )
        return f"\\frac{{{numerator}{body}}}{{{' '.join(denominator)}}}"


_METHODS: tuple[tuple[Any, Callable[[_Application], str]], ...] = (
    (_INFIX, _Application.infix),
    (("divide", "quotient"), _Application.quotient),
    (("power",), _Application.power),
    (_SCRIPTS, _Application.script),
    (("root",), _Application.root),
    (_ENCLOSING, _Application.around),
    (_SUFFIXES, _Application.after),
    (_PREFIXES, _Application.before),
    (_FUNCTIONS, _Application.named),
    (_LARGE, _Application.large),
    (_QUANTIFIERS, _Application.quantifier),
    (("diff", "partialdiff"), _Application.derivative),
)


def _strength(element: Element) -> int:
    """Return the binding strength of the outermost operator of an element."""
    name, operator = name_of(element), _operator_of(element)
    if name == "cn":
        is_single_part = element.get("type", "real") not in ("e-notation", "complex-cartesian", "complex-polar")
        return _SYMBOL if is_single_part and not _text(element).startswith(("-", "\u2212")) else _SUM
    if name in ("mrow", "semantics") and len(_children(element)) > 1:
        return _SUM
    if not operator:
        return _SYMBOL
    if operator in _INFIX:
        return _INFIX[operator][1]
    if operator in _LARGE or operator in _QUANTIFIERS:
        return _SUM
    if operator in _FUNCTIONS or operator in _PREFIXES:
        return _PRODUCT
    return _POWER if operator in ("power", "exp", *_SUFFIXES, *_SCRIPTS) else _SYMBOL


def collection(element: Element, depth: int, write: Write) -> str:
    """Return the LaTeX of an interval, set, list, vector, matrix or function defined by cases."""
    name = name_of(element)
    new_row = r" \\ "
    inner = [write(child, depth + 1) for child in _children(element) if name_of(child) != "bvar"]
    if name == "interval":
        bounds = _BOUNDS.get(element.get("closure") or "closed", "[]")
        return f"{bounds[0]}{','.join(inner)}{bounds[1]}"
    if name == "set":
        return rf"\{{{','.join(inner)}\}}"
    if name == "matrix":
        return rf"\begin{{pmatrix}}{new_row.join(inner)}\end{{pmatrix}}"
    if name == "matrixrow":
        return " & ".join(inner)
    if name == "piecewise":
        return rf"\begin{{cases}}{new_row.join(inner)}\end{{cases}}"
    if name == "piece":
        return r" & \text{if }".join(inner)
    return inner[0] + r" & \text{otherwise}" if name == "otherwise" and inner else f"({','.join(inner)})"


COLLECTIONS = ("interval", "set", "list", "vector", "matrix", "matrixrow", "piecewise", "piece", "otherwise")
CONSTANTS = tuple(_CONSTANTS)
