"""Read CSV with a header line, plain or compressed; lists in a cell are separated by `|` or `;`.

The delimiter (comma, semicolon, tab or `|`) is detected from the header and the first rows.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import fields as fields_of
from itertools import islice
from typing import TypeVar

from kgsynth.errors import ConfigError, RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import characters, formats, rows, text_lines

_Record = TypeVar("_Record")
# Maximum number of lines per row. More lines mean that a quote was not closed.
_MAX_RECORD_LINES = 100_000
_DELIMITERS = (",", ";", "\t", "|")
_NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
# Size of the sample from which the delimiter is detected.
_SAMPLE_CHARS, _SAMPLE_ROWS = 65_536, 50
# Minimum share of rows with as many cells as the header.
_SHARE_OF_TABLE = 0.9
# A line that Excel writes before the header.
_DELIMITER_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield a document per row.

    Raises:
        ConfigError: the file cannot be opened, lacks the text column, or has a column twice.
    """
    formats.expect(source, formats.CSV)
    make = rows.DocumentMaker(fields)
    return rows.documents(source, make, records(source, fields, make, needed=(fields.text_field,)))


def is_table(source: str, fields: FieldNames) -> bool:
    """Return whether a text is a table whose header has the text column and whose first rows are as wide."""
    with text_lines.open_bytes(source) as binary:
        try:
            lines = _Lines(characters.open_text(binary, fields.encoding).stream)
        except text_lines.DAMAGED:
            return False
        sample = lines.peek(_SAMPLE_CHARS)
    needed = (fields.text_field,)
    best_fit = max((_fit(sample, delimiter, needed) for delimiter in _DELIMITERS), default=(0, 0.0, 0))
    has_rows = sum(not line.isspace() for line in sample) > 1
    return has_rows and best_fit[0] == 1 and best_fit[1] >= _SHARE_OF_TABLE and best_fit[2] > 1


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject | Remark]:
    """Yield a record per row; a row with another number of cells than the header is a reject.

    Args:
        source: the file.
        fields: names of the columns, the encoding and the delimiter. If no column matches a name exactly, a column that
            differs only in case is used.
        make: converts a row to a record.
        needed: required columns.

    Raises:
        ConfigError: the file cannot be opened, lacks a required column, or has a column twice.
    """
    csv.field_size_limit(text_lines.MAX_LINE_BYTES)
    with text_lines.open_bytes(source) as packed:
        try:
            opened = characters.open_text(packed, fields.encoding)
        except text_lines.DAMAGED as error:
            yield Reject(position=Position(source=source, line=1), reason=text_lines.DAMAGED_REASON, raw=str(error))
            return
        if opened.is_guessed:
            yield Remark(position=Position(source=source), text=characters.remark(opened.encoding))
        lines = _Lines(opened.stream)
        delimiter = _NAMED_DELIMITERS.get(fields.delimiter.lower(), fields.delimiter)
        if len(delimiter) > 1 or delimiter in ('"', "\r", "\n"):
            raise ConfigError(f"delimiter {fields.delimiter!r} is not one character", hint="Give `,`, `;`, `|` or tab.")
        delimiter = delimiter or _delimiter(source, lines, needed)
        reader = _Rows(source, lines, delimiter, skips_blanks=_skips_blanks(lines, delimiter))
        header: list[str] | None = None
        for row in reader:
            if isinstance(row, Reject):
                yield row
            elif header is None:
                header = _header(source, row[1], fields, needed)
            else:
                yield _record(row[0], row[1], header, make, opened.encoding)


def _record(
    position: Position, cells: list[str], header: list[str], make: rows.Make[_Record], encoding: str
) -> _Record | Reject:
    reason = ""
    joined = "".join(cells)
    if not joined.isascii() and characters.BAD_BYTE in joined:
        reason = f"not {encoding.upper() if encoding.startswith('utf') else encoding}"
    elif "\x00" in joined:
        reason = "NUL in a cell"
    elif len(cells) != len(header):
        reason = "wrong number of cells"
    else:
        try:
            return make(dict(zip(header, cells, strict=True)), position)
        except RecordError as error:
            reason = str(error)
    return Reject(position=position, reason=reason, raw=rows.raw(",".join(cells)))


def _header(source: str, cells: list[str], fields: FieldNames, needed: Sequence[str]) -> list[str]:
    """Return the names of the columns; a name that differs from a field's name only in case is replaced by it.

    Raises:
        ConfigError: a required column is missing, or a column occurs twice.
    """
    wanted = [getattr(fields, item.name) for item in fields_of(FieldNames) if item.name.endswith("_field")]
    try:
        header = rows.column_names(cells, [*wanted, "name", *needed])
    except RecordError as error:
        raise ConfigError(f"{source}: {error}", hint=rows.RENAME_COLUMNS) from error
    lacking = next((field for field in needed if field not in header), None)
    if lacking is not None:
        formats.expect(source, formats.CSV, by_ending=True)
        hint = "The first line must have the names of the columns. --text-field, --id-field and so on set these names."
        raise rows.missing(source, lacking, rows.option_of(lacking, fields), filter(None, cells), hint=hint)
    return header


def _delimiter(source: str, lines: "_Lines", needed: Sequence[str]) -> str:
    """Return the delimiter that fits the needed columns and the number of cells in the first rows best."""
    sample = lines.peek(_SAMPLE_CHARS)
    delimiter_line = _DELIMITER_LINE.fullmatch(sample[0]) if sample else None
    if delimiter_line:
        lines.skip_line()
        return delimiter_line.group(1)
    is_tabs = text_lines.without_packing(source).lower().endswith((".tsv", ".tab"))
    preferred = "\t" if is_tabs else ","
    candidates = sorted(_DELIMITERS, key=lambda candidate: candidate != preferred)
    return max(candidates, key=lambda candidate: _fit(sample, candidate, needed))


def _skips_blanks(lines: "_Lines", delimiter: str) -> bool:
    """Return whether skipping spaces after delimiters, as in `1, "a, b"`, makes more rows fit the header."""
    sample = lines.peek(_SAMPLE_CHARS)
    return _fit(sample, delimiter, (), skips_blanks=True) > _fit(sample, delimiter, ())


def _fit(
    sample: Sequence[str], delimiter: str, needed: Sequence[str], *, skips_blanks: bool = False
) -> tuple[int, float, int]:
    """Return how well a delimiter fits: needed columns in the header, share of rows of its width, and its width."""
    reader = csv.reader(sample, delimiter=delimiter, skipinitialspace=skips_blanks)
    try:
        sample_rows = list(islice(reader, _SAMPLE_ROWS))
    except csv.Error:
        sample_rows = list(csv.reader(sample[:1], delimiter=delimiter))
    sample_rows = [row for row in sample_rows if row]
    if not sample_rows:
        return 0, 0.0, 0
    header = {cell.strip().casefold() for cell in sample_rows[0]}
    width = len(sample_rows[0])
    share = sum(len(row) == width for row in sample_rows) / len(sample_rows) if width > 1 else 0.0
    return sum(field.casefold() in header for field in needed), round(share, 1), width


class _Rows:
    """The rows of a table with their positions; of an invalid row only the first line is rejected."""

    def __init__(self, source: str, lines: "_Lines", delimiter: str, *, skips_blanks: bool) -> None:
        self._source = source
        self._lines = lines
        self._delimiter = delimiter
        self._skips_blanks = skips_blanks

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=self._delimiter, skipinitialspace=self._skips_blanks, strict=True)

    def __iter__(self) -> Iterator[tuple[Position, list[str]] | Reject]:
        reader = self._reader()
        while True:
            position = Position(source=self._source, line=self._lines.begin_record())
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # An unclosed quote would include all that follows: reject its first line and continue after it.
                start = self._lines.drop_first()
                yield Reject(position=position, reason="not CSV", raw=f"{error}: {rows.raw(start)}")
                reader = self._reader()
                continue
            except text_lines.DAMAGED as error:
                yield Reject(position=position, reason=text_lines.DAMAGED_REASON, raw=str(error))
                return
            if cells:
                yield position, cells


class _Lines:
    """Lines of a file. The lines of the current record are buffered, so that an invalid record costs a single line."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self._pending: deque[str] = deque()
        self._record: list[str] = []
        self._record_chars = 0
        self._number = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= _MAX_RECORD_LINES or self._record_chars > text_lines.MAX_LINE_BYTES:
            raise csv.Error(f"a record of more than {len(self._record):,} lines")
        line = self._pending.popleft() if self._pending else self._read()
        self._record.append(line)
        self._record_chars += len(line)
        if len(line) >= text_lines.MAX_LINE_BYTES:
            raise csv.Error("line too long")
        return line

    def _read(self) -> str:
        line = rest = self._file.readline(text_lines.MAX_LINE_BYTES)
        if not line:
            raise StopIteration
        while len(rest) >= text_lines.MAX_LINE_BYTES and not rest.endswith(("\n", "\r")):
            rest = self._file.readline(text_lines.MAX_LINE_BYTES)
        return line

    def peek(self, char_count: int) -> list[str]:
        """Return the next lines up to a number of characters; an error of the file is raised when they are read."""
        try:
            char_count -= sum(map(len, self._pending))
            while char_count > 0:
                self._pending.append(self._read())
                char_count -= len(self._pending[-1])
        except (StopIteration, *text_lines.DAMAGED):
            pass
        return list(self._pending)

    def skip_line(self) -> None:
        """Skip the next line."""
        next(self)

    def begin_record(self) -> int:
        """Begin a new record, and return the number of the next line."""
        self._number += len(self._record)
        self._record = []
        self._record_chars = 0
        return self._number

    def drop_first(self) -> str:
        """Put back all lines of the current record except the first, and return the start of the first."""
        first, *rest = self._record or [""]
        self._pending.extendleft(reversed(rest))
        self._record = self._record[:1]
        return first[: text_lines.RAW_CHARS].strip()
