"""Convert LaTeX to the words that a reader sees."""

import re
import unicodedata

from kgsynth.names import GREEK_FORMS

_ACCENTED = {
    "o": "\N{COMBINING RING ABOVE}",
    "'": "\N{COMBINING ACUTE ACCENT}",
    "`": "\N{COMBINING GRAVE ACCENT}",
    "^": "\N{COMBINING CIRCUMFLEX ACCENT}",
    '"': "\N{COMBINING DIAERESIS}",
    "~": "\N{COMBINING TILDE}",
    "=": "\N{COMBINING MACRON}",
    ".": "\N{COMBINING DOT ABOVE}",
    "c": "\N{COMBINING CEDILLA}",
    "v": "\N{COMBINING CARON}",
    "u": "\N{COMBINING BREVE}",
    "H": "\N{COMBINING DOUBLE ACUTE ACCENT}",
}
_LETTERS = {
    "o": "ø",
    "O": "Ø",
    "l": "ł",
    "L": "Ł",
    "ss": "ß",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "aa": "å",
    "AA": "Å",
    "i": "i",
    "j": "j",
}

# Replacement for a formula; no name matches across it.
_BOUNDARY = " \N{CURRENCY SIGN} "
# A formula of this many characters without operators, such as $p$ or $\varphi$, may be part of a name.
_MAX_NAME_FORMULA = 14

_DISPLAY = re.compile(
    r"(?P<dollars>\$\$)|(?P<bracket>\\\[)"
    r"|\\begin\{(?P<name>(?:equation|align|eqnarray|gather|multline|displaymath|array|tabular|verbatim|xy|pspicture)\*?)\}"
)
_LONGEST_DISPLAY = 10_000
# Bounded, so that an unclosed formula does not cause a search through the whole text.
_INLINE = re.compile(r"(?<!\\)\$([^$]{0,2000})\$")
_LONGEST_INLINE = 2000
_DROPPED_ARGUMENT = re.compile(
    r"\\(?:label|ref|eqref|cite|bibitem|includegraphics|input|usepackage|url|href|htmladdnormallink|PMlinkid)\*?(?:\[[^\]]{0,500}\])?\{[^{}]*\}"
)
_LINKED = re.compile(r"\\(?:PMlinkname|PMlinkescapetext|PMlinkexternal)\{([^{}]*)\}(?:\{[^{}]*\})?")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]{0,500}\])?")


def detex(text: str) -> str:
    """Return LaTeX as the words that a reader sees; plain text is unchanged.

    Displayed and long inline formulas become a boundary mark. Short formulas such as `$p$` become their letters, accent
    commands become accented letters, and other commands are replaced by their arguments.
    """
    if "\\" not in text and "$" not in text:
        return text
    text = _without_display(text)
    text = re.sub(
        r"\\(['`^\"~=.]|[cvuHo](?=\s*\{|\s+[a-zA-Z]\b))\s*(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))",
        lambda match: unicodedata.normalize("NFC", (match.group(2) or match.group(3)) + _ACCENTED[match.group(1)]),
        text,
    )
    text = re.sub(
        r"\\(ss|ae|AE|oe|aa|AA|[oOlLij])(?![A-Za-z])\s?(?:\{\})?", lambda match: _LETTERS[match.group(1)], text
    )
    text = _without_parentheses(_INLINE.sub(lambda match: _formula(match.group(1)), text))
    text = _LINKED.sub(r"\1", _DROPPED_ARGUMENT.sub(" ", text))
    text = _ENVIRONMENT.sub(_BOUNDARY, text)
    text = re.sub(r"\\\\|\\(?:item|par|section|subsection|paragraph)\*?(?![A-Za-z])", _BOUNDARY, text)
    text = re.sub(r"\\(?:emph|text\w*|math\w+|operatorname)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([A-Za-z]+)\*?", lambda match: GREEK_FORMS.get(match.group(1), " "), text)
    text = re.sub(r"\\([%&_#$\s-])", r"\1", text)
    return re.sub(r"[{}]", "", text.replace("~", " "))


def _without_display(text: str) -> str:
    """Return the text with a boundary for each displayed formula; an opening without an end nearby is kept."""
    parts: list[str] = []
    end_of_last = 0
    while match := _DISPLAY.search(text, end_of_last):
        name = match.group("name")
        closing = f"\\end{{{name}}}" if name else "$$" if match.group("dollars") else "\\]"
        end = text.find(closing, match.end(), match.end() + _LONGEST_DISPLAY + len(closing))
        parts += [text[end_of_last : match.start()], _BOUNDARY if end >= 0 else match.group(0)]
        end_of_last = end + len(closing) if end >= 0 else match.end()
    return "".join([*parts, text[end_of_last:]])


def _without_parentheses(text: str) -> str:
    r"""Return the text with each formula in `\(…\)` replaced by the result of `_formula`."""
    parts: list[str] = []
    end_of_last = 0
    while (start := text.find("\\(", end_of_last)) >= 0:
        end = text.find("\\)", start + 2, start + 4 + _LONGEST_INLINE)
        parts += [text[end_of_last:start], _formula(text[start + 2 : end]) if end >= 0 else "\\("]
        end_of_last = end + 2 if end >= 0 else start + 2
    return "".join([*parts, text[end_of_last:]])


def _formula(body: str) -> str:
    body = re.sub(r"\\(?:text\w*|math\w+|operatorname)\s*\{([^{}]*)\}", r"\1", body)
    body = re.sub(r"\\([A-Za-z]+)\s*", lambda match: GREEK_FORMS.get(match.group(1), "\N{CURRENCY SIGN}"), body)
    body = re.sub(r"[{}\s]", "", body)
    is_name = len(body) <= _MAX_NAME_FORMULA and re.fullmatch(r"[A-Za-z0-9_^]+", body) is not None
    return re.sub(r"[_^]", "", body) if is_name else _BOUNDARY
