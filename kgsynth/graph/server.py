"""A managed local Neo4j Community: installed, started, watched and stopped by kgsynth, without Docker or root.

One home a graph holds data, logs, configuration, the password (mode 0600), the ports (chosen once) and the state (pid
and start time, so that a reused pid is never taken for the server). Everything listens on loopback only.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from kgsynth import config
from kgsynth.errors import ConfigError, GraphError, GraphUnavailableError, ServerError
from kgsynth.graph import admin, jars, java
from kgsynth.graph.import_files import NODES, RELATIONSHIPS, ImportFiles
from kgsynth.graph.session import Graph
from kgsynth.graph.versions import DEFAULT, Version, version
from kgsynth.progress import Progress
from kgsynth.records import content_hash

_OPENS = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
)
# Seen: 4-8 s on two quiet cores, 25 s on a loaded machine; recovery after a kill of a large store takes longer.
_START_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 60.0
_LOCK_TIMEOUT_S = 200.0
_POLL_S = 0.25
# A fresh store takes 500 MB with its transaction logs (preallocated 256 MiB each for neo4j and system).
_MIN_FREE_BYTES = 700 * 2**20
_LAST_LINES = 15
_LEAST_HEAP_MIB, _MOST_HEAP_MIB, _LEAST_PAGE_CACHE_MIB = 1024, 4096, 512
# The import keeps its caches outside the heap; half of what is free leaves room for its files in the page cache.
_IMPORT_HEAP_MIB = 1024
_IMPORT_MEMORY = "50%"

# Below the range from which Linux hands out ports to connections, and apart from Neo4j's own 7687 and 7474, so that a
# kept port is still free at the next start.
_FIRST_PORTS = (17687, 24474)
_PORT_SPREAD = 5000

_UNREADABLE_STORE = "(the store is unreadable)"
_DIAGNOSES = (
    (
        "Address already in use",
        "another program listens on the port: stop it, or choose new ports with `kgsynth db start --new-ports`",
    ),
    ("No space left on device", "the disk is full: make room and start again"),
    ("There is not enough space", "the disk is full: make room and start again"),
    ("is locked", "another Neo4j uses this store: stop it first"),
    (
        "newer version",
        "the store was written by a newer Neo4j: use that version, or start afresh with `kgsynth db reset`",
    ),
    (
        "does not support",
        "the store was written by another Neo4j: use that version, or start afresh with `kgsynth db reset`",
    ),
    (
        "Unknown store version",
        "the store was written by another Neo4j: use that version, or start afresh with `kgsynth db reset`",
    ),
    (
        "could not be read. Unknown",
        "the store was written by another Neo4j: use that version, or start afresh with `kgsynth db reset`",
    ),
    (
        _UNREADABLE_STORE,
        "the store is damaged or was written by another Neo4j: use that version, or start afresh with "
        "`kgsynth db reset`",
    ),
    ("UnsupportedClassVersionError", "this Java is too old: set KGSYNTH_JAVA_HOME to one that this Neo4j runs on"),
    ("Could not reserve enough space", "the heap does not fit this machine: give a smaller `--heap-mib`"),
    ("Invalid maximum heap size", "the heap does not fit this machine: give `--heap-mib`"),
    ("insufficient memory", "there is not enough free memory for the heap: give a smaller `--heap-mib`"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a server gets, in MiB."""

    heap_mib: int
    page_cache_mib: int


def memory_for(machine_bytes: int, store_bytes: int) -> Memory:
    """Heap and page cache that suit a machine and a store.

    An eighth of the machine for the heap, from 1 to 4 GiB. For the page cache a third of the machine, and of a larger
    store so much more that it fits with a fifth to grow, up to half: a model and other graphs want to run beside it.
    (`neo4j-admin server memory-recommendation` gives Neo4j the whole machine.) Neo4j takes memory for pages as it reads
    them, so a small graph takes little, and one that grows need not be started again.
    """
    machine, store = machine_bytes // 2**20, store_bytes // 2**20
    return Memory(
        heap_mib=min(max(machine // 8, _LEAST_HEAP_MIB), _MOST_HEAP_MIB),
        page_cache_mib=max(_LEAST_PAGE_CACHE_MIB, min(max(store * 6 // 5, machine // 3), machine // 2)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What is chosen once for a graph and kept: ports, the version of Neo4j, and memory in MiB where it was given."""

    bolt_port: int
    http_port: int
    version: str = DEFAULT.number
    heap_mib: int | None = None
    page_cache_mib: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What `kgsynth db status` shows; `pid` is None when the server does not run."""

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
        """Whether the process is there."""
        return self.pid is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What the import tool says of what it made."""

    nodes: int
    relationships: int
    seconds: float
    peak_memory: str

    @classmethod
    def of(cls, said: str, *, seconds: float) -> "ImportReport":
        """From what the tool printed."""

        def number(what: str) -> int:
            found = re.search(rf"^\s*(\d+) {what}$", said, re.MULTILINE)
            return int(found.group(1)) if found else 0

        peak = re.search(r"Peak memory usage: (\S+)", said)
        return cls(
            nodes=number("nodes"),
            relationships=number("relationships"),
            seconds=seconds,
            peak_memory=peak.group(1) if peak else "",
        )


class ManagedServer:
    """The managed Neo4j of one graph."""

    username = "neo4j"

    def __init__(self, environment: config.Environment, name: str) -> None:
        """Look at nothing yet.

        Args:
            environment: where kgsynth keeps things.
            name: the graph, letters, digits, `-` and `_`.

        Raises:
            ConfigError: the name is not usable as a folder.
        """
        if not name or not all(char.isalnum() or char in "-_" for char in name):
            raise ConfigError(f"graph name {name!r}: use letters, digits, '-' and '_'")
        self.name = name
        self.home = environment.graphs / name
        self._environment = environment
        # The file that keeps others off the graph, while this has it.
        self._lock: int | None = None

    @property
    def password_file(self) -> Path:
        """The file with the password, mode 0600."""
        return self.home / "password"

    @property
    def console_log(self) -> Path:
        """What the server prints."""
        return self.home / "logs" / "console.log"

    def password(self) -> str:
        """The password.

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
        """Fetch the jars that are missing and find a Java; returns how many jars were fetched.

        Raises:
            DownloadError: a jar could not be fetched; ServerError: there is no suitable Java.
        """
        self._java()
        return jars.install(
            self._environment.jars, self.version, base_url=self._environment.maven_url, progress=progress
        )

    @property
    def version(self) -> Version:
        """The version of Neo4j that the graph's store belongs to, or will.

        Raises:
            ConfigError: KGSYNTH_NEO4J is none that is managed.
        """
        settings = self._settings()
        return version(settings.version if settings else self._environment.neo4j_version)

    def status(self) -> ServerStatus:
        """What is known without asking the server."""
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
        """What the server gets: what the user gave, else what suits the machine and the store."""
        chosen = memory_for(psutil.virtual_memory().total, self._store_bytes())
        if settings is None:
            return chosen
        return Memory(
            heap_mib=settings.heap_mib or chosen.heap_mib,
            page_cache_mib=settings.page_cache_mib or chosen.page_cache_mib,
        )

    def connect(self, *, after_import: bool = False) -> Graph:
        """A connection to the running server.

        Args:
            after_import: also to an imported database that is not finished yet.

        Raises:
            ServerError: it was never started, or its database is half there.
        """
        if not after_import:
            self._refuse_unfinished()
        settings = self._settings()
        if settings is None:
            raise ServerError(f"graph {self.name!r} was never started", hint=f"Start it: `{self._command('start')}`.")
        if self._running_pid() is None:
            # Whoever listens on the port now is not ours and must not get the password.
            raise GraphUnavailableError(
                f"graph {self.name!r} is not running", hint=f"Start it: `{self._command('start')}`."
            )
        return Graph(f"bolt://127.0.0.1:{settings.bolt_port}", username=self.username, password=self.password())

    def start(
        self,
        *,
        heap_mib: int | None = None,
        page_cache_mib: int | None = None,
        new_ports: bool = False,
        after_import: bool = False,
        progress: Progress | None = None,
    ) -> bool:
        """Start the server and wait until it answers; False when it ran already. Two calls at once start one server.

        Args:
            heap_mib: Java heap from now on.
            page_cache_mib: page cache from now on.
            new_ports: choose other ports than the kept ones.
            after_import: start an imported database that is not finished yet.
            progress: told about downloads.

        Raises:
            ServerError: it does not come up; the message ends with its last log lines.
            DownloadError: jars are missing and cannot be fetched.
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
            self._make_password()
            self._spawn(settings)
            self._wait_until_ready()
            return True

    def stop(self) -> bool:
        """Stop the server cleanly and wait until it is gone; False when it did not run.

        Raises:
            ServerError: it is still there after a minute.
        """
        if not self.home.is_dir():
            return False
        with self._locked():
            return self._stop()

    def _stop(self, how: signal.Signals = signal.SIGTERM) -> bool:
        pid = self._running_pid()
        if pid is None:
            self._state_file.unlink(missing_ok=True)
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while self._running_pid() is not None:
            if time.monotonic() > deadline:
                raise ServerError(
                    f"Neo4j (pid {pid}) has not stopped in {_STOP_TIMEOUT_S:.0f} s", hint=self._tail_hint()
                )
            time.sleep(_POLL_S)
        self._state_file.unlink(missing_ok=True)
        return True

    def reset(self) -> None:
        """Stop the server and delete the graph's home: data, logs, password, ports."""
        if not self.home.is_dir():
            return
        with self._locked():
            self._stop(signal.SIGKILL)  # there is nothing to keep
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
        """Command line and environment of a cypher-shell on this graph; the password is not on the command line.

        Raises:
            ServerError: the graph was never started, or there is no Java.
            DownloadError: the shell's jars are missing and cannot be fetched.
        """
        status = self.status()
        if not status.bolt_url:
            raise ServerError(f"graph {self.name!r} was never started", hint=f"Start it: `{self._command('start')}`.")
        version_of_shell = self.version if self.version.has_shell else DEFAULT
        if version_of_shell is not self.version:
            jars.install(self._environment.jars, version_of_shell, base_url=self._environment.maven_url)
        class_path = f"{jars.store_folder(self._environment.jars, version_of_shell)}/*"
        options = self.version.java_options
        command = [str(self._java().executable), *options, "-cp", class_path, "org.neo4j.shell.Main"]
        return command, {
            "NEO4J_ADDRESS": status.bolt_url,
            "NEO4J_USERNAME": self.username,
            "NEO4J_PASSWORD": self.password(),
        }

    def import_files(self, files: ImportFiles) -> ImportReport:
        """Make the graph's database from files, in place of what it holds; the server is stopped first.

        Until `finish_import` is called the graph does not start, except with `start(after_import=True)`: a database
        that is half there must not look like one.

        Args:
            files: closed.

        Raises:
            ServerError: the disk is too small, the tool fails, or it did not take all that the files hold.
        """
        with self._stopped():
            self._refuse_small_disk(files)
            self._unfinished_import.touch()
            began = time.monotonic()
            said = self._admin(
                [
                    *("database", "import", "full", "neo4j", "--overwrite-destination", "--id-type=integer"),
                    *("--bad-tolerance=0", f"--report-file={self.home / 'logs' / 'import.report'}"),
                    *(f"--max-off-heap-memory={_IMPORT_MEMORY}", f"--read-buffer-size={files.read_buffer_bytes}"),
                    *files.arguments(),
                ],
                heap_mib=_IMPORT_HEAP_MIB,
            )
            made = ImportReport.of(said, seconds=time.monotonic() - began)
            wanted = (sum(files.counts[kind] for kind in NODES), sum(files.counts[kind] for kind in RELATIONSHIPS))
            if (made.nodes, made.relationships) != wanted:
                raise ServerError(
                    f"the import made {made.nodes:,} nodes and {made.relationships:,} relationships of {wanted[0]:,} "
                    f"and {wanted[1]:,}",
                    hint=f"Look at {self.home / 'logs' / 'import.report'}.",
                )
            return made

    @property
    def has_unfinished_import(self) -> bool:
        """Whether an import was begun and not finished."""
        return self._unfinished_import.exists()

    def _refuse_unfinished(self) -> None:
        if self.has_unfinished_import:
            raise ServerError(
                f"a bulk load or a restore of graph {self.name!r} was not finished",
                hint="Give the same `kgsynth load --bulk` or `kgsynth db restore` again, or start afresh with "
                f"`{self._command('reset')}`.",
            )

    def finish_import(self) -> None:
        """The database that was imported is whole, and may be started from now on."""
        self._unfinished_import.unlink(missing_ok=True)

    @property
    def _unfinished_import(self) -> Path:
        return self.home / "import.unfinished"

    def dump(self, path: Path) -> int:
        """Write the graph's database into one file, whole or not at all; a running server is stopped meanwhile.

        Args:
            path: of the file; an existing one is replaced.

        Returns:
            Bytes written.

        Raises:
            ServerError: the graph was never started, or the tool fails.
        """
        if self._settings() is None:
            raise ServerError(f"graph {self.name!r} was never started: there is nothing to dump")
        self._refuse_unfinished()
        with self._locked():
            was_running = self._stop()
            try:
                with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".kgsynth-dump-") as desk:
                    self._admin(["database", "dump", "neo4j", f"--to-path={desk}"])
                    (Path(desk) / "neo4j.dump").replace(path)
            finally:
                if was_running:
                    self._start_again()
        return path.stat().st_size

    def restore(self, path: Path) -> None:
        """Make the graph's database from the file of a dump, in place of what it holds; it is stopped for it.

        A dump of an older Neo4j is brought to the form of this graph's. Killed, the graph does not start until the same
        call is made again.

        Args:
            path: the file.

        Raises:
            ServerError: it is no dump, or one of a newer Neo4j.
        """
        with self._stopped() as was_running:
            try:
                with tempfile.TemporaryDirectory(dir=self.home, prefix="restore-") as desk:
                    (Path(desk) / "neo4j.dump").symlink_to(path.absolute())
                    # Looked at first, so that a file that is no dump does no harm.
                    self._admin(["database", "load", "neo4j", f"--from-path={desk}", "--info"])
                    self._unfinished_import.touch()
                    self._admin(["database", "load", "neo4j", f"--from-path={desk}", "--overwrite-destination=true"])
                self._admin(["database", "migrate", "neo4j"])
                self.finish_import()
            finally:
                if was_running and not self.has_unfinished_import:
                    self._start_again()

    @contextmanager
    def _stopped(self) -> Iterator[bool]:
        """For a block: the home is there and configured, the server stopped and kept from starting; whether it ran."""
        self._make_home()
        with self._locked():
            was_running = self._stop()
            self.install()
            self._write_configuration(self._chosen_settings(heap_mib=None, page_cache_mib=None, new_ports=False))
            self._make_password()
            yield was_running

    def _start_again(self) -> None:
        """Start with what is configured; the lock is held."""
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
                f"{needed / 2**30:,.1f} GiB beside its files",
                hint="Make room, or set KGSYNTH_HOME to another disk.",
            )

    def _admin(self, arguments: Sequence[str], *, heap_mib: int = 512, timeout_s: float | None = None) -> str:
        return admin.run(
            arguments,
            java=self._java().executable,
            class_path=self._class_path(),
            home=self.home,
            java_options=(*_OPENS, *self.version.java_options),
            heap_mib=heap_mib,
            timeout_s=timeout_s,
            lock=self._lock,
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
                f"{self.home} cannot be made: {error}", hint="Set KGSYNTH_HOME to a folder of yours."
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
                            f"graph {self.name!r} has been held for minutes, by another kgsynth or by an import, dump "
                            "or restore whose command was killed",
                            hint=f"Wait for it, or end it; `lsof {self.home / 'lock'}` says which process it is.",
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
                f"{self._settings_file} is damaged: {error}", hint="Delete it: new ports are chosen then."
            ) from error

    def _chosen_settings(self, *, heap_mib: int | None, page_cache_mib: int | None, new_ports: bool) -> ServerSettings:
        kept = self._settings()
        ports = self._free_ports() if kept is None or new_ports else (kept.bolt_port, kept.http_port)
        base = kept or ServerSettings(bolt_port=ports[0], http_port=ports[1], version=self.version.number)
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
        # Spread over homes and users, which do not know of each other's stopped graphs.
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
        free = shutil.disk_usage(self.home).free
        if free < _MIN_FREE_BYTES:
            raise ServerError(
                f"the disk of {self.home} has {free / 2**20:,.0f} MiB free; Neo4j needs "
                f"{_MIN_FREE_BYTES / 2**20:,.0f} MiB to start",
                hint="Make room, or set KGSYNTH_HOME to another disk.",
            )

    def _write_configuration(self, settings: ServerSettings) -> None:
        memory = self._memory(settings)
        lines = {
            "server.default_listen_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{settings.bolt_port}",
            # Without it the Browser is told to connect to 7687.
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
            # The graph can be rebuilt from its documents: logs for more than one recovery only fill the disk.
            "db.tx_log.rotation.retention_policy": "1 files",
            **self.version.settings,
        }
        text = "# Written by kgsynth at every start; changes here are lost.\n"
        text += "".join(f"{key}={value}\n" for key, value in lines.items())
        _write_atomically(self.home / "conf" / "neo4j.conf", text)

    def _make_password(self) -> None:
        if self.password_file.is_file():
            return
        # The tool reads its argument from the file (`@file`): on a command line everybody could see it. The file gets
        # its name last, so that a call that was killed in between is simply done again.
        new = self.password_file.with_name("password.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"k{secrets.token_urlsafe(18)}\n")  # a leading - would read as an option
        self._admin(["dbms", "set-initial-password", f"@{new}"], timeout_s=_START_TIMEOUT_S)
        new.replace(self.password_file)

    def _spawn(self, settings: ServerSettings) -> None:
        heap_mib = self._memory(settings).heap_mib
        command = [
            str(self._java().executable),
            *_OPENS,
            *self.version.java_options,
            f"-Xms{min(256, heap_mib)}m",
            f"-Xmx{heap_mib}m",
            "-XX:+UseG1GC",
            "-Dfile.encoding=UTF-8",
            "-cp",
            f"{self.home}/conf/*:{self._class_path()}",
            self.version.main_class,
            f"--home-dir={self.home}",
            f"--config-dir={self.home}/conf",
            "--console-mode",
        ]
        # Through a shell that ends at once, so that the server is nobody's child: it outlives this process and leaves
        # no zombie here when it ends.
        done = subprocess.run(
            ["/bin/sh", "-c", '"$@" >"$KGSYNTH_LOG" 2>&1 </dev/null & echo $!', "sh", *command],
            env=config.process_environment(KGSYNTH_LOG=str(self.console_log)),
            start_new_session=True,
            capture_output=True,
            text=True,
            cwd=self.home,
            check=False,
        )
        try:
            pid = int(done.stdout)
            state = {"pid": pid, "started": psutil.Process(pid).create_time()}
        except (ValueError, psutil.Error) as error:
            raise ServerError(f"Neo4j could not be started: {done.stderr or error}", hint=self._tail_hint()) from error
        _write_atomically(self._state_file, json.dumps(state))

    def _running_pid(self) -> int | None:
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(state["pid"]))
            is_same = abs(process.create_time() - float(state["started"])) < 0.01
            return process.pid if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, psutil.Error):
            return None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        problem = "its port stays closed"
        while time.monotonic() < deadline:
            if self._running_pid() is None:
                self._state_file.unlink(missing_ok=True)
                raise ServerError(f"Neo4j of graph {self.name!r} ended while starting", hint=self._tail_hint())
            if not self._listens():
                time.sleep(_POLL_S)
                continue
            try:
                with self.connect(after_import=True) as graph:
                    # The server answers even when the store is unreadable; then only its database never comes up.
                    failure = graph.database_failure()
                    if failure:
                        problem = f"{failure} {_UNREADABLE_STORE}"
                        break
                    graph.verify()
            except GraphUnavailableError as error:
                problem = str(error)
                time.sleep(_POLL_S)
            except GraphError as error:
                # A wrong password must end the wait at once: three tries lock the account.
                raise ServerError(
                    f"the Neo4j of graph {self.name!r} runs but refuses the password in {self.password_file}: {error}",
                    hint=f"Put the right password into that file, or start afresh with `{self._command('reset')}`.",
                ) from error
            else:
                return
        hint = self._tail_hint(problem)
        self._stop()
        raise ServerError(f"Neo4j of graph {self.name!r} does not come up: {problem}", hint=hint)

    def _listens(self) -> bool:
        """Whether the server itself, and no other program, listens on its port."""
        settings, pid = self._settings(), self._running_pid()
        if settings is None or pid is None or not _answers(settings.bolt_port):
            return False
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except psutil.Error:
            return True  # not every system lets one look
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == settings.bolt_port for one in connections)

    def _diagnosis(self, problem: str) -> str:
        text = problem + "\n".join(self.last_log_lines(200))
        with suppress(OSError):
            text += (self.home / "logs" / "debug.log").read_text(encoding="utf-8", errors="replace")[-200_000:]
        return next((advice for sign, advice in _DIAGNOSES if sign in text), "")

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
    raise ServerError(f"no free port from {first} to {first + 999}")


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
            f"{path} could not be written: {error}", hint="Is the disk full, or the folder not yours?"
        ) from error
