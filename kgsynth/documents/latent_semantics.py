"""Vectors of the words of documents: latent semantic analysis, learned from the corpus itself.

An embedding model knows language in general; which words go together in this corpus it does not know. Both together
separate neighbouring fields better than either (docs/figures/filter.md).

Source: Deerwester et al., "Indexing by latent semantic analysis", 1990; scikit-learn's HashingVectorizer and
TruncatedSVD (Halko et al. 2009).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import MissingExtraError
from kgsynth.files import atomic

_FEATURES = 1 << 16
_DIMENSIONS = 256
# With fewer documents per dimension, the dimensions are noise; with fewer dimensions, the words say little.
_DOCUMENTS_PER_DIMENSION = 4
_FEWEST_DIMENSIONS = 8
_FEWEST_DOCUMENTS_PER_WORD = 3
_MOST_SHARE_PER_WORD = 0.5
# Evenly spaced documents from which the dimensions are learned.
_LEARNED_FROM = 20_000
_FILES = ("words.i32", "counts.f32", "words.npy")
Vectors = NDArray[np.float32]


class Rows(Protocol):
    """Vectors, in memory or on disk."""

    def __len__(self) -> int:
        """Return the number of documents."""

    def __getitem__(self, indices: slice | NDArray[np.int64], /) -> Vectors:
        """Return vectors, float32 (documents, dimensions)."""


class WordCounts:
    """Counts of the hashed words of documents, in three files of a folder."""

    def __init__(self, folder: Path, *, words: int) -> None:
        """Begin without documents; the first `words` words of each document count."""
        self._words, self._vectorizer = words, _vectorizer()
        self._indices, self._counts, self._ends_file = (folder / name for name in _FILES)
        self._ends: Any = [0]
        for file in (self._indices, self._counts):
            file.write_bytes(b"")

    @classmethod
    def read(cls, folder: Path, *, words: int) -> "WordCounts":
        """Return the counts that a folder holds.

        Raises:
            OSError, ValueError: the files are missing or damaged.
        """
        counts = cls.__new__(cls)
        counts._words, counts._vectorizer = words, _vectorizer()
        counts._indices, counts._counts, counts._ends_file = (folder / name for name in _FILES)
        counts._ends = np.load(counts._ends_file)
        if {counts._indices.stat().st_size, counts._counts.stat().st_size} != {4 * counts._ends[-1]}:
            raise ValueError("the numbers of counted words do not match")
        return counts

    def close(self) -> None:
        """Write the file that `read` needs."""
        with atomic(self._ends_file) as partial, partial.open("wb") as file:
            np.save(file, np.asarray(self._ends, dtype=np.int64))

    def add(self, texts: Sequence[str]) -> None:
        """Count the words of some documents."""
        table = self.of(texts)
        with self._indices.open("ab") as indices, self._counts.open("ab") as counts:
            table.indices.astype(np.int32).tofile(indices)
            table.data.astype(np.float32).tofile(counts)
        self._ends.extend((self._ends[-1] + table.indptr[1:]).tolist())

    def of(self, texts: Sequence[str]) -> Any:
        """Return the counts of texts, a sparse matrix (texts, features)."""
        table = self._vectorizer.transform([" ".join(text.split()[: self._words]) for text in texts])
        table.sort_indices()
        return table

    def rows(self, places: NDArray[np.int64]) -> Any:
        """Return the counts of some documents, a sparse matrix (documents, features)."""
        from scipy.sparse import csr_matrix

        ends = self._ends if isinstance(self._ends, np.ndarray) else np.asarray(self._ends, dtype=np.int64)
        lengths = ends[places + 1] - ends[places]
        if not lengths.sum():
            return csr_matrix((len(places), _FEATURES), dtype=np.float32)
        starts = np.repeat(ends[places] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        at = starts + np.arange(int(lengths.sum()))
        indices = np.memmap(self._indices, dtype=np.int32, mode="r")[at]
        counts = np.memmap(self._counts, dtype=np.float32, mode="r")[at]
        return csr_matrix((counts, indices, np.concatenate([[0], np.cumsum(lengths)])), shape=(len(places), _FEATURES))


@dataclass(frozen=True, slots=True, eq=False)
class LatentSemantics:
    """What a corpus taught about words.

    Attributes:
        weights: float32 (features,), logarithms of inverse document frequencies; 0 for words that are left out.
        components: float32 (dimensions, features with a weight); no dimension if the corpus is too small.
    """

    weights: NDArray[np.float32]
    components: NDArray[np.float32]

    def vectors(self, counts: Any) -> Vectors:
        """Return vectors of documents from their counts, float32 (documents, dimensions), unit rows or zeros."""
        if not len(self.components):
            return np.zeros((counts.shape[0], 0), dtype=np.float32)
        used = _weighted(counts, self.weights)[:, np.flatnonzero(self.weights)]
        return _unit(np.asarray(used @ self.components.T, dtype=np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class WithWords:
    """The vectors of a corpus, each with the vector of its words."""

    vectors: Rows
    places: NDArray[np.int64]  # rows of `counts`
    counts: WordCounts
    semantics: LatentSemantics

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.vectors)

    def __getitem__(self, indices: slice | NDArray[np.int64]) -> Vectors:
        """Return unit vectors, float32 (documents, dimensions)."""
        return joined(self.vectors[indices], self.semantics.vectors(self.counts.rows(self.places[indices])))


def learned(counts: WordCounts, places: NDArray[np.int64], examples: Any) -> LatentSemantics:
    """Learn the dimensions from an evenly spaced sample of a corpus and from the examples.

    The examples must be among them: texts from which nothing was learned have other vectors, which a classifier would
    take for what distinguishes the examples.

    Args:
        counts: the counts of all documents.
        places: int64 (documents,), the documents of the corpus, without near-duplicates.
        examples: the counts of the examples, a sparse matrix (examples, features).

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    from scipy.sparse import vstack

    sample = places[np.linspace(0, len(places) - 1, min(len(places), _LEARNED_FROM)).astype(np.int64)]
    table = vstack([counts.rows(sample), examples]).tocsr()
    total = table.shape[0]
    frequencies = np.bincount(table.indices, minlength=_FEATURES)
    is_used = (frequencies >= _FEWEST_DOCUMENTS_PER_WORD) & (frequencies <= _MOST_SHARE_PER_WORD * total)
    logarithms = np.log((1 + total) / (1 + frequencies)) + 1
    weights = np.where(is_used, logarithms, 0).astype(np.float32)
    dimensions = min(_DIMENSIONS, total // _DOCUMENTS_PER_DIMENSION, int(is_used.sum()) - 1)
    if dimensions < _FEWEST_DIMENSIONS:
        return LatentSemantics(weights, np.empty((0, int(is_used.sum())), np.float32))
    decomposition = scikit_learn().decomposition.TruncatedSVD(dimensions, random_state=0)
    decomposition.fit(_weighted(table, weights)[:, np.flatnonzero(weights)])
    return LatentSemantics(weights, decomposition.components_.astype(np.float32))


def joined(vectors: Vectors, words: Vectors) -> Vectors:
    """Return unit vectors that consist of an embedding with surface features and of the vector of the words."""
    return _unit(np.concatenate([vectors, words], axis=1)) if words.shape[1] else vectors


def _weighted(counts: Any, weights: NDArray[np.float32]) -> Any:
    """Return 1 + log counts times weights, rows of unit length."""
    table = counts.copy()
    table.data = ((1 + np.log(table.data)) * weights[table.indices]).astype(np.float32)
    lengths = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    table.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(table.indptr)).astype(np.float32)
    return table


def _vectorizer() -> Any:
    return scikit_learn().feature_extraction.text.HashingVectorizer(
        n_features=_FEATURES, alternate_sign=False, norm=None, stop_words="english", dtype=np.float32
    )


def scikit_learn() -> Any:
    """Return scikit-learn with the parts that the filter uses.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import sklearn
        import sklearn.decomposition
        import sklearn.ensemble
        import sklearn.feature_extraction.text
        import sklearn.linear_model
    except ImportError as error:
        raise MissingExtraError("scikit-learn is not installed", hint="pip install 'kgsynth[filter]'") from error
    return sklearn


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
