"""Read JSON Lines, plain or compressed: one object per line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from kgsynth.errors import ConfigError, RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import formats, rows, text_lines

_Record = TypeVar("_Record")


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield a document per object.

    Raises:
        ConfigError: the file cannot be opened, is no JSON Lines, or none of its first records has the text field.
    """
    formats.expect(source, formats.JSON_LINES)
    make = rows.DocumentMaker(fields)
    return rows.documents(source, make, records(source, fields, make, needed=(fields.text_field,)))


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject | Remark]:
    """Yield a record per line; a line that is no object or that `make` refuses becomes a reject.

    Args:
        source: the file.
        fields: names of the fields of a record, and the encoding.
        make: converts an object to a record.
        needed: required fields; the source is refused if none of its first records has one of them.

    Raises:
        ConfigError: the file cannot be opened, is no JSON Lines, or its first records lack a required field.
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
        record = _record_or_reject(row, text, position, make)
        if opening.is_over:
            yield record
        else:
            yield from opening.add(text, row, record)
    yield from opening.end()


def _object(text: str) -> dict[str, Any] | str:
    """Return the object in a line, or the reason why there is none."""
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _exact_object(text)
    if not isinstance(row, dict):
        return "not a JSON object"
    # orjson converts integers of more than 64 bits to floats, but metadata must keep the written form.
    return _exact_object(text) if "metadata" in row else row


def _exact_object(text: str) -> dict[str, Any] | str:
    """Return the object in a line by the standard library, which accepts NaN, long numbers and lone surrogates."""
    try:
        row = json.loads(text)
    except json.JSONDecodeError:
        return "not JSON"
    except ValueError:
        return "a number of too many digits"
    except RecursionError:
        return "nested too deeply"
    return row if isinstance(row, dict) else "not a JSON object"


def _record_or_reject(
    row: dict[str, Any] | str, text: str, position: Position, make: rows.Make[_Record]
) -> _Record | Reject:
    """Return the record of an object, or the reject of its line."""
    if isinstance(row, dict):
        try:
            return make(row, position)
        except RecordError:
            # The record may need a long number that orjson converted to a float.
            row = _exact_object(text)
    if isinstance(row, str):
        return Reject(position=position, reason=row, raw=rows.raw(text))
    try:
        return make(row, position)
    except RecordError as error:
        return Reject(position=position, reason=str(error), raw=rows.raw(text))


class _Opening:
    """A buffer of the first records of a file, until one of them has the required fields."""

    def __init__(self, source: str, fields: FieldNames, needed: Sequence[str]) -> None:
        self.is_over = False
        self.buffered: list[Any] = []
        self._source = source
        self._fields = fields
        self._needed = needed
        self._first_line = ""
        self._first_row: Mapping[str, Any] | None = None
        self._names: dict[str, None] = {}

    def keep(self, line: Reject | Remark) -> None:
        """Buffer the reject or remark of an unreadable line.

        Raises:
            ConfigError: it is the first line, and the file has another format.
        """
        if not self.buffered:
            formats.expect(self._source, formats.JSON_LINES)
        self.buffered.append(line)

    def add(self, text: str, row: dict[str, Any] | str, found: Any) -> list[Any]:
        """Buffer a record, and return all buffered records once the file is known to be usable.

        Raises:
            ConfigError: the file is no JSON Lines, or its records lack a field.
        """
        self._refuse_other_json(text, row)
        self._first_line = self._first_line or text.strip()
        self.buffered.append(found)
        if isinstance(row, dict):
            self._first_row = self._first_row or row
            self._names |= dict.fromkeys(row)
            if all(rows.has(row, field) for field in self._needed):
                return self._release()
        return self.end() if len(self.buffered) >= rows.FIRST_RECORDS else []

    def end(self) -> list[Any]:
        """Return the buffered records at the end of the file.

        Raises:
            ConfigError: all of them lack a field.
        """
        if not self.is_over and self._first_row is not None:
            lacking = next((field for field in self._needed if field not in self._names), self._needed[0])
            option = rows.option_of(lacking, self._fields)
            raise rows.missing(self._source, lacking, option, self._names, self._first_row)
        return self._release()

    def _release(self) -> list[Any]:
        self.is_over = True
        released, self.buffered = self.buffered, []
        return released

    def _refuse_other_json(self, text: str, row: dict[str, Any] | str) -> None:
        """Raise ConfigError if the file is a single JSON value or no text."""
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
    """Return whether a value contains an array of objects with a field."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and rows.has(value[0], field)
    if isinstance(value, dict) and depth:
        return any(_holds_records(inner, field, depth - 1) for inner in value.values())
    return False
