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
# 4 sqrt(n) lists as FAISS advises; 4 of them looked into find nearly all pairs of names (EXPERIMENTS.md).
_LISTS_PER_ROOT = 4
_FIRST_PROBES = 4
# Lists are learned from so many names each.
_TRAINING_PER_LIST = 40
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
    index = _lists(faiss, vectors)
    # Evenly over the names, which are in the order of their ids: the same sample for the same names.
    sample = np.linspace(0, len(vectors) - 1, min(_SAMPLE, len(vectors))).astype(np.int64)
    exact.add(vectors)
    truth = _searched(exact, vectors, sample, wanted, min_cosine)
    del exact
    index.nprobe = _FIRST_PROBES
    while True:
        found = _searched(index, vectors, sample, wanted, min_cosine)
        recall = _recall(truth, found, len(vectors))
        if recall >= LEAST_RECALL or index.nprobe >= index.nlist:
            break
        index.nprobe *= 2
    found = _searched(index, vectors, everything, wanted, min_cosine)
    return Pairs(found.first, found.second, found.cosines, recall, index.nprobe)


def _lists(faiss: Any, vectors: Float32Matrix) -> Any:
    """Inverted lists over all rows, learned from evenly many of them."""
    count = int(_LISTS_PER_ROOT * np.sqrt(len(vectors)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], count, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1  # no warning on standard error about few names
    learned = np.linspace(0, len(vectors) - 1, min(_TRAINING_PER_LIST * count, len(vectors))).astype(np.int64)
    index.train(vectors[learned])
    index.add(vectors)
    return index


def _searched(index: Any, vectors: Float32Matrix, own: NDArray[np.int64], wanted: int, min_cosine: float) -> Pairs:
    """The pairs of the rows `own` with the `wanted` nearest that an index finds, themselves among these."""
    cosines, rows = index.search(vectors if len(own) == len(vectors) else vectors[own], wanted)
    kept = (rows != own[:, None]) & (rows >= 0) & (cosines >= min_cosine)
    keys = (np.minimum(own[:, None], rows) * len(vectors) + np.maximum(own[:, None], rows))[kept]
    keys, places = np.unique(keys, return_index=True)
    first, second = np.divmod(keys, len(vectors))
    return Pairs(first, second, np.clip(cosines[kept][places], -1, 1))


def _recall(truth: Pairs, found: Pairs, count: int) -> float:
    wanted = truth.first * count + truth.second
    return float(np.isin(wanted, found.first * count + found.second).mean()) if len(wanted) else 1.0
