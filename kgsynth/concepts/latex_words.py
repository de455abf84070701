"""LaTeX text as the words that a reader sees."""

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

# What a formula leaves behind: a boundary that no name reaches across.
_BOUNDARY = " \N{CURRENCY SIGN} "
# A formula of this many characters without operators, such as $p$ or $\varphi$, may be part of a name.
_MAX_NAME_FORMULA = 14

_DISPLAY = re.compile(
    r"(?P<dollars>\$\$)|(?P<bracket>\\\[)"
    r"|\\begin\{(?P<name>(?:equation|align|eqnarray|gather|multline|displaymath|array|tabular|verbatim|xy|pspicture)\*?)\}"
)
_LONGEST_DISPLAY = 10_000
# Bounded, so that an opening without its end costs no search through the whole text.
_INLINE = re.compile(r"(?<!\\)\$([^$]{0,2000})\$")
_LONGEST_INLINE = 2000
_DROPPED_ARGUMENT = re.compile(
    r"\\(?:label|ref|eqref|cite|bibitem|includegraphics|input|usepackage|url|href|htmladdnormallink|PMlinkid)\*?(?:\[[^\]]{0,500}\])?\{[^{}]*\}"
)
_LINKED = re.compile(r"\\(?:PMlinkname|PMlinkescapetext|PMlinkexternal)\{([^{}]*)\}(?:\{[^{}]*\})?")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]{0,500}\])?")


def detex(text: str) -> str:
    """LaTeX as the words that a reader sees; plain text stays as it is.

    Displayed formulas and longer inline ones become a boundary mark, short ones such as `$p$` their letters, accents
    their letters, and commands their arguments.
    """
    if "\\" not in text and "$" not in text:
        return text
    text = _without_display(text)
    text = re.sub(
        r"\\(['`^\"~=.]|[cvuHo](?=\s*\{|\s+[a-zA-Z]\b))\s*(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))",
        lambda found: unicodedata.normalize("NFC", (found.group(2) or found.group(3)) + _ACCENTED[found.group(1)]),
        text,
    )
    text = re.sub(
        r"\\(ss|ae|AE|oe|aa|AA|[oOlLij])(?![A-Za-z])\s?(?:\{\})?", lambda found: _LETTERS[found.group(1)], text
    )
    text = _without_parentheses(_INLINE.sub(lambda found: _formula(found.group(1)), text))
    text = _LINKED.sub(r"\1", _DROPPED_ARGUMENT.sub(" ", text))
    text = _ENVIRONMENT.sub(_BOUNDARY, text)
    text = re.sub(r"\\\\|\\(?:item|par|section|subsection|paragraph)\*?(?![A-Za-z])", _BOUNDARY, text)
    text = re.sub(r"\\(?:emph|text\w*|math\w+|operatorname)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([A-Za-z]+)\*?", lambda found: GREEK_FORMS.get(found.group(1), " "), text)
    text = re.sub(r"\\([%&_#$\s-])", r"\1", text)
    return re.sub(r"[{}]", "", text.replace("~", " "))


def _without_display(text: str) -> str:
    """The text with a boundary for each displayed formula; an opening without its end near it stays."""
    out: list[str] = []
    place = 0
    while found := _DISPLAY.search(text, place):
        name = found.group("name")
        closing = f"\\end{{{name}}}" if name else "$$" if found.group("dollars") else "\\]"
        end = text.find(closing, found.end(), found.end() + _LONGEST_DISPLAY + len(closing))
        out += [text[place : found.start()], _BOUNDARY if end >= 0 else found.group(0)]
        place = end + len(closing) if end >= 0 else found.end()
    return "".join([*out, text[place:]])


def _without_parentheses(text: str) -> str:
    r"""The text with formulas in `\(…\)` as `_formula` writes them."""
    out: list[str] = []
    place = 0
    while (start := text.find("\\(", place)) >= 0:
        end = text.find("\\)", start + 2, start + 4 + _LONGEST_INLINE)
        out += [text[place:start], _formula(text[start + 2 : end]) if end >= 0 else "\\("]
        place = end + 2 if end >= 0 else start + 2
    return "".join([*out, text[place:]])


def _formula(body: str) -> str:
    body = re.sub(r"\\(?:text\w*|math\w+|operatorname)\s*\{([^{}]*)\}", r"\1", body)
    body = re.sub(r"\\([A-Za-z]+)\s*", lambda found: GREEK_FORMS.get(found.group(1), "\N{CURRENCY SIGN}"), body)
    body = re.sub(r"[{}\s]", "", body)
    is_name = len(body) <= _MAX_NAME_FORMULA and re.fullmatch(r"[A-Za-z0-9_^]+", body) is not None
    return re.sub(r"[_^]", "", body) if is_name else _BOUNDARY
