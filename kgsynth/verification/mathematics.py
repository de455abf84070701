"""The verifier `math`: compare final answers by their type, with the key if there is one, else with the other votes."""

import re
from typing import ClassVar, Literal

from kgsynth.final_answers import Precision, Verdict, compare, final_answer, precision_of
from kgsynth.final_answers.kinds import Text
from kgsynth.final_answers.typed import typed
from kgsynth.names import loose_form
from kgsynth.records import AnsweredQuestion
from kgsynth.verification.short_answers import is_same_name
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind, Verdict as Outcome

Likeness = Literal["equal", "unit missing", "unsure", "different"]


class FinalAnswers(BaseVerifier):
    """Compares the final answer with the key of the question, or with the final answers of the other votes.

    With a key, an equal answer passes. Without one, an answer passes if more than half of at least two votes agree, and
    fails if no other vote agrees; a single vote is undecided.
    """

    name: ClassVar[str] = "math"
    kind: ClassVar[Kind] = "computation"

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question has no options; `choice` checks those that have."""
        return not question.options

    def check(self, case: Case) -> Finding:
        """Compare the final answer by its type: numbers, expressions, equations, intervals, sets, units, texts."""
        question = case.question
        if not question.final_answer:
            return Finding(verdict="undecided", score=0.0, reason="no final answer")
        precision = precision_of(question.text)

        if question.answer_key:
            return _with_key(case, precision)
        finals = [final_answer(vote) for vote in case.votes]
        others = [final for index, final in enumerate(finals) if index != case.kept_vote and final]
        if not others:
            return Finding(verdict="undecided", score=0.0, reason="no other vote", routes=1)
        # As in the vote itself, an answer that only lacks its unit agrees.
        found = [_likeness(question.final_answer, other, precision) for other in others]
        agreeing = 1 + sum(likeness in ("equal", "unit missing") for likeness in found)
        # A vote without a final answer is a route that led nowhere.
        score = agreeing / len(case.votes)
        is_alone = agreeing == 1 and "unsure" not in found
        outcome: Outcome = "failed" if is_alone else "passed" if agreeing > 1 and score > 0.5 else "undecided"
        return Finding(
            verdict=outcome,
            score=score,
            reason="" if outcome == "passed" else "the votes differ",
            agreeing=agreeing,
            routes=len(case.votes),
        )


def _likeness(first: str, second: str, precision: Precision | None) -> Likeness:
    """Compare two answers; names that share a word may mean the same, so they are not called different."""
    verdict = compare(first, second, precision)
    if verdict is not Verdict.DIFFERENT:
        return "equal" if verdict is Verdict.EQUAL else "unit missing"
    if not any(isinstance(typed(answer).answer, Text) for answer in (first, second)):
        return "different"
    if is_same_name(first, second):
        return "equal"
    shared = set(re.findall(r"\w+", loose_form(first))) & set(re.findall(r"\w+", loose_form(second)))
    return "unsure" if any(len(word) > 2 for word in shared) else "different"


def _with_key(case: Case, precision: Precision | None) -> Finding:
    question = case.question
    found = {_likeness(question.final_answer, key, precision) for key in question.answer_key}
    if "equal" in found:
        return Finding(verdict="passed", score=1.0, agreeing=1, routes=1)
    evidence = {"final_answer": question.final_answer, "key": list(question.answer_key)}
    if "unit missing" in found:
        return Finding(verdict="undecided", score=0.5, reason="a unit is missing", routes=1, evidence=evidence)
    if "unsure" in found:
        return Finding(verdict="undecided", score=0.5, reason="a similar text", routes=1, evidence=evidence)
    return Finding(verdict="failed", score=0.0, reason="differs from the key", routes=1, evidence=evidence)
