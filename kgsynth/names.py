"""Normal forms of names, ids of terms, and keys of words that ignore plural, case and accents.

The id of a term is its kind and the normal form of its name. Whether two different normal forms mean the same is
decided in `concepts/decide.py`.
"""

import re
import unicodedata
from functools import lru_cache

from kgsynth.inflection import singular
from kgsynth.records import Kind

# Neo4j indexes keys of up to about 8,000 bytes; a longer name than this is a sentence by mistake.
MAX_NAME_CHARS = 1000
# Punctuation that belongs to a name even at its end: C#, A*, n!, Gauss'.
_KEPT_MARKS = frozenset("#*'!°$\\()[]{}-")
# Soft hyphens, joiners and other zero-width characters, direction marks, invisible operators, variation selectors.
INVISIBLE = "\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def normal_form(name: str) -> str:
    """Return a name in Unicode NFKC, case-folded, with single spaces and without outer punctuation; may be empty.

    Invisible characters (soft hyphens, zero-width spaces and joiners, direction marks) are removed, so that names that
    differ only by them are equal, also in scripts that need joiners. Control characters count as spaces.
    """
    if not name.isascii():
        name = _INVISIBLE.sub("", name)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _CONTROL.sub(" ", name)).casefold())
    form = " ".join(folded.split())
    first, end = 0, len(form)
    while first < end and (form[first] == " " or _is_outer(form[first])):
        first += 1
    while first < end and (form[end - 1] == " " or _is_outer(form[end - 1])):
        end -= 1
    form = form[first:end]
    return form if any(char.isalnum() or unicodedata.category(char)[0] == "S" for char in form) else ""


@lru_cache(maxsize=1 << 14)
def loose_form(name: str) -> str:
    """Return the normal form of a name without accents, hyphens and plurals, for comparing what people write."""
    return " ".join(singular(word) for word in re.split(r"[\s\-]+", fold(normal_form(name))) if word)


def _is_outer(char: str) -> bool:
    return unicodedata.category(char)[0] == "P" and char not in _KEPT_MARKS


# A corpus repeats its names; the paper's corpus has 232,000 distinct names.
@lru_cache(maxsize=1 << 18)
def term_id(kind: Kind, name: str) -> str:
    """Return `kind:normal form`; empty if the name has no normal form."""
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
GREEK_FORMS = {name: name for name in _GREEK} | {f"var{name}": name for name in _GREEK}
_GREEK_LETTERS = {chr(0x3B1 + offset): name for offset, name in enumerate([*_GREEK[:17], "sigma", *_GREEK[17:]])}


def fold(word: str) -> str:
    """Return a word in lower case, without accents and ligatures, with Greek letters replaced by their names.

    Wide, narrow and mathematical forms of a letter become the letter. Marks of the scripts of South and East Asia are
    kept: they distinguish words.
    """
    if word.isascii():
        return word.casefold()
    lowered = unicodedata.normalize("NFKC", _INVISIBLE.sub("", word)).casefold()
    lowered = "".join(_GREEK_LETTERS.get(char, char) for char in lowered)
    for letter, plain in (("ø", "o"), ("ł", "l"), ("đ", "d"), ("æ", "ae"), ("œ", "oe")):
        lowered = lowered.replace(letter, plain)
    decomposed = unicodedata.normalize("NFKD", lowered)
    return unicodedata.normalize("NFC", "".join(char for char in decomposed if not _is_accent(char)))


def _is_accent(char: str) -> bool:
    is_accent_block = char < "\u0900" or "\u1ab0" <= char <= "\u20ff" or "\ufe20" <= char <= "\ufe2f"
    return is_accent_block and unicodedata.combining(char) != 0


# Lengths of acronyms, in characters.
_CAPITALS = range(2, 6)


def is_all_capitals(word: str) -> bool:
    """Return whether a word is written in capitals and has 2 to 5 letters: AIDS and GPS, but not PIDs."""
    return len(word) in _CAPITALS and word.isupper() and word.isalpha()


# Endings of plurals of acronyms: GPUs, TVs, BIOSes.
_PLURAL_ACRONYM = re.compile(r"[A-Z]{2,5}(?=s$)|[A-Z]{1,4}[SXZ](?=es$)")


def acronym_of(word: str) -> str:
    """Return the folded singular of a plural in capitals with a small ending (GPUs, BIOSes); empty for other words."""
    match = _PLURAL_ACRONYM.match(word)
    return match.group().casefold() if match else ""


def word_key(word: str) -> str:
    """Return a key that a word shares with its plural and with its variants of case and accent.

    Acronyms are not singularized: AIDS becomes "aids", while PIDs becomes "pid". The word's case must be meaningful; in
    a heading in capitals every short word is taken for an acronym.
    """
    folded = fold(word)
    return folded if is_all_capitals(word) else acronym_of(word) or singular(folded)
