"""Parquet files and folders of them, read in batches so that memory stays flat."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet

from kgsynth.config import FieldNames
from kgsynth.errors import ConfigError, RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders import formats, rows, text_lines

_Record = TypeVar("_Record")
_BATCH_ROWS = 512
_BATCH_BYTES = 16 * 2**20
# What reading a damaged file raises.
DAMAGED = (pyarrow.ArrowException, OSError, UnicodeDecodeError)
_BAD_VALUE = (UnicodeDecodeError, ValueError, OverflowError)
# Columns that records have beside those that a user names.
_OWN_COLUMNS = (
    "name", "entry_kind", "score", "date", "parent", "pages", "section", "metadata", "grade", "subject",
)  # fmt: skip


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject]:
    """One document a row.

    Args:
        source: a file, or a folder whose Parquet files are read in the order of their paths.
        fields: which column holds what; a path such as `data.body.text` leads into nested columns.

    Raises:
        ConfigError: the source is no Parquet file, or has no column of texts.
    """
    formats.expect(source, formats.PARQUET)
    return records(source, fields, rows.document_maker(fields), needed=(fields.text_field,))


def file_documents(name: str, fields: FieldNames, columns_of_file: dict[str, str]) -> Iterator[Document | Reject]:
    """One document a row of one file.

    Args:
        name: the file.
        fields: which column holds what.
        columns_of_file: columns whose value is the same for the whole file, as `partition` finds them.

    Raises:
        ConfigError: it is no Parquet file, or has no column of texts.
    """
    make = rows.document_maker(fields)
    return _file_records(name, Path(name), fields, make, (fields.text_field,), columns_of_file)


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject]:
    """One record a row, made by `make`; only the columns that `fields` names are read.

    Positions count the rows of each file.

    Args:
        source: a file or a folder.
        fields: which column holds what.
        make: makes a record of a row.
        needed: columns without which a file is refused.

    Raises:
        ConfigError: the source is no Parquet file or holds none, or lacks a column.
    """
    path = text_lines.existing(source)
    if not path.is_dir():
        yield from _file_records(source, path, fields, make, needed)
        return
    shards = sorted(
        shard
        for shard in path.rglob("*")
        if shard.suffix.lower() in (".parquet", ".pq") and not shard.name.startswith(("_", ".")) and shard.is_file()
    )
    if not shards:
        raise ConfigError(f"{source} holds no Parquet file", hint="Use --loader auto for folders of other files.")
    yield from in_turn(
        [str(shard) for shard in shards],
        lambda name: _file_records(
            name, Path(name), fields, make, needed, partition(Path(name).relative_to(path).parts[:-1])
        ),
    )


def in_turn(names: Iterable[str], read: Callable[[str], Iterator[_Record]]) -> Iterator[_Record | Reject]:
    """The records of several files; one that cannot be used is a reject, unless none can be used.

    Raises:
        ConfigError: the first reason, when no file could be used.
    """
    refused: list[tuple[str, ConfigError]] = []
    is_any_read = False
    for name in names:
        try:
            for record in read(name):
                is_any_read = True
                yield record
            is_any_read = True
        except ConfigError as error:
            refused.append((name, error))
            continue
    if refused and not is_any_read:
        raise refused[0][1]
    for name, refusal in refused:
        reason = "file is damaged" if isinstance(refusal.__cause__, DAMAGED) else str(refusal).removeprefix(f"{name}: ")
        yield Reject(position=Position(source=name), reason=reason, raw=rows.raw(str(refusal)))


def partition(folders: Iterable[str]) -> dict[str, str]:
    """The columns that stand in names of folders, as in `topic=algebra/part-0.parquet`."""
    pairs = (part.partition("=") for part in folders)
    return {name: unquote(value) for name, equals, value in pairs if equals and name}


def _file_records(
    source: str,
    path: Path,
    fields: FieldNames,
    make: rows.Make[_Record],
    needed: Sequence[str],
    of_folders: dict[str, str] | None = None,
) -> Iterator[_Record | Reject]:
    try:
        file = pyarrow.parquet.ParquetFile(path, pre_buffer=False)
    except DAMAGED as error:
        formats.expect(source, formats.PARQUET, by_ending=True)
        raise ConfigError(f"{source} is not a Parquet file: {error}") from error
    with file:
        renamed = columns(source, file.schema_arrow, fields, needed, of_folders or {})
        yield from batch_records(source, _batches(file, list(renamed)), renamed, make, of_folders)


def _batches(file: Any, names: list[str]) -> Iterator[pyarrow.RecordBatch]:
    """Batches of a size that fits the rows of each group."""
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        row_bytes = max(1, group.total_byte_size // max(1, group.num_rows))
        size = max(1, min(_BATCH_ROWS, _BATCH_BYTES // row_bytes))
        yield from file.iter_batches(batch_size=size, row_groups=[number], columns=names)


def columns(
    source: str, schema: pyarrow.Schema, fields: FieldNames, needed: Sequence[str], others: Iterable[str] = ()
) -> dict[str, str]:
    """The columns to read, with the names under which records are made of them.

    A column that differs from a field's name in capitals alone is taken where there is no better one.

    Raises:
        ConfigError: a needed column is missing.
    """
    there = list(schema.names)
    found: dict[str, str] = {}
    wanted = [getattr(fields, item.name) for item in fields_of(FieldNames) if item.name.endswith("_field")]
    kinds = [f"{name}_kind" for name in (fields.first_field, fields.second_field)]
    for field in [*needed, *wanted, *_OWN_COLUMNS, *kinds]:
        parts = field.split(".")
        paths = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
        column = next((path for path in paths if path in there), None)
        if column is not None:
            found.setdefault(column, column)
            continue
        alike = [name for name in there if name.casefold() == field.casefold()]
        if len(alike) == 1:
            found.setdefault(alike[0], field)
        elif field in needed and field not in others:
            nested = {name: _members(schema.field(name).type) for name in there}
            raise rows.missing(source, field, rows.option_of(field, fields), there, nested)
    return found


def _members(kind: Any) -> Any:
    """The members of a nested column, as deep as they go; an empty text for a column of texts, None for others."""
    if not pyarrow.types.is_struct(kind):
        return "" if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind) else None
    return {kind.field(number).name: _members(kind.field(number).type) for number in range(kind.num_fields)}


def batch_records(
    source: str,
    batches: Iterable[pyarrow.RecordBatch],
    renamed: dict[str, str],
    make: rows.Make[_Record],
    of_folders: dict[str, str] | None = None,
) -> Iterator[_Record | Reject]:
    """One record a row of batches; the rows before a damaged place, and a reject for the rest.

    Args:
        source: the file.
        batches: its columns in parts.
        renamed: names of columns, and those that records know them by.
        make: makes a record of a row.
        of_folders: columns whose value is the same for the whole file.
    """
    number = 0
    try:
        for batch in batches:
            names = [renamed[name] for name in batch.schema.names if name in renamed]
            kept = batch.select([name for name in batch.schema.names if name in renamed])
            plain = pyarrow.RecordBatch.from_arrays([_plain(column) for column in kept.columns], names=names)
            for row in _rows(plain):
                number += 1
                position = Position(source=source, line=number)
                if not isinstance(row, dict):
                    reason = "not UTF-8" if isinstance(row, UnicodeDecodeError) else "a value that Python cannot hold"
                    yield Reject(position=position, reason=reason, raw=rows.raw(str(row)))
                    continue
                try:
                    yield make({**of_folders, **row} if of_folders else row, position)
                except RecordError as error:
                    yield Reject(position=position, reason=str(error), raw=rows.raw(str(row)))
    except DAMAGED as error:
        position = Position(source=source, line=number + 1)
        yield Reject(position=position, reason=text_lines.DAMAGED_REASON, raw=rows.raw(str(error)))


def _plain(column: Any) -> Any:
    """A column with dates as text: Python knows neither nanoseconds nor all years."""
    return column.cast(pyarrow.string()) if pyarrow.types.is_temporal(column.type) else column


def _rows(batch: pyarrow.RecordBatch) -> Iterator[dict[str, Any] | Exception]:
    """The rows of a batch; where one cannot be read, the others still can, and its error stands for it."""
    try:
        found = batch.to_pylist()
    except _BAD_VALUE:
        for number in range(batch.num_rows):
            try:
                found = batch.slice(number, 1).to_pylist()
            except _BAD_VALUE as error:
                yield error
            else:
                yield from found
    else:
        yield from found
