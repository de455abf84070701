"""Choose the element with the main content of a page."""

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
    elements_without_text,
    empty_all,
    is_heading,
)
from kgsynth_loaders.readers.html_furniture import Cleaner
from kgsynth_loaders.readers.html_hidden import is_hidden
from kgsynth_loaders.readers.html_text import markdown_of

_CONTENT_NAMES = (
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
# Minimum share of the page's characters in the chosen element; half of it suffices for an element marked as main.
_MIN_SHARE = 0.4
# If no element is marked, a page with a smaller share of characters in links is taken as a whole.
_MAX_SHARE_OF_LINKS = 0.1
# Pages with more elements consist of tables or are manuals, for which trafilatura takes minutes.
_MAX_ELEMENTS = 50_000
_MARKER = re.compile(r"kgs(\d+)q")


def main_text(root: Element, source: str, title: str) -> tuple[str, str]:
    """Return the main content of a page as Markdown, and its heading; empty if it has none or repeats the site's name.

    Args:
        root: the tree of the page, which is changed.
        source: the page as it was read.
        title: the title that the page declares.

    Raises:
        RecordError: the page has no text.
    """
    tags_without_text = ("script", "style", "template", "head", "noscript", "noframes")
    empty_all(element for element in root.iter(*tags_without_text))
    amounts = amounts_of(root)
    total = amounts[root].chars
    if not total or (total < 300 and _REDIRECT.search(source[:20_000])):
        raise RecordError("no text")
    cleaner = Cleaner(amounts, amounts[root], "cookie" in source or "Cookie" in source)
    furniture = set(cleaner.run(root))
    remaining = total - sum(amounts[element].chars for element in furniture)
    if remaining <= 0:
        # The whole page looks like navigation, for example a list of links or a table of contents.
        furniture = {element for element in furniture if is_hidden(element)}
    empty_all(furniture)
    empty_all(elements_without_text(root) if remaining > 0 else root.iter(*(set(NO_TEXT) - {"nav"})))
    region, amounts = _region(root)
    heading = _heading_of(region, root, amounts)
    text = markdown_of(region)
    is_site_name = title != heading and title.casefold().endswith(heading.casefold())
    if heading and not is_site_name and not re.search(r"^# ", text, re.MULTILINE):
        text = f"# {heading}\n\n{text}"
    if not text.strip():
        raise RecordError("no text")
    return text, "" if is_site_name else heading


_REDIRECT = re.compile(r"http-equiv\s*=\s*[\"']?refresh", re.IGNORECASE)


def _heading_of(region: Element, root: Element, amounts: dict[Element, Amounts]) -> str:
    """Return the text of the first `h1` of the main content, or else of the only `h1` of the page; empty for none."""
    for scope in (region, root):
        headings = [element for element in scope.iter("h1") if amounts[element].chars]
        if headings and (scope is region or len(headings) == 1):
            return " ".join(markdown_of(headings[0]).removeprefix("# ").split())
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
    for attribute, names in _CONTENT_NAMES:
        candidates = [
            element
            for element in root.iter("div", "section", "td", "article")
            if element.get(attribute) and not names.isdisjoint(element.get(attribute).lower().split())
        ]
        if candidates:
            best = max(candidates, key=lambda element: amounts[element].chars)
            if amounts[best].chars >= total * _MIN_SHARE:
                return best, amounts
    if amounts[root].link_chars < total * _MAX_SHARE_OF_LINKS or len(amounts) > _MAX_ELEMENTS:
        return root, amounts
    region = _by_trafilatura(root, amounts)
    empty_all(_lists_of_links(region, amounts))
    return region, amounts_of(root)


def _article(within: Element, amounts: dict[Element, Amounts]) -> Element:
    """Return the dominant article in an element, or the element itself if it has no such article."""
    articles = [element for element in within.iter("article") if amounts[element].chars]
    if not articles:
        return within
    best = max(articles, key=lambda element: amounts[element].chars)
    min_share = _MIN_SHARE if within.tag != "main" else 0.7
    outermost = {
        element for element in articles if not any(ancestor.tag == "article" for ancestor in element.iterancestors())
    }
    total = sum(amounts[element].chars for element in outermost)
    is_dominant = amounts[best].chars >= total * 0.7
    return best if is_dominant and amounts[best].chars >= amounts[within].chars * min_share else within


def _by_trafilatura(root: Element, amounts: dict[Element, Amounts]) -> Element:
    """Return the smallest element with nine tenths of the text that trafilatura takes for the main content."""
    from lxml import etree
    from trafilatura import bare_extraction

    blocks = [element for element in root.iter(*_MARKED_TAGS) if len((element.text or "").strip()) > 3]
    for number, element in enumerate(blocks):
        element.text = f"kgs{number}q {element.text}"
    try:
        extracted = bare_extraction(
            etree.tostring(root, encoding="unicode", method="html"),
            fast=True,
            include_comments=False,
            with_metadata=False,
            favor_recall=True,
        )
        text = (getattr(extracted, "text", "") or "") if extracted else ""
    except (ValueError, TypeError, AttributeError, RecursionError, etree.LxmlError):
        text = ""
    for number, element in enumerate(blocks):
        element.text = element.text.removeprefix(f"kgs{number}q ")
    kept_blocks = {blocks[int(number)] for number in _MARKER.findall(text) if int(number) < len(blocks)}
    return _smallest(root, kept_blocks, amounts) if kept_blocks else root


_MARKED_TAGS = "p h1 h2 h3 h4 h5 h6 li td th pre dd dt blockquote div".split()


def _smallest(root: Element, blocks: set[Element], amounts: dict[Element, Amounts]) -> Element:
    from lxml import etree

    weights = {element: max(len(element.text or ""), 1) for element in blocks}
    min_weight = 0.9 * sum(weights.values())
    weights_of_open = [0.0]
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            weights_of_open.append(weights.get(element, 0))
            continue
        weight = weights_of_open.pop()
        if weight >= min_weight:
            # An element with a smaller share of the page has probably lost some of the main content.
            return _widened(element, amounts) if amounts[element].chars >= amounts[root].chars * _MIN_SHARE else root
        weights_of_open[-1] += weight
    return root


def _widened(element: Element, amounts: dict[Element, Amounts]) -> Element:
    """Return an element, widened to ancestors as long as they add the title or text that is mostly outside of links."""
    title_marks = H1 | H2
    parent = element.getparent()
    while parent is not None:
        inner, outer = amounts[element], amounts[parent]
        added, added_links = outer.chars - inner.chars, outer.link_chars - inner.link_chars
        adds_title = outer.marks & title_marks and not inner.marks & title_marks and added * 2 <= inner.chars
        if added and not adds_title and added_links * 3 > added:
            break
        element, parent = parent, parent.getparent()
    return element


def _lists_of_links(region: Element, amounts: dict[Element, Amounts]) -> Iterator[Element]:
    """Yield the lists and tables of links in a region, unless most of the region is links."""
    region_amounts = amounts[region]
    if region_amounts.link_chars * 2 > region_amounts.chars:
        return
    for element in region.iter("ul", "ol", "table", "div", "td"):
        element_amounts = amounts[element]
        previous = element.getprevious()
        if previous is not None and (previous.tag == "p" or is_heading(previous.tag)) and element.tag != "div":
            # The sentence or heading before the links introduces them, so they belong to the text.
            continue
        if (
            element_amounts.links >= 3
            and element_amounts.link_chars > 0.85 * element_amounts.chars
            and element_amounts.chars * 4 < region_amounts.chars
        ):
            yield element
