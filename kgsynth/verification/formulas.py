r"""Chemical formulas and equations: parsed from text, LaTeX or Unicode, and compared by elements and charge.

`CH3CH2OH` has the elements of `C2H6O`; hydrates, nested groups, charges and states are read. A text that is no formula
gives None, for example one with isotopes or with letters for numbers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from kgsynth.verification.quantities import Agreement

ELEMENTS = frozenset(
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts "
    "Og D".split()
)
_MAX_CHARS = 300
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-")
_ARROW = re.compile(
    r"\\x(?:right|leftright)\w*arrow\w*(?:\[[^\]]*\])?\{[^{}]*\}|(?:<?-+>|<=+>|→|⟶|⇌|⇄|⇋|↔|⟷|⟹|"
    r"\\(?:long)?(?:left)?rightarrow|\\rightleftharpoons|\\leftrightharpoons|\\to(?![a-z]))(?:\[[^\]]*\]){0,2}"
)
_LAYOUT = re.compile(
    r"\\(?:ce|mathrm|text|textrm|mathsf|mathbf|mbox|rm|left|right)(?![a-zA-Z])|\\(?:up|down)arrow|[↑↓]"
)
_PREFIX = r"(?P<coefficient>\d+(?:\.\d+)?(?:/\d+)?)?"
_STATE = re.compile(r"\((s|l|g|aq)\)$")
_CHARGE = re.compile(r"\^\(?(?:(?P<size>\d*)(?P<sign>[+-]+)|(?P<sign2>[+-])(?P<size2>\d+))\)?$")
_BARE_CHARGE = re.compile(r"(?P<digits>\d*)(?P<sign>[+-])$")
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*)|([(\[])|([)\]])(\d*)")
_DIGIT_AND_SIGN = re.compile(r"\d[+-]$")
_NONMETALS = frozenset("H C N O F P S Cl Br I He Ne Ar".split())
_OPENING_OF = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula.

    Attributes:
        elements: elements with their numbers, sorted.
        charge: charge in elementary charges.
        state: s, l, g or aq; empty if it is not stated.
        spelling: text without state; it tells isomers apart if an element occurs in it twice.
        is_structured: whether an element occurs twice in the text, as in CH3CH2OH.
        is_ambiguous: whether a digit may be a number or a charge, as in O2-.
    """

    elements: tuple[tuple[str, int], ...]
    charge: int
    state: str = ""
    spelling: str = ""
    is_structured: bool = False
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """A chemical equation: coefficients and formulas of both sides."""

    left: tuple[tuple[Fraction, Formula], ...]
    right: tuple[tuple[Fraction, Formula], ...]

    @property
    def is_ambiguous(self) -> bool:
        """Whether a formula can be read in two ways."""
        return any(formula.is_ambiguous for _, formula in (*self.left, *self.right))


def formula_of(text: str) -> Formula | None:
    """Return the formula that a whole text spells, without a coefficient; None for any other text."""
    plain = _plain(text)
    return _formula("".join(plain.split())) if len(plain) <= _MAX_CHARS else None


def has_arrow(text: str) -> bool:
    """Whether a text has the arrow of a reaction."""
    return bool(_ARROW.search(text))


def reaction_of(text: str) -> Reaction | None:
    """Return the equation that a whole text spells; None for any other text.

    An equals sign is an arrow only if a side has several substances, or both sides have compounds.
    """
    if len(text) > _MAX_CHARS:
        return None
    is_arrow = has_arrow(text)
    sides = re.split(" -> ", _plain(text)) if is_arrow else re.split("=", _plain(text))
    if len(sides) != 2:
        return None
    left, right = (_side(side) for side in sides)
    if left is None or right is None:
        return None
    is_equation = len(left) > 1 or len(right) > 1 or all(_has_compound(side) for side in (left, right))
    return Reaction(left, right) if is_arrow or is_equation else None


def imbalance(reaction: Reaction) -> str:
    """Return what differs between the sides of an equation: the elements, or the charge; empty if it is balanced."""
    totals = [_totals(side) for side in (reaction.left, reaction.right)]
    if totals[0][0] != totals[1][0]:
        return "the equation is not balanced in its elements"
    return "" if totals[0][1] == totals[1][1] else "the equation is not balanced in its charge"


def compare_formulas(first: Formula, second: Formula) -> Agreement:
    """Compare two formulas by elements and charge; different spellings of a structure may be isomers."""
    if (first.elements, first.charge) != (second.elements, second.charge):
        return Agreement.DIFFERENT
    if first.state and second.state and first.state != second.state:
        return Agreement.DIFFERENT
    may_be_isomers = first.is_structured and second.is_structured and first.spelling != second.spelling
    return Agreement.UNSURE if may_be_isomers else Agreement.SAME


def compare_reactions(first: Reaction, second: Reaction) -> Agreement:
    """Compare two equations: the same substances with proportional coefficients; states only if both state them."""
    sides = [(first.left, second.left), (first.right, second.right)]
    ratios: set[Fraction] = set()
    for one, other in sides:
        left, right = _amounts(one), _amounts(other)
        if left.keys() != right.keys():
            return _other_substances(first, second)
        ratios |= {left[substance] / right[substance] for substance in left}
        if _states(one, other):
            return Agreement.DIFFERENT
    return Agreement.SAME if len(ratios) == 1 else Agreement.DIFFERENT


def _other_substances(first: Reaction, second: Reaction) -> Agreement:
    """Return the result for other substances: unsure if the sides are swapped, or if only one equation has ions."""
    is_swapped = _amounts(first.left).keys() == _amounts(second.right).keys()
    ionic, other = sorted((first, second), key=lambda reaction: not _has_ions(reaction))
    # A net ionic equation leaves out elements of the spectator ions.
    is_net_ionic = (
        _has_ions(ionic) and not _has_ions(other) and _totals(ionic.left)[0].keys() <= _totals(other.left)[0].keys()
    )
    are_balanced = not imbalance(first) and not imbalance(second)
    return Agreement.UNSURE if is_swapped or (is_net_ionic and are_balanced) else Agreement.DIFFERENT


def _has_ions(reaction: Reaction) -> bool:
    return any(formula.charge for _, formula in (*reaction.left, *reaction.right))


def _amounts(side: tuple[tuple[Fraction, Formula], ...]) -> Mapping[tuple[object, int], Fraction]:
    amounts: dict[tuple[object, int], Fraction] = {}
    for coefficient, formula in side:
        substance = (formula.elements, formula.charge)
        amounts[substance] = amounts.get(substance, Fraction(0)) + coefficient
    return amounts


def _states(one: tuple[tuple[Fraction, Formula], ...], other: tuple[tuple[Fraction, Formula], ...]) -> bool:
    """Whether two sides state different states of a substance."""
    stated = {(formula.elements, formula.charge): formula.state for _, formula in one if formula.state}
    return any(
        formula.state and stated.get((formula.elements, formula.charge), formula.state) != formula.state
        for _, formula in other
    )


def _totals(side: tuple[tuple[Fraction, Formula], ...]) -> tuple[dict[str, Fraction], Fraction]:
    elements: dict[str, Fraction] = {}
    for coefficient, formula in side:
        for element, number in formula.elements:
            elements[element] = elements.get(element, Fraction(0)) + coefficient * number
    return elements, sum((coefficient * formula.charge for coefficient, formula in side), Fraction(0))


def _has_compound(side: tuple[tuple[Fraction, Formula], ...]) -> bool:
    return any(sum(number for _, number in formula.elements) > 1 for _, formula in side)


def _plain(text: str) -> str:
    r"""Return a formula in plain characters: `\ce{SO4^{2-}}` and `SO₄²⁻` become `SO4^2-`."""
    text = text.replace("$", " ").replace("−", "-").replace("–", "-")
    text = re.sub(r"[⁰¹²³⁴-⁹⁺⁻]+", lambda match: "^" + match.group().translate(_RAISED), text)
    text = _ARROW.sub(" -> ", text.translate(_LOWERED))
    text = re.sub(r"\\[dt]?frac\s*\{?(\d+)\}?\s*\{?(\d+)\}?", r"\1/\2 ", text)
    text = re.sub(
        r"\\(?:ce|mathrm|text|textrm|mathsf|mathbf|mbox|rm|left|right)(?![a-zA-Z])|\\(?:up|down)arrow|[↑↓]", "", text
    )
    text = re.sub(r"\\[,;:! ]|~|\\quad", " ", text)
    # Marks of a gas and of a precipitate.
    text = re.sub(r"\s[\^v](?=\s|\}|$)", " ", text)
    text = re.sub(r"\\cdot|\\bullet|\\times|[⋅•∙*]", "·", text)
    return re.sub(r"[_{}]", "", text)


def _side(text: str) -> tuple[tuple[Fraction, Formula], ...] | None:
    parts = list(_substances(text))
    found = [_with_coefficient(part) for part in parts]
    known = tuple(part for part in found if part is not None)
    return known if known and len(known) == len(found) else None


def _substances(text: str) -> Iterator[str]:
    """Split a side at the plus signs that are not charges."""
    start = 0
    for match in re.finditer(r"\+", text):
        before, after = text[start : match.start()], text[match.end() :]
        is_attached = bool(before.strip()) and not before[-1].isspace()
        is_raised = bool(re.search(r"\^\d*$", before))
        is_charge = is_attached and (is_raised or not after.strip() or after[0] in " (+")
        # In `Fe^3+ +`, the first plus sign is the charge; in `2 H2+ O2` nothing follows it that separates.
        if is_charge and (is_raised or not after.strip() or re.match(r"\s*(?:\((?:s|l|g|aq)\)\s*)?(?:\+|$)", after)):
            continue
        yield before
        start = match.end()
    yield text[start:]


def _with_coefficient(text: str) -> tuple[Fraction, Formula] | None:
    compact = "".join(text.split())
    match = re.match(_PREFIX, compact)
    coefficient = Fraction(1)
    if match and match["coefficient"]:
        number, _, below = match["coefficient"].partition("/")
        if below and not int(below):
            return None
        coefficient = Fraction(number) / (int(below) if below else 1)
        compact = compact[match.end() :].lstrip("·")
    if coefficient <= 0:
        return None
    if re.fullmatch(r"e\^?-1?|e\^?1-", compact):
        return coefficient, Formula((), -1, spelling="e-")
    formula = _formula(compact)
    return None if formula is None else (coefficient, formula)


def _formula(compact: str) -> Formula | None:
    state = ""
    stated = _STATE.search(compact)
    if stated:
        state, compact = stated.group(1), compact[: stated.start()]
    spelled, (compact, charge) = compact, _split_charge(compact)
    is_ambiguous = compact in _NONMETALS and bool(_DIGIT_AND_SIGN.search(spelled)) and "^" not in spelled
    total: dict[str, int] = {}
    is_structured = False
    for part in re.split(r"[·.]", compact):
        match = re.match(r"(\d*)(.+)$", part)
        counted = _counts(match.group(2)) if match else None
        if match is None or counted is None:
            return None
        factor = int(match.group(1) or 1)
        is_structured = is_structured or len(set(counted[1])) < len(counted[1])
        _add(total, counted[0], factor)
    elements = tuple(sorted(total.items()))
    return Formula(elements, charge, state, f"{compact.replace('.', '·')} {charge}", is_structured, is_ambiguous)


def _split_charge(compact: str) -> tuple[str, int]:
    """Return a formula without its charge, and the charge; `SO42-` has the charge -2, `NH4+` the charge 1."""
    raised = _CHARGE.search(compact)
    if raised:
        signs = raised["sign"] or raised["sign2"]
        size = int(raised["size"] or raised["size2"] or len(signs))
        return compact[: raised.start()], size if signs[0] == "+" else -size
    bare = _BARE_CHARGE.search(compact)
    if bare is None:
        return compact, 0
    before, digits, sign = compact[: bare.start()], bare["digits"], 1 if bare["sign"] == "+" else -1
    if (before in ELEMENTS and len(digits) == 1) or before.endswith("]"):
        return before, sign * int(digits or 1)
    is_count_of_hydrogen = before.endswith("H") and "C" in before
    if len(digits) > 1 and not is_count_of_hydrogen:
        return before + digits[:-1], sign * int(digits[-1])
    return before + digits, sign


def _counts(text: str) -> tuple[dict[str, int], list[str]] | None:
    """Return the numbers of the elements, and the elements in the order of the text; None if it is no formula."""
    stack: list[tuple[str, dict[str, int]]] = [("", {})]
    names: list[str] = []
    index = 0
    while index < len(text):
        match = _TOKEN.match(text, index)
        if match is None:
            return None
        symbol, count, opening, closing, group_count = match.groups()
        index = match.end()
        if opening:
            stack.append((opening, {}))
        elif closing:
            if stack[-1][0] != _OPENING_OF[closing]:
                return None
            _, inside = stack.pop()
            _add(stack[-1][1], inside, int(group_count or 1))
        else:
            if symbol not in ELEMENTS:
                # `Hn` may be H and an unknown letter: then it is no formula.
                return None
            names.append(symbol)
            _add(stack[-1][1], {symbol: 1}, int(count or 1))
    return (stack[0][1], names) if len(stack) == 1 and stack[0][1] and all(stack[0][1].values()) else None


def _add(total: dict[str, int], counts: Mapping[str, int], factor: int) -> None:
    for element, number in counts.items():
        total[element] = total.get(element, 0) + factor * number
