r"""The verifier `units`: compare quantities with their units, and check dimensions.

The answer types of physics problems are compared each in its way: choices, truth values, expressions and equations as
in `math`; numbers with a unit within a tolerance; tuples and intervals of them element by element.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from kgsynth.final_answers import Precision, final_answer, precision_of, units
from kgsynth.final_answers.clean import cleaned
from kgsynth.final_answers.expressions import Expression, names_in
from kgsynth.final_answers.kinds import Equation, Named, Value
from kgsynth.records import AnsweredQuestion
from kgsynth.verification import dimensions
from kgsynth.verification.dimensions import Asked, Dimension, DimensionError, Given
from kgsynth.verification.quantities import (
    Agreement,
    Readable,
    compare_quantities,
    dimension_without_angles,
    may_be_symbols,
    number_of,
    read,
    values_in,
)
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind, Verdict

NO_FINAL_ANSWER = "no final answer"
WRONG_DIMENSION = "the dimension is not that of the question"
UNIT_MISSING = "a unit is missing"
_AFTER_BOX = re.compile(r"\}\s*(?:\$|\\\)|\\\])?\s*((?:\\[,;: ]|~|\s)*[^.\n;=]{1,30})")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the question alone says about an answer: a contradiction, and whether a unit is missing."""

    contradiction: str = ""
    lacks_unit: bool = False


class Quantities(BaseVerifier):
    """Compares quantities with the key or with the other votes, and their dimension with the question.

    With a key, an equal answer passes. Without one, an answer fails if its dimension contradicts the question; else
    more than half of at least two votes pass it, and an answer that surely differs from all others fails.

    A missing unit is undecided and not failed: in "find the speed in km/h" the question gives the unit, and elsewhere
    the reader may know it from the text beside the box. Such an answer proves no error, but it is not complete either.
    """

    name: ClassVar[str] = "units"
    kind: ClassVar[Kind] = "computation"

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question has no options; `choice` checks those that have."""
        return not question.options

    def check(self, case: Case) -> Finding:
        """Compare the final answer, with its unit, with the key or the other votes."""
        return check_quantities(case)


def check_quantities(case: Case) -> Finding:
    """Return the verdict of `units`, which other verifiers use for answers that are quantities."""
    question = case.question
    if not question.final_answer:
        return Finding(verdict="undecided", score=0.0, reason=NO_FINAL_ANSWER)
    stated = dimensions.given(question.text)
    answer = with_unit(question.answer, question.final_answer)
    asked = dimensions.asked(question.text)
    checked = _checked(answer, asked, stated)
    precision = precision_of(question.text)
    if question.answer_key:
        agreements = [_agreement(answer, key, asked, stated, precision) for key in question.answer_key]
        return _with_key(agreements, answer, question.answer_key, checked)
    if checked.contradiction:
        evidence = {"final_answer": answer, "problem": checked.contradiction}
        return Finding(verdict="failed", score=0.0, reason=checked.contradiction, routes=1, evidence=evidence)
    others = [with_unit(vote, final_answer(vote)) for index, vote in enumerate(case.votes) if index != case.kept_vote]
    agreements = [_agreement(answer, other, asked, stated, precision) for other in others if other]
    return by_votes(agreements, lacks_unit=checked.lacks_unit)


def by_votes(agreements: Sequence[Agreement], *, lacks_unit: bool = False) -> Finding:
    """Return the verdict that follows from how the other votes agree with the kept one."""
    if not agreements:
        reason = UNIT_MISSING if lacks_unit else "no other vote"
        return Finding(verdict="undecided", score=0.0, reason=reason, routes=1)
    agreeing = 1 + sum(agreement in (Agreement.SAME, Agreement.UNIT_MISSING) for agreement in agreements)
    score = agreeing / (1 + len(agreements))
    outcome: Verdict = "passed" if score > 0.5 else "undecided"
    if all(agreement is Agreement.DIFFERENT for agreement in agreements):
        outcome = "failed"
    reason = "" if outcome == "passed" else "the votes differ"
    if outcome == "passed" and lacks_unit:
        outcome, reason = "undecided", UNIT_MISSING
    return Finding(verdict=outcome, score=score, reason=reason, agreeing=agreeing, routes=1 + len(agreements))


def by_key(agreements: Sequence[Agreement], *, answer: str, key: Sequence[str]) -> Finding:
    """Return the verdict that follows from how the answer agrees with each accepted answer."""
    if Agreement.SAME in agreements:
        return Finding(verdict="passed", score=1.0, agreeing=1, routes=1)
    evidence = {"final_answer": answer, "key": list(key)}
    if Agreement.UNIT_MISSING in agreements:
        return Finding(verdict="undecided", score=0.5, reason=UNIT_MISSING, routes=1, evidence=evidence)
    if Agreement.UNSURE in agreements:
        reason = "cannot be compared with the key"
        return Finding(verdict="undecided", score=0.0, reason=reason, routes=1, evidence=evidence)
    return Finding(verdict="failed", score=0.0, reason="differs from the key", routes=1, evidence=evidence)


def _with_key(agreements: Sequence[Agreement], answer: str, key: Sequence[str], checked: Checked) -> Finding:
    found = by_key(agreements, answer=answer, key=key)
    if found.verdict == "undecided" and found.reason != UNIT_MISSING and checked.contradiction:
        evidence = {**found.evidence, "problem": checked.contradiction}
        return Finding(verdict="failed", score=0.0, reason=checked.contradiction, routes=1, evidence=evidence)
    return found


def _agreement(first: str, second: str, asked: Asked, stated: Given, precision: Precision | None) -> Agreement:
    """Compare two answers; a number without a unit has the unit that the question names."""
    letters = stated.letters
    are_bare = [bool(asked.unit) and _is_bare_number(read(text, letters)) for text in (first, second)]
    texts = [
        f"{text} {asked.unit}" if is_bare else text for text, is_bare in zip((first, second), are_bare, strict=True)
    ]
    agreement = compare_quantities(texts[0], texts[1], precision, letters)
    return Agreement.UNIT_MISSING if agreement is Agreement.SAME and are_bare[0] != are_bare[1] else agreement


def _is_bare_number(answer: Readable) -> bool:
    value = answer.value if isinstance(answer, Named) else answer
    return isinstance(value, Value) and value.unit is None and not value.is_percent and number_of(value) is not None


def with_unit(text: str, final: str) -> str:
    r"""Return a final answer with the unit that follows its box: `\boxed{20}` m/s."""
    begin = text.rfind("\\boxed{" + final)
    if not final or begin < 0:
        return final
    after = _AFTER_BOX.match(text, begin + len("\\boxed{") + len(final))
    if after is None or values_with_unit(read(final)):
        return final
    words = after.group(1).replace("$", " ").split()
    for count in range(min(len(words), 5), 0, -1):
        candidate = " ".join(words[:count]).rstrip(".,")
        unit = units.unit_of(cleaned(candidate))
        if unit is not None and not any(name.startswith("thing ") for name, _ in unit.dimension):
            return f"{final} {candidate}"
    return final


def values_with_unit(answer: Readable) -> list[Value]:
    """Return the values of an answer that have a unit."""
    return [value for value in values_in(answer) if value.unit is not None]


def _checked(text: str, asked: Asked, stated: Given) -> Checked:
    """Check an answer against the dimensions that the question states."""
    contradiction, lacks_unit = "", False
    answer = read(text, stated.letters)
    for value in values_in(answer):
        if names_in(value.expression) and value.unit is None:
            continue
        if value.unit is None:
            is_bare = bool(asked.dimensions) and dimensions.NUMBER not in asked.dimensions and number_of(value) != 0
            lacks_unit = lacks_unit or is_bare
        elif not _fits(value, asked) and not may_be_symbols(text, stated.letters):
            contradiction = WRONG_DIMENSION
    problem = contradiction or _formula_problem(answer, asked, stated)
    return Checked(contradiction=problem, lacks_unit=lacks_unit)


def _fits(value: Value, asked: Asked) -> bool:
    """Whether a value with a unit may have the dimension that is asked for; units of things and money always may."""
    assert value.unit is not None
    dimension = dimension_without_angles(value.unit)
    is_counted = any(name.startswith("thing ") or name.isupper() for name, _ in dimension)
    return not asked.dimensions or is_counted or dimension in asked.dimensions


def _formula_problem(answer: Readable, asked: Asked, stated: Given) -> str:
    """Return why the dimensions of a formula contradict each other or the question; empty if they may be right."""
    value: Readable | None = answer
    equation: Expression | None = None
    if isinstance(answer, Named):
        value, equation = answer.value, answer.equation
    elif isinstance(answer, Equation):
        value, equation = None, answer.difference
    expressions = [equation] if equation is not None else []
    if isinstance(value, Value) and value.unit is None and names_in(value.expression):
        expressions.append(value.expression)
    dimension: Dimension | None = None
    try:
        for expression in expressions:
            if names_in(expression):
                are_pure = _are_pure(expression, stated)
                dimension = dimensions.formula_dimension(expression, stated.dimensions, are_pure=are_pure)
    except DimensionError as error:
        return str(error)
    is_value = isinstance(value, Value) and expressions and expressions[-1] is value.expression
    if is_value and dimension is not None and asked.dimensions and dimension not in asked.dimensions:
        return WRONG_DIMENSION
    return ""


def _are_pure(expression: Expression, stated: Given) -> bool:
    """Whether numbers of a formula are surely pure: all quantities of the question are in it by their symbols.

    In `20 t - 5 t^2`, for instance, the numbers are a speed and half an acceleration.
    """
    return not stated.has_other_values and stated.valued <= names_in(expression)
