"""Listings of code that a page makes of tables, lists and blocks: each becomes one `pre`, without line numbers."""

import re
from collections.abc import Iterator

from kgsynth_loaders.readers.html_code import KNOWN_LANGUAGES, code_text, language_of
from kgsynth_loaders.readers.html_elements import CODE_TAGS, PRE_TAGS, Element

# Pages without any of these in a class or style have no such listings.
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
# Names for other things too; they count in code and for cells.
_NUMBER_NAMES_IN_CODE = frozenset(["ln", "lnt", "lntd", "gutter", "nums", "num", "number", "gl"])
_NUMBERS = re.compile(r"[\d\s.:|\u00a0]*|\s*L\d+\s*")
_NUMBERED_TAGS = ("span", "a", "td", "th", "div", "pre", "i", "b", "em", "small", "code", "li")
_BLOCK_NAMES = frozenset(
    "linenums crayon-pre codemirror-code codemirror ace_text-layer view-lines urvanov-syntax-highlighter-pre".split()
)
_CODE_STYLE = re.compile(r"white-space\s*:\s*pre(?![\w-])", re.IGNORECASE)
_CODE_FONT = re.compile(r"monospace|consolas|courier|menlo|monaco", re.IGNORECASE)


def replace_listings(root: Element, attributes: str) -> None:
    """Write each listing of a page as one `pre` in its place in the tree, and take line numbers away.

    Args:
        root: the tree of a page.
        attributes: its classes and styles, in small letters.
    """
    if not _SIGNS.search(attributes):
        return
    numbers = list(_numbers(root))
    cells = {element for element in numbers if element.tag in ("td", "th")}
    _take_away(numbers)
    for table in list(root.iter("table")):
        rows = _rows_of_code(table, cells) if cells else []
        if rows:
            _make_listing(table, "\n".join(code_text(cell).strip("\n") for cell in rows), rows[0])
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
    """Whether an element is the first cell of a row and the next one holds code."""
    after = cell.getnext() if cell.tag == "td" and cell.getprevious() is None else None
    if after is None:
        return False
    return "code" in (after.get("class") or "") or any(after.find(f".//{tag}") is not None for tag in ("pre", "code"))


def _numbers(root: Element) -> Iterator[Element]:
    """The outermost elements that hold line numbers of code and nothing else."""
    found: set[Element] = set()
    for element in root.iter(*_NUMBERED_TAGS):
        names = element.get("class")
        if not names or element.getparent() in found:
            continue
        tokens = names.lower().split()
        if _NUMBER_NAMES.isdisjoint(tokens):
            if _NUMBER_NAMES_IN_CODE.isdisjoint(tokens):
                continue
            if not _is_before_code(element) and not _is_in_code(element):
                continue
        if _NUMBERS.fullmatch("".join(element.itertext())):
            found.add(element)
            yield element


def _take_away(numbers: list[Element]) -> None:
    """Empty line numbers, with the one blank that follows every one of them."""
    inline = [element for element in numbers if element.tag not in ("td", "th", "div", "pre")]
    if inline and all((element.tail or "")[:1] == " " for element in inline):
        for element in inline:
            element.tail = element.tail[1:]
    for element in numbers:
        element.clear(keep_tail=True)
        element.tag = element.tag if element.tag in ("td", "th") else "wbr"


def _rows_of_code(table: Element, numbers: set[Element]) -> list[Element]:
    """The one cell beside the line numbers of each row; nothing where the table is no listing."""
    cells: list[Element] = []
    has_numbers = False
    for row in table.iter("tr"):
        own = row.findall("td") + row.findall("th")
        others = [cell for cell in own if cell not in numbers]
        if len(others) > 1 or not own or row.find(".//table") is not None:
            return []
        has_numbers = has_numbers or len(others) < len(own)
        cells += others
    return cells if has_numbers else []


def _is_block_of_code(block: Element) -> bool:
    tokens = (block.get("class") or "").lower().split()
    style = block.get("style") or ""
    is_named = not _BLOCK_NAMES.isdisjoint(tokens) or (block.tag == "ol" and any(t.startswith("dp-") for t in tokens))
    is_styled = bool(style) and _CODE_STYLE.search(style) is not None and _CODE_FONT.search(style) is not None
    if not (is_named or is_styled) or _is_in_code(block):
        return False
    return block.find(".//table") is None and (is_named or block.find(".//pre") is None)


def _make_listing(element: Element, code: str, around: Element) -> None:
    """Put code in the place of an element; a table in a `pre` becomes lines of it."""
    places = [around, *around.iter("pre", "code"), element, element.getparent()]
    language = next((found for place in places[:6] if place is not None and (found := language_of(place))), "")
    if not language and (parent := element.getparent()) is not None:
        tokens = (parent.get("class") or "").lower().split()
        language = next((token for token in tokens if token in KNOWN_LANGUAGES), "")
    is_in_code = _is_in_code(element)
    element.clear(keep_tail=True)
    element.tag = "div" if is_in_code else "pre"
    element.text = code
    if language:
        element.set("class", f"language-{language}")
