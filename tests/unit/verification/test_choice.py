"""Tests of `kgsynth.verification.choice`."""

import pytest

from kgsynth.records import AnsweredQuestion
from kgsynth.verification.choice import MultipleChoice, chosen_option, options_problem
from kgsynth.verifier import Case, Passage

OPTIONS = ("potassium", "iodide", "fluoride", "zinc")


def case(*votes: str, options: tuple[str, ...] = OPTIONS, key: tuple[str, ...] = ("A",)) -> Case:
    question = AnsweredQuestion(id="q", text="Which ion is lost?", answer=votes[0], options=options, answer_key=key)
    return Case(question=question, votes=votes)


@pytest.mark.parametrize(
    "answer",
    [
        "Final answer: A", "Final answer: (A)", "Final answer: A. potassium", "**Final answer:** potassium", "A",
        r"\boxed{A}", r"\boxed{\text{A}}", "Final answer: Potassium.", "The loop loses it.\n\nFinal answer: a) potassium",
    ],
)  # fmt: skip
def test_the_letter_or_the_text_of_the_key_passes(answer: str) -> None:
    assert MultipleChoice().check(case(answer)).verdict == "passed", answer


@pytest.mark.parametrize("answer", ["Final answer: B", "Final answer: iodide", "Final answer: (D) zinc"])
def test_another_option_fails(answer: str) -> None:
    finding = MultipleChoice().check(case(answer))
    assert (finding.verdict, finding.reason) == ("failed", "another option")


@pytest.mark.parametrize(
    "answer", ["It depends on the drug, the dose and the patient.", "Final answer: G", "Final answer: gold"]
)
def test_no_option_is_undecided(answer: str) -> None:
    assert MultipleChoice().check(case(answer)).verdict == "undecided", answer


@pytest.mark.parametrize(
    ("options", "key", "problem"),
    [
        (("myopia", "short sight", "glaucoma"), ("A",), ""),
        (("potassium", "Potassium", "zinc"), ("A",), "two options are the same"),
        (("1/2", "0.5", "3"), ("C",), "two options are the same"),
        (("enzymes", "enzyme", "hormone"), ("A",), "two options are the same"),
        (("pancreatitis", "acute pancreatitis", "hepatitis"), ("A",), "a wrong option contains the right one"),
        (("acute pancreatitis", "pancreatitis", "hepatitis"), ("A",), "a wrong option contains the right one"),
        (("hepatitis", "pancreatitis", "acute pancreatitis"), ("A",), ""),
        (("potassium", "zinc"), ("E",), "not exactly one option is the key"),
        (("potassium", "zinc"), ("A", "B"), "not exactly one option is the key"),
        (("potassium",), ("A",), "fewer than two options"),
    ],
)
def test_options_must_leave_exactly_one_right_one(options: tuple[str, ...], key: tuple[str, ...], problem: str) -> None:
    found = options_problem(options, key)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)
    assert (MultipleChoice().check(case("Final answer: A", options=options, key=key)).verdict == "failed") == bool(
        problem
    )


def test_most_votes_for_another_option_leave_the_key_in_doubt() -> None:
    finding = MultipleChoice().check(case("A", "B", "B"))
    assert (finding.verdict, finding.reason, finding.agreeing, finding.routes) == (
        "undecided", "most votes choose another option", 1, 3,
    )  # fmt: skip
    assert MultipleChoice().check(case("A", "A", "B")).verdict == "passed"


def test_a_letter_is_not_taken_from_a_word() -> None:
    assert chosen_option("Final answer: a hormone", ("enzyme", "hormone")) == 1
    assert chosen_option("Final answer: D", ("enzyme", "hormone")) is None


@pytest.mark.parametrize(
    ("answer", "options", "key", "verdict"),
    [
        ("Final answer: C. difficile", ("S. aureus", "C. difficile", "E. coli", "B. anthracis"), "B", "passed"),
        ("Final answer: B. anthracis", ("S. aureus", "C. difficile", "E. coli", "B. anthracis"), "B", "failed"),
        ("Final answer: A. insulin", ("aspirin", "insulin", "iodine"), "A", "undecided"),
        ("Final answer: B. insulin", ("aspirin", "insulin", "iodine"), "B. insulin", "passed"),
        ("Final answer: A", ("B", "A", "O", "AB"), "A", "passed"),
        ("Final answer: Crohn's disease", ("Crohn’s disease", "colitis"), "A", "passed"),
    ],
)
def test_the_text_of_an_option_goes_before_its_letter(
    answer: str, options: tuple[str, ...], key: str, verdict: str
) -> None:
    assert MultipleChoice().check(case(answer, options=options, key=(key,))).verdict == verdict


STEM = "A surgeon sees that the blood supply of a broken limb is reduced. What explains this?\n\nA. large quantity\nB. thrombosis"
SENTENCES = {
    "apart": "The supply of blood to a broken limb fails after thrombosis. It is rare. A large quantity of water is drunk.",
    "together": "A large quantity of callus may press on the limb and reduce its blood supply.",
}


@pytest.mark.parametrize(
    ("passages", "verdict"), [([], "failed"), (["together"], "failed"), (["apart"], "undecided"), (["apart", "together"], "failed")]
)  # fmt: skip
def test_a_key_that_no_sentence_connects_with_the_question_does_not_fail_another_option(
    passages: list[str], verdict: str
) -> None:
    question = AnsweredQuestion(
        id="q", text=STEM, answer="Final answer: B", options=("large quantity", "thrombosis"), answer_key=("A",)
    )
    texts = tuple(Passage(document=name, title="", text=SENTENCES[name]) for name in passages)
    finding = MultipleChoice().check(Case(question=question, votes=("Final answer: B",), passages=texts))
    assert finding.verdict == verdict
    right = Case(question=question, votes=("Final answer: A",), passages=texts)
    assert MultipleChoice().check(right).verdict == "passed"


@pytest.mark.parametrize(
    ("stem", "text"),
    [
        ("Which organ makes bile?", "The liver makes bile. This organ is large."),
        ("Which hormone lowers blood glucose?", "Insulin, not the liver, is meant. The hormone lowers the blood glucose: liver."),
        ("What is 2 + 2?", "The sum is four."),
        ("光合作用在哪里进行？", "光合作用在叶绿体中进行。"),
    ],
)  # fmt: skip
def test_a_key_next_to_words_of_the_question_is_connected_with_it(stem: str, text: str) -> None:
    question = AnsweredQuestion(
        id="q", text=stem, answer="Final answer: B", options=("liver", "kidney"), answer_key=("A",)
    )
    passages = (Passage(document="d", title="", text=text),)
    assert MultipleChoice().check(Case(question=question, votes=(), passages=passages)).verdict == "failed"
