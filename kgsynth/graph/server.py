"""A managed local Neo4j Community server, which kgsynth installs, starts and stops without Docker or root.

Each graph has a home folder with data, logs, configuration, the password (mode 0600), the ports (chosen once) and the
state (pid and start time, so that a reused pid is not mistaken for the server). The server listens on loopback only.
"""

import fcntl
import json
import logging
import math
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from kgsynth import config
from kgsynth.errors import ConfigError, GraphError, GraphUnavailableError, ServerError, quoted
from kgsynth.files import temporary_folder
from kgsynth.graph import admin, jars, java
from kgsynth.graph.bulk.import_files import NODES, RELATIONSHIPS, ImportFiles
from kgsynth.graph.session import Graph
from kgsynth.graph.versions import DEFAULT, Version, version
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import content_hash

_LOG = logging.getLogger(__name__)

_OPENS = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
)
# Measured: 4-8 s on two idle cores, 25 s on a loaded machine. Recovery of a large store after a kill takes longer.
_START_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 60.0
# An idle server stops in 2 to 4 s.
_STOP_NOTICE_S = 10.0
# Files with the name and an ending must have names of at most 255 bytes.
_MAX_NAME_BYTES = 200
_LOCK_TIMEOUT_S = 200.0
_POLL_S = 0.25
# Neo4j allocates 256 MiB for the transaction log of each database when it creates it, and little else at a start.
_DATABASES = ("neo4j", "system")
_NEW_DATABASE_BYTES = 260 * 2**20
_START_BYTES = 64 * 2**20
_LAST_LINES = 15
_MIN_HEAP_MIB, _MAX_HEAP_MIB, _MIN_PAGE_CACHE_MIB = 1024, 4096, 512
# The import tool has its caches outside the heap. Half of the free memory leaves the rest for the operating system's
# cache of the import files.
_IMPORT_HEAP_MIB = 1024
_IMPORT_MEMORY = "50%"

# These ports are below Linux's ephemeral range and differ from Neo4j's defaults 7687 and 7474, so that a chosen port is
# still free at the next start.
_FIRST_PORTS = (17687, 24474)
_PORT_SPREAD = 5000

_UNREADABLE_STORE = "(the store is unreadable)"
_DIAGNOSES = (
    (
        "Address already in use",
        "another program listens on the port: stop it, or choose new ports with `kgsynth db start --new-ports`",
    ),
    ("No space left on device", "the disk is full: free some space and start again"),
    ("There is not enough space", "the disk is full: free some space and start again"),
    ("is locked", "another Neo4j uses this store: stop it first"),
    (
        "newer version",
        "the store was written by a newer Neo4j: use that version, or start over with `kgsynth db reset`",
    ),
    (
        "does not support",
        "the store was written by another Neo4j: use that version, or start over with `kgsynth db reset`",
    ),
    (
        "Unknown store version",
        "the store was written by another Neo4j: use that version, or start over with `kgsynth db reset`",
    ),
    (
        "could not be read. Unknown",
        "the store was written by another Neo4j: use that version, or start over with `kgsynth db reset`",
    ),
    (
        _UNREADABLE_STORE,
        "the store is damaged or was written by another Neo4j: use that version, or start over with `kgsynth db reset`",
    ),
    (
        "UnsupportedClassVersionError",
        "this Java is too old: set KGSYNTH_JAVA_HOME to a version that this Neo4j supports",
    ),
    ("Could not reserve enough space", "the heap is too large for this machine: give a smaller `--heap-mib`"),
    ("Invalid maximum heap size", "the heap size is invalid on this machine: give `--heap-mib`"),
    ("insufficient memory", "there is not enough free memory for the heap: give a smaller `--heap-mib`"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory of a server, in MiB."""

    heap_mib: int
    page_cache_mib: int


def memory_for(machine_bytes: int, store_bytes: int) -> Memory:
    """Heap and page cache that suit a machine and a store.

    The heap is an eighth of the machine's memory, from 1 to 4 GiB. The page cache is a third of the memory, or 1.2
    times the store if that is more, but at most half of the memory, because a model and other graphs may run on the
    same machine. (`neo4j-admin server memory-recommendation` assigns the whole machine to Neo4j.) Neo4j allocates pages
    as it reads them, so a small graph needs little memory, and a growing graph needs no restart.
    """
    machine, store = machine_bytes // 2**20, store_bytes // 2**20
    return Memory(
        heap_mib=min(max(machine // 8, _MIN_HEAP_MIB), _MAX_HEAP_MIB),
        page_cache_mib=max(_MIN_PAGE_CACHE_MIB, min(max(store * 6 // 5, machine // 3), machine // 2)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Settings that a graph keeps: ports, the version of Neo4j, and memory in MiB if the user has set it."""

    bolt_port: int
    http_port: int
    version: str = DEFAULT.number
    heap_mib: int | None = None
    page_cache_mib: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What `kgsynth db status` shows; `pid` is None when the server is not running."""

    name: str
    home: Path
    is_installed: bool
    pid: int | None
    bolt_url: str
    browser_url: str
    username: str
    password_file: Path
    store_bytes: int
    version: str
    memory: Memory

    @property
    def is_running(self) -> bool:
        """Whether the server process exists."""
        return self.pid is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The summary that the import tool prints."""

    nodes: int
    relationships: int
    seconds: float
    peak_memory: str

    @classmethod
    def of(cls, output: str, *, seconds: float) -> "ImportReport":
        """Parse the output of the tool."""

        def number(what: str) -> int:
            match = re.search(rf"^\s*(\d+) {what}$", output, re.MULTILINE)
            return int(match.group(1)) if match else 0

        peak = re.search(r"Peak memory usage: (\S+)", output)
        return cls(
            nodes=number("nodes"),
            relationships=number("relationships"),
            seconds=seconds,
            peak_memory=peak.group(1) if peak else "",
        )


def _identity(pid: int) -> dict[str, int | str | float]:
    """Return what tells a process apart from all others, also if the clock is set or the machine starts again.

    Raises:
        psutil.Error: there is no such process, or it cannot be read.
    """
    try:
        # Field 22 of the file: ticks between the start of the machine and that of the process. The name of the program,
        # in parentheses, may contain spaces.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return {"pid": pid, "start_ticks": int(fields[19]), "boot_id": boot_id}
    except (OSError, ValueError, IndexError):
        return {"pid": pid, "started": psutil.Process(pid).create_time()}


class ManagedServer:
    """The managed Neo4j of one graph."""

    username = "neo4j"

    def __init__(self, environment: config.Environment, name: str) -> None:
        """Name the graph; nothing is read or started yet.

        Args:
            environment: the folders of kgsynth.
            name: the graph's name, of letters, digits, `-` and `_`.

        Raises:
            ConfigError: the name cannot be the name of a folder, or is too long for one.
        """
        if not name or not all(char.isalnum() or char in "-_" for char in name):
            raise ConfigError(f"graph name {quoted(name)}: use letters, digits, '-' and '_'")
        if len(name.encode()) > _MAX_NAME_BYTES:
            raise ConfigError(f"graph name {name[:40]}…: use at most {_MAX_NAME_BYTES} bytes")
        self.name = name
        self.home = environment.graphs / name
        self._environment = environment
        # Descriptor of the lock file, while this process has locked the graph.
        self._lock: int | None = None

    @property
    def password_file(self) -> Path:
        """The file with the password, mode 0600."""
        return self.home / "password"

    @property
    def console_log(self) -> Path:
        """The file with the server's output."""
        return self.home / "logs" / "console.log"

    def password(self) -> str:
        """The password of the graph.

        Raises:
            ServerError: the graph was never started.
        """
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ServerError(
                f"graph {self.name!r} has no password yet", hint=f"Start it once: `{self._command('start')}`."
            ) from error

    def install(self, progress: Progress | None = None) -> int:
        """Find a Java and download missing jars; returns the number of jars downloaded.

        Raises:
            DownloadError: a jar could not be downloaded; ServerError: there is no suitable Java.
        """
        self._java()
        return jars.install(
            self._environment.jars, self.version, base_url=self._environment.maven_url, progress=progress
        )

    @property
    def version(self) -> Version:
        """The version of Neo4j that the graph's store has, or will have after the first start.

        Raises:
            ConfigError: kgsynth does not manage the version in KGSYNTH_NEO4J.
        """
        settings = self._settings()
        return version(settings.version if settings else self._environment.neo4j_version)

    def status(self) -> ServerStatus:
        """The status of the server, without a connection to it."""
        settings = self._settings()
        store_bytes = self._store_bytes()
        return ServerStatus(
            name=self.name,
            home=self.home,
            is_installed=not jars.missing_jars(self._environment.jars, self.version),
            pid=self._running_pid(),
            bolt_url=f"bolt://127.0.0.1:{settings.bolt_port}" if settings else "",
            browser_url=f"http://127.0.0.1:{settings.http_port}/browser/" if settings else "",
            username=self.username,
            password_file=self.password_file,
            store_bytes=store_bytes,
            version=self.version.number,
            memory=self._memory(settings),
        )

    def _store_bytes(self) -> int:
        total = 0
        for path in (self.home / "data").rglob("*"):
            with suppress(OSError):  # a running server removes files
                total += path.stat().st_size if path.is_file() else 0
        return total

    def _memory(self, settings: ServerSettings | None) -> Memory:
        """The memory of the server: what the user has set, else what suits the machine and the store."""
        suitable = memory_for(psutil.virtual_memory().total, self._store_bytes())
        if settings is None:
            return suitable
        return Memory(
            heap_mib=settings.heap_mib or suitable.heap_mib,
            page_cache_mib=settings.page_cache_mib or suitable.page_cache_mib,
        )

    def connect(self, *, after_import: bool = False) -> Graph:
        """A connection to the running server.

        Args:
            after_import: connect even if an import is not finished.

        Raises:
            ServerError: the graph was never started, or its import is not finished.
            GraphUnavailableError: the server is not running, or is being started or stopped.
        """
        if not after_import:
            self._refuse_unfinished()
        settings = self._settings()
        if settings is None:
            raise ServerError(f"graph {self.name!r} was never started", hint=f"Start it: `{self._command('start')}`.")
        if self._running_pid() is None:
            # A program that listens on the port now is not our server and must not receive the password.
            raise GraphUnavailableError(
                f"graph {self.name!r} is not running", hint=f"Start it: `{self._command('start')}`."
            )
        if not self._listens():
            # The driver would try for two minutes.
            raise GraphUnavailableError(
                f"the Neo4j of graph {self.name!r} does not answer: it is being started or stopped",
                hint=f"Try again in a minute. If that does not help: `{self._command('stop')}`, then "
                f"`{self._command('start')}`.",
            )
        uri = f"bolt://127.0.0.1:{settings.bolt_port}"
        return Graph(uri, username=self.username, password=self.password(), name=self.name, home=self.home)

    def start(
        self,
        *,
        heap_mib: int | None = None,
        page_cache_mib: int | None = None,
        new_ports: bool = False,
        after_import: bool = False,
        progress: Progress | None = None,
    ) -> bool:
        """Start the server and wait until it answers; returns False if it was already running.

        Two calls at the same time start one server.

        Args:
            heap_mib: Java heap for this and later starts.
            page_cache_mib: page cache for this and later starts.
            new_ports: choose new ports.
            after_import: start even if an import is not finished.
            progress: receives the progress of downloads, and how long the start takes.

        Raises:
            ServerError: the server does not start; the hint shows its last log lines.
            DownloadError: jars are missing and cannot be downloaded.
        """
        self._make_home()
        with self._locked():
            if not after_import:
                self._refuse_unfinished()
            if self._running_pid() is not None:
                self._wait_until_ready()
                return False
            self.install(progress)
            settings = self._chosen_settings(heap_mib=heap_mib, page_cache_mib=page_cache_mib, new_ports=new_ports)
            self._refuse_taken_ports(settings)
            self._refuse_full_disk()
            self._write_configuration(settings)
            _LOG.info("starting Neo4j %s for graph %s", self.version.number, self.name)
            with progress_stage(progress or Silent(), "starting Neo4j", None):
                self._make_password()
                self._spawn(settings)
                self._wait_until_ready()
            _LOG.info("Neo4j answers at port %d", settings.bolt_port)
            return True

    def stop(self) -> bool:
        """Stop the server and wait until it has ended; returns False if it was not running.

        It is asked to stop, and killed after a minute; what was committed is then recovered at its next start.
        """
        if not self.home.is_dir():
            return False
        with self._locked():
            return self._stop()

    def _stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> bool:
        pid = self._running_pid()
        if pid is None:
            self._state_file.unlink(missing_ok=True)
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
        asked = time.monotonic()
        notice, deadline = asked + _STOP_NOTICE_S, asked + _STOP_TIMEOUT_S
        while self._running_pid() is not None:
            if time.monotonic() > notice:
                _LOG.warning(
                    "waiting for Neo4j (pid %d) to end its statements and save the store; it is killed after %.0f s",
                    pid,
                    _STOP_TIMEOUT_S,
                )
                notice = math.inf
            if time.monotonic() > deadline:
                # Neo4j waits without end for a statement that computes a single expression.
                _LOG.warning(
                    "Neo4j (pid %d) has not stopped in %.0f s and is killed; its next start recovers the store",
                    pid,
                    _STOP_TIMEOUT_S,
                )
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                deadline = math.inf
            time.sleep(_POLL_S)
        self._state_file.unlink(missing_ok=True)
        return True

    def reset(self) -> None:
        """Stop the server and delete the graph's home: data, logs, password, ports."""
        if not self.home.is_dir():
            return
        with self._locked():
            self._stop(signal.SIGKILL)  # the data are deleted anyway
            for path in self.home.iterdir():
                if path.name != "lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.home)

    def last_log_lines(self, count: int = _LAST_LINES) -> list[str]:
        """The last lines that the server printed, at most `count`."""
        try:
            with self.console_log.open(encoding="utf-8", errors="replace") as file:
                return [line.rstrip("\n") for line in deque(file, maxlen=count)]
        except OSError:
            return []

    def shell_command(self) -> tuple[list[str], dict[str, str]]:
        """Command line and environment that run cypher-shell on this graph; the environment carries the password.

        Raises:
            ServerError: the graph was never started, or there is no Java.
            DownloadError: the shell's jars are missing and cannot be downloaded.
        """
        status = self.status()
        if not status.bolt_url:
            raise ServerError(f"graph {self.name!r} was never started", hint=f"Start it: `{self._command('start')}`.")
        shell_version = self.version if self.version.has_shell else DEFAULT
        if shell_version is not self.version:
            jars.install(self._environment.jars, shell_version, base_url=self._environment.maven_url)
        class_path = f"{jars.store_folder(self._environment.jars, shell_version)}/*"
        options = self.version.java_options
        command = [str(self._java().executable), *options, "-cp", class_path, "org.neo4j.shell.Main"]
        return command, {
            "NEO4J_ADDRESS": status.bolt_url,
            "NEO4J_USERNAME": self.username,
            "NEO4J_PASSWORD": self.password(),
        }

    def import_files(self, files: ImportFiles) -> ImportReport:
        """Replace the graph's database by the content of import files; a running server is stopped first.

        Until `finish_import` is called the graph does not start, except with `start(after_import=True)`: an incomplete
        database must not look like a complete one.

        Args:
            files: the closed import files.

        Raises:
            ServerError: the disk is too small, the tool fails, or it did not import everything.
        """
        with self._stopped():
            self._refuse_small_disk(files)
            self._unfinished_import.touch()
            began = time.monotonic()
            output = self._admin(
                [
                    *("database", "import", "full", "neo4j", "--overwrite-destination", "--id-type=integer"),
                    *("--bad-tolerance=0", f"--report-file={self.home / 'logs' / 'import.report'}"),
                    *(f"--max-off-heap-memory={_IMPORT_MEMORY}", f"--read-buffer-size={files.read_buffer_bytes}"),
                    *files.arguments(),
                ],
                heap_mib=_IMPORT_HEAP_MIB,
            )
            report = ImportReport.of(output, seconds=time.monotonic() - began)
            expected = (sum(files.counts[kind] for kind in NODES), sum(files.counts[kind] for kind in RELATIONSHIPS))
            if (report.nodes, report.relationships) != expected:
                raise ServerError(
                    f"the import created {report.nodes:,} of {expected[0]:,} nodes and {report.relationships:,} of "
                    f"{expected[1]:,} relationships",
                    hint=f"See {self.home / 'logs' / 'import.report'} for the reasons.",
                )
            return report

    @property
    def has_unfinished_import(self) -> bool:
        """Whether an import was started and not finished."""
        return self._unfinished_import.exists()

    def _refuse_unfinished(self) -> None:
        if self.has_unfinished_import:
            raise ServerError(
                f"a bulk load or a restore of graph {self.name!r} was not finished",
                hint="Repeat the same `kgsynth load --bulk` or `kgsynth db restore`, or start over with "
                f"`{self._command('reset')}`.",
            )

    def finish_import(self) -> None:
        """Mark the imported database complete, so that it can be started."""
        self._unfinished_import.unlink(missing_ok=True)

    @property
    def _unfinished_import(self) -> Path:
        return self.home / "import.unfinished"

    def dump(self, path: Path) -> int:
        """Write the graph's database to one file, atomically; a running server is stopped meanwhile.

        Args:
            path: path of the file; an existing file is replaced.

        Returns:
            The size of the file in bytes.

        Raises:
            ServerError: the graph was never started, or the tool fails.
        """
        if self._settings() is None:
            raise ServerError(f"graph {self.name!r} was never started: there is nothing to dump")
        self._refuse_unfinished()
        with self._locked():
            was_running = self._stop()
            try:
                # On the disk of the file, so that it appears complete or not at all.
                name = f".kgsynth-dump-{content_hash([str(self.home)])[:12]}"
                with temporary_folder(path.absolute().parent / name) as folder:
                    self._admin(["database", "dump", "neo4j", f"--to-path={folder}"], target=path.absolute().parent)
                    (folder / "neo4j.dump").chmod(0o600)
                    (folder / "neo4j.dump").replace(path)
            finally:
                if was_running:
                    self._start_again()
        return path.stat().st_size

    def restore(self, path: Path) -> None:
        """Replace the graph's database by the content of a dump file; a running server is stopped meanwhile.

        A dump of an older Neo4j is migrated to the graph's version. If this call is killed, the graph does not start
        until the call is repeated.

        Args:
            path: path of the dump file.

        Raises:
            ServerError: the file is not a dump, or it is from a newer Neo4j.
        """
        with self._stopped() as was_running:
            try:
                with temporary_folder(self.home / "restore") as folder:
                    link = folder / "neo4j.dump"
                    link.symlink_to(path.absolute())
                    # Check the file first, so that a file that is not a dump cannot destroy the database.
                    try:
                        self._admin(["database", "load", "neo4j", f"--from-path={folder}", "--info"])
                    except ServerError as error:
                        if error.hint:  # the disk is full
                            raise
                        reason = str(error).partition(f"'{link}': ")[2].partition("\n")[0]
                        raise ServerError(
                            f"{path} is no dump of a graph" + (f": {reason}" if reason else ""),
                            hint="Give a file that `kgsynth db dump FILE` wrote. The graph is as before.",
                        ) from error
                    self._unfinished_import.touch()
                    self._admin(["database", "load", "neo4j", f"--from-path={folder}", "--overwrite-destination=true"])
                self._admin(["database", "migrate", "neo4j"])
                self.finish_import()
            finally:
                if was_running and not self.has_unfinished_import:
                    self._start_again()

    @contextmanager
    def _stopped(self) -> Iterator[bool]:
        """Context with a configured home and a stopped, locked server; yields whether the server was running."""
        self._make_home()
        with self._locked():
            was_running = self._stop()
            self.install()
            self._write_configuration(self._chosen_settings(heap_mib=None, page_cache_mib=None, new_ports=False))
            self._make_password()
            yield was_running

    def _start_again(self) -> None:
        """Start with the present configuration; the caller holds the lock."""
        settings = self._settings()
        if settings is None:
            return
        self._spawn(settings)
        self._wait_until_ready()

    def _refuse_small_disk(self, files: ImportFiles) -> None:
        free, needed = shutil.disk_usage(self.home).free, files.store_bytes
        if free < needed:
            raise ServerError(
                f"the disk of {self.home} has {free / 2**30:,.1f} GiB free; this import needs about "
                f"{needed / 2**30:,.1f} GiB in addition to its files",
                hint="Free some space, or set KGSYNTH_HOME to another disk.",
            )

    def _admin(
        self,
        arguments: Sequence[str],
        *,
        heap_mib: int = 512,
        timeout_s: float | None = None,
        target: Path | None = None,
    ) -> str:
        return admin.run(
            arguments,
            java=self._java().executable,
            class_path=self._class_path(),
            home=self.home,
            java_options=(*_OPENS, *self.version.java_options),
            heap_mib=heap_mib,
            timeout_s=timeout_s,
            lock=self._lock,
            target=target,
        )

    def _java(self) -> java.Java:
        return java.find_java(
            self.version, java_home=self._environment.java_home, search_path=self._environment.search_path
        )

    def _class_path(self) -> str:
        return f"{jars.store_folder(self._environment.jars, self.version)}/*"

    def _command(self, verb: str) -> str:
        return f"kgsynth --graph {self.name} db {verb}"

    @property
    def _state_file(self) -> Path:
        return self.home / "state.json"

    @property
    def _settings_file(self) -> Path:
        return self.home / "settings.json"

    def _make_home(self) -> None:
        try:
            for folder in ("conf", "logs", "data"):
                (self.home / folder).mkdir(parents=True, exist_ok=True)
            self.home.chmod(0o700)
        except OSError as error:
            raise ServerError(
                f"the folder {self.home} cannot be created: {error}",
                hint="Set KGSYNTH_HOME to a folder that you can write to.",
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.home / "lock").open("w") as file:
            deadline = time.monotonic() + _LOCK_TIMEOUT_S
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise ServerError(
                            f"graph {self.name!r} has been locked for minutes by another kgsynth, or by an import, "
                            "dump or restore whose command was killed",
                            hint=f"Wait for that process or end it; `lsof {self.home / 'lock'}` shows which it is.",
                        ) from None
                    time.sleep(_POLL_S)
            self._lock = file.fileno()
            try:
                yield
            finally:
                self._lock = None

    def _settings(self) -> ServerSettings | None:
        try:
            return ServerSettings(**json.loads(self._settings_file.read_text(encoding="utf-8")))
        except OSError:
            return None
        except (ValueError, TypeError) as error:
            raise ServerError(
                f"{self._settings_file} is damaged: {error}", hint="Delete it; kgsynth then chooses new ports."
            ) from error

    def _chosen_settings(self, *, heap_mib: int | None, page_cache_mib: int | None, new_ports: bool) -> ServerSettings:
        stored = self._settings()
        ports = self._free_ports() if stored is None or new_ports else (stored.bolt_port, stored.http_port)
        base = stored or ServerSettings(bolt_port=ports[0], http_port=ports[1], version=self.version.number)
        settings = ServerSettings(
            bolt_port=ports[0],
            http_port=ports[1],
            version=base.version,
            heap_mib=heap_mib or base.heap_mib,
            page_cache_mib=page_cache_mib or base.page_cache_mib,
        )
        _write_atomically(self._settings_file, json.dumps(asdict(settings)))
        return settings

    def _free_ports(self) -> tuple[int, int]:
        taken = set()
        for path in self._environment.graphs.glob("*/settings.json"):
            with suppress(OSError, ValueError, KeyError):
                other = json.loads(path.read_text(encoding="utf-8"))
                taken |= {other["bolt_port"], other["http_port"]}
        # The offset depends on the home, because other homes and users do not know the ports of stopped graphs here.
        offset = int(content_hash([str(self.home)])[:8], 16) % _PORT_SPREAD
        bolt, http = (_free_port(first + offset, taken) for first in _FIRST_PORTS)
        return bolt, http

    def _refuse_taken_ports(self, settings: ServerSettings) -> None:
        for port in (settings.bolt_port, settings.http_port):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise ServerError(
                        f"port {port} of graph {self.name!r} is taken by another program",
                        hint=f"Stop that program, or choose new ports: `{self._command('start')} --new-ports`.",
                    ) from error

    def _refuse_full_disk(self) -> None:
        logs = self.home / "data" / "transactions"
        new = [name for name in _DATABASES if not any((logs / name).glob("neostore.transaction.db.*"))]
        free, needed = shutil.disk_usage(self.home).free, _START_BYTES + len(new) * _NEW_DATABASE_BYTES
        if free < needed:
            reason = f", {len(new) * _NEW_DATABASE_BYTES / 2**20:,.0f} of them for transaction logs" if new else ""
            raise ServerError(
                f"the disk of {self.home} has {free / 2**20:,.0f} MiB free; Neo4j needs {needed / 2**20:,.0f} MiB to "
                f"start this graph{reason}",
                hint="Free some space, or set KGSYNTH_HOME to another disk.",
            )

    def _write_configuration(self, settings: ServerSettings) -> None:
        memory = self._memory(settings)
        lines = {
            "server.default_listen_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{settings.bolt_port}",
            # Without this setting the server tells the Browser to connect to port 7687.
            "server.bolt.advertised_address": f"127.0.0.1:{settings.bolt_port}",
            "server.http.listen_address": f"127.0.0.1:{settings.http_port}",
            "server.http.advertised_address": f"127.0.0.1:{settings.http_port}",
            "server.https.enabled": "false",
            "dbms.usage_report.enabled": "false",
            "client.allow_telemetry": "false",
            "dbms.security.auth_enabled": "true",
            "dbms.security.allow_csv_import_from_file_urls": "false",
            "server.memory.heap.initial_size": f"{min(256, memory.heap_mib)}m",
            "server.memory.heap.max_size": f"{memory.heap_mib}m",
            "server.memory.pagecache.size": f"{memory.page_cache_mib}m",
            # The graph can be rebuilt from its documents, so logs for more than one recovery would only fill the disk.
            "db.tx_log.rotation.retention_policy": "1 files",
            **self.version.settings,
        }
        text = "# Written by kgsynth at every start; changes here are lost.\n"
        text += "".join(f"{key}={value}\n" for key, value in lines.items())
        _write_atomically(self.home / "conf" / "neo4j.conf", text)

    def _make_password(self) -> None:
        if self.password_file.is_file():
            return
        # The tool reads its argument from a file (`@file`), because a command line is visible to all users. The file is
        # renamed last, so that a call that was killed before is simply repeated.
        new = self.password_file.with_name("password.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"k{secrets.token_urlsafe(18)}\n")  # a leading - would be read as an option
        self._admin(["dbms", "set-initial-password", f"@{new}"], timeout_s=_START_TIMEOUT_S)
        new.replace(self.password_file)

    def _spawn(self, settings: ServerSettings) -> None:
        heap_mib = self._memory(settings).heap_mib
        # A killed server leaves the unpacked Browser there; in the system's folder each would stay.
        temporary = self.home / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        command = [
            str(self._java().executable),
            *_OPENS,
            *self.version.java_options,
            f"-Xms{min(256, heap_mib)}m",
            f"-Xmx{heap_mib}m",
            "-XX:+UseG1GC",
            "-Dfile.encoding=UTF-8",
            f"-Djava.io.tmpdir={temporary}",
            "-cp",
            f"{self.home}/conf/*:{self._class_path()}",
            self.version.main_class,
            f"--home-dir={self.home}",
            f"--config-dir={self.home}/conf",
            "--console-mode",
        ]
        # The server is started through a shell that exits at once, so that it is not a child of this process: it
        # outlives this process and leaves no zombie when it ends.
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$@" >"$KGSYNTH_LOG" 2>&1 </dev/null & echo $!', "sh", *command],
            env=config.process_environment(KGSYNTH_LOG=str(self.console_log)),
            start_new_session=True,
            capture_output=True,
            text=True,
            cwd=self.home,
            check=False,
        )
        try:
            pid = int(shell.stdout)
            state = _identity(pid)
        except (ValueError, psutil.Error) as error:
            raise ServerError(f"Neo4j could not be started: {shell.stderr or error}", hint=self._tail_hint()) from error
        _write_atomically(self._state_file, json.dumps(state))

    def _running_pid(self) -> int | None:
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(state["pid"]))
            # Versions of kgsynth before 0.1.0 wrote the time of the start.
            is_same = (
                abs(process.create_time() - float(state["started"])) < 0.01
                if "started" in state
                else _identity(process.pid) == state
            )
            return process.pid if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, psutil.Error):
            return None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        problem = "its port stays closed"
        while time.monotonic() < deadline:
            if self._running_pid() is None:
                self._state_file.unlink(missing_ok=True)
                raise ServerError(f"the Neo4j of graph {self.name!r} ended while starting", hint=self._tail_hint())
            if not self._listens():
                time.sleep(_POLL_S)
                continue
            try:
                with self.connect(after_import=True) as graph:
                    # The server answers even when the store is unreadable; then only the database stays offline.
                    failure = graph.database_failure()
                    if failure:
                        problem = f"{failure} {_UNREADABLE_STORE}"
                        break
                    graph.verify()
            except GraphUnavailableError as error:
                problem = str(error)
                time.sleep(_POLL_S)
            except GraphError as error:
                # A wrong password must end the wait at once, because three attempts lock the account.
                raise ServerError(
                    f"the Neo4j of graph {self.name!r} runs but refuses the password in {self.password_file}: {error}",
                    hint=f"Write the right password to that file, or start over with `{self._command('reset')}`.",
                ) from error
            else:
                return
        hint = self._tail_hint(problem)
        self._stop()
        raise ServerError(f"the Neo4j of graph {self.name!r} does not start: {problem}", hint=hint)

    def _listens(self) -> bool:
        """Whether the server itself, not another program, listens on its port."""
        settings, pid = self._settings(), self._running_pid()
        if settings is None or pid is None or not _answers(settings.bolt_port):
            return False
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except psutil.Error:
            return True  # some systems do not allow this query
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == settings.bolt_port
            for connection in connections
        )

    def _diagnosis(self, problem: str) -> str:
        text = problem + "\n".join(self.last_log_lines(200))
        with suppress(OSError):
            text += (self.home / "logs" / "debug.log").read_text(encoding="utf-8", errors="replace")[-200_000:]
        return next((advice for symptom, advice in _DIAGNOSES if symptom in text), "")

    def _tail_hint(self, problem: str = "") -> str:
        diagnosis = self._diagnosis(problem)
        lines = "\n".join("  " + line for line in self.last_log_lines())
        return (f"Likely {diagnosis}.\n" if diagnosis else "") + f"The last lines of {self.console_log}:\n{lines}"


def _free_port(first: int, taken: set[int]) -> int:
    for port in range(first, first + 1000):
        if port in taken:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerError(f"there is no free port from {first} to {first + 999}")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write_atomically(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise ServerError(
            f"{path} could not be written: {error}",
            hint="Check that the disk is not full and that you can write to the folder.",
        ) from error
