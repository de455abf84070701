"""Tests of the verifier `units`: quantities with units, and dimensions."""

import math

import pytest

from kgsynth.records import AnsweredQuestion
from kgsynth.verification import dimensions
from kgsynth.verification.physics import Quantities, with_unit
from kgsynth.verification.quantities import Agreement, compare_quantities
from kgsynth.verifier import load
from tests.unit.verification.answer_cases import case_of, example_of

CHECK = Quantities().check
SAME = [
    ("20 m/s", "72 km/h"),
    ("F = 19.6 N", "19.62 N"),
    (r"1.6\times10^{-19}\,\mathrm{C}", "1.602e-19 C"),
    ("27 °C", "300 K"),
    ("27 °C", "27.2 °C"),
    ("(3, 4) m", "(3.0 m, 400 cm)"),
    ("2 N < F < 5 N", "(2 N, 5 N)"),
    ("between 2 N and 5 N", "[2, 5] N"),
    ("2–5 N", "from 2 N to 5 N"),
    (r"F \ge 3 N", "F >= 3000 mN"),
    ("v = d/t = 5 m/s", "5 m/s"),
    ("about 5 m/s", "5 m/s"),
    ("mgh", "g m h"),
    ("1/2 m h^2", r"\frac{1}{2}mh^2"),
    ("2 s or 3 s", "3 s, 2.0 s"),
    ("R = 2 Ω, I = 3 A", r"I = 3.0 A, R = 2 \Omega"),
    ("60 rpm", "6.28 rad/s"),
    ("30°", "0.5236 rad"),
    ("4186 J/(kg·°C)", "4.19 kJ/(kg K)"),
    ("0 N", "0"),
    ("yes", "Yes"),
    ("(B)", "B"),
    ("E = mh^2", "mh^2 = E"),
    ("2 m g", "2mg"),
    ("2 m", "2m"),
    ("(3, 4) J/(kg·K)", "(3 J/(kg K), 4 J/(kg K))"),
    (r"3\,\mathrm{\mu C}", "3e-6 C"),
    ("40 %", "0.4"),
    ("5 m/s to the left", "5.0 m/s to the left"),
]
DIFFERENT = [
    ("20 m/s", "20 km/h"),
    ("20 N", "20 J"),
    ("20 N", "-20 N"),
    ("20 N", "200 N"),
    ("20 N", "20.6 N"),
    ("20 N", "21"),
    ("27 °C", "28 °C"),
    ("27 °C", "302 K"),
    ("(3, 4) m", "(4, 3) m"),
    ("(3, 4) m", "(3, 4, 5) m"),
    ("[2 N, 5 N]", "(2 N, 5 N)"),
    ("2 N < F < 5 N", "2 N < F < 6 N"),
    ("x > 2 m", "x < 2 m"),
    ("2 s or 3 s", "2 s or 4 s"),
    (r"mg\sin h", r"mg\cos h"),
    ("m g h", "m g"),
    ("yes", "no"),
    ("(A)", "(B)"),
    ("5 m/s to the left", "7 m/s to the left"),
    ("238", "200"),
    ("", "5 N"),
]
UNSURE = [
    ("238", "237"),
    ("5 m/s to the left", "5 m/s"),
    ("5 m/s to the left", "5 m/s to the right"),
    ("T_1 = 3 s", "T_2 = 3 s"),
    (r"\frac{q}{4\pi\epsilon_0 r}", r"\frac{kq}{r}"),
    ("60 rpm", "1 Hz"),
    ("the electron", "an electron"),
]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        *((*pair, Agreement.SAME) for pair in SAME),
        *((*pair, Agreement.DIFFERENT) for pair in DIFFERENT),
        *((*pair, Agreement.UNSURE) for pair in UNSURE),
        ("20 m/s", "20", Agreement.UNIT_MISSING),
        ("(3, 4) m", "(3, 4)", Agreement.UNIT_MISSING),
    ],
)
def test_two_answers(first: str, second: str, wanted: Agreement) -> None:
    assert compare_quantities(first, second, None, "mgh") is wanted
    assert compare_quantities(second, first, None, "mgh") is wanted


@pytest.mark.parametrize(
    ("precision", "final", "verdict"),
    [
        ("to 3 significant figures", "19.6 N", "passed"),
        ("to 3 significant figures", "19.7 N", "failed"),
        ("to 3 significant figures", "0.0196 kN", "passed"),
        ("to two decimal places", "19.62 N", "passed"),
        ("to two decimal places", "19.64 N", "failed"),
        ("", "19.7 N", "passed"),
        ("", "20 N", "failed"),
    ],
)
def test_the_precision_of_the_question_replaces_the_tolerance(precision: str, final: str, verdict: str) -> None:
    assert CHECK(case_of(f"What is the force {precision}?", final, key=["19.62 N"])).verdict == verdict


@pytest.mark.parametrize(
    ("question", "final", "verdict", "reason"),
    [
        ("What is the speed in km/h?", "72 km/h", "passed", ""),
        ("What is the speed in km/h?", "72", "undecided", "a unit is missing"),
        ("What is the speed in km/h?", "20", "failed", "differs from the key"),
        ("What is the speed?", "20 m/s", "passed", ""),
        ("What is the speed?", "20", "failed", "differs from the key"),
        ("What is the speed?", "fast", "undecided", "cannot be compared with the key"),
    ],
)
def test_a_number_without_a_unit_has_the_unit_of_the_question(
    question: str, final: str, verdict: str, reason: str
) -> None:
    finding = CHECK(case_of(question, final, key=["72 km/h"]))
    assert (finding.verdict, finding.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("finals", "verdict"),
    [
        (["20 m/s"], "undecided"),
        (["20 m/s", "72 km/h"], "passed"),
        (["20 m/s", "20.1 m/s", "21 m/s"], "passed"),
        (["20 m/s", "20 m/s", "21 m/s", "21 m/s"], "undecided"),
        (["20 m/s", "21 m/s", "22 m/s"], "failed"),
        (["20 m/s", "very fast"], "undecided"),
        (["20", "20", "20"], "undecided"),
        (["20 J", "20 J", "20 J"], "failed"),
        (["", "20 m/s"], "undecided"),
    ],
)
def test_votes_and_the_dimension_of_the_question(finals: list[str], verdict: str) -> None:
    finding = CHECK(case_of("A car drives. Find the speed of the car.", *finals))
    assert finding.verdict == verdict
    assert bool(finding.reason) == (verdict != "passed")


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        ("Find the force on the block.", "N"),
        ("A train goes 5 km in 10 min. What is its average speed in km/h?", "m/s"),
        ("How fast is it? Give your answer in metres per second.", "m/s"),
        ("What is the acceleration (in m/s^2) of the block?", "m/s^2"),
        ("Find the force constant of the spring.", "N/m"),
        ("Calculate the temperature of the gas in K.", "K"),
        ("What is the angular frequency of the motion?", "Hz"),
        ("How many joules of heat flow into the gas?", "J"),
        ("How long does the fall take?", "s"),
        ("Express your answer in N.", "N"),
        ("What current flows through the lamp?", "A"),
        ("Find the gravitational field strength at the surface of the planet.", "N/kg"),
        ("Determine the Young's modulus of the rod.", "Pa"),
        ("Find the thermal conductivity of the slab.", "W/m/K"),
        ("What is the luminosity of the collider?", ""),
        # Nothing is known where the patterns are not sure.
        ("What is the ratio of the speeds?", ""),
        ("Find the speed and the direction of the boat.", ""),
        ("Find the speed and the mass of the boat.", ""),
        ("What is the potential in C?", ""),
        ("What is the charge density of the plate?", ""),
        ("Find the work function of the metal.", ""),
        ("Find the surface charge of the plate.", ""),
        ("Find the power of the lens.", ""),
        ("Find the mass number of the nucleus.", ""),
        ("Describe what happens in 5 s.", ""),
        ("Which gas is in the tube?", ""),
    ],
)
def test_the_dimension_that_a_question_asks_for(question: str, unit: str) -> None:
    wanted = {dimensions.dimension_of(unit)} if unit else set()
    assert dimensions.asked(question).dimensions == wanted


FALL = "A ball of mass $m$ falls from the height $h$ with gravitational acceleration $g$. "
SLIDE = (
    "A box has speed $v$. The coefficient of kinetic friction is $\\mu$, and the gravitational acceleration is $g$. "
)
WAVE = "A wave has amplitude $A$, angular frequency $\\omega$ and time $t$. "
PLANET = "A planet has the density $\\rho$ and the radius $R$. Find the gravitational field strength at its surface."
MOVE = "A cart has the initial velocity $v_0 = 20$ m/s and the acceleration $a = 10$ m/s^2 for the time $t$. "


@pytest.mark.parametrize(
    ("question", "final", "reason"),
    [
        (FALL + "Find the speed $v$ at the ground.", r"\sqrt{2gh}", ""),
        (FALL + "Find the speed $v$ at the ground.", r"v = \sqrt{2 g h}", ""),
        (FALL + "Find the speed $v$ at the ground.", "2gh", "the dimension is not that of the question"),
        (FALL + "Find the speed $v$ at the ground.", r"v = 2gh", "quantities of different dimensions are added"),
        (FALL + "Find the kinetic energy at the ground.", "mgh", ""),
        (FALL + "Find the kinetic energy at the ground.", "mg + h", "quantities of different dimensions are added"),
        (FALL + "Find the kinetic energy at the ground.", "kmh", ""),
        (FALL + "Find the final speed of the ball.", r"\sqrt{2gh + u^2}", ""),
        (FALL + "Find the weight of two balls.", "2 m g", ""),
        (FALL + "Find the mass of two balls.", "2 m", ""),
        (FALL + "Find the mass of two balls.", r"2\text{ m}", "the dimension is not that of the question"),
        ("A coil has inductance $L$ and current $I$. Find the energy.", r"\frac{1}{2}LI^2", ""),
        ("A coil has inductance $L$ and current $I$. Find the energy.", r"\frac{1}{2}L I^3", "the dimension is not that of "
         "the question"),
        (WAVE + "Find the displacement of the wave.", r"A\sin(\omega t)", ""),
        (WAVE + "Find the displacement of the wave.", r"A\sin(\omega)", "an argument of a function has a dimension"),
        (WAVE + "Find the displacement of the wave.", r"A e^{-t}", "an exponent has a dimension"),
        (PLANET, r"\frac{4}{3}\pi G\rho R", ""),
        (PLANET, r"\frac{G\rho}{R^2}", "the dimension is not that of the question"),
        ("A planet has a conductance G. Find the current at the voltage $V$.", "GV", ""),
        ("Three resistors form a star network. Find the current at the voltage $V$ and the conductance $G$.", "GV", ""),
        # The letter t of "What" is no symbol of the height that is asked for.
        ("What is the height of a ball after it has fallen with the acceleration $g$?", r"\frac{1}{2}gt^2", ""),
        # The numbers 20 and 5 have units, which are not written.
        (SLIDE + "Find the distance that the box slides.", r"d = \frac{v^2}{2\mu g}", ""),
        (SLIDE + "Find the distance that the box slides.", r"\frac{v}{2\mu g}", "the dimension is not that of the question"),
        (MOVE + "Find the displacement of the cart.", "20t + 5t^2", ""),
        (MOVE + "Find the displacement of the cart.", r"v_0 t + \frac{1}{2} a t^2", ""),
        (MOVE + "Find the displacement of the cart.", r"v_0 t + \frac{1}{2} a t", "quantities of different dimensions are "
         "added"),
    ],
)  # fmt: skip
def test_the_dimensions_of_a_formula(question: str, final: str, reason: str) -> None:
    finding = CHECK(case_of(question, final))
    assert finding.verdict == ("failed" if reason else "undecided")
    assert finding.reason == (reason or "no other vote")


@pytest.mark.parametrize(
    ("text", "final", "wanted"),
    [
        (r"So $v = \boxed{20}\ \text{m/s}$.", "20", "20 m/s"),
        (r"So $v = \boxed{20}$ m/s.", "20", "20 m/s"),
        (r"So $v = \boxed{20}$, which is fast.", "20", "20"),
        (r"So $v = \boxed{20}$ apples.", "20", "20"),
        (r"So $v = \boxed{20 m/s}$ km/h.", "20 m/s", "20 m/s"),
        ("The answer is 20", "20", "20"),
    ],
)
def test_a_unit_may_follow_the_box(text: str, final: str, wanted: str) -> None:
    assert " ".join(with_unit(text, final).replace(r"\ \text{", " ").replace("}", "").split()) == wanted


def test_questions_with_options_are_left_to_another_verifier() -> None:
    verifier = load("units")
    assert not verifier.applies(AnsweredQuestion(id="q", text="Which?", options=("1 N", "2 N")))
    assert verifier.applies(AnsweredQuestion(id="q", text="Which?"))
    assert CHECK(case_of("Which force?")).reason == "no final answer"


def test_the_shipped_example_is_right() -> None:
    question, answer = example_of("physics", "answer")
    speed = math.sqrt(2 * 10 * 45)
    assert CHECK(case_of(question, "", key=[f"{speed} m/s"], text=answer)).verdict == "passed"
    assert CHECK(case_of(question, "", key=[f"{speed} km/h"], text=answer)).verdict == "failed"
