"""Convert formulas that a page has only in rendered form to MathML: the boxes of MathJax and KaTeX.

The boxes are those of MathJax 2 to 4 (CommonHTML and SVG output) and of KaTeX (HTML output). The order of boxes and
their heights show which of them is a numerator, an exponent or an index.
"""

import re
from collections.abc import Callable

from kgsynth_loaders.readers.html_elements import Element

_MAX_DEPTH = 100
_GLYPH = re.compile(r"\bmjx-c([0-9A-F]{2,6})\b")
_CODE_POINT = re.compile(r"[0-9A-Fa-f]{2,5}")
_TOP = re.compile(r"(?:\A|[;\s])top\s*:\s*(-?[\d.]{1,20})em")
_HEIGHT = re.compile(r"translate\(\s*-?[\d.]{1,20}[\s,]+(-?[\d.]{1,20})")
# Pieces of tall brackets, and the brackets that are composed of them.
_PIECES = str.maketrans(
    "\u239b\u239c\u239d\u239e\u239f\u23a0\u23a1\u23a2\u23a3\u23a4\u23a5\u23a6\u23a7\u23a8\u23a9\u23ab\u23ac\u23ad",
    "((()))[[[]]]{{{}}}",
)
_LEAVES = frozenset(["mi", "mn", "mo", "mtext", "ms"])
_NO_BOXES = frozenset(
    "line dstrut nstrut tstrut strut spacer surd mphantom assistive-mml mspace test linestrut numtag".split()
)
_WRAPPERS = frozenset(["", "frac", "sqrt", "box", "row", "itable", "table", "stack", "dbox", "dtable", "cell"])
_KATEX_EMPTY = frozenset(
    "strut pstrut vlist-s nulldelimiter mspace mathml hide-tail frac-line overline-line underline-line".split()
)
_KATEX_STYLES = {
    "mathbb": "double-struck", "mathbf": "bold", "mathcal": "script", "mathscr": "script", "mathfrak": "fraktur",
    "mathsf": "sans-serif", "mathtt": "monospace", "boldsymbol": "bold-italic", "mathrm": "normal",
}  # fmt: skip


def math_of(element: Element) -> Element | None:
    """Convert the boxes of a formula to an element `math`; return None if they have no characters."""
    math = element.makeelement("math")
    if any("katex-html" in (inner.get("class") or "").split() for inner in element.iter("span")):
        children = _of_katex(element, 0)
    elif any(inner.get("data-mml-node") for inner in element.iter("g")):
        children = _of_svg(element, 0)
    else:
        children = _of_boxes(element, 0)
    math.extend(children)
    return math if "".join(math.itertext()).strip() else None


def _new(factory: Element, tag: str, *parts: list[Element], text: str = "") -> Element:
    """Return a new element of MathML; a part that is not exactly one element is put into an `mrow`."""
    element = factory.makeelement(tag)
    element.text = text or None
    for part in parts:
        if len(part) == 1:
            element.append(part[0])
        else:
            row = factory.makeelement("mrow")
            row.extend(part)
            element.append(row)
    return element


def _joined(parts: list[list[Element]]) -> list[Element]:
    return [element for part in parts for element in part]


def _character(code: str | None) -> str:
    return chr(int(code, 16)) if code and _CODE_POINT.fullmatch(code) and int(code, 16) < 0x11_0000 else ""


def _whole(text: str) -> str:
    """Return the characters of a symbol; pieces of a tall bracket become one bracket."""
    text = text.translate(_PIECES)
    return text[0] if len(text) > 1 and len(set(text)) == 1 and text[0] in "()[]{}|" else text


# --- MathJax: CommonHTML


def _box_name(element: Element) -> str:
    """Return `mfrac` for an element `mjx-mfrac` or, in MathJax 2, one of that class; empty for other elements."""
    tag = str(element.tag)
    if tag.startswith("mjx-"):
        return tag[4:]
    for name in (element.get("class") or "").lower().split():
        if name.startswith("mjx-"):
            return str(name[4:])
    return ""


def _part(element: Element, *names: str, through: frozenset[str] = _WRAPPERS) -> Element | None:
    """Return the first box with one of these names, searched only through boxes named in `through`; None for none."""
    waiting_boxes = list(element)[::-1]
    while waiting_boxes:
        child = waiting_boxes.pop()
        name = _box_name(child)
        if name in names:
            return child
        if name in through:
            waiting_boxes += list(child)[::-1]
    return None


def _of_part(box: Element | None, depth: int) -> list[Element]:
    return [node for child in box for node in _of_boxes(child, depth + 1)] if box is not None else []


def _of_boxes(element: Element, depth: int) -> list[Element]:
    name = _box_name(element)
    if name in _NO_BOXES or depth > _MAX_DEPTH:
        return []
    if name in _LEAVES or name in ("c", "char", "utext"):
        return [_new(element, name if name in _LEAVES else "mi", text=_whole(_characters(element)))]
    convert = _BOXES.get(name)
    return [convert(element, depth)] if convert else _of_part(element, depth)


def _characters(element: Element) -> str:
    texts: list[str] = []
    for inner in element.iter():
        glyphs = _GLYPH.findall(inner.get("class") or "")
        texts += [_character(glyphs[0])] if glyphs else [inner.text or ""]
    return "".join(texts).strip("\u200b\u2060 \n")


def _fraction(element: Element, depth: int) -> Element:
    numerator = _of_part(_part(element, "num", "numerator"), depth)
    denominator = _of_part(_part(element, "den", "denominator"), depth)
    has_line = not any(_box_name(inner) == "frac" and inner.get("atop") for inner in element)
    return _fraction_of(element, numerator, denominator, has_line=has_line)


def _fraction_of(factory: Element, numerator: list[Element], denominator: list[Element], *, has_line: bool) -> Element:
    fraction = _new(factory, "mfrac", numerator, denominator)
    if not has_line:
        fraction.set("linethickness", "0")
    return fraction


def _root(element: Element, depth: int) -> Element:
    sign = _part(element, "sqrt", through=_WRAPPERS - {"sqrt"})
    sign_or_root = sign if sign is not None else element
    body = [node for child in sign_or_root if _box_name(child) != "root" for node in _of_boxes(child, depth + 1)]
    degree = _of_part(_part(element, "root", through=_WRAPPERS - {"sqrt"}), depth)
    return _new(element, "mroot", body, degree) if degree else _new(element, "msqrt", body)


def _scripts(element: Element, depth: int) -> Element:
    name, scripts = _box_name(element), _part(element, "script", through=frozenset())
    if scripts is not None:
        # In MathJax 3 the base comes first, then the scripts with the upper one first.
        base = [node for child in element if child is not scripts for node in _of_boxes(child, depth + 1)]
        parts = [nodes for child in scripts if (nodes := _of_boxes(child, depth + 1))]
    else:
        base = _of_part(_part(element, "base"), depth)
        parts = [
            _of_part(part, depth) for script_name in ("sup", "sub") if (part := _part(element, script_name)) is not None
        ]
    has_two = name in ("msubsup", "munderover") and len(parts) == 2
    if has_two:
        return _new(element, "msubsup", base, parts[1], parts[0])
    if not parts:
        return _new(element, "mrow", base)
    is_subscript = name in ("msub", "munder")
    return _new(element, "msub" if is_subscript else "msup", base, _joined(parts))


def _limits(element: Element, depth: int) -> Element:
    through = _WRAPPERS | {"munder", "mover"}
    base, over, under = (_part(element, name, through=through) for name in ("base", "over", "under"))
    base = base if base is not None else _part(element, "op", through=through)
    if base is None:
        return _scripts(element, depth)
    parts = [_of_part(part, depth) for part in (base, under, over) if part is not None]
    name = "munderover" if len(parts) == 3 else "munder" if under is not None else "mover"
    return _new(element, name if len(parts) > 1 else "mrow", *parts)


def _table(element: Element, depth: int) -> Element:
    table = element.makeelement("mtable")
    for row in element.iter():
        if _box_name(row) in ("mtr", "mlabeledtr"):
            table_row = _new(element, "mtr")
            table_row.extend(_new(element, "mtd", _of_part(cell, depth)) for cell in row if _box_name(cell) == "mtd")
            table.append(table_row)
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
    """Return the named groups in a group; groups without a name are searched for them."""
    groups: list[Element] = []
    waiting_elements = list(element)[::-1]
    while waiting_elements:
        child = waiting_elements.pop()
        if child.get("data-mml-node"):
            groups.append(child)
        elif child.tag in ("g", "svg", "a", "defs"):
            waiting_elements += list(child)[::-1]
    return groups


def _height(element: Element) -> float:
    match = _HEIGHT.search(element.get("transform") or "")
    return float(match.group(1)) if match and match.group(1).count(".") < 2 else 0.0


def _is_root_sign(group: Element) -> bool:
    return group.get("data-mml-node") == "mo" and any(
        inner.get("data-c") == "221A" for inner in group.iter("use", "path")
    )


def _of_svg(element: Element, depth: int) -> list[Element]:
    name = (element.get("data-mml-node") or "").lower()
    if depth > _MAX_DEPTH or name in ("mphantom", "mspace"):
        return []
    if name in _LEAVES:
        characters = [_character(inner.get("data-c")) for inner in element.iter("use", "path")]
        text = "".join(characters) or "".join(element.itertext()).strip()
        return [_new(element, name, text=_whole(text))]
    groups = _svg_children(element)
    if name in ("msqrt", "mroot"):
        groups = [group for group in groups if not _is_root_sign(group)]
    elif name in ("msubsup", "munderover") and len(groups) == 3:
        groups = [groups[0], *sorted(groups[1:], key=_height)]
    parts = [_of_svg(group, depth + 1) for group in groups]
    if name == "msqrt":
        return [_new(element, name, _joined(parts))]
    if name == "mfrac" and len(parts) == 2:
        return [_fraction_of(element, *parts, has_line=element.find("rect") is not None)]
    if name in ("mroot", "msup", "msub", "msubsup", "mover", "munder", "munderover") and len(parts) > 1:
        return [_new(element, name, *parts)]
    if name in ("mtable", "mtr", "mtd"):
        node = _new(element, name)
        node.extend(inner for part in parts for inner in part)
        return [node]
    return _joined(parts)


# --- KaTeX


def _katex_names(element: Element) -> frozenset[str]:
    """Return the classes of a box without the prefix that some have since version 0.17 of KaTeX."""
    return frozenset(name.removeprefix("katex-") for name in (element.get("class") or "").split())


def _holds_box(element: Element, *names: str) -> bool:
    return any(not _katex_names(inner).isdisjoint(names) for inner in element.iter("span"))


def _of_katex(element: Element, depth: int) -> list[Element]:
    names = _katex_names(element)
    if depth > _MAX_DEPTH or not _KATEX_EMPTY.isdisjoint(names) or element.tag == "svg":
        return []
    for name, convert in _KATEX:
        if name in names:
            return convert(element, depth)
    if "text" in names or ("mop" in names and not _holds_box(element, "msupsub", "vlist-t")):
        text = "".join(element.itertext()).strip("\u200b\u2060\n")
        return [_new(element, "mtext" if "text" in names else "mi" if text.isalpha() else "mo", text=text)]
    nodes: list[Element] = []
    if text := (element.text or "").strip("\u200b\u2060 \n"):
        leaf = _new(element, "mn" if text[0].isdigit() else "mi" if text.isalpha() else "mo", text=_whole(text))
        style = next((_KATEX_STYLES[name] for name in names if name in _KATEX_STYLES), "")
        if style:
            leaf.set("mathvariant", style)
        nodes.append(leaf)
    for child in element:
        if "msupsub" in _katex_names(child):
            nodes = [_katex_scripts(child, nodes, depth)]
        else:
            nodes += _of_katex(child, depth + 1)
    return nodes


def _layers(element: Element) -> list[tuple[float, Element]]:
    """Return the layers of a stack of KaTeX with their `top` in em, the uppermost layer first."""
    for stack in element.iter("span"):
        if "vlist" in (stack.get("class") or "").split():
            matches = [(match, child) for child in stack if (match := _TOP.search(child.get("style") or ""))]
            return sorted(((float(match.group(1)), child) for match, child in matches), key=lambda layer: layer[0])
    return []


def _katex_scripts(element: Element, base: list[Element], depth: int) -> Element:
    scripts = [_of_katex(layer, depth + 1) for _, layer in _layers(element)]
    scripts = scripts or [[node for child in element for node in _of_katex(child, depth + 1)]]
    if len(scripts) == 2:
        return _new(element, "msubsup", base, scripts[1], scripts[0])
    has_depth = any("vlist-t2" in (inner.get("class") or "") for inner in list(element)[:1])
    return _new(element, "msub" if has_depth else "msup", base, scripts[0])


def _katex_fraction(element: Element, depth: int) -> list[Element]:
    parts = [layer for _, layer in _layers(element)] or list(element)
    converted_parts = [nodes for part in parts if (nodes := _of_katex(part, depth + 1))]
    if len(converted_parts) != 2:
        return _joined(converted_parts)
    return [_fraction_of(element, *converted_parts, has_line=_holds_box(element, "frac-line") or not _layers(element))]


def _katex_root(element: Element, depth: int) -> list[Element]:
    roots = [child for child in element if "root" in _katex_names(child)]
    others = [child for child in element if child not in roots]
    body = [node for child in others for _, layer in _layers(child) for node in _of_katex(layer, depth + 1)]
    degree = [node for root in roots for _, layer in _layers(root) for node in _of_katex(layer, depth + 1)]
    return [_new(element, "mroot", body, degree) if degree else _new(element, "msqrt", body)]


def _katex_limits(element: Element, depth: int) -> list[Element]:
    layers = [layer for _, layer in _layers(element)]
    parts = [_of_katex(layer, depth + 1) for layer in layers]
    if len(parts) == 3:
        return [_new(element, "munderover", parts[1], parts[2], parts[0])]
    if len(parts) == 2:
        base_index = 0 if _holds_box(layers[0], "mop", "op-symbol") else 1
        return [_new(element, "munder" if base_index == 0 else "mover", parts[base_index], parts[1 - base_index])]
    return _joined(parts)


def _katex_accent(element: Element, depth: int) -> list[Element]:
    layers = [layer for _, layer in _layers(element)]
    accents = [layer for layer in layers if _holds_box(layer, "accent-body")]
    base = _joined([_of_katex(layer, depth + 1) for layer in layers if layer not in accents])
    accent = "".join(text for layer in accents for text in layer.itertext()).strip("\u200b \n")
    if not accent and any(_holds_box(layer, "overlay") for layer in accents):
        # The arrow of a vector is drawn as an image without characters.
        accent = "\u2192"
    return [_new(element, "mover", base, [_new(element, "mo", text=accent)])] if accent else base


def _katex_line(element: Element, depth: int) -> list[Element]:
    body = _joined([_of_katex(layer, depth + 1) for _, layer in _layers(element)])
    tag = "mover" if "overline" in _katex_names(element) else "munder"
    return [_new(element, tag, body, [_new(element, "mo", text="\u203e" if tag == "mover" else "_")])]


def _katex_table(element: Element, depth: int) -> list[Element]:
    columns = [child for child in element if "col-align" in (child.get("class") or "")]
    cells = [[_of_katex(layer, depth + 1) for _, layer in _layers(column)] for column in columns]
    table = element.makeelement("mtable")
    for row_index in range(max(map(len, cells), default=0)):
        row = element.makeelement("mtr")
        row.extend(_new(element, "mtd", column[row_index] if row_index < len(column) else []) for column in cells)
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
