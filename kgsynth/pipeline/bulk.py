"""A first load in bulk: the whole graph is computed outside the database and imported in one go.

What comes out is the graph of `load`, `merge` and `build`: facts, merges, counts and walk tables.

What grows with the corpus is kept on disk: mentions (12 bytes each) and the files. In memory are the ids of documents,
the names of terms, and the mentions from both sides while co-occurrences are counted (8 bytes each).
"""

import fcntl
import os
import shutil
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgsynth.concepts.decide import Merge
from kgsynth.config import DocumentsSettings, Environment, GraphSettings, MergeSettings
from kgsynth.documents import RejectFile, usable_documents
from kgsynth.documents.forgotten import REASON, Forgotten
from kgsynth.documents.read import refuse_too_many
from kgsynth.errors import ConfigError, GraphError, MissingExtraError, ServerError
from kgsynth.graph import decisions, derived, facts
from kgsynth.graph.import_files import ImportFiles
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Row
from kgsynth.pipeline.graph import annotation_facts, decided, document_batches, kept_settings, not_forgotten
from kgsynth.pipeline.stages import Report, batches, timed
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import Document, StageCount
from kgsynth.walks import tables as walk_tables

if TYPE_CHECKING:
    from kgsynth.graph.counting import Block, Incidence
    from kgsynth.walks import inverted

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

_ROW_BATCH = 2_000
_MENTION_BATCH = 2_000_000
_TABLES = {"next_topic": "NEXT_TOPIC", "first_concept": "FIRST_CONCEPT", "next_concept": "NEXT_CONCEPT"}


def load_bulk(
    environment: Environment,
    graph_settings: GraphSettings,
    documents: DocumentsSettings,
    *,
    annotations: Sequence[str],
    merge: MergeSettings | None,
    rejects: Path,
    forgotten: Forgotten | None = None,
    report: Report,
    progress: Progress | None = None,
) -> list[StageCount]:
    """Make an empty managed graph from documents and annotations, walk tables and all; its server runs afterwards.

    A call that was killed leaves nothing that looks like a graph: the same call begins again.

    Args:
        environment: where things are.
        graph_settings: which managed graph.
        documents: the sources of texts; there may be none.
        annotations: annotation files.
        merge: merge near-duplicate terms with these settings; None for not at all.
        rejects: where documents go that cannot be used.
        forgotten: documents that were taken out and are not taken in again, and what reviewers had said of pairs.
        report: gets the accounts.
        progress: told of documents, terms and mentions.

    Raises:
        ConfigError: the graph is a server of the user's own, or a source is unusable; GraphError: the graph holds
        something; TooManyRejectsError: too much could not be used, nothing was loaded; ServerError: the import failed.
    """
    if environment.neo4j_uri:
        raise ConfigError(
            f"a bulk load makes the store of a managed graph, and NEO4J_URI selects {environment.neo4j_uri}",
            hint="Unset NEO4J_URI, or load without --bulk.",
        )
    if find_spec("numba") is None:
        raise MissingExtraError("numba is not installed", hint="pip install 'kgsynth[fast]', or load without --bulk")
    server = ManagedServer(environment, graph_settings.name)
    forgotten = forgotten or Forgotten()
    progress = progress or Silent()
    counts: list[StageCount] = []
    with _alone(server), _desk(server.home / "import") as desk:
        _refuse_filled(server)
        with Gathered(desk) as gathered:
            counts.append(_gather(gathered, annotations, documents, rejects, forgotten.documents, report, progress))
            terms = gathered.terms()
        merges: list[Merge] = []
        if merge is not None:
            same, distinct = (_pairs(forgotten, terms.ids, verdict) for verdict in ("yes", "no"))
            decision, count = decided(environment, merge, terms.stored(), same=same, distinct=distinct)
            merges = decision.merges
            report(count)
            counts.append(count)
        with ImportFiles(desk) as files:
            made = _write_graph(files, gathered, terms, merges, environment.walk_tables, report, progress)
            counts.append(made.count)
            first_number = len(terms.ids)
            del terms
            tables = environment.walk_tables / made.fingerprint
            with _gone_if_failed(tables):
                counts.append(
                    _write_documents(
                        files, gathered, made, first_number, documents, rejects, forgotten.documents, report, progress
                    )
                )
        with _gone_if_failed(tables):
            counts.append(_import(server, files, made, merge, environment.walk_tables, report, progress))
    return counts


@dataclass(slots=True, eq=False)
class Terms:
    """The terms of a corpus in the order of their ids, and who mentions them.

    `documents`, `terms` and `spellings` are int32 (mentions,): numbers of documents, places in `ids`, and places in
    `names`; each document and term once.
    """

    ids: list[str]
    names: list[str]
    documents: Int32
    terms: Int32
    spellings: Int32
    name_of: Int32

    def stored(self) -> list[decisions.StoredTerm]:
        """The terms as a merge decision sees them."""
        counts = np.bincount(self.terms, minlength=len(self.ids)).tolist()
        return [
            decisions.StoredTerm(
                id=one,
                kind="topic" if one.startswith("topic:") else "concept",
                name=self.names[name],
                document_count=count,
            )
            for one, name, count in zip(self.ids, self.name_of.tolist(), counts, strict=True)
        ]


class Gathered:
    """What annotations say, as numbers in the order of arrival; mentions go to a file."""

    def __init__(self, desk: Path) -> None:
        """Nothing was said yet.

        Args:
            desk: folder for the file.
        """
        self.documents: dict[str, int] = {}
        self.grades: dict[int, str] = {}
        self.subjects: dict[int, str] = {}
        self._terms: dict[str, int] = {}
        self._spellings: dict[str, int] = {}
        self._file = (desk / "mentions.i32").open("w+b")
        self._waiting = array("i")

    def __enter__(self) -> "Gathered":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, said: facts.DocumentFacts) -> None:
        """Take in what one annotation says; of several grades and subjects the first in the alphabet stays."""
        document = self.documents.setdefault(said.document_id, len(self.documents))
        for mention in said.mentions:
            self._waiting.append(document)
            self._waiting.append(self._terms.setdefault(mention.term_id, len(self._terms)))
            self._waiting.append(self._spellings.setdefault(mention.spelling, len(self._spellings)))
        if said.grade:
            self.grades[document] = min(said.grade, self.grades.get(document, said.grade))
        if said.subject:
            self.subjects[document] = min(said.subject, self.subjects.get(document, said.subject))
        if len(self._waiting) >= _MENTION_BATCH:
            self._flush()

    def facts(self, place: int, identity: str, document: Document | None) -> facts.DocumentFacts:
        """One document with what was said of it, but for its mentions."""
        return facts.DocumentFacts(
            document_id=identity,
            document=document,
            grade=self.grades.get(place, ""),
            subject=self.subjects.get(place, ""),
        )

    def terms(self) -> Terms:
        """All that was said; of several spellings of one term in one document the first by code point stays."""
        self._flush()
        self._file.flush()
        size = os.fstat(self._file.fileno()).st_size // 4
        held = (
            np.memmap(self._file, dtype=np.int32, mode="r", shape=(size // 3, 3))
            if size
            else np.empty((0, 3), np.int32)
        )
        ids, term_places = _ordered(self._terms)
        names, name_places = _ordered(self._spellings)
        documents, terms, spellings = np.array(held[:, 0]), term_places[held[:, 1]], name_places[held[:, 2]]
        order = np.lexsort((spellings, terms, documents))
        documents, terms, spellings = documents[order], terms[order], spellings[order]
        is_first = np.ones(len(order), dtype=np.bool_)
        is_first[1:] = (documents[1:] != documents[:-1]) | (terms[1:] != terms[:-1])
        documents, terms, spellings = documents[is_first], terms[is_first], spellings[is_first]
        return Terms(ids, names, documents, terms, spellings, _most_used(terms, spellings, len(ids)))

    def _flush(self) -> None:
        self._waiting.tofile(self._file)
        self._waiting = array("i")


def _ordered(numbered: dict[str, int]) -> tuple[list[str], Int32]:
    """The strings in order, and for each number the place of its string."""
    ordered = sorted(numbered)
    places = np.empty(len(ordered), dtype=np.int32)
    places[np.fromiter((numbered[one] for one in ordered), dtype=np.int64, count=len(ordered))] = np.arange(
        len(ordered)
    )
    return ordered, places


def _most_used(terms: Int32, spellings: Int32, count: int) -> Int32:
    """For each term the spelling that most documents use, ties by order; int32 (terms,)."""
    pairs, used = np.unique(terms.astype(np.int64) << 32 | spellings, return_counts=True)
    order = np.lexsort((pairs, -used, pairs >> 32))
    owners = (pairs >> 32)[order]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = owners[1:] != owners[:-1]
    made = np.zeros(count, dtype=np.int32)
    made[owners[is_first]] = (pairs & 0xFFFFFFFF)[order][is_first]
    return made


@contextmanager
def _desk(folder: Path) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _gone_if_failed(folder: Path) -> Iterator[None]:
    """A folder that stays when all went well: gigabytes, of a graph that there is."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _alone(server: ManagedServer) -> Iterator[None]:
    """No other bulk load of the graph meanwhile."""
    server.home.mkdir(parents=True, exist_ok=True)
    with (server.home / "bulk.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError(f"another bulk load of graph {server.name!r} is at work") from None
        yield


def _pairs(forgotten: Forgotten, ids: Sequence[str], verdict: str) -> list[tuple[str, str]]:
    """The pairs of these terms of which a reviewer had said so, before one was forgotten."""
    known = set(ids) if forgotten.verdicts else set()
    return [pair for pair, said in forgotten.verdicts.items() if said == verdict and known.issuperset(pair)]


def _refuse_filled(server: ManagedServer) -> None:
    if server.has_unfinished_import or not server.status().store_bytes:
        return
    server.start()
    with server.connect() as graph:
        held = {name: number for name, number in facts.counts(graph).items() if number}
        held = held or {"nodes": facts.node_count(graph)}
    if any(held.values()):
        said = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in held.items())
        raise GraphError(
            f"graph {server.name!r} holds {said}: --bulk is for a first load",
            hint="Load without --bulk to add to it, or name another graph with --graph.",
        )


def _gather(
    gathered: Gathered,
    sources: Sequence[str],
    settings: DocumentsSettings,
    rejects: Path,
    forgotten: Collection[str],
    report: Report,
    progress: Progress,
) -> StageCount:
    count = StageCount(stage="load annotations", unit="annotations")
    path = rejects.with_stem(rejects.stem + "-annotations")
    with timed(count, report), shown(progress, "load annotations", None) as bar, RejectFile(path) as reject_file:
        if sources:
            for batch in batches(annotation_facts(sources, reject_file, forgotten, count), _ROW_BATCH):
                for said in batch:
                    gathered.add(said)
                bar.advance(len(batch))
    refuse_too_many(count, limit=settings.max_rejected_share, where=path, expected=REASON)
    return count


@dataclass(slots=True, eq=False)
class _Made:
    """What the derived layers are: the number of terms of each document, the index for grounding, and their account."""

    term_counts: Int64
    index: "inverted.Index"
    fingerprint: str
    count: StageCount


def _write_graph(
    files: ImportFiles,
    gathered: Gathered,
    terms: Terms,
    merges: Sequence[Merge],
    walks_folder: Path,
    report: Report,
    progress: Progress,
) -> _Made:
    """Mentions, merges, co-occurrences, walk tables and terms; terms are numbered from 0, documents behind them.

    The tables of the compiled engine are kept too: reading them off a graph of this size takes long.
    """
    import pyarrow

    from kgsynth.graph import counting

    count = StageCount(stage="build", unit="terms")
    with timed(count, report):
        names = pyarrow.array(terms.names, type=pyarrow.string())
        for first in range(0, len(terms.terms), _MENTION_BATCH):
            part = slice(first, first + _MENTION_BATCH)
            spellings = names.take(pyarrow.array(terms.spellings[part]))
            files.write_relationships(
                "MENTIONS",
                len(terms.ids) + terms.documents[part].astype(np.int64),
                terms.terms[part],
                spelling=spellings,
            )
        counts_as = _write_merges(files, terms, merges)
        incidence = counting.Incidence.of(
            terms.documents,
            counts_as[terms.terms],
            document_count=len(gathered.documents),
            term_count=len(terms.ids),
        )
        is_alias = counts_as != np.arange(len(terms.ids))
        tables = _TermTables(terms.ids, is_alias)
        walking = [identity for identity, gone in zip(terms.ids, is_alias.tolist(), strict=True) if not gone]
        with (
            walk_tables.Writer(walking, walks_folder) as writer,
            shown(progress, "co-occurrences", len(terms.ids)) as bar,
        ):
            for block in counting.blocks(incidence, first_topic=tables.first_topic, threads=os.cpu_count() or 1):
                tables.write(files, block)
                stays = ~is_alias[block.first : block.last]
                bounds = np.concatenate([[0], np.cumsum(np.diff(block.offsets)[stays])])
                # Where the next term that stays has its place: an alias has none.
                first = int(tables.slots[block.first] + is_alias[block.first])
                writer.add(first, bounds, tables.slots[block.neighbours], block.counts)
                bar.advance(block.last - block.first)
            fingerprint = tables.fingerprint()
            if walking:
                writer.finish(walks_folder / fingerprint)
        count.kept = int((~is_alias).sum())
        count.notes["co_occurrences"] = files.counts["CO_OCCURS_WITH"]
        count.notes["steps"] = sum(files.counts[name] for name in _TABLES.values())
        _write_terms(files, terms, tables, incidence.document_counts)
    return _Made(incidence.term_counts, _index(gathered, terms.ids, incidence), fingerprint, count)


def _index(gathered: Gathered, ids: Sequence[str], incidence: "Incidence") -> "inverted.Index":
    from kgsynth.walks import inverted

    documents, places = _ordered(gathered.documents)
    owners = places[np.repeat(np.arange(len(documents)), incidence.term_counts)]
    return inverted.index_of_pairs(
        {identity: place for place, identity in enumerate(ids)}, documents, owners, incidence.terms
    )


def _write_merges(files: ImportFiles, terms: Terms, merges: Sequence[Merge]) -> Int32:
    """MERGED_INTO relationships; the place of the term that each counts as, int32 (terms,)."""
    counts_as = np.arange(len(terms.ids), dtype=np.int32)
    places = {identity: place for place, identity in enumerate(terms.ids)} if merges else {}
    aliases = [places[one.alias_id] for one in merges]
    targets = [places[one.canonical_id] for one in merges]
    if merges:
        counts_as[aliases] = targets
        files.write_relationships(
            "MERGED_INTO",
            aliases,
            targets,
            merge_id=[one.merge_id for one in merges],
            cosine=[one.cosine for one in merges],
            rule=[one.rule for one in merges],
        )
    return counts_as


class _TermTables:
    """Slots, digests and tickets of all terms, filled while their neighbours go to the files."""

    def __init__(self, ids: Sequence[str], is_alias: NDArray[np.bool_]) -> None:
        self._ids, self.is_alias = ids, is_alias
        self.first_topic = bisect_left(ids, "topic:")
        self.slots: Int64 = np.cumsum(~is_alias) - 1
        if len(ids) > derived.MOST_SLOTS:
            raise GraphError(f"{len(ids):,} terms are more than the {derived.MOST_SLOTS:,} that a graph can have")
        self.digests = np.zeros(len(ids), dtype=np.int64)
        self.tickets = {name: np.zeros(len(ids), dtype=np.int64) for name in _TABLES}
        self._hashes = np.fromiter((derived.id_hash(one) for one in ids), dtype=np.uint64, count=len(ids))

    def write(self, files: ImportFiles, block: "Block") -> None:
        """Write the co-occurrences and steps of a block of terms."""
        degrees = np.diff(block.offsets)
        sources = np.repeat(np.arange(block.first, block.last), degrees)
        up = block.neighbours > sources
        files.write_relationships("CO_OCCURS_WITH", sources[up], block.neighbours[up], count=block.counts[up])
        parts = derived.digest_parts(self._hashes[block.neighbours], block.counts.astype(np.uint64))
        running = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(parts, dtype=np.uint64)])
        own = running[block.offsets[1:]] - running[block.offsets[:-1]]
        self.digests[block.first : block.last] = own.astype(np.int64)
        from_topic, to_topic = sources >= self.first_topic, block.neighbours >= self.first_topic
        chosen = {
            "next_topic": from_topic & to_topic,
            "first_concept": from_topic & ~to_topic,
            "next_concept": ~from_topic & ~to_topic,
        }
        for name, is_own in chosen.items():
            self._write_steps(files, name, block, sources[is_own], block.neighbours[is_own], block.counts[is_own])

    def _write_steps(
        self, files: ImportFiles, name: str, block: "Block", sources: Int64, targets: Int64, tickets: Int64
    ) -> None:
        degrees = np.bincount(sources - block.first, minlength=block.last - block.first)
        running = np.concatenate([[0], np.cumsum(tickets)])
        ends = np.cumsum(degrees)
        totals = running[ends] - running[ends - degrees]
        if len(totals) and totals.max() > derived.TICKETS_PER_BLOCK:
            raise GraphError(f"the co-occurrence counts of one term sum to {totals.max():,}, more than 2**40")
        self.tickets[name][block.first : block.last] = totals
        before = np.repeat(running[ends - degrees], degrees)
        upto = self.slots[sources] * derived.TICKETS_PER_BLOCK + running[1:] - before
        files.write_relationships(_TABLES[name], sources, targets, tickets=tickets, upto=upto)

    def fingerprint(self) -> str:
        """As `derived.digests_hash` says it of the imported graph."""
        rows = zip(self._ids, self.digests.tolist(), self.is_alias.tolist(), strict=True)
        return derived.hash_of_digests((identity, digest) for identity, digest, is_alias in rows if not is_alias)


def _write_terms(files: ImportFiles, terms: Terms, tables: _TermTables, document_counts: Int64) -> None:
    is_alias = tables.is_alias
    kinds = {
        "Term:Alias": is_alias,
        "Term:Concept": ~is_alias & (np.arange(len(terms.ids)) < tables.first_topic),
        "Term:Topic": ~is_alias & (np.arange(len(terms.ids)) >= tables.first_topic),
    }
    for kind, chosen in kinds.items():
        for first in range(0, int(chosen.sum()), _ROW_BATCH):
            places = np.flatnonzero(chosen)[first : first + _ROW_BATCH]
            held = places.tolist()
            columns: dict[str, object] = {
                "id": [terms.ids[place] for place in held],
                "kind": [terms.ids[place].partition(":")[0] for place in held],
                "name": [terms.names[terms.name_of[place]] for place in held],
            }
            if kind != "Term:Alias":
                starts = tables.slots[places] * derived.TICKETS_PER_BLOCK
                columns |= {
                    "slot": tables.slots[places],
                    "document_count": document_counts[places],
                    "digest": tables.digests[places],
                    **{f"{name}_from": starts for name in _TABLES},
                    **{f"{name}_tickets": tables.tickets[name][places] for name in _TABLES},
                }
            files.write_nodes(kind, places, columns)


def _write_documents(
    files: ImportFiles,
    gathered: Gathered,
    made: _Made,
    first_number: int,
    settings: DocumentsSettings,
    rejects: Path,
    forgotten: Collection[str],
    report: Report,
    progress: Progress,
) -> StageCount:
    """All documents: those with a text, then those that annotations alone name."""
    count = StageCount(stage="load documents", unit="documents")
    with timed(count, report), shown(progress, "load documents", None) as bar, RejectFile(rejects) as reject_file:
        is_waiting = np.ones(len(gathered.documents), dtype=np.bool_)
        if settings.sources:
            usable = usable_documents(settings, reject_file, count)
            for batch in document_batches(not_forgotten(usable, forgotten, reject_file, count)):
                places = [gathered.documents.setdefault(one.id, len(gathered.documents)) for one in batch]
                is_waiting[[place for place in places if place < len(is_waiting)]] = False
                rows = [
                    facts.document_row(gathered.facts(place, one.id, one))
                    for place, one in zip(places, batch, strict=True)
                ]
                _write_document_rows(files, first_number, places, rows, made.term_counts)
                bar.advance(len(batch))
        unknown = (item for item in gathered.documents.items() if item[1] < len(is_waiting) and is_waiting[item[1]])
        for nameless in batches(unknown, _ROW_BATCH):
            rows = [facts.document_row(gathered.facts(place, identity, None)) for identity, place in nameless]
            _write_document_rows(files, first_number, [place for _, place in nameless], rows, made.term_counts)
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects, expected=REASON)
    return count


def _write_document_rows(
    files: ImportFiles, first_number: int, places: Sequence[int], rows: list[Row], term_counts: Int64
) -> None:
    for place, row in zip(places, rows, strict=True):
        row["term_count"] = int(term_counts[place]) if place < len(term_counts) else 0
    files.write_rows("Document", [first_number + place for place in places], rows)


def _import(
    server: ManagedServer,
    files: ImportFiles,
    made: _Made,
    merge: MergeSettings | None,
    walks_folder: Path,
    report: Report,
    progress: Progress,
) -> StageCount:
    """The import, indexes, and the mark that the derived layers can be used."""
    from kgsynth.walks import inverted

    count = StageCount(stage="import", unit="nodes and relationships")
    with timed(count, report):
        # It has taken long to get here: others may have filled the graph.
        _refuse_filled(server)
        with shown(progress, "import", None) as bar:
            said = server.import_files(files)
            count.kept = said.nodes + said.relationships
            bar.advance(count.kept)
        count.notes |= {
            "files_mib": files.size_bytes // 2**20,
            "import_seconds": round(said.seconds, 1),
            "import_memory": said.peak_memory,
        }
        files.remove()
        server.start(after_import=True)
        with server.connect(after_import=True) as graph:
            facts.ensure_schema(graph, progress)
            if merge is not None:
                decisions.replace(graph, remove=[], add=[], settings=kept_settings(merge))
            name = derived.mark_complete(graph, made.fingerprint)
        inverted.save(made.index, walks_folder / f"documents-{name}")
        server.finish_import()
        count.notes["store_mib"] = server.status().store_bytes // 2**20
    return count
