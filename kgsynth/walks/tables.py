"""The walk tables of a graph as arrays: what the compiled engine walks on, in memory or mapped from a file.

For each step table (topic to topic, topic to concept, concept to concept) three arrays. A term is its place in the
order of ids. `shift` is the bits of a place, `n` the number of terms:

    nodes       int64 (n, 2)   where the term's neighbours begin; tickets << shift | degree
    neighbours  int64 (steps,) end of the neighbour's tickets << shift | its place, in ticket order
    guide       int32 (steps,) bucket floor(u * degree) of a term: its first neighbour that a draw u in it can pick

A term's tickets are those of the graph (DESIGN section 3), counted from 0.
"""

import json
import os
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import GraphError

Int64 = NDArray[np.int64]
TABLES = ("next_topic", "first_concept", "next_concept")
_KINDS = {
    "next_topic": ("topic", "topic"),
    "first_concept": ("topic", "concept"),
    "next_concept": ("concept", "concept"),
}
_PARTS = ("nodes", "neighbours", "guide")
_FORMAT = 2
# Start, two topics, five concepts.
PATH_LENGTH = 8
# Neighbours are ordered and packed for so many steps at a time.
_CHUNK = 4_000_000
# Of all terms together: sums of tickets are whole numbers of 64 bits.
_MOST_TICKETS = 2.0**62


@dataclass(frozen=True, slots=True, eq=False)
class StepTable:
    """One step table, packed as the module says."""

    nodes: Int64
    neighbours: Int64
    guide: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class WalkTables:
    """All step tables of a graph, and the ids of its terms in order."""

    ids: Sequence[str]
    shift: int
    steps: Mapping[str, StepTable]

    @property
    def first_topic(self) -> int:
        """Where topics begin: they stand behind the concepts."""
        return bisect_left(self.ids, "topic:")

    def places(self, ids: Iterable[str]) -> Int64:
        """Where terms stand; int64 (ids,).

        Raises:
            GraphError: an id is of no term here.
        """
        wanted = list(ids)
        held = np.asarray(self.ids, dtype=object)
        found = np.searchsorted(held, np.asarray(wanted, dtype=object)) if wanted else np.empty(0, dtype=np.int64)
        for identity, place in zip(wanted, found, strict=True):
            if place >= len(held) or held[place] != identity:
                raise GraphError(f"{identity!r} is no concept or topic of the walk tables")
        return np.asarray(found, dtype=np.int64)


def from_pairs(ids: Sequence[str], sources: Int64, targets: Int64, counts: Int64) -> WalkTables:
    """The tables of terms in order and their directed pairs: int64 (pairs,) each, every pair from both of its ends.

    Raises:
        GraphError: the tickets of a term do not fit.
    """
    is_topic = np.array([identity.startswith("topic:") for identity in ids], dtype=np.bool_)
    shift = max(1, len(ids).bit_length())
    steps = {}
    for name, (kind, other) in _KINDS.items():
        chosen = (is_topic[sources] == (kind == "topic")) & (is_topic[targets] == (other == "topic"))
        steps[name] = _packed(len(ids), shift, sources[chosen], targets[chosen], counts[chosen])
    return WalkTables(ids, shift, steps)


def through_lens(tables: WalkTables, weights: Mapping[str, int]) -> WalkTables:
    """The tables of walks that visit terms with a weight alone, a step's tickets multiplied by the weight of its end.

    Raises:
        GraphError: an id is of no term here, or the tickets do not fit.
    """
    units = np.zeros(len(tables.ids), dtype=np.int64)
    units[tables.places(weights)] = list(weights.values())
    mask = (1 << tables.shift) - 1
    steps = {}
    for name, table in tables.steps.items():
        degrees = table.nodes[:, 1] & mask
        sources = np.repeat(np.arange(len(tables.ids), dtype=np.int64), degrees)
        targets = table.neighbours & mask
        weighted = _own_tickets(table.neighbours >> tables.shift, table.nodes[:, 0], degrees) * units[targets]
        stays = weighted > 0
        # The order is the graph's: weights change how many tickets a neighbour holds, not where they lie.
        steps[name] = _laid_out(len(tables.ids), tables.shift, sources[stays], targets[stays], weighted[stays])
    return WalkTables(tables.ids, tables.shift, steps)


class Writer:
    """The tables of a graph written to a folder as they come, a run of terms at a time; in flat memory.

    Nobody sees the folder before `finish`, which is called when all terms are in.
    """

    def __init__(self, ids: Sequence[str], shelf: Path) -> None:
        """Begin.

        Args:
            ids: of all terms, in order.
            shelf: where the folder will stand.
        """
        self._ids = list(ids)
        self._shift = max(1, len(ids).bit_length())
        self._first_topic = bisect_left(self._ids, "topic:")
        shelf.mkdir(parents=True, exist_ok=True)
        self._desk = Path(tempfile.mkdtemp(prefix=".part-", dir=shelf))
        self._files = {
            (name, part): (self._desk / f"{name}.{part}.bin").open("wb") for name in TABLES for part in _PARTS
        }
        self._written = dict.fromkeys(TABLES, 0)

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take away what was not finished."""
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._desk, ignore_errors=True)

    def add(self, first: int, offsets: Int64, neighbours: Int64, counts: Int64) -> None:
        """The next terms.

        Args:
            first: place of the first of them.
            offsets: int64 (terms + 1,) into the others.
            neighbours: int64 places, for each term in ticket order: count descending, then place.
            counts: int64, theirs.

        Raises:
            GraphError: the tickets of a term do not fit.
        """
        terms = len(offsets) - 1
        rows = np.repeat(np.arange(terms, dtype=np.int64), np.diff(offsets))
        for name, (kind, other) in _KINDS.items():
            chosen = (first + rows >= self._first_topic) == (kind == "topic")
            chosen &= (neighbours >= self._first_topic) == (other == "topic")
            made = _laid_out(terms, self._shift, rows[chosen], neighbours[chosen], counts[chosen])
            nodes = made.nodes.copy()
            nodes[:, 0] += self._written[name]
            self._written[name] += len(made.guide)
            for part, array in (("nodes", nodes), ("neighbours", made.neighbours), ("guide", made.guide)):
                array.tofile(self._files[name, part])

    def finish(self, folder: Path) -> None:
        """All terms are in: the folder appears, in place of one of that name.

        Raises:
            GraphError: there are no terms.
        """
        if not self._ids:
            raise GraphError("the graph has no terms", hint="Load documents with topics and concepts first.")
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
        said = {"format": _FORMAT, "shift": self._shift, "ids": self._ids}
        (self._desk / "tables.json").write_text(json.dumps(said), encoding="utf-8")
        put(self._desk, folder)


def in_ticket_order(rows: Int64, neighbours: Int64, counts: Int64) -> NDArray[np.int64]:
    """How to order neighbours for `Writer.add`: by row, then count descending, then place; int64 (neighbours,)."""
    return np.asarray(np.lexsort((neighbours, -counts, rows)), dtype=np.int64)


def put(made: Path, folder: Path) -> None:
    """Give a folder its name; where another process is quicker, its folder, which holds the same, stays."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        made.replace(folder)
    except OSError:
        if not folder.is_dir():
            raise


def load(folder: Path) -> WalkTables | None:
    """The tables of a folder, mapped into memory; None where it holds none."""
    try:
        said = json.loads((folder / "tables.json").read_text(encoding="utf-8"))
        if said["format"] != _FORMAT:
            return None
        steps = {
            name: StepTable(
                _mapped(folder / f"{name}.nodes.bin", np.int64).reshape(-1, 2),
                _mapped(folder / f"{name}.neighbours.bin", np.int64),
                _mapped(folder / f"{name}.guide.bin", np.int32),
            )
            for name in TABLES
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if any(len(table.nodes) != len(said["ids"]) for table in steps.values()):
        return None
    with suppress(OSError):
        os.utime(folder)  # used now: what was not used for long is removed first
    return WalkTables(said["ids"], said["shift"], steps)


def _mapped(path: Path, kind: type[np.generic]) -> NDArray[Any]:
    if path.stat().st_size == 0:
        empty = np.empty(0, dtype=kind)
        empty.flags.writeable = False
        return empty
    return np.memmap(path, dtype=kind, mode="r")


def _packed(terms: int, shift: int, sources: Int64, targets: Int64, counts: Int64) -> StepTable:
    """Pairs in ticket order: count descending, then id, which is the order of places."""
    order = np.lexsort((targets, -counts, sources))
    return _laid_out(terms, shift, sources[order], targets[order], counts[order])


def _laid_out(terms: int, shift: int, sources: Int64, targets: Int64, tickets: Int64) -> StepTable:
    """Steps in ticket order, by source, as one table."""
    degrees = np.bincount(sources, minlength=terms).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(degrees)[:-1]]).astype(np.int64)
    running = np.cumsum(tickets)
    before = np.concatenate([[0], running])[offsets] if len(tickets) else np.zeros(terms, dtype=np.int64)
    ends = running - np.repeat(before, degrees)
    totals = np.zeros(terms, dtype=np.int64)
    has_steps = degrees > 0
    totals[has_steps] = ends[(offsets + degrees - 1)[has_steps]]
    if len(tickets) and (int(totals.max()) >= 1 << (63 - shift) or tickets.sum(dtype=np.float64) >= _MOST_TICKETS):
        raise GraphError(
            f"the tickets of one term sum to {int(totals.max()):,}, more than the compiled engine holds",
            hint="Use --engine cypher, or smaller weights in the lens.",
        )
    guide = np.empty(len(tickets), dtype=np.int32)
    for first, last in _chunks(offsets, degrees):
        rows = slice(int(offsets[first]), int(offsets[last - 1] + degrees[last - 1]))
        guide[rows] = _guide(ends[rows], totals[first:last], degrees[first:last])
    made = StepTable(np.stack([offsets, totals << shift | degrees], axis=1), ends << shift | targets, guide)
    for array in (made.nodes, made.neighbours, made.guide):
        # As those that are mapped from a file, so that one compiled kernel serves both.
        array.flags.writeable = False
    return made


def _guide(ends: Int64, totals: Int64, degrees: Int64) -> NDArray[np.int32]:
    """For each bucket of each term the first neighbour that a draw in it can pick, or one before it."""
    owner = np.repeat(np.arange(len(degrees)), degrees)
    starts = np.cumsum(degrees) - degrees
    bucket = np.arange(len(ends)) - starts[owner]
    # A draw in bucket b is b / degree at least, but for rounding, which one ticket less makes up for.
    least = np.maximum(np.floor(bucket / degrees[owner] * totals[owner]).astype(np.int64) - 1, 0)
    # All terms at once: the ends of each are lifted over those of the terms before it.
    lift = np.cumsum(totals) - totals
    found = np.searchsorted(ends + lift[owner], least + lift[owner], side="right")
    return np.asarray(found - starts[owner], dtype=np.int32)


def _own_tickets(ends: Int64, offsets: Int64, degrees: Int64) -> Int64:
    """The tickets of each neighbour, from where they end."""
    own = np.diff(ends, prepend=0)
    firsts = offsets[degrees > 0]
    own[firsts] = ends[firsts]
    return own


def _chunks(offsets: Int64, degrees: Int64) -> Iterator[tuple[int, int]]:
    """Runs of terms with about so many steps, so that lifted ends never overflow and memory stays small."""
    first = 0
    while first < len(degrees):
        last = int(np.searchsorted(offsets, offsets[first] + _CHUNK, side="right"))
        last = max(first + 1, last)
        yield first, last
        first = last
