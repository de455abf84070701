"""Tests of `kgsynth.graph.jars`."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kgsynth.errors import DownloadError
from kgsynth.graph import jars
from kgsynth.graph.jars import Jar


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
    with pytest.raises(
        DownloadError, match=r"b-1\.0\.jar could not be downloaded from .* in 3 attempts: 404"
    ) as caught:
        jars.install(tmp_path / "store", base_url=url)
    assert "KGSYNTH_MAVEN_URL" in caught.value.hint
