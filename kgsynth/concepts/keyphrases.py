"""Concepts of corpora that declare none: multi-word technical phrases by C-value, weighted by where they occur.

Candidates are runs of content words. C-value prefers longer phrases that also stand outside longer ones; the weight
prefers phrases that keep to few topics, which is what tells "recurrence relation" from "optional argument". Against a
language model this finds only names that the texts spell out, knows no synonyms and keeps some plain phrases.

Code, rows of tables and web addresses are left out. English, German, French, Spanish, Russian, Chinese and Japanese
have stop words and patterns of their own; `concepts/languages.py` says what the others have.

Source: Frantzi, Ananiadou & Mima, "Automatic recognition of multi-word terms: the C-value/NC-value method", 2000; the
topic weight is the relative entropy of a phrase's topics to those of all documents (own choice, see EXPERIMENTS.md).
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kgsynth.concepts.languages import UNSPACED_LANGUAGES, LanguageReport, Phrase, language_of, phrases, stop_words
from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.prose import running_text
from kgsynth.concepts.vocabulary import SMALLEST_CAP
from kgsynth.errors import MissingExtraError
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


@dataclass(slots=True)
class _Counts:
    """What is known of each candidate, by its words, once all documents were read."""

    frequency: Counter[tuple[str, ...]] = field(default_factory=Counter)
    documents: Counter[tuple[str, ...]] = field(default_factory=Counter)
    topics: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    surfaces: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    sizes: dict[tuple[str, ...], int] = field(default_factory=dict)  # where it is not the number of words
    topic_sizes: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def add(self, group: str, found: Iterable[Phrase]) -> None:
        """Count the candidates of one document."""
        own: Counter[tuple[str, ...]] = Counter()
        for words, surface, size in found:
            own[words] += 1
            self.surfaces[words][surface] += 1
            if size != len(words):
                self.sizes[words] = size
        self.total += 1
        self.topic_sizes[group] += 1
        self.frequency.update(own)
        self.documents.update(own.keys())
        for words in own:
            self.topics[words][group] += 1

    def keyphrase(self, words: tuple[str, ...], longer: Sequence[tuple[str, ...]]) -> Keyphrase:
        """A candidate with its C-value, given those that hold it."""
        nested = sum(self.frequency[other] for other in longer) / len(longer) if longer else 0.0
        c_value = math.log2(self.sizes.get(words, len(words))) * (self.frequency[words] - nested)
        return Keyphrase(
            name=min(self.surfaces[words].items(), key=lambda item: (-item[1], item[0]))[0],
            document_count=self.documents[words],
            frequency=self.frequency[words],
            c_value=round(c_value, 3),
            topic_weight=round(_topic_weight(self.topics[words], self.topic_sizes, self.total), 4),
        )


def keyphrases(
    documents: Iterable[Document],
    *,
    max_document_share: float,
    min_document_count: int,
    max_phrases: int,
    extra_stop_words: Iterable[str] = (),
    languages: LanguageReport | None = None,
) -> list[Keyphrase]:
    """The best phrases of a corpus, best first.

    The language of each document is found first. A document of a language that puts no blanks between words is left
    unread, and counted, where nothing tells its words apart.

    Args:
        documents: their words are held, not their texts.
        max_document_share: phrases in a larger share of the documents are left out.
        min_document_count: so are phrases in fewer documents.
        max_phrases: how many at most.
        extra_stop_words: words that no phrase may hold, beside the package's lists.
        languages: gets the languages of the documents, and which were not read.

    Raises:
        MissingExtraError: most documents are Chinese or Japanese and the package that finds their words is missing.
    """
    languages = languages or LanguageReport()
    counts = _Counts()
    extra = {fold(word) for word in extra_stop_words}
    stops = stop_words("english") | stop_words("software") | extra
    for document in documents:
        text = detex(running_text(f"{document.title}.\n\n{document.text}"))
        language = language_of(text)
        found = _english(text, stops) if language in ("en", "") else phrases(text, language, extra)
        (languages.documents if found is not None else languages.unread)[language] += 1
        counts.add(document.topics[0] if document.topics else "", found or ())
    _refuse_unread(languages, counts.total)
    limit = max(SMALLEST_CAP, max_document_share * counts.total)
    kept = {words for words, count in counts.documents.items() if min_document_count <= count <= limit}
    containing: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for words in kept:
        for part in _parts(words):
            if part in kept:
                containing[part].append(words)
    best = [counts.keyphrase(words, containing.get(words, [])) for words in kept]
    best = [phrase for phrase in best if phrase.c_value > 0]
    best.sort(key=lambda phrase: (-phrase.rank_value, phrase.name))
    return best[:max_phrases]


def _refuse_unread(languages: LanguageReport, total: int) -> None:
    """Stop when most documents were not read for want of a package."""
    missing = Counter({code: count for code, count in languages.unread.items() if UNSPACED_LANGUAGES[code]})
    if missing.total() * 2 > total:
        packages = " and ".join(UNSPACED_LANGUAGES[code] for code, _ in missing.most_common())
        raise MissingExtraError(
            f"{missing.total():,} of {total:,} documents are Chinese or Japanese, and {packages} is not installed",
            hint="pip install 'kgsynth[cjk]'",
        )


def names(found: Sequence[Keyphrase]) -> list[ConceptName]:
    """The phrases as a concept list."""
    return [ConceptName(name=phrase.name) for phrase in found]


def _english(text: str, stops: frozenset[str]) -> Iterator[Phrase]:
    for run in _runs(text, stops):
        for words, surface in _phrases(run):
            yield Phrase(words, surface, len(words))


def _runs(text: str, stops: frozenset[str]) -> Iterator[list[tuple[str, str]]]:
    """Runs of content words as (folded, as written), split at stop words, numbers, code and punctuation."""
    run: list[tuple[str, str]] = []
    for found in _TOKEN.finditer(text):
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
    for size in range(1, len(phrase)):
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
