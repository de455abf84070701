"""`kgsynth db`: the managed local Neo4j."""

import os
import time

import click

from kgsynth.cli.options import env, graph_settings, progress
from kgsynth.config import process_environment
from kgsynth.errors import ConfigError
from kgsynth.graph import facts
from kgsynth.graph.server import NEO4J_VERSION, ManagedServer
from kgsynth.pipeline import connect


def _server(ctx: click.Context) -> ManagedServer:
    environment = env()
    if environment.neo4j_uri:
        raise ConfigError(
            f"NEO4J_URI selects a server of your own ({environment.neo4j_uri}); kgsynth does not manage it",
            hint="Unset NEO4J_URI to use the managed Neo4j.",
        )
    return ManagedServer(environment, graph_settings(ctx).name)


@click.group()
def db() -> None:
    """The managed local Neo4j Community: no Docker, no root, loopback only."""


@db.command()
@click.pass_context
def install(ctx: click.Context) -> None:
    """Fetch the jars of Neo4j and its Browser, checked by SHA-256; nothing when all are there."""
    fetched = _server(ctx).install(progress())
    click.echo(
        f"Neo4j {NEO4J_VERSION}: "
        + (f"{fetched} jars fetched and checked" if fetched else "installed, all jars checked")
    )


@db.command()
@click.option("--heap-mib", type=click.IntRange(128), help="Java heap from now on.  [default: 1024]")
@click.option("--page-cache-mib", type=click.IntRange(16), help="Page cache from now on.  [default: 512]")
@click.option("--new-ports", is_flag=True, help="Choose other ports than the kept ones.")
@click.pass_context
def start(ctx: click.Context, /, heap_mib: int | None, page_cache_mib: int | None, new_ports: bool) -> None:
    """Start the graph's Neo4j and wait until it answers."""
    server = _server(ctx)
    began = time.monotonic()
    is_new = server.start(heap_mib=heap_mib, page_cache_mib=page_cache_mib, new_ports=new_ports, progress=progress())
    state = server.status()
    click.echo(
        f"graph {server.name!r}: " + (f"started in {time.monotonic() - began:.1f} s" if is_new else "runs already")
    )
    click.echo(f"Browser: {state.browser_url} (user {state.username}, password in {state.password_file})")


@db.command()
@click.pass_context
def stop(ctx: click.Context) -> None:
    """Stop the graph's Neo4j cleanly."""
    server = _server(ctx)
    click.echo(f"graph {server.name!r}: " + ("stopped" if server.stop() else "did not run"))


@db.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show whether the graph's Neo4j runs, where, and what is in it; exit code 3 when it does not run."""
    if env().neo4j_uri:
        with connect(env(), graph_settings(ctx)) as graph:
            click.echo(f"server    {graph.uri} (NEO4J_URI), database {graph.database}")
            _show_counts(facts.counts(graph))
        return
    server = _server(ctx)
    state = server.status()
    click.echo(f"graph     {state.name}")
    click.echo(f"state     {f'running, pid {state.pid}' if state.is_running else 'stopped'}")
    click.echo(
        f"neo4j     {NEO4J_VERSION}, {'installed' if state.is_installed else 'not installed: kgsynth db install'}"
    )
    if state.bolt_url:
        click.echo(
            f"bolt      {state.bolt_url}\nbrowser   {state.browser_url}\nuser      {state.username}\npassword  "
            f"in {state.password_file}"
        )
    click.echo(f"home      {state.home} ({state.store_bytes / 2**20:,.0f} MiB)")
    others = sorted(path.parent.name for path in env().graphs.glob("*/settings.json") if path.parent.name != state.name)
    if others:
        click.echo(f"others    {', '.join(others)} (kgsynth --graph NAME db status)")
    if not state.is_running:
        ctx.exit(3)
    with server.connect() as graph:
        _show_counts(facts.counts(graph))


def _show_counts(counts: dict[str, int]) -> None:
    click.echo("contents  " + ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items()))


@db.command()
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines from the end.")
@click.option("-f", "--follow", is_flag=True, help="Go on showing what comes.")
@click.pass_context
def logs(ctx: click.Context, /, lines: int, follow: bool) -> None:
    """Show what the server printed."""
    server = _server(ctx)
    if not server.console_log.exists():
        raise ConfigError(f"graph {server.name!r} has no log yet", hint="Start it: `kgsynth db start`.")
    for line in server.last_log_lines(lines):
        click.echo(line)
    if follow:
        with server.console_log.open(encoding="utf-8", errors="replace") as file:
            file.seek(0, os.SEEK_END)
            while True:
                text = file.read()
                if text:
                    click.echo(text, nl=False)
                else:
                    time.sleep(0.5)


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def shell(ctx: click.Context, /, arguments: tuple[str, ...]) -> None:
    """Open cypher-shell on the graph; ARGUMENTS go to it, for example a statement in quotes."""
    command, extra = _server(ctx).shell_command()
    # The shell takes over the terminal and the exit code; nothing is left to do here.
    os.execvpe(command[0], [*command, *arguments], process_environment(**extra))


@db.command()
@click.option("--browser", is_flag=True, help="The Browser's address instead of Bolt's.")
@click.pass_context
def url(ctx: click.Context, /, browser: bool) -> None:
    """Print the graph's address, without user and password."""
    environment = env()
    if environment.neo4j_uri:
        click.echo(environment.neo4j_uri)
        return
    state = _server(ctx).status()
    if not state.bolt_url:
        raise ConfigError(f"graph {state.name!r} was never started", hint="Start it: `kgsynth db start`.")
    click.echo(state.browser_url if browser else state.bolt_url)


@db.command()
@click.confirmation_option("--yes", prompt="Stop this graph's Neo4j and delete all its data?")
@click.pass_context
def reset(ctx: click.Context) -> None:
    """Stop the graph's Neo4j and delete its data, password and ports; the jars stay."""
    server = _server(ctx)
    server.reset()
    click.echo(f"graph {server.name!r}: deleted")
