"""Write the rows of a user's query as a table, JSON, JSON Lines, CSV, Parquet, or a picture.

All formats but the table and the picture need constant memory. In CSV and Parquet, a value that is not a scalar becomes
JSON. In CSV, a text that a spreadsheet would take for a formula gets a leading apostrophe.
"""

import json
import pickle
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, get_args

from kgsynth.cli import pictures
from kgsynth.cli.tables import show_table
from kgsynth.cli.values import plain
from kgsynth.errors import ConfigError
from kgsynth.files import atomic
from kgsynth.pipeline import GraphNode, GraphRelationship
from kgsynth.texts import without_formula

Format = Literal["table", "json", "jsonl", "csv", "parquet", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
_BATCH = 20_000
_CELL_CHARS = 120
Rows = Iterable[Mapping[str, Any]]


def format_of(path: Path | None, requested: Format | None) -> Format:
    """Return the requested format, else that of the file's ending, else a table.

    Raises:
        ConfigError: the ending is unknown, a table is requested for a file, or Parquet or a picture without a file.
    """
    if path is None:
        if requested in ("parquet", "html"):
            raise ConfigError(f"{requested} needs an output file", hint=f"Give one: -o result.{requested}.")
        return requested or "table"
    endings: dict[str, Format] = {f".{name}": name for name in FORMATS if name != "table"}
    if requested == "table":
        raise ConfigError(
            "a table is written to the terminal only",
            hint=f"Omit --format, or give {', '.join(list(endings.values()))}.",
        )
    form = requested or endings.get(path.suffix)
    if form is None:
        raise ConfigError(
            f"{path}: the file ending selects no format",
            hint=f"End the name in {', '.join(endings)}, or give --format.",
        )
    return form


def write(rows: Rows, columns: Sequence[str], form: Format, path: Path | None) -> int:
    """Write rows to a file, atomically, or to standard output; return the number of rows."""
    if form == "table":
        return _table(rows, columns)
    if form == "parquet":
        assert path is not None
        return _parquet(rows, columns, path)
    if form == "html":
        assert path is not None
        return pictures.write(rows, path)
    with _opened(path) as file:
        return {"json": _json, "jsonl": _json_lines, "csv": _csv}[form](rows, columns, file)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, GraphNode):
        return f"(:{':'.join(value.labels)} {value.properties.get('id', value.properties.get('name', ''))})"
    if isinstance(value, GraphRelationship):
        properties_text = ", ".join(f"{name}: {_cell(item)}" for name, item in sorted(value.properties.items()))
        return f"[:{value.type}{' ' + properties_text if properties_text else ''}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 1] + "…"


def _table(rows: Rows, columns: Sequence[str]) -> int:
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    show_table(columns, cells)
    return len(cells)


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        return
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        yield file


def _json(rows: Rows, columns: Sequence[str], file: IO[str]) -> int:
    count = 0
    for row in rows:
        file.write(("[\n" if not count else ",\n") + json.dumps(plain(row), ensure_ascii=False))
        count += 1
    file.write("\n]\n" if count else "[]\n")
    return count


def _json_lines(rows: Rows, columns: Sequence[str], file: IO[str]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(plain(row), ensure_ascii=False) + "\n")
        count += 1
    return count


def _csv(rows: Rows, columns: Sequence[str], file: IO[str]) -> int:
    import pandas

    count = 0
    iterator = iter(rows)
    pandas.DataFrame(columns=list(columns)).to_csv(file, index=False)
    while batch := [[_scalar(row[name]) for name in columns] for row in islice(iterator, _BATCH)]:
        pandas.DataFrame(batch, columns=list(columns), dtype=object).to_csv(file, index=False, header=False)
        count += len(batch)
    return count


def _scalar(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, str):
        return without_formula(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _parquet(rows: Rows, columns: Sequence[str], path: Path) -> int:
    """Write rows in two passes, because the type of a column depends on all its values."""
    import pyarrow
    import pyarrow.parquet

    value_kinds: dict[str, set[str]] = {name: set() for name in columns}
    count = 0
    iterator = iter(rows)
    with tempfile.TemporaryFile() as spool:
        while batch := list(islice(iterator, _BATCH)):
            for name in columns:
                values = [plain(row[name]) for row in batch]
                value_kinds[name].update(map(_kind, values))
                pickle.dump(values, spool)
            count += len(batch)
        schema = pyarrow.schema([(name, _arrow_type(value_kinds[name])) for name in columns])
        spool.seek(0)
        with atomic(path) as partial, pyarrow.parquet.ParquetWriter(partial, schema) as writer:
            for _ in range(-(-count // _BATCH)):
                arrays = [
                    pyarrow.array(
                        [_as_type(value, value_kinds[name]) for value in pickle.load(spool)], schema.field(name).type
                    )
                    for name in columns
                ]
                writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
    return count


def _kind(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float, str)):
        return type(value).__name__
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "names"
    return "empty list" if value == [] else "json"


def _arrow_type(kinds: set[str]) -> Any:
    import pyarrow

    kinds = kinds - {""}
    if kinds == {"bool"}:
        return pyarrow.bool_()
    if kinds == {"int"}:
        return pyarrow.int64()
    if kinds and kinds <= {"int", "float"}:
        return pyarrow.float64()
    if kinds and kinds <= {"names", "empty list"}:
        return pyarrow.list_(pyarrow.string())
    return pyarrow.string()


def _as_type(value: Any, kinds: set[str]) -> Any:
    kinds = kinds - {""}
    if value is None or kinds in ({"bool"}, {"int"}, {"str"}) or kinds <= {"names", "empty list"}:
        return value
    if kinds <= {"int", "float"}:
        return float(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
