"""Convert formulas of Office Math to LaTeX by way of MathML.

Elements come from lxml. Only their local names are compared, so that both namespaces of Office files are read.
"""

import re
from collections.abc import Callable
from typing import Any

from kgsynth_loaders.readers.mathml import tex_of

Element = Any  # an element of lxml, which ships no types

# Elements at a greater depth are written as plain text.
_MAX_DEPTH = 40
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|\s+|.", re.DOTALL)
_FUNCTIONS = frozenset(
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max "
    "min mod sec sin sinh sup tan tanh".split()
)
_STYLES = {"p": "normal", "b": "bold", "bi": "bold-italic"}
_SCRIPTS = {
    "double-struck": "double-struck", "script": "script", "fraktur": "fraktur", "sans-serif": "sans-serif",
    "monospace": "monospace",
}  # fmt: skip
_OFF = frozenset({"0", "off", "false"})


def latex(formula: Element) -> str:
    """Return the LaTeX of an `oMath` element without dollar signs; empty if the formula is empty."""
    from lxml import etree

    math = etree.Element("math")
    _add_children(math, formula, 0)
    return tex_of(math).strip()


def formulas(paragraph: Element) -> list[str]:
    """Return the LaTeX of each formula of an `oMathPara` element; empty formulas are left out."""
    converted = [latex(child) for child in paragraph if local_name(child) == "oMath"]
    return [tex for tex in converted if tex]


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace; empty for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _add_children(parent: Element, element: Element, depth: int) -> None:
    for child in element:
        _add(parent, child, depth + 1)


def _add(parent: Element, element: Element, depth: int) -> None:
    """Convert an element of Office Math, and add it to an element of MathML."""
    name = local_name(element)
    if not name or name.endswith("Pr") or name in ("del", "moveFrom"):
        return
    if depth > _MAX_DEPTH:
        _new(parent, "mtext").text = "".join(element.itertext())
        return
    adder = _ADDERS.get(name)
    if adder is None:
        _add_children(parent, element, depth)
    else:
        adder(parent, element, depth)


def _new(parent: Element, name: str, **attributes: str) -> Element:
    from lxml import etree

    return etree.SubElement(parent, name, attributes)


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if local_name(child) == name), None)


def _add_argument(parent: Element, element: Element, name: str, depth: int) -> None:
    row = _new(parent, "mrow")
    child = _child(element, name)
    if child is not None:
        _add_children(row, child, depth + 1)


def _property(element: Element, name: str, default: str) -> str:
    """Return a property from the `…Pr` child of an element; `default` if it is missing, empty if it has no value."""
    properties = _child(element, f"{local_name(element)}Pr")
    property_element = None if properties is None else _child(properties, name)
    if property_element is None:
        return default
    return next((value for key, value in property_element.attrib.items() if key.rpartition("}")[2] == "val"), "")


def _is_on(element: Element, name: str) -> bool:
    return _property(element, name, "off") not in _OFF


# --- Elements


def _run(parent: Element, element: Element, depth: int) -> None:
    text = "".join(child.text or "" for child in element if local_name(child) == "t")
    if not text:
        return
    if _is_on(element, "nor"):
        _new(parent, "mtext").text = text
        return
    script = _SCRIPTS.get(_property(element, "scr", ""), "")
    variant = script or _STYLES.get(_property(element, "sty", ""), "")
    word = text.strip()
    is_function = word in _FUNCTIONS
    if is_function or (variant == "normal" and len(word) > 1 and word.isascii() and word.isalpha()):
        identifier = _new(parent, "mi")
        identifier.text = word
        if not is_function:
            identifier.set("mathvariant", variant)
        return
    for token in _TOKEN.findall(text):
        if token.isspace() or token == "&":
            continue
        kind = "mn" if token[0].isdigit() else "mi" if token.isalpha() else "mo"
        token_element = _new(parent, kind)
        token_element.text = token
        # Upright single letters and digits are written without a style command, as people usually type them.
        if variant and variant != "normal" and kind != "mo":
            token_element.set("mathvariant", variant)


def _fraction(parent: Element, element: Element, depth: int) -> None:
    kind = _property(element, "type", "bar")
    fraction = _new(parent, "mfrac")
    if kind in ("skw", "lin"):
        fraction.set("bevelled", "true")
    elif kind == "noBar":
        fraction.set("linethickness", "0")
    _add_argument(fraction, element, "num", depth)
    _add_argument(fraction, element, "den", depth)


def _scripts(kind: str, *arguments: str) -> Callable[[Element, Element, int], None]:
    def add(parent: Element, element: Element, depth: int) -> None:
        script = _new(parent, kind)
        for argument in arguments:
            _add_argument(script, element, argument, depth)

    return add


def _leading_scripts(parent: Element, element: Element, depth: int) -> None:
    scripts = _new(parent, "mmultiscripts")
    _add_argument(scripts, element, "e", depth)
    _new(scripts, "mprescripts")
    _add_argument(scripts, element, "sub", depth)
    _add_argument(scripts, element, "sup", depth)


def _radical(parent: Element, element: Element, depth: int) -> None:
    degree = _child(element, "deg")
    has_degree = degree is not None and "".join(degree.itertext()).strip() and not _is_on(element, "degHide")
    root = _new(parent, "mroot" if has_degree else "msqrt")
    _add_argument(root, element, "e", depth)
    if has_degree:
        _add_argument(root, element, "deg", depth)


def _big_operator(parent: Element, element: Element, depth: int) -> None:
    has_below, has_above = (
        not _is_on(element, hide) and (limit := _child(element, name)) is not None and "".join(limit.itertext()).strip()
        for name, hide in (("sub", "subHide"), ("sup", "supHide"))
    )
    kind = "munderover" if has_below and has_above else "munder" if has_below else "mover" if has_above else "mrow"
    operator = _new(parent, kind)
    _new(operator, "mo").text = _property(element, "chr", "∫") or "∫"
    if has_below:
        _add_argument(operator, element, "sub", depth)
    if has_above:
        _add_argument(operator, element, "sup", depth)
    _add_argument(parent, element, "e", depth)


def _delimited(parent: Element, element: Element, depth: int) -> None:
    fenced = _new(
        parent,
        "mfenced",
        open=_property(element, "begChr", "("),
        close=_property(element, "endChr", ")"),
        separators=_property(element, "sepChr", "|"),
    )
    for child in element:
        if local_name(child) == "e":
            _add_children(_new(fenced, "mrow"), child, depth + 2)


def _function(parent: Element, element: Element, depth: int) -> None:
    _add_argument(parent, element, "fName", depth)
    _add_argument(parent, element, "e", depth)


def _matrix(parent: Element, element: Element, depth: int) -> None:
    table = _new(parent, "mtable")
    for row in element:
        if local_name(row) == "mr":
            new_row = _new(table, "mtr")
            for cell in row:
                if local_name(cell) == "e":
                    _add_children(_new(new_row, "mtd"), cell, depth + 3)


def _equations(parent: Element, element: Element, depth: int) -> None:
    table = _new(parent, "mtable", columnalign="right left")
    for row in element:
        if local_name(row) == "e":
            _add_children(_new(_new(table, "mtr"), "mtd"), row, depth + 3)


def _accent(parent: Element, element: Element, depth: int) -> None:
    over = _new(parent, "mover")
    _add_argument(over, element, "e", depth)
    _new(over, "mo").text = _property(element, "chr", "\u0302") or "\u0302"


def _bar(parent: Element, element: Element, depth: int) -> None:
    is_top = _property(element, "pos", "bot") == "top"
    bar = _new(parent, "mover" if is_top else "munder")
    _add_argument(bar, element, "e", depth)
    _new(bar, "mo").text = "\u00af" if is_top else "_"


def _group_character(parent: Element, element: Element, depth: int) -> None:
    is_top = _property(element, "pos", "bot") == "top"
    group = _new(parent, "mover" if is_top else "munder")
    _add_argument(group, element, "e", depth)
    _new(group, "mo").text = _property(element, "chr", "\u23df") or "\u23df"


def _border_box(parent: Element, element: Element, depth: int) -> None:
    _add_argument(_new(parent, "menclose", notation="box"), element, "e", depth)


def _phantom(parent: Element, element: Element, depth: int) -> None:
    if _property(element, "show", "1") not in _OFF:
        _add_argument(parent, element, "e", depth)


_ADDERS: dict[str, Callable[[Element, Element, int], None]] = {
    "r": _run,
    "f": _fraction,
    "sSup": _scripts("msup", "e", "sup"),
    "sSub": _scripts("msub", "e", "sub"),
    "sSubSup": _scripts("msubsup", "e", "sub", "sup"),
    "sPre": _leading_scripts,
    "limLow": _scripts("munder", "e", "lim"),
    "limUpp": _scripts("mover", "e", "lim"),
    "rad": _radical,
    "nary": _big_operator,
    "d": _delimited,
    "func": _function,
    "m": _matrix,
    "eqArr": _equations,
    "acc": _accent,
    "bar": _bar,
    "groupChr": _group_character,
    "borderBox": _border_box,
    "phant": _phantom,
}
