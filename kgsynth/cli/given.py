"""Types of options and arguments that take no empty text.

An empty text is mostly that of a shell variable that is not set. Taken for a path it would be the current folder, and
taken for the name of a file or a model it would select the default in silence.
"""

from pathlib import Path
from typing import Any

import click

_ADVICE = "check that shell variables are set"


class GivenPath(click.Path):
    """A path that is not empty."""

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        """Say what may be at the path; see `click.Path`."""
        super().__init__(exists=exists, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; an empty text is refused."""
        if value == "":
            self.fail(f"an empty text is no path; {_ADVICE}", param, ctx)
        return super().convert(value, param, ctx)


class _GivenText(click.types.StringParamType):
    """A text that is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail(f"{_wanted(param)}; {_ADVICE}", param, ctx)
        return super().convert(value, param, ctx)


def _wanted(parameter: click.Parameter | None) -> str:
    """Return what to do instead of giving an empty text."""
    is_needed = parameter is None or parameter.required
    return "the text is empty; give a value" + ("" if is_needed else " or leave the option out")


GIVEN_TEXT = _GivenText()
