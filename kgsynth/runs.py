"""Run folders: shards that are whole or absent, a journal of what is finished, a manifest that is written last.

A run's id is a hash of all that decides its output. A folder of another id is refused, never mixed. Shard k covers the
inputs [k * size, (k + 1) * size); while it is made, finished requests are appended to its journal, so that after a
crash
only what is missing is sent. A manifest that exists says that the run is complete.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kgsynth.errors import ManifestError


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path, run_id: str, settings: Mapping[str, object]) -> None:
        """Look at nothing yet.

        Args:
            path: the folder; made when absent.
            run_id: hash of all that decides the output.
            settings: what is kept beside it for people to read; no secrets.
        """
        self.path, self.run_id = path, run_id
        self._settings = dict(settings)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the folder for this process.

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
            self._claim()
            yield

    def _claim(self) -> None:
        file = self.path / "run.json"
        if file.exists():
            held = _read_json(file).get("run_id")
            if held != self.run_id:
                raise ManifestError(
                    f"{self.path} holds run {held}, made with other settings or inputs than this one ({self.run_id})",
                    hint="Choose another --run-dir, or remove this one.",
                )
            return
        write_json(file, {"run_id": self.run_id, "settings": self._settings})

    @property
    def manifest_file(self) -> Path:
        """Written last."""
        return self.path / "manifest.json"

    def manifest(self) -> dict[str, Any] | None:
        """The manifest of a complete run, else None."""
        return _read_json(self.manifest_file) if self.manifest_file.exists() else None

    def shard_file(self, shard: int) -> Path:
        """The questions of a shard."""
        return self.path / f"questions-{shard:05d}.parquet"

    def rejects_file(self, shard: int) -> Path:
        """The rejects of a shard."""
        return self.path / f"rejects-{shard:05d}.jsonl"

    def journal_file(self, shard: int) -> Path:
        """Finished requests of a shard that is not complete."""
        return self.path / f"journal-{shard:05d}.jsonl"

    def has_shard(self, shard: int) -> bool:
        """Whether a shard is complete; its account is written after its files."""
        return self._account_file(shard).exists()

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
                if not line.endswith(b"\n"):
                    break
                rows.append(row)
                whole += len(line)
        if whole < file.stat().st_size:
            os.truncate(file, whole)
        return rows

    @contextmanager
    def appending(self, shard: int) -> Iterator["Journal"]:
        """A journal to append to."""
        with self.journal_file(shard).open("ab") as file:
            yield Journal(file)

    def write_shard(
        self, shard: int, rows: Sequence[Mapping[str, Any]], rejects: Iterable[str], account: Mapping[str, Any]
    ) -> None:
        """Write a shard's questions, rejects and account, each whole, the account last; then its journal goes."""
        import pandas

        with _atomic(self.shard_file(shard)) as partial:
            pandas.DataFrame(list(rows)).to_parquet(partial, index=False)
        with _atomic(self.rejects_file(shard)) as partial:
            partial.write_text("".join(line + "\n" for line in rejects), encoding="utf-8")
        write_json(self._account_file(shard), account)
        self.journal_file(shard).unlink(missing_ok=True)

    def account(self, shard: int) -> dict[str, Any]:
        """The counts of a complete shard."""
        return _read_json(self._account_file(shard))

    def rows(self, shard: int) -> list[dict[str, Any]]:
        """The questions of a complete shard."""
        import pandas

        frame = pandas.read_parquet(self.shard_file(shard))
        return [
            {str(key): (list(value) if hasattr(value, "tolist") else value) for key, value in row.items()}
            for row in frame.to_dict("records")
        ]

    def complete(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest: the run is complete."""
        write_json(self.manifest_file, {"run_id": self.run_id, **manifest})

    def _account_file(self, shard: int) -> Path:
        return self.path / f"account-{shard:05d}.json"


class Journal:
    """Finished requests, appended line by line; a line that was written survives the process."""

    def __init__(self, file: Any) -> None:
        """Wrap an open file."""
        self._file = file

    def append(self, row: Mapping[str, Any]) -> None:
        """Append one row and hand it to the operating system."""
        self._file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        self._file.flush()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    with _atomic(path) as partial:
        partial.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ManifestError(f"{path} could not be written: {error}", hint="Is the disk full?") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(
            f"{path} cannot be read: {error}", hint="Remove the run folder, or choose another --run-dir."
        ) from error
    if not isinstance(value, dict):
        raise ManifestError(f"{path} is not what kgsynth wrote")
    return value
