"""The decisions layer: which terms count as which, and which a reviewer has called different.

This module applies and undoes decisions; it does not make them. An alias points straight at the term it counts as.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.records import Kind

_TERMS = queries.load("merge/terms")
_MERGES = queries.load("merge/merges")
_DISTINCT_PAIRS = queries.load("merge/distinct_pairs")
_APPLY = queries.load("merge/apply")
_UNDO = queries.load("merge/undo")
_SAME_PAIRS = queries.load("merge/same_pairs")
_SET_SAME = queries.load("merge/set_same")
_UNSET = queries.load("merge/unset")
_SET_DISTINCT = queries.load("merge/set_distinct")
_MARK_STALE = queries.load("derive/mark_stale")
_SETTINGS = queries.load("merge/settings")
_SET_SETTINGS = queries.load("merge/set_settings")
_UNDONE_PAIRS = queries.load("merge/undone_pairs")
_MARK_UNDONE = queries.load("merge/mark_undone")
_FORGET_UNDONE = queries.load("merge/forget_undone")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTerm:
    """A term as the graph holds it, with the number of documents that use this very name."""

    id: str
    kind: Kind
    name: str
    document_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMerge:
    """One MERGED_INTO relationship with its evidence; `cosine` in [-1, 1]."""

    merge_id: str
    alias_id: str
    alias: str
    canonical_id: str
    canonical: str
    kind: Kind
    cosine: float
    rule: str
    alias_documents: int
    canonical_documents: int


def terms(graph: Graph) -> list[StoredTerm]:
    """All terms, aliases too, ordered by id."""
    return [StoredTerm(**row) for row in graph.read(_TERMS)]


def terms_in(transaction: Transaction) -> list[StoredTerm]:
    """As `terms`, within a transaction."""
    return [StoredTerm(**row) for row in transaction.run(_TERMS)]


def last_settings(graph: Graph) -> Row:
    """Those of the last merge, by name; empty when there was none."""
    rows = graph.read(_SETTINGS)
    return {name: value for name, value in rows[0].items() if value is not None} if rows else {}


def merges(graph: Graph) -> list[StoredMerge]:
    """All merges, ordered by canonical term, then alias."""
    return [StoredMerge(**row) for row in graph.read(_MERGES)]


def distinct_pairs(graph: Graph) -> set[tuple[str, str]]:
    """Pairs of term ids that a reviewer has called different, smaller id first."""
    return {(row["first"], row["second"]) for row in graph.read(_DISTINCT_PAIRS)}


def same_pairs(graph: Graph) -> set[tuple[str, str]]:
    """Pairs of term ids that a reviewer has called the same, smaller id first."""
    return {(row["first"], row["second"]) for row in graph.read(_SAME_PAIRS)}


def undone_pairs(graph: Graph) -> set[tuple[str, str]]:
    """Pairs of term ids of which somebody has taken a merge back since the last merge, smaller id first."""
    return {(row["first"], row["second"]) for row in graph.read(_UNDONE_PAIRS)}


def record(graph: Graph, *, same: Iterable[tuple[str, str]], distinct: Iterable[tuple[str, str]]) -> None:
    """Keep what a reviewer said of pairs, in place of what was said before; all or nothing.

    A merge of two that are called different is taken back.

    Raises:
        GraphError: an id is of no term in this graph.
    """
    yes, no = [_ordered(*pair) for pair in same], [_ordered(*pair) for pair in distinct]
    merged = _merged(graph, no)

    def work(transaction: Transaction) -> None:
        transaction.run(_UNSET, rows=yes + no)
        if merged:
            take_back(transaction, merged)
            transaction.run(_MARK_STALE)
        if len(transaction.run(_SET_SAME, rows=yes)) < len(yes) or len(transaction.run(_SET_DISTINCT, rows=no)) < len(
            no
        ):
            raise GraphError(
                "a term of the review is not in this graph; nothing was changed",
                hint="Was the review made on another graph? --graph NAME selects one.",
            )

    graph.together(work)


def replace(
    graph: Graph, *, remove: Iterable[str], add: Sequence[Row], settings: Mapping[str, object] | None = None
) -> None:
    """Take merges back and apply others, in one transaction.

    Args:
        graph: where.
        remove: merge ids to undo.
        add: rows with alias_id, canonical_id, merge_id, cosine, rule.
        settings: of this merge, kept in the graph for later.
    """
    merge_ids = sorted(remove)

    def work(transaction: Transaction) -> None:
        take_back(transaction, merge_ids)
        apply(transaction, add)
        if transaction.has_changed:
            transaction.run(_MARK_STALE)
        if settings is not None:
            transaction.run(_SET_SETTINGS, **settings)
            transaction.run(_FORGET_UNDONE)

    graph.together(work)


def undo(graph: Graph, merge_ids: Sequence[str], *, reject: bool) -> int:
    """Undo merges by id; with `reject` also record that the terms are different, for ever after.

    Raises:
        GraphError: an id is not of a merge in this graph; nothing was changed.
    """

    def work(transaction: Transaction) -> int:
        if not reject:
            transaction.run(_MARK_UNDONE, merge_ids=list(merge_ids))
        rows = transaction.run(_UNDO, merge_ids=list(merge_ids))
        if len(rows) < len(set(merge_ids)):
            raise GraphError(
                f"only {len(rows)} of {len(set(merge_ids))} merge ids are in this graph; nothing was undone",
                hint="`kgsynth merges` lists the ids.",
            )
        if reject:
            pairs = [_ordered(row["alias_id"], row["canonical_id"]) for row in rows]
            transaction.run(_UNSET, rows=pairs)
            transaction.run(_SET_DISTINCT, rows=pairs)
        transaction.run(_MARK_STALE)
        return len(rows)

    return graph.together(work)


def take_back(transaction: Transaction, merge_ids: Sequence[str]) -> None:
    """Undo merges within a transaction; the terms count for themselves again."""
    if merge_ids:
        transaction.run(_UNDO, merge_ids=list(merge_ids))


def apply(transaction: Transaction, rows: Sequence[Row]) -> None:
    """Apply merges within a transaction; rows as for `replace`."""
    if rows:
        transaction.run(_APPLY, rows=list(rows))


def set_distinct(graph: Graph, first: str, second: str) -> None:
    """Record that two terms are different, and take back a merge of the two.

    Raises:
        GraphError: one of the ids is not in the graph, they are the same, or of two kinds.
    """
    if first == second or first.partition(":")[0] != second.partition(":")[0]:
        raise GraphError(f"{first!r} and {second!r} are never merged: give two terms of one kind")
    pair = [_ordered(first, second)]
    merged = _merged(graph, pair)

    def work(transaction: Transaction) -> bool:
        transaction.run(_UNSET, rows=pair)
        if merged:
            take_back(transaction, merged)
            transaction.run(_MARK_STALE)
        return bool(transaction.run(_SET_DISTINCT, rows=pair))

    if not graph.together(work):
        raise GraphError(
            f"{first!r} or {second!r} is not a term of this graph",
            hint="An id is kind:normal form, such as 'concept:group'.",
        )


def _merged(graph: Graph, pairs: Sequence[Row]) -> list[str]:
    """Ids of the merges that join one of some pairs directly."""
    wanted = {(row["first"], row["second"]) for row in pairs}
    return [
        one.merge_id
        for one in (merges(graph) if wanted else ())
        if (min(one.alias_id, one.canonical_id), max(one.alias_id, one.canonical_id)) in wanted
    ]


def _ordered(first: str, second: str) -> Row:
    return {"first": min(first, second), "second": max(first, second)}
