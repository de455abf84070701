"""Options that several commands share, made from the settings dataclasses, so that a default exists once."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from kgsynth.cli.say import say
from kgsynth.config import Environment, environment, plain_value, set_in
from kgsynth.pipeline import MOST_PAIRS, RETRY_CHANGES, STRONGEST, CoOccurrences, Graph, connect
from kgsynth.progress import Bar, Lines, Progress
from kgsynth.records import StageCount
from kgsynth.settings import UNDECISIVE, BackendSettings, GraphSettings, default_text, plain_type, settings_fields

_Function = TypeVar("_Function", bound=Callable[..., Any])


def settings_options(
    kind: type[Any],
    names: Iterable[str],
    *,
    flags: Mapping[str, str] | None = None,
    helps: Mapping[str, str] | None = None,
    shows_defaults: bool = True,
) -> Callable[[_Function], _Function]:
    """An option for each named setting; options that are not given are left out, so that the declaration decides.

    Args:
        kind: a settings class.
        names: its settings, in the order wanted.
        flags: other option names by setting.
        helps: other help by setting, where a command speaks of it differently.
        shows_defaults: whether the help says the defaults; not where a missing option keeps an earlier run's value.
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
    wanted = plain_type(info)
    default = default_text(info) if shows_default else ""
    if default:
        text += f"  [default: {default}]"
    if _is_table(wanted):
        text += "  May be given several times."
        return click.option(flag, name, multiple=True, metavar="KEY=VALUE", callback=_as_table, help=text)
    if get_origin(wanted) is tuple:
        text += "  May be given several times."
        return click.option(flag, name, type=get_args(wanted)[0], multiple=True, help=text)
    if wanted is bool:
        flag += f"/--no-{flag[2:]}"
    option_type: Any = (
        click.Choice([value for value in get_args(wanted) if value]) if get_origin(wanted) is Literal else wanted
    )
    return click.option(flag, name, type=option_type, default=None, help=text)


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


def asking_settings(kind: type[Any], values: Mapping[str, object], **fixed: object) -> Any:
    """As `settings_from`, for a stage that asks a model: an address alone means a server."""
    given = dict(values)
    if given.get("url") and given.get("backend") is None:
        given["backend"] = "server"
    return settings_from(kind, given, **fixed)


def settings_from(kind: type[Any], values: Mapping[str, object], **fixed: object) -> Any:
    """A settings object from those options that were given."""
    declared = settings_fields(kind)
    given = {name: value for name, value in values.items() if name in declared and value not in (None, (), {})}
    return kind(**{**given, **fixed})


# How a model is asked, for every stage that asks one.
BACKEND = tuple(settings_fields(BackendSettings))
# What a retry may change.
RETRY = (*RETRY_CHANGES, *UNDECISIVE)
# How sources are read, for every stage that reads documents.
SOURCES = (
    *("loader", "id_field", "text_field", "title_field", "topics_field", "concepts_field", "synonyms_field"),
    *("kind_field", "source_field", "license_field", "attribution_field", "encoding", "delimiter"),
    *("split", "whole_words", "part_words", "readers", "file_timeout_s", "file_memory_mb"),
)


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
    help="Folder for shards, rejects and manifest.  [default: a folder below runs/]",
)


def open_graph(ctx: click.Context) -> Graph:
    """The graph that the command line selects, which must be running."""
    return connect(env(), graph_settings(ctx))


def graph_settings(ctx: click.Context) -> GraphSettings:
    """The graph that `--graph` names."""
    name = ctx.find_root().obj
    return GraphSettings() if name is None else GraphSettings(name=name)


def _as_co_occurrences(_: click.Context, __: click.Parameter, value: str | None) -> CoOccurrences | None:
    if value is None or value in ("auto", "all", "none"):
        return cast("CoOccurrences | None", value)
    if not value.isdecimal() or not int(value):
        raise click.BadParameter(f"{value!r}: give all, none, auto or a number from 1")
    return int(value)


co_occurrences_option = click.option(
    "--co-occurrences",
    "keep",
    metavar="auto|all|none|N",
    callback=_as_co_occurrences,
    help="Which co-occurrences the graph stores for people to look at; no walk reads them. N: those of each term with "
    f"the N largest counts. auto: all, or {STRONGEST} of each term where documents give more than {MOST_PAIRS:,} "
    "pairs.  [default: as in the last build, at first auto]",
)
