"""Read spreadsheets with calamine: xlsx, xlsm, xlsb, xls and ods.

A sheet whose first row is a header with a text column yields a document per row. All other sheets of a workbook form a
single document with a heading per sheet and a line per row.
"""

import datetime
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth_loaders import rows
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.office import (
    COMPOUND_FILE,
    ZIP_ERRORS,
    Properties,
    check_package,
    is_encrypted,
    properties,
)

Row = list[str]

# Maximum number of cells that a sheet spans.
_MAX_CELLS = 20_000_000
_CHUNK_BYTES = 2**20
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_CELL = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')


def read(path: Path, options: ReadOptions) -> Iterator[Document | Reject | Remark]:
    """Yield the documents of a workbook; hidden sheets are skipped with a remark.

    Raises:
        RecordError: the file needs a password, is damaged, is too large when unpacked, or has no text.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    file_properties = _checked(path)
    tables: list[str] = []
    has_documents = False
    hidden: list[str] = []
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            for sheet in workbook.sheets_metadata:
                if sheet.typ != SheetTypeEnum.WorkSheet:
                    continue
                if sheet.visible != SheetVisibleEnum.Visible:
                    hidden.append(sheet.name)
                    continue
                table = [[_text(value) for value in row] for row in workbook.get_sheet_by_name(sheet.name).to_python()]
                try:
                    columns = _columns(table, options)
                except RecordError as error:
                    has_documents = True
                    yield Reject(position=Position(source="", line=1), reason=str(error), raw=f"sheet {sheet.name}")
                    continue
                if columns:
                    has_documents = True
                    yield from _documents(table, columns, options)
                elif text := _table(table):
                    tables.append(f"## {sheet.name}\n\n{text}")
    except PasswordError:
        raise RecordError("encrypted") from None
    except CalamineError:
        raise RecordError("damaged") from None
    if hidden:
        yield Remark(position=Position(source=""), text=f"hidden sheets left out: {', '.join(hidden)}")
    if tables:
        yield Document(
            id="",
            text="\n\n".join(tables),
            title=file_properties.title,
            topics=file_properties.topics,
            attribution=file_properties.attribution,
            license=file_properties.license,
            date=file_properties.date,
            metadata=file_properties.metadata,
        )
    elif not has_documents:
        raise RecordError("no text")


def _checked(path: Path) -> Properties:
    """Check that a file can be opened, and return its properties."""
    with path.open("rb") as file:
        is_compound = file.read(8) == COMPOUND_FILE
    if is_compound:
        if is_encrypted(path):
            raise RecordError("encrypted")
        return Properties()
    check_package(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in archive.read(
                "META-INF/manifest.xml"
            ):
                raise RecordError("encrypted")
            if any(_count_cells(archive, name) > _MAX_CELLS for name in archive.namelist() if _SHEET.fullmatch(name)):
                raise RecordError("a sheet spans too many cells")
            return properties(archive)
    except ZIP_ERRORS:
        raise RecordError("damaged") from None


def _count_cells(archive: zipfile.ZipFile, name: str) -> int:
    """Return the number of cells that a sheet spans, including empty ones, which calamine keeps in memory."""
    columns, rows_, rest = b"", 0, b""
    with archive.open(name) as part:
        while chunk := part.read(_CHUNK_BYTES):
            chunk = rest + chunk
            for letters, number in _CELL.findall(chunk):
                if len(letters) > len(columns) or (len(letters) == len(columns) and letters > columns):
                    columns = letters
                rows_ = max(rows_, int(number))
            rest = chunk[-20:]
    width = 0
    for letter in columns:
        width = 26 * width + letter - 64
    return width * rows_


def _text(value: Any) -> str:
    """Return a cell's value as text: dates in ISO 8601, whole numbers without a decimal point."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        is_date = value.time() == datetime.time()
        return value.date().isoformat() if is_date else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def _columns(table: list[Row], options: ReadOptions) -> dict[int, str]:
    """Return the field of each column if the first row is a header with the text field; else an empty mapping.

    Raises:
        RecordError: the header has a field twice.
    """
    header = next((row for row in table if any(cell.strip() for cell in row)), [])
    fields = options.fields
    wanted = (
        fields.id_field, fields.text_field, fields.title_field, fields.topics_field, fields.concepts_field,
        fields.kind_field, fields.source_field, fields.license_field, fields.attribution_field,
    )  # fmt: skip
    if fields.text_field.casefold() not in [cell.strip().casefold() for cell in header]:
        return {}
    return {index: name for index, name in enumerate(rows.column_names(header, filter(None, wanted))) if name}


def _documents(table: list[Row], columns: dict[int, str], options: ReadOptions) -> Iterator[Document | Reject | Remark]:
    make = rows.DocumentMaker(options.fields)
    is_header = True
    for number, row in enumerate(table, start=1):
        if not any(cell.strip() for cell in row):
            continue
        if is_header:
            is_header = False
            continue
        values = {field: row[index] for index, field in columns.items() if index < len(row) and row[index].strip()}
        try:
            yield make(values, Position(source="", line=number))
        except RecordError as error:
            raw = " | ".join(cell for cell in row if cell)[:500]
            yield Reject(position=Position(source="", line=number), reason=str(error), raw=raw)
    yield from make.others.remarks("")


def _table(table: list[Row]) -> str:
    """Return a sheet as a Markdown table without empty rows and columns."""
    width = max(map(len, table), default=0)
    used_columns = [index for index in range(width) if any(index < len(row) and row[index].strip() for row in table)]
    lines = []
    for row in table:
        cells = [" ".join(row[index].split()).replace("|", r"\|") if index < len(row) else "" for index in used_columns]
        if any(cells):
            lines.append("| " + " | ".join(cells) + " |")
    if not lines:
        return ""
    return "\n".join([lines[0], "|" + "---|" * len(used_columns), *lines[1:]])
