"""Combinations: the sets of terms that walks visited, each once, with what was left out counted by reason."""

from collections.abc import Iterable, Iterator
from itertools import islice

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
    found = unproductive = 0
    for problem, walk in walks:
        if walk is None:
            count.reject(problem)
            unproductive += 1
        else:
            found += 1
            count.kept += 1
            unproductive = 0
            yield Combination(
                id=combination_id(walk.path),
                seed=seed,
                walk=walk.number,
                path=walk.path,
                topics=tuple(sorted({term for term in walk.path if term.startswith("topic:")})),
                concepts=tuple(sorted({term for term in walk.path if term.startswith("concept:")})),
            )
            if limit is not None and found >= limit:
                return
        if limit is not None and unproductive >= _EXHAUSTED_AFTER:
            count.notes["asked_for"] = limit
            count.notes["graph"] = f"exhausted: the last {unproductive:,} walks gave nothing new"
            break
    if not found:
        raise GraphError(
            f"none of {count.read:,} walks visited {min_concepts} concepts",
            hint="Do documents name several concepts and at least one topic? `kgsynth check` and the load's "
            "counts tell.",
        )


def batched(items: Iterable[Combination], size: int) -> Iterator[list[Combination]]:
    """Lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
