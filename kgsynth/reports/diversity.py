"""Questions in figures: how long they are, how alike those of one document or combination are, how many stand twice."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.randomness import stream
from kgsynth.records import AnsweredQuestion, content_hash
from kgsynth.reports.structure import distribution, histogram

# Pairs drawn of each category: the standard error of a bin's share is then below .01.
_MOST_PAIRS = 5000
_LONGEST_WORDS = 150
_LISTED = 50
_COSINE_BINS = 50

DIFFERENT = "different documents"

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(slots=True)
class Sample:
    """Some of the questions: all of a document, or none, so that those of one document can be compared.

    Which documents are drawn depends on their ids and the seed alone.
    """

    seed: int
    share: Mapping[int, float]  # by level
    lengths: dict[int, list[int]] = field(default_factory=dict)
    characters: dict[int, list[int]] = field(default_factory=dict)
    grades: dict[int, dict[str, int]] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)
    of_combination: dict[str, int] = field(default_factory=dict)
    concepts: set[str] = field(default_factory=set)
    drawn: list[AnsweredQuestion] = field(default_factory=list)

    def add(self, question: AnsweredQuestion) -> None:
        """Count a question, and keep it when its document is drawn."""
        level = question.level
        self.lengths.setdefault(level, []).append(len(question.text.split()))
        self.characters.setdefault(level, []).append(len(question.text))
        grades = self.grades.setdefault(level, {})
        if question.grade:
            grades[question.grade] = grades.get(question.grade, 0) + 1
        if question.origin:
            self.origins[question.origin] = self.origins.get(question.origin, 0) + 1
        if question.combination_id:
            self.of_combination[question.combination_id] = self.of_combination.get(question.combination_id, 0) + 1
        self.concepts.update(question.concepts)
        own = question.documents[0] if question.documents else question.id
        if int(content_hash([self.seed, own])[:13], 16) / 16**13 < self.share.get(level, 1.0):
            self.drawn.append(question)


def figures(sample: Sample, *, embed: Embed | None, near: Callable[[Sequence[str]], int]) -> dict[str, Any]:
    """Lengths, kinds and likeness of questions, as JSON values.

    Args:
        sample: of the questions.
        embed: texts to unit rows; None to leave the likeness out.
        near: of some texts, how many are near duplicates of an earlier one.
    """
    texts = [question.text for question in sample.drawn]
    longest = min(_LONGEST_WORDS, max(20, *(max(words) for words in sample.lengths.values())))
    repeated = len(texts) - len({" ".join(text.casefold().split()) for text in texts})
    return {
        "count": sum(map(len, sample.lengths.values())),
        "levels": {
            str(level): {
                "count": len(words),
                "words": {
                    **distribution(words),
                    "histogram": histogram(words, low=0, high=longest, bins=longest),
                },
                "characters": distribution(sample.characters[level]),
                "grades": dict(sorted(sample.grades[level].items())),
            }
            for level, words in sorted(sample.lengths.items())
        },
        "origins": dict(sorted(sample.origins.items())),
        "concepts_claimed": len(sample.concepts),
        "sampled": len(texts),
        "repeated_share": repeated / max(1, len(texts)),
        "near_duplicate_share": near(texts) / max(1, len(texts)),
        "likeness": likeness(sample.drawn, embed, seed=sample.seed) if embed is not None and texts else {},
    }


def likeness(questions: Sequence[AnsweredQuestion], embed: Embed, *, seed: int) -> dict[str, Any]:
    """Cosines of pairs of questions, by what the two have in common.

    Returns:
        By category (`level 1, same document`, …, `level 3, same combination`, `different documents`): the number of
        pairs there are and were drawn, mean, quantiles, a histogram from 0 to 1, and the most alike.

    Source: the comparison of figure 4 of arXiv 2503.19551, where level 3 has the least alike questions.
    """
    vectors = embed([question.text for question in questions])
    found: dict[str, Any] = {}
    pairs = {name: _within(groups, stream(seed, name, 0)) for name, groups in _categories(questions).items()}
    pairs[DIFFERENT] = _across(questions, stream(seed, DIFFERENT, 0))
    for name, (drawn, total) in pairs.items():
        if not len(drawn):
            continue
        cosines = np.einsum("ij,ij->i", vectors[drawn[:, 0]], vectors[drawn[:, 1]]).astype(float)
        found[name] = {
            "pairs": total,
            "mean": float(cosines.mean()),
            "p10": float(np.quantile(cosines, 0.1)),
            "median": float(np.quantile(cosines, 0.5)),
            "p90": float(np.quantile(cosines, 0.9)),
            "over_95": float((cosines >= 0.95).mean()),
            "drawn": len(cosines),
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
    count, with_final, lengths, agreements = 0, 0, list[int](), list[float]()
    verdicts: dict[str, int] = {}
    doubtful: list[tuple[float, str, str, str]] = []
    for row in rows:
        count += 1
        with_final += bool(row.final_answer)
        lengths.append(len(row.answer.split()))
        if row.votes > 1:
            agreements.append(row.agreement)
            doubtful.append((row.agreement, row.id, row.text, row.final_answer))
            if len(doubtful) > 4 * _LISTED:
                doubtful = sorted(doubtful)[:_LISTED]
        if row.verdict:
            verdicts[row.verdict] = verdicts.get(row.verdict, 0) + 1
    return {
        "count": count,
        "with_final_answer": with_final,
        "words": distribution(lengths),
        "agreement": {**distribution(agreements), "histogram": histogram(agreements, low=0, high=1, bins=20)}
        if agreements
        else {"count": 0},
        "verdicts": dict(sorted(verdicts.items())),
        "least_agreement": [
            {"agreement": agreement, "id": identity, "question": text, "final_answer": final}
            for agreement, identity, text, final in sorted(doubtful)[:_LISTED]
        ],
    }


def _categories(questions: Sequence[AnsweredQuestion]) -> dict[str, list[list[int]]]:
    """Groups of places by what the questions of a group have in common."""
    same_document: dict[int, dict[str, list[int]]] = {}
    same_combination: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        for document in question.documents:
            same_document.setdefault(question.level, {}).setdefault(document, []).append(place)
        if question.combination_id:
            same_combination.setdefault(question.combination_id, []).append(place)
    found = {f"level {level}, same document": list(groups.values()) for level, groups in sorted(same_document.items())}
    return {**found, "level 3, same combination": list(same_combination.values())}


def _within(groups: Sequence[Sequence[int]], draws: np.random.Generator) -> tuple[NDArray[np.int64], int]:
    """Pairs (drawn, 2) within groups, each once: all, or as many as are wanted; and how many there are."""
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    ends = np.cumsum(sizes * (sizes - 1) // 2)
    total = int(ends[-1]) if len(ends) else 0
    flat = (
        np.arange(total)
        if total <= _MOST_PAIRS
        else np.unique(draws.integers(total, size=2 * _MOST_PAIRS))  # nearly all different
    )
    if len(flat) > _MOST_PAIRS:
        flat = np.sort(draws.permutation(flat)[:_MOST_PAIRS])
    pairs = np.empty((len(flat), 2), dtype=np.int64)
    for row, number in enumerate(flat):
        group = int(np.searchsorted(ends, number, side="right"))
        inside = int(number - (ends[group - 1] if group else 0))
        # Pair number k of a group joins place j with i < j, where j * (j - 1) / 2 <= k.
        second = int((1 + (1 + 8 * inside) ** 0.5) / 2)
        second -= second * (second - 1) // 2 > inside
        pairs[row] = groups[group][inside - second * (second - 1) // 2], groups[group][second]
    return pairs, total


def _across(questions: Sequence[AnsweredQuestion], draws: np.random.Generator) -> tuple[NDArray[np.int64], int]:
    """Pairs (drawn, 2) of questions that share no document, and how many pairs of any kind there are."""
    size = len(questions)
    if size < 2:
        return np.empty((0, 2), dtype=np.int64), 0
    tried = np.unique(np.sort(draws.integers(size, size=(2 * _MOST_PAIRS, 2)), axis=1), axis=0)
    pairs = [
        (one, other)
        for one, other in draws.permutation(tried)
        if one != other and not {*questions[one].documents} & {*questions[other].documents}
    ]
    return np.array(pairs[:_MOST_PAIRS], dtype=np.int64).reshape(-1, 2), size * (size - 1) // 2
