"""The derived layers: counts, co-occurrences and the ticket tables, made anew from facts and decisions.

The build state in the graph says whether they can be used: a build that was killed leaves `building`, a changed fact
`stale`; `growing` then makes anew what has changed and nothing else. Ticket tables are as DESIGN describes: a term owns
a block of integers from slot * 2**40, its neighbours hold as many consecutive tickets as their count, in the order
count descending, then id.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
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

CHANGED = "the graph was changed, or built by another call, while this build ran"
BUILD_AGAIN = "Run `kgsynth build` again when no other load, merge or build is at work."

TICKETS_PER_BLOCK = 2**40
# So many blocks, that every ticket is a whole number of 64 bits.
MOST_SLOTS = 2**22
# 10,000 relationships a statement is the fastest of 1,000 to 50,000 (DESIGN section 5).
STEP_BATCH = 10_000
# Terms go to one co-occurrence statement until their documents have this many mentions, or they so many counted pairs:
# a hub, or a term of a document with thousands of them, has one of its own.
MENTION_BATCH = 50_000
_TERM_BATCH = 5_000


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
    graph.write(_DELETE_RELATIONSHIPS)
    graph.write(_CLEAR_TERMS)
    graph.write(_COUNT_DOCUMENT_TERMS)
    graph.write(_COUNT_TERM_DOCUMENTS)
    rows = graph.read(_TERM_IDS)
    counts = BuildCounts(terms=len(rows))
    kinds = {row["id"]: row["kind"] for row in rows}
    with shown(progress, "co-occurrences", len(rows)) as bar:
        for batch in by_weight(((row["id"], row["weight"]) for row in rows), MENTION_BATCH):
            counts.co_occurrences += _write_held(graph, token, _CREATE_CO_OCCURRENCES, ids=batch)[0]["pairs"]
            bar.advance(len(batch))
    slots = {term_id: slot for slot, term_id in enumerate(kinds)}
    counts.fingerprint = _write_ticket_tables(graph, token, kinds, slots, counts, progress)
    # The batches that delete hold nothing: those of a build that was overtaken may have taken what this one has made.
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
    """All concepts and topics in the order of their ids, with the number of their neighbours: `id`, `degree`."""
    return graph.read(_TERM_DEGREES)


def neighbours_of(graph: Graph, ids: Sequence[str]) -> list[Row]:
    """As `adjacency`, of some terms."""
    return graph.read(_NEIGHBOURS, ids=list(ids))


def _adjacency_in_parts(graph: Graph) -> Iterator[Row]:
    """As `adjacency`, for whoever writes steps between the rows.

    A long read beside the writing fails: Neo4j finds that the relationships of a node were rearranged under it.
    """
    degrees = ((row["id"], row["degree"]) for row in term_degrees(graph))
    for batch in by_weight(degrees, STEP_BATCH):
        yield from neighbours_of(graph, batch)


def _write_ticket_tables(
    graph: Graph, token: str, kinds: dict[str, str], slots: dict[str, int], counts: BuildCounts, progress: Progress
) -> str:
    tables: dict[str, list[Row]] = {name: [] for name in CREATE_STEPS}
    waiting = dict.fromkeys(CREATE_STEPS, 0)
    counts.steps = dict.fromkeys(CREATE_STEPS, 0)
    hashes = {term_id: id_hash(term_id) for term_id in kinds}
    tickets: list[Row] = []
    with shown(progress, "walk tables", len(kinds)) as bar:
        for row in _adjacency_in_parts(graph):
            term_id = row["id"]
            if term_id not in slots:
                raise GraphError(CHANGED, hint=BUILD_AGAIN)
            own = {
                "id": term_id,
                "slot": slots[term_id],
                "digest": row_digest([hashes[one] for one in row["neighbours"]], row["counts"]),
                "from": slots[term_id] * TICKETS_PER_BLOCK,
                **dict.fromkeys(CREATE_STEPS, 0),
            }
            for name, steps in steps_of(row, kinds).items():
                table = ticket_table(steps, first=own["from"])
                own[name] = sum(count for _, count in steps)
                tables[name].append({"id": term_id, **table})
                waiting[name] += len(steps)
                counts.steps[name] += len(steps)
                if waiting[name] >= STEP_BATCH:
                    _write_held(graph, token, CREATE_STEPS[name], rows=tables[name])
                    tables[name], waiting[name] = [], 0
            tickets.append(own)
            if len(tickets) >= _TERM_BATCH:
                _write_held(graph, token, SET_TICKETS, rows=tickets)
                tickets = []
            bar.advance()
        for name, steps_rows in tables.items():
            if steps_rows:
                _write_held(graph, token, CREATE_STEPS[name], rows=steps_rows)
        if tickets:
            _write_held(graph, token, SET_TICKETS, rows=tickets)
    return digests_hash(graph)


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


def row_digest(hashes: Sequence[int], counts: Sequence[int]) -> int:
    """A number that names the neighbours of one term and their counts, whatever their order; signed, 64 bits."""
    parts = digest_parts(np.asarray(hashes, dtype=np.uint64), np.asarray(counts, dtype=np.uint64))
    return int(parts.sum(dtype=np.uint64).astype(np.int64))


def digest_parts(hashes: NDArray[np.uint64], counts: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What each neighbour adds to the digest of a term, modulo 2**64; uint64 (neighbours,)."""
    return _mixed(hashes ^ _mixed(counts))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finisher of splitmix64 (Steele, Lea and Flood 2014).
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def steps_of(row: Row, kinds: Mapping[str, str]) -> dict[str, list[tuple[str, int]]]:
    """The neighbours of a term by step table, heaviest first, ties by id."""
    steps: dict[str, list[tuple[str, int]]] = {}
    for neighbour, count in zip(row["neighbours"], row["counts"], strict=True):
        name = _TABLES.get((kinds[row["id"]], kinds[neighbour]))
        if name:
            steps.setdefault(name, []).append((neighbour, count))
    return {name: sorted(found, key=lambda step: (-step[1], step[0])) for name, found in steps.items()}


# A walk never steps from a concept to a topic, so that table is not made.
_TABLES = {
    ("topic", "topic"): "next_topic",
    ("topic", "concept"): "first_concept",
    ("concept", "concept"): "next_concept",
}


def ticket_table(steps: Sequence[tuple[str, int]], *, first: int) -> Row:
    """The tickets of one term in one step table.

    Args:
        steps: (neighbour id, count) in ticket order.
        first: the first ticket of the term's block.

    Returns:
        targets, tickets and upto, of one length; upto is the first ticket that is no longer the step's own.

    Raises:
        GraphError: the counts do not fit into one block of 2**40 tickets.
    """
    tickets = [count for _, count in steps]
    if sum(tickets) > TICKETS_PER_BLOCK:
        raise GraphError(f"the co-occurrence counts of one term sum to {sum(tickets):,}, more than 2**40")
    upto = [first + end for end in accumulate(tickets)]
    return {"targets": [neighbour for neighbour, _ in steps], "tickets": tickets, "upto": upto}


def by_weight(items: Iterable[tuple[str, int]], limit: int) -> Iterator[list[str]]:
    """Runs of items that weigh about `limit` together, each at least 1; what weighs more has a run of its own."""
    batch: list[str] = []
    weight = 0
    for item, own in items:
        if batch and weight + own > limit:
            yield batch
            batch, weight = [], 0
        batch.append(item)
        weight += max(1, own)
    if batch:
        yield batch
