"""Filters of single questions and answers: each rejects for one reason, which is counted and kept.

All are heuristics on the text. docs/figures/curation.md measures how often they reject problems that people wrote.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kgsynth.domain_folder import Domain
from kgsynth.faults import fault, unbalanced_latex
from kgsynth.question_form import asks_several, lacks_information, with_filled_blank
from kgsynth.records import AnsweredQuestion
from kgsynth.scripts import is_foreign
from kgsynth.settings import CurateSettings
from kgsynth.texts import mentions_references, reading_length

_NO_DOMAINS: Mapping[str, Domain] = MappingProxyType({})
# Reasons of `fault` for a question or an answer, where "question with ..." would not fit.
_REASON_FORMS = {"loops": "{} repeats itself", "the model refuses": "{} in which the model refuses"}


def question_problem(
    question: AnsweredQuestion, settings: CurateSettings, domains: Mapping[str, Domain] = _NO_DOMAINS
) -> str:
    """Return why a question is rejected; empty if it passes. `domains` are the domains of records by name."""
    # The blank of a masked sentence stands for a word, and the options of a choice are part of one question.
    text = with_filled_blank(question.text) if question.answer_key else question.text
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
    if _has_latex(question.domain, domains) and unbalanced_latex(text):
        return "question with unbalanced LaTeX"
    return "question in another language" if is_foreign(text, settings.language) else ""


def answer_problem(
    question: AnsweredQuestion, settings: CurateSettings, domains: Mapping[str, Domain] = _NO_DOMAINS
) -> str:
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
    if _has_latex(question.domain, domains) and unbalanced_latex(text):
        return "answer with unbalanced LaTeX"
    return "answer in another language" if is_foreign(text, settings.language) else ""


def _has_latex(name: str, domains: Mapping[str, Domain]) -> bool:
    """Whether texts of a domain are checked as LaTeX; those of an unknown domain are."""
    return name not in domains or domains[name].filters.latex


def _reason(problem: str, text_kind: str) -> str:
    return _REASON_FORMS.get(problem, f"{{}} with {problem}").format(text_kind)
