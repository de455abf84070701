"""Run folders: shards that are whole or absent, a journal of what is finished, a manifest that is written last.

A run's id is a hash of all that decides its output. A folder of another id is refused, never mixed. Shard k covers the
inputs [k * size, (k + 1) * size); while it is made, finished requests are appended to its journal, so that after a
crash only what is missing is sent. A manifest that exists says that the run is complete. Nothing here depends on the
time, so that a run that was killed and continued leaves the same files, byte for byte; times go to `sessions.jsonl`.
"""

import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from kgsynth.errors import ManifestError
from kgsynth.records import parquet_schema

RUN_FILE = "run.json"
UNITS_FILE = "units"
MANIFEST_FILE = "manifest.json"
# Of settings: what is a hash and says nothing to people.
_HASHED = {"inputs": "inputs", "benchmark": "benchmark questions", "graph": "names and topics in the graph"}
_MAX_DIFFERENCES = 8
_MAX_VALUE_CHARS = 60
# What differs between a run in one go and one that was continued: when things happened, and the lock.
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
        """Look at nothing yet.

        Args:
            path: the folder; made when absent.
            run_id: hash of all that decides the output.
            settings: what is kept beside it for people to read; no secrets.
            stage: which stage works in it.
            rows_name: what its shards are called, for example `questions`.
            inputs: where the units came from, so that `kgsynth retry` finds them again.
        """
        self.path, self.run_id, self.stage, self.rows_name = path, run_id, stage, rows_name
        self.settings: dict[str, Any] = dict(settings)
        self.inputs: dict[str, Any] = dict(inputs or {})

    @contextmanager
    def opened(self, *, overwrite: bool = False, first: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the folder for this process.

        Args:
            overwrite: remove what another run of the same stage left here.
            first: done before the folder is this run's, so that whatever it writes is there when the run is.

        Raises:
            ManifestError: it belongs to another configuration, or another process works in it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise ManifestError(f"{self.path} cannot be used as a run folder: {error}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ManifestError(
                    f"another kgsynth works in {self.path}", hint="Wait until it is done, or choose another --run-dir."
                ) from None
            self._claim(overwrite, first)
            yield

    def _claim(self, overwrite: bool, first: Callable[[], None]) -> None:
        file = self.path / RUN_FILE
        for left in self.path.glob(".part-*"):
            left.unlink(missing_ok=True)  # of a process that was killed while it wrote
        if file.exists():
            held = read_json(file)
            if held.get("run_id") == self.run_id:
                return
            if not (overwrite and held.get("stage") == self.stage):
                what = differences(held.get("settings", {}), self.settings)
                raise ManifestError(
                    f"{self.path} holds run {held.get('run_id')}, made with other settings or inputs than this one "
                    f"({self.run_id})" + (f": {what}" if what else ""),
                    hint="Choose another --run-dir, give the settings that it was made with, or remove it.",
                )
            # What says that the folder holds a run goes last, so that a kill in between leaves it to be overwritten.
            self.manifest_file.unlink(missing_ok=True)
            for left in self.path.iterdir():
                if left.is_file() and left.name not in (".lock", RUN_FILE):
                    left.unlink()
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
        """Written last."""
        return self.path / MANIFEST_FILE

    def manifest(self) -> dict[str, Any] | None:
        """The manifest of a complete run, else None."""
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

    def shard_file(self, shard: int) -> Path:
        """The rows of a shard."""
        return self.path / f"{self.rows_name}-{shard:05d}.parquet"

    def rejects_file(self, shard: int) -> Path:
        """The rejects of a shard."""
        return self.path / f"rejects-{shard:05d}.jsonl"

    def journal_file(self, shard: int) -> Path:
        """Finished requests of a shard that is not complete."""
        return self.path / f"journal-{shard:05d}.jsonl"

    def has_shard(self, shard: int) -> bool:
        """Whether a shard is complete; its account is written after its files."""
        return self._account_file(shard).exists()

    def shards(self) -> list[int]:
        """The complete shards, in order."""
        return sorted(int(path.stem.rpartition("-")[2]) for path in self.path.glob("account-*.json"))

    def journal(self, shard: int) -> list[dict[str, Any]]:
        """What the journal of a shard holds; a torn last line, the mark of a crash, is cut off."""
        file = self.journal_file(shard)
        if not file.exists():
            return []
        rows: list[dict[str, Any]] = []
        whole = 0
        with file.open("rb") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n") or not isinstance(row, dict):
                    break
                rows.append(row)
                whole += len(line)
        if whole < file.stat().st_size:
            os.truncate(file, whole)
        return rows

    @contextmanager
    def appending(self, shard: int) -> Iterator["Journal"]:
        """A journal to append to."""
        journal = self.open_journal(shard)
        try:
            yield journal
        finally:
            journal.close()

    def open_journal(self, shard: int) -> "Journal":
        """A journal to append to, which the caller closes.

        Raises:
            ManifestError: the file cannot be opened.
        """
        try:
            return Journal(self.journal_file(shard))
        except OSError as error:
            raise _unwritable(self.journal_file(shard), error) from error

    def write_shard(
        self,
        shard: int,
        rows: Sequence[Mapping[str, Any]],
        rejects: Iterable[Mapping[str, Any]],
        account: Mapping[str, Any],
        *,
        record: type[Any],
    ) -> None:
        """Write a shard's rows, rejects and account, each whole, the account last; then its journal goes.

        Args:
            shard: which.
            rows: of the record's fields.
            rejects: JSON values.
            account: what was kept and rejected.
            record: the class of the rows, which gives the columns their types.

        Raises:
            ManifestError: a file cannot be written.
        """
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist([dict(row) for row in rows], schema=parquet_schema(record))
        with atomic(self.shard_file(shard)) as partial:
            pyarrow.parquet.write_table(table, partial)
        with atomic(self.rejects_file(shard)) as partial:
            # What a model wrote may hold half of a surrogate pair, which no file can.
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rejects)
            partial.write_bytes(lines.encode("utf-8", "replace"))
        write_json(self._account_file(shard), account)
        self.journal_file(shard).unlink(missing_ok=True)

    def account(self, shard: int) -> dict[str, Any]:
        """The counts of a complete shard."""
        return read_json(self._account_file(shard))

    def counted(self) -> dict[str, Any]:
        """`kept`, and by name `rejected` (reasons) and `totals`, of all complete shards."""
        kept, rejected, totals = 0, dict[str, int](), dict[str, int]()
        for shard in self.shards():
            account = self.account(shard)
            kept += account["kept"]
            for into, counts in ((rejected, account["rejected"]), (totals, account["totals"])):
                for name, number in counts.items():
                    into[name] = into.get(name, 0) + number
        return {"kept": kept, "rejected": rejected, "totals": totals}

    def shard_rows(self, shard: int) -> list[dict[str, Any]]:
        """The rows of a complete shard.

        Raises:
            ManifestError: its file is gone or broken.
        """
        import pyarrow
        import pyarrow.parquet

        try:
            rows: list[dict[str, Any]] = pyarrow.parquet.read_table(self.shard_file(shard)).to_pylist()
        except (OSError, pyarrow.ArrowException) as error:
            raise ManifestError(
                f"{self.shard_file(shard)} cannot be read: {error}",
                hint=f"Remove it and {self._account_file(shard).name} beside it, and run the same command again.",
            ) from error
        return rows

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of all complete shards, a shard in memory at a time."""
        for shard in self.shards():
            yield from self.shard_rows(shard)

    def rejects(self) -> Iterator[dict[str, Any]]:
        """The rejects of all complete shards."""
        for shard in self.shards():
            with self.rejects_file(shard).open(encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)

    def parts(self) -> list["RunFolder"]:
        """The run itself, then its retries and what was added to it, in the order in which they were begun."""
        inside = [open_run(file.parent) for file in self.path.glob(f"*/{RUN_FILE}")]
        own = [one for one in inside if one.is_part]
        return [self, *sorted(own, key=lambda one: (one.inputs.get("part", 0), one.path.name))]

    @property
    def is_part(self) -> bool:
        """Whether it is a retry of another run, or was added to one."""
        return "retry_of" in self.inputs or "added_to" in self.inputs

    def next_part(self) -> int:
        """The number of the part that would be begun now; the caller holds the folder."""
        return 1 + max(int(one.inputs.get("part", 0)) for one in self.parts())

    def complete(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest: the run is complete."""
        write_json(self.manifest_file, {"run_id": self.run_id, **manifest})

    def log_session(self, row: Mapping[str, Any]) -> None:
        """Append a line about one call of the command, with its time, to `sessions.jsonl`."""
        try:
            with (self.path / "sessions.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"ended": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **row}) + "\n")
        except OSError as error:
            raise _unwritable(self.path / "sessions.jsonl", error) from error

    def sessions(self) -> list[dict[str, Any]]:
        """The calls that worked in the folder, first to last."""
        file = self.path / "sessions.jsonl"
        found = []
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            try:
                found.append(json.loads(line))
            except ValueError:  # torn by a crash; it is only a log
                continue
        return found

    def _account_file(self, shard: int) -> Path:
        return self.path / f"account-{shard:05d}.json"


class Journal:
    """Finished requests, appended line by line; a line that was written survives the process."""

    def __init__(self, path: Path) -> None:
        """Open the file to append to."""
        self._path = path
        self._file: BinaryIO = path.open("ab", buffering=0)

    def append(self, row: Mapping[str, Any]) -> None:
        """Append one row and hand it to the operating system.

        Raises:
            ManifestError: the disk does not take it; what was written before is kept.
        """
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        if written != len(line):
            raise _unwritable(self._path, OSError("the line did not fit"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def differences(held: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """What differs between the settings of two runs, in words: `temperature is 0.7 there and 0.1 here`."""
    found = []
    for name in sorted(held.keys() | own.keys()):
        there, here = held.get(name), own.get(name)
        if there == here:
            continue
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            found.append(f"{name}: {differences(there, here)}")
        elif name in _HASHED:
            found.append(f"the {_HASHED[name]} differ")
        else:
            found.append(f"{name} is {_short(there)} there and {_short(here)} here")
    return "; ".join(found[:_MAX_DIFFERENCES]) + ("; …" if len(found) > _MAX_DIFFERENCES else "")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE_CHARS else text[:_MAX_VALUE_CHARS] + "…"


def open_run(path: Path) -> RunFolder:
    """The run that a folder holds.

    Raises:
        ManifestError: it holds none.
    """
    file = path / RUN_FILE
    if not file.is_file():
        raise ManifestError(
            f"{path} is not a run folder: it has no {RUN_FILE}", hint="`kgsynth runs` lists the runs below a folder."
        )
    held = read_json(file)
    try:
        return RunFolder(
            path,
            held["run_id"],
            held["settings"],
            stage=held.get("stage", ""),
            rows_name=held.get("rows", "rows"),
            inputs=held.get("inputs"),
        )
    except KeyError as error:
        raise ManifestError(f"{file} lacks {error}", hint="It was not written by this version of kgsynth.") from error


def find_runs(below: Path) -> list[RunFolder]:
    """All runs below a folder, by path; retries and additions stand behind the run that they belong to."""
    return [open_run(file.parent) for file in sorted(below.rglob(RUN_FILE)) if "run_id" in read_json(file)]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all.

    Raises:
        ManifestError: it cannot be written.
    """
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A path to write to; the file takes its name when the block ends well and its bytes are on the disk.

    Raises:
        ManifestError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        os.fsync(descriptor)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> ManifestError:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None)
    return ManifestError(
        f"{path} could not be written: {error}",
        hint="Is the disk full? What was finished is kept: run the same command again when there is room."
        if is_full
        else "Is it a place that may be written to? What was finished is kept.",
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that kgsynth wrote.

    Raises:
        ManifestError: it cannot be read, or is something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(
            f"{path} cannot be read: {error}", hint="Remove the run folder, or choose another --run-dir."
        ) from error
    if not isinstance(value, dict):
        raise ManifestError(f"{path} is not what kgsynth wrote")
    return value
