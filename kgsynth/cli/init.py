"""`kgsynth init`: write a configuration file."""

import json
import os
import sys
from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.say import say
from kgsynth.config import resolve, template
from kgsynth.errors import ConfigError, did_you_mean, quoted
from kgsynth.files import atomic
from kgsynth.settings import json_schema

_SCHEMA = "kgsynth.schema.json"


@click.command()
@click.argument("file", default=Path("kgsynth.toml"), type=GivenPath(dir_okay=False))
@click.option(
    "--source",
    "sources",
    type=GIVEN_TEXT,
    multiple=True,
    help="File, folder or pattern with documents; may be repeated.",
)
@click.option(
    "--domain",
    type=GIVEN_TEXT,
    help="Domain of the questions: a name from `kgsynth prompts list`, or a folder of your own.",
)
@click.option(
    "--llm", "url", type=GIVEN_TEXT, help="Address of an OpenAI-compatible server.  [default: vLLM in this process]"
)
@click.option(
    "--model", type=GIVEN_TEXT, help="Name of the model at the server, a model folder, or an id of Hugging Face."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the combinations.")
@click.pass_context
def init(
    ctx: click.Context,
    /,
    file: Path,
    sources: tuple[str, ...],
    domain: str | None,
    url: str | None,
    model: str | None,
    seed: int,
) -> None:
    """Write the configuration FILE with these values and with all other settings as comments.

    On a terminal the command asks for documents, domain and model if they are not given.

    \b
    kgsynth init my.toml --source papers/ --domain general \\
        --llm http://localhost:8000
    kgsynth run my.toml
    """
    if file.exists():
        raise ConfigError(f"{file} already exists", hint="Give another name, or remove the file.")
    domains = list(pipeline.list_prompts())
    if sys.stdin.isatty():
        sources = sources or (click.prompt("Documents (file, folder or pattern)"),)
        domain = domain or click.prompt(f"Domain ({', '.join(domains)}, or a folder)", default="general")
        if url is None and model is None:
            url = click.prompt("Address of an OpenAI-compatible server (empty: vLLM here)", default="") or None
    missing = [option for option, value in (("--source", sources), ("--domain", domain)) if not value]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} must be given", hint="On a terminal the command asks for them.")
    if domain not in domains and not os.path.isdir(str(domain)):
        raise ConfigError(
            f"there is no domain {quoted(domain)}{did_you_mean(str(domain), domains)}",
            hint=f"Give {', '.join(domains)}, or a folder that `kgsynth prompts copy` made.",
        )
    values: dict[str, object] = {"documents.sources": list(sources), "backend.domain": domain, "sample.seed": seed}
    if url:
        values |= {"backend.backend": "server", "backend.url": url}
    if model:
        values["backend.model"] = model
    if ctx.find_root().obj is not None:
        values["graph.name"] = ctx.find_root().obj
    text = template(values, schema=_SCHEMA)
    resolve(text, origin=str(file))
    for path, content in ((file, text), (file.with_name(_SCHEMA), json.dumps(json_schema(), indent=1) + "\n")):
        with atomic(path) as partial:
            partial.write_text(content, encoding="utf-8")
    say(f"{file} is written, and {file.with_name(_SCHEMA)} for editors. Run it: kgsynth run {file}", err=True)
