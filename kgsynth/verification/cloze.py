"""The verifier `cloze`: the answer to a masked sentence must be a name of the masked concept."""

from typing import ClassVar

from kgsynth.records import AnsweredQuestion
from kgsynth.verification.short_answers import contains_name, is_same_name, short_answer
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind

_MASK = "____"


class MaskedName(BaseVerifier):
    """Compares the final answer with the name that stands in the document, and with all its aliases in the graph.

    A longer answer that contains the name is undecided: "acute pancreatitis" may be another thing than "pancreatitis".
    """

    name: ClassVar[str] = "cloze"
    kind: ClassVar[Kind] = "computation"

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question is a masked sentence with a key."""
        return _MASK in question.text and bool(question.answer_key) and not question.options

    def check(self, case: Case) -> Finding:
        """Compare names without regard to case, articles, hyphens, accents and plural."""
        key = case.question.answer_key
        answers = [short_answer(vote) for vote in case.votes] or [short_answer(case.question.answer)]
        agreeing = sum(any(is_same_name(answer, name) for name in key) for answer in answers)
        answer = answers[case.kept_vote] if case.votes else answers[0]
        evidence = {"answer": answer, "key": list(key)}
        if not answer:
            return Finding(
                verdict="undecided", score=0.0, reason="no final answer", routes=len(answers), evidence=evidence
            )
        if any(is_same_name(answer, name) for name in key):
            return Finding(verdict="passed", score=1.0, agreeing=agreeing, routes=len(answers))
        if any(contains_name(answer, name) for name in key):
            return Finding(
                verdict="undecided", score=0.5, reason="a longer name", routes=len(answers), evidence=evidence
            )
        return Finding(verdict="failed", score=0.0, reason="another name", routes=len(answers), evidence=evidence)
