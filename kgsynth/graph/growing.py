"""Derived layers that grow: what has changed since they were complete is made anew, and nothing else.

What has changed is marked on the nodes (`changed`): a document that no count knows is true; a term is `counts` when its
co-occurrences must be counted anew (it is new, was merged or taken apart, or lost a document), `steps` when only its
walk tables must be. Each transaction takes its marks away with what it does, so a growth that was killed is
continued by the next call. What comes out is what a build from nothing makes, but for the slots: those of new terms
follow the others.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph import derived
from kgsynth.graph.derived import BuildCounts, Int64, Terms, TicketTable
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.progress import Progress, Silent, shown

_MARK_GROWING = queries.load("grow/mark_growing")
_DOCUMENTS = queries.load("grow/documents")
_SIZES = queries.load("grow/sizes")
_TERMS_OF_DOCUMENTS = queries.load("grow/terms_of_documents")
_ADD_TO_PAIRS = queries.load("grow/add_to_pairs")
_CREATE_PAIRS = queries.load("grow/create_pairs")
_ADD_DOCUMENT_COUNTS = queries.load("grow/add_document_counts")
_CHANGED_TERMS = queries.load("grow/changed_terms")
_DROP_COUNTS = queries.load("grow/drop_counts")
_DROP_STEPS_OF_ALIASES = queries.load("grow/drop_steps_of_aliases")
_COUNT_TERMS = queries.load("grow/count_terms")
_COUNT_DOCUMENT_TERMS = queries.load("grow/count_document_terms")
_ROWS = queries.load("grow/rows")
_MOVE_STEPS = {
    "next_topic": queries.load("grow/move_next_topic_steps"),
    "first_concept": queries.load("grow/move_first_concept_steps"),
    "next_concept": queries.load("grow/move_next_concept_steps"),
}
_DELETE_STEPS = queries.load("grow/delete_steps")

# The pairs of so many documents are added in one transaction.
_DOCUMENT_BATCH = 100


def is_worth_it(graph: Graph) -> bool:
    """Whether a growth can be made and is less work than a build from nothing."""
    if derived.state(graph) != "stale" or not derived.made(graph):
        return False
    (sizes,) = graph.read(_SIZES)
    return bool(4 * sizes["changed"] < sizes["documents"] and sizes["slots"] < derived.MOST_SLOTS)


def grow(graph: Graph, progress: Progress | None = None) -> BuildCounts:
    """Bring the derived layers up to date; a growth that was killed is continued by the next call.

    Raises:
        GraphError: the layers were never whole, facts or decisions were changed meanwhile, or another build ran.
    """
    progress = progress or Silent()
    # Not a draw: it only tells two builds apart, and is gone when the layers are complete.
    token = uuid4().hex
    if not graph.write(_MARK_GROWING, token=token).rows:
        raise GraphError("only layers that were whole before the last change can grow", hint=derived.BUILD_AGAIN)
    growth = _Growth(graph, token)
    counts = BuildCounts(is_grown=True, steps=dict.fromkeys(_MOVE_STEPS, 0))
    new = [row["id"] for row in graph.read(_DOCUMENTS)]
    with shown(progress, "new documents", len(new)) as bar:
        for first in range(0, len(new), _DOCUMENT_BATCH):
            own = new[first : first + _DOCUMENT_BATCH]
            counts.co_occurrences += growth.add_documents(own)
            bar.advance(len(own))
    counts.documents = len(new)
    changed = [(row["id"], row["weight"]) for row in graph.read(_CHANGED_TERMS, what="counts")]
    with shown(progress, "changed terms", len(changed)) as bar:
        for ids in derived.by_weight(changed, derived.MENTION_BATCH):
            growth.count_terms(ids)
            bar.advance(len(ids))
    terms = derived.write_slots(graph, token)
    changed = [(row["id"], row["weight"]) for row in graph.read(_CHANGED_TERMS, what="steps")]
    counts.terms = len(changed)
    with shown(progress, "walk tables", len(changed)) as bar:
        for ids in derived.by_weight(changed, derived.STEP_BATCH):
            growth.write_steps(ids, terms, counts)
            bar.advance(len(ids))
    counts.fingerprint = derived.digests_hash(graph)
    derived.complete(graph, counts.fingerprint, token)
    return counts


class _Growth:
    """The transactions of one growth; each holds the build's state, so that no two growths and no load overlap."""

    def __init__(self, graph: Graph, token: str) -> None:
        self._graph, self._token = graph, token

    def add_documents(self, ids: Sequence[str]) -> int:
        """Add what new documents mention to the counts; how many pairs that touches."""

        def work(transaction: Transaction) -> int:
            derived.hold(transaction, self._token)
            pairs: Counter[tuple[str, str]] = Counter()
            documents: Counter[str] = Counter()
            for row in transaction.run(_TERMS_OF_DOCUMENTS, ids=list(ids)):
                # Terms that are counted anew are left to that: it looks at this document too.
                known = sorted(row["known"])
                documents.update(known)
                pairs.update(combinations(known, 2))
            seconds: dict[tuple[str, int], list[str]] = {}
            for (one, other), count in sorted(pairs.items()):
                seconds.setdefault((one, count), []).append(other)
            sizes = ((key, len(own)) for key, own in seconds.items())
            for keys in derived.by_weight(sizes, derived.STEP_BATCH):
                rows = [{"first": key[0], "count": key[1], "seconds": seconds[key]} for key in keys]
                held = transaction.run(_ADD_TO_PAIRS, rows=rows)
                counted = {(row["first"], row["count"]): set(row["seconds"]) for row in held}
                new = []
                for key, row in zip(keys, rows, strict=True):
                    own = [one for one in seconds[key] if one not in counted.get(key, ())]
                    if own:
                        new.append({**row, "seconds": own})
                transaction.run(_CREATE_PAIRS, rows=new)
            transaction.run(
                _ADD_DOCUMENT_COUNTS, rows=[{"id": one, "count": count} for one, count in sorted(documents.items())]
            )
            return len(pairs)

        return self._graph.together(work)

    def count_terms(self, ids: Sequence[str]) -> None:
        """Count the co-occurrences of some terms anew; aliases lose theirs."""

        def work(transaction: Transaction) -> None:
            derived.hold(transaction, self._token)
            transaction.run(_DROP_COUNTS, ids=list(ids))
            transaction.run(_DROP_STEPS_OF_ALIASES, ids=list(ids))
            transaction.run(_COUNT_TERMS, ids=list(ids))
            transaction.run(_COUNT_DOCUMENT_TERMS, ids=list(ids))

        self._graph.together(work)

    def write_steps(self, ids: Sequence[str], terms: Terms, counts: BuildCounts) -> None:
        """Bring the walk tables of some terms up to date; what is written is added to the counts."""

        def work(transaction: Transaction) -> Counter[str]:
            derived.hold(transaction, self._token)
            made: dict[str, list[Row]] = {name: [] for name in _MOVE_STEPS}
            moved: dict[str, list[Row]] = {name: [] for name in _MOVE_STEPS}
            gone: list[Row] = []
            tickets: list[Row] = []
            written: Counter[str] = Counter()
            for row in transaction.run(_ROWS, ids=list(ids)):
                own, tables = terms.tables(row)
                tickets.append(own)
                held = _held(row, terms)
                for name, is_own in terms.by_table(row["slot"], held.targets):
                    table = tables.get(name, _NO_STEPS)
                    change = _change(_chosen(held, is_own), table)
                    moved[name] += change.moves
                    written[name] += change.moved + int(change.is_new.sum())
                    if change.is_new.any():
                        made[name].append(_chosen(table, change.is_new).rows(terms, row["slot"]))
                    if len(change.gone):
                        gone.append({"id": own["id"], "targets": change.gone.tolist()})
            if gone:
                transaction.run(_DELETE_STEPS, rows=gone)
            for name in _MOVE_STEPS:
                if moved[name]:
                    transaction.run(_MOVE_STEPS[name], rows=moved[name])
                if made[name]:
                    transaction.run(derived.CREATE_STEPS[name], rows=made[name])
            transaction.run(derived.SET_TICKETS, rows=tickets)
            return written

        for name, number in self._graph.together(work).items():
            counts.steps[name] += number


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """What makes the steps of one term in one step table those of another table.

    `moves` are runs of steps that move by as much (`first`, `last`, `by`), and single ones with another number of
    tickets (`tickets`); `moved` is how many steps that are. `is_new` says which steps of the other table must be made,
    bool (steps,); `gone` are the slots of targets that no step leads to any more.
    """

    moves: list[Row]
    moved: int
    is_new: NDArray[np.bool_]
    gone: Int64


_NO_STEPS = TicketTable(*(np.empty(0, dtype=np.int64) for _ in range(3)))


def _held(row: Row, terms: Terms) -> TicketTable:
    """The steps that a term has, in the order of their tickets, of each table."""
    targets = terms.known(row["targets"], row["upto"])
    tickets, upto = (np.array(row[name], dtype=np.int64) for name in ("tickets", "upto"))
    return _chosen(TicketTable(targets, tickets, upto), np.argsort(upto))


def _chosen(table: TicketTable, which: NDArray[np.generic]) -> TicketTable:
    return TicketTable(table.targets[which], table.tickets[which], table.upto[which])


def _change(held: TicketTable, wanted: TicketTable) -> _Change:
    _, old, new = np.intersect1d(held.targets, wanted.targets, assume_unique=True, return_indices=True)
    order = np.argsort(old)
    old, new = old[order], new[order]
    by = wanted.upto[new] - held.upto[old]
    is_other = wanted.tickets[new] != held.tickets[old]
    is_first = np.ones(len(old), dtype=np.bool_)
    is_first[1:] = (by[1:] != by[:-1]) | is_other[1:] | is_other[:-1]
    firsts = np.flatnonzero(is_first)
    lasts = np.append(firsts, len(old))[1:] - 1
    is_moving = (by[firsts] != 0) | is_other[firsts]
    firsts, lasts = firsts[is_moving], lasts[is_moving]
    columns = (held.upto[old[firsts]], held.upto[old[lasts]], by[firsts], wanted.tickets[new[firsts]], is_other[firsts])
    moves = [
        {"first": first, "last": last, "by": own_by, "tickets": tickets if has_other else None}
        for first, last, own_by, tickets, has_other in zip(*(column.tolist() for column in columns), strict=True)
    ]
    is_new = np.ones(len(wanted.targets), dtype=np.bool_)
    is_new[new] = False
    return _Change(moves, int((lasts - firsts + 1).sum()), is_new, np.delete(held.targets, old))
