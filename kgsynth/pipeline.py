"""The stages, joined: the one place that hands the rooms' adapters to each other.

Each function is one stage, gives its closing account as a StageCount, and can be called alone: `kgsynth run` calls them
in the order of the data's path, the commands one by one.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from kgsynth import __version__, queries
from kgsynth.concepts import keyphrases, vocabulary
from kgsynth.concepts.decide import Merge, MergeTerm, decide
from kgsynth.concepts.normalise import term_id
from kgsynth.config import (
    DocumentsSettings,
    Environment,
    ExtractSettings,
    FieldNames,
    GenerateSettings,
    GraphSettings,
    MergeSettings,
    Resolved,
    SampleSettings,
)
from kgsynth.documents import RejectFile, read, usable_documents
from kgsynth.documents.read import refuse_too_many, usable_annotations
from kgsynth.errors import ConfigError, GraphError
from kgsynth.generation import level3, prompts
from kgsynth.generation.backend import Completion, Generator, Sampling
from kgsynth.graph import checks, decisions, derived, facts, provenance
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import (
    Annotation,
    Combination,
    CountedPair,
    Document,
    GroundingDocument,
    Kind,
    Position,
    Question,
    Reject,
    StageCount,
    content_hash,
)
from kgsynth.runs import RunFolder
from kgsynth.walks import cypher_engine, lens
from kgsynth.walks.combinations import batched, combinations
from kgsynth.walks.grounding import ground
from kgsynth.walks.law import Starts

Report = Callable[[StageCount], None]
_Item = TypeVar("_Item")

_TOPICS = queries.load("walk/topics")
_KINDS = queries.load("walk/kinds")
_NAMES = queries.load("walk/names")

# A transaction of so many documents with their texts stays far below the server's memory for transactions.
_DOCUMENT_BATCH = 500
_CONFLICT = "the graph has another title, text or source under this id"
_BATCH_CHARS = 4_000_000
# 10,000 rows a statement is the fastest of 1,000 to 50,000 (DESIGN section 5).
_MENTION_BATCH = 10_000
_GROUNDING_BATCH = 200
_KINDS_OF_TERMS: tuple[Kind, ...] = ("topic", "concept")


@contextmanager
def timed(count: StageCount, report: Report) -> Iterator[StageCount]:
    """Run a block as a stage and report its account, also when it fails."""
    started = time.monotonic()
    try:
        yield count
    finally:
        count.seconds = time.monotonic() - started
        report(count)


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


def snapshot(
    settings: DocumentsSettings, *, output: Path, rejects: Path, report: Report, progress: Progress | None = None
) -> DocumentsSettings:
    """Read the sources once and keep what can be used as JSON Lines; the stages of a run read that.

    Returns:
        Settings that read the copy.

    Raises:
        ConfigError: a source is unusable; TooManyRejectsError: too many documents could not be used.
    """
    count = StageCount(stage="read", unit="documents")
    with timed(count, report), shown(progress or Silent(), "read", None) as bar, RejectFile(rejects) as reject_file:
        rows = _advancing(usable_documents(settings, reject_file, count), bar)
        _write_lines(output, (document.to_json() for document in rows))
    return DocumentsSettings(
        loader="jsonl", sources=(str(output),), kind_field="entry_kind", max_rejected_share=settings.max_rejected_share
    )


def extract(
    documents: DocumentsSettings,
    settings: ExtractSettings,
    *,
    output: Path,
    rejects: Path,
    report: Report,
    progress: Progress | None = None,
) -> StageCount:
    """Find concepts in documents and write annotations, one JSON line a document, whole or not at all.

    Raises:
        ConfigError: a source is unusable, or the corpus declares no concept and no list is given.
        TooManyRejectsError: too many documents could not be used; the annotations are not written.
    """
    progress = progress or Silent()
    count = StageCount(stage=f"extract ({settings.method})", unit="documents")
    with timed(count, report), shown(progress, "extract", None), RejectFile(rejects) as reject_file:
        # Both methods look at all documents before they annotate the first, so the second pass has accounts of its own.
        if settings.method == "vocabulary":
            names = list(_listed_names(settings, documents, count, reject_file))
            if not names:
                raise ConfigError(
                    "these documents declare no concepts, synonyms or titles",
                    hint="Give a concept list (--vocabulary FILE), or use --with keyphrases.",
                )
        else:
            extra = _stop_words(settings)
            phrases = keyphrases.keyphrases(
                _advancing(usable_documents(documents, reject_file, count), progress),
                max_document_share=settings.max_document_share,
                min_document_count=settings.min_document_count,
                max_phrases=settings.max_phrases,
                extra_stop_words=extra,
            )
            names = keyphrases.names(phrases)
        compiled = vocabulary.Vocabulary(names)
        with RejectFile(rejects.with_suffix(".again")) as again:
            second = StageCount(stage="again")
            usable = usable_documents(replace(documents, max_rejected_share=1.0), again, second)
            annotations, found = vocabulary.annotate(
                _advancing(usable, progress), compiled, max_document_share=settings.max_document_share
            )
        again.path.unlink(missing_ok=True)
        count.notes["names"] = found.names
        count.notes["concepts_found"] = sum(len(annotation.spellings("concept")) for annotation in annotations)
        count.notes["too_common"] = (
            ", ".join(f"{name} ({number})" for name, number in islice(found.too_common.items(), 12)) or "none"
        )
        count.notes["too_common_names"] = found.too_common
        count.notes["refused_names"] = found.refused_names
        count.notes["without_topic"] = sum(not annotation.spellings("topic") for annotation in annotations)
        _write_lines(output, (annotation.to_json() for annotation in annotations))
    return count


def load(
    graph: Graph,
    documents: DocumentsSettings,
    *,
    annotations: Sequence[str],
    rejects: Path,
    report: Report,
    progress: Progress | None = None,
) -> list[StageCount]:
    """Load documents and annotations into the facts layer; safe to repeat, and a killed load is finished by the next.

    Raises:
        ConfigError: a source is unusable; TooManyRejectsError: too much of it could not be used, what could is loaded.
    """
    progress = progress or Silent()
    facts.ensure_schema(graph)
    counts: list[StageCount] = []
    if documents.sources:
        counts.append(_load_documents(graph, documents, rejects, report, progress))
    if annotations:
        counts.append(
            _load_annotations(
                graph, annotations, documents, rejects.with_stem(rejects.stem + "-annotations"), report, progress
            )
        )
    return counts


def _load_documents(
    graph: Graph, settings: DocumentsSettings, rejects: Path, report: Report, progress: Progress
) -> StageCount:
    count = StageCount(stage="load documents", unit="documents")
    with timed(count, report), shown(progress, "load documents", None), RejectFile(rejects) as reject_file:
        for batch in _document_batches(usable_documents(settings, reject_file, count)):
            rows = [facts.DocumentFacts(document_id=document.id, document=document) for document in batch]
            for conflict in facts.write(graph, rows):
                count.kept -= 1
                count.reject(_CONFLICT)
                reject_file.add(_graph_reject(conflict))
            progress.advance(len(batch))
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects)
    return count


def _graph_reject(identity: str) -> Reject:
    from kgsynth.records import Position, Reject

    return Reject(
        position=Position(source=f"graph#{identity}"),
        reason="the graph has another title, text or source under this id",
    )


def _load_annotations(
    graph: Graph, sources: Sequence[str], settings: DocumentsSettings, rejects: Path, report: Report, progress: Progress
) -> StageCount:
    count = StageCount(stage="load annotations", unit="annotations")
    touched: set[str] = set()
    mention_count = nameless = 0
    with timed(count, report), shown(progress, "load annotations", None), RejectFile(rejects) as reject_file:
        # An annotation file has fixed field names, whatever those of the documents are.
        records = read("annotations", sources, FieldNames(), kind="annotations")
        batch: list[facts.DocumentFacts] = []
        size = 0
        for annotation in usable_annotations(records, reject_file, count):
            row = facts.DocumentFacts(document_id=annotation.id, document=None, mentions=_mentions(annotation))
            nameless += sum(not term_id(kind, name) for kind in _KINDS_OF_TERMS for name in annotation.spellings(kind))
            touched.update(mention.term_id for mention in row.mentions)
            mention_count += len(row.mentions)
            batch.append(row)
            size += max(1, len(row.mentions))
            if size >= _MENTION_BATCH:
                facts.write(graph, batch)
                progress.advance(len(batch))
                batch, size = [], 0
        if batch:
            facts.write(graph, batch)
        facts.name_terms(graph, sorted(touched))
        count.notes["mentions"] = mention_count
        count.notes["terms"] = len(touched)
        count.notes["names_without_letters"] = nameless
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects)
    return count


def load_pairs(
    graph: Graph, sources: Sequence[str], fields: DocumentsSettings, *, rejects: Path, report: Report
) -> StageCount:
    """Load counted co-occurrences of the user's own; a pair that the graph holds with another count is a reject."""
    facts.ensure_schema(graph)
    count = StageCount(stage="load pairs", unit="pairs")
    with timed(count, report), RejectFile(rejects) as reject_file:
        records = usable_annotations(read("pairs", sources, fields, kind="pairs"), reject_file, count)
        for batch in _batches(records, _MENTION_BATCH):
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


def _mentions(annotation: Annotation) -> tuple[facts.Mention, ...]:
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
    graph: Graph, environment: Environment, settings: MergeSettings
) -> tuple[list[Merge], StageCount, dict[str, str]]:
    """Decide which terms to merge, without changing the graph.

    Returns:
        The merges, an account of the candidate pairs, and the names of all terms by id.
    """
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    count = StageCount(stage="merge", unit="candidate pairs")
    stored = decisions.terms(graph)
    terms = [
        MergeTerm(id=term.id, kind=term.kind, name=term.name, document_count=term.document_count) for term in stored
    ]
    store = EmbeddingStore(environment.embeddings, make_embedder(settings.embedder))
    decision = decide(
        terms,
        store.embed,
        neighbours=settings.neighbours,
        min_cosine=settings.min_cosine,
        distinct=decisions.distinct_pairs(graph),
    )
    count.kept = len(decision.merges)
    for reason, number in decision.kept_apart.items():
        count.reject(reason, number)
    already = decision.candidates - count.read
    if already > 0:
        count.reject("joined to another term", already)
    count.notes["terms"] = len(terms)
    count.notes["embedded_anew"] = store.computed
    return decision.merges, count, {term.id: term.name for term in stored}


def merge(
    graph: Graph, environment: Environment, settings: MergeSettings, *, dry_run: bool, report: Report
) -> tuple[list[Merge], dict[str, str]]:
    """Decide and, unless `dry_run`, apply: merges that the decision no longer holds are taken back, new ones made."""
    started = time.monotonic()
    planned, count, names = plan_merge(graph, environment, settings)
    if not dry_run:
        held = {one.merge_id: one for one in decisions.merges(graph)}
        wanted = {one.merge_id: one for one in planned}
        changed = {
            identity
            for identity, one in wanted.items()
            if identity in held and (held[identity].cosine, held[identity].rule) != (one.cosine, one.rule)
        }
        remove = (held.keys() - wanted.keys()) | changed
        add = [
            {**asdict(one), "merge_id": identity}
            for identity, one in wanted.items()
            if identity not in held or identity in changed
        ]
        if remove or add:
            decisions.replace(graph, remove=remove, add=add)
        count.notes["new"] = len(wanted.keys() - held.keys())
        count.notes["taken_back"] = len(held.keys() - wanted.keys())
    count.seconds = time.monotonic() - started
    report(count)
    return planned, names


def build(graph: Graph, *, report: Report, progress: Progress | None = None) -> derived.BuildCounts:
    """Make co-occurrences and walk tables anew."""
    count = StageCount(stage="build", unit="terms")
    with timed(count, report):
        built = derived.build(graph, progress)
        count.kept = built.terms
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


def sample(
    graph: Graph, settings: SampleSettings, count: StageCount, *, progress: Progress | None = None
) -> Iterator[Combination]:
    """Combinations of level-3 walks, grounded in documents, in the order of their walks.

    Args:
        graph: with derived layers that are complete.
        settings: seed and amount are required.
        count: gets the account of the walks.
        progress: told one unit a combination.

    Raises:
        ConfigError: no seed or no amount; GraphError: the graph is not built or has no topics; QueryError: a lens is
        unusable.
    """
    if settings.seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N (sample.seed): what is drawn must be repeatable.")
    if settings.combinations is None and settings.epochs is None:
        raise ConfigError("no amount is given", hint="Give --combinations N or --epochs E.")
    count.notes["fingerprint"] = derived.fingerprint(graph)
    weights = _weights(graph, settings)
    starts = Starts(settings.seed, _start_topics(graph, settings, weights))
    limit = None if settings.epochs is None else settings.epochs * len(starts)
    walks = cypher_engine.walks(
        graph,
        starts,
        seed=settings.seed,
        batch_size=_batch_size(settings),
        sessions=settings.sessions,
        limit=limit,
        weights=weights,
    )
    found = combinations(
        walks, seed=settings.seed, min_concepts=settings.min_concepts, limit=settings.combinations, count=count
    )
    progress = progress or Silent()
    for batch in batched(found, _GROUNDING_BATCH):
        yield from ground(graph, batch, limit=settings.grounding_documents)
        progress.advance(len(batch))


def _batch_size(settings: SampleSettings) -> int:
    # A few combinations do not need thousands of walks; the walks themselves do not depend on the batch size.
    return (
        settings.batch_size
        if settings.combinations is None
        else min(settings.batch_size, 2 * settings.combinations + 50)
    )


def _weights(graph: Graph, settings: SampleSettings) -> dict[str, int] | None:
    if not settings.within:
        return None
    weights = lens.ticket_weights(
        graph.read_user(_lens_text(settings.within), {}, where=settings.within), where=settings.within
    )
    _refuse_unknown(graph, list(weights), where=settings.within)
    return weights


def _start_topics(graph: Graph, settings: SampleSettings, weights: dict[str, int] | None) -> list[str]:
    if settings.start:
        topics = lens.start_ids(
            graph.read_user(_lens_text(settings.start), {}, where=settings.start), where=settings.start
        )
        kinds = _refuse_unknown(graph, topics, where=settings.start)
        others = [identity for identity in topics if kinds[identity] != "topic"]
        if others:
            raise ConfigError(f"{settings.start}: {others[0]!r} is not a topic; walks start at topics")
    else:
        topics = [row["id"] for row in graph.read(_TOPICS)]
    if weights is not None:
        topics = [identity for identity in topics if identity in weights]
    if not topics:
        raise GraphError(
            "there is no topic to start from",
            hint="Documents need topics (--topics-field names their field); a --within statement must return "
            "some of them.",
        )
    return topics


def _refuse_unknown(graph: Graph, ids: Sequence[str], *, where: str) -> dict[str, str]:
    kinds = {row["id"]: str(row["kind"]) for row in graph.read(_KINDS, ids=list(ids))}
    unknown = [identity for identity in ids if identity not in kinds]
    if unknown:
        raise ConfigError(
            f"{where}: {len(unknown):,} of {len(ids):,} ids are no concept or topic of this graph, for example "
            f"{unknown[0]!r}",
            hint="Return term.id of nodes with label Concept or Topic; a merged term (label Alias) cannot be visited.",
        )
    return kinds


def _lens_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def make_generator(environment: Environment, settings: GenerateSettings) -> Generator:
    """The backend that the settings name, loaded.

    Raises:
        MissingExtraError: what it needs is not installed; GeneratorUnavailableError: it cannot be reached or loaded.
    """
    sampling = _sampling(settings)
    if settings.backend == "scripted":
        from kgsynth.generation.scripted import ScriptedGenerator

        return ScriptedGenerator()
    if settings.backend == "server":
        from kgsynth.generation.openai_server import OpenAiServerGenerator

        return OpenAiServerGenerator(
            settings.url,
            model=settings.model,
            api_key=environment.api_key,
            sampling=sampling,
            concurrency=settings.concurrency,
            timeout_s=settings.timeout_s,
            constrained=settings.constrained,
        )
    from kgsynth.generation import small_model
    from kgsynth.generation.vllm_engine import VllmGenerator

    folder = settings.model or str(small_model.small_model(environment.models))
    return VllmGenerator(
        folder, model=settings.model or small_model.NAME, sampling=sampling, context_tokens=settings.context_tokens
    )


def _sampling(settings: GenerateSettings) -> Sampling:
    return Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        repetition_penalty=settings.repetition_penalty,
        max_output_tokens=settings.max_output_tokens,
    )


def generate(
    graph: Graph,
    environment: Environment,
    settings: GenerateSettings,
    drawn: Sequence[Combination],
    *,
    run_dir: Path | None,
    report: Report,
    progress: Progress | None = None,
    make: Callable[[Environment, GenerateSettings], Generator] = make_generator,
) -> tuple[list[Question], RunFolder]:
    """Questions from combinations, into a run folder and, as provenance, into the graph; a killed run is continued.

    Args:
        graph: the names and documents come from it, questions go to it.
        environment: where models are.
        settings: backend, model, sampling; the seed is the combinations' own when it gives none.
        drawn: combinations in order.
        run_dir: None for `runs/<run id>`.
        report: gets the account.
        progress: told one unit a combination.
        make: makes the backend; not called when nothing is left to do.

    Raises:
        ManifestError: the folder belongs to another run; GeneratorUnavailableError: the model is gone, what is finished
        is kept; TooManyRejectsError: too few usable questions.
    """
    if not drawn:
        raise ConfigError("there is no combination to write questions from")
    seed = settings.seed if settings.seed is not None else drawn[0].seed
    drawn = list(drawn[: settings.combinations])
    template = prompts.load(settings.domain, 3)
    generator: Generator | None = None
    if settings.backend == "server" and not settings.model:
        # Which model the server has is part of what the run is; another one makes another run.
        generator = make(environment, settings)
        settings = replace(settings, model=generator.model)
    decisive = _decisive(settings, seed, template.hash, drawn)
    run_id = content_hash(decisive)[:12]
    folder = RunFolder(run_dir or Path("runs") / run_id, run_id, decisive)
    count = StageCount(stage="generate", unit="questions")
    progress = progress or Silent()
    questions: list[Question] = []
    started = time.monotonic()
    with timed(count, report), folder.opened(), shown(progress, "generate", len(drawn)):
        provenance.write_run(graph, run_id, stage="generate", settings=decisive)
        shards = [drawn[first : first + settings.shard_size] for first in range(0, len(drawn), settings.shard_size)]
        seen: set[str] = set()
        totals: dict[str, int] = {}
        try:
            for shard, batch in enumerate(shards):
                if not folder.has_shard(shard):
                    generator = generator or make(environment, settings)
                    _make_shard(
                        graph, folder, shard, batch, generator, settings, template, seed, run_id, seen, progress
                    )
                else:
                    progress.advance(len(batch))
                rows = [_question(row) for row in folder.rows(shard)]
                seen.update(level3.normal_question(question.text) for question in rows)
                provenance.write_combinations(graph, batch)
                provenance.write_questions(graph, rows)
                questions.extend(rows)
                account = folder.account(shard)
                count.kept += account["kept"]
                for reason, number in account["rejected"].items():
                    count.reject(reason, number)
                for key, number in account["totals"].items():
                    totals[key] = totals.get(key, 0) + number
        finally:
            if generator is not None:
                generator.close()
        count.notes.update(totals)
        count.notes["run"] = run_id
        refuse_too_many(
            count,
            limit=settings.max_rejected_share,
            where=folder.path / "rejects-*.jsonl",
            hint="Is the model large enough for the task? --max-rejected-share sets the limit.",
        )
        count.seconds = time.monotonic() - started
        folder.complete({"settings": decisive, "stages": [count.to_row()], "version": __version__})
    return questions, folder


def _decisive(
    settings: GenerateSettings, seed: int, template_hash: str, drawn: Sequence[Combination]
) -> dict[str, Any]:
    """All that decides what a run writes; how it is run (concurrency, time limits) makes no other run."""
    values = asdict(settings)
    for name in ("url", "concurrency", "timeout_s", "max_rejected_share", "combinations"):
        values.pop(name)
    inputs = content_hash([[one.id, [document.id for document in one.documents]] for one in drawn])
    return {
        **values,
        "seed": seed,
        "template_hash": template_hash,
        "inputs": inputs,
        "input_count": len(drawn),
        "version": __version__,
    }


def _make_shard(
    graph: Graph,
    folder: RunFolder,
    shard: int,
    batch: Sequence[Combination],
    generator: Generator,
    settings: GenerateSettings,
    template: prompts.Template,
    seed: int,
    run_id: str,
    seen: set[str],
    progress: Progress,
) -> None:
    sources = _sources(graph, batch)
    written = {
        source.combination.id: level3.write_prompt(
            source,
            template,
            seed=seed,
            max_questions=settings.max_questions,
            budget_tokens=settings.context_tokens - settings.max_output_tokens,
            count_tokens=generator.count_tokens,
            constrained=settings.constrained,
        )
        for source in sources
    }
    done = {row["request_id"]: Completion(**row) for row in folder.journal(shard)}
    progress.advance(len(done))
    for identity, prompt in written.items():
        if not prompt.fits:
            done[identity] = Completion(request_id=identity, text="the prompt is too long", finish_reason="too long")
    missing = [prompt.request for identity, prompt in written.items() if identity not in done]
    with folder.appending(shard) as journal:
        for written_text in generator.generate(missing):
            # A model may write half of a surrogate pair, which no file can hold.
            completion = replace(written_text, text=written_text.text.encode("utf-8", "replace").decode())
            if completion.finish_reason != "error":
                journal.append(asdict(completion))
            done[completion.request_id] = completion
            progress.advance()
    rows: list[dict[str, object]] = []
    rejects: list[str] = []
    rejected: dict[str, int] = {}
    for source in sources:
        completion = done[source.combination.id]
        for result in level3.read_answer(
            completion,
            source,
            template=template,
            seen=seen,
            max_questions=settings.max_questions,
            constrained=settings.constrained,
        ):
            if isinstance(result, level3.Draft):
                rows.append(_make_question(result, source, generator, settings, template, seed, run_id).to_row())
            else:
                rejected[result.reason] = rejected.get(result.reason, 0) + 1
                request = written[source.combination.id].request
                rejects.append(
                    json.dumps(
                        {
                            "combination_id": source.combination.id,
                            "seed": request.seed,
                            "reason": result.reason,
                            "raw": result.raw,
                        },
                        ensure_ascii=False,
                    )
                )
    completions = [done[source.combination.id] for source in sources]
    totals = {
        "combinations": len(batch),
        "without_passages": sum(not source.passages for source in sources),
        "truncated_passages": sum(prompt.truncated_passages for prompt in written.values()),
        "prompt_tokens": sum(completion.prompt_tokens for completion in completions),
        "output_tokens": sum(completion.output_tokens for completion in completions),
    }
    folder.write_shard(shard, rows, rejects, {"kept": len(rows), "rejected": rejected, "totals": totals})


def _sources(graph: Graph, batch: Sequence[Combination]) -> list[level3.Source]:
    ids = sorted({term for combination in batch for term in combination.terms})
    names = {row["id"]: str(row["name"]) for row in graph.read(_NAMES, ids=ids)}
    wanted = sorted({document.id for combination in batch for document in combination.documents})
    texts = provenance.texts(graph, wanted)
    unknown = [term for term in ids if term not in names] + [document for document in wanted if document not in texts]
    if unknown:
        raise ConfigError(
            f"{len(unknown):,} terms or documents of the combinations are not in this graph, such as {unknown[0]!r}",
            hint="Were they drawn from another graph? --graph NAME selects one.",
        )
    return [
        level3.Source(
            combination=combination,
            names={term: names[term] for term in combination.terms if term in names},
            passages=tuple(
                texts[document.id] for document in combination.documents if texts.get(document.id, ("", ""))[1]
            ),
        )
        for combination in batch
    ]


def _make_question(
    draft: level3.Draft,
    source: level3.Source,
    generator: Generator,
    settings: GenerateSettings,
    template: prompts.Template,
    seed: int,
    run_id: str,
) -> Question:
    combination = source.combination
    return Question(
        id=f"q-{content_hash([run_id, combination.id, level3.normal_question(draft.text)])[:16]}",
        text=draft.text,
        level=3,
        concepts=draft.concepts,
        topics=combination.topics,
        combination_id=combination.id,
        combination_terms=combination.terms,
        documents=tuple(document.id for document in combination.documents),
        run_id=run_id,
        request_id=combination.id,
        template=template.name,
        template_hash=template.hash,
        backend=generator.name,
        model=generator.model,
        sampling=_sampling(settings).to_row(),
        seed=level3.request_seed(seed, combination.id),
    )


def _question(row: dict[str, Any]) -> Question:
    tuples = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    return Question(**{**row, **tuples, "sampling": json.loads(row["sampling"])})


def combination_from_row(row: dict[str, Any]) -> Combination:
    """A combination as `Combination.to_row` wrote it, from JSONL or Parquet.

    Raises:
        ConfigError: the row is not of that form.
    """
    try:
        return Combination(
            id=row["id"],
            seed=int(row["seed"]),
            walk=int(row["walk"]),
            path=tuple(step["id"] for step in row["path"]),
            topics=tuple(row["topics"]),
            concepts=tuple(row["concepts"]),
            documents=tuple(
                GroundingDocument(id=document["id"], jaccard=float(document["jaccard"]))
                for document in row["documents"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"not a combination: {str(row)[:200]} ({error!r})", hint="Give a file that `kgsynth sample --output` wrote."
        ) from error


class RunResult:
    """What a whole run leaves: the accounts, the combinations and questions, and where they are."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.stages: list[StageCount] = []
        self.findings: list[checks.Finding] = []
        self.combinations: list[Combination] = []
        self.questions: list[Question] = []
        self.folder: Path = Path()


def run(
    environment: Environment, resolved: Resolved, *, work_dir: Path, report: Report, progress: Progress | None = None
) -> RunResult:
    """The whole path: documents, concepts, graph, merge, build, check, combinations, questions.

    Args:
        environment: where things are.
        resolved: the configuration.
        work_dir: annotations, combinations, rejects and the run folder go here.
        report: gets each stage's account as it ends.
        progress: told what goes on.

    Raises:
        KgsynthError: as the stages raise; what they finished stays.
    """
    config = resolved.config
    result = RunResult()

    def reported(count: StageCount) -> None:
        result.stages.append(count)
        report(count)

    if config.sample.seed is None:
        raise ConfigError("sample.seed is not set", hint="Give it in [sample] or with --set sample.seed=1.")
    decisive = {section: dict(values) for section, values in resolved.to_row().items() if section != "graph"}
    for name in ("url", "concurrency", "timeout_s", "max_rejected_share"):
        decisive["generate"].pop(name)
    # Claimed before anything is written: results of two configurations never stand in one folder.
    claim = RunFolder(work_dir, content_hash([decisive, __version__])[:12], decisive)
    with claim.opened(), connect(environment, config.graph, start=True, progress=progress) as graph:
        documents = snapshot(
            config.documents,
            output=work_dir / "documents.jsonl",
            rejects=work_dir / "rejects-read.jsonl",
            report=reported,
            progress=progress,
        )
        annotations = list(config.documents.annotations)
        if not annotations:
            annotations = [str(work_dir / "annotations.jsonl")]
            extracted = extract(
                documents,
                config.extract,
                output=Path(annotations[0]),
                rejects=work_dir / "rejects-extract.jsonl",
                report=reported,
                progress=progress,
            )
            if extracted.kept and extracted.notes["without_topic"] == extracted.kept:
                raise ConfigError(
                    "none of the documents has a topic, and walks start at topics",
                    hint="Name their field: documents.topics_field in the file, --topics-field on the command line.",
                )
        load(
            graph,
            documents,
            annotations=annotations,
            rejects=work_dir / "rejects-load.jsonl",
            report=reported,
            progress=progress,
        )
        merge(graph, environment, config.merge, dry_run=False, report=reported)
        build(graph, report=reported, progress=progress)
        result.findings = check(graph, report=reported, progress=progress)
        if result.findings:
            raise GraphError(
                f"{len(result.findings)} checks found something: "
                + ", ".join(finding.check for finding in result.findings),
                hint="`kgsynth check` shows the rows.",
            )
        count = StageCount(stage="sample", unit="walks")
        with timed(count, reported), shown(progress or Silent(), "sample", config.sample.combinations):
            result.combinations = list(sample(graph, config.sample, count, progress=progress))
            _write_lines(
                work_dir / "combinations.jsonl",
                (json.dumps(one.to_row(), ensure_ascii=False) for one in result.combinations),
            )
        result.questions, folder = generate(
            graph,
            environment,
            config.generate,
            result.combinations,
            run_dir=work_dir / "questions",
            report=reported,
            progress=progress,
        )
        result.folder = folder.path
    return result


def _listed_names(
    settings: ExtractSettings, documents: DocumentsSettings, count: StageCount, rejects: RejectFile
) -> Iterator[Any]:
    """The names of the user's list, or those that the corpus declares; either way the documents are counted once."""
    usable = usable_documents(documents, rejects, count)
    if not settings.vocabulary:
        yield from vocabulary.declared_names(usable)
        return
    for _ in usable:
        pass
    bad = StageCount(stage="vocabulary", unit="names")
    yield from usable_annotations(read("concepts", [settings.vocabulary], documents, kind="concepts"), rejects, bad)
    if bad.rejected:
        count.notes["unusable_names"] = sum(bad.rejected.values())


def _stop_words(settings: ExtractSettings) -> list[str]:
    if not settings.stop_words:
        return []
    try:
        return Path(settings.stop_words).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{settings.stop_words} cannot be read: {error}") from error


def _advancing(items: Iterable[_Item], progress: Progress) -> Iterator[_Item]:
    for item in items:
        yield item
        progress.advance()


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _document_batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    chars = 0
    for document in documents:
        batch.append(document)
        chars += len(document.text)
        if len(batch) >= _DOCUMENT_BATCH or chars >= _BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
    shutil.move(partial, path)
