"""Read folders of `datasets.save_to_disk`, with a data set or its splits, without the library `datasets`."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc

from kgsynth.errors import ConfigError
from kgsynth.records import Document, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import parquet, rows, text_lines

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_BATCH_ROWS = 256
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_FILE_MARK = b"ARROW1"


def is_saved_dataset(path: Path) -> bool:
    """Return whether a folder was written by `datasets.save_to_disk`."""
    try:
        return (path / _SPLITS).is_file() or ((path / _STATE).is_file() and (path / _INFO).is_file())
    except OSError:
        return False


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield a document per row of all splits in their order; the line of a position is the row in its file.

    Raises:
        ConfigError: the folder was not written by `datasets.save_to_disk`, or no file has the text column.
    """
    path = text_lines.existing(source)
    if not is_saved_dataset(path):
        raise ConfigError(f"{source} is not a folder of datasets.save_to_disk", hint="Use --loader auto.")
    names = [str(file) for folder in _folders(path) for file in _files(folder)]
    yield from parquet.in_turn(names, lambda name: file_documents(name, fields))


def _folders(path: Path) -> list[Path]:
    """Return the folders of the splits, or the folder itself if there are no splits."""
    if not (path / _SPLITS).is_file():
        return [path]
    splits = _json(path / _SPLITS).get("splits")
    named = [path / name for name in splits if _is_name(name)] if isinstance(splits, list) else []
    return named or sorted(folder.parent for folder in path.glob(f"*/{_STATE}"))


def _files(folder: Path) -> list[Path]:
    """Return the files of a data set in the order of its state file."""
    listed = _json(folder / _STATE).get("_data_files")
    entries = listed if isinstance(listed, list) else []
    named = [
        folder / entry["filename"] for entry in entries if isinstance(entry, dict) and _is_name(entry.get("filename"))
    ]
    return named or sorted(folder.glob("*.arrow"))


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name not in ("", "..") and Path(name).name == name


def _json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; empty if the file is unusable."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def file_documents(name: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield a document per row of an Arrow file, in the file format or the stream format.

    Raises:
        ConfigError: the file is missing, is no Arrow file, or has no text column.
    """
    try:
        with Path(name).open("rb") as file:
            is_file_format = file.read(len(_FILE_MARK)) == _FILE_MARK
            file.seek(0)
            stream = pyarrow.ipc.open_file(file) if is_file_format else pyarrow.ipc.open_stream(file)
            renamed = parquet.columns(name, stream.schema, fields, (fields.text_field,))
            make = rows.DocumentMaker(fields)
            renamed |= parquet.other_columns(stream.schema, renamed, make)
            batches = _batches(stream) if is_file_format else _whole_stream(stream, Path(name))
            yield from rows.documents(name, make, parquet.batch_records(name, batches, renamed, make))
    except FileNotFoundError:
        raise ConfigError(f"{name}: the file is missing") from None
    except parquet.DAMAGED as error:
        raise ConfigError(f"{name} is not an Arrow file: {error}") from error


def _batches(file: Any) -> Iterator[pyarrow.RecordBatch]:
    for number in range(file.num_record_batches):
        yield from _split_batch(file.get_batch(number))


def _whole_stream(stream: Any, path: Path) -> Iterator[pyarrow.RecordBatch]:
    """Yield the batches of a stream.

    Raises:
        OSError: the stream is truncated between two batches, which pyarrow does not detect.
    """
    for batch in stream:
        yield from _split_batch(batch)
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, len(_END_OF_STREAM)), os.SEEK_END)
        if file.read() != _END_OF_STREAM:
            raise OSError("the file has no end")


def _split_batch(batch: pyarrow.RecordBatch) -> Iterator[pyarrow.RecordBatch]:
    for start in range(0, batch.num_rows, _BATCH_ROWS):
        yield batch.slice(start, _BATCH_ROWS)
