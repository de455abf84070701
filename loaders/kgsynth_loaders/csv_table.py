"""CSV with a header line, plain or compressed; lists in a cell have `|` or `;` between names.

What stands between cells is found by the header and the first rows: comma, semicolon, tab or `|`.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import fields as fields_of
from itertools import islice
from typing import TypeVar

from kgsynth.config import FieldNames
from kgsynth.errors import ConfigError, RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth_loaders import characters, formats, rows, text_lines

_Record = TypeVar("_Record")
# A cell may hold a book; one of more lines is a quote that was never closed.
_MAX_RECORD_LINES = 100_000
_DELIMITERS = (",", ";", "\t", "|")
_NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
# So much of the file is looked at to find its delimiter.
_SAMPLE_CHARS, _SAMPLE_ROWS = 65_536, 50
# Of the rows of a table as wide as its header, at least.
_SHARE_OF_TABLE = 0.9
# Excel writes it before the header.
_DELIMITER_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """One document a row.

    Raises:
        ConfigError: the file cannot be opened, has no column of texts, or one of its columns twice.
    """
    formats.expect(source, formats.CSV)
    return records(source, fields, rows.document_maker(fields), needed=(fields.text_field,))


def is_table(source: str, fields: FieldNames) -> bool:
    """Whether a text is a table: its first rows are as wide as its header, which names the column of texts."""
    with text_lines.open_bytes(source) as binary:
        try:
            lines = _Lines(characters.open_text(binary, fields.encoding).stream)
        except text_lines.DAMAGED:
            return False
        sample = lines.peek(_SAMPLE_CHARS)
    needed = (fields.text_field,)
    best = max((_fit(sample, one, needed) for one in _DELIMITERS), default=(0, 0.0, 0))
    has_rows = sum(not line.isspace() for line in sample) > 1
    return has_rows and best[0] == 1 and best[1] >= _SHARE_OF_TABLE and best[2] > 1


def records(
    source: str, fields: FieldNames, make: rows.Make[_Record], needed: Sequence[str]
) -> Iterator[_Record | Reject | Remark]:
    """One record a row, made by `make`; a row with another number of cells than the header is a reject.

    Args:
        source: the file.
        fields: which column holds what, the encoding and the delimiter. Where no column has a name exactly, one that
            differs in capitals alone is taken.
        make: makes a record of a row.
        needed: columns without which the source is refused.

    Raises:
        ConfigError: the file cannot be opened, lacks a column, or has one twice.
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
        for found in reader:
            if isinstance(found, Reject):
                yield found
            elif header is None:
                header = _header(source, found[1], fields, needed)
            else:
                yield _record(found[0], found[1], header, make, opened.encoding)


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
    """The names of the columns, those that differ from a field's name in capitals alone under that name.

    Raises:
        ConfigError: a column is missing, or one that is read stands there twice.
    """
    header = [cell.strip() for cell in cells]
    wanted = [getattr(fields, item.name) for item in fields_of(FieldNames) if item.name.endswith("_field")]
    wanted += ["name", *needed]
    for field in dict.fromkeys(wanted):
        if field not in header:
            header = [field if cell.casefold() == field.casefold() else cell for cell in header]
        if header.count(field) > 1:
            raise ConfigError(
                f"{source}: column {field!r} stands {header.count(field)} times in the header",
                hint="Rename all but one of them.",
            )
    lacking = next((field for field in needed if field not in header), None)
    if lacking is not None:
        formats.expect(source, formats.CSV, by_ending=True)
        hint = "Does its first line name the columns? --text-field, --id-field and their like say what they are called."
        raise rows.missing(source, lacking, rows.option_of(lacking, fields), filter(None, cells), hint=hint)
    return header


def _delimiter(source: str, lines: "_Lines", needed: Sequence[str]) -> str:
    """What stands between cells: what the header's names and the number of cells in the first rows agree with."""
    sample = lines.peek(_SAMPLE_CHARS)
    told = _DELIMITER_LINE.fullmatch(sample[0]) if sample else None
    if told:
        lines.skip_line()
        return told.group(1)
    is_tabs = text_lines.without_packing(source).lower().endswith((".tsv", ".tab"))
    first = "\t" if is_tabs else ","
    candidates = sorted(_DELIMITERS, key=lambda one: one != first)
    return max(candidates, key=lambda one: _fit(sample, one, needed))


def _skips_blanks(lines: "_Lines", delimiter: str) -> bool:
    """Whether cells begin after a blank, as in `1, "a, b"`: more rows are as wide as the header so."""
    sample = lines.peek(_SAMPLE_CHARS)
    return _fit(sample, delimiter, (), skips_blanks=True) > _fit(sample, delimiter, ())


def _fit(
    sample: Sequence[str], delimiter: str, needed: Sequence[str], *, skips_blanks: bool = False
) -> tuple[int, float, int]:
    """How well a delimiter fits: needed columns in the header, share of rows as wide as it, its width."""
    reader = csv.reader(sample, delimiter=delimiter, skipinitialspace=skips_blanks)
    try:
        found = list(islice(reader, _SAMPLE_ROWS))
    except csv.Error:
        found = list(csv.reader(sample[:1], delimiter=delimiter))
    found = [row for row in found if row]
    if not found:
        return 0, 0.0, 0
    header = {cell.strip().casefold() for cell in found[0]}
    width = len(found[0])
    share = sum(len(row) == width for row in found) / len(found) if width > 1 else 0.0
    return sum(field.casefold() in header for field in needed), round(share, 1), width


class _Rows:
    """The rows of a table with the places where they begin; a broken one is a reject and costs its first line."""

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
                # An unclosed quote takes in all that follows: give up its first line and read on after it.
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
    """Lines of a file that remembers those of the current record, so that a broken record costs one line."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self._record_chars = 0
        self._number = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= _MAX_RECORD_LINES or self._record_chars > text_lines.MAX_LINE_BYTES:
            raise csv.Error(f"a record of more than {len(self._record):,} lines")
        line = self._again.popleft() if self._again else self._read()
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
        """The lines that come next, of so many characters together; an error of the file is left for later."""
        try:
            char_count -= sum(map(len, self._again))
            while char_count > 0:
                self._again.append(self._read())
                char_count -= len(self._again[-1])
        except (StopIteration, *text_lines.DAMAGED):
            pass
        return list(self._again)

    def skip_line(self) -> None:
        """Leave out the next line."""
        next(self)

    def begin_record(self) -> int:
        """Forget the last record; the number of the line that comes next."""
        self._number += len(self._record)
        self._record = []
        self._record_chars = 0
        return self._number

    def drop_first(self) -> str:
        """Put all lines of the current record but its first back; what the first was."""
        first, *rest = self._record or [""]
        self._again.extendleft(reversed(rest))
        self._record = self._record[:1]
        return first[: text_lines.RAW_CHARS].strip()
