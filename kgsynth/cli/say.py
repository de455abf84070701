"""Print texts and JSON on standard output or standard error.

Control characters in texts are escaped, so that a terminal does not execute them. With `--json`, standard output holds
JSON Lines and nothing else; texts for people then go to standard error.
"""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

import click

from kgsynth.texts import json_value, printable

# The escape sequences of `click.style`, which change only colour and weight.
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")
_JSON = "kgsynth.json"
_GRAPH = "kgsynth.graph"
# Commands that use a graph, as texts name them; one that names its graph stays.
_COMMAND = re.compile(
    r"(?<![\w/.-])kgsynth (?=(?:db|load|merges?|build|check|sample|generate|forget|browse|query|concept|document"
    r"|question|trace|report|retry)\b)"
)


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text with control characters escaped, except the escape sequences of `click.style`.

    Args:
        text: the text, or an object that is converted to a string.
        err: whether to print to standard error.
        nl: whether to end the line.
    """
    pieces = _STYLE.split(str(text))
    safe = "".join(piece if index % 2 else printable(piece) for index, piece in enumerate(pieces))
    click.echo(safe, err=err or wants_json(), nl=nl)


def say_wrapped(text: str, *, indent: str = "", width: int = 0, err: bool = False) -> None:
    """Print a text whose lines are broken between words on a terminal; elsewhere each line stays whole.

    Args:
        text: the text; its line breaks stay.
        indent: begins each line; what continues a line is indented by two more spaces.
        width: maximum width in columns; 0 for the terminal's.
        err: whether to print to standard error.
    """
    is_terminal = (sys.stderr if err or wants_json() else sys.stdout).isatty()
    columns = shutil.get_terminal_size().columns
    columns = min(width or columns, columns)
    for line in text.splitlines():
        own = indent + line[: len(line) - len(line.lstrip())]
        parts = textwrap.wrap(
            line.strip(),
            max(columns, 2 * len(own) + 10),
            initial_indent=own,
            subsequent_indent=own + "  ",
            break_long_words=False,  # a path or an address stays whole
            break_on_hyphens=False,
        )
        for part in parts if is_terminal else [indent + line]:
            say(part, err=err)


def say_json(row: Mapping[str, Any], *, err: bool = False) -> None:
    """Print one row as a line of JSON."""
    click.echo(json.dumps(json_value(row), ensure_ascii=True, default=str), err=err)


def say_error(text: str, hint: str, *, is_json: bool) -> None:
    """Print an error and what to do to standard error, as text or as one line of JSON."""
    if is_json:
        say_json({"error": text, "hint": hint}, err=True)
        return
    say(click.style("error: ", fg="red", bold=True) + text, err=True)
    if hint:
        say(hint, err=True)


def set_graph(context: click.Context, name: str) -> None:
    """Let the commands that texts name have `--graph` with this name; an empty name means that they work without."""
    context.find_root().meta[_GRAPH] = name


def with_graph(text: str) -> str:
    """Return a text whose commands name the graph of this call, if they would use another one otherwise."""
    context = click.get_current_context(silent=True)
    name = "" if context is None else context.find_root().meta.get(_GRAPH, "")
    return _COMMAND.sub(f"kgsynth --graph {name} ", text) if name else text


def wants_json() -> bool:
    """Return whether the command was called with `--json`."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.find_root().meta.get(_JSON))


def add_json_option(command: click.Command) -> None:
    """Add `--json` to a command and to the commands of a group, unless it has an option of that name."""
    for subcommand in getattr(command, "commands", {}).values():
        add_json_option(subcommand)
    if not any("--json" in parameter.opts for parameter in command.params):
        command.params.append(
            click.Option(
                ["--json", "is_json"],
                is_flag=True,
                expose_value=False,
                callback=_set_json,
                help="Print rows and closing lines as JSON Lines on standard output.",
            )
        )


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().meta[_JSON] = True
