"""Tests of `kgsynth.concepts.candidates`."""

from typing import Any

import numpy as np
import pytest

from kgsynth.concepts import candidates
from kgsynth.concepts.candidates import Pairs, nearest_pairs


def clustered(count: int, seed: int, width: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count // 4, 32)).repeat(4, axis=0) + width * rng.normal(size=(count // 4 * 4, 32))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def pair_set(found: Pairs) -> set[tuple[int, int]]:
    return {(pair.first, pair.second) for pair in found}


def test_many_names_are_searched_in_lists_and_what_is_missed_is_measured() -> None:
    vectors = clustered(4000, 1)
    exact = nearest_pairs(vectors, neighbours=5, min_cosine=0.8)
    assert (exact.recall, exact.probes) == (1.0, 0)
    listed = nearest_pairs(vectors, neighbours=5, min_cosine=0.8, exact_up_to=100)
    assert listed.probes >= 4
    assert listed.recall >= 0.999
    # Each row is compared with the rows of 4 of 126 lists, and not with all rows.
    assert listed.probes <= np.sqrt(len(vectors)) / 10
    assert len(pair_set(listed) & pair_set(exact)) >= 0.997 * len(pair_set(exact))
    # Names that lie further apart need more lists, and get them.
    wide = nearest_pairs(clustered(4000, 1, 0.5), neighbours=5, min_cosine=0.7, exact_up_to=100)
    assert wide.probes > listed.probes
    assert 0.999 <= wide.recall < 1
    # Without any clusters it would be most lists: those are searched exactly.
    rng = np.random.default_rng(2)
    even = rng.normal(size=(2000, 16)).astype(np.float32)
    even /= np.linalg.norm(even, axis=1, keepdims=True)
    spread = nearest_pairs(even, neighbours=10, min_cosine=0.3, exact_up_to=100)
    assert (spread.probes, spread.recall) == (0, 1.0)


def test_lists_keep_the_nearest_of_each_row_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered(4000, 1)
    whole = nearest_pairs(vectors, neighbours=2, min_cosine=0.5, exact_up_to=100)
    # Each row has three others in its cluster, and two of them at most are its nearest.
    rows, found = np.unique(np.concatenate([whole.first, whole.second]), return_counts=True)
    assert len(rows) > 3990
    assert 2 <= found.mean() < 3
    exact = pair_set(nearest_pairs(vectors, neighbours=2, min_cosine=0.5))
    assert len(pair_set(whole) & exact) >= 0.997 * len(exact)
    # With every pair a candidate hardly one waits: the own list of a row gives a bound before the others are searched.
    waiting = []
    add = candidates._Nearest.add

    def told(nearest: Any, rows: Any, others: Any, cosines: Any) -> None:
        waiting.append(len(rows))
        add(nearest, rows, others, cosines)

    monkeypatch.setattr(candidates._Nearest, "add", told)
    loose = [nearest_pairs(vectors, neighbours=2, min_cosine=-1.0, exact_up_to=100)]
    assert sum(waiting) < 10 * len(vectors)
    monkeypatch.setattr(candidates, "_BLOCK", 5_000)
    loose.append(nearest_pairs(vectors, neighbours=2, min_cosine=-1.0, exact_up_to=100))
    assert pair_set(loose[0]) == pair_set(loose[1])
    assert loose[1].probes == loose[0].probes > 0


def test_names_that_are_embedded_the_same_are_still_searched_in_lists() -> None:
    vectors = clustered(4000, 1)
    for start in range(0, 4000, 1000):
        vectors[start : start + 25] = vectors[start]
    found = nearest_pairs(vectors, neighbours=20, min_cosine=0.8, exact_up_to=100)
    assert found.probes > 0
    assert found.recall >= 0.999
    # Of a single nearest one too it is known what lists miss: here they miss much, and all is searched.
    rng = np.random.default_rng(0)
    even = rng.normal(size=(3000, 16)).astype(np.float32)
    even /= np.linalg.norm(even, axis=1, keepdims=True)
    assert nearest_pairs(even, neighbours=1, min_cosine=0.3, exact_up_to=100).probes == 0
