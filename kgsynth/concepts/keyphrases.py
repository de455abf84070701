"""Concepts of corpora that declare none: multi-word technical phrases, ranked by a log-linear score.

For a phrase speak its C-value, which prefers longer phrases that also stand outside longer ones; that it keeps to few
topics, which tells "recurrence relation" from "optional argument"; and that a document marks it as a name: it is a
title or a heading, is emphasised, linked or defined. Against it speak plain words, two parts linked by `of` that no
document marks, a verb at its border, many repeats in few documents, and a title that many documents share (a book).
Against a language model this finds only names that the texts spell out and knows no synonyms.

Code, rows of tables, web addresses and lists of references are left out. English, German, French, Spanish, Russian,
Chinese and Japanese have stop words and patterns of their own; `concepts/languages.py` says what the others have.

Source: Frantzi, Ananiadou & Mima, "Automatic recognition of multi-word terms: the C-value/NC-value method", 2000; the
topic weight is the relative entropy of a phrase's topics to those of all documents; the weights of all signs were
fitted on half of the areas of PlanetMath and rounded (own choice, see EXPERIMENTS.md).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kgsynth.concepts import english
from kgsynth.concepts.english import LINK, Candidate
from kgsynth.concepts.languages import UNSPACED_LANGUAGES, LanguageReport, Phrase, language_of, phrases
from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.prose import running_text, without_bibliography
from kgsynth.concepts.vocabulary import SMALLEST_CAP
from kgsynth.errors import MissingExtraError
from kgsynth.names import fold
from kgsynth.records import ConceptName, Document

# What a phrase may be without a topic weight: it keeps the ranking from being one of rare phrases alone.
_BASE_WEIGHT = 0.25
# What speaks for a phrase that some document marks as a name, once for each sign, in units of log C-value.
_SIGN_WEIGHTS = {"title": 3.0, "emphasis": 2.0, "link": 1.5, "definition": 1.5, "heading": 1.0}
_TOPIC_WEIGHT = 5.0
_PLAIN_PENALTIES = (0.0, 1.0, 2.5)
_REPEAT_PENALTY = 0.5
_VERB_PENALTY = 2.0
_MAX_VERB_SHARE = 0.2
# A title that more documents share, and nearly all that hold the phrase, is that of a book.
_MAX_TITLES = 3
_WORK_PENALTY = 3.0
# Two parts linked by `of` are a turn of speech more often than a name.
_UNMARKED_LINK_PENALTY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyphrase:
    """A phrase with what its rank was made of.

    Attributes:
        name: as most documents write it, in the singular where one of them does.
        document_count: documents that hold it.
        frequency: how often it stands in them.
        c_value: its C-value.
        topic_weight: how far it keeps to few topics, from .25 to 1.
        plain: its plain words.
        signs: documents that mark it as a name, by sign: `title`, `emphasis`, `link`, `heading`, `definition`.
        is_linked: two parts are linked by `of`.
        has_verb: its first or last word is a verb elsewhere.
    """

    name: str
    document_count: int
    frequency: int
    c_value: float
    topic_weight: float
    plain: int = 0
    signs: Mapping[str, int] = field(default_factory=dict)
    is_linked: bool = False
    has_verb: bool = False

    @property
    def rank_value(self) -> float:
        """What phrases are ordered by: a log-linear score, fitted on half of the areas of PlanetMath and rounded."""
        plain = _PLAIN_PENALTIES[min(self.plain, len(_PLAIN_PENALTIES) - 1)]
        repeats = math.log(self.frequency / self.document_count)
        is_work = self.signs.get("title", 0) > max(_MAX_TITLES, self.document_count / 2)
        value = (
            math.log1p(max(0.0, self.c_value))
            + _TOPIC_WEIGHT * self.topic_weight
            + (-_WORK_PENALTY if is_work else sum(_SIGN_WEIGHTS[sign] for sign in self.signs))
            - _UNMARKED_LINK_PENALTY * (self.is_linked and not self.signs)
            - plain
            - _VERB_PENALTY * self.has_verb
            - _REPEAT_PENALTY * repeats
        )
        return round(value, 4)


@dataclass(slots=True)
class _Counts:
    """What is known of each candidate, by its words, once all documents were read."""

    frequency: Counter[tuple[str, ...]] = field(default_factory=Counter)
    documents: Counter[tuple[str, ...]] = field(default_factory=Counter)
    topics: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    surfaces: dict[tuple[str, ...], Counter[tuple[bool, str]]] = field(default_factory=lambda: defaultdict(Counter))
    plain: dict[tuple[str, ...], int] = field(default_factory=dict)  # where it is not 0
    sizes: dict[tuple[str, ...], int] = field(default_factory=dict)  # where it is not the number of words
    signs: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    words: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)
    topic_sizes: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def add(
        self, group: str, found: Iterable[Phrase | Candidate], marked: Iterable[tuple[str, tuple[str, ...]]]
    ) -> None:
        """Count the candidates of one document and what it marks as names."""
        own: Counter[tuple[str, ...]] = Counter()
        for one in found:
            own[one.words] += 1
            if isinstance(one, Candidate):
                self.surfaces[one.words][one.is_plural, one.surface] += 1
                if one.plain:
                    self.plain[one.words] = one.plain
            else:
                self.surfaces[one.words][False, one.surface] += 1
            if one.size != len(one.words):
                self.sizes[one.words] = one.size
        self.total += 1
        self.topic_sizes[group] += 1
        self.frequency.update(own)
        self.documents.update(own.keys())
        for words in own:
            self.topics[words][group] += 1
        for sign, words in set(marked):
            self.signs[words][sign] += 1

    def add_words(self, words: Iterable[tuple[str, bool]]) -> None:
        """Count the words of a document, and those that stand where verbs do."""
        for word, is_verb in words:
            self.words[word] += 1
            if is_verb:
                self.verbs[word] += 1

    def _is_verb(self, word: str) -> bool:
        return self.verbs[word] > _MAX_VERB_SHARE * self.words[word]

    def keyphrase(self, words: tuple[str, ...], longer: Sequence[tuple[str, ...]]) -> Keyphrase:
        """A candidate with its C-value, given those that hold it."""
        nested = sum(self.frequency[other] for other in longer) / len(longer) if longer else 0.0
        size = self.sizes.get(words, len(words))
        c_value = math.log2(size) * (self.frequency[words] - nested)
        surfaces = self.surfaces[words]
        _, name = min(surfaces, key=lambda one: (one[0], -surfaces[one], one[1]))
        topic_weight = _topic_weight(self.topics[words], self.topic_sizes, self.total)
        return Keyphrase(
            name=name,
            document_count=self.documents[words],
            frequency=self.frequency[words],
            c_value=round(c_value, 3),
            topic_weight=round(topic_weight, 4),
            plain=self.plain.get(words, 0),
            signs=dict(self.signs.get(words, {})),
            is_linked=LINK in words,
            has_verb=self._is_verb(words[0]) or self._is_verb(words[-1]),
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
    for document in documents:
        body = without_bibliography(document.text)
        text = detex(running_text(f"{document.title}.\n\n{body}"))
        language = language_of(text)
        found: Iterable[Phrase | Candidate] | None
        if language in ("en", ""):
            counts.add_words(english.verb_places(text))
            found = english.candidates(text, extra_stop_words=extra)
        else:
            found = phrases(text, language, extra)
        (languages.documents if found is not None else languages.unread)[language] += 1
        marked = [*english.named(body), *(("title", words) for words in english.title_keys(document.title))]
        counts.add(document.topics[0] if document.topics else "", found or (), marked)
    _refuse_unread(languages, counts.total)
    limit = max(SMALLEST_CAP, max_document_share * counts.total)
    kept = {words for words, count in counts.documents.items() if min_document_count <= count <= limit}
    containing: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for words in kept:
        for part in _parts(words):
            if part in kept:
                containing[part].append(words)
    best = [counts.keyphrase(words, containing.get(words, [])) for words in kept]
    best = [phrase for phrase in best if phrase.c_value > 0 or phrase.signs]
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
