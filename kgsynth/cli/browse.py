"""`kgsynth browse`: open the graph in Neo4j Browser, with a guide and a style sheet that this process serves."""

import html
import json
import re
import threading
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from urllib.parse import quote, urlsplit

import click

from kgsynth import pipeline, queries
from kgsynth.cli.options import env, graph_settings, open_graph, progress
from kgsynth.cli.say import say
from kgsynth.errors import ConfigError
from kgsynth.pipeline import show

_LOOPBACK = ("localhost", "127.0.0.1")
_SLOT = re.compile(r"\{\{(query:)?(\w+)\}\}")


@click.command()
@click.option("--open", "is_opened", is_flag=True, help="Open the address in your web browser.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the guide's server.  [default: a free port]"
)
@click.pass_context
def browse(ctx: click.Context, /, is_opened: bool, port: int) -> None:
    """View the graph in Neo4j Browser: print the address, and serve a guide until Ctrl-C.

    The address does not contain the password; the command names the file that holds it.
    """
    environment = env()
    if environment.neo4j_uri:
        raise ConfigError(
            f"NEO4J_URI selects a server of your own ({environment.neo4j_uri}); open the Browser of that server",
            hint="Unset NEO4J_URI to use the managed Neo4j. The queries of the guide are in cypher/explore.",
        )
    server = pipeline.server_of(environment, graph_settings(ctx))
    server.start(progress=progress())
    state = server.status()
    with open_graph(ctx) as graph:
        values = {**show.guide_values(graph), "graph": graph_settings(ctx).name}
    with serving(values, port, browser=state.browser_url) as address:
        url = browser_url(state.browser_url, state.bolt_url, state.username, guide=f"{address}/guide")
        say(f"Browser   {url}")
        say(f"user      {state.username}")
        say(f"password  in {state.password_file}; paste it into the form below the guide")
        say(f"guide     :play {address}/guide")
        say(f"colours   :style {address}/style.grass")
        stop = f"kgsynth --graph {graph_settings(ctx).name} db stop"
        say(f"Ctrl-C stops the guide's server; `{stop}` stops Neo4j.", err=True)
        if is_opened:
            webbrowser.open(url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("", err=True)


def browser_url(browser: str, bolt: str, username: str, *, guide: str) -> str:
    """Return the Browser's address, which contains the connection without the password and opens the guide."""
    scheme, host = urlsplit(bolt).scheme, urlsplit(bolt).netloc
    connect = quote(f"{scheme}://{username}@{host}", safe="")
    return f"{browser}?dbms={connect}&db=neo4j&cmd=play&arg={quote(guide, safe='')}"


def guide(values: Mapping[str, str], address: str) -> str:
    """Return the guide as HTML; its queries contain values of the user's graph, so that they run unchanged."""
    text = resources.files("kgsynth").joinpath("browser", "guide.html").read_text(encoding="utf-8")

    def fill_slot(slot: re.Match[str]) -> str:
        name = slot.group(2)
        if not slot.group(1):
            value = f"{address}/style.grass" if name == "style_url" else values.get(name, "")
            return html.escape(value)
        query = queries.load(f"explore/{name}")
        body = "\n".join(line for line in query.text.splitlines() if not line.startswith("//"))
        body = re.sub(r"\$(\w+)", lambda parameter: json.dumps(values.get(parameter.group(1), "")), body)
        return html.escape(body)

    return _SLOT.sub(fill_slot, text)


@contextmanager
def serving(values: Mapping[str, str], port: int, *, browser: str) -> Iterator[str]:
    """Serve the guide and the style sheet on loopback during a block; yield the server's address.

    Args:
        values: what fills the slots of the guide.
        port: the port; 0 for a free one.
        browser: address of Neo4j Browser, whose pages alone may read the guide, which contains names from the graph.

    Raises:
        ConfigError: the port cannot be used.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self._is_allowed():
                self.send_error(403)
                return
            path = urlsplit(self.path).path
            if path == "/guide":
                content_type, body = "text/html", guide(values, address)
            elif path == "/style.grass":
                style = resources.files("kgsynth").joinpath("browser", "style.grass")
                content_type, body = "text/plain", style.read_text(encoding="utf-8")
            else:
                self.send_error(404)
                return
            data = body.encode()
            self.send_response(200)
            self.send_header("Content-Type", f"{content_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
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
            names_this_server = self.headers.get("Host", "") in [f"{name}:{server.server_port}" for name in _LOOPBACK]
            return names_this_server and self.headers.get("Origin", origins[0]) in origins

        def _allow(self) -> None:
            # The Browser's page comes from another port, so it sends a CORS preflight request first.
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", origins[0]))
            self.send_header("Vary", "Origin")
            self.send_header("Access-Control-Allow-Headers", "*")
            self.send_header("Access-Control-Allow-Private-Network", "true")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error}", hint="Leave out --port.") from error
    parts = urlsplit(browser)
    origins = [f"{parts.scheme}://{name}:{parts.port}" for name in (parts.hostname, *_LOOPBACK)]
    # The Browser loads guides only from hosts given by name.
    address = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
