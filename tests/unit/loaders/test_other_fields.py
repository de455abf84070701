"""Tests of `kgsynth_loaders.other_fields`."""

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kgsynth.records import Document, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import arrow_folder, csv_table, json_array, jsonl, parquet
from tests.unit.loaders.loaders_cases import FIELDS, write

ROW = {
    "id": "a",
    "text": "words",
    "author": ["Ana Núñez", "Bo Li"],
    "url": "https://example.org/a",
    "tags": ["optics", "waves"],
    "pubDate": "2024-01-31",
    "language": "en",
    "Page Views": 1200,
    "is_checked": True,
    "share": 0.25,
    "grades": [1, None, "b"],
    "nothing": None,
    "empty": "",
}
METADATA = {
    "language": "en",
    "page_views": "1200",
    "is_checked": "true",
    "share": "0.25",
    "grades": '[1,null,"b"]',
}


def loaded(tmp_path: Path, row: dict, fields: FieldNames = FIELDS) -> tuple[Document, list[str]]:
    """The document of a row of JSON Lines, and the remarks on it."""
    records = list(jsonl.documents(write(tmp_path / "d.jsonl", json.dumps(row)), fields))
    (document,) = (record for record in records if isinstance(record, Document))
    return document, [record.text for record in records if isinstance(record, Remark)]


def test_other_fields_are_authors_addresses_topics_dates_and_metadata(tmp_path: Path) -> None:
    document, remarks = loaded(tmp_path, ROW)
    assert document.attribution == "Ana Núñez; Bo Li"
    assert (document.source, document.topics) == ("https://example.org/a", ("optics", "waves"))
    assert document.date == "2024-01-31"
    assert document.metadata == METADATA
    assert remarks == []


def test_fields_that_are_set_are_not_changed(tmp_path: Path) -> None:
    row = {**ROW, "attribution": "Cy", "source": "book", "topics": ["light"], "license": "MIT", "rights": "all"}
    document, _ = loaded(tmp_path, row)
    assert (document.attribution, document.source, document.topics) == ("Cy", "book", ("light",))
    assert document.license == "MIT"
    assert document.metadata["author"] == '["Ana Núñez","Bo Li"]'
    assert document.metadata["url"] == "https://example.org/a"
    assert document.metadata["tags"] == '["optics","waves"]'
    assert document.metadata["rights"] == "all"


def test_fields_with_other_names_and_paths_are_not_read_twice(tmp_path: Path) -> None:
    fields = FieldNames(text_field="data.body", title_field="headline", source_field="origin")
    row = {"id": "a", "data": {"body": "words"}, "headline": "H", "title": "T", "origin": "o", "source": "s"}
    document, remarks = loaded(tmp_path, row, fields)
    assert (document.text, document.title, document.source) == ("words", "H", "o")
    assert document.metadata == {"title": "T", "source": "s"}
    assert remarks == []


def test_long_nested_and_undecodable_values_are_named(tmp_path: Path) -> None:
    row = {
        "text": "words",
        "raw": "x" * 1001,
        "vector": [0.5] * 500,
        "nested": {"a": 1},
        "bad": "a\x00b",
        "short": "x" * 1000,
        "Unnamed: 0": 7,
    }
    document, remarks = loaded(tmp_path, row)
    assert document.metadata == {"short": "x" * 1000}
    reason = "nested or longer than 1,000 characters"
    assert remarks == [f"values not kept as metadata ({reason}): raw (1), vector (1), nested (1), bad (1)"]


def test_metadata_of_a_row_takes_precedence(tmp_path: Path) -> None:
    document, _ = loaded(tmp_path, {"text": "words", "language": "de", "metadata": {"language": "en", "k": "v"}})
    assert document.metadata == {"language": "en", "k": "v"}


def test_a_row_of_only_known_fields_has_no_metadata(tmp_path: Path) -> None:
    row = {"id": "a", "text": "t", "title": "T", "kind": "proof", "concepts": ["c"], "score": 1, "date": "2020"}
    document, remarks = loaded(tmp_path, row)
    assert (document.metadata, remarks) == ({}, [])


def test_rows_with_thousands_of_fields_keep_the_first(tmp_path: Path) -> None:
    document, remarks = loaded(tmp_path, {"text": "words", **{f"c{number}": number for number in range(3000)}})
    assert len(document.metadata) == 100
    assert "c100, c101" in remarks[0]
    assert remarks[0].endswith("and 2,880 more")


TABLE = pa.table({
    "text": ["words"],
    "author": ["Ana Núñez"],
    "tags": [["optics", "waves"]],
    "year": pa.array([2024], pa.int16()),
    "kind_of": pa.array(["x"]).dictionary_encode(),
    "day": pa.array([datetime.date(2024, 1, 31)]),
    "raw": ["x" * 5000],
    "nested": [{"a": 1}],
})  # fmt: skip


def check_table(records: list, left_out: str) -> None:
    document, remark = records
    assert (document.attribution, document.topics) == ("Ana Núñez", ("optics", "waves"))
    assert document.metadata == {"year": "2024", "kind_of": "x", "day": "2024-01-31"}
    assert remark.text.endswith(f": {left_out}")


def test_columns_of_parquet_and_arrow_are_kept_if_they_are_short(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "d.parquet")
    check_table(list(parquet.documents(str(tmp_path / "d.parquet"), FIELDS)), "raw, nested")
    with pa.OSFile(str(tmp_path / "d.arrow"), "wb") as file, pa.ipc.new_file(file, TABLE.schema) as writer:
        writer.write_table(TABLE)
    check_table(list(arrow_folder.file_documents(str(tmp_path / "d.arrow"), FIELDS)), "nested, raw (1)")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_columns_of_csv_and_members_of_json_are_kept(tmp_path: Path, form: str) -> None:
    if form == "csv":
        text = "text,author,tags,url,year\nwords,Ana,optics|waves,https://example.org/a,2024\n"
        records = csv_table.documents(write(tmp_path / "d.csv", text), FIELDS)
    else:
        row = {"text": "words", "author": {"name": "Ana"}, "tags": "optics, waves", "url": "https://example.org/a"}
        records = json_array.documents(write(tmp_path / "d.json", json.dumps([{**row, "year": 2024}])), FIELDS)
    (document,) = records
    assert (document.attribution, document.topics) == ("Ana", ("optics", "waves"))
    assert (document.source, document.metadata) == ("https://example.org/a", {"year": "2024"})
