"""The concepts that a question claims: match them with the given concepts, and find evidence for them in its text.

A model also names concepts that it was not given, and given ones that its question does not use. The former are
separated. For each of the latter the record states the evidence: the name itself, an alias, its words in another
inflection or order, or a sufficient cosine similarity of name and question.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kgsynth.generation.task import Similarities
from kgsynth.inflection import singular
from kgsynth.names import fold, loose_form
from kgsynth.texts import spoken_latex

FEW_GIVEN = "names too few of the given concepts"
# Measured on questions judged by hand, see docs/figures/generation.md.
MIN_COSINE = 0.5
_MARKER = re.compile(r"(?:concepts?( used)?:|[\-*•·>]+(?=\s)|\(?\d{1,2}[.)](?=\s))\s*", re.IGNORECASE)
_OUTER = " \t\r\n.,;:`*\"'“”[]()"
_SEPARATOR = re.compile(r"(\s*[,、，|&\t]\s*|\s+/\s+|\s+(?:and|or)\s+|\s+\(?\d{1,2}[.)]\s+|<br\s*/?>)")
# A longer part is a sentence, not a list of names.
_MAX_PART_CHARS = 400
_MAX_PIECES = 40
# A word, with the marks that distinguish C++ and C# from C.
_WORD = re.compile(r"[^\W_]+(?:\+\+|#)?")
# Scripts that write words without spaces between them: Thai, Lao, Burmese, Khmer, Chinese, Japanese.
_NO_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LANGUAGES = (
    (re.compile(r"[\u0400-\u04ff]"), "russian"),
    (re.compile(r"[\u0370-\u03ff]"), "greek"),
    (re.compile(r"[\u0600-\u06ff]"), "arabic"),
)
# Words that are ignored when the words of a name are searched in a text.
_SMALL_WORDS = frozenset("a an the of in on for to and or by with from at as is".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of a question: distinct ids of given concepts, and names of foreign concepts."""

    given: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def read_claims(claimed: str, shown: Mapping[str, str], aliases: Mapping[str, Sequence[str]]) -> Claims:
    """Parse the claims in a `<concepts>` block.

    Args:
        claimed: names separated by semicolons, line breaks or, if these give no known name, by commas.
        shown: names of the given concepts in the prompt, by id.
        aliases: further names of these concepts, by id.
    """
    known: dict[str, str] = {}
    for names in ([(term, name) for term, name in shown.items()], [(t, n) for t in shown for n in aliases.get(t, ())]):
        for term, name in names:
            if loose_form(name):
                known.setdefault(loose_form(name), term)
    given: dict[str, None] = {}
    foreign: dict[str, None] = {}
    for part in re.split(r"[;\n；]", claimed):
        known_ids, unknown_names = _resolved(part, known)
        given |= dict.fromkeys(known_ids)
        foreign |= dict.fromkeys(unknown_names)
    return Claims(given=tuple(given), foreign=tuple(foreign))


def evidence(
    question: str,
    terms: Sequence[str],
    shown: Mapping[str, str],
    aliases: Mapping[str, Sequence[str]],
    similarities: Similarities | None,
) -> tuple[str, ...]:
    """Find the evidence for each claimed concept in a question's text.

    Args:
        question: text of the question.
        terms: ids of the concepts that it claims.
        shown: names of the concepts by id.
        aliases: further names by id.
        similarities: returns the cosine of a text with each of several names; None without an embedder.

    Returns:
        One value per term: `name`, `alias`, `words` (its words in another inflection or order), `meaning` (by cosine),
        or an empty string if there is no evidence.
    """
    folded = _words(spoken_latex(question))
    stems = [_stem(word) for word in folded]
    kinds = [_text_evidence(question, folded, stems, shown[term], aliases.get(term, ())) for term in terms]
    missing = [index for index, kind in enumerate(kinds) if not kind]
    if missing and similarities is not None:
        cosines = similarities(question, [shown[terms[index]] for index in missing])
        for index, cosine in zip(missing, cosines, strict=True):
            kinds[index] = "meaning" if cosine >= MIN_COSINE else ""
    return tuple(kinds)


def _resolved(part: str, known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return given concepts and foreign names in one part; a known name is not split at separators in it."""
    part = part.strip()
    marked = _MARKER.match(part)
    name = part[marked.end() :] if marked else part
    for form in (part, name, name.strip(_OUTER)):
        if loose_form(form[:_MAX_PART_CHARS]) in known and len(form) <= _MAX_PART_CHARS:
            return [known[loose_form(form)]], []
    name = name.strip(_OUTER)
    if not loose_form(name[:_MAX_PART_CHARS]):
        return [], []
    tokens = _SEPARATOR.split(name) if len(name) <= _MAX_PART_CHARS else [name]
    given: list[str] = []
    foreign: list[str] = []
    first = 0
    while first < len(tokens) and len(tokens) <= 2 * _MAX_PIECES:
        # Pieces have even indexes, separators odd ones. The longest sequence of pieces that is a known name counts.
        ends = range(len(tokens), first, -2)
        last = next((end for end in ends if loose_form("".join(tokens[first:end]).strip(_OUTER)) in known), 0)
        if last:
            given.append(known[loose_form("".join(tokens[first:last]).strip(_OUTER))])
        elif loose_form(tokens[first]):
            foreign.append(" ".join(tokens[first].strip(_OUTER).split())[:_MAX_PART_CHARS])
        first = last + 1 if last else first + 2
    if not given:
        # A part without any known name is one foreign name.
        return [], [" ".join(name.split())[:_MAX_PART_CHARS]]
    return given, foreign


def _text_evidence(question: str, folded: list[str], stems: list[str], name: str, aliases: Sequence[str]) -> str:
    if _contains_name(name, question, folded):
        return "name"
    if any(_contains_name(alias, question, folded) for alias in aliases):
        return "alias"
    return "words" if any(_has_words(candidate, stems) for candidate in (name, *aliases)) else ""


def _contains_name(name: str, question: str, folded: list[str]) -> bool:
    words = _words(name)
    if not words or re.search(r"[*&]", name):
        # Symbols matter, as in *-algebra, or the name consists of nothing else.
        return bool(name.strip()) and name.casefold() in question.casefold()
    if _NO_SPACES.search(name):
        return "".join(words) in "".join(folded)
    return any(folded[first : first + len(words)] == words for first in range(len(folded) - len(words) + 1))


def _has_words(name: str, stems: list[str]) -> bool:
    """Whether a text contains all words of a name close together, in any inflection and order."""
    name_stems = {_stem(word) for word in _words(name) if word not in _SMALL_WORDS}
    if not name_stems or re.search(r"[*&]", name) or not name_stems <= set(stems):
        return False
    reach = 2 * len(name_stems) + 3
    return any(
        name_stems <= set(stems[first : first + reach]) for first, stem in enumerate(stems) if stem in name_stems
    )


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
