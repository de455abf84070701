"""The declarations of all stages that ask a model: settings, prompt templates, and how to retry their rejects.

`kgsynth retry` and the checks of `kgsynth run` find a stage here by the stage name in its run folders.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgsynth.config import Environment, section_from
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation.stage_run import Stage
from kgsynth.graph.session import Graph
from kgsynth.pipeline.filtering import rate_stage
from kgsynth.pipeline.generating import answer_stage, answer_tasks, combinations_stage, documents_stage, extract_stage
from kgsynth.pipeline.loading import connect
from kgsynth.run_folder import RunFolder
from kgsynth.settings import (
    AnswerSettings,
    BackendSettings,
    DocumentsSettings,
    ExtractSettings,
    FilterSettings,
    GenerateSettings,
    GraphSettings,
    JudgeSettings,
    SyllabusSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run whose rejects are retried.

    Attributes:
        environment: paths and connections.
        folder: the last part that was added to the run; its `inputs` name the whole input.
        settings: settings of the retry.
        missing: number of missing rows by id of the rejected unit.
        rows: yields the rows of all parts.
    """

    environment: Environment
    folder: RunFolder
    settings: Any
    missing: Mapping[str, int]
    rows: Callable[[], Iterator[Mapping[str, Any]]]

    def documents(self) -> DocumentsSettings:
        """Return the sources of the run."""
        settings: DocumentsSettings = section_from("documents", self.folder.inputs["documents"], DocumentsSettings)
        return settings

    def graph(self) -> Graph:
        """Connect to the graph of the run.

        Raises:
            ManifestError: the folder does not name its graph.
        """
        if self.folder.inputs["graph"] is None:
            raise ManifestError(f"{self.folder.path} does not name the graph to which it belongs")
        return connect(self.environment, GraphSettings(name=self.folder.inputs["graph"]))


# Returns the stage for only the rejected units, and the graph to close afterwards, None without one.
Again = Callable[[PastRun], tuple[Stage, Graph | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStage:
    """The declaration of a stage that asks a model; `again` is None if single rejects cannot be retried."""

    settings: type[BackendSettings]
    templates: Callable[[Any], tuple[str, ...]]
    again: Again | None


def _extract_again(run: PastRun) -> tuple[Stage, Graph | None]:
    return extract_stage(run.documents(), run.settings, run.missing), None


def _rate_again(run: PastRun) -> tuple[Stage, Graph | None]:
    return rate_stage(run.documents(), run.settings, run.missing), None


def _documents_again(run: PastRun) -> tuple[Stage, Graph | None]:
    used: dict[str, set[frozenset[str]]] = {}
    if run.folder.stage == "level2":
        for row in run.rows():
            if row["documents"][0] in run.missing:
                used.setdefault(row["documents"][0], set()).add(frozenset(row["concepts"]))
    graph, level = run.graph(), int(run.folder.stage.removeprefix("level"))
    return documents_stage(graph, run.environment, run.settings, level, run.missing, used), graph


def _combinations_again(run: PastRun) -> tuple[Stage, Graph | None]:
    graph = run.graph()
    file = run.folder.inputs.get("combinations")
    if not file:
        raise ConfigError(f"run {run.folder.run_id} was not made from a file of combinations, so it cannot be retried")
    return combinations_stage(graph, run.environment, run.settings, Path(file), run.missing), graph


def _answer_again(run: PastRun) -> tuple[Stage, Graph | None]:
    graph = run.graph() if run.folder.inputs["graph"] is not None else None
    questions = [Path(path) for path in run.folder.inputs["questions"]]
    return answer_stage(graph, run.settings, questions, run.missing), graph


def _level2_templates(settings: GenerateSettings) -> tuple[str, ...]:
    return ("level2",) if settings.chosen_by == "seed" else ("level2_free",)


def _answer_templates(settings: AnswerSettings) -> tuple[str, ...]:
    return answer_tasks(settings)


MODEL_STAGES: Mapping[str, ModelStage] = {
    "rate": ModelStage(settings=FilterSettings, templates=lambda _: ("rate",), again=_rate_again),
    "syllabus": ModelStage(
        settings=SyllabusSettings, templates=lambda _: ("syllabus", "syllabus_document"), again=None
    ),
    "judge_names": ModelStage(settings=JudgeSettings, templates=lambda _: (), again=None),
    "extract": ModelStage(settings=ExtractSettings, templates=lambda _: ("extract",), again=_extract_again),
    "level1": ModelStage(settings=GenerateSettings, templates=lambda _: ("level1",), again=_documents_again),
    "level2": ModelStage(settings=GenerateSettings, templates=_level2_templates, again=_documents_again),
    "level3": ModelStage(settings=GenerateSettings, templates=lambda _: ("level3",), again=_combinations_again),
    "answer": ModelStage(settings=AnswerSettings, templates=_answer_templates, again=_answer_again),
}
