"""Options that several commands share, made from the settings dataclasses, so that a default exists once."""

import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
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
            if wanted is bool:
                names = (f"{names[0]}/--no-{names[0][2:]}",)
                function = click.option(*names, name, default=None, help=text + shown)(function)
            else:
                function = click.option(*names, name, type=option_type, default=None, help=text + shown)(function)
        return function

    return decorate


def settings_from(kind: type[Any], section: str, values: Mapping[str, object], **fixed: object) -> Any:
    """A settings dataclass from those options that were given."""
    known = {item.name for item in fields(kind)}
    given = {name: value for name, value in values.items() if name in known and value is not None}
    return section_from(section, {**given, **fixed}, kind)


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


def open_graph(ctx: click.Context) -> Graph:
    """The graph that the command line selects, which must be running."""
    return connect(env(), graph_settings(ctx))


def graph_settings(ctx: click.Context) -> GraphSettings:
    """The graph that `--graph` names."""
    name = ctx.find_root().obj
    return GraphSettings() if name is None else GraphSettings(name=name)
