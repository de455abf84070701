"""Tests of `kgsynth.final_answers.compare`."""

from functools import partial

import pytest
from hypothesis import given, settings, strategies as st

from kgsynth.final_answers import are_equal, compare, final_answer
from tests.timing import is_quick
from tests.unit.final_answers.final_answers_cases import DIFFERENT, EQUAL, PAIRS


def test_comparing_is_symmetric_and_every_answer_equals_itself() -> None:
    for row in PAIRS:
        first, second = row["first"], row["second"]
        assert compare(first, second) is compare(second, first), row
        for answer in (first, second):
            assert are_equal(answer, answer)
            assert are_equal(answer, f" ${answer}$ ") or "$" in answer or answer.startswith(("**", "`")), answer
    assert compare("", "") is DIFFERENT
    assert compare("5", " ") is DIFFERENT


@pytest.mark.slow
def test_explosive_numbers_and_deep_nesting_are_neither_computed_nor_fatal() -> None:
    hostile = [
        "10^{10^{10}}", "9^{9^{9^{9}}}", "99999!", "(10^9)^{10^9}", "2^{3^{4^{5}}}", r"\binom{10^9}{5\cdot10^8}", "((3000!)!)", "e^{e^{e^{e^{e}}}}",
        "(" * 240 + "1" + ")" * 240, "{" * 400, "-" * 480 + "1", r"\sqrt" * 90 + "2", r"\frac{" * 80, "^" * 400, "2" + "^2" * 200, "x" + "'" * 400, "|" * 400,
        "1," * 240, r"\sin" * 120 + " x", "+".join(f"\\sin({n}x)" for n in range(40)), "9" * 500, "*".join("(x+1)^{99}" for _ in range(40)),
        "+".join(["2000!"] * 80), "1/" * 240 + "3", r"\Gamma(10^{9})", r"\cos(10^{99999})", r"\log_{1}3", "0^0", "1/0", r"\tan\frac{\pi}{2}", "0!" * 100,
    ]  # fmt: skip
    for first in hostile:
        for second in (first + " ", hostile[0], "1", "x+1", first.replace("9", "8"), first + "+1"):
            assert is_quick(partial(compare, first, second), times=30), (first[:60], second[:60])


PIECES = (
    r"\frac \sqrt { } ( ) [ ] \{ \} 1 2 12 0 x y e i \pi + - * / ^ _ ! , ; : = < > \le \pm \cup \text{ cm} m kg $ \$ % | \sin \log_2 \binom "
    r"\begin{pmatrix} \end{pmatrix} \\ & \infty \in \mathbb{R} \equiv \pmod . ' ... ½ ² √ π ° € 1,000 or and yes (B) \boxed{ \langle \rangle f( \circ "
    r"\overline{ \left \right \, 10^{9} A B^{-1} 5! {16} base apples per \to \ldots"
).split(" ")


ANSWERS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=10).map(" ".join),
    st.text(max_size=40),
    st.sampled_from([row["first"] for row in PAIRS]),
)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(ANSWERS, ANSWERS)
def test_any_two_texts_are_compared_quickly_and_alike_from_both_sides(first: str, second: str) -> None:
    assert is_quick(partial(compare, first, second), times=30)
    verdict = compare(first, second)
    assert compare(second, first) is verdict
    assert compare(first, first) is (EQUAL if first.strip() else DIFFERENT)
    assert isinstance(final_answer(first), str)
    assert isinstance(final_answer(rf"so \boxed{{{first}}} answer: {second}"), str)
