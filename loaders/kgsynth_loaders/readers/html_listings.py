"""Replace listings of code that consist of tables, lists or blocks by one `pre` each, without line numbers."""

import re
from collections.abc import Iterator

from kgsynth_loaders.readers.html_code import KNOWN_LANGUAGES, code_text, language_of
from kgsynth_loaders.readers.html_elements import CODE_TAGS, PRE_TAGS, Element

# Pages have no such listings if none of these occurs in a class or style.
_SIGNS = re.compile(
    r"line-?_?no|line-?_?num|gutter|blob-num|crayon|hljs-ln|\blnt?d?\b|\bnums?\b|-nums|lnum|codemirror|ace_text|"
    r"view-lines|\bdp-|\bgl\b|diff-line|white-space"
)
_NUMBER_NAMES = frozenset(
    "lineno linenos linenumber linenumbers line-number line-numbers line-no line-num line-nums line_number "
    "line_numbers lnum hljs-ln-n hljs-ln-numbers linenodiv rouge-gutter rouge-lineno blob-num crayon-nums crayon-num "
    "codemirror-linenumber codemirror-gutter-wrapper codemirror-gutters line-numbers-rows code-line-numbers "
    "react-line-number js-line-number diff-line-num urvanov-syntax-highlighter-nums ace_gutter".split()
)
# These names have other uses too, so they mean line numbers only in code and in the cell before code.
_NUMBER_NAMES_IN_CODE = frozenset(["ln", "lnt", "lntd", "gutter", "nums", "num", "number", "gl"])
_NUMBERS = re.compile(r"[\d\s.:|\u00a0]*|\s*L\d+\s*")
_NUMBERED_TAGS = ("span", "a", "td", "th", "div", "pre", "i", "b", "em", "small", "code", "li")
_BLOCK_NAMES = frozenset(
    "linenums crayon-pre codemirror-code codemirror ace_text-layer view-lines urvanov-syntax-highlighter-pre".split()
)
_CODE_STYLE = re.compile(r"white-space\s*:\s*pre(?![\w-])", re.IGNORECASE)
_CODE_FONT = re.compile(r"monospace|consolas|courier|menlo|monaco", re.IGNORECASE)


def replace_listings(root: Element, attributes: str) -> None:
    """Replace each listing of a page by one `pre` in the tree, and remove line numbers.

    Args:
        root: the tree of a page.
        attributes: its classes and styles, in lower case.
    """
    if not _SIGNS.search(attributes):
        return
    numbers = list(_numbers(root))
    cells = {element for element in numbers if element.tag in ("td", "th")}
    _take_away(numbers)
    for table in list(root.iter("table")):
        code_cells = _rows_of_code(table, cells) if cells else []
        if code_cells:
            _make_listing(table, "\n".join(code_text(cell).strip("\n") for cell in code_cells), code_cells[0])
    for block in list(root.iter("ol", "div")):
        if block.attrib and _is_block_of_code(block):
            _make_listing(block, code_text(block), block)


def _is_in_code(element: Element) -> bool:
    for _ in range(12):
        element = element.getparent()
        if element is None:
            return False
        if element.tag in PRE_TAGS or element.tag in CODE_TAGS:
            return True
    return False


def _is_before_code(cell: Element) -> bool:
    """Return whether an element is the first cell of a row and the next cell holds code."""
    next_cell = cell.getnext() if cell.tag == "td" and cell.getprevious() is None else None
    if next_cell is None:
        return False
    return "code" in (next_cell.get("class") or "") or any(
        next_cell.find(f".//{tag}") is not None for tag in ("pre", "code")
    )


def _numbers(root: Element) -> Iterator[Element]:
    """Yield the outermost elements that hold only line numbers of code."""
    number_elements: set[Element] = set()
    for element in root.iter(*_NUMBERED_TAGS):
        class_attribute = element.get("class")
        if not class_attribute or element.getparent() in number_elements:
            continue
        class_names = class_attribute.lower().split()
        if _NUMBER_NAMES.isdisjoint(class_names):
            if _NUMBER_NAMES_IN_CODE.isdisjoint(class_names):
                continue
            if not _is_before_code(element) and not _is_in_code(element):
                continue
        if _NUMBERS.fullmatch("".join(element.itertext())):
            number_elements.add(element)
            yield element


def _take_away(numbers: list[Element]) -> None:
    """Empty the elements with line numbers, and remove the space after them if each of them has one."""
    inline = [element for element in numbers if element.tag not in ("td", "th", "div", "pre")]
    if inline and all((element.tail or "")[:1] == " " for element in inline):
        for element in inline:
            element.tail = element.tail[1:]
    for element in numbers:
        element.clear(keep_tail=True)
        element.tag = element.tag if element.tag in ("td", "th") else "wbr"


def _rows_of_code(table: Element, numbers: set[Element]) -> list[Element]:
    """Return the cell with code from each row of a table with line numbers; empty if the table is not a listing."""
    cells: list[Element] = []
    has_numbers = False
    for row in table.iter("tr"):
        row_cells = row.findall("td") + row.findall("th")
        code_cells = [cell for cell in row_cells if cell not in numbers]
        if len(code_cells) > 1 or not row_cells or row.find(".//table") is not None:
            return []
        has_numbers = has_numbers or len(code_cells) < len(row_cells)
        cells += code_cells
    return cells if has_numbers else []


def _is_block_of_code(block: Element) -> bool:
    class_names = (block.get("class") or "").lower().split()
    style = block.get("style") or ""
    is_named = not _BLOCK_NAMES.isdisjoint(class_names) or (
        block.tag == "ol" and any(name.startswith("dp-") for name in class_names)
    )
    is_styled = bool(style) and _CODE_STYLE.search(style) is not None and _CODE_FONT.search(style) is not None
    if not (is_named or is_styled) or _is_in_code(block):
        return False
    return block.find(".//table") is None and (is_named or block.find(".//pre") is None)


def _make_listing(element: Element, code: str, code_element: Element) -> None:
    """Replace an element by a `pre` with its code; inside of a `pre` the element becomes lines of that `pre`."""
    places = [code_element, *code_element.iter("pre", "code"), element, element.getparent()]
    language = next(
        (place_language for place in places[:6] if place is not None and (place_language := language_of(place))), ""
    )
    if not language and (parent := element.getparent()) is not None:
        class_names = (parent.get("class") or "").lower().split()
        language = next((name for name in class_names if name in KNOWN_LANGUAGES), "")
    is_in_code = _is_in_code(element)
    element.clear(keep_tail=True)
    element.tag = "div" if is_in_code else "pre"
    element.text = code
    if language:
        element.set("class", f"language-{language}")
