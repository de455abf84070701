r"""Equality of expressions: by exact arithmetic if both are rational, else by high precision, at fixed points.

Computations that would take long or fill the memory are refused before they begin. The precision follows from the
sizes of the numbers that occur: `e^{1000}` and `e^{1000}+1` differ in the 435th digit, so 450 digits are computed.
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
# Rationals with more bits are refused; 2500! has 24 700 bits.
_MAX_BITS = 32_000
# Limit for the sum of the squared bit lengths of all rationals: about 20 ms of work.
_MAX_WORK = 12_000_000_000
# At a point, a rational with more bits is replaced by a real number.
_MAX_BITS_AT_POINTS = 3_000
_MAX_EXPONENT = 100_000
_MAX_FACTORIAL = 2_500
_MAX_NODES = 400
_MANY_NODES = 60
# Each point: the signs of the symbols, used cyclically, and the size of their values.
_POINTS = (("+", 1), ("-", 1), ("+-", 1), ("-+", 3), ("+", 5), ("--+", 0), ("+--", 2))
_FAR_POINTS = (("+", 12_000), ("-", 12_000), ("-", 60), ("+", 60))
_NOT_SMOOTH = frozenset("abs floor ceil max min sqrt root".split())
_LN_OF_UNKNOWN_BASE = Fraction(271_441, 100_003)


class RefusedError(ArithmeticError):
    """The computation would take too long, or the expression has no value."""


def are_same(first: Expression, second: Expression) -> bool:
    """Whether two expressions have the same symbols and equal values."""
    if first == second:
        return True
    names = names_in(first)
    if names != names_in(second) or _is_too_long(first) or _is_too_long(second):
        return False
    if not _symbols(first, second):
        return _agree(first, second, {}) is True
    return _agree_everywhere(first, second)


def are_proportional(first: Expression, second: Expression, *, sign: int = 0) -> bool:
    """Whether the first expression is a nonzero constant times the second, at all points.

    Args:
        first: an expression with symbols.
        second: an expression with the same symbols.
        sign: required sign of the constant; 0 for either.
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
    """Return the exact value of an expression that evaluates to a rational number; None for any other."""
    if _is_too_long(expression) or _symbols(expression):
        return None
    try:
        value = _Evaluation(_DIGITS, {}, is_exact=True).of(expression)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if isinstance(value, Fraction) else None


def approximation_of(expression: Expression) -> Fraction | None:
    """Return the real value of an expression without symbols, to 60 digits; None if it has none."""
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
    return sorted({node.name for tree in expressions for node in walk(tree) if isinstance(node, Symbol)})


def _is_constant(expression: Expression, points: Sequence[Mapping[str, Fraction]]) -> bool:
    """Whether the value of an expression does not depend on its symbols, as in 0 y - 1."""
    values: list[Any] = []
    for point in points:
        try:
            values.append(_Evaluation(_DIGITS, point).of(expression))
        except (ArithmeticError, ValueError, TypeError, MemoryError):
            continue
    return not values or all(abs(value - values[0]) <= abs(values[0]) * Fraction(1, 10**30) for value in values)


def _ratio(first: Expression, second: Expression, point: Mapping[str, Fraction]) -> Any:
    """Return first / second at a point; 0 if only one of them is zero or precision is lost, None if undecided."""
    try:
        evaluation = _Evaluation(_DIGITS, point)
        first_value, second_value = evaluation.of(first), evaluation.of(second)
        if first_value == 0 or second_value == 0:
            return None if first_value == second_value else Fraction(0)
        if isinstance(first_value, Fraction) and isinstance(second_value, Fraction):
            return first_value / second_value
        if evaluation.span_digits() > _DIGITS - _AGREEING_DIGITS - 5:
            return Fraction(0)
        return evaluation.real(first_value) / evaluation.real(second_value)
    except (ArithmeticError, ValueError, TypeError, MemoryError):
        return None


def _agree_everywhere(first: Expression, second: Expression) -> bool:
    """Whether two expressions agree at all points where they have real values; at least two points are needed."""
    symbols = _symbols(first, second)
    nodes = walk(first) + walk(second)
    points = _POINTS[:4] if len(nodes) > _MANY_NODES else _POINTS
    if any(isinstance(node, Function) and node.name in _NOT_SMOOTH for node in nodes):
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
    """Return rational values for the symbols; they follow from name and size and avoid special values."""
    point: dict[str, Fraction] = {}
    for index, name in enumerate(symbols):
        number = int.from_bytes(hashlib.sha256(f"{name} {size}".encode()).digest()[:4], "big")
        value = size + Fraction(37 + number % 947, 997)
        point[name] = -value if signs[index % len(signs)] == "-" else value
    return point


def _agree(
    first: Expression, second: Expression, point: Mapping[str, Fraction], *, are_complex: bool = True
) -> bool | None:
    """Whether two expressions have the same value at a point; None if the point does not decide it."""
    try:
        digits = _DIGITS
        for _ in range(2):
            evaluation = _Evaluation(digits, point, is_exact=not point)
            first_value, second_value = evaluation.of(first), evaluation.of(second)
            if isinstance(first_value, Fraction) and isinstance(second_value, Fraction):
                return first_value == second_value
            span = evaluation.span_digits()
            if span > _MAX_DIGITS:
                return None
            if _DIGITS + 2 * span <= digits:
                break
            digits = _DIGITS + 2 * span
        first_is_real, second_is_real = evaluation.is_real(first_value), evaluation.is_real(second_value)
        if not are_complex and not (first_is_real or second_is_real):
            return None
        first_value, second_value = evaluation.real(first_value), evaluation.real(second_value)
        bound = evaluation.mp.mpf(10) ** -(_AGREEING_DIGITS + span)
        return bool(abs(first_value - second_value) <= bound * max(abs(first_value), abs(second_value)))
    except ZeroDivisionError:
        return None
    except (ArithmeticError, ValueError, TypeError, MemoryError):
        return None


_local = threading.local()


def _context(digits: int) -> Any:
    """Return the mpmath context of this thread; mpmath's own context and its precision are shared by all threads."""
    if not hasattr(_local, "mp"):
        _local.mp = mpmath.MPContext()
    _local.mp.dps = digits
    return _local.mp


class _Evaluation:
    """One evaluation: exact as long as possible; it records the range of sizes of all numbers that occurred."""

    def __init__(self, digits: int, point: Mapping[str, Fraction], *, is_exact: bool = False) -> None:
        self.mp = _context(digits)
        self._digits, self._point, self._is_exact = digits, point, is_exact
        self._low, self._high = 0, 0
        self._work = 0

    def span_digits(self) -> int:
        """Return the number of decimal digits between the smallest and the largest number."""
        return int((self._high - self._low) * 0.30103) + 1

    def of(self, expression: Expression) -> Any:
        """Return the value: a Fraction or an mpmath number.

        Raises:
            ArithmeticError: the expression has no value, or computing it takes too long.
        """
        value = self._value(expression)
        if value != 0:
            size = self.magnitude(value)
            self._low, self._high = min(self._low, size), max(self._high, size)
        return value

    def magnitude(self, value: Any) -> int:
        """Return the approximate binary logarithm of a nonzero number."""
        if isinstance(value, Fraction):
            return value.numerator.bit_length() - value.denominator.bit_length()
        size = self.mp.mag(value)
        if not self.mp.isfinite(size):
            raise RefusedError("not finite")
        return int(size)

    def real(self, value: Any) -> Any:
        """Return the value as an mpmath number."""
        return self.mp.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value

    def is_real(self, value: Any) -> bool:
        """Whether the imaginary part of a number is zero up to rounding."""
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

    def _limited(self, value: Fraction) -> Any:
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
                exact = self._exact(self._limited(exact + term), exact, term)
        others = [term for term in terms if not isinstance(term, Fraction)]
        if not others:
            return exact
        largest = max([abs(self.real(term)) for term in terms])
        total = self.real(exact)
        for term in others:
            total = total + term
        return self._zero_if_cancelled(total, largest)

    def _exact(self, value: Any, first: Fraction, second: Fraction) -> Fraction:
        return value if isinstance(value, Fraction) else first + second

    def _zero_if_cancelled(self, value: Any, largest: Any) -> Any:
        """Return exactly zero if the terms of a sum cancel up to rounding, else the value."""
        return Fraction(0) if abs(value) <= largest * self.mp.mpf(10) ** -(self._digits - 12) else value

    def _product(self, factors: list[Any]) -> Any:
        total: Any = Fraction(1)
        for factor in factors:
            if isinstance(total, Fraction) and isinstance(factor, Fraction):
                total = self._limited(total * factor)
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
            power = self._rational_power(base, exponent)
            if power is not None:
                return power
        base, exponent = self.real(base), self.real(exponent)
        size = self.mp.log(base) * exponent
        if abs(size) > _MAX_EXPONENT:
            raise RefusedError("a power that is too large")
        return self.mp.exp(size)

    def _whole_power(self, base: Any, exponent: int) -> Any:
        if isinstance(base, Fraction):
            bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if abs(base) == 1 or bits * abs(exponent) <= (_MAX_BITS if self._is_exact else _MAX_BITS_AT_POINTS):
                return self._limited(base**exponent if abs(base) != 1 else base ** (exponent % 2))
            if self._is_exact:
                raise RefusedError("a power that is too large")
        base = self.real(base)
        if abs(exponent) > _MAX_EXPONENT or abs(self.magnitude(base) * exponent) > 10 * _MAX_EXPONENT:
            raise RefusedError("a power that is too large")
        return base**exponent

    def _rational_power(self, base: Any, exponent: Fraction) -> Any:
        """Return the power with the real root if there is one, exact if it is rational; else None."""
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
        """Return a pseudorandom value that depends only on the name and the arguments."""
        parts = [name]
        for argument in arguments:
            value = self.mp.mpc(self.real(argument))
            parts += [
                self.mp.nstr(part, 25) if abs(part) > abs(value) * self.mp.mpf(10) ** -30 else "0"
                for part in (value.real, value.imag)
            ]
        digest = hashlib.sha256("|".join(parts).encode()).digest()
        return 1 + Fraction(int.from_bytes(digest[:12], "big"), 2**96)

    def _function(self, name: str, arguments: list[Any]) -> Any:
        first = arguments[0]
        if name in ("factorial", "binomial"):
            return self._combinatorial(name, arguments)
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
            return self._piecewise(name, arguments)
        if name in ("ln", "log", "lg"):
            return self._logarithm(name, arguments)
        if name == "exp":
            return self._power(self.mp.e * 1, first)
        return self._transcendental(name, first)

    def _combinatorial(self, name: str, arguments: list[Any]) -> Any:
        if all(isinstance(value, Fraction) and value.denominator == 1 and value >= 0 for value in arguments):
            numbers = [int(value) for value in arguments]
            is_small = name == "binomial" and numbers[0] < 10**30 and min(numbers[1], abs(numbers[0] - numbers[1])) < 50
            if numbers[0] > _MAX_FACTORIAL and not is_small:
                raise RefusedError("a factorial that is too large")
            if name == "factorial":
                return self._limited(Fraction(math.factorial(numbers[0])))
            return self._limited(Fraction(math.comb(numbers[0], numbers[1])))
        values = [self.real(argument) for argument in arguments]
        if any(abs(value) > 1000 for value in values):
            raise RefusedError("a factorial that is too large")
        if name == "factorial":
            return self.mp.gamma(values[0] + 1)
        return self.mp.binomial(values[0], values[1])

    def _piecewise(self, name: str, arguments: list[Any]) -> Any:
        if name == "abs":
            return abs(arguments[0])
        if not all(self.is_real(argument) for argument in arguments):
            raise RefusedError("not real")
        if name in ("max", "min"):
            ordered = sorted(arguments, key=lambda argument: self.mp.re(self.real(argument)))
            return ordered[-1 if name == "max" else 0]
        value = arguments[0]
        if not isinstance(value, Fraction):
            value = self.mp.re(value)
            if abs(value) > 10**15:
                raise RefusedError("too large to be rounded")
            nearest = self.mp.nint(value)
            value = nearest if abs(value - nearest) < self.mp.mpf(10) ** -30 else value
            return Fraction(int(self.mp.floor(value) if name == "floor" else self.mp.ceil(value)))
        return Fraction(math.floor(value) if name == "floor" else math.ceil(value))

    def _logarithm(self, name: str, arguments: list[Any]) -> Any:
        if arguments[0] == 0:
            raise RefusedError("the logarithm of zero")
        if arguments[0] == 1:
            return Fraction(0)
        logarithm = self.mp.log(self.real(arguments[0]))
        if len(arguments) > 1:
            if arguments[1] in (0, 1):
                raise RefusedError("not a base of logarithms")
            return logarithm / self.mp.log(self.real(arguments[1]))
        # Without a base, log may be to base 10, 2 or e: it equals only itself.
        factor = {"ln": Fraction(1), "log": _LN_OF_UNKNOWN_BASE, "lg": _LN_OF_UNKNOWN_BASE + 1}[name]
        return logarithm / self.real(factor) if name != "ln" else logarithm

    def _transcendental(self, name: str, value: Any) -> Any:
        value = self.real(value)
        if abs(value) > 10**5 and not name.startswith("arc"):
            raise RefusedError("an argument that is too large")
        reciprocal = {"sec": "cos", "csc": "sin", "sech": "cosh", "csch": "sinh"}
        if name in reciprocal:
            return 1 / self._require_nonzero(self._transcendental(reciprocal[name], value))
        if name in ("tan", "cot", "tanh", "coth"):
            suffix = "h" if name.endswith("h") else ""
            sine, cosine = self._transcendental("sin" + suffix, value), self._transcendental("cos" + suffix, value)
            return (
                cosine / self._require_nonzero(sine) if name.startswith("cot") else sine / self._require_nonzero(cosine)
            )
        if name in ("arcsec", "arccsc", "arccot"):
            value, name = 1 / self._require_nonzero(value), {"arcsec": "acos", "arccsc": "asin", "arccot": "atan"}[name]
        result = getattr(self.mp, name.replace("arc", "a"))(value)
        return self._zero_if_cancelled(result, self.mp.mpf(1)) if abs(value) > 1e-9 else result

    def _require_nonzero(self, value: Any) -> Any:
        if value == 0:
            raise RefusedError("division by zero")
        return self.real(value)


@lru_cache(maxsize=1024)
def _exact_root(value: Fraction, index: int) -> Fraction | None:
    """Return the root of a positive rational number if it is rational, else None."""
    top, bottom = _whole_root(value.numerator, index), _whole_root(value.denominator, index)
    return Fraction(top, bottom) if top is not None and bottom is not None else None


def _whole_root(value: int, index: int) -> int | None:
    if value.bit_length() > 2_000:
        return None
    if index == 2:
        root = math.isqrt(value)
        return root if root * root == value else None
    root = round(value ** (1 / index)) if value.bit_length() < 900 else 0
    for candidate in (root - 1, root, root + 1):
        if candidate >= 0 and candidate.bit_length() * index < 3_000 and candidate**index == value:
            return candidate
    return None
