"""Sets of HTML tags that the modules of the reader share, and the amount of text in each element of a tree."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Element = Any  # an element of lxml, which ships no types

NO_TEXT = (
    "script style noscript template nav button input select textarea datalist iframe frame frameset noframes object "
    "embed applet canvas svg audio video dialog map head"
).split()

BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup option p section summary "
    "table tbody td tfoot th thead tr ul pre".split()
)
CODE_TAGS = frozenset(["code", "tt", "kbd", "samp"])
PRE_TAGS = frozenset(["pre", "listing", "xmp", "plaintext"])
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
FORMULA = "kgsynth-formula"


class Amounts(NamedTuple):
    """Amounts of text in an element.

    Attributes:
        chars: number of characters, without white space around the pieces of text.
        link_chars: number of these characters that are in links.
        links: number of links.
        marks: bits for the kinds of elements in it, for example `MAIN` and `H1`.
    """

    chars: int = 0
    link_chars: int = 0
    links: int = 0
    marks: int = 0

    @property
    def has_heading(self) -> bool:
        """Whether the element has a title or a heading of the first three levels."""
        return bool(self.marks & (H1 | HEADING))


_NOTHING = Amounts()
# Bits of `marks`.
MAIN, ARTICLE, H1, HEADING, H2, LOW_HEADING, PARAGRAPH, CONTROL = (1 << bit for bit in range(8))
ANY_HEADING = H1 | HEADING | LOW_HEADING
_MARKS = {
    "main": MAIN, "article": ARTICLE, "h1": H1, "h2": HEADING | H2, "h3": HEADING, "h4": LOW_HEADING,
    "h5": LOW_HEADING, "h6": LOW_HEADING, "p": PARAGRAPH, "form": CONTROL, "input": CONTROL, "textarea": CONTROL,
}  # fmt: skip


def amounts_of(root: Element) -> dict[Element, Amounts]:
    """Return the amounts of text of each element of a tree."""
    from lxml import etree

    amounts: dict[Element, Amounts] = {}
    stack: list[list[int]] = [[0, 0, 0, 0]]
    in_link = in_code = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        # Links in code lead to definitions, so they do not show that a block is navigation.
        is_link = tag == "a" and not in_code and element.get("href") is not None
        if tag in PRE_TAGS or tag in CODE_TAGS:
            in_code += 1 if event == "start" else -1
        if event == "start":
            in_link += is_link
            text = element.get("tex") if tag == FORMULA else element.text
            length = len(text.strip()) if text else 0
            marks = _MARKS.get(tag, 0)
            if not marks and tag == "div" and element.get("class") in ("title", "headertitle"):
                marks = HEADING
            stack.append([length, length if in_link else 0, int(is_link), marks])
            continue
        in_link -= is_link
        counts = stack.pop()
        parent_counts = stack[-1]
        if not any(counts):
            amounts[element] = _NOTHING
        else:
            amounts[element] = Amounts(*counts)
            parent_counts[0] += counts[0]
            parent_counts[1] += counts[1]
            parent_counts[2] += counts[2]
            parent_counts[3] |= counts[3]
        tail = element.tail
        if tail and (length := len(tail.strip())):
            parent_counts[0] += length
            parent_counts[1] += length if in_link else 0
    return amounts


def classes_and_styles(root: Element) -> str:
    """Return all classes and styles of a tree in lower case, each once, joined by semicolons."""
    from lxml import etree

    attribute_texts = etree.XPath("//@class|//@style", smart_strings=False)(root)
    return " ; ".join(set(attribute_texts)).lower()


def empty_all(elements: Iterable[Element]) -> None:
    """Remove the content of elements in place; the text after each element stays."""
    for element in list(elements):
        element.clear(keep_tail=True)
        element.tag = "wbr"


def elements_without_text(root: Element) -> Iterator[Element]:
    """Return scripts, buttons, pictures and other elements without text of the author."""
    return (element for element in root.iter(*NO_TEXT))


def parent_tag(element: Element) -> str:
    """Return the tag of the parent of an element; empty for the root."""
    parent = element.getparent()
    return parent.tag if parent is not None else ""


def is_heading(tag: str) -> bool:
    """Return whether a tag is one of `h1` to `h6`."""
    return len(tag) == 2 and tag[0] == "h" and tag[1] in "123456"
