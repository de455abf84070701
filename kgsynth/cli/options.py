"""Options that several commands share, made from the settings dataclasses, so that a default exists once."""

import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from kgsynth.config import Environment, GraphSettings, environment, section_from
from kgsynth.graph.session import Graph
from kgsynth.pipeline import connect
from kgsynth.progress import Bar, Lines, Progress
from kgsynth.records import StageCount

_Function = TypeVar("_Function", bound=Callable[..., Any])


def settings_options(
    kind: type[Any], *, helps: Mapping[str, str], flags: Mapping[str, tuple[str, ...]] | None = None
) -> Callable[[_Function], _Function]:
    """An option for each field that `helps` names; unset ones are left out, so that the dataclass decides.

    Args:
        kind: a settings dataclass.
        helps: help by field name, in the order wanted.
        flags: other option names by field name.
    """
    hints = typing.get_type_hints(kind)
    defaults = {item.name: item.default for item in fields(kind) if item.default is not MISSING}

    def decorate(function: _Function) -> _Function:
        for name, text in reversed(list(helps.items())):
            wanted = hints[name]
            if get_origin(wanted) in (typing.Union, types.UnionType):
                wanted = next(part for part in get_args(wanted) if part is not type(None))
            option_type: Any = click.Choice(get_args(wanted)) if get_origin(wanted) is Literal else wanted
            default = defaults.get(name)
            shown = (
                ""
                if default in (None, "")
                else f"  [default: {str(default).lower() if isinstance(default, bool) else default}]"
            )
            names = (flags or {}).get(name, ("--" + name.replace("_", "-"),))
            if get_origin(wanted) is tuple:
                function = click.option(
                    *names, name, type=get_args(wanted)[0], multiple=True, help=text + "  May be given several times."
                )(function)
            elif wanted is bool:
                names = (f"{names[0]}/--no-{names[0][2:]}",)
                function = click.option(*names, name, default=None, help=text + shown)(function)
            else:
                function = click.option(*names, name, type=option_type, default=None, help=text + shown)(function)
        return function

    return decorate


def asking_settings(kind: type[Any], section: str, values: Mapping[str, object], **fixed: object) -> Any:
    """As `settings_from`, for a stage that asks a model: an address alone means a server."""
    given = dict(values)
    if given.get("url") and given.get("backend") is None:
        given["backend"] = "server"
    return settings_from(kind, section, given, **fixed)


def settings_from(kind: type[Any], section: str, values: Mapping[str, object], **fixed: object) -> Any:
    """A settings dataclass from those options that were given."""
    known = {item.name for item in fields(kind)}
    given = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name in known and value not in (None, ())
    }
    return section_from(section, {**given, **fixed}, kind)


BACKEND_HELPS = {
    "seed": "Seed of all draws and texts.",
    "backend": "vllm in this process, an OpenAI-compatible server, or scripted text without a model.",
    "engine": "Where the backend runs: here, or on the machines of a Ray cluster.",
    "model": "A model folder or served name.  [default: SmolLM2-135M, for trying the plumbing]",
    "url": "Address of the server; with it, --backend is server.",
    "domain": "Prompt templates: mathematics, general, or a folder of your own.",
    "temperature": "Of sampling.",
    "top_p": "Of sampling.",
    "repetition_penalty": "Of sampling.",
    "max_output_tokens": "Of one answer.",
    "context_tokens": "Prompt and answer together; passages are cut to fit.",
    "constrained": "Force the answer's form by a grammar where the backend can.",
    "shard_size": "Units a shard.",
    "concurrency": "Requests in flight at most, for a server; how many really are follows what it bears.",
    "timeout_s": "Seconds for one answer, for a server.",
    "tries": "Of one request, for a server.",
    "first_wait_s": "Seconds before the second try; doubled for each further one.",
    "max_rejected_share": "Stop when a larger share is rejected.",
}
# What a retry may change: it decides no text.
HOW_HELPS = {
    name: BACKEND_HELPS[name]
    for name in ("url", "engine", "concurrency", "timeout_s", "tries", "first_wait_s", "max_rejected_share")
}
FIELD_HELPS = {
    "id_field": "Field with the id; without one, ids are hashes of the text.",
    "text_field": "Field with the text.",
    "title_field": "Field with the title.",
    "topics_field": "Field with the topics: a list, or names with | or ; between.",
    "concepts_field": "Field with the concepts that the corpus declares.",
    "synonyms_field": "Field with synonym pairs that the corpus declares.",
    "kind_field": "Field with the kind of entry (definition, proof, …).",
    "source_field": "Field with the source.",
    "license_field": "Field with the licence.",
    "attribution_field": "Field with whom to credit.",
}


def report(count: StageCount) -> None:
    """A stage's closing line, on standard error."""
    click.echo(count.line(), err=True)


def progress() -> Progress:
    """A bar on a terminal, else a line now and then."""
    return Bar() if sys.stderr.isatty() else Lines()


def env() -> Environment:
    """The environment of this process."""
    return environment()


run_dir_option = click.option(
    "--run-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where shards, rejects and manifest go.  [default: a folder below runs/]",
)


def open_graph(ctx: click.Context) -> Graph:
    """The graph that the command line selects, which must be running."""
    return connect(env(), graph_settings(ctx))


def graph_settings(ctx: click.Context) -> GraphSettings:
    """The graph that `--graph` names."""
    name = ctx.find_root().obj
    return GraphSettings() if name is None else GraphSettings(name=name)
