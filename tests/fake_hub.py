"""A stand-in of the Hugging Face Hub on loopback: data sets, regular and large files, commits; it can refuse and fail."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TOKEN = "hf_secretsecretsecret"
OWNER = "ann"
READER_TOKEN = "hf_mayonlyreadmayonly"


@dataclass
class DataSet:
    """The files of each commit; a commit is named by its number and a hash."""

    private: bool
    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{".gitattributes": b""}])

    @property
    def head(self) -> str:
        return hashlib.sha1(str(len(self.commits)).encode()).hexdigest()

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1]


class FakeHub(ThreadingHTTPServer):
    """The state: data sets, uploaded large files, all requests; `ignored` and `status_of` make it fail."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data_sets: dict[str, DataSet] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.ignored: set[str] = set()
        self.status_of: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def is_large(path: str) -> bool:
    return path.endswith(".parquet")


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def _send(self, status: int, value: Any = None) -> None:
        body = json.dumps({} if value is None else value).encode()
        self.send_response(status)
        if status >= 400 and isinstance(value, dict):
            self.send_header("X-Error-Message", str(value["error"]))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append(f"{self.command} {path}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        for part, status in self.server.status_of.items():
            if part in path:
                return self._send(status, {"error": f"refused for a test, as {token} may know"})
        if path.startswith("/large/") and self.command == "PUT":
            self.server.large[path.removeprefix("/large/")] = body
            return self._send(200)
        if token not in (TOKEN, READER_TOKEN):
            return self._send(401, {"error": "Invalid credentials in Authorization header"})
        if path == "/api/whoami-v2":
            return self._send(200, {"name": OWNER, "type": "user"})
        if path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        if path == "/large/verify":
            asked = json.loads(body)
            is_whole = hashlib.sha256(self.server.large[asked["oid"]]).hexdigest() == asked["oid"]
            return self._send(200 if is_whole else 422, {"error": "the content has another digest"})
        if path == "/api/repos/create":
            return self._create(json.loads(body), token)
        name = "/".join(path.replace(".git/", "/").removeprefix("/api").split("/")[2:4])
        if name not in self.server.data_sets:
            return self._send(404, {"error": "Repository not found"})
        data_set = self.server.data_sets[name]
        if path.endswith("/objects/batch"):
            return self._batch(json.loads(body))
        if "/preupload/" in path:
            return self._preupload(data_set, json.loads(body))
        if "/commit/" in path:
            return self._commit(name, data_set, [json.loads(line) for line in body.splitlines()])
        return self._send(200, self._info(name, data_set))

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 - names of the library

    def _create(self, asked: dict[str, Any], token: str) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        assert asked["type"] == "dataset"
        if asked["organization"] != OWNER or token == READER_TOKEN:
            return self._send(403, {"error": f"You don't have the rights to create a dataset under {name}"})
        answer = {"url": f"{self.server.url}/datasets/{name}", "error": "You already created this dataset repo"}
        if name in self.server.data_sets:
            return self._send(409, answer)
        is_private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.server.data_sets[name] = DataSet(private=is_private)
        return self._send(200, answer)

    def _info(self, name: str, data_set: DataSet) -> dict[str, Any]:
        files = [{"rfilename": path, "size": len(content)} for path, content in data_set.files.items()]
        return {"id": name, "sha": data_set.head, "private": data_set.private, "siblings": files, "tags": []}

    def _preupload(self, data_set: DataSet, asked: dict[str, Any]) -> None:
        files = []
        for path in (file["path"] for file in asked["files"]):
            content = data_set.files.get(path)
            mode = "lfs" if is_large(path) else "regular"
            info: dict[str, Any] = {"path": path, "uploadMode": mode, "shouldIgnore": path in self.server.ignored}
            if content is not None:
                git_object = b"blob %d\0" % len(content) + content
                large, regular = hashlib.sha256(content).hexdigest(), hashlib.sha1(git_object).hexdigest()
                info["oid"] = large if is_large(path) else regular
            files.append(info)
        self._send(200, {"files": files})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for one in asked["objects"]:
            upload = {
                "upload": {"href": f"{self.server.url}/large/{one['oid']}"},
                "verify": {"href": f"{self.server.url}/large/verify"},
            }
            objects.append(one if one["oid"] in self.server.large else {**one, "actions": upload})
        self._send(200, {"transfer": "basic", "objects": objects})

    def _commit(self, name: str, data_set: DataSet, lines: list[dict[str, Any]]) -> None:
        if lines[0]["value"].get("parentCommit", data_set.head) != data_set.head:
            return self._send(412, {"error": "The parent commit is not the head of the branch"})
        files = dict(data_set.files)
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
            else:
                assert line["key"] == "deletedFile"
                del files[value["path"]]
        data_set.commits.append(files)
        commit = {"commitOid": data_set.head, "commitUrl": f"{self.server.url}/datasets/{name}/commit/{data_set.head}"}
        return self._send(200, {**commit, "success": True})


@contextmanager
def running() -> Iterator[FakeHub]:
    """Serve until the block ends."""
    hub = FakeHub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
