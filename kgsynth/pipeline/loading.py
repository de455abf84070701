"""Load facts into the graph: documents, annotations, counted pairs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.batching import batches
from kgsynth.config import Environment
from kgsynth.documents.forgotten import REASON, TombstoneFile, is_forgotten
from kgsynth.documents.read import read, usable_annotations, usable_documents
from kgsynth.graph import facts
from kgsynth.graph.facts import document_batches, mention_batches
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.graph.splitting import of_one_splitting
from kgsynth.names import term_id
from kgsynth.parallel import in_order
from kgsynth.progress import Progress, Silent
from kgsynth.records import Annotation, CountedPair, Document, Kind, Position, Reject, StageCount
from kgsynth.rejects import RejectFile, refuse, refuse_too_many, stage_with_rejects
from kgsynth.settings import DocumentsSettings, FieldNames, GraphSettings

_Record = TypeVar("_Record", Document, Annotation)
IsKeptOut = Callable[[Document | Annotation], bool]
# Number of counted pairs per transaction.
_PAIR_BATCH = 10_000
_NO_PAIR = "a pair of one term, or a name without letters"
_CONFLICT = "the graph has another title, text or source under this id"
# Two concurrent transactions take 0.6 of the time of sequential ones; three are no faster (docs/figures/graph.md).
_WRITERS = 2
_KINDS_OF_TERMS: tuple[Kind, ...] = ("topic", "concept")


def connect(
    environment: Environment, settings: GraphSettings, *, start: bool = False, progress: Progress | None = None
) -> Graph:
    """Connect to the graph: on the server at NEO4J_URI where that is set, else on the managed server.

    Args:
        environment: paths and connections.
        settings: name of the managed graph.
        start: whether to start the managed server when it is not running.
        progress: receives progress of downloads.

    Raises:
        GraphUnavailableError: no server answers.
        ServerError: the managed server does not start.
    """
    if environment.neo4j_uri:
        graph = Graph(
            environment.neo4j_uri,
            username=environment.neo4j_username,
            password=environment.neo4j_password,
            database=environment.neo4j_database,
            name=settings.name,
        )
    else:
        server = ManagedServer(environment, settings.name)
        if start:
            server.start(progress=progress)
        graph = server.connect()
    try:
        graph.verify()
    except BaseException:
        graph.close()
        raise
    return graph


def load(
    graph: Graph,
    documents: DocumentsSettings,
    *,
    annotations: Sequence[str] = (),
    rejects: Path,
    forgotten: TombstoneFile | None = None,
    report: Report = silent,
    progress: Progress | None = None,
) -> list[StageCount]:
    """Load documents and annotations into the facts layer. Repeating the call completes an interrupted load.

    Args:
        graph: the graph to load into.
        documents: the sources.
        annotations: annotation files.
        rejects: file for documents that cannot be used.
        forgotten: documents that were forgotten, and that are not loaded even if that happens meanwhile.
        report: receives the accounts.
        progress: advances one step per document and per annotation.

    Raises:
        ConfigError: a source is unusable.
        TooManyRejectsError: too many records are unusable; the usable ones are loaded.

    Examples:
        >>> accounts = pipeline.load(
        ...     graph, documents, annotations=["annotations.jsonl"], rejects=Path("rejects.jsonl")
        ... )
        >>> [account.kept for account in accounts]
        [12, 12]
    """
    progress = progress or Silent()
    is_kept_out = partial(_is_kept_out, forgotten)
    facts.ensure_schema(graph)
    counts: list[StageCount] = []
    if documents.sources:
        counts.append(_load_documents(graph, documents, rejects, is_kept_out, report, progress))
    if annotations:
        counts.append(
            _load_annotations(
                graph,
                annotations,
                documents,
                rejects.with_stem(rejects.stem + "-annotations"),
                is_kept_out,
                report,
                progress,
            )
        )
    return counts


def _load_documents(
    graph: Graph,
    settings: DocumentsSettings,
    rejects: Path,
    is_kept_out: IsKeptOut,
    report: Report,
    progress: Progress,
) -> StageCount:
    count = StageCount(stage="load documents", unit="documents")
    with stage_with_rejects(count, rejects, report, progress) as reject_file:
        usable = not_forgotten(usable_documents(settings, reject_file, count), is_kept_out, reject_file, count)
        new = of_one_splitting(graph, usable, reject_file, count)
        rows = (
            [facts.DocumentFacts(document_id=document.id, document=document) for document in batch]
            for batch in document_batches(new)
        )
        for size, refused in _written(graph, rows, is_kept_out):
            for identity in refused.conflicts:
                _take_out(identity, _CONFLICT, reject_file, count)
            for identity in refused.forgotten:
                _take_out(identity, REASON, reject_file, count)
            progress.advance(size)
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects, expected=REASON)
    return count


def _is_kept_out(forgotten: TombstoneFile | None, record: Document | Annotation) -> bool:
    """Return whether the document of a record must not be loaded at this moment."""
    return forgotten is not None and is_forgotten(record, forgotten.current().documents)


def _take_out(identity: str, reason: str, rejects: RejectFile, count: StageCount) -> None:
    """Reject a record that was counted as kept before the graph refused it."""
    count.kept -= 1
    count.reject(reason)
    rejects.add(Reject(position=Position(source=f"graph#{identity}"), reason=reason))


def _load_annotations(
    graph: Graph,
    sources: Sequence[str],
    settings: DocumentsSettings,
    rejects: Path,
    is_kept_out: IsKeptOut,
    report: Report,
    progress: Progress,
) -> StageCount:
    count = StageCount(stage="load annotations", unit="annotations")
    touched: set[str] = set()
    with stage_with_rejects(count, rejects, report, progress) as reject_file:
        rows = annotation_facts(sources, reject_file, is_kept_out, count)
        for size, refused in _written(graph, mention_batches(rows, touched), is_kept_out):
            for identity in refused.forgotten:
                _take_out(identity, REASON, reject_file, count)
            progress.advance(size)
        facts.name_terms(graph, sorted(touched))
        count.notes["terms"] = len(touched)
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects, expected=REASON)
    return count


def _written(
    graph: Graph, batches_of_facts: Iterable[list[facts.DocumentFacts]], is_kept_out: IsKeptOut
) -> Iterator[tuple[int, facts.Refused]]:
    """Write batches concurrently; yield in order the size of each and the ids of its refused documents."""

    def is_forgotten_now(row: facts.DocumentFacts) -> bool:
        return is_kept_out(row.document or Annotation(id=row.document_id, topics=()))

    def write(batch: list[facts.DocumentFacts]) -> tuple[int, facts.Refused]:
        return len(batch), facts.write(graph, batch, is_forgotten=is_forgotten_now)

    return in_order(write, batches_of_facts, threads=_WRITERS, ahead=_WRITERS + 1)


def annotation_facts(
    sources: Sequence[str], rejects: RejectFile, is_kept_out: IsKeptOut, count: StageCount
) -> Iterator[facts.DocumentFacts]:
    """Yield the facts of annotation files per document; count mentions and names without letters in the notes."""
    mention_count = nameless = 0
    # Field names of annotation files are fixed; settings rename only those of documents.
    usable = usable_annotations(read("annotations", sources, FieldNames(), kind="annotations"), rejects, count)
    for annotation in not_forgotten(usable, is_kept_out, rejects, count):
        document_mentions, without_letters = _mentions_and_nameless(annotation)
        nameless += without_letters
        mention_count += len(document_mentions)
        yield facts.DocumentFacts(
            document_id=annotation.id,
            document=None,
            mentions=document_mentions,
            grade=annotation.grade,
            subject=annotation.subject,
        )
    count.notes["mentions"] = mention_count
    count.notes["names_without_letters"] = nameless


def not_forgotten(
    records: Iterable[_Record], is_kept_out: IsKeptOut, rejects: RejectFile, count: StageCount
) -> Iterator[_Record]:
    """Yield the records of documents that were not forgotten; reject the others."""
    for record in records:
        if is_kept_out(record):
            refuse(record.id, REASON, rejects, count)
        else:
            yield record


def load_pairs(
    graph: Graph, sources: Sequence[str], fields: DocumentsSettings, *, rejects: Path, report: Report = silent
) -> StageCount:
    """Load co-occurrence counts from files; reject a pair that the graph has with another count."""
    facts.ensure_schema(graph)
    count = StageCount(stage="load pairs", unit="pairs")
    with timed_stage(count, report), RejectFile(rejects) as reject_file:
        records = usable_annotations(read("pairs", sources, fields, kind="pairs"), reject_file, count)
        for batch in batches(records, _PAIR_BATCH):
            rows: list[facts.PairFacts] = []
            for pair in batch:
                pair_facts = _pair_facts(pair)
                if pair_facts is None:
                    count.kept -= 1
                    count.reject(_NO_PAIR)
                    reject_file.add(Reject(position=Position(source=",".join(sources)), reason=_NO_PAIR, raw=str(pair)))
                else:
                    rows.append(pair_facts)
            for first, second, existing_count in facts.write_pairs(graph, rows):
                count.kept -= 1
                count.reject("the pair is there with another count")
                raw = f"{first} / {second}: the graph holds {existing_count}"
                reject_file.add(
                    Reject(
                        position=Position(source=",".join(sources)),
                        reason="the pair is there with another count",
                        raw=raw,
                    )
                )
    refuse_too_many(count, limit=fields.max_rejected_share, where=rejects)
    return count


def _pair_facts(pair: CountedPair) -> facts.PairFacts | None:
    first = facts.Mention(term_id=term_id(pair.first_kind, pair.first), kind=pair.first_kind, spelling=pair.first)
    second = facts.Mention(term_id=term_id(pair.second_kind, pair.second), kind=pair.second_kind, spelling=pair.second)
    if not first.term_id or not second.term_id or first.term_id == second.term_id:
        return None
    first, second = sorted((first, second), key=lambda mention: mention.term_id)
    return facts.PairFacts(first=first, second=second, count=pair.count)


def mentions(annotation: Annotation) -> tuple[facts.Mention, ...]:
    """Return the mentions of a document, one per term, sorted by id; each has the alphabetically first spelling."""
    return _mentions_and_nameless(annotation)[0]


def _mentions_and_nameless(annotation: Annotation) -> tuple[tuple[facts.Mention, ...], int]:
    """Return the mentions of a document, and the number of its names without letters."""
    mention_of: dict[str, facts.Mention] = {}
    nameless = 0
    for kind in _KINDS_OF_TERMS:
        for spelling in annotation.spellings(kind):
            mention = _mention(kind, spelling)
            identity = mention.term_id
            if not identity:
                nameless += 1
            elif identity not in mention_of or mention.spelling < mention_of[identity].spelling:
                mention_of[identity] = mention
    return tuple([mention_of[identity] for identity in sorted(mention_of)]), nameless


# A corpus repeats its names; the paper's corpus has 232,000. With an object per name instead of one per mention, Python
# also searches its objects for garbage less often (docs/figures/walks.md).
@lru_cache(maxsize=1 << 18)
def _mention(kind: Kind, spelling: str) -> facts.Mention:
    """Return the mention of a name; its id is empty if the name has no letters."""
    return facts.Mention(term_id=term_id(kind, spelling), kind=kind, spelling=" ".join(spelling.split()))
