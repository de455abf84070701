"""Tests of the verification of answers in `kgsynth.generation.answers`; test_questions.py has those of votes and judge."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from kgsynth.generation.answers import Answering, QuestionToAnswer, Verification
from kgsynth.generation.backend import Completion
from kgsynth.generation.prompts import parse
from kgsynth.records import AnsweredQuestion
from kgsynth.verification.mathematics import FinalAnswers
from kgsynth.verifier import BaseVerifier, Case, Execution, Finding, Passage
from tests.unit.generation.generation_cases import context, finish

QUESTION = AnsweredQuestion(id="q-1", text="What is half of one?", documents=("d1",))
PROGRAM = parse(
    "d/verify_program", "[[user]]\nWrite a program.\n{{passages}}\n{{question}} ({{imports}})", task="verify_program"
)


class Program(BaseVerifier):
    """Runs a text in the sandbox."""

    name: ClassVar[str] = "program"
    kind = "execution"
    needs = frozenset({"sandbox", "passages"})
    texts: ClassVar[int] = 2

    def check(self, case: Case) -> Finding:
        result = case.run(case.texts[0], {})
        verdict = "undecided" if result.state == "not run" else "passed" if result.stdout == "ok" else "failed"
        evidence = {
            "program": case.texts[0],
            "texts": list(case.texts),
            "passages": [one.text for one in case.passages],
        }
        return Finding(verdict=verdict, score=0.5, reason=result.stderr, routes=2, evidence=evidence)


class Shortest(BaseVerifier):
    """Keeps the shortest vote."""

    name: ClassVar[str] = "shortest"
    kind = "structure"
    chooses: ClassVar[bool] = True

    def check(self, case: Case) -> Finding:
        best = min(range(len(case.votes)), key=lambda index: len(case.votes[index]))
        others = tuple(index for index in range(len(case.votes)) if index != best)
        return Finding(verdict="passed", score=1.0, agreeing=1, routes=3, best_vote=best, losing_votes=others)


def answering(
    verifiers: tuple[Any, ...], *, votes: int = 1, required: tuple[str, ...] = (), run: Any = None
) -> Answering:
    given = context(constrained=False)
    given = replace(given, templates={**given.templates, "verify_program": PROGRAM})
    verification = Verification(
        verifiers=verifiers,
        required=frozenset(required),
        imports=("sympy",),
        limits='{"cpu_seconds": 5}',
        **({"run": run} if run else {}),
    )
    unit = QuestionToAnswer(question=QUESTION, passages=(Passage(document="d1", title="T", text="halves " * 30),))
    return Answering(unit, given, votes=votes, min_agreement=0.0, judge=False, verification=verification)


def ok(program: str, files: Mapping[str, str]) -> Execution:
    return Execution(state="finished", stdout="ok" if program == "good" else "no")


def test_texts_for_verifiers_are_requested_with_the_votes_and_their_evidence_is_kept() -> None:
    work = answering((FinalAnswers(), Program()), votes=2, run=ok)
    requests = work.requests({})
    assert [request.id for request in requests] == [
        "answer:q-1:0", "answer:q-1:1", "verify_program:q-1:0", "verify_program:q-1:1",
    ]  # fmt: skip
    content = requests[2].messages[-1].content
    assert "halves halves" in content
    assert content.endswith("What is half of one? (sympy)")
    assert work.is_slow
    outcome = finish(work, r"\boxed{1/2}", r"\boxed{0.5}", "good", "other")
    (row,) = outcome.rows
    math, program = row.checks
    assert (math.verifier, math.verdict, math.agreeing, math.routes, math.limits) == ("math", "passed", 2, 2, "")
    assert (program.verdict, program.score, program.kind, program.limits) == (
        "passed",
        0.5,
        "execution",
        '{"cpu_seconds": 5}',
    )
    assert row.pass_rate == 1.0
    (evidence,) = outcome.evidence
    assert evidence["id"] == program.evidence_id
    assert evidence["texts"] == ["good", "other"]
    assert (outcome.totals["math_passed"], outcome.totals["program_passed"]) == (1, 1)
    assert outcome.totals["votes"] == 2


def test_without_a_sandbox_nothing_is_run_and_the_record_says_so() -> None:
    (row,) = finish(answering((Program(),)), r"\boxed{1/2}", "good", "other").rows
    assert (row.checks[0].verdict, row.checks[0].reason) == ("undecided", "there is no sandbox")
    assert row.pass_rate is None


def test_only_required_verifiers_remove_answers() -> None:
    outcome = finish(answering((Program(),), run=ok), r"\boxed{1/2}", "bad", "other")
    assert [check.verdict for check in outcome.rows[0].checks] == ["failed"]
    outcome = finish(answering((Program(),), run=ok, required=("program",)), r"\boxed{1/2}", "bad", "other")
    (refusal,) = outcome.refusals
    assert (refusal.reason, refusal.answer) == ("failed program", r"\boxed{1/2}")
    assert outcome.evidence
    (refusal,) = finish(answering((Program(),), required=("program",)), r"\boxed{1/2}", "good", "x").refusals
    assert (refusal.reason, refusal.answer) == ("undecided by program", "")
    work = answering((), required=("program",))
    assert work.requests({}) == []
    assert [refusal.reason for refusal in work.outcome({}).refusals] == ["checked by none of the required verifiers"]


def test_a_verifier_that_stops_with_an_error_leaves_the_answer_undecided() -> None:
    class Broken(Program):
        texts: ClassVar[int] = 0

        def check(self, case: Case) -> Finding:
            raise ValueError("a number of 5,000 digits")

    outcome = finish(answering((Broken(),)), r"\boxed{1/2}")
    assert [(check.verdict, check.reason) for check in outcome.rows[0].checks] == [
        ("undecided", "the verifier stopped: ValueError")
    ]
    assert "a number of 5,000 digits" in outcome.evidence[0]["error"]


def test_a_verifier_may_choose_the_vote() -> None:
    outcome = finish(answering((Shortest(), FinalAnswers()), votes=3), "a long answer", "short", "no answer at all")
    (row,) = outcome.rows
    assert row.answer == "short"
    assert row.losing_answers == ("a long answer", "no answer at all")
    assert [check.verifier for check in row.checks] == ["shortest", "math"]
    assert row.agreement == pytest.approx(1 / 3)


def test_a_text_that_was_cut_off_is_empty_for_the_verifier() -> None:
    work = answering((Program(),), run=ok)
    done = {
        request.id: Completion(
            request_id=request.id, text="good", finish_reason="length" if request.id.startswith("verify") else "stop"
        )
        for request in work.requests({})
    }
    assert work.outcome(done).evidence[0]["texts"] == ["", ""]
