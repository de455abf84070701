"""What commands print: control characters of texts are shown and not obeyed."""

import re

import click

from kgsynth.texts import printable

# What `click.style` puts around words; it changes their look and nothing else.
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text with control characters escaped; the marks of `click.style` stay.

    Args:
        text: what to print.
        err: on standard error.
        nl: end the line.
    """
    pieces = _STYLE.split(str(text))
    click.echo("".join(piece if place % 2 else printable(piece) for place, piece in enumerate(pieces)), err=err, nl=nl)
