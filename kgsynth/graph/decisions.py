"""The decisions layer: which terms are merged into which, and which pairs a reviewer has marked as different.

This module applies and undoes decisions; other modules make them. An alias points directly at its canonical term.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from kgsynth import queries
from kgsynth.batching import batches
from kgsynth.errors import GraphError, quoted
from kgsynth.graph.session import Graph, Reader, Row, Transaction
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
_LOCK = queries.load("derive/lock")
_MARK_STALE = queries.load("derive/mark_stale")
_TEXTS_OF_ACRONYMS = queries.load("merge/texts_of_acronyms")
_TEXTS = queries.load("merge/texts")
_SETTINGS = queries.load("merge/settings")
_SET_SETTINGS = queries.load("merge/set_settings")
_UNDONE_PAIRS = queries.load("merge/undone_pairs")
_MARK_UNDONE = queries.load("merge/mark_undone")
_FORGET_UNDONE = queries.load("merge/forget_undone")
_JUDGED_PAIRS = queries.load("merge/judged_pairs")
_SET_JUDGED = queries.load("merge/set_judged")
_USES = queries.load("merge/uses")
_MENTIONS = queries.load("merge/mentions")


_JUDGED_BATCH = 5_000
# Maximum number of texts that are searched for the expansion of an acronym.
_ACRONYM_TEXTS = 200
_ID_HINT = (
    "An id has the form kind:name, such as 'concept:group', with the name in its normal form; `kgsynth concept NAME` "
    "shows it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTerm:
    """A term in the graph, with the number of documents that use exactly this name."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """One JUDGED relationship: a model's verdict on two terms, the smaller id first.

    Attributes:
        first: id of the first term.
        second: id of the second term.
        score: mean log odds of yes in the two orders of the names.
        chance: probability that both have the same meaning; None without known pairs to calibrate scores with.
        agrees: whether both orders give the same answer.
        joins: whether merges join the two.
        known: "same" or "different" for a pair whose truth was known, so that it calibrates scores; else empty.
        model: name of the model.
        template: hash of the prompt.
        run_id: id of the run that asked.
    """

    first: str
    second: str
    score: float
    chance: float | None
    agrees: bool
    joins: bool
    known: str
    model: str
    template: str
    run_id: str

    @property
    def pair(self) -> tuple[str, str]:
        """The ids, smaller first."""
        return self.first, self.second


def terms(graph: Reader) -> list[StoredTerm]:
    """All terms, aliases too, ordered by id."""
    return [StoredTerm(**row) for row in graph.read(_TERMS)]


def last_settings(graph: Graph) -> Row:
    """The settings of the last merge, by name; empty when nothing was merged yet."""
    rows = graph.read(_SETTINGS)
    return {name: value for name, value in rows[0].items() if value is not None} if rows else {}


def merges(graph: Reader) -> list[StoredMerge]:
    """All merges, ordered by canonical term, then alias."""
    return [StoredMerge(**row) for row in graph.read(_MERGES)]


def distinct_pairs(graph: Reader) -> set[tuple[str, str]]:
    """Pairs of term ids that a reviewer has marked as different, smaller id first."""
    return {(row["first"], row["second"]) for row in graph.read(_DISTINCT_PAIRS)}


def same_pairs(graph: Reader) -> set[tuple[str, str]]:
    """Pairs of term ids that a reviewer has marked as the same, smaller id first."""
    return {(row["first"], row["second"]) for row in graph.read(_SAME_PAIRS)}


def texts_of_acronyms(
    graph: Reader, pairs: Mapping[tuple[str, str], str], *, without: Collection[str] = ()
) -> dict[tuple[str, str], tuple[list[str], str]]:
    """Return some of the texts in which the expansion of an acronym may stand beside it.

    Args:
        graph: the graph to read.
        pairs: pairs of ids of terms, the acronym first, with the id of the document after which texts are wanted; empty
            for the first texts.
        without: ids of documents that do not count.

    Returns:
        For each pair the texts, in the order of the documents' ids, and the id of the last document. Without texts, it
        was asked for all.
    """
    rows = graph.read(
        _TEXTS_OF_ACRONYMS,
        pairs=[{"short": short, "long": long, "after": after} for (short, long), after in pairs.items()],
        without=sorted(without),
        limit=_ACRONYM_TEXTS,
    )
    return {(row["short"], row["long"]): (row["texts"], row["last"] or "") for row in rows}


def texts_and_synonyms(graph: Graph) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Yield id, text, and declared pairs of synonyms of all documents, in the order of their ids."""
    for row in graph.stream(_TEXTS):
        yield row["id"], row["text"], [(first, second) for first, second in json.loads(row["synonyms"] or "[]")]


def judged_pairs(graph: Reader) -> list[JudgedPair]:
    """Verdicts of models, ordered by ids."""
    return [JudgedPair(**row) for row in graph.read(_JUDGED_PAIRS)]


def set_judged(graph: Graph, verdicts: Iterable[JudgedPair]) -> None:
    """Store verdicts of a model; they replace earlier ones on the same pairs. Pairs of deleted terms are skipped."""
    rows = [{name: getattr(verdict, name) for name in JudgedPair.__slots__} for verdict in verdicts]

    def work(transaction: Transaction) -> None:
        transaction.lock(_LOCK)
        for batch in batches(rows, _JUDGED_BATCH):
            transaction.run(_SET_JUDGED, rows=batch)

    graph.together(work)


def uses(graph: Reader, ids: Sequence[str], *, limit: int) -> dict[str, list[Row]]:
    """Return by id of a term up to `limit` texts that mention it, as rows with title, text and spelling."""
    found: dict[str, list[Row]] = {}
    for row in graph.read(_USES, ids=list(ids), limit=limit):
        found.setdefault(row["id"], []).append(row)
    return found


def mentions(graph: Graph) -> Iterator[list[str]]:
    """Yield for each document the ids of the terms that it mentions, in the order of the documents' ids."""
    return (row["terms"] for row in graph.stream(_MENTIONS))


def undone_pairs(graph: Graph) -> set[tuple[str, str]]:
    """Pairs of term ids whose merge was undone since the last merge, smaller id first."""
    return {(row["first"], row["second"]) for row in graph.read(_UNDONE_PAIRS)}


def record(graph: Graph, *, same: Iterable[tuple[str, str]], distinct: Iterable[tuple[str, str]]) -> None:
    """Store a reviewer's verdicts on pairs in one transaction; they replace earlier verdicts on the same pairs.

    If two merged terms are marked as different, their merge is undone.

    Raises:
        GraphError: an id is not that of a term in this graph.
    """
    yes, no = [_ordered(*pair) for pair in same], [_ordered(*pair) for pair in distinct]
    merged = _merge_ids_of(graph, no)

    def work(transaction: Transaction) -> None:
        transaction.lock(_LOCK)
        transaction.run(_UNSET, rows=yes + no)
        if merged:
            take_back(transaction, merged)
            transaction.run(_MARK_STALE)
        if len(transaction.run(_SET_SAME, rows=yes)) < len(yes) or len(transaction.run(_SET_DISTINCT, rows=no)) < len(
            no
        ):
            raise GraphError(
                "a term of the review is not in this graph; nothing was changed",
                hint="Check that the review was made on this graph; --graph NAME selects another.",
            )

    graph.together(work)


def replace(
    graph: Graph,
    *,
    existing: Iterable[str] | None = None,
    remove: Iterable[str],
    add: Sequence[Row],
    settings: Mapping[str, object] | None = None,
) -> None:
    """Undo merges and apply others, in one transaction.

    Args:
        graph: the graph to change.
        existing: ids of all merges when these changes were decided; None if no other command can have changed them.
        remove: ids of merges to undo.
        add: rows with alias_id, canonical_id, merge_id, cosine, rule.
        settings: settings of this merge, to be stored in the graph.

    Raises:
        GraphError: another command has changed the merges since they were decided.
    """
    merge_ids, known = sorted(remove), None if existing is None else set(existing)

    def work(transaction: Transaction) -> None:
        transaction.lock(_LOCK)
        if known is not None and {merge.merge_id for merge in merges(transaction)} != known:
            raise GraphError(
                "another command has changed the merges meanwhile; nothing was changed",
                hint="Run the command again when the other one has finished.",
            )
        take_back(transaction, merge_ids)
        apply(transaction, add)
        if transaction.has_changed:
            transaction.run(_MARK_STALE)
        if settings is not None:
            transaction.run(_SET_SETTINGS, **settings)
            transaction.run(_FORGET_UNDONE)

    graph.together(work)


def undo(graph: Graph, merge_ids: Sequence[str], *, reject: bool) -> int:
    """Undo merges by id and return their number; `reject` also marks the terms as different permanently.

    Raises:
        GraphError: an id is not that of a merge in this graph; nothing was changed.
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
    """Undo merges within a transaction; the aliases become terms of their own again."""
    if merge_ids:
        transaction.run(_UNDO, merge_ids=list(merge_ids))


def apply(transaction: Transaction, rows: Sequence[Row]) -> None:
    """Apply merges within a transaction; rows as for `replace`."""
    if rows:
        transaction.run(_APPLY, rows=list(rows))


def set_distinct(graph: Graph, first: str, second: str) -> None:
    """Mark two terms as different, and undo their merge if there is one.

    Raises:
        GraphError: an id is not in the graph, the ids are equal, or the terms are of different kinds.
    """
    for identity in (first, second):
        if identity.partition(":")[0] not in get_args(Kind):
            raise GraphError(f"{quoted(identity)} is not the id of a term", hint=_ID_HINT)
    if first == second or first.partition(":")[0] != second.partition(":")[0]:
        raise GraphError(
            f"{quoted(first)} and {quoted(second)} are never merged", hint="Give two different terms of the same kind."
        )
    pair = [_ordered(first, second)]
    merged = _merge_ids_of(graph, pair)

    def work(transaction: Transaction) -> bool:
        transaction.lock(_LOCK)
        transaction.run(_UNSET, rows=pair)
        if merged:
            take_back(transaction, merged)
            transaction.run(_MARK_STALE)
        return bool(transaction.run(_SET_DISTINCT, rows=pair))

    if not graph.together(work):
        raise GraphError(f"{quoted(first)} or {quoted(second)} is not a term of this graph", hint=_ID_HINT)


def _merge_ids_of(graph: Graph, pairs: Sequence[Row]) -> list[str]:
    """Ids of the merges whose alias and canonical term are one of the pairs."""
    wanted = {(row["first"], row["second"]) for row in pairs}
    return [
        merge.merge_id
        for merge in (merges(graph) if wanted else ())
        if (min(merge.alias_id, merge.canonical_id), max(merge.alias_id, merge.canonical_id)) in wanted
    ]


def _ordered(first: str, second: str) -> Row:
    return {"first": min(first, second), "second": max(first, second)}
