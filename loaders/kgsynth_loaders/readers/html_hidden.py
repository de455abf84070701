"""Elements that a browser does not show."""

import re
from functools import lru_cache

from kgsynth_loaders.readers.html_elements import FORMULA, Element

_NOTHING = r"\s*:\s*0(?:\.0*)?(?:px|pt|em|rem|%)?\s*(?:;|!|\Z)"
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?:left|top|text-indent)\s*:\s*-\d{4,9}(?:px|em)|mso-hide\s*:\s*all|"
    r"clip\s*:\s*rect\(\s*[01](?:px)?\b|clip-path\s*:\s*inset\(\s*(?:50|100)%|transform\s*:\s*scale\(0\)",
    re.IGNORECASE,
)
_TRANSPARENT = re.compile(rf"(?<![\w-])opacity{_NOTHING}", re.IGNORECASE)
_NO_LETTERS = re.compile(rf"(?<![\w-])font-size{_NOTHING}", re.IGNORECASE)
_NO_ROOM = re.compile(
    r"(?<![\w-])(?:max-)?(?:height|width)\s*:\s*[01](?:\.0*)?(?:px|pt|em|rem|%)?\s*(?:;|!|\Z)", re.IGNORECASE
)
_CUT_OFF = re.compile(r"overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_COLOR = re.compile(r"(?<![\w-])(color|background(?:-color)?)\s*:\s*(#[0-9a-f]{3,6}|[a-z]+)\b", re.IGNORECASE)
_WHITE = frozenset(["white", "#fff", "#ffffff"])
# A script of such a page shows the element when a reader comes to it.
_SHOWN_LATER = re.compile(r"transition|animation|transform|will-change|translate", re.IGNORECASE)
_SHOWN_LATER_NAMES = re.compile(r"data-(?:aos|w-id|anim\w*|scroll\w*|sal|framer)|(?:wow|aos-init|reveal|fade\w*)\b")
HIDDEN_NAMES = frozenset(
    "sr-only visually-hidden visuallyhidden screen-reader-text screen-reader-only hidden is-hidden d-none mw-hidden "
    "noprint hide-print element-invisible a11y-hidden hideme".split()
)


def is_hidden(element: Element) -> bool:
    """Whether a browser shows nothing of an element, by its attributes."""
    attributes = element.attrib
    if not attributes or element.tag in ("html", "body", "main", FORMULA):
        return False
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    if attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    if style and _is_hidden_by_style(element, style):
        return True
    names = attributes.get("class")
    return bool(names) and _is_hidden_name(names)


def _is_hidden_by_style(element: Element, style: str) -> bool:
    found = _way_of_hiding(style)
    if found == "opacity":
        others = " ".join([*element.attrib, element.get("class") or ""])
        return _SHOWN_LATER.search(style) is None and _SHOWN_LATER_NAMES.search(others) is None
    if found == "font-size":
        # Pages do so to lose the blanks between boxes, which have letters of their own size.
        return not any("font" in (inner.get("style") or "") for inner in element.iterdescendants())
    return bool(found)


@lru_cache(maxsize=10_000)
def _way_of_hiding(style: str) -> str:
    if _HIDDEN_STYLE.search(style) or (_CUT_OFF.search(style) and _NO_ROOM.search(style)):
        return "hidden"
    if _TRANSPARENT.search(style):
        return "opacity"
    if _NO_LETTERS.search(style):
        return "font-size"
    colors = {name[:5].lower(): value.lower() for name, value in _COLOR.findall(style)}
    letters, paper = colors.get("color"), colors.get("backg")
    is_one = letters is not None and (letters == paper or {letters, paper} <= _WHITE)
    return "hidden" if is_one and letters not in ("inherit", "transparent", "initial", "unset", "var") else ""


@lru_cache(maxsize=10_000)
def _is_hidden_name(names: str) -> bool:
    tokens = names.lower().split()
    # Such pairs hide something on small screens alone.
    return bool(HIDDEN_NAMES.intersection(tokens)) and not any(
        ":" in token or (token.startswith("d-") and token != "d-none") for token in tokens
    )


def is_of_no_chapter(element: Element) -> bool:
    """Whether an element of a book is a page number, a list of contents or the mark of a note."""
    kind = next((value for name, value in element.attrib.items() if name.endswith("}type") or name == "epub:type"), "")
    role = element.get("role") or ""
    return bool({"pagebreak", "toc", "landmarks", "page-list", "noteref"}.intersection(kind.split())) or role in (
        "doc-toc",
        "doc-pagebreak",
        "doc-noteref",
        "doc-backlink",
    )
