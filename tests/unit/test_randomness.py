"""Tests of `kgsynth.randomness`."""

import numpy as np
from hypothesis import given, strategies as st

from kgsynth.randomness import stream, uniform_rows


@given(first=st.integers(0, 500), count=st.integers(0, 60), width=st.integers(1, 12), seed=st.integers(0, 2**64 - 1))
def test_a_row_of_draws_does_not_depend_on_the_batch(first: int, count: int, width: int, seed: int) -> None:
    together = uniform_rows(seed, "walk", first=first, count=count, width=width)
    assert together.shape == (count, width)
    assert ((together >= 0) & (together < 1)).all()
    for row in range(0, count, 7):
        alone = uniform_rows(seed, "walk", first=first + row, count=1, width=width)
        assert (alone[0] == together[row]).all()


def test_stages_seeds_and_items_have_unrelated_draws() -> None:
    base = uniform_rows(1, "walk", first=0, count=2000, width=9)
    assert abs(np.corrcoef(base[:, 0], uniform_rows(2, "walk", first=0, count=2000, width=9)[:, 0])[0, 1]) < 0.1
    assert abs(np.corrcoef(base[:, 0], uniform_rows(1, "other", first=0, count=2000, width=9)[:, 0])[0, 1]) < 0.1
    assert abs(base.mean() - 0.5) < 0.01
    assert stream(1, "a", 0).random() == stream(1, "a", 0).random()
    assert stream(1, "a", 0).random() != stream(1, "a", 1).random()
