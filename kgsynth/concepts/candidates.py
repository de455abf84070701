"""Nearest names by cosine with FAISS: exact search, or inverted lists that are checked against it.

Exact is the search of as many names as that is quick for, and every search on a GPU.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgsynth.concepts.embedding import Float32Matrix, check_unit_rows
from kgsynth.errors import MissingExtraError

# Up to so many names exact search takes a few seconds (EXPERIMENTS.md).
EXACT_UP_TO = 20_000
# 4 sqrt(n) lists as FAISS advises, learned from few names in few rounds: more costs more than it saves
# (EXPERIMENTS.md).
_LISTS_PER_ROOT = 4
_TRAINING_PER_LIST = 20
_ITERATIONS = 8
# Lists looked into for each name: half as many more until a sample shows that hardly a pair is missed.
_FIRST_PROBES = 4
_SAMPLE = 1_000
LEAST_RECALL = 0.999


class Pair(NamedTuple):
    """Two rows and their cosine; `first` < `second`."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows, ordered: `first` < `second` int64 (pairs,), cosines float32 (pairs,) in [-1, 1].

    `recall` is the share of the pairs of a sample of rows that exact search finds and this one found; 1 for an exact
    one. `probes` are the lists that were looked into for each row; 0 for an exact search.
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

    Source: FAISS IndexFlatIP and IndexIVFFlat; ties at the last place may fall either way.
    """
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError(
            "FAISS is not installed", hint="pip install 'kgsynth[onnx]' (or [cpu], [gpu])"
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
    if has_gpu or len(vectors) <= exact_up_to:
        exact.add(vectors)
        return _searched(exact, vectors, everything, wanted, min_cosine)
    # Evenly over the names, which are in the order of their ids: the same sample for the same names.
    sample = np.linspace(0, len(vectors) - 1, min(_SAMPLE, len(vectors))).astype(np.int64)
    exact.add(vectors)
    truth = _searched(exact, vectors, sample, wanted, min_cosine)
    del exact
    lists = _Lists(vectors)
    # A pair is found from either end, so both ends are asked.
    ends = np.union1d(truth.first, truth.second)
    probes = _FIRST_PROBES
    while True:
        recall = _recall(truth, lists.pairs(ends, wanted, min_cosine, probes), len(vectors))
        if recall >= LEAST_RECALL or probes >= lists.count:
            break
        probes = min(probes * 3 // 2, lists.count)
    found = lists.pairs(everything, wanted, min_cosine, probes)
    return Pairs(found.first, found.second, found.cosines, recall, probes)


class _Lists:
    """Inverted lists over all rows, learned from evenly many of them.

    Rows that fall into the same list are searched one after the other: what they look into is still in the cache.
    """

    def __init__(self, vectors: Float32Matrix) -> None:
        import faiss
        from faiss.contrib import ivf_tools

        self._vectors = vectors
        self.count = min(int(_LISTS_PER_ROOT * np.sqrt(len(vectors))), len(vectors))
        dimensions = vectors.shape[1]
        self._centres = faiss.IndexFlatIP(dimensions)
        self._index = faiss.IndexIVFFlat(self._centres, dimensions, self.count, faiss.METRIC_INNER_PRODUCT)
        self._index.cp.niter = _ITERATIONS
        self._index.cp.min_points_per_centroid = 1  # no warning on standard error about few names
        learned = np.linspace(0, len(vectors) - 1, min(_TRAINING_PER_LIST * self.count, len(vectors)))
        self._index.train(vectors[learned.astype(np.int64)])
        self._home = self._centres.search(vectors, 1)[1].ravel()
        add_preassigned: Any = ivf_tools.add_preassigned
        add_preassigned(self._index, vectors, self._home)

    def pairs(self, own: NDArray[np.int64], wanted: int, min_cosine: float, probes: int) -> Pairs:
        """The pairs of the rows `own` with the nearest in as many lists."""
        own = own[np.argsort(self._home[own], kind="stable")]
        self._index.nprobe = probes
        return _searched(self._index, self._vectors, own, wanted, min_cosine)


def _searched(index: Any, vectors: Float32Matrix, own: NDArray[np.int64], wanted: int, min_cosine: float) -> Pairs:
    """The pairs of the rows `own` with the `wanted` nearest that an index finds, themselves among these."""
    cosines, rows = index.search(vectors[own], wanted)
    kept = (rows != own[:, None]) & (rows >= 0) & (cosines >= min_cosine)
    keys = (np.minimum(own[:, None], rows) * len(vectors) + np.maximum(own[:, None], rows))[kept]
    keys, places = np.unique(keys, return_index=True)
    first, second = np.divmod(keys, len(vectors))
    return Pairs(first, second, np.clip(cosines[kept][places], -1, 1))


def _recall(truth: Pairs, found: Pairs, count: int) -> float:
    wanted = truth.first * count + truth.second
    return float(np.isin(wanted, found.first * count + found.second).mean()) if len(wanted) else 1.0
