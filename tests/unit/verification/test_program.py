"""Tests of `kgsynth.verification.program`."""

from collections.abc import Mapping

import pytest

from kgsynth.records import AnsweredQuestion
from kgsynth.verification.program import ProgramOfThought
from kgsynth.verifier import Case, Execution, Finding
from tests.unit.verification.verification_cases import run_plainly

PROGRAM = "Here it is.\n```python\nprint(6 * 7)\n```"


def check(
    final: str,
    printed: str,
    *,
    question: str = "How many?",
    key: tuple[str, ...] = (),
    state: str = "finished",
    texts: tuple[str, ...] = (PROGRAM,),
) -> Finding:
    def run(program: str, files: Mapping[str, str]) -> Execution:
        assert program == "print(6 * 7)\n"
        assert not files
        return Execution(state=state, stdout=printed)

    asked = AnsweredQuestion(id="q", text=question, answer="a", final_answer=final, answer_key=key)
    return ProgramOfThought().check(Case(question=asked, votes=("a",), texts=texts, run=run))


@pytest.mark.parametrize(
    ("final", "printed", "verdict"),
    [
        ("42", "42\n", "passed"),
        ("42", "working\n41\n\n42\n", "passed"),
        ("42", "The answer is: 42\n", "passed"),
        ("x^2+1", "x**2 + 1", "passed"),
        (r"\frac{\sqrt{2}}{2}", "sqrt(2)/2", "passed"),
        (r"\frac{1}{3}", "0.333333333333333", "passed"),
        (r"\pi", "3.14159265358979", "passed"),
        (r"\{-1, 1\}", "{-1, 1}", "passed"),
        ("5\\text{ m/s}", "5.02 m/s", "passed"),
        ("18 km/h", "5 m/s", "passed"),
        ("yes", "True", "passed"),
        ("12\\%", "0.12", "passed"),
        ("42", "41", "failed"),
        ("x^2+1", "x**2 + 2", "failed"),
        ("(1, 2)", "(2, 1)", "failed"),
        ("18 km/h", "6 m/s", "failed"),
        ("5 m", "5 s", "failed"),
        ("yes", "False", "failed"),
        # Rounded without a stated precision, another kind, other letters, a missing unit, or no value at all.
        ("9.81", "9.8", "undecided"),
        ("[0, 1]", "Interval(0, 1)", "undecided"),
        ("x + 1", "n + 1", "undecided"),
        ("18 km/h", "5", "undecided"),
        ("18 km/h", "7", "undecided"),
        ("42", "no solution was found", "undecided"),
    ],
)
def test_the_printed_value_is_compared(final: str, printed: str, verdict: str) -> None:
    found = check(final, printed)
    assert found.verdict == verdict
    assert (found.agreeing, found.routes) == (1 + (verdict == "passed"), 2)
    assert found.score == {"passed": 1.0, "failed": 0.0, "undecided": 0.5}[verdict]


def test_the_precision_of_the_question_holds() -> None:
    rounded = "Give the result to two decimals."
    assert check("3.14", "3.14159", question=rounded).verdict == "passed"
    assert check("3.15", "3.14159", question=rounded).verdict == "failed"


@pytest.mark.parametrize(
    ("state", "printed", "reason"),
    [
        ("failed", "42", "the program ends with an error"),
        ("finished", " \n", "the program prints nothing"),
        ("timed out", "", "the program is stopped: timed out"),
        ("not run", "", "no sandbox"),
    ],
)
def test_a_program_that_gives_no_value_decides_nothing(state: str, printed: str, reason: str) -> None:
    found = check("42", printed, state=state)
    assert (found.verdict, found.reason, found.score) == ("undecided", reason, 0.0)
    assert found.evidence["program"] == "print(6 * 7)\n"


def test_a_text_without_a_program_and_an_answer_without_a_value_decide_nothing() -> None:
    assert check("42", "42", texts=("",)).reason == "no program"
    assert check("42", "42", texts=("```python\nprint(\n```",)).reason == "no program"
    assert check("", "42").reason == "no final answer"
    assert not ProgramOfThought().applies(AnsweredQuestion(id="q", text="Which?", options=("1", "2")))


def test_a_key_is_another_route() -> None:
    agrees, differs = check("42", "42", key=("42",)), check("42", "42", key=("41",))
    assert (agrees.agreeing, agrees.routes, agrees.evidence["key"]) == (3, 3, "equal")
    assert (differs.agreeing, differs.routes, differs.evidence["key"]) == (2, 3, "different")


def test_a_program_is_run() -> None:
    asked = AnsweredQuestion(id="q", text="How many?", final_answer="42")
    found = ProgramOfThought().check(Case(question=asked, texts=(PROGRAM,), run=run_plainly))
    assert (found.verdict, found.evidence["printed"]) == ("passed", "42")
