"""A project in Python: run one configuration in its folder, at once or stage by stage, and read the results.

import kgsynth

project = kgsynth.open_project("my.toml")
project.run()
project.accounts()                 # a pandas DataFrame: documents or units read, kept and rejected per stage
project.questions()                # questions with their answers
project.rejects("answer")          # rejects with their reasons
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kgsynth import pipeline
from kgsynth.api import KnowledgeGraph, open_graph
from kgsynth.config import Environment, Resolved, environment, resolve_file
from kgsynth.errors import ConfigError, MissingExtraError, quoted
from kgsynth.pipeline import RunResult
from kgsynth.progress import Progress
from kgsynth.records import StageCount
from kgsynth.run_folder import RunFolder, find_runs
from kgsynth.settings import RunConfig

if TYPE_CHECKING:
    import datasets
    import pandas

Stage = Literal[
    "read", "filter", "extract", "load", "merge", "build", "check", "sample", "generate", "answer", "curate", "export"
]
STAGES: tuple[Stage, ...] = Stage.__args__  # type: ignore[attr-defined]

__all__ = ["STAGES", "Project", "RunResult", "open_project"]


def open_project(file: str | Path, *, work_dir: str | Path | None = None, overrides: Sequence[str] = ()) -> "Project":
    """Open the project of a TOML file, without running a stage.

    Args:
        file: the configuration, as for `kgsynth run`.
        work_dir: folder for results; None for `runs/` and the name of the file, as in `kgsynth run`.
        overrides: values that replace those of the file: `section.key=value`.

    Raises:
        ConfigError: the file cannot be read, or has an unknown key or an invalid value.
    """
    path = Path(file)
    resolved = resolve_file(path, overrides)
    return Project(resolved, Path(work_dir) if work_dir is not None else Path("runs") / path.stem, environment())


class Project:
    """One configuration and its folder.

    Attributes:
        config: the settings of all stages.
        work_dir: folder of the results, with one folder of rows and rejects per stage that asks a model.
    """

    def __init__(self, resolved: Resolved, work_dir: Path, environment: Environment) -> None:
        self._resolved, self._environment = resolved, environment
        self.config: RunConfig = resolved.config
        self.work_dir = work_dir

    def run(
        self, *, on_stage_end: Callable[[StageCount], None] | None = None, progress: Progress | None = None
    ) -> RunResult:
        """Run all stages up to `run.until`. A repeated call does not ask models again for finished units.

            result = project.run()
            result.question_count

        Args:
            on_stage_end: called with the account of each stage when the stage ends.
            progress: shows progress, for example `kgsynth.progress.Bar()`; None shows none.

        Raises:
            KgsynthError: a stage failed; the results of finished stages are kept.
        """
        stages = self._stages(on_stage_end, progress)
        stages.refuse_what_is_missing()
        with stages:
            return stages.run()

    def run_stage(
        self,
        stage: Stage,
        *,
        on_stage_end: Callable[[StageCount], None] | None = None,
        progress: Progress | None = None,
    ) -> list[StageCount]:
        """Run one stage on the results of earlier stages in the folder and in the graph.

            project.run_stage("read")
            project.run_stage("extract")

        Args:
            stage: one of `STAGES`, which are in the order of a whole run.
            on_stage_end: called with each account of the stage.
            progress: shows progress; None shows none.

        Returns:
            The accounts; `generate` has one per level.

        Raises:
            ConfigError: there is no such stage, or it lacks several things; nothing was read.
            KgsynthError: the stage failed.
        """
        if stage not in STAGES:
            raise ConfigError(f"there is no stage {quoted(stage)}", hint=f"There are {', '.join(STAGES)}.")
        stages = self._stages(on_stage_end, progress)
        stages.refuse_what_is_missing(stage)
        with stages:
            getattr(stages, stage)()
            return stages.result.stages

    def graph(self, *, start: bool = True) -> KnowledgeGraph:
        """Connect to the graph of the project; use the result in a `with` block.

            with project.graph() as graph:
                hubs = graph.saved("hubs")

        Raises:
            GraphUnavailableError: no server answers.
            ServerError: the managed server does not start.
        """
        return open_graph(self.config.graph.name, start=start)

    def accounts(self) -> "pandas.DataFrame":
        """Return the accounts of finished stages, one row each: units read, kept, and rejected by reason.

        After a whole run the rows are all stages in order; before, those that have a run folder.

        Raises:
            ConfigError: no stage has run in the folder.
        """
        import pandas

        runs = self._runs()
        folders = {run.run_id: str(run.path.relative_to(self.work_dir)) for run in runs}
        manifests = {run.run_id: manifest for run in runs if (manifest := run.manifest()) is not None}
        # The manifest of a whole run has the accounts of all stages, in order.
        whole = [run.run_id for run in runs if run.stage == "run" and run.run_id in manifests]
        rows = [
            {"folder": folders.get(account.get("run", run_id), "."), **account}
            for run_id in whole or manifests
            for account in manifests[run_id]["stages"]
        ]
        first = ("stage", "unit", "read", "kept", "rejected", "folder")
        return pandas.DataFrame([{**{name: row[name] for name in first if name in row}, **row} for row in rows])

    def rejects(self, stage: str) -> "pandas.DataFrame":
        """Return the rejects of a stage that asks a model, or of `curate`: unit, reason, and text of the model.

        Args:
            stage: `extract`, `level1`, `level2`, `level3`, `answer` or `curate`.

        Raises:
            ConfigError: the stage has not run.
        """
        import pandas

        return pandas.DataFrame(list(self._of(stage, RunFolder.rejects)))

    def rows(self, stage: str) -> "pandas.DataFrame":
        """Return the rows of a stage that asks a model, or of `curate`.

        Args:
            stage: as in `rejects`.

        Raises:
            ConfigError: the stage has not run.
        """
        import pandas

        return pandas.DataFrame(list(self._of(stage, RunFolder.rows)))

    def questions(self) -> "pandas.DataFrame":
        """Return the questions of the last stage that has run: curated, answered, or generated of all levels.

        Raises:
            ConfigError: no questions were generated yet.
        """
        import pandas

        stages = {run.stage for run in self._runs()}
        for stage in ("curate", "answer"):
            if stage in stages:
                return self.rows(stage)
        levels = sorted(stage for stage in stages if stage.startswith("level"))
        if not levels:
            raise ConfigError(f"{self.work_dir} holds no questions", hint='Run the stage "generate" first.')
        return pandas.concat([self.rows(stage) for stage in levels], ignore_index=True)

    def dataset(self) -> "datasets.DatasetDict":
        """Return the exported training set, by split.

        Raises:
            ConfigError: the training set was not exported.
            MissingExtraError: the library datasets is not installed.
        """
        folder = self.work_dir / "dataset"
        if not (folder / "README.md").is_file():
            raise ConfigError(f"{folder} holds no training set", hint='Run the stage "export" first.')
        try:
            import datasets
        except ImportError as error:
            raise MissingExtraError(
                f"datasets is not installed: {error}", hint="pip install 'kgsynth[huggingface]'"
            ) from error
        loaded = datasets.load_dataset(str(folder))
        assert isinstance(loaded, datasets.DatasetDict)
        return loaded

    def _stages(self, on_stage_end: Callable[[StageCount], None] | None, progress: Progress | None) -> pipeline.FullRun:
        return pipeline.FullRun(
            self._environment,
            self._resolved,
            work_dir=self.work_dir,
            report=on_stage_end or (lambda _: None),
            progress=progress,
        )

    def _runs(self) -> list[RunFolder]:
        runs = find_runs(self.work_dir) if self.work_dir.is_dir() else []
        if not runs:
            raise ConfigError(f"nothing has run in {self.work_dir} yet", hint="Call run() first.")
        return [run for run in runs if not run.is_part]

    def _of(self, stage: str, read: Callable[[RunFolder], Iterator[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        runs = [run for run in self._runs() if run.stage == stage]
        if not runs:
            stages = ", ".join(sorted({run.stage for run in self._runs()} - {"run"}))
            raise ConfigError(f"{self.work_dir} holds no {stage}", hint=f"It holds {stages or 'nothing yet'}.")
        for run in runs:
            for part in run.parts():
                yield from read(part)
