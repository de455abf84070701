"""Print tables: with lines on a terminal, else tab-separated, so that other programs can read them."""

import sys
from collections.abc import Sequence

from kgsynth.cli.say import say
from kgsynth.pipeline.merging import MergePlan
from kgsynth.texts import printable


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to standard output."""
    if not sys.stdout.isatty():
        say("\t".join(header))
        for row in rows:
            say("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    Console().print(table)


def show_changes(planned: MergePlan, *, err: bool = False) -> None:
    """Print how a plan changes the merges in the graph, one line per merge."""
    for sign, merges in (("+", planned.new), ("~", planned.changed)):
        for merge in merges:
            names = f"{planned.names[merge.alias_id]}  counts as  {planned.names[merge.canonical_id]}"
            say(f"  {sign} {names}  ({merge.rule}, {merge.cosine:.3f})", err=err)
    for stored in planned.taken_back:
        say(f"  - {stored.alias}  no longer counts as  {stored.canonical}", err=err)
