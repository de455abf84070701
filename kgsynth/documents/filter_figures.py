"""Figures of a filter: agreement of ratings, changes by a round, uncertainty of a model, distribution of scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.documents import quality, select
from kgsynth.documents.embedded_corpus import Corpus
from kgsynth.settings import FilterSettings

_SHOWN = 10
_BINS = 36
# Number of evenly spaced documents on which the uncertainty is measured.
_DOUBT_SAMPLE = 20_000
_TENTH = 0.1


def agreement(
    vectors: NDArray[np.float32],
    values: NDArray[np.float64],
    held: NDArray[np.bool_],
    settings: FilterSettings,
    *,
    seed: int,
) -> dict[str, Any]:
    """Return how a model of the other ratings agrees with the held-back ratings; only their number if too few."""
    if held.sum() < 2 or (~held).sum() < 2:
        return {"held_back": int(held.sum())}
    model = select.from_ratings(vectors[~held], values[~held], method=settings.method, seed=seed)
    predicted = model.score(vectors[held])
    return {
        "held_back": int(held.sum()),
        "mean_error": float(np.abs(predicted - values[held]).mean()),
        "correlation": _correlation(predicted, values[held]),
        "same_side": float(((predicted > settings.min_score) == (values[held] > settings.min_score)).mean()),
    }


def aspects(
    said: Sequence[Mapping[str, int]], names: Sequence[str], values: NDArray[np.float64]
) -> dict[str, dict[str, float | None]]:
    """Return for each rated aspect its mean, how often it is the lowest, and its correlation with the score."""
    table = np.array([[row[aspect] for aspect in names] for row in said], dtype=float)
    lowest = table == table.min(axis=1, keepdims=True)
    return {
        aspect: {
            "mean": float(table[:, column].mean()),
            "lowest_share": float(lowest[:, column].mean()),
            "correlation": _correlation(table[:, column], values),
        }
        for column, aspect in enumerate(names)
    }


def doubt(model: select.Scorer, corpus: Corpus, scores: NDArray[np.float64], cut: float) -> dict[str, Any]:
    """Return the documents of which a model is least certain, and the text feature that correlates with it most.

    The uncertainty is the standard deviation of the predictions of a forest's trees, in points of the rating. For other
    models it is the negative distance to the cut.
    """
    sample = np.unique(np.linspace(0, len(corpus) - 1, min(len(corpus), _DOUBT_SAMPLE)).round().astype(np.int64))
    doubt = select.doubts(model, corpus[sample])
    kind = "spread of the trees"
    if doubt is None:
        doubt, kind = -np.abs(scores[sample] - cut), "nearness to the cut"
    features: dict[str, Any] = {}
    surface = corpus[sample][:, -len(quality.SURFACE) :]
    for column, name in enumerate(quality.SURFACE):
        order = np.argsort(surface[:, column], kind="stable")
        tenth_size = max(1, round(_TENTH * len(order)))
        features[name] = {
            "correlation": _correlation(_ranks(surface[:, column]), _ranks(doubt)),
            "of_the_least_tenth": float(doubt[order[:tenth_size]].mean()),
            "of_the_most_tenth": float(doubt[order[-tenth_size:]].mean()),
        }
    most_doubtful = np.argsort(-doubt, kind="stable")[:_SHOWN]
    return {
        "kind": kind,
        "mean": float(doubt.mean()),
        "features": features,
        "most_doubtful_feature": max(
            (name for name in features if features[name]["correlation"] is not None),
            key=lambda name: abs(features[name]["correlation"]),
            default=None,
        ),
        "documents": [
            {**document, "doubt": round(float(doubt[row]), 3)}
            for row, document in zip(most_doubtful, _list_documents(corpus, scores, sample[most_doubtful]), strict=True)
        ],
    }


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the ranks of values; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=np.float64)


def _correlation(first: NDArray[Any], second: NDArray[Any]) -> float | None:
    """Return Pearson's correlation; None if one of the two is constant."""
    return float(np.corrcoef(first, second)[0, 1]) if np.std(first) * np.std(second) > 0 else None


def changes(
    corpus: Corpus,
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    previous_scores: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> dict[str, Any]:
    """Return what a round added and removed, with the documents of the clearest scores."""
    added, removed = np.flatnonzero(after & ~before), np.flatnonzero(before & ~after)
    examples = {
        "added_documents": added[np.argsort(-scores[added], kind="stable")][:_SHOWN],
        "removed_documents": removed[np.argsort(scores[removed], kind="stable")][:_SHOWN],
    }
    return {
        "added": len(added),
        "removed": len(removed),
        **{
            name: [
                {**document, "before": round(float(previous_scores[index]), 3)}
                for index, document in zip(indices, _list_documents(corpus, scores, indices), strict=True)
            ]
            for name, indices in examples.items()
        },
    }


def shape(corpus: Corpus, scores: NDArray[np.float64], cut: float, highest: float) -> dict[str, Any]:
    """Return the distribution of scores, and the documents just above and below the cut."""
    lowest = 0.0 if highest == 1.0 else select.LOWEST
    numbers, edges = np.histogram(scores, bins=_BINS, range=(lowest, highest))
    order = np.argsort(scores, kind="stable")
    middle = int(np.searchsorted(scores[order], cut, side="left" if highest == 1.0 else "right"))
    return {
        "scores": {"edges": [float(edge) for edge in edges], "documents": [int(edge) for edge in numbers]},
        "just_above": _list_documents(corpus, scores, order[middle : middle + _SHOWN]),
        "just_below": _list_documents(corpus, scores, order[max(0, middle - _SHOWN) : middle][::-1]),
    }


def _list_documents(corpus: Corpus, scores: NDArray[np.float64], indices: NDArray[np.int64]) -> list[dict[str, Any]]:
    return [
        {"id": identity, "title": title, "score": round(float(scores[index]), 3)}
        for index, (identity, title) in zip(indices, corpus.names(indices), strict=True)
    ]
