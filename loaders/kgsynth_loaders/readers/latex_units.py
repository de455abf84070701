r"""Numbers and units as the LaTeX package `siunitx` takes them, such as `\SI{5}{\kilo\metre}`, as text."""

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
# Short names of units that begin with a letter for micro or ohm; other short names are the unit itself.
_SHORT = {"um": "µm", "us": "µs", "ug": "µg", "uL": "µL", "ul": "µl", "uA": "µA", "uV": "µV", "uW": "µW", "uF": "µF",
          "uJ": "µJ", "umol": "µmol", "kohm": "kΩ", "Mohm": "MΩ", "mohm": "mΩ"}  # fmt: skip
# How many groups of numbers a macro takes, and whether a group with a unit follows.
_MACROS = {
    "numrange": (2, False), "SIrange": (2, True), "qtyrange": (2, True), "numlist": (1, False), "SIlist": (1, True),
    "qtylist": (1, True), "numproduct": (1, False), "qtyproduct": (1, True), "num": (1, False), "SI": (1, True),
    "qty": (1, True), "si": (0, True), "unit": (0, True), "ang": (1, False), "tablenum": (1, False),
}  # fmt: skip
NAMES = frozenset(_MACROS)
_LONGEST = 500
_UNIT_TOKEN = re.compile(r"\\([A-Za-z]+)\s*(?:\{([^{}]*)\})?|\\.|\^\{?(-?\d+)\}?|[.~\s]+|/|[^\\^.~\s/]+")
_NUMBER = re.compile(
    r"(?P<mantissa>[+-]?(?:[\d.,]*\d)(?:\([\d.]+\))?(?:\s*(?:\\pm|\+-)\s*[\d.,]+)?)?\s*[eEdD](?P<power>[+-]?\d+)\Z"
)


def groups_of(name: str) -> int:
    """How many groups a macro of `siunitx` takes, numbers first and the unit last; 0 for another macro."""
    numbers, has_unit = _MACROS.get(name, (0, False))
    return numbers + has_unit


def quantity(name: str, groups: list[str]) -> str:
    r"""What a macro of `siunitx` shows, as "10 to 20 kg" for `\SIrange{10}{20}{\kilo\gram}`.

    Args:
        name: of the macro, without backslash.
        groups: the sources of its groups; where fewer than it takes are given, the unit is missing.
    """
    count, has_unit = _MACROS[name]
    unit = unit_of(groups[count]) if has_unit and len(groups) > count else ""
    if name == "ang":
        return _angle(groups[0])
    numbers = [number_of(group) for group in groups[:count]]
    if name.endswith("list"):
        numbers = [number_of(part) for part in groups[0][:_LONGEST].split(";") if part.strip()]
        shown = ", ".join(numbers[:-1]) + (" and " if len(numbers) > 1 else "") + "".join(numbers[-1:])
    elif name.endswith("product"):
        shown = " × ".join(number_of(part) for part in re.split(r"\s*x\s*", groups[0][:_LONGEST]))
    else:
        shown = " to ".join(numbers)
    is_close = unit[:1] in ("°", "′", "″") and unit != "°C"
    return f"{shown}{'' if is_close or not shown or not unit else ' '}{unit}"


def number_of(source: str) -> str:
    """A number: "1.5×10^{3}" for `1.5e3`, "−" and "±" as signs stay as they are written."""
    source = source.strip()[:_LONGEST].replace("\\pm", "±").replace("+-", "±").replace("\\times", "×").replace("~", " ")
    found = _NUMBER.match(source)
    if not found:
        return source
    mantissa = found.group("mantissa")
    power = found.group("power").removeprefix("+")
    return f"{mantissa}×10^{{{power}}}" if mantissa else f"10^{{{power}}}"


def unit_of(source: str) -> str:
    r"""A unit: "J/mol" for `\joule\per\mole`, "m/s²" for `\metre\per\second\squared` and for `m/s^2`."""
    shown = ""
    raised = ""
    is_joined = True
    for found in _UNIT_TOKEN.finditer(source.strip()[:_LONGEST]):
        name, power = found.group(1), found.group(3)
        if power:
            shown += {"2": "²", "3": "³"}.get(power, f"^{{{power}}}")
        elif name == "per" or found.group(0) == "/":
            shown, is_joined = shown + ("/" if shown else "1/"), True
        elif name in ("square", "cubic"):
            raised = "²" if name == "square" else "³"
        elif name in ("squared", "cubed"):
            shown += UNITS[name]
        elif name in ("tothe", "raiseto", "of"):
            shown += f"^{{{found.group(2)}}}" if name != "of" else f" {found.group(2)}"
        elif not found.group(0).strip(".~ \t\n"):
            is_joined = is_joined and not shown
        else:
            prefix = _PREFIXES.get(name or "", "")
            word = prefix or _word(name or "", found)
            # Units that stand beside each other are a product.
            is_close = is_joined or word[:1] == "%"
            shown += ("" if is_close else " ") + word + ("" if prefix else raised)
            raised = raised if prefix else ""
            is_joined = bool(prefix)
    return shown.strip()


def _word(name: str, found: re.Match[str]) -> str:
    if name in ("text", "textrm", "mathrm", "mathit", "textup"):
        return found.group(2) or ""
    return UNITS.get(name) or _SHORT.get(name, name) or found.group(0).lstrip("\\")


def _angle(source: str) -> str:
    parts = [part.strip() for part in source[:_LONGEST].split(";")]
    marked = [f"{part}{mark}" for part, mark in zip(parts, "°′″", strict=False) if part]
    return "".join(marked)
