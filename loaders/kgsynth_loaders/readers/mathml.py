"""Convert MathML to LaTeX: by its TeX annotation, its `alttext`, or a simple conversion of its elements.

Elements come from lxml, with or without the namespace of MathML. No function raises: an element without a form in LaTeX
is written as its text.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

from kgsynth_loaders.readers.mathml_content import (
    COLLECTIONS,
    CONSTANTS,
    application,
    collection,
    constant,
    name_of,
    number as content_number,
)

Element = Any  # an element of lxml, which ships no types

# Elements at a greater depth are written as plain text.
_MAX_DEPTH = 60
# Maximum number of columns in the column specification of an array.
_MAX_COLUMNS = 60
_TEX_ENCODING = re.compile(r"(?:application|text|math|image)/(?:x-)?(?:la)?tex\b|\A\s*(?:la)?tex\b", re.IGNORECASE)
_STYLE_WRAPPER = re.compile(r"\A\{\s*\\(?:display|text)style\b")
_COMMENT = re.compile(r"(?<!\\)%")
_LETTERS = re.compile(r"[A-Za-z]")

_OPERATORS = {
    "\u2212": "-", "\u00d7": r"\times", "\u22c5": r"\cdot", "\u00b7": r"\cdot", "\u00f7": r"\div", "\u00b1": r"\pm",
    "\u2213": r"\mp", "\u2217": "*", "\u2218": r"\circ", "\u2264": r"\le", "\u2265": r"\ge", "\u2a7d": r"\leqslant",
    "\u2a7e": r"\geqslant", "\u2260": r"\ne", "\u2261": r"\equiv", "\u2248": r"\approx", "\u223c": r"\sim",
    "\u2243": r"\simeq", "\u2245": r"\cong", "\u221d": r"\propto", "\u226a": r"\ll", "\u226b": r"\gg",
    "\u2208": r"\in", "\u2209": r"\notin", "\u220b": r"\ni", "\u2282": r"\subset", "\u2286": r"\subseteq",
    "\u2283": r"\supset", "\u2287": r"\supseteq", "\u222a": r"\cup", "\u2229": r"\cap", "\u2216": r"\setminus",
    "\u2205": r"\emptyset", "\u2200": r"\forall", "\u2203": r"\exists", "\u00ac": r"\neg", "\u2227": r"\wedge",
    "\u2228": r"\vee", "\u2192": r"\to", "\u2190": r"\leftarrow", "\u2194": r"\leftrightarrow",
    "\u21d2": r"\Rightarrow", "\u21d0": r"\Leftarrow", "\u21d4": r"\Leftrightarrow",
    "\u21a6": r"\mapsto", "\u27f6": r"\longrightarrow",
    "\u2211": r"\sum", "\u220f": r"\prod", "\u2210": r"\coprod", "\u222b": r"\int", "\u222c": r"\iint",
    "\u222d": r"\iiint", "\u222e": r"\oint", "\u22c3": r"\bigcup", "\u22c2": r"\bigcap", "\u2202": r"\partial",
    "\u2207": r"\nabla", "\u221e": r"\infty", "\u221a": r"\surd", "\u2026": r"\ldots", "\u22ef": r"\cdots",
    "\u22ee": r"\vdots", "\u22f1": r"\ddots", "\u2223": r"\mid", "\u2225": r"\parallel", "\u22a5": r"\perp",
    "\u27e8": r"\langle", "\u27e9": r"\rangle", "\u2329": r"\langle", "\u232a": r"\rangle", "\u2308": r"\lceil",
    "\u2309": r"\rceil", "\u230a": r"\lfloor", "\u230b": r"\rfloor", "\u2016": r"\|", "\u2295": r"\oplus",
    "\u2297": r"\otimes", "\u2020": r"\dagger", "\u2032": "'", "\u2033": "''", "\u210f": r"\hbar", "\u2113": r"\ell",
    "\u211c": r"\Re", "\u2111": r"\Im", "\u2135": r"\aleph", "\u2234": r"\therefore", "\u2220": r"\angle",
    "\u25b3": r"\triangle", "\u2013": "-", "\u2237": "::", "\u2254": ":=", "{": r"\{", "}": r"\}", "%": r"\%",
    "#": r"\#", "&": r"\&", "$": r"\$", "\\": r"\backslash", "~": r"\sim", "\u00a0": r"\ ", "\u00b0": r"^{\circ}",
    "\u2061": "",
}  # fmt: skip
_BETWEEN_DIGITS = {"\u2062": r"\cdot ", "\u2063": ",", "\u2064": "+"}
_INVISIBLE_SIGN = re.compile("[\u2062-\u2064]")
_GREEK = {
    chr(code): f"\\{name}"
    for code, name in zip(
        [*range(0x3B1, 0x3CA), *(0x393, 0x394, 0x398, 0x39B, 0x39E, 0x3A0, 0x3A3, 0x3A5, 0x3A6, 0x3A8, 0x3A9)],
        (
            "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma "
            "tau upsilon varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
        ).split(),
        strict=True,
    )
} | {"\u03f5": r"\epsilon", "\u03d5": r"\phi", "\u03d1": r"\vartheta", "\u03d6": r"\varpi", "\u03f1": r"\varrho"}
_FUNCTIONS = frozenset(
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim ln log max min Pr sec sin "
    "sinh sup tan tanh".split()
)
_OVER_ACCENTS = {
    "^": "hat", "\u02c6": "hat", "\u0302": "hat", "~": "tilde", "\u02dc": "tilde", "\u0303": "tilde", "\u223c": "tilde",
    "\u00af": "overline", "\u203e": "overline", "\u0304": "overline", "\u0305": "overline", "_": "overline",
    "\u2013": "overline", "\u2015": "overline", "\u2192": "vec", "\u20d7": "vec", "\u21c0": "vec",
    "\u02d9": "dot", "\u0307": "dot", ".": "dot", "\u00a8": "ddot", "\u0308": "ddot", "\u02c7": "check",
    "\u02d8": "breve", "\u23de": "overbrace",
    "\u00b4": "acute", "`": "grave", "-": "overline", "\u2212": "overline",
}  # fmt: skip
_UNDER_ACCENTS = {
    "_": "underline", "\u0332": "underline", "\u00af": "underline", "\u203e": "underline", "\u23df": "underbrace",
}  # fmt: skip
_LIMIT_OPERATORS = frozenset(
    r"\sum \prod \coprod \int \iint \iiint \oint \bigcup \bigcap \lim \max \min \sup \inf \det \gcd \Pr".split()
)
_VARIANTS = {
    "bold": "mathbf", "bold-italic": "boldsymbol", "double-struck": "mathbb", "script": "mathcal",
    "bold-script": "mathcal", "fraktur": "mathfrak", "bold-fraktur": "mathfrak", "sans-serif": "mathsf",
    "monospace": "mathtt",
}  # fmt: skip
_NAMED_STYLES = (
    ("DOUBLE-STRUCK", "mathbb"), ("FRAKTUR", "mathfrak"), ("BLACK-LETTER", "mathfrak"), ("SCRIPT", "mathcal"),
    ("BOLD", "mathbf"), ("SANS-SERIF", "mathsf"), ("MONOSPACE", "mathtt"),
)  # fmt: skip


# A word of a description: letters between spaces, in a text without TeX commands.
_WORD = re.compile(r"\A[^\\]*?(?:\A|\s)[^\W\d_]{2,}(?=\s|\Z)[^\\]*\Z")
# A fraction without a line, in parentheses.
_BINOMIAL = re.compile(r"(?:\\left)?\( ?\{([^{}]*) \\atop ([^{}]*)\} ?(?:\\right)?\)")


def tex_of(math: Element) -> str:
    """Return the LaTeX of a `math` element without dollar signs; empty if the formula is empty.

    The TeX annotation is preferred to `alttext`, and `alttext` to a conversion of the elements.
    """
    for element in math.iter():
        if name_of(element) == "annotation" and _TEX_ENCODING.search(element.get("encoding") or ""):
            annotation = clean_tex("".join(element.itertext()))
            if annotation:
                return annotation
    alttext = math.get("alttext") or ""
    if alttext.strip() and is_tex(alttext) and not _WORD.search(alttext):
        return clean_tex(alttext)
    converted = _BINOMIAL.sub(r"\\binom{\1}{\2}", _without_invisible_signs(_row(math, 0)))
    return clean_tex(converted) or clean_tex(alttext)


def is_tex(text: str) -> bool:
    """Return whether a description of a formula is TeX and not a sentence."""
    if re.search(r"[\\^_{}=+$]", text):
        return True
    return not re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text)


def clean_tex(tex: str) -> str:
    r"""Remove dollar signs and brackets around a formula, `{\displaystyle …}`, comments and line ends."""
    tex = tex.replace("<![CDATA[", "").replace("]]>", "").replace("\u00a0", " ")
    lines = (line[: comment.start()] if (comment := _COMMENT.search(line)) else line for line in tex.splitlines())
    tex = re.sub(r"\s{2,}", " ", " ".join(line.strip() for line in lines if line.strip()))
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if tex.startswith(opening) and tex.endswith(closing) and len(tex) > len(opening) + len(closing):
            tex = tex[len(opening) : -len(closing)].strip()
            break
    for _ in range(3):
        wrapper = _STYLE_WRAPPER.match(tex)
        if not wrapper or not _wraps_all(tex):
            break
        tex = tex[wrapper.end() : -1].strip()
    tex = re.sub(r"\A(?:\\(?:display|text)style\b\s*)+", "", tex)
    return _ended(tex.rstrip() if not tex.endswith("\\ ") else tex)


def _ended(tex: str) -> str:
    """Add a space after a final backslash, which would otherwise escape the dollar sign after the formula."""
    slashes = len(tex) - len(tex.rstrip("\\"))
    return tex + " " if slashes % 2 else tex


def _wraps_all(tex: str) -> bool:
    """Return whether the opening brace of a formula is closed by its last character."""
    depth = index = 0
    while index < len(tex):
        char = tex[index]
        if char == "\\":
            index += 2
            continue
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return index == len(tex) - 1
        index += 1
    return False


# --- Presentation elements


def _row(element: Element, depth: int) -> str:
    parts = [element.text or "", *(_tex(child, depth + 1) + (child.tail or "") for child in element)]
    return _joined([part.strip() if not part.endswith("\\ ") else part for part in parts])


def _joined(parts: list[str]) -> str:
    """Join parts, with a space between a command and a letter after it."""
    joined: list[str] = []
    for part in parts:
        if not part:
            continue
        if joined and re.search(r"\\[A-Za-z]+\Z", joined[-1][-30:]) and _LETTERS.match(part):
            joined.append(" ")
        joined.append(part)
    return "".join(joined)


def _without_invisible_signs(tex: str) -> str:
    """Remove invisible operators from a formula; between two numbers they become visible operators."""

    def shown(sign: re.Match[str]) -> str:
        before, after = tex[max(0, sign.start() - 30) : sign.start()], tex[sign.end() : sign.end() + 1]
        if before[-1:].isdigit() and after.isdigit():
            return _BETWEEN_DIGITS[sign.group()]
        return " " if _LETTERS.match(after) and re.search(r"\\[A-Za-z]+\Z", before) else ""

    return _INVISIBLE_SIGN.sub(shown, tex)


def _tex(element: Element, depth: int) -> str:
    """Return the LaTeX of an element."""
    name = name_of(element)
    if depth > _MAX_DEPTH:
        return _text(element) if name else ""
    writer = _WRITERS.get(name)
    return writer(element, depth) if writer else (_row(element, depth) if name else "")


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _children(element: Element) -> list[Element]:
    return [child for child in element if name_of(child)]


def _argument(element: Element, index: int, depth: int) -> str:
    children = _children(element)
    return _tex(children[index], depth + 1) if index < len(children) else ""


def _base(tex: str) -> str:
    """Return the base of a script, in braces if it is more than one symbol."""
    is_single_symbol = (
        len(tex) == 1 or re.fullmatch(r"\\[A-Za-z]+(?:\{[^{}]*\})?|\d+|\([^()]*\)|\\[{}|]", tex[:200]) is not None
    )
    return tex if is_single_symbol and len(tex) <= 200 else f"{{{tex}}}"


@cache
def _symbol(char: str) -> str:
    """Return a character as LaTeX, with the style in its Unicode name."""
    if char in _OPERATORS:
        return _OPERATORS[char]
    if char in _GREEK:
        return _GREEK[char]
    if ord(char) < 128:
        return char
    plain = unicodedata.normalize("NFKC", char)
    name = unicodedata.name(char, "")
    is_letter = "MATHEMATICAL" in name or "DOUBLE-STRUCK" in name or ord(char) >> 8 == 0x21
    if len(plain) != 1 or plain == char or not is_letter:
        return char
    style = next((command for word, command in _NAMED_STYLES if word in name), "")
    symbol = _GREEK.get(plain, plain)
    return f"\\{style}{{{symbol}}}" if style else symbol


def _symbols(text: str) -> str:
    return _joined([_symbol(char) for char in text])


def _identifier(element: Element, depth: int) -> str:
    text = _text(element)
    if text in _FUNCTIONS:
        return f"\\{text}"
    style = _VARIANTS.get(element.get("mathvariant") or "", "")
    is_word = len(text) > 1 and text.isascii() and text.isalpha()
    if element.get("mathvariant") == "normal" and text.isascii() and text.isalpha():
        style = "mathrm"
    if is_word and not style:
        return f"\\operatorname{{{text}}}"
    tex = _symbols(text)
    return f"\\{style}{{{tex}}}" if style and tex else tex


def _content_number(element: Element, depth: int) -> str:
    return content_number(element, depth) or _number(element, depth)


def _apply(element: Element, depth: int) -> str:
    return application(element, depth, _tex)


def _collection(element: Element, depth: int) -> str:
    return collection(element, depth, _tex)


def _content_identifier(element: Element, depth: int) -> str:
    return _row(element, depth) if len(element) else _identifier(element, depth)


def _number(element: Element, depth: int) -> str:
    tex = _symbols(_text(element))
    style = _VARIANTS.get(element.get("mathvariant") or "", "")
    return f"\\{style}{{{tex}}}" if style and tex else tex


def _operator(element: Element, depth: int) -> str:
    text = _text(element)
    if text in _FUNCTIONS:
        return f"\\{text}"
    return f"\\operatorname{{{text}}}" if len(text) > 1 and text.isascii() and text.isalpha() else _symbols(text)


def _words(element: Element, depth: int) -> str:
    if len(element):
        return _row(element, depth)
    text = re.sub(r"\s+", " ", element.text or "")
    if not text.strip():
        return r"\ " if text else ""
    return "\\text{" + re.sub(r"([%#&$_{}])", r"\\\1", text) + "}"


def _space(element: Element, depth: int) -> str:
    width = element.get("width") or ""
    if element.get("linebreak") == "newline":
        return r"\\ "
    em_width = re.match(r"([\d.]+)em", width)
    if not em_width:
        return ""
    return r"\quad " if em_width.group(1).replace(".", "", 1).isdigit() and float(em_width.group(1)) >= 0.9 else r"\ "


def _fraction(element: Element, depth: int) -> str:
    top, bottom = _argument(element, 0, depth), _argument(element, 1, depth)
    if element.get("bevelled") == "true":
        return f"{_base(top)}/{_base(bottom)}"
    if re.fullmatch(r"0(?:\.0+)?[a-z%]*", element.get("linethickness") or "1"):
        return f"{{{top} \\atop {bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def _root(element: Element, depth: int) -> str:
    return f"\\sqrt[{_argument(element, 1, depth)}]{{{_argument(element, 0, depth)}}}"


def _square_root(element: Element, depth: int) -> str:
    return f"\\sqrt{{{_row(element, depth)}}}"


def _superscript(element: Element, depth: int) -> str:
    base, script = _base(_argument(element, 0, depth)), _argument(element, 1, depth)
    return f"{base}{script}" if script and set(script) == {"'"} else f"{base}^{{{script}}}"


def _subscript(element: Element, depth: int) -> str:
    return f"{_base(_argument(element, 0, depth))}_{{{_argument(element, 1, depth)}}}"


def _both_scripts(element: Element, depth: int) -> str:
    base, below, above = (_argument(element, index, depth) for index in range(3))
    above = above if above and set(above) == {"'"} else f"^{{{above}}}"
    return f"{_base(base)}_{{{below}}}{above}"


def _is_limit_operator(base: str) -> bool:
    return base in _LIMIT_OPERATORS or base.startswith("\\operatorname")


def _accent(element: Element, index: int, accents: dict[str, str]) -> str:
    children = _children(element)
    return accents.get(_text(children[index]), "") if index < len(children) else ""


def _over(element: Element, depth: int) -> str:
    base, accent = _argument(element, 0, depth), _accent(element, 1, _OVER_ACCENTS)
    if accent:
        return f"\\{accent}{{{base}}}"
    above = _argument(element, 1, depth)
    if _is_limit_operator(base) or base.startswith("\\overbrace"):
        return f"{base}^{{{above}}}"
    return f"\\overset{{{above}}}{{{base}}}"


def _under(element: Element, depth: int) -> str:
    base, accent = _argument(element, 0, depth), _accent(element, 1, _UNDER_ACCENTS)
    if accent:
        return f"\\{accent}{{{base}}}"
    below = _argument(element, 1, depth)
    if _is_limit_operator(base) or base.startswith("\\underbrace"):
        return f"{base}_{{{below}}}"
    return f"\\underset{{{below}}}{{{base}}}"


def _under_over(element: Element, depth: int) -> str:
    base, below, above = (_argument(element, index, depth) for index in range(3))
    if _is_limit_operator(base):
        return f"{base}_{{{below}}}^{{{above}}}"
    return f"\\overset{{{above}}}{{\\underset{{{below}}}{{{base}}}}}"


def _many_scripts(element: Element, depth: int) -> str:
    children = _children(element)
    if not children:
        return ""
    scripts: dict[bool, list[str]] = {False: [], True: []}
    is_leading = False
    for child in children[1:]:
        if name_of(child) == "mprescripts":
            is_leading = True
        else:
            scripts[is_leading].append("" if name_of(child) == "none" else _tex(child, depth + 1))
    script_texts = {
        position: "".join(
            f"{mark}{{{tex}}}" for mark, tex in zip("_^" * len(side_scripts), side_scripts, strict=False) if tex
        )
        for position, side_scripts in scripts.items()
    }
    leading = "{}" + script_texts[True] if script_texts[True] else ""
    return f"{leading}{_base(_tex(children[0], depth + 1))}{script_texts[False]}"


def _table(element: Element, depth: int) -> str:
    rows: list[str] = []
    columns = 0
    for row in _children(element):
        cells = _children(row)
        cells = cells[1:] if name_of(row) == "mlabeledtr" else cells
        columns = max(columns, len(cells))
        rows.append(" & ".join(_tex(cell, depth + 2) for cell in cells))
    lines = r" \\ ".join(rows)
    if "left" in (element.get("columnalign") or "") and "right" in (element.get("columnalign") or ""):
        return f"\\begin{{aligned}}{lines}\\end{{aligned}}"
    if "left" in (element.get("columnalign") or ""):
        return f"\\begin{{array}}{{{'l' * min(columns, _MAX_COLUMNS)}}}{lines}\\end{{array}}"
    return f"\\begin{{matrix}}{lines}\\end{{matrix}}"


def _fenced(element: Element, depth: int) -> str:
    opening, closing = element.get("open", "("), element.get("close", ")")
    separators = re.sub(r"\s", "", element.get("separators", ",")) or ""
    parts: list[str] = []
    for index, child in enumerate(_children(element)):
        if index and separators:
            parts.append(_symbols(separators[min(index, len(separators)) - 1]))
        parts.append(_tex(child, depth + 1))
    return _joined([r"\left", _symbols(opening) or ".", _joined(parts), r"\right", _symbols(closing) or "."])


def _enclosed(element: Element, depth: int) -> str:
    inner, notation = _row(element, depth), element.get("notation") or "longdiv"
    for name, command in (("box", "boxed"), ("strike", "cancel"), ("radical", "sqrt"), ("top", "overline")):
        if name in notation:
            return f"\\{command}{{{inner}}}"
    return f"\\underline{{{inner}}}" if "bottom" in notation else inner


def _semantics(element: Element, depth: int) -> str:
    return _argument(element, 0, depth)


def _nothing(element: Element, depth: int) -> str:
    return ""


_WRITERS: dict[str, Callable[[Element, int], str]] = {
    "mi": _identifier,
    "mn": _number,
    "mo": _operator,
    "ci": _content_identifier,
    "csymbol": _content_identifier,
    "cn": _content_number,
    "apply": _apply,
    "bind": _apply,
    "reln": _apply,
    **dict.fromkeys(COLLECTIONS, _collection),
    **dict.fromkeys(CONSTANTS, constant),
    "mtext": _words,
    "ms": _words,
    "mspace": _space,
    "mfrac": _fraction,
    "mroot": _root,
    "msqrt": _square_root,
    "msup": _superscript,
    "msub": _subscript,
    "msubsup": _both_scripts,
    "mover": _over,
    "munder": _under,
    "munderover": _under_over,
    "mmultiscripts": _many_scripts,
    "mtable": _table,
    "mfenced": _fenced,
    "menclose": _enclosed,
    "semantics": _semantics,
    "maction": _semantics,
    "mphantom": _nothing,
    "annotation": _nothing,
    "annotation-xml": _nothing,
    "none": _nothing,
    "mprescripts": _nothing,
    "maligngroup": _nothing,
    "malignmark": _nothing,
}
