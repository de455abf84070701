"""The element that holds the main content of a page."""

import re
from collections.abc import Iterator

from kgsynth.errors import RecordError
from kgsynth_loaders.readers.html_elements import (
    H1,
    H2,
    NO_TEXT,
    Amounts,
    Element,
    amounts_of,
    empty_all,
    is_heading,
    of_no_text,
)
from kgsynth_loaders.readers.html_furniture import Cleaner
from kgsynth_loaders.readers.html_hidden import is_hidden
from kgsynth_loaders.readers.html_text import written

_CONTENT = (
    ("itemprop", frozenset(["articlebody", "text"])),
    ("id", frozenset("mw-content-text bodycontent content-body article-body main-content maincontent".split())),
    (
        "class",
        frozenset(
            "mw-parser-output markdown-body rst-content entry-content post-content article-content article-body "
            "post-body story-body td-post-content ltx_page_content refentry chapter appendix preface "
            "book article".split()
        ),
    ),
)
_MIN_SHARE = 0.4
_FEW_LINKS = 0.1
# A page with more elements is one of tables or of a manual, on which trafilatura takes minutes.
_MOST_ELEMENTS = 50_000
_MARKER = re.compile(r"kgs(\d+)q")


def main_text(root: Element, source: str, title: str) -> tuple[str, str]:
    """The main content of a page as Markdown, and its first heading of the first level.

    Raises:
        RecordError: there is no text.
    """
    scripts = ("script", "style", "template", "head", "noscript", "noframes")
    empty_all(element for element in root.iter(*scripts))
    amounts = amounts_of(root)
    total = amounts[root].chars
    if not total or (total < 300 and _REDIRECT.search(source[:20_000])):
        raise RecordError("no text")
    cleaner = Cleaner(amounts, amounts[root], "cookie" in source or "Cookie" in source)
    furniture = set(cleaner.run(root))
    left = total - sum(amounts[element].chars for element in furniture)
    if left <= 0:
        # All of it looks like navigation: a list of links, a table of contents.
        furniture = {element for element in furniture if is_hidden(element)}
    empty_all(furniture)
    empty_all(of_no_text(root) if left > 0 else root.iter(*(set(NO_TEXT) - {"nav"})))
    region, amounts = _region(root)
    heading = _heading_of(region, root, amounts)
    text = written(region)
    is_of_site = title != heading and title.casefold().endswith(heading.casefold())
    if heading and not is_of_site and not re.search(r"^# ", text, re.MULTILINE):
        text = f"# {heading}\n\n{text}"
    if not text.strip():
        raise RecordError("no text")
    return text, "" if is_of_site else heading


_REDIRECT = re.compile(r"http-equiv\s*=\s*[\"']?refresh", re.IGNORECASE)


def _heading_of(region: Element, root: Element, amounts: dict[Element, Amounts]) -> str:
    """The first `h1` of the main content, or the only one of the page."""
    for where in (region, root):
        headings = [element for element in where.iter("h1") if amounts[element].chars]
        if headings and (where is region or len(headings) == 1):
            return " ".join(written(headings[0]).removeprefix("# ").split())
    return ""


def _region(root: Element) -> tuple[Element, dict[Element, Amounts]]:
    amounts = amounts_of(root)
    total = amounts[root].chars
    marked = [element for element in root.iter("main") if amounts[element].chars]
    marked = marked or [element for element in root.iter() if element.get("role") == "main" and amounts[element].chars]
    if marked:
        best = max(marked, key=lambda element: amounts[element].chars)
        if amounts[best].chars >= total * _MIN_SHARE / 2:
            return _article(best, amounts) if best.tag == "main" else best, amounts
    best = _article(root, amounts)
    if best is not root:
        return best, amounts
    for attribute, names in _CONTENT:
        found = [
            element
            for element in root.iter("div", "section", "td", "article")
            if element.get(attribute) and not names.isdisjoint(element.get(attribute).lower().split())
        ]
        if found:
            best = max(found, key=lambda element: amounts[element].chars)
            if amounts[best].chars >= total * _MIN_SHARE:
                return best, amounts
    if amounts[root].link_chars < total * _FEW_LINKS or len(amounts) > _MOST_ELEMENTS:
        return root, amounts
    region = _by_trafilatura(root, amounts)
    empty_all(_lists_of_links(region, amounts))
    return region, amounts_of(root)


def _article(within: Element, amounts: dict[Element, Amounts]) -> Element:
    """The article of a page, or the element itself where it holds none or several."""
    articles = [element for element in within.iter("article") if amounts[element].chars]
    if not articles:
        return within
    best = max(articles, key=lambda element: amounts[element].chars)
    needed = _MIN_SHARE if within.tag != "main" else 0.7
    outer = {element for element in articles if not any(above.tag == "article" for above in element.iterancestors())}
    total = sum(amounts[element].chars for element in outer)
    is_one = amounts[best].chars >= total * 0.7
    return best if is_one and amounts[best].chars >= amounts[within].chars * needed else within


def _by_trafilatura(root: Element, amounts: dict[Element, Amounts]) -> Element:
    """The smallest element that holds nine tenths of what trafilatura takes for the main content."""
    from lxml import etree
    from trafilatura import bare_extraction

    blocks = [element for element in root.iter(*_MARKED_TAGS) if len((element.text or "").strip()) > 3]
    for number, element in enumerate(blocks):
        element.text = f"kgs{number}q {element.text}"
    try:
        found = bare_extraction(
            etree.tostring(root, encoding="unicode", method="html"),
            fast=True,
            include_comments=False,
            with_metadata=False,
            favor_recall=True,
        )
        text = (getattr(found, "text", "") or "") if found else ""
    except (ValueError, TypeError, AttributeError, RecursionError, etree.LxmlError):
        text = ""
    for number, element in enumerate(blocks):
        element.text = element.text.removeprefix(f"kgs{number}q ")
    kept = {blocks[int(number)] for number in _MARKER.findall(text) if int(number) < len(blocks)}
    return _smallest(root, kept, amounts) if kept else root


_MARKED_TAGS = "p h1 h2 h3 h4 h5 h6 li td th pre dd dt blockquote div".split()


def _smallest(root: Element, kept: set[Element], amounts: dict[Element, Amounts]) -> Element:
    from lxml import etree

    weights = {element: max(len(element.text or ""), 1) for element in kept}
    needed = 0.9 * sum(weights.values())
    stack = [0.0]
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            stack.append(weights.get(element, 0))
            continue
        own = stack.pop()
        if own >= needed:
            # Less than this, and the choice has lost what it should keep.
            return _widened(element, amounts) if amounts[element].chars >= amounts[root].chars * _MIN_SHARE else root
        stack[-1] += own
    return root


def _widened(element: Element, amounts: dict[Element, Amounts]) -> Element:
    """An element, or one around it where that adds the title or text that is not links."""
    title = H1 | H2
    parent = element.getparent()
    while parent is not None:
        own, outer = amounts[element], amounts[parent]
        added, added_links = outer.chars - own.chars, outer.link_chars - own.link_chars
        adds_title = outer.marks & title and not own.marks & title and added * 2 <= own.chars
        if added and not adds_title and added_links * 3 > added:
            break
        element, parent = parent, parent.getparent()
    return element


def _lists_of_links(region: Element, amounts: dict[Element, Amounts]) -> Iterator[Element]:
    """Lists and tables of a page that are links alone, where the rest of the page is not."""
    whole = amounts[region]
    if whole.link_chars * 2 > whole.chars:
        return
    for element in region.iter("ul", "ol", "table", "div", "td"):
        own = amounts[element]
        before = element.getprevious()
        if before is not None and (before.tag == "p" or is_heading(before.tag)) and element.tag != "div":
            # A sentence or a heading says what the links are.
            continue
        if own.links >= 3 and own.link_chars > 0.85 * own.chars and own.chars * 4 < whole.chars:
            yield element
