"""A stage that asks a model, run on its folder: shards, journal, manifest and the account read = kept + rejected.

What makes one stage another is a `Stage`; `writing` has them.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import __version__
from kgsynth.config import UNDECISIVE, BackendSettings, Environment, ExtractSettings, FilterSettings, public_value
from kgsynth.documents.read import refuse_too_many
from kgsynth.errors import ConfigError, GeneratorUnavailableError, ManifestError
from kgsynth.generation import prompts
from kgsynth.generation.backend import Generator
from kgsynth.generation.forms import ANY_QUESTION, SMALL_MODEL_QUESTION
from kgsynth.generation.runner import EARLY_UNITS, Runner
from kgsynth.generation.small_model import is_small_model
from kgsynth.generation.task import CUT_OFF, CUT_OFF_IN_THOUGHTS, Context, Similarities, Work
from kgsynth.pipeline.backends import Make, open_shards, plain_settings, sampling_of
from kgsynth.pipeline.stages import Report, batches, timed
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import StageCount, content_hash, hash_of_lines
from kgsynth.runs import RUN_FILE, UNITS_FILE, RunFolder, atomic, differences, open_run

Units = Callable[[], Iterator[Any]]

_DIGEST_BYTES = 16
_RETRY_HINT = "`kgsynth retry` asks for the rejects again; --max-rejected-share sets the limit."
_CUT_OFF_HINT = (
    "What was cut off needs more room: a larger --max-output-tokens (here, or for the rejects alone with `kgsynth "
    "retry`), and --context-tokens to hold it. "
)
# What a retry may ask for otherwise than its run did.
RETRY_CHANGES = ("max_output_tokens", "context_tokens", "temperature", "model", "request", "thinking")


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
    # How alike a text and names are; made when the first question needs it.
    similarities: Similarities | None = None


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

    When the folder holds the same stage on some of these units, for example because questions were retried or documents
    added since, only the others are asked, into `added-1`, `added-2`, … inside it: they count with the run.

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
    stage = _with_model(environment, stage, make, _complete_runs(stage, run_dir))
    known = _decisive(stage, attempt=0)
    work = partial(_work_through, environment, report=report, progress=progress, make=make)
    main = _same_run(run_dir, stage, known)
    with tempfile.TemporaryDirectory() as desk:
        if main is None:
            own = _Units.of(stage, Path(desk) / "units")
            if not own.count:
                raise ConfigError(f"there is nothing to {stage.name} from", hint="The input holds no unit.")
            decisive = {**known, "inputs": own.hash, "units": own.count}
            path = run_dir or Path("runs") / f"{_folder_name(stage)}-{content_hash(decisive)[:12]}"
            folder = _folder(stage, path, decisive, stage.inputs)
            work(stage, folder, units_file=own.file)
            return folder
        held = [part for part in main.parts() if "retry_of" not in part.inputs]
        known_units = np.concatenate([_digests(part) for part in held])
        for part in held:
            own_units = replace(stage, units=partial(_among, stage, np.sort(_digests(part))))
            found = _Units.of(own_units, Path(desk) / "units")
            if (found.hash, found.count) != (part.settings["inputs"], part.settings["units"]):
                raise ManifestError(
                    f"{part.path} holds run {part.run_id}, made from other inputs: {found.count:,} of its "
                    f"{part.settings['units']:,} units are in the input as they were, and in their order",
                    hint="Choose another --run-dir; or remove this one, to ask for its units anew.",
                )
            work(own_units, part)
        new_units = replace(stage, units=partial(_among, stage, np.sort(known_units), is_in=False))
        added = _Units.of(new_units, Path(desk) / "units")
        if added.count:
            with main.opened():
                inputs = {**stage.inputs, "added_to": main.run_id, "part": main.next_part()}
                decisive = {**known, "inputs": added.hash, "units": added.count}
                folder = _folder(stage, main.path / f"added-{len(held)}", decisive, inputs)
                work(new_units, folder, units_file=added.file)
    return main


@dataclass(frozen=True, slots=True)
class _Units:
    """Units counted: a hash over all their lines in order, how many, and a file with a digest of each."""

    hash: str
    count: int
    file: Path

    @classmethod
    def of(cls, stage: "Stage", file: Path) -> "_Units":
        """Go through a stage's units once."""
        with file.open("wb") as digests:

            def lines() -> Iterator[str]:
                for unit in stage.units():
                    line = stage.unit_line(unit)
                    digests.write(_digest(line))
                    yield line

            found, count = hash_of_lines(lines())
        return cls(found, count, file)


def _digest(line: str) -> bytes:
    return hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def _digests(folder: RunFolder) -> NDArray[np.bytes_]:
    """The digests of a part's units, in their order; 16 bytes a unit."""
    file = folder.path / UNITS_FILE
    if not file.exists():
        raise ManifestError(f"{file} is gone", hint="It says which units the run has; choose another --run-dir.")
    return np.fromfile(file, dtype=f"S{_DIGEST_BYTES}")


def _among(stage: "Stage", digests: NDArray[np.bytes_], *, is_in: bool = True) -> Iterator[Any]:
    """The units that are, or are not, among some digests, which are sorted."""
    for unit in stage.units():
        own = np.frombuffer(_digest(stage.unit_line(unit)), dtype=digests.dtype)
        place = int(np.searchsorted(digests, own)[0])
        if (place < len(digests) and digests[place] == own[0]) == is_in:
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
        changed: names of settings that differ from those of the run on purpose.

    Raises:
        ManifestError: other settings are not those of the run; ConfigError: units are gone; further as `ask`.
    """
    stage = _with_model(environment, stage, make, ())
    with tempfile.TemporaryDirectory() as desk:
        own = _Units.of(stage, Path(desk) / "units")
        decisive = {**_decisive(stage, attempt=attempt), "inputs": own.hash, "units": own.count}
        _refuse_another_run(original, decisive, expected=units_expected, changed=changed)
        inputs = {**stage.inputs, "retry_of": original.run_id, "attempt": attempt, "part": place}
        folder = _folder(stage, original.path / f"retry-{attempt}", decisive, inputs)
        _work_through(environment, stage, folder, units_file=own.file, report=report, progress=progress, make=make)
    return folder


def _with_model(environment: Environment, stage: Stage, make: Make, complete: Iterable[RunFolder]) -> Stage:
    """The stage with the name of the model that the server has, which is part of what a run is.

    Where no server answers, a complete run of the same settings says which model it asked: nothing is left to ask.
    """
    settings = stage.settings
    if settings.backend != "server" or settings.model:
        return stage
    try:
        model = make(environment, settings).model
    except GeneratorUnavailableError:
        models = {str(held.settings["model"]) for held in complete if _is_like(held, stage)}
        if len(models) != 1:
            raise
        (model,) = models
    return replace(stage, settings=replace(settings, model=model))


def _complete_runs(stage: Stage, run_dir: Path | None) -> Iterator[RunFolder]:
    """The complete runs that may be this one: that in its folder, or those of the stage below runs/."""
    found = [run_dir] if run_dir is not None else sorted(Path("runs").glob(f"{_folder_name(stage)}-*"))
    for path in found:
        if (path / RUN_FILE).exists() and (held := open_run(path)).manifest() is not None:
            yield held


def _is_like(held: RunFolder, stage: Stage) -> bool:
    """Whether a run was made with the stage's settings, whatever its model and its units."""
    left_out = {"model": "", "inputs": "", "units": 0}
    return held.stage == stage.name and {**held.settings, **left_out} == {**_decisive(stage, attempt=0), **left_out}


def _folder_name(stage: Stage) -> str:
    return "answers" if stage.name == "answer" else stage.name


def _same_run(run_dir: Path | None, stage: Stage, known: Mapping[str, Any]) -> RunFolder | None:
    """The run that a folder holds, when it differs from this one in its units alone."""
    if run_dir is None or not (run_dir / RUN_FILE).exists():
        return None
    held = open_run(run_dir)
    if held.stage != stage.name or {**held.settings, "inputs": "", "units": 0} != {**known, "inputs": "", "units": 0}:
        return None
    return held


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
    count = StageCount(stage="generate" if stage.name.startswith("level") else stage.name, unit=stage.unit)
    progress = progress or Silent()
    where = folder.path / "rejects-*.jsonl"

    def stop(account: StageCount) -> None:
        # What was hard once may be hard again, and a few units that were added say little: the run has kept enough.
        is_told = not folder.is_part or ("added_to" in folder.inputs and unit_count >= EARLY_UNITS)
        if is_told:
            is_cut = any(account.rejected.get(reason) for reason in (CUT_OFF, CUT_OFF_IN_THOUGHTS))
            hint = (_CUT_OFF_HINT if is_cut else "") + _RETRY_HINT
            refuse_too_many(account, limit=settings.max_rejected_share, where=where, hint=hint)

    def stop_early(account: StageCount) -> None:
        # Among few, chance alone puts a share over its limit: two standard deviations are asked for.
        limit, read = settings.max_rejected_share, max(account.read, 1)
        if (read - account.kept) / read > limit + 2 * (limit * (1 - limit) / read) ** 0.5:
            stop(account)

    contexts: list[Context] = []
    of_this_call: dict[str, str] = {}

    def begin(backend: Generator, unit: Any) -> Work:
        if not contexts:
            contexts.append(_context(stage, backend, folder.run_id, folder.settings["attempt"]))
        return stage.begin(unit, contexts[0])

    def first() -> None:
        if units_file is not None:
            with atomic(folder.path / UNITS_FILE) as whole:
                shutil.copyfile(units_file, whole)

    with timed(count, report), folder.opened(first=first), shown(progress, stage.name, unit_count):
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
            # Of this call, so no part of the manifest.
            for name, said in (
                ("commonest_backend_error", runner.commonest_error()),
                ("servers_left_out", ", ".join(runner.left_out)),
            ):
                if said:
                    of_this_call[name] = count.notes[name] = said
        if runner.totals.get("units", 0) != unit_count:
            raise ManifestError(
                f"{folder.path}: {runner.totals.get('units', 0):,} of {unit_count:,} units have an outcome",
                hint="Did the input change while the stage ran? Run the same command again.",
            )
        stop(count)
        row = {key: value for key, value in count.to_row().items() if key != "seconds" and key not in of_this_call}
        folder.complete({"settings": folder.settings, "stages": [row], "version": __version__})


def _context(stage: Stage, backend: Generator, run_id: str, attempt: int) -> Context:
    settings = stage.settings
    is_small, sampling = is_small_model(backend.model), sampling_of(settings)
    return Context(
        run_id=run_id,
        stage=stage.name,
        seed=settings.seed or 0,
        attempt=attempt,
        templates=stage.templates,
        backend=backend.name,
        model=backend.model,
        # It is kept with each row: a field of the request may hold a secret.
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
    """All that decides what a run writes, but for its units."""
    left_out = {*UNDECISIVE, "levels", "combinations", "documents", "max_questions", "chosen_by"}
    if isinstance(stage.settings, ExtractSettings):
        left_out |= {"vocabulary", "max_document_share", "min_document_count", "max_phrases", "stop_words"}
    if isinstance(stage.settings, FilterSettings):
        # What is rated, and what is made of ratings, is no part of what a model says of a document.
        left_out |= {item.name for item in fields(FilterSettings)} - {item.name for item in fields(BackendSettings)}
    settings = {name: value for name, value in plain_settings(stage.settings).items() if name not in left_out}
    # Headers say who asks, not what.
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
    passed_over = {"inputs", "units", "attempt", "version", *changed}
    there, here = (
        {name: value for name, value in held.items() if name not in passed_over}
        for held in (original.settings, decisive)
    )
    if there != here:
        raise ManifestError(
            f"run {original.run_id} was made with other settings: {differences(there, here)}",
            hint="A retry asks with what its run asked with, but for the seeds and what its options change.",
        )
    if decisive["units"] != expected:
        raise ConfigError(
            f"{expected - decisive['units']:,} of {expected:,} rejected units are not in the input any more",
            hint=f"The input stands in {original.path / 'run.json'}; was it moved or changed?",
        )
