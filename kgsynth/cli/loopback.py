"""Serve pages on this machine only, to the user's own browser and to no page of another site."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from kgsynth.errors import ConfigError

_NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the server answers: a text with its content type."""

    content_type: str
    text: str
    status: int = 200


@contextmanager
def serving(
    answer: Callable[[str, Mapping[str, str]], Page | None], port: int = 0, *, origins: Collection[str] = ()
) -> Iterator[str]:
    """Serve pages on loopback during a block; yield the server's address.

    Args:
        answer: returns the page for a path and its parameters; None if there is no such page.
        port: the port; 0 for a free one.
        origins: origins of other pages that may read the answers, for example `http://localhost:7474`.

    Raises:
        ConfigError: the port cannot be used.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self._is_allowed():
                self.send_error(403)
                return
            parts = urlsplit(self.path)
            page = answer(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
            if page is None:
                self.send_error(404)
                return
            data = page.text.encode(errors="replace")
            self.send_response(page.status)
            self.send_header("Content-Type", f"{page.content_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self._allow()
            self.wfile.write(data)

        def do_OPTIONS(self) -> None:
            if not self._is_allowed():
                self.send_error(403)
                return
            self.send_response(204)
            self._allow()

        def _is_allowed(self) -> bool:
            # A page of another site can reach this server through a name that it resolves to this machine.
            own = [f"{name}:{server.server_port}" for name in _NAMES]
            origin = self.headers.get("Origin")
            return self.headers.get("Host", "") in own and (
                origin is None or origin in origins or origin in [f"http://{name}" for name in own]
            )

        def _allow(self) -> None:
            # A page from another port sends a CORS preflight request first.
            origin = self.headers.get("Origin")
            if origin in origins:
                self.send_header("Access-Control-Allow-Origin", str(origin))
                self.send_header("Access-Control-Allow-Headers", "*")
                self.send_header("Access-Control-Allow-Private-Network", "true")
            self.send_header("Vary", "Origin")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error}", hint="Leave out --port.") from error
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        # The Browser loads guides only from hosts given by name.
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
