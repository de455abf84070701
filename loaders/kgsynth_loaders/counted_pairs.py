"""Read counted co-occurrence pairs from a table (Parquet, CSV, TSV or JSON): first, second, count."""

from collections.abc import Iterator

from kgsynth.records import CountedPair, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import rows, tables


def pairs(source: str, fields: FieldNames) -> Iterator[CountedPair | Reject | Remark]:
    """Yield a pair per row.

    Raises:
        ConfigError: the source cannot be used, or lacks a column.
    """
    needed = (fields.first_field, fields.second_field, fields.count_field)
    return tables.records(source, fields, lambda row, _: rows.pair(row, fields), needed)
