"""`kgsynth db`: the managed local Neo4j."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.given import GivenPath
from kgsynth.cli.options import confirm, env, graph_settings, progress
from kgsynth.cli.say import say, say_json, wants_json, with_graph
from kgsynth.config import process_environment
from kgsynth.errors import ConfigError
from kgsynth.pipeline import Graph, ManagedServer, connect


def _server(ctx: click.Context, *, is_new: bool = False) -> ManagedServer:
    environment = env()
    if environment.neo4j_uri:
        raise ConfigError(
            f"NEO4J_URI selects a server of your own ({environment.neo4j_uri}); kgsynth does not manage it",
            hint="Unset NEO4J_URI to use the managed Neo4j.",
        )
    return pipeline.server_of(environment, graph_settings(ctx, is_new=is_new))


@click.group()
def db() -> None:
    """The managed local Neo4j Community: no Docker, no root, loopback only."""


@db.command()
@click.pass_context
def install(ctx: click.Context) -> None:
    """Download and check the jars of Neo4j and its Browser.

    Each jar is compared with its SHA-256. Jars that are installed are not downloaded again.
    """
    server = _server(ctx, is_new=True)
    fetched = server.install(progress())
    say(
        f"Neo4j {server.version.number}: "
        + (f"{fetched} jars downloaded and checked" if fetched else "installed, all jars checked")
    )


@db.command()
@click.option(
    "--heap-mib",
    type=click.IntRange(128),
    help="Java heap in MiB, for this and later starts.  [default: from the machine's memory]",
)
@click.option(
    "--page-cache-mib",
    type=click.IntRange(16),
    help="Page cache in MiB, for this and later starts.  [default: from the size of the store]",
)
@click.option("--new-ports", is_flag=True, help="Choose new ports instead of the ports of earlier starts.")
@click.pass_context
def start(ctx: click.Context, /, heap_mib: int | None, page_cache_mib: int | None, new_ports: bool) -> None:
    """Start the graph's Neo4j and wait until it answers."""
    server = _server(ctx)
    started = time.monotonic()
    is_new = server.start(heap_mib=heap_mib, page_cache_mib=page_cache_mib, new_ports=new_ports, progress=progress())
    state = server.status()
    say(
        f"graph {server.name!r}: " + (f"started in {time.monotonic() - started:.1f} s" if is_new else "already running")
    )
    say(f"Browser: {state.browser_url} (user {state.username}, password in {state.password_file})")


@db.command()
@click.pass_context
def stop(ctx: click.Context) -> None:
    """Stop the graph's Neo4j cleanly."""
    server = _server(ctx)
    say(f"graph {server.name!r}: " + ("stopped" if server.stop() else "was not running"))


@db.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show the state of the graph's Neo4j, its addresses and contents.

    The exit code is 3 if it does not run.
    """
    if env().neo4j_uri:
        with connect(env(), graph_settings(ctx)) as graph:
            if wants_json():
                say_json({"bolt_url": graph.uri, "database": graph.database, **_contents_row(graph)})
                return
            say(f"server    {graph.uri} (NEO4J_URI), database {graph.database}")
            _show_contents(graph)
        return
    server = _server(ctx)
    state = server.status()
    if wants_json():
        row = {name: value for name, value in asdict(state).items() if name != "memory"}
        if state.is_running:
            with server.connect() as graph:
                row |= _contents_row(graph)
        say_json(row)
        ctx.exit(0 if state.is_running else 3)
    say(f"graph     {state.name}")
    say(f"state     {f'running, pid {state.pid}' if state.is_running else 'stopped'}")
    installed = "installed" if state.is_installed else with_graph("not installed: kgsynth db install")
    say(f"neo4j     {state.version}, {installed}")
    if state.bolt_url:
        say(
            f"bolt      {state.bolt_url}\nbrowser   {state.browser_url}\nuser      {state.username}\npassword  "
            f"in {state.password_file}"
        )
    say(f"memory    heap {state.memory.heap_mib:,} MiB, page cache {state.memory.page_cache_mib:,} MiB")
    say(f"home      {state.home} ({state.store_bytes / 2**20:,.0f} MiB)")
    other_names = sorted(
        path.parent.name for path in env().graphs.glob("*/settings.json") if path.parent.name != state.name
    )
    if other_names:
        say(f"others    {', '.join(other_names)} (kgsynth --graph NAME db status)")
    if not state.is_running:
        ctx.exit(3)
    with server.connect() as graph:
        _show_contents(graph)


def _contents_row(graph: Graph) -> dict[str, Any]:
    contents = pipeline.contents(graph)
    return {"walks": contents.state, "contents": contents.counts}


def _show_contents(graph: Graph) -> None:
    contents = pipeline.contents(graph)
    say("contents  " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in contents.counts.items()))
    say(f"walks     {'ready' if contents.state == 'complete' else with_graph(f'{contents.state}: kgsynth build')}")
    if contents.rates is not None:
        walks, hits = contents.rates.walks_per_s, contents.rates.hit_ratio
        say(f"rates     {walks:,.0f} walks/s in one session, {hits:.1%} of pages from the cache")


@db.command()
@click.option("-n", "--lines", default=50, show_default=True, help="Number of lines from the end.")
@click.option("-f", "--follow", is_flag=True, help="Keep showing new lines.")
@click.pass_context
def logs(ctx: click.Context, /, lines: int, follow: bool) -> None:
    """Show the log of the server."""
    server = _server(ctx)
    if not server.console_log.exists():
        raise ConfigError(f"graph {server.name!r} has no log yet", hint="Start it: `kgsynth db start`.")
    for line in server.last_log_lines(lines):
        say(line)
    if follow:
        with server.console_log.open(encoding="utf-8", errors="replace") as file:
            file.seek(0, os.SEEK_END)
            while True:
                text = file.read()
                if text:
                    say(text, nl=False)
                else:
                    time.sleep(0.5)


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def shell(ctx: click.Context, /, arguments: tuple[str, ...]) -> None:
    """Open cypher-shell on the graph.

    ARGUMENTS are those of cypher-shell, for example a statement in quotes.
    """
    command, extra = _server(ctx).shell_command()
    # The shell replaces this process, so that it has the terminal and sets the exit code.
    os.execvpe(command[0], [*command, *arguments], process_environment(**extra))


@db.command()
@click.option("--browser", is_flag=True, help="Print the address of Neo4j Browser instead of the Bolt address.")
@click.pass_context
def url(ctx: click.Context, /, browser: bool) -> None:
    """Print the graph's address, without user and password."""
    environment = env()
    address = environment.neo4j_uri
    if not address:
        state = _server(ctx).status()
        if not state.bolt_url:
            raise ConfigError(f"graph {state.name!r} was never started", hint="Start it: `kgsynth db start`.")
        address = state.browser_url if browser else state.bolt_url
    if wants_json():
        say_json({"url": address})
    else:
        say(address)


@db.command()
@click.argument("file", type=GivenPath(dir_okay=False))
@click.pass_context
def dump(ctx: click.Context, /, file: Path) -> None:
    """Write the graph to FILE, as a backup or for another machine.

    Its Neo4j is stopped and then started again. The file does not contain the data that are stored outside the graph:
    run folders, embeddings (they can be computed again), and the list of forgotten documents (forgotten.jsonl).
    """
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"the folder {file.absolute().parent} does not exist")
    server = _server(ctx)
    size = server.dump(file)
    say(f"graph {server.name!r}: {size / 2**20:,.1f} MiB written to {file}")


@db.command()
@click.argument("file", type=GivenPath(exists=True, dir_okay=False))
@click.option("--yes", "is_agreed", is_flag=True, help="Replace the graph without asking.")
@click.pass_context
def restore(ctx: click.Context, /, file: Path, is_agreed: bool) -> None:
    """Replace the graph with the contents of FILE.

    FILE is a file that `kgsynth db dump` wrote on this or another machine.
    """
    server = _server(ctx, is_new=True)
    if server.status().store_bytes and not is_agreed:
        confirm(f"Replace all data of graph {server.name!r}?")
    server.restore(file)
    say(f"graph {server.name!r}: restored from {file}")


@db.command()
@click.option("--yes", "is_agreed", is_flag=True, help="Delete the graph without asking.")
@click.pass_context
def reset(ctx: click.Context, /, is_agreed: bool) -> None:
    """Stop the graph's Neo4j and delete its data, password and ports.

    The jars are kept.
    """
    server = _server(ctx, is_new=True)
    if not is_agreed:
        confirm(f"Stop the Neo4j of graph {server.name!r} and delete all its data?")
    server.reset()
    say(f"graph {server.name!r}: deleted")
