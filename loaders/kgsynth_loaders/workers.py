"""Run readers in worker processes, so that a crash, a hang or excessive memory use affects only a single file.

Files are assigned to workers in order, and their records are returned in order. A worker that sends nothing for too
long is killed and replaced. The operating system limits the memory of a worker.
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
    """A message that a reader yields before a part of a file that may take long, such as a long page of a dump.

    Records before it are sent at once. If the worker is lost afterwards, the reject names this part.

    Attributes:
        position: position of the part.
        name: name of the part.
    """

    position: Position
    name: str


# Maximum number of characters per message. A worker blocks until its message is received.
_BATCH_CHARS = 500_000
# Maximum number of buffered characters of files that are read ahead.
_MAX_BUFFERED_CHARS = 100_000_000
_LONGEST_WAIT_S = 1.0
# Records are sent at least this often, so that few are lost with a worker.
_LONGEST_HOLD_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits per file: seconds without a record, and bytes of memory (0 for no limit)."""

    silence_s: float = 300.0
    memory_bytes: int = 4 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A file to read: the module with the function `read`, the path and the options."""

    reader: str
    path: Path
    options: ReadOptions


@dataclass(slots=True)
class _Result:
    """The received records of a job that were not yet returned."""

    batches: deque[list[Record]] = field(default_factory=deque)
    is_complete: bool = False
    buffered_chars: int = 0
    documents: int = 0
    line: int = 0


class _Worker:
    """A worker process and its current job."""

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
    """Worker processes, started with the first jobs."""

    def __init__(self, count: int, limits: Limits) -> None:
        """Create the pool without starting processes.

        Args:
            count: maximum number of processes.
            limits: limits per file.
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
        """Submit a file and return the job number with which its records are fetched."""
        number = self._next_number
        self._next_number += 1
        self._jobs.append((number, job))
        self._results[number] = _Result()
        self._assign_jobs()
        return number

    def records(self, number: int) -> Iterator[Record]:
        """Yield the records of a file as they arrive; if it could not be read completely, the last one is a reject."""
        result = self._results[number]
        while True:
            while result.batches:
                batch = result.batches.popleft()
                result.buffered_chars -= _size(batch)
                yield from batch
            if result.is_complete:
                del self._results[number]
                return
            self._receive_from_workers(number)

    def _assign_jobs(self) -> None:
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
            self._reject_and_kill(worker, "the reader crashed")

    def _receive_from_workers(self, wanted: int) -> None:
        """Receive messages of workers; workers that read ahead must wait while the buffer is full."""
        buffered_chars = sum(result.buffered_chars for result in self._results.values())
        awaited = [
            worker
            for worker in self._workers
            if worker.job is not None and (worker.job == wanted or buffered_chars < _MAX_BUFFERED_CHARS)
        ]
        start = time.monotonic()
        ready = set(wait([worker.connection for worker in awaited], timeout=_LONGEST_WAIT_S))
        waited = time.monotonic() - start
        for worker in awaited:
            if worker.connection in ready:
                worker.silent_s = 0.0
                self._receive(worker)
            else:
                worker.silent_s += waited
                if worker.silent_s > self.limits.silence_s:
                    self._reject_and_kill(worker, f"the reader was silent for {self.limits.silence_s:.0f} s")
        self._assign_jobs()

    def _receive(self, worker: _Worker) -> None:
        assert worker.job is not None
        result = self._results[worker.job]
        try:
            batch, is_complete, worker.begun = pickle.loads(worker.connection.recv_bytes())
        except (EOFError, OSError):
            self._reject_and_kill(worker, "the reader crashed")
            return
        if batch:
            result.batches.append(batch)
            result.buffered_chars += _size(batch)
            result.documents += sum(isinstance(record, Document) for record in batch)
            result.line = max((record.position.line for record in batch if record.position), default=result.line)
        if is_complete:
            result.is_complete = True
            worker.job = None

    def _reject_and_kill(self, worker: _Worker, reason: str) -> None:
        """Kill a worker and reject the rest of its file."""
        assert worker.job is not None
        result = self._results[worker.job]
        part = worker.begun or Begun(position=Position(source="", line=result.line and result.line + 1), name="")
        if worker.begun or result.documents:
            reason += "; the file is not read from here on"
        raw = "; ".join(filter(None, [part.name, _documents_before(result.documents)]))
        result.batches.append([Reject(position=part.position, reason=reason, raw=raw)])
        result.is_complete = True
        worker.job = None
        worker.close()
        self._workers.remove(worker)


def _documents_before(documents: int) -> str:
    """Return how many documents were read before an error, as a text."""
    return f"{documents:,} {'document' if documents == 1 else 'documents'} read before" if documents else ""


def _size(batch: list[Record]) -> int:
    return sum(len(record.text) for record in batch if isinstance(record, Document))


# --- In the worker


def read(job: Job) -> Iterator[Record]:
    """Yield the records of a file from its reader; an exception of the reader becomes a reject."""
    return (record for record in _records_and_messages(job) if not isinstance(record, Begun))


def _records_and_messages(job: Job) -> Iterator[Record | Begun]:
    documents = line = 0
    reason = ""
    error: Exception | None = None
    try:
        for record in importlib.import_module(job.reader).read(job.path, job.options):
            documents += isinstance(record, Document)
            line = record.position.line if record.position else line
            yield record
    except RecordError as fault:
        reason = str(fault)
    except MemoryError:
        reason = "takes too much memory"
    except RecursionError:
        reason = "nested too deep"
    except OSError as fault:
        reason, error = "cannot be read", fault
    except Exception as fault:  # noqa: BLE001
        # Libraries raise all kinds of exceptions on damaged files.
        reason, error = "damaged", fault
    if reason:
        yield _rejected(reason, error, documents, line)


def _rejected(reason: str, error: Exception | None, documents: int, line: int) -> Reject:
    """Return the reject of a file; if documents were read before the error, it has their number and the line."""
    if documents:
        reason += "; the file is not read from here on"
    description = f"{type(error).__name__}: {error}"[:500] if error else ""
    raw = "; ".join(filter(None, [description, _documents_before(documents)])).encode("utf-8", "replace").decode()
    return Reject(position=Position(source="", line=line and line + 1), reason=reason, raw=raw)


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
        for record in _records_and_messages(job):
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
    """Ask the operating system to kill this process when its parent ends, if it supports that."""
    with suppress(OSError, AttributeError):
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def serve(handle: int, memory_bytes: int) -> None:
    """Read files for the process at the other end of a socket until it closes it.

    Args:
        handle: file descriptor of the socket.
        memory_bytes: memory limit of this process; 0 for no limit.
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
