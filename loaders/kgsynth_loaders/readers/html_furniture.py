"""Find elements that are not text of the page's author: navigation, banners, comments, tables of contents."""

import re
from dataclasses import dataclass, field

from kgsynth_loaders.readers.html_elements import (
    ANY_HEADING,
    ARTICLE,
    BLOCKS,
    CONTROL,
    FORMULA,
    H1,
    HEADINGS,
    MAIN,
    PARAGRAPH,
    Amounts,
    Element,
    is_heading,
    parent_tag,
)
from kgsynth_loaders.readers.html_hidden import is_hidden
from kgsynth_loaders.readers.html_names import Certainty, Meaning, meaning_of, words_of
from kgsynth_loaders.readers.html_scripts import text_before

_ROLES = frozenset(
    "navigation banner contentinfo complementary search menu menubar toolbar dialog alertdialog tooltip doc-toc "
    "doc-pagebreak doc-pagelist doc-index tablist".split()
)
_NAMED_TAGS = frozenset(
    "div section aside header footer ul ol dl form p span a table tbody td th figure details center main small sup "
    "label address menu tr".split()
)
# Tags of running text. Sites also use them for their navigation, which then consists of links.
_TEXT_TAGS = frozenset(["p", "ul", "ol", "dl", "table"])
_PLAIN_SECTION = re.compile(r"\b(?:section|sect\d|level\d|chapter|appendix)\b")
# The `id` of these tags is usually the target of a link, so it says nothing about the part of the page.
_ANCHORS = frozenset(["a", "span", "p", "sup", "tr", "td", "th", "small", "dl"])
_FOOTNOTES = re.compile(r"foot-?notes?\b|end-?notes?\b|references|citation", re.IGNORECASE)
_ASIDE = re.compile(
    r"note|topic|admonition|tip|warning|example|definition|theorem|proof|pull|quote|callout|exercise", re.I
)
_LINK_MARKS = frozenset(["\u00b6", "#", "\u00a7", "\U0001f517", "\uf0c1", "\u2693", "\u21a9", "\u21a9\ufe0e", "\u2191"])
_LINK_WORDS = frozenset(
    (
        "edit|[edit]|edit source|edit this page|edit on github|edit on gitlab|improve this page|view page source|"
        "show source|view source|back to top|top|[top]|skip to content|skip to main content|skip to navigation|"
        "jump to navigation|jump to content|jump to search|permalink|copy|copy link|[src]|[source]|report a bug|"
        "print this page|share|tweet"
    ).split("|")
)
_LINK_NAMES = re.compile(r"headerlink|permalink|anchor|edit|skip|top|src|source|share|viewcode|back", re.IGNORECASE)
_NAVIGATION_WORDS = frozenset(
    "previous prev next up home contents content index top back forward start first last main page chapter section "
    "parent toc of table title frames no all classes fast figure figures site map list tables the".split()
)
_MANUAL_LINE = re.compile(r"\b(?:Next|Previous|Prev|Up|Node)\s*:")
_COOKIES = re.compile(r"\b(?:we|site|website|page)\b.{0,60}\buses?\b.{0,40}\bcookies\b", re.IGNORECASE | re.DOTALL)
_LISTS = frozenset(["ul", "ol", "dl", "div", "section"])
_CONTENTS_WORDS = re.compile(r"(?:table of |short )?contents|on this page", re.IGNORECASE)
# Targets of links to notes and references.
_NOTE_TARGET = re.compile(r"note|fn|ftn|ref|cit|bib|#[a-z_]{0,3}-?\d", re.IGNORECASE)
# Text before a power: it ends in a digit or in a symbol of one letter.
_BASE = re.compile(r"\d\Z|(?:\A|[\s(=+*/-])[^\W\d_]\Z")
_COMMENTS_HEADING = re.compile(
    r"\W*(?:\d+|no)?\s*(?:comments?|responses?|repl(?:y|ies)|discussion)\b.{0,8}", re.IGNORECASE
)
_COMMENTS_COUNTED = re.compile(r"\W*\d+\s+(?:comments?|responses?|repl(?:y|ies)|thoughts)\b", re.IGNORECASE)
_MARK = re.compile(r"\[?(?:\d{1,3}|[a-z*\u2020\u2021\u00a7]|(?:note|n|nb) ?\d{1,3}|citation needed)\]?", re.IGNORECASE)


@dataclass(slots=True)
class Cleaner:
    """Finds the elements of a page that are not text of its author.

    Attributes:
        amounts: amounts of text of each element, before any element is emptied.
        page: amounts of text of the whole page.
        has_cookies: whether the page mentions cookies.
        emptied: the elements that `run` has found so far.
    """

    amounts: dict[Element, Amounts]
    page: Amounts
    has_cookies: bool
    emptied: list[Element] = field(default_factory=list)

    def run(self, root: Element) -> list[Element]:
        """Return the outermost elements to empty, in the order of the page."""
        from lxml import etree

        depths = {"main": 0, "article": 0, "section": 0, "pre": 0, "table": 0}
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            tag = element.tag
            if event == "end":
                if tag in depths:
                    depths[tag] -= 1
                continue
            if self._is_furniture(element, tag, depths):
                self.emptied.append(element)
                walker.skip_subtree()
            if tag in depths:
                depths[tag] += 1
        return self.emptied

    def _is_furniture(self, element: Element, tag: str, depths: dict[str, int]) -> bool:
        if tag in ("html", "body", "main", FORMULA, "wbr") or is_heading(tag):
            return tag not in ("html", "body", "main", FORMULA, "wbr") and is_hidden(element)
        amounts = self.amounts[element]
        attributes = element.attrib
        if attributes:
            if is_hidden(element):
                return True
            if attributes.get("role") in _ROLES and not self._is_most(amounts):
                return True
        if tag == "a":
            return self._is_service_link(element, amounts)
        if tag == "sup":
            return self._is_mark(element, amounts)
        is_inside = depths["main"] + depths["article"] > 0
        if tag in ("header", "footer", "aside"):
            return self._is_outer(element, tag, amounts, is_inside)
        if depths["pre"] and tag == "span":
            return False
        is_nameable = attributes and tag in _NAMED_TAGS and not depths["pre"]
        if is_nameable and self._is_named(element, tag, amounts, depths):
            return True
        if tag in _LISTS and self._is_list_of_contents(element, amounts):
            return True
        return amounts.chars < 600 and tag in BLOCKS and self._says_furniture(element, amounts)

    def _is_most(self, amounts: Amounts) -> bool:
        """Return whether an element holds the main content of the page, so that its name is misleading."""
        if amounts.marks & MAIN:
            return True
        if self.page.marks & (MAIN | ARTICLE) and not amounts.marks & (MAIN | ARTICLE):
            return False
        share = 0.25 if amounts.marks & (ARTICLE | H1) else 0.7
        return amounts.chars > share * self.page.chars

    def _is_service_link(self, element: Element, amounts: Amounts) -> bool:
        if amounts.chars > 30:
            return False
        text = "".join(element.itertext()).strip()
        if text in _LINK_MARKS:
            return True
        attribute_texts = f"{element.get('class') or ''} {element.get('rel') or ''} {element.get('href') or ''}"
        return text.lower() in _LINK_WORDS and _LINK_NAMES.search(attribute_texts[:500]) is not None

    def _is_mark(self, element: Element, amounts: Amounts) -> bool:
        """Return whether a superscript is the mark of a footnote or reference."""
        if amounts.chars > 20:
            return False
        class_and_id = f"{element.get('class') or ''} {element.get('id') or ''}".lower()
        link_elements = [element, *element.iter("a")]
        parent = element.getparent()
        link_elements += [parent] if parent is not None and parent.tag == "a" else []
        targets = ["#" + target for link in link_elements if (target := (link.get("href") or "").partition("#")[2])]
        is_named = "reference" in class_and_id or "footnote" in class_and_id or "cite" in class_and_id
        text = "".join(element.itertext()).strip()
        if not (targets or is_named) or not _MARK.fullmatch(text):
            return False
        is_power = text.isalnum() and not is_named and _BASE.search(text_before(element)) is not None
        return not is_power or any(_NOTE_TARGET.search(f"{class_and_id} {target}") for target in targets)

    def _is_outer(self, element: Element, tag: str, amounts: Amounts, is_inside: bool) -> bool:
        names = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('role') or ''}"
        meaning = meaning_of(names)
        if tag == "footer":
            return _FOOTNOTES.search(names) is None and parent_tag(element) not in ("blockquote", "figure")
        if tag == "header":
            is_linked = amounts.link_chars * 2 > amounts.chars
            if is_inside:
                return not amounts.has_heading and (meaning.kind == "furniture" or is_linked)
            return is_linked or not amounts.marks & (MAIN | ARTICLE | H1)
        if _ASIDE.search(names) or "epub" in str(element.attrib):
            return False
        is_docutils = "sidebar" in names.split() and element.find("p[@class='sidebar-title']") is not None
        if is_docutils:
            return False
        if not is_inside or amounts.link_chars * 2 > amounts.chars:
            return True
        return meaning.kind != "" and not self._is_section(element, meaning, amounts, is_inside)

    def _is_named(self, element: Element, tag: str, amounts: Amounts, depths: dict[str, int]) -> bool:
        classes, identifier = element.get("class") or "", element.get("id") or ""
        meaning, is_by_id = meaning_of(classes) if classes else Meaning(), False
        if not meaning.kind and identifier and tag not in _ANCHORS:
            meaning, is_by_id = meaning_of(identifier), True
            is_section = tag == "section" or _PLAIN_SECTION.search(classes) is not None
            has_comments = meaning.kind == "comments" and (_holds_comments(element) or _counts_comments(element))
            if meaning.kind and is_section and not has_comments:
                return False
        if not meaning.kind:
            return False
        is_inside = depths["main"] + depths["article"] > 0
        is_unsure = meaning.certainty < Certainty.SURE
        if meaning.kind == "comments":
            is_of_author = tag == "table" or self._is_section(element, meaning, amounts, is_inside)
            if is_unsure and is_of_author and not _has_comments_heading(element) and not _holds_comments(element):
                return False
            return tag not in ("td", "th", "tr", "span", "a", "p") and not self._holds_page(element)
        if meaning.kind == "header":
            return amounts.link_chars * 2 > amounts.chars and not amounts.has_heading
        if tag in ("table", "tbody", "tr", "td", "th") and depths["table"] and tag != "td":
            return False
        if is_inside and is_unsure and (is_by_id or tag in _TEXT_TAGS) and _is_prose(amounts):
            return False
        return not self._is_section(element, meaning, amounts, is_inside) and not self._is_most(amounts)

    def _is_section(self, element: Element, meaning: Meaning, amounts: Amounts, is_inside: bool) -> bool:
        """Return whether an element is a section of the author's text although its name means a part of the page."""
        if not _is_prose(amounts):
            return False
        is_beside = not is_inside and bool(self.page.marks & (MAIN | ARTICLE))
        if meaning.certainty == Certainty.PART_OF_NAME:
            return is_inside or (not is_beside and bool(amounts.marks & (ANY_HEADING | PARAGRAPH)))
        if is_beside or not amounts.marks & ANY_HEADING:
            return False
        if meaning.certainty == Certainty.WHOLE_NAME and is_inside:
            return True
        return _is_named_by_heading(element)

    def _holds_page(self, element: Element) -> bool:
        amounts = self.amounts[element]
        return bool(amounts.marks & (MAIN | H1))

    def _is_list_of_contents(self, element: Element, amounts: Amounts) -> bool:
        """Return whether an element consists of links under a heading such as "Contents" or "On this page"."""
        if amounts.links < 3 or amounts.link_chars < 0.8 * amounts.chars or amounts.chars > 0.6 * self.page.chars:
            return False
        previous = element.getprevious()
        candidates = [*element[:3], *([previous] if previous is not None else [])]
        return any(
            is_heading(candidate.tag)
            and _CONTENTS_WORDS.fullmatch("".join(candidate.itertext()).strip(" \t\r\n:\u00b6#"))
            for candidate in candidates
        )

    def _says_furniture(self, element: Element, amounts: Amounts) -> bool:
        """Return whether a short block is a line of navigation links, or asks for consent to cookies."""
        if amounts.links and amounts.chars < 400 and amounts.chars < self.page.chars // 2:
            text = "".join(element.itertext())
            if len(text) < 3000:
                if len(set(_MANUAL_LINE.findall(text))) >= 2:
                    return True
                words = re.findall(r"\w+", text.lower())
                if words and amounts.link_chars * 2 > len("".join(words)) and _NAVIGATION_WORDS.issuperset(words):
                    return True
        if not self.has_cookies or amounts.marks & MAIN or amounts.chars * 2 > self.page.chars or amounts.chars < 20:
            return False
        text = "".join(element.itertext())
        return _COOKIES.search(text[:3000]) is not None and (
            amounts.links > 0 or re.search(r"accept|consent|agree|continu", text[:3000], re.IGNORECASE) is not None
        )


def _is_prose(amounts: Amounts) -> bool:
    return amounts.link_chars * 3 <= amounts.chars and not amounts.marks & CONTROL


def _is_named_by_heading(element: Element) -> bool:
    """Return whether the id or a class of an element consists of words of its first heading."""
    heading = next(element.iter(*HEADINGS), None)
    if heading is None:
        return False
    heading_words = set(words_of("".join(heading.itertext()).title()))
    names = f"{element.get('id') or ''} {element.get('class') or ''}".split()
    return any(heading_words.issuperset(name_words) for name_words in map(words_of, names) if name_words)


def _has_comments_heading(element: Element) -> bool:
    heading = next(element.iter(*HEADINGS), None)
    return heading is not None and _COMMENTS_HEADING.fullmatch("".join(heading.itertext()).strip()[:60]) is not None


def _counts_comments(element: Element) -> bool:
    heading = next(element.iter(*HEADINGS), None)
    return heading is not None and _COMMENTS_COUNTED.match("".join(heading.itertext())[:60]) is not None


def _holds_comments(element: Element) -> bool:
    return any(
        inner.tag in ("form", "article", "time") or "comment" in (inner.get("class") or "").lower()
        for inner in element.iter()
        if inner is not element
    )
