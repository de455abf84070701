"""Combinations: the distinct sets of terms that walks visited; rejected walks are counted by reason."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import GraphError
from kgsynth.records import Combination, StageCount, content_hash
from kgsynth.walks.cypher_engine import Walk

# After this many successive walks without a new combination the graph counts as exhausted.
_EXHAUSTED_AFTER = 20_000
SMALL, AGAIN = "too small", "repeat"


def combination_id(path: Iterable[str]) -> str:
    """The id of the set of terms on a path; it does not depend on the graph, the seed or the order."""
    return f"comb-{content_hash(sorted(set(path)))[:16]}"


def deduplicated(walks: Iterable[Walk], *, min_concepts: int) -> Iterator[tuple[str, Walk | None]]:
    """For each walk in order the reason why it gives no new combination, or the walk itself.

    Args:
        walks: walks in order, possibly without end.
        min_concepts: minimum number of different concepts in a combination.
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
        walks: walks in order, possibly endless, as `deduplicated` returns them.
        seed: seed of the walks.
        min_concepts: used in the error message.
        limit: maximum number of combinations; None for all walks.
        count: receives kept and rejected walks, and a note if the graph held fewer combinations than `limit`.

    Raises:
        GraphError: no walk gave a combination.
    """
    cut = StoppingRule(limit, count, min_concepts=min_concepts)
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
                through=walk.through,
                topics=tuple(sorted({term for term in walk.path if term.startswith("topic:")})),
                concepts=tuple(sorted({term for term in walk.path if term.startswith("concept:")})),
            )
        cut.after_one(is_new=walk is not None)
        if cut.is_done:
            break
    cut.finish()


class StoppingRule:
    """Decides when to stop: enough combinations were found, or the graph gives no new ones."""

    def __init__(self, limit: int | None, count: StageCount, *, min_concepts: int) -> None:
        """Set the limit.

        Args:
            limit: maximum number of combinations; None for all.
            count: receives a note if the graph holds fewer.
            min_concepts: used in the error message.
        """
        self._limit, self._count, self._min_concepts = limit, count, min_concepts
        self._found = self._unproductive = 0
        self.is_done = False

    def after_one(self, *, is_new: bool) -> None:
        """Record whether the next walk gave a new combination."""
        self._found += is_new
        self._unproductive = 0 if is_new else self._unproductive + 1
        if self._limit is not None:
            self.is_done = self._found >= self._limit
            if self._unproductive >= _EXHAUSTED_AFTER:
                self._exhausted()

    def after(self, is_new: NDArray[np.bool_]) -> int:
        """Record for the next walks, bool (walks,), whether each gave a new combination; returns how many count."""
        new_walks = np.flatnonzero(is_new)
        # Runs of walks without a new combination: one before the first new combination, and one after each.
        starts = np.concatenate([[-self._unproductive], new_walks + 1])
        lengths = np.concatenate([new_walks, [len(is_new)]]) - starts
        end = len(is_new)
        if self._limit is not None:
            if self._found + len(new_walks) >= self._limit:
                end = int(new_walks[self._limit - self._found - 1]) + 1
            long = starts[lengths >= _EXHAUSTED_AFTER]
            if len(long) and long[0] + _EXHAUSTED_AFTER <= end:
                end = int(long[0]) + _EXHAUSTED_AFTER
                self._exhausted()
        self._found += int((new_walks < end).sum())
        self._unproductive = int(lengths[-1])
        self.is_done |= self._limit is not None and self._found >= self._limit
        return end

    def _exhausted(self) -> None:
        self._count.notes["asked_for"] = self._limit
        self._count.notes["graph"] = f"exhausted: the last {_EXHAUSTED_AFTER:,} walks gave nothing new"
        self.is_done = True

    def finish(self) -> None:
        """End the walks.

        Raises:
            GraphError: no walk gave a combination.
        """
        if not self._found:
            raise GraphError(
                f"none of {self._count.read:,} walks visited {self._min_concepts} concepts",
                hint="Documents must name several concepts and at least one topic; `kgsynth check` and the counts of "
                "the load show whether they do.",
            )
