"""Names as ids, and words in the form under which spellings and plurals of one word are equal.

A term's id is its kind and the normal form of its name; that is identity and nothing more. Whether two different
normal forms mean the same is decided in `concepts/decide.py`, not here.
"""

import re
import unicodedata
from functools import lru_cache

from kgsynth.inflection import singular
from kgsynth.records import Kind

# Neo4j indexes keys of up to about 8,000 bytes; a name this long is a sentence that went astray.
MAX_NAME_CHARS = 1000
# Marks that belong to a name even at its end: C#, A*, n!, Gauss'.
_KEPT_MARKS = frozenset("#*'!°$\\()[]{}-")
# Soft hyphens, joiners and other characters of no width, marks of direction, invisible operators, variants of a glyph.
INVISIBLE = "\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def normal_form(name: str) -> str:
    """Unicode NFKC, case folded, white space collapsed, outer punctuation removed; may be empty.

    Characters that nobody sees (soft hyphens, zero-width blanks and joiners, marks of direction) are left out: names
    that differ only by them are one, in scripts that need joiners too. Control characters count as blanks.
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
GREEK_FORMS = {name: name for name in _GREEK} | {f"var{name}": name for name in _GREEK}
_GREEK_LETTERS = {chr(0x3B1 + offset): name for offset, name in enumerate([*_GREEK[:17], "sigma", *_GREEK[17:]])}


def fold(word: str) -> str:
    """A word in lower case without accents, Greek letters by name, of any length.

    Wide, narrow and mathematical forms of a letter are the letter. Marks of the scripts of South and East Asia are no
    accents but tell words apart, and stay.
    """
    if word.isascii():
        return word.casefold()
    lowered = unicodedata.normalize("NFKC", _INVISIBLE.sub("", word)).casefold()
    lowered = "".join(_GREEK_LETTERS.get(char, char) for char in lowered)
    lowered = lowered.replace("ø", "o").replace("ł", "l").replace("đ", "d")
    decomposed = unicodedata.normalize("NFKD", lowered)
    return unicodedata.normalize("NFC", "".join(char for char in decomposed if not _is_accent(char)))


def _is_accent(char: str) -> bool:
    is_accent_block = char < "\u0900" or "\u1ab0" <= char <= "\u20ff" or "\ufe20" <= char <= "\ufe2f"
    return is_accent_block and unicodedata.combining(char) != 0


# A word of capitals alone, as long as acronyms are.
_CAPITALS = range(2, 6)


def is_all_capitals(word: str) -> bool:
    """Whether a word, as written, is short and of capitals alone: AIDS, GPS; not PIDs, and not a word of one letter."""
    return len(word) in _CAPITALS and word.isupper() and word.isalpha()


def word_key(word: str) -> str:
    """What a word, as a text writes it, shares with its plural and its other forms of case and accent.

    Acronyms are no plurals: AIDS stays "aids", while PIDs becomes "pid". Give a word whose case means something: in a
    heading of capitals alone every short word is an acronym.
    """
    folded = fold(word)
    return folded if is_all_capitals(word) else singular(folded)
