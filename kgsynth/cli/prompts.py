"""`kgsynth prompts`: the domains, their prompt templates, and templates of your own."""

from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.say import say

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def prompts() -> None:
    """List domains, show their prompt templates, copy a domain to change it, check a folder of your own."""


@prompts.command("list")
def list_domains() -> None:
    """List the domains that come with kgsynth, with their tasks; --domain takes one of them."""
    for domain, tasks in pipeline.list_prompts().items():
        say(f"{domain}: {', '.join(tasks)}")


@prompts.command()
@click.argument("domain")
@click.argument("task", required=False)
def show(domain: str, task: str | None) -> None:
    """Show the templates of DOMAIN (a name or a folder), or that of one TASK.

    Each turn begins with its role; {{slots}} are filled in; turns before the last are examples.
    """
    for name, text in pipeline.prompt_texts(domain, task).items():
        if task is None:
            say(click.style(f"# {name}.txt", bold=True))
        say(text.rstrip() + ("\n" if task is None else ""))


@prompts.command()
@click.argument("domain")
@click.argument("folder", type=_FOLDER)
def copy(domain: str, folder: Path) -> None:
    """Copy the templates of DOMAIN to FOLDER, to be changed there and used with --domain FOLDER."""
    count = pipeline.copy_prompts(domain, folder)
    say(f"{count} templates in {folder}: change them, then kgsynth prompts check {folder}", err=True)


@prompts.command()
@click.argument("folder", type=_FOLDER)
@click.pass_context
def check(ctx: click.Context, folder: Path) -> None:
    """Check the templates in FOLDER: turns, slots, and whether the stage can read their examples.

    The exit code is 1 when one of them cannot be used.
    """
    checked = pipeline.check_prompts(folder)
    for one in checked:
        if one.problem:
            said = click.style("wrong", fg="red") + f": {one.problem}"
        elif one.hash:
            said = f"good, {one.examples} examples" if one.examples != 1 else "good, 1 example"
        else:
            continue
        say(f"{one.task}: {said}")
    missing = [one.task for one in checked if not one.hash and not one.problem]
    if missing:
        say(f"not there, for stages that do not use this folder: {', '.join(missing)}")
    if any(one.problem for one in checked):
        ctx.exit(1)
