"""Duplicates and near-duplicates of texts, by normal form and by MinHash.

The first of several duplicates in the order of the input is kept. Signatures take 512 bytes per text on disk; the
normal forms take some hundred bytes per text in memory.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.texts import normal_question

# With this number the standard error of an estimated similarity of 0.8 is 0.035.
_PERMUTATIONS = 128
# 16 bands of 8 rows: pairs share a band with probability 0.06, 0.95 and 0.9999 at similarity 0.5, 0.8 and 0.9.
_BANDS = 16
_SHINGLE_WORDS = 3
# Maximum number of earlier texts in a bucket that a text is compared with; larger buckets hold variations of one form.
_MAX_COMPARED = 200
_SEED = 1


class ExactForms:
    """The normal forms of texts, each with the first row that has it."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}

    def first(self, text: str, row: int) -> int:
        """Return the first row with this normal form; `row` itself if the form is new."""
        key = hashlib.blake2b(normal_question(text).encode("utf-8", "replace"), digest_size=16).digest()
        return self._first.setdefault(key, row)


class Signatures:
    """MinHash signatures of texts, on disk, in the order in which they were added."""

    def __init__(self, folder: Path) -> None:
        """Open a file in the folder; the caller removes the folder."""
        self._path = folder / "signatures.u32"
        self._file = self._path.open("wb")
        self.rows: list[int] = []

    def add(self, row: int, text: str) -> None:
        """Add the signature of a row's text."""
        from datasketch import MinHash

        signature = MinHash(num_perm=_PERMUTATIONS, seed=_SEED)
        signature.update_batch(shingles(text))
        self._file.write(signature.hashvalues.astype("<u4").tobytes())
        self.rows.append(row)

    def close(self) -> None:
        """Close the file, also where an error keeps the pairs from being read."""
        self._file.close()

    def pairs(self, min_jaccard: float) -> Iterator[tuple[int, int, float]]:
        """Yield pairs of rows (earlier, later, estimated similarity) that share a band, from the given similarity."""
        self.close()
        if self.rows:
            signatures = np.memmap(self._path, dtype="<u4", mode="r", shape=(len(self.rows), _PERMUTATIONS))
            for earlier, later, jaccard in _similar_pairs(signatures, min_jaccard):
                yield self.rows[earlier], self.rows[later], jaccard


def first_stays(pairs: Iterable[tuple[int, int, float]]) -> dict[int, tuple[int, float]]:
    """Return for each row to drop the most similar earlier row that is kept, and the similarity.

    Args:
        pairs: (earlier, later, similarity) of all pairs of near-duplicate rows.
    """
    earlier_of: dict[int, dict[int, float]] = {}
    for earlier, later, similarity in pairs:
        earlier_of.setdefault(later, {})[earlier] = similarity
    dropped: dict[int, tuple[int, float]] = {}
    for later in sorted(earlier_of):
        kept = [(similarity, -earlier) for earlier, similarity in earlier_of[later].items() if earlier not in dropped]
        if kept:
            similarity, negative_row = max(kept)
            dropped[later] = (-negative_row, similarity)
    return dropped


def shingles(text: str) -> list[bytes]:
    """Return the word trigrams of the normal form; a shorter text is a single shingle."""
    words = normal_question(text).split()
    return [
        " ".join(words[first : first + _SHINGLE_WORDS]).encode("utf-8", "replace")
        for first in range(max(1, len(words) - _SHINGLE_WORDS + 1))
    ]


def _similar_pairs(signatures: NDArray[Any], min_jaccard: float) -> Iterator[tuple[int, int, float]]:
    """Yield pairs (earlier, later, estimated Jaccard similarity) that share a band, from the given similarity."""
    width = _PERMUTATIONS // _BANDS
    for band in range(_BANDS):
        block = np.ascontiguousarray(signatures[:, band * width : (band + 1) * width])
        keys = block.view(np.dtype((np.void, block.dtype.itemsize * width))).ravel()
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        sizes = np.diff(np.r_[starts, len(order)])
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            bucket = order[start : start + size]
            for position in range(1, size):
                earlier = bucket[: min(position, _MAX_COMPARED)]
                similarities = (signatures[earlier] == signatures[bucket[position]]).mean(axis=1)
                for match in np.flatnonzero(similarities >= min_jaccard):
                    yield int(earlier[match]), int(bucket[position]), float(similarities[match])


class Groups:
    """Groups of names (union-find); the smallest name of a group represents it."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def join(self, first: str, second: str) -> None:
        """Unite the groups of two names."""
        root, other_root = sorted((self.root(first), self.root(second)))
        if root != other_root:
            self._parent[other_root] = root

    def root(self, name: str) -> str:
        """Return the name that represents the group of a name."""
        while (parent := self._parent.get(name)) is not None:
            if (above := self._parent.get(parent)) is not None:
                self._parent[name] = above
            name = parent
        return name
