"""Tests of `kgsynth.curation.subsets`."""

import numpy as np

from kgsynth.curation.subsets import balanced_ranks


def test_subsets_are_nested_and_take_from_the_levels_in_turn() -> None:
    levels = np.array([1] * 50 + [2] * 20 + [3] * 5)
    keys = np.random.default_rng(1).permutation(75).astype(np.uint64)
    usable = np.ones(75, dtype=bool)
    usable[[0, 60]] = False
    ranks = balanced_ranks(levels, keys, usable)
    assert sorted(ranks) == list(range(75))
    assert set(ranks[~usable]) == {73, 74}
    for size in (3, 9, 15, 40, 73):
        counts = np.bincount(levels[ranks < size], minlength=4)[1:]
        assert counts.sum() == size
        have = np.array([49, 19, 5])
        assert max(counts) - min(counts[counts < have], default=max(counts)) <= 1
    again = balanced_ranks(levels[::-1], keys[::-1], usable[::-1])[::-1]
    assert (ranks[usable] == again[usable]).all()
