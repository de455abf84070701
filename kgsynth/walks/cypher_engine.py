"""The canonical engine: one static read statement makes complete level-3 walks, many per query.

The path of walk i does not depend on the batch size or the number of sessions. This module does not use the driver
directly; the caller supplies a `QueryReader`.
"""

from collections.abc import Iterator, Mapping
from itertools import count as count_from
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth import queries
from kgsynth.parallel import in_order
from kgsynth.queries import Query
from kgsynth.walks.draws import Starts, draws

_LEVEL3 = queries.load("walk/level3")
_LEVEL3_LENS = queries.load("walk/level3_lens")


class QueryReader(Protocol):
    """Runs packaged statements that read; safe to call from several threads."""

    def read(self, query: Query, **parameters: object) -> list[dict[str, Any]]:
        """All rows of a statement."""


class Walk(NamedTuple):
    """Walk `number` of a seed: the ids of the visited terms, in order and with repeats, and of the documents between.

    `through` has one entry per step: the document's id, or an empty string for a counted pair.
    """

    number: int
    path: tuple[str, ...]
    through: tuple[str, ...]


class Lens(NamedTuple):
    """The effect of a lens on the tickets of a graph.

    Integer weights of terms, and per slot of a context the sums of the weights of its concepts and of its topics; int64
    (slots,).
    """

    weights: Mapping[str, int]
    concept_totals: NDArray[np.int64]
    topic_totals: NDArray[np.int64]


def walks(
    reader: QueryReader,
    starts: Starts,
    *,
    seed: int,
    batch_size: int,
    sessions: int,
    limit: int | None = None,
    lens: Lens | None = None,
) -> Iterator[Walk]:
    """Walks 0, 1, 2, … in order.

    Args:
        reader: runs the queries on the graph.
        starts: the start of each walk.
        seed: the run's seed.
        batch_size: number of walks per query.
        sessions: number of concurrent queries.
        limit: number of walks; None for an endless iterator.
        lens: the lens; None for none.

    Raises:
        GraphError: the reader raised it.
    """
    through_lens = (
        {}
        if lens is None
        else {
            "weights": dict(lens.weights),
            "concept_totals": lens.concept_totals.tolist(),
            "topic_totals": lens.topic_totals.tolist(),
        }
    )

    def requests(first: int) -> list[dict[str, Any]]:
        size = batch_size if limit is None else min(batch_size, limit - first)
        table = draws(seed, first=first, count=size)
        return [
            {"index": first + row, "start": starts.topic_of(first + row), "draws": table[row].tolist()}
            for row in range(size)
        ]

    def batch(wanted: list[dict[str, Any]]) -> list[Walk]:
        if lens is None:
            rows = reader.read(_LEVEL3, walks=wanted)
        else:
            rows = reader.read(_LEVEL3_LENS, walks=wanted, **through_lens)
        return sorted(
            Walk(row["index"], tuple(row["path"]), tuple(document or "" for document in row["documents"]))
            for row in rows
        )

    firsts = count_from(0, batch_size) if limit is None else iter(range(0, limit, batch_size))
    if sessions == 1:
        for first in firsts:
            yield from batch(requests(first))
        return
    for walked in in_order(batch, map(requests, firsts), threads=sessions, ahead=2 * sessions):
        yield from walked
