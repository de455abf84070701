"""`kgsynth prompts`: list, show, copy and check the prompt templates of domains."""

from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.say import say

_FOLDER = GivenPath(file_okay=False)


@click.group()
def prompts() -> None:
    """List domains, show their prompt templates, copy a domain to change it, and check a changed copy."""


@prompts.command("list")
def list_domains() -> None:
    """List the installed domains.

    Each is shown with the tasks for which it has templates. --domain selects a domain.
    """
    for domain, tasks in pipeline.list_prompts().items():
        say(f"{domain}: {', '.join(tasks)}")


@prompts.command()
@click.argument("domain", type=GIVEN_TEXT)
@click.argument("task", type=GIVEN_TEXT, required=False)
def show(domain: str, task: str | None) -> None:
    """Show the templates of DOMAIN, or only that of TASK.

    DOMAIN is a name or a folder. Each turn begins with its role. {{slots}} are filled in for each prompt. Turns before
    the last are examples.
    """
    for name, text in pipeline.prompt_texts(domain, task).items():
        if task is None:
            say(click.style(f"# {name}.txt", bold=True))
        say(text.rstrip() + ("\n" if task is None else ""))


@prompts.command()
@click.argument("domain", type=GIVEN_TEXT)
@click.argument("folder", type=_FOLDER)
def copy(domain: str, folder: Path) -> None:
    """Copy the templates, settings and cases of DOMAIN to FOLDER.

    Change them there, and use them with --domain FOLDER.
    """
    count = pipeline.copy_prompts(domain, folder)
    say(f"{count} files in {folder}: change them, then run `kgsynth prompts check {folder}`", err=True)


@prompts.command()
@click.argument("folder", type=_FOLDER)
@click.pass_context
def check(ctx: click.Context, folder: Path) -> None:
    """Check the templates, settings and cases in FOLDER.

    The check covers turns and slots of templates, whether the stage can parse their examples, domain.toml, and the
    verdicts of cases.toml. The exit code is 1 if one of them cannot be used.
    """
    checks = pipeline.check_prompts(folder)
    for template in checks:
        if template.problem:
            state = click.style("wrong", fg="red") + f": {template.problem}"
        elif template.hash:
            state = f"good, {template.examples} examples" if template.examples != 1 else "good, 1 example"
        else:
            continue
        say(f"{template.task}: {state}")
    missing = [template.task for template in checks if not template.hash and not template.problem]
    if missing:
        say(f"missing, but needed only by stages that use this folder: {', '.join(missing)}")
    if any(template.problem for template in checks):
        ctx.exit(1)
