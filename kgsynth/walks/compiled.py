"""The compiled engine: the walks of the Cypher engine, from the same draws and the same tickets, on arrays.

It is for amounts and graphs that no database session should serve. Walkers go in blocks that take each step together,
in two passes (look up term and guide for all, then neighbours for all), so that their cache misses overlap.
"""

import os
from collections.abc import Iterator
from itertools import count as count_from
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.parallel import in_order
from kgsynth.walks.combinations import AGAIN, SMALL
from kgsynth.walks.cypher_engine import Walk
from kgsynth.walks.distinct import NEW, TOO_SMALL, Distinct
from kgsynth.walks.law import Starts, draws
from kgsynth.walks.tables import PATH_LENGTH, StepTable, WalkTables

_BLOCK = 256
_BATCH = 16_384
_NOWHERE = -1


def walks(
    tables: WalkTables, starts: Starts, *, seed: int, limit: int | None = None, threads: int | None = None
) -> Iterator[Walk]:
    """Walks 0, 1, 2, … in order: those of `cypher_engine.walks`, whatever the number of threads.

    Args:
        tables: of the graph, through a lens where there is one.
        starts: where they start.
        seed: the run's seed.
        limit: how many walks; None for no end.
        threads: at once; None for one a core.
    """
    for first, block in blocks(tables, starts, seed=seed, limit=limit, threads=threads):
        for row, places in enumerate(block.tolist()):
            yield Walk(first + row, tuple(tables.ids[place] for place in places if place != _NOWHERE))


def judged(
    tables: WalkTables,
    starts: Starts,
    *,
    seed: int,
    min_concepts: int,
    limit: int | None = None,
    threads: int | None = None,
) -> Iterator[tuple[str, Walk | None]]:
    """For each walk in order what is wrong with it, as `combinations.judged` says it, or the walk itself.

    Args:
        tables: of the graph, through a lens where there is one.
        starts: where walks start.
        seed: the run's seed.
        min_concepts: a combination needs as many different concepts.
        limit: how many walks; None for no end.
        threads: at once; None for one a core.
    """
    seen = Distinct(tables.first_topic, min_concepts=min_concepts)
    for first, block in blocks(tables, starts, seed=seed, limit=limit, threads=threads):
        for row, (verdict, places) in enumerate(zip(seen.judge(block).tolist(), block.tolist(), strict=True)):
            if verdict == NEW:
                yield "", Walk(first + row, tuple(tables.ids[place] for place in places if place != _NOWHERE))
            else:
                yield SMALL if verdict == TOO_SMALL else AGAIN, None


def blocks(
    tables: WalkTables, starts: Starts, *, seed: int, limit: int | None = None, threads: int | None = None
) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """The same walks as arrays: number of the first, and places int32 (walks, 8) of start, topics and concepts.

    A step that was not taken is -1.
    """
    topics = tables.places(starts.topics)

    def one(first: int) -> tuple[int, NDArray[np.int32]]:
        size = _BATCH if limit is None else min(_BATCH, limit - first)
        own = topics[starts.places(first, size)]
        return first, level3(tables, own, draws(seed, first=first, count=size))

    firsts = count_from(0, _BATCH) if limit is None else iter(range(0, limit, _BATCH))
    workers = threads or os.cpu_count() or 1
    return in_order(one, firsts, threads=workers, ahead=workers + 1)


def level3(tables: WalkTables, starts: NDArray[np.int64], table: NDArray[np.float64]) -> NDArray[np.int32]:
    """Level-3 walks.

    Args:
        tables: of the graph.
        starts: int64 (walks,), places of topics.
        table: float64 (walks, 9), the draws of `law`.

    Returns:
        int32 (walks, 8), as `blocks` gives them.
    """
    out = np.full((len(starts), PATH_LENGTH), _NOWHERE, dtype=np.int32)
    held: list[Any] = []
    for name in ("next_topic", "first_concept", "next_concept"):
        step: StepTable = tables.steps[name]
        held += [np.asarray(part) for part in (step.nodes, step.neighbours, step.guide)]
    _level3(*held, tables.shift, starts, np.ascontiguousarray(table), out)
    return out


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _step(
    nodes: Any, neighbours: Any, guide: Any, shift: int, at: Any, draw: Any, ticket: Any, place: Any, count: int
) -> None:
    """One step of `count` walkers at `at`, which becomes where they are; what is nowhere, or at a dead end, is -1."""
    mask = (np.int64(1) << shift) - 1
    for walker in range(count):
        own = at[walker]
        ticket[walker] = -1
        if own >= 0:
            said = nodes[own, 1]
            if said > 0:
                offset = nodes[own, 0]
                u = draw[walker]
                ticket[walker] = np.int64(np.floor(u * np.float64(said >> shift)))
                place[walker] = offset + guide[offset + np.int64(u * np.float64(said & mask))]
    for walker in range(count):
        if ticket[walker] >= 0:
            step = place[walker]
            while neighbours[step] >> shift <= ticket[walker]:
                step += 1
            at[walker] = neighbours[step] & mask
        else:
            at[walker] = -1


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _level3(
    topic_nodes: Any,
    topic_neighbours: Any,
    topic_guide: Any,
    first_nodes: Any,
    first_neighbours: Any,
    first_guide: Any,
    concept_nodes: Any,
    concept_neighbours: Any,
    concept_guide: Any,
    shift: int,
    starts: Any,
    table: Any,
    out: Any,
) -> None:
    at = np.empty(_BLOCK, dtype=np.int64)
    last = np.empty(_BLOCK, dtype=np.int64)
    draw = np.empty(_BLOCK, dtype=np.float64)
    ticket = np.empty(_BLOCK, dtype=np.int64)
    place = np.empty(_BLOCK, dtype=np.int64)
    for first in range(0, len(starts), _BLOCK):
        count = min(_BLOCK, len(starts) - first)
        for walker in range(count):
            out[first + walker, 0] = at[walker] = last[walker] = starts[first + walker]
        for step in range(2):
            for walker in range(count):
                draw[walker] = table[first + walker, 1 + step]
                if step == 1 and table[first + walker, 0] < 0.5:
                    at[walker] = -1
            _step(topic_nodes, topic_neighbours, topic_guide, shift, at, draw, ticket, place, count)
            for walker in range(count):
                if at[walker] >= 0:
                    out[first + walker, 1 + step] = last[walker] = at[walker]
        for walker in range(count):
            at[walker] = last[walker]
            draw[walker] = table[first + walker, 3]
        _step(first_nodes, first_neighbours, first_guide, shift, at, draw, ticket, place, count)
        for walker in range(count):
            if at[walker] >= 0:
                out[first + walker, 3] = at[walker]
        for step in range(4):
            for walker in range(count):
                draw[walker] = table[first + walker, 5 + step]
                if step == 3 and table[first + walker, 4] < 0.5:
                    at[walker] = -1
            _step(concept_nodes, concept_neighbours, concept_guide, shift, at, draw, ticket, place, count)
            for walker in range(count):
                if at[walker] >= 0:
                    out[first + walker, 4 + step] = at[walker]
