"""`kgsynth sandbox`: the sandbox in which verifiers run programs that models wrote."""

from typing import Any

import click

from kgsynth.cli.say import say, say_json, wants_json
from kgsynth.pipeline import sandbox

_PROGRAMS = 40
_THREADS = 2


@click.group(name="sandbox")
def sandbox_group() -> None:
    """Examine the sandbox in which programs of models run."""


@sandbox_group.command()
@click.pass_context
def check(ctx: click.Context, /) -> None:
    """Show which back ends hold against a hostile program.

    Programs of models run only in a back end that holds. The rate is that of 40 empty programs in two threads. The exit
    code is 1 if no back end holds.
    """
    holds_any = False
    for name in sandbox.BACK_ENDS:
        examination = sandbox.examine(name)
        row: dict[str, Any] = {
            "backend": name,
            "holds": examination.sandbox is not None,
            "version": examination.version,
            "programs_per_second": None,
            "reason": examination.reason,
            "hint": examination.hint,
        }
        if examination.sandbox is not None:
            holds_any = True
            rate = sandbox.measure_rate(examination.sandbox, programs=_PROGRAMS, threads=_THREADS)
            row["programs_per_second"] = round(rate, 1)
        if wants_json():
            say_json(row)
        else:
            _show(row)
    if not holds_any:
        ctx.exit(1)


def _show(row: dict[str, Any]) -> None:
    """Print what is known of a back end on one line, and what to do on a second one."""
    name = f"{row['backend']} {row['version']}".strip()
    if row["holds"]:
        say(f"{click.style('holds        ', fg='green')} {name}: {row['programs_per_second']:g} programs per second")
        return
    say(f"{click.style('does not hold', fg='red')} {name}: {row['reason']}")
    if row["hint"]:
        say(f"              {row['hint']}")
