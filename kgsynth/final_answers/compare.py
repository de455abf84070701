r"""Whether two answers say the same: by the rule of their kind, else as text.

A wrong "equal" is worse than a wrong "different": what no rule covers is different.
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

# More items than this are paired only when they are equal by their form.
_MAX_UNPAIRED = 12
_Item = TypeVar("_Item")


class Verdict(Enum):
    """What a comparison finds: `UNIT_MISSING` when the numbers agree and one side lacks the unit of the other."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNIT_MISSING = "unit missing"


def compare(first: str, second: str, precision: Precision | None = None) -> Verdict:
    """Whether two final answers say the same.

    Args:
        first: an answer; an empty one is different from every other.
        second: another answer.
        precision: what the question states; without it numbers have to be equal exactly.
    """
    if not first.strip() or not second.strip():
        return Verdict.DIFFERENT
    if first == second:
        return Verdict.EQUAL
    one, other = sorted((first, second))
    return _compare_texts(one, other, precision)


def are_equal(first: str, second: str, precision: Precision | None = None) -> bool:
    """Whether two final answers say the same, units included."""
    return compare(first, second, precision) is Verdict.EQUAL


def units_in(text: str) -> int:
    """How many values of an answer have a unit."""
    return _units_in(typed(text).answer)


@lru_cache(maxsize=16_384)
def _compare_texts(first: str, second: str, precision: Precision | None) -> Verdict:
    one, other = typed(first), typed(second)
    if one.form == other.form:
        return Verdict.EQUAL if one.form else Verdict.DIFFERENT
    try:
        return _compare(_without_braces(one.answer, other.answer), _without_braces(other.answer, one.answer), precision)
    except RecursionError:
        return Verdict.DIFFERENT


def _without_braces(answer: Answer, other: Answer) -> Answer:
    """The one value of a set, beside an answer that is no set."""
    if isinstance(answer, Items) and answer.is_set and len(answer.items) == 1 and isinstance(other, Value | Named):
        return answer.items[0]
    return answer


def _compare(first: Answer, second: Answer, precision: Precision | None) -> Verdict:
    if first == second:
        return Verdict.EQUAL
    for one, other in ((first, second), (second, first)):
        found = _by_kind(one, other, precision)
        if found is not None:
            return found
    return Verdict.DIFFERENT


def _by_kind(one: Answer, other: Answer, precision: Precision | None) -> Verdict | None:
    """The verdict of the rule for these two kinds in this order, None where there is none."""
    match one, other:
        case Value(), Value():
            return _values(one, other, precision)
        case Named(), _:
            return _named(one, other, precision)
        case Choice(), _:
            return _choice(one, other)
        case (Equation(), Equation()) | (Inequality() | Region(), Inequality() | Region()):
            return _relations(one, other)
        case Region(), Bracketed():
            interval = interval_of(other)
            return _told(interval is not None and _same_region((interval,), one.intervals))
        case Congruence(), Congruence():
            return _told(_same_congruence(one, other))
        case Items(), Items():
            return _unordered(one, other, precision)
        case Assignments(), Assignments():
            return _assignments(one, other, precision)
        case Bracketed(), Bracketed():
            return _bracketed(one, other, precision)
        case Matrix(), _:
            return _matrix(one, other, precision)
        case Ratio(), Ratio():
            return _told(_same_ratio(one, other))
        case _:
            return None


def _told(is_equal: bool) -> Verdict:
    return Verdict.EQUAL if is_equal else Verdict.DIFFERENT


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict for parts that all have to agree."""
    if Verdict.DIFFERENT in verdicts:
        return Verdict.DIFFERENT
    return Verdict.UNIT_MISSING if Verdict.UNIT_MISSING in verdicts else Verdict.EQUAL


def _all(first: Sequence[Answer], second: Sequence[Answer], precision: Precision | None) -> Verdict:
    """The verdict on two sequences, in order."""
    if len(first) != len(second):
        return Verdict.DIFFERENT
    verdicts: list[Verdict] = []
    for one, other in zip(first, second, strict=True):
        verdicts.append(_compare(one, other, precision))
        if verdicts[-1] is Verdict.DIFFERENT:
            break
    return _worst(verdicts)


def _values(first: Value, second: Value, precision: Precision | None) -> Verdict:
    if first.unit is None and second.unit is None:
        is_percent = first.is_percent or second.is_percent
        return _told(_numbers(first.expression, second.expression, precision, is_percent=is_percent))
    if first.unit is None or second.unit is None:
        bare, other = (first, second) if first.unit is None else (second, first)
        assert other.unit is not None
        glued = _glued(bare) if not units.is_angle(other.unit) else None
        if glued is not None:
            return _values(glued, other, precision)
        # Of an angle the number without a unit may be the radians.
        if _numbers(bare.expression, other.expression, precision) or (
            units.is_angle(other.unit)
            and other.unit.pi_power
            and _numbers(bare.expression, _in_base(other, other.unit), None)
        ):
            return Verdict.UNIT_MISSING
        return Verdict.DIFFERENT
    if first.unit.dimension != second.unit.dimension:
        return Verdict.DIFFERENT
    if first.unit == second.unit:
        return _told(_numbers(first.expression, second.expression, precision))
    if first.unit.pi_power == second.unit.pi_power:
        ratio = first.unit.factor / second.unit.factor
        moved = Number(first.unit.offset * ratio - second.unit.offset)
        converted = Product((first.expression, Number(ratio)))
        return _told(_numbers(Sum((converted, moved)), second.expression, precision))
    return _told(_numbers(_in_base(first, first.unit), _in_base(second, second.unit), None))


def _in_base(value: Value, unit: Unit) -> Expression:
    factor = Product((Number(unit.factor), Power(Constant("pi"), Number(Fraction(unit.pi_power)))))
    return Product((value.expression, factor))


def _glued(value: Value) -> Value | None:
    """`3m` read as three metres, which it is beside an answer with a unit."""
    expression = value.expression
    if not isinstance(expression, Product) or len(expression.factors) != 2:
        return None
    number, letter = expression.factors
    if names_in(number) or not isinstance(letter, Symbol) or len(letter.name) != 1:
        return None
    unit = units.unit_of(letter.name)
    return Value(number, unit) if unit is not None else None


def _numbers(first: Expression, second: Expression, precision: Precision | None, *, is_percent: bool = False) -> bool:
    """Whether two expressions are the same, within the precision where both are numbers."""
    if are_same(first, second):
        return True
    if precision is None or names_in(first) or names_in(second):
        return False
    one, other = approximation_of(first), approximation_of(second)
    if one is None or other is None:
        return False
    scale = 100 if is_percent else 1
    return agree(one * scale, other * scale, precision)


def _named(first: Named, second: Answer, precision: Precision | None) -> Verdict | None:
    if not isinstance(second, Named):
        if isinstance(second, Equation):
            return _told(
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
        return _told(are_proportional(first.equation, second.equation))
    return Verdict.DIFFERENT


def _as_assignments(first: Named, second: Assignments, precision: Precision | None) -> Verdict:
    """`(a, b) = (1, 2)` beside `a = 1, b = 2`."""
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
    return _all([value for _, value in first.pairs], [value for _, value in second.pairs], precision)


def _choice(first: Choice, second: Answer) -> Verdict | None:
    """`(B)` is B, and (b) written by another hand; the variable b it is not."""
    if isinstance(second, Choice):
        return _told(first.letter.casefold() == second.letter.casefold())
    if isinstance(second, Value) and second.unit is None:
        name = second.expression.name if isinstance(second.expression, Symbol | Constant) else ""
        return _told(name == first.letter or (name.isupper() and name == first.letter.upper()))
    return None


def _relations(first: Answer, second: Answer) -> Verdict:
    match first, second:
        case Equation(), Equation():
            return _told(first.is_not == second.is_not and are_proportional(first.difference, second.difference))
        case Region(), Region() if first.name == second.name or not (first.name and second.name):
            if _same_region(first.intervals, second.intervals):
                return Verdict.EQUAL
        case _:
            pass
    if isinstance(first, Region | Inequality) and isinstance(second, Region | Inequality):
        one, other = first.difference, second.difference
        if one is not None and other is not None and first.is_strict == second.is_strict:
            return _told(are_proportional(one, other, sign=1))
    return Verdict.DIFFERENT


def _same_region(first: Sequence[Interval], second: Sequence[Interval]) -> bool:
    return _paired(list(first), list(second), lambda one, other: _told(_same_interval(one, other))) is Verdict.EQUAL


def _same_interval(first: Interval, second: Interval) -> bool:
    if (first.has_low, first.has_high) != (second.has_low, second.has_high):
        return False
    for one, other in ((first.low, second.low), (first.high, second.high)):
        if (one is None) != (other is None) or (one is not None and other is not None and not are_same(one, other)):
            return False
    return True


def _same_congruence(first: Congruence, second: Congruence) -> bool:
    if first.name != second.name and first.name and second.name:
        return False
    if not are_same(first.modulus, second.modulus):
        return False
    modulus = constant_of(first.modulus)
    one, other = ([_residue(residue, modulus) for residue in answer.residues] for answer in (first, second))
    return _paired(one, other, lambda left, right: _told(are_same(left, right))) is Verdict.EQUAL


def _residue(residue: Expression, modulus: Fraction | None) -> Expression:
    value = constant_of(residue)
    if value is None or modulus is None or modulus <= 0 or value.denominator != 1 or modulus.denominator != 1:
        return residue
    return Number(value % modulus)


def _same_ratio(first: Ratio, second: Ratio) -> bool:
    if len(first.terms) != len(second.terms):
        return False
    return all(
        are_same(Product((first.terms[0], other)), Product((second.terms[0], one)))
        for one, other in zip(first.terms[1:], second.terms[1:], strict=True)
    )


def _unordered(first: Items, second: Items, precision: Precision | None) -> Verdict:
    if first.joined_by and second.joined_by and first.joined_by != second.joined_by:
        return Verdict.DIFFERENT
    one, other = list(first.items), list(second.items)
    if first.is_set and second.is_set:
        one, other = list(dict.fromkeys(one)), list(dict.fromkeys(other))
    return _paired(one, other, lambda left, right: _compare(left, right, precision))


def _paired(first: list[_Item], second: list[_Item], verdict: Callable[[_Item, _Item], Verdict]) -> Verdict:
    """The verdict on two unordered lists: each item of one needs a partner of its own in the other."""
    if len(first) != len(second):
        return Verdict.DIFFERENT
    rest = list(second)
    unpaired: list[_Item] = []
    for item in first:
        if item in rest:
            rest.remove(item)
        else:
            unpaired.append(item)
    if len(unpaired) > _MAX_UNPAIRED:
        return Verdict.DIFFERENT
    verdicts = [Verdict.EQUAL]
    for wanted in (Verdict.EQUAL, Verdict.UNIT_MISSING):
        left: list[_Item] = []
        for item in unpaired:
            place = next((place for place, one in enumerate(rest) if verdict(item, one) is wanted), None)
            if place is None:
                left.append(item)
            else:
                rest.pop(place)
                verdicts.append(wanted)
        unpaired = left
    return Verdict.DIFFERENT if unpaired else _worst(verdicts)


def _bracketed(first: Bracketed, second: Bracketed, precision: Precision | None) -> Verdict:
    one, other = (answer.opening.removesuffix("vector") + answer.closing for answer in (first, second))
    return Verdict.DIFFERENT if one != other else _all(first.items, second.items, precision)


def _matrix(first: Matrix, second: Answer, precision: Precision | None) -> Verdict | None:
    """A matrix with one column or one row is the vector of its entries."""
    if isinstance(second, Matrix):
        if first.kind != second.kind or len(first.rows) != len(second.rows):
            return Verdict.DIFFERENT
        return _worst([_all(one, other, precision) for one, other in zip(first.rows, second.rows, strict=True)])
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
            _all(entries, second.items, precision)
            if len(entries) in (len(first.rows), len(first.rows[0]))
            else Verdict.DIFFERENT
        )
    return None


def _determinant(matrix: Matrix) -> Expression | None:
    """The determinant of two or three rows as an expression."""
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
