"""Render rows of questions and answers as one HTML page that can be searched and filtered, and needs no network."""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from kgsynth.files import atomic
from kgsynth.texts import json_value

# JavaScript rounds larger ones, such as seeds.
_MAX_INTEGER = 2**53


def write_rows_page(path: Path, rows: Sequence[Mapping[str, Any]], *, title: str, note: str) -> None:
    """Write the page of `rows_page` to a file, atomically."""
    with atomic(path) as partial:
        partial.write_text(rows_page(rows, title=title, note=note), encoding="utf-8")


def rows_page(rows: Sequence[Mapping[str, Any]], *, title: str, note: str = "") -> str:
    """Render rows as one HTML file.

    Args:
        rows: rows as dictionaries of JSON values, in the order in which they are shown.
        title: what the rows are, for example the path of the run.
        note: a sentence below the title, for example how many rows there are in all; commands stand in backticks.
    """
    text = resources.files("kgsynth.reports").joinpath("rows.html").read_text(encoding="utf-8")
    # A script element ends at the first "</", whatever stands around it.
    data = json.dumps(json_value(rows, max_integer=_MAX_INTEGER), ensure_ascii=False, default=str).replace(
        "<", "\\u003c"
    )
    data = data.encode("utf-8", "replace").decode()
    values = {"title": escape(title), "note": re.sub("`(.+?)`", r"<code>\1</code>", escape(note)), "rows": data}
    return re.sub("@(title|note|rows)@", lambda slot: values[slot[1]], text)
