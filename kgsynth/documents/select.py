"""Models on vectors that select the documents of a domain, learned from examples or from ratings.

The paper uses random forests: first a classifier, then a regressor on the ratings. Cosine similarity to the centroid of
the examples and linear models are alternatives; docs/figures/filter.md compares them.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth.documents.latent_semantics import scikit_learn
from kgsynth.errors import ConfigError

Method = Literal["auto", "forest", "linear", "centroid"]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]

_TREES = 300
_LEAF = 2
_FOLDS = 5
_FEWEST = 2
# Simpler methods first.
_IN_ORDER = ("linear", "centroid", "forest")
# With fewer examples than this, out-of-sample ranks do not tell methods apart.
_FEW_EXAMPLES = 20
# With fewer examples than this and an estimated share over this, the centroid ranks best.
_FOR_CENTROID = ((20, 0.3), (50, 0.5))
# From this estimated share on, the cut is lowered while the expected precision suffices.
_LOWERED_FROM = 0.35
_PENALTY = 0.3
# The estimated share of the domain times this factor is left out of the draw; a minimum number of documents is kept.
_MARGIN = 1.2
_FEWEST_OUTSIDE = 20
_DOUBT = 0.1
_STEPS = 200
_MOST_OVER_BOUND = 1.5
_BATCH = 5_000
LOWEST, HIGHEST = 1.0, 10.0


class Rows(Protocol):
    """Vectors, in memory or on disk."""

    def __len__(self) -> int:
        """Return the number of documents."""

    def __getitem__(self, places: slice, /) -> Vectors:
        """Return vectors, float32 (documents, dimensions)."""


class Scorer(Protocol):
    """A model that scores documents."""

    def score(self, vectors: Vectors) -> Scores:
        """Return scores (documents,): probabilities of a classifier, or ratings from 1 to 10 of a regressor."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fitted model of ratings."""

    model: Any

    def score(self, vectors: Vectors) -> Scores:
        return np.clip(np.asarray(self.model.predict(vectors), dtype=float), LOWEST, HIGHEST)


@dataclass(frozen=True, slots=True)
class _Centroid:
    """Cosine similarity to a centroid, scaled linearly to ratings; `low` and `high` map to the lowest and highest."""

    centroid: NDArray[np.float32]
    low: float
    high: float

    def score(self, vectors: Vectors) -> Scores:
        cosines = np.asarray(vectors @ self.centroid, dtype=float)
        scaled = LOWEST + (cosines - self.low) / max(1e-9, self.high - self.low) * (HIGHEST - LOWEST)
        return np.clip(scaled, LOWEST, HIGHEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """A model of a domain learned from examples, with estimates of its quality.

    Attributes:
        scorer: the model; its scores are in [0, 1], from 0.5 for documents of the domain.
        method: name of the model's method.
        drawn_scores: float64 (drawn,), scores of the draw by models that were not trained on the scored document.
        share: estimated share of the domain in the draw; None if the draw is too small for an estimate.
        ranks: for each tried method, the mean share of the draw below an example that the model was not trained on. It
            is at most 1 - share / 2 and orders the methods as the true area under the ROC curve would.
        expected_recall: share of the domain over the cut, estimated from examples that a model was not trained on.
        expected_precision: share of the domain among documents over the cut; None if `share` is None.
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
    """Out-of-sample raw scores of the examples and of the draw."""

    examples: Scores
    drawn: Scores

    def ranks(self) -> Scores:
        """Return for each example the share of the draw with a lower score."""
        return np.searchsorted(np.sort(self.drawn), self.examples) / len(self.drawn)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A model whose raw scores are mapped to [0, 1] by a logistic function that is 0.5 at the cut."""

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
    recall: float = 0.88,
    precision: float = 0.99,
) -> ColdStart:
    """Return a model that separates a domain from the rest, learned from examples and an unlabelled draw of the corpus.

    Part of the draw belongs to the domain. A two-step method of learning from positive and unlabelled examples removes
    it: documents are ranked by the centroid of the examples, the best bin of that ranking bounds the share of the
    domain, and slightly more than that share is left out at the top. The model learns the rest as negatives. `auto`
    takes the method with the best out-of-sample ranking of the examples, or a simpler method within one standard error
    of it. With few examples this ranking is noise, and `auto` takes the method that is best on average (`_compared`).

    The cut is set so that `recall` of the out-of-sample examples are above it. Where the domain is a large share of the
    draw, it is lowered while the expected precision stays at least `precision`; elsewhere that expectation is too high.

    Source: Bekker & Davis, "Learning from positive and unlabeled data: a survey", 2020 (two-step methods); Garg et al.,
    "Mixture proportion estimation and PU learning: a modern approach", 2021 (the best bin, and leaving out the highest
    share); Ward et al., "Presence-only data and the EM algorithm", 2009 (the mixture); Breiman et al., "Classification
    and regression trees", 1984 (one standard error). Figures: docs/figures/filter.md.

    Args:
        positives: float32 (examples, dimensions), unit rows.
        drawn: float32 (drawn, dimensions), a random draw from the corpus.
        method: forest is the paper's method; auto selects one.
        seed: seed of folds and forests.
        recall: minimum expected share of the domain over the cut.
        precision: minimum expected precision at which the cut is lowered further.

    Raises:
        ConfigError: there are no examples, no draw, or too few of them for the method.
        MissingExtraError: scikit-learn is not installed.
    """
    if not len(positives) or not len(drawn):
        raise ConfigError(
            "a model of a domain needs examples and a draw from the corpus, and one of the two is empty",
            hint="Check the files of examples and of the corpus.",
        )
    fewest = min(len(positives), len(drawn))
    if fewest < _FEWEST and method in ("forest", "linear"):
        raise ConfigError(
            f"{len(positives)} examples and {len(drawn)} drawn documents are too few for the method {method}",
            hint=f"Give at least {_FEWEST} of both, or use --method centroid.",
        )
    centroid_scores = _unseen_by_centroid(positives, drawn)
    outside = _without_highest(centroid_scores)
    tried: dict[str, _Unseen] = {}
    for name in _compared(centroid_scores) if method == "auto" else (method,):
        if name == "centroid":
            tried[name] = centroid_scores
        elif fewest >= _FEWEST and len(outside) >= _FEWEST:
            tried[name] = _unseen_by_folds(positives, drawn, outside, name, seed)
    if not tried and method == "auto":
        tried["centroid"] = centroid_scores
    if not tried:
        raise ConfigError(
            f"{len(drawn)} drawn documents are too few for the method {method}", hint="Use --method centroid."
        )
    chosen = _simplest_of_best({name: unseen.ranks() for name, unseen in tried.items()})
    unseen = tried[chosen]
    raw = _centroid_of(positives) if chosen == "centroid" else _learned(positives, drawn[outside], chosen, seed)
    share = _share(unseen)
    cut, expected = _cut_of(unseen, share, recall=recall, precision=precision)
    spread = float(np.std(np.concatenate([unseen.examples, unseen.drawn])))
    scorer = _Cut(raw, cut, max(1e-6, spread))
    share_above = float((unseen.drawn >= cut).mean())
    return ColdStart(
        scorer=scorer,
        method=chosen,
        drawn_scores=scorer.bend(unseen.drawn),
        share=None if share is None else share.share,
        ranks={name: float(scores.ranks().mean()) for name, scores in tried.items()},
        expected_recall=expected,
        expected_precision=None
        if share is None
        else float(np.clip(share.share * expected / max(share_above, 1e-9), 0, 1)),
    )


def _compared(by_centroid: _Unseen) -> tuple[str, ...]:
    """Return the methods that `auto` compares, given the scores by the centroid.

    With few examples and a high share, the little that remains outside of the domain teaches no model, and the centroid
    is best. With fewer than 20 examples and a low share the linear model is (docs/figures/filter.md).
    """
    share = _share(by_centroid)
    count = len(by_centroid.examples)
    if share is not None and any(count < few and share.share > most for few, most in _FOR_CENTROID):
        return ("centroid",)
    return ("linear",) if count < _FEW_EXAMPLES else _IN_ORDER


def _centroid_of(positives: Vectors) -> Any:
    centroid = _unit(positives.mean(axis=0))
    return lambda vectors: np.asarray(vectors @ centroid, dtype=float)


def _unseen_by_centroid(positives: Vectors, drawn: Vectors) -> _Unseen:
    """Return cosines of each example to the centroid of the others, and of the draw to the centroid of all examples."""
    total = positives.sum(axis=0)
    others = total - positives if len(positives) > 1 else positives
    lengths = np.maximum(1e-12, np.linalg.norm(others, axis=1))
    cosines = np.asarray((positives * others).sum(axis=1) / lengths, dtype=float)
    return _Unseen(cosines, _centroid_of(positives)(drawn))


def _without_highest(unseen: _Unseen) -> NDArray[np.int64]:
    """Return the indices of the draw without the highest scores, slightly more than the share of the domain."""
    count = len(unseen.drawn)
    remaining = max(min(count, _FEWEST_OUTSIDE), count - round(_MARGIN * _share_bound(unseen) * count))
    return np.sort(np.argsort(unseen.drawn, kind="stable")[:remaining])


def _share_bound(unseen: _Unseen) -> float:
    """Return an upper bound of the domain's share: the minimum, over scores, of the draw's to the examples' tail.

    Source: Garg et al. 2021, algorithm 1.
    """
    thresholds = np.sort(unseen.examples)
    reached = 1 - np.arange(len(thresholds)) / len(thresholds)
    drawn = 1 - np.searchsorted(np.sort(unseen.drawn), thresholds) / len(unseen.drawn)
    margin = sum(math.sqrt(math.log(4 / _DOUBT) / 2 / size) for size in (len(thresholds), len(unseen.drawn)))
    best = int(np.argmin((drawn + margin) / reached))
    return float(min(1.0, drawn[best] / reached[best]))


def _unseen_by_folds(positives: Vectors, drawn: Vectors, outside: NDArray[np.int64], method: str, seed: int) -> _Unseen:
    rng = np.random.default_rng(seed % 2**32)
    folds = max(2, min(_FOLDS, len(positives), len(outside)))
    positive_folds, drawn_folds = rng.permutation(len(positives)) % folds, rng.permutation(len(drawn)) % folds
    # Negatives are spread evenly over the folds so that each fold has some to learn from.
    drawn_folds[outside] = rng.permutation(len(outside)) % folds
    is_outside = np.zeros(len(drawn), dtype=bool)
    is_outside[outside] = True
    unseen = _Unseen(np.empty(len(positives)), np.empty(len(drawn)))
    for fold in range(folds):
        raw = _learned(positives[positive_folds != fold], drawn[is_outside & (drawn_folds != fold)], method, seed)
        unseen.examples[positive_folds == fold] = raw(positives[positive_folds == fold])
        unseen.drawn[drawn_folds == fold] = raw(drawn[drawn_folds == fold])
    return unseen


def _learned(inside: Vectors, outside: Vectors, method: str, seed: int) -> Any:
    """Fit a classifier with equally weighted classes and return its function from vectors to raw scores (log odds)."""
    learn = scikit_learn()
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
    """Return the first method whose mean rank is within one standard error of the best method's."""
    best = max(ranks, key=lambda name: float(ranks[name].mean()))
    for name, method_ranks in ranks.items():
        difference = ranks[best] - method_ranks
        if difference.mean() <= difference.std() / math.sqrt(len(difference)):
            return name
    return best


@dataclass(frozen=True, slots=True)
class _Share:
    """The share of the domain in the draw, and the normal distribution of the domain's raw scores."""

    share: float
    mean: float
    deviation: float

    def above(self, cut: float) -> float:
        """Return the share of the draw that belongs to the domain and is over a cut."""
        return self.share * 0.5 * math.erfc((cut - self.mean) / self.deviation / math.sqrt(2))


def _share(unseen: _Unseen) -> _Share | None:
    """Fit a mixture of two normal distributions to the raw scores of the draw; the examples belong to one of them.

    If the domain is rare, its distribution absorbs the tail of the rest. Therefore the share is limited to 1.5 times
    the minimum ratio of the draw's to the examples' share above a score, over scores up to the median example.
    """
    examples, drawn = unseen.examples, unseen.drawn
    if len(examples) < 3 or len(drawn) < _FEWEST_OUTSIDE:
        return None
    thresholds = np.sort(examples)[: len(examples) // 2 + 1]
    ratios = [(drawn >= threshold).mean() / (examples >= threshold).mean() for threshold in thresholds]
    bound = float(min(1.0, *ratios))
    share, mean, deviation = bound, float(examples.mean()), float(examples.std()) + 1e-6
    rest_mean, rest_deviation = float(np.quantile(drawn, 0.2 if bound > 0.5 else 0.5)), float(drawn.std()) + 1e-6
    for _ in range(_STEPS):
        domain_density = share * _density(drawn, mean, deviation)
        probabilities = domain_density / (
            domain_density + (1 - share) * _density(drawn, rest_mean, rest_deviation) + 1e-300
        )
        share = float(np.clip(probabilities.mean(), 1e-6, 1 - 1e-6))
        weight = len(examples) + probabilities.sum()
        mean = float((examples.sum() + (probabilities * drawn).sum()) / weight)
        squares = ((examples - mean) ** 2).sum() + (probabilities * (drawn - mean) ** 2).sum()
        deviation = math.sqrt(squares / weight) + 1e-6
        rest_weight = (1 - probabilities).sum() + 1e-9
        rest_mean = float(((1 - probabilities) * drawn).sum() / rest_weight)
        rest_deviation = math.sqrt(((1 - probabilities) * (drawn - rest_mean) ** 2).sum() / rest_weight) + 1e-6
    return _Share(min(share, _MOST_OVER_BOUND * bound), mean, deviation)


def _density(values: Scores, mean: float, deviation: float) -> Scores:
    return np.asarray(np.exp(-(((values - mean) / deviation) ** 2) / 2) / deviation, dtype=float)


def _cut_of(unseen: _Unseen, share: _Share | None, *, recall: float, precision: float) -> tuple[float, float]:
    """Return the cut in raw scores, and the share of out-of-sample examples over it."""
    if len(unseen.examples) < 3:
        # Too few examples for a quantile: take the middle between the medians of examples and draw.
        cut = (float(np.median(unseen.examples)) + float(np.median(unseen.drawn))) / 2
    else:
        cut = float(np.quantile(unseen.examples, 1 - recall))
    if share is not None and share.share >= _LOWERED_FROM:
        thresholds = np.sort(unseen.drawn)
        drawn = 1 - np.arange(len(thresholds)) / len(thresholds)
        precise_enough = np.flatnonzero(
            np.array([share.above(threshold) for threshold in thresholds]) >= precision * drawn
        )
        if len(precise_enough):
            cut = min(cut, float(thresholds[precise_enough[0]]))
    return cut, float((unseen.examples >= cut).mean())


def from_ratings(vectors: Vectors, ratings: Scores, *, method: Method, seed: int) -> Scorer:
    """Return a model of ratings from 1 to 10.

    Args:
        vectors: float32 (documents, dimensions), unit rows.
        ratings: float64 (documents,).
        method: forest is the paper's method. auto selects it too, because the others shrink ratings towards the mean.
        seed: seed of the forest.

    Raises:
        ConfigError: there are fewer than two ratings.
        MissingExtraError: scikit-learn is not installed.
    """
    if len(ratings) < 2:
        raise ConfigError(f"{len(ratings)} ratings are too few for a model", hint="Rate at least 2 documents.")
    if method == "centroid":
        weights = np.maximum(0.0, ratings - np.median(ratings))
        nonzero_weights = weights if weights.sum() else np.ones(len(ratings))
        centroid = _unit((vectors * nonzero_weights[:, None]).sum(axis=0))
        cosines = vectors @ centroid
        slope, level = np.polyfit(cosines, ratings, 1) if np.ptp(cosines) > 0 else (1.0, float(ratings.mean()))
        slope = max(1e-3, float(slope))
        return _Centroid(centroid, (LOWEST - level) / slope, (HIGHEST - level) / slope)
    learn = scikit_learn()
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
    """Return the standard deviation of the trees' ratings (documents,); None if the model is no forest."""
    trees = getattr(getattr(scorer, "model", None), "estimators_", None)
    if trees is None:
        return None
    total, squares = np.zeros(len(vectors)), np.zeros(len(vectors))
    for tree in trees:
        ratings = tree.predict(vectors)
        total += ratings
        squares += ratings**2
    return np.asarray(np.sqrt(np.maximum(0.0, squares / len(trees) - (total / len(trees)) ** 2)), dtype=np.float64)


def scores(scorer: Scorer, vectors: Rows) -> Scores:
    """Return the scores of all rows; only a few blocks of vectors are in memory at a time.

    Blocks are scored in parallel. Within a block the trees are summed in their order, so that results repeat exactly.
    """
    all_scores = np.empty(len(vectors), dtype=float)

    def score_block(block: tuple[int, int]) -> None:
        first, last = block
        all_scores[first:last] = scorer.score(np.ascontiguousarray(vectors[first:last]))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(score_block, _blocks(len(vectors))):
            pass
    return all_scores


def _fitted_forest(forest: Any, vectors: Vectors, values: NDArray[Any]) -> Any:
    """Fit a forest on all cores and set it to score on one core.

    With several threads the trees would be summed in the order in which the threads end, which changes the last bits.
    """
    forest.fit(vectors, values)
    forest.n_jobs = 1
    return forest


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, _BATCH):
        yield first, min(count, first + _BATCH)


def _unit(vector: Any) -> NDArray[np.float32]:
    return np.asarray(vector / max(1e-12, float(np.linalg.norm(vector))), dtype=np.float32)
