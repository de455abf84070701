"""Tests of `kgsynth_loaders.readers.xlsx`."""

import io
import zipfile
from pathlib import Path

from kgsynth.records import Document, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders.readers import ReadOptions, xlsx
from tests.unit.loaders.readers.office_readers_cases import OPTIONS, only, reason


def write_xlsx(tmp_path, sheets, *, hidden=()) -> Path:
    import xlsxwriter

    path = tmp_path / "file.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, table in sheets.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(table):
                sheet.write_row(place, 0, row)
            if name in hidden:
                sheet.hide()
    return path


def test_a_row_is_a_document_where_a_column_holds_text(tmp_path):
    table = [["Title", "TEXT", "id"], ["One", "First text", 7], ["Two", "", 8], [], ["Three", "Third text", None]]
    records = list(xlsx.read(write_xlsx(tmp_path, {"Data": table}), OPTIONS))
    documents = [record for record in records if isinstance(record, Document)]
    assert [(one.title, one.text) for one in documents] == [("One", "First text"), ("Three", "Third text")]
    assert documents[0].id == "7"
    (reject,) = [record for record in records if isinstance(record, Reject)]
    assert (reject.position.line, reject.reason) == (3, "no text in field 'text'")


def test_a_sheet_with_a_field_twice_is_rejected_and_the_others_are_read(tmp_path):
    sheets = {
        "Twice": [["id", "text", "TEXT", "text"], [1, "one", "two", "three"]],
        "Case": [["Text", "TEXT"], ["one", "two"]],
        "Whole": [["text", "note", "note"], ["A text", "x", "y"]],
    }
    records = list(xlsx.read(write_xlsx(tmp_path, sheets), OPTIONS))
    assert [record.text for record in records if isinstance(record, Document)] == ["A text"]
    assert [(record.raw, record.reason) for record in records if isinstance(record, Reject)] == [
        ("sheet Twice", "column 'text' stands 2 times in the header"),
        ("sheet Case", "column 'text' stands 2 times in the header"),
    ]
    (reject,) = xlsx.read(write_xlsx(tmp_path, {"Twice": sheets["Twice"]}), OPTIONS)
    assert isinstance(reject, Reject)


def test_the_text_column_is_the_one_that_the_options_name(tmp_path):
    path = write_xlsx(tmp_path, {"Data": [["body"], ["A text"]]})
    options = ReadOptions(fields=FieldNames(text_field="body"))
    assert only(xlsx.read(path, options)).text == "A text"


def test_other_workbooks_are_one_document(tmp_path):
    import datetime

    sheets = {
        "Masses": [
            ["name", None, "mass", "day"],
            [],
            ["a|b", None, 12.0, datetime.date(2024, 1, 31)],
            ["c", None, 1.5],
        ],
        "Empty": [],
        "Secret": [["x"]],
    }
    document, *_ = sorted(
        xlsx.read(write_xlsx(tmp_path, sheets, hidden=("Secret",)), OPTIONS), key=lambda one: isinstance(one, Remark)
    )
    assert document.text == (
        "## Masses\n\n| name | mass | day |\n|---|---|---|\n| a\\|b | 12 | 2024-01-31 |\n| c | 1.5 |  |"
    )


def test_hidden_sheets_are_named(tmp_path):
    path = write_xlsx(tmp_path, {"A": [["x"]], "Secret": [["y"]]}, hidden=("Secret",))
    remarks = [record.text for record in xlsx.read(path, OPTIONS) if isinstance(record, Remark)]
    assert remarks == ["hidden sheets left out: Secret"]


def test_an_open_document_sheet_is_read(tmp_path):
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        '<table:table table:name="S"><table:table-row><table:table-cell office:value-type="string"><text:p>a</text:p>'
        '</table:table-cell><table:table-cell office:value-type="float" office:value="3"><text:p>3</text:p>'
        "</table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    path = tmp_path / "file.ods"
    path.write_bytes(buffer.getvalue())
    assert only(xlsx.read(path, OPTIONS)).text == "## S\n\n| a | 3 |\n|---|---|"


def test_a_sheet_with_a_cell_in_the_far_corner_is_refused(tmp_path):
    import xlsxwriter

    path = tmp_path / "file.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1048575, 16383, "b")
    assert reason(xlsx, path) == "a sheet spans too many cells"
