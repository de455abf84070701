"""The rejects of a run, asked for again with new seeds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgsynth.accounts import Report, silent
from kgsynth.addresses import HIDDEN
from kgsynth.config import Environment, merged
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation.backend_factory import Make, make_generator
from kgsynth.generation.stage_run import RETRY_CHANGES, ask_again
from kgsynth.generation.task import TOO_LONG
from kgsynth.pipeline.model_stages import MODEL_STAGES, PastRun
from kgsynth.progress import Progress
from kgsynth.run_folder import RunFolder, open_run

# Settings that may hold a secret, and how it comes to a retry.
_SECRET_HINTS = {
    "url": "Give it again: --url ADDRESS.",
    "request": "Give it again: --request headers.NAME=VALUE.",
    "engine": "Set it in the environment instead, as vLLM and Hugging Face take it, and run the stage anew.",
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
        ManifestError: it is no run, or not complete.
        ConfigError: its inputs are gone or changed.

    Examples:
        >>> pipeline.retry(environment, Path("runs/level3"))  # None: this run has no rejects
    """
    folder = open_run(run)
    declared = MODEL_STAGES.get(folder.stage)
    if declared is None or declared.again is None:
        if declared is not None:
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
        # What was added last names the whole input.
        latest = [part for part in parts[:end] if "retry_of" not in part.inputs][-1]
        recorded = {name: value for name, value in latest.inputs.get("settings", {}).items() if value is not None}
        past = PastRun(
            environment=environment,
            folder=latest,
            settings=declared.settings(**_changed(recorded, dict(changes or {}))),
            missing=only,
            rows=lambda: (row for part in parts[:end] for row in part.rows()),
        )
        stage, graph = declared.again(past)
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
