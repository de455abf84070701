"""Print tables: with lines on a terminal, else tab-separated; with `--json`, as JSON Lines."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kgsynth.cli.say import say, say_json, say_wrapped, wants_json
from kgsynth.texts import printable

if TYPE_CHECKING:
    from kgsynth.pipeline.merging import MergePlan

# Longest cell without a blank that is kept on one line.
_MOST_WHOLE = 16


def show_table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, grouped: int = 0) -> None:
    """Print a table to standard output.

    Args:
        header: names of the columns; in JSON, with underscores instead of spaces.
        rows: cells, in the order of the columns. Whole numbers get separators of thousands, except in JSON. None is an
            empty cell, in JSON null.
        grouped: number of first columns that, on a terminal, are shown only in the first row of rows that share them.
    """
    if wants_json():
        names = [name.replace(" ", "_") or "name" for name in header]
        for row in rows:
            say_json(dict(zip(names, row, strict=True)))
        return
    rows = [
        [f"{cell:,}" if isinstance(cell, int) else str("" if cell is None else cell) for cell in row] for row in rows
    ]
    if not sys.stdout.isatty():
        say("\t".join(header))
        for row in rows:
            say("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    # In a narrower table most words would be broken, down to a letter per line.
    if console.width < sum(max(map(len, name.split()), default=0) + 2 for name in header):
        _show_records(header, rows)
        return
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    widths = [max(map(len, name.split()), default=0) for name in header]
    # Ids and numbers stay whole, so that they can be copied, where names have room beside them.
    whole = {
        column: max(widths[column], *(len(row[column]) for row in rows))
        for column in range(len(header))
        if rows and not any(" " in row[column] or len(row[column]) > _MOST_WHOLE for row in rows)
    }
    if sum(whole.get(column, width) + 2 for column, width in enumerate(widths)) > console.width:
        whole = {}
    for column, name in enumerate(header):
        table.add_column(name, overflow="fold", width=whole.get(column))
    above: Sequence[str] = ()
    for row in rows:
        cells = [*[""] * grouped, *row[grouped:]] if grouped and row[:grouped] == above else row
        table.add_row(*(escape(printable(cell)) for cell in cells))
        above = row[:grouped]
    console.print(table)


def _show_records(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print the cells of each row below each other, for a terminal that is too narrow for a table."""
    width = max(map(len, header))
    for row in rows:
        for name, cell in zip(header, row, strict=True):
            if cell:
                say_wrapped(f"{name:<{width}}  {printable(cell)}")
        say()


def show_changes(planned: "MergePlan", *, err: bool = False) -> None:
    """Print how a plan changes the merges in the graph, one line per merge."""
    for sign, merges in (("+", planned.new), ("~", planned.changed)):
        for merge in merges:
            names = f"{planned.names[merge.alias_id]}  counts as  {planned.names[merge.canonical_id]}"
            say(f"  {sign} {names}  ({merge.rule}, {merge.cosine:.3f})", err=err)
    for stored in planned.taken_back:
        say(f"  - {stored.alias}  no longer counts as  {stored.canonical}", err=err)
