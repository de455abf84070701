"""`kgsynth doctor`: show what a run needs, what of it is missing, and what to do."""

from dataclasses import asdict
from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.given import GivenPath
from kgsynth.cli.options import env, graph_of_environment, graph_settings, name_in_hints, override_options, overrides_of
from kgsynth.cli.say import say, say_json, wants_json, with_graph
from kgsynth.config import resolve_file

_COLORS = {"good": "green", "to do": "yellow", "missing": "red"}


@click.command()
@click.argument("file", metavar="[CONFIG]", required=False, type=GivenPath(exists=True, dir_okay=False))
@click.option(
    "--work-dir",
    type=GivenPath(file_okay=False),
    help="Folder for the results.  [default: runs/ and the file's name]",
)
@override_options
@click.pass_context
def doctor(
    ctx: click.Context,
    /,
    file: Path | None,
    work_dir: Path | None,
    overrides: tuple[str, ...],
    url: str | None,
    backend: str | None,
) -> None:
    """Check packages, Java, Neo4j, memory and disk; with CONFIG also its documents, prompts, model and server.

    The exit code is 1 if something is missing. `kgsynth run CONFIG` makes the same checks before it reads anything.
    The options mean the same as there, and so does `kgsynth --graph NAME`.

    \b
    kgsynth doctor my.toml --llm http://127.0.0.1:8000
    kgsynth --graph notes doctor my.toml --set run.until=questions
    """
    if file is None:
        if overrides or url or backend:
            raise click.UsageError("--set, --llm and --backend need CONFIG: they change its values")
        conditions = pipeline.examine_machine(env(), graph_settings(ctx))
    else:
        config = resolve_file(file, overrides_of(ctx, overrides, url, backend), graph=graph_of_environment(ctx)).config
        name_in_hints(ctx, config.graph)
        conditions = pipeline.examine(env(), config, work_dir=work_dir or Path("runs") / file.stem)
    is_missing = False
    for condition in conditions:
        is_missing |= condition.state == "missing"
        if wants_json():
            say_json({name: value for name, value in asdict(condition).items() if name != "error"})
            continue
        state = click.style(f"{condition.state:<8}", fg=_COLORS[condition.state])
        say(f"{state} {condition.subject}: {with_graph(condition.text)}")
        if condition.hint:
            say(f"         {with_graph(condition.hint)}")
    if is_missing:
        ctx.exit(1)
