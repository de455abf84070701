"""Figures of questions: lengths, similarity within a document or combination, and share of duplicates."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth.randomness import stream
from kgsynth.records import AnsweredQuestion, content_hash
from kgsynth.reports.structure import distribution, histogram
from kgsynth.texts import normal_question

# Maximum number of drawn pairs per category, with which the standard error of a bin's share is below 0.01.
_MOST_PAIRS = 3000
_LONGEST_WORDS = 150
_LISTED = 50
_COSINE_BINS = 25
_EMBED_BATCH = 256

DIFFERENT = "different documents"
SAME_COMBINATION = "level 3, same combination"


class Embed(Protocol):
    """Converts texts to vectors."""

    model: str

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (texts, dimensions), rows of unit length."""


@dataclass(slots=True)
class Sample:
    """Counts of all questions, and a sample with all questions from randomly drawn documents.

    The drawn documents depend only on the document ids and the seed. A question that is only counted takes 16 bytes.
    """

    seed: int
    share: Mapping[int, float]  # share of the documents that are drawn, by level
    words: dict[int, Counter[int]] = field(default_factory=dict)
    characters: dict[int, Counter[int]] = field(default_factory=dict)
    grades: dict[int, Counter[str]] = field(default_factory=dict)
    origins: Counter[str] = field(default_factory=Counter)
    concepts: set[str] = field(default_factory=set)
    evidence: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    drawn: list[AnsweredQuestion] = field(default_factory=list)
    _forms: dict[int, Any] = field(default_factory=dict)
    _combinations: Any = field(default_factory=lambda: array("Q"))

    def add(self, question: AnsweredQuestion) -> None:
        """Count a question, and keep it if one of its documents is drawn."""
        level = question.level
        self.words.setdefault(level, Counter())[len(question.text.split())] += 1
        self.characters.setdefault(level, Counter())[len(question.text)] += 1
        grades = self.grades.setdefault(level, Counter())
        if question.grade:
            grades[question.grade] += 1
        if question.origin:
            self.origins[question.origin] += 1
        self._forms.setdefault(level, array("Q")).append(_short_hash(normal_question(question.text)))
        if question.combination_id:
            self._combinations.append(_short_hash(question.combination_id))
        self.concepts.update(question.counted_concepts)
        self.evidence.update(question.claim_evidence)
        self.foreign += len(question.foreign_claims)
        if any(self.is_drawn(level, document) for document in question.documents or (question.id,)):
            self.drawn.append(question)

    def is_drawn(self, level: int, document: str) -> bool:
        """Return whether a document is drawn, so that its questions of this level are kept."""
        return _short_hash(content_hash([self.seed, document])) / 2**64 < self.share.get(level, 1.0)

    def questions_each(self) -> NDArray[np.int64]:
        """Return the number of questions per combination, of those that have any."""
        return np.unique(np.frombuffer(self._combinations, dtype=np.uint64), return_counts=True)[1]

    def repeated(self) -> dict[int, float]:
        """Return by level the share of questions with the normal form of another question of this or a lower level."""
        seen: set[int] = set()
        shares = {}
        for level, forms in sorted(self._forms.items()):
            distinct = np.unique(np.frombuffer(forms, dtype=np.uint64))
            new_count = len(distinct) - sum(int(form) in seen for form in distinct) if seen else len(distinct)
            shares[level] = 1 - new_count / len(forms)
            if len(self._forms) > 1:
                seen.update(map(int, distinct))
        return shares


def _short_hash(text: str) -> int:
    return int(content_hash(text)[:16], 16)


def figures(
    sample: Sample,
    *,
    embedder: Embed | None,
    near: Mapping[int, int] | None,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Return lengths, kinds and similarity of questions, as JSON values.

    Args:
        sample: counts and sample of the questions.
        embedder: embedder of the compared texts; None to leave the similarity out.
        near: number of all questions per level that are near-duplicates of an earlier one; None if not measured.
        advance: called with the number of texts that were embedded.
    """
    max_words = min(_LONGEST_WORDS, max(20, *(max(words) for words in sample.words.values())))
    repeated = sample.repeated()
    return {
        "count": sum(words.total() for words in sample.words.values()),
        "levels": {
            str(level): {
                "count": words.total(),
                "words": {
                    **distribution(list(words.elements())),
                    "histogram": histogram(list(words.elements()), low=0, high=max_words, bins=max_words),
                },
                "characters": distribution(list(sample.characters[level].elements())),
                "grades": dict(sorted(sample.grades[level].items())),
                "repeated_share": repeated[level],
                "near_duplicate_share": None if near is None else near.get(level, 0) / words.total(),
            }
            for level, words in sorted(sample.words.items())
        },
        "claims": {
            "claimed": sample.evidence.total(),
            "shown_by": {by: count for by, count in sorted(sample.evidence.items()) if by},
            "claimed_only": sample.evidence[""],
            "foreign": sample.foreign,
        },
        "origins": dict(sorted(sample.origins.items())),
        "sampled": len(sample.drawn),
        "embedder": embedder.model if embedder is not None else None,
        "likeness": likeness(sample, embedder, advance) if embedder is not None and sample.drawn else {},
    }


def likeness(sample: Sample, embedder: Embed, advance: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Return cosine similarities of pairs of questions, by what the two have in common.

    Returns:
        By category (`level 1, same document`, …; for level 3, pairs of the same combination are a category of their
        own; `different documents`): number of pairs, mean, quantiles, a histogram from 0 to 1, and the 3 most similar
        pairs.

    Source: arXiv 2503.19551 compares the questions that its levels write from one document in the same way.
    """
    questions = sample.drawn
    pairs = {
        name: _within(groups, stream(sample.seed, name, 0), accepts=accepts)
        for name, groups, accepts in _categories(sample)
    }
    pairs[DIFFERENT] = _across(questions, stream(sample.seed, DIFFERENT, 0))
    places = sorted({int(place) for category_pairs in pairs.values() for place in category_pairs.ravel()})
    vectors = np.empty((0, 0), dtype=np.float32)
    blocks = []
    for first in range(0, len(places), _EMBED_BATCH):
        batch = places[first : first + _EMBED_BATCH]
        blocks.append(embedder.embed([questions[place].text for place in batch]))
        advance(len(batch))
    if blocks:
        vectors = np.concatenate(blocks)
    row_of = {place: row for row, place in enumerate(places)}
    categories: dict[str, Any] = {}
    for name, category_pairs in pairs.items():
        if not len(category_pairs):
            continue
        rows = np.array([[row_of[int(first)], row_of[int(second)]] for first, second in category_pairs])
        cosines = np.einsum("ij,ij->i", vectors[rows[:, 0]], vectors[rows[:, 1]]).astype(float)
        categories[name] = {
            "pairs": len(cosines),
            "mean": float(cosines.mean()),
            "p10": float(np.quantile(cosines, 0.1)),
            "median": float(np.quantile(cosines, 0.5)),
            "p90": float(np.quantile(cosines, 0.9)),
            "over_95": float((cosines >= 0.95).mean()),
            "histogram": histogram(cosines, low=0, high=1, bins=_COSINE_BINS),
            "most_alike": [
                {
                    "cosine": float(cosines[place]),
                    "one": questions[category_pairs[place, 0]].text,
                    "one_id": questions[category_pairs[place, 0]].id,
                    "other": questions[category_pairs[place, 1]].text,
                    "other_id": questions[category_pairs[place, 1]].id,
                }
                for place in np.argsort(-cosines, kind="stable")[:3]
            ],
        }
    return categories


def answers(rows: Iterable[AnsweredQuestion]) -> dict[str, Any]:
    """Return agreement, verdicts and lengths of answers, as JSON values."""
    with_final, words, agreements = 0, Counter[int](), Counter[float]()
    verdicts: Counter[str] = Counter()
    checks: dict[str, Counter[str]] = {}
    doubtful: list[tuple[float, str, str, str]] = []
    for row in rows:
        with_final += bool(row.final_answer)
        words[len(row.answer.split())] += 1
        if row.votes > 1:
            agreements[row.agreement] += 1
            doubtful.append((row.agreement, row.id, row.text, row.final_answer))
            if len(doubtful) > 4 * _LISTED:
                doubtful = sorted(doubtful)[:_LISTED]
        if row.verdict:
            verdicts[row.verdict] += 1
        for check in row.checks:
            checks.setdefault(check.verifier, Counter())[check.verdict] += 1
    voted = list(agreements.elements())
    return {
        "count": words.total(),
        "with_final_answer": with_final,
        "words": distribution(list(words.elements())),
        "agreement": {**distribution(voted), "histogram": histogram(voted, low=0, high=1, bins=20)}
        if voted
        else {"count": 0},
        "verdicts": dict(sorted(verdicts.items())),
        "checks": {
            name: {verdict: counts[verdict] for verdict in ("passed", "failed", "undecided")}
            for name, counts in sorted(checks.items())
        },
        "least_agreement": [
            {"agreement": agreement, "id": identity, "question": text, "final_answer": final}
            for agreement, identity, text, final in sorted(doubtful)[:_LISTED]
        ],
    }


def _categories(sample: Sample) -> list[tuple[str, list[list[int]], Callable[[int, int], bool]]]:
    """Return the categories: name, groups of places in the sample, and a function that accepts a pair of a group."""
    same_document: dict[int, dict[str, list[int]]] = {}
    same_combination: dict[str, list[int]] = {}
    combination_of = [question.combination_id for question in sample.drawn]
    for place, question in enumerate(sample.drawn):
        for document in dict.fromkeys(question.documents):
            if sample.is_drawn(question.level, document):
                same_document.setdefault(question.level, {}).setdefault(document, []).append(place)
        if question.combination_id:
            same_combination.setdefault(question.combination_id, []).append(place)

    def differ_in_combination(one: int, other: int) -> bool:
        return not combination_of[one] or combination_of[one] != combination_of[other]

    categories = [
        (
            f"level {level}, same document" + (", other combination" if level == 3 else ""),
            list(groups.values()),
            differ_in_combination,
        )
        for level, groups in sorted(same_document.items())
    ]
    return [*categories, (SAME_COMBINATION, list(same_combination.values()), lambda _one, _other: True)]


def _within(
    groups: Sequence[Sequence[int]], draws: np.random.Generator, *, accepts: Callable[[int, int], bool]
) -> NDArray[np.int64]:
    """Return distinct accepted pairs within groups, int64 (pairs, 2): all, or a random sample of `_MOST_PAIRS`.

    All pairs of a group have the same probability. A pair in two groups has twice the probability, and is kept once.
    """
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    pair_ends = np.cumsum(sizes * (sizes - 1) // 2)
    total = int(pair_ends[-1]) if len(pair_ends) else 0
    # Some pairs are not accepted; four times the wanted number contains enough that are.
    takes_all = total <= 4 * _MOST_PAIRS
    pair_numbers = np.arange(total) if takes_all else np.unique(draws.integers(total, size=4 * _MOST_PAIRS))
    accepted: dict[tuple[int, int], None] = {}
    for number in draws.permutation(pair_numbers):
        group = int(np.searchsorted(pair_ends, number, side="right"))
        inside = int(number - (pair_ends[group - 1] if group else 0))
        # Pair number k of a group joins places i < j, where j * (j - 1) / 2 <= k.
        second = int((1 + (1 + 8 * inside) ** 0.5) / 2)
        second -= second * (second - 1) // 2 > inside
        low, high = sorted((groups[group][inside - second * (second - 1) // 2], groups[group][second]))
        if accepts(low, high):
            accepted[low, high] = None
            if len(accepted) == _MOST_PAIRS:
                break
    return np.array(sorted(accepted), dtype=np.int64).reshape(-1, 2)


def _across(questions: Sequence[AnsweredQuestion], draws: np.random.Generator) -> NDArray[np.int64]:
    """Return pairs of questions without a common document, int64 (pairs, 2)."""
    size = len(questions)
    if size < 2:
        return np.empty((0, 2), dtype=np.int64)
    candidates = np.unique(np.sort(draws.integers(size, size=(2 * _MOST_PAIRS, 2)), axis=1), axis=0)
    pairs = [
        (one, other)
        for one, other in draws.permutation(candidates)
        if one != other
        and questions[one].documents
        and questions[other].documents
        and not {*questions[one].documents} & {*questions[other].documents}
    ]
    return np.array(pairs[:_MOST_PAIRS], dtype=np.int64).reshape(-1, 2)
