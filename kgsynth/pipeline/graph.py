"""The graph's layers: facts loaded, names merged, derived layers built and checked."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from kgsynth.concepts.decide import Decision, Doubt, Merge, MergeTerm, decide
from kgsynth.config import DocumentsSettings, Environment, FieldNames, GraphSettings, MergeSettings
from kgsynth.documents import RejectFile, read, usable_documents
from kgsynth.documents.forgotten import REASON, is_forgotten
from kgsynth.documents.read import refuse_too_many, usable_annotations
from kgsynth.graph import checks, decisions, derived, facts, growing
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.names import term_id
from kgsynth.parallel import in_order
from kgsynth.pipeline.splitting import of_one_splitting
from kgsynth.pipeline.stages import Report, batches, refuse, sized_batches, timed
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import Annotation, CountedPair, Document, Kind, Position, Reject, StageCount

# A transaction of so many documents with their texts stays far below the server's memory for transactions.
_Record = TypeVar("_Record", Document, Annotation)
_DOCUMENT_BATCH = 500
_CONFLICT = "the graph has another title, text or source under this id"
_BATCH_CHARS = 4_000_000
# 10,000 rows a statement is the fastest of 1,000 to 50,000 (DESIGN section 5).
_MENTION_BATCH = 10_000
# Two transactions at once take .6 of the time of one after the other; a third gains nothing (EXPERIMENTS.md).
_WRITERS = 2
_KINDS_OF_TERMS: tuple[Kind, ...] = ("topic", "concept")


@dataclass(slots=True, kw_only=True)
class MergePlan:
    """What a merge decides, and how that differs from what the graph holds; names of all terms by id."""

    merges: list[Merge]
    doubts: list[Doubt]
    new: list[Merge]
    changed: list[Merge]
    taken_back: list[decisions.StoredMerge]
    names: dict[str, str]
    count: StageCount

    @property
    def removed_ids(self) -> set[str]:
        """Of the merges in the graph: those that go, and those that are made again with other evidence."""
        return {one.merge_id for one in self.taken_back} | {one.merge_id for one in self.changed}

    @property
    def is_change(self) -> bool:
        """Whether anything in the graph becomes another."""
        return bool(self.new or self.changed or self.taken_back)


def connect(
    environment: Environment, settings: GraphSettings, *, start: bool = False, progress: Progress | None = None
) -> Graph:
    """The graph of a run: the user's own server where NEO4J_URI says so, else the managed one.

    Args:
        environment: where things are.
        settings: which managed graph.
        start: start the managed server when it does not run.
        progress: told about downloads.

    Raises:
        GraphUnavailableError: nobody answers; ServerError: the managed server does not come up.
    """
    if environment.neo4j_uri:
        graph = Graph(
            environment.neo4j_uri,
            username=environment.neo4j_username,
            password=environment.neo4j_password,
            database=environment.neo4j_database,
        )
    else:
        server = ManagedServer(environment, settings.name)
        if start:
            server.start(progress=progress)
        graph = server.connect()
    graph.verify()
    return graph


def load(
    graph: Graph,
    documents: DocumentsSettings,
    *,
    annotations: Sequence[str],
    rejects: Path,
    forgotten: Collection[str] = (),
    report: Report,
    progress: Progress | None = None,
) -> list[StageCount]:
    """Load documents and annotations into the facts layer; safe to repeat, and a killed load is finished by the next.

    Args:
        graph: where.
        documents: the sources.
        annotations: annotation files.
        rejects: where documents go that cannot be used.
        forgotten: ids of documents that were taken out and are not taken in again.
        report: gets the accounts.
        progress: told one step a document and an annotation.

    Raises:
        ConfigError: a source is unusable; TooManyRejectsError: too much of it could not be used, what could is loaded.
    """
    progress = progress or Silent()
    facts.ensure_schema(graph)
    counts: list[StageCount] = []
    if documents.sources:
        counts.append(_load_documents(graph, documents, rejects, forgotten, report, progress))
    if annotations:
        counts.append(
            _load_annotations(
                graph,
                annotations,
                documents,
                rejects.with_stem(rejects.stem + "-annotations"),
                forgotten,
                report,
                progress,
            )
        )
    return counts


def _load_documents(
    graph: Graph,
    settings: DocumentsSettings,
    rejects: Path,
    forgotten: Collection[str],
    report: Report,
    progress: Progress,
) -> StageCount:
    count = StageCount(stage="load documents", unit="documents")
    with timed(count, report), shown(progress, "load documents", None), RejectFile(rejects) as reject_file:
        usable = not_forgotten(usable_documents(settings, reject_file, count), forgotten, reject_file, count)
        new = of_one_splitting(graph, usable, reject_file, count)
        rows = (
            [facts.DocumentFacts(document_id=document.id, document=document) for document in batch]
            for batch in document_batches(new)
        )
        for size, conflicts in _written(graph, rows):
            for conflict in conflicts:
                count.kept -= 1
                count.reject(_CONFLICT)
                reject_file.add(_graph_reject(conflict))
            progress.advance(size)
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects, expected=REASON)
    return count


def _graph_reject(identity: str) -> Reject:
    return Reject(position=Position(source=f"graph#{identity}"), reason=_CONFLICT)


def _load_annotations(
    graph: Graph,
    sources: Sequence[str],
    settings: DocumentsSettings,
    rejects: Path,
    forgotten: Collection[str],
    report: Report,
    progress: Progress,
) -> StageCount:
    count = StageCount(stage="load annotations", unit="annotations")
    touched: set[str] = set()
    with timed(count, report), shown(progress, "load annotations", None), RejectFile(rejects) as reject_file:
        rows = annotation_facts(sources, reject_file, forgotten, count)
        for size, _ in _written(graph, _mention_batches(rows, touched)):
            progress.advance(size)
        facts.name_terms(graph, sorted(touched))
        count.notes["terms"] = len(touched)
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects, expected=REASON)
    return count


def _written(graph: Graph, batches_of_facts: Iterable[list[facts.DocumentFacts]]) -> Iterator[tuple[int, list[str]]]:
    """Write batches, several at once; of each in order its size and the documents that were refused."""

    def write(batch: list[facts.DocumentFacts]) -> tuple[int, list[str]]:
        return len(batch), facts.write(graph, batch)

    return in_order(write, batches_of_facts, threads=_WRITERS, ahead=_WRITERS + 1)


def _mention_batches(rows: Iterable[facts.DocumentFacts], touched: set[str]) -> Iterator[list[facts.DocumentFacts]]:
    """Batches of so many mentions; the ids of their terms go into `touched`."""
    batch: list[facts.DocumentFacts] = []
    size = 0
    for row in rows:
        touched.update(mention.term_id for mention in row.mentions)
        batch.append(row)
        size += max(1, len(row.mentions))
        if size >= _MENTION_BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def annotation_facts(
    sources: Sequence[str], rejects: RejectFile, forgotten: Collection[str], count: StageCount
) -> Iterator[facts.DocumentFacts]:
    """What annotation files say, a document at a time; mentions and names without letters are counted in the notes."""
    mention_count = nameless = 0
    # An annotation file has fixed field names, whatever those of the documents are.
    usable = usable_annotations(read("annotations", sources, FieldNames(), kind="annotations"), rejects, count)
    for annotation in not_forgotten(usable, forgotten, rejects, count):
        own = mentions(annotation)
        nameless += sum(not term_id(kind, name) for kind in _KINDS_OF_TERMS for name in annotation.spellings(kind))
        mention_count += len(own)
        yield facts.DocumentFacts(
            document_id=annotation.id,
            document=None,
            mentions=own,
            grade=annotation.grade,
            subject=annotation.subject,
        )
    count.notes["mentions"] = mention_count
    count.notes["names_without_letters"] = nameless


def not_forgotten(
    records: Iterable[_Record], forgotten: Collection[str], rejects: RejectFile, count: StageCount
) -> Iterator[_Record]:
    """The records of documents that may be in the graph; the others are rejects."""
    for record in records:
        if is_forgotten(record, forgotten):
            refuse(record.id, REASON, rejects, count)
        else:
            yield record


def load_pairs(
    graph: Graph, sources: Sequence[str], fields: DocumentsSettings, *, rejects: Path, report: Report
) -> StageCount:
    """Load counted co-occurrences of the user's own; a pair that the graph holds with another count is a reject."""
    facts.ensure_schema(graph)
    count = StageCount(stage="load pairs", unit="pairs")
    with timed(count, report), RejectFile(rejects) as reject_file:
        records = usable_annotations(read("pairs", sources, fields, kind="pairs"), reject_file, count)
        for batch in batches(records, _MENTION_BATCH):
            rows: list[facts.PairFacts] = []
            for pair in batch:
                made = _pair_facts(pair)
                if made is None:
                    count.kept -= 1
                    count.reject("a pair of one term, or a name without letters")
                    reject_file.add(
                        Reject(position=Position(source=",".join(sources)), reason="a pair of one term", raw=str(pair))
                    )
                else:
                    rows.append(made)
            for first, second, held in facts.write_pairs(graph, rows):
                count.kept -= 1
                count.reject("the pair is there with another count")
                raw = f"{first} / {second}: the graph holds {held}"
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
    """What a document mentions, each term once; of several spellings the smallest, whatever their order."""
    found: dict[str, facts.Mention] = {}
    for kind in _KINDS_OF_TERMS:
        for spelling in annotation.spellings(kind):
            identity = term_id(kind, spelling)
            clean = " ".join(spelling.split())
            if identity and (identity not in found or clean < found[identity].spelling):
                found[identity] = facts.Mention(term_id=identity, kind=kind, spelling=clean)
    return tuple(found[identity] for identity in sorted(found))


def plan_merge(
    graph: Graph,
    environment: Environment,
    settings: MergeSettings,
    *,
    same: Iterable[tuple[str, str]] = (),
    distinct: Iterable[tuple[str, str]] = (),
    terms: Sequence[decisions.StoredTerm] | None = None,
) -> MergePlan:
    """Decide which terms to merge, without changing the graph.

    Args:
        graph: has the terms, and what reviewers have said.
        environment: where embeddings are kept.
        settings: of the merges.
        same: pairs that count as called the same for this plan, in place of what the graph says.
        distinct: pairs that count as called different for this plan.
        terms: these instead of all that the graph holds.
    """
    stored = decisions.terms(graph) if terms is None else list(terms)
    yes, no = set(same), set(distinct)
    decision, count = decided(
        environment,
        settings,
        stored,
        distinct=(decisions.distinct_pairs(graph) - yes) | no,
        same=(decisions.same_pairs(graph) - no) | yes,
    )
    held = {one.merge_id: one for one in decisions.merges(graph)}
    wanted = {one.merge_id: one for one in decision.merges}
    return MergePlan(
        merges=decision.merges,
        doubts=decision.doubts,
        new=[one for identity, one in wanted.items() if identity not in held],
        changed=[
            one
            for identity, one in wanted.items()
            if identity in held and (held[identity].cosine, held[identity].rule) != (one.cosine, one.rule)
        ],
        taken_back=[one for identity, one in held.items() if identity not in wanted],
        names={term.id: term.name for term in stored},
        count=count,
    )


def decided(
    environment: Environment,
    settings: MergeSettings,
    terms: Sequence[decisions.StoredTerm],
    *,
    distinct: Iterable[tuple[str, str]] = (),
    same: Iterable[tuple[str, str]] = (),
) -> tuple[Decision, StageCount]:
    """Which of some terms are the same, and the account of it; no graph is asked."""
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    count = StageCount(stage="merge", unit="candidate pairs")
    store = EmbeddingStore(environment.embeddings, make_embedder(settings.embedder, settings.executor))
    decision = decide(
        [MergeTerm(id=term.id, kind=term.kind, name=term.name, document_count=term.document_count) for term in terms],
        store.embed,
        neighbours=settings.neighbours,
        min_cosine=settings.min_cosine,
        distinct=distinct,
        same=same,
    )
    count.kept = len(decision.merges)
    for reason, number in decision.kept_apart.items():
        count.reject(reason, number)
    already = decision.candidates - count.read
    if already > 0:
        count.reject("joined to another term", already)
    count.notes["terms"] = len(terms)
    count.notes["embedded_anew"] = store.computed
    if decision.recall < 1:
        count.notes["recall"] = f"{decision.recall:.4f} of the near pairs of a sample"
    return decision, count


def merge(
    graph: Graph, environment: Environment, settings: MergeSettings, *, dry_run: bool, report: Report
) -> MergePlan:
    """Decide and, unless `dry_run`, apply: merges that the decision no longer holds are taken back, new ones made."""
    started = time.monotonic()
    planned = plan_merge(graph, environment, settings)
    if not dry_run:
        decisions.replace(graph, remove=planned.removed_ids, add=merge_rows(planned), settings=kept_settings(settings))
        planned.count.notes["new"] = len(planned.new)
        planned.count.notes["taken_back"] = len(planned.taken_back)
    planned.count.seconds = time.monotonic() - started
    report(planned.count)
    return planned


def kept_settings(settings: MergeSettings) -> dict[str, object]:
    """The settings of a merge with the embedder that was used, wherever, for later decisions that must be like it."""
    from kgsynth.concepts.embedding import embedder_used

    return {**asdict(settings), "embedder": embedder_used(settings.embedder), "executor": "local"}


def merge_rows(planned: MergePlan) -> list[dict[str, object]]:
    """The merges that a plan makes, as rows for the graph."""
    return [{**asdict(one), "merge_id": one.merge_id} for one in (*planned.new, *planned.changed)]


def build(
    graph: Graph, *, is_whole: bool = False, report: Report, progress: Progress | None = None
) -> derived.BuildCounts:
    """Bring co-occurrences and walk tables up to date: by what has changed where that is less work, else from nothing.

    Args:
        graph: where.
        is_whole: from nothing in any case.
        report: gets the account.
        progress: told of terms.

    Raises:
        GraphError: facts or decisions were changed meanwhile, or another build ran; the layers cannot be used then.
    """
    count = StageCount(stage="build", unit="terms")
    with timed(count, report):
        is_grown = not is_whole and growing.is_worth_it(graph)
        built = growing.grow(graph, progress) if is_grown else derived.build(graph, progress)
        count.kept = built.terms
        if is_grown:
            count.notes["grown_by_documents"] = built.documents
        count.notes["co_occurrences"] = built.co_occurrences
        count.notes["steps"] = sum(built.steps.values())
    return built


def check(graph: Graph, *, report: Report, progress: Progress | None = None) -> list[checks.Finding]:
    """Run all checks; the account keeps checks that found nothing."""
    count = StageCount(stage="check", unit="checks")
    with timed(count, report):
        findings = checks.run(graph, progress=progress)
        count.kept = checks.count() - len(findings)
        for finding in findings:
            count.reject(finding.check)
    return findings


def document_batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Lists of documents that are small in number and in length."""
    return sized_batches(documents, lambda one: len(one.text), most=_DOCUMENT_BATCH, most_size=_BATCH_CHARS)
