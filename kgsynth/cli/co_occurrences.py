"""The option `--co-occurrences` of the commands that bring the derived layers up to date."""

from typing import cast

import click

from kgsynth.cli.given import GIVEN_TEXT
from kgsynth.errors import quoted
from kgsynth.pipeline import MOST_PAIRS, STRONGEST, CoOccurrences

_MAX_DIGITS = 18


def _as_co_occurrences(_: click.Context, __: click.Parameter, value: str | None) -> CoOccurrences | None:
    if value is None or value in ("auto", "all", "none"):
        return cast("CoOccurrences | None", value)
    if not value.isdecimal() or len(value) > _MAX_DIGITS or not int(value):
        raise click.BadParameter(f"{quoted(value)}: give all, none, auto or a number from 1")
    return int(value)


co_occurrences_option = click.option(
    "--co-occurrences",
    "keep",
    type=GIVEN_TEXT,
    metavar="auto|all|none|N",
    callback=_as_co_occurrences,
    help="Which co-occurrences the graph stores, for people to view; no walk reads them. N: per term those with the N "
    f"largest counts. auto: all, or {STRONGEST} per term if the documents have more than {MOST_PAIRS:,} pairs.  "
    "[default: as in the last build, at first auto]",
)
