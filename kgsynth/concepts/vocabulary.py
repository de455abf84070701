"""Concepts by a list of names: Aho-Corasick over words, LaTeX-aware, longest match, with a cap on document share.

This module knows nothing of files or of the graph. A name is found whatever its case, accents, hyphens or a plural at
its end; the annotation holds the spelling of the text where that has the name's normal form, else the name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import ahocorasick

from kgsynth.concepts.latex_words import detex
from kgsynth.names import fold, normal_form, singular
from kgsynth.records import Annotation, ConceptName, Document, TopicConcepts

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|\N{CURRENCY SIGN}|[.;:!?()\[\]]|\n\s*\n")

# Titles that are about a concept without naming one.
_NOT_A_NAME = re.compile(
    r"^(?:(?:another|alternative|alternate|direct|elementary|second|combinatorial|geometric|simple|short) )*"
    r"(?:proofs?|examples?|counter-?examples?|applications?|derivations?|demonstrations?|illustrations?|generali[sz]ations?|"
    r"motivation|solutions?|bibliography|biography|index|list|table|topics?|history|notes?|remarks?|corollar(?:y|ies)) "
    r"(?:of|for|on|to|that|from|in|using|about|with|by|related)\b"
    r"|^(?:alternative|alternate|another|proving|deriving|calculating)\b"
    r"|\b(?:proof|proofs|example|examples)\b[,:)]?$"
    r"|\bproof of\b|, proof\b",
    re.IGNORECASE,
)
_NOT_A_NAME_KINDS = frozenset({"proof", "example", "bibliography", "biography"})
# In a small corpus a share means nothing: a name may always occur in this many documents.
SMALLEST_CAP = 20
_MAX_NAME_WORDS = 8
_MIN_NAME_CHARS = 3


@dataclass(slots=True, kw_only=True)
class VocabularyReport:
    """What the names of a list met: names over the cap with their document counts, and how many were never found."""

    names: int = 0
    refused_names: dict[str, int] = field(default_factory=dict)
    too_common: dict[str, int] = field(default_factory=dict)
    never_found: int = 0


def is_concept_name(name: str) -> bool:
    """Whether a title or list entry names a concept: not "proof of …", "example of …", a sentence or a formula."""
    words = detex(name).split()
    letters = sum(char.isalpha() for char in detex(name))
    return 0 < len(words) <= _MAX_NAME_WORDS and letters >= _MIN_NAME_CHARS and not _NOT_A_NAME.search(detex(name))


def clean_name(name: str) -> str:
    """A name as words: LaTeX gone, white space collapsed."""
    return " ".join(detex(name).split())


def declared_names(documents: Iterable[Document]) -> list[ConceptName]:
    """What a corpus declares itself: concepts, synonyms, and titles of entries that define something."""
    names: list[ConceptName] = []
    for document in documents:
        if document.title and document.entry_kind.casefold() not in _NOT_A_NAME_KINDS:
            names.append(ConceptName(name=document.title))
        names.extend(ConceptName(name=name) for name in document.concepts)
        for name, synonym in document.synonyms:
            names.extend((ConceptName(name=name), ConceptName(name=synonym, synonym_of=name)))
    return names


class Vocabulary:
    """Names compiled for search."""

    def __init__(self, names: Sequence[ConceptName]) -> None:
        """Compile.

        Args:
            names: entries of a list; those that name no concept are counted in `report` and left out.
        """
        self.report = VocabularyReport()
        self._names: list[str] = []
        self._automaton = ahocorasick.Automaton()
        forms: set[str] = set()
        for entry in names:
            form = normal_form(entry.name)
            if not form or form in forms:
                continue
            if not is_concept_name(entry.name):
                reason = "names no concept"
                self.report.refused_names[reason] = self.report.refused_names.get(reason, 0) + 1
                continue
            plain = clean_name(entry.name)
            words = [fold(word) for word in _words(plain)]
            if not words or "\N{CURRENCY SIGN}" in plain:
                self.report.refused_names["holds a formula"] = self.report.refused_names.get("holds a formula", 0) + 1
                continue
            forms.add(form)
            self._names.append(plain)
            number = len(self._names) - 1
            self._add([*words], number)
            # The list's own entries win over plurals that we make.
            plural = _plural(words[-1])
            if plural != words[-1]:
                self._add([*words[:-1], plural], number, only_if_new=True)
        self.report.names = len(self._names)
        if self._names:
            self._automaton.make_automaton()

    def _add(self, words: list[str], number: int, *, only_if_new: bool = False) -> None:
        key = f" {' '.join(words)} "
        if key in self._automaton and only_if_new:
            return
        held = self._automaton.get(key, None)
        if held is None or (not only_if_new and held[2]):
            self._automaton.add_word(key, (len(key), number, only_if_new))

    def find(self, text: str) -> list[str]:
        """Names in a text in order of first appearance, each once; of overlapping names the longest, leftmost."""
        if not self._names:
            return []
        plain = detex(text)
        spans = [found.span() for found in _WORD.finditer(plain)]
        words = [fold(plain[start:end]) if plain[start].isalnum() else "\N{CURRENCY SIGN}" for start, end in spans]
        line = f" {' '.join(words)} "
        found = [(end - length + 1, -length, number) for end, (length, number, _) in self._automaton.iter(line)]
        result: dict[str, None] = {}
        word_at: dict[int, int] = {}
        offset = 0
        for index, word in enumerate(words):
            word_at[offset] = index
            offset += len(word) + 1
        free_from = 0
        for start, negative_length, number in sorted(found):
            if start < free_from:
                continue
            # The blank at the end may open the next name.
            free_from = start - negative_length - 1
            first = word_at[start]
            last = first + line.count(" ", start + 1, free_from)
            surface = " ".join(plain[spans[first][0] : spans[last][1]].split())
            name = self._names[number]
            result.setdefault(surface if normal_form(surface) == normal_form(name) else name)
        return list(result)


def annotate(
    documents: Iterable[Document], vocabulary: Vocabulary, *, max_document_share: float
) -> tuple[list[Annotation], VocabularyReport]:
    """Annotations of all documents; names in too large a share of them are left out and reported.

    Args:
        documents: any number; their names are held, their texts are not.
        vocabulary: compiled names.
        max_document_share: in (0, 1].
    """
    found: list[tuple[str, tuple[str, ...], list[str]]] = []
    document_counts: Counter[str] = Counter()
    for document in documents:
        names = vocabulary.find(f"{document.title}.\n\n{document.text}")
        found.append((document.id, document.topics, names))
        document_counts.update({normal_form(name) for name in names})
    limit = max(SMALLEST_CAP, max_document_share * len(found))
    report = vocabulary.report
    report.too_common = {form: count for form, count in document_counts.most_common() if count > limit}
    report.never_found = report.names - len(document_counts)
    return list(_annotations(found, report.too_common)), report


def _annotations(
    found: Iterable[tuple[str, tuple[str, ...], list[str]]], too_common: dict[str, int]
) -> Iterator[Annotation]:
    for document_id, topics, names in found:
        kept = tuple(name for name in names if normal_form(name) not in too_common)
        yield under_topics(document_id, topics, kept)


def under_topics(document_id: str, topics: Sequence[str], names: Sequence[str]) -> Annotation:
    """An annotation of a document whose concepts are not known by topic: they stand under the first of its topics."""
    titles = [topic for topic in topics if normal_form(topic)]
    if not titles:
        return Annotation(id=document_id, topics=(TopicConcepts(name="", concepts=tuple(names)),))
    first = TopicConcepts(name=titles[0], concepts=tuple(names))
    return Annotation(id=document_id, topics=(first, *(TopicConcepts(name=title) for title in titles[1:])))


def _words(text: str) -> list[str]:
    return [found.group() for found in _WORD.finditer(text) if found.group()[0].isalnum()]


def _plural(word: str) -> str:
    if singular(word) != word or len(word) < 3 or not word[-1].isalpha():
        return word
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"
