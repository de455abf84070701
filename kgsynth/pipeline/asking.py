"""A stage that asks a model, run on its folder: shards, journal, manifest and the account read = kept + rejected.

What makes one stage another is a `Stage`; `writing` has them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from kgsynth import __version__
from kgsynth.config import UNDECISIVE, BackendSettings, Environment, ExtractSettings
from kgsynth.documents.read import refuse_too_many
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation import prompts
from kgsynth.generation.backend import Generator
from kgsynth.generation.runner import Runner
from kgsynth.generation.task import Context, Work
from kgsynth.pipeline.backends import Make, open_shards, plain_settings, sampling_of
from kgsynth.pipeline.stages import Report, batches, timed
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import StageCount, content_hash, hash_of_lines
from kgsynth.runs import RUN_FILE, RunFolder, open_run

Units = Callable[[], Iterator[Any]]

_RETRY_HINT = "`kgsynth retry` asks for the rejects again; --max-rejected-share sets the limit."


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What makes one stage another: its units, its work, and what is done with its rows."""

    name: str
    unit: str
    rows_name: str
    record: type[Any]
    settings: BackendSettings
    decisive: Mapping[str, Any]
    inputs: Mapping[str, Any]
    templates: Mapping[str, prompts.Template]
    units: Units
    unit_line: Callable[[Any], str]
    begin: Callable[[Any, Context], Work]
    # From the ids or plain records of a batch to the units with all that their prompts need.
    filled: Callable[[Sequence[Any]], Sequence[Any]] = list
    finished: Callable[[Sequence[Any], Sequence[Mapping[str, Any]]], None] = lambda _units, _rows: None
    started: Callable[[RunFolder], None] = lambda _folder: None


def ask(
    environment: Environment,
    stage: Stage,
    *,
    run_dir: Path | None,
    report: Report,
    progress: Progress | None,
    make: Make,
) -> RunFolder:
    """Run a stage on all its units; a killed run is continued.

    When the folder holds the same stage on the first of these units, for example because questions were retried or
    documents added since, only the others are asked, into `added-1`, `added-2`, … inside it: they count with the run.

    Args:
        environment: where models are.
        stage: what to do.
        run_dir: None for `runs/<stage>-<run id>`.
        report: gets the account, one for each part.
        progress: told one step a unit.
        make: makes the backend; not called when nothing is left to do.

    Raises:
        ConfigError: there is no unit; ManifestError: the folder belongs to another run, or the disk is full;
        GeneratorUnavailableError: the model is gone, what is finished is kept; TooManyRejectsError: too little can be
        used.
    """
    stage = _with_model(environment, stage, make)
    known = _decisive(stage, attempt=0)
    held = _parts_of_the_same(run_dir, stage, known)
    hashes = _hashes(stage, [part.settings["units"] for part in held])
    if any(part.settings["inputs"] != found[0] for part, found in zip(held, hashes, strict=False)):
        held, hashes = [], _hashes(stage, [])
    if not hashes[0][1]:
        raise ConfigError(f"there is nothing to {stage.name} from", hint="The input holds no unit.")
    if len(hashes) > 1 and not hashes[-1][1]:
        hashes.pop()
    folder: RunFolder | None = None
    first = 0
    for place, (inputs_hash, unit_count) in enumerate(hashes):
        decisive = {**known, "inputs": inputs_hash, "units": unit_count}
        run_id = content_hash(decisive)[:12]
        inputs = dict(stage.inputs)
        if folder is None:
            path = run_dir or Path("runs") / f"{'answers' if stage.name == 'answer' else stage.name}-{run_id}"
        else:
            path = folder.path / f"added-{place}"
            inputs |= {"added_to": folder.run_id, "part": len(folder.parts())}
        part = RunFolder(
            path,
            run_id,
            decisive,
            stage=stage.name,
            rows_name=stage.rows_name,
            inputs={**inputs, "settings": plain_settings(stage.settings)},
        )
        units = partial(_slice, stage.units, first, first + unit_count)
        _work_through(
            environment,
            replace(stage, units=units),
            part,
            report=report,
            progress=progress,
            make=make,
            may_stop=not place,
        )
        first += unit_count
        folder = folder or part
    assert folder is not None  # there is at least one part
    return folder


def ask_again(
    environment: Environment,
    stage: Stage,
    original: RunFolder,
    *,
    attempt: int,
    place: int,
    units_expected: int,
    report: Report,
    progress: Progress | None,
    make: Make,
) -> RunFolder:
    """Run a stage on rejected units of a run, with new seeds, into `retry-<attempt>` inside its folder.

    Args:
        environment: where models are.
        stage: with these units alone.
        original: the run.
        attempt: 1 for the first retry.
        place: of the retry among the parts of the run.
        units_expected: how many units there must be.
        report: gets the account.
        progress: told one step a unit.
        make: makes the backend.

    Raises:
        ManifestError: the settings are not those of the run; ConfigError: units are gone; further as `ask`.
    """
    stage = _with_model(environment, stage, make)
    ((inputs_hash, unit_count),) = _hashes(stage, [])
    decisive = {**_decisive(stage, attempt=attempt), "inputs": inputs_hash, "units": unit_count}
    _refuse_another_run(original, decisive, expected=units_expected)
    folder = RunFolder(
        original.path / f"retry-{attempt}",
        content_hash(decisive)[:12],
        decisive,
        stage=stage.name,
        rows_name=stage.rows_name,
        inputs={
            **stage.inputs,
            "settings": plain_settings(stage.settings),
            "retry_of": original.run_id,
            "attempt": attempt,
            "part": place,
        },
    )
    # What was hard once may be hard again; the run itself has kept enough.
    _work_through(environment, stage, folder, report=report, progress=progress, make=make, may_stop=False)
    return folder


def _with_model(environment: Environment, stage: Stage, make: Make) -> Stage:
    """The stage with the name of the model that the server has, which is part of what a run is."""
    settings = stage.settings
    if settings.backend != "server" or settings.model:
        return stage
    return replace(stage, settings=replace(settings, model=make(environment, settings).model))


def _parts_of_the_same(run_dir: Path | None, stage: Stage, known: Mapping[str, Any]) -> list[RunFolder]:
    """The run that a folder holds and what was added to it, when it differs from this one in its units alone."""
    if run_dir is None or not (run_dir / RUN_FILE).exists():
        return []
    held = open_run(run_dir)
    if held.stage != stage.name or {**held.settings, "inputs": "", "units": 0} != {**known, "inputs": "", "units": 0}:
        return []
    return [part for part in held.parts() if "retry_of" not in part.inputs]


def _hashes(stage: Stage, sizes: Sequence[int]) -> list[tuple[str, int]]:
    """Hash and number of the units of each part, and of those behind the last part."""
    lines = (stage.unit_line(unit) for unit in stage.units())
    return [hash_of_lines(islice(lines, size)) for size in sizes] + [hash_of_lines(lines)]


def _slice(units: Units, first: int, last: int) -> Iterator[Any]:
    return islice(units(), first, last)


def _work_through(
    environment: Environment,
    stage: Stage,
    folder: RunFolder,
    *,
    report: Report,
    progress: Progress | None,
    make: Make,
    may_stop: bool,
) -> None:
    settings, unit_count = stage.settings, folder.settings["units"]
    count = StageCount(stage="generate" if stage.name.startswith("level") else stage.name, unit=stage.unit)
    progress = progress or Silent()
    where = folder.path / "rejects-*.jsonl"

    def stop(account: StageCount) -> None:
        if may_stop:
            refuse_too_many(account, limit=settings.max_rejected_share, where=where, hint=_RETRY_HINT)

    contexts: list[Context] = []

    def begin(backend: Generator, unit: Any) -> Work:
        if not contexts:
            contexts.append(_context(stage, backend, folder.run_id, folder.settings["attempt"]))
        return stage.begin(unit, contexts[0])

    with timed(count, report), folder.opened(), shown(progress, stage.name, unit_count):
        stage.started(folder)
        runner = Runner(
            folder,
            record=stage.record,
            count=count,
            progress=progress,
            stop=stop,
            open_shards=open_shards(settings),
            finished=stage.finished,
        )
        try:
            runner.run(
                (stage.filled(batch) for batch in batches(stage.units(), settings.shard_size)),
                make=lambda: make(environment, settings),
                begin=begin,
            )
        finally:
            count.notes.update(runner.totals)
            count.notes["run"] = folder.run_id
        if runner.totals.get("units", 0) != unit_count:
            raise ManifestError(
                f"{folder.path}: {runner.totals.get('units', 0):,} of {unit_count:,} units have an outcome",
                hint="Did the input change while the stage ran? Run the same command again.",
            )
        stop(count)
        row = {key: value for key, value in count.to_row().items() if key != "seconds"}
        folder.complete({"settings": folder.settings, "stages": [row], "version": __version__})


def _context(stage: Stage, backend: Generator, run_id: str, attempt: int) -> Context:
    settings = stage.settings
    return Context(
        run_id=run_id,
        stage=stage.name,
        seed=settings.seed or 0,
        attempt=attempt,
        templates=stage.templates,
        backend=backend.name,
        model=backend.model,
        sampling=sampling_of(settings).to_json(),
        budget_tokens=settings.context_tokens - settings.max_output_tokens,
        count_tokens=backend.count_tokens,
        constrained=settings.constrained,
    )


def _decisive(stage: Stage, *, attempt: int) -> dict[str, Any]:
    """All that decides what a run writes, but for its units."""
    left_out = {*UNDECISIVE, "levels", "combinations", "documents", "max_questions", "chosen_by"}
    if isinstance(stage.settings, ExtractSettings):
        left_out |= {"vocabulary", "max_document_share", "min_document_count", "max_phrases", "stop_words"}
    settings = {name: value for name, value in plain_settings(stage.settings).items() if name not in left_out}
    return {
        **settings,
        **stage.decisive,
        "stage": stage.name,
        "templates": {name: template.hash for name, template in sorted(stage.templates.items())},
        "attempt": attempt,
        "version": __version__,
    }


def _refuse_another_run(original: RunFolder, decisive: Mapping[str, Any], *, expected: int) -> None:
    for name, held in original.settings.items():
        if name not in ("inputs", "units", "attempt", "version") and decisive.get(name) != held:
            raise ManifestError(
                f"{name} was {held!r} in run {original.run_id} and is {decisive.get(name)!r}",
                hint="A retry asks with what its run asked with; only the seeds are new.",
            )
    if decisive["units"] != expected:
        raise ConfigError(
            f"{expected - decisive['units']:,} of {expected:,} rejected units are not in the input any more",
            hint=f"The input stands in {original.path / 'run.json'}; was it moved or changed?",
        )
