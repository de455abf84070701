"""The derived layers, computed from facts and decisions: the terms of each context, its tickets, and co-occurrences.

A context is a document or a counted pair (two terms with a count from the user). Each context has a number, its slot.
A full build numbers the documents in the order of their ids, and then the counted pairs. `kgsynth.walk_law` says how
many tickets a context gives to each of its terms. The tickets of a term are numbered in the order of its contexts'
slots. Walks do not read the co-occurrences; these are for people who explore the graph.

The build state in the graph says whether the layers can be used. A build that was killed leaves the state `building`,
a changed fact leaves `stale`; `incremental_build` then updates only what has changed.
"""

import logging
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeVar, cast
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from kgsynth import contexts as structure, queries, walk_law
from kgsynth.contexts import Contexts, Int64
from kgsynth.errors import GraphError, quoted
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.queries import Query
from kgsynth.records import Kind

_LOG = logging.getLogger(__name__)

_MARK_BUILDING = queries.load("derive/mark_building")
_MARK_COMPLETE = queries.load("derive/mark_complete")
_HOLD = queries.load("derive/hold")
_SET_COUNTERS = queries.load("derive/set_counters")
_RELATIONSHIP_COUNTS = queries.load("derive/relationship_counts")
_STATE = queries.load("derive/state")
_CLEAR = (
    queries.load("derive/delete_relationships"),
    queries.load("derive/delete_counted_pairs"),
    queries.load("derive/clear_terms"),
    queries.load("derive/clear_documents"),
)
_TERMS = queries.load("derive/terms")
_SET_SLOTS = queries.load("derive/set_slots")
_DOCUMENTS = queries.load("derive/documents")
_COUNTED_PAIRS = queries.load("derive/counted_pairs")
WRITE_DOCUMENTS = queries.load("derive/write_documents")
WRITE_COUNTED_PAIRS = queries.load("derive/write_counted_pairs")
SET_TERMS = queries.load("derive/set_terms")
CREATE_CO_OCCURRENCES = queries.load("derive/create_co_occurrences")
_CONTEXTS = queries.load("derive/contexts")

_Item = TypeVar("_Item")

CHANGED = "the graph was changed, or built by another call, while this build ran"
BUILD_AGAIN = "Run `kgsynth build` again when no other load, merge or build is at work."

# 10,000 relationships per statement is the fastest of 1,000 to 50,000 (docs/figures/graph.md).
ROW_BATCH = 10_000
_TERM_BATCH = 5_000
# Digests are computed for about this many members of contexts at a time, which bounds memory.
_DIGESTED_MEMBERS = 1_000_000
_CLEAR_BATCH = 50_000

CoOccurrences = int | Literal["auto", "all", "none"]
# With `auto`, graphs with at most MOST_PAIRS pairs store all co-occurrences. Larger graphs store the STRONGEST
# co-occurrences of each term, which are those with the largest counts (docs/figures/walks.md).
MOST_PAIRS = 5_000_000
STRONGEST = 20


@dataclass(slots=True, kw_only=True)
class BuildCounts:
    """What a build has created; for an incremental build (`is_grown`), what it has written."""

    is_grown: bool = False
    documents: int = 0
    terms: int = 0
    holds: int = 0
    co_occurrences: int = 0
    kept_co_occurrences: str = "all"
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildState:
    """The state of the derived layers, as the graph records it.

    `state` is `missing`, `old`, `stale`, `building` or `complete`; an incremental build is possible only from `stale`.
    `made` is the unique name of the last build. `co_occurrences` says which are stored: `all`, `none`, or a number per
    term. `co_occurrence_rule` is the rule that decided this, which may also be `auto`; a graph of an earlier version
    has none.
    """

    state: str = "missing"
    fingerprint: str = ""
    made: str = ""
    co_occurrences: str = ""
    co_occurrence_rule: str = ""


def build_state(graph: Graph) -> BuildState:
    """The state of the derived layers."""
    rows = graph.read(_STATE)
    if not rows:
        return BuildState()
    return BuildState(**{name: str(value or "") for name, value in rows[0].items()})


def state(graph: Graph) -> str:
    """`missing`, `old`, `stale`, `building` or `complete`; an incremental build is possible only from `stale`."""
    return build_state(graph).state


def made(graph: Graph) -> str:
    """The unique name of the last build; empty when the graph was never built."""
    return build_state(graph).made


def fingerprint(graph: Graph) -> str:
    """The fingerprint of the walk tables: two graphs with the same fingerprint give the same walks.

    Raises:
        GraphError: the derived layers cannot be used; the message says why.
    """
    current = build_state(graph)
    if current.state != "complete":
        why = {
            "missing": "were never built",
            "old": "are older than the last load or merge, or than this version of kgsynth",
            "stale": "are older than the last load or merge",
            "building": "were left incomplete by a build that did not finish",
        }[current.state]
        raise GraphError(f"the co-occurrences and walk tables of this graph {why}", hint="Run `kgsynth build`.")
    return current.fingerprint


def fingerprint_of(digest: int) -> str:
    """The fingerprint of a graph from the digest of its contexts, a signed or unsigned 64-bit number."""
    return f"{digest % 2**64:016x}"


def build(graph: Graph, progress: Progress | None = None, *, keep: CoOccurrences = "auto") -> BuildCounts:
    """Replace all derived layers; the next build repairs one that was killed.

    Args:
        graph: the graph to build.
        progress: receives the numbers of contexts and terms.
        keep: which co-occurrences to store.

    Raises:
        GraphError: facts or decisions changed during the build, or another build ran; the layers cannot be used then.
            Or a document mentions too many terms.
    """
    progress = progress or Silent()
    # This needs no seed: the token only tells two builds apart and is removed when the build is complete.
    token = uuid4().hex
    _LOG.info("building all derived layers")
    graph.write(_MARK_BUILDING, token=token)
    for query in _CLEAR:
        while _write_locked(graph, token, query, limit=_CLEAR_BATCH)[0]["count"]:
            pass
    terms = sorted(row["id"] for row in graph.read(_TERMS))
    for first in range(0, len(terms), ROW_BATCH):
        rows = [{"id": identity, "slot": slot} for slot, identity in enumerate(terms[first : first + ROW_BATCH], first)]
        _write_locked(graph, token, _SET_SLOTS, rows=rows)
    # Everything is read before the first row is written. A long read that runs beside writes fails, because Neo4j
    # rearranges the relationships of a node while they are read.
    documents = [(row["id"], row["terms"]) for row in graph.read(_DOCUMENTS)]
    pairs = [(structure.pair_id(row["first"], row["second"]), row) for row in graph.read(_COUNTED_PAIRS)]
    gathered = _keyed_contexts(terms, documents, pairs)
    layer = Layer.of(gathered.contexts, gathered.keys)
    counts = BuildCounts(documents=int(gathered.contexts.is_document.sum()), terms=len(terms))
    with progress_stage(progress, "documents", len(gathered.keys)) as bar:
        for query, rows, names in layer.batches():
            counts.holds += sum(len(row["terms"]) for row in rows)
            _write_locked(graph, token, query, rows=rows, terms=names)
            bar.advance(len(rows))
    for first in range(0, len(terms), _TERM_BATCH):
        _write_locked(graph, token, SET_TERMS, rows=layer.term_rows(first, min(len(terms), first + _TERM_BATCH)))
    limit, counts.kept_co_occurrences = chosen(keep, gathered.contexts)
    if limit != 0:
        done = 0
        with progress_stage(progress, "co-occurrences", len(terms)) as bar:
            for rows, last in co_occurrence_rows(gathered.contexts, limit):
                counts.co_occurrences += sum(len(row["seconds"]) for row in rows)
                for batch in by_weight(((row, len(row["seconds"])) for row in rows), ROW_BATCH):
                    _write_locked(graph, token, CREATE_CO_OCCURRENCES, rows=batch)
                bar.advance(last - done)
                done = last
    # Another writer may have removed rows meanwhile; an incomplete layer must not be marked complete.
    if graph.read(_RELATIONSHIP_COUNTS)[0] != {"holds": counts.holds, "co_occurrences": counts.co_occurrences}:
        raise GraphError(CHANGED, hint=BUILD_AGAIN)
    counters = Counters(layer.digest, len(terms), len(gathered.keys))
    counts.fingerprint = complete(
        graph, token, co_occurrences=counts.kept_co_occurrences, rule=str(keep), counters=counters
    )
    return counts


def hold(transaction: Transaction, token: str) -> "Counters":
    """Block all other builds and loads until the transaction ends, and return the counters of the build.

    Raises:
        GraphError: another call has changed the build's state since it was marked with the token.
    """
    rows = transaction.run(_HOLD, token=token)
    if not rows:
        raise GraphError(CHANGED, hint=BUILD_AGAIN)
    # During a first build the graph has no counters yet.
    return Counters(*(rows[0][name] or 0 for name in Counters._fields))


class Counters(NamedTuple):
    """The digest of the contexts, modulo 2**64, and the next free slots."""

    digest: int
    next_term_slot: int
    next_context_slot: int


def set_counters(transaction: Transaction, counters: Counters) -> None:
    """Store the counters of the build in the graph."""
    # Neo4j's integers are signed 64-bit numbers.
    digest = (counters.digest + 2**63) % 2**64 - 2**63
    transaction.run(_SET_COUNTERS, **counters._replace(digest=digest)._asdict())


def complete(
    graph: Graph, token: str, *, co_occurrences: str, rule: str | None = None, counters: Counters | None = None
) -> str:
    """Mark the derived layers complete and return their fingerprint.

    Args:
        graph: the graph that was built.
        token: the token of the build.
        co_occurrences: which are stored.
        rule: the rule that decided this; None for the rule that the graph holds.
        counters: None for the counters that the graph holds.

    Raises:
        GraphError: facts or decisions changed during the build, or another build ran.
    """

    def work(transaction: Transaction) -> str:
        stored = hold(transaction, token)
        if counters is not None:
            set_counters(transaction, counters)
        new_fingerprint = fingerprint_of((counters or stored).digest)
        transaction.run(
            _MARK_COMPLETE,
            fingerprint=new_fingerprint,
            co_occurrences=co_occurrences,
            co_occurrence_rule=rule,
            token=token,
        )
        return new_fingerprint

    return graph.together(work)


def mark_complete(graph: Graph, *, co_occurrences: str, rule: str, counters: Counters) -> None:
    """Mark the layers of an imported graph complete; the import wrote them."""
    token = uuid4().hex
    graph.write(_MARK_BUILDING, token=token)
    complete(graph, token, co_occurrences=co_occurrences, rule=rule, counters=counters)


def _write_locked(graph: Graph, token: str, query: Query, **parameters: object) -> list[Row]:
    def work(transaction: Transaction) -> list[Row]:
        hold(transaction, token)
        return transaction.run(query, **parameters)

    return graph.together(work)


def contexts(graph: Graph) -> Contexts:
    """All contexts of a built graph, in the order of their slots.

    Raises:
        GraphError: a context holds a term without a slot.
    """
    slots = {row["id"]: row["slot"] for row in graph.read(_TERMS)}
    terms = sorted(slots)
    index_of = np.full(max((slot for slot in slots.values() if slot is not None), default=-1) + 1, -1, dtype=np.int64)
    for index, identity in enumerate(terms):
        if slots[identity] is not None:
            index_of[slots[identity]] = index
    documents: list[str] = []
    context_slots, weights, sizes, term_slots = array("q"), array("q"), array("q"), array("q")
    for row in graph.stream(_CONTEXTS):
        documents.append(row["id"] or "")
        context_slots.append(row["slot"])
        weights.append(row["weight"] or 1)
        sizes.append(len(row["terms"]))
        term_slots.extend(row["terms"])
    members = np.array(term_slots, dtype=np.int64)
    if members.max(initial=-1) >= len(index_of) or (index_of[members] < 0).any():
        raise GraphError("a document holds a term without a slot", hint="Run `kgsynth build --whole`.")
    slots_of_contexts = np.array(context_slots, dtype=np.int64)
    order = np.argsort(slots_of_contexts)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    result = structure.of_pairs(
        terms,
        [documents[index] for index in order.tolist()],
        np.repeat(ranks, np.array(sizes, dtype=np.int64)),
        index_of[members],
        np.array(weights, dtype=np.int64)[order],
    )
    return replace(result, slots=slots_of_contexts[order])


@dataclass(frozen=True, slots=True, eq=False)
class _KeyedContexts:
    """Contexts, and the key of each: the id of its document or of its counted pair."""

    contexts: Contexts
    keys: list[str]


def _keyed_contexts(
    terms: Sequence[str], documents: list[tuple[str, list[int]]], pairs: list[tuple[str, Row]]
) -> _KeyedContexts:
    """The contexts of a graph in which the slot of each term is its index; documents without terms are left out."""
    documents = sorted((document for document in documents if document[1]), key=lambda document: document[0])
    pairs = sorted(pairs, key=lambda pair: pair[0])
    keys = [*(identity for identity, _ in documents), *(key for key, _ in pairs)]
    slots = [*(term_slots for _, term_slots in documents), *(row["terms"] for _, row in pairs)]
    if any(slot is None for term_slots in slots for slot in term_slots):
        raise GraphError(CHANGED, hint=BUILD_AGAIN)
    keyed = structure.of_pairs(
        terms,
        keys[: len(documents)] + [""] * len(pairs),
        np.repeat(np.arange(len(keys)), [len(term_slots) for term_slots in slots]),
        np.fromiter((slot for term_slots in slots for slot in term_slots), dtype=np.int64),
        np.array([*(1 for _ in documents), *(row["count"] for _, row in pairs)], dtype=np.int64),
    )
    return _KeyedContexts(keyed, keys)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The rows of a full build, in which the slot of each term and each context is its index.

    `uptos` holds per kind the first ticket after each run, int64 (members,), -1 for a run without tickets. `tickets`
    holds per kind the number of tickets of each term, int64 (terms,).
    """

    contexts: Contexts
    keys: Sequence[str]
    uptos: Mapping[Kind, Int64]
    tickets: Mapping[Kind, Int64]
    document_counts: Int64
    digest: int

    @classmethod
    def of(cls, contexts: Contexts, keys: Sequence[str]) -> "Layer":
        """Compute the tickets of all terms, and the digest.

        Args:
            contexts: all contexts of the graph.
            keys: for each context the id of its document or counted pair.

        Raises:
            GraphError: a document or the graph has too many terms, or a term has too many tickets.
        """
        refuse_too_large(contexts.terms, keys, contexts.sizes)
        offsets, members, _ = contexts.by_term()
        is_topic = np.arange(len(contexts.terms)) >= contexts.first_topic
        uptos: dict[Kind, Int64] = {}
        tickets: dict[Kind, Int64] = {}
        for to in walk_law.KINDS:
            lengths = contexts.run_lengths(to)
            ends, term_tickets = structure.laid_tickets(lengths[members], offsets)
            if len(term_tickets):
                largest = int(term_tickets.argmax())
                fitting_tickets(contexts.terms[largest], int(term_tickets[largest]))
            for kind in walk_law.KINDS:
                if (kind, to) not in walk_law.TABLES:
                    term_tickets[is_topic == (kind == "topic")] = -1
            upto = np.empty(len(members), dtype=np.int64)
            upto[members] = ends
            del ends
            first_tickets = contexts.members.astype(np.int64)
            first_tickets *= walk_law.TICKETS_PER_TERM
            upto += first_tickets
            del first_tickets
            # A run without tickets would end where the previous run ends, so an index seek could find the wrong run.
            upto[lengths == 0] = -1
            uptos[to], tickets[to] = upto, term_tickets
        hashes, term_hashes = _hashes(keys), _hashes(contexts.terms)
        digest = 0
        for block in contexts.blocks(_DIGESTED_MEMBERS):
            offsets = contexts.offsets[block.start : block.stop + 1]
            member_hashes = term_hashes[contexts.members[offsets[0] : offsets[-1]]]
            summands = structure.digests(
                hashes[block], contexts.slots[block], contexts.weights[block], member_hashes, offsets - offsets[0]
            )
            digest = (digest + int(summands.sum(dtype=np.uint64))) % 2**64
        return cls(contexts, keys, uptos, tickets, contexts.document_counts(), digest)

    def batches(self) -> Iterator[tuple[Query, list[Row], list[str]]]:
        """Statements that write the contexts, each with rows and the term ids that these rows refer to by index."""
        contexts = self.contexts
        sizes = contexts.sizes
        concept_counts = contexts.concept_counts
        count = int(contexts.is_document.sum())
        for query, first, last in ((WRITE_DOCUMENTS, 0, count), (WRITE_COUNTED_PAIRS, count, len(self.keys))):
            for indices in by_weight(((index, int(sizes[index])) for index in range(first, last)), ROW_BATCH):
                batch = slice(int(contexts.offsets[indices[0]]), int(contexts.offsets[indices[-1] + 1]))
                batch_terms, positions = np.unique(contexts.members[batch], return_inverse=True)
                rows = []
                for index in indices:
                    row = slice(int(contexts.offsets[index]), int(contexts.offsets[index + 1]))
                    rows.append(
                        {
                            "id": self.keys[index],
                            "slot": index,
                            "concept_count": int(concept_counts[index]),
                            "weight": int(contexts.weights[index]),
                            "terms": positions[row.start - batch.start : row.stop - batch.start].tolist(),
                            **{f"{to}_upto": known(self.uptos[to][row]) for to in walk_law.KINDS},
                        }
                    )
                yield query, rows, [contexts.terms[index] for index in batch_terms.tolist()]

    def term_rows(self, first: int, last: int) -> list[Row]:
        """The stored properties of the terms with indices `first` to `last`, excluding `last`."""
        columns = {f"{to}_tickets": known(self.tickets[to][first:last]) for to in walk_law.KINDS}
        counts = self.document_counts[first:last].tolist()
        return [
            {
                "id": self.contexts.terms[index],
                "slot": index,
                "document_count": counts[index - first],
                "is_changed": False,
                **{name: values[index - first] for name, values in columns.items()},
            }
            for index in range(first, last)
        ]


def refuse_too_large(terms: Sequence[str], keys: Sequence[str], sizes: NDArray[np.int64]) -> None:
    """Check that the numbers of terms in the graph and in each context fit into their bit fields.

    Raises:
        GraphError: there are too many.
    """
    if len(terms) > walk_law.MOST_TERM_SLOTS:
        raise GraphError(f"the graph has {len(terms):,} terms, more than the maximum of {walk_law.MOST_TERM_SLOTS:,}")
    if sizes.max(initial=0) > walk_law.PLACES_PER_CONTEXT:
        largest = int(sizes.argmax())
        raise GraphError(
            f"document {quoted(keys[largest])} mentions {sizes[largest]:,} terms, more than the maximum of "
            f"{walk_law.PLACES_PER_CONTEXT:,}",
            hint="Split it: `kgsynth extract --split auto`.",
        )


def fitting_tickets(term: str, tickets: int) -> int:
    """Return the number of tickets of a term after checking that it fits.

    Raises:
        GraphError: it exceeds 2**40.
    """
    if tickets > walk_law.TICKETS_PER_TERM:
        raise GraphError(f"the co-occurrence counts of {quoted(term)} sum to {tickets:,}, more than 2**40")
    return tickets


def known(values: NDArray[np.int64]) -> list[int | None]:
    """The values as a list, with None for each negative value."""
    return [value if value >= 0 else None for value in values.tolist()]


def _hashes(ids: Sequence[str]) -> NDArray[np.uint64]:
    return np.fromiter((structure.id_hash(identity) for identity in ids), dtype=np.uint64, count=len(ids))


def last_rule(state: BuildState) -> CoOccurrences:
    """The rule for co-occurrences of the last build; `auto` for a graph that has none."""
    # Graphs of an earlier version record only what they store. They may have become too large to store all.
    rule = state.co_occurrence_rule or state.co_occurrences.replace("all", "auto") or "auto"
    return int(rule) if rule.isdigit() else cast(CoOccurrences, rule)


def chosen(keep: CoOccurrences, contexts: Contexts) -> tuple[int | None, str]:
    """The minimum number of co-occurrences stored per term (None for all), and how the graph records this choice."""
    if keep == "auto":
        keep = "all" if structure.pair_bound(contexts) <= MOST_PAIRS else STRONGEST
    if keep == "all":
        return None, "all"
    return (0, "none") if keep == "none" or keep == 0 else (int(keep), str(keep))


def co_occurrence_rows(contexts: Contexts, limit: int | None) -> Iterator[tuple[list[Row], int]]:
    """Rows of the co-occurrences to store, for one block of terms at a time, each with the end of its block.

    Args:
        contexts: all contexts of the graph.
        limit: minimum number of pairs per term, those with the largest counts; None for all pairs.
    """
    for firsts, seconds, counts, last in stored_pairs(contexts, limit):
        bounds = np.flatnonzero(np.diff(firsts, prepend=-1, append=-1))
        second_ids = [contexts.terms[index] for index in seconds.tolist()]
        count_list = counts.tolist()
        rows = [
            {
                "first": contexts.terms[int(firsts[begin])],
                "seconds": second_ids[begin:end],
                "counts": count_list[begin:end],
            }
            for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        ]
        yield rows, last


def stored_pairs(contexts: Contexts, limit: int | None) -> Iterator[tuple[Int64, Int64, Int64, int]]:
    """The pairs to store: indices of both terms, the smaller first, counts, and the end of the block of terms."""
    if limit is None:
        for block in structure.co_occurrences(contexts):
            is_up = block.others > block.rows
            yield block.rows[is_up], block.others[is_up], block.counts[is_up], block.last
        return
    columns: list[Int64] = []
    for block in structure.co_occurrences(contexts):
        is_strong = structure.strongest(block, limit)
        rows, others = block.rows[is_strong], block.others[is_strong]
        columns.append(np.stack([np.minimum(rows, others), np.maximum(rows, others), block.counts[is_strong]]))
    # A pair may be among the strongest pairs of both its terms, so duplicates are removed.
    firsts, seconds, counts = np.concatenate(columns, axis=1) if columns else np.empty((3, 0), dtype=np.int64)
    _, unique = np.unique(firsts * len(contexts.terms) + seconds, return_index=True)
    yield firsts[unique], seconds[unique], counts[unique], len(contexts.terms)


def by_weight(items: Iterable[tuple[_Item, int]], limit: int) -> Iterator[list[_Item]]:
    """Batches of items whose weights sum to at most about `limit`; an item that weighs more gets its own batch.

    An item weighs at least 1.
    """
    batch: list[_Item] = []
    batch_weight = 0
    for item, weight in items:
        if batch and batch_weight + weight > limit:
            yield batch
            batch, batch_weight = [], 0
        batch.append(item)
        batch_weight += max(1, weight)
    if batch:
        yield batch
