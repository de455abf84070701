"""Counted co-occurrence pairs from a table (Parquet, CSV, TSV or JSON Lines): first, second, count."""

from collections.abc import Iterator

from kgsynth.config import FieldNames
from kgsynth.records import CountedPair, Reject
from kgsynth_loaders import rows, tables


def pairs(source: str, fields: FieldNames) -> Iterator[CountedPair | Reject]:
    """One pair a row."""
    return tables.records(source, fields, lambda row: rows.pair(row, fields))
