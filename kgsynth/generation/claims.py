"""The concepts that a question claims: which of the given ones they are, and whether its text shows them.

A model names concepts that it was not given, and names given ones that its question has nothing to do with. The first
are taken off; of the others the record says what shows them: the name itself, another name of the same concept, its
words in another inflection or order, or a cosine of name and question that is high enough.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kgsynth.generation.task import Similarities
from kgsynth.names import fold, normal_form, singular
from kgsynth.texts import spoken_latex

FEW_GIVEN = "names too few of the given concepts"
# Measured on questions judged by hand, see EXPERIMENTS.md.
MIN_COSINE = 0.5
_MARKER = re.compile(r"^[\s\-*•·>]*(?:\(?\d{1,2}[.)]\s+)?|[\s.,;:]+$")
_WORD = re.compile(r"[^\W_]+")
# Words that decide nothing about whether a text is about a name.
_SMALL_WORDS = frozenset("a an the of in on for to and or by with from at as is".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a question claims: ids of given concepts, each once, and names that are none of them."""

    given: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def read_claims(claimed: str, shown: Mapping[str, str], aliases: Mapping[str, Sequence[str]]) -> Claims:
    """The claims in a `<concepts>` block.

    Args:
        claimed: names with a semicolon, a line break or, where that gives none, a comma between them.
        shown: the given concepts by id, as the prompt named them.
        aliases: other names of them, by id.
    """
    known: dict[str, str] = {}
    for names in ([(term, name) for term, name in shown.items()], [(t, n) for t in shown for n in aliases.get(t, ())]):
        for term, name in names:
            known.setdefault(_key(name), term)
    given: dict[str, None] = {}
    foreign: dict[str, None] = {}
    for part in re.split(r"[;\n；]", claimed):
        found, unknown = _resolved(part, known)
        given |= dict.fromkeys(found)
        foreign |= dict.fromkeys(unknown)
    return Claims(given=tuple(given), foreign=tuple(foreign))


def evidence(
    question: str,
    terms: Sequence[str],
    shown: Mapping[str, str],
    aliases: Mapping[str, Sequence[str]],
    similarities: Similarities | None,
) -> tuple[str, ...]:
    """What shows each claimed concept in a question's text.

    Args:
        question: its text.
        terms: ids of the concepts that it claims.
        shown: their names by id.
        aliases: other names by id.
        similarities: the cosine of a text with each of some names; None where there is no embedder.

    Returns:
        One a term: `name`, `alias`, `words` (its words in another inflection or order), `meaning` (by cosine), or
        empty for what is claimed and not seen.
    """
    folded = _words(spoken_latex(question))
    stems = [_stem(word) for word in folded]
    found = [_by_words(question, folded, stems, shown[term], aliases.get(term, ())) for term in terms]
    missing = [place for place, one in enumerate(found) if not one]
    if missing and similarities is not None:
        cosines = similarities(question, [shown[terms[place]] for place in missing])
        for place, cosine in zip(missing, cosines, strict=True):
            found[place] = "meaning" if cosine >= MIN_COSINE else ""
    return tuple(found)


def _resolved(part: str, known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Given concepts and foreign names of one part; a list with commas is one name when it is known as one."""
    name = _MARKER.sub("", part).strip().strip("`*\"'“”")
    if not _key(name):
        return [], []
    if _key(name) in known:
        return [known[_key(name)]], []
    pieces = [piece for piece in (_MARKER.sub("", one).strip() for one in re.split(r"[,、，]|\band\b", name)) if piece]
    if len(pieces) > 1 and any(_key(piece) in known for piece in pieces):
        given = [known[_key(piece)] for piece in pieces if _key(piece) in known]
        return given, [piece for piece in pieces if _key(piece) not in known]
    return [], [" ".join(name.split())]


@lru_cache(maxsize=1 << 14)
def _key(name: str) -> str:
    """Normal form without accents, hyphens and plurals."""
    return " ".join(singular(word) for word in re.split(r"[\s\-]+", fold(normal_form(name))) if word)


def _by_words(question: str, folded: list[str], stems: list[str], name: str, aliases: Sequence[str]) -> str:
    if _stands_in(name, question, folded):
        return "name"
    if any(_stands_in(alias, question, folded) for alias in aliases):
        return "alias"
    return "words" if any(_is_said(one, stems) for one in (name, *aliases)) else ""


def _stands_in(name: str, question: str, folded: list[str]) -> bool:
    own = _words(name)
    if not own or re.search(r"[+#*&]", name):
        # Signs that tell C++ from C, or are all there is.
        return bool(name.strip()) and name.casefold() in question.casefold()
    if any(not char.isascii() and char.isalpha() and char.lower() == char.upper() for char in name):
        # A script without cases, where words often have no spaces between them.
        return "".join(own) in "".join(folded)
    return any(folded[first : first + len(own)] == own for first in range(len(folded) - len(own) + 1))


def _is_said(name: str, stems: list[str]) -> bool:
    """Whether all words of a name stand in the text, in any inflection and order, near each other."""
    own = {_stem(word) for word in _words(name) if word not in _SMALL_WORDS}
    if not own or re.search(r"[+#*&]", name) or not own <= set(stems):
        return False
    reach = 2 * len(own) + 3
    return any(own <= set(stems[first : first + reach]) for first, stem in enumerate(stems) if stem in own)


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    stemmed: str = _stemmer().stemWord(singular(word))
    return stemmed


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
