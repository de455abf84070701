"""Render rows of questions and answers as one HTML page that can be searched and filtered, and needs no network."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from kgsynth.files import atomic


def write_rows_page(path: Path, rows: Sequence[Mapping[str, Any]], *, title: str, note: str) -> None:
    """Write the page of `rows_page` to a file, atomically."""
    with atomic(path) as partial:
        partial.write_text(rows_page(rows, title=title, note=note), encoding="utf-8")


def rows_page(rows: Sequence[Mapping[str, Any]], *, title: str, note: str = "") -> str:
    """Render rows as one HTML file.

    Args:
        rows: rows as dictionaries of JSON values, in the order in which they are shown.
        title: what the rows are, for example the path of the run.
        note: a sentence below the title, for example how many rows there are in all.
    """
    text = resources.files("kgsynth.reports").joinpath("rows.html").read_text(encoding="utf-8")
    # A script element ends at the first "</", whatever stands around it.
    data = json.dumps(_plain(rows), ensure_ascii=False, default=str).replace("<", "\\u003c")
    data = data.encode("utf-8", "replace").decode()
    values = {"title": escape(title), "note": escape(note), "rows": data}
    return re.sub("@(title|note|rows)@", lambda slot: values[slot[1]], text)


def _plain(value: Any) -> Any:
    """Return a value as JavaScript can read it: numbers that are not finite become null, large ones become texts."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
