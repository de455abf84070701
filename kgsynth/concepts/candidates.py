"""Nearest neighbours of names by cosine with FAISS: exact search, or inverted lists whose recall is measured.

Exact search is used for small numbers of names, where inverted lists would not be faster, and on GPUs.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from kgsynth.concepts.embedding import Float32Matrix, check_unit_rows
from kgsynth.errors import MissingExtraError
from kgsynth.parallel import in_order

# Up to this number of names exact search takes a few seconds (docs/figures/merging.md).
EXACT_UP_TO = 20_000
# 2 sqrt(n) lists, trained on few names in few iterations; more training costs more than it saves (same page).
_LISTS_PER_ROOT = 2
_TRAINING_PER_LIST = 20
_ITERATIONS = 8
# Number of lists searched per name. It grows by half until the recall on a sample suffices.
_FIRST_PROBES = 4
_SAMPLE = 1_000
LEAST_RECALL = 0.999
# Exact search is used if more than a quarter of the lists would be searched, because the gain would be small.
_EXACT_FROM = 4
# Number of cosines computed at once (16 MiB), and approximate number of pairs buffered before sorting (20 bytes each).
_BLOCK = 1 << 22
# Below this cosine so many pairs are near that sorting them takes most of the time. Pairs that the own list of a row
# already rules out are then left out.
_MANY_BELOW = 0.5
# Rounding differences between ways of computing a cosine are smaller than this.
_TIE = 1e-6


_Result = TypeVar("_Result")
# Rows, their neighbours and the cosines.
_RowPairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


class Pair(NamedTuple):
    """Two rows and their cosine; `first` < `second`."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows, ordered: `first` < `second` int64 (pairs,), cosines float32 (pairs,) in [-1, 1].

    `recall` is the share of the unambiguous pairs of a sample of rows that this search finds; 1 for an exact search.
    `probes` is the number of lists searched per row; 0 for an exact search.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cosines: NDArray[np.float32]
    recall: float = 1.0
    probes: int = 0

    def __iter__(self) -> Iterator[Pair]:
        """Yield the pairs."""
        for first, second, cosine in zip(self.first.tolist(), self.second.tolist(), self.cosines.tolist(), strict=True):
            yield Pair(first, second, cosine)


def nearest_pairs(
    vectors: Float32Matrix,
    *,
    neighbours: int,
    min_cosine: float,
    least_recall: float = LEAST_RECALL,
    exact_up_to: int = EXACT_UP_TO,
) -> Pairs:
    """Return the pairs in which one row is among the nearest neighbours of the other, each once, ordered by rows.

    Args:
        vectors: float32 (names, dimensions), rows of unit length.
        neighbours: number of nearest other rows per row, at least 1.
        min_cosine: minimum cosine, in [-1, 1].
        least_recall: share of a sample's pairs that an approximate search must find, in [0, 1].
        exact_up_to: with more rows and without a GPU the search is approximate.

    Raises:
        VectorError: a row is not of unit length.
        MissingExtraError: FAISS is not installed.

    Source: FAISS IndexFlatIP, and lists as in FAISS IndexIVFFlat. Ties at the last rank are broken arbitrarily.
    """
    try:
        import faiss
        import threadpoolctl  # noqa: F401 - used below
    except ImportError as error:
        raise MissingExtraError(f"FAISS is not installed: {error}", hint="pip install 'kgsynth[onnx]'") from error
    if len(vectors) < 2:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    check_unit_rows(vectors)
    result_count = min(neighbours + 1, len(vectors))
    exact: faiss.Index = faiss.IndexFlatIP(vectors.shape[1])
    has_gpu = getattr(faiss, "get_num_gpus", lambda: 0)() > 0
    if has_gpu:
        exact = faiss.index_cpu_to_all_gpus(exact)
    all_rows = np.arange(len(vectors))
    exact.add(vectors)
    if has_gpu or len(vectors) <= exact_up_to:
        return _searched(exact, vectors, all_rows, result_count, min_cosine)
    # An evenly spaced sample is the same whenever the names are the same, because they are ordered by id.
    sample = np.linspace(0, len(vectors) - 1, min(_SAMPLE, len(vectors))).astype(np.int64)
    truth = _searched(exact, vectors, sample, result_count, min_cosine, is_sure=True)
    lists = _Lists(vectors)
    # A pair can be found from either end, so both ends are searched.
    ends = np.union1d(truth.first, truth.second)
    probes = _FIRST_PROBES
    while probes <= lists.count // _EXACT_FROM:
        recall = _recall(truth, lists.pairs(ends, neighbours, min_cosine, probes), len(vectors))
        if recall >= least_recall:
            pairs = lists.pairs(all_rows, neighbours, min_cosine, probes)
            return Pairs(pairs.first, pairs.second, pairs.cosines, recall, probes)
        probes = probes * 3 // 2
    return _searched(exact, vectors, all_rows, result_count, min_cosine)


class _Lists:
    """Inverted lists over all rows, trained on an evenly spaced sample of them.

    All rows that search a list are compared with it in one matrix product. This is twice as fast as the search row by
    row in the lists of FAISS (docs/figures/merging.md).
    """

    def __init__(self, vectors: Float32Matrix) -> None:
        import faiss

        self._vectors = vectors
        self.count = min(int(_LISTS_PER_ROOT * np.sqrt(len(vectors))), len(vectors))
        training_rows = np.linspace(0, len(vectors) - 1, min(_TRAINING_PER_LIST * self.count, len(vectors)))
        # The minimum of one point per centroid suppresses a warning on standard error about few names.
        clustering = faiss.Kmeans(
            vectors.shape[1], self.count, niter=_ITERATIONS, spherical=True, min_points_per_centroid=1
        )
        clustering.train(vectors[training_rows.astype(np.int64)])
        self._centres: Any = clustering.index
        self._members, self._starts = self._by_list(np.arange(len(vectors)), 1)

    def _by_list(self, rows: NDArray[np.int64], probes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows that search each list, ordered by list, and the start of each list in them."""
        lists = self._centres.search(self._vectors[rows], probes)[1].ravel()
        order = np.argsort(lists, kind="stable")
        return rows[order // probes], np.searchsorted(lists[order], np.arange(self.count + 1))

    def pairs(self, query_rows: NDArray[np.int64], neighbours: int, min_cosine: float, probes: int) -> Pairs:
        """Return the pairs of some rows with their nearest neighbours in the given number of lists."""
        nearest = _Nearest(len(self._vectors), neighbours, min_cosine)

        def last_in_own_list(rows: NDArray[np.int64], members: NDArray[np.int64]) -> tuple[NDArray[np.int64], Any]:
            if len(members) <= neighbours:
                return rows, min_cosine
            # The row itself is the nearest member.
            return rows, np.partition(self._cosines(rows, members), -neighbours - 1, axis=1)[:, -neighbours - 1]

        def near(rows: NDArray[np.int64], members: NDArray[np.int64]) -> _RowPairs:
            cosines = self._cosines(rows, members)
            row_index, member_index = np.nonzero(cosines >= nearest.threshold[rows, None])
            return rows[row_index], members[member_index], cosines[row_index, member_index]

        if min_cosine < _MANY_BELOW:
            for rows, cosines in self._by_product(query_rows, 1, last_in_own_list):
                nearest.threshold[rows] = np.maximum(min_cosine, cosines - _TIE)
        for row_pairs in self._by_product(query_rows, probes, near):
            nearest.add(*row_pairs)
        return _paired(*nearest.all(), len(self._vectors))

    def _cosines(self, rows: NDArray[np.int64], members: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._vectors[rows] @ self._vectors[members].T

    def _by_product(
        self,
        query_rows: NDArray[np.int64],
        probes: int,
        use: Callable[[NDArray[np.int64], NDArray[np.int64]], _Result],
    ) -> Iterator[_Result]:
        """Yield the results of a function of rows and the members of one of the lists that they search."""
        from threadpoolctl import threadpool_limits

        searching, starts = self._by_list(query_rows, probes)

        def parts() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
            for index in range(self.count):
                members = self._members[self._starts[index] : self._starts[index + 1]]
                block = max(1, _BLOCK // max(1, len(members)))
                for first in range(starts[index], starts[index + 1], block):
                    yield searching[first : min(first + block, starts[index + 1])], members

        # One thread per product: threads within a product wait for each other, which costs time on a busy machine.
        threads = os.cpu_count() or 1
        with threadpool_limits(1):
            yield from in_order(lambda part: use(*part), parts(), threads=threads, ahead=2 * threads)


class _Nearest:
    """The nearest neighbours of each row among the added pairs, up to a maximum number.

    `threshold` is the cosine above which a pair of each row is still needed, float32 (rows,).
    """

    def __init__(self, count: int, neighbours: int, min_cosine: float) -> None:
        self.threshold = np.full(count, min_cosine, dtype=np.float32)
        self._neighbours = neighbours
        self._parts: list[_RowPairs] = []
        self._waiting = 0

    def add(self, rows: NDArray[np.int64], others: NDArray[np.int64], cosines: NDArray[np.float32]) -> None:
        """Add pairs; pairs of a row with itself are ignored."""
        is_pair = rows != others
        self._parts.append((rows[is_pair], others[is_pair], cosines[is_pair]))
        self._waiting += len(rows)
        if self._waiting > _BLOCK:
            self._parts = [self.all()]
            self._waiting = 0

    def all(self) -> _RowPairs:
        """Return rows, neighbours and cosines ordered by row, nearest first; this raises `threshold`."""
        if not self._parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        rows, others, cosines = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        order = np.lexsort((others, -cosines, rows))
        rows, others, cosines = rows[order], others[order], cosines[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        is_last, is_near = rank == self._neighbours - 1, rank < self._neighbours
        self.threshold[rows[is_last]] = cosines[is_last]
        return rows[is_near], others[is_near], cosines[is_near]


def _searched(
    index: Any,
    vectors: Float32Matrix,
    query_rows: NDArray[np.int64],
    count: int,
    min_cosine: float,
    *,
    is_sure: bool = False,
) -> Pairs:
    """Return the pairs of query rows with their `count` nearest rows in an index, the query row itself included.

    `is_sure` leaves out ties with the next rank, because another search may break them differently.
    """
    has_next_rank = is_sure and count < len(vectors)
    cosines, others = index.search(vectors[query_rows], count + has_next_rank)
    next_cosines, cosines, others = cosines[:, count:], cosines[:, :count], others[:, :count]
    rows = np.broadcast_to(query_rows[:, None], others.shape)
    is_kept = (others != rows) & (others >= 0) & (cosines >= min_cosine)
    if has_next_rank:
        is_kept &= cosines > next_cosines + _TIE
    return _paired(rows[is_kept], others[is_kept], cosines[is_kept], len(vectors))


def _paired(rows: NDArray[np.int64], others: NDArray[np.int64], cosines: NDArray[np.float32], count: int) -> Pairs:
    """Return each pair once, whichever of its rows found the other."""
    keys, indices = np.unique(np.minimum(rows, others) * count + np.maximum(rows, others), return_index=True)
    first, second = np.divmod(keys, count)
    return Pairs(first, second, np.clip(cosines[indices], -1, 1))


def _recall(truth: Pairs, found: Pairs, count: int) -> float:
    true_keys = truth.first * count + truth.second
    return float(np.isin(true_keys, found.first * count + found.second).mean()) if len(true_keys) else 1.0
