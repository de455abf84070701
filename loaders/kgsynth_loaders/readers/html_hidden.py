"""Find elements that a browser does not show."""

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
_COLOR = re.compile(
    r"(?<![\w-])(color|background(?:-color)?)\s*:\s*(#[0-9a-f]{3,8}\b|[a-z]+\b(?:\([^()]{0,80}\))?)(?![(-])",
    re.IGNORECASE,
)
_WHITE = frozenset(["white", "#fff", "#ffffff", "rgb(255,255,255)"])
# These say nothing about the color that is seen.
_NO_COLORS = ("inherit", "transparent", "initial", "unset", "var", "url", "currentcolor")
# Styles and names of transparent elements that a script shows when the reader scrolls to them.
_SHOWN_LATER = re.compile(r"transition|animation|transform|will-change|translate", re.IGNORECASE)
_SHOWN_LATER_NAMES = re.compile(r"data-(?:aos|w-id|anim\w*|scroll\w*|sal|framer)|(?:wow|aos-init|reveal|fade\w*)\b")
HIDDEN_NAMES = frozenset(
    "sr-only visually-hidden visuallyhidden screen-reader-text screen-reader-only hidden is-hidden d-none mw-hidden "
    "noprint hide-print element-invisible a11y-hidden hideme".split()
)


def is_hidden(element: Element) -> bool:
    """Return whether the attributes of an element hide it in a browser."""
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
    class_names = attributes.get("class")
    return bool(class_names) and _is_hidden_name(class_names)


def _is_hidden_by_style(element: Element, style: str) -> bool:
    way = _way_of_hiding(style)
    if way == "opacity":
        names = " ".join([*element.attrib, element.get("class") or ""])
        return _SHOWN_LATER.search(style) is None and _SHOWN_LATER_NAMES.search(names) is None
    if way == "font-size":
        # Pages use this to remove the space between boxes. The boxes are visible, because they set another font size.
        return not any("font" in (inner.get("style") or "") for inner in element.iterdescendants())
    return bool(way)


@lru_cache(maxsize=10_000)
def _way_of_hiding(style: str) -> str:
    if _HIDDEN_STYLE.search(style) or (_CUT_OFF.search(style) and _NO_ROOM.search(style)):
        return "hidden"
    if _TRANSPARENT.search(style):
        return "opacity"
    if _NO_LETTERS.search(style):
        return "font-size"
    if "url(" in style:
        return ""  # the background is an image
    colors = {name[:5].lower(): "".join(value.lower().split()) for name, value in _COLOR.findall(style)}
    text_color, background_color = colors.get("color"), colors.get("backg")
    is_same_color = text_color is not None and (
        text_color == background_color or {text_color, background_color} <= _WHITE
    )
    return "hidden" if is_same_color and text_color is not None and not text_color.startswith(_NO_COLORS) else ""


@lru_cache(maxsize=10_000)
def _is_hidden_name(names: str) -> bool:
    tokens = names.lower().split()
    # Names such as `d-none d-md-block` hide an element only on small screens.
    return bool(HIDDEN_NAMES.intersection(tokens)) and not any(
        ":" in token or (token.startswith("d-") and token != "d-none") for token in tokens
    )


def is_not_chapter_text(element: Element) -> bool:
    """Return whether an element of a book is a page number, a table of contents or the mark of a note."""
    epub_types = next(
        (value for name, value in element.attrib.items() if name.endswith("}type") or name == "epub:type"), ""
    )
    role = element.get("role") or ""
    return bool({"pagebreak", "toc", "landmarks", "page-list", "noteref"}.intersection(epub_types.split())) or role in (
        "doc-toc",
        "doc-pagebreak",
        "doc-noteref",
        "doc-backlink",
    )
