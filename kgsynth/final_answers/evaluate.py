r"""Equality of expressions: by exact arithmetic where both are rational, else by many digits, at fixed points.

What would take long or fill the memory is refused before it is computed. The precision follows from the sizes that
occur: `e^{1000}` and `e^{1000}+1` differ in the 435th digit, so 450 are computed.
"""

import hashlib
import math
import threading
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mpmath

from kgsynth.final_answers.expressions import (
    DEGREES,
    INVERSE,
    Constant,
    Expression,
    Function,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    Unknown,
    names_in,
    walk,
)

_DIGITS = 60
_AGREEING_DIGITS = 38
_MAX_DIGITS = 900
# Longer rationals are not computed; 2500! has 24 700 bits.
_MAX_BITS = 32_000
# Of the squared lengths of the rationals, about 20 ms.
_MAX_WORK = 12_000_000_000
# At a point a rational longer than this goes on as a real number.
_MAX_BITS_AT_POINTS = 3_000
_MAX_EXPONENT = 100_000
_MAX_FACTORIAL = 2_500
_MAX_NODES = 400
_MANY_NODES = 60
# Signs of the symbols, in turn, and the size of the values at each point.
_POINTS = (("+", 1), ("-", 1), ("+-", 1), ("-+", 3), ("+", 5), ("--+", 0), ("+--", 2))
_FAR_POINTS = (("+", 12_000), ("-", 12_000), ("-", 60), ("+", 60))
_BENT = frozenset("abs floor ceil max min sqrt root".split())
_LN_OF_UNSAID_BASE = Fraction(271_441, 100_003)


class RefusedError(ArithmeticError):
    """Computing this would take too long, or it has no value here."""


def are_same(first: Expression, second: Expression) -> bool:
    """Whether two expressions have the same symbols and the same values."""
    if first == second:
        return True
    names = names_in(first)
    if names != names_in(second) or _is_too_long(first) or _is_too_long(second):
        return False
    if not _symbols(first, second):
        return _agree(first, second, {}) is True
    return _agree_everywhere(first, second)


def are_proportional(first: Expression, second: Expression, *, sign: int = 0) -> bool:
    """Whether one is a constant other than zero times the other, at all points.

    Args:
        first: an expression with symbols.
        second: another one.
        sign: of the constant; 0 for either.
    """
    if (
        names_in(first) != names_in(second)
        or not _symbols(first, second)
        or _is_too_long(first)
        or _is_too_long(second)
    ):
        return False
    symbols = _symbols(first, second)
    points = [_point(symbols, signs, size) for signs, size in _POINTS]
    if _agree(first, first, points[0]) is not True or _is_constant(first, points):
        return False
    ratios = [ratio for point in points if (ratio := _ratio(first, second, point)) is not None]
    if len(ratios) < 2 or any(ratio == 0 for ratio in ratios):
        return False
    evaluation = _Evaluation(_DIGITS, {})
    values = [evaluation.real(ratio) for ratio in ratios]
    bound = abs(values[0]) * evaluation.mp.mpf(10) ** -_AGREEING_DIGITS
    if any(abs(value - values[0]) > bound for value in values):
        return False
    return not sign or (evaluation.is_real(values[0]) and evaluation.mp.re(values[0]) * sign > 0)


def constant_of(expression: Expression) -> Fraction | None:
    """The exact value of an expression that is rational by its form; None for any other."""
    if _is_too_long(expression) or _symbols(expression):
        return None
    try:
        value = _Evaluation(_DIGITS, {}, is_exact=True).of(expression)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if isinstance(value, Fraction) else None


def approximation_of(expression: Expression) -> Fraction | None:
    """The real value of an expression without symbols, to many digits; None when there is none."""
    if _is_too_long(expression) or names_in(expression):
        return None
    try:
        evaluation = _Evaluation(_DIGITS, {}, is_exact=True)
        value = evaluation.of(expression)
        if isinstance(value, Fraction):
            return value
        if not evaluation.is_real(value) or abs(evaluation.magnitude(value)) > 4 * _MAX_DIGITS:
            return None
        mantissa, exponent = evaluation.mp.frexp(evaluation.mp.re(value))
        return Fraction(int(evaluation.mp.floor(mantissa * 2**200)), 2**200) * Fraction(2) ** int(exponent)
    except (ArithmeticError, ValueError, TypeError, AttributeError):
        return None


def _is_too_long(expression: Expression) -> bool:
    return len(walk(expression)) > _MAX_NODES


def _symbols(*expressions: Expression) -> list[str]:
    return sorted({one.name for tree in expressions for one in walk(tree) if isinstance(one, Symbol)})


def _is_constant(expression: Expression, points: Sequence[Mapping[str, Fraction]]) -> bool:
    """Whether the symbols of an expression do not matter, as in 0 y - 1."""
    values: list[Any] = []
    for point in points:
        try:
            values.append(_Evaluation(_DIGITS, point).of(expression))
        except (ArithmeticError, ValueError, TypeError, MemoryError):
            continue
    return not values or all(abs(value - values[0]) <= abs(values[0]) * Fraction(1, 10**30) for value in values)


def _ratio(first: Expression, second: Expression, point: Mapping[str, Fraction]) -> Any:
    """What the first is of the second at a point; 0 when one of them alone is zero, None when it says nothing."""
    try:
        evaluation = _Evaluation(_DIGITS, point)
        one, other = evaluation.of(first), evaluation.of(second)
        if one == 0 or other == 0:
            return None if one == other else Fraction(0)
        if isinstance(one, Fraction) and isinstance(other, Fraction):
            return one / other
        if evaluation.span_digits() > _DIGITS - _AGREEING_DIGITS - 5:
            return Fraction(0)
        return evaluation.real(one) / evaluation.real(other)
    except (ArithmeticError, ValueError, TypeError, MemoryError):
        return None


def _agree_everywhere(first: Expression, second: Expression) -> bool:
    """Whether two expressions agree at all points where they have real values, at two of them at least."""
    symbols = _symbols(first, second)
    nodes = walk(first) + walk(second)
    points = _POINTS[:4] if len(nodes) > _MANY_NODES else _POINTS
    if any(isinstance(one, Function) and one.name in _BENT for one in nodes):
        points = (*points, *_FAR_POINTS)
    has_i = Constant("i") in nodes
    decided = 0
    for signs, size in points:
        agree = _agree(first, second, _point(symbols, signs, size), are_complex=has_i)
        if agree is False:
            return False
        decided += agree is True
    return decided > 1


def _point(symbols: list[str], signs: str, size: int) -> dict[str, Fraction]:
    """Values for the symbols: rational, fixed by the name and the size, far from special values."""
    point: dict[str, Fraction] = {}
    for place, name in enumerate(symbols):
        drawn = int.from_bytes(hashlib.sha256(f"{name} {size}".encode()).digest()[:4], "big")
        value = size + Fraction(37 + drawn % 947, 997)
        point[name] = -value if signs[place % len(signs)] == "-" else value
    return point


def _agree(
    first: Expression, second: Expression, point: Mapping[str, Fraction], *, are_complex: bool = True
) -> bool | None:
    """Whether two expressions have the same value at a point; None when the point says nothing."""
    try:
        digits = _DIGITS
        for _ in range(2):
            evaluation = _Evaluation(digits, point, is_exact=not point)
            one, other = evaluation.of(first), evaluation.of(second)
            if isinstance(one, Fraction) and isinstance(other, Fraction):
                return one == other
            span = evaluation.span_digits()
            if span > _MAX_DIGITS:
                return None
            if _DIGITS + 2 * span <= digits:
                break
            digits = _DIGITS + 2 * span
        one_is_real, other_is_real = evaluation.is_real(one), evaluation.is_real(other)
        if not are_complex and not (one_is_real or other_is_real):
            return None
        one, other = evaluation.real(one), evaluation.real(other)
        bound = evaluation.mp.mpf(10) ** -(_AGREEING_DIGITS + span)
        return bool(abs(one - other) <= bound * max(abs(one), abs(other)))
    except ZeroDivisionError:
        return None
    except (ArithmeticError, ValueError, TypeError, MemoryError):
        return None


_local = threading.local()


def _context(digits: int) -> Any:
    """The mpmath context of this thread; the one of the module is shared, and its precision with it."""
    if not hasattr(_local, "mp"):
        _local.mp = mpmath.MPContext()
    _local.mp.dps = digits
    return _local.mp


class _Evaluation:
    """One computation: exact as long as it can be, with the sizes of all numbers that occurred."""

    def __init__(self, digits: int, point: Mapping[str, Fraction], *, is_exact: bool = False) -> None:
        self.mp = _context(digits)
        self._digits, self._point, self._is_exact = digits, point, is_exact
        self._low, self._high = 0, 0
        self._work = 0

    def span_digits(self) -> int:
        """Decimal places between the smallest and the largest number."""
        return int((self._high - self._low) * 0.30103) + 1

    def of(self, expression: Expression) -> Any:
        """The value: a Fraction, or a number of mpmath.

        Raises:
            ArithmeticError: it has none, or it takes too long.
        """
        value = self._value(expression)
        if value != 0:
            size = self.magnitude(value)
            self._low, self._high = min(self._low, size), max(self._high, size)
        return value

    def magnitude(self, value: Any) -> int:
        """The binary logarithm of a number other than zero, roughly."""
        if isinstance(value, Fraction):
            return value.numerator.bit_length() - value.denominator.bit_length()
        size = self.mp.mag(value)
        if not self.mp.isfinite(size):
            raise RefusedError("not finite")
        return int(size)

    def real(self, value: Any) -> Any:
        """A number of mpmath."""
        return self.mp.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value

    def is_real(self, value: Any) -> bool:
        """Whether a number has no imaginary part worth the name."""
        if isinstance(value, Fraction):
            return True
        imaginary = self.mp.im(value)
        return bool(abs(imaginary) <= abs(value) * self.mp.mpf(10) ** -(self._digits - 15))

    def _value(self, expression: Expression) -> Any:
        match expression:
            case Number(value):
                return value
            case Constant(name):
                return {"e": self.mp.e, "pi": self.mp.pi, "i": self.mp.j}[name] * 1
            case Symbol(name):
                return self._point[name]
            case Sum(terms):
                return self._sum([self.of(term) for term in terms])
            case Product(factors):
                return self._product([self.of(factor) for factor in factors])
            case Power(base, exponent):
                return self._power(self.of(base), self.of(exponent))
            case Function(name, arguments):
                return self._function(name, [self.of(argument) for argument in arguments])
            case Unknown(name, arguments):
                return self._unknown(name, [self.of(argument) for argument in arguments])

    def _bounded(self, value: Fraction) -> Any:
        bits = max(value.numerator.bit_length(), value.denominator.bit_length())
        if not self._is_exact:
            return self.real(value) if bits > _MAX_BITS_AT_POINTS else value
        self._work += bits * bits
        if bits > _MAX_BITS or self._work > _MAX_WORK:
            raise RefusedError("a number of too many digits")
        return value

    def _sum(self, terms: list[Any]) -> Any:
        exact = Fraction(0)
        for term in terms:
            if isinstance(term, Fraction):
                exact = self._exact(self._bounded(exact + term), exact, term)
        others = [term for term in terms if not isinstance(term, Fraction)]
        if not others:
            return exact
        largest = max([abs(self.real(term)) for term in terms])
        total = self.real(exact)
        for term in others:
            total = total + term
        return self._without_dust(total, largest)

    def _exact(self, value: Any, one: Fraction, other: Fraction) -> Fraction:
        return value if isinstance(value, Fraction) else one + other

    def _without_dust(self, value: Any, largest: Any) -> Any:
        """Exactly zero for what is left of numbers that cancel."""
        return Fraction(0) if abs(value) <= largest * self.mp.mpf(10) ** -(self._digits - 12) else value

    def _product(self, factors: list[Any]) -> Any:
        total: Any = Fraction(1)
        for factor in factors:
            if isinstance(total, Fraction) and isinstance(factor, Fraction):
                total = self._bounded(total * factor)
            elif factor == 0 or total == 0:
                total = Fraction(0)
            else:
                total = self.real(total) * self.real(factor)
        return total

    def _power(self, base: Any, exponent: Any) -> Any:
        if base == 0:
            if not self.is_real(exponent) or self.mp.re(self.real(exponent)) <= 0:
                raise RefusedError("zero to the power of zero or less")
            return Fraction(0)
        if exponent == 0:
            return Fraction(1)
        if isinstance(exponent, Fraction) and exponent.denominator == 1:
            return self._whole_power(base, exponent.numerator)
        if isinstance(exponent, Fraction) and exponent.denominator < 1000:
            found = self._rational_power(base, exponent)
            if found is not None:
                return found
        base, exponent = self.real(base), self.real(exponent)
        size = self.mp.log(base) * exponent
        if abs(size) > _MAX_EXPONENT:
            raise RefusedError("a power that is too large")
        return self.mp.exp(size)

    def _whole_power(self, base: Any, exponent: int) -> Any:
        if isinstance(base, Fraction):
            bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if abs(base) == 1 or bits * abs(exponent) <= (_MAX_BITS if self._is_exact else _MAX_BITS_AT_POINTS):
                return self._bounded(base**exponent if abs(base) != 1 else base ** (exponent % 2))
            if self._is_exact:
                raise RefusedError("a power that is too large")
        base = self.real(base)
        if abs(exponent) > _MAX_EXPONENT or abs(self.magnitude(base) * exponent) > 10 * _MAX_EXPONENT:
            raise RefusedError("a power that is too large")
        return base**exponent

    def _rational_power(self, base: Any, exponent: Fraction) -> Any:
        """The real root where there is one, exact where it is rational; None for neither."""
        index = exponent.denominator
        is_negative = self.is_real(base) and self.mp.re(self.real(base)) < 0
        if is_negative and index % 2 == 0:
            return None
        size = -base if is_negative else base
        root: Any = None
        if isinstance(size, Fraction):
            root = _exact_root(size, index)
        if root is None:
            if not is_negative:
                return None
            root = self.mp.exp(self.mp.log(self.real(size)) / index)
        return self._whole_power(-root if is_negative else root, exponent.numerator)

    def _unknown(self, name: str, arguments: list[Any]) -> Fraction:
        """A value that depends on the name and the arguments alone."""
        said = [name]
        for argument in arguments:
            value = self.mp.mpc(self.real(argument))
            said += [
                self.mp.nstr(part, 25) if abs(part) > abs(value) * self.mp.mpf(10) ** -30 else "0"
                for part in (value.real, value.imag)
            ]
        drawn = hashlib.sha256("|".join(said).encode()).digest()
        return 1 + Fraction(int.from_bytes(drawn[:12], "big"), 2**96)

    def _function(self, name: str, arguments: list[Any]) -> Any:
        first = arguments[0]
        if name in ("factorial", "binomial"):
            return self._counted(name, arguments)
        if name == "sqrt":
            return self._power(first, Fraction(1, 2))
        if name == "cbrt":
            return self._power(first, Fraction(1, 3))
        if name == "root":
            return self._power(first, self._power(arguments[1], Fraction(-1)))
        if name == INVERSE:
            return self._power(first, Fraction(-1))
        if name == DEGREES:
            return self.real(first) * self.mp.pi / 180 if first != 0 else first
        if name in ("abs", "floor", "ceil", "max", "min"):
            return self._bent(name, arguments)
        if name in ("ln", "log", "lg"):
            return self._logarithm(name, arguments)
        if name == "exp":
            return self._power(self.mp.e * 1, first)
        return self._transcendental(name, first)

    def _counted(self, name: str, arguments: list[Any]) -> Any:
        if all(isinstance(one, Fraction) and one.denominator == 1 and one >= 0 for one in arguments):
            numbers = [int(one) for one in arguments]
            is_small = name == "binomial" and numbers[0] < 10**30 and min(numbers[1], abs(numbers[0] - numbers[1])) < 50
            if numbers[0] > _MAX_FACTORIAL and not is_small:
                raise RefusedError("a factorial that is too large")
            if name == "factorial":
                return self._bounded(Fraction(math.factorial(numbers[0])))
            return self._bounded(Fraction(math.comb(numbers[0], numbers[1])))
        values = [self.real(one) for one in arguments]
        if any(abs(value) > 1000 for value in values):
            raise RefusedError("a factorial that is too large")
        if name == "factorial":
            return self.mp.gamma(values[0] + 1)
        return self.mp.binomial(values[0], values[1])

    def _bent(self, name: str, arguments: list[Any]) -> Any:
        if name == "abs":
            return abs(arguments[0])
        if not all(self.is_real(one) for one in arguments):
            raise RefusedError("not real")
        if name in ("max", "min"):
            ordered = sorted(arguments, key=lambda one: self.mp.re(self.real(one)))
            return ordered[-1 if name == "max" else 0]
        value = arguments[0]
        if not isinstance(value, Fraction):
            value = self.mp.re(value)
            if abs(value) > 10**15:
                raise RefusedError("too large to be rounded")
            near = self.mp.nint(value)
            value = near if abs(value - near) < self.mp.mpf(10) ** -30 else value
            return Fraction(int(self.mp.floor(value) if name == "floor" else self.mp.ceil(value)))
        return Fraction(math.floor(value) if name == "floor" else math.ceil(value))

    def _logarithm(self, name: str, arguments: list[Any]) -> Any:
        if arguments[0] == 0:
            raise RefusedError("the logarithm of zero")
        if arguments[0] == 1:
            return Fraction(0)
        found = self.mp.log(self.real(arguments[0]))
        if len(arguments) > 1:
            if arguments[1] in (0, 1):
                raise RefusedError("no base")
            return found / self.mp.log(self.real(arguments[1]))
        # Without its base, log may be to base 10, 2 or e: it equals itself alone.
        factor = {"ln": Fraction(1), "log": _LN_OF_UNSAID_BASE, "lg": _LN_OF_UNSAID_BASE + 1}[name]
        return found / self.real(factor) if name != "ln" else found

    def _transcendental(self, name: str, value: Any) -> Any:
        value = self.real(value)
        if abs(value) > 10**5 and not name.startswith("arc"):
            raise RefusedError("an argument that is too large")
        reciprocal = {"sec": "cos", "csc": "sin", "sech": "cosh", "csch": "sinh"}
        if name in reciprocal:
            return 1 / self._nonzero(self._transcendental(reciprocal[name], value))
        if name in ("tan", "cot", "tanh", "coth"):
            end = "h" if name.endswith("h") else ""
            sine, cosine = self._transcendental("sin" + end, value), self._transcendental("cos" + end, value)
            return cosine / self._nonzero(sine) if name.startswith("cot") else sine / self._nonzero(cosine)
        if name in ("arcsec", "arccsc", "arccot"):
            value, name = 1 / self._nonzero(value), {"arcsec": "acos", "arccsc": "asin", "arccot": "atan"}[name]
        found = getattr(self.mp, name.replace("arc", "a"))(value)
        return self._without_dust(found, self.mp.mpf(1)) if abs(value) > 1e-9 else found

    def _nonzero(self, value: Any) -> Any:
        if value == 0:
            raise RefusedError("division by zero")
        return self.real(value)


@lru_cache(maxsize=1024)
def _exact_root(value: Fraction, index: int) -> Fraction | None:
    """The root of a positive rational number where it is rational."""
    top, bottom = _whole_root(value.numerator, index), _whole_root(value.denominator, index)
    return Fraction(top, bottom) if top is not None and bottom is not None else None


def _whole_root(value: int, index: int) -> int | None:
    if value.bit_length() > 2_000:
        return None
    if index == 2:
        root = math.isqrt(value)
        return root if root * root == value else None
    root = round(value ** (1 / index)) if value.bit_length() < 900 else 0
    for near in (root - 1, root, root + 1):
        if near >= 0 and near.bit_length() * index < 3_000 and near**index == value:
            return near
    return None
