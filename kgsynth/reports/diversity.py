"""Questions in figures: how long they are, how alike those of one document or combination are, how many stand twice."""

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

# Pairs drawn of each category: the standard error of a bin's share is then below .01.
_MOST_PAIRS = 3000
_LONGEST_WORDS = 150
_LISTED = 50
_COSINE_BINS = 25
_EMBED_BATCH = 256

DIFFERENT = "different documents"
SAME_COMBINATION = "level 3, same combination"


class Embed(Protocol):
    """Texts to vectors."""

    model: str

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 (texts, dimensions), rows of unit length."""


@dataclass(slots=True)
class Sample:
    """All questions counted, and those of some documents kept: of a document that is drawn, all that it touches.

    Which documents are drawn depends on their ids and the seed alone. Of each question that is only counted 16 bytes
    stay.
    """

    seed: int
    share: Mapping[int, float]  # by level, of the documents
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
        """Count a question, and keep it when one of its documents is drawn."""
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
        if any(self.is_drawn(level, one) for one in question.documents or (question.id,)):
            self.drawn.append(question)

    def is_drawn(self, level: int, document: str) -> bool:
        """Whether a document is among those whose questions of a level are kept."""
        return _short_hash(content_hash([self.seed, document])) / 2**64 < self.share.get(level, 1.0)

    def questions_each(self) -> NDArray[np.int64]:
        """How many questions each combination that has any has."""
        return np.unique(np.frombuffer(self._combinations, dtype=np.uint64), return_counts=True)[1]

    def repeated(self) -> dict[int, float]:
        """By level, the share of the questions that another of any level before it equals in its normal form."""
        seen: set[int] = set()
        found = {}
        for level, forms in sorted(self._forms.items()):
            own = np.unique(np.frombuffer(forms, dtype=np.uint64))
            new = len(own) - sum(int(one) in seen for one in own) if seen else len(own)
            found[level] = 1 - new / len(forms)
            if len(self._forms) > 1:
                seen.update(map(int, own))
        return found


def _short_hash(text: str) -> int:
    return int(content_hash(text)[:16], 16)


def figures(
    sample: Sample,
    *,
    embedder: Embed | None,
    near: Mapping[int, int] | None,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Lengths, kinds and likeness of questions, as JSON values.

    Args:
        sample: of the questions.
        embedder: of the texts that are compared; None to leave the likeness out.
        near: by level, how many questions are near duplicates of an earlier one, of all that there are; None when
            nobody looked.
        advance: told how many texts were embedded.
    """
    longest = min(_LONGEST_WORDS, max(20, *(max(words) for words in sample.words.values())))
    repeated = sample.repeated()
    return {
        "count": sum(words.total() for words in sample.words.values()),
        "levels": {
            str(level): {
                "count": words.total(),
                "words": {
                    **distribution(list(words.elements())),
                    "histogram": histogram(list(words.elements()), low=0, high=longest, bins=longest),
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
            "shown_by": {by: number for by, number in sorted(sample.evidence.items()) if by},
            "claimed_only": sample.evidence[""],
            "foreign": sample.foreign,
        },
        "origins": dict(sorted(sample.origins.items())),
        "sampled": len(sample.drawn),
        "embedder": embedder.model if embedder is not None else None,
        "likeness": likeness(sample, embedder, advance) if embedder is not None and sample.drawn else {},
    }


def likeness(sample: Sample, embedder: Embed, advance: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Cosines of pairs of questions, by what the two have in common.

    Returns:
        By category (`level 1, same document`, …; of level 3 those of one combination apart from those of others;
        `different documents`): the pairs looked at, mean, quantiles, a histogram from 0 to 1, and the most alike.

    Source: arXiv 2503.19551 compares the questions that its levels write from one document in the same way.
    """
    questions = sample.drawn
    pairs = {
        name: _within(groups, stream(sample.seed, name, 0), apart=apart) for name, groups, apart in _categories(sample)
    }
    pairs[DIFFERENT] = _across(questions, stream(sample.seed, DIFFERENT, 0))
    ends = sorted({int(place) for drawn in pairs.values() for place in drawn.ravel()})
    vectors = np.empty((0, 0), dtype=np.float32)
    parts = []
    for first in range(0, len(ends), _EMBED_BATCH):
        batch = ends[first : first + _EMBED_BATCH]
        parts.append(embedder.embed([questions[place].text for place in batch]))
        advance(len(batch))
    if parts:
        vectors = np.concatenate(parts)
    at = {place: row for row, place in enumerate(ends)}
    found: dict[str, Any] = {}
    for name, drawn in pairs.items():
        if not len(drawn):
            continue
        rows = np.array([[at[int(one)], at[int(other)]] for one, other in drawn])
        cosines = np.einsum("ij,ij->i", vectors[rows[:, 0]], vectors[rows[:, 1]]).astype(float)
        found[name] = {
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
                    "one": questions[drawn[place, 0]].text,
                    "other": questions[drawn[place, 1]].text,
                }
                for place in np.argsort(-cosines, kind="stable")[:3]
            ],
        }
    return found


def answers(rows: Iterable[AnsweredQuestion]) -> dict[str, Any]:
    """Agreement, verdicts and lengths of answers, as JSON values."""
    with_final, words, agreements = 0, Counter[int](), Counter[float]()
    verdicts: Counter[str] = Counter()
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
    voted = list(agreements.elements())
    return {
        "count": words.total(),
        "with_final_answer": with_final,
        "words": distribution(list(words.elements())),
        "agreement": {**distribution(voted), "histogram": histogram(voted, low=0, high=1, bins=20)}
        if voted
        else {"count": 0},
        "verdicts": dict(sorted(verdicts.items())),
        "least_agreement": [
            {"agreement": agreement, "id": identity, "question": text, "final_answer": final}
            for agreement, identity, text, final in sorted(doubtful)[:_LISTED]
        ],
    }


def _categories(sample: Sample) -> list[tuple[str, list[list[int]], Callable[[int, int], bool]]]:
    """Names, groups of places, and which pairs of a group count."""
    same_document: dict[int, dict[str, list[int]]] = {}
    same_combination: dict[str, list[int]] = {}
    combination_of = [question.combination_id for question in sample.drawn]
    for place, question in enumerate(sample.drawn):
        for document in dict.fromkeys(question.documents):
            if sample.is_drawn(question.level, document):
                same_document.setdefault(question.level, {}).setdefault(document, []).append(place)
        if question.combination_id:
            same_combination.setdefault(question.combination_id, []).append(place)

    def of_two_combinations(one: int, other: int) -> bool:
        return not combination_of[one] or combination_of[one] != combination_of[other]

    found = [
        (
            f"level {level}, same document" + (", other combination" if level == 3 else ""),
            list(groups.values()),
            of_two_combinations,
        )
        for level, groups in sorted(same_document.items())
    ]
    return [*found, (SAME_COMBINATION, list(same_combination.values()), lambda _one, _other: True)]


def _within(
    groups: Sequence[Sequence[int]], draws: np.random.Generator, *, apart: Callable[[int, int], bool]
) -> NDArray[np.int64]:
    """Pairs (drawn, 2) within groups that count, each once: all, or as many as are wanted.

    Each pair of a group is as likely as any; one that stands in two groups is drawn twice as often, and kept once.
    """
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    ends = np.cumsum(sizes * (sizes - 1) // 2)
    total = int(ends[-1]) if len(ends) else 0
    # Of many pairs some do not count; in four times as many as are wanted there are enough.
    few = total <= 4 * _MOST_PAIRS
    flat = np.arange(total) if few else np.unique(draws.integers(total, size=4 * _MOST_PAIRS))
    found: dict[tuple[int, int], None] = {}
    for number in draws.permutation(flat):
        group = int(np.searchsorted(ends, number, side="right"))
        inside = int(number - (ends[group - 1] if group else 0))
        # Pair number k of a group joins places i < j, where j * (j - 1) / 2 <= k.
        second = int((1 + (1 + 8 * inside) ** 0.5) / 2)
        second -= second * (second - 1) // 2 > inside
        one, other = sorted((groups[group][inside - second * (second - 1) // 2], groups[group][second]))
        if apart(one, other):
            found[one, other] = None
            if len(found) == _MOST_PAIRS:
                break
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


def _across(questions: Sequence[AnsweredQuestion], draws: np.random.Generator) -> NDArray[np.int64]:
    """Pairs (drawn, 2) of questions of different documents."""
    size = len(questions)
    if size < 2:
        return np.empty((0, 2), dtype=np.int64)
    tried = np.unique(np.sort(draws.integers(size, size=(2 * _MOST_PAIRS, 2)), axis=1), axis=0)
    pairs = [
        (one, other)
        for one, other in draws.permutation(tried)
        if one != other
        and questions[one].documents
        and questions[other].documents
        and not {*questions[one].documents} & {*questions[other].documents}
    ]
    return np.array(pairs[:_MOST_PAIRS], dtype=np.int64).reshape(-1, 2)
