"""The verifier `cloze`: the answer to a masked sentence must be a name of the masked concept."""

import re
from typing import ClassVar

from kgsynth.final_answers import final_answer
from kgsynth.question_form import BLANK
from kgsynth.records import AnsweredQuestion
from kgsynth.verification.short_answers import contains_name, is_same_name, short_answer
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind

# Characters on either side of the blank that an answer must repeat; on one side alone at least so many.
_CONTEXT_CHARS = 40
_LEAST_ALONE = 15


class MaskedName(BaseVerifier):
    """Compares the final answer with the name that stands in the document, and with all its aliases in the graph.

    A longer answer that contains the name is undecided: "acute pancreatitis" may be another thing than "pancreatitis".
    """

    name: ClassVar[str] = "cloze"
    kind: ClassVar[Kind] = "computation"

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question is a masked sentence with a key."""
        return BLANK in question.text and bool(question.answer_key) and not question.options

    def check(self, case: Case) -> Finding:
        """Compare names without regard to case, articles, hyphens, accents and plural."""
        key = case.question.answer_key
        texts = case.votes or (case.question.answer,)
        answers = [
            short_answer(text) if final_answer(text) else _filled(case.question.text, text) or short_answer(text)
            for text in texts
        ]
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


def _filled(question: str, answer: str) -> str:
    """Return what an answer puts into the blank where it repeats the sentence; empty if it does not."""
    before, _, after = " ".join(question.rpartition("\n\n")[2].split()).partition(BLANK)
    before = before.removesuffix("a(n) ")[-_CONTEXT_CHARS:].strip()
    after = after.strip()[:_CONTEXT_CHARS].strip().rstrip(".")
    if not before and not after:
        return ""
    name = r"(?:an?\s+)?([^.;]{1,80}?)"
    end = re.escape(after) if after else r"(?:[.;]|$)"
    patterns = [rf"{re.escape(before)}\s*{name}\s*{end}"]
    if len(after) >= _LEAST_ALONE:
        patterns.append(rf"(?:^|[.:]\s+){name}\s*{end}")
    if len(before) >= _LEAST_ALONE:
        patterns.append(rf"{re.escape(before)}\s*{name}\s*\.?$")
    repeated = " ".join(answer.split())
    match = next(filter(None, (re.search(pattern, repeated, re.IGNORECASE) for pattern in patterns)), None)
    return match.group(1).strip(" *_\"'“”") if match else ""
