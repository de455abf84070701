r"""Units of quantities: spelled here, converted by pint, with dimensions of their own for money, angles and things.

Only spellings that stand in the tables below are physical units. pint would read `Paris` as a small aris, and every
letter of an expression as something. Any other plain noun after a number is a unit by itself: apples are not oranges.
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
# A symbol, pint's name, and the prefixes that it is used with.
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
# Words that make a phrase more than the name of a thing.
_NO_NOUNS = frozenset(
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
_OWN_ANGLE = "angle"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts.

    Attributes:
        factor: of the number to the base units of its dimension.
        offset: that is added to the number first, as for degrees Celsius.
        dimension: base units with their exponents, sorted.
        pi_power: the factor is multiplied by this power of pi as well: degrees to radians.
    """

    factor: Fraction
    dimension: tuple[tuple[str, Fraction], ...]
    offset: Fraction = Fraction(0)
    pi_power: int = 0


def unit_of(text: str) -> Unit | None:
    """The unit that a text spells, all of it; None when it is none."""
    text = text.strip()
    if not text or len(text) > 80:
        return None
    return _unit_of(text)


def is_glued_unit(word: str) -> bool:
    """Whether letters right after a number are a unit: `5kg` is, `3m` may be three times m."""
    return len(word) > 1 and word != "cd" and (word in _symbols() or word.casefold() in _MONEY)


def scale_of(word: str) -> int:
    """What a number word multiplies: million, dozen; 0 for any other word."""
    return _FACTORS.get(word.casefold(), 0)


def singular(noun: str) -> str:
    """One form for the singular and the plural of a noun."""
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
        zero = registry.Quantity(Fraction(0), name).to("kelvin").magnitude
        one = registry.Quantity(Fraction(1), name).to("kelvin").magnitude
    factor = Fraction(one) - Fraction(zero)
    return Unit(factor, (("kelvin", Fraction(1)),), Fraction(zero) / factor)


def _compound(text: str) -> Unit | None:
    """A product and quotient of known units."""
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
    found, rest = _quotient(pieces, 0)
    if found is None or rest != len(pieces):
        return None
    return _raised(found, -1) if is_below and not found.offset else found


def _pieces(text: str) -> list[str] | None:
    """Names, signs and exponents of a unit; None for anything else."""
    pieces: list[str] = []
    place = 0
    while place < len(text):
        match = _ATOM.match(text, place)
        if match is None or match.group(5) or match.group(3):
            return None
        sign, exponent, _, name, _ = match.groups()
        if exponent is not None:
            if not pieces or not (pieces[-1][0].isalpha() or pieces[-1] in (")", "$")) or "^" not in match.group():
                return None
            pieces.append(f"^{exponent}")
        else:
            pieces.append(sign or name.rstrip("."))
        if place == match.end():
            return None
        place = match.end()
    return pieces


def _quotient(pieces: list[str], place: int) -> tuple[Unit | None, int]:
    """The unit from a place on up to a closing parenthesis, and the place after it."""
    if place >= len(pieces):
        return None, -1
    total, place = _powered(pieces, place)
    was_below = False
    while total is not None and place < len(pieces) and pieces[place] != ")":
        sign = pieces[place] if pieces[place] in ("*", "·", "-", "/") else ""
        place += bool(sign)
        # In `a/b c` nobody can say whether c is below.
        if place >= len(pieces) or (was_below and sign != "/"):
            return None, -1
        was_below = sign == "/"
        one, place = _powered(pieces, place)
        total = None if one is None else _times(total, one, -1 if was_below else 1)
    return total, place if total is not None else -1


def _powered(pieces: list[str], place: int) -> tuple[Unit | None, int]:
    piece = pieces[place]
    one: Unit | None
    if piece == "(":
        one, place = _quotient(pieces, place + 1)
        if one is None or place >= len(pieces):
            return None, -1
    else:
        one = _named(piece, is_alone=len(pieces) == 1 or (len(pieces) == 2 and pieces[1][0] == "^"))
    place += 1
    if one is not None and place < len(pieces) and pieces[place][0] == "^":
        exponent = int(pieces[place][1:])
        if one.offset or abs(exponent) > 12:
            return None, -1
        one = _raised(one, exponent)
        place += 1
    return one, place


def _times(first: Unit, second: Unit, sign: int) -> Unit:
    exponents = dict(first.dimension)
    for name, exponent in second.dimension:
        exponents[name] = exponents.get(name, Fraction(0)) + sign * exponent
    dimension = tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))
    return Unit(first.factor * second.factor**sign, dimension, pi_power=first.pi_power + sign * second.pi_power)


def _raised(unit: Unit, exponent: int) -> Unit:
    dimension = tuple((name, one * exponent) for name, one in unit.dimension if exponent)
    return Unit(unit.factor**exponent, dimension, pi_power=unit.pi_power * exponent)


def _named(name: str, *, is_alone: bool) -> Unit | None:
    """The unit of one name: a symbol, a word, a currency, or for `unit` the unit that has no name."""
    money = _MONEY.get(name.casefold()) or _MONEY.get(singular(name))
    if money:
        return Unit(Fraction(1, money[1]), ((money[0], Fraction(1)),))
    pint_name = _symbols().get(name) or _word(name.casefold())
    if pint_name:
        return _converted(pint_name)
    if singular(name) == "unit":
        return Unit(Fraction(1), (("thing unit", Fraction(1)),))
    # Below or beside another unit a thing can stand: dollars per apple, kilometres per lap.
    noun = singular(name)
    if not is_alone and len(noun) > 2 and name.islower() and noun not in _NO_NOUNS:
        return Unit(Fraction(1), ((f"thing {noun}", Fraction(1)),))
    return None


@lru_cache(maxsize=1)
def _symbols() -> dict[str, str]:
    """Symbols with and without prefixes, and pint's name for each."""
    found: dict[str, str] = {}
    for symbol, (name, prefixes) in _SYMBOLS.items():
        for prefix in prefixes:
            found.setdefault(prefix + symbol, f"{_PREFIXES[prefix]}{name}" if "/" not in name else f"0.001*{name}")
    found.pop("mM", None)
    found.update({symbol: name for symbol, (name, _) in _SYMBOLS.items()})
    return found


def _word(word: str) -> str | None:
    word = word.casefold()
    for one in (word, singular(word)):
        if one in _WORDS:
            return _WORDS[one]
        for prefix in _WORD_PREFIXES:
            base = one.removeprefix(prefix)
            if base != one and base in _PREFIXED_WORDS:
                return prefix + _WORDS.get(base, base)
    return None


# Each in radians: a number times a power of pi.
_ANGLES = {
    "radian": (Fraction(1), 0), "milliradian": (Fraction(1, 1000), 0), "microradian": (Fraction(1, 10**6), 0),
    "degree": (Fraction(1, 180), 1), "turn": (Fraction(2), 1),
    "arcminute": (Fraction(1, 10_800), 1), "arcsecond": (Fraction(1, 648_000), 1),
}  # fmt: skip
# pint's registry is not made for several threads at once.
_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(non_int_type=Fraction)


@lru_cache(maxsize=1024)
def _converted(name: str) -> Unit | None:
    """A unit as pint knows it; angles and amounts of data, which pint takes for numbers, keep a dimension."""
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
    return Unit(factor, ((_OWN_ANGLE, Fraction(1)),), pi_power=pi_power)


def is_angle(unit: Unit) -> bool:
    """Whether a unit is one of plane angles."""
    return unit.dimension == ((_OWN_ANGLE, Fraction(1)),)


def _noun(text: str, *, is_upright: bool) -> Unit | None:
    """A noun with its adjectives: the things that are counted."""
    words = text.casefold().rstrip(".").split()
    if not 1 <= len(words) <= 4 or not all(re.fullmatch(r"[a-z]{2,}(?:-[a-z]+)*", word) for word in words):
        return None
    kept = [word for word in words if word not in _ADJECTIVES]
    if not kept or len(kept) > 3 or any(word in _NO_NOUNS or len(word) < 2 for word in kept) or len(kept[-1]) < 3:
        return None
    if not text[0].islower() and not is_upright:
        return None
    return Unit(Fraction(1), ((f"thing {' '.join([*kept[:-1], singular(kept[-1])])}", Fraction(1)),))
