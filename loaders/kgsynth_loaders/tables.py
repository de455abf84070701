"""A table by its ending: Parquet, CSV or TSV, else JSON Lines."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from kgsynth.config import FieldNames
from kgsynth.records import Reject
from kgsynth_loaders import csv_table, jsonl, parquet

_Record = TypeVar("_Record")


def records(source: str, fields: FieldNames, make: Callable[[dict[str, Any]], _Record]) -> Iterator[_Record | Reject]:
    """One record a row, made by `make`."""
    plain = source.removesuffix(".gz").removesuffix(".zst")
    if plain.endswith(".parquet"):
        return parquet.records(source, fields, make)
    if plain.endswith((".csv", ".tsv")):
        return csv_table.records(source, make)
    return jsonl.records(source, make)
