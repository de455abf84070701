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

# Options or statements that a question refers to, and signs that they follow.
_OF_THE_FOLLOWING = re.compile(r"\b(?:of the following|the following (?:options|choices|answers|statements))\b", re.I)
_LISTED = re.compile(r"[:;,\n]|\bor\b|\band\b|(?<!\w)\(?[A-Da-d1-4][.)]", re.IGNORECASE)
_QUESTION_MARK = re.compile(r"[?？؟]")
_TASK = re.compile(
    r"\b(?:analy[sz]e|apply|arrange|assess|balance|calculate|choose|classify|compare|complete|compute|consider|construct"
    r"|build|check|convert|count|create|decide|define|derive|describe|design|determine|develop|discuss|draw|estimate|evaluate"
    r"|examine|expand|explain|express|extend|factor(?:i[sz]e)?|fill|find|fix|formulate|generate|give|identify|illustrate|implement|integrate"
    r"|justify|list|make|minimi[sz]e|maximi[sz]e|modify|name|obtain|outline|predict|prove|provide|rank|rearrange|reduce|refactor"
    r"|rewrite|select|show|simplify|sketch|solve|sort|state|suggest|summari[sz]e|transform|translate|use|verify|write)\b"
    # "The swelling grows when the child cries" asks nothing.
    r"|(?:^|[.!;:]\s+|\n)(?:what|when|where|which|who|whose|why|how)\b",
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
    following = _OF_THE_FOLLOWING.search(words)
    return following is not None and _LISTED.search(words, following.end()) is None


def with_filled_blank(text: str) -> str:
    """Return a question with a word in place of its blank, for filters that take a blank for missing information."""
    return text.replace(BLANK, _PLACEHOLDER.strip())
