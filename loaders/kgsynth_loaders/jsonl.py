"""JSON Lines, plain, .gz or .zst: one object a line."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from kgsynth.config import FieldNames
from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders import rows, text_lines

_Record = TypeVar("_Record")


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject]:
    """One document an object."""
    return records(source, lambda row: rows.document(row, fields))


def records(source: str, make: Callable[[dict[str, Any]], _Record]) -> Iterator[_Record | Reject]:
    """One record an object, made by `make`; what is not an object, or what `make` refuses, is a reject."""
    for line in text_lines.lines(source):
        if isinstance(line, Reject):
            yield line
            continue
        number, text = line
        position = Position(source=source, line=number)
        raw = text[: text_lines.RAW_CHARS]
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            yield Reject(position=position, reason="not JSON", raw=raw)
            continue
        if not isinstance(row, dict):
            yield Reject(position=position, reason="not a JSON object", raw=raw)
            continue
        try:
            yield rows.at(make(row), position)
        except RecordError as error:
            yield Reject(position=position, reason=str(error), raw=raw)
