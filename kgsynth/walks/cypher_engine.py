"""The canonical engine: whole level-3 walks in one static read statement, many walks a query, over the ticket tables.

Walk i gives the same path whatever the batch size and the number of sessions. This module knows no driver: it is given
something that reads queries.
"""

from collections.abc import Iterator, Mapping
from itertools import count as count_from
from typing import Any, NamedTuple, Protocol

from kgsynth import queries
from kgsynth.parallel import in_order
from kgsynth.queries import Query
from kgsynth.walks.law import Starts, draws

_LEVEL3 = queries.load("walk/level3")
_LEVEL3_LENS = queries.load("walk/level3_lens")


class QueryReader(Protocol):
    """Runs packaged reading statements; safe to call from several threads."""

    def read(self, query: Query, **parameters: object) -> list[dict[str, Any]]:
        """All rows."""


class Walk(NamedTuple):
    """Walk `number` of a seed, and the ids of the terms it visited, in order, with repeats."""

    number: int
    path: tuple[str, ...]


def walks(
    reader: QueryReader,
    starts: Starts,
    *,
    seed: int,
    batch_size: int,
    sessions: int,
    limit: int | None = None,
    weights: Mapping[str, int] | None = None,
) -> Iterator[Walk]:
    """Walks 0, 1, 2, … in order.

    Args:
        reader: where the graph is.
        starts: where they start.
        seed: the run's seed.
        batch_size: walks a query.
        sessions: queries at once.
        limit: how many walks; None for no end.
        weights: whole-number weights of a lens, None for none.

    Raises:
        GraphError: as the reader raises.
    """

    def requests(first: int) -> list[dict[str, Any]]:
        size = batch_size if limit is None else min(batch_size, limit - first)
        table = draws(seed, first=first, count=size)
        return [
            {"index": first + row, "start": starts.of(first + row), "draws": table[row].tolist()} for row in range(size)
        ]

    def batch(wanted: list[dict[str, Any]]) -> list[Walk]:
        if weights is None:
            rows = reader.read(_LEVEL3, walks=wanted)
        else:
            rows = reader.read(_LEVEL3_LENS, walks=wanted, weights=dict(weights))
        return sorted(Walk(row["index"], tuple(row["path"])) for row in rows)

    firsts = count_from(0, batch_size) if limit is None else iter(range(0, limit, batch_size))
    if sessions == 1:
        for first in firsts:
            yield from batch(requests(first))
        return
    for found in in_order(batch, map(requests, firsts), threads=sessions, ahead=2 * sessions):
        yield from found
