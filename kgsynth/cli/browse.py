"""`kgsynth browse`: Neo4j Browser on the graph, with a guide and a style sheet that this process serves."""

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

_SLOT = re.compile(r"\{\{(query:)?(\w+)\}\}")


@click.command()
@click.option("--open", "is_opened", is_flag=True, help="Open the address in your web browser.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the guide's server.  [default: a free one]"
)
@click.pass_context
def browse(ctx: click.Context, /, is_opened: bool, port: int) -> None:
    """Look at the graph in Neo4j Browser: prints the address and serves a guide until Ctrl-C.

    The address does not contain the password; the command says which file has it.
    """
    environment = env()
    if environment.neo4j_uri:
        raise ConfigError(
            f"NEO4J_URI selects a server of your own ({environment.neo4j_uri}); its Browser is its own affair",
            hint="Unset NEO4J_URI for the managed Neo4j. The queries to drag into favourites are in cypher/explore.",
        )
    server = pipeline.server_of(environment, graph_settings(ctx))
    server.start(progress=progress())
    state = server.status()
    with open_graph(ctx) as graph:
        values = {**show.guide_values(graph), "graph": graph_settings(ctx).name}
    with serving(values, port) as address:
        url = browser_url(state.browser_url, state.bolt_url, state.username, guide=f"{address}/guide")
        say(f"Browser   {url}")
        say(f"user      {state.username}")
        say(f"password  in {state.password_file}; paste it into the form below the guide")
        say(f"guide     :play {address}/guide")
        say(f"colours   :style {address}/style.grass")
        stop = f"kgsynth --graph {graph_settings(ctx).name} db stop"
        say(f"Ctrl-C ends the guide's server; Neo4j goes on until `{stop}`.", err=True)
        if is_opened:
            webbrowser.open(url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("", err=True)


def browser_url(browser: str, bolt: str, username: str, *, guide: str) -> str:
    """The Browser's address with the connection filled in, but for the password, and the guide as first command."""
    scheme, host = urlsplit(bolt).scheme, urlsplit(bolt).netloc
    connect = quote(f"{scheme}://{username}@{host}", safe="")
    return f"{browser}?dbms={connect}&db=neo4j&cmd=play&arg={quote(guide, safe='')}"


def guide(values: Mapping[str, str], address: str) -> str:
    """The guide about the user's own graph: every query runs as it stands."""
    text = resources.files("kgsynth").joinpath("browser", "guide.html").read_text(encoding="utf-8")

    def filled(found: re.Match[str]) -> str:
        name = found.group(2)
        if not found.group(1):
            said = f"{address}/style.grass" if name == "style_url" else values.get(name, "")
            return html.escape(said)
        query = queries.load(f"explore/{name}")
        body = "\n".join(line for line in query.text.splitlines() if not line.startswith("//"))
        body = re.sub(r"\$(\w+)", lambda one: json.dumps(values.get(one.group(1), "")), body)
        return html.escape(body)

    return _SLOT.sub(filled, text)


@contextmanager
def serving(values: Mapping[str, str], port: int) -> Iterator[str]:
    """Serve guide and style sheet on loopback, for a block; gives the server's address.

    Raises:
        ConfigError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/guide":
                kind, body = "text/html", guide(values, address)
            elif path == "/style.grass":
                style = resources.files("kgsynth").joinpath("browser", "style.grass")
                kind, body = "text/plain", style.read_text(encoding="utf-8")
            else:
                self.send_error(404)
                return
            data = body.encode()
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self._allow()
            self.wfile.write(data)

        def do_OPTIONS(self) -> None:
            self.send_response(204)
            self._allow()

        def _allow(self) -> None:
            # The Browser's page comes from another port, and asks first whether it may ask.
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "*")
            self.send_header("Access-Control-Allow-Private-Network", "true")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error}", hint="Leave out --port.") from error
    # The Browser takes guides from hosts by name.
    address = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
