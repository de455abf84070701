"""Tests of `kgsynth.verification.cloze`."""

import pytest

from kgsynth.final_answers import final_answer
from kgsynth.records import AnsweredQuestion
from kgsynth.verification.cloze import MaskedName
from kgsynth.verifier import Case

KEY = ("loops of Henle", "loop of Henle", "ansa nephroni")


def case(*votes: str, key: tuple[str, ...] = KEY) -> Case:
    question = AnsweredQuestion(
        id="q",
        text="Furosemide acts on the ____.",
        answer=votes[0],
        final_answer=final_answer(votes[0]),
        answer_key=key,
    )
    return Case(question=question, votes=votes)


@pytest.mark.parametrize(
    "answer",
    [
        "Final answer: loop of Henle",
        "Final answer: the Loop of Henle.",
        "It has two limbs.\n\n**Final answer:** loops of Henle",
        "Final answer: Ansa nephroni",
        r"The final answer is \boxed{\text{loop of Henle}}.",
        "loop of Henle",
    ],
)
def test_a_name_or_an_alias_passes_in_any_spelling(answer: str) -> None:
    finding = MaskedName().check(case(answer))
    assert (finding.verdict, finding.score, finding.agreeing, finding.routes) == ("passed", 1.0, 1, 1)


@pytest.mark.parametrize("answer", ["Final answer: collecting duct", "Final answer: Henle", "Final answer: nephron"])
def test_another_name_fails(answer: str) -> None:
    finding = MaskedName().check(case(answer))
    assert (finding.verdict, finding.reason) == ("failed", "another name")
    assert finding.evidence["key"] == list(KEY)


def test_a_longer_name_and_no_answer_are_undecided() -> None:
    longer = MaskedName().check(case("Final answer: thick limb of the loop of Henle"))
    assert (longer.verdict, longer.reason) == ("undecided", "a longer name")
    none = MaskedName().check(case("The nephron has many parts, and I cannot say which of them is meant in this text."))
    assert (none.verdict, none.reason) == ("undecided", "no final answer")


def test_votes_are_routes() -> None:
    finding = MaskedName().check(
        case("Final answer: loop of Henle", "Final answer: nephron", "Final answer: Henle loop")
    )
    assert (finding.verdict, finding.agreeing, finding.routes) == ("passed", 1, 3)


def test_it_applies_to_masked_sentences_with_a_key_only() -> None:
    text = "Furosemide acts on the ____."
    assert MaskedName().applies(AnsweredQuestion(id="q", text=text, answer_key=KEY))
    assert not MaskedName().applies(AnsweredQuestion(id="q", text=text))
    assert not MaskedName().applies(AnsweredQuestion(id="q", text="On what does it act?", answer_key=KEY))
    assert not MaskedName().applies(AnsweredQuestion(id="q", text=text, answer_key=("A",), options=("a", "b")))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Furosemide acts on the loop of Henle.", "passed"),
        (
            "As I read it, furosemide acts on the *loops of Henle*. This is known to all students of the subject.",
            "passed",
        ),
        ("Furosemide acts on the collecting duct.", "failed"),
        ("I think that this drug may well act on several parts of the nephron at once.", "undecided"),
    ],
)
def test_an_answer_may_repeat_the_sentence_with_the_name(answer: str, verdict: str) -> None:
    assert MaskedName().check(case(answer)).verdict == verdict


@pytest.mark.parametrize(
    ("answer", "key", "verdict"),
    [
        ("Final answer: Crohn's disease", "Crohn’s disease", "passed"),
        ("Final answer: T-cell", "T–cell", "passed"),
        ("Final answer: insulin, a hormone of the pancreas", "insulin", "undecided"),
        ("Final answer: glucagon, a hormone of the pancreas", "insulin", "failed"),
    ],
)
def test_marks_do_not_matter(answer: str, key: str, verdict: str) -> None:
    assert MaskedName().check(case(answer, key=(key,))).verdict == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Fatty acids of lipids can vary in chain length, and in their double bonds.", "passed"),
        ("As we have learned, fatty acids.", "passed"),
        ("Amino acids of lipids can vary in chain length, and in their double bonds.", "failed"),
        ("They vary in chain length because lipids are made by several pathways in the cells.", "undecided"),
    ],
)
def test_an_answer_may_repeat_one_side_of_the_sentence(answer: str, verdict: str) -> None:
    text = "Fill in the blank.\n\nAs we have learned, ____ of lipids can vary in chain length."
    question = AnsweredQuestion(id="q", text=text, answer=answer, answer_key=("fatty acids", "fatty acid"))
    assert MaskedName().check(Case(question=question, votes=(answer,))).verdict == verdict
