"""Tests of `kgsynth.verification.question`."""

import pytest

from kgsynth.records import AnsweredQuestion
from kgsynth.verification.question import QuestionCheck, form_problem
from kgsynth.verifier import Case, Finding

GOOD = "Find the remainder of $2^{100}$ when it is divided by $101$."


def tagged(*answers: str) -> str:
    tags = zip(("consistent", "complete", "unique"), answers, strict=True)
    return "It is clear.\n" + "\n".join(f"<{tag}>\n{answer}\n</{tag}>" for tag, answer in tags)


def check(text: str, *, question: str = GOOD) -> Finding:
    return QuestionCheck().check(Case(question=AnsweredQuestion(id="q", text=question), texts=(text,)))


@pytest.mark.parametrize(
    ("text", "verdict", "score", "reason"),
    [
        (tagged("yes", "Yes.", "**yes**"), "passed", 1.0, ""),
        (tagged("no", "yes", "yes"), "failed", 2 / 3, "the model finds a contradiction"),
        (tagged("yes", "no", "no"), "failed", 1 / 3, "the model finds that something is missing"),
        (tagged("yes", "yes", "no"), "failed", 2 / 3, "the model finds more than one answer"),
        (tagged("yes", "yes", "perhaps"), "undecided", 2 / 3, "the model does not say yes or no"),
        ("Looks good.", "undecided", 0.0, "the model does not say yes or no"),
        ("", "undecided", 0.0, "the model does not say yes or no"),
    ],
)
def test_the_model_answers_three_questions(text: str, verdict: str, score: float, reason: str) -> None:
    found = check(text)
    assert (found.verdict, found.score, found.reason) == (verdict, score, reason)
    assert QuestionCheck().kind == "judgement"


@pytest.mark.parametrize(
    ("question", "problem"),
    [
        (GOOD, ""),
        ("Which gas do plants release?", ""),
        ("植物释放哪种气体", ""),
        ("Write a function.\n\n```python\ndef f(x):\n```\n\nAllowed imports: networkx", ""),
        ("Factorize $x^4 + x^2 + 1$.", ""),
        ("Find the area of the triangle in the figure below.", "refers to something that is not there"),
        ("Find the sum of the numbers and", "refers to something that is not there"),
        ("According to the passage, what is a graph?", "refers to something that is not there"),
        ("What is the sum of 1 and 2? What is their product?", "asks several questions"),
        ("The sum of two numbers is five.", "has no question and no task"),
    ],
)
def test_a_question_asks_one_thing_and_refers_to_nothing_that_is_missing(question: str, problem: str) -> None:
    assert form_problem(question) == problem
    found = check(tagged("yes", "yes", "yes"), question=question)
    assert found.verdict == ("failed" if problem else "passed")
    assert found.score == (0.0 if problem else 1.0)
