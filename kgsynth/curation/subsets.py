"""An order of questions whose prefixes are balanced subsets: it alternates between all levels."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.progress import Progress
from kgsynth.records import CuratedQuestion


class SubsetRows:
    """Selects the rows of a subset and counts them."""

    def __init__(self, levels: Sequence[int], ranks: NDArray[np.int64], size: int, digest: Any) -> None:
        self._levels, self._ranks, self._size, self._digest = levels, ranks, size, digest
        self.counts: dict[int, int] = {}
        self.characters = 0

    def of(self, rows: Iterator[dict[str, Any]], progress: Progress) -> Iterator[CuratedQuestion]:
        """Yield the rows of the subset among all rows, in their order."""
        for index, row in enumerate(rows):
            if self._ranks[index] < self._size:
                level = self._levels[index]
                self.counts[level] = self.counts.get(level, 0) + 1
                self.characters += len(row["text"]) + len(row["answer"])
                self._digest.update(f"{row['id']}\n".encode("utf-8", "replace"))
                progress.advance()
                yield CuratedQuestion.from_row(row)


def balanced_ranks(levels: NDArray[np.int64], keys: NDArray[np.uint64], usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return each row's rank in the order whose prefixes are the subsets, int64 (rows,); unusable rows come last."""
    within = np.empty(len(levels), dtype=np.int64)
    order = np.lexsort((keys, levels, ~usable))
    for level in np.unique(levels):
        level_rows = order[levels[order] == level]
        within[level_rows] = np.arange(len(level_rows))
    # Alternate: the first row of each level, then the second of each, …
    ranks = np.empty(len(levels), dtype=np.int64)
    ranks[np.lexsort((levels, within, ~usable))] = np.arange(len(levels))
    return ranks
