"""`kgsynth browse`: open the graph in Neo4j Browser, with a guide and a style sheet that this process serves."""

import html
import re
import threading
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from itertools import count
from urllib.parse import urlsplit

import click

from kgsynth import pipeline, queries
from kgsynth.addresses import browser_address, browser_link
from kgsynth.cli import loopback
from kgsynth.cli.options import env, graph_settings, open_graph, progress
from kgsynth.cli.say import say
from kgsynth.errors import ConfigError
from kgsynth.pipeline import show

# A step that is shown if the graph has a value for it.
_CONDITIONAL = re.compile(
    r' *<slide class="row-fluid" data-needs="(?P<needs>\w+)"'
    r'(?: data-missing="(?P<missing>[^"]+)" data-command="(?P<command>[^"]*)")?>.*?</slide>\n',
    re.DOTALL,
)
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
    if not server.status().bolt_url:
        # A start would create an empty graph, also where the name has a wrong letter.
        raise ConfigError(
            f"graph {server.name!r} was never started", hint=f"Start it: `kgsynth --graph {server.name} db start`."
        )
    server.start(progress=progress())
    state = server.status()
    with open_graph(ctx) as graph:
        values = {**show.guide_values(graph), "graph": graph_settings(ctx).name}
    with serving(values, port, browser=state.browser_url) as address:
        browser = browser_address(state.browser_url, state.bolt_url, state.username)
        url = browser_link(browser, "play", f"{address}/guide")
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


def guide(values: Mapping[str, str], address: str) -> str:
    """Return the guide as HTML; its queries contain values of the user's graph, so that they run unchanged.

    A step whose value is empty would show nothing. It is left out, and the first step says which command adds its data.
    """
    text = resources.files("kgsynth").joinpath("browser", "guide.html").read_text(encoding="utf-8")
    missing: dict[str, str] = {}

    def keep(slide: re.Match[str]) -> str:
        if values.get(slide["needs"]):
            return slide.group()
        if slide["missing"]:
            missing[slide["missing"]] = slide["command"]
        return ""

    text = _CONDITIONAL.sub(keep, text)
    numbers = count(1)
    fixed = {"style_url": f"{address}/style.grass", "steps": str(text.count("<slide"))}

    def fill_slot(slot: re.Match[str]) -> str:
        name = slot.group(2)
        if name == "step":
            return str(next(numbers))
        if name == "missing":
            return _told(missing, values.get("graph", ""))
        if not slot.group(1):
            return html.escape(fixed.get(name, values.get(name, "")))
        return html.escape(queries.filled(queries.saved(name), values))

    return _SLOT.sub(fill_slot, text)


def _told(missing: Mapping[str, str], graph: str) -> str:
    """Return a paragraph about what the graph does not have, with the command that adds it."""
    if not missing:
        return ""
    parts = [
        what + (f" (<code>{html.escape(f'kgsynth --graph {graph} {command}')}</code>)" if command else "")
        for what, command in missing.items()
    ]
    return f"<p>Steps without data are left out. The graph has {'; '.join(parts)}.</p>"


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

    def answer(path: str, _: Mapping[str, str]) -> loopback.Page | None:
        if path == "/guide":
            return loopback.Page(content_type="text/html", text=guide(values, address))
        if path == "/style.grass":
            style = resources.files("kgsynth").joinpath("browser", "style.grass")
            return loopback.Page(content_type="text/plain", text=style.read_text(encoding="utf-8"))
        return None

    parts = urlsplit(browser)
    origins = {f"{parts.scheme}://{name}:{parts.port}" for name in (parts.hostname, "localhost", "127.0.0.1")}
    with loopback.serving(answer, port, origins=origins) as address:
        yield address
