"""Run folders: shards that are written atomically, a journal of finished requests, and a manifest that is written last.

A run's id is a hash of everything that determines its output. A folder with another id is refused, so that runs never
mix. Shard k covers the inputs [k * size, (k + 1) * size). Until it is complete, finished requests are appended to its
journal, so that after a crash only the missing requests are sent. A run with a manifest is complete. No other file
depends on the time, so that a run that was killed and continued has the same bytes; times go to `sessions.jsonl`.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

from kgsynth.errors import ManifestError, TooManyRejectsError
from kgsynth.files import atomic, read_json, unwritable, write_json
from kgsynth.records import parquet_schema

_LOG = logging.getLogger(__name__)

RUN_FILE = "run.json"
UNITS_FILE = "units"
MANIFEST_FILE = "manifest.json"
# Settings that are hashes, with the words that name them in messages.
_HASHED = {"inputs": "inputs", "benchmark": "benchmark questions", "graph": "names and topics in the graph"}
_MAX_DIFFERENCES = 8
_MAX_VALUE_CHARS = 60
_MAX_ERROR_CHARS = 500
_LOCK_TRIES, _LOCK_WAIT_S = 5, 0.1
RunState = Literal["running", "complete", "interrupted", "failed", "over its limit"]
# Files that may differ between an uninterrupted run and a continued one: the times of its calls, and the lock.
NOT_REPEATED = (".lock", "sessions.jsonl")


class RunFolder:
    """One run on disk."""

    def __init__(
        self,
        path: Path,
        run_id: str,
        settings: Mapping[str, object],
        *,
        stage: str = "",
        rows_name: str = "rows",
        inputs: Mapping[str, object] | None = None,
    ) -> None:
        """Describe a run; this reads and writes no files.

        Args:
            path: the folder; `opened` creates it.
            run_id: hash of everything that determines the output.
            settings: settings of the run in readable form, without secrets.
            stage: name of the stage.
            rows_name: name of its shard files, for example `questions`.
            inputs: sources of the units, so that `kgsynth retry` finds them again.
        """
        self.path, self.run_id, self.stage, self.rows_name = path, run_id, stage, rows_name
        self.settings: dict[str, Any] = dict(settings)
        self.inputs: dict[str, Any] = dict(inputs or {})

    @contextmanager
    def opened(self, *, overwrite: bool = False, first: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Lock the folder for this process, and mark it as that of this run.

        Args:
            overwrite: remove the files of another run of the same stage.
            first: called before the run file is written, so that a run never exists without the files of `first`.

        Raises:
            ManifestError: the folder belongs to another run, or another process works in it.
        """
        try:
            # Prompts and answers can contain passages of private documents.
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("a")
        except OSError as error:
            raise ManifestError(f"{self.path} cannot be used as a run folder: {error}") from error
        with lock:
            if not _is_taken(lock):
                raise ManifestError(
                    f"another kgsynth works in {self.path}",
                    hint="Wait until it has finished, or choose another folder.",
                )
            self._claim(overwrite, first)
            # The time of the lock file tells the calls apart: a call that was killed leaves no end.
            os.utime(lock.fileno())
            _LOG.info("run %s works in %s", self.run_id, self.path)
            try:
                yield
            except BaseException as error:
                self._log_end(error)
                raise

    def _claim(self, overwrite: bool, first: Callable[[], None]) -> None:
        file = self.path / RUN_FILE
        for partial in self.path.glob(".part-*"):
            partial.unlink(missing_ok=True)  # left by a process that was killed while it wrote
        if file.exists():
            existing = read_json(file)
            if existing.get("run_id") == self.run_id:
                return
            if not (overwrite and existing.get("stage") == self.stage):
                changes = differences(existing.get("settings", {}), self.settings)
                raise ManifestError(
                    f"{self.path} holds run {existing.get('run_id')}, made with other settings or inputs than this one "
                    f"({self.run_id})" + (f": {changes}" if changes else ""),
                    hint="Choose another folder, use the settings of that run, or remove the folder.",
                )
            # The run file is replaced last, so that the folder can still be overwritten after a kill in between.
            self.manifest_file.unlink(missing_ok=True)
            for old_file in self.path.iterdir():
                if old_file.is_file() and old_file.name not in (".lock", RUN_FILE):
                    old_file.unlink()
        first()
        write_json(
            file,
            {
                "run_id": self.run_id,
                "stage": self.stage,
                "rows": self.rows_name,
                "settings": self.settings,
                "inputs": self.inputs,
            },
        )

    @property
    def manifest_file(self) -> Path:
        """Path of the manifest, which is written last."""
        return self.path / MANIFEST_FILE

    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest of a complete run, else None."""
        return read_json(self.manifest_file) if self.manifest_file.exists() else None

    def is_locked(self) -> bool:
        """Whether a process works in the folder."""
        file = self.path / ".lock"
        if not file.exists():
            return False
        with file.open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def state(self) -> RunState:
        """Return the state of the run; a run that was killed is interrupted."""
        if self.is_locked():
            return "running"
        if self.manifest_file.exists():
            return "complete"
        end = self.end()
        return end["state"] if end is not None else "interrupted"

    def end(self) -> dict[str, Any] | None:
        """Return how the last call ended, `state` and `error`; None if it is at work, was killed or was successful."""
        lock, rows = self.path / ".lock", self.sessions()
        last = rows[-1] if rows else {}
        return last if "state" in last and lock.exists() and last["call"] == lock.stat().st_mtime_ns else None

    def _log_end(self, error: BaseException) -> None:
        state: RunState = "failed" if isinstance(error, Exception) else "interrupted"
        if isinstance(error, TooManyRejectsError):
            state = "over its limit"
        # On a full disk the run is shown as interrupted. The error that ended it matters more.
        with suppress(ManifestError):
            call = (self.path / ".lock").stat().st_mtime_ns
            self.log_session({"state": state, "error": str(error)[:_MAX_ERROR_CHARS], "call": call})

    def shard_file(self, shard: int) -> Path:
        """Return the path of a shard's rows."""
        return self.path / f"{self.rows_name}-{shard:05d}.parquet"

    def rejects_file(self, shard: int) -> Path:
        """Return the path of a shard's rejects."""
        return self.path / f"rejects-{shard:05d}.jsonl"

    def evidence_file(self, shard: int) -> Path:
        """File with the raw evidence of verifiers for a shard: programs, their output and their seconds."""
        return self.path / f"evidence-{shard:05d}.jsonl"

    def journal_file(self, shard: int) -> Path:
        """Return the path of the journal of an incomplete shard."""
        return self.path / f"journal-{shard:05d}.jsonl"

    def has_shard(self, shard: int) -> bool:
        """Whether a shard is complete, which its account shows, since it is written last."""
        return self._account_file(shard).exists()

    def shards(self) -> list[int]:
        """Return the numbers of the complete shards, in order."""
        return sorted(int(path.stem.rpartition("-")[2]) for path in self.path.glob("account-*.json"))

    def journal(self, shard: int) -> list[dict[str, Any]]:
        """Return the rows of a shard's journal; an incomplete last line, left by a crash, is cut off."""
        file = self.journal_file(shard)
        if not file.exists():
            return []
        rows: list[dict[str, Any]] = []
        complete_bytes = 0
        with file.open("rb") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n") or not isinstance(row, dict):
                    break
                rows.append(row)
                complete_bytes += len(line)
        if complete_bytes < file.stat().st_size:
            os.truncate(file, complete_bytes)
        return rows

    @contextmanager
    def appending(self, shard: int) -> Iterator["Journal"]:
        """Open a shard's journal for appending, and close it after the block."""
        journal = self.open_journal(shard)
        try:
            yield journal
        finally:
            journal.close()

    def open_journal(self, shard: int) -> "Journal":
        """Open a shard's journal for appending; the caller closes it.

        Raises:
            ManifestError: the file cannot be opened.
        """
        try:
            return Journal(self.journal_file(shard))
        except OSError as error:
            raise unwritable(self.journal_file(shard), error) from error

    def write_shard(
        self,
        shard: int,
        rows: Sequence[Mapping[str, Any]],
        rejects: Iterable[Mapping[str, Any]],
        account: Mapping[str, Any],
        *,
        record: type[Any],
        evidence: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Write a shard's rows, rejects, evidence and account atomically, the account last; then remove its journal.

        Args:
            shard: number of the shard.
            rows: rows with the record's fields.
            rejects: rejects as JSON values.
            account: numbers of kept and rejected rows.
            record: class of the rows, which determines the types of the columns.
            evidence: raw evidence of verifiers as JSON values; no file is written without any.

        Raises:
            ManifestError: a file cannot be written.
        """
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist([dict(row) for row in rows], schema=parquet_schema(record))
        with atomic(self.shard_file(shard)) as partial:
            pyarrow.parquet.write_table(table, partial)
        _write_lines(self.rejects_file(shard), rejects)
        if evidence:
            _write_lines(self.evidence_file(shard), evidence)
        write_json(self._account_file(shard), account)
        self.journal_file(shard).unlink(missing_ok=True)
        _LOG.info("shard %d of %s: %d rows kept", shard, self.path, len(rows))

    def journaled(self) -> dict[str, int]:
        """Return the numbers of `requests` and `output_tokens` in the journals of shards that are not complete."""
        sums = {"requests": 0, "output_tokens": 0}
        for path in sorted(self.path.glob("journal-*.jsonl")):
            if self.has_shard(int(path.stem.rpartition("-")[2])):
                continue  # the process was killed after it wrote the shard
            # A running process may have completed the shard, and may be writing the last line.
            with suppress(FileNotFoundError), path.open("rb") as lines:
                for line in lines:
                    with suppress(ValueError):
                        sums["output_tokens"] += int(json.loads(line).get("output_tokens", 0))
                        sums["requests"] += 1
        return sums

    def account(self, shard: int) -> dict[str, Any]:
        """Return the account of a complete shard."""
        return read_json(self._account_file(shard))

    def counted(self) -> dict[str, Any]:
        """Return the sums over all complete shards: `kept`, `rejected` by reason, and `totals` by name."""
        kept, rejected, totals = 0, dict[str, int](), dict[str, int]()
        for shard in self.shards():
            account = self.account(shard)
            kept += account["kept"]
            for sums, counts in ((rejected, account["rejected"]), (totals, account["totals"])):
                for name, number in counts.items():
                    sums[name] = sums.get(name, 0) + number
        return {"kept": kept, "rejected": rejected, "totals": totals}

    def shard_rows(self, shard: int) -> list[dict[str, Any]]:
        """Return the rows of a complete shard.

        Raises:
            ManifestError: its file is missing or damaged.
        """
        import pyarrow
        import pyarrow.parquet

        try:
            rows: list[dict[str, Any]] = pyarrow.parquet.read_table(self.shard_file(shard)).to_pylist()
        except (OSError, pyarrow.ArrowException) as error:
            raise ManifestError(
                f"{self.shard_file(shard)} cannot be read: {error}",
                hint=f"Remove it and its {self._account_file(shard).name}, and run the same command again.",
            ) from error
        return rows

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of all complete shards; one shard is in memory at a time."""
        for shard in self.shards():
            yield from self.shard_rows(shard)

    def rejects(self) -> Iterator[dict[str, Any]]:
        """Yield the rejects of all complete shards."""
        for shard in self.shards():
            with self.rejects_file(shard).open(encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)

    def parts(self) -> list["RunFolder"]:
        """Return the run itself, then its retries and additions in the order in which they were started."""
        runs = [open_run(file.parent) for file in self.path.glob(f"*/{RUN_FILE}")]
        parts = [run for run in runs if run.is_part]
        return [self, *sorted(parts, key=lambda run: (run.inputs.get("part", 0), run.path.name))]

    @property
    def is_part(self) -> bool:
        """Whether this is a retry of another run, or an addition to one."""
        return "retry_of" in self.inputs or "added_to" in self.inputs

    def next_part(self) -> int:
        """Return the number of the next part; the caller has locked the folder."""
        return 1 + max(int(part.inputs.get("part", 0)) for part in self.parts())

    def complete(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, which marks the run as complete."""
        write_json(self.manifest_file, {"run_id": self.run_id, **manifest})

    def log_session(self, row: Mapping[str, Any]) -> None:
        """Append a line with the time and results of one call to `sessions.jsonl`."""
        try:
            with (self.path / "sessions.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"ended": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **row}) + "\n")
        except OSError as error:
            raise unwritable(self.path / "sessions.jsonl", error) from error

    def sessions(self) -> list[dict[str, Any]]:
        """Return the logged calls of this run, in order."""
        file = self.path / "sessions.jsonl"
        rows = []
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            try:
                rows.append(json.loads(line))
            except ValueError:  # an incomplete line, left by a crash
                continue
        return rows

    def _account_file(self, shard: int) -> Path:
        return self.path / f"account-{shard:05d}.json"


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with atomic(path) as partial:
        # A model's text may hold half of a surrogate pair, which UTF-8 cannot encode.
        lines = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        partial.write_bytes(lines.encode("utf-8", "replace"))


def _is_taken(lock: TextIO) -> bool:
    """Take a lock and return whether that worked; `is_locked` of another process may hold it for a moment."""
    for _ in range(_LOCK_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_LOCK_WAIT_S)
    return False


class Journal:
    """Finished requests, appended line by line; a written line survives a crash of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("ab", buffering=0)

    def append(self, row: Mapping[str, Any]) -> None:
        """Append one row and pass it to the operating system.

        Raises:
            ManifestError: the row cannot be written; earlier rows are kept.
        """
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise unwritable(self._path, error) from error
        if written != len(line):
            raise unwritable(self._path, OSError("the line did not fit"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def differences(existing: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    """Describe how the settings of two runs differ: `temperature is 0.7 there and 0.1 here`."""
    texts = []
    for name in sorted(existing.keys() | current.keys()):
        there, here = existing.get(name), current.get(name)
        if there == here:
            continue
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            texts.append(f"{name}: {differences(there, here)}")
        elif name in _HASHED:
            texts.append(f"the {_HASHED[name]} differ")
        else:
            texts.append(f"{name} is {_short(there)} there and {_short(here)} here")
    return "; ".join(texts[:_MAX_DIFFERENCES]) + ("; …" if len(texts) > _MAX_DIFFERENCES else "")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE_CHARS else text[:_MAX_VALUE_CHARS] + "…"


def open_run(path: Path) -> RunFolder:
    """Return the run in a folder.

    Raises:
        ManifestError: the folder contains no run.
    """
    file = path / RUN_FILE
    if not file.is_file():
        raise ManifestError(
            f"{path} is not a run folder: it has no {RUN_FILE}",
            hint="List the runs below a folder with `kgsynth runs`.",
        )
    row = read_json(file)
    try:
        return RunFolder(
            path,
            row["run_id"],
            row["settings"],
            stage=row.get("stage", ""),
            rows_name=row.get("rows", "rows"),
            inputs=row.get("inputs"),
        )
    except KeyError as error:
        raise ManifestError(
            f"{file} lacks {error}", hint="Use the version of kgsynth that wrote it, or choose another folder."
        ) from error


def find_runs(below: Path, *, on_damage: Callable[[Path, ManifestError], None] | None = None) -> list[RunFolder]:
    """Return all runs below a folder, sorted by path; retries and additions follow the run to which they belong.

    Args:
        below: the folder.
        on_damage: called with each folder whose run file cannot be read, and the error; None raises the error.

    Raises:
        ManifestError: a run file cannot be read.
    """
    runs = []
    for file in sorted(below.rglob(RUN_FILE)):
        try:
            if "run_id" in read_json(file):
                runs.append(open_run(file.parent))
        except ManifestError as error:
            if on_damage is None:
                raise
            on_damage(file.parent, error)
    return runs
