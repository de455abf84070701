"""Names as ids, and LaTeX text as words.

A term's id is its kind and the normal form of its name; that is identity and nothing more. Whether two different
normal forms mean the same is decided in `decide`, not here.
"""

import re
import unicodedata
from functools import lru_cache

from kgsynth.records import Kind

# Marks that belong to a name even at its end: C#, A*, n!, Gauss'.
_KEPT_MARKS = frozenset("#*'!°$\\()[]{}-")


def normal_form(name: str) -> str:
    """Unicode NFKC, case folded, white space collapsed, outer punctuation removed; may be empty."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    form = " ".join(folded.split())
    while form and _is_outer(form[0]):
        form = form[1:].lstrip()
    while form and _is_outer(form[-1]):
        form = form[:-1].rstrip()
    return form if any(char.isalnum() or unicodedata.category(char)[0] == "S" for char in form) else ""


def _is_outer(char: str) -> bool:
    return unicodedata.category(char)[0] == "P" and char not in _KEPT_MARKS


# A corpus says the same names over and over; the paper's has 232,000 different ones.
@lru_cache(maxsize=1 << 18)
def term_id(kind: Kind, name: str) -> str:
    """`kind:normal form`; empty when the name has no normal form."""
    form = normal_form(name)
    return f"{kind}:{form}" if form else ""


_GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "sigma",
    "tau",
    "upsilon",
    "phi",
    "chi",
    "psi",
    "omega",
]
_GREEK_FORMS = {name: name for name in _GREEK} | {f"var{name}": name for name in _GREEK}
_GREEK_LETTERS = {chr(0x3B1 + offset): name for offset, name in enumerate([*_GREEK[:17], "sigma", *_GREEK[17:]])}
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
    text = re.sub(r"\\([A-Za-z]+)\*?", lambda found: _GREEK_FORMS.get(found.group(1), " "), text)
    text = re.sub(r"\\([%&_#$\s-])", r"\1", text)
    return re.sub(r"[{}]", "", text.replace("~", " "))


def _formula(body: str) -> str:
    body = re.sub(r"\\(?:text\w*|math\w+|operatorname)\s*\{([^{}]*)\}", r"\1", body)
    body = re.sub(r"\\([A-Za-z]+)\s*", lambda found: _GREEK_FORMS.get(found.group(1), "\N{CURRENCY SIGN}"), body)
    body = re.sub(r"[{}\s]", "", body)
    is_name = len(body) <= _MAX_NAME_FORMULA and re.fullmatch(r"[A-Za-z0-9_^]+", body) is not None
    return re.sub(r"[_^]", "", body) if is_name else _BOUNDARY


def fold(word: str) -> str:
    """A word in lower case without accents, Greek letters by name, of any length."""
    lowered = word.casefold()
    if lowered.isascii():
        return lowered
    lowered = "".join(_GREEK_LETTERS.get(char, char) for char in lowered)
    lowered = lowered.replace("ø", "o").replace("ł", "l").replace("đ", "d")
    return "".join(char for char in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(char))


_IRREGULAR = dict(
    pair.split("=")
    for pair in """
    matrices=matrix vertices=vertex indices=index vortices=vortex simplices=simplex criteria=criterion
    phenomena=phenomenon polyhedra=polyhedron tetrahedra=tetrahedron lemmata=lemma axes=axis bases=basis
    analyses=analysis hypotheses=hypothesis parentheses=parenthesis maxima=maximum minima=minimum extrema=extremum
    suprema=supremum infima=infimum spectra=spectrum continua=continuum formulae=formula loci=locus foci=focus
    radii=radius moduli=modulus tori=torus genera=genus halves=half leaves=leaf quanta=quantum automata=automaton
    appendices=appendix roofs=roof data=data series=series means=mean matroids=matroid children=child people=person
    feet=foot classes=class
    """.split()
)
# Words that end in s without being plurals.
_SINGULAR_ENDINGS = ("ss", "us", "is", "ics", "ness")
_SINGULAR_S = frozenset(
    """
    alias atlas bias calculus canvas chaos cross gas gauss gibbs jones lens physics plus rolles stokes
    """.split()
)


def singular(word: str) -> str:
    """An English noun, already folded, in the singular; a word that is no plural stays."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word in _SINGULAR_S or word.endswith(_SINGULAR_ENDINGS):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]
