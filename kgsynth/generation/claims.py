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
from kgsynth.inflection import singular
from kgsynth.names import fold, normal_form
from kgsynth.texts import spoken_latex

FEW_GIVEN = "names too few of the given concepts"
# Measured on questions judged by hand, see EXPERIMENTS.md.
MIN_COSINE = 0.5
_MARKER = re.compile(r"(?:concepts?( used)?:|[\-*•·>]+(?=\s)|\(?\d{1,2}[.)](?=\s))\s*", re.IGNORECASE)
_OUTER = " \t\r\n.,;:`*\"'“”[]()"
_SEPARATOR = re.compile(r"(\s*[,、，|&\t]\s*|\s+/\s+|\s+(?:and|or)\s+|\s+\(?\d{1,2}[.)]\s+|<br\s*/?>)")
# A longer part is a sentence, and no list of names.
_MAX_PART_CHARS = 400
_MAX_PIECES = 40
# A name with the marks that tell C++ and C# from C.
_WORD = re.compile(r"[^\W_]+(?:\+\+|#)?")
# Scripts that write words without spaces between them: Thai, Lao, Burmese, Khmer, Chinese, Japanese.
_NO_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LANGUAGES = (
    (re.compile(r"[\u0400-\u04ff]"), "russian"),
    (re.compile(r"[\u0370-\u03ff]"), "greek"),
    (re.compile(r"[\u0600-\u06ff]"), "arabic"),
)
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
            if _key(name):
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
        One per term: `name`, `alias`, `words` (its words in another inflection or order), `meaning` (by cosine), or
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
    """Given concepts and foreign names of one part; what is known as one name is one, whatever separators it holds."""
    part = part.strip()
    marked = _MARKER.match(part)
    name = part[marked.end() :] if marked else part
    for form in (part, name, name.strip(_OUTER)):
        if _key(form[:_MAX_PART_CHARS]) in known and len(form) <= _MAX_PART_CHARS:
            return [known[_key(form)]], []
    name = name.strip(_OUTER)
    if not _key(name[:_MAX_PART_CHARS]):
        return [], []
    tokens = _SEPARATOR.split(name) if len(name) <= _MAX_PART_CHARS else [name]
    given: list[str] = []
    foreign: list[str] = []
    first = 0
    while first < len(tokens) and len(tokens) <= 2 * _MAX_PIECES:
        # Pieces are at even places, separators between them; the longest run of pieces that is a name counts.
        ends = range(len(tokens), first, -2)
        last = next((end for end in ends if _key("".join(tokens[first:end]).strip(_OUTER)) in known), 0)
        if last:
            given.append(known[_key("".join(tokens[first:last]).strip(_OUTER))])
        elif _key(tokens[first]):
            foreign.append(" ".join(tokens[first].strip(_OUTER).split())[:_MAX_PART_CHARS])
        first = last + 1 if last else first + 2
    if not given:
        # Nothing in it is known: it is one name.
        return [], [" ".join(name.split())[:_MAX_PART_CHARS]]
    return given, foreign


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
    if not own or re.search(r"[*&]", name):
        # Signs that tell an algebra from a *-algebra, or are all there is.
        return bool(name.strip()) and name.casefold() in question.casefold()
    if _NO_SPACES.search(name):
        return "".join(own) in "".join(folded)
    return any(folded[first : first + len(own)] == own for first in range(len(folded) - len(own) + 1))


def _is_said(name: str, stems: list[str]) -> bool:
    """Whether all words of a name stand in the text, in any inflection and order, near each other."""
    own = {_stem(word) for word in _words(name) if word not in _SMALL_WORDS}
    if not own or re.search(r"[*&]", name) or not own <= set(stems):
        return False
    reach = 2 * len(own) + 3
    return any(own <= set(stems[first : first + reach]) for first, stem in enumerate(stems) if stem in own)


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    language = next((name for letters, name in _LANGUAGES if letters.search(word)), "english")
    stemmed: str = _stemmer(language).stemWord(singular(word) if language == "english" else word)
    return stemmed


@lru_cache(maxsize=8)
def _stemmer(language: str) -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer(language)
