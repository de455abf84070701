"""The facts layer: documents, terms and mentions, written in batches that may be repeated.

Facts are never rewritten: what the graph holds under an id stays, and a different text under the same id comes back
as a conflict. This module does not know how a name becomes a term id; the caller gives both.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import Document, Kind

_LOCK_DOCUMENTS = queries.load("facts/lock_documents")
_WRITE_DOCUMENTS = queries.load("facts/write_documents")
_WRITE_TERMS = queries.load("facts/write_terms")
_MERGE_MENTIONS = queries.load("facts/merge_mentions")
_MERGE_COUNTED_PAIRS = queries.load("facts/merge_counted_pairs")
_NAME_UNMENTIONED_TERMS = queries.load("facts/name_unmentioned_terms")
_NAME_TERMS = queries.load("facts/name_terms")
_COUNTS = queries.load("facts/counts")
_NODE_COUNT = queries.load("facts/node_count")
_COUNTED_DOCUMENTS = queries.load("facts/counted_documents")
_MARK_STALE = queries.load("derive/mark_stale")
_MARK_OLD = queries.load("derive/mark_old")
_INDEX_STATES = queries.load("schema/index_states")

# Names are counted for this many terms a statement: a hub has as many mentions as documents.
_NAME_BATCH = 2000
_POLL_S, _LONGEST_POLL_S = 0.02, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A document names a term: the term's id and kind, and the spelling used."""

    term_id: str
    kind: Kind
    spelling: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """One document, or only its id when the text is not known, with what it mentions and what else was said of it."""

    document_id: str
    document: Document | None
    mentions: tuple[Mention, ...] = ()
    grade: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """A counted pair with its terms, `first.term_id` smaller than `second.term_id`."""

    first: Mention
    second: Mention
    count: int


def ensure_schema(graph: Graph, progress: Progress | None = None) -> None:
    """Make constraints and indexes that are not there, and wait until they can be used.

    Args:
        graph: where.
        progress: told of indexes; those of a large graph take minutes.

    Raises:
        GraphError: an index cannot be made.
    """
    for query in queries.load_folder("schema"):
        if query.access == "schema":
            try:
                graph.write(query)
            except GraphError as error:
                # Two first loads at once: the other has made it.
                if "equivalent" not in str(error):
                    raise
    waiting = graph.read(_INDEX_STATES)
    with shown(progress or Silent(), "indexes", len(waiting)) as bar:
        pause = _POLL_S
        while waiting:
            failed = [row["name"] for row in waiting if row["state"] == "FAILED"]
            if failed:
                raise GraphError(f"Neo4j could not make the index {failed[0]}", hint="`kgsynth db logs` says why.")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_S)
            left = graph.read(_INDEX_STATES)
            bar.advance(max(0, len(waiting) - len(left)))
            waiting = left


def write(graph: Graph, batch: Sequence[DocumentFacts]) -> list[str]:
    """Write a batch in one transaction; safe to repeat, and beside other writers.

    Returns:
        Ids of documents that the graph holds with another text; nothing of these was written.
    """

    def work(transaction: Transaction) -> list[str]:
        ids = sorted({facts.document_id for facts in batch})
        # Locks are taken in order, documents before terms: of two writers one waits for the other, never both.
        held = {row["id"]: row for row in transaction.lock(_LOCK_DOCUMENTS, ids=ids)}
        conflicts = [
            facts.document_id
            for facts in batch
            if facts.document is not None
            and held[facts.document_id]["content_hash"] not in (None, facts.document.content_hash())
        ]
        wanted = [facts for facts in batch if facts.document_id not in set(conflicts)]
        transaction.run(_WRITE_DOCUMENTS, rows=[document_row(facts) for facts in wanted])
        spellings: dict[str, dict[str, str]] = {}
        for facts in wanted:
            own = spellings.setdefault(facts.document_id, {})
            for mention in facts.mentions:
                own[mention.term_id] = min(mention.spelling, own.get(mention.term_id, mention.spelling))
        terms = _term_rows(mention for facts in wanted for mention in facts.mentions)
        places = {row["id"]: place for place, row in enumerate(terms)}
        fresh: list[Row] = []
        known: list[Row] = []
        for identity, own in spellings.items():
            row = {"id": identity, "terms": list(own), "spellings": list(own.values())}
            if own and held[identity]["is_mentioning"]:
                known.append(row)
            elif own:
                fresh.append({**row, "terms": [places[one] for one in own]})
        if terms:
            transaction.run(_WRITE_TERMS, terms=terms, rows=fresh)
        is_old = False
        if known:
            changed = [row["id"] for row in transaction.run(_MERGE_MENTIONS, rows=known)]
            is_old = transaction.run(_COUNTED_DOCUMENTS, ids=changed)[0]["counted"] > 0
        if transaction.has_changed:
            transaction.run(_MARK_OLD if is_old else _MARK_STALE)
        return conflicts

    return graph.together(work)


def write_pairs(graph: Graph, batch: Sequence[PairFacts]) -> list[tuple[str, str, int]]:
    """Write counted pairs in one transaction; safe to repeat.

    Returns:
        Pairs that the graph holds with another count, with that count; they were left as they are.
    """

    def work(transaction: Transaction) -> list[tuple[str, str, int]]:
        terms = _term_rows(mention for pair in batch for mention in (pair.first, pair.second))
        transaction.run(_WRITE_TERMS, terms=terms, rows=[])
        transaction.run(_NAME_UNMENTIONED_TERMS, rows=terms)
        rows = [{"first": pair.first.term_id, "second": pair.second.term_id, "count": pair.count} for pair in batch]
        rows.sort(key=lambda row: (row["first"], row["second"]))
        held = transaction.run(_MERGE_COUNTED_PAIRS, rows=rows)
        if transaction.has_changed:
            transaction.run(_MARK_OLD)
        return [(row["first"], row["second"], row["seen"]) for row in held if row["seen"] != row["given"]]

    return graph.together(work)


def name_terms(graph: Graph, term_ids: Sequence[str]) -> None:
    """Set each term's name to the spelling that most documents use."""
    ids = sorted(term_ids)
    for first in range(0, len(ids), _NAME_BATCH):
        graph.write(_NAME_TERMS, ids=ids[first : first + _NAME_BATCH])


def name_terms_in(transaction: Transaction, term_ids: Sequence[str]) -> None:
    """As `name_terms`, within a transaction."""
    ids = sorted(term_ids)
    for first in range(0, len(ids), _NAME_BATCH):
        transaction.run(_NAME_TERMS, ids=ids[first : first + _NAME_BATCH])


def counts(graph: Graph) -> dict[str, int]:
    """How many nodes and relationships of each kind the graph holds."""
    return graph.read(_COUNTS)[0]


def node_count(graph: Graph) -> int:
    """How many nodes there are, whoever made them."""
    return int(graph.read(_NODE_COUNT)[0]["nodes"])


def document_row(facts: DocumentFacts) -> Row:
    """The properties of a document's node; None for one that is not there."""
    document = facts.document
    said = {"id": facts.document_id, "grade": facts.grade or None, "subject": facts.subject or None}
    if document is None:
        return {**said, "content_hash": None, "score": None}
    return {
        **said,
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
        "score": document.score,
    }


def _term_rows(mentions: Iterable[Mention]) -> list[Row]:
    """The terms of some mentions, each once, in the order of their ids, with the smallest spelling as the name."""
    found: dict[str, Mention] = {}
    for mention in mentions:
        if mention.term_id not in found or mention.spelling < found[mention.term_id].spelling:
            found[mention.term_id] = mention
    return [
        {
            "id": identity,
            "kind": found[identity].kind,
            "label": found[identity].kind.title(),
            "name": found[identity].spelling,
        }
        for identity in sorted(found)
    ]
