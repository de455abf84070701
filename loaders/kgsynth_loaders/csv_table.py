"""CSV with a header line, comma or tab by ending, plain, .gz or .zst; lists in a cell have `|` or `;` between names."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from kgsynth.config import FieldNames
from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders import rows, text_lines

_Record = TypeVar("_Record")


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
        reader = csv.reader(file, delimiter="\t" if stem.suffix == ".tsv" else ",", strict=True)
        header: list[str] | None = None
        while True:
            position = Position(source=source, line=reader.line_num + 1)
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Reject(position=position, reason="not CSV", raw=str(error))
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
