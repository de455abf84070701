r"""Dimensions that a question states: of the answer that it asks for, and of its symbols; and those of formulas.

A dimension is that of `kgsynth.final_answers.units`, without angles. Sentences are read by a few patterns; what they do
not read has no known dimension, and nothing follows from it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from kgsynth.final_answers import units
from kgsynth.final_answers.clean import cleaned
from kgsynth.final_answers.evaluate import constant_of
from kgsynth.final_answers.expressions import (
    Constant,
    Expression,
    Function,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    children,
)
from kgsynth.final_answers.kinds import Value
from kgsynth.final_answers.typed import typed
from kgsynth.verification.quantities import dimension_without_angles

Dimension = tuple[tuple[str, Fraction], ...]
NUMBER: Dimension = ()

# Units whose dimensions a quantity may have, then the names of such quantities.
_QUANTITIES = {
    "m": "length,distance,height,depth,width,radius,diameter,displacement,wavelength,thickness,focal length,altitude,"
    "arc length,mean free path",
    "s": "time,duration,period,half-life,time constant,time of flight",
    "kg": "mass", "m/s": "speed,velocity,escape velocity,escape speed",
    "m/s^2": "acceleration,deceleration,gravitational acceleration,acceleration due to gravity,acceleration of gravity,"
    "gravitational field,gravitational field strength",
    "N": "force,tension,thrust,drag,friction,normal force,friction force,frictional force,centripetal force",
    "N;kg": "weight", "J": "work,kinetic energy,potential energy,mechanical energy",
    "J;J/mol;J/kg": "energy,heat,enthalpy,internal energy,latent heat,enthalpy change,heat released",
    "kg*m/s": "momentum,impulse,linear momentum", "kg*m^2/s": "angular momentum", "N*m": "torque",
    "kg*m^2": "moment of inertia,rotational inertia", "Hz": "frequency",
    "Pa": "pressure,stress,young's modulus,bulk modulus,shear modulus",
    "Hz;rad/s": "angular velocity,angular speed,angular frequency", "1/s": "decay constant",
    "A": "current,electric current", "V": "voltage,potential difference,emf,electric potential,terminal voltage",
    "Ω": "resistance,impedance,reactance,internal resistance,equivalent resistance",
    "C": "charge,electric charge", "F": "capacitance", "H": "inductance", "T": "magnetic field,magnetic flux density",
    "Wb": "magnetic flux", "V/m": "electric field,electric field strength", "T;A/m": "magnetic field strength",
    "W": "power", "W/m/K": "thermal conductivity", "m^3/s": "volume flow rate", "kg/s": "mass flow rate",
    "K": "temperature", "kg/m^3": "density,mass density", "m^3": "volume", "m^2": "area,cross-sectional area",
    "N/m": "spring constant,force constant,stiffness,surface tension", "g/mol": "molar mass",
    "mol": "amount of substance,number of moles", "mol/L;g/L": "concentration", "mol/L": "molarity,molar concentration",
    "rad": "angle,efficiency,refractive index,index of refraction,mole fraction,mass fraction,coefficient of friction,"
    "coefficient of kinetic friction,coefficient of static friction",
    "J/K;J/mol/K": "entropy", "J/kg/K": "specific heat capacity,specific heat", "J/K;J/(mol*K)": "heat capacity",
}  # fmt: skip
_ADJECTIVES = (
    "average|mean|initial|final|maximum|minimum|maximal|minimal|max|min|total|net|constant|uniform|resultant|resulting|"
    "horizontal|vertical|tangential|radial|centripetal|instantaneous|angular|translational|rotational|magnitude of the|"
    "new|same|approximate|required|necessary|unknown|gravitational|electric|magnetic|kinetic|absolute|gauge|orbital|"
    "equilibrium|steady|terminal|smallest|largest|least|greatest|shortest|longest|first|second|equivalent|standard"
)
_AFTER = (
    r"(?=\s*(?:$|[?.,;:()\]$])|\s+(?:of|at|in|on|that|needed|required|exerted|acting|when|after|before|with|for|between|"
    r"through|across|by|which|is|are|was|to|from|just|as|if|given|delivered|dissipated|stored|experienced|"
    r"does|do|did|will|flows|passes|acts|has|have|would|must|can|should|gained|lost|released|absorbed|produced|done|per|during|until|while)\b)"
)
_SYMBOL = r"\\?[A-Za-z]+(?:_(?:\{\w+\}|\w+))?'?"
_SYMBOL_IN_TEXT = rf"(?:\$\s*(?P<marked>{_SYMBOL})\s*\$|(?P<bare>(?<!\w)(?![aAI]\b)[A-Za-zα-ωΔ](?:_\w+)?)(?![\w'(^]))"
_SCIENTIFIC = r"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+|\s*(?:\\times|×|\\cdot|·)\s*10\^?\{?[-+]?\d+\}?)?"
_GIVEN = re.compile(
    rf"(?:(?P<symbol>{_SYMBOL})\s*=\s*|(?<![\w.^_{{(]))(?P<number>{_SCIENTIFIC})(?=(?P<rest>.{{0,40}}))"
)
_WITH_UNIT = re.compile(rf"(?<![\w\\^_])(?P<symbol>{_SYMBOL})\s*(?P<how>\((?:in\s+)?|in\s+)(?P<rest>[^()]{{1,30}})\)?")
_ASKING = (
    r"\b(?:what(?:\s+(?:is|was|are|were|will\s+be|would\s+be|must\s+be|should\s+be))?|with\s+what|at\s+what|"
    r"find|calculate|compute|determine|evaluate|estimate|obtain|derive|give)\s+"
    r"(?:(?:an?\s+)?(?:expression|formula|equation)\s+for\s+)?(?:the\s+|its\s+|their\s+|his\s+|her\s+|an?\s+)?"
)
_REQUEST = re.compile(r"\?|\b(?:find|calculate|compute|determine|evaluate|estimate|obtain|derive|give|express|state|"
                      r"what|how|answer)\b", re.IGNORECASE)  # fmt: skip
_NO_DIMENSION = re.compile(
    r"\b(?:ratio|fraction|percent|percentage|factor|multiples?|proportional|logarithm|order of magnitude|relative|"
    r"how many times|dimensionless|in units of (?!.{0,12}(?:/|\bper\b))|natural units)\b",
    re.IGNORECASE,
)
# Before `of`, these make another quantity: a coefficient of friction is no force.
_DERIVED = re.compile(
    r"\b(?:coefficient|ratio|rate|fraction|factor|change|gradient|density|component|square|difference|increase|decrease|"
    r"sum|product|derivative|root|inverse|multiple|number|unit|flux|moment)s?\s+(?:of\s+)?(?:the\s+)?$",
    re.IGNORECASE,
)
# In such questions, a G that the question does not have is the gravitational constant.
_GRAVITY = re.compile(r"\b(?:gravitation\w*|planets?|satellites?)\b", re.IGNORECASE)
# Words that are also names of materials, places or ordinary things.
_AMBIGUOUS_UNITS = frozenset(
    "stone bar cup yard knot turn degree degrees pint ton foot second day gas min d h t".split()
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question says about the dimension of its answer.

    Attributes:
        dimensions: the possible dimensions; empty if the question does not say.
        unit: text of the unit that the question names, empty for none.
    """

    dimensions: frozenset[Dimension] = frozenset()
    unit: str = ""


class DimensionError(ValueError):
    """A formula adds different dimensions, or has an argument or an exponent with a dimension."""


@lru_cache(maxsize=1)
def _quantities() -> dict[str, frozenset[Dimension]]:
    """Return the possible dimensions of each name of a quantity."""
    known: dict[str, frozenset[Dimension]] = {}
    for texts, names in _QUANTITIES.items():
        dimensions = frozenset(dimension for text in texts.split(";") if (dimension := dimension_of(text)) is not None)
        known.update(dict.fromkeys(names.split(","), dimensions))
    return known


@lru_cache(maxsize=1)
def _noun() -> str:
    names = sorted(_quantities(), key=len, reverse=True)
    return rf"(?P<before>(?:(?:{_ADJECTIVES})\s+)*)(?P<noun>{'|'.join(map(re.escape, names))})"


def dimension_of(unit: str) -> Dimension | None:
    """Return the dimension of the text of a unit; None if it is none, or counts things or money."""
    found = units.unit_of(cleaned(unit)) if unit != "1/s" else units.unit_of("Hz")
    if found is None or any(name.startswith("thing ") or name.isupper() for name, _ in found.dimension):
        return None
    return dimension_without_angles(found)


def asked(question: str) -> Asked:
    """Return the dimension and the unit that a question asks for; nothing if it asks for several quantities."""
    text = _plain(question)
    sentences = [sentence for sentence in re.split(r"(?<=[.?!;])\s+", text) if _REQUEST.search(sentence)]
    if any(_NO_DIMENSION.search(sentence) for sentence in sentences):
        return Asked()
    nouns = [noun for sentence in sentences for noun in _asked_nouns(sentence)]
    if len({tuple(sorted(_quantities()[noun])) for noun in nouns}) > 1 or any(map(_asks_for_more, sentences)):
        return Asked()
    dimensions = _quantities()[nouns[0]] if nouns else frozenset()
    stated = {unit for sentence in sentences for unit in _stated_units(sentence, dimensions)}
    if len({dimension_of(unit) for unit in stated}) != 1:
        return Asked(dimensions=dimensions if not stated else frozenset())
    unit = sorted(stated)[0]
    dimension = dimension_of(unit)
    if dimension is None or (dimensions and dimension not in dimensions):
        return Asked()
    return Asked(dimensions=frozenset({dimension}), unit=unit)


def _asked_nouns(sentence: str) -> Iterator[str]:
    for match in re.finditer(_ASKING + _noun() + _AFTER, sentence, re.IGNORECASE):
        noun, before = match["noun"].casefold(), match["before"].casefold().split()
        whole = f"{before[-1]} {noun}" if before else noun
        if noun == "power" and "lens" in sentence:
            continue
        if whole in _quantities():
            yield whole
        elif "angular" not in before:
            yield noun
    if re.search(r"\bhow fast\b", sentence, re.IGNORECASE):
        yield "speed"
    if re.search(
        r"\bhow (?:long (?:does|do|did|will|would) \S.{0,60}\b(?:take|last)\b)",
        sentence,
        re.IGNORECASE,
    ):
        yield "time"
    if re.search(r"\bhow (?:far|tall|high)\b", sentence, re.IGNORECASE):
        yield "distance"


def _asks_for_more(sentence: str) -> bool:
    """Whether a request names a second quantity, such as `the speed and the direction`."""
    second = rf"\band\s+(?:the\s+|its\s+|their\s+)?(?:{_noun()}|direction|number)\b"
    return bool(re.search(_ASKING, sentence, re.IGNORECASE) and re.search(second, sentence, re.IGNORECASE))


def _stated_units(sentence: str, dimensions: Collection[Dimension]) -> Iterator[str]:
    start = _REQUEST.search(sentence)
    asking = sentence if start is None or start.group() == "?" else sentence[start.start() :]
    for match in re.finditer(r"\b(?:in|as|to|how many)\s+(?=(.{1,40}))", asking, re.IGNORECASE):
        unit = _unit_at(match.group(1))
        if unit and (dimension_of(unit) in dimensions or _is_clear(unit, asking)):
            yield unit


def _is_clear(unit: str, sentence: str) -> bool:
    """Whether a text is surely a unit: long enough, or named by `your answer in`; `in C` may be a place."""
    in_answer = re.search(rf"\banswers?\s+in\s+(?:units\s+of\s+)?{re.escape(unit)}", sentence)
    return bool(in_answer) or (len(unit) > 1 and unit.casefold() not in _AMBIGUOUS_UNITS)


def _unit_at(text: str) -> str:
    """Return the longest unit with which a text begins; empty if there is none."""
    text = re.sub(r"^(?:units of|SI units|terms of)\s+", "", text)
    words = re.split(r"(?<=\S)(?=\s)", re.split(r"[,;?!]|\.(?:\s|$)|\s\(|\bif\b|\bwhen\b|\band\b", text)[0])[:6]
    for count in range(len(words), 0, -1):
        candidate = "".join(words[:count]).strip().strip("$").rstrip(".):").lstrip("(").strip()
        if candidate.count("(") > candidate.count(")"):
            candidate += ")"
        if candidate and not candidate[0].isdigit() and dimension_of(candidate) not in (None, NUMBER):
            return candidate
    return ""


def _plain(text: str) -> str:
    """Return a text without the commands of LaTeX that only space or set upright."""
    text = re.sub(r"\\(?:text|mathrm|textrm|rm|unit|si)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\[,;:! ]|~|\\left|\\right", " ", text)
    return " ".join(re.sub(r"\\\(|\\\)|\\\[|\\\]", "$", text).split())


@dataclass(frozen=True, slots=True)
class Given:
    """What a question states about its symbols.

    Attributes:
        dimensions: dimension of each symbol, by its name in expressions.
        letters: single letters that the question uses as symbols.
        valued: names of the symbols that have a value with a unit.
        has_other_values: whether quantities occur that no symbol stands for.
    """

    dimensions: Mapping[str, Dimension]
    letters: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    has_other_values: bool = False


def given(question: str) -> Given:
    """Return what a question states about its symbols; a symbol with two dimensions has none."""
    text = _plain(question)
    stated: dict[str, set[Dimension]] = {}
    valued: set[str] = set()
    has_other_values = False
    for match in _GIVEN.finditer(text.replace("$", " ")):
        unit = _unit_at(match["rest"].lstrip())
        dimension = dimension_of(unit) if unit else None
        if dimension is None:
            continue
        name = _name_of(match["symbol"] or "")
        has_other_values = has_other_values or not name
        if name:
            valued.add(name)
            stated.setdefault(name, set()).add(dimension)
    # `a mass m of 2 kg`, and `a mass of 2 kg`.
    for name, dimensions in _named_symbols(text):
        if len(dimensions) == 1:
            stated.setdefault(name, set()).update(dimensions)
    for match in _WITH_UNIT.finditer(text.replace("$", " ")):
        dimension = dimension_of(match["rest"].strip())
        is_call = "in" not in match["how"] and len(match["rest"].strip()) == 1
        name = _name_of(match["symbol"])
        if dimension is not None and not is_call and name and len(match["symbol"].strip("\\")) < 9:
            stated.setdefault(name, set()).add(dimension)
    letters = re.findall(r"(?<![A-Za-z\\])([A-Za-z])(?![A-Za-z])", _formulas(question))
    constant = dimension_of("m^3/kg/s^2")
    if constant and _GRAVITY.search(text) and not re.search(r"\bG\b", text):
        stated["G"] = {constant}
    return Given(
        dimensions={name: next(iter(found)) for name, found in stated.items() if len(found) == 1},
        letters=frozenset((*letters, *(name for name in stated if len(name) == 1))),
        valued=frozenset(valued),
        has_other_values=has_other_values,
    )


def _formulas(text: str) -> str:
    """Return the formulas of a text without what they set upright."""
    formulas = re.findall(r"\$([^$]+)\$|\\\((.+?)\\\)", text)
    return re.sub(r"\\[a-z]+\s*\{[A-Za-z /^\d]*\}", " ", " ".join(first or second for first, second in formulas))


def _named_symbols(text: str) -> Iterator[tuple[str, frozenset[Dimension]]]:
    """Return symbols after their quantity: `mass $m$`, `masses m_1 and m_2`; and `$v$ is the speed`."""
    before = (
        r"(?:(?<=^)|(?<=[.,;:(])\s*|\b(?:an?|the|of|with|its|at|and|to|by|has|have|from|whose|under|is|two|equal)\s+)"
    )
    pattern = rf"{before}{_noun()}(?:e?s)?\s+(?:of\s+|is\s+)?{_SYMBOL_IN_TEXT}"
    for match in re.finditer(pattern, text, re.IGNORECASE):
        words = match["before"].casefold().split()
        noun = match["noun"].casefold()
        noun = f"{words[-1]} {noun}" if words and f"{words[-1]} {noun}" in _quantities() else noun
        is_derived = _DERIVED.search(text[: match.start("before")])
        if is_derived or ("angular" in words and not noun.startswith("angular")):
            continue
        yield _name_of(match["marked"] or match["bare"]), _quantities()[noun]
        second = re.match(rf"\s*\$?\s*(?:,|and)\s+{_SYMBOL_IN_TEXT}", text[match.end() :])
        if second and match.group().casefold().find(f"{match['noun'].casefold()}s") >= 0:
            yield _name_of(second["marked"] or second["bare"]), _quantities()[noun]
    for match in re.finditer(rf"{_SYMBOL_IN_TEXT}\s+(?:is|denotes)\s+(?:the\s+|its\s+)?{_noun()}{_AFTER}", text):
        if not match["before"].strip():
            yield _name_of(match["marked"] or match["bare"]), _quantities()[match["noun"].casefold()]


def _name_of(symbol: str) -> str:
    """Return the name that a symbol has in expressions; empty if it is none."""
    answer = typed(symbol).answer if symbol else None
    if isinstance(answer, Value) and isinstance(answer.expression, Symbol | Constant) and answer.unit is None:
        return answer.expression.name if answer.expression.name != "pi" else ""
    return ""


def formula_dimension(expression: Expression, known: Mapping[str, Dimension], *, are_pure: bool) -> Dimension | None:
    """Return the dimension of a formula; None if it is not known.

    Args:
        expression: the formula.
        known: dimensions of symbols.
        are_pure: whether numbers have no dimension; otherwise that of numbers is unknown.

    Raises:
        DimensionError: the dimensions contradict each other.
    """
    match expression:
        case Number(value):
            return NUMBER if are_pure and value else None
        case Symbol(name):
            return known.get(name)
        case Constant(name):
            # The letters e and i may be a charge and a current.
            return known.get(name, NUMBER if name == "pi" else None)
        case Sum(terms):
            return _of_sum([formula_dimension(term, known, are_pure=are_pure) for term in terms])
        case Product(factors):
            return _of_product([formula_dimension(factor, known, are_pure=are_pure) for factor in factors
                                if not _is_sign(factor)])  # fmt: skip
        case Power(base, exponent):
            return _of_power(base, exponent, known, are_pure=are_pure)
        case Function(name, arguments):
            dimensions = [formula_dimension(argument, known, are_pure=are_pure) for argument in arguments]
            return _of_function(name, arguments, dimensions)
        case _:
            for child in children(expression):
                formula_dimension(child, known, are_pure=are_pure)
            return None


def _is_sign(factor: Expression) -> bool:
    return isinstance(factor, Number) and abs(factor.value) == 1


def _of_sum(dimensions: list[Dimension | None]) -> Dimension | None:
    found = {dimension for dimension in dimensions if dimension is not None}
    if len(found) > 1:
        raise DimensionError("quantities of different dimensions are added")
    return next(iter(found), None)


def _of_product(dimensions: list[Dimension | None]) -> Dimension | None:
    total: dict[str, Fraction] = {}
    for dimension in dimensions:
        if dimension is None:
            return None
        for name, power in dimension:
            total[name] = total.get(name, Fraction(0)) + power
    return _sorted(total)


def _sorted(powers: Mapping[str, Fraction]) -> Dimension:
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _raised(dimension: Dimension | None, power: Fraction) -> Dimension | None:
    return None if dimension is None else _sorted({name: exponent * power for name, exponent in dimension})


def _of_power(
    base: Expression, exponent: Expression, known: Mapping[str, Dimension], *, are_pure: bool
) -> Dimension | None:
    if formula_dimension(exponent, known, are_pure=are_pure) not in (None, NUMBER):
        raise DimensionError("an exponent has a dimension")
    dimension = formula_dimension(base, known, are_pure=are_pure)
    if base == Constant("e"):
        return NUMBER if "e" not in known else None
    power = constant_of(exponent)
    if power is None:
        return NUMBER if dimension == NUMBER else None
    return _raised(dimension, power)


def _of_function(name: str, arguments: tuple[Expression, ...], dimensions: list[Dimension | None]) -> Dimension | None:
    if name == "sqrt":
        return _raised(dimensions[0], Fraction(1, 2))
    if name == "root":
        index = constant_of(arguments[1])
        return _raised(dimensions[0], 1 / index) if index else None
    if name == "inverse":
        return _raised(dimensions[0], Fraction(-1))
    if name in ("abs", "max", "min"):
        return _of_sum(dimensions)
    # People write ln(V_2) - ln(V_1), so a logarithm proves nothing.
    if name in ("ln", "log", "lg", "floor", "ceil", "cbrt", "degrees"):
        return None
    if any(dimension not in (None, NUMBER) for dimension in dimensions):
        raise DimensionError("an argument of a function has a dimension")
    return NUMBER
