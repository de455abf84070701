"""Filters of single questions and answers: each rejects for one reason, which is counted and kept.

All are heuristics on the text. docs/figures/curation.md measures how often they reject problems that people wrote.
"""

import re
from functools import cache

from kgsynth import domain_folder
from kgsynth.faults import fault, prose, unbalanced_latex
from kgsynth.records import AnsweredQuestion
from kgsynth.scripts import is_foreign
from kgsynth.settings import CurateSettings
from kgsynth.texts import mentions_references, reading_length

# Replaces a formula or a piece of code in a sentence before its words are checked.
_PLACEHOLDER = " something "
_BLANK = "____"
# Reasons of `fault` for a question or an answer, where "question with ..." would not fit.
_REASON_FORMS = {"loops": "{} repeats itself", "the model refuses": "{} in which the model refuses"}
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


def question_problem(question: AnsweredQuestion, settings: CurateSettings) -> str:
    """Return why a question is rejected; empty if it passes."""
    # The blank of a masked sentence stands for a word, and the options of a choice are part of one question.
    text = question.text.replace(_BLANK, _PLACEHOLDER.strip()) if question.answer_key else question.text
    if reading_length(text) < settings.min_question_chars:
        return "question too short"
    if len(text) > settings.max_question_chars:
        return "question too long"
    if problem := fault(text):
        return _reason(problem, "question")
    if mentions_references(text):
        return "question mentions a text that is not there"
    if asks_several(text):
        return "several questions in one"
    if lacks_information(text):
        return "question lacks information"
    if _has_latex(question.domain) and unbalanced_latex(text):
        return "question with unbalanced LaTeX"
    return "question in another language" if is_foreign(text, settings.language) else ""


def answer_problem(question: AnsweredQuestion, settings: CurateSettings) -> str:
    """Return why an answer is rejected; empty if it passes or if there is no answer."""
    text = question.answer
    if not question.answer_id and not text:
        return ""
    if len(text) < settings.min_answer_chars:
        return "answer too short"
    if len(text) > settings.max_answer_chars:
        return "answer too long"
    if problem := fault(text):
        return _reason(problem, "answer")
    if _has_latex(question.domain) and unbalanced_latex(text):
        return "answer with unbalanced LaTeX"
    return "answer in another language" if is_foreign(text, settings.language) else ""


@cache
def _has_latex(domain: str) -> bool:
    """Whether texts of a domain are checked as LaTeX; those of an unknown domain are."""
    known = domain_folder.known(domain)
    return known is None or known.filters.latex


def _reason(problem: str, text_kind: str) -> str:
    return _REASON_FORMS.get(problem, f"{{}} with {problem}").format(text_kind)


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
