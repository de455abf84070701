"""CSV with a header line, comma or tab by ending, plain, .gz or .zst; lists in a cell have `|` or `;` between names."""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from kgsynth.config import FieldNames
from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders import rows, text_lines

_Record = TypeVar("_Record")
# A cell may hold paragraphs; one of more lines is a quote that was never closed.
_MAX_RECORD_LINES = 2000


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject]:
    """One document a row."""
    return records(source, lambda row: rows.document(row, fields))


def records(source: str, make: Callable[[dict[str, Any]], _Record]) -> Iterator[_Record | Reject]:
    """One record a row, made by `make`; a row with another number of cells than the header is a reject."""
    csv.field_size_limit(text_lines.MAX_LINE_BYTES)
    stem = Path(source).with_suffix("") if Path(source).suffix in (".gz", ".zst") else Path(source)
    # Undecodable bytes become lone surrogates, so that one bad cell costs one row and not the file.
    with io.TextIOWrapper(
        text_lines.open_bytes(source), encoding="utf-8-sig", errors="surrogateescape", newline=""
    ) as file:
        lines = _Lines(file)
        delimiter = "\t" if stem.suffix == ".tsv" else ","
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            position = Position(source=source, line=lines.begin_record())
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # An unclosed quote takes in all that follows: give up its first line and read on after it.
                yield Reject(position=position, reason="not CSV", raw=f"{error}: {lines.drop_first()}")
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
                continue
            except (*text_lines.DAMAGED, ValueError) as error:
                yield Reject(position=position, reason="file is damaged from here on", raw=str(error))
                return
            if header is None:
                header = cells
                continue
            if not cells:
                continue
            raw = ",".join(cells)[: text_lines.RAW_CHARS].encode("utf-8", "replace").decode()
            if any("\udc80" <= char <= "\udcff" for cell in cells for char in cell):
                yield Reject(position=position, reason="not UTF-8", raw=raw)
            elif len(cells) != len(header):
                yield Reject(position=position, reason="wrong number of cells", raw=raw)
            else:
                try:
                    yield rows.at(make(dict(zip(header, cells, strict=True))), position)
                except RecordError as error:
                    yield Reject(position=position, reason=str(error), raw=raw)


class _Lines:
    """Lines of a file that remembers those of the current record, so that a broken record costs one line."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = iter(file)
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self._number = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= _MAX_RECORD_LINES:
            raise csv.Error(f"a record of more than {_MAX_RECORD_LINES:,} lines")
        line = self._again.popleft() if self._again else next(self._file)
        self._record.append(line)
        return line

    def begin_record(self) -> int:
        """Forget the last record; the number of the line that comes next."""
        self._number += len(self._record)
        self._record = []
        return self._number

    def drop_first(self) -> str:
        """Put all lines of the current record but its first back; what the first was."""
        first, *rest = self._record or [""]
        self._again.extendleft(reversed(rest))
        self._record = self._record[:1]
        return first[: text_lines.RAW_CHARS].strip().encode("utf-8", "replace").decode()
