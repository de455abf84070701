"""The facts layer: documents, terms and mentions, written in idempotent batches.

Facts are never overwritten: a document in the graph stays as it is, and a different text under the same id is returned
as a conflict. The caller supplies both the names and the term ids; this module does not derive one from the other.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from kgsynth import queries
from kgsynth.batching import batches, sized_batches
from kgsynth.errors import GraphError
from kgsynth.graph.session import DeletedMeanwhile, Graph, Row, Transaction
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import Document, Kind

# Number of documents per transaction: their texts need far less memory than the server has for transactions.
_DOCUMENT_BATCH = 500
_BATCH_CHARS = 4_000_000
# 10,000 rows per statement is the fastest of 1,000 to 50,000.
_MENTION_BATCH = 10_000

_LOCK_DOCUMENTS = queries.load("facts/lock_documents")
_WRITE_DOCUMENTS = queries.load("facts/write_documents")
_WRITE_TERMS = queries.load("facts/write_terms")
_MERGE_MENTIONS = queries.load("facts/merge_mentions")
_MERGE_COUNTED_PAIRS = queries.load("facts/merge_counted_pairs")
_NAME_UNMENTIONED_TERMS = queries.load("facts/name_unmentioned_terms")
_NAME_TERMS = queries.load("facts/name_terms")
_COUNTS = queries.load("facts/counts")
_NODE_COUNT = queries.load("facts/node_count")
_LOCK = queries.load("derive/lock")
_MARK_STALE = queries.load("derive/mark_stale")
_MARK_OLD = queries.load("derive/mark_old")
_INDEX_STATES = queries.load("schema/index_states")

# Number of terms per statement that counts spellings; a hub term has a mention in nearly every document.
_NAME_BATCH = 2000
_POLL_S, _LONGEST_POLL_S = 0.02, 1.0


class Mention(NamedTuple):
    """A mention of a term in a document: the term's id and kind, and the spelling used."""

    term_id: str
    kind: Kind
    spelling: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """One document with its mentions, grade and subject; `document` is None when only the id is known."""

    document_id: str
    document: Document | None
    mentions: tuple[Mention, ...] = ()
    grade: str = ""
    subject: str = ""


class Refused(NamedTuple):
    """Ids of documents that were not written: the graph holds another text, or they are forgotten."""

    conflicts: list[str]
    forgotten: list[str]


class _ForgottenMeanwhile(Exception):  # noqa: N818
    """Rolls back a transaction that wrote documents which another process has forgotten; holds their ids."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """A counted pair of terms; `first.term_id` is smaller than `second.term_id`."""

    first: Mention
    second: Mention
    count: int


def ensure_schema(graph: Graph, progress: Progress | None = None) -> None:
    """Create missing constraints and indexes, and wait until they are online.

    Args:
        graph: the graph to prepare.
        progress: receives the number of indexes; those of a large graph take minutes.

    Raises:
        GraphError: an index cannot be created.
    """
    for query in queries.load_folder("schema"):
        if query.access == "schema":
            try:
                graph.write(query)
            except GraphError as error:
                # Another load that started at the same time has created it.
                if "equivalent" not in str(error):
                    raise
    waiting = graph.read(_INDEX_STATES)
    with progress_stage(progress or Silent(), "indexes", len(waiting)) as bar:
        pause = _POLL_S
        while waiting:
            failed = [row["name"] for row in waiting if row["state"] == "FAILED"]
            if failed:
                raise GraphError(
                    f"Neo4j could not create the index {failed[0]}", hint="`kgsynth db logs` shows the reason."
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_S)
            left = graph.read(_INDEX_STATES)
            bar.advance(max(0, len(waiting) - len(left)))
            waiting = left


def write(
    graph: Graph, batch: Sequence[DocumentFacts], *, is_forgotten: Callable[[DocumentFacts], bool] | None = None
) -> Refused:
    """Write a batch in one transaction; idempotent, and safe while others write.

    Args:
        graph: the graph to write to.
        batch: the documents.
        is_forgotten: whether a document must not be written. It is asked again while the transaction holds the lock
            that `kgsynth forget` waits for, so that no document comes back if both run at the same time.
    """
    forgotten: set[str] = set()
    while True:
        left = [facts for facts in batch if facts.document_id not in forgotten]
        try:
            conflicts = graph.together(partial(_write, batch=left, is_forgotten=is_forgotten))
            return Refused(conflicts, sorted(forgotten))
        except _ForgottenMeanwhile as error:
            forgotten.update(error.ids)


def _write(
    transaction: Transaction,
    *,
    batch: Sequence[DocumentFacts],
    is_forgotten: Callable[[DocumentFacts], bool] | None,
) -> list[str]:
    """Write a batch and return its conflicts, or raise an exception that rolls back."""
    ids = sorted({facts.document_id for facts in batch})
    # Locks are taken in a fixed order, documents before terms, so that two writers cannot deadlock.
    existing = {row["id"]: row for row in transaction.lock(_LOCK_DOCUMENTS, ids=ids)}
    conflicts = [
        facts.document_id
        for facts in batch
        if facts.document is not None
        and existing[facts.document_id]["content_hash"] not in (None, facts.document.content_hash())
    ]
    wanted = [facts for facts in batch if facts.document_id not in set(conflicts)]
    transaction.run(_WRITE_DOCUMENTS, rows=[document_row(facts) for facts in wanted])
    spellings: dict[str, dict[str, str]] = {}
    for facts in wanted:
        of_document = spellings.setdefault(facts.document_id, {})
        for mention in facts.mentions:
            of_document[mention.term_id] = min(mention.spelling, of_document.get(mention.term_id, mention.spelling))
    terms = _term_rows(mention for facts in wanted for mention in facts.mentions)
    index_of = {row["id"]: index for index, row in enumerate(terms)}
    new_rows: list[Row] = []
    merged_rows: list[Row] = []
    for identity, of_document in spellings.items():
        row = {"id": identity, "terms": list(of_document), "spellings": list(of_document.values())}
        if of_document and existing[identity]["is_mentioning"]:
            merged_rows.append(row)
        elif of_document:
            new_rows.append({**row, "terms": [index_of[term] for term in of_document]})
    if terms:
        transaction.run(_WRITE_TERMS, terms=terms, rows=new_rows)
    if merged_rows:
        found = transaction.run(_MERGE_MENTIONS, rows=merged_rows)[0]["found"]
        if found < sum(len(row["terms"]) for row in merged_rows):
            raise DeletedMeanwhile
    if transaction.has_changed:
        transaction.run(_MARK_STALE)
        # This statement has locked the state of the build until the commit.
        forgotten = [] if is_forgotten is None else [facts.document_id for facts in batch if is_forgotten(facts)]
        if forgotten:
            raise _ForgottenMeanwhile(forgotten)
    return conflicts


def write_pairs(graph: Graph, batch: Sequence[PairFacts]) -> list[tuple[str, str, int]]:
    """Write counted pairs in one transaction; idempotent.

    Returns:
        Pairs that the graph holds with a different count, with the graph's count; these were not changed.
    """

    def work(transaction: Transaction) -> list[tuple[str, str, int]]:
        terms = _term_rows(mention for pair in batch for mention in (pair.first, pair.second))
        transaction.run(_WRITE_TERMS, terms=terms, rows=[])
        transaction.run(_NAME_UNMENTIONED_TERMS, rows=terms)
        rows = [{"first": pair.first.term_id, "second": pair.second.term_id, "count": pair.count} for pair in batch]
        rows.sort(key=lambda row: (row["first"], row["second"]))
        merged = transaction.run(_MERGE_COUNTED_PAIRS, rows=rows)
        if len(merged) < len(rows):
            raise DeletedMeanwhile
        if transaction.has_changed:
            transaction.run(_MARK_OLD)
        return [(row["first"], row["second"], row["seen"]) for row in merged if row["seen"] != row["given"]]

    return graph.together(work)


def name_terms(graph: Graph, term_ids: Sequence[str]) -> None:
    """Set each term's name to the spelling that most documents use."""

    def work(transaction: Transaction, batch: Sequence[str]) -> None:
        # Otherwise spellings of a document that is being deleted could be counted.
        transaction.lock(_LOCK)
        name_terms_in(transaction, batch)

    for batch in batches(sorted(term_ids), _NAME_BATCH):
        graph.together(partial(work, batch=batch))


def name_terms_in(transaction: Transaction, term_ids: Sequence[str]) -> None:
    """As `name_terms`, within a transaction."""
    for ids in batches(sorted(term_ids), _NAME_BATCH):
        transaction.run(_NAME_TERMS, ids=ids)


def counts(graph: Graph) -> dict[str, int]:
    """How many nodes and relationships of each kind the graph holds."""
    return graph.read(_COUNTS)[0]


def node_count(graph: Graph) -> int:
    """The number of all nodes, including those that kgsynth did not create."""
    return int(graph.read(_NODE_COUNT)[0]["nodes"])


def document_row(facts: DocumentFacts) -> Row:
    """The properties of a document's node, with None for each that the document lacks."""
    document = facts.document
    identity = {"id": facts.document_id, "grade": facts.grade or None, "subject": facts.subject or None}
    if document is None:
        return {**identity, "content_hash": None, "score": None}
    return {
        **identity,
        "content_hash": document.content_hash(),
        "text": document.text,
        "title": document.title or None,
        "source": document.source or None,
        "license": document.license or None,
        "attribution": document.attribution or None,
        "date": document.date or None,
        "parent": document.parent or None,
        "pages": document.pages or None,
        "section": document.section or None,
        "metadata": json.dumps(dict(document.metadata), ensure_ascii=False) if document.metadata else None,
        "synonyms": json.dumps(document.synonyms, ensure_ascii=False) if document.synonyms else None,
        "score": document.score,
    }


def _term_rows(mentions: Iterable[Mention]) -> list[Row]:
    """The terms of some mentions, each once, in the order of their ids, with the smallest spelling as the name."""
    smallest: dict[str, Mention] = {}
    for mention in mentions:
        if mention.term_id not in smallest or mention.spelling < smallest[mention.term_id].spelling:
            smallest[mention.term_id] = mention
    return [
        {
            "id": identity,
            "kind": smallest[identity].kind,
            "label": smallest[identity].kind.title(),
            "name": smallest[identity].spelling,
        }
        for identity in sorted(smallest)
    ]


def mention_batches(rows: Iterable[DocumentFacts], touched: set[str]) -> Iterator[list[DocumentFacts]]:
    """Batches with a bounded number of mentions; the ids of all their terms are added to `touched`."""

    def recorded() -> Iterator[DocumentFacts]:
        for row in rows:
            touched.update(mention.term_id for mention in row.mentions)
            yield row

    return sized_batches(
        recorded(), lambda row: max(1, len(row.mentions)), max_items=_MENTION_BATCH, max_size=_MENTION_BATCH
    )


def document_batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Batches of documents with a bounded number of documents and of characters."""
    return sized_batches(
        documents, lambda document: len(document.text), max_items=_DOCUMENT_BATCH, max_size=_BATCH_CHARS
    )
