"""JSON Lines, plain or compressed: one object a line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from kgsynth.config import FieldNames
from kgsynth.errors import ConfigError, RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth_loaders import formats, rows, text_lines

_Record = TypeVar("_Record")


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """One document an object.

    Raises:
        ConfigError: the file cannot be opened, is no JSON Lines, or none of its first records has the field of texts.
    """
    formats.expect(source, formats.JSON_LINES)
    return records(source, fields, rows.document_maker(fields), needed=(fields.text_field,))


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject | Remark]:
    """One record an object, made by `make`; what is not an object, or what `make` refuses, is a reject.

    Args:
        source: the file.
        fields: which field of a record holds what, and the encoding.
        make: makes a record of an object.
        needed: fields that records must have; where none of the first has one, the source is refused.

    Raises:
        ConfigError: the file cannot be opened, is no JSON Lines, or none of its first records has a needed field.
    """
    opening = _Opening(source, fields, needed)
    for line in text_lines.lines(source, fields.encoding):
        if not isinstance(line, tuple):
            if opening.is_over:
                yield line
            else:
                opening.keep(line)
            continue
        number, text = line
        position = Position(source=source, line=number)
        row = _object(text)
        found = _made(row, text, position, make)
        if opening.is_over:
            yield found
        else:
            yield from opening.add(text, row, found)
    yield from opening.end()


def _object(text: str) -> dict[str, Any] | str:
    """The object that a line holds, or why it holds none."""
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _exact_object(text)
    if not isinstance(row, dict):
        return "not a JSON object"
    # orjson makes floats of numbers of more than 64 bits, and metadata are kept as they are written.
    return _exact_object(text) if "metadata" in row else row


def _exact_object(text: str) -> dict[str, Any] | str:
    """The same by the standard library, which reads NaN, long numbers and halves of characters."""
    try:
        row = json.loads(text)
    except json.JSONDecodeError:
        return "not JSON"
    except ValueError:
        return "a number of too many digits"
    except RecursionError:
        return "nested too deeply"
    return row if isinstance(row, dict) else "not a JSON object"


def _made(row: dict[str, Any] | str, text: str, position: Position, make: rows.Make[_Record]) -> _Record | Reject:
    """The record of an object, or the reject of its line."""
    if isinstance(row, dict):
        try:
            return make(row, position)
        except RecordError:
            # A long number that is a float here may be what the record needs.
            row = _exact_object(text)
    if isinstance(row, str):
        return Reject(position=position, reason=row, raw=rows.raw(text))
    try:
        return make(row, position)
    except RecordError as error:
        return Reject(position=position, reason=str(error), raw=rows.raw(text))


class _Opening:
    """The first records of a file, held back until one of them shows that the file holds what it should."""

    def __init__(self, source: str, fields: FieldNames, needed: Sequence[str]) -> None:
        self.is_over = False
        self.held: list[Any] = []
        self._source = source
        self._fields = fields
        self._needed = needed
        self._first_line = ""
        self._first_row: Mapping[str, Any] | None = None
        self._names: dict[str, None] = {}

    def keep(self, line: Reject | Remark) -> None:
        """Hold back what stands for a line that cannot be read.

        Raises:
            ConfigError: it is the first one, and the file is of another format.
        """
        if not self.held:
            formats.expect(self._source, formats.JSON_LINES)
        self.held.append(line)

    def add(self, text: str, row: dict[str, Any] | str, found: Any) -> list[Any]:
        """Take a record in; what is held back no longer.

        Raises:
            ConfigError: the file is no JSON Lines, or its records lack a field.
        """
        self._refuse_other_json(text, row)
        self._first_line = self._first_line or text.strip()
        self.held.append(found)
        if isinstance(row, dict):
            self._first_row = self._first_row or row
            self._names |= dict.fromkeys(row)
            if all(rows.has(row, field) for field in self._needed):
                return self._released()
        return self.end() if len(self.held) >= rows.FIRST_RECORDS else []

    def end(self) -> list[Any]:
        """What is still held back, when there are no more records to look at.

        Raises:
            ConfigError: all of them lack a field.
        """
        if not self.is_over and self._first_row is not None:
            lacking = next((field for field in self._needed if field not in self._names), self._needed[0])
            option = rows.option_of(lacking, self._fields)
            raise rows.missing(self._source, lacking, option, self._names, self._first_row)
        return self._released()

    def _released(self) -> list[Any]:
        self.is_over = True
        released, self.held = self.held, []
        return released

    def _refuse_other_json(self, text: str, row: dict[str, Any] | str) -> None:
        """Refuse a file that is one JSON value, or no text at all."""
        line, before = text.strip(), self._first_line
        kind = ""
        if not before:
            if isinstance(row, str):
                formats.expect(self._source, formats.JSON_LINES, by_ending=row == "not JSON" and line[:1] not in "{[")
            if line.startswith("[") and (row == "not JSON" or (isinstance(row, str) and "{" in line)):
                kind = "a JSON array"
            elif isinstance(row, dict) and self._needed and not rows.has(row, self._needed[0]):
                kind = "a JSON object that holds records" if _holds_records(row, self._needed[0]) else ""
            elif row == "not JSON" and line.startswith("{") and line.endswith(("{", "[", ":")):
                kind = "a JSON object over several lines"
        elif self._first_row is None and before.startswith("{") and before.endswith(",") and line.startswith('"'):
            kind = "a JSON object over several lines"
        if kind:
            raise ConfigError(f"{self._source} is {kind}, not JSON Lines", hint="Use --loader auto.")


def _holds_records(value: Any, field: str, depth: int = 4) -> bool:
    """Whether there is an array of objects with a field in a value."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and rows.has(value[0], field)
    if isinstance(value, dict) and depth:
        return any(_holds_records(inner, field, depth - 1) for inner in value.values())
    return False
