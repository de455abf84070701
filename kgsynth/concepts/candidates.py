"""Nearest names by cosine with FAISS: exact search, or inverted lists that are checked against it.

Exact is the search of as many names as that is quick for, of names that lists would not make quicker, and every search
on a GPU.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgsynth.concepts.embedding import Float32Matrix, check_unit_rows
from kgsynth.errors import MissingExtraError
from kgsynth.parallel import in_order

# Up to so many names exact search takes a few seconds (EXPERIMENTS.md).
EXACT_UP_TO = 20_000
# 2 sqrt(n) lists, learned from few names in few rounds: more costs more than it saves (EXPERIMENTS.md).
_LISTS_PER_ROOT = 2
_TRAINING_PER_LIST = 20
_ITERATIONS = 8
# Lists looked into for each name: half as many more until a sample shows that hardly a pair is missed.
_FIRST_PROBES = 4
_SAMPLE = 1_000
LEAST_RECALL = 0.999
# Lists are given up where more than a fourth of them would be looked into: what is left to gain is little.
_EXACT_FROM = 4
# So many cosines are worked out at once (16 MiB), and about as many pairs wait to be put in order (20 bytes each).
_BLOCK = 1 << 22
# Cosines of the same two rows differ by less than this, however they are worked out.
_TIE = 1e-6


# Rows, others and their cosines.
_Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


class Pair(NamedTuple):
    """Two rows and their cosine; `first` < `second`."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows, ordered: `first` < `second` int64 (pairs,), cosines float32 (pairs,) in [-1, 1].

    `recall` is the share of the pairs of a sample of rows that exact search finds, and any must, and this one found; 1
    for an exact one. `probes` are the lists that were looked into for each row; 0 for an exact search.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cosines: NDArray[np.float32]
    recall: float = 1.0
    probes: int = 0

    def __iter__(self) -> Iterator[Pair]:
        """The pairs one by one."""
        for first, second, cosine in zip(self.first.tolist(), self.second.tolist(), self.cosines.tolist(), strict=True):
            yield Pair(first, second, cosine)


def nearest_pairs(
    vectors: Float32Matrix, *, neighbours: int, min_cosine: float, exact_up_to: int = EXACT_UP_TO
) -> Pairs:
    """Pairs in which one row is among the other's nearest, each once, ordered by rows.

    Args:
        vectors: float32 (names, dimensions), rows of unit length.
        neighbours: nearest other rows looked at for each row, at least 1.
        min_cosine: in [-1, 1].
        exact_up_to: of more rows, and without a GPU, nearly all pairs: at least .999 of those of a sample.

    Raises:
        VectorError: a row is not of unit length.
        MissingExtraError: FAISS is not installed.

    Source: FAISS IndexFlatIP, and lists as in FAISS IndexIVFFlat; ties at the last place may fall either way.
    """
    try:
        import faiss
        import threadpoolctl  # noqa: F401 - used further down
    except ImportError as error:
        raise MissingExtraError(
            f"FAISS is not installed: {error}", hint="pip install 'kgsynth[onnx]' (or [cpu], [gpu])"
        ) from error
    if len(vectors) < 2:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    check_unit_rows(vectors)
    wanted = min(neighbours + 1, len(vectors))
    exact: faiss.Index = faiss.IndexFlatIP(vectors.shape[1])
    has_gpu = getattr(faiss, "get_num_gpus", lambda: 0)() > 0
    if has_gpu:
        exact = faiss.index_cpu_to_all_gpus(exact)
    everything = np.arange(len(vectors))
    exact.add(vectors)
    if has_gpu or len(vectors) <= exact_up_to:
        return _searched(exact, vectors, everything, wanted, min_cosine)
    # Evenly over the names, which are in the order of their ids: the same sample for the same names.
    sample = np.linspace(0, len(vectors) - 1, min(_SAMPLE, len(vectors))).astype(np.int64)
    truth = _searched(exact, vectors, sample, wanted, min_cosine, is_sure=True)
    lists = _Lists(vectors)
    # A pair is found from either end, so both ends are asked.
    ends = np.union1d(truth.first, truth.second)
    probes = _FIRST_PROBES
    while probes <= lists.count // _EXACT_FROM:
        recall = _recall(truth, lists.pairs(ends, neighbours, min_cosine, probes), len(vectors))
        if recall >= LEAST_RECALL:
            found = lists.pairs(everything, neighbours, min_cosine, probes)
            return Pairs(found.first, found.second, found.cosines, recall, probes)
        probes = probes * 3 // 2
    return _searched(exact, vectors, everything, wanted, min_cosine)


class _Lists:
    """Inverted lists over all rows, learned from evenly many of them.

    A list is compared at once with all rows that look into it: a product of two matrices, twice as fast as a search row
    by row, as FAISS does it in its own lists (EXPERIMENTS.md).
    """

    def __init__(self, vectors: Float32Matrix) -> None:
        import faiss

        self._vectors = vectors
        self.count = min(int(_LISTS_PER_ROOT * np.sqrt(len(vectors))), len(vectors))
        learned = np.linspace(0, len(vectors) - 1, min(_TRAINING_PER_LIST * self.count, len(vectors)))
        # At least one row a list: no warning on standard error about few names.
        means = faiss.Kmeans(vectors.shape[1], self.count, niter=_ITERATIONS, spherical=True, min_points_per_centroid=1)
        means.train(vectors[learned.astype(np.int64)])
        self._centres: Any = means.index
        self._members, self._starts = self._by_list(np.arange(len(vectors)), 1)

    def _by_list(self, rows: NDArray[np.int64], probes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows that have a list among their nearest, list after list, and where each list starts."""
        lists = self._centres.search(self._vectors[rows], probes)[1].ravel()
        order = np.argsort(lists, kind="stable")
        return rows[order // probes], np.searchsorted(lists[order], np.arange(self.count + 1))

    def pairs(self, own: NDArray[np.int64], neighbours: int, min_cosine: float, probes: int) -> Pairs:
        """The pairs of the rows `own` with the nearest in as many lists."""
        from threadpoolctl import threadpool_limits

        asking, starts = self._by_list(own, probes)
        nearest = _Nearest(len(self._vectors), neighbours, min_cosine)

        def parts() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
            for place in range(self.count):
                members = self._members[self._starts[place] : self._starts[place + 1]]
                block = max(1, _BLOCK // max(1, len(members)))
                for first in range(starts[place], starts[place + 1], block):
                    yield asking[first : min(first + block, starts[place + 1])], members

        def near(part: tuple[NDArray[np.int64], NDArray[np.int64]]) -> _Found:
            rows, members = part
            cosines = self._vectors[rows] @ self._vectors[members].T
            one, other = np.nonzero(cosines >= nearest.least[rows, None])
            return rows[one], members[other], cosines[one, other]

        # One thread a product: threads within one wait for each other at its end, which beside other work takes long.
        threads = os.cpu_count() or 1
        with threadpool_limits(1):
            for found in in_order(near, parts(), threads=threads, ahead=2 * threads):
                nearest.add(*found)
        return _paired(*nearest.all(), len(self._vectors))


class _Nearest:
    """The nearest others of each row among the pairs that are added, no more than so many.

    `least` is the cosine that a pair of each row needs to be among them, float32 (rows,).
    """

    def __init__(self, count: int, neighbours: int, min_cosine: float) -> None:
        self.least = np.full(count, min_cosine, dtype=np.float32)
        self._neighbours = neighbours
        self._kept: list[_Found] = []
        self._waiting = 0

    def add(self, rows: NDArray[np.int64], others: NDArray[np.int64], cosines: NDArray[np.float32]) -> None:
        """More pairs; of a row and itself too, which is none."""
        is_pair = rows != others
        self._kept.append((rows[is_pair], others[is_pair], cosines[is_pair]))
        self._waiting += len(rows)
        if self._waiting > _BLOCK:
            self._kept = [self.all()]
            self._waiting = 0

    def all(self) -> _Found:
        """Rows, others and cosines, ordered by row, the nearest first; `least` rises to what is kept."""
        if not self._kept:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        rows, others, cosines = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        order = np.lexsort((others, -cosines, rows))
        rows, others, cosines = rows[order], others[order], cosines[order]
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        is_last, is_near = place == self._neighbours - 1, place < self._neighbours
        self.least[rows[is_last]] = cosines[is_last]
        return rows[is_near], others[is_near], cosines[is_near]


def _searched(
    index: Any,
    vectors: Float32Matrix,
    own: NDArray[np.int64],
    wanted: int,
    min_cosine: float,
    *,
    is_sure: bool = False,
) -> Pairs:
    """The pairs of the rows `own` with the `wanted` nearest that an index finds, themselves among these.

    `is_sure` leaves out what is no nearer than the first behind these: another search may take that one instead.
    """
    is_asked_for_more = is_sure and wanted < len(vectors)
    cosines, others = index.search(vectors[own], wanted + is_asked_for_more)
    behind, cosines, others = cosines[:, wanted:], cosines[:, :wanted], others[:, :wanted]
    rows = np.broadcast_to(own[:, None], others.shape)
    kept = (others != rows) & (others >= 0) & (cosines >= min_cosine)
    if is_asked_for_more:
        kept &= cosines > behind + _TIE
    return _paired(rows[kept], others[kept], cosines[kept], len(vectors))


def _paired(rows: NDArray[np.int64], others: NDArray[np.int64], cosines: NDArray[np.float32], count: int) -> Pairs:
    """Each pair once, whichever of the two found the other."""
    keys, places = np.unique(np.minimum(rows, others) * count + np.maximum(rows, others), return_index=True)
    first, second = np.divmod(keys, count)
    return Pairs(first, second, np.clip(cosines[places], -1, 1))


def _recall(truth: Pairs, found: Pairs, count: int) -> float:
    wanted = truth.first * count + truth.second
    return float(np.isin(wanted, found.first * count + found.second).mean()) if len(wanted) else 1.0
