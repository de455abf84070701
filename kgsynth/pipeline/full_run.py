"""Run all stages of one configuration, from documents to a training set, at once or stage by stage."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from kgsynth import __version__
from kgsynth.accounts import Report, timed_stage
from kgsynth.config import Environment, Resolved
from kgsynth.errors import ConfigError, GraphError
from kgsynth.files import write_lines
from kgsynth.generation.backend_factory import Backends
from kgsynth.graph import checks
from kgsynth.graph.session import Graph
from kgsynth.pipeline import preflight
from kgsynth.pipeline.building import build, check
from kgsynth.pipeline.curating import curate
from kgsynth.pipeline.exporting import export
from kgsynth.pipeline.extracting import copied, extract, snapshot
from kgsynth.pipeline.filtering import run_filter
from kgsynth.pipeline.forgetting import forgotten_documents, restore_verdicts, tombstone_file
from kgsynth.pipeline.generating import answer, extract_with_model, generate
from kgsynth.pipeline.judging import apply_verdicts, judge_names
from kgsynth.pipeline.loading import connect, load
from kgsynth.pipeline.merging import merge
from kgsynth.pipeline.sampling import sample
from kgsynth.pipeline.showing import rows_of
from kgsynth.progress import Progress
from kgsynth.records import AnsweredQuestion, Combination, Question, StageCount, content_hash
from kgsynth.reports.rows_page import write_rows_page
from kgsynth.run_folder import RunFolder
from kgsynth.settings import UNDECISIVE, UNTIL, DocumentsSettings

_EXAMPLES = 30
_ROWS_OF_PAGE = 100
_Settings = TypeVar("_Settings", bound=Any)


@dataclass(slots=True)
class RunResult:
    """Result of a whole run: the accounts, a few examples, and the folders of the stages."""

    stages: list[StageCount] = field(default_factory=list)
    findings: list[checks.Finding] = field(default_factory=list)
    combination_count: int = 0
    combinations: list[Combination] = field(default_factory=list)
    question_count: int = 0
    questions: list[Question] = field(default_factory=list)
    answers: list[AnsweredQuestion] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    page: Path | None = None  # an HTML page with the first questions


def run(
    environment: Environment, resolved: Resolved, *, work_dir: Path, report: Report, progress: Progress | None = None
) -> RunResult:
    """Run all stages: documents, concepts, graph, merge, build, check, combinations, questions, answers, training set.

    Args:
        environment: paths and connections.
        resolved: the configuration; `run.until` names the last step.
        work_dir: folder for annotations, combinations, rejects and one run folder per stage.
        report: receives the account of each stage when the stage ends.
        progress: receives progress.

    Raises:
        ConfigError: the run lacks several things; nothing was read.
        KgsynthError: a stage failed; the results of finished stages are kept.
    """
    stages = FullRun(environment, resolved, work_dir=work_dir, report=report, progress=progress)
    stages.refuse_what_is_missing()
    with stages:
        return stages.run()


class FullRun:
    """The stages of one configuration in one folder; each stage reads the results of the stages before it.

    Use it in a `with` block: all stages share the connection to the graph and the loaded models.
    """

    def __init__(
        self,
        environment: Environment,
        resolved: Resolved,
        *,
        work_dir: Path,
        report: Report,
        progress: Progress | None = None,
    ) -> None:
        """Check the configuration.

        Raises:
            ConfigError: the seed is missing.
        """
        self._environment, self._work_dir, self._progress = environment, work_dir, progress
        self._config = config = resolved.config
        self._stage_report = report
        self.result = RunResult()
        preflight.refuse_settings(config)
        decisive = _decisive(resolved)
        # Claim the folder before anything is written, so that it never mixes results of two configurations.
        run_id = content_hash([decisive, __version__])[:12]
        self._claim = RunFolder(work_dir, run_id, decisive, stage="run", rows_name="none")
        self._stack = ExitStack()
        self._graph: Graph | None = None

    def __enter__(self) -> Self:
        """Claim the folder."""
        self._stack.enter_context(self._claim.opened())
        self._backends = self._stack.enter_context(Backends())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection and the models."""
        self._stack.__exit__(kind, error, trace)

    def refuse_what_is_missing(self, *stages: str) -> None:
        """Check everything that the run needs, before its folder is claimed; see `kgsynth.pipeline.preflight`.

        Args:
            stages: the stages to check; none for all of the run.

        Raises:
            ConfigError: several things are missing.
            KgsynthError: one thing is missing.
        """
        conditions = preflight.examine(self._environment, self._config, work_dir=self._work_dir, stages=stages or None)
        preflight.refuse_what_is_missing(conditions)

    def run(self) -> RunResult:
        """Run all stages up to `run.until`."""
        self.read()
        if self._config.run.filter:
            self.filter()
        return self.run_after_reading()

    def run_after_reading(self) -> RunResult:
        """Run the stages that follow the reading and filtering of documents, up to `run.until`."""
        last = UNTIL.index(self._config.run.until)
        if last >= UNTIL.index("combinations"):
            # Connect first: an unreachable graph must end the run before a model has worked for hours.
            self._connected()
            if not self._config.documents.annotations:
                self.extract()
            self.load()
            self.merge()
            self.build()
            self.check()
            self.sample()
        if last >= UNTIL.index("questions"):
            self.generate()
        if last >= UNTIL.index("answers") and self.result.question_count:
            self.answer()
        # A small model may produce no usable answer. That is a valid result; the rejects give the reasons.
        if last >= UNTIL.index("curated") and self.result.answers:
            self.curate()
        if last >= UNTIL.index("dataset") and "curated" in self.result.folders and self.result.stages[-1].kept:
            self.export()
        if self.result.questions:
            self._write_page()
        stages = [_without_times(count) for count in self.result.stages]
        self._claim.complete({"stages": stages, "version": __version__})
        return self.result

    def read(self) -> None:
        """Read the sources once; all later stages read the copy."""
        # With a filter, many rejects are expected and must not end the run.
        limit = 1.0 if self._config.run.filter else self._config.documents.max_rejected_share
        snapshot(
            replace(self._config.documents, max_rejected_share=limit),
            output=self._work_dir / "documents.jsonl",
            rejects=self._work_dir / "rejects-read.jsonl",
            **self._observers(),
        )

    def filter(self) -> None:
        """Keep the documents of the domain."""
        seed, folder = self._config.sample.seed, self._work_dir / "filter"
        run_filter(
            self._environment,
            replace(self._copy(), max_rejected_share=1.0),
            _seeded(self._config.filter, seed),
            _seeded(self._config.syllabus, seed),
            work_dir=folder,
            # The copy of the documents is JSON Lines; examples have the form of the sources.
            examples=self._config.documents,
            make=self._backends.make,
            **self._observers(),
        )
        self.result.folders["filter"] = folder

    def extract(self) -> None:
        """Extract topics and concepts from each document."""
        output, rejects = self._work_dir / "annotations.jsonl", self._work_dir / "rejects-extract.jsonl"
        settings = self._config.extract
        if settings.method == "llm":
            folder = extract_with_model(
                self._environment,
                self._documents(),
                _seeded(settings, self._config.sample.seed),
                run_dir=self._work_dir / "extract",
                output=output,
                rejects=rejects,
                make=self._backends.make,
                **self._observers(),
            )
            self.result.folders["extract"] = folder.path
            return
        extracted = extract(self._documents(), settings, output=output, rejects=rejects, **self._observers())
        if extracted.kept and extracted.notes["without_topic"] == extracted.kept:
            raise ConfigError(
                "none of the documents has a topic, but walks start at topics",
                hint="Name the field that holds topics: documents.topics_field in the file, or --topics-field.",
            )

    def load(self) -> None:
        """Write documents and their mentions into the graph."""
        graph = self._connected()
        forgotten = tombstone_file(self._environment, self._config.graph)
        try:
            load(
                graph,
                self._documents(),
                annotations=list(self._config.documents.annotations) or [str(self._work_dir / "annotations.jsonl")],
                rejects=self._work_dir / "rejects-load.jsonl",
                forgotten=forgotten,
                **self._observers(),
            )
        finally:
            # Documents loaded before an error stay in the graph, so their verdicts must be restored too.
            restore_verdicts(graph, forgotten.current(), self._report)

    def merge(self) -> None:
        """Merge near-duplicate names, by rules and, if a probability is set for it, by a judge."""
        graph, judge = self._connected(), self._config.judge
        merge(graph, self._environment, self._config.merge, dry_run=False, **self._observers())
        if judge.apply_above is not None:
            judged = judge_names(
                graph,
                self._environment,
                self._config.merge,
                judge,
                below=self._work_dir,
                make=self._backends.make,
                **self._observers(),
            )
            if judged.folder is not None:
                self.result.folders["judge"] = judged.folder.path
            apply_verdicts(graph, self._environment, self._config.merge, above=judge.apply_above, report=self._report)

    def build(self) -> None:
        """Update the layers that walks read."""
        build(self._connected(), **self._observers())

    def check(self) -> None:
        """Check the graph.

        Raises:
            GraphError: a check has findings.
        """
        self.result.findings = check(
            self._connected(),
            forgotten=forgotten_documents(self._environment, self._config.graph),
            **self._observers(),
        )
        if self.result.findings:
            raise GraphError(
                f"{len(self.result.findings)} checks have findings: "
                + ", ".join(finding.check for finding in self.result.findings),
                hint="`kgsynth check` shows the rows.",
            )

    def sample(self) -> None:
        """Draw combinations."""
        count = StageCount(stage="sample", unit="walks")
        drawn = sample(self._connected(), self._environment, self._config.sample, count, progress=self._progress)

        def lines() -> Iterator[str]:
            for combination in drawn:
                self.result.combination_count += 1
                if len(self.result.combinations) < _EXAMPLES:
                    self.result.combinations.append(combination)
                yield json.dumps(combination.to_row(), ensure_ascii=False)

        with timed_stage(count, self._report):
            write_lines(self._work_dir / "combinations.jsonl", lines())

    def generate(self) -> None:
        """Write questions of all levels."""
        for level in self._config.generate.levels:
            questions = generate(
                self._connected(),
                self._environment,
                _seeded(self._config.generate, self._config.sample.seed),
                level=level,
                combinations=self._work_dir / "combinations.jsonl",
                run_dir=self._work_dir / f"level{level}",
                make=self._backends.make,
                **self._observers(),
            )
            self.result.folders[f"level {level}"] = questions.path
            self.result.question_count += self.result.stages[-1].kept
            self.result.questions += [Question.from_row(row) for row in _first_examples(questions.rows())]

    def answer(self) -> None:
        """Write answers and take the majority."""
        answered = answer(
            self._connected(),
            self._environment,
            _seeded(self._config.answer, self._config.sample.seed),
            questions=[self._work_dir / f"level{level}" for level in self._config.generate.levels],
            run_dir=self._work_dir / "answers",
            make=self._backends.make,
            **self._observers(),
        )
        self.result.folders["answers"] = answered.path
        self.result.answers = [AnsweredQuestion.from_row(row) for row in _first_examples(answered.rows())]

    def curate(self) -> None:
        """Keep good questions; drop duplicates and questions from benchmarks."""
        curated = curate(
            self._environment,
            self._config.curate,
            questions=[self._work_dir / "answers"],
            run_dir=self._work_dir / "curated",
            overwrite=True,
            **self._observers(),
        )
        self.result.folders["curated"] = curated.path

    def export(self) -> None:
        """Write the training set and its dataset card."""
        settings = self._config.export
        exported = export(
            self._work_dir / "curated",
            settings if settings.name else replace(settings, name=self._work_dir.absolute().name),
            output=self._work_dir / "dataset",
            overwrite=True,
            forgotten=forgotten_documents(self._environment, self._config.graph),
            graph=self._connected() if settings.with_passages else None,
            **self._observers(),
        )
        self.result.folders["dataset"] = exported.folder

    def _write_page(self) -> None:
        """Write a page with the first questions and their answers, for people to look at."""
        rows = list(islice(rows_of(self._work_dir), _ROWS_OF_PAGE))
        note = f"{len(rows)} rows. `kgsynth show {self._work_dir}` shows all rows, and rejects."
        self.result.page = self._work_dir / "questions.html"
        write_rows_page(self.result.page, rows, title=f"Questions of {self._work_dir.absolute().name}", note=note)

    def _report(self, count: StageCount) -> None:
        self.result.stages.append(count)
        self._stage_report(count)

    def _observers(self) -> dict[str, Any]:
        return {"report": self._report, "progress": self._progress}

    def _connected(self) -> Graph:
        if self._graph is None:
            graph = connect(self._environment, self._config.graph, start=True, progress=self._progress)
            self._graph = self._stack.enter_context(graph)
        return self._graph

    def _copy(self) -> DocumentsSettings:
        return copied(self._config.documents, self._work_dir / "documents.jsonl")

    def _documents(self) -> DocumentsSettings:
        """Return the settings of the documents for the graph: all of them, or those that the filter kept."""
        kept_file = self._work_dir / "filter" / "kept.jsonl"
        return replace(self._copy(), sources=(str(kept_file),)) if self._config.run.filter else self._copy()


def _decisive(resolved: Resolved) -> dict[str, Any]:
    """Return the settings that determine results; `run.until` and settings of the execution are left out."""
    sections = {name: dict(values) for name, values in resolved.to_row().items()}
    for section in ("run", "graph", "backend", "export"):
        sections.pop(section)
    for section in ("filter", "syllabus", "extract", "judge", "generate", "answer"):
        for name in UNDECISIVE:
            sections[section].pop(name)
    if not resolved.config.run.filter:
        del sections["filter"], sections["syllabus"]
    if resolved.config.judge.apply_above is None:
        del sections["judge"]
    sections["curate"].pop("max_rejected_share")
    # Number and limits of reader processes do not change the documents.
    for name in ("readers", "file_timeout_s", "file_memory_mb"):
        sections["documents"].pop(name)
    sections["sample"].pop("engine")
    return sections


def _seeded(settings: _Settings, seed: int | None) -> _Settings:
    return settings if settings.seed is not None else replace(settings, seed=seed)


def _first_examples(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for index, row in enumerate(rows):
        if index == _EXAMPLES:
            return
        yield row


def _without_times(count: StageCount) -> dict[str, object]:
    return {key: value for key, value in count.to_row().items() if key != "seconds"}
