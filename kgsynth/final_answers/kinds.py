"""The kinds of answers, each with the fields that its comparison needs."""

from dataclasses import dataclass

from kgsynth.final_answers.expressions import Expression
from kgsynth.final_answers.units import Unit


@dataclass(frozen=True, slots=True)
class Text:
    """A text that no rule reads, in the form in which it is compared."""

    form: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Yes, no, true, false, or a fixed phrase: no solution, empty set, infinitely many."""

    word: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The letter of an option, in parentheses."""

    letter: str


@dataclass(frozen=True, slots=True)
class Value:
    """A number or an expression, with its unit."""

    expression: Expression
    unit: Unit | None = None
    is_percent: bool = False


@dataclass(frozen=True, slots=True)
class Infinity:
    """Plus or minus infinity."""

    sign: int


@dataclass(frozen=True, slots=True)
class Named:
    """A value with its name, such as `x = 5`; `equation` is left minus right if both are expressions."""

    name: str
    value: "Answer"
    equation: Expression | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation that names no value: left minus right is zero, or with `is_not` is not zero."""

    difference: Expression
    is_not: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers between two bounds; None stands for infinity, `has_low` and `has_high` for closed ends."""

    low: Expression | None
    high: Expression | None
    has_low: bool
    has_high: bool


@dataclass(frozen=True, slots=True)
class Region:
    """A union of intervals for a name (empty for none); an inequality keeps its difference, which is below zero."""

    name: str
    intervals: tuple[Interval, ...]
    difference: Expression | None = None
    is_strict: bool = True


@dataclass(frozen=True, slots=True)
class Inequality:
    """A difference that is below zero, or at most zero."""

    difference: Expression
    is_strict: bool


@dataclass(frozen=True, slots=True)
class Congruence:
    """Residues modulo a number for a name (empty for none)."""

    name: str
    residues: tuple[Expression, ...]
    modulus: Expression


@dataclass(frozen=True, slots=True)
class Items:
    """An unordered list or set."""

    items: "tuple[Answer, ...]"
    is_set: bool = False
    joined_by: str = ""


@dataclass(frozen=True, slots=True)
class Assignments:
    """Several names, each with its value."""

    pairs: "tuple[tuple[str, Answer], ...]"


@dataclass(frozen=True, slots=True)
class Bracketed:
    """An ordered tuple, point, vector or interval, with its brackets."""

    opening: str
    closing: str
    items: "tuple[Answer, ...]"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of a matrix; `kind` tells matrix, determinant and norm apart."""

    rows: "tuple[tuple[Answer, ...], ...]"
    kind: str = "matrix"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Terms of a ratio."""

    terms: tuple[Expression, ...]


Answer = (
    Text | Truth | Choice | Value | Infinity | Named | Equation | Region | Inequality | Congruence | Items | Assignments
    | Bracketed | Matrix | Ratio
)  # fmt: skip
