"""Which documents belong to a domain: models on their vectors, from examples or from ratings.

The paper's are random forests: a classifier to begin with, a regressor on the ratings. Plain cosine to the examples'
centroid and linear models stand beside them; EXPERIMENTS.md says which is best when.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import ConfigError, MissingExtraError

Method = Literal["auto", "forest", "linear", "centroid"]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]

_TREES = 300
_LEAF = 2
_FOLDS = 5
_FEWEST = 2
# Of the simpler methods first.
_IN_ORDER = ("linear", "centroid", "forest")
_PENALTY = 0.3
# So much more than the share of the domain is left out of the draw, and so many documents stay at least.
_MARGIN = 1.2
_FEWEST_OUTSIDE = 20
_DOUBT = 0.1
_STEPS = 200
_MOST_OVER_BOUND = 1.5
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
    """A fitted model of ratings."""

    model: Any

    def score(self, vectors: Vectors) -> Scores:
        return np.clip(np.asarray(self.model.predict(vectors), dtype=float), LOWEST, HIGHEST)


@dataclass(frozen=True, slots=True)
class _Centroid:
    """Cosine to a centroid, made a rating by two cosines that stand for the lowest and the highest."""

    centroid: NDArray[np.float32]
    low: float
    high: float

    def score(self, vectors: Vectors) -> Scores:
        cosines = np.asarray(vectors @ self.centroid, dtype=float)
        scaled = LOWEST + (cosines - self.low) / max(1e-9, self.high - self.low) * (HIGHEST - LOWEST)
        return np.clip(scaled, LOWEST, HIGHEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """A model of a domain from examples, and what is known of it.

    Attributes:
        scorer: the model: a score in [0, 1], .5 or more for what belongs.
        method: which model it is.
        drawn_scores: float64 (drawn,), the scores of the draw by models that did not see it as what does not belong.
        share: estimated share of the domain in the draw; None where the draw is too small to tell.
        ranks: by method that was tried, the share of the draw that an example ranks above on average when the model
            has not seen the example. It is at most 1 - share / 2, and orders the methods as the area under the true
            curve would.
        expected_recall: share of the domain over the cut, by the examples that a model has not seen.
        expected_precision: share of what is over the cut that belongs; None where `share` is.
    """

    scorer: Scorer
    method: str
    drawn_scores: Scores
    share: float | None
    ranks: dict[str, float]
    expected_recall: float
    expected_precision: float | None


@dataclass(frozen=True, slots=True)
class _Unseen:
    """Raw scores by models that have not seen what they score: of the examples, and of the draw."""

    examples: Scores
    drawn: Scores

    def ranks(self) -> Scores:
        """The share of the draw that each example ranks above."""
        return np.searchsorted(np.sort(self.drawn), self.examples) / len(self.drawn)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A model whose raw scores are bent so that the cut is .5; their order stays."""

    raw: Any  # vectors to raw scores
    cut: float
    scale: float

    def score(self, vectors: Vectors) -> Scores:
        return self.bend(self.raw(vectors))

    def bend(self, raw: Scores) -> Scores:
        return np.asarray(1 / (1 + np.exp(-np.clip((raw - self.cut) / self.scale, -50, 50))), dtype=float)


def from_examples(
    positives: Vectors,
    drawn: Vectors,
    *,
    method: Method = "auto",
    seed: int,
    recall: float = 0.85,
    precision: float = 0.98,
) -> ColdStart:
    """A model that tells a domain from the rest by examples and an unlabelled draw from the corpus.

    Some of the draw belongs to the domain, perhaps most of it. So the examples' centroid ranks the draw first, the
    share of the domain is bounded by the best bin of that ranking, and what ranks highest, somewhat more than that
    share, is left out before a model learns the rest as what does not belong (a two-step method of learning from
    positive and unlabelled examples). Where no method is given, that is taken whose ranking of unseen examples is
    best; a simpler one where the difference is within one standard error.

    The cut lies where `recall` of the examples are reached that a model has not seen, or lower, as long as `precision`
    is expected.

    Source: Bekker & Davis, "Learning from positive and unlabeled data: a survey", 2020 (two-step methods); Garg et al.,
    "Mixture proportion estimation and PU learning: a modern approach", 2021 (the best bin, and leaving out the highest
    share); Ward et al., "Presence-only data and the EM algorithm", 2009 (the mixture); Breiman et al., "Classification
    and regression trees", 1984 (one standard error). Figures: EXPERIMENTS.md.

    Args:
        positives: float32 (examples, dimensions), unit rows.
        drawn: float32 (drawn, dimensions), a draw from the corpus.
        method: forest is the paper's; auto chooses.
        seed: of folds and forests.
        recall: expected share of the domain over the cut, at least.
        precision: where so much is expected the cut goes lower.

    Raises:
        ConfigError: there are no examples, no draw, or too few for the method; MissingExtraError: scikit-learn is not
        installed.
    """
    if not len(positives) or not len(drawn):
        raise ConfigError("a model of a domain needs examples of it and a draw from the corpus")
    fewest = min(len(positives), len(drawn))
    if fewest < _FEWEST and method in ("forest", "linear"):
        raise ConfigError(
            f"{len(positives)} examples and {len(drawn)} drawn documents make no {method}",
            hint=f"Give {_FEWEST} or more of both, or --method centroid.",
        )
    near = _unseen_by_centroid(positives, drawn)
    outside = _without_highest(near)
    tried: dict[str, _Unseen] = {}
    for name in _IN_ORDER if method == "auto" else (method,):
        if name == "centroid":
            tried[name] = near
        elif fewest >= _FEWEST and len(outside) >= _FEWEST:
            tried[name] = _unseen_by_folds(positives, drawn, outside, name, seed)
    if not tried:
        raise ConfigError(f"{len(drawn)} drawn documents make no {method}", hint="Give --method centroid.")
    chosen = _simplest_of_best({name: unseen.ranks() for name, unseen in tried.items()})
    unseen = tried[chosen]
    raw = _centroid_of(positives) if chosen == "centroid" else _learned(positives, drawn[outside], chosen, seed)
    share = _share(unseen)
    cut, expected = _cut_of(unseen, share, recall=recall, precision=precision)
    spread = float(np.std(np.concatenate([unseen.examples, unseen.drawn])))
    bent = _Cut(raw, cut, max(1e-6, spread))
    above = float((unseen.drawn >= cut).mean())
    return ColdStart(
        scorer=bent,
        method=chosen,
        drawn_scores=bent.bend(unseen.drawn),
        share=None if share is None else share.share,
        ranks={name: float(one.ranks().mean()) for name, one in tried.items()},
        expected_recall=expected,
        expected_precision=None if share is None else float(np.clip(share.above(cut) / max(above, 1e-9), 0, 1)),
    )


def _centroid_of(positives: Vectors) -> Any:
    centroid = _unit(positives.mean(axis=0))
    return lambda vectors: np.asarray(vectors @ centroid, dtype=float)


def _unseen_by_centroid(positives: Vectors, drawn: Vectors) -> _Unseen:
    """Cosines: of each example to the centroid of the others, of the draw to that of all."""
    total = positives.sum(axis=0)
    others = total - positives if len(positives) > 1 else positives
    lengths = np.maximum(1e-12, np.linalg.norm(others, axis=1))
    own = np.asarray((positives * others).sum(axis=1) / lengths, dtype=float)
    return _Unseen(own, _centroid_of(positives)(drawn))


def _without_highest(unseen: _Unseen) -> NDArray[np.int64]:
    """The places of the draw without those that rank highest, somewhat more than the share of the domain."""
    count = len(unseen.drawn)
    left = max(min(count, _FEWEST_OUTSIDE), count - round(_MARGIN * _share_bound(unseen) * count))
    return np.sort(np.argsort(unseen.drawn, kind="stable")[:left])


def _share_bound(unseen: _Unseen) -> float:
    """The share of the domain by the best bin: the least ratio of the draw to the examples over a score, with a margin.

    Source: Garg et al. 2021, algorithm 1.
    """
    at = np.sort(unseen.examples)
    reached = 1 - np.arange(len(at)) / len(at)
    drawn = 1 - np.searchsorted(np.sort(unseen.drawn), at) / len(unseen.drawn)
    margin = sum(math.sqrt(math.log(4 / _DOUBT) / 2 / size) for size in (len(at), len(unseen.drawn)))
    best = int(np.argmin((drawn + margin) / reached))
    return float(min(1.0, drawn[best] / reached[best]))


def _unseen_by_folds(positives: Vectors, drawn: Vectors, outside: NDArray[np.int64], method: str, seed: int) -> _Unseen:
    rng = np.random.default_rng(seed % 2**32)
    folds = max(2, min(_FOLDS, len(positives), len(outside)))
    own, other = rng.permutation(len(positives)) % folds, rng.permutation(len(drawn)) % folds
    # Each fold leaves some of what is outside to learn from.
    other[outside] = rng.permutation(len(outside)) % folds
    is_outside = np.zeros(len(drawn), dtype=bool)
    is_outside[outside] = True
    found = _Unseen(np.empty(len(positives)), np.empty(len(drawn)))
    for fold in range(folds):
        raw = _learned(positives[own != fold], drawn[is_outside & (other != fold)], method, seed)
        found.examples[own == fold] = raw(positives[own == fold])
        found.drawn[other == fold] = raw(drawn[other == fold])
    return found


def _learned(inside: Vectors, outside: Vectors, method: str, seed: int) -> Any:
    """A model of two classes of equal weight as a function from vectors to raw scores (log odds)."""
    learn = _sklearn()
    vectors = np.concatenate([inside, outside])
    labels = np.concatenate([np.ones(len(inside), dtype=int), np.zeros(len(outside), dtype=int)])
    if method == "linear":
        linear = learn.linear_model.LogisticRegression(C=_PENALTY, class_weight="balanced", max_iter=1000)
        linear.fit(vectors, labels)
        return lambda rows: np.asarray(linear.decision_function(rows), dtype=float)
    forest = learn.ensemble.RandomForestClassifier(
        n_estimators=_TREES,
        min_samples_leaf=_LEAF,
        max_features="sqrt",
        class_weight="balanced_subsample",
        random_state=seed % 2**32,
        n_jobs=-1,
    )
    _fitted_forest(forest, vectors, labels)

    def log_odds(rows: Vectors) -> Scores:
        chances = np.clip(forest.predict_proba(rows)[:, 1], 1e-3, 1 - 1e-3)
        return np.asarray(np.log(chances / (1 - chances)), dtype=float)

    return log_odds


def _simplest_of_best(ranks: dict[str, Scores]) -> str:
    """The first method whose mean rank is within one standard error of the best one's."""
    best = max(ranks, key=lambda name: float(ranks[name].mean()))
    for name, own in ranks.items():
        behind = ranks[best] - own
        if behind.mean() <= behind.std() / math.sqrt(len(behind)):
            return name
    return best


@dataclass(frozen=True, slots=True)
class _Share:
    """The share of the domain in the draw, and the normal distribution of its raw scores."""

    share: float
    mean: float
    deviation: float

    def above(self, cut: float) -> float:
        """The share of the draw that belongs and is over a cut."""
        return self.share * 0.5 * math.erfc((cut - self.mean) / self.deviation / math.sqrt(2))


def _share(unseen: _Unseen) -> _Share | None:
    """Two normal distributions fitted to the raw scores of the draw, one of them held by the examples too.

    Where the domain is rare its distribution takes in the tail of the rest. So the share is at most 1.5 times the
    ratio of draw to examples over the median example.
    """
    own, drawn = unseen.examples, unseen.drawn
    if len(own) < 3 or len(drawn) < _FEWEST_OUTSIDE:
        return None
    at = np.sort(own)[: len(own) // 2 + 1]
    ratios = [(drawn >= one).mean() / (own >= one).mean() for one in at]
    bound = float(min(1.0, *ratios))
    share, mean, deviation = bound, float(own.mean()), float(own.std()) + 1e-6
    rest, spread = float(np.quantile(drawn, 0.2 if bound > 0.5 else 0.5)), float(drawn.std()) + 1e-6
    for _ in range(_STEPS):
        inside = share * _density(drawn, mean, deviation)
        belongs = inside / (inside + (1 - share) * _density(drawn, rest, spread) + 1e-300)
        share = float(np.clip(belongs.mean(), 1e-6, 1 - 1e-6))
        weight = len(own) + belongs.sum()
        mean = float((own.sum() + (belongs * drawn).sum()) / weight)
        squares = ((own - mean) ** 2).sum() + (belongs * (drawn - mean) ** 2).sum()
        deviation = math.sqrt(squares / weight) + 1e-6
        left = (1 - belongs).sum() + 1e-9
        rest = float(((1 - belongs) * drawn).sum() / left)
        spread = math.sqrt(((1 - belongs) * (drawn - rest) ** 2).sum() / left) + 1e-6
    return _Share(min(share, _MOST_OVER_BOUND * bound), mean, deviation)


def _density(values: Scores, mean: float, deviation: float) -> Scores:
    return np.asarray(np.exp(-(((values - mean) / deviation) ** 2) / 2) / deviation, dtype=float)


def _cut_of(unseen: _Unseen, share: _Share | None, *, recall: float, precision: float) -> tuple[float, float]:
    """Where the raw cut lies, and the share of unseen examples over it."""
    if len(unseen.examples) < 3:
        # Nothing tells how unseen examples score: the middle between examples and draw.
        cut = (float(np.median(unseen.examples)) + float(np.median(unseen.drawn))) / 2
    else:
        cut = float(np.quantile(unseen.examples, 1 - recall))
    if share is not None:
        at = np.sort(unseen.drawn)
        drawn = 1 - np.arange(len(at)) / len(at)
        enough = np.flatnonzero(np.array([share.above(one) for one in at]) >= precision * drawn)
        if len(enough):
            cut = min(cut, float(at[enough[0]]))
    return cut, float((unseen.examples >= cut).mean())


def from_ratings(vectors: Vectors, ratings: Scores, *, method: Method, seed: int) -> Scorer:
    """A model of ratings from 1 to 10.

    Args:
        vectors: float32 (documents, dimensions), unit rows.
        ratings: float64 (documents,).
        method: forest is the paper's, and what auto takes: the others shrink to the mean.
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
        return _Centroid(centroid, (LOWEST - level) / slope, (HIGHEST - level) / slope)
    learn = _sklearn()
    if method == "linear":
        return _Fitted(learn.linear_model.RidgeCV(alphas=np.logspace(-3, 3, 13)).fit(vectors, ratings))
    forest = learn.ensemble.RandomForestRegressor(
        n_estimators=_TREES,
        min_samples_leaf=_LEAF,
        max_features=1 / 3,
        random_state=seed % 2**32,
        n_jobs=-1,
    )
    return _Fitted(_fitted_forest(forest, vectors, ratings))


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


def _fitted_forest(forest: Any, vectors: Vectors, values: NDArray[Any]) -> Any:
    """A forest that was fitted on all cores and scores on one: threads add up trees in the order in which they end."""
    forest.fit(vectors, values)
    forest.n_jobs = 1
    return forest


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, _BATCH):
        yield first, min(count, first + _BATCH)


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
