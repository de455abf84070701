"""Read JSON files that contain records at any depth: an array of objects, or objects that contain such an array.

The file is decoded as a stream, element by element, so that only a single element is in memory. The decoder of the
standard library treats NaN, long numbers and lone surrogates in the same way as the loader of JSON Lines.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import characters, formats, rows, text_lines

_Record = TypeVar("_Record")
# Keys that lead from the outermost value to an inner value.
KeyPath = tuple[str, ...]

_CHUNK_CHARS = 2**18
# Maximum size of an element; a larger element means that the file is damaged.
MAX_ELEMENT_CHARS = 2**28
# Maximum nesting of objects above the records.
_MAX_DEPTH = 50
# Maximum depth at which records are searched within the elements of an array.
_MAX_INNER = 5
_MAX_DIGITS = 4000
# An error within this distance of the end of the buffer may come from a value that continues after it.
_CUT_CHARS = 32
_BLANKS = re.compile(r"[ \t\n\r\x1e]*")
# The step of a key path into the elements of an array.
_EACH = "[]"


def _whole_number(digits: str) -> int | str:
    """Return a number, or its digits as text if there are more than Python converts."""
    return int(digits) if len(digits) < _MAX_DIGITS else digits


_DECODER = json.JSONDecoder(parse_int=_whole_number)


class _DamagedError(Exception):
    """The file is invalid JSON from some position on."""


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield a document per object that has the text field.

    Raises:
        ConfigError: the file cannot be opened, or no object has the text field.
    """
    make = rows.DocumentMaker(fields)
    return rows.documents(source, make, records(source, fields, make, needed=(fields.text_field,)))


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject | Remark]:
    """Yield a record per object; the line of a position is the number of the record.

    Args:
        source: the file.
        fields: names of the fields of a record, and the encoding.
        make: converts an object to a record.
        needed: required fields, at least one. The longest array of objects with the first of them is read, wherever it
            is in the file. An outermost object with this field is a record itself.

    Raises:
        ConfigError: the file cannot be opened, or no object has a required field.
    """
    location = None
    try:
        with _opened(source, fields.encoding) as opened:
            if opened.is_guessed:
                yield Remark(position=Position(source=source), text=characters.remark(opened.encoding))
            search = _Search(needed[0])
            search.look(_Scanner(opened.stream))
            location = search.place()
    except (*text_lines.DAMAGED, _DamagedError) as error:
        formats.expect(source, formats.JSON)
        yield Reject(position=Position(source=source, line=1), reason=text_lines.DAMAGED_REASON, raw=str(error))
        return
    if location is None:
        if search.names:
            option = rows.option_of(needed[0], fields)
            raise rows.missing(source, needed[0], option, search.names, search.example)
        if search.is_any_seen:
            yield Reject(position=Position(source=source, line=1), reason="no JSON object in it")
        return
    if location.left_out:
        yield Remark(position=Position(source=source), text=location.left_out)
    number = 0
    try:
        with _opened(source, fields.encoding) as opened:
            for row in _rows(_Scanner(opened.stream), location, needed[0], fields.id_field):
                number += 1
                yield _record(row, Position(source=source, line=number), make)
    except (*text_lines.DAMAGED, _DamagedError) as error:
        position = Position(source=source, line=number + 1)
        yield Reject(position=position, reason=text_lines.DAMAGED_REASON, raw=rows.raw(str(error)))


@contextmanager
def _opened(source: str, encoding: str) -> Iterator[characters.OpenedText]:
    with text_lines.open_bytes(source) as packed:
        yield characters.open_text(packed, encoding)


def _record(row: Any, position: Position, make: rows.Make[_Record]) -> _Record | Reject:
    if not isinstance(row, dict):
        return Reject(position=position, reason="not a JSON object", raw=rows.raw(str(row)))
    try:
        return make(row, position)
    except RecordError as error:
        return Reject(position=position, reason=str(error), raw=rows.raw(str(row)))


class _Scanner:
    """A stream of JSON values; arrays and objects can be entered and their parts read one by one."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._text = ""
        self._offset = 0
        self._is_at_end = False

    def peek(self) -> str:
        """Return the first character of the next value or delimiter; empty at the end of the file."""
        while True:
            match = _BLANKS.match(self._text, self._offset)
            self._offset = match.end() if match else self._offset
            if self._offset < len(self._text):
                return self._text[self._offset]
            if not self._fill():
                return ""

    def value(self) -> Any:
        """Return the next value, decoded.

        Raises:
            _DamagedError: the value is invalid, or too large for a record.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._offset)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _CUT_CHARS
                if not is_cut or len(self._text) - self._offset > MAX_ELEMENT_CHARS or not self._fill():
                    raise _DamagedError(str(error)) from error
            except RecursionError as error:
                raise _DamagedError("nested too deeply") from error
            else:
                # A number at the end of the buffer may continue.
                if end < len(self._text) or not self._fill():
                    self._offset += end - self._offset
                    return value

    def _fill(self) -> bool:
        """Read at least as many characters as are buffered, and return whether there were any."""
        rest = self._text[self._offset :]
        more = "" if self._is_at_end else self._stream.read(max(_CHUNK_CHARS, len(rest)))
        self._is_at_end = not more
        self._text, self._offset = rest + more, 0
        return bool(more)

    def take(self, mark: str) -> bool:
        """Consume the next character if it is the given one, and return whether it was."""
        if self.peek() != mark:
            return False
        self._offset += 1
        return True

    def elements(self) -> Iterator[Any]:
        """Yield the elements of the next value, an array."""
        self.take("[")
        if self.take("]"):
            return
        while True:
            yield self.value()
            if self.take("]"):
                return
            self._expect(",")

    def entered(self) -> Iterator[str]:
        """Yield the keys of the next value, an object; the caller must read the value after each key."""
        self.take("{")
        if self.take("}"):
            return
        while True:
            if self.peek() != '"':
                raise _DamagedError(f"{self.peek() or 'the end of the file'} where a key should be")
            key: str = self.value()
            self._expect(":")
            yield key
            if self.take("}"):
                return
            self._expect(",")

    def _expect(self, mark: str) -> None:
        if not self.take(mark):
            raise _DamagedError(f"{self.peek() or 'the end of the file'} where {mark} should be")


def _walk(scanner: _Scanner, path: KeyPath = ()) -> Iterator[tuple[KeyPath, bool, Any]]:
    """Yield the parts of the next value: elements of arrays that are reached through objects only, and other values.

    Each item has the path to the array or value, whether the part is an element of an array, and the part.
    """
    start = scanner.peek()
    if start == "[":
        for element in scanner.elements():
            yield path, True, element
    elif start == "{" and len(path) < _MAX_DEPTH:
        for key in scanner.entered():
            yield from _walk(scanner, (*path, key))
    else:
        yield path, False, scanner.value()


@dataclass(frozen=True, slots=True)
class _Location:
    """The location of the records in a file.

    Attributes:
        kind: whether the records are the outermost values, the elements of an array, or the values of an object.
        path: keys that lead to that array or object.
        inner: keys that lead from an element to the records within it.
        count: number of records at this location.
        left_out: a description of other possible records, which are not read; empty for none.
    """

    kind: Literal["root", "elements", "values"]
    path: KeyPath = ()
    inner: KeyPath = ()
    count: int = 0
    left_out: str = ""


class _Search:
    """A search of a file for the location of the records with a field."""

    def __init__(self, wanted: str) -> None:
        self.names: dict[str, None] = {}
        self.example: Mapping[str, Any] | None = None
        self.is_any_seen = False
        self._wanted = wanted
        self._tails = {(wanted,), tuple(wanted.split("."))}
        self._is_root = False
        self._location_counts: Counter[tuple[Literal["elements", "values"], KeyPath, KeyPath]] = Counter()
        self._element_counts: Counter[KeyPath] = Counter()

    def look(self, scanner: _Scanner) -> None:
        """Read a file until the location of its records is known.

        Raises:
            _DamagedError: the file is damaged before the first record.
        """
        is_array = scanner.peek() == "["
        try:
            while scanner.peek():
                for path, is_element, part in _walk(scanner):
                    self.is_any_seen = True
                    if is_element:
                        self._element(path, part)
                        if self._element_counts[path] == 1 and not isinstance(part, dict):
                            # A list in place of a text is an error of its record.
                            self._value(path)
                    else:
                        self._value(path)
                    # The first elements of an outermost array decide; in an object a longer array may follow.
                    if is_array and (self._location_counts or self._element_counts[()] >= rows.FIRST_RECORDS):
                        return
                if self._is_root:
                    return
        except (*text_lines.DAMAGED, _DamagedError):
            if not self._location_counts and not self._is_root:
                raise

    def _element(self, path: KeyPath, part: Any) -> None:
        self._element_counts[path] += 1
        if not isinstance(part, dict):
            return
        if self.example is None:
            self.example, self.names = part, dict.fromkeys(part)
        if rows.has(part, self._wanted):
            self._location_counts["elements", path, ()] += 1
        elif self._element_counts[path] <= rows.FIRST_RECORDS:
            inner = _inner(part, self._wanted, _MAX_INNER)
            if inner:
                self._location_counts["elements", path, inner] += 1

    def _value(self, path: KeyPath) -> None:
        if self.example is None and path:
            self.names[path[0]] = None
        for tail in self._tails:
            if path[-len(tail) :] == tail:
                above = path[: -len(tail)]
                self._is_root = self._is_root or not above
                if above:
                    self._location_counts["values", above[:-1], ()] += 1
                return

    def place(self) -> _Location | None:
        """Return the location of the records: the outermost object, else the one with the most records, or None."""
        # Direct elements come before objects within elements, which are counted in the first elements only.
        ranked = sorted(self._location_counts.items(), key=lambda item: (bool(item[0][2]), -item[1]))
        if self._is_root:
            return _Location("root", left_out=self._left_out("the outermost object", ranked))
        if not ranked:
            return None
        (kind, path, inner), count = ranked[0]
        return _Location(kind, path, inner, count, self._left_out(".".join(path), ranked[1:]))

    def _left_out(self, read: str, others: Sequence[tuple[tuple[str, KeyPath, KeyPath], int]]) -> str:
        descriptions = [
            f"{count:,} in {'.'.join(path) or 'the outermost object'}"
            for (_, path, inner), count in others
            if not inner
        ]
        if not descriptions:
            return ""
        description_list = ", ".join(descriptions[:5])
        return f"read from {read}; other objects with {self._wanted!r} were not read: {description_list}"


def _inner(part: Mapping[str, Any], wanted: str, depth: int) -> KeyPath:
    """Return the path from an object to the nearest inner object with a field; empty if there is none."""
    level: list[tuple[KeyPath, Any]] = [((), part)]
    for _ in range(depth):
        below: list[tuple[KeyPath, Any]] = []
        for path, container in level:
            for key, value in container.items():
                inner_path: KeyPath = (*path, key)
                if isinstance(value, list) and value:
                    inner_path, value = (*inner_path, _EACH), value[0]
                if isinstance(value, dict):
                    if rows.has(value, wanted):
                        return inner_path
                    below.append((inner_path, value))
        level = below[: rows.FIRST_RECORDS]
    return ()


def _rows(scanner: _Scanner, location: _Location, wanted: str, id_field: str) -> Iterator[Any]:
    """Yield the records at a location."""
    while scanner.peek():
        if location.kind == "root":
            yield scanner.value()
            continue
        for start in _reached(scanner, location.path):
            if location.kind == "elements" and start == "[":
                for element in scanner.elements():
                    yield from _within(element, location.inner, id_field)
            elif location.kind == "values" and start == "{":
                for key in scanner.entered():
                    value = scanner.value()
                    if isinstance(value, dict) and rows.has(value, wanted):
                        yield {id_field: key, **value} if location.count > 1 else value
            else:
                _skip(scanner)


def _reached(scanner: _Scanner, path: KeyPath) -> Iterator[str]:
    """Skip to the value at a path and yield its first character; the caller must read the value."""
    start = scanner.peek()
    if not path:
        yield start
    elif start == "{":
        for key in scanner.entered():
            if key == path[0]:
                yield from _reached(scanner, path[1:])
            else:
                _skip(scanner)
    else:
        _skip(scanner)


def _skip(scanner: _Scanner) -> None:
    for _ in _walk(scanner):
        pass


def _within(row: Any, inner: KeyPath, id_field: str) -> Iterator[Any]:
    """Yield the records within an element, each with the other fields of the objects around it."""
    if not inner or not isinstance(row, dict) or inner[0] not in row:
        yield row
        return
    key, *rest = inner
    value = row[key]
    above = {name: field_value for name, field_value in row.items() if name != key}
    if rest[:1] == [_EACH] and isinstance(value, list):
        above.pop(id_field, None)
        parts, inner_path = value, tuple(rest[1:])
    else:
        parts, inner_path = [value], tuple(rest)
    for part in parts:
        if isinstance(part, dict):
            yield from _within({**above, **part}, inner_path, id_field)
        else:
            yield part
