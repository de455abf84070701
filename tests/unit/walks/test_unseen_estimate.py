"""Tests of `kgsynth.walks.unseen_estimate`."""

import math

import numpy as np
import pytest

from kgsynth.walks.unseen_estimate import estimate_unseen


def test_the_supply_of_combinations_is_a_lower_bound() -> None:
    draws = np.random.default_rng(3)
    shares = 1 / np.arange(1, 20_001) ** 0.6
    names = draws.choice(20_000, size=60_000, p=shares / shares.sum())
    small = estimate_unseen(str(name) for name in names[:6000])
    whole = estimate_unseen(str(name) for name in names)
    assert small.walks == 6000
    assert small.different == len(set(names[:6000]))
    assert small.expected(6000) == small.different
    assert small.expected(3000) == small.different / 2
    chance = np.mean([name not in set(names[:6000]) for name in names[6000:9000]])
    assert small.new_chance == pytest.approx(chance, abs=0.03)
    assert estimate_unseen(["a", "b"]).alpha == math.inf
    assert estimate_unseen([]).new_chance == 1
    assert 0.5 < small.alpha / whole.alpha < 2
