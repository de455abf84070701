"""Elements of HTML that the modules of its reader share: sets of tags, and how much text each element holds."""

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
    """What an element holds: characters, those of them in links, links, and the bits of marks of content in it."""

    chars: int = 0
    link_chars: int = 0
    links: int = 0
    marks: int = 0

    @property
    def has_heading(self) -> bool:
        """Whether it holds a title or a heading of the first three levels."""
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
    """What each element of a tree holds, in one walk."""
    from lxml import etree

    found: dict[Element, Amounts] = {}
    stack: list[list[int]] = [[0, 0, 0, 0]]
    in_link = in_code = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        # Links in code lead to definitions; they say nothing about what a block is for.
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
        own = stack.pop()
        above = stack[-1]
        if not any(own):
            found[element] = _NOTHING
        else:
            found[element] = Amounts(*own)
            above[0] += own[0]
            above[1] += own[1]
            above[2] += own[2]
            above[3] |= own[3]
        tail = element.tail
        if tail and (length := len(tail.strip())):
            above[0] += length
            above[1] += length if in_link else 0
    return found


def classes_and_styles(root: Element) -> str:
    """All classes and styles of a tree, each once, in small letters."""
    from lxml import etree

    found = etree.XPath("//@class|//@style", smart_strings=False)(root)
    return " ; ".join(set(found)).lower()


def empty_all(elements: Iterable[Element]) -> None:
    """Take away what elements hold; what follows them stays."""
    for element in list(elements):
        element.clear(keep_tail=True)
        element.tag = "wbr"


def of_no_text(root: Element) -> Iterator[Element]:
    """Scripts, buttons, pictures and the like."""
    return (element for element in root.iter(*NO_TEXT))


def parent_tag(element: Element) -> str:
    """The tag of the element around one; empty for the root."""
    parent = element.getparent()
    return parent.tag if parent is not None else ""


def is_heading(tag: str) -> bool:
    """Whether a tag is one of `h1` to `h6`."""
    return len(tag) == 2 and tag[0] == "h" and tag[1] in "123456"
