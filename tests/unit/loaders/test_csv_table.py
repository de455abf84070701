"""Tests of `kgsynth_loaders.csv_table`."""

from pathlib import Path

import pytest

from kgsynth.errors import ConfigError
from kgsynth.records import Document
from kgsynth.settings import FieldNames
from kgsynth_loaders import (
    csv_table,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts, write


def test_csv_with_lists_and_bad_rows(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_bytes(b'\xef\xbb\xbfid,text,topics\n1,"two\nlines",a|b\n2,short\n3,\xff,a\n4,,a\n5,fine,\n')
    found = list(csv_table.documents(str(file), FIELDS))
    assert next((one.id, one.text, one.topics) for one in found if isinstance(one, Document)) == (
        "1",
        "two\nlines",
        ("a", "b"),
    )
    assert [reason for _, reason in reasons(found)] == ["wrong number of cells", "not UTF-8"]
    assert reasons(found)[0][0] == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_or_given(tmp_path: Path, delimiter: str) -> None:
    table = f'id{delimiter}text{delimiter}x\r\n1{delimiter}"a, b; c | d\te"{delimiter}3,5\r\n2{delimiter}plain{delimiter}\r\n'
    if delimiter == ",":
        table = table.replace("3,5", "3.5")
    file = write(tmp_path / "d.csv", table)
    for fields in (
        FIELDS,
        FieldNames(delimiter=delimiter),
        FieldNames(delimiter={"\t": "tab"}.get(delimiter, delimiter)),
    ):
        assert texts(list(csv_table.documents(file, fields))) == ["a, b; c | d\te", "plain"]
    told = write(tmp_path / "d.csv", f"sep={delimiter}\r\n{table}")
    assert texts(list(csv_table.documents(told, FIELDS))) == ["a, b; c | d\te", "plain"]


def test_cells_may_begin_after_a_blank(tmp_path: Path) -> None:
    file = write(tmp_path / "d.csv", 'id, text\n1, "a, b"\n2, "c, d"\n')
    assert texts(list(csv_table.documents(file, FIELDS))) == ["a, b", "c, d"]
    file = write(tmp_path / "d.csv", 'id,text\n1, "a" word\n2, plain\n')
    assert texts(list(csv_table.documents(file, FIELDS))) == [' "a" word', " plain"]


def test_headers_of_csv(tmp_path: Path) -> None:
    def found(table: str, **names: str) -> list:
        return list(csv_table.documents(write(tmp_path / "d.csv", table), FieldNames(**names)))

    assert found("") == found("id,text\n") == found("\n\n") == []
    assert found("ID, Text ,Topics\n1,words,a|b\n") == [Document(id="1", text="words", topics=("a", "b"))]
    assert found("Text,text\nno,yes\n")[0].text == "yes"
    assert found("x,text,x\n1,a,2\n")[0].text == "a"
    assert found("text\na b\nc, d\n")[0].text == "a b"
    for table in ("id,text,text\n1,a,b\n", "Text,TEXT\n1,2\n", "id,id,text\n1,2,3\n"):
        with pytest.raises(ConfigError, match="stands 2 times in the header"):
            found(table)
    with pytest.raises(ConfigError, match="no text in field 'text'; the fields are '1', 'some words', 'alg'") as raised:
        found("1,some words,alg\n2,more,alg\n")
    assert "--text-field" in raised.value.hint
    with pytest.raises(ConfigError, match=r"the fields are 'id', 'content': --text-field content"):
        found("id,content\n1,a\n")
    with pytest.raises(ConfigError, match="not one character"):
        found("id,text\n", delimiter="::")


def test_odd_rows_of_csv_cost_themselves_alone(tmp_path: Path) -> None:
    book = "\n".join(f"line {number}" for number in range(5000))
    table = f'id,text\n1,a\x00b\n2,"{"x" * 200_000}"\n3,"{book}"\n4,x,extra\n5,"say ""hi"""\n'
    found = list(csv_table.documents(write(tmp_path / "d.csv", table), FIELDS))
    assert texts(found) == ["x" * 200_000, book, 'say "hi"']
    assert reasons(found) == [(2, "NUL in a cell"), (5004, "wrong number of cells")]
    cells = [f"{number},{'é' if number % 2 else 'e'}\r" for number in range(9)]
    assert len(texts(list(csv_table.documents(write(tmp_path / "mac.csv", "id,text\r" + "".join(cells)), FIELDS)))) == 9
