"""Print texts with their control characters escaped, so that a terminal does not execute them."""

import re

import click

from kgsynth.texts import printable

# The escape sequences of `click.style`, which change only colour and weight.
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text with control characters escaped, except the escape sequences of `click.style`.

    Args:
        text: the text, or an object that is converted to a string.
        err: whether to print to standard error.
        nl: whether to end the line.
    """
    pieces = _STYLE.split(str(text))
    click.echo("".join(piece if index % 2 else printable(piece) for index, piece in enumerate(pieces)), err=err, nl=nl)
