r"""Unify the spellings of an answer: Unicode, LaTeX and plain characters.

`cleaned` removes commands that concern only the layout. `text_form` is the form in which answers that no rule reads
are compared. Neither removes a sign, a digit or a command that has a meaning.
"""

import re
import unicodedata

# Marks the next word as set upright in LaTeX: `3\text{ m}` is metres, `3m` is three times m.
UPRIGHT = "\ue000"
# Replaces a mark between groups of three digits that can only be a thousands separator.
THOUSANDS = "\ue001"

_GREEK = (
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho "
    "σ sigma τ tau υ upsilon φ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi "
    "Ψ Psi Ω Omega ϕ phi ϵ epsilon ϑ theta µ mu"
).split()
_COMMAND_OF = {
    "×": "times", "·": "cdot", "⋅": "cdot", "∙": "cdot", "•": "cdot", "÷": "div", "≤": "le", "⩽": "le", "≥": "ge",
    "⩾": "ge", "≠": "ne", "±": "pm", "∓": "mp", "∞": "infty", "∪": "cup", "∩": "cap", "∈": "in", "∅": "emptyset",
    "≈": "approx", "≡": "equiv", "∼": "sim", "∠": "angle", "△": "triangle", "→": "to", "⟨": "langle", "⟩": "rangle",
    "〈": "langle", "〉": "rangle", "⌊": "lfloor", "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil", "∨": "lor", "∧": "land",
    "∑": "sum", "∏": "prod", "∫": "int", "∂": "partial", "∇": "nabla", "∀": "forall", "∃": "exists", "…": "dots",
    "⋯": "dots", "∖": "setminus", "⊂": "subset", "⊆": "subseteq", "≅": "cong", "⊕": "oplus", "⊗": "otimes",
    **dict(zip(_GREEK[::2], _GREEK[1::2], strict=True)),
}  # fmt: skip
_SIGN_OF = {
    "−": "-", "﹣": "-", "‐": "-", "‑": "-", "∗": "*", "∕": "/", "⁄": "/", "′": "'", "’": "'", "‘": "'", "″": "''",
    "“": '"', "”": '"', "∣": "|", "‖": "\\|", "，": ",", "；": ";", "：": ":", "（": "(", "）": ")", "。": ".",
    "、": ",", "％": "%", "＝": "=", "\u200b": "", "\ufeff": "", "\u200e": "", "\u200f": "", "\u2061": "",
    "\u2062": "", UPRIGHT: "", THOUSANDS: "", "ℓ": "L", "Ω": r"\Omega ",
    "ℝ": r"\mathbb{R}", "ℚ": r"\mathbb{Q}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℂ": r"\mathbb{C}",
}  # fmt: skip
_CHARS = str.maketrans({**{char: f"\\{name} " for char, name in _COMMAND_OF.items()}, **_SIGN_OF})
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙᵢₖ", "0123456789+-=()nik", strict=True))
_FRACTION_OF = {
    "½": "1 2", "⅓": "1 3", "⅔": "2 3", "¼": "1 4", "¾": "3 4", "⅕": "1 5", "⅖": "2 5", "⅗": "3 5", "⅘": "4 5",
    "⅙": "1 6", "⅚": "5 6", "⅐": "1 7", "⅛": "1 8", "⅜": "3 8", "⅝": "5 8", "⅞": "7 8", "⅑": "1 9", "⅒": "1 10",
}  # fmt: skip
# Commands with several spellings, each with the spelling that replaces it.
_ALIASES = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "nicefrac": "frac", "sfrac": "frac", "dbinom": "binom",
    "tbinom": "binom", "leq": "le", "leqslant": "le", "geq": "ge", "geqslant": "ge", "neq": "ne", "lt": "<", "gt": ">",
    "ldots": "dots", "cdots": "dots", "dotsc": "dots", "dotsb": "dots", "varnothing": "emptyset", "rightarrow": "to",
    "longrightarrow": "to", "vee": "lor", "wedge": "land", "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "lVert": "\\|", "rVert": "\\|", "Vert": "\\|", "ast": "*",
    "varphi": "phi", "varepsilon": "epsilon", "vartheta": "theta", "degree": "^\\circ ", "degrees": "^\\circ ",
    "textdegree": "^\\circ ", "euro": "€", "pounds": "£", "textdollar": "\\$", "thickapprox": "approx", "colon": ":",
    "exponentialE": "e ", "imaginaryI": "i ", "bmod": "mod", "arcsin": "arcsin", "mathpounds": "£", "lparen": "(",
    "rparen": ")", "backslash": "setminus",
}  # fmt: skip
_BARE_ALIASES = frozenset(
    "lt gt lvert rvert vert mid ast colon lbrack rbrack euro pounds mathpounds lparen rparen".split()
)
_LAYOUT = re.compile(
    r"\\\\|\\(?:displaystyle|textstyle|scriptstyle|scriptscriptstyle|limits|nolimits|nonumber|strut|mathstrut|rm|bf|it|"
    r"large|Large|huge|Huge|small|centering|allowbreak|thinspace|enspace|quad|qquad|noindent|protect)(?![a-zA-Z])|"
    r"\\(?:hspace|vspace|phantom|hphantom|vphantom|label|tag|color)\*?\{[^{}]*\}|\\[,;:> ]|\\!|~"
)
_SIZES = re.compile(r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?")
_UPRIGHT_GROUP = re.compile(
    r"\\(?:text(?:rm|bf|it|sf|tt|normal|up|sc|md)?|math(?:rm|it|sf|tt|normal)|operatorname\*?|mbox|hbox|emph|ce|unit|si|num|"
    r"textcolor\{[a-zA-Z]*\}|boxed|fbox|ensuremath|displaylines|underline)\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
)
_UPRIGHT_LETTER = re.compile(r"\\(?:text(?:rm|bf)?|mathrm)\s+([A-Za-z])(?![A-Za-z])")
_BOLD_WHOLE = re.compile(r"\\(?:mathbf|boldsymbol|bm|bold|pmb)\s*\{([^{}]*)\}")
_DOLLARS = re.compile(r"(?<!\\)\$\$?")
_TEMPERATURE = re.compile(
    rf"(?:\^\s*\{{\s*\\circ\s*\}}|\^\s*\\circ(?![a-zA-Z])|°|º)\s*(?:{UPRIGHT}\s*)?([CFK])(?![a-zA-Z])|℃|℉"
)
_DEGREE = re.compile(r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![a-zA-Z])|°|º")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*|[()]\d*){2,}(?:\^?\d?[+-])?")
_ELEMENTS = frozenset(
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th "
    "Pa U".split()
)
_MATH_ALPHABET = re.compile("[\U0001d400-\U0001d7ff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_PIECE = re.compile(r"\\[A-Za-z]+|\\.|[^\W\d_]+|\d+|\S")
_FOLDS = re.compile(r"(?<![A-Za-z\\_^{}])[A-Z]?[a-z]{2,}(?![A-Za-z_^{}(\[])|(?<![A-Za-z\\])[A-Z]{5,}(?![A-Za-z])")


def cleaned(text: str) -> str:
    """Return an answer in a unified spelling; white space stays where it may separate two tokens."""
    text = _in_plain_characters(_without_marks(unicodedata.normalize("NFC", text).strip()))
    text = re.sub(r"(?<=\d)\{,\}(?=\d{3}(?!\d))|(?<=\d)\\,(?=\d{3}(?!\d))", THOUSANDS, text)
    text = _SIZES.sub("", text)
    text = _LAYOUT.sub(
        lambda match: match.group() if match.group() == "\\\\" else "" if match.group() == "\\!" else " ", text
    )
    text = _flattened(text)
    # In `\mathrm{\mu C}` the unit is set upright, and its prefix is a command.
    text = re.sub(rf"{UPRIGHT}\s*\\mu(?![a-zA-Z])\s*(?=[A-Za-z])", rf"\\mu {UPRIGHT}", text)
    text = re.sub(r"\\([a-zA-Z]+)", _unified_command, text)
    text = _TEMPERATURE.sub(_temperature, text)
    text = _DEGREE.sub(r"^\\circ ", text)
    text = re.sub(r"\\%", "%", text)
    text = re.sub(r"\bd([a-zA-Z])\s*/\s*d([a-zA-Z])\b(?!\()", r"\\frac{d\1}{d\2}", text)
    text = " ".join(text.split())
    return _bare(text)


def text_form(clean: str) -> str:
    r"""Return the form of a cleaned answer that is compared when no rule reads it.

    White space stays only between two words or numbers; words are casefolded, symbols are not.
    """
    bare = clean.replace(UPRIGHT, "").replace(THOUSANDS, "")
    # A single character needs no braces, unless it could run into the character that follows.
    bare = re.sub(r"([_^])\{\s*([0-9A-Za-z])\s*\}(?![0-9A-Za-z])", r"\1\2", bare)
    form, before, end = "", "", 0
    for piece in _PIECE.finditer(bare):
        if _needs_space(before, piece.group(), is_spaced=piece.start() > end):
            form += " "
        before, end = piece.group(), piece.end()
        form += before
    chemical = form.replace("_", "").replace("{", "").replace("}", "")
    if is_chemical(chemical):
        return f"chemical:{chemical}"
    return _FOLDS.sub(lambda piece: piece.group().casefold(), form).strip()


def is_chemical(compact: str) -> bool:
    """Whether a text without braces and underscores is a chemical formula with at least two elements."""
    if len(compact) > 60 or not _FORMULA.fullmatch(compact) or not re.search(r"\d|[a-z]", compact):
        return False
    symbols = re.findall(r"[A-Z][a-z]?", compact)
    return len(symbols) > 1 and _ELEMENTS.issuperset(symbols)


def _needs_space(before: str, after: str, *, is_spaced: bool) -> bool:
    r"""Whether two pieces of a text need a space: `return 1`, `1 2 3`, `\log n`, but not `3 m` or `a + b`."""
    if not before or not (after[0].isalnum()):
        return False
    if before[0] == "\\":
        return len(before) > 1 and after[0].isalpha()
    return is_spaced and before[-1].isalnum() and not (before[-1].isdigit() and after[0].isalpha())


def _in_plain_characters(text: str) -> str:
    text = _MATH_ALPHABET.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    text = re.sub(
        f"[{''.join(_FRACTION_OF)}]",
        lambda match: "\\frac{{{}}}{{{}}}".format(*_FRACTION_OF[match.group()].split()),
        text,
    )
    for table, mark in ((_RAISED, "^"), (_LOWERED, "_")):
        text = re.sub(
            f"[{re.escape(''.join(table))}]+",
            lambda match, table=table, mark=mark: f"{mark}{{{''.join(table[char] for char in match.group())}}}",  # type: ignore[misc]
            text,
        )
    text = re.sub(r"∛\s*(\d+|\([^()]*\)|[A-Za-z])", r"\\sqrt[3]{\1}", text)
    text = re.sub(r"√\s*(\d+(?:\.\d+)?|\([^()]*\)|[A-Za-z]|π)", r"\\sqrt{\1}", text)
    # A dash before a number is a minus. Between two numbers it may be a range, which no rule reads.
    text = re.sub(r"^(\s*\$?)[–—]\s*(?=\d)", r"\1-", text)
    text = text.translate(_CHARS)
    return re.sub(r"[\u00a0\u2000-\u200a\u202f\u205f\u3000\t\r\n]", " ", text)


def _without_marks(text: str) -> str:
    """Remove Markdown marks around the whole text, and the signs that begin and end mathematics."""
    for mark in ("**", "__", "`", "*"):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            text = text[len(mark) : -len(mark)].strip()
    text = re.sub(r"(?<!\\)\\[\[\]()]", " ", text)
    marks = list(_DOLLARS.finditer(text))
    if not marks:
        return text
    first = text[marks[0].end() :]
    between = text[marks[0].end() : marks[1].start()] if len(marks) > 1 else ""
    money = re.match(r"-?\.?\d", first) and (len(marks) % 2 or re.search(r"[\s\-–/(]$", between))
    return _DOLLARS.sub("\\\\$" if money and len(marks) < 4 else " ", text) if money or len(marks) % 2 == 0 else text


def _flattened(text: str) -> str:
    r"""Replace `\text{…}` and similar commands with their contents, marked as upright."""
    for _ in range(4):
        text, count = _UPRIGHT_GROUP.subn(
            lambda match: f" {UPRIGHT}{match.group(1).strip()} " if match.group(1).strip() else " ", text
        )
        if not count:
            break
    return _UPRIGHT_LETTER.sub(rf" {UPRIGHT}\1 ", text)


def _unified_command(match: re.Match[str]) -> str:
    name = _ALIASES.get(match.group(1), match.group(1))
    if match.group(1) in _BARE_ALIASES or not name[0].isalpha():
        return name if name[0] not in "{}" else f"\\{name}"
    if match.group(1) in ("exponentialE", "imaginaryI"):
        return name
    return f"\\{name}"


def _temperature(match: re.Match[str]) -> str:
    letter = match.group(1) or {"℃": "C", "℉": "F"}[match.group()]
    return f" {UPRIGHT}deg{letter} "


def _bare(text: str) -> str:
    """Remove punctuation at the end, and bold type or braces around the whole text."""
    while True:
        before = text
        text = text.strip().rstrip(".,;").strip() if not text.endswith(("...", "..")) else text
        bold = _BOLD_WHOLE.fullmatch(text)
        # A single bold letter is a vector or a choice.
        if bold and not re.fullmatch(r"[a-z]", bold.group(1).strip()):
            text = bold.group(1)
        if (
            len(text) > 2
            and text.startswith("{")
            and text.endswith("}")
            and _is_one_group(text)
            and not re.search(r"[:'\"]", text)
        ):
            text = text[1:-1]
        if text.startswith(":"):
            text = text[1:]
        if text == before:
            return text


def _is_one_group(text: str) -> bool:
    depth = 0
    for index, char in enumerate(text):
        if char in "{}" and (index == 0 or text[index - 1] != "\\"):
            depth += 1 if char == "{" else -1
            if depth == 0 and index < len(text) - 1:
                return False
    return depth == 0
