"""Readers in worker processes, so that a file on which one crashes, hangs or eats memory costs that file alone.

Files are handed out in order and their records come back in order. A worker that says nothing for too long is ended and
replaced; its memory is limited by the operating system.
"""

import importlib
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject, Remark, Skipped
from kgsynth_loaders.readers import ReadOptions

Record = Document | Reject | Skipped | Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a reader yields before a part of a file that may take long, as a long page of a dump.

    What came before it is handed over at once, and if the reader is lost, the reject names the part.

    Attributes:
        position: of the part.
        name: of the part.
    """

    position: Position
    name: str


# Of one message; a worker waits with the next one until this is taken.
_BATCH_CHARS = 500_000
# Characters that are held for files whose turn has not come.
_HELD_CHARS = 100_000_000
_LONGEST_WAIT_S = 1.0
# Records are handed over after this time at the next record, so that few are lost with a worker.
_LONGEST_HOLD_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may cost: seconds without a record, and bytes of memory; 0 bytes: no limit."""

    silence_s: float = 300.0
    memory_bytes: int = 4 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A file to read: the module whose `read` reads it, its path, its options."""

    reader: str
    path: Path
    options: ReadOptions


@dataclass(slots=True)
class _Result:
    """What has come back for a job."""

    batches: deque[list[Record]] = field(default_factory=deque)
    is_complete: bool = False
    held_chars: int = 0


class _Worker:
    """One process and what it is doing."""

    def __init__(self, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            program = (
                f"import sys; sys.path[:] = {sys.path!r}; from kgsynth_loaders import workers; "
                f"workers.serve({theirs.fileno()}, {limits.memory_bytes})"
            )
            self.process = subprocess.Popen(
                [sys.executable, "-c", program],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self.connection = Connection(ours.detach())
        self.job: int | None = None
        self.begun: Begun | None = None
        self.silent_s = 0.0

    def close(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class WorkerPool:
    """Worker processes that start with the first jobs and end with the pool."""

    def __init__(self, count: int, limits: Limits) -> None:
        """Start nothing yet.

        Args:
            count: processes at most.
            limits: what one file may cost.
        """
        self.count = count
        self.limits = limits
        self._workers: list[_Worker] = []
        self._jobs: deque[tuple[int, Job]] = deque()
        self._results: dict[int, _Result] = {}
        self._next_number = 0

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.close()
        self._workers.clear()
        self._jobs.clear()
        self._results.clear()

    def submit(self, job: Job) -> int:
        """Hand in a file; its records are had with the number that comes back."""
        number = self._next_number
        self._next_number += 1
        self._jobs.append((number, job))
        self._results[number] = _Result()
        self._hand_out()
        return number

    def records(self, number: int) -> Iterator[Record]:
        """The records of a file, as they come; the last one is a reject where it could not be read to its end."""
        result = self._results[number]
        while True:
            while result.batches:
                batch = result.batches.popleft()
                result.held_chars -= _size(batch)
                yield from batch
            if result.is_complete:
                del self._results[number]
                return
            self._listen(number)

    def _hand_out(self) -> None:
        for worker in list(self._workers):
            if worker.job is None and self._jobs:
                self._start(worker)
        while self._jobs and len(self._workers) < self.count:
            worker = _Worker(self.limits)
            self._workers.append(worker)
            self._start(worker)

    def _start(self, worker: _Worker) -> None:
        worker.job, job = self._jobs.popleft()
        worker.silent_s, worker.begun = 0.0, None
        try:
            worker.connection.send_bytes(pickle.dumps(job))
        except OSError:
            self._lose(worker, "the reader crashed")

    def _listen(self, wanted: int) -> None:
        """Take what workers have to say; those that read ahead wait when much is held for them already."""
        held = sum(result.held_chars for result in self._results.values())
        heard = [
            worker
            for worker in self._workers
            if worker.job is not None and (worker.job == wanted or held < _HELD_CHARS)
        ]
        start = time.monotonic()
        ready = set(wait([worker.connection for worker in heard], timeout=_LONGEST_WAIT_S))
        waited = time.monotonic() - start
        for worker in heard:
            if worker.connection in ready:
                worker.silent_s = 0.0
                self._take(worker)
            else:
                worker.silent_s += waited
                if worker.silent_s > self.limits.silence_s:
                    self._lose(worker, f"the reader was silent for {self.limits.silence_s:.0f} s")
        self._hand_out()

    def _take(self, worker: _Worker) -> None:
        assert worker.job is not None
        result = self._results[worker.job]
        try:
            batch, is_complete, worker.begun = pickle.loads(worker.connection.recv_bytes())
        except (EOFError, OSError):
            self._lose(worker, "the reader crashed")
            return
        if batch:
            result.batches.append(batch)
            result.held_chars += _size(batch)
        if is_complete:
            result.is_complete = True
            worker.job = None

    def _lose(self, worker: _Worker, reason: str) -> None:
        """End a worker and reject the file it was reading."""
        assert worker.job is not None
        result = self._results[worker.job]
        begun = worker.begun or Begun(position=Position(source=""), name="")
        reason = f"{reason}; the file is not read from here on" if begun.name else reason
        result.batches.append([Reject(position=begun.position, reason=reason, raw=begun.name)])
        result.is_complete = True
        worker.job = None
        worker.close()
        self._workers.remove(worker)


def _size(batch: list[Record]) -> int:
    return sum(len(record.text) for record in batch if isinstance(record, Document))


# --- In the worker


def read(job: Job) -> Iterator[Record]:
    """The records of a file by its reader; what the reader raises is a reject."""
    return (record for record in _steps(job) if not isinstance(record, Begun))


def _steps(job: Job) -> Iterator[Record | Begun]:
    try:
        yield from importlib.import_module(job.reader).read(job.path, job.options)
    except RecordError as error:
        yield _rejected(str(error))
    except MemoryError:
        yield _rejected("takes too much memory")
    except RecursionError:
        yield _rejected("nested too deep")
    except OSError as error:
        yield _rejected("cannot be read", error)
    except Exception as error:  # noqa: BLE001
        # Whatever a library raises on a file that it does not understand.
        yield _rejected("damaged", error)


def _rejected(reason: str, error: Exception | None = None) -> Reject:
    raw = f"{type(error).__name__}: {error}"[:500] if error else ""
    return Reject(position=Position(source=""), reason=reason, raw=raw.encode("utf-8", "replace").decode())


def _serve(connection: Connection) -> None:
    while True:
        try:
            job = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        batch: list[Record] = []
        begun: Begun | None = None
        size = 0
        sent = time.monotonic()
        for record in _steps(job):
            if isinstance(record, Begun):
                begun = record
            else:
                batch.append(record)
                begun = None
                size += len(record.text) if isinstance(record, Document) else 200
            if begun or size > _BATCH_CHARS or time.monotonic() - sent > _LONGEST_HOLD_S:
                connection.send_bytes(pickle.dumps((batch, False, begun)))
                batch, size, sent = [], 0, time.monotonic()
        connection.send_bytes(pickle.dumps((batch, True, None)))


def _end_with_parent() -> None:
    """Have the operating system end this process when its parent ends, where it can."""
    with suppress(OSError, AttributeError):
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def serve(handle: int, memory_bytes: int) -> None:
    """Read files for the process at the other end of a socket until it closes it.

    Args:
        handle: file descriptor of the socket.
        memory_bytes: of this process at most; 0: no limit.
    """
    _end_with_parent()
    if memory_bytes:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        _serve(Connection(handle))
