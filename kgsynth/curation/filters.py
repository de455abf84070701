"""Filters of single questions and answers: each refuses for one reason, which is counted and kept.

All are heuristics on the text. How often they refuse problems that people wrote is measured in EXPERIMENTS.md.
"""

import re

from kgsynth.config import CurateSettings
from kgsynth.faults import fault, prose, unbalanced_latex
from kgsynth.records import AnsweredQuestion
from kgsynth.scripts import base, classify, is_other_script
from kgsynth.texts import mentions_references, reading_length, without_latex

# A formula or a piece of code, in a sentence that is looked at without it.
_SOMETHING = " something "
# How the reasons of `fault` are said of a question or of an answer.
_SAID = {"loops": "{} repeats itself", "the model refuses": "{} in which the model refuses"}
# Shorter prose than this does not show its language; nor do names and numbers.
_MIN_LANGUAGE_CHARS = 60
# A text is of another language when the classifier is this sure.
_MIN_LANGUAGE_PROBABILITY = 0.95
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


def question_problem(text: str, settings: CurateSettings) -> str:
    """Why a question is not good enough; empty when it is."""
    if reading_length(text) < settings.min_question_chars:
        return "question too short"
    if len(text) > settings.max_question_chars:
        return "question too long"
    if problem := fault(text):
        return _said(problem, "question")
    if mentions_references(text):
        return "question mentions a text that is not there"
    if asks_several(text):
        return "several questions in one"
    if lacks_information(text):
        return "question lacks information"
    if unbalanced_latex(text):
        return "question with unbalanced LaTeX"
    return "question in another language" if is_foreign(text, settings.language) else ""


def answer_problem(question: AnsweredQuestion, settings: CurateSettings) -> str:
    """Why an answer is not good enough; empty when it is, or when there is none."""
    text = question.answer
    if not question.answer_id and not text:
        return ""
    if len(text) < settings.min_answer_chars:
        return "answer too short"
    if len(text) > settings.max_answer_chars:
        return "answer too long"
    if problem := fault(text):
        return _said(problem, "answer")
    if unbalanced_latex(text):
        return "answer with unbalanced LaTeX"
    return "answer in another language" if is_foreign(text, settings.language) else ""


def _said(problem: str, what: str) -> str:
    return _SAID.get(problem, f"{{}} with {problem}").format(what)


def asks_several(text: str) -> bool:
    """Whether a text asks more than one thing: two question marks, or lettered parts."""
    words = prose(text)
    if words.count("?") > 1:
        return True
    firsts = ((first.search(words), second) for first, second in _PARTS)
    return any(found and second.search(words, found.start()) for found, second in firsts)


def lacks_information(text: str) -> bool:
    """Whether a text points at something that its reader does not have, or stops in the middle."""
    words = prose(text, _SOMETHING).strip()
    return _MISSING.search(words) is not None or _ENDS_OPEN.search(words) is not None


def is_foreign(text: str, language: str) -> bool:
    """Whether the prose of a text is surely of another language.

    Letters of another script show it at any length; Greek letters, signs and a name or a word among others do not.
    What is in the language's own letters is looked at by its words, from 60 letters on; shorter texts are not foreign.

    Args:
        text: any; its code and formulas do not count.
        language: a code such as `en` or `zh`; empty: nothing is foreign.
    """
    if not language:
        return False
    words = " ".join(without_latex(prose(text)).split())
    by_script = is_other_script(words, language)
    if by_script is not None:
        return by_script
    if sum(letter.isalpha() for letter in words) < _MIN_LANGUAGE_CHARS:
        return False
    found, probability = classify(words)
    return found != base(language) and probability >= _MIN_LANGUAGE_PROBABILITY
