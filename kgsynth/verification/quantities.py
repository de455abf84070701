r"""Compare final answers of the sciences: quantities within a tolerance, tuples and intervals element by element.

Numbers may differ by 1 percent, or as far as the precision allows that the question states. Whole numbers without a
unit are counts, and are compared exactly. Answers without numbers are compared by `kgsynth.final_answers`. What no rule
reads is unsure and never different.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from kgsynth.final_answers import Precision, Verdict, units
from kgsynth.final_answers.clean import cleaned
from kgsynth.final_answers.compare import compare_typed
from kgsynth.final_answers.evaluate import approximation_of
from kgsynth.final_answers.expressions import Expression, Number, names_in
from kgsynth.final_answers.kinds import (
    Answer,
    Assignments,
    Bracketed,
    Infinity,
    Items,
    Named,
    Text,
    Value,
)
from kgsynth.final_answers.precision import agree
from kgsynth.final_answers.typed import typed
from kgsynth.final_answers.units import Unit

_TOLERANCE = Fraction(1, 100)
_PI = Fraction(3141592653589793, 10**15)
# Two readings of a temperature in degrees may differ by half a degree, because 300 K and 27 °C are the same reading.
_HALF_A_DEGREE = Fraction(1, 2)
_ABOUT = re.compile(r"^(?:about|approximately|approx\.?|roughly|around|nearly|ca\.?|\\approx|\\sim(?:eq)?|≈|~)\s*")
_SIGNS = {"\\leqslant": "<=", "\\geqslant": ">=", "\\leq": "<=", "\\geq": ">=", "\\le": "<=", "\\ge": ">=",
          "\\lt": "<", "\\gt": ">", "≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">="}  # fmt: skip
_SIGN = re.compile("|".join(rf"{re.escape(sign)}(?![a-zA-Z])" for sign in _SIGNS))
_NAME = r"\s*\\?[A-Za-z]+(?:_\{?\w+\}?)?\s*"
_BETWEEN_SIGNS = re.compile(rf"(?P<low>[^<>]+)(?P<left><=?)(?:{_NAME})(?P<right><=?)(?P<high>[^<>=]+)")
_ONE_SIGN = re.compile(rf"(?:{_NAME})(?P<sign>[<>]=?)(?P<bound>[^<>=]+)")
_BETWEEN_WORDS = re.compile(
    r"(?:between\s+(?P<a>.+?)\s+and\s+(?P<b>.+)|(?:from\s+)?(?P<c>.+?)\s+to\s+(?P<d>.+)|(?P<e>[^–]+)–(?P<f>[^–]+))"
)
_BRACKETS_AND_UNIT = re.compile(r"(?P<brackets>(?:\\left)?[\[(][^()\[\]]*[\])])(?P<unit>.*[A-Za-z°Ω].*)")
_LETTERS_AT_END = re.compile(r"[\d})]\s*(?P<letters>(?:[A-Za-z](?:\^\{?-?\d+\}?)?[\s/*·]*)+)$")
_WORDS = re.compile(r"(?:\\text\s*\{)?[\sA-Za-z,.'\-]{2,80}\}?")
_LETTERS_AT_END = re.compile(r"[\d})]\s*(?P<letters>(?:[A-Za-z](?:\^\{?-?\d+\}?)?[\s/*·]*)+)$")
_DEGREE_IN_COMPOUND = re.compile(r"(?<=[/·*(⋅])\s*(?:°|\^\\circ|\^\{\\circ\}|\\degree)\s*(?:\\text\{)?C\b")


class Agreement(Enum):
    """Result of a comparison.

    `UNIT_MISSING`: the numbers agree, but one side lacks the unit of the other. `UNSURE`: no rule reads one of the
    answers, or the answers differ in something that may not matter, such as the name of a variable.
    """

    SAME = "same"
    UNIT_MISSING = "unit missing"
    UNSURE = "unsure"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Worded:
    """A quantity that is followed by words, such as a direction."""

    quantity: Value
    words: str


Readable = Answer | Worded


def compare_quantities(
    first: str, second: str, precision: Precision | None = None, symbols: Collection[str] = ()
) -> Agreement:
    """Compare two final answers.

    Args:
        first: an answer; an empty one is different from every other.
        second: another answer.
        precision: the precision that the question states; without it, numbers may differ by 1 percent.
        symbols: single letters that the question uses as symbols, so that `mgh` is a product.
    """
    if not first.strip() or not second.strip():
        return Agreement.DIFFERENT
    if first == second:
        return Agreement.SAME
    return _agreement(read(first, symbols), read(second, symbols), precision)


def read(text: str, symbols: Collection[str] = ()) -> Readable:
    """Return the answer by its kind; intervals in words or with signs become `Bracketed` with two ends."""
    text = _ABOUT.sub("", text.strip().strip("$").strip())
    text = _DEGREE_IN_COMPOUND.sub("K", text)
    interval = _interval(text)
    if interval is not None:
        return interval
    answer = typed(text).answer
    spaced = _spaced(text, symbols)
    if may_be_symbols(text, symbols) and r"\cdot" in spaced:
        return typed(re.sub(r"(?<=[\d})])\s*(?=[A-Za-z])", r" \\cdot ", spaced)).answer
    if not _is_unread(answer) and not _has_joined_symbols(answer, symbols):
        return answer
    spaced_answer = typed(spaced).answer if spaced != text else None
    for other in (_with_common_unit(text), spaced_answer, _last_of_chain(text)):
        if other is not None and not _is_unread(other):
            return other
    return _worded(text) or answer


def _has_joined_symbols(answer: Readable, symbols: Collection[str]) -> bool:
    """Whether a name in an answer, such as CU, is a product of symbols of the question."""
    names = {name for value in values_in(answer) for name in names_in(value.expression)}
    return any(len(name) > 1 and all(letter in symbols for letter in name) for name in names)


def may_be_symbols(text: str, symbols: Collection[str]) -> bool:
    """Return whether the letters after a number, which could be units as in `2 m g`, may be symbols instead."""
    factors = _LETTERS_AT_END.search(text)
    letters = re.findall(r"[A-Za-z]", factors.group("letters")) if factors else []
    return bool(letters) and all(letter in symbols for letter in letters)


def number_of(value: Value) -> Fraction | None:
    """Return the value in base units, to about 15 digits; None for a formula."""
    number = approximation_of(value.expression)
    if number is None or value.unit is None:
        return number
    return _in_base_units(number, value.unit)


def values_in(answer: Readable) -> list[Value]:
    """Return all values of an answer, such as the elements of a tuple."""
    match answer:
        case Value():
            return [answer]
        case Worded(quantity):
            return [quantity]
        case Named(_, value):
            return values_in(value)
        case Items(items) | Bracketed(_, _, items):
            return [value for item in items for value in values_in(item)]
        case Assignments(pairs):
            return [value for _, item in pairs for value in values_in(item)]
        case _:
            return []


def _is_unread(answer: Readable) -> bool:
    """Whether an answer is a text, or a count of words that no object has (`5 m/s downward`)."""
    if isinstance(answer, Named):
        return isinstance(answer.value, Text)
    if not isinstance(answer, Value) or answer.unit is None:
        return isinstance(answer, Text)
    return _is_counted(answer.unit) and bool(names_in(answer.expression))


def _is_counted(unit: Unit) -> bool:
    return any(name.startswith("thing ") for name, _ in unit.dimension)


def _spaced(text: str, symbols: Collection[str]) -> str:
    """Return a formula with a sign between the symbols of the question, and `1/2 m` as a half of m."""
    text = re.sub(r"(?<![\w.}])(\d+)/(\d+)\s+(?=[A-Za-z\\])", r"\\frac{\1}{\2} ", text)
    if not symbols:
        return text

    def separated(match: re.Match[str]) -> str:
        letters = match.group()
        return r" \cdot ".join(letters) if all(letter in symbols for letter in letters) else letters

    text = re.sub(r"(?<![A-Za-z\\])(?<!\d\s)[A-Za-z]{2,5}(?![A-Za-z])", separated, text)
    # `2 m g` and `C U`: single letters after another symbol.
    single = f"(?:{'|'.join(map(re.escape, sorted(symbols)))})(?![A-Za-z])"
    return re.sub(rf"(?<![A-Za-z\\])({single}(?:\^\{{?\d+\}}?)?)\s+(?={single})", r"\1 \\cdot ", text)


def _last_of_chain(text: str) -> Readable | None:
    r"""Return the last value of `v = \frac{d}{t} = 5 m/s`."""
    sides = re.split(r"=|\\approx|≈", text)
    return typed(sides[-1]).answer if len(sides) > 2 or (len(sides) == 2 and sides[-1].strip()) else None


def _with_common_unit(text: str) -> Readable | None:
    """Parse `(3, 4) m`: the unit holds for all elements."""
    match = _BRACKETS_AND_UNIT.fullmatch(text)
    if match is None:
        return None
    inside, unit = typed(match.group("brackets")).answer, units.unit_of(cleaned(match.group("unit")))
    if not isinstance(inside, Bracketed) or unit is None:
        return None
    return Bracketed(inside.opening, inside.closing, tuple(_in_unit(item, unit) for item in inside.items))


def _in_unit(answer: Answer, unit: Unit | None) -> Answer:
    """Return a number in a unit; any other answer as it is."""
    return Value(answer.expression, unit) if isinstance(answer, Value) and answer.unit is None else answer


def _interval(text: str) -> Bracketed | None:
    """Parse an interval of quantities in words or with signs; None for any other text."""
    text = _SIGN.sub(lambda match: _SIGNS[match.group()], text)
    between = _BETWEEN_SIGNS.fullmatch(text)
    if between:
        opening, closing = (("[" if between["left"] == "<=" else "("), ("]" if between["right"] == "<=" else ")"))
        return _ends(opening, between["low"], between["high"], closing)
    one = _ONE_SIGN.fullmatch(text)
    if one:
        bound, is_closed = typed(one["bound"]).answer, one["sign"].endswith("=")
        if not isinstance(bound, Value) or bound.unit is None:
            return None
        if one["sign"].startswith("<"):
            return Bracketed("(", "]" if is_closed else ")", (Infinity(-1), bound))
        return Bracketed("[" if is_closed else "(", ")", (bound, Infinity(1)))
    words = _BETWEEN_WORDS.fullmatch(text)
    if words:
        low, high = (side for side in words.groups() if side is not None)
        return _ends("", low, high, "")
    return None


def _ends(opening: str, low: str, high: str, closing: str) -> Bracketed | None:
    """Return the interval between two quantities, of which the second has a unit."""
    first, second = typed(low).answer, typed(high).answer
    if not isinstance(first, Value) or not isinstance(second, Value) or second.unit is None:
        return None
    if names_in(first.expression) or names_in(second.expression):
        return None
    return Bracketed(opening, closing, (_in_unit(first, second.unit), second))


def _worded(text: str) -> Worded | None:
    """Parse `5 m/s to the left`: a quantity with a unit, then words."""
    for space in reversed([match.start() for match in re.finditer(r"[\s,]", text)]):
        answer = typed(text[:space]).answer
        answer = answer.value if isinstance(answer, Named) else answer
        if not isinstance(answer, Value) or answer.unit is None or _is_unread(answer):
            continue
        if _is_counted(answer.unit) or not _WORDS.fullmatch(text[space:]):
            continue
        return Worded(answer, " ".join(re.findall(r"[a-z]+", text[space:].removeprefix(" \\text").casefold())))
    return None


def _agreement(first: Readable, second: Readable, precision: Precision | None) -> Agreement:
    for left, right in ((first, second), (second, first)):
        agreement = _by_kind(left, right, precision)
        if agreement is not None:
            return agreement
    if isinstance(first, Worded) or isinstance(second, Worded):
        return Agreement.UNSURE
    verdict = compare_typed(first, second, precision)
    if verdict is not Verdict.DIFFERENT:
        return Agreement.SAME if verdict is Verdict.EQUAL else Agreement.UNIT_MISSING
    return Agreement.UNSURE if _is_unread(first) or _is_unread(second) else Agreement.DIFFERENT


def _by_kind(left: Readable, right: Readable, precision: Precision | None) -> Agreement | None:
    """Apply the rule for these two kinds in this order; None if `compare_typed` decides."""
    match left, right:
        case Value(), Value():
            return _values(left, right, precision)
        case Worded(), Worded():
            agreement = _values(left.quantity, right.quantity, precision)
            return _at_most_unsure(agreement) if left.words != right.words else agreement
        case Worded(), Value() | Named():
            agreement = _agreement(left.quantity, right, precision)
            return _at_most_unsure(agreement)
        case Named(), Named():
            return _named(left, right, precision)
        case Named(), Value() | Bracketed() | Items():
            if compare_typed(left, right, precision) is Verdict.EQUAL:
                return Agreement.SAME
            return _agreement(left.value, right, precision)
        case Assignments(), Assignments():
            if [name for name, _ in left.pairs] != [name for name, _ in right.pairs]:
                return None
            return _in_order([value for _, value in left.pairs], [value for _, value in right.pairs], precision)
        case Bracketed(), Bracketed():
            brackets = [answer.opening.removesuffix("vector") + answer.closing for answer in (left, right)]
            if brackets[0] != brackets[1] and all(brackets):
                return Agreement.DIFFERENT
            return _in_order(left.items, right.items, precision)
        case Items(), Items():
            return _unordered(left, right, precision)
        case _:
            return None


def _at_most_unsure(agreement: Agreement) -> Agreement:
    return agreement if agreement is Agreement.DIFFERENT else Agreement.UNSURE


def _named(first: Named, second: Named, precision: Precision | None) -> Agreement:
    """Compare two named values: with other names, such as `F` and `T`, equal values are not surely the same answer."""
    if compare_typed(first, second, precision) is Verdict.EQUAL:
        return Agreement.SAME
    agreement = _agreement(first.value, second.value, precision)
    return agreement if first.name == second.name else _at_most_unsure(agreement)


def _in_order(first: Sequence[Answer], second: Sequence[Answer], precision: Precision | None) -> Agreement:
    if len(first) != len(second):
        return Agreement.DIFFERENT
    return _worst([_agreement(left, right, precision) for left, right in zip(first, second, strict=True)])


def _worst(agreements: Sequence[Agreement]) -> Agreement:
    for agreement in (Agreement.DIFFERENT, Agreement.UNSURE, Agreement.UNIT_MISSING):
        if agreement in agreements:
            return agreement
    return Agreement.SAME


def _unordered(first: Items, second: Items, precision: Precision | None) -> Agreement:
    """Compare two lists without order: each item takes the remaining partner that agrees best."""
    if len(first.items) != len(second.items):
        return Agreement.DIFFERENT
    partners, agreements = list(second.items), []
    order: Callable[[Agreement], int] = list(Agreement).index
    for item in first.items:
        found = [_agreement(item, partner, precision) for partner in partners]
        best = min(range(len(found)), key=lambda index: order(found[index]))
        agreements.append(found[best])
        partners.pop(best)
    return _worst(agreements)


def _values(first: Value, second: Value, precision: Precision | None) -> Agreement:
    first_number, second_number = approximation_of(first.expression), approximation_of(second.expression)
    if first_number is None or second_number is None:
        return _formulas(first, second, precision)
    if first.unit is None and second.unit is None:
        if first.is_percent or second.is_percent:
            first_number, second_number = first_number * 100, second_number * 100
        return _numbers(first_number, second_number, precision, first.expression, second.expression)
    if first.unit is None or second.unit is None:
        unit = first.unit or second.unit
        assert unit is not None
        if first_number == second_number == 0 and not unit.offset:
            return Agreement.SAME
        is_close = _are_close(first_number, second_number, precision)
        in_radians = _are_close(number_of(first), number_of(second), precision) if units.is_angle(unit) else False
        return Agreement.UNIT_MISSING if is_close or in_radians else Agreement.DIFFERENT
    if dimension_without_angles(first.unit) != dimension_without_angles(second.unit):
        return Agreement.DIFFERENT
    if first.unit == second.unit:
        counts = (first.expression, second.expression) if _is_counted(first.unit) else ()
        if first.unit.offset and abs(first_number - second_number) > max(abs(first_number), abs(second_number)) / 100:
            return Agreement.DIFFERENT
        return _numbers(first_number, second_number, precision, *counts)
    agreement = _converted(first_number, first.unit, second_number, second.unit, precision)
    # 60 turns per minute are 1 Hz, but 1 rad/s is 1/s.
    has_turns = first.unit.dimension != second.unit.dimension
    return Agreement.UNSURE if has_turns and agreement is Agreement.DIFFERENT else agreement


def dimension_without_angles(unit: Unit) -> tuple[tuple[str, Fraction], ...]:
    """Return the dimension of a unit, in which radians and turns are numbers."""
    return tuple((name, power) for name, power in unit.dimension if name != "angle")


def _formulas(first: Value, second: Value, precision: Precision | None) -> Agreement:
    """Compare two values of which at least one has symbols."""
    verdict = compare_typed(first, second, precision)
    if verdict is not Verdict.DIFFERENT:
        return Agreement.SAME if verdict is Verdict.EQUAL else Agreement.UNIT_MISSING
    names, others = names_in(first.expression), names_in(second.expression)
    # A constant may have several names, or stand as a number on one side.
    return Agreement.DIFFERENT if names and others and (names <= others or others <= names) else Agreement.UNSURE


def _numbers(first: Fraction, second: Fraction, precision: Precision | None, *counted: Expression) -> Agreement:
    """Compare two numbers; `counted` are their expressions if whole numbers are counts."""
    if not _are_close(first, second, precision):
        return Agreement.DIFFERENT
    is_count = len(counted) == 2 and all(isinstance(one, Number) and one.value.denominator == 1 for one in counted)
    return Agreement.UNSURE if is_count and precision is None and first != second else Agreement.SAME


def _are_close(first: Fraction | None, second: Fraction | None, precision: Precision | None) -> bool:
    if first is None or second is None:
        return False
    if precision is not None:
        return agree(first, second, precision)
    return abs(first - second) <= _TOLERANCE * max(abs(first), abs(second))


def _in_base_units(number: Fraction, unit: Unit) -> Fraction:
    return (number + unit.offset) * unit.factor * _PI**unit.pi_power


def _converted(
    first: Fraction, first_unit: Unit, second: Fraction, second_unit: Unit, precision: Precision | None
) -> Agreement:
    """Compare two quantities of one dimension in the smaller of their units."""
    first_base, second_base = _in_base_units(first, first_unit), _in_base_units(second, second_unit)
    if first_unit.offset or second_unit.offset:
        scale = max(abs(number) * unit.factor for number, unit in ((first, first_unit), (second, second_unit))
                    if unit.offset)  # fmt: skip
        bound = max(_TOLERANCE * scale, _HALF_A_DEGREE)
        return Agreement.SAME if abs(first_base - second_base) <= bound else Agreement.DIFFERENT
    smaller = min((first_unit, second_unit), key=lambda unit: unit.factor * _PI**unit.pi_power)
    size = smaller.factor * _PI**smaller.pi_power
    if _are_close(first_base / size, second_base / size, precision):
        return Agreement.SAME
    # The precision may be meant in the larger unit.
    is_stepped = precision is not None and precision.step is not None
    is_close = is_stepped and _are_close(first_base, second_base, None)
    return Agreement.UNSURE if is_close else Agreement.DIFFERENT
