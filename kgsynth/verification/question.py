"""The verifier `question`: checks of the form of a question, and a model's opinion on whether it can be answered."""

import re
from typing import Any, ClassVar

from kgsynth.question_form import asks, asks_several, lacks_information, with_filled_blank
from kgsynth.texts import blocks, mentions_references
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind, Verdict

# The tags of a text of the template `verify_question`, with the reason if the model says no.
_ASPECTS = {
    "consistent": "the model finds a contradiction",
    "complete": "the model finds that something is missing",
    "unique": "the model finds more than one answer",
}
_NO_FORM = "has no question and no task"


class QuestionCheck(BaseVerifier):
    """Checks the form of a question by rules, and whether it is consistent, complete and has one answer by a model.

    A model that says yes gives no proof, so the verdict is a judgement. The question fails if a rule finds a fault of
    its form, or if the model says no to one of the three. The score is the share of yes.
    """

    name: ClassVar[str] = "question"
    kind: ClassVar[Kind] = "judgement"
    texts: ClassVar[int] = 1

    def check(self, case: Case) -> Finding:
        """Check the form, then read the model's three answers."""
        problem = form_problem(case.question.text)
        text = next((text for text in case.texts if text), "")
        said = {aspect: _said(text, aspect) for aspect in _ASPECTS}
        known = [answer for answer in said.values() if answer is not None]
        agreeing = sum(known)
        score = 0.0 if problem else agreeing / len(_ASPECTS)
        evidence: dict[str, Any] = {"form": problem, **said, "text": text}
        verdict, reason = _verdict(problem, said)
        return Finding(
            verdict=verdict, score=score, reason=reason, agreeing=agreeing, routes=len(known), evidence=evidence
        )


def form_problem(text: str) -> str:
    """Return what is wrong with the form of a question; empty if nothing is."""
    # The blank of a masked sentence stands for a word.
    text = with_filled_blank(text)
    if mentions_references(text) or lacks_information(text):
        return "refers to something that is not there"
    if asks_several(text):
        return "asks several questions"
    return "" if asks(text) else _NO_FORM


def _said(text: str, aspect: str) -> bool | None:
    """Return what a text says under a tag; None if it says neither yes nor no."""
    found, _ = blocks(text, (aspect,))
    word = re.sub(r"[^a-z]", "", found[-1][aspect].casefold()) if found else ""
    return {"yes": True, "no": False}.get(word)


def _verdict(problem: str, said: dict[str, bool | None]) -> tuple[Verdict, str]:
    if problem:
        return "failed", problem
    refused = next((aspect for aspect, answer in said.items() if answer is False), "")
    if refused:
        return "failed", _ASPECTS[refused]
    if None in said.values():
        return "undecided", "the model does not say yes or no"
    return "passed", ""
