"""Parquet files, read in batches so that memory stays flat."""

from collections.abc import Callable, Iterator
from dataclasses import fields as fields_of
from typing import Any, TypeVar

import pyarrow
import pyarrow.parquet

from kgsynth.config import FieldNames
from kgsynth.errors import ConfigError, RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders import rows, text_lines

_Record = TypeVar("_Record")
_BATCH_ROWS = 512


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject]:
    """One document a row."""
    return records(source, fields, lambda row: rows.document(row, fields))


def records(source: str, fields: FieldNames, make: Callable[[dict[str, Any]], _Record]) -> Iterator[_Record | Reject]:
    """One record a row, made by `make`; only the columns that `fields` names are read."""
    path = text_lines.existing(source)
    named = {getattr(fields, item.name) for item in fields_of(FieldNames)}
    named |= {"name", f"{fields.first_field}_kind", f"{fields.second_field}_kind"}
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ConfigError(f"{source} is not a Parquet file: {error}") from error
    number = 0
    with file:
        columns = [name for name in file.schema_arrow.names if name in named]
        try:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    position = Position(source=source, line=number)
                    try:
                        yield rows.at(make(row), position)
                    except RecordError as error:
                        raw = str(row)[: text_lines.RAW_CHARS]
                        yield Reject(position=position, reason=str(error), raw=raw)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            position = Position(source=source, line=number + 1)
            yield Reject(position=position, reason="file is damaged from here on", raw=str(error))
