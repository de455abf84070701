"""Formulas of which a page holds only what is shown: the boxes of MathJax and KaTeX as MathML.

The boxes are those of MathJax 2 to 4 (CommonHTML and SVG output) and of KaTeX (HTML output). Order of boxes and their
heights say which of them is a numerator, an exponent or an index.
"""

import re
from collections.abc import Callable

from kgsynth_loaders.readers.html_elements import Element

_MAX_DEPTH = 100
_GLYPH = re.compile(r"\bmjx-c([0-9A-F]{2,6})\b")
_CODE = re.compile(r"[0-9A-Fa-f]{2,5}")
_TOP = re.compile(r"(?:\A|[;\s])top\s*:\s*(-?[\d.]{1,20})em")
_HEIGHT = re.compile(r"translate\(\s*-?[\d.]{1,20}[\s,]+(-?[\d.]{1,20})")
# Tall brackets are put together from pieces.
_PIECES = str.maketrans(
    "\u239b\u239c\u239d\u239e\u239f\u23a0\u23a1\u23a2\u23a3\u23a4\u23a5\u23a6\u23a7\u23a8\u23a9\u23ab\u23ac\u23ad",
    "((()))[[[]]]{{{}}}",
)
_LEAVES = frozenset(["mi", "mn", "mo", "mtext", "ms"])
_NO_BOXES = frozenset(
    "line dstrut nstrut tstrut strut spacer surd mphantom assistive-mml mspace test linestrut numtag".split()
)
_WRAPPERS = frozenset(["", "frac", "sqrt", "box", "row", "itable", "table", "stack", "dbox", "dtable", "cell"])
_KATEX_NOTHING = frozenset(
    "strut pstrut vlist-s nulldelimiter mspace mathml hide-tail frac-line overline-line underline-line".split()
)
_KATEX_STYLES = {
    "mathbb": "double-struck", "mathbf": "bold", "mathcal": "script", "mathscr": "script", "mathfrak": "fraktur",
    "mathsf": "sans-serif", "mathtt": "monospace", "boldsymbol": "bold-italic", "mathrm": "normal",
}  # fmt: skip


def math_of(element: Element) -> Element | None:
    """The MathML that some boxes stand for; None where they hold no characters."""
    math = element.makeelement("math")
    if any("katex-html" in (inner.get("class") or "").split() for inner in element.iter("span")):
        children = _of_katex(element, 0)
    elif any(inner.get("data-mml-node") for inner in element.iter("g")):
        children = _of_svg(element, 0)
    else:
        children = _of_boxes(element, 0)
    math.extend(children)
    return math if "".join(math.itertext()).strip() else None


def _made(like: Element, tag: str, *parts: list[Element], text: str = "") -> Element:
    """An element of MathML with each part in a `mrow` of its own, unless it is one element."""
    made = like.makeelement(tag)
    made.text = text or None
    for part in parts:
        if len(part) == 1:
            made.append(part[0])
        else:
            row = like.makeelement("mrow")
            row.extend(part)
            made.append(row)
    return made


def _joined(parts: list[list[Element]]) -> list[Element]:
    return [made for part in parts for made in part]


def _character(code: str | None) -> str:
    return chr(int(code, 16)) if code and _CODE.fullmatch(code) and int(code, 16) < 0x11_0000 else ""


def _whole(text: str) -> str:
    """Characters of a symbol; the pieces of a tall bracket are one."""
    text = text.translate(_PIECES)
    return text[0] if len(text) > 1 and len(set(text)) == 1 and text[0] in "()[]{}|" else text


# --- MathJax: CommonHTML


def _box_name(element: Element) -> str:
    """`mfrac` for an element `mjx-mfrac` or, in MathJax 2, one of that class; empty for others."""
    tag = str(element.tag)
    if tag.startswith("mjx-"):
        return tag[4:]
    for name in (element.get("class") or "").lower().split():
        if name.startswith("mjx-"):
            return str(name[4:])
    return ""


def _part(element: Element, *names: str, through: frozenset[str] = _WRAPPERS) -> Element | None:
    """The first box with one of some names, not looked for inside of other formulas."""
    waiting = list(element)[::-1]
    while waiting:
        child = waiting.pop()
        name = _box_name(child)
        if name in names:
            return child
        if name in through:
            waiting += list(child)[::-1]
    return None


def _of_part(element: Element | None, depth: int) -> list[Element]:
    return [made for child in element for made in _of_boxes(child, depth + 1)] if element is not None else []


def _of_boxes(element: Element, depth: int) -> list[Element]:
    name = _box_name(element)
    if name in _NO_BOXES or depth > _MAX_DEPTH:
        return []
    if name in _LEAVES or name in ("c", "char", "utext"):
        return [_made(element, name if name in _LEAVES else "mi", text=_whole(_characters(element)))]
    write = _BOXES.get(name)
    return [write(element, depth)] if write else _of_part(element, depth)


def _characters(element: Element) -> str:
    out: list[str] = []
    for inner in element.iter():
        glyphs = _GLYPH.findall(inner.get("class") or "")
        out += [_character(glyphs[0])] if glyphs else [inner.text or ""]
    return "".join(out).strip("\u200b\u2060 \n")


def _fraction(element: Element, depth: int) -> Element:
    above = _of_part(_part(element, "num", "numerator"), depth)
    below = _of_part(_part(element, "den", "denominator"), depth)
    has_line = not any(_box_name(inner) == "frac" and inner.get("atop") for inner in element)
    return _fraction_of(element, above, below, has_line=has_line)


def _fraction_of(like: Element, above: list[Element], below: list[Element], *, has_line: bool) -> Element:
    made = _made(like, "mfrac", above, below)
    if not has_line:
        made.set("linethickness", "0")
    return made


def _root(element: Element, depth: int) -> Element:
    sign = _part(element, "sqrt", through=_WRAPPERS - {"sqrt"})
    inside = sign if sign is not None else element
    body = [made for child in inside if _box_name(child) != "root" for made in _of_boxes(child, depth + 1)]
    degree = _of_part(_part(element, "root", through=_WRAPPERS - {"sqrt"}), depth)
    return _made(element, "mroot", body, degree) if degree else _made(element, "msqrt", body)


def _scripts(element: Element, depth: int) -> Element:
    name, scripts = _box_name(element), _part(element, "script", through=frozenset())
    if scripts is not None:
        # MathJax 3: the base, then the scripts, the upper one first.
        base = [made for child in element if child is not scripts for made in _of_boxes(child, depth + 1)]
        parts = [made for child in scripts if (made := _of_boxes(child, depth + 1))]
    else:
        base = _of_part(_part(element, "base"), depth)
        parts = [_of_part(part, depth) for mark in ("sup", "sub") if (part := _part(element, mark)) is not None]
    has_two = name in ("msubsup", "munderover") and len(parts) == 2
    if has_two:
        return _made(element, "msubsup", base, parts[1], parts[0])
    if not parts:
        return _made(element, "mrow", base)
    is_low = name in ("msub", "munder")
    return _made(element, "msub" if is_low else "msup", base, _joined(parts))


def _limits(element: Element, depth: int) -> Element:
    through = _WRAPPERS | {"munder", "mover"}
    base, over, under = (_part(element, name, through=through) for name in ("base", "over", "under"))
    base = base if base is not None else _part(element, "op", through=through)
    if base is None:
        return _scripts(element, depth)
    parts = [_of_part(part, depth) for part in (base, under, over) if part is not None]
    name = "munderover" if len(parts) == 3 else "munder" if under is not None else "mover"
    return _made(element, name if len(parts) > 1 else "mrow", *parts)


def _table(element: Element, depth: int) -> Element:
    table = element.makeelement("mtable")
    for row in element.iter():
        if _box_name(row) in ("mtr", "mlabeledtr"):
            made = _made(element, "mtr")
            made.extend(_made(element, "mtd", _of_part(cell, depth)) for cell in row if _box_name(cell) == "mtd")
            table.append(made)
    return table


_BOXES: dict[str, Callable[[Element, int], Element]] = {
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "msup": _scripts,
    "msub": _scripts,
    "msubsup": _scripts,
    "mover": _limits,
    "munder": _limits,
    "munderover": _limits,
    "mtable": _table,
}


# --- MathJax: SVG


def _svg_children(element: Element) -> list[Element]:
    """The named groups in a group, through those without a name."""
    found: list[Element] = []
    waiting = list(element)[::-1]
    while waiting:
        child = waiting.pop()
        if child.get("data-mml-node"):
            found.append(child)
        elif child.tag in ("g", "svg", "a", "defs"):
            waiting += list(child)[::-1]
    return found


def _height(element: Element) -> float:
    found = _HEIGHT.search(element.get("transform") or "")
    return float(found.group(1)) if found and found.group(1).count(".") < 2 else 0.0


def _is_root_sign(group: Element) -> bool:
    return group.get("data-mml-node") == "mo" and any(
        inner.get("data-c") == "221A" for inner in group.iter("use", "path")
    )


def _of_svg(element: Element, depth: int) -> list[Element]:
    name = (element.get("data-mml-node") or "").lower()
    if depth > _MAX_DEPTH or name in ("mphantom", "mspace"):
        return []
    if name in _LEAVES:
        codes = [_character(inner.get("data-c")) for inner in element.iter("use", "path")]
        text = "".join(codes) or "".join(element.itertext()).strip()
        return [_made(element, name, text=_whole(text))]
    groups = _svg_children(element)
    if name in ("msqrt", "mroot"):
        groups = [group for group in groups if not _is_root_sign(group)]
    elif name in ("msubsup", "munderover") and len(groups) == 3:
        groups = [groups[0], *sorted(groups[1:], key=_height)]
    parts = [_of_svg(group, depth + 1) for group in groups]
    if name == "msqrt":
        return [_made(element, name, _joined(parts))]
    if name == "mfrac" and len(parts) == 2:
        return [_fraction_of(element, *parts, has_line=element.find("rect") is not None)]
    if name in ("mroot", "msup", "msub", "msubsup", "mover", "munder", "munderover") and len(parts) > 1:
        return [_made(element, name, *parts)]
    if name in ("mtable", "mtr", "mtd"):
        made = _made(element, name)
        made.extend(inner for part in parts for inner in part)
        return [made]
    return _joined(parts)


# --- KaTeX


def _katex_names(element: Element) -> frozenset[str]:
    """The classes of a box; since version 0.17 some have a prefix."""
    return frozenset(name.removeprefix("katex-") for name in (element.get("class") or "").split())


def _holds_box(element: Element, *names: str) -> bool:
    return any(not _katex_names(inner).isdisjoint(names) for inner in element.iter("span"))


def _of_katex(element: Element, depth: int) -> list[Element]:
    names = _katex_names(element)
    if depth > _MAX_DEPTH or not _KATEX_NOTHING.isdisjoint(names) or element.tag == "svg":
        return []
    for name, write in _KATEX:
        if name in names:
            return write(element, depth)
    if "text" in names or ("mop" in names and not _holds_box(element, "msupsub", "vlist-t")):
        text = "".join(element.itertext()).strip("\u200b\u2060\n")
        return [_made(element, "mtext" if "text" in names else "mi" if text.isalpha() else "mo", text=text)]
    out: list[Element] = []
    if text := (element.text or "").strip("\u200b\u2060 \n"):
        leaf = _made(element, "mn" if text[0].isdigit() else "mi" if text.isalpha() else "mo", text=_whole(text))
        style = next((_KATEX_STYLES[name] for name in names if name in _KATEX_STYLES), "")
        if style:
            leaf.set("mathvariant", style)
        out.append(leaf)
    for child in element:
        if "msupsub" in _katex_names(child):
            out = [_katex_scripts(child, out, depth)]
        else:
            out += _of_katex(child, depth + 1)
    return out


def _layers(element: Element) -> list[tuple[float, Element]]:
    """What lies in a stack of KaTeX, the uppermost first, with its distance from the top in em."""
    for stack in element.iter("span"):
        if "vlist" in (stack.get("class") or "").split():
            found = [(match, child) for child in stack if (match := _TOP.search(child.get("style") or ""))]
            return sorted(((float(match.group(1)), child) for match, child in found), key=lambda layer: layer[0])
    return []


def _katex_scripts(element: Element, base: list[Element], depth: int) -> Element:
    layers = [_of_katex(layer, depth + 1) for _, layer in _layers(element)]
    layers = layers or [[made for child in element for made in _of_katex(child, depth + 1)]]
    if len(layers) == 2:
        return _made(element, "msubsup", base, layers[1], layers[0])
    has_depth = any("vlist-t2" in (inner.get("class") or "") for inner in list(element)[:1])
    return _made(element, "msub" if has_depth else "msup", base, layers[0])


def _katex_fraction(element: Element, depth: int) -> list[Element]:
    places = [layer for _, layer in _layers(element)] or list(element)
    layers = [made for place in places if (made := _of_katex(place, depth + 1))]
    if len(layers) != 2:
        return _joined(layers)
    return [_fraction_of(element, *layers, has_line=_holds_box(element, "frac-line") or not _layers(element))]


def _katex_root(element: Element, depth: int) -> list[Element]:
    roots = [child for child in element if "root" in _katex_names(child)]
    others = [child for child in element if child not in roots]
    body = [made for child in others for _, layer in _layers(child) for made in _of_katex(layer, depth + 1)]
    degree = [made for root in roots for _, layer in _layers(root) for made in _of_katex(layer, depth + 1)]
    return [_made(element, "mroot", body, degree) if degree else _made(element, "msqrt", body)]


def _katex_limits(element: Element, depth: int) -> list[Element]:
    layers = [layer for _, layer in _layers(element)]
    parts = [_of_katex(layer, depth + 1) for layer in layers]
    if len(parts) == 3:
        return [_made(element, "munderover", parts[1], parts[2], parts[0])]
    if len(parts) == 2:
        base = 0 if _holds_box(layers[0], "mop", "op-symbol") else 1
        return [_made(element, "munder" if base == 0 else "mover", parts[base], parts[1 - base])]
    return _joined(parts)


def _katex_accent(element: Element, depth: int) -> list[Element]:
    layers = [layer for _, layer in _layers(element)]
    accents = [layer for layer in layers if _holds_box(layer, "accent-body")]
    base = _joined([_of_katex(layer, depth + 1) for layer in layers if layer not in accents])
    shown = "".join(text for layer in accents for text in layer.itertext()).strip("\u200b \n")
    if not shown and any(_holds_box(layer, "overlay") for layer in accents):
        # The arrow of a vector is a drawing.
        shown = "\u2192"
    return [_made(element, "mover", base, [_made(element, "mo", text=shown)])] if shown else base


def _katex_line(element: Element, depth: int) -> list[Element]:
    body = _joined([_of_katex(layer, depth + 1) for _, layer in _layers(element)])
    tag = "mover" if "overline" in _katex_names(element) else "munder"
    return [_made(element, tag, body, [_made(element, "mo", text="\u203e" if tag == "mover" else "_")])]


def _katex_table(element: Element, depth: int) -> list[Element]:
    columns = [child for child in element if "col-align" in (child.get("class") or "")]
    cells = [[_of_katex(layer, depth + 1) for _, layer in _layers(column)] for column in columns]
    table = element.makeelement("mtable")
    for place in range(max(map(len, cells), default=0)):
        row = element.makeelement("mtr")
        row.extend(_made(element, "mtd", column[place] if place < len(column) else []) for column in cells)
        table.append(row)
    return [table]


_KATEX: tuple[tuple[str, Callable[[Element, int], list[Element]]], ...] = (
    ("mfrac", _katex_fraction),
    ("sqrt", _katex_root),
    ("op-limits", _katex_limits),
    ("accent", _katex_accent),
    ("overline", _katex_line),
    ("underline", _katex_line),
    ("mtable", _katex_table),
)
