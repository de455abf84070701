"""Combinations: the sets of terms that walks visited, each once, with what was left out counted by reason."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import GraphError
from kgsynth.records import Combination, StageCount, content_hash
from kgsynth.walks.cypher_engine import Walk

# So many walks in a row without a new combination, and the graph is taken for exhausted.
_EXHAUSTED_AFTER = 20_000
SMALL, AGAIN = "too small", "repeat"


def combination_id(path: Iterable[str]) -> str:
    """Id of the set of terms on a path: the same set, the same id, whatever graph, seed or order."""
    return f"comb-{content_hash(sorted(set(path)))[:16]}"


def judged(walks: Iterable[Walk], *, min_concepts: int) -> Iterator[tuple[str, Walk | None]]:
    """For each walk in order why it gives no new combination, or the walk itself.

    Args:
        walks: walks in order, possibly without end.
        min_concepts: a combination needs as many different concepts.
    """
    seen: set[str] = set()
    for walk in walks:
        if len({term for term in walk.path if term.startswith("concept:")}) < min_concepts:
            yield SMALL, None
        elif (identity := combination_id(walk.path)) in seen:
            yield AGAIN, None
        else:
            seen.add(identity)
            yield "", walk


def combinations(
    walks: Iterable[tuple[str, Walk | None]], *, seed: int, min_concepts: int, limit: int | None, count: StageCount
) -> Iterator[Combination]:
    """New combinations in the order of their walks; repeats and too small ones are counted in `count`.

    Args:
        walks: walks in order, possibly without end, as `judged` gives them.
        seed: theirs.
        min_concepts: for the message when there is nothing.
        limit: stop after so many combinations; None: when the walks end.
        count: gets kept and rejected walks, and a note when the graph held fewer combinations than asked for.

    Raises:
        GraphError: not a single walk gave a combination.
    """
    cut = Cut(limit, count, min_concepts=min_concepts)
    for problem, walk in walks:
        if walk is None:
            count.reject(problem)
        else:
            count.kept += 1
            yield Combination(
                id=combination_id(walk.path),
                seed=seed,
                walk=walk.number,
                path=walk.path,
                topics=tuple(sorted({term for term in walk.path if term.startswith("topic:")})),
                concepts=tuple(sorted({term for term in walk.path if term.startswith("concept:")})),
            )
        cut.after_one(is_new=walk is not None)
        if cut.is_done:
            break
    cut.finish()


class Cut:
    """Where a walk through combinations ends: enough were found, or the graph gives nothing new any more."""

    def __init__(self, limit: int | None, count: StageCount, *, min_concepts: int) -> None:
        """Nothing was walked yet.

        Args:
            limit: so many combinations are enough; None for all.
            count: gets a note when the graph held fewer.
            min_concepts: for the message when there is nothing.
        """
        self._limit, self._count, self._min_concepts = limit, count, min_concepts
        self._found = self._unproductive = 0
        self.is_done = False

    def after_one(self, *, is_new: bool) -> None:
        """Take note of the next walk, which gave a new combination or not."""
        self._found += is_new
        self._unproductive = 0 if is_new else self._unproductive + 1
        if self._limit is not None:
            self.is_done = self._found >= self._limit
            if self._unproductive >= _EXHAUSTED_AFTER:
                self._exhausted()

    def after(self, is_new: NDArray[np.bool_]) -> int:
        """Take note of the next walks, bool (walks,) whether each gave a new combination; how many of them count."""
        places = np.flatnonzero(is_new)
        # Runs of walks without a new combination: before the first, and behind each.
        starts = np.concatenate([[-self._unproductive], places + 1])
        lengths = np.concatenate([places, [len(is_new)]]) - starts
        end = len(is_new)
        if self._limit is not None:
            if self._found + len(places) >= self._limit:
                end = int(places[self._limit - self._found - 1]) + 1
            long = starts[lengths >= _EXHAUSTED_AFTER]
            if len(long) and long[0] + _EXHAUSTED_AFTER <= end:
                end = int(long[0]) + _EXHAUSTED_AFTER
                self._exhausted()
        self._found += int((places < end).sum())
        self._unproductive = int(lengths[-1])
        self.is_done |= self._limit is not None and self._found >= self._limit
        return end

    def _exhausted(self) -> None:
        self._count.notes["asked_for"] = self._limit
        self._count.notes["graph"] = f"exhausted: the last {_EXHAUSTED_AFTER:,} walks gave nothing new"
        self.is_done = True

    def finish(self) -> None:
        """The walks are over.

        Raises:
            GraphError: none of them gave a combination.
        """
        if not self._found:
            raise GraphError(
                f"none of {self._count.read:,} walks visited {self._min_concepts} concepts",
                hint="Do documents name several concepts and at least one topic? `kgsynth check` and the load's "
                "counts tell.",
            )


def batched(items: Iterable[Combination], size: int) -> Iterator[list[Combination]]:
    """Lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
