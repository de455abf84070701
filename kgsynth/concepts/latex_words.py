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
    r"\$\$.{0,10000}?\$\$|\\\[.{0,10000}?\\\]|\\begin\{(equation|align|eqnarray|gather|multline|displaymath|array|tabular|verbatim|xy|pspicture)(\*?)\}"
    r".{0,10000}?\\end\{\1\2\}",
    re.DOTALL,
)
# Bounded, so that an opening without its end costs no search through the whole text.
_INLINE = re.compile(r"(?<!\\)\$([^$]{0,2000})\$|\\\((.{0,2000}?)\\\)", re.DOTALL)
_DROPPED_ARGUMENT = re.compile(
    r"\\(?:label|ref|eqref|cite|bibitem|includegraphics|input|usepackage|url|href|htmladdnormallink|PMlinkid)\*?(?:\[[^\]]*\])?\{[^{}]*\}"
)
_LINKED = re.compile(r"\\(?:PMlinkname|PMlinkescapetext|PMlinkexternal)\{([^{}]*)\}(?:\{[^{}]*\})?")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]*\])?")


def detex(text: str) -> str:
    """LaTeX as the words that a reader sees; plain text stays as it is.

    Displayed formulas and longer inline ones become a boundary mark, short ones such as `$p$` their letters, accents
    their letters, and commands their arguments.
    """
    if "\\" not in text and "$" not in text:
        return text
    text = _DISPLAY.sub(_BOUNDARY, text)
    text = re.sub(
        r"\\(['`^\"~=.]|[cvuHo](?=\s*\{|\s+[a-zA-Z]\b))\s*(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))",
        lambda found: unicodedata.normalize("NFC", (found.group(2) or found.group(3)) + _ACCENTED[found.group(1)]),
        text,
    )
    text = re.sub(
        r"\\(ss|ae|AE|oe|aa|AA|[oOlLij])(?![A-Za-z])\s?(?:\{\})?", lambda found: _LETTERS[found.group(1)], text
    )
    text = _INLINE.sub(lambda found: _formula(found.group(1) or found.group(2) or ""), text)
    text = _LINKED.sub(r"\1", _DROPPED_ARGUMENT.sub(" ", text))
    text = _ENVIRONMENT.sub(_BOUNDARY, text)
    text = re.sub(r"\\\\|\\(?:item|par|section|subsection|paragraph)\*?(?![A-Za-z])", _BOUNDARY, text)
    text = re.sub(r"\\(?:emph|text\w*|math\w+|operatorname)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([A-Za-z]+)\*?", lambda found: GREEK_FORMS.get(found.group(1), " "), text)
    text = re.sub(r"\\([%&_#$\s-])", r"\1", text)
    return re.sub(r"[{}]", "", text.replace("~", " "))


def _formula(body: str) -> str:
    body = re.sub(r"\\(?:text\w*|math\w+|operatorname)\s*\{([^{}]*)\}", r"\1", body)
    body = re.sub(r"\\([A-Za-z]+)\s*", lambda found: GREEK_FORMS.get(found.group(1), "\N{CURRENCY SIGN}"), body)
    body = re.sub(r"[{}\s]", "", body)
    is_name = len(body) <= _MAX_NAME_FORMULA and re.fullmatch(r"[A-Za-z0-9_^]+", body) is not None
    return re.sub(r"[_^]", "", body) if is_name else _BOUNDARY
