"""Turn the scores of a judge into probabilities, with pairs whose truth the rules know.

The rules' pairs are half right by choice, while few candidates are. Therefore the share of right pairs among the
candidates is estimated from their own scores, and the probabilities are corrected for it.

Source: Platt, "Probabilistic outputs for support vector machines", 1999 (the logistic curve and its smoothed targets);
Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", 2002.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A judge that orders fewer of the known pairs rightly joins nothing: its probabilities of pairs that are harder than
# those of the rules are far too high (docs/figures/merging.md).
LEAST_AREA = 0.95
# So does a judge that more often gives another answer when the two names change places.
LEAST_AGREEMENT = 0.9
_STEPS = 100
_RIDGE = 1e-3
_BINS = 10
_LEAST_CHANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A logistic curve from scores (log odds) to the probability that two names have the same meaning.

    Attributes:
        slope: slope of the curve; 0 if the scores say nothing.
        intercept: intercept of the curve, where half of all pairs have the same meaning.
        same: number of known pairs with the same meaning.
        different: number of known pairs with different meanings.
        auc: area under the ROC curve on the known pairs.
        share: estimated share of pairs with the same meaning among the candidates.
    """

    slope: float
    intercept: float
    same: int
    different: int
    auc: float
    share: float

    def chances(self, scores: Floats) -> Floats:
        """Return the probabilities (pairs,) in (0, 1) of scores (pairs,)."""
        odds = np.log(self.share / (1 - self.share))
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * scores + self.intercept + odds, -50, 50))))


def calibrate(same: Floats, different: Floats, candidates: Floats) -> Calibration | None:
    """Fit the curve; None if no known pair has, or all have, the same meaning.

    Args:
        same: scores of known pairs with the same meaning.
        different: scores of known pairs with different meanings.
        candidates: scores of the pairs whose probabilities are wanted.
    """
    if not len(same) or not len(different):
        return None
    scores = np.concatenate([same, different])
    targets = np.concatenate(
        [np.full(len(same), (len(same) + 1) / (len(same) + 2)), np.full(len(different), 1 / (len(different) + 2))]
    )
    # Both kinds count equally, whatever their numbers are.
    weights = np.concatenate([np.full(len(same), 0.5 / len(same)), np.full(len(different), 0.5 / len(different))])
    slope, intercept = _fitted(scores, targets, weights * len(scores))
    even = Calibration(
        slope=max(0.0, slope),
        intercept=intercept if slope > 0 else 0.0,
        same=len(same),
        different=len(different),
        auc=area(same, different),
        share=0.5,
    )
    return replace(even, share=_share(even.chances(candidates))) if len(candidates) else even


def curve(same: Floats, different: Floats, calibration: Calibration) -> list[dict[str, float]]:
    """Return the reliability curve: per tenth of probability the pairs, their mean probability and the share right.

    Probabilities are those where half of the pairs have the same meaning, as among the known pairs.
    """
    chances = replace(calibration, share=0.5).chances(np.concatenate([same, different]))
    truth = np.concatenate([np.ones(len(same)), np.zeros(len(different))])
    bins = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    return [
        {
            "pairs": int((bins == number).sum()),
            "mean_probability": round(float(chances[bins == number].mean()), 4),
            "share_right": round(float(truth[bins == number].mean()), 4),
        }
        for number in range(_BINS)
        if (bins == number).any()
    ]


def _fitted(scores: Floats, targets: Floats, weights: Floats) -> tuple[float, float]:
    """Fit a logistic curve by Newton's method, with a small penalty on the slope."""
    features = np.stack([scores, np.ones(len(scores))], axis=1)
    penalty = np.diag([_RIDGE * len(scores), 1e-9])
    parameters = np.zeros(2)
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(features @ parameters, -50, 50)))
        gradient = features.T @ (weights * (targets - chances)) - penalty @ parameters
        curvature = (features * (weights * chances * (1 - chances))[:, None]).T @ features + penalty
        step = np.linalg.solve(curvature, gradient)
        parameters += step
        if np.abs(step).max() < 1e-9:
            break
    return float(parameters[0]), float(parameters[1])


def _share(chances: Floats) -> float:
    """Estimate the share of same pairs among candidates by expectation maximization (Saerens et al. 2002)."""
    limited = np.clip(chances, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    odds = limited / (1 - limited)
    share = 0.5
    for _ in range(_STEPS):
        posterior = share * odds / (share * odds + 1 - share)
        # One pair of each kind more keeps the share of few candidates from 0 and 1.
        share = float((posterior.sum() + 1) / (len(posterior) + 2))
    return share


def area(same: Floats, different: Floats) -> float:
    """Return the area under the ROC curve of scores: the share of pairs of both kinds that are ordered rightly."""
    below = np.searchsorted(np.sort(different), same, side="left")
    equal = np.searchsorted(np.sort(different), same, side="right") - below
    return float((below + equal / 2).mean() / len(different))
