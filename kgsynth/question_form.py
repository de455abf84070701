"""The form of questions: whether a text asks one thing, and whether its reader has all that it refers to.

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

# One sentence that asks "which of the following" and lists nothing.
_WITHOUT_LIST = re.compile(
    r"(?:which|what|who) of the following (?!.*\b(?:or|and|between)\b)[^:;,.()\[\]/|–—\d\n$\\-]+\?", re.IGNORECASE
)
_QUESTION_MARK = re.compile(r"[?？؟]")
_TASKS = "|".join(
    """
    add advise analy[sz]e apply argue arrange assess assign balance build calculate check choose cite classify comment
    compare complete compose compute conjugate consider construct contrast convert correct count create critici[sz]e
    critique debug decide deduce define demonstrate derive describe design determine develop devise diagnose
    diagonali[sz]e differentiate discuss disprove distinguish divide draft draw elaborate enumerate establish estimate
    evaluate examine expand explain express extend factor(?:i[sz]e)? fill find fix formulate generate give graph
    identify illustrate implement integrate interpret investigate justify label list make match maximi[sz]e mention
    merge minimi[sz]e modify multiply name normali[sz]e obtain outline paraphrase parse perform plot predict print
    propose prove provide rank rationali[sz]e rearrange recommend reduce refactor report return rewrite round select
    show simplify sketch solve sort state study subtract suggest summari[sz]e test trace transform translate use
    verify write
    """.split()
)
# "The swelling grows when the child cries" asks nothing.
_TASK = re.compile(
    rf"\b(?:{_TASKS}|set up|work out|true or false)\b"
    r"|(?:^|[.!;:]\s+|\n)(?:(?:at|by|for|from|in|of|on|to|with)\s+)?(?:what|when|where|which|who|whose|whom|why|how)\b",
    re.IGNORECASE,
)
_ASCII_LETTER = re.compile(r"[A-Za-z]")
_LETTER = re.compile(r"[^\W\d_]")


def asks(text: str) -> bool:
    """Return whether a text has a question mark or a verb of a task; True for a text in another script."""
    words = prose(text)
    is_latin = 2 * len(_ASCII_LETTER.findall(words)) >= len(_LETTER.findall(words))
    return not is_latin or _QUESTION_MARK.search(words) is not None or _TASK.search(words) is not None


def asks_several(text: str) -> bool:
    """Whether a text asks more than one thing: two question marks, or lettered parts."""
    words = prose(text)
    if words.count("?") > 1:
        return True
    firsts = ((first.search(words), second) for first, second in _PARTS)
    return any(match and second.search(words, match.start()) for match, second in firsts)


def lacks_information(text: str) -> bool:
    """Whether a text refers to something that its reader does not have, or ends in the middle of a sentence.

    Such things are a figure, an earlier exercise, or "the following" that does not follow.
    """
    words = prose(text, _PLACEHOLDER).strip()
    if _MISSING.search(words) is not None or _ENDS_OPEN.search(words) is not None:
        return True
    return _WITHOUT_LIST.fullmatch(text.strip()) is not None


def with_filled_blank(text: str) -> str:
    """Return a question with a word in place of its blank, for filters that take a blank for missing information."""
    return text.replace(BLANK, _PLACEHOLDER.strip())
