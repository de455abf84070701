"""Options that several commands share; they are made from the settings classes, so that a default exists once."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import click
from click.core import ParameterSource
from pydantic.fields import FieldInfo

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.say import say, say_json, say_wrapped, set_graph, wants_json, with_graph
from kgsynth.config import Environment, environment, plain_value, set_in
from kgsynth.errors import ConfigError, quoted
from kgsynth.progress import Bar, Lines, Progress, Silent
from kgsynth.records import StageCount
from kgsynth.settings import BackendSettings, GraphSettings, default_text, plain_type, settings_fields

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Settings whose empty text has a meaning of its own: texts of all languages are kept.
_MAY_BE_EMPTY = ("language",)


def settings_options(
    kind: type[Any],
    names: Iterable[str],
    *,
    flags: Mapping[str, str] | None = None,
    helps: Mapping[str, str] | None = None,
    shows_defaults: bool = True,
) -> Callable[[_Function], _Function]:
    """Return a decorator that adds an option for each named setting; an option without a value leaves its default.

    Args:
        kind: a settings class.
        names: names of its settings, in the order of the help.
        flags: option names by setting, where they differ from the setting's name.
        helps: help texts by setting, where they differ from the setting's description.
        shows_defaults: whether the help shows defaults; False if a missing option keeps the value of an earlier run.
    """
    declared = settings_fields(kind)

    def decorate(function: _Function) -> _Function:
        for name in reversed(tuple(names)):
            flag = (flags or {}).get(name, "--" + name.replace("_", "-"))
            text = (helps or {}).get(name, declared[name].description or "")
            function = _option(name, declared[name], flag, text, shows_default=shows_defaults)(function)
        return function

    return decorate


def _option(
    name: str, info: FieldInfo, flag: str, text: str, *, shows_default: bool
) -> Callable[[_Function], _Function]:
    value_type = plain_type(info)
    default = default_text(info) if shows_default else ""
    if default:
        text += f"  [default: {default}]"
    if _is_table(value_type):
        text += "  May be given several times."
        return click.option(
            flag, name, type=GIVEN_TEXT, multiple=True, metavar="KEY=VALUE", callback=_as_table, help=text
        )
    if get_origin(value_type) is tuple:
        text += "  May be given several times."
        return click.option(flag, name, type=_given(get_args(value_type)[0]), multiple=True, help=text)
    if value_type is bool:
        flag += f"/--no-{flag[2:]}"
    option_type: Any = (
        click.Choice([value for value in get_args(value_type) if value])
        if get_origin(value_type) is Literal
        else value_type
        if name in _MAY_BE_EMPTY
        else _given(value_type)
    )
    return click.option(flag, name, type=option_type, default=None, help=text)


def _given(value_type: Any) -> Any:
    return GIVEN_TEXT if value_type is str else value_type


def _is_table(value_type: Any) -> bool:
    return isinstance(get_origin(value_type), type) and issubclass(get_origin(value_type), Mapping)


def _as_table(_: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """Return a table from `KEY=VALUE` options, whose keys may contain dots for nested tables, or from JSON objects."""
    table: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        parsed = plain_value(text) if text.lstrip().startswith("{") else None
        if isinstance(parsed, dict):
            table |= parsed
        elif equals and key.strip():
            set_in(table, key.strip(), plain_value(value))
        else:
            hint = "; --executor ray selects a Ray cluster" if text == "ray" else ""
            raise click.BadParameter(f"{quoted(text)}: write it as KEY=VALUE{hint}", param=parameter)
    return table


def asking_settings(kind: type[Any], values: Mapping[str, object], **fixed: object) -> Any:
    """Return settings like `settings_from`, for a stage that asks a model; a URL without a backend selects a server."""
    values_given = dict(values)
    if values_given.get("url") and values_given.get("backend") is None:
        values_given["backend"] = "server"
    return settings_from(kind, values_given, **fixed)


def settings_from(kind: type[Any], values: Mapping[str, object], **fixed: object) -> Any:
    """Return a settings object from the options that have a value."""
    declared = settings_fields(kind)
    values_given = {name: value for name, value in values.items() if name in declared and value not in (None, (), {})}
    return kind(**{**values_given, **fixed})


# Settings of all stages that ask a model.
BACKEND = tuple(settings_fields(BackendSettings))
# Settings of all stages that read documents.
SOURCES = (
    *("loader", "id_field", "text_field", "title_field", "topics_field", "concepts_field", "synonyms_field"),
    *("kind_field", "source_field", "license_field", "attribution_field", "encoding", "delimiter"),
    *("split", "whole_words", "part_words", "readers", "file_timeout_s", "file_memory_mb"),
)


def report(count: StageCount) -> None:
    """Print the account of a stage: to standard error, or with `--json` to standard output."""
    if wants_json():
        say_json({"account": count.to_row()})
        return
    for line in count.lines():
        say_wrapped(with_graph(line), err=True)


def progress() -> Progress:
    """Return a progress bar on a terminal, else a progress that writes lines; with `--json`, none."""
    if wants_json():
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()


def env() -> Environment:
    """Return the environment of this process."""
    return environment()


def confirm(question: str) -> None:
    """Ask a question on the terminal, and end the command unless the answer is yes.

    Raises:
        ConfigError: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} There is no terminal to ask at.", hint="Agree with --yes.")
    click.confirm(question, abort=True)


# Sections that name the model of a run.
ASKING = ("backend", "extract", "generate", "answer")
set_option = click.option(
    "--set",
    "overrides",
    type=GIVEN_TEXT,
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Override one value of the configuration; may be given several times.",
)
_llm = click.option(
    "--llm",
    "url",
    type=GIVEN_TEXT,
    metavar="URL",
    help="Use the OpenAI-compatible server at this address instead of vLLM in this process.",
)
_backend = click.option(
    "--backend", type=click.Choice(["vllm", "server", "scripted"]), help="Backend that generates the texts."
)


def override_options(function: _Function) -> _Function:
    """Add the options that change the values of a configuration: `--set`, `--llm` and `--backend`."""
    return set_option(_llm(_backend(function)))


def graph_of_environment(ctx: click.Context) -> str:
    """Return the graph that KGSYNTH_GRAPH names, which a configuration file overrides; empty if there is none."""
    root = ctx.find_root()
    is_from_environment = root.get_parameter_source("graph") == ParameterSource.ENVIRONMENT
    return str(root.obj) if is_from_environment and root.obj is not None else ""


def overrides_of(ctx: click.Context, /, overrides: tuple[str, ...], url: str | None, backend: str | None) -> list[str]:
    """Return the overrides that `override_options` and `--graph` stand for, as texts `section.key=value`."""
    values = []
    root = ctx.find_root()
    if root.obj is not None and not graph_of_environment(ctx):
        values.append(f"graph.name={json.dumps(root.obj)}")
    if url:
        backend = "server"
        values += [f"{section}.url={url}" for section in ASKING]
    if backend:
        values += [f"{section}.backend={backend}" for section in ASKING]
    return [*values, *overrides]


run_dir_option = click.option(
    "--run-dir",
    type=GivenPath(file_okay=False),
    help="Folder for shards, rejects and manifest.  [default: a folder below runs/]",
)


def open_graph(ctx: click.Context, *, is_new: bool = False) -> "pipeline.Graph":
    """Connect to the graph that the command line selects (`graph_settings`); its server must be running."""
    return pipeline.connect(env(), graph_settings(ctx, is_new=is_new))


def graph_settings(ctx: click.Context, *, is_new: bool = False) -> GraphSettings:
    """Return the settings of the graph that `--graph` or KGSYNTH_GRAPH names, else of the only graph, else of `main`.

    Args:
        ctx: the context of the command.
        is_new: whether the command may create or delete the graph; then the only graph is not meant unless it is named.
    """
    root = ctx.find_root()
    if root.obj is None and not is_new:
        root.obj = _only_graph()
    settings = GraphSettings() if root.obj is None else GraphSettings(name=root.obj)
    name_in_hints(ctx, settings)
    return settings


def name_in_hints(ctx: click.Context, settings: GraphSettings) -> None:
    """Let hints name the graph of this call in their commands, unless these use it anyway."""
    root = ctx.find_root()
    source = root.get_parameter_source("graph")
    if env().neo4j_uri:
        needs_name = False
    elif source == ParameterSource.ENVIRONMENT:
        needs_name = settings.name != root.obj
    else:
        # A command that creates a graph does not take the only one for it.
        needs_name = source == ParameterSource.COMMANDLINE or {GraphSettings().name, *_names_of_only()} != {
            settings.name
        }
    set_graph(ctx, settings.name if needs_name else "")


def _only_graph() -> str | None:
    """Return the name of the managed graph if there is exactly one and it is not `main`, and print it."""
    names = _names_of_only()
    if env().neo4j_uri or not names or names[0] == GraphSettings().name:
        return None
    say(f"graph {names[0]!r}: the only one (--graph NAME selects another)", err=True)
    return names[0]


def _names_of_only() -> list[str]:
    """Return the name of the managed graph if there is exactly one."""
    names = [path.parent.name for path in env().graphs.glob("*/settings.json")]
    return names if len(names) == 1 else []
