"""The whole path from one configuration: documents to a training set."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from kgsynth import __version__
from kgsynth.config import UNDECISIVE, DocumentsSettings, Environment, Resolved, RunConfig
from kgsynth.documents.forgotten import read_forgotten
from kgsynth.errors import ConfigError, GraphError
from kgsynth.generation import prompts
from kgsynth.graph import checks
from kgsynth.graph.session import Graph
from kgsynth.pipeline.backends import Backends
from kgsynth.pipeline.dataset import curate, export
from kgsynth.pipeline.documents import extract, snapshot
from kgsynth.pipeline.filtering import run_filter
from kgsynth.pipeline.forgetting import restore_verdicts
from kgsynth.pipeline.graph import build, check, connect, load, merge
from kgsynth.pipeline.stages import Report, timed, write_lines
from kgsynth.pipeline.walks import sample
from kgsynth.pipeline.writing import answer, extract_with_model, generate
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import AnsweredQuestion, Combination, Question, StageCount, content_hash
from kgsynth.runs import RunFolder

_EXAMPLES = 5
_Settings = TypeVar("_Settings", bound=Any)
_UNTIL = ("filter", "combinations", "questions", "answers", "curated", "dataset")


@dataclass(slots=True)
class RunResult:
    """What a whole run leaves: the accounts, some examples, and where things are."""

    stages: list[StageCount] = field(default_factory=list)
    findings: list[checks.Finding] = field(default_factory=list)
    combination_count: int = 0
    combinations: list[Combination] = field(default_factory=list)
    question_count: int = 0
    questions: list[Question] = field(default_factory=list)
    answers: list[AnsweredQuestion] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)


def run(
    environment: Environment, resolved: Resolved, *, work_dir: Path, report: Report, progress: Progress | None = None
) -> RunResult:
    """The whole path: documents, concepts, graph, merge, build, check, combinations, questions, answers, training set.

    Args:
        environment: where things are.
        resolved: the configuration; `run.until` says where it ends.
        work_dir: annotations, combinations, rejects and a run folder a stage go here.
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
    if config.sample.favour and not config.sample.earlier:
        raise ConfigError(
            "sample.favour needs sample.earlier in a run",
            hint="What the graph holds changes as the run goes on: name the files of earlier combinations.",
        )
    _check_domains(config)
    decisive = _decisive(resolved)
    # Claimed before anything is written: results of two configurations never stand in one folder.
    claim = RunFolder(work_dir, content_hash([decisive, __version__])[:12], decisive, stage="run", rows_name="none")
    last = _UNTIL.index(config.run.until)
    with claim.opened(), ExitStack() as stack:
        backends = stack.enter_context(Backends())
        documents = _snapshot(config, work_dir, reported, progress)
        if config.run.filter:
            documents = _filtered(environment, config, documents, work_dir, reported, progress, result, backends)
        if last == _UNTIL.index("filter"):
            _complete(claim, result)
            return result
        graph = stack.enter_context(connect(environment, config.graph, start=True, progress=progress))
        _to_graph(graph, environment, config, documents, work_dir, reported, progress, result, backends)
        _to_combinations(graph, environment, config, work_dir, reported, progress, result)
        if last >= _UNTIL.index("questions"):
            folders = []
            for level in config.generate.levels:
                made = generate(
                    graph,
                    environment,
                    _seeded(config.generate, config.sample.seed),
                    level=level,
                    graph_settings=config.graph,
                    combinations=work_dir / "combinations.jsonl",
                    run_dir=work_dir / f"level{level}",
                    report=reported,
                    progress=progress,
                    make=backends.make,
                )
                folders.append(made.path)
                result.folders[f"level {level}"] = made.path
                result.question_count += result.stages[-1].kept
                result.questions += [Question.from_row(row) for row in _some(made.rows())]
        if last >= _UNTIL.index("answers"):
            answered = answer(
                graph,
                environment,
                _seeded(config.answer, config.sample.seed),
                questions=folders,
                graph_settings=config.graph,
                run_dir=work_dir / "answers",
                report=reported,
                progress=progress,
                make=backends.make,
            )
            result.folders["answers"] = answered.path
            result.answers = [AnsweredQuestion.from_row(row) for row in _some(answered.rows())]
        # A model that is too small may leave nothing: that is a result, and its rejects say why.
        if last >= _UNTIL.index("curated") and result.answers:
            curated = curate(
                environment,
                config.curate,
                questions=[answered.path],
                run_dir=work_dir / "curated",
                overwrite=True,
                report=reported,
                progress=progress,
            )
            result.folders["curated"] = curated.path
        if last >= _UNTIL.index("dataset") and "curated" in result.folders and result.stages[-1].kept:
            exported = export(
                curated.path,
                config.export if config.export.name else replace(config.export, name=work_dir.absolute().name),
                output=work_dir / "dataset",
                overwrite=True,
                forgotten=read_forgotten(environment.tombstones, graphs={config.graph.name}),
                graph=graph if config.export.with_passages else None,
                report=reported,
                progress=progress,
            )
            result.folders["dataset"] = exported.folder
        _complete(claim, result)
    return result


def _check_domains(config: RunConfig) -> None:
    """Look for the prompts of all stages before anything is done.

    Raises:
        ConfigError: no domain is chosen, or it has no template for a stage.
    """
    tasks: list[tuple[str, str]] = []
    if config.run.filter and config.filter.rounds:
        tasks.append((config.filter.domain, "rate"))
    if config.run.filter and not config.filter.positives:
        tasks += [(config.syllabus.domain, task) for task in ("syllabus", "syllabus_document")]
    last = _UNTIL.index(config.run.until)
    if last > _UNTIL.index("filter") and config.extract.method == "llm" and not config.documents.annotations:
        tasks.append((config.extract.domain, "extract"))
    if last >= _UNTIL.index("questions"):
        by_level = {1: "level1", 2: "level2" if config.generate.chosen_by == "seed" else "level2_free", 3: "level3"}
        tasks += [(config.generate.domain, by_level[level]) for level in config.generate.levels]
    if last >= _UNTIL.index("answers"):
        tasks += [(config.answer.domain, task) for task in ("answer", *(["judge"] if config.answer.judge else []))]
    for domain, task in tasks:
        prompts.load(domain, task)


def _complete(claim: RunFolder, result: RunResult) -> None:
    claim.complete({"stages": [_without_times(count) for count in result.stages], "version": __version__})


def _snapshot(config: RunConfig, work_dir: Path, report: Report, progress: Progress | None) -> DocumentsSettings:
    """The sources, read once; all stages read the copy."""
    # What a filter cannot use is no fault of the sources.
    limit = 1.0 if config.run.filter else config.documents.max_rejected_share
    return snapshot(
        replace(config.documents, max_rejected_share=limit),
        output=work_dir / "documents.jsonl",
        rejects=work_dir / "rejects-read.jsonl",
        report=report,
        progress=progress,
    )


def _filtered(
    environment: Environment,
    config: RunConfig,
    documents: DocumentsSettings,
    work_dir: Path,
    report: Report,
    progress: Progress | None,
    result: RunResult,
    backends: Backends,
) -> DocumentsSettings:
    """What the filter has kept of the documents."""
    seed, folder = config.sample.seed, work_dir / "filter"
    run_filter(
        environment,
        documents,
        _seeded(config.filter, seed),
        _seeded(config.syllabus, seed),
        work_dir=folder,
        report=report,
        progress=progress,
        make=backends.make,
    )
    result.folders["filter"] = folder
    return replace(
        documents, sources=(str(folder / "kept.jsonl"),), max_rejected_share=config.documents.max_rejected_share
    )


def _to_graph(
    graph: Graph,
    environment: Environment,
    config: RunConfig,
    documents: DocumentsSettings,
    work_dir: Path,
    report: Report,
    progress: Progress | None,
    result: RunResult,
    backends: Backends,
) -> None:
    annotations = list(config.documents.annotations)
    if not annotations:
        annotations = [str(work_dir / "annotations.jsonl")]
        _annotate(environment, config, documents, work_dir, report, progress, result, backends)
    forgotten = read_forgotten(environment.tombstones, graphs={config.graph.name})
    try:
        load(
            graph,
            documents,
            annotations=annotations,
            rejects=work_dir / "rejects-load.jsonl",
            forgotten=forgotten.documents,
            report=report,
            progress=progress,
        )
    finally:
        # What was loaded before a fault stays, and so must what was said of it.
        restore_verdicts(graph, forgotten, report)
    merge(graph, environment, config.merge, dry_run=False, report=report)
    build(graph, report=report, progress=progress)
    result.findings = check(graph, report=report, progress=progress)
    if result.findings:
        raise GraphError(
            f"{len(result.findings)} checks found something: "
            + ", ".join(finding.check for finding in result.findings),
            hint="`kgsynth check` shows the rows.",
        )


def _annotate(
    environment: Environment,
    config: RunConfig,
    documents: DocumentsSettings,
    work_dir: Path,
    report: Report,
    progress: Progress | None,
    result: RunResult,
    backends: Backends,
) -> None:
    output = work_dir / "annotations.jsonl"
    rejects = work_dir / "rejects-extract.jsonl"
    if config.extract.method == "llm":
        folder = extract_with_model(
            environment,
            documents,
            _seeded(config.extract, config.sample.seed),
            run_dir=work_dir / "extract",
            output=output,
            rejects=rejects,
            report=report,
            progress=progress,
            make=backends.make,
        )
        result.folders["extract"] = folder.path
        return
    extracted = extract(documents, config.extract, output=output, rejects=rejects, report=report, progress=progress)
    if extracted.kept and extracted.notes["without_topic"] == extracted.kept:
        raise ConfigError(
            "none of the documents has a topic, and walks start at topics",
            hint="Name their field: documents.topics_field in the file, --topics-field on the command line.",
        )


def _to_combinations(
    graph: Graph,
    environment: Environment,
    config: RunConfig,
    work_dir: Path,
    report: Report,
    progress: Progress | None,
    result: RunResult,
) -> None:
    count = StageCount(stage="sample", unit="walks")

    def lines() -> Iterator[str]:
        for one in sample(graph, environment, config.sample, count, progress=progress):
            result.combination_count += 1
            if len(result.combinations) < _EXAMPLES:
                result.combinations.append(one)
            yield json.dumps(one.to_row(), ensure_ascii=False)

    with timed(count, report), shown(progress or Silent(), "sample", config.sample.combinations):
        write_lines(work_dir / "combinations.jsonl", lines())


def _decisive(resolved: Resolved) -> dict[str, Any]:
    """What decides the results of a run; how far it goes and how it is run make no other run."""
    sections = {name: dict(values) for name, values in resolved.to_row().items()}
    for section in ("run", "graph", "backend", "export"):
        sections.pop(section)
    for section in ("filter", "syllabus", "extract", "generate", "answer"):
        for name in UNDECISIVE:
            sections[section].pop(name)
    if not resolved.config.run.filter:
        del sections["filter"], sections["syllabus"]
    sections["curate"].pop("max_rejected_share")
    # How many workers read, and what they may cost.
    for name in ("readers", "file_timeout_s", "file_memory_mb"):
        sections["documents"].pop(name)
    sections["sample"].pop("engine")
    return sections


def _seeded(settings: _Settings, seed: int | None) -> _Settings:
    return settings if settings.seed is not None else replace(settings, seed=seed)


def _some(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for place, row in enumerate(rows):
        if place == _EXAMPLES:
            return
        yield row


def _without_times(count: StageCount) -> dict[str, object]:
    return {key: value for key, value in count.to_row().items() if key != "seconds"}
