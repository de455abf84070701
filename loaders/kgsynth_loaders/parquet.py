"""Read Parquet files and folders of them in batches with constant memory use."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet

from kgsynth.errors import ConfigError, RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import formats, rows, text_lines
from kgsynth_loaders.other_fields import LONGEST_CHARS

_Record = TypeVar("_Record")
_BATCH_ROWS = 512
_BATCH_BYTES = 16 * 2**20
# What reading a damaged file raises.
DAMAGED = (pyarrow.ArrowException, OSError, UnicodeDecodeError)
_BAD_VALUE = (UnicodeDecodeError, ValueError, OverflowError)
# Columns of records in addition to those that a user names.
_FIXED_COLUMNS = (
    "name", "entry_kind", "score", "date", "parent", "pages", "section", "metadata", "grade", "subject",
)  # fmt: skip


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield a document per row.

    Args:
        source: a file, or a folder whose Parquet files are read in the order of their paths.
        fields: names of the columns; a path such as `data.body.text` leads into nested columns.

    Raises:
        ConfigError: the source is no Parquet file, or has no text column.
    """
    formats.expect(source, formats.PARQUET)
    make = rows.DocumentMaker(fields)
    return rows.documents(source, make, records(source, fields, make, needed=(fields.text_field,)))


def file_documents(
    name: str, fields: FieldNames, columns_of_file: dict[str, str]
) -> Iterator[Document | Reject | Remark]:
    """Yield a document per row of a file.

    Args:
        name: the file.
        fields: names of the columns.
        columns_of_file: columns with a constant value for the whole file, from `partition`.

    Raises:
        ConfigError: the file is no Parquet file, or has no text column.
    """
    make = rows.DocumentMaker(fields)
    file_records = _file_records(name, Path(name), fields, make, (fields.text_field,), columns_of_file)
    return rows.documents(name, make, file_records)


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject]:
    """Yield a record per row; of the columns that `fields` does not name, documents get those with short values.

    The line of a position is the row in its file.

    Args:
        source: a file or a folder.
        fields: names of the columns.
        make: converts a row to a record.
        needed: required columns.

    Raises:
        ConfigError: the source is no Parquet file, holds none, or lacks a required column.
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
    """Yield the records of several files; an unusable file becomes a reject if another file is usable.

    Raises:
        ConfigError: no file is usable; the error is that of the first file.
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
    """Return the columns in the names of folders, as in `topic=algebra/part-0.parquet`."""
    pairs = (part.partition("=") for part in folders)
    return {name: unquote(value) for name, equals, value in pairs if equals and name}


def _file_records(
    source: str,
    path: Path,
    fields: FieldNames,
    make: rows.Make[_Record],
    needed: Sequence[str],
    folder_columns: dict[str, str] | None = None,
) -> Iterator[_Record | Reject]:
    try:
        file = pyarrow.parquet.ParquetFile(path, pre_buffer=False)
    except DAMAGED as error:
        formats.expect(source, formats.PARQUET, by_ending=True)
        if _is_truncated(path):
            raise ConfigError(
                f"{source}: damaged: it breaks off before its end, where Parquet keeps what it holds",
                hint="Copy or download the file again.",
            ) from error
        raise ConfigError(f"{source} is not a Parquet file: {error}") from error
    with file:
        renamed = columns(source, file.schema_arrow, fields, needed, folder_columns or {})
        if isinstance(make, rows.DocumentMaker):
            renamed |= other_columns(file.schema_arrow, renamed, make, _mean_sizes(file.metadata))
        yield from batch_records(source, _batches(file, list(renamed)), renamed, make, folder_columns)


def _is_truncated(path: Path) -> bool:
    """Return whether a file begins with the mark of Parquet but does not end with it."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(-min(4, len(start)), os.SEEK_END)
        return start == b"PAR1" and (file.tell() == 0 or file.read() != b"PAR1")


def _batches(file: Any, names: list[str]) -> Iterator[pyarrow.RecordBatch]:
    """Yield batches with a number of rows that limits their size in bytes."""
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        row_bytes = max(1, group.total_byte_size // max(1, group.num_rows))
        size = max(1, min(_BATCH_ROWS, _BATCH_BYTES // row_bytes))
        yield from file.iter_batches(batch_size=size, row_groups=[number], columns=names)


def columns(
    source: str, schema: pyarrow.Schema, fields: FieldNames, needed: Sequence[str], others: Iterable[str] = ()
) -> dict[str, str]:
    """Return the columns to read, each with the name of its field.

    If no column matches a field's name exactly, a column that differs only in case is used.

    Raises:
        ConfigError: a required column is missing, or a column to read occurs twice.
    """
    existing = list(schema.names)
    selected: dict[str, str] = {}
    wanted = [getattr(fields, item.name) for item in fields_of(FieldNames) if item.name.endswith("_field")]
    kinds = [f"{name}_kind" for name in (fields.first_field, fields.second_field)]
    try:
        rows.column_names(existing, [*needed, *wanted, *_FIXED_COLUMNS, *kinds])
    except RecordError as error:
        raise ConfigError(f"{source}: {error}", hint=rows.RENAME_COLUMNS) from error
    for field in [*needed, *wanted, *_FIXED_COLUMNS, *kinds]:
        parts = field.split(".")
        paths = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
        column = next((path for path in paths if path in existing), None)
        if column is not None:
            selected.setdefault(column, column)
            continue
        similar = [name for name in existing if name.casefold() == field.casefold()]
        if len(similar) == 1:
            selected.setdefault(similar[0], field)
        elif field in needed and field not in others:
            nested = {name: _members(schema.field(name).type) for name in existing}
            raise rows.missing(source, field, rows.option_of(field, fields), existing, nested)
    return selected


def other_columns(
    schema: pyarrow.Schema,
    selected: Mapping[str, str],
    make: rows.DocumentMaker,
    sizes: Mapping[str, float] | None = None,
) -> dict[str, str]:
    """Return the columns that become metadata, each under its own name; the maker names those that do not.

    Args:
        schema: the columns with their types.
        selected: columns that are read for other fields.
        make: the maker of the documents.
        sizes: mean number of bytes per value of columns, if it is known.
    """
    kept: dict[str, str] = {}
    left_out: list[str] = []
    for name in dict.fromkeys(schema.names):
        if name in selected:
            continue
        is_single = schema.names.count(name) == 1
        if is_single and _is_simple(schema.field(name).type) and (sizes or {}).get(name, 0) <= 4 * LONGEST_CHARS:
            kept[name] = name
        else:
            left_out.append(name)
    make.others.leave_out(left_out)
    return kept


def _is_simple(data_type: Any) -> bool:
    """Return whether a column has scalars or lists of scalars."""
    types = pyarrow.types
    if types.is_dictionary(data_type) or types.is_list(data_type) or types.is_large_list(data_type):
        return bool(types.is_primitive(data_type.value_type) or _is_text(data_type.value_type))
    return bool(types.is_primitive(data_type) or types.is_decimal(data_type) or _is_text(data_type))


def _is_text(data_type: Any) -> bool:
    return bool(pyarrow.types.is_string(data_type) or pyarrow.types.is_large_string(data_type))


def _mean_sizes(metadata: Any) -> dict[str, float]:
    """Return the mean uncompressed size of a row's value by column, in bytes."""
    sizes: Counter[str] = Counter()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            column = group.column(index)
            sizes[column.path_in_schema.split(".")[0]] += column.total_uncompressed_size
    return {name: size / max(1, metadata.num_rows) for name, size in sizes.items()}


def _members(data_type: Any) -> Any:
    """Return the members of a nested column, recursively; an empty text for a text column, None for others."""
    if not pyarrow.types.is_struct(data_type):
        return "" if pyarrow.types.is_string(data_type) or pyarrow.types.is_large_string(data_type) else None
    return {
        data_type.field(number).name: _members(data_type.field(number).type) for number in range(data_type.num_fields)
    }


def batch_records(
    source: str,
    batches: Iterable[pyarrow.RecordBatch],
    renamed: dict[str, str],
    make: rows.Make[_Record],
    folder_columns: dict[str, str] | None = None,
) -> Iterator[_Record | Reject]:
    """Yield a record per row of batches; from the first damaged batch on there is a single reject.

    Args:
        source: the file.
        batches: batches of its rows.
        renamed: names of columns, and the field names for them.
        make: converts a row to a record.
        folder_columns: columns with a constant value for the whole file.
    """
    number = 0
    try:
        for batch in batches:
            names = [renamed[name] for name in batch.schema.names if name in renamed]
            selected = batch.select([name for name in batch.schema.names if name in renamed])
            plain = pyarrow.RecordBatch.from_arrays([_plain(column) for column in selected.columns], names=names)
            for row in _rows(plain):
                number += 1
                position = Position(source=source, line=number)
                if not isinstance(row, dict):
                    reason = "not UTF-8" if isinstance(row, UnicodeDecodeError) else "a value that Python cannot hold"
                    yield Reject(position=position, reason=reason, raw=rows.raw(str(row)))
                    continue
                try:
                    yield make({**folder_columns, **row} if folder_columns else row, position)
                except RecordError as error:
                    yield Reject(position=position, reason=str(error), raw=rows.raw(str(row)))
    except DAMAGED as error:
        position = Position(source=source, line=number + 1)
        yield Reject(position=position, reason=text_lines.DAMAGED_REASON, raw=rows.raw(str(error)))


def _plain(column: Any) -> Any:
    """Return a column with dates as text, because Python supports neither nanoseconds nor all years."""
    return column.cast(pyarrow.string()) if pyarrow.types.is_temporal(column.type) else column


def _rows(batch: pyarrow.RecordBatch) -> Iterator[dict[str, Any] | Exception]:
    """Yield the rows of a batch; for a row that cannot be read, its error."""
    try:
        row_list = batch.to_pylist()
    except _BAD_VALUE:
        for number in range(batch.num_rows):
            try:
                row_list = batch.slice(number, 1).to_pylist()
            except _BAD_VALUE as error:
                yield error
            else:
                yield from row_list
    else:
        yield from row_list
