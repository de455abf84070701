"""The precision that a question asks for; answers to other questions are compared exactly."""

import re
from dataclasses import dataclass
from fractions import Fraction

_NUMBERS = {name: number for number, name in enumerate("zero one two three four five six seven eight nine ten".split())}
_COUNT = rf"(\d{{1,2}}|{'|'.join(_NUMBERS)})"
_PLACES = re.compile(
    rf"\b{_COUNT}[\s-]*(?:decimals?\b|d\.?\s?p\b|digits? after the decimal|places? (?:of|after) (?:the )?decimals?)",
    re.IGNORECASE,
)
_FIGURES = re.compile(rf"\b{_COUNT}[\s-]*(?:significant\b|sig\b|s\.?\s?f\b)", re.IGNORECASE)
_NEAREST = re.compile(
    r"\bnearest\s+\$?(?:(0?\.\d+|10*)(?![\d.])|(tenth|hundredth|thousandth|ten-thousandth|integer|whole|unit|one|ten|hundred|"
    r"thousand|million|cent|penny|dollar|euro|degree|percent|minute|second|hour|day|year|met(?:er|re)|cent(?:imet(?:er|re))|"
    r"millimet(?:er|re)|kilomet(?:er|re)|foot|inch|mile|gram|kilogram|lit(?:er|re)|cm|mm|km|kg|m|g)s?\b)",
    re.IGNORECASE,
)
_STEPS = {
    "tenth": Fraction(1, 10), "hundredth": Fraction(1, 100), "thousandth": Fraction(1, 1000),
    "ten-thousandth": Fraction(1, 10**4),
    "cent": Fraction(1, 100), "penny": Fraction(1, 100), "ten": Fraction(10),
    "hundred": Fraction(100), "thousand": Fraction(1000),
    "million": Fraction(10**6),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Precision:
    """The precision to which numbers are rounded: a step, or a number of significant figures."""

    step: Fraction | None = None
    figures: int | None = None

    def step_at(self, value: Fraction) -> Fraction:
        """Return the step to which a number of this size is rounded; 0 if it has to be exact."""
        if self.step is not None:
            return self.step
        if value == 0 or self.figures is None:
            return Fraction(0)
        size = abs(value)
        exponent = len(str(int(size))) if size >= 1 else -_leading_zeros(size)
        return Fraction(10) ** (exponent - self.figures)


def precision_of(question: str) -> Precision | None:
    """Return the last precision that a question states, or None."""
    stated: list[tuple[int, Precision]] = []
    for match in _PLACES.finditer(question):
        stated.append((match.start(), Precision(step=Fraction(1, 10 ** _count(match.group(1))))))
    for match in _FIGURES.finditer(question):
        if _count(match.group(1)):
            stated.append((match.start(), Precision(figures=_count(match.group(1)))))
    for match in _NEAREST.finditer(question):
        step = Fraction(match.group(1)) if match.group(1) else _STEPS.get(match.group(2).casefold(), Fraction(1))
        stated.append((match.start(), Precision(step=step)))
    return max(stated, key=lambda entry: entry[0])[1] if stated else None


def agree(first: Fraction, second: Fraction, precision: Precision) -> bool:
    """Whether two numbers round to the same number or differ by at most half a step."""
    step = max(precision.step_at(first), precision.step_at(second))
    if step == 0:
        return first == second
    return abs(first - second) * 2 <= step or _rounded(first, step) == _rounded(second, step)


def _rounded(value: Fraction, step: Fraction) -> int:
    """Return the number of steps; halves round away from zero."""
    size = (abs(value) / step + Fraction(1, 2)) // 1
    return int(size) if value >= 0 else -int(size)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.casefold()]


def _leading_zeros(size: Fraction) -> int:
    """Return the number of zeros between the decimal point and the first digit of a number below one."""
    zeros = 0
    while size * 10 ** (zeros + 1) < 1 and zeros < 400:
        zeros += 1
    return zeros
