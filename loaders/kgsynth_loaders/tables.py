"""Read a table by its file extension: Parquet, CSV, TSV or a JSON array, else JSON Lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from kgsynth.records import Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import csv_table, formats, json_array, jsonl, parquet, rows, text_lines

_Record = TypeVar("_Record")


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject | Remark]:
    """Yield a record per row.

    Args:
        source: a file, or a folder of Parquet files.
        fields: names of the fields of a row.
        make: converts a row to a record.
        needed: required fields.

    Raises:
        ConfigError: the source cannot be used.
    """
    plain = text_lines.without_packing(source).lower()
    path = text_lines.existing(source)
    if path.is_dir() or plain.endswith((".parquet", ".pq")):
        return parquet.records(source, fields, make, needed)
    if plain.endswith((".csv", ".tsv", ".tab")):
        return csv_table.records(source, fields, make, needed)
    if plain.endswith(".json") and formats.format_of(Path(source)).format is formats.JSON:
        return json_array.records(source, fields, make, needed)
    return jsonl.records(source, fields, make, needed)
