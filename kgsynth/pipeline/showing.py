"""Read the rows of a run, of a data set or of a file, for people to look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kgsynth.errors import ConfigError
from kgsynth.question_files import table_rows
from kgsynth.run_folder import RUN_FILE, RunFolder, find_runs, open_run

# The folder of `kgsynth run` holds several runs; the first of these that has rows is shown.
_LATEST_FIRST = ("curate", "answer", "level3", "level2", "level1", "extract", "rate", "syllabus")


def rows_of(path: Path, *, rejects: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the rows of all complete shards of a run, also while it works; or those of a data set or of a file.

    Args:
        path: a run folder, the folder of a `kgsynth run`, the folder of a data set, or a JSON Lines or Parquet file.
        rejects: whether to yield the rejects of the run instead.

    Raises:
        ConfigError: the path holds no rows, or a file is no run but rejects are wanted.

    Examples:
        >>> next(pipeline.rows_of(Path("runs/answers")))["final_answer"]
        '2'
    """
    if path.is_dir():
        if (path / RUN_FILE).is_file():
            run = _run_with_rows(path, rejects=rejects)
            for part in run.parts():
                yield from part.rejects() if rejects else part.rows()
            return
        files = sorted(path.rglob("*.parquet"))
        if not files:
            raise ConfigError(
                f"{path} is neither a run folder nor a data set: it has no {RUN_FILE} and no Parquet file",
                hint="List the runs below a folder with `kgsynth runs`.",
            )
    else:
        files = [path]
    if rejects:
        raise ConfigError(f"{path} is not a run folder", hint="Only a run folder has rejects.")
    for file in files:
        for _, row in table_rows(file):
            yield row


def _has_rows(run: RunFolder, rejects: bool) -> bool:
    counts = [part.counted() for part in run.parts()]
    return any(account["rejected"] if rejects else account["kept"] for account in counts)


def _run_with_rows(path: Path, *, rejects: bool) -> RunFolder:
    run = open_run(path)
    if run.shards() or run.stage not in ("run", "filter"):
        return run
    runs = {
        found.stage: found for found in reversed(find_runs(path)) if not found.is_part and _has_rows(found, rejects)
    }
    latest = next((runs[stage] for stage in _LATEST_FIRST if stage in runs), None)
    if latest is None:
        raise ConfigError(
            f"{path} holds no rows yet", hint=f"`kgsynth runs --below {path}` shows the state of its runs."
        )
    return latest
