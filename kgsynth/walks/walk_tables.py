"""Walk tables: the contexts of a graph as memory-mapped arrays for the compiled engine and for grounding.

For each kind of term that a step may lead to there is a table of runs, the tickets that contexts give to terms
(`kgsynth.walk_law`). A term is represented by its index in the order of ids, a context by that in the order of slots. A
run leads to a document, or through a counted pair directly to the pair's other term: its target is the index of the
document, or the number of contexts + the index of the term. `shift` is the bits of a target, `n` the number of terms:

    nodes    int64 (n, 2)    index of the first run of a term; its tickets << shift | its number of runs
    runs     int64 (runs,)   first ticket after the run << shift | target, in the order of contexts
    guide    int32 (runs,)   per bucket floor(u * number of runs) of a term: the first run that a draw u in it can pick

The arrays for the contexts are:

    where    int64 (contexts + 1, 2)   index of the first concept of a context, and of its first topic
    members  int32 (members,)          indices of the terms that contexts hold
    weights  int64 (contexts,)         weights of the contexts; empty if all are 1
    slots    int64 (contexts,)         slots in the graph
    ranks    int32 (contexts,)         index among all documents in the order of ids; -1 for a counted pair
    least    int32 (n,)                size of the smallest document that holds a term

The runs to concepts are also the inverted index for grounding. Tickets are those of the graph, counted from 0 per term.
Walks do not read `weights` and `slots`, which only identify the contexts.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import walk_law
from kgsynth.contexts import Contexts, Int32, Int64, first_topic, laid_tickets
from kgsynth.errors import GraphError, quoted
from kgsynth.files import scratch_folder
from kgsynth.records import Kind

_RUN_PARTS: dict[str, type[np.generic]] = {"nodes": np.int64, "runs": np.int64, "guide": np.int32}
_CONTEXT_PARTS: dict[str, type[np.generic]] = {
    "where": np.int64,
    "members": np.int32,
    "weights": np.int64,
    "slots": np.int64,
    "ranks": np.int32,
    "least": np.int32,
}
_FORMAT = 4
# Number of runs for which the guide is computed at a time.
_CHUNK = 4_000_000
# Maximum number of tickets of all terms together, so that sums of tickets fit into 64-bit integers.
_MOST_TICKETS = 2.0**62
# The kinds of terms that a step may lead to.
_TARGETS: tuple[Kind, ...] = tuple(kind for kind in walk_law.KINDS if walk_law.kinds_before(kind))


@dataclass(frozen=True, slots=True, eq=False)
class RunTable:
    """The runs of all terms for steps to one kind, packed as the module's docstring describes."""

    nodes: Int64
    runs: Int64
    guide: Int32

    def run_lengths(self, shift: int) -> Int64:
        """The number of tickets of each run; int64 (runs,)."""
        ends = np.asarray(self.runs) >> shift
        lengths = np.diff(ends, prepend=0)
        firsts = np.asarray(self.nodes[self.nodes[:, 1] & ((1 << shift) - 1) > 0, 0])
        lengths[firsts] = ends[firsts]
        return lengths


@dataclass(frozen=True, slots=True, eq=False)
class WalkTables:
    """The walk tables of a graph, with the ids of terms and documents.

    `documents` is an Arrow array of strings: per context the id of its document, empty for a counted pair. `units` are
    the weights of a lens, int64 (n,); empty without a lens.
    """

    ids: Sequence[str]
    documents: Any
    shift: int
    runs: Mapping[Kind, RunTable]
    where: Int64
    members: Int32
    weights: Int64
    slots: Int64
    ranks: Int32
    least: Int32
    units: Int64

    @property
    def first_topic(self) -> int:
        """The index of the first topic; topics come after all concepts."""
        return first_topic(self.ids)

    @property
    def sizes(self) -> Int32:
        """The number of terms of each document, 0 for a counted pair; int32 (contexts,)."""
        return np.where(self.ranks >= 0, np.diff(self.where[:, 0]), 0).astype(np.int32)

    def places(self, ids: Iterable[str]) -> Int64:
        """The indices of terms; int64 (ids,).

        Raises:
            GraphError: an id is not that of a concept or topic in these tables.
        """
        wanted = list(ids)
        term_ids = np.asarray(self.ids, dtype=object)
        indices = np.searchsorted(term_ids, np.asarray(wanted, dtype=object)) if wanted else np.empty(0, dtype=np.int64)
        for identity, index in zip(wanted, indices, strict=True):
            if index >= len(term_ids) or term_ids[index] != identity:
                raise GraphError(
                    f"{quoted(identity)} is not a concept or topic that walks can visit",
                    hint="Check the id. After a load or a merge, `kgsynth build` updates the walk tables.",
                )
        return np.asarray(indices, dtype=np.int64)

    def contexts(self) -> Contexts:
        """The contexts from which the tables were computed."""
        offsets = np.asarray(self.where[:, 0])
        weights = self.weights if len(self.weights) else np.ones(len(offsets) - 1, dtype=np.int64)
        return Contexts(self.ids, self.documents.to_pylist(), offsets, np.asarray(self.members), weights, self.slots)

    def totals(self, to: Kind, units: Int64) -> Int64:
        """The sums of `units` over the members of one kind of each context; int64 (contexts,)."""
        members = np.asarray(self.members)
        running = np.concatenate([[0], np.cumsum(units[members])])
        first, last = (
            (self.where[:-1, 0], self.where[:-1, 1]) if to == "concept" else (self.where[:-1, 1], self.where[1:, 0])
        )
        return np.asarray(running[last] - running[first], dtype=np.int64)


def of_contexts(contexts: Contexts) -> WalkTables:
    """Compute the walk tables of contexts.

    Raises:
        GraphError: a term has too many tickets.
    """
    import pyarrow

    count = len(contexts.weights)
    shift = max(1, (count + len(contexts.terms)).bit_length())
    offsets, members, owners = contexts.by_term()
    targets = _targets(contexts, owners, members)
    split = contexts.first_topic
    runs = {}
    for to in _TARGETS:
        before = walk_law.kinds_before(to)
        first = 0 if "concept" in before else split
        last = len(contexts.terms) if "topic" in before else split
        degrees = np.diff(offsets)
        degrees[:first] = degrees[last:] = 0
        runs_before = slice(int(offsets[first]), int(offsets[last]))
        runs[to] = _packed(shift, degrees, targets[runs_before], contexts.run_lengths(to)[members[runs_before]])
    documents = pyarrow.array(contexts.documents, type=pyarrow.large_string())
    where = np.stack([contexts.offsets, contexts.offsets], axis=1)
    where[:-1, 1] += contexts.concept_counts
    ranks = _ranks(contexts.documents)
    weights = contexts.weights if (contexts.weights != 1).any() else np.empty(0, dtype=np.int64)
    sizes = np.where(ranks >= 0, contexts.sizes, np.iinfo(np.int32).max)
    least = np.full(len(contexts.terms), np.iinfo(np.int32).max, dtype=np.int32)
    is_used = offsets[1:] > offsets[:-1]
    if is_used.any():
        least[is_used] = np.minimum.reduceat(sizes[owners], offsets[:-1][is_used])
    return WalkTables(
        contexts.terms,
        documents,
        shift,
        runs,
        _frozen(where),
        _frozen(np.asarray(contexts.members)),
        _frozen(weights),
        _frozen(contexts.slots),
        _frozen(ranks),
        _frozen(least),
        _frozen(np.empty(0, dtype=np.int64)),
    )


def _targets(contexts: Contexts, owners: NDArray[Any], members: NDArray[Any]) -> NDArray[Any]:
    """The target of each run: a document, or the other term of a counted pair; (members,)."""
    is_document = contexts.is_document
    if is_document.all():
        return owners
    firsts, lasts = contexts.offsets[owners], contexts.offsets[owners + 1] - 1
    # If both names of a pair are merged into one term, the context has one member, and its run has no tickets.
    others = contexts.members[firsts].astype(np.int64) + contexts.members[lasts] - contexts.members[members]
    return np.where(is_document[owners], owners, len(is_document) + others)


def _ranks(documents: Sequence[str]) -> Int32:
    """The index of each document in the order of ids; -1 for a counted pair."""
    ranks = np.full(len(documents), -1, dtype=np.int32)
    ordered = sorted(range(len(documents)), key=documents.__getitem__)
    ordered = [place for place in ordered if documents[place]]
    ranks[ordered] = np.arange(len(ordered))
    return ranks


def through_lens(tables: WalkTables, units: Int64) -> WalkTables:
    """The tables of walks through a lens: the probability of a step to v is proportional to count * weight of v.

    Args:
        tables: walk tables of a graph.
        units: int64 (n,), the weights of its terms, 0 for a term that must not be visited.

    Raises:
        GraphError: a term has too many tickets.
    """
    split = tables.first_topic
    count = len(tables.slots)
    runs = {}
    for to, table in tables.runs.items():
        degrees = np.asarray(table.nodes[:, 1] & ((1 << tables.shift) - 1))
        targets = np.asarray(table.runs & ((1 << tables.shift) - 1))
        is_pair = targets >= count
        excluded = np.where((np.arange(len(units)) >= split) == (to == "topic"), units, 0)
        lengths = tables.totals(to, units)[np.where(is_pair, 0, targets)] - np.repeat(excluded, degrees)
        if is_pair.any():
            counts = table.run_lengths(tables.shift)[is_pair]
            visited = units[targets[is_pair] - count]
            _refuse_too_many(counts.astype(np.float64) * visited.astype(np.float64))
            lengths[is_pair] = counts * visited
        # The runs keep their order; weights change only the number of tickets of each run.
        runs[to] = _packed(tables.shift, degrees, targets, lengths)
    return replace(tables, runs=runs, units=_frozen(units))


def save(tables: WalkTables, folder: Path) -> None:
    """Save tables in a folder, atomically."""
    import pyarrow

    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent) as temporary:
        partial = temporary / "tables"
        partial.mkdir()
        for to, table in tables.runs.items():
            for part in _RUN_PARTS:
                getattr(table, part).tofile(partial / f"{to}.{part}.bin")
        for part in _CONTEXT_PARTS:
            getattr(tables, part).tofile(partial / f"{part}.bin")
        names = pyarrow.table({"id": tables.documents})
        with pyarrow.ipc.new_file(partial / "documents.arrow", names.schema) as writer:
            writer.write_table(names)
        header = {"format": _FORMAT, "shift": tables.shift, "ids": list(tables.ids)}
        (partial / "tables.json").write_text(json.dumps(header), encoding="utf-8")
        _move_into_place(partial, folder)


def load(folder: Path) -> WalkTables | None:
    """The tables in a folder, mapped into memory; None if it holds no complete tables."""
    import pyarrow
    import pyarrow.ipc

    try:
        header = json.loads((folder / "tables.json").read_text(encoding="utf-8"))
        if header["format"] != _FORMAT:
            return None
        runs: dict[Kind, RunTable] = {}
        for to in _TARGETS:
            parts = {part: _mapped(folder / f"{to}.{part}.bin", kind) for part, kind in _RUN_PARTS.items()}
            runs[to] = RunTable(parts["nodes"].reshape(-1, 2), parts["runs"], parts["guide"])
        arrays = {part: _mapped(folder / f"{part}.bin", kind) for part, kind in _CONTEXT_PARTS.items()}
        names = pyarrow.ipc.open_file(pyarrow.memory_map(str(folder / "documents.arrow"))).read_all()["id"]
        documents = names.combine_chunks()
    except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowInvalid):
        return None
    where = arrays.pop("where").reshape(-1, 2)
    is_whole = all(len(table.nodes) == len(header["ids"]) for table in runs.values())
    if not is_whole or len(where) != len(documents) + 1 or len(arrays["members"]) != where[-1, 0]:
        return None
    with suppress(OSError):
        os.utime(folder)  # mark as used, because the least recently used tables are removed first
    return WalkTables(
        header["ids"], documents, header["shift"], runs, where, **arrays, units=_frozen(np.empty(0, dtype=np.int64))
    )


def _mapped(path: Path, kind: type[np.generic]) -> NDArray[Any]:
    if path.stat().st_size == 0:
        return _frozen(np.empty(0, dtype=kind))
    return np.memmap(path, dtype=kind, mode="r")


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    # Read-only like mapped arrays, so that the same compiled kernel serves both.
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def _packed(shift: int, degrees: Int64, targets: NDArray[Any], tickets: Int64) -> RunTable:
    """Pack runs, which are in the order of terms, then contexts, into a table.

    Raises:
        GraphError: a term has too many tickets.
    """
    offsets = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
    ends, totals = laid_tickets(tickets, offsets)
    _refuse_too_many(tickets, int(totals.max(initial=0)) >> (63 - shift))
    del tickets
    guide = np.empty(len(ends), dtype=np.int32)
    for first, last in _chunks(offsets[:-1], degrees):
        rows = slice(int(offsets[first]), int(offsets[last]))
        guide[rows] = _guide(ends[rows], totals[first:last], degrees[first:last])
    nodes = np.stack([offsets[:-1], totals << shift | degrees], axis=1)
    ends <<= shift
    ends |= targets
    return RunTable(_frozen(nodes), _frozen(ends), _frozen(guide))


def _refuse_too_many(tickets: NDArray[Any], too_many: int = 0) -> None:
    if too_many or tickets.sum(dtype=np.float64) >= _MOST_TICKETS:
        raise GraphError(
            "a term has more tickets than the compiled engine supports",
            hint="Use --engine cypher, or smaller weights in the lens.",
        )


def _guide(ends: Int64, totals: Int64, degrees: Int64) -> Int32:
    """For each bucket of each term the first run that a draw in the bucket can pick, or the run before it."""
    owner = np.repeat(np.arange(len(degrees)), degrees)
    starts = np.cumsum(degrees) - degrees
    bucket = np.arange(len(ends)) - starts[owner]
    # A draw in bucket b is at least b / degree, except for rounding; subtracting one ticket allows for that.
    first_tickets = np.maximum(np.floor(bucket / degrees[owner] * totals[owner]).astype(np.int64) - 1, 0)
    # One search serves all terms, because the ends of each term are shifted above those of the terms before it.
    shifts = np.cumsum(totals) - totals
    runs = np.searchsorted(ends + shifts[owner], first_tickets + shifts[owner], side="right") - starts[owner]
    return np.asarray(np.minimum(runs, degrees[owner] - 1), dtype=np.int32)


def _chunks(offsets: Int64, degrees: Int64) -> Iterator[tuple[int, int]]:
    """Ranges of terms with about _CHUNK runs each, so that shifted ends do not overflow and memory stays small."""
    first = 0
    while first < len(degrees):
        last = int(np.searchsorted(offsets, offsets[first] + _CHUNK, side="right"))
        last = max(first + 1, last)
        yield first, last
        first = last


def _move_into_place(source: Path, folder: Path) -> None:
    """Rename a folder; if another process was faster, its folder, which has the same content, remains."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        source.replace(folder)
    except OSError:
        if not folder.is_dir():
            raise
