"""Tests of the verifier `math`: final answers against a key, or against the other votes."""

import pytest

from kgsynth.records import AnsweredQuestion
from kgsynth.verification.mathematics import FinalAnswers
from kgsynth.verifier import Case
from tests.unit.verification.answer_cases import case_of

CHECK = FinalAnswers().check


@pytest.mark.parametrize(
    ("key", "final", "verdict"),
    [
        (r"\frac{3}{4}", "0.75", "passed"),
        (r"x^2 - 1", "(x-1)(x+1)", "passed"),
        (r"\{1, 2\}", "2, 1", "passed"),
        ("(0, 1]", "(0, 1]", "passed"),
        (r"2\sqrt{2}", r"\sqrt{8}", "passed"),
        ("x = 5", "5", "passed"),
        ("5 cm", "50 mm", "passed"),
        ("5 cm", "5", "undecided"),
        (r"\frac{3}{4}", r"-\frac{3}{4}", "failed"),
        (r"x^2 - 1", "x^2 + 1", "failed"),
        (r"\{1, 2\}", "1", "failed"),
        ("(0, 1]", "[0, 1)", "failed"),
        ("12", "13", "failed"),
        ("5 cm", "5 km", "failed"),
    ],
)
def test_an_answer_against_the_key(key: str, final: str, verdict: str) -> None:
    finding = CHECK(case_of("Find it.", final, key=[key]))
    assert finding.verdict == verdict
    assert bool(finding.evidence) == (verdict != "passed")


def test_one_of_several_keys_is_enough_and_the_precision_counts() -> None:
    assert CHECK(case_of("Find it.", "3", key=["2", "3"])).verdict == "passed"
    assert CHECK(case_of("Find it to two decimal places.", "3.14", key=[r"\pi"])).verdict == "passed"
    assert CHECK(case_of("Find it.", "3.14", key=[r"\pi"])).verdict == "failed"


@pytest.mark.parametrize(
    ("finals", "verdict", "agreeing", "routes"),
    [
        (["4"], "undecided", 0, 1),
        (["4", "4.0"], "passed", 2, 2),
        (["4", "8/2", "5"], "passed", 2, 3),
        (["4", "4", "5", "5"], "undecided", 2, 4),
        (["4", "5", "6"], "failed", 1, 3),
        (["4", ""], "undecided", 0, 1),
        (["4 cm", "4"], "passed", 2, 2),
        (["", "4"], "undecided", 0, 0),
    ],
)
def test_an_answer_against_other_votes(finals: list[str], verdict: str, agreeing: int, routes: int) -> None:
    finding = CHECK(case_of("Find it.", *finals))
    assert (finding.verdict, finding.agreeing, finding.routes) == (verdict, agreeing, routes)


def test_questions_with_options_are_left_to_another_verifier() -> None:
    assert not FinalAnswers().applies(AnsweredQuestion(id="q", text="Which?", options=("1", "2")))
    assert FinalAnswers().applies(AnsweredQuestion(id="q", text="Which?"))


@pytest.mark.parametrize(
    ("finals", "verdict"),
    [
        (("the mitochondria", "mitochondria"), "passed"),
        (("mitochondria", "Mitochondrion"), "passed"),
        (("potassium", "potassium ions"), "undecided"),
        (("1914", "in 1914"), "undecided"),
        (("oxygen", "carbon dioxide"), "failed"),
        (("5", "", "", "", "", "5"), "undecided"),
    ],
)
def test_names_that_share_a_word_are_not_called_different(finals: tuple[str, ...], verdict: str) -> None:
    texts = tuple(f"Final answer: {final}" if final else "I do not know what is asked for here." for final in finals)
    question = AnsweredQuestion(id="q", text="Which?", answer=texts[0], final_answer=finals[0])
    assert CHECK(Case(question=question, votes=texts)).verdict == verdict
