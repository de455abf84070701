"""The form of questions: whether a question asks one thing, and whether its reader has all that it refers to.

All are heuristics on the text. docs/figures/curation.md measures how often they reject problems that people wrote.
"""

import re

from kgsynth.faults import prose

# Replaces a formula or a piece of code in a sentence before its words are checked.
_PLACEHOLDER = " something "
# Stands for the masked name in a sentence that is a question.
BLANK = "____"
_PARTS = (
    (re.compile(r"(?:^|\s)\(?a[.)]\s", re.MULTILINE), re.compile(r"(?:^|\s)\(?b[.)]\s", re.MULTILINE)),
    (re.compile(r"(?:^|\s)\(?i[.)]\s", re.MULTILINE), re.compile(r"(?:^|\s)\(?ii[.)]\s", re.MULTILINE)),
    (re.compile(r"^[ \t]*1[.)]\s", re.MULTILINE), re.compile(r"^[ \t]*2[.)]\s", re.MULTILINE)),
)
_MISSING = re.compile(
    r"\b(?:figure|diagram|table|graph|chart|picture|image|code|listing|map|equation|inequality|problem|exercise|example"
    r"|theorem|lemma|definition|section|chapter|part) "
    r"(?:above|below|shown|\(\d+(?:\.\d+)*\)|\d+(?:\.\d+)*(?![\w^*/+=-]))"
    r"|\b(?:shown|given|described|listed|defined|mentioned|stated|seen) (?:above|below|earlier|previously|before)\b"
    r"|\b(?:in|from|see|of) (?:the )?(?:above|accompanying|adjacent|attached) \w+"
    r"|\bthe (?:previous|preceding|last) (?:problem|question|exercise|part|example)\b"
    r"|\bas (?:above|before)\b|_{3,}|\[(?:link|image|figure|insert[^\]]*|\.\.\.)\]|\{\{|\bTODO\b|\bN/A\b|\?\?\?",
    re.IGNORECASE,
)
_ENDS_OPEN = re.compile(
    r"(?::|\bthe following|\bas follows|,|\b(?:and|or|of|the|a|an|with|for|to|if|then|that|is|are))\s*$", re.IGNORECASE
)


def asks_several(text: str) -> bool:
    """Whether a text asks more than one thing: two question marks, or lettered parts."""
    words = prose(text)
    if words.count("?") > 1:
        return True
    firsts = ((first.search(words), second) for first, second in _PARTS)
    return any(match and second.search(words, match.start()) for match, second in firsts)


def lacks_information(text: str) -> bool:
    """Whether a text refers to something that its reader does not have, or ends in the middle of a sentence."""
    words = prose(text, _PLACEHOLDER).strip()
    return _MISSING.search(words) is not None or _ENDS_OPEN.search(words) is not None


def with_filled_blank(text: str) -> str:
    """Return a question with a word in place of its blank, for filters that take a blank for missing information."""
    return text.replace(BLANK, _PLACEHOLDER.strip())
