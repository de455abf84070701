"""Files of JSON that hold records anywhere within: an array of objects, or objects that hold one.

The file is read as a stream by the decoder of the standard library, element by element, so that NaN, long numbers and
halves of characters are read as they are in JSON Lines, and so that memory holds one element at a time.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from kgsynth.config import FieldNames
from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth_loaders import characters, formats, rows, text_lines

_Record = TypeVar("_Record")
# Keys that lead from the outermost value to one within it.
KeyPath = tuple[str, ...]

_CHUNK_CHARS = 2**18
# A larger element is a broken file.
MAX_ELEMENT_CHARS = 2**28
# Objects within objects above the records.
_MAX_DEPTH = 50
# How deep records are looked for within the elements of an array.
_MAX_INNER = 5
_MAX_DIGITS = 4000
# A value that is cut at the end of what was read is an error so near to it.
_CUT_CHARS = 32
_BLANKS = re.compile(r"[ \t\n\r\x1e]*")
# An array within the records that is part of where they are.
_EACH = "[]"


def _whole_number(digits: str) -> int | str:
    """A number, or its digits as they are where Python reads no number of so many."""
    return int(digits) if len(digits) < _MAX_DIGITS else digits


_DECODER = json.JSONDecoder(parse_int=_whole_number)


class _DamagedError(Exception):
    """The file is no JSON from a place on."""


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """One document an object that has the field of texts.

    Raises:
        ConfigError: the file cannot be opened, or nothing in it has the field of texts.
    """
    return records(source, fields, rows.document_maker(fields), needed=(fields.text_field,))


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject | Remark]:
    """One record an object, made by `make`; positions count the records.

    Args:
        source: the file.
        fields: which field of a record holds what, and the encoding.
        make: makes a record of an object.
        needed: fields that records must have, one at least. The longest array of objects that have the first of them
            is read, wherever it stands; an outermost object that has it is one record.

    Raises:
        ConfigError: the file cannot be opened, or nothing in it has a needed field.
    """
    place = None
    try:
        with _opened(source, fields.encoding) as opened:
            if opened.is_guessed:
                yield Remark(position=Position(source=source), text=characters.remark(opened.encoding))
            search = _Search(needed[0])
            search.look(_Scanner(opened.stream))
            place = search.place()
    except (*text_lines.DAMAGED, _DamagedError) as error:
        formats.expect(source, formats.JSON)
        yield Reject(position=Position(source=source, line=1), reason=text_lines.DAMAGED_REASON, raw=str(error))
        return
    if place is None:
        if search.names:
            option = rows.option_of(needed[0], fields)
            raise rows.missing(source, needed[0], option, search.names, search.example)
        if search.is_any_seen:
            yield Reject(position=Position(source=source, line=1), reason="no JSON object in it")
        return
    if place.left_out:
        yield Remark(position=Position(source=source), text=place.left_out)
    number = 0
    try:
        with _opened(source, fields.encoding) as opened:
            for row in _rows(_Scanner(opened.stream), place, needed[0], fields.id_field):
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
    """A stream of JSON values, of which an array or an object can be entered and its parts taken one by one."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._text = ""
        self._place = 0
        self._is_at_end = False

    def peek(self) -> str:
        """The character that the next value or mark begins with; empty at the end of the file."""
        while True:
            found = _BLANKS.match(self._text, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._fill():
                return ""

    def value(self) -> Any:
        """The next value, decoded.

        Raises:
            _DamagedError: there is none, or it is too large to be one record.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _CUT_CHARS
                if not is_cut or len(self._text) - self._place > MAX_ELEMENT_CHARS or not self._fill():
                    raise _DamagedError(str(error)) from error
            except RecursionError as error:
                raise _DamagedError("nested too deeply") from error
            else:
                # A number may go on.
                if end < len(self._text) or not self._fill():
                    self._place += end - self._place
                    return value

    def _fill(self) -> bool:
        """Read on, at least as much as is held; whether there was anything."""
        rest = self._text[self._place :]
        more = "" if self._is_at_end else self._stream.read(max(_CHUNK_CHARS, len(rest)))
        self._is_at_end = not more
        self._text, self._place = rest + more, 0
        return bool(more)

    def take(self, mark: str) -> bool:
        """Whether the next character is this; it is passed by."""
        if self.peek() != mark:
            return False
        self._place += 1
        return True

    def elements(self) -> Iterator[Any]:
        """The elements of the array that comes next."""
        self.take("[")
        if self.take("]"):
            return
        while True:
            yield self.value()
            if self.take("]"):
                return
            self._expect(",")

    def entered(self) -> Iterator[str]:
        """Enter the object that comes next: its keys; the caller takes the value after each."""
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
    """The parts of the next value: elements of arrays that objects alone lead to, and what else objects hold.

    Returns:
        The path to the array or the value, whether the part is an element, the part.
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
class _Place:
    """Where the records of a file are.

    Attributes:
        kind: the outermost values themselves, the elements of an array, or the values of an object.
        path: keys that lead to that array or object.
        inner: keys that lead from an element to the records within it.
        count: how many records were seen there.
        left_out: what else looks like records and is not read; empty for nothing.
    """

    kind: Literal["root", "elements", "values"]
    path: KeyPath = ()
    inner: KeyPath = ()
    count: int = 0
    left_out: str = ""


class _Search:
    """A look at a file for the place of the records that have a field."""

    def __init__(self, wanted: str) -> None:
        self.names: dict[str, None] = {}
        self.example: Mapping[str, Any] | None = None
        self.is_any_seen = False
        self._wanted = wanted
        self._tails = {(wanted,), tuple(wanted.split("."))}
        self._is_root = False
        self._found: Counter[tuple[Literal["elements", "values"], KeyPath, KeyPath]] = Counter()
        self._seen: Counter[KeyPath] = Counter()

    def look(self, scanner: _Scanner) -> None:
        """Go through a file until its place of records is known.

        Raises:
            _DamagedError: the file is damaged before any record was found.
        """
        is_array = scanner.peek() == "["
        try:
            while scanner.peek():
                for path, is_element, part in _walk(scanner):
                    self.is_any_seen = True
                    if is_element:
                        self._element(path, part)
                        if self._seen[path] == 1 and not isinstance(part, dict):
                            # A list where a text should be is a fault of its record.
                            self._value(path)
                    else:
                        self._value(path)
                    # Of an array, the first elements tell; in an object, a longer array may follow.
                    if is_array and (self._found or self._seen[()] >= rows.FIRST_RECORDS):
                        return
                if self._is_root:
                    return
        except (*text_lines.DAMAGED, _DamagedError):
            if not self._found and not self._is_root:
                raise

    def _element(self, path: KeyPath, part: Any) -> None:
        self._seen[path] += 1
        if not isinstance(part, dict):
            return
        if self.example is None:
            self.example, self.names = part, dict.fromkeys(part)
        if rows.has(part, self._wanted):
            self._found["elements", path, ()] += 1
        elif self._seen[path] <= rows.FIRST_RECORDS:
            inner = _inner(part, self._wanted, _MAX_INNER)
            if inner:
                self._found["elements", path, inner] += 1

    def _value(self, path: KeyPath) -> None:
        if self.example is None and path:
            self.names[path[0]] = None
        for tail in self._tails:
            if path[-len(tail) :] == tail:
                above = path[: -len(tail)]
                self._is_root = self._is_root or not above
                if above:
                    self._found["values", above[:-1], ()] += 1
                return

    def place(self) -> _Place | None:
        """Where the records are: outermost, else where most of them are; None for nowhere."""
        # A long array is worth more than the objects within its elements, which are counted in the first only.
        ranked = sorted(self._found.items(), key=lambda item: (bool(item[0][2]), -item[1]))
        if self._is_root:
            return _Place("root", left_out=self._left_out("the outermost object", ranked))
        if not ranked:
            return None
        (kind, path, inner), count = ranked[0]
        return _Place(kind, path, inner, count, self._left_out(".".join(path), ranked[1:]))

    def _left_out(self, read: str, others: Sequence[tuple[tuple[str, KeyPath, KeyPath], int]]) -> str:
        direct = [
            f"{count:,} in {'.'.join(path) or 'the outermost object'}"
            for (_, path, inner), count in others
            if not inner
        ]
        if not direct:
            return ""
        shown = ", ".join(direct[:5])
        return f"read from {read}; other objects with {self._wanted!r} were not read: {shown}"


def _inner(part: Mapping[str, Any], wanted: str, depth: int) -> KeyPath:
    """The way from an object to the nearest one within it that has a field; empty for none."""
    level: list[tuple[KeyPath, Any]] = [((), part)]
    for _ in range(depth):
        below: list[tuple[KeyPath, Any]] = []
        for path, given in level:
            for key, value in given.items():
                way: KeyPath = (*path, key)
                if isinstance(value, list) and value:
                    way, value = (*way, _EACH), value[0]
                if isinstance(value, dict):
                    if rows.has(value, wanted):
                        return way
                    below.append((way, value))
        level = below[: rows.FIRST_RECORDS]
    return ()


def _rows(scanner: _Scanner, place: _Place, wanted: str, id_field: str) -> Iterator[Any]:
    """The records at a place."""
    while scanner.peek():
        if place.kind == "root":
            yield scanner.value()
            continue
        for start in _reached(scanner, place.path):
            if place.kind == "elements" and start == "[":
                for element in scanner.elements():
                    yield from _within(element, place.inner, id_field)
            elif place.kind == "values" and start == "{":
                for key in scanner.entered():
                    value = scanner.value()
                    if isinstance(value, dict) and rows.has(value, wanted):
                        yield {id_field: key, **value} if place.count > 1 else value
            else:
                _skip(scanner)


def _reached(scanner: _Scanner, path: KeyPath) -> Iterator[str]:
    """Go to what stands at a path, past all else; the character it begins with, and the caller takes it."""
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
    """The records within an element, each with the other fields of what it stands in."""
    if not inner or not isinstance(row, dict) or inner[0] not in row:
        yield row
        return
    key, *rest = inner
    value = row[key]
    above = {name: held for name, held in row.items() if name != key}
    if rest[:1] == [_EACH] and isinstance(value, list):
        above.pop(id_field, None)
        parts, way = value, tuple(rest[1:])
    else:
        parts, way = [value], tuple(rest)
    for part in parts:
        if isinstance(part, dict):
            yield from _within({**above, **part}, way, id_field)
        else:
            yield part
