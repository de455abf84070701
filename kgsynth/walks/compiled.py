"""The compiled engine: the walks of the Cypher engine, from the same draws and tickets, on arrays.

It is for numbers of walks that are too large for database sessions. Walkers take each step together in blocks. A step
has several passes over a block (term and guide, run and context, range of members, member), so that the cache misses of
the walkers overlap.
"""

import os
from collections.abc import Iterator
from itertools import count as count_from
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth import walk_law
from kgsynth.parallel import in_order
from kgsynth.walks.combinations import AGAIN, SMALL
from kgsynth.walks.cypher_engine import Walk
from kgsynth.walks.draws import Starts, draws
from kgsynth.walks.seen_combinations import NEW, TOO_SMALL, Distinct
from kgsynth.walks.walk_tables import WalkTables

_BLOCK = 256
_BATCH = 16_384
_NOWHERE = -1
# Each step of the law as numbers: kind, draw, gate or -1, whether the step begins a phase.
_STEPS = np.array(
    [
        (walk_law.KINDS.index(step.to), step.draw, -1 if step.gate is None else step.gate, step is phase[0])
        for phase in walk_law.PHASES
        for step in phase
    ],
    dtype=np.int64,
)

Block = tuple[int, NDArray[np.int32], NDArray[np.int32]]


def walks(
    tables: WalkTables, starts: Starts, *, seed: int, limit: int | None = None, threads: int | None = None
) -> Iterator[Walk]:
    """Walks 0, 1, 2, … in order, the same as those of `cypher_engine.walks` for any number of threads.

    Args:
        tables: walk tables of the graph, through the lens if there is one.
        starts: the start of each walk.
        seed: the run's seed.
        limit: number of walks; None for an endless iterator.
        threads: number of threads; None for one per core.
    """
    for first, paths, through in blocks(tables, starts, seed=seed, limit=limit, threads=threads):
        for row in range(len(paths)):
            yield walk_of(tables, first + row, paths[row], through[row])


def walk_of(tables: WalkTables, number: int, path: NDArray[np.int32], through: NDArray[np.int32]) -> Walk:
    """Convert one row of a block to a walk."""
    places, contexts = path.tolist(), through.tolist()
    taken = [step for step, place in enumerate(places[1:]) if place != _NOWHERE]
    return Walk(
        number,
        (tables.ids[places[0]], *(tables.ids[places[1 + step]] for step in taken)),
        tuple("" if contexts[step] == _NOWHERE else tables.documents[contexts[step]].as_py() for step in taken),
    )


def judged(
    tables: WalkTables,
    starts: Starts,
    *,
    seed: int,
    min_concepts: int,
    limit: int | None = None,
    threads: int | None = None,
) -> Iterator[tuple[str, Walk | None]]:
    """For each walk in order the reason why it gives no new combination, or the walk itself.

    The reasons are those of `combinations.deduplicated`.

    Args:
        tables: walk tables of the graph, through the lens if there is one.
        starts: the start of each walk.
        seed: the run's seed.
        min_concepts: minimum number of different concepts in a combination.
        limit: number of walks; None for an endless iterator.
        threads: number of threads; None for one per core.
    """
    seen = Distinct(tables.first_topic, min_concepts=min_concepts)
    for first, paths, through in blocks(tables, starts, seed=seed, limit=limit, threads=threads):
        for row, verdict in enumerate(seen.judge(paths).tolist()):
            if verdict == NEW:
                yield "", walk_of(tables, first + row, paths[row], through[row])
            else:
                yield SMALL if verdict == TOO_SMALL else AGAIN, None


def blocks(
    tables: WalkTables, starts: Starts, *, seed: int, limit: int | None = None, threads: int | None = None
) -> Iterator[Block]:
    """The walks of `walks` as blocks of arrays.

    A block consists of the number of its first walk; the indices of the start and of the term of each step, int32
    (walks, PATH_LENGTH); and the context index of the document of each step, int32 (walks, PATH_LENGTH - 1). Both are
    -1 for a step that was not taken; the document is also -1 for a step through a counted pair.
    """
    topics = tables.places(starts.topics)

    def block(first: int) -> Block:
        size = _BATCH if limit is None else min(_BATCH, limit - first)
        start_topics = topics[starts.places(first, size)]
        return first, *level3(tables, start_topics, draws(seed, first=first, count=size))

    firsts = count_from(0, _BATCH) if limit is None else iter(range(0, limit, _BATCH))
    workers = threads or os.cpu_count() or 1
    return in_order(block, firsts, threads=workers, ahead=workers + 1)


def level3(
    tables: WalkTables, starts: NDArray[np.int64], table: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Make level-3 walks.

    Args:
        tables: walk tables of the graph.
        starts: int64 (walks,), indices of topics.
        table: float64 (walks, DRAWS_PER_WALK), the draws of `walks.draws`.

    Returns:
        Indices of terms and documents, in the form of `blocks`.
    """
    paths = np.full((len(starts), walk_law.PATH_LENGTH), _NOWHERE, dtype=np.int32)
    through = np.full((len(starts), walk_law.PATH_LENGTH - 1), _NOWHERE, dtype=np.int32)
    _level3(*arrays(tables), _STEPS, starts, np.ascontiguousarray(table), paths, through)
    return paths, through


def arrays(tables: WalkTables) -> tuple[Any, ...]:
    """The arrays of the tables in the order of the kernels' parameters."""
    parts = [np.asarray(getattr(tables.runs[to], part)) for to in walk_law.KINDS for part in ("nodes", "runs", "guide")]
    parts += [np.asarray(getattr(tables, part)) for part in ("where", "members", "units")]
    return (*parts, tables.shift)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _step(
    nodes: Any,
    runs: Any,
    guide: Any,
    where: Any,
    members: Any,
    units: Any,
    shift: int,
    to: int,
    at: Any,
    draw: Any,
    ticket: Any,
    place: Any,
    context: Any,
    count: int,
) -> None:
    """Make one step of `count` walkers; `at` holds their terms before and after, -1 for none or after a dead end.

    `context` receives the document of the step, -1 for none. `ticket` and `place` are buffers between passes.
    """
    mask = (np.int64(1) << shift) - 1
    contexts = len(where) - 1
    for walker in range(count):
        own = at[walker]
        ticket[walker] = -1
        if own >= 0:
            said = nodes[own, 1]
            if said >> shift > 0:
                u = draw[walker]
                ticket[walker] = np.int64(np.floor(u * np.float64(said >> shift)))
                offset = nodes[own, 0]
                place[walker] = offset + guide[offset + np.int64(u * np.float64(said & mask))]
    for walker in range(count):
        context[walker] = -1
        if ticket[walker] < 0:
            at[walker] = -1
        else:
            row = place[walker]
            while runs[row] >> shift <= ticket[walker]:
                row += 1
            target = runs[row] & mask
            if target >= contexts:
                at[walker] = target - contexts
                ticket[walker] = -1
            else:
                if row > nodes[at[walker], 0]:
                    ticket[walker] -= runs[row - 1] >> shift
                context[walker] = target
    if len(units) == 0:
        for walker in range(count):
            if ticket[walker] >= 0:
                within = context[walker]
                ticket[walker] += where[within, to]
                place[walker] = where[within + to, 1 - to] - 1
        for walker in range(count):
            if ticket[walker] >= 0:
                found = members[ticket[walker]]
                at[walker] = members[place[walker]] if found == at[walker] else found
        return
    for walker in range(count):
        if ticket[walker] < 0:
            continue
        within = context[walker]
        own, left = at[walker], ticket[walker]
        first, last = where[within, to], where[within + to, 1 - to]
        for position in range(first, last):
            # The last member takes the position of the term itself, as in the case without weights.
            found = members[position]
            if found == own:
                found = members[last - 1]
            left -= units[found]
            if left < 0:
                at[walker] = found
                break


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _level3(
    concept_nodes: Any,
    concept_runs: Any,
    concept_guide: Any,
    topic_nodes: Any,
    topic_runs: Any,
    topic_guide: Any,
    where: Any,
    members: Any,
    units: Any,
    shift: int,
    steps: Any,
    starts: Any,
    table: Any,
    paths: Any,
    through: Any,
) -> None:
    at = np.empty(_BLOCK, dtype=np.int64)
    last = np.empty(_BLOCK, dtype=np.int64)
    draw = np.empty(_BLOCK, dtype=np.float64)
    ticket = np.empty(_BLOCK, dtype=np.int64)
    place = np.empty(_BLOCK, dtype=np.int64)
    context = np.empty(_BLOCK, dtype=np.int64)
    for first in range(0, len(starts), _BLOCK):
        count = min(_BLOCK, len(starts) - first)
        for walker in range(count):
            paths[first + walker, 0] = last[walker] = starts[first + walker]
        for step in range(len(steps)):
            to, own_draw, gate, is_phase = steps[step]
            for walker in range(count):
                if is_phase:
                    at[walker] = last[walker]
                draw[walker] = table[first + walker, own_draw]
                if gate >= 0 and table[first + walker, gate] < 0.5:
                    at[walker] = -1
            if to == 0:
                _step(
                    concept_nodes, concept_runs, concept_guide, where, members, units, shift, to,
                    at, draw, ticket, place, context, count,
                )  # fmt: skip
            else:
                _step(
                    topic_nodes, topic_runs, topic_guide, where, members, units, shift, to,
                    at, draw, ticket, place, context, count,
                )  # fmt: skip
            for walker in range(count):
                if at[walker] >= 0:
                    paths[first + walker, 1 + step] = last[walker] = at[walker]
                    through[first + walker, step] = context[walker]
