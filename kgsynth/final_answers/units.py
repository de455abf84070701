r"""Units of quantities. pint converts them; money, angles and nouns get dimensions of their own.

Only spellings in the tables below are physical units, since pint's own parser takes too many letters of an expression
for units (`a` for a year). Any other plain noun after a number is a unit of its own: apples are not oranges.
"""

import re
import threading
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from kgsynth.final_answers.clean import UPRIGHT

_PREFIXES = {
    "p": "pico", "n": "nano", "µ": "micro", "u": "micro", "m": "milli", "c": "centi", "d": "deci", "h": "hecto",
    "k": "kilo",
    "M": "mega", "G": "giga", "T": "tera",
}  # fmt: skip
# Symbol: pint's name, and the prefixes that the symbol is used with.
_SYMBOLS = {
    "m": ("meter", "pnµumcdkM"), "g": ("gram", "nµumkdc"), "s": ("second", "pnµum"), "A": ("ampere", "nµumk"),
    "K": ("kelvin", "mµ"),
    "mol": ("mole", "nµumk"), "cd": ("candela", ""), "Hz": ("hertz", "mkMGT"), "N": ("newton", "µumkM"),
    "Pa": ("pascal", "mhkMG"), "J": ("joule", "nµumkMGT"), "W": ("watt", "nµumkMGT"), "C": ("coulomb", "pnµum"),
    "V": ("volt", "nµumkM"), "F": ("farad", "pnµum"), "Ω": ("ohm", "mµkMG"), "S": ("siemens", "mµ"), "T": ("tesla",
    "nµum"),
    "Wb": ("weber", "m"), "H": ("henry", "nµum"), "L": ("liter", "nµumcdhk"), "l": ("liter", "µmcd"),
    "eV": ("electron_volt", "mkMGT"),
    "bar": ("bar", "mk"), "cal": ("calorie", "k"), "Bq": ("becquerel", "kMG"), "Gy": ("gray", "mµ"), "Sv": ("sievert",
    "mµ"),
    "Wh": ("watt_hour", "mkMGT"), "B": ("byte", "kMGT"), "Å": ("angstrom", ""), "h": ("hour", ""), "hr": ("hour", ""),
    "hrs": ("hour", ""), "min": ("minute", ""), "mins": ("minute", ""), "sec": ("second", ""), "secs": ("second", ""),
    "d": ("day", ""), "yr": ("year", ""), "yrs": ("year", ""), "ha": ("hectare", ""), "in": ("inch", ""),
    "ft": ("foot", ""),
    "yd": ("yard", ""), "mi": ("mile", ""), "lb": ("pound", ""), "lbs": ("pound", ""), "oz": ("ounce", ""),
    "gal": ("gallon", ""), "qt": ("quart", ""), "pt": ("pint", ""), "psi": ("psi", ""), "atm": ("standard_atmosphere",
    ""),
    "mmHg": ("millimeter_Hg", ""), "Torr": ("torr", ""), "torr": ("torr", ""), "amu": ("unified_atomic_mass_unit", ""),
    "mph": ("mile/hour", ""), "kph": ("kilometer/hour", ""), "kmh": ("kilometer/hour", ""), "kmph": ("kilometer/hour",
    ""),
    "hp": ("horsepower", ""), "BTU": ("british_thermal_unit", ""), "cc": ("cubic_centimeter", ""), "M": ("mole/liter",
    "mµn"),
    "rpm": ("turn/minute", ""), "ly": ("light_year", ""), "AU": ("astronomical_unit", ""), "pc": ("parsec", "kM"),
    "rad": ("radian", "mµ"), "deg": ("degree", ""), "Gb": ("gigabit", ""), "Mb": ("megabit", ""), "dyn": ("dyne", ""),
    "lbf": ("pound_force", ""), "Da": ("dalton", "k"), "rev": ("turn", ""), "kn": ("knot", ""), "t": ("metric_ton", ""),
    "Mbps": ("megabit/second", ""), "Gbps": ("gigabit/second", ""), "kbps": ("kilobit/second", ""),
    "tsp": ("teaspoon", ""),
    "tbsp": ("tablespoon", ""), "KB": ("kilobyte", ""), "kgf": ("kilogram_force", ""),
}  # fmt: skip
_WORDS = {
    **{name: name for name in (
        "meter gram second ampere kelvin mole candela hertz newton pascal joule watt coulomb volt farad ohm "
        "siemens tesla "
        "weber henry liter bar calorie becquerel gray sievert byte bit angstrom hour minute day week month year "
        "century "
        "hectare acre inch foot yard mile pound ounce gallon quart pint radian degree turn knot ton tonne gauss fathom "
        "furlong fortnight stone dyne erg torr dalton decade light_year parsec micron teaspoon "
        "tablespoon cup").split()},
    "metre": "meter", "litre": "liter", "feet": "foot", "inches": "inch", "centuries": "century", "henries": "henry",
    "revolution": "turn", "rotation": "turn", "atmosphere": "standard_atmosphere", "arcminute": "arcminute",
    "arcsecond": "arcsecond", "foot": "foot", "electronvolt": "electron_volt", "horsepower": "horsepower",
    "siemens": "siemens", "hertz": "hertz", "tonne": "metric_ton", "decade": "10*year", "micron": "micrometer",
}  # fmt: skip
_WORD_PREFIXES = "pico nano micro milli centi deci hecto kilo mega giga tera".split()
_PREFIXED_WORDS = frozenset(
    "meter metre gram second ampere volt watt joule newton pascal liter litre hertz mole farad ohm byte bit "
    "calorie tesla "
    "coulomb henry electronvolt".split()
)
_MONEY = {
    "$": ("USD", 1), "usd": ("USD", 1), "dollar": ("USD", 1), "us$": ("USD", 1), "cent": ("USD", 100),
    "¢": ("USD", 100),
    "penny": ("USD", 100), "pennies": ("USD", 100), "€": ("EUR", 1), "euro": ("EUR", 1), "eur": ("EUR", 1),
    "£": ("GBP", 1), "gbp": ("GBP", 1),
    "pence": ("GBP", 100), "¥": ("JPY", 1), "yen": ("JPY", 1), "jpy": ("JPY", 1), "yuan": ("CNY", 1), "cny": ("CNY", 1),
    "rmb": ("CNY", 1), "₹": ("INR", 1), "rupee": ("INR", 1), "inr": ("INR", 1), "₽": ("RUB", 1), "ruble": ("RUB", 1),
    "rub": ("RUB", 1), "franc": ("CHF", 1), "chf": ("CHF", 1), "₩": ("KRW", 1),
}  # fmt: skip
_FACTORS = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_IRREGULAR = {"people": "person", "persons": "person", "men": "man", "women": "woman", "children": "child",
              "mice": "mouse",
              "geese": "goose", "teeth": "tooth", "dice": "die", "vertices": "vertex", "matrices": "matrix",
              "indices": "index",
              "halves": "half", "wolves": "wolf", "knives": "knife", "loaves": "loaf", "axes": "axis",
              "bases": "basis"}  # fmt: skip
_ADJECTIVES = frozenset("different distinct possible total such in all altogether".split())
# A phrase with one of these words is not the name of a counted object.
_NOT_NOUNS = frozenset(
    "is are was were be or and if at of the a an more less than mod modulo to when where for in not no only "
    "least most above "
    "below base choose over plus minus by squared cubed with without each every other others per out up down "
    "from on that "
    "which who because since as so then else factorial percent has have do does can will may must both either "
    "neither it "
    "they we you i but nor until while between among after before approximately about exactly roughly degrees".split()
)
_TEMPERATURES = {
    "degc": "degC", "celsius": "degC", "degf": "degF", "fahrenheit": "degF", "degk": "kelvin", "degreecelsius": "degC",
    "degreefahrenheit": "degF", "degreecentigrade": "degC", "centigrade": "degC", "degreec": "degC", "degreef": "degF",
}  # fmt: skip
_ATOM = re.compile(r"\s*(?:([*/()·-])|\^?\s*\{?\(?\s*(-?\d+)\s*\)?\}?(?![a-zA-Z])|(\^)|([A-Za-zµΩÅ$€£¥₹₽₩¢]+\.?)|(.))")
_ANGLE = "angle"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement, or a noun that is counted.

    Attributes:
        factor: factor that converts a number to the base units of its dimension.
        offset: number that is added before, as for degrees Celsius.
        dimension: base units with their exponents, sorted.
        pi_power: power of pi by which the factor is multiplied, as from degrees to radians.
    """

    factor: Fraction
    dimension: tuple[tuple[str, Fraction], ...]
    offset: Fraction = Fraction(0)
    pi_power: int = 0


def unit_of(text: str) -> Unit | None:
    """Return the unit that the whole text spells, or None."""
    text = text.strip()
    if not text or len(text) > 80:
        return None
    return _unit_of(text)


def is_glued_unit(word: str) -> bool:
    """Whether letters directly after a number are a unit: those of `5kg` are, but `3m` may be three times m."""
    return len(word) > 1 and word != "cd" and (word in _symbols() or word.casefold() in _MONEY)


def scale_of(word: str) -> int:
    """Return the factor of a number word such as million or dozen; 0 for any other word."""
    return _FACTORS.get(word.casefold(), 0)


def singular(noun: str) -> str:
    """Return the singular of an English noun, in lower case."""
    noun = noun.casefold()
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if len(noun) > 4 and noun.endswith("ies"):
        return noun[:-3] + "y"
    if re.search(r"(?:ch|sh|x|ss|zz)es$", noun):
        return noun[:-2]
    return noun[:-1] if len(noun) > 3 and noun.endswith("s") and not noun.endswith(("ss", "us", "is")) else noun


@lru_cache(maxsize=4096)
def _unit_of(text: str) -> Unit | None:
    is_upright = UPRIGHT in text
    text = " ".join(
        text.replace(UPRIGHT, " ").replace("\\cdot", "·").replace("\\times", "·").replace("\\Omega", "Ω").split()
    )
    text = re.sub(r"\\mu(?![a-zA-Z])\s*", "µ", text)
    text = re.sub(r"([kMm])\s+Ω", r"\1Ω", text)
    text = re.sub(r"\\frac\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)?)\}\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)?)\}", r"(\1)/(\2)", text)
    text = text.replace("\\$", "$").replace("^\\circ", " degree ")
    text = re.sub(r"\b(?:US|us)\s?\$", "$", text)
    if "\\" in text:
        return None
    compact = re.sub(r"[\s.]", "", text).casefold()
    temperature = _TEMPERATURES.get(compact.replace("degrees", "degree"))
    if temperature:
        return _temperature(temperature)
    return _compound(text) or _noun(text, is_upright=is_upright)


def _temperature(name: str) -> Unit:
    registry = _registry()
    with _LOCK:
        at_zero = registry.Quantity(Fraction(0), name).to("kelvin").magnitude
        at_one = registry.Quantity(Fraction(1), name).to("kelvin").magnitude
    factor = Fraction(at_one) - Fraction(at_zero)
    return Unit(factor, (("kelvin", Fraction(1)),), Fraction(at_zero) / factor)


def _compound(text: str) -> Unit | None:
    """Parse a product or quotient of known units."""
    text = re.sub(r"\b(?:sq|square)\.?\s+([A-Za-zµ]+)", r"\1^2", text)
    text = re.sub(r"\b(?:cu|cubic)\.?\s+([A-Za-zµ]+)", r"\1^3", text)
    text = re.sub(r"([A-Za-zµ]+)\s+squared\b", r"\1^2", text)
    text = re.sub(r"([A-Za-zµ]+)\s+cubed\b", r"\1^3", text)
    text = re.sub(r"\s+per\s+", " / ", text)
    before = len(text)
    text = re.sub(r"^(?:per\s+|/)", "", text)
    is_below = len(text) < before
    pieces = _pieces(text)
    if pieces is None:
        return None
    unit, end = _quotient(pieces, 0)
    if unit is None or end != len(pieces):
        return None
    return _raised(unit, -1) if is_below and not unit.offset else unit


def _pieces(text: str) -> list[str] | None:
    """Split a unit into names, signs and exponents; None for any other text."""
    pieces: list[str] = []
    index = 0
    while index < len(text):
        match = _ATOM.match(text, index)
        if match is None or match.group(5) or match.group(3):
            return None
        operator, exponent, _, name, _ = match.groups()
        if exponent is not None:
            if not pieces or not (pieces[-1][0].isalpha() or pieces[-1] in (")", "$")) or "^" not in match.group():
                return None
            pieces.append(f"^{exponent}")
        else:
            pieces.append(operator or name.rstrip("."))
        if index == match.end():
            return None
        index = match.end()
    return pieces


def _quotient(pieces: list[str], index: int) -> tuple[Unit | None, int]:
    """Parse the unit from an index up to a closing parenthesis; returns it with the index after it."""
    if index >= len(pieces):
        return None, -1
    total, index = _powered(pieces, index)
    was_below = False
    while total is not None and index < len(pieces) and pieces[index] != ")":
        operator = pieces[index] if pieces[index] in ("*", "·", "-", "/") else ""
        index += bool(operator)
        # In `a/b c` it is ambiguous whether c belongs to the denominator.
        if index >= len(pieces) or (was_below and operator != "/"):
            return None, -1
        was_below = operator == "/"
        factor, index = _powered(pieces, index)
        total = None if factor is None else _times(total, factor, -1 if was_below else 1)
    return total, index if total is not None else -1


def _powered(pieces: list[str], index: int) -> tuple[Unit | None, int]:
    piece = pieces[index]
    unit: Unit | None
    if piece == "(":
        unit, index = _quotient(pieces, index + 1)
        if unit is None or index >= len(pieces):
            return None, -1
    else:
        unit = _named(piece, is_alone=len(pieces) == 1 or (len(pieces) == 2 and pieces[1][0] == "^"))
    index += 1
    if unit is not None and index < len(pieces) and pieces[index][0] == "^":
        exponent = int(pieces[index][1:])
        if unit.offset or abs(exponent) > 12:
            return None, -1
        unit = _raised(unit, exponent)
        index += 1
    return unit, index


def _times(first: Unit, second: Unit, sign: int) -> Unit:
    exponents = dict(first.dimension)
    for name, exponent in second.dimension:
        exponents[name] = exponents.get(name, Fraction(0)) + sign * exponent
    dimension = tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))
    return Unit(first.factor * second.factor**sign, dimension, pi_power=first.pi_power + sign * second.pi_power)


def _raised(unit: Unit, exponent: int) -> Unit:
    dimension = tuple((name, power * exponent) for name, power in unit.dimension if exponent)
    return Unit(unit.factor**exponent, dimension, pi_power=unit.pi_power * exponent)


def _named(name: str, *, is_alone: bool) -> Unit | None:
    """Return the unit with a name: a symbol, a word, a currency, or for `unit` the unit without a name."""
    money = _MONEY.get(name.casefold()) or _MONEY.get(singular(name))
    if money:
        return Unit(Fraction(1, money[1]), ((money[0], Fraction(1)),))
    pint_name = _symbols().get(name) or _word(name.casefold())
    if pint_name:
        return _converted(pint_name)
    if singular(name) == "unit":
        return Unit(Fraction(1), (("thing unit", Fraction(1)),))
    # A compound unit may contain a counted noun: dollars per apple, kilometres per lap.
    noun = singular(name)
    if not is_alone and len(noun) > 2 and name.islower() and noun not in _NOT_NOUNS:
        return Unit(Fraction(1), ((f"thing {noun}", Fraction(1)),))
    return None


@lru_cache(maxsize=1)
def _symbols() -> dict[str, str]:
    """Return pint's name for each symbol, with and without prefixes."""
    pint_names: dict[str, str] = {}
    for symbol, (name, prefixes) in _SYMBOLS.items():
        for prefix in prefixes:
            pint_names.setdefault(prefix + symbol, f"{_PREFIXES[prefix]}{name}" if "/" not in name else f"0.001*{name}")
    pint_names.pop("mM", None)
    pint_names.update({symbol: name for symbol, (name, _) in _SYMBOLS.items()})
    return pint_names


def _word(word: str) -> str | None:
    word = word.casefold()
    for candidate in (word, singular(word)):
        if candidate in _WORDS:
            return _WORDS[candidate]
        for prefix in _WORD_PREFIXES:
            base = candidate.removeprefix(prefix)
            if base != candidate and base in _PREFIXED_WORDS:
                return prefix + _WORDS.get(base, base)
    return None


# Each angle in radians: a factor and a power of pi.
_ANGLES = {
    "radian": (Fraction(1), 0), "milliradian": (Fraction(1, 1000), 0), "microradian": (Fraction(1, 10**6), 0),
    "degree": (Fraction(1, 180), 1), "turn": (Fraction(2), 1),
    "arcminute": (Fraction(1, 10_800), 1), "arcsecond": (Fraction(1, 648_000), 1),
}  # fmt: skip
# pint's registry is not safe for concurrent threads.
_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(non_int_type=Fraction)


@lru_cache(maxsize=1024)
def _converted(name: str) -> Unit | None:
    """Convert a unit of pint; angles and amounts of data, which pint treats as numbers, keep a dimension."""
    if name == "turn/minute":
        return _times(_angle(Fraction(2), 1), _converted("minute") or _angle(Fraction(1), 0), -1)
    if name in _ANGLES:
        factor, power = _ANGLES[name]
        return _angle(factor, power)
    registry = _registry()
    with _LOCK:
        scale = Fraction(1)
        if "*" in name:
            before, name = name.split("*")
            scale = Fraction(before)
        quantity = registry.Quantity(scale, name).to_root_units()
        dimension = tuple(sorted((str(key), Fraction(value)) for key, value in quantity._units.items()))
    return Unit(Fraction(quantity.magnitude), dimension)


def _angle(factor: Fraction, pi_power: int) -> Unit:
    return Unit(factor, ((_ANGLE, Fraction(1)),), pi_power=pi_power)


def is_angle(unit: Unit) -> bool:
    """Whether a unit measures plane angles."""
    return unit.dimension == ((_ANGLE, Fraction(1)),)


def _noun(text: str, *, is_upright: bool) -> Unit | None:
    """Return a counted noun with its modifiers as a unit, or None."""
    words = text.casefold().rstrip(".").split()
    if not 1 <= len(words) <= 4 or not all(re.fullmatch(r"[a-z]{2,}(?:-[a-z]+)*", word) for word in words):
        return None
    nouns = [word for word in words if word not in _ADJECTIVES]
    if not nouns or len(nouns) > 3 or any(word in _NOT_NOUNS or len(word) < 2 for word in nouns) or len(nouns[-1]) < 3:
        return None
    if not text[0].islower() and not is_upright:
        return None
    return Unit(Fraction(1), ((f"thing {' '.join([*nouns[:-1], singular(nouns[-1])])}", Fraction(1)),))
