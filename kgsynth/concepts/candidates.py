"""Nearest names by cosine with FAISS: exact inner-product search over unit vectors, on a GPU when there is one."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kgsynth.concepts.embedding import Float32Matrix, check_unit_rows
from kgsynth.errors import MissingExtraError


class Pair(NamedTuple):
    """Two rows and their cosine; `first` < `second`."""

    first: int
    second: int
    cosine: float


def nearest_pairs(vectors: Float32Matrix, *, neighbours: int, min_cosine: float) -> Iterator[Pair]:
    """Pairs in which one row is among the other's nearest, each once, ordered by rows.

    Args:
        vectors: float32 (names, dimensions), rows of unit length.
        neighbours: nearest other rows looked at for each row, at least 1.
        min_cosine: in [-1, 1].

    Raises:
        VectorError: a row is not of unit length.
        MissingExtraError: FAISS is not installed.

    Source: exact search as in FAISS IndexFlatIP; ties at the last place may fall either way.
    """
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError(
            "FAISS is not installed", hint="pip install 'kgsynth[onnx]' (or [cpu], [gpu])"
        ) from error
    if len(vectors) < 2:
        return
    check_unit_rows(vectors)
    index: faiss.Index = faiss.IndexFlatIP(vectors.shape[1])
    if getattr(faiss, "get_num_gpus", lambda: 0)() > 0:
        index = faiss.index_cpu_to_all_gpus(index)
    index.add(vectors)
    cosines, rows = index.search(vectors, min(neighbours + 1, len(vectors)))
    own = np.arange(len(vectors))[:, None]
    kept = (rows != own) & (rows >= 0) & (cosines >= min_cosine)
    keys = (np.minimum(own, rows) * len(vectors) + np.maximum(own, rows))[kept]
    keys, places = np.unique(keys, return_index=True)
    for key, cosine in zip(keys.tolist(), np.clip(cosines[kept][places], -1, 1).tolist(), strict=True):
        first, second = divmod(key, len(vectors))
        yield Pair(first, second, cosine)
