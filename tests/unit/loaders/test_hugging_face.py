"""Tests of `kgsynth_loaders.hugging_face`."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kgsynth.errors import ConfigError, MissingExtraError
from kgsynth_loaders import (
    hugging_face,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts

_COMMIT = "a" * 40


_CARD = b"""---
license: cc-by-4.0
configs:
- {config_name: default, data_files: [{split: train, path: "train-*.parquet"}, {split: test, path: test.parquet}]}
- {config_name: small, data_files: test.parquet}
---
"""


def _table(*texts: str) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table({"id": [text[:1] for text in texts], "text": list(texts)}), held)
    return held.getvalue()


_LINES = b'{"text": "e one"}\n{"text": "f two", "license": "mit"}\n'


_DATA = {
    "owner/notes": {
        "README.md": _CARD,
        "train-0.parquet": _table("a one", "b two"),
        "train-1.parquet": _table("c three"),
        "test.parquet": _table("d four"),
    },
    "owner/lines": {"train.jsonl": _LINES},
    "owner/named": {"train.jsonl": b'{"body": "one"}\n'},
    "owner/cut": {"train.parquet": _table("a one")[:-30]},
}


class _Hub(BaseHTTPRequestHandler):
    """What `datasets` asks of the hub: the data set, its tree, its files and ranges of them."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content_Length": str(len(body))}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        kind, *parts = path.removeprefix("api/").split("/")
        name, rest = "/".join(parts[:2]), parts[2:]
        files = _DATA.get(name)
        if name == "owner/dead":
            self.close_connection = True
        elif kind != "datasets" or name == "owner/gated" or files is None:
            self._reply(401, X_Error_Code="GatedRepo" if name == "owner/gated" else "RepoNotFound")
        elif rest[:1] == ["resolve"]:
            self._file(files.get("/".join(rest[2:])))
        elif rest[:1] == ["tree"]:
            folder = "/".join(rest[2:])
            found = [(path, len(data)) for path, data in files.items() if path.rpartition("/")[0] == folder]
            entries = [{"type": "file", "path": path, "size": size, "oid": path} for path, size in found]
            self._reply(200, json.dumps(entries).encode())
        else:
            self._reply(200, json.dumps({"id": name, "sha": _COMMIT, "siblings": []}).encode())

    def _file(self, data: bytes | None) -> None:
        if data is None:
            self._reply(404, X_Error_Code="EntryNotFound")
            return
        # The files are so small that each range asked for is a whole file.
        self._reply(200, data, ETag=f'"{hashlib.sha1(data).hexdigest()}"', X_Repo_Commit=_COMMIT)

    do_GET = do_POST = do_HEAD = _answer  # noqa: N815


_PROGRAM = """
import json, sys, time
from kgsynth.settings import FieldNames
from kgsynth.errors import ConfigError
from kgsynth_loaders import auto
time.sleep = lambda seconds: None  # between tries at a server that is gone
for source in sys.argv[1:]:
    try:
        print(json.dumps([(one.text, one.license, one.source) for one in auto.documents(source, FieldNames())]))
    except ConfigError as error:
        print(json.dumps([str(error), error.hint]))
"""


@pytest.mark.slow
def test_data_sets_are_streamed_from_the_hub_and_what_is_wrong_is_said(tmp_path: Path) -> None:
    sources = "notes notes:small lines named cut notes:absent none gated dead".split()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *(f"hf://owner/{source}" for source in sources)],
            env=environment | {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            timeout=300,
            check=True,
        )
        server.shutdown()
    found = dict(zip(sources, map(json.loads, done.stdout.splitlines()), strict=True))
    texts = ("a one", "b two", "c three", "d four")
    assert found["notes"] == [[text, "cc-by-4.0", "hf://owner/notes"] for text in texts]
    assert found["notes:small"] == found["notes"][3:]
    assert [one[:2] for one in found["lines"]] == [["e one", ""], ["f two", "mit"]]
    for source, said, hint in (
        ("named", "the fields are 'body': --text-field body", "Give the name of the field"),
        ("cut", "the data set cannot be read", "Download the data set and give its folder"),
        ("notes:absent", "'absent' not found. Available: ['default', 'small']", "Write owner/name"),
        ("none", "no such data set", "Write owner/name"),
        ("gated", "gated dataset", "Set HF_TOKEN"),
        ("dead", "hub cannot be reached", "Check the network"),
    ):
        assert said in found[source][0], source
        assert hint in found[source][1], source


def test_data_sets_of_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source, wanted in (
        ("hf://owner/name", ("owner/name", "", "", "")),
        ("owner/name:config/split", ("owner/name", "config", "split", "")),
        ("hf://datasets/owner/na-me.x@v1:20220301.en", ("owner/na-me.x", "20220301.en", "", "v1")),
        ("squad", ("squad", "", "", "")),
    ):
        parsed = hugging_face.parse(source)
        assert (parsed.name, parsed.config, parsed.split, parsed.revision) == wanted
    with pytest.raises(ConfigError, match="not the name of a data set"):
        list(hugging_face.documents("no such/name/of any", FIELDS))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError) as raised:
        list(hugging_face.documents("owner/name", FIELDS))
    assert "pip install 'kgsynth[huggingface]'" in raised.value.hint


class Split:
    """A stream of rows, as `datasets` gives one."""

    def __init__(self, rows_of_split: list[dict[str, Any]], error: Exception | None = None) -> None:
        self.rows = rows_of_split
        self.error = error
        self.features = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self.rows
        if self.error:
            raise self.error


@pytest.mark.slow
def test_streams_of_hugging_face_break_off_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        given: Any = None

        def load_dataset(self, name: str, config: str | None, **_: Any) -> Any:
            if isinstance(self.given, Exception):
                raise self.given
            return self.given

    library = Library()
    monkeypatch.setitem(sys.modules, "datasets", library)
    library.given = {"train": Split([{"text": "a"}, {"text": 5}], OSError("gone")), "test": Split([{"text": "b"}])}
    found = list(hugging_face.documents("owner/name", FIELDS))
    assert texts(found) == ["a", "b"]
    assert reasons(found) == [(2, "not text: field 'text'"), (3, "data set breaks off here")]
    assert found[-1].position.source == "owner/name/test"
    library.given = ConnectionError("no route")
    with pytest.raises(ConfigError, match="cannot be reached: no route"):
        list(hugging_face.documents("owner/name", FIELDS))
    library.given = Split([{"body": "a"}])
    with pytest.raises(ConfigError, match="the fields are 'body': --text-field body"):
        list(hugging_face.documents("owner/name", FIELDS))
    library.given = type("DatasetNotFoundError", (Exception,), {})("who?")
    with pytest.raises(ConfigError, match="no such data set"):
        list(hugging_face.documents("owner/name", FIELDS))
