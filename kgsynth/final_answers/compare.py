r"""Compare two answers by the rule of their kind, or else as text.

A wrong "equal" is worse than a wrong "different": answers that no rule covers are different.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

from kgsynth.final_answers import units
from kgsynth.final_answers.evaluate import approximation_of, are_proportional, are_same, constant_of
from kgsynth.final_answers.expressions import (
    Constant,
    Expression,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    difference,
    names_in,
    negative,
)
from kgsynth.final_answers.kinds import (
    Answer,
    Assignments,
    Bracketed,
    Choice,
    Congruence,
    Equation,
    Inequality,
    Interval,
    Items,
    Matrix,
    Named,
    Ratio,
    Region,
    Text,
    Truth,
    Value,
)
from kgsynth.final_answers.precision import Precision, agree
from kgsynth.final_answers.typed import interval_of, typed
from kgsynth.final_answers.units import Unit

# If more items than this remain without an identical partner, the lists count as different.
_MAX_UNPAIRED = 12
_Item = TypeVar("_Item")


class Verdict(Enum):
    """Result of a comparison; `UNIT_MISSING`: the numbers agree, but one side lacks the unit of the other."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNIT_MISSING = "unit missing"


def compare(first: str, second: str, precision: Precision | None = None) -> Verdict:
    """Compare two final answers.

    Args:
        first: an answer; an empty one is different from every other.
        second: another answer.
        precision: the precision that the question states; without it numbers have to be exactly equal.
    """
    if not first.strip() or not second.strip():
        return Verdict.DIFFERENT
    if first == second:
        return Verdict.EQUAL
    # Sorted, so that the cache serves both orders.
    earlier, later = sorted((first, second))
    return _compare_texts(earlier, later, precision)


def are_equal(first: str, second: str, precision: Precision | None = None) -> bool:
    """Whether two final answers are equal, including their units."""
    return compare(first, second, precision) is Verdict.EQUAL


def compare_typed(first: Answer, second: Answer, precision: Precision | None = None) -> Verdict:
    """Compare two answers, or parts of answers, whose kinds are known; see `compare`."""
    try:
        return _compare(first, second, precision)
    except RecursionError:
        return Verdict.DIFFERENT


def units_in(text: str) -> int:
    """Return how many values of an answer have a unit."""
    return _units_in(typed(text).answer)


@lru_cache(maxsize=16_384)
def _compare_texts(first: str, second: str, precision: Precision | None) -> Verdict:
    first_typed, second_typed = typed(first), typed(second)
    if first_typed.form == second_typed.form:
        return Verdict.EQUAL if first_typed.form else Verdict.DIFFERENT
    try:
        return _compare(
            _unwrap_set(first_typed.answer, second_typed.answer),
            _unwrap_set(second_typed.answer, first_typed.answer),
            precision,
        )
    except RecursionError:
        return Verdict.DIFFERENT


def _unwrap_set(answer: Answer, other: Answer) -> Answer:
    """Return the only item of a set if the other answer is a single value; any other answer as it is."""
    if isinstance(answer, Items) and answer.is_set and len(answer.items) == 1 and isinstance(other, Value | Named):
        return answer.items[0]
    return answer


def _compare(first: Answer, second: Answer, precision: Precision | None) -> Verdict:
    if first == second:
        return Verdict.EQUAL
    for left, right in ((first, second), (second, first)):
        verdict = _by_kind(left, right, precision)
        if verdict is not None:
            return verdict
    return Verdict.DIFFERENT


def _by_kind(left: Answer, right: Answer, precision: Precision | None) -> Verdict | None:
    """Apply the rule for these two kinds in this order; None if there is no rule."""
    match left, right:
        case Value(), Value():
            return _values(left, right, precision)
        case Named(), _:
            return _named(left, right, precision)
        case Choice(), _:
            return _choice(left, right)
        case (Equation(), Equation()) | (Inequality() | Region(), Inequality() | Region()):
            return _relations(left, right)
        case Region(), Bracketed():
            interval = interval_of(right)
            return _verdict(interval is not None and _same_region((interval,), left.intervals))
        case Congruence(), Congruence():
            return _verdict(_same_congruence(left, right))
        case Items(), Items():
            return _unordered(left, right, precision)
        case Assignments(), Assignments():
            return _assignments(left, right, precision)
        case Bracketed(), Bracketed():
            return _bracketed(left, right, precision)
        case Matrix(), _:
            return _matrix(left, right, precision)
        case Ratio(), Ratio():
            return _verdict(_same_ratio(left, right))
        case _:
            return None


def _verdict(is_equal: bool) -> Verdict:
    return Verdict.EQUAL if is_equal else Verdict.DIFFERENT


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a whole whose parts all have to agree."""
    if Verdict.DIFFERENT in verdicts:
        return Verdict.DIFFERENT
    return Verdict.UNIT_MISSING if Verdict.UNIT_MISSING in verdicts else Verdict.EQUAL


def _in_order(first: Sequence[Answer], second: Sequence[Answer], precision: Precision | None) -> Verdict:
    """Compare two sequences item by item, in order."""
    if len(first) != len(second):
        return Verdict.DIFFERENT
    verdicts: list[Verdict] = []
    for left, right in zip(first, second, strict=True):
        verdicts.append(_compare(left, right, precision))
        if verdicts[-1] is Verdict.DIFFERENT:
            break
    return _worst(verdicts)


def _values(first: Value, second: Value, precision: Precision | None) -> Verdict:
    if first.unit is None and second.unit is None:
        is_percent = first.is_percent or second.is_percent
        return _verdict(_same_number(first.expression, second.expression, precision, is_percent=is_percent))
    if first.unit is None or second.unit is None:
        bare, measured = (first, second) if first.unit is None else (second, first)
        assert measured.unit is not None
        quantity = _as_quantity(bare) if not units.is_angle(measured.unit) else None
        if quantity is not None:
            return _values(quantity, measured, precision)
        # A number without a unit may be an angle in radians.
        if _same_number(bare.expression, measured.expression, precision) or (
            units.is_angle(measured.unit)
            and measured.unit.pi_power
            and _same_number(bare.expression, _in_base_units(measured, measured.unit), None)
        ):
            return Verdict.UNIT_MISSING
        return Verdict.DIFFERENT
    if first.unit.dimension != second.unit.dimension:
        return Verdict.DIFFERENT
    if first.unit == second.unit:
        return _verdict(_same_number(first.expression, second.expression, precision))
    if first.unit.pi_power == second.unit.pi_power:
        ratio = first.unit.factor / second.unit.factor
        offset = Number(first.unit.offset * ratio - second.unit.offset)
        converted = Product((first.expression, Number(ratio)))
        return _verdict(_same_number(Sum((converted, offset)), second.expression, precision))
    return _verdict(_same_number(_in_base_units(first, first.unit), _in_base_units(second, second.unit), None))


def _in_base_units(value: Value, unit: Unit) -> Expression:
    factor = Product((Number(unit.factor), Power(Constant("pi"), Number(Fraction(unit.pi_power)))))
    return Product((value.expression, factor))


def _as_quantity(value: Value) -> Value | None:
    """Return `3m` as three metres, its meaning if the other answer has a unit; None if it cannot be a quantity."""
    expression = value.expression
    if not isinstance(expression, Product) or len(expression.factors) != 2:
        return None
    number, letter = expression.factors
    if names_in(number) or not isinstance(letter, Symbol) or len(letter.name) != 1:
        return None
    unit = units.unit_of(letter.name)
    return Value(number, unit) if unit is not None else None


def _same_number(
    first: Expression, second: Expression, precision: Precision | None, *, is_percent: bool = False
) -> bool:
    """Whether two expressions are the same; two numbers may differ within the precision."""
    if are_same(first, second):
        return True
    if precision is None or names_in(first) or names_in(second):
        return False
    first_value, second_value = approximation_of(first), approximation_of(second)
    if first_value is None or second_value is None:
        return False
    scale = 100 if is_percent else 1
    return agree(first_value * scale, second_value * scale, precision)


def _named(first: Named, second: Answer, precision: Precision | None) -> Verdict | None:
    if not isinstance(second, Named):
        if isinstance(second, Equation):
            return _verdict(
                not second.is_not and first.equation is not None and are_proportional(first.equation, second.difference)
            )
        if isinstance(second, Region | Inequality | Congruence | Assignments):
            return _as_assignments(first, second, precision) if isinstance(second, Assignments) else Verdict.DIFFERENT
        if isinstance(second, Text | Truth) and not isinstance(first.value, Text | Truth):
            return Verdict.DIFFERENT
        return _compare(first.value, second, precision)
    if first.name == second.name:
        return _compare(first.value, second.value, precision)
    if first.equation is not None and second.equation is not None:
        return _verdict(are_proportional(first.equation, second.equation))
    return Verdict.DIFFERENT


def _as_assignments(first: Named, second: Assignments, precision: Precision | None) -> Verdict:
    """Compare `(a, b) = (1, 2)` with `a = 1, b = 2`."""
    if not first.name.startswith("(") or not isinstance(first.value, Bracketed):
        return Verdict.DIFFERENT
    names = first.name[1:-1].split(",")
    if len(names) != len(first.value.items) or len(set(names)) < len(names):
        return Verdict.DIFFERENT
    pairs = tuple(sorted(zip(names, first.value.items, strict=True), key=lambda pair: pair[0]))
    return _assignments(Assignments(pairs), second, precision)


def _assignments(first: Assignments, second: Assignments, precision: Precision | None) -> Verdict:
    if [name for name, _ in first.pairs] != [name for name, _ in second.pairs]:
        return Verdict.DIFFERENT
    return _in_order([value for _, value in first.pairs], [value for _, value in second.pairs], precision)


def _choice(first: Choice, second: Answer) -> Verdict | None:
    """Compare a choice: `(B)` equals `B` and `(b)`, but not the variable b."""
    if isinstance(second, Choice):
        return _verdict(first.letter.casefold() == second.letter.casefold())
    if isinstance(second, Value) and second.unit is None:
        name = second.expression.name if isinstance(second.expression, Symbol | Constant) else ""
        return _verdict(name == first.letter or (name.isupper() and name == first.letter.upper()))
    return None


def _relations(first: Answer, second: Answer) -> Verdict:
    match first, second:
        case Equation(), Equation():
            return _verdict(first.is_not == second.is_not and are_proportional(first.difference, second.difference))
        case Region(), Region() if first.name == second.name or not (first.name and second.name):
            if _same_region(first.intervals, second.intervals):
                return Verdict.EQUAL
        case _:
            pass
    if isinstance(first, Region | Inequality) and isinstance(second, Region | Inequality):
        first_difference, second_difference = first.difference, second.difference
        if first_difference is not None and second_difference is not None and first.is_strict == second.is_strict:
            return _verdict(are_proportional(first_difference, second_difference, sign=1))
    return Verdict.DIFFERENT


def _same_region(first: Sequence[Interval], second: Sequence[Interval]) -> bool:
    return (
        _pair_up(list(first), list(second), lambda left, right: _verdict(_same_interval(left, right))) is Verdict.EQUAL
    )


def _same_interval(first: Interval, second: Interval) -> bool:
    if (first.has_low, first.has_high) != (second.has_low, second.has_high):
        return False
    for left, right in ((first.low, second.low), (first.high, second.high)):
        if (left is None) != (right is None) or (left is not None and right is not None and not are_same(left, right)):
            return False
    return True


def _same_congruence(first: Congruence, second: Congruence) -> bool:
    if first.name != second.name and first.name and second.name:
        return False
    if not are_same(first.modulus, second.modulus):
        return False
    modulus = constant_of(first.modulus)
    first_residues, second_residues = (
        [_residue(residue, modulus) for residue in answer.residues] for answer in (first, second)
    )
    return (
        _pair_up(first_residues, second_residues, lambda left, right: _verdict(are_same(left, right))) is Verdict.EQUAL
    )


def _residue(residue: Expression, modulus: Fraction | None) -> Expression:
    value = constant_of(residue)
    if value is None or modulus is None or modulus <= 0 or value.denominator != 1 or modulus.denominator != 1:
        return residue
    return Number(value % modulus)


def _same_ratio(first: Ratio, second: Ratio) -> bool:
    if len(first.terms) != len(second.terms):
        return False
    return all(
        are_same(Product((first.terms[0], second_term)), Product((second.terms[0], first_term)))
        for first_term, second_term in zip(first.terms[1:], second.terms[1:], strict=True)
    )


def _unordered(first: Items, second: Items, precision: Precision | None) -> Verdict:
    if first.joined_by and second.joined_by and first.joined_by != second.joined_by:
        return Verdict.DIFFERENT
    first_items, second_items = list(first.items), list(second.items)
    if first.is_set and second.is_set:
        first_items, second_items = list(dict.fromkeys(first_items)), list(dict.fromkeys(second_items))
    return _pair_up(first_items, second_items, lambda left, right: _compare(left, right, precision))


def _pair_up(first: list[_Item], second: list[_Item], verdict: Callable[[_Item, _Item], Verdict]) -> Verdict:
    """Compare two unordered lists: each item needs its own partner in the other list."""
    if len(first) != len(second):
        return Verdict.DIFFERENT
    candidates = list(second)
    unpaired: list[_Item] = []
    for item in first:
        if item in candidates:
            candidates.remove(item)
        else:
            unpaired.append(item)
    if len(unpaired) > _MAX_UNPAIRED:
        return Verdict.DIFFERENT
    verdicts = [Verdict.EQUAL]
    for wanted in (Verdict.EQUAL, Verdict.UNIT_MISSING):
        remaining: list[_Item] = []
        for item in unpaired:
            index = next((i for i, partner in enumerate(candidates) if verdict(item, partner) is wanted), None)
            if index is None:
                remaining.append(item)
            else:
                candidates.pop(index)
                verdicts.append(wanted)
        unpaired = remaining
    return Verdict.DIFFERENT if unpaired else _worst(verdicts)


def _bracketed(first: Bracketed, second: Bracketed, precision: Precision | None) -> Verdict:
    first_brackets, second_brackets = (
        answer.opening.removesuffix("vector") + answer.closing for answer in (first, second)
    )
    return Verdict.DIFFERENT if first_brackets != second_brackets else _in_order(first.items, second.items, precision)


def _matrix(first: Matrix, second: Answer, precision: Precision | None) -> Verdict | None:
    """Compare a matrix; one with a single column or row equals the vector of its entries."""
    if isinstance(second, Matrix):
        if first.kind != second.kind or len(first.rows) != len(second.rows):
            return Verdict.DIFFERENT
        return _worst([_in_order(left, right, precision) for left, right in zip(first.rows, second.rows, strict=True)])
    if first.kind == "determinant":
        expanded = _determinant(first)
        return None if expanded is None else _compare(Value(expanded), second, precision)
    if (
        isinstance(second, Bracketed)
        and second.opening in ("(", "(vector")
        and second.closing == ")"
        and first.kind == "matrix"
    ):
        entries = first.rows[0] if len(first.rows) == 1 else [row[0] for row in first.rows if len(row) == 1]
        return (
            _in_order(entries, second.items, precision)
            if len(entries) in (len(first.rows), len(first.rows[0]))
            else Verdict.DIFFERENT
        )
    return None


def _determinant(matrix: Matrix) -> Expression | None:
    """Return the determinant of two or three rows as an expression; None for any other matrix."""
    size = len(matrix.rows)
    if size not in (2, 3) or any(len(row) != size for row in matrix.rows):
        return None
    entries = [
        [cell.expression for cell in row if isinstance(cell, Value) and cell.unit is None] for row in matrix.rows
    ]
    if any(len(row) != size for row in entries):
        return None
    if size == 2:
        (a, b), (c, d) = entries
        return difference(Product((a, d)), Product((b, c)))
    terms: list[Expression] = []
    for column in range(size):
        (a, b), (c, d) = ([row[other] for other in range(size) if other != column] for row in entries[1:])
        term = Product((entries[0][column], difference(Product((a, d)), Product((b, c)))))
        terms.append(negative(term) if column % 2 else term)
    return Sum(tuple(terms))


def _units_in(answer: Answer) -> int:
    match answer:
        case Value(_, unit):
            return int(unit is not None)
        case Named(_, value):
            return _units_in(value)
        case Items(items) | Bracketed(_, _, items):
            return sum(_units_in(item) for item in items)
        case Assignments(pairs):
            return sum(_units_in(value) for _, value in pairs)
        case Matrix(rows):
            return sum(_units_in(cell) for row in rows for cell in row)
        case _:
            return 0
