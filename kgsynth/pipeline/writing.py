"""The stages that ask a language model: extract, generate, answer, and the retry of their rejects.

All are the same run of a task over units: a folder with shards, journal and manifest, the account
read = kept + rejected, and the graph told when a shard is whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kgsynth import queries
from kgsynth.addresses import HIDDEN
from kgsynth.config import (
    AnswerSettings,
    BackendSettings,
    DocumentsSettings,
    Environment,
    ExtractSettings,
    FilterSettings,
    GenerateSettings,
    GraphSettings,
    merged,
    section_from,
)
from kgsynth.documents import RejectFile, read_again, usable_documents
from kgsynth.documents.questions import read_combinations, read_questions
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation import prompts
from kgsynth.generation.answers import Answering
from kgsynth.generation.extraction import Extraction
from kgsynth.generation.level1 import Level1
from kgsynth.generation.level2 import Level2
from kgsynth.generation.level3 import Level3
from kgsynth.generation.questions import SourceCombination, SourceDocument
from kgsynth.generation.task import TOO_LONG, Context, Similarities, Work
from kgsynth.graph import derived, provenance
from kgsynth.graph.session import Graph
from kgsynth.pipeline.asking import RETRY_CHANGES, Stage, ask, ask_again
from kgsynth.pipeline.backends import Make, make_generator
from kgsynth.pipeline.filtering import rate_stage
from kgsynth.pipeline.graph import connect
from kgsynth.pipeline.similarity import name_similarities
from kgsynth.pipeline.stages import Report, advancing, settled, timed, write_lines
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import (
    Annotation,
    AnsweredQuestion,
    Combination,
    Question,
    StageCount,
    TopicConcepts,
    content_hash,
)
from kgsynth.runs import RunFolder, open_run

_NAMES = queries.load("walk/names")
# Settings that may hold a secret, and how it comes to a retry.
_SECRET_HINTS = {
    "url": "Give it again: --url ADDRESS.",
    "request": "Give it again: --request headers.NAME=VALUE.",
    "engine": "Set it in the environment instead, as vLLM and Hugging Face take it, and run the stage anew.",
}
_RETRIED = frozenset({"extract", "level1", "level2", "level3", "answer", "rate"})


def extract_with_model(
    environment: Environment,
    documents: DocumentsSettings,
    settings: ExtractSettings,
    *,
    run_dir: Path | None,
    output: Path | None,
    rejects: Path,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Topics and concepts of documents, found by a language model; a killed run is continued.

    Args:
        environment: where models are.
        documents: the sources.
        settings: backend, model, sampling; the seed is required.
        run_dir: None for `runs/extract-<run id>`.
        output: annotation file that `kgsynth load` takes, None for none.
        rejects: where documents go that cannot be used; what the model gave up on is in the run folder.
        report: gets the account.
        progress: told one unit a document.
        make: makes the backend; not called when nothing is left to do.

    Raises:
        ConfigError: a source is unusable, or there is no seed; further as `generate`.
    """
    settings = replace(settings, seed=_seed(settings.seed))
    count = StageCount(stage="read", unit="documents")
    with timed(count, report), shown(progress or Silent(), "read", None) as bar, RejectFile(rejects) as reject_file:
        for _ in advancing(usable_documents(documents, reject_file, count), bar):
            pass
    stage = _extract_stage(documents, settings)
    folder = ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)
    if output is not None:
        write_lines(output, (_annotation(row).to_json() for part in folder.parts() for row in part.rows()))
    return folder


def _extract_stage(
    documents: DocumentsSettings, settings: ExtractSettings, only: Mapping[str, int] | None = None
) -> Stage:
    documents = settled(documents)

    def units() -> Iterator[Any]:
        # What cannot be used was written down and counted when the stage began.
        return (one for one in read_again(documents) if only is None or one.id in only)

    return Stage(
        name="extract",
        unit="documents",
        rows_name="annotations",
        record=Annotation,
        settings=settings,
        decisive={},
        inputs={"documents": asdict(documents)},
        templates={"extract": prompts.load(settings.domain, "extract")},
        units=units,
        unit_line=lambda one: f"{one.id} {one.content_hash()}",
        begin=Extraction,
    )


def generate(
    graph: Graph,
    environment: Environment,
    settings: GenerateSettings,
    *,
    level: int,
    graph_settings: GraphSettings,
    combinations: Path | Sequence[Combination] | None = None,
    run_dir: Path | None,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Questions of one level, into a run folder and, as provenance, into the graph; a killed run is continued.

    Args:
        graph: the names and documents come from it, questions go to it.
        environment: where models are.
        settings: backend, model, sampling; the seed is the combinations' own when it gives none.
        level: 1, 2 (all documents of the graph, or some drawn by seed) or 3 (combinations).
        graph_settings: which managed graph it is, kept for a retry.
        combinations: for level 3, a file that `kgsynth sample` wrote, or the combinations.
        run_dir: None for `runs/level<level>-<run id>`.
        report: gets the account.
        progress: told one step a unit.
        make: makes the backend; not called when nothing is left to do.

    Raises:
        ConfigError: no seed, or no combinations; ManifestError: the folder belongs to another run, or the disk is full;
        GeneratorUnavailableError: the model is gone, what is finished is kept; TooManyRejectsError: too few questions
        can be used.
    """
    if level == 3:
        if combinations is None:
            raise ConfigError("level 3 needs combinations", hint="Draw some: kgsynth sample --seed 1 -o FILE.jsonl.")
        settings = replace(settings, seed=settings.seed if settings.seed is not None else _seed_of(combinations))
        stage = _combinations_stage(graph, settings, graph_settings, combinations)
    else:
        settings = replace(settings, seed=_seed(settings.seed))
        stage = _documents_stage(graph, settings, graph_settings, level)
    return ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)


def _combinations_stage(
    graph: Graph,
    settings: GenerateSettings,
    graph_settings: GraphSettings,
    combinations: Path | Sequence[Combination],
    only: Mapping[str, int] | None = None,
) -> Stage:
    similarities = name_similarities()

    def units() -> Iterator[Any]:
        found = read_combinations(combinations) if isinstance(combinations, Path) else iter(combinations)
        for place, one in enumerate(found):
            if settings.combinations is not None and place >= settings.combinations:
                return
            if only is None or one.id in only:
                yield one

    def finished(batch: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> None:
        provenance.write_combinations(graph, [source.combination for source in batch])
        provenance.write_questions(graph, [dict(row) for row in rows])

    def begin(source: Any, context: Context) -> Work:
        asked = _asked(settings, 3, source.combination.id, only)
        return Level3(source, context, max_questions=asked, min_concepts=settings.min_concepts)

    return Stage(
        name="level3",
        unit="questions",
        rows_name="questions",
        record=Question,
        settings=settings,
        decisive={"level": 3, "max_questions": settings.questions_of(3), "claims_by": _claims_by(similarities)},
        inputs={
            "graph": graph_settings.name,
            "combinations": str(combinations.absolute()) if isinstance(combinations, Path) else None,
        },
        templates={"level3": prompts.load(settings.domain, "level3")},
        units=units,
        unit_line=lambda one: json.dumps([one.id, [document.id for document in one.documents]]),
        begin=begin,
        filled=lambda batch: _source_combinations(graph, batch),
        similarities=similarities,
        finished=finished,
        started=lambda folder: provenance.write_run(graph, folder.run_id, stage="generate", settings=folder.settings),
    )


def _documents_stage(
    graph: Graph,
    settings: GenerateSettings,
    graph_settings: GraphSettings,
    level: int,
    only: Mapping[str, int] | None = None,
    taken: Mapping[str, set[frozenset[str]]] | None = None,
) -> Stage:
    similarities = name_similarities() if level == 2 else None
    task = "level1" if level == 1 else ("level2" if settings.chosen_by == "seed" else "level2_free")

    def units() -> Iterator[str]:
        ids = provenance.document_ids(graph)
        if settings.documents is not None and settings.documents < len(ids):
            # The draw of a document is a hash of seed and id: it does not depend on what else is in the graph.
            ids = sorted(sorted(ids, key=lambda one: content_hash([settings.seed, one]))[: settings.documents])
        if not ids:
            raise ConfigError("the graph holds no document", hint="Load some: kgsynth load FILE.")
        for identity in ids:
            if only is None or identity in only:
                yield identity

    def begin(document: Any, context: Context) -> Work:
        asked = _asked(settings, level, document.id, only)
        if level == 1:
            return Level1(document, context, max_questions=asked)
        own = (taken or {}).get(document.id, set())
        return Level2(
            document,
            context,
            max_questions=asked,
            chosen_by=settings.chosen_by,
            min_concepts=settings.min_concepts,
            taken=own,
        )

    return Stage(
        name=f"level{level}",
        unit="questions",
        rows_name="questions",
        record=Question,
        settings=settings,
        decisive={
            "level": level,
            "max_questions": settings.questions_of(level),
            # Names and topics are part of the prompts: a graph that was merged otherwise makes another run.
            "graph": derived.fingerprint(graph),
            **({"chosen_by": settings.chosen_by, "claims_by": _claims_by(similarities)} if level == 2 else {}),
        },
        inputs={"graph": graph_settings.name},
        templates={task: prompts.load(settings.domain, task)},
        units=units,
        unit_line=lambda one: one,
        begin=begin,
        filled=lambda batch: _source_documents(graph, batch),
        similarities=similarities,
        finished=lambda _, rows: provenance.write_questions(graph, [dict(row) for row in rows]),
        started=lambda folder: provenance.write_run(graph, folder.run_id, stage="generate", settings=folder.settings),
    )


def answer(
    graph: Graph | None,
    environment: Environment,
    settings: AnswerSettings,
    *,
    questions: Sequence[Path],
    graph_settings: GraphSettings,
    run_dir: Path | None,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Answers to questions, verified, into a run folder and, as provenance, into the graph; a killed run is continued.

    Args:
        graph: answers go to it; None to leave it alone.
        environment: where models are.
        settings: backend, model, sampling, votes, judge; the seed is that of the first question when it gives none.
        questions: run folders of `generate`, or JSONL or Parquet files with at least `text`.
        graph_settings: which managed graph it is, kept for a retry.
        run_dir: None for `runs/answers-<run id>`.
        report: gets the account.
        progress: told one unit a question.
        make: makes the backend; not called when nothing is left to do.

    Raises:
        As `generate`.
    """
    if settings.seed is None:
        first = next(iter(read_questions(questions)), None)
        settings = replace(settings, seed=_seed(first.seed if first is not None and first.run_id else None))
    stage = _answer_stage(graph, settings, graph_settings, questions)
    return ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)


def _answer_stage(
    graph: Graph | None,
    settings: AnswerSettings,
    graph_settings: GraphSettings,
    questions: Sequence[Path],
    only: Mapping[str, int] | None = None,
) -> Stage:
    def units() -> Iterator[Any]:
        return (one for one in read_questions(questions) if only is None or one.id in only)

    def begin(question: Any, context: Context) -> Work:
        return Answering(
            question,
            context,
            votes=settings.votes,
            min_agreement=settings.min_agreement,
            judge=settings.judge,
            judge_model=settings.judge_model,
        )

    def finished(_: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> None:
        if graph is not None:
            provenance.write_answers(graph, [dict(row) for row in rows])

    def started(folder: RunFolder) -> None:
        if graph is not None:
            provenance.write_run(graph, folder.run_id, stage="answer", settings=folder.settings)

    return Stage(
        name="answer",
        unit="questions",
        rows_name="answers",
        record=AnsweredQuestion,
        settings=settings,
        decisive={},
        inputs={
            "graph": graph_settings.name if graph is not None else None,
            "questions": [str(path.absolute()) for path in questions],
        },
        templates={
            "answer": prompts.load(settings.domain, "answer"),
            **({"judge": prompts.load(settings.domain, "judge")} if settings.judge else {}),
        },
        units=units,
        unit_line=lambda one: f"{one.id} {content_hash(one.text)}",
        begin=begin,
        finished=finished,
        started=started,
    )


def retry(
    environment: Environment,
    run: Path,
    *,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
    changes: Mapping[str, object] | None = None,
) -> RunFolder | None:
    """Ask for a run's rejects again with new seeds, into `retry-N` inside the run's folder; a killed one is continued.

    What the retry gives counts with the run wherever the run is used. Its own rejects are what the next retry asks for.

    Args:
        environment: where models are.
        run: a complete run.
        report: gets the account.
        progress: told one step a unit.
        make: makes the backend.
        changes: settings for this call: those that decide no output, such as `url`, and those of `RETRY_CHANGES`, which
            are recorded in the folder of the retry.

    Returns:
        The folder of the retry; None when there is nothing to retry.

    Raises:
        ManifestError: it is no run, or not complete; ConfigError: its inputs are gone or changed.
    """
    folder = open_run(run)
    if folder.stage not in _RETRIED:
        if folder.stage == "syllabus":
            raise ConfigError(
                f"{run} holds a syllabus, which is one piece",
                hint="Write another one, with another seed and --run-dir, and give both as --positives.",
            )
        raise ConfigError(
            f"{run} holds a run of stage {folder.stage!r}, which asks no model",
            hint="Retry the folder of one of its stages: `kgsynth runs` lists them.",
        )
    if folder.is_part:
        raise ConfigError(f"{run} is a part of a run", hint=f"Retry the run: {run.parent}.")
    # Held, so that nobody adds to the run meanwhile.
    with folder.opened():
        parts = folder.parts()
        retries = [place for place, part in enumerate(parts) if "retry_of" in part.inputs]
        attempt = 1 + max((int(parts[place].inputs["attempt"]) for place in retries), default=0)
        number, end = folder.next_part(), len(parts)
        if retries and parts[retries[-1]].manifest() is None:
            end = retries.pop()
            attempt, number = int(parts[end].inputs["attempt"]), int(parts[end].inputs["part"])
        incomplete = next((part for part in parts[:end] if part.manifest() is None), None)
        if incomplete is not None:
            raise ManifestError(
                f"run {incomplete.run_id} in {incomplete.path} is not complete",
                hint="Run its command again first; then retry its rejects.",
            )
        # The last retry asked for all that was rejected before it.
        only: dict[str, int] = {}
        has_more_room = bool({"context_tokens", "model"} & (changes or {}).keys())
        for part in parts[retries[-1] if retries else 0 : end]:
            for row in part.rejects():
                if not row["is_final"] or (has_more_room and row["reason"] == TOO_LONG):
                    only[row["unit_id"]] = only.get(row["unit_id"], 0) + 1
        if not only:
            return None
        taken: dict[str, set[frozenset[str]]] = {}
        if folder.stage == "level2":
            for row in (row for part in parts[:end] for row in part.rows()):
                if row["documents"][0] in only:
                    taken.setdefault(row["documents"][0], set()).add(frozenset(row["concepts"]))
        # What was added last names the whole input.
        latest = [part for part in parts[:end] if "retry_of" not in part.inputs][-1]
        stage, graph = _stage_again(environment, latest, only, changes or {}, taken)
        try:
            return ask_again(
                environment,
                stage,
                folder,
                attempt=attempt,
                place=number,
                units_expected=len(only),
                report=report,
                progress=progress,
                make=make,
                changed=[name for name in RETRY_CHANGES if name in (changes or {}) or name == "context_tokens"],
            )
        finally:
            if graph is not None:
                graph.close()


def _stage_again(
    environment: Environment,
    folder: RunFolder,
    only: Mapping[str, int],
    changes: Mapping[str, object],
    taken: Mapping[str, set[frozenset[str]]],
) -> tuple[Stage, Graph | None]:
    kinds: dict[str, type[BackendSettings]] = {
        "extract": ExtractSettings,
        "answer": AnswerSettings,
        "rate": FilterSettings,
    }
    kind = kinds.get(folder.stage, GenerateSettings)
    held = {name: value for name, value in folder.inputs.get("settings", {}).items() if value is not None}
    section = "generate" if kind is GenerateSettings else folder.stage
    settings: Any = section_from(section, _changed(held, dict(changes)), kind)
    inputs: dict[str, Any] = folder.inputs
    if folder.stage in ("extract", "rate"):
        documents = section_from("documents", inputs["documents"], DocumentsSettings)
        make_stage = _extract_stage if folder.stage == "extract" else rate_stage
        return make_stage(documents, settings, only), None
    graph_settings = GraphSettings(name=inputs["graph"] or "main")
    graph = connect(environment, graph_settings) if inputs["graph"] is not None else None
    if folder.stage == "answer":
        paths = [Path(one) for one in inputs["questions"]]
        return _answer_stage(graph, settings, graph_settings, paths, only), graph
    if graph is None:
        raise ManifestError(f"{folder.path} does not say which graph it belongs to")
    if folder.stage == "level3":
        if not inputs.get("combinations"):
            raise ConfigError(f"run {folder.run_id} was not made from a file of combinations and cannot be retried")
        return _combinations_stage(graph, settings, graph_settings, Path(inputs["combinations"]), only), graph
    level = int(folder.stage.removeprefix("level"))
    return _documents_stage(graph, settings, graph_settings, level, only, taken), graph


def _changed(held: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run with changes; a prompt keeps its room when answers get more.

    Raises:
        ConfigError: a secret that the run folder does not hold is not given again.
    """
    own: Any = changes.get("request", {})
    changes["request"] = merged(held.get("request", {}), own)
    if "max_output_tokens" in changes and "context_tokens" not in changes:
        more = max(0, changes["max_output_tokens"] - held["max_output_tokens"])
        changes["context_tokens"] = held["context_tokens"] + more
    found = {**held, **changes}
    for name, hint in _SECRET_HINTS.items():
        if HIDDEN in json.dumps(found.get(name, "")):
            raise ConfigError(f"the run was made with a secret in {name}, which its folder does not hold", hint=hint)
    return found


def _claims_by(similarities: Similarities | None) -> str:
    """By what a question's claims are looked for in its text; without an embedder, fewer are seen."""
    return "words" if similarities is None else "words and meaning"


def _asked(settings: GenerateSettings, level: int, unit_id: str, only: Mapping[str, int] | None) -> int:
    """Questions to ask a unit for: in a retry so many as were rejected."""
    most = settings.questions_of(level)
    return most if only is None else min(most, only[unit_id])


def _seed(seed: int | None) -> int:
    if seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N: what is drawn must be repeatable.")
    return seed


def _seed_of(combinations: Path | Sequence[Combination]) -> int:
    found = read_combinations(combinations) if isinstance(combinations, Path) else iter(combinations)
    first = next(found, None)
    if first is None:
        raise ConfigError("there is no combination to write questions from")
    return first.seed


def _source_combinations(graph: Graph, batch: Sequence[Combination]) -> list[SourceCombination]:
    ids = sorted({term for combination in batch for term in combination.terms})
    rows = graph.read(_NAMES, ids=ids)
    names = {row["id"]: str(row["name"]) for row in rows}
    aliases = {row["id"]: tuple(row["aliases"]) for row in rows if row["aliases"]}
    wanted = sorted({document.id for combination in batch for document in combination.documents})
    documents = provenance.documents(graph, wanted, with_terms=False)
    _refuse_unknown([term for term in ids if term not in names] + [one for one in wanted if one not in documents])
    made = {identity: SourceDocument(**row, names={}) for identity, row in documents.items()}
    return [
        SourceCombination(
            combination=combination,
            names={term: names[term] for term in combination.terms},
            aliases={term: aliases[term] for term in combination.terms if term in aliases},
            documents=tuple(made[document.id] for document in combination.documents),
        )
        for combination in batch
    ]


def _source_documents(graph: Graph, batch: Sequence[str]) -> list[SourceDocument]:
    documents = provenance.documents(graph, batch, with_terms=True)
    _refuse_unknown([one for one in batch if one not in documents])
    made = []
    for identity in batch:
        row = dict(documents[identity])
        terms = row.pop("terms")
        made.append(
            SourceDocument(
                **row,
                topics=tuple(term["id"] for term in terms if term["kind"] == "topic"),
                concepts=tuple(term["id"] for term in terms if term["kind"] == "concept"),
                names={term["id"]: term["name"] for term in terms},
                aliases={term["id"]: tuple(term["aliases"]) for term in terms if term["aliases"]},
            )
        )
    return made


def _refuse_unknown(unknown: Sequence[str]) -> None:
    if unknown:
        raise ConfigError(
            f"{len(unknown):,} terms or documents of the combinations are not in this graph, such as {unknown[0]!r}",
            hint="Were they drawn from another graph? --graph NAME selects one.",
        )


def _annotation(row: Mapping[str, Any]) -> Annotation:
    topics = tuple(TopicConcepts(name=topic["name"], concepts=tuple(topic["concepts"])) for topic in row["topics"])
    return Annotation(id=row["id"], topics=topics, grade=row["grade"], subject=row["subject"])
