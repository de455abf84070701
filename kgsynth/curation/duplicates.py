"""Duplicates among questions: equal after normalisation, near by MinHash, near by embedding.

Of duplicates the first in the order of the input stays. Memory: 512 bytes a question on disk for the signatures, some
hundred in memory for the exact forms.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.texts import normal_question

# The standard error of an estimated similarity of .8 is .035 with so many.
_PERMUTATIONS = 128
# 16 bands of 8 rows: a pair of similarity .8 meets with probability .95, one of .9 with .9999, one of .5 with .06.
_BANDS = 16
_SHINGLE_WORDS = 3
# Within one bucket a text is compared with so many texts that stay; a larger bucket holds variations of one form.
_MAX_COMPARED = 200
_SEED = 1


class ExactForms:
    """Which normal forms were seen, and where first."""

    def __init__(self) -> None:
        """None was."""
        self._first: dict[bytes, int] = {}

    def first(self, text: str, row: int) -> int:
        """The row that had this form first; `row` itself when it is new."""
        key = hashlib.blake2b(normal_question(text).encode("utf-8", "replace"), digest_size=16).digest()
        return self._first.setdefault(key, row)


class Signatures:
    """MinHash signatures of texts, on disk, in the order in which they were added."""

    def __init__(self, folder: Path) -> None:
        """Open a file in the folder, which the caller removes."""
        self._path = folder / "signatures.u32"
        self._file = self._path.open("wb")
        self.rows: list[int] = []

    def add(self, row: int, text: str) -> None:
        """Add the signature of a row's text."""
        from datasketch import MinHash

        made = MinHash(num_perm=_PERMUTATIONS, seed=_SEED)
        made.update_batch(shingles(text))
        self._file.write(made.hashvalues.astype("<u4").tobytes())
        self.rows.append(row)

    def pairs(self, min_jaccard: float) -> Iterator[tuple[int, int, float]]:
        """All pairs of rows (earlier, later, similarity) at least so near that met."""
        self._file.close()
        if self.rows:
            held = np.memmap(self._path, dtype="<u4", mode="r", shape=(len(self.rows), _PERMUTATIONS))
            for earlier, later, jaccard in _meetings(held, min_jaccard):
                yield self.rows[earlier], self.rows[later], jaccard


def first_stays(pairs: Iterable[tuple[int, int, float]]) -> dict[int, tuple[int, float]]:
    """For each row that goes: the nearest earlier row that stays, and how near.

    Args:
        pairs: (earlier, later, similarity) of all rows that are near each other.
    """
    earlier_of: dict[int, dict[int, float]] = {}
    for earlier, later, similarity in pairs:
        earlier_of.setdefault(later, {})[earlier] = similarity
    going: dict[int, tuple[int, float]] = {}
    for later in sorted(earlier_of):
        staying = [(similarity, -earlier) for earlier, similarity in earlier_of[later].items() if earlier not in going]
        if staying:
            similarity, negative = max(staying)
            going[later] = (-negative, similarity)
    return going


def shingles(text: str) -> list[bytes]:
    """Runs of three words and signs of the normal form; a shorter text is one run."""
    words = normal_question(text).split()
    return [
        " ".join(words[first : first + _SHINGLE_WORDS]).encode("utf-8", "replace")
        for first in range(max(1, len(words) - _SHINGLE_WORDS + 1))
    ]


def _meetings(held: NDArray[Any], min_jaccard: float) -> Iterator[tuple[int, int, float]]:
    """Pairs (earlier, later, estimated Jaccard) at least so near that share a band."""
    width = _PERMUTATIONS // _BANDS
    for band in range(_BANDS):
        block = np.ascontiguousarray(held[:, band * width : (band + 1) * width])
        keys = block.view(np.dtype((np.void, block.dtype.itemsize * width))).ravel()
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        sizes = np.diff(np.r_[starts, len(order)])
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            bucket = order[start : start + size]
            for place in range(1, size):
                earlier = bucket[: min(place, _MAX_COMPARED)]
                similarities = (held[earlier] == held[bucket[place]]).mean(axis=1)
                for near in np.flatnonzero(similarities >= min_jaccard):
                    yield int(earlier[near]), int(bucket[place]), float(similarities[near])


class Groups:
    """Which names belong together; each group is called by the smallest of its names."""

    def __init__(self) -> None:
        """Each name is alone."""
        self._parent: dict[str, str] = {}

    def join(self, first: str, second: str) -> None:
        """The two, and all that belong to them, belong together."""
        one, other = sorted((self.of(first), self.of(second)))
        if one != other:
            self._parent[other] = one

    def of(self, name: str) -> str:
        """The name of a name's group."""
        while (parent := self._parent.get(name)) is not None:
            if (above := self._parent.get(parent)) is not None:
                self._parent[name] = above
            name = parent
        return name


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Where signatures are kept while they are compared."""
    return tempfile.TemporaryDirectory(prefix="kgsynth-curate-")
