"""Concepts of corpora that declare none: multi-word technical phrases, ranked by a log-linear score.

The score rises with the C-value, which prefers longer phrases that also occur outside longer ones; with a concentration
on few topics, which separates "recurrence relation" from "optional argument"; and with marks as a name: titles,
headings, emphasis, links and definitions. It falls with plain words, unmarked parts linked by `of`, verbs at the border
of a phrase, many repetitions in few documents, and a title that many documents share (a book). Unlike a language model,
this method finds only names that the texts spell out, and no synonyms.

Code, rows of tables, web addresses and lists of references are ignored. English, German, French, Spanish, Russian,
Chinese and Japanese have their own stop words and patterns; `concepts/languages.py` describes the treatment of others.

Source: Frantzi, Ananiadou & Mima, "Automatic recognition of multi-word terms: the C-value/NC-value method", 2000. The
topic weight is the relative entropy of a phrase's topics to those of all documents. The weights were fitted on half of
the areas of PlanetMath and rounded (own choice, see docs/figures/concepts.md).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kgsynth.concepts import english
from kgsynth.concepts.english import LINK, Candidate
from kgsynth.concepts.languages import UNSPACED_LANGUAGES, LanguageReport, Phrase, language_of, phrases, stop_words
from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.prose import running_text, without_bibliography
from kgsynth.concepts.vocabulary import SMALLEST_CAP
from kgsynth.errors import MissingExtraError
from kgsynth.names import fold
from kgsynth.records import ConceptName, Document

# Minimum topic weight; it prevents a ranking of rare phrases only.
_BASE_WEIGHT = 0.25
# Bonus for each kind of mark as a name by some document, in units of log C-value.
_SIGN_WEIGHTS = {"title": 3.0, "emphasis": 2.0, "link": 1.5, "definition": 1.5, "heading": 1.0}
_TOPIC_WEIGHT = 5.0
_PLAIN_PENALTIES = (0.0, 1.0, 2.5)
_REPEAT_PENALTY = 0.5
_VERB_PENALTY = 2.0
_MAX_VERB_SHARE = 0.2
# A title shared by more documents, and by most documents with the phrase, is that of a book.
_MAX_TITLES = 3
_WORK_PENALTY = 3.0
# In a corpus with a larger share of texts of software manuals, a topic with a share above the second number is one of
# manuals, and so are its texts that are too short to be known as such.
_MANUAL_SHARE, _MANUAL_SHARE_OF_TOPIC = 1 / 3, 0.1
# Words of manuals that end names in other fields as well: singular value, rotation axis.
_ALSO_IN_NAMES = frozenset("axis error key parameter reference tolerance value".split())
# Two parts linked by `of` are more often a figure of speech than a name.
_UNMARKED_LINK_PENALTY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyphrase:
    """A phrase with the components of its score.

    Attributes:
        name: the most frequent spelling, in the singular if it occurs.
        document_count: number of documents with the phrase.
        frequency: number of occurrences.
        c_value: its C-value.
        topic_weight: concentration on few topics, from 0.25 to 1.
        plain: number of plain words.
        signs: number of documents by mark as a name: `title`, `emphasis`, `link`, `heading`, `definition`.
        is_linked: whether two parts are linked by `of`.
        has_verb: whether the first or last word is a verb elsewhere.
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
        """The log-linear score by which phrases are ranked, rounded to four digits."""
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
    """Counts of all candidates, by their words."""

    frequency: Counter[tuple[str, ...]] = field(default_factory=Counter)
    documents: Counter[tuple[str, ...]] = field(default_factory=Counter)
    topics: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    surfaces: dict[tuple[str, ...], Counter[tuple[bool, str]]] = field(default_factory=lambda: defaultdict(Counter))
    plain: dict[tuple[str, ...], int] = field(default_factory=dict)  # only if not 0
    sizes: dict[tuple[str, ...], int] = field(default_factory=dict)  # only if different from the number of words
    signs: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    words: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)
    topic_sizes: Counter[str] = field(default_factory=Counter)
    titles_only: Counter[tuple[str, ...]] = field(default_factory=Counter)  # documents with it in the title only
    manuals: Counter[str] = field(default_factory=Counter)  # texts of software manuals by topic
    total: int = 0

    def add(
        self,
        group: str,
        candidates: Iterable[Phrase | Candidate],
        marked: Iterable[tuple[str, tuple[str, ...]]],
        in_title: Counter[tuple[str, ...]],
    ) -> None:
        """Count the candidates of a document, those among them that stand in its title, and the names that it marks."""
        frequency: Counter[tuple[str, ...]] = Counter()
        for candidate in candidates:
            frequency[candidate.words] += 1
            if isinstance(candidate, Candidate):
                self.surfaces[candidate.words][candidate.is_plural, candidate.surface] += 1
                if candidate.plain:
                    self.plain[candidate.words] = candidate.plain
            else:
                self.surfaces[candidate.words][False, candidate.surface] += 1
            if candidate.size != len(candidate.words):
                self.sizes[candidate.words] = candidate.size
        self.total += 1
        self.topic_sizes[group] += 1
        self.frequency.update(frequency)
        self.documents.update(frequency.keys())
        for words in frequency:
            self.topics[words][group] += 1
        self.titles_only.update(words for words, count in in_title.items() if 0 < frequency[words] <= count)
        for sign, words in set(marked):
            self.signs[words][sign] += 1

    def add_words(self, words: Iterable[tuple[str, bool]]) -> None:
        """Count the words of a document, and those of them in the position of a verb."""
        for word, is_verb in words:
            self.words[word] += 1
            if is_verb:
                self.verbs[word] += 1

    def eligible(self, min_document_count: int, limit: float) -> set[tuple[str, ...]]:
        """Return the phrases that enough and not too many documents have.

        Phrases of software manuals must occur outside titles, which are often identifiers, and have no words of manuals
        and no variables.
        """
        manuals: set[str] = set()
        if self.manuals.total() > _MANUAL_SHARE * self.total:
            sizes = self.topic_sizes.items()
            manuals = {topic for topic, size in sizes if self.manuals[topic] > _MANUAL_SHARE_OF_TOPIC * size}
        unwanted = stop_words("software") - _ALSO_IN_NAMES

        def is_eligible(words: tuple[str, ...]) -> bool:
            count = self.documents[words]
            if not min_document_count <= count <= limit:
                return False
            in_manuals = (
                sum(number for topic, number in self.topics[words].items() if topic in manuals) if manuals else 0
            )
            if 2 * in_manuals <= count:
                return True
            return count - self.titles_only[words] >= min_document_count and not any(
                english.is_symbolic(word) or word in unwanted for word in words
            )

        return set(filter(is_eligible, self.documents))

    def _is_verb(self, word: str) -> bool:
        return self.verbs[word] > _MAX_VERB_SHARE * self.words[word]

    def keyphrase(self, words: tuple[str, ...], longer: Sequence[tuple[str, ...]]) -> Keyphrase:
        """Return a candidate with its C-value, given the longer candidates that contain it."""
        nested = sum(self.frequency[other] for other in longer) / len(longer) if longer else 0.0
        size = self.sizes.get(words, len(words))
        c_value = math.log2(size) * (self.frequency[words] - nested)
        surfaces = self.surfaces[words]
        _, name = min(surfaces, key=lambda spelling: (spelling[0], -surfaces[spelling], spelling[1]))
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
    """Return the key phrases of a corpus, best first.

    The language of each document is identified first. Documents in languages without spaces between words are skipped
    and counted if no segmenter is available.

    Args:
        documents: the documents; their phrases are kept in memory, their texts are not.
        max_document_share: maximum share of documents with a phrase.
        min_document_count: minimum number of documents with a phrase.
        max_phrases: maximum number of phrases.
        extra_stop_words: further words that no phrase may contain.
        languages: receives the languages of the documents and of the skipped documents.

    Raises:
        MissingExtraError: most documents are Chinese or Japanese, and the package that segments them is missing.
    """
    languages = languages or LanguageReport()
    counts = _Counts()
    extra = {fold(word) for word in extra_stop_words}
    for document in documents:
        body = without_bibliography(document.text)
        text = detex(running_text(f"{document.title}.\n\n{body}"))
        language = language_of(text)
        group = document.topics[0] if document.topics else ""
        candidates: Iterable[Phrase | Candidate] | None
        in_title: Counter[tuple[str, ...]] = Counter()
        if language in ("en", ""):
            counts.add_words(english.verb_places(text))
            is_manual = english.is_software(text)
            counts.manuals[group] += is_manual
            candidates = english.candidates(text, extra_stop_words=extra, is_manual=is_manual)
            title = english.candidates(detex(document.title), extra_stop_words=extra, is_manual=is_manual)
            in_title = Counter(one.words for one in title)
        else:
            candidates = phrases(text, language, extra)
        (languages.documents if candidates is not None else languages.unread)[language] += 1
        marked = [*english.named(body), *(("title", words) for words in english.title_keys(document.title))]
        counts.add(group, candidates or (), marked, in_title)
    _refuse_unread(languages, counts.total)
    limit = max(SMALLEST_CAP, max_document_share * counts.total)
    eligible = counts.eligible(min_document_count, limit)
    containing: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for words in eligible:
        for part in _parts(words):
            if part in eligible:
                containing[part].append(words)
    best = [counts.keyphrase(words, containing.get(words, [])) for words in eligible]
    best = [phrase for phrase in best if phrase.c_value > 0 or phrase.signs]
    best.sort(key=lambda phrase: (-phrase.rank_value, phrase.name))
    return best[:max_phrases]


def _refuse_unread(languages: LanguageReport, total: int) -> None:
    """Raise an error if most documents were skipped because a package is missing."""
    missing = Counter({code: count for code, count in languages.unread.items() if UNSPACED_LANGUAGES[code]})
    if missing.total() * 2 > total:
        packages = " and ".join(UNSPACED_LANGUAGES[code] for code, _ in missing.most_common())
        raise MissingExtraError(
            f"{missing.total():,} of {total:,} documents are Chinese or Japanese, and {packages} is not installed",
            hint="pip install 'kgsynth[cjk]'",
        )


def names(found: Sequence[Keyphrase]) -> list[ConceptName]:
    """Return the phrases as a list of concepts."""
    return [ConceptName(name=phrase.name) for phrase in found]


def _parts(phrase: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(1, len(phrase)):
        for first in range(len(phrase) - size + 1):
            yield phrase[first : first + size]


def _topic_weight(topic_counts: Counter[str], sizes: Counter[str], total: int) -> float:
    """Return the normalized relative entropy of a phrase's topics to those of all documents, between a floor and 1."""
    if len(sizes) < 2:
        return 1.0
    mentions = sum(topic_counts.values())
    # A single document is no evidence of concentration: smooth with one document without a preference.
    divergence = 0.0
    for topic, count in topic_counts.items():
        base = sizes[topic] / total
        share = (count + base) / (mentions + 1)
        divergence += share * math.log(share / base)
    largest = math.log(total / min(sizes.values()))
    return _BASE_WEIGHT + (1 - _BASE_WEIGHT) * max(0.0, min(1.0, divergence / largest)) if largest else 1.0
