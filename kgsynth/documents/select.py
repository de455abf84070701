"""Which documents belong to a domain: models on their vectors, from examples or from ratings.

The paper's are random forests: a classifier to begin with, a regressor on the ratings. Plain cosine to the examples'
centroid and linear models stand beside them; EXPERIMENTS.md says which is best when.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import ConfigError, MissingExtraError

Method = Literal["forest", "linear", "centroid"]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]

_TREES = 300
_LEAF = 2
_FOLDS = 5
_FEWEST = 2
_REACHED = 0.9
_BATCH = 5_000
LOWEST, HIGHEST = 1.0, 10.0


class Rows(Protocol):
    """Vectors, in memory or not."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, places: slice, /) -> Vectors:
        """float32 (documents, dimensions)."""


class Scorer(Protocol):
    """A model of documents."""

    def score(self, vectors: Vectors) -> Scores:
        """Scores (documents,): chances in [0, 1] of a classifier, ratings from 1 to 10 of a regressor."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fitted model and what makes scores of what it says."""

    model: Any
    is_classifier: bool
    cut: float = 0.5

    def score(self, vectors: Vectors) -> Scores:
        if self.is_classifier:
            return _with_cut(np.asarray(self.model.predict_proba(vectors)[:, 1], dtype=float), self.cut)
        return np.clip(np.asarray(self.model.predict(vectors), dtype=float), LOWEST, HIGHEST)


@dataclass(frozen=True, slots=True)
class _Centroid:
    """Cosine to the mean of examples, made a score by two cosines that stand for the lowest and the highest."""

    centroid: NDArray[np.float32]
    low: float
    high: float
    range: tuple[float, float]

    def score(self, vectors: Vectors) -> Scores:
        cosines = np.asarray(vectors @ self.centroid, dtype=float)
        least, most = self.range
        scaled = least + (cosines - self.low) / max(1e-9, self.high - self.low) * (most - least)
        return np.clip(scaled, least, most)


def from_examples(positives: Vectors, negatives: Vectors, *, method: Method, seed: int) -> tuple[Scorer, Scores]:
    """A model that tells examples of the domain from a random draw: a score in [0, 1], over .5 for what belongs.

    What a classifier calls a chance is far too low where examples are few. So the score is bent: .5 is what nine of ten
    examples reach when the model has not seen them (five folds, fewer where there are fewer examples). The centroid's
    .5 is the middle between the medians of examples and draw.

    Args:
        positives: float32 (examples, dimensions), unit rows.
        negatives: a draw from the corpus; some of it may belong to the domain.
        method: forest is the paper's.
        seed: of the forest.

    Returns:
        The model, and the scores of the draw by models that did not see them as what does not belong.

    Raises:
        ConfigError: there are no examples on one of the sides, or too few; MissingExtraError: scikit-learn is not
        installed.
    """
    if not len(positives) or not len(negatives):
        raise ConfigError("a model of a domain needs examples of it and a draw from the corpus")
    fewest = min(len(positives), len(negatives))
    if method != "centroid" and fewest < _FEWEST:
        raise ConfigError(
            f"{len(positives)} examples and {len(negatives)} drawn documents make no {method}",
            hint=f"Give {_FEWEST} or more of both, or --method centroid.",
        )
    if method == "centroid":
        centroid = _unit(positives.mean(axis=0))
        inside, outside = positives @ centroid, negatives @ centroid
        # The middle between both medians is a chance of one half.
        middle = (float(np.median(inside)) + float(np.median(outside))) / 2
        reach = max(1e-3, float(np.median(inside)) - middle)
        near = _Centroid(centroid, middle - reach, middle + reach, (0.0, 1.0))
        return near, near.score(negatives)
    vectors = np.concatenate([positives, negatives])
    labels = np.concatenate([np.ones(len(positives), dtype=int), np.zeros(len(negatives), dtype=int)])
    learn = _sklearn()
    if method == "forest":
        model = learn.ensemble.RandomForestClassifier(
            n_estimators=_TREES,
            min_samples_leaf=_LEAF,
            max_features="sqrt",
            class_weight="balanced_subsample",
            random_state=seed % 2**32,
            n_jobs=-1,
        )
    else:
        model = learn.linear_model.LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
    folds = learn.model_selection.StratifiedKFold(min(_FOLDS, fewest), shuffle=True, random_state=seed % 2**32)
    unseen = np.empty(len(vectors))
    for seen, others in folds.split(vectors, labels):
        own = _fitted(learn.base.clone(model).fit(vectors[seen], labels[seen]), is_classifier=True)
        unseen[others] = own.model.predict_proba(vectors[others])[:, 1]
    cut = float(np.quantile(unseen[labels == 1], 1 - _REACHED))
    fitted = _fitted(model.fit(vectors, labels), is_classifier=True)
    return _Fitted(fitted.model, is_classifier=True, cut=cut), _with_cut(unseen[labels == 0], cut)


def from_ratings(vectors: Vectors, ratings: Scores, *, method: Method, seed: int) -> Scorer:
    """A model of ratings from 1 to 10.

    Args:
        vectors: float32 (documents, dimensions), unit rows.
        ratings: float64 (documents,).
        method: forest is the paper's.
        seed: of the forest.

    Raises:
        ConfigError: there are fewer than two ratings; MissingExtraError: scikit-learn is not installed.
    """
    if len(ratings) < 2:
        raise ConfigError(f"{len(ratings)} ratings make no model", hint="Rate more documents.")
    if method == "centroid":
        weights = np.maximum(0.0, ratings - np.median(ratings))
        chosen = weights if weights.sum() else np.ones(len(ratings))
        centroid = _unit((vectors * chosen[:, None]).sum(axis=0))
        cosines = vectors @ centroid
        slope, level = np.polyfit(cosines, ratings, 1) if np.ptp(cosines) > 0 else (1.0, float(ratings.mean()))
        slope = max(1e-3, float(slope))
        return _Centroid(centroid, (LOWEST - level) / slope, (HIGHEST - level) / slope, (LOWEST, HIGHEST))
    learn = _sklearn()
    if method == "forest":
        model = learn.ensemble.RandomForestRegressor(
            n_estimators=_TREES,
            min_samples_leaf=_LEAF,
            max_features=1 / 3,
            random_state=seed % 2**32,
            n_jobs=-1,
        )
    else:
        model = learn.linear_model.RidgeCV(alphas=np.logspace(-3, 3, 13))
    return _fitted(model.fit(vectors, ratings), is_classifier=False)


def doubts(scorer: Scorer, vectors: Vectors) -> Scores | None:
    """How far the trees of a forest of ratings are apart, as their standard deviation (documents,); None: no forest."""
    trees = getattr(getattr(scorer, "model", None), "estimators_", None)
    if trees is None:
        return None
    total, squares = np.zeros(len(vectors)), np.zeros(len(vectors))
    for tree in trees:
        said = tree.predict(vectors)
        total += said
        squares += said**2
    return np.asarray(np.sqrt(np.maximum(0.0, squares / len(trees) - (total / len(trees)) ** 2)), dtype=np.float64)


def scores(scorer: Scorer, vectors: Rows) -> Scores:
    """Scores of all rows, a few blocks in memory at a time.

    Blocks go to the cores; within one the trees are summed in their order, so that the last bit repeats too.
    """
    found = np.empty(len(vectors), dtype=float)

    def one(block: tuple[int, int]) -> None:
        first, last = block
        found[first:last] = scorer.score(np.ascontiguousarray(vectors[first:last]))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(one, _blocks(len(vectors))):
            pass
    return found


def _fitted(model: Any, *, is_classifier: bool) -> _Fitted:
    if hasattr(model, "n_jobs"):
        # Its threads add up trees in the order in which they end.
        model.n_jobs = 1
    return _Fitted(model, is_classifier)


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, _BATCH):
        yield first, min(count, first + _BATCH)


def _with_cut(chances: Scores, cut: float) -> Scores:
    """Chances bent so that the cut is .5; their order stays."""
    cut = min(max(cut, 1e-6), 1 - 1e-6)
    return np.where(chances < cut, 0.5 * chances / cut, 0.5 + 0.5 * (chances - cut) / (1 - cut))


def _unit(vector: Any) -> NDArray[np.float32]:
    return np.asarray(vector / max(1e-12, float(np.linalg.norm(vector))), dtype=np.float32)


def _sklearn() -> Any:
    try:
        import sklearn
        import sklearn.base
        import sklearn.ensemble
        import sklearn.linear_model
        import sklearn.model_selection
    except ImportError as error:
        raise MissingExtraError("scikit-learn is not installed", hint="pip install 'kgsynth[filter]'") from error
    return sklearn
