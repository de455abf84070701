"""Derived layers that grow: what has changed since they were complete is made anew, and nothing else.

What has changed is marked on the nodes (`changed`): a document that no count knows is true; a term is `counts` when its
co-occurrences must be counted anew (it is new, was merged or taken apart, or lost a document), `steps` when only its
walk tables must be. Each transaction takes its marks away with what it does, so a growth that was killed is
continued by the next call. What comes out is what a build from nothing makes, but for the slots: those of new terms
follow the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from uuid import uuid4

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph import derived
from kgsynth.graph.derived import BuildCounts
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.progress import Progress, Silent, shown

_MARK_GROWING = queries.load("grow/mark_growing")
_DOCUMENTS = queries.load("grow/documents")
_SIZES = queries.load("grow/sizes")
_TERMS_OF_DOCUMENTS = queries.load("grow/terms_of_documents")
_ADD_PAIRS = queries.load("grow/add_pairs")
_ADD_DOCUMENT_COUNTS = queries.load("grow/add_document_counts")
_CHANGED_TERMS = queries.load("grow/changed_terms")
_DROP_COUNTS = queries.load("grow/drop_counts")
_DROP_STEPS_OF_ALIASES = queries.load("grow/drop_steps_of_aliases")
_COUNT_TERMS = queries.load("grow/count_terms")
_COUNT_DOCUMENT_TERMS = queries.load("grow/count_document_terms")
_ROWS = queries.load("grow/rows")
_SET_STEPS = {
    "next_topic": queries.load("grow/set_next_topic_steps"),
    "first_concept": queries.load("grow/set_first_concept_steps"),
    "next_concept": queries.load("grow/set_next_concept_steps"),
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
    counts = BuildCounts(is_grown=True, steps=dict.fromkeys(_SET_STEPS, 0))
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
    changed = [(row["id"], row["weight"]) for row in graph.read(_CHANGED_TERMS, what="steps")]
    counts.terms = len(changed)
    free = graph.read(_SIZES)[0]["slots"]
    with shown(progress, "walk tables", len(changed)) as bar:
        for ids in derived.by_weight(changed, derived.STEP_BATCH):
            free += growth.write_steps(ids, free, counts)
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
            rows = [{"first": a, "second": b, "count": count} for (a, b), count in sorted(pairs.items())]
            for first in range(0, len(rows), derived.STEP_BATCH):
                transaction.run(_ADD_PAIRS, rows=rows[first : first + derived.STEP_BATCH])
            transaction.run(
                _ADD_DOCUMENT_COUNTS, rows=[{"id": one, "count": count} for one, count in sorted(documents.items())]
            )
            return len(rows)

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

    def write_steps(self, ids: Sequence[str], free: int, counts: BuildCounts) -> int:
        """Bring the walk tables of some terms up to date; how many slots from `free` on were given away."""

        def work(transaction: Transaction) -> tuple[int, Counter[str]]:
            derived.hold(transaction, self._token)
            made: dict[str, list[Row]] = {name: [] for name in _SET_STEPS}
            moved: dict[str, list[Row]] = {name: [] for name in _SET_STEPS}
            gone: list[str] = []
            tickets: list[Row] = []
            given = 0
            for row in transaction.run(_ROWS, ids=list(ids)):
                if row["slot"] is None:
                    row["slot"] = free + given
                    given += 1
                tickets.append(_compared(row, made, moved, gone))
            for name in _SET_STEPS:
                if made[name]:
                    transaction.run(derived.CREATE_STEPS[name], rows=made[name])
                for first in range(0, len(moved[name]), derived.STEP_BATCH):
                    transaction.run(_SET_STEPS[name], rows=moved[name][first : first + derived.STEP_BATCH])
            if gone:
                transaction.run(_DELETE_STEPS, steps=gone)
            transaction.run(derived.SET_TICKETS, rows=tickets)
            written = Counter({name: len(moved[name]) for name in _SET_STEPS})
            for name, rows in made.items():
                written[name] += sum(len(row["targets"]) for row in rows)
            return given, written

        given, written = self._graph.together(work)
        for name, number in written.items():
            counts.steps[name] += number
        return given


def _compared(row: Row, made: Mapping[str, list[Row]], moved: Mapping[str, list[Row]], gone: list[str]) -> Row:
    """The tickets of one term; steps that must be made, that move and that go are added to the lists."""
    kinds = {one: one.partition(":")[0] for one in (row["id"], *row["neighbours"])}
    first = row["slot"] * derived.TICKETS_PER_BLOCK
    hashes = [derived.id_hash(one) for one in row["neighbours"]]
    own: Row = {
        "id": row["id"],
        "slot": row["slot"],
        "digest": derived.row_digest(hashes, row["counts"]),
        "from": first,
        **dict.fromkeys(_SET_STEPS, 0),
    }
    held = {target: (step, tickets, upto) for target, step, tickets, upto in row["steps"]}
    for name, steps in derived.steps_of(row, kinds).items():
        table = derived.ticket_table(steps, first=first)
        own[name] = sum(table["tickets"])
        new: Row = {"id": row["id"], "targets": [], "tickets": [], "upto": []}
        for target, tickets, upto in zip(table["targets"], table["tickets"], table["upto"], strict=True):
            step, *was = held.pop(target, (None,))
            if step is None:
                new["targets"].append(target)
                new["tickets"].append(tickets)
                new["upto"].append(upto)
            elif was != [tickets, upto]:
                moved[name].append({"step": step, "tickets": tickets, "upto": upto})
        if new["targets"]:
            made[name].append(new)
    gone.extend(step for step, _, _ in held.values())
    return own
