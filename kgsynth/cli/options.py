"""Options that several commands share, made from the settings dataclasses, so that a default exists once."""

import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from kgsynth.cli.say import say
from kgsynth.config import UNDECISIVE, Environment, GraphSettings, environment, plain_value, section_from, set_in
from kgsynth.graph.session import Graph
from kgsynth.pipeline import connect
from kgsynth.pipeline.asking import RETRY_CHANGES
from kgsynth.progress import Bar, Lines, Progress
from kgsynth.records import StageCount

_Function = TypeVar("_Function", bound=Callable[..., Any])


def settings_options(
    kind: type[Any],
    *,
    helps: Mapping[str, str],
    flags: Mapping[str, tuple[str, ...]] | None = None,
    shows_defaults: bool = True,
) -> Callable[[_Function], _Function]:
    """An option for each field that `helps` names; unset ones are left out, so that the dataclass decides.

    Args:
        kind: a settings dataclass.
        helps: help by field name, in the order wanted.
        flags: other option names by field name.
        shows_defaults: say the dataclass's defaults in the help; not where unset ones are those of an earlier run.
    """
    hints = typing.get_type_hints(kind)
    defaults = {item.name: item.default for item in fields(kind) if item.default is not MISSING}

    def decorate(function: _Function) -> _Function:
        for name, text in reversed(list(helps.items())):
            wanted = hints[name]
            if get_origin(wanted) in (typing.Union, types.UnionType):
                wanted = next(part for part in get_args(wanted) if part is not type(None))
            if _is_table(wanted):
                function = click.option(
                    "--" + name.replace("_", "-"),
                    name,
                    multiple=True,
                    metavar="KEY=VALUE",
                    callback=_as_table,
                    help=text + "  May be given several times.",
                )(function)
                continue
            option_type: Any = click.Choice(get_args(wanted)) if get_origin(wanted) is Literal else wanted
            default = defaults.get(name)
            shown = (
                ""
                if default in (None, "") or not shows_defaults
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


def _is_table(wanted: Any) -> bool:
    return isinstance(get_origin(wanted), type) and issubclass(get_origin(wanted), Mapping)


def _as_table(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    """A table from `KEY=VALUE` options, with dots in a key for tables inside it, or from a whole JSON object."""
    table: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        whole = plain_value(text) if text.lstrip().startswith("{") else None
        if isinstance(whole, dict):
            table |= whole
        elif equals and key.strip():
            set_in(table, key.strip(), plain_value(value))
        else:
            hint = "; machines of a Ray cluster are chosen by --executor ray" if text == "ray" else ""
            raise click.BadParameter(f"{text!r}: write it as KEY=VALUE{hint}", param=parameter)
    return table


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
        if name in known and value not in (None, (), {})
    }
    return section_from(section, {**given, **fixed}, kind)


BACKEND_HELPS = {
    "seed": "Seed of all draws and texts.",
    "backend": "vllm in this process, an OpenAI-compatible server, or scripted text without a model.",
    "executor": "Where the backend runs: here, or on the machines of a Ray cluster.",
    "model": "A model folder, a Hugging Face id, or the name that a server gives it.  [default: SmolLM2-135M, for "
    "trying the plumbing]",
    "url": "Address of a server; with it, --backend is server. Several servers share the load.",
    "domain": "Prompt templates: a domain that `kgsynth prompts list` names, or a folder of your own.  [required]",
    "temperature": "Sampling temperature.",
    "top_p": "Sample from the likeliest tokens that make up this share.",
    "top_k": "Sample from this many of the likeliest tokens.",
    "min_p": "Sample from tokens with at least this share of the likeliest one's chance.",
    "repetition_penalty": "Penalty on tokens that came before.  [default: 1.1 for the bundled model, else none]",
    "presence_penalty": "Penalty on tokens that came before, however often.",
    "frequency_penalty": "Penalty on tokens for each time that they came before.",
    "stop": "End the text before this string.",
    "max_output_tokens": "Tokens of one answer at most, thoughts included.  [default: 512 to 1024 for the bundled "
    "model, 2048 for others, 4096 for their answers]",
    "context_tokens": "Tokens of prompt and answer together; passages are cut to fit.  [default: 4096 for the bundled "
    "model, 8192 or more for others]",
    "thinking": "Switch a model's thoughts on or off, through its chat template.  [default: as the template has it]",
    "system": "A text that stands at the head of every system turn.",
    "system_role": "How the system turn is sent; user puts it at the head of the first user turn.",
    "constrained": "Force the form of answers by a grammar where the backend can.  [default: for the bundled model; "
    "JSON schemas wherever vLLM runs]",
    "request": "Add a field to each request, or remove one with KEY=null; rename.OLD=NEW renames one, "
    "headers.NAME=VALUE adds a header.",
    "engine": "An option of vLLM's engine, such as tensor_parallel_size=2 or dtype=bfloat16.",
    "shard_size": "Units in one shard.",
    "concurrency": "Requests in flight at most, for a server; how many really are follows what it bears.",
    "timeout_s": "Seconds for one answer, for a server.",
    "tries": "Tries of one request, for a server.",
    "first_wait_s": "Seconds before the second try; each further wait is twice as long.",
    "max_rejected_share": "Stop when a larger share is rejected.",
}
# What a retry may change.
RETRY_HELPS = {name: BACKEND_HELPS[name].partition("  [default")[0] for name in (*RETRY_CHANGES, *UNDECISIVE)}
# How sources are read, for every stage that reads documents.
SOURCE_HELPS = {
    "loader": "How to read the sources; `kgsynth loaders` lists them. auto knows a file by its first bytes and its "
    "ending.",
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
    "encoding": "Encoding of text files.  [default: by byte-order mark, as UTF-8, as declared, else a guess that is "
    "said]",
    "delimiter": "What stands between the cells of CSV files.  [default: found]",
    "split": "How long documents become parts: by headings, pages or words; auto takes the first of these that the "
    "document has, and leaves short documents whole.",
    "whole_words": "With --split auto: documents of so many words stay whole.",
    "part_words": "Words of a part at most.",
    "readers": "Worker processes that read files.  [default: one for each core]",
    "file_timeout_s": "Give up a file when its reader gives nothing for so many seconds.",
    "file_memory_mb": "Give up a file when its reader needs more memory, in MiB.",
}


def report(count: StageCount) -> None:
    """A stage's closing lines, on standard error."""
    for line in count.lines():
        say(line, err=True)


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
