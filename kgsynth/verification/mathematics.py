"""The verifier `math`: compare final answers by their type, with the key if there is one, else with the other votes."""

from typing import ClassVar

from kgsynth.final_answers import Precision, Verdict, compare, final_answer, precision_of
from kgsynth.records import AnsweredQuestion
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind
from kgsynth.verifier import Verdict as Outcome


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
        verdicts = [compare(question.final_answer, other, precision) for other in others]
        agreeing = 1 + sum(verdict is not Verdict.DIFFERENT for verdict in verdicts)
        score = agreeing / (1 + len(others))
        outcome: Outcome = "failed" if agreeing == 1 else "passed" if score > 0.5 else "undecided"
        return Finding(
            verdict=outcome,
            score=score,
            reason="" if outcome == "passed" else "the votes differ",
            agreeing=agreeing,
            routes=1 + len(others),
        )


def _with_key(case: Case, precision: Precision | None) -> Finding:
    question = case.question
    verdicts = {compare(question.final_answer, key, precision) for key in question.answer_key}
    if Verdict.EQUAL in verdicts:
        return Finding(verdict="passed", score=1.0, agreeing=1, routes=1)
    evidence = {"final_answer": question.final_answer, "key": list(question.answer_key)}
    if Verdict.UNIT_MISSING in verdicts:
        return Finding(verdict="undecided", score=0.5, reason="a unit is missing", routes=1, evidence=evidence)
    return Finding(verdict="failed", score=0.0, reason="differs from the key", routes=1, evidence=evidence)
