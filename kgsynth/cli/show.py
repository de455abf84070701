"""`kgsynth show`: page through the rows of a run in the terminal, or write them as one HTML page."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.given import GivenPath
from kgsynth.cli.say import say, say_json, wants_json
from kgsynth.question_files import TEXT_FIELDS
from kgsynth.texts import printable

_ROWS_WITHOUT_TERMINAL = 10
_ROWS_OF_PAGE = 2_000
_THOUGHTS = {"reasoning": "thoughts", "answer_reasoning": "thoughts before the answer"}
# Ids of terms begin with their kind.
_KIND = re.compile("^(topic|concept):")
_FACTS = ("topics", "concepts", "documents", "sources", "licenses", "model", "answer_model")


@click.command()
@click.argument("run", type=GivenPath(exists=True))
@click.option("--rejects", is_flag=True, help="Show the rejects of the run instead, with their reasons.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Maximum number of rows.  [default: all on a terminal, {_ROWS_WITHOUT_TERMINAL} elsewhere, "
    f"{_ROWS_OF_PAGE:,} in a page]",
)
@click.option("--thoughts", is_flag=True, help="Also show the thoughts that the model wrote before its texts.")
@click.option(
    "--html",
    type=GivenPath(dir_okay=False),
    help="Write the rows to this HTML file, with a search field and filters.",
)
def show(run: Path, rejects: bool, limit: int | None, thoughts: bool, html: Path | None) -> None:
    """Show the rows of RUN: questions, answers, concepts and documents.

    RUN is a run folder, the folder of a `kgsynth run`, the folder of a data set, or a JSON Lines or Parquet file. Rows
    of a run that is still at work are shown, too.
    """
    rows = pipeline.rows_of(run, rejects=rejects)
    if html is not None:
        _write_page(run, rows, limit or _ROWS_OF_PAGE, html)
        return
    is_cut = limit is None and not sys.stdout.isatty() and not wants_json()
    if is_cut:
        limit = _ROWS_WITHOUT_TERMINAL
    rows = islice(rows, limit)
    if wants_json():
        for row in rows:
            say_json(row)
        return
    first = next(rows, None)
    if first is None:
        say(f"{run} holds no {'rejects' if rejects else 'rows'}", err=True)
        return
    texts = (_text(number, row, thoughts=thoughts) for number, row in enumerate(chain([first], rows), 1))
    if sys.stdout.isatty():
        # The pager reads the texts one by one, so that a large run is shown at once.
        click.echo_via_pager(texts)
        return
    for text in texts:
        click.echo(text, nl=False)
    if is_cut:
        say(f"at most {limit} rows are shown; --limit N shows more", err=True)


def show_rows(rows: Iterable[Mapping[str, Any]], *, stage: str) -> None:
    """Print rows in full; with `--json`, each with the name of its stage."""
    for number, row in enumerate(rows, 1):
        if wants_json():
            say_json({**row, "stage": stage})
        else:
            click.echo(_text(number, row, thoughts=True), nl=False)


def _write_page(run: Path, rows: Iterator[dict[str, Any]], limit: int, html: Path) -> None:
    shown = list(islice(rows, limit))
    more = sum(1 for _ in rows)
    note = f"{len(shown):,} rows." if not more else f"The first {len(shown):,} of {len(shown) + more:,} rows."
    pipeline.write_rows_page(html, shown, title=str(run), note=note)
    say(f"{note} The page is {html}", err=True)


def _text(number: int, row: Mapping[str, Any], *, thoughts: bool) -> str:
    level = f"level {row['level']}" if row.get("level") else ""
    head = " · ".join(part for part in (str(number), str(row.get("id") or row.get("unit_id") or ""), level) if part)
    lines = [click.style(head, bold=True)]
    if "reason" in row:
        lines.append(f"  rejected because: {printable(str(row['reason']))}")
    for name in (*TEXT_FIELDS, "raw"):
        if row.get(name):
            lines += _indented(row[name])
    if thoughts:
        for name, title in _THOUGHTS.items():
            if row.get(name):
                lines += [f"  {title}", *_indented(row[name], 4)]
    if row.get("answer"):
        lines += [click.style("  answer", bold=True) + printable(_verified(row)), *_indented(row["answer"], 4)]
    for name in _FACTS:
        value = row.get(name)
        values = [_item_text(item) for item in (value if isinstance(value, list) else [value]) if item]
        if values:
            shown = ", ".join(_KIND.sub("", item) if name in ("topics", "concepts") else item for item in values)
            lines.append(f"  {name.replace('_', ' ')}: {printable(shown)}")
    if len(lines) == 1:
        lines += [f"  {name}: {printable(str(value))}" for name, value in row.items() if value not in (None, "", [])]
    return "\n".join(lines) + "\n\n"


def _item_text(item: object) -> str:
    """Return a value in one line: a table as its name, followed by its other values in parentheses."""
    if not isinstance(item, Mapping):
        return f"{item:.3g}" if isinstance(item, float) else str(item)
    first, *others = item.values() or ("",)
    texts = (", ".join(map(str, value)) if isinstance(value, list) else _item_text(value) for value in others)
    return f"{first} ({'; '.join(texts)})" if others else str(first)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _verified(row: Mapping[str, Any]) -> str:
    votes, agreement = row.get("votes"), row.get("agreement")
    parts = [
        f"final answer {row['final_answer']}" if row.get("final_answer") else "",
        f"{agreement:.0%} of {votes} votes" if isinstance(votes, int) and votes > 1 and _is_number(agreement) else "",
        f"judged {row['verdict']}" if row.get("verdict") else "",
        *(
            f"{check['verdict']} by {check['verifier']}" + (f": {check['reason']}" if check.get("reason") else "")
            for check in row.get("checks") or ()
        ),
    ]
    said = ", ".join(part for part in parts if part)
    return f" ({said})" if said else ""


def _indented(text: object, width: int = 2) -> list[str]:
    return [" " * width + printable(line) for line in str(text).splitlines()]
