r"""Convert numbers and units of the LaTeX package `siunitx`, such as `\SI{5}{\kilo\metre}`, to text."""

import re

UNITS = {
    "metre": "m", "meter": "m", "second": "s", "kilogram": "kg", "gram": "g", "ampere": "A", "kelvin": "K",
    "mole": "mol", "candela": "cd", "hertz": "Hz", "newton": "N", "pascal": "Pa", "joule": "J", "watt": "W",
    "coulomb": "C", "volt": "V", "ohm": "Ω", "farad": "F", "tesla": "T", "weber": "Wb", "henry": "H", "lumen": "lm",
    "lux": "lx", "siemens": "S", "becquerel": "Bq", "gray": "Gy", "sievert": "Sv", "katal": "kat", "steradian": "sr",
    "radian": "rad", "degreeCelsius": "°C", "celsius": "°C", "degree": "°", "arcminute": "′", "arcsecond": "″",
    "litre": "L", "liter": "L", "minute": "min", "hour": "h", "day": "d", "tonne": "t", "hectare": "ha",
    "electronvolt": "eV", "percent": "%", "bel": "B", "decibel": "dB", "neper": "Np", "dalton": "Da", "bar": "bar",
    "angstrom": "Å", "astronomicalunit": "au", "bit": "bit", "byte": "B", "atomicmassunit": "u", "bohr": "a_{0}",
    "celeritas": "c", "clight": "c", "planckbar": "ħ", "elementarycharge": "e", "mmHg": "mmHg", "barn": "b",
    "knot": "kn", "nauticalmile": "M", "squared": "²", "cubed": "³",
}  # fmt: skip
_PREFIXES = {
    "yocto": "y", "zepto": "z", "atto": "a", "femto": "f", "pico": "p", "nano": "n", "micro": "µ", "milli": "m",
    "centi": "c", "deci": "d", "deca": "da", "deka": "da", "hecto": "h", "kilo": "k", "mega": "M", "giga": "G",
    "tera": "T", "peta": "P", "exa": "E", "zetta": "Z", "yotta": "Y", "kibi": "Ki", "mebi": "Mi", "gibi": "Gi",
    "tebi": "Ti", "mu": "µ",
}  # fmt: skip
# Short names with letters for micro or ohm; other short names are equal to the symbol of the unit.
_SHORT = {"um": "µm", "us": "µs", "ug": "µg", "uL": "µL", "ul": "µl", "uA": "µA", "uV": "µV", "uW": "µW", "uF": "µF",
          "uJ": "µJ", "umol": "µmol", "kohm": "kΩ", "Mohm": "MΩ", "mohm": "mΩ"}  # fmt: skip
# Number of groups with numbers that a macro takes, and whether a group with a unit follows.
_MACROS = {
    "numrange": (2, False), "SIrange": (2, True), "qtyrange": (2, True), "numlist": (1, False), "SIlist": (1, True),
    "qtylist": (1, True), "numproduct": (1, False), "qtyproduct": (1, True), "num": (1, False), "SI": (1, True),
    "qty": (1, True), "si": (0, True), "unit": (0, True), "ang": (1, False), "tablenum": (1, False),
}  # fmt: skip
NAMES = frozenset(_MACROS)
_MAX_CHARS = 500
_UNIT_TOKEN = re.compile(r"\\([A-Za-z]+)\s*(?:\{([^{}]*)\})?|\\.|\^\{?(-?\d+)\}?|[.~\s]+|/|[^\\^.~\s/]+")
_NUMBER = re.compile(
    r"(?P<mantissa>[+-]?(?:[\d.,]*\d)(?:\([\d.]+\))?(?:\s*±\s*[\d.,]+)?)?\s*[eEdD](?P<power>[+-]?\d+)\Z"
)


def groups_of(name: str) -> int:
    """Return the number of groups of a macro of `siunitx`, numbers first and the unit last; 0 for other macros."""
    numbers, has_unit = _MACROS.get(name, (0, False))
    return numbers + has_unit


def quantity(name: str, groups: list[str]) -> str:
    r"""Return a quantity as text, for example "10 to 20 kg" for `\SIrange{10}{20}{\kilo\gram}`.

    Args:
        name: name of the macro, without backslash.
        groups: sources of its groups; if there are fewer than the macro takes, the quantity has no unit.
    """
    count, has_unit = _MACROS[name]
    unit = unit_of(groups[count]) if has_unit and len(groups) > count else ""
    if name == "ang":
        return _angle(groups[0])
    numbers = [number_of(group) for group in groups[:count]]
    if name.endswith("list"):
        numbers = [number_of(part) for part in groups[0][:_MAX_CHARS].split(";") if part.strip()]
        value_text = ", ".join(numbers[:-1]) + (" and " if len(numbers) > 1 else "") + "".join(numbers[-1:])
    elif name.endswith("product"):
        value_text = " × ".join(number_of(part) for part in re.split(r"\s*x\s*", groups[0][:_MAX_CHARS]))
    else:
        value_text = " to ".join(numbers)
    needs_no_space = unit[:1] in ("°", "′", "″") and unit != "°C"
    return f"{value_text}{'' if needs_no_space or not value_text or not unit else ' '}{unit}"


def number_of(source: str) -> str:
    """Return a number as text, for example "1.5×10^{3}" for `1.5e3`; signs such as "−" and "±" are kept."""
    source = (
        source.strip()[:_MAX_CHARS].replace("\\pm", "±").replace("+-", "±").replace("\\times", "×").replace("~", " ")
    )
    match = _NUMBER.match(source)
    if not match:
        return source
    mantissa = match.group("mantissa")
    power = match.group("power").removeprefix("+")
    if "±" in mantissa:
        mantissa = f"({mantissa})"
    return f"{mantissa}×10^{{{power}}}" if mantissa else f"10^{{{power}}}"


def unit_of(source: str) -> str:
    r"""Return a unit as text: "J/mol" for `\joule\per\mole`, "m/s²" for `\metre\per\second\squared` and `m/s^2`."""
    text = ""
    power_sign = ""
    is_joined = True
    for token in _UNIT_TOKEN.finditer(source.strip()[:_MAX_CHARS]):
        name, power = token.group(1), token.group(3)
        if power:
            text += {"2": "²", "3": "³"}.get(power, f"^{{{power}}}")
        elif name == "per" or token.group(0) == "/":
            text, is_joined = text + ("/" if text else "1/"), True
        elif name in ("square", "cubic"):
            power_sign = "²" if name == "square" else "³"
        elif name in ("squared", "cubed"):
            text += UNITS[name]
        elif name in ("tothe", "raiseto", "of"):
            text += f"^{{{token.group(2)}}}" if name != "of" else f" {token.group(2)}"
        elif not token.group(0).strip(".~ \t\n"):
            is_joined = is_joined and not text
        else:
            prefix = _PREFIXES.get(name or "", "")
            symbol = prefix or _word(name or "", token)
            # Adjacent units are a product, which is written with a space.
            needs_no_space = is_joined or symbol[:1] == "%"
            text += ("" if needs_no_space else " ") + symbol + ("" if prefix else power_sign)
            power_sign = power_sign if prefix else ""
            is_joined = bool(prefix)
    return text.strip()


def _word(name: str, token: re.Match[str]) -> str:
    if name in ("text", "textrm", "mathrm", "mathit", "textup"):
        return token.group(2) or ""
    return UNITS.get(name) or _SHORT.get(name, name) or token.group(0).lstrip("\\")


def _angle(source: str) -> str:
    parts = [part.strip() for part in source[:_MAX_CHARS].split(";")]
    parts_with_marks = [f"{part}{mark}" for part, mark in zip(parts, "°′″", strict=False) if part]
    return "".join(parts_with_marks)
