"""Concepts of corpora that declare none: multi-word technical phrases by C-value, weighted by where they occur.

Candidates are runs of content words. C-value prefers longer phrases that also stand outside longer ones; the weight
prefers phrases that keep to few topics, which is what tells "recurrence relation" from "optional argument". Against a
language model this finds only names that the texts spell out, knows no synonyms and keeps some plain phrases.

Source: Frantzi, Ananiadou & Mima, "Automatic recognition of multi-word terms: the C-value/NC-value method", 2000; the
topic weight is the relative entropy of a phrase's topics to those of all documents (own choice, see EXPERIMENTS.md).
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.vocabulary import SMALLEST_CAP
from kgsynth.names import fold, singular
from kgsynth.records import ConceptName, Document

_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]|_|\n\s*\n")
_MAX_WORDS = 4
# What a phrase may be without a topic weight: it keeps the ranking from being one of rare phrases alone.
_BASE_WEIGHT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyphrase:
    """A phrase with what its rank was made of."""

    name: str
    document_count: int
    frequency: int
    c_value: float
    topic_weight: float

    @property
    def rank_value(self) -> float:
        """What phrases are ordered by."""
        return self.c_value * self.topic_weight


@cache
def stop_words(name: str) -> frozenset[str]:
    """A word list of the package: `english` (words that no phrase holds) or `software` (words of manuals)."""
    text = resources.files("kgsynth.concepts").joinpath(f"stop_words_{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def keyphrases(
    documents: Iterable[Document],
    *,
    max_document_share: float,
    min_document_count: int,
    max_phrases: int,
    extra_stop_words: Iterable[str] = (),
) -> list[Keyphrase]:
    """The best phrases of a corpus, best first.

    Args:
        documents: their words are held, not their texts.
        max_document_share: phrases in a larger share of the documents are left out.
        min_document_count: so are phrases in fewer documents.
        max_phrases: how many at most.
        extra_stop_words: words that no phrase may hold, beside the package's lists.
    """
    stops = stop_words("english") | stop_words("software") | {fold(word) for word in extra_stop_words}
    frequency: Counter[tuple[str, ...]] = Counter()
    in_documents: Counter[tuple[str, ...]] = Counter()
    topics_of: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    surfaces: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    topic_sizes: Counter[str] = Counter()
    total = 0
    for document in documents:
        total += 1
        own: Counter[tuple[str, ...]] = Counter()
        for run in _runs(f"{document.title}.\n\n{document.text}", stops):
            for phrase, surface in _phrases(run):
                own[phrase] += 1
                surfaces[phrase][surface] += 1
        frequency.update(own)
        in_documents.update(own.keys())
        group = document.topics[0] if document.topics else ""
        topic_sizes[group] += 1
        for phrase in own:
            topics_of[phrase][group] += 1
    limit = max(SMALLEST_CAP, max_document_share * total)
    kept = {phrase for phrase, count in in_documents.items() if min_document_count <= count <= limit}
    containing: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for phrase in kept:
        for part in _parts(phrase):
            containing[part].append(phrase)
    found = []
    for phrase in kept:
        longer = containing.get(phrase, [])
        nested = sum(frequency[other] for other in longer) / len(longer) if longer else 0.0
        c_value = math.log2(len(phrase)) * (frequency[phrase] - nested)
        if c_value <= 0:
            continue
        found.append(
            Keyphrase(
                name=min(surfaces[phrase].items(), key=lambda item: (-item[1], item[0]))[0],
                document_count=in_documents[phrase],
                frequency=frequency[phrase],
                c_value=round(c_value, 3),
                topic_weight=round(_topic_weight(topics_of[phrase], topic_sizes, total), 4),
            )
        )
    found.sort(key=lambda phrase: (-phrase.rank_value, phrase.name))
    return found[:max_phrases]


def names(phrases: Sequence[Keyphrase]) -> list[ConceptName]:
    """The phrases as a concept list."""
    return [ConceptName(name=phrase.name) for phrase in phrases]


def _runs(text: str, stops: frozenset[str]) -> Iterator[list[tuple[str, str]]]:
    """Runs of content words as (folded, as written), split at stop words, numbers, code and punctuation."""
    run: list[tuple[str, str]] = []
    for found in _TOKEN.finditer(detex(text)):
        word = found.group()
        folded = fold(word)
        if (
            word[0].isalpha()
            and len(word) > 1
            and folded not in stops
            and _is_word(word)
            and not any(char.isdigit() for char in word)
        ):
            run.append((folded, word))
            continue
        if run:
            yield run
        run = []
    if run:
        yield run


def _is_word(word: str) -> bool:
    """Not an identifier: no capital inside a word, no all-capital word over five letters."""
    inner = word[1:]
    return inner.islower() or "-" in word or "'" in word or "’" in word or (word.isupper() and len(word) <= 5)


# Plurals that stand inside names all the same: least squares problem, k-means clustering.
_INNER_PLURALS = frozenset(
    {"squares", "means", "words", "games", "sums", "differences", "elements", "equations", "axes"}
)


def _phrases(run: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Phrases of 2 to 4 words within a run, as (words with the last in the singular, as written)."""
    for first in range(len(run)):
        for last in range(first + 1, min(len(run), first + _MAX_WORDS)):
            *inner, final = (folded for folded, _ in run[first : last + 1])
            # English puts a noun in the plural, a participle or a possessive last only by accident of the sentence.
            if final.endswith(("ed", "ly", "'s", "s'", "’s")) or any(
                singular(word) != word and word not in _INNER_PLURALS
                for word in inner
                if not word.endswith(("'s", "’s"))
            ):
                continue
            words = (*inner, singular(final))
            if len(set(words)) == len(words):
                written = [word for _, word in run[first:last]]
                yield words, " ".join([*written, _singular_as_written(run[last][1])])


def _singular_as_written(word: str) -> str:
    base = singular(fold(word))
    if base == fold(word) or word.isupper():
        return word
    return base.capitalize() if word[:1].isupper() else base


def _parts(phrase: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(2, len(phrase)):
        for first in range(len(phrase) - size + 1):
            yield phrase[first : first + size]


def _topic_weight(own: Counter[str], sizes: Counter[str], total: int) -> float:
    """Relative entropy of a phrase's topics to those of all documents, in (0, 1], plus a floor."""
    if len(sizes) < 2:
        return 1.0
    mentions = sum(own.values())
    # One document is no evidence of keeping to a topic: add what a phrase without preference would show.
    divergence = 0.0
    for topic, count in own.items():
        base = sizes[topic] / total
        share = (count + base) / (mentions + 1)
        divergence += share * math.log(share / base)
    largest = math.log(total / min(sizes.values()))
    return _BASE_WEIGHT + (1 - _BASE_WEIGHT) * max(0.0, min(1.0, divergence / largest)) if largest else 1.0
