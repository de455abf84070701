"""The derived layers: counts, co-occurrences and the ticket tables, made anew from facts and decisions.

The build state in the graph says whether they can be used: a build that was killed leaves `building`, a changed fact
`stale`; `growing` then makes anew what has changed and nothing else. Ticket tables are as DESIGN describes: a term owns
a block of integers from slot * 2**40, its neighbours hold as many consecutive tickets as their count, in the order
count descending, then id.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.progress import Progress, Silent, shown
from kgsynth.queries import Query
from kgsynth.records import content_hash

_MARK_BUILDING = queries.load("derive/mark_building")
_MARK_COMPLETE = queries.load("derive/mark_complete")
_HOLD = queries.load("derive/hold")
_RELATIONSHIP_COUNTS = queries.load("derive/relationship_counts")
_STATE = queries.load("derive/state")
_DELETE_RELATIONSHIPS = queries.load("derive/delete_relationships")
_CLEAR_TERMS = queries.load("derive/clear_terms")
_COUNT_DOCUMENT_TERMS = queries.load("derive/count_document_terms")
_COUNT_TERM_DOCUMENTS = queries.load("derive/count_term_documents")
_TERM_IDS = queries.load("derive/term_ids")
_SLOTS = queries.load("derive/slots")
_SET_SLOTS = queries.load("derive/set_slots")
_CREATE_CO_OCCURRENCES = queries.load("derive/create_co_occurrences")
_ADJACENCY = queries.load("derive/adjacency")
SET_TICKETS = queries.load("derive/set_tickets")
_DIGESTS = queries.load("derive/digests")
_TERM_DEGREES = queries.load("derive/term_degrees")
_NEIGHBOURS = queries.load("derive/neighbours")
CREATE_STEPS = {
    "next_topic": queries.load("derive/create_next_topic_steps"),
    "first_concept": queries.load("derive/create_first_concept_steps"),
    "next_concept": queries.load("derive/create_next_concept_steps"),
}

_Item = TypeVar("_Item")
Int64 = NDArray[np.int64]

CHANGED = "the graph was changed, or built by another call, while this build ran"
BUILD_AGAIN = "Run `kgsynth build` again when no other load, merge or build is at work."

TICKETS_PER_BLOCK = 2**40
# So many blocks, that every ticket is a whole number of 64 bits.
MOST_SLOTS = 2**22
# 10,000 relationships a statement is the fastest of 1,000 to 50,000 (DESIGN section 5).
STEP_BATCH = 10_000
# The step table of a pair by whether its first and its second term are topics; a walk never steps from a concept to a
# topic, so that table is not made.
_TABLES = {(True, True): "next_topic", (True, False): "first_concept", (False, False): "next_concept"}
# Terms go to one co-occurrence statement until their documents have this many mentions, or they so many counted pairs:
# a hub, or a term of a document with thousands of them, has one of its own.
MENTION_BATCH = 50_000
_TERM_BATCH = 5_000
_CLEARED_AT_ONCE = 50_000


@dataclass(slots=True, kw_only=True)
class BuildCounts:
    """What a build made; of a graph that was grown, what was added to or made anew."""

    is_grown: bool = False
    documents: int = 0
    terms: int = 0
    co_occurrences: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    fingerprint: str = ""


def state(graph: Graph) -> str:
    """`missing`, `old`, `stale`, `building` or `complete`; of these `stale` alone can be grown."""
    rows = graph.read(_STATE)
    return str(rows[0]["state"]) if rows else "missing"


def fingerprint(graph: Graph) -> str:
    """The name of the walk tables' state.

    Raises:
        GraphError: the derived layers cannot be used; the message says why.
    """
    rows = graph.read(_STATE)
    current = rows[0]["state"] if rows else "missing"
    if current != "complete":
        why = {
            "missing": "were never built",
            "old": "are older than the last load or merge",
            "stale": "are older than the last load or merge",
            "building": "were left half-built",
        }[current]
        raise GraphError(f"the co-occurrences and walk tables of this graph {why}", hint="Run `kgsynth build`.")
    return str(rows[0]["fingerprint"])


def build(graph: Graph, progress: Progress | None = None) -> BuildCounts:
    """Make all derived layers anew; a build that was killed is repaired by the next.

    Raises:
        GraphError: facts or decisions were changed meanwhile, or another build ran; the layers cannot be used then.
    """
    progress = progress or Silent()
    # Not a draw: it only tells two builds apart, and is gone when the build is complete.
    token = uuid4().hex
    graph.write(_MARK_BUILDING, token=token)
    for query in (_DELETE_RELATIONSHIPS, _CLEAR_TERMS):
        while _write_held(graph, token, query, limit=_CLEARED_AT_ONCE)[0]["count"]:
            pass
    graph.write(_COUNT_DOCUMENT_TERMS)
    graph.write(_COUNT_TERM_DOCUMENTS)
    rows = graph.read(_TERM_IDS)
    counts = BuildCounts(terms=len(rows))
    with shown(progress, "co-occurrences", len(rows)) as bar:
        for batch in by_weight(((row["id"], row["weight"]) for row in rows), MENTION_BATCH):
            counts.co_occurrences += _write_held(graph, token, _CREATE_CO_OCCURRENCES, ids=batch)[0]["pairs"]
            bar.advance(len(batch))
    counts.fingerprint = _write_ticket_tables(graph, token, counts, progress)
    # Whatever happened meanwhile: what is not all there is not called complete.
    if graph.read(_RELATIONSHIP_COUNTS)[0] != {"co_occurrences": counts.co_occurrences, **counts.steps}:
        raise GraphError(CHANGED, hint=BUILD_AGAIN)
    complete(graph, counts.fingerprint, token)
    return counts


def hold(transaction: Transaction, token: str) -> None:
    """Keep every other build and every load waiting until the transaction ends.

    Raises:
        GraphError: another call has changed the build's state since it was marked with the token.
    """
    if not transaction.run(_HOLD, token=token):
        raise GraphError(CHANGED, hint=BUILD_AGAIN)


def complete(graph: Graph, fingerprint: str, token: str) -> None:
    """The layers are whole.

    Raises:
        GraphError: facts or decisions were changed meanwhile, or another build ran.
    """

    def work(transaction: Transaction) -> None:
        hold(transaction, token)
        transaction.run(_MARK_COMPLETE, fingerprint=fingerprint, token=token)

    graph.together(work)


def _write_held(graph: Graph, token: str, query: Query, **parameters: object) -> list[Row]:
    def work(transaction: Transaction) -> list[Row]:
        hold(transaction, token)
        return transaction.run(query, **parameters)

    return graph.together(work)


def adjacency(graph: Graph) -> Iterator[Row]:
    """Each concept and topic with the ids of its neighbours and the counts: each pair from both of its ends."""
    return graph.stream(_ADJACENCY)


def term_degrees(graph: Graph) -> list[Row]:
    """All concepts and topics in the order of their ids, with their number of neighbours: `id`, `slot`, `degree`."""
    return graph.read(_TERM_DEGREES)


def neighbours_of(graph: Graph, ids: Sequence[str]) -> list[Row]:
    """Some terms with their neighbours and the counts, by slots: `slot`, `neighbours`, `counts`."""
    return graph.read(_NEIGHBOURS, ids=list(ids))


def _adjacency_in_parts(graph: Graph) -> Iterator[Row]:
    """As `neighbours_of`, of all terms, for whoever writes steps between the rows.

    A long read beside the writing fails: Neo4j finds that the relationships of a node were rearranged under it.
    """
    degrees = ((row["id"], row["degree"]) for row in term_degrees(graph))
    for batch in by_weight(degrees, STEP_BATCH):
        yield from neighbours_of(graph, batch)


def _write_ticket_tables(graph: Graph, token: str, counts: BuildCounts, progress: Progress) -> str:
    terms = write_slots(graph, token)
    made: dict[str, list[Row]] = {name: [] for name in CREATE_STEPS}
    waiting = dict.fromkeys(CREATE_STEPS, 0)
    counts.steps = dict.fromkeys(CREATE_STEPS, 0)
    tickets: list[Row] = []
    with shown(progress, "walk tables", counts.terms) as bar:
        for row in _adjacency_in_parts(graph):
            own, tables = terms.tables(row)
            for name, table in tables.items():
                made[name].append(table.rows(terms, row["slot"]))
                waiting[name] += len(table.targets)
                counts.steps[name] += len(table.targets)
                if waiting[name] >= STEP_BATCH:
                    _write_held(graph, token, CREATE_STEPS[name], rows=made[name])
                    made[name], waiting[name] = [], 0
            tickets.append(own)
            if len(tickets) >= _TERM_BATCH:
                _write_held(graph, token, SET_TICKETS, rows=tickets)
                tickets = []
            bar.advance()
        for name, steps_rows in made.items():
            if steps_rows:
                _write_held(graph, token, CREATE_STEPS[name], rows=steps_rows)
        if tickets:
            _write_held(graph, token, SET_TICKETS, rows=tickets)
    return digests_hash(graph)


def write_slots(graph: Graph, token: str) -> "Terms":
    """Give a slot to each concept and topic that has none, behind those that are taken, in the order of ids.

    Raises:
        GraphError: another call has changed the build's state since it was marked with the token.
    """
    rows = graph.read(_SLOTS)
    free = max((row["slot"] for row in rows if row["slot"] is not None), default=-1) + 1
    new = [row for row in rows if row["slot"] is None]
    for slot, row in enumerate(new, free):
        row["slot"] = slot
    for first in range(0, len(new), STEP_BATCH):
        _write_held(graph, token, _SET_SLOTS, rows=new[first : first + STEP_BATCH])
    return Terms.of(rows)


@dataclass(frozen=True, slots=True, eq=False)
class TicketTable:
    """The steps of one term in one step table, in the order of their tickets.

    Slots of the neighbours, how many tickets each has, and the first ticket that is no longer its own: int64 (steps,).
    """

    targets: Int64
    tickets: Int64
    upto: Int64

    def rows(self, terms: "Terms", slot: int) -> Row:
        """The steps as the queries that make them want them."""
        return {
            "id": terms.ids[slot],
            "targets": [terms.ids[one] for one in self.targets.tolist()],
            "tickets": self.tickets.tolist(),
            "upto": self.upto.tolist(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """All concepts and topics by slot: ids, each one's place among all ids, whether it is a topic, hash of the id.

    A slot that no term has holds an empty id and the place -1. int64, bool and uint64 (slots,).
    """

    ids: list[str]
    places: Int64
    is_topic: NDArray[np.bool_]
    hashes: NDArray[np.uint64]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Rows of `id` and `slot`, ordered by id."""
        count = max((row["slot"] for row in rows), default=-1) + 1
        zeros = (np.zeros(count, dtype=kind) for kind in (np.bool_, np.uint64))
        own = cls([""] * count, np.full(count, -1, dtype=np.int64), *zeros)
        for place, row in enumerate(rows):
            slot, term_id = row["slot"], row["id"]
            own.ids[slot], own.places[slot] = term_id, place
            own.is_topic[slot], own.hashes[slot] = term_id.startswith("topic:"), id_hash(term_id)
        return own

    def tables(self, row: Row) -> tuple[Row, dict[str, TicketTable]]:
        """The ticket tables of one term.

        Args:
            row: `slot`, and slots and counts of its neighbours.

        Returns:
            What is kept on the term, and the tables that are not empty: heaviest step first, ties by id.

        Raises:
            GraphError: the term is newer than these, a neighbour is no term with a slot, or counts do not fit into one
                block of 2**40 tickets.
        """
        slot = row["slot"]
        if slot is None or slot >= len(self.ids):
            raise GraphError(CHANGED, hint=BUILD_AGAIN)
        neighbours = self.known(row["neighbours"], row["counts"])
        counts = np.array(row["counts"], dtype=np.int64)
        order = np.lexsort((self.places[neighbours], -counts))
        neighbours, counts = neighbours[order], counts[order]
        first = slot * TICKETS_PER_BLOCK
        digest = digest_parts(self.hashes[neighbours], counts.astype(np.uint64)).sum(dtype=np.uint64)
        own: Row = {
            "id": self.ids[slot],
            "digest": int(digest.astype(np.int64)),
            "from": first,
            **dict.fromkeys(CREATE_STEPS, 0),
        }
        tables = {}
        for name, is_own in self.by_table(slot, neighbours):
            if is_own.any():
                tables[name] = ticket_table(neighbours[is_own], counts[is_own], first=first)
                own[name] = int(tables[name].upto[-1]) - first
        return own, tables

    def known(self, slots: Sequence[int], beside: Sequence[int]) -> Int64:
        """Slots of other terms, each of a term and once, as many as what the graph says of them: int64 (others,).

        Raises:
            GraphError: they are not.
        """
        own = np.array(slots, dtype=np.int64)
        is_known = len(own) == len(beside) == len(np.unique(own)) and own.max(initial=-1) < len(self.ids)
        if not is_known or (self.places[own] < 0).any():
            raise GraphError(
                "a co-occurrence or a step leads to a node that is no term with a slot, or there twice",
                hint="Run `kgsynth build --whole`; `kgsynth check` says what is wrong.",
            )
        return own

    def by_table(self, slot: int, others: Int64) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Each step table that a term has, with which of some other terms its steps there may lead to."""
        for (from_topic, to_topic), name in _TABLES.items():
            if from_topic == self.is_topic[slot]:
                yield name, self.is_topic[others] == to_topic


def digests_hash(graph: Graph) -> str:
    """The fingerprint of the walk tables as they are: a hash of the digests of all terms."""
    return hash_of_digests((row["id"], row["digest"]) for row in graph.read(_DIGESTS))


def hash_of_digests(digests: Iterable[tuple[str, int]]) -> str:
    """The fingerprint of concepts and topics, in the order of their ids, with the digest of each."""
    return content_hash([list(one) for one in digests])[:16]


def made(graph: Graph) -> str:
    """The name of the last build, which no other has: for what is kept of a graph outside it. Empty without one."""
    rows = graph.read(_STATE)
    return str(rows[0]["made"] or "") if rows else ""


def mark_complete(graph: Graph, fingerprint: str) -> str:
    """Say that the layers, made elsewhere, are whole: a graph that was just imported; the name of the build."""
    token = uuid4().hex
    graph.write(_MARK_BUILDING, token=token)
    complete(graph, fingerprint, token)
    return token


def id_hash(term_id: str) -> int:
    """64 bits of a term's id, for digests."""
    return int.from_bytes(hashlib.blake2b(term_id.encode(), digest_size=8).digest(), "little")


def digest_parts(hashes: NDArray[np.uint64], counts: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What each neighbour adds to the digest of a term, modulo 2**64; uint64 (neighbours,)."""
    return _mixed(hashes ^ _mixed(counts))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finisher of splitmix64 (Steele, Lea and Flood 2014).
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def ticket_table(targets: Int64, tickets: Int64, *, first: int) -> TicketTable:
    """The tickets of one term in one step table.

    Args:
        targets: slots of the neighbours in ticket order.
        tickets: as many counts.
        first: the first ticket of the term's block.

    Raises:
        GraphError: the counts do not fit into one block of 2**40 tickets.
    """
    upto = first + np.cumsum(tickets)
    if upto[-1] - first > TICKETS_PER_BLOCK:
        raise GraphError(f"the co-occurrence counts of one term sum to {upto[-1] - first:,}, more than 2**40")
    return TicketTable(targets, tickets, upto)


def by_weight(items: Iterable[tuple[_Item, int]], limit: int) -> Iterator[list[_Item]]:
    """Runs of items that weigh about `limit` together, each at least 1; what weighs more has a run of its own."""
    batch: list[_Item] = []
    weight = 0
    for item, own in items:
        if batch and weight + own > limit:
            yield batch
            batch, weight = [], 0
        batch.append(item)
        weight += max(1, own)
    if batch:
        yield batch
