"""Probabilities from a judge's scores."""

import numpy as np
import pytest

from kgsynth.concepts.calibration import calibrate, curve


def scores_of(center: float, count: int, seed: int) -> np.ndarray:
    """Scores around a center, with a deviation of 1."""
    return np.random.default_rng(seed).normal(center, 1, size=count)


def test_a_curve_that_fits_gives_the_true_probabilities() -> None:
    """Two normal distributions a distance of 2 apart: the log odds are twice the score."""
    made = calibrate(scores_of(1, 20_000, 1), scores_of(-1, 20_000, 2), np.empty(0))
    assert made is not None
    assert made.slope == pytest.approx(2, abs=0.1)
    assert made.intercept == pytest.approx(0, abs=0.1)
    assert made.auc == pytest.approx(0.921, abs=0.01)  # P(N(2, sqrt 2) > 0)


def test_the_share_of_candidates_is_estimated_and_used() -> None:
    """A score that is even among the known pairs is improbable where one pair in ten is the same."""
    candidates = np.concatenate([scores_of(1.5, 500, 3), scores_of(-1.5, 4_500, 4)])
    made = calibrate(scores_of(1.5, 500, 5), scores_of(-1.5, 500, 6), candidates)
    assert made is not None
    assert made.share == pytest.approx(0.1, abs=0.02)
    assert made.chances(np.zeros(1))[0] == pytest.approx(0.1, abs=0.05)
    chances = made.chances(candidates)
    likely = chances >= 0.9
    assert (np.arange(5_000)[likely] < 500).mean() >= 0.9


def test_scores_that_say_nothing_give_the_share_alone() -> None:
    """The slope is near 0, and never negative."""
    made = calibrate(scores_of(0, 100, 7), scores_of(0.2, 100, 8), scores_of(0, 1_000, 9))
    assert made is not None
    assert made.slope == 0
    assert made.auc < 0.5


@pytest.mark.parametrize(("same", "different"), [(0, 10), (10, 0)])
def test_without_known_pairs_of_both_kinds_there_is_no_curve(same: int, different: int) -> None:
    """Nothing can be fitted."""
    assert calibrate(np.ones(same), -np.ones(different), np.zeros(5)) is None


def test_separable_scores_stay_finite() -> None:
    """Few perfectly separated pairs do not give an infinite slope."""
    made = calibrate(np.full(3, 6.0), np.full(3, -6.0), np.array([6.0, -6.0, 0.0]))
    assert made is not None
    chances = made.chances(np.array([6.0, -6.0]))
    assert 0.5 < chances[0] < 1
    assert 0 < chances[1] < 0.5
    assert sum(row["pairs"] for row in curve(np.full(3, 6.0), np.full(3, -6.0), made)) == 6


def test_far_scores_give_probabilities_and_no_nan() -> None:
    """Known scores that are narrow and apart make a steep curve, on which other scores lie far outside."""
    made = calibrate(np.full(200, 0.3), np.full(200, -0.3), np.array([6.0, -6.0]))
    assert made is not None
    assert np.isfinite(made.chances(np.array([6.0, -6.0, 0.0]))).all()
    turned = calibrate(np.full(20, -6.0), np.full(20, -5.0), np.empty(0))
    assert turned is not None
    assert turned.chances(np.array([-6.0]))[0] == pytest.approx(0.5)
