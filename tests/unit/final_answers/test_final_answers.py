"""Tests of `kgsynth.final_answers.final_answers`."""

import re
import sys
import threading
from collections import defaultdict
from fractions import Fraction
from functools import partial

import champ_dataset
import mpmath
import pytest

from kgsynth.final_answers import Precision, Verdict, are_equal, compare, final_answer, majority, precision_of
from tests.timing import is_quick
from tests.unit.final_answers.final_answers_cases import DIFFERENT, EQUAL, PAIRS, UNIT_MISSING

WANTED = {"true": Verdict.EQUAL, "false": Verdict.DIFFERENT, "unit_missing": Verdict.UNIT_MISSING}


TYPES = sorted({row["type"] for row in PAIRS})


@pytest.mark.parametrize("kind", TYPES)
def test_no_pair_of_the_table_is_wrongly_equal_and_few_are_wrongly_different(kind: str) -> None:
    rows = [(row["first"], row["second"], WANTED[row["same"]]) for row in PAIRS if row["type"] == kind]
    wrong: dict[Verdict, list[tuple[str, str]]] = defaultdict(list)
    for first, second, wanted in rows:
        found = compare(first, second)
        if found is not wanted:
            wrong[found].append((first, second))
    assert wrong[EQUAL] == []
    assert len(wrong[DIFFERENT]) <= 0.02 * len(rows), wrong[DIFFERENT]
    assert wrong[UNIT_MISSING] == []


def test_the_table_is_large_and_covers_both_verdicts_of_every_type() -> None:
    assert len(PAIRS) >= 320
    for kind in TYPES:
        assert {row["same"] for row in PAIRS if row["type"] == kind} >= {"true", "false"}, kind


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("1/2", "0.5", True), ("1/2", r"50\%", True), ("0.5", "50 %", True), (r"\frac12", "$0.50$", True), ("50", r"50\%", False),
        (r"\sqrt{8}", r"2\sqrt{2}", True), ("$x^2+2x+1$", "(x+1)^2", True), ("x = 3", "3", True), (r"\{1,2\}", r"\{2,1\}", True),
        ("(1,2)", "(2,1)", False), ("1,000", "1000", True), ("yes", "Yes.", True), ("Paris", "London", False), (r"\text{(B)}", "(b)", True),
        ("350 ml", "35 ml", False), ("10^{10^{10}}", "10", False), ("99999!", "1", False), ("2^{10}", "1024", True), ("-1", "1", False),
    ],
)  # fmt: skip
def test_final_answers_are_compared_as_mathematics(first: str, second: str, equal: bool) -> None:
    assert are_equal(first, second) is equal
    assert are_equal(second, first) is equal


@pytest.mark.parametrize(
    ("text", "final"),
    [
        (r"So \boxed{1}, no: $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"Thus \boxed{\{a \in S : \text{odd}\}}", r"\{a \in S : \text{odd}\}"),
        ("...\n**Final answer:** 350 ml.", "350 ml"),
        ("Hence the answer is 5.", "5"),
        (r"The final answer is $\boxed{7}$", "7"),
        ("It is proved.", ""),
        (r"\boxed{", ""),
        ("The final answer is 7\nas was to be shown", "7"),
        (r"\boxed{6} is cut: \boxed{7", "6"),
        (r"Say \boxed{12}, then \boxed{ }.", "12"),
        (r"$\boxed 8$", "8"), (r"\boxed8", "8"), (r"$\boxed\frac34$", r"\frac34"), (r"$\boxed -17$.", "-17"), (r"\boxed\pi", r"\pi"),
        (r"\fbox{21}", "21"), (r"\\boxed{31}", "31"), (r"\boxed{\boxed{\fbox{4}}}", "4"), (r"\boxed{y = \boxed{4}}", "y = 4"),
        (r"\boxed{p\}q}", r"p\}q"), (r"$x$ is \boxed{8} and $y$ is \boxed{9}", "9"),
        (r"\[\boxed{\begin{pmatrix}3\\4\end{pmatrix}}\]", r"\begin{pmatrix}3\\4\end{pmatrix}"),
        (r"\boxed{8} it is. Final answer: 9", "8"), (r"It is \boxed{8}, for $x^{2}$ and ${y}$ are.", "8"),
        ("#### 18", "18"), ("#### $1,250", "$1,250"), ("#### Step 2: add\nand so on", ""), ("#### 2. Add them\nand so on", ""),
        ("Answer: 81", "81"), ("**Answer:** 81", "81"), ("**Answer**: 81.", "81"), ("ANSWER 81", "81"), ("Answer = 81", "81"),
        ("**Final Answer:** **19**", "19"), ("## Final Answer\n\n81", "81"), ("Final Answer\n$$\n81\n$$", "81"),
        ("The final answer is:\n\n\\[\nx = 81\n\\]\n", "x = 81"), ("The final answer is:\n\n$$8$$", "8"), ("answer is: $\\frac38$.", r"\frac38"),
        ("So the answer is 4 cars because two left.", "4 cars"), ("The answer is 4 cars, since two left.", "4 cars"),
        ("The answer to the second part is 6.", "6"), ("The correct answer is (D).", "(D)"), ("The answer is 2.5. It follows that", "2.5"),
        ("Answer: 3\nAnswer: 4", "4"), ("最终答案是 17。", "17"), ("答案：17", "17"), ("答え：17", "17"), ("Ответ: 17", "17"),
        ("Antwort: 17 km", "17 km"), ("Die Antwort lautet 17.", "17"), ("Réponse : 17", "17"), ("La respuesta es 17.", "17"), ("Respuesta: 17", "17"),
        ("Therefore y = 6.", ""), ("The answer is not known.", ""), ("Answer:", ""), ("Answer: :", ""), ("Answer:\n\n", ""), ("", ""),
        ("The answer is as follows: we add them.", ""), ("There is no better answer than this.", ""), ("Answer:\nAnswer:", ""),
    ],
)  # fmt: skip
def test_the_final_answer_is_found(text: str, final: str) -> None:
    assert final_answer(text) == final


def test_finding_is_linear_in_the_length_of_the_text() -> None:
    texts = [
        "\n" * 100_000, "\\boxed{" * 14_000, "\\boxed{" * 7_000 + "1" + "}" * 7_000, "the answer is" * 8_000, "final answer " + "* " * 50_000,
        "the answer is not \n" * 6_000, "#### foo\n" * 11_000, "{" * 100_000, "Answer:\n" * 12_000, "answer: $" * 11_000,
        "Answer: because " * 6_000, "the answer " + " " * 100_000 + "x", "the answer to " * 7_000, "Answer is " + "\\(" * 50_000,
    ]  # fmt: skip
    for text in texts:
        assert is_quick(partial(final_answer, text), times=30), text[:40]


def test_the_majority_is_kept_with_its_agreement() -> None:
    best = majority(["1", "0.5", "", "1/2", r"50\%", "2"])
    assert best is not None
    assert (best.vote_index, best.agreeing, best.votes, best.agreement) == (1, 3, 6, 0.5)
    assert (best.members, best.unit_missing) == ((1, 3, 4), 0)
    tie = majority(["2", "1", "1", "2"])
    assert tie is not None
    assert tie.vote_index == 0
    assert majority(["", ""]) is None
    assert majority([]) is None


def test_votes_for_different_units_never_agree() -> None:
    best = majority(["5", "5 cm", "5 km"])
    assert best is not None
    assert (best.vote_index, best.agreeing, best.unit_missing, best.members) == (1, 2, 1, (0, 1))
    km_first = majority(["5 km", "5", "5 cm", "5 cm"])
    assert km_first is not None
    assert (km_first.vote_index, km_first.members) == (0, (0, 1))
    all_with = majority(["5 cm", "50 mm", "7"])
    assert all_with is not None
    assert (all_with.vote_index, all_with.agreeing, all_with.unit_missing) == (0, 2, 0)


@pytest.mark.parametrize(
    ("question", "precision"),
    [
        ("What is it?", None), ("Name the nearest star and ten places to see.", None), ("How significant is it?", None),
        ("Give it to two decimal places.", Precision(step=Fraction(1, 100))), ("Round to 3 decimals.", Precision(step=Fraction(1, 1000))),
        ("Give 4 significant figures.", Precision(figures=4)), ("to the nearest thousandth", Precision(step=Fraction(1, 1000))),
        ("to the nearest 0.05", Precision(step=Fraction(1, 20))), ("to the nearest thousand", Precision(step=Fraction(1000))),
        ("to the nearest whole percent", Precision(step=Fraction(1))), ("to the nearest 10", Precision(step=Fraction(10))),
    ],
)  # fmt: skip
def test_the_precision_of_a_question_is_read(question: str, precision: Precision | None) -> None:
    assert precision_of(question) == precision


@pytest.mark.parametrize(
    ("question", "first", "second", "equal"),
    [
        ("Find it.", "3.14", "3.142", False),
        ("Round to two decimal places.", "3.14", r"\pi", True), ("Round to two decimal places.", "3.14", "3.142", True),
        ("Round to two decimal places.", "3.14", "3.15", False), ("Give 2 d.p.", "0.67", "2/3", True), ("to 1 decimal place", "0.67", "0.7", True),
        ("correct to 3 significant figures", "1230", "1234", True), ("correct to 3 significant figures", "1230", "1240", False),
        ("to three significant digits", "0.00123", "0.001234", True), ("to 3 s.f.", "0.00123", "0.00124", False), ("to 2 sig figs", "1.4", r"\sqrt2", True),
        ("to the nearest integer", "7", "6.7", True), ("to the nearest integer", "7", "8", False), ("to the nearest integer", "6.4", "6.6", True), ("to the nearest tenth", "1.4", r"\sqrt{2}", True),
        ("to the nearest hundredth", "1.4", r"\sqrt{2}", False), ("to the nearest cent", r"\$3.33", "10/3 dollars", True),
        ("to the nearest 0.01", "0.33", "1/3", True), ("to the nearest 0.01", "0.33", "0.35", False), ("to the nearest hundred", "1200", "1234", True),
        ("to the nearest whole number", "12 cm", "12.3 cm", True), ("to the nearest whole number", "12 cm", "12.3 km", False),
        ("to the nearest degree", "37^\\circ", "36.87^\\circ", True), ("to one decimal place", r"33.3\%", "1/3", True),
        ("to one decimal place", r"33.3\%", r"36\%", False), ("to two decimal places", "(1.41, 2)", r"(\sqrt2, 2)", True), ("to two decimal places", "x", "y", False),
        ("to two decimal places", "x=1.41", r"\sqrt2", True),
    ],
)  # fmt: skip
def test_a_stated_precision_is_the_only_tolerance(question: str, first: str, second: str, equal: bool) -> None:
    precision = precision_of(question)
    assert (precision is None) is (question == "Find it.")
    assert are_equal(first, second, precision) is equal
    assert are_equal(second, first, precision) is equal


def test_every_thread_computes_with_its_own_precision() -> None:
    found: list[Verdict] = []

    def work(number: int) -> None:
        for n in range(1, 25):
            found.append(compare(f"{n}e^{{{number * 20}}}", f"{n}e^{{{number * 20}}}+1"))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in (1, 30, 2, 40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert found == [DIFFERENT] * 96
    # The context of the module is everybody's.
    assert mpmath.mp.dps == 15


CHAMP = [problem.answer for problem in champ_dataset.load("v0").problems.values()]


def _changed(answer: str) -> list[str]:
    """The answer with another sign, another size and another unit; of a text, another text."""
    changed = [f"-({answer})", f"10*({answer})", f"{answer} km", f"not {answer}"]
    number = r"(?<![\w.])[1-9]\d*(?![\w.])"
    changed.append(re.sub(number, lambda found: f"{int(found.group()) + 1}", answer, count=1))
    changed.append(re.sub(number, lambda found: f"{found.group()}0", answer, count=1))
    return [one for one in changed if one != answer]


@pytest.mark.parametrize("answer", sorted(set(CHAMP)))
def test_answers_that_people_wrote_equal_their_copies_and_nothing_else(answer: str) -> None:
    assert are_equal(answer, answer)
    assert are_equal(answer, f"${answer}$")
    assert are_equal(answer, f"  {answer} ")
    assert are_equal(answer, f"{answer}.") or answer.endswith("...")
    assert are_equal(answer.replace("*", " * "), answer)
    fraction = re.fullmatch(r"(-?)(\d+)/(\d+)", answer)
    if fraction:
        assert are_equal(answer, rf"{fraction[1]}\dfrac{{{fraction[2]}}}{{{fraction[3]}}}")
    for changed in _changed(answer):
        if answer in ("0", "x=y=0", "f(x)=0") and changed in ("-(0)", "10*(0)"):
            continue
        assert not are_equal(answer, changed), changed
