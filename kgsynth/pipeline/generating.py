"""The stages that ask a language model: extract, generate and answer.

Each is declared as a `Stage`, which `kgsynth.generation.stage_run` runs over units in a run folder; the graph receives
the rows of each complete shard.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kgsynth import domain_folder, queries
from kgsynth.accounts import Report, silent
from kgsynth.concepts.declared import declarations, names_by_form
from kgsynth.concepts.embedding import Embedder, has_embedder, make_embedder
from kgsynth.config import Environment
from kgsynth.documents.forgotten import add_questions, read_tombstones
from kgsynth.documents.read import read_again, usable_documents
from kgsynth.domain_folder import Domain
from kgsynth.errors import ConfigError, GraphError, quoted
from kgsynth.files import alone, write_lines
from kgsynth.generation import prompts
from kgsynth.generation.answers import Answering, QuestionToAnswer
from kgsynth.generation.backend_factory import Make, make_generator
from kgsynth.generation.extraction import Extraction
from kgsynth.generation.level1 import Level1
from kgsynth.generation.level2 import Level2
from kgsynth.generation.level3 import Level3
from kgsynth.generation.question_types import draw_style
from kgsynth.generation.questions import SourceCombination, SourceDocument
from kgsynth.generation.stage_run import Stage, ask
from kgsynth.generation.task import Context, Similarities, Work
from kgsynth.graph import derived, provenance
from kgsynth.graph.session import Graph
from kgsynth.pipeline.verifying import make_verification, verifiers_of
from kgsynth.progress import Progress, Silent, with_progress
from kgsynth.question_files import read_combinations, read_questions
from kgsynth.records import (
    Annotation,
    AnsweredQuestion,
    Combination,
    Question,
    StageCount,
    TopicConcepts,
    content_hash,
)
from kgsynth.rejects import stage_with_rejects
from kgsynth.run_folder import RunFolder
from kgsynth.settings import AnswerSettings, DocumentsSettings, ExtractSettings, GenerateSettings
from kgsynth.verifier import Passage

_NAMES = queries.load("walk/names")
_CO_OCCURRING = queries.load("ground/co_occurring")
# Wrong options of multiple-choice questions: how many candidates are fetched, from how many documents.
_WRONG_OPTIONS = 30
_CONTEXTS = 2000


def extract_with_model(
    environment: Environment,
    documents: DocumentsSettings,
    settings: ExtractSettings,
    *,
    run_dir: Path | None = None,
    output: Path | None,
    rejects: Path,
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Extract topics and concepts from documents with a language model; an interrupted run is continued.

    Args:
        environment: where models are.
        documents: the sources.
        settings: backend, model, sampling; the seed is required.
        run_dir: folder of the run; None for `runs/extract-<run id>`.
        output: annotation file for `kgsynth load`; None for no file.
        rejects: file for documents that cannot be used; rejects of the model are in the run folder.
        report: receives the account.
        progress: advances one step per document.
        make: creates the backend; not called when no unit is left.

    Raises:
        ConfigError: a source is unusable, or the seed is missing.
        KgsynthError: as in `generate`.

    Examples:
        >>> settings = ExtractSettings(method="llm", backend="scripted", domain="general", seed=1)
        >>> folder = pipeline.extract_with_model(
        ...     environment, documents, settings, output=Path("by-model.jsonl"), rejects=Path("rejects.jsonl")
        ... )
        >>> folder.manifest()["stages"][0]["kept"]
        12
    """
    settings = replace(settings, seed=_seed(settings.seed))
    count = StageCount(stage="read", unit="documents")
    progress = progress or Silent()
    with stage_with_rejects(count, rejects, report, progress) as reject_file:
        for _ in with_progress(usable_documents(documents, reject_file, count), progress):
            pass
    stage = extract_stage(documents, settings)
    folder = ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)
    if output is not None:
        write_lines(output, (_annotation(row).to_json() for part in folder.parts() for row in part.rows()))
    return folder


def extract_stage(
    documents: DocumentsSettings, settings: ExtractSettings, only: Mapping[str, int] | None = None
) -> Stage:
    """Return the stage that extracts concepts from all documents, or from those in `only`."""

    def units() -> Iterator[Any]:
        # Documents that cannot be used were already counted and written to the rejects when the stage began.
        return (document for document in read_again(documents) if only is None or document.id in only)

    return Stage(
        name="extract",
        unit="documents",
        rows_name="annotations",
        record=Annotation,
        settings=settings,
        decisive={},
        inputs=documents.as_inputs(),
        templates={"extract": prompts.load(settings.domain, "extract")},
        units=units,
        unit_line=lambda document: f"{document.id} {document.content_hash()}",
        begin=Extraction,
    )


def generate(
    graph: Graph,
    environment: Environment,
    settings: GenerateSettings,
    *,
    level: int,
    combinations: Path | Sequence[Combination] | None = None,
    run_dir: Path | None = None,
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Generate questions of one level into a run folder and the graph; an interrupted run is continued.

    Args:
        graph: supplies names and documents, and receives the questions as provenance.
        environment: where models are.
        settings: backend, model, sampling; without a seed, that of the combinations is used.
        level: 1, 2 (all documents of the graph, or some drawn by seed) or 3 (combinations).
        combinations: for level 3, a file that `kgsynth sample` wrote, or the combinations.
        run_dir: folder of the run; None for `runs/level<level>-<run id>`.
        report: receives the account.
        progress: advances one step per unit.
        make: creates the backend; not called when no unit is left.

    Raises:
        ConfigError: the seed or the combinations are missing.
        ManifestError: the folder belongs to another run, or the disk is full.
        GeneratorUnavailableError: the model cannot be reached; finished units are kept.
        TooManyRejectsError: too many units were rejected.

    Examples:
        >>> settings = GenerateSettings(domain="general", backend="scripted", seed=1)
        >>> folder = pipeline.generate(
        ...     graph, environment, settings, level=3, combinations=combinations, run_dir=Path("runs/level3")
        ... )
        >>> folder.rows_name
        'questions'
    """
    if level == 3:
        if combinations is None:
            raise ConfigError("level 3 needs combinations", hint="Draw them: `kgsynth sample --seed 1 -o FILE.jsonl`.")
        settings = replace(settings, seed=settings.seed if settings.seed is not None else _seed_of(combinations))
        stage = combinations_stage(graph, environment, settings, combinations)
    else:
        settings = replace(settings, seed=_seed(settings.seed))
        stage = documents_stage(graph, environment, settings, level)
    return ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)


def combinations_stage(
    graph: Graph,
    environment: Environment,
    settings: GenerateSettings,
    combinations: Path | Sequence[Combination],
    only: Mapping[str, int] | None = None,
) -> Stage:
    """Return the stage of level 3 for all combinations, or for those in `only`.

    Args:
        graph: supplies names and documents, and receives the questions.
        environment: where the list of forgotten documents is.
        settings: backend, model, sampling.
        combinations: a file of combinations, or the combinations.
        only: number of missing questions by id of the combination; None for all combinations.
    """
    similarities = name_similarities()
    domain = domain_folder.load(settings.domain)

    def units() -> Iterator[Any]:
        drawn = read_combinations(combinations) if isinstance(combinations, Path) else iter(combinations)
        for index, combination in enumerate(drawn):
            if settings.combinations is not None and index >= settings.combinations:
                return
            if only is None or combination.id in only:
                yield combination

    def finished(batch: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> None:
        _write_questions(graph, environment, rows, [source.combination for source in batch])

    def begin(source: Any, context: Context) -> Work:
        question_count = _question_count(settings, 3, source.combination.id, only)
        return Level3(
            source,
            context,
            max_questions=question_count,
            min_concepts=settings.min_concepts,
            imports=domain.imports,
        )

    return Stage(
        name="level3",
        account="generate",
        unit="questions",
        rows_name="questions",
        record=Question,
        settings=settings,
        decisive={
            "level": 3,
            "max_questions": settings.questions_of(3),
            "claims_by": _claims_by(similarities),
            **_drawn_from(domain),
        },
        inputs={
            "graph": graph.name,
            "combinations": str(combinations.absolute()) if isinstance(combinations, Path) else None,
        },
        templates={"level3": prompts.load(settings.domain, "level3")},
        units=units,
        unit_line=lambda combination: json.dumps([combination.id, [document.id for document in combination.documents]]),
        begin=begin,
        filled=lambda batch: _source_combinations(graph, batch, domain, settings.seed or 0),
        similarities=similarities,
        finished=finished,
        started=lambda folder: provenance.write_run(graph, folder.run_id, stage="generate", settings=folder.settings),
    )


def documents_stage(
    graph: Graph,
    environment: Environment,
    settings: GenerateSettings,
    level: int,
    only: Mapping[str, int] | None = None,
    taken: Mapping[str, set[frozenset[str]]] | None = None,
) -> Stage:
    """Return the stage of level 1 or 2 for all documents, or for those in `only`.

    Args:
        graph: supplies names and documents, and receives the questions.
        environment: where the list of forgotten documents is.
        settings: backend, model, sampling.
        level: 1 or 2.
        only: number of missing questions by id of the document; None for all documents.
        taken: by id of the document, the sets of concepts that its questions already use.
    """
    similarities = name_similarities() if level == 2 else None
    task = "level1" if level == 1 else ("level2" if settings.chosen_by == "seed" else "level2_free")

    def units() -> Iterator[str]:
        ids = provenance.document_ids(graph)
        if settings.documents is not None and settings.documents < len(ids):
            # Documents are drawn by a hash of seed and id, so that the draw does not depend on the other documents.
            ids = sorted(
                sorted(ids, key=lambda identity: content_hash([settings.seed, identity]))[: settings.documents]
            )
        if not ids:
            raise ConfigError("the graph contains no document", hint="Load documents: `kgsynth load FILE`.")
        for identity in ids:
            if only is None or identity in only:
                yield identity

    def begin(document: Any, context: Context) -> Work:
        question_count = _question_count(settings, level, document.id, only)
        if level == 1:
            return Level1(document, context, max_questions=question_count)
        taken_sets = (taken or {}).get(document.id, set())
        return Level2(
            document,
            context,
            max_questions=question_count,
            chosen_by=settings.chosen_by,
            min_concepts=settings.min_concepts,
            taken=taken_sets,
        )

    return Stage(
        name=f"level{level}",
        account="generate",
        unit="questions",
        rows_name="questions",
        record=Question,
        settings=settings,
        decisive={
            "level": level,
            "max_questions": settings.questions_of(level),
            # The prompts contain names and topics, so a graph with other merges must give another run.
            "graph": derived.fingerprint(graph),
            **({"chosen_by": settings.chosen_by, "claims_by": _claims_by(similarities)} if level == 2 else {}),
        },
        inputs={"graph": graph.name},
        templates={task: prompts.load(settings.domain, task)},
        units=units,
        unit_line=lambda identity: identity,
        begin=begin,
        filled=lambda batch: _source_documents(graph, batch),
        similarities=similarities,
        finished=lambda _, rows: _write_questions(graph, environment, rows),
        started=lambda folder: provenance.write_run(graph, folder.run_id, stage="generate", settings=folder.settings),
    )


def _write_questions(
    graph: Graph,
    environment: Environment,
    rows: Sequence[Mapping[str, Any]],
    combinations: Sequence[Combination] = (),
) -> None:
    """Write questions to the graph; those from documents that were forgotten meanwhile are kept out of exports, too."""
    left_out = provenance.write_questions(graph, [dict(row) for row in rows], combinations=combinations)
    if left_out and read_tombstones(environment.tombstones, graph=graph.name):
        with alone(environment.tombstones):
            add_questions(environment.tombstones, [row["id"] for row in left_out], graph=graph.name)


def answer(
    graph: Graph | None,
    environment: Environment,
    settings: AnswerSettings,
    *,
    questions: Sequence[Path],
    run_dir: Path | None = None,
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Write and verify answers into a run folder and the graph; an interrupted run is continued.

    Args:
        graph: receives the answers as provenance; None for no graph.
        environment: where models are.
        settings: backend, model, sampling, votes, judge; without a seed, that of the first question is used.
        questions: run folders of `generate`, or JSONL or Parquet files with at least `text`.
        run_dir: folder of the run; None for `runs/answers-<run id>`.
        report: receives the account.
        progress: advances one step per question.
        make: creates the backend; not called when no unit is left.

    Raises:
        KgsynthError: as in `generate`.

    Examples:
        >>> settings = AnswerSettings(domain="general", backend="scripted", votes=3)
        >>> folder = pipeline.answer(
        ...     graph, environment, settings, questions=[Path("runs/level3")], run_dir=Path("runs/answers")
        ... )
        >>> folder.rows_name
        'answers'
    """
    if settings.seed is None:
        first = next(iter(read_questions(questions)), None)
        settings = replace(settings, seed=_seed(first.seed if first is not None and first.run_id else None))
    stage = answer_stage(graph, settings, questions)
    return ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)


def answer_stage(
    graph: Graph | None,
    settings: AnswerSettings,
    questions: Sequence[Path],
    only: Mapping[str, int] | None = None,
) -> Stage:
    """Return the stage that answers all questions, or those in `only`."""
    templates = {task: prompts.load(settings.domain, task) for task in answer_tasks(settings)}
    verifiers = verifiers_of(settings)
    needs_passages = any(template.has("passages") for template in templates.values()) or any(
        "passages" in verifier.needs for verifier in verifiers
    )
    if graph is None:
        for verifier in verifiers:
            if "passages" in verifier.needs and verifier.name in settings.require:
                raise ConfigError(
                    f"the required verifier {quoted(verifier.name)} reads documents, which are in the graph",
                    hint="Leave out --not-to-graph, or do not require this verifier.",
                )
    verification = make_verification(settings, verifiers)

    def units() -> Iterator[Any]:
        return (question for question in read_questions(questions) if only is None or question.id in only)

    def filled(batch: Sequence[Any]) -> list[QuestionToAnswer]:
        if graph is None or not needs_passages:
            return [QuestionToAnswer(question=question) for question in batch]
        return _with_passages(graph, batch)

    def begin(unit: Any, context: Context) -> Work:
        return Answering(
            unit,
            context,
            votes=settings.votes,
            min_agreement=settings.min_agreement,
            judge=settings.judge,
            judge_model=settings.judge_model,
            verification=verification,
        )

    def finished(_: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> None:
        if graph is not None:
            provenance.write_answers(graph, [dict(row) for row in rows])

    def started(folder: RunFolder) -> None:
        if graph is not None:
            provenance.write_run(graph, folder.run_id, stage="answer", settings=folder.settings)

    return Stage(
        name="answer",
        folder="answers",
        unit="questions",
        rows_name="answers",
        record=AnsweredQuestion,
        settings=settings,
        decisive={"verifiers": {verifier.name: verifier.version for verifier in verifiers}},
        inputs={
            "graph": graph.name if graph is not None else None,
            "questions": [str(path.absolute()) for path in questions],
        },
        templates=templates,
        units=units,
        unit_line=lambda question: f"{question.id} {content_hash(question.text)}",
        begin=begin,
        filled=filled,
        finished=finished,
        started=started,
    )


def answer_tasks(settings: AnswerSettings) -> tuple[str, ...]:
    """Return the templates that the stage `answer` needs: those of the answer, the judge and the verifiers."""
    verifying = (prompts.VERIFY + verifier.name for verifier in verifiers_of(settings) if verifier.texts)
    return ("answer", *(("judge",) if settings.judge else ()), *verifying)


def _with_passages(graph: Graph, batch: Sequence[AnsweredQuestion]) -> list[QuestionToAnswer]:
    """Add to questions the parts of their documents that their prompts contained; forgotten documents are left out."""
    ids = sorted({identity for question in batch for identity in question.documents})
    documents = provenance.documents(graph, ids, with_terms=False)
    units = []
    for question in batch:
        passages = tuple(
            Passage(document=identity, title=documents[identity]["title"], text=documents[identity]["text"][:shown])
            for identity, shown in zip(question.documents, question.shown_chars, strict=False)
            if identity in documents
        )
        units.append(QuestionToAnswer(question=question, passages=passages))
    return units


def _claims_by(similarities: Similarities | None) -> str:
    """Return how claimed concepts are searched in the text of a question; without an embedder, fewer are found."""
    return "words" if similarities is None else "words and meaning"


def _question_count(settings: GenerateSettings, level: int, unit_id: str, only: Mapping[str, int] | None) -> int:
    """Return the number of questions to request for a unit; in a retry, at most as many as were rejected."""
    max_questions = settings.questions_of(level)
    return max_questions if only is None else min(max_questions, only[unit_id])


def _seed(seed: int | None) -> int:
    if seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N, so that draws are repeatable.")
    return seed


def _seed_of(combinations: Path | Sequence[Combination]) -> int:
    drawn = read_combinations(combinations) if isinstance(combinations, Path) else iter(combinations)
    first = next(drawn, None)
    if first is None:
        raise ConfigError("there is no combination to generate questions from")
    return first.seed


def _drawn_from(domain: Domain) -> dict[str, Any]:
    """Return what types and difficulties are drawn from, as part of the identity of a run; empty without any."""
    types = [asdict(kind) for kind in domain.question_types]
    drawn = {"question_types": types, "difficulties": list(domain.difficulties), "imports": list(domain.imports)}
    return {name: value for name, value in drawn.items() if value}


def _source_combinations(
    graph: Graph, batch: Sequence[Combination], domain: Domain, seed: int
) -> list[SourceCombination]:
    ids = sorted({term for combination in batch for term in combination.terms})
    rows = graph.read(_NAMES, ids=ids)
    names = {row["id"]: str(row["name"]) for row in rows}
    aliases = {row["id"]: tuple(row["aliases"]) for row in rows if row["aliases"]}
    document_ids = sorted({document.id for combination in batch for document in combination.documents})
    documents = provenance.documents(graph, document_ids, with_terms=False)
    _refuse_unknown(
        [term for term in ids if term not in names]
        + [identity for identity in document_ids if identity not in documents]
    )
    sources = {identity: SourceDocument(**row, names={}) for identity, row in documents.items()}
    styles = [draw_style(domain, seed, combination) for combination in batch]
    targets = sorted({style.target for style in styles if style.form == "choice" and style.target})
    found = graph.read(_CO_OCCURRING, ids=targets, contexts=_CONTEXTS, limit=_WRONG_OPTIONS) if targets else []
    wrong_options = {row["id"]: tuple((concept["id"], concept["name"]) for concept in row["concepts"]) for row in found}
    return [
        SourceCombination(
            combination=combination,
            names={term: names[term] for term in combination.terms},
            aliases={term: aliases[term] for term in combination.terms if term in aliases},
            documents=tuple(sources[document.id] for document in combination.documents),
            style=replace(style, wrong_options=_different(style.target, combination, sources, names, wrong_options)),
        )
        for combination, style in zip(batch, styles, strict=True)
    ]


def _different(
    target: str,
    combination: Combination,
    sources: Mapping[str, SourceDocument],
    names: Mapping[str, str],
    wrong_options: Mapping[str, tuple[tuple[str, str], ...]],
) -> tuple[tuple[str, str], ...]:
    """Return the wrong options for a target without those that the combination's documents declare the same."""
    options = wrong_options.get(target, ())
    if not options:
        return ()
    forms = names_by_form([(target, names[target]), *options])
    declared = {
        identity
        for document in combination.documents
        for declaration in declarations(sources[document.id].text, forms)
        if target in (declaration.first_id, declaration.second_id)
        for identity in (declaration.first_id, declaration.second_id)
    }
    return tuple(option for option in options if option[0] not in declared)


def _source_documents(graph: Graph, batch: Sequence[str]) -> list[SourceDocument]:
    documents = provenance.documents(graph, batch, with_terms=True)
    _refuse_unknown([identity for identity in batch if identity not in documents])
    sources = []
    for identity in batch:
        row = dict(documents[identity])
        terms = row.pop("terms")
        sources.append(
            SourceDocument(
                **row,
                topics=tuple(term["id"] for term in terms if term["kind"] == "topic"),
                concepts=tuple(term["id"] for term in terms if term["kind"] == "concept"),
                names={term["id"]: term["name"] for term in terms},
                aliases={term["id"]: tuple(term["aliases"]) for term in terms if term["aliases"]},
            )
        )
    return sources


def _refuse_unknown(unknown: Sequence[str]) -> None:
    if unknown:
        raise GraphError(
            f"{len(unknown):,} terms or documents of the combinations are not in this graph, such as "
            f"{quoted(unknown[0])}",
            hint="Select the graph from which they were drawn with --graph NAME. If `kgsynth forget` has removed them, "
            "draw combinations again.",
        )


def _annotation(row: Mapping[str, Any]) -> Annotation:
    topics = tuple(TopicConcepts(name=topic["name"], concepts=tuple(topic["concepts"])) for topic in row["topics"])
    return Annotation(id=row["id"], topics=topics, grade=row["grade"], subject=row["subject"])


def name_similarities() -> Similarities | None:
    """Return a function that gives the cosine of a text with each of some names; None if no embedder is installed.

    Each text is embedded together with only its own names, so that results do not depend on the rest of the run.
    """
    if not has_embedder():
        return None
    embedders: list[Embedder] = []

    def similarities(text: str, names: Sequence[str]) -> list[float]:
        if not embedders:
            embedders.append(make_embedder("auto"))
        vectors = embedders[0].embed([text, *names])
        return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

    return similarities
