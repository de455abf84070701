"""Retry the rejects of a run with new seeds."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from kgsynth.accounts import Report, silent
from kgsynth.addresses import HIDDEN
from kgsynth.config import Environment, merged
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation.backend_factory import Make, make_generator
from kgsynth.generation.name_judging import TASK
from kgsynth.generation.stage_run import RETRY_CHANGES, ask_again
from kgsynth.generation.task import TOO_LONG
from kgsynth.pipeline.model_stages import MODEL_STAGES, PastRun
from kgsynth.progress import Progress
from kgsynth.run_folder import RunFolder, open_run

# Settings that may hold a secret, with a hint how to give it to a retry.
_SECRET_HINTS = {
    "url": "Give it again: --url ADDRESS.",
    "request": "Give it again: --request headers.NAME=VALUE.",
    "engine": "Set it in the environment instead, where vLLM and Hugging Face read it, and run the whole stage again.",
}


def retry(
    environment: Environment,
    run: Path,
    *,
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
    changes: Mapping[str, object] | None = None,
) -> RunFolder | None:
    """Retry the rejects of a run with new seeds, into `retry-N` in its folder; an interrupted retry is continued.

    The rows of the retry belong to the run wherever the run is used. The next retry asks for the rejects of this one.

    Args:
        environment: where models are.
        run: folder of a complete run.
        report: receives the account.
        progress: advances one step per unit.
        make: creates the backend.
        changes: settings for this call: those that do not determine the output, such as `url`, and those in
            `RETRY_CHANGES`, which are recorded in the folder of the retry.

    Returns:
        The folder of the retry; None when there is nothing to retry.

    Raises:
        ManifestError: the folder contains no run, or the run is not complete.
        ConfigError: the inputs of the run were removed or changed, or the run cannot be retried.

    Examples:
        >>> pipeline.retry(environment, Path("runs/level3"))  # None: this run has no rejects
    """
    folder = open_run(run.absolute())
    declared = MODEL_STAGES.get(folder.stage)
    if declared is None or declared.again is None:
        if folder.stage == TASK:
            raise ConfigError(
                f"{run} holds verdicts on names, which are not retried",
                hint="`kgsynth merge --judge` asks again about pairs without a verdict; with another --run-dir if this "
                "run was over its limit of rejects.",
            )
        if declared is not None:
            raise ConfigError(
                f"{run} holds a syllabus, which cannot be retried in part",
                hint="Write another syllabus with another seed and --run-dir, and give both as --positives.",
            )
        raise ConfigError(
            f"{run} holds a run of stage {folder.stage!r}, which asks no model",
            hint="Retry the run folder of a stage that asks a model; `kgsynth runs` lists them.",
        )
    if folder.is_part:
        raise ConfigError(f"{run} is a part of another run", hint=f"Retry that run: {run.parent}.")
    if not folder.is_locked():
        _begun(folder)  # refuse before the folder is opened, because an error in an open folder is logged as its state
    # The lock keeps other processes from adding to the run.
    with folder.opened():
        parts, retries, attempt, number = _begun(folder)
        # The last retry asked for all rejects before it, so only its own and later rejects are left.
        missing: dict[str, int] = {}
        may_fit_now = bool({"context_tokens", "model"} & (changes or {}).keys())
        for part in parts[retries[-1] if retries else 0 :]:
            for row in part.rejects():
                if not row["is_final"] or (may_fit_now and row["reason"] == TOO_LONG):
                    missing[row["unit_id"]] = missing.get(row["unit_id"], 0) + 1
        if not missing:
            return None
        # The part that was added last names the whole input.
        latest = [part for part in parts if "retry_of" not in part.inputs][-1]
        recorded = {name: value for name, value in latest.inputs.get("settings", {}).items() if value is not None}
        past = PastRun(
            environment=environment,
            folder=latest,
            settings=declared.settings(**_changed(recorded, dict(changes or {}))),
            missing=missing,
            rows=lambda: (row for part in parts for row in part.rows()),
        )
        with _where_begun(latest):
            stage, graph = declared.again(past)
            try:
                return ask_again(
                    environment,
                    stage,
                    folder,
                    attempt=attempt,
                    place=number,
                    units_expected=len(missing),
                    report=report,
                    progress=progress,
                    make=make,
                    changed=[name for name in RETRY_CHANGES if name in (changes or {}) or name == "context_tokens"],
                )
            finally:
                if graph is not None:
                    graph.close()


@contextmanager
def _where_begun(folder: RunFolder) -> Iterator[None]:
    """Work in the folder that the sources of a run are relative to.

    Raises:
        ConfigError: it does not exist.
    """
    place = folder.inputs.get("working_folder", ".")
    try:
        with chdir(place):
            yield
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.path.isdir(place):
            raise
        raise ConfigError(
            f"the sources of {folder.path} are relative to {place}, which does not exist",
            hint="Restore this folder, or run the stage again into another --run-dir.",
        ) from error


def _begun(folder: RunFolder) -> tuple[list[RunFolder], list[int], int, int]:
    """Return what a retry of a run begins with.

    Returns:
        The complete parts of the run, the indices of the retries among them, and attempt and part number of the retry
        to start, or of an interrupted one to continue.

    Raises:
        ManifestError: the run, an addition or an earlier retry is not complete.
    """
    parts = folder.parts()
    retries = [index for index, part in enumerate(parts) if "retry_of" in part.inputs]
    attempt = 1 + max((int(parts[index].inputs["attempt"]) for index in retries), default=0)
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
    return parts[:end], retries, attempt, number


def _changed(settings: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with changes; a larger limit for answers enlarges the context by as much.

    Raises:
        ConfigError: a secret is missing, which run folders do not contain.
    """
    request_changes: Any = changes.get("request", {})
    changes["request"] = merged(settings.get("request", {}), request_changes)
    if "max_output_tokens" in changes and "context_tokens" not in changes:
        extra_tokens = max(0, changes["max_output_tokens"] - settings["max_output_tokens"])
        changes["context_tokens"] = settings["context_tokens"] + extra_tokens
    changed = {**settings, **changes}
    for name, hint in _SECRET_HINTS.items():
        if HIDDEN in json.dumps(changed.get(name, "")):
            raise ConfigError(f"the run was made with a secret in {name}, which is not stored in its folder", hint=hint)
    return changed
