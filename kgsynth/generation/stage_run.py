"""Run a stage that asks a model, in its folder: shards, journal, manifest, and an account of kept and rejected units.

A `Stage` describes one stage; `pipeline.generating` defines them.
"""

import hashlib
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import __version__, domain_folder
from kgsynth.accounts import Report, timed_stage
from kgsynth.batching import batches
from kgsynth.config import Environment, public_value
from kgsynth.domain_folder import folder_of
from kgsynth.errors import ConfigError, GeneratorUnavailableError, ManifestError
from kgsynth.files import atomic, scratch_folder
from kgsynth.generation import prompts
from kgsynth.generation.backend import Generator, sampling_of
from kgsynth.generation.backend_factory import Make, open_shards, plain_settings
from kgsynth.generation.forms import ANY_QUESTION, SMALL_MODEL_QUESTION
from kgsynth.generation.runner import EARLY_UNITS, Runner
from kgsynth.generation.small_model import is_small_model
from kgsynth.generation.task import CUT_OFF, CUT_OFF_IN_THOUGHTS, Context, Similarities, Work
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import StageCount, content_hash, hash_of_lines
from kgsynth.rejects import refuse_too_many
from kgsynth.run_folder import RUN_FILE, UNITS_FILE, RunFolder, differences, open_run
from kgsynth.settings import UNDECISIVE, BackendSettings

Units = Callable[[], Iterator[Any]]

_DIGEST_BYTES = 16
_RETRY_HINT = "`kgsynth retry` asks for the rejects again; --max-rejected-share sets the limit."
_CUT_OFF_HINT = (
    "What was cut off needs more room: a larger --max-output-tokens (here, or for the rejects alone with `kgsynth "
    "retry`), and --context-tokens to hold it. "
)
# Settings that may differ between a run and its retry.
RETRY_CHANGES = ("max_output_tokens", "context_tokens", "temperature", "model", "request", "thinking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Description of a stage: its units, its work, and the handling of its rows."""

    name: str
    unit: str
    # Name of the stage in its account, and prefix of its folders below runs/; empty for `name`.
    account: str = ""
    folder: str = ""
    rows_name: str
    record: type[Any]
    settings: BackendSettings
    decisive: Mapping[str, Any]
    inputs: Mapping[str, Any]
    templates: Mapping[str, prompts.Template]
    units: Units
    unit_line: Callable[[Any], str]
    begin: Callable[[Any, Context], Work]
    # Turns the ids or plain records of a batch into units with all data for their prompts.
    filled: Callable[[Sequence[Any]], Sequence[Any]] = list
    finished: Callable[[Sequence[Any], Sequence[Mapping[str, Any]]], None] = lambda _units, _rows: None
    started: Callable[[RunFolder], None] = lambda _folder: None
    # Returns cosine similarities of a text and names; its model is loaded on the first call.
    similarities: Similarities | None = None
    # What to do about a run with too many rejects.
    retry_hint: str = _RETRY_HINT


def ask(
    environment: Environment,
    stage: Stage,
    *,
    run_dir: Path | None,
    report: Report,
    progress: Progress | None,
    make: Make,
) -> RunFolder:
    """Run a stage on all its units; an interrupted run is continued.

    When the folder already has a run of this stage on some of the units, for example because documents were added
    since, only the other units are requested. Their results go into `added-1`, `added-2`, … inside the folder and
    belong to the run.

    Args:
        environment: where models are.
        stage: the stage to run.
        run_dir: folder of the run; None for `runs/<stage>-<run id>`.
        report: receives one account per part.
        progress: advances one step per unit.
        make: creates the backend; not called when no unit is left.

    Raises:
        ConfigError: the input has no unit.
        ManifestError: the folder belongs to another run, or the disk is full.
        GeneratorUnavailableError: the model cannot be reached; finished units are kept.
        TooManyRejectsError: too many units were rejected.
    """
    stage = _with_model(environment, stage, make, _complete_runs(stage, run_dir))
    known = _decisive(stage, attempt=0)
    work = partial(_work_through, environment, report=report, progress=progress, make=make)
    main = _same_run(run_dir, stage, known)
    with scratch_folder() as temporary:
        if main is None:
            all_units = _Units.of(stage, temporary / "units")
            if not all_units.count:
                raise ConfigError(f"there is nothing to {stage.name} from", hint="The input holds no unit.")
            decisive = {**known, "inputs": all_units.hash, "units": all_units.count}
            path = run_dir or Path("runs") / f"{_folder_name(stage)}-{content_hash(decisive)[:12]}"
            folder = _folder(stage, path, decisive, stage.inputs)
            work(stage, folder, units_file=all_units.file)
            return folder
        existing = [part for part in main.parts() if "retry_of" not in part.inputs]
        known_units = np.concatenate([_digests(part) for part in existing])
        for part in existing:
            part_stage = replace(stage, units=partial(_among, stage, np.sort(_digests(part))))
            part_units = _Units.of(part_stage, temporary / "units")
            if (part_units.hash, part_units.count) != (part.settings["inputs"], part.settings["units"]):
                raise ManifestError(
                    f"{part.path} holds run {part.run_id}, made from other inputs: {part_units.count:,} of its "
                    f"{part.settings['units']:,} units are in the input as they were, and in their order",
                    hint="Choose another --run-dir; or remove this one, to request its units again.",
                )
            work(part_stage, part)
        new_stage = replace(stage, units=partial(_among, stage, np.sort(known_units), is_in=False))
        added = _Units.of(new_stage, temporary / "units")
        if added.count:
            with main.opened():
                inputs = {**stage.inputs, "added_to": main.run_id, "part": main.next_part()}
                decisive = {**known, "inputs": added.hash, "units": added.count}
                folder = _folder(stage, main.path / f"added-{len(existing)}", decisive, inputs)
                work(new_stage, folder, units_file=added.file)
    return main


@dataclass(frozen=True, slots=True)
class _Units:
    """Summary of units: hash over their lines in order, number of units, and file with one digest per unit."""

    hash: str
    count: int
    file: Path

    @classmethod
    def of(cls, stage: "Stage", file: Path) -> "_Units":
        """Summarize the units of a stage in one pass."""
        with file.open("wb") as digests:

            def lines() -> Iterator[str]:
                for unit in stage.units():
                    line = stage.unit_line(unit)
                    digests.write(_digest(line))
                    yield line

            units_hash, count = hash_of_lines(lines())
        return cls(units_hash, count, file)


def _digest(line: str) -> bytes:
    return hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def _digests(folder: RunFolder) -> NDArray[np.bytes_]:
    """Return the digests of a part's units in order, 16 bytes per unit."""
    file = folder.path / UNITS_FILE
    if not file.exists():
        raise ManifestError(f"{file} is gone", hint="The file lists the units of the run; choose another --run-dir.")
    return np.fromfile(file, dtype=f"S{_DIGEST_BYTES}")


def _among(stage: "Stage", digests: NDArray[np.bytes_], *, is_in: bool = True) -> Iterator[Any]:
    """Yield the units whose digest is, or with `is_in=False` is not, among sorted digests."""
    for unit in stage.units():
        digest = np.frombuffer(_digest(stage.unit_line(unit)), dtype=digests.dtype)
        index = int(np.searchsorted(digests, digest)[0])
        if (index < len(digests) and digests[index] == digest[0]) == is_in:
            yield unit


def _folder(stage: "Stage", path: Path, decisive: Mapping[str, Any], inputs: Mapping[str, Any]) -> RunFolder:
    return RunFolder(
        path,
        content_hash(dict(decisive))[:12],
        decisive,
        stage=stage.name,
        rows_name=stage.rows_name,
        inputs={**inputs, "settings": plain_settings(stage.settings)},
    )


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
    changed: Collection[str] = (),
) -> RunFolder:
    """Run a stage on the rejected units of a run, with new seeds, into `retry-<attempt>` inside its folder.

    Args:
        environment: where models are.
        stage: the stage, restricted to the rejected units.
        original: the run to retry.
        attempt: number of the retry, from 1.
        place: index of the retry among the parts of the run.
        units_expected: number of units that the stage must have.
        report: receives the account.
        progress: advances one step per unit.
        make: creates the backend.
        changed: names of settings that intentionally differ from those of the run.

    Raises:
        ManifestError: other settings differ from those of the run.
        ConfigError: units are missing from the input.
        KgsynthError: as in `ask`.
    """
    stage = _with_model(environment, stage, make, ())
    with scratch_folder() as temporary:
        units = _Units.of(stage, temporary / "units")
        decisive = {**_decisive(stage, attempt=attempt), "inputs": units.hash, "units": units.count}
        _refuse_another_run(original, decisive, expected=units_expected, changed=changed)
        inputs = {**stage.inputs, "retry_of": original.run_id, "attempt": attempt, "part": place}
        folder = _folder(stage, original.path / f"retry-{attempt}", decisive, inputs)
        _work_through(environment, stage, folder, units_file=units.file, report=report, progress=progress, make=make)
    return folder


def _with_model(environment: Environment, stage: Stage, make: Make, complete: Iterable[RunFolder]) -> Stage:
    """Return the stage with the name of the server's model, which is part of the identity of a run.

    When no server answers, take the name from a complete run with the same settings, since no request is left.
    """
    settings = stage.settings
    if settings.backend != "server" or settings.model:
        return stage
    try:
        model = make(environment, settings).model
    except GeneratorUnavailableError:
        models = {str(run.settings["model"]) for run in complete if _is_like(run, stage)}
        if len(models) != 1:
            raise
        (model,) = models
    return replace(stage, settings=replace(settings, model=model))


def _complete_runs(stage: Stage, run_dir: Path | None) -> Iterator[RunFolder]:
    """Yield complete runs that may match the stage: the run in `run_dir`, or all runs of the stage below runs/."""
    paths = [run_dir] if run_dir is not None else sorted(Path("runs").glob(f"{_folder_name(stage)}-*"))
    for path in paths:
        if (path / RUN_FILE).exists() and (run := open_run(path)).manifest() is not None:
            yield run


def _is_like(run: RunFolder, stage: Stage) -> bool:
    """Return whether a run has the settings of the stage, apart from its model and units."""
    left_out = {"model": "", "inputs": "", "units": 0}
    return run.stage == stage.name and {**run.settings, **left_out} == {**_decisive(stage, attempt=0), **left_out}


def _folder_name(stage: Stage) -> str:
    return stage.folder or stage.name


def _same_run(run_dir: Path | None, stage: Stage, known: Mapping[str, Any]) -> RunFolder | None:
    """Return the run in a folder if it differs from this one only in its units, else None."""
    if run_dir is None or not (run_dir / RUN_FILE).exists():
        return None
    run = open_run(run_dir)
    if run.stage != stage.name or {**run.settings, "inputs": "", "units": 0} != {**known, "inputs": "", "units": 0}:
        return None
    return run


def _work_through(
    environment: Environment,
    stage: Stage,
    folder: RunFolder,
    *,
    report: Report,
    progress: Progress | None,
    make: Make,
    units_file: Path | None = None,
) -> None:
    settings, unit_count = stage.settings, folder.settings["units"]
    count = StageCount(stage=stage.account or stage.name, unit=stage.unit)
    progress = progress or Silent()
    where = folder.path / "rejects-*.jsonl"

    def stop(account: StageCount) -> None:
        # Do not apply the limit to retries, which repeat hard units, or to few added units, whose share says little.
        is_told = not folder.is_part or ("added_to" in folder.inputs and unit_count >= EARLY_UNITS)
        if is_told:
            is_cut = any(account.rejected.get(reason) for reason in (CUT_OFF, CUT_OFF_IN_THOUGHTS))
            hint = (_CUT_OFF_HINT if is_cut else "") + stage.retry_hint
            refuse_too_many(account, limit=settings.max_rejected_share, where=where, hint=hint)

    def stop_early(account: StageCount) -> None:
        # In a small sample the share may exceed its limit by chance, so require two standard deviations more.
        limit, read = settings.max_rejected_share, max(account.read, 1)
        if (read - account.kept) / read > limit + 2 * (limit * (1 - limit) / read) ** 0.5:
            stop(account)

    contexts: list[Context] = []
    call_notes: dict[str, str] = {}

    def begin(backend: Generator, unit: Any) -> Work:
        if not contexts:
            contexts.append(_context(stage, backend, folder.run_id, folder.settings["attempt"]))
        return stage.begin(unit, contexts[0])

    def first() -> None:
        if units_file is not None:
            with atomic(folder.path / UNITS_FILE) as whole:
                shutil.copyfile(units_file, whole)

    with (
        timed_stage(count, report),
        folder.opened(first=first),
        progress_stage(progress, count.stage, unit_count, count),
    ):
        stage.started(folder)
        runner = Runner(
            folder,
            record=stage.record,
            count=count,
            progress=progress,
            stop=stop_early,
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
            # These notes describe only this call and are left out of the manifest.
            for name, note in (
                ("commonest_backend_error", runner.commonest_error()),
                ("servers_left_out", ", ".join(runner.left_out)),
            ):
                if note:
                    call_notes[name] = count.notes[name] = note
        if runner.totals.get("units", 0) != unit_count:
            raise ManifestError(
                f"{folder.path}: {runner.totals.get('units', 0):,} of {unit_count:,} units have an outcome",
                hint="Did the input change while the stage ran? Run the same command again.",
            )
        stop(count)
        row = {key: value for key, value in count.to_row().items() if key != "seconds" and key not in call_notes}
        folder.complete({"settings": folder.settings, "stages": [row], "version": __version__})


def _context(stage: Stage, backend: Generator, run_id: str, attempt: int) -> Context:
    settings = stage.settings
    is_small, sampling = is_small_model(backend.model), sampling_of(settings)
    return Context(
        run_id=run_id,
        stage=stage.name,
        seed=settings.seed or 0,
        attempt=attempt,
        domain=folder_of(settings.domain).name,
        grades=(*domain_folder.load(settings.domain).grades, "other"),
        templates=stage.templates,
        backend=backend.name,
        model=backend.model,
        # Each row stores the sampling settings, so remove secrets from the fields of the request.
        sampling=replace(sampling, request=public_value("request", sampling.request)).to_json(),
        budget_tokens=settings.prompt_tokens,
        count_tokens=backend.count_tokens,
        constrained=is_small if settings.constrained is None else settings.constrained,
        question_form=prompts.question_form(settings.domain) or (SMALL_MODEL_QUESTION if is_small else ANY_QUESTION),
        has_schema=settings.constrained is not False,
        has_filters=getattr(settings, "filters", True),
        similarities=stage.similarities,
        system=settings.system,
        system_role=settings.system_role,
    )


def _decisive(stage: Stage, *, attempt: int) -> dict[str, Any]:
    """Return everything except the units that determines the results of a run."""
    left_out = {*UNDECISIVE, *stage.settings.not_asked}
    settings = {name: value for name, value in plain_settings(stage.settings).items() if name not in left_out}
    # Headers identify the client and do not affect results.
    settings["request"] = {name: value for name, value in settings["request"].items() if name != "headers"}
    return {
        **settings,
        **stage.decisive,
        "stage": stage.name,
        "templates": {name: template.hash for name, template in sorted(stage.templates.items())},
        "attempt": attempt,
        "version": __version__,
    }


def _refuse_another_run(
    original: RunFolder, decisive: Mapping[str, Any], *, expected: int, changed: Collection[str]
) -> None:
    ignored = {"inputs", "units", "attempt", "version", *changed}
    original_settings, retry_settings = (
        {name: value for name, value in settings.items() if name not in ignored}
        for settings in (original.settings, decisive)
    )
    if original_settings != retry_settings:
        raise ManifestError(
            f"run {original.run_id} was made with other settings: {differences(original_settings, retry_settings)}",
            hint="A retry must use the settings of its run, except for seeds and the options of `kgsynth retry`.",
        )
    if decisive["units"] != expected:
        raise ConfigError(
            f"{expected - decisive['units']:,} of {expected:,} rejected units are no longer in the input",
            hint=f"{original.path / 'run.json'} names the input; was it moved or changed?",
        )
