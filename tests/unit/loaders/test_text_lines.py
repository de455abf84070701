"""Tests of `kgsynth_loaders.text_lines`."""

from pathlib import Path

import pytest

from kgsynth.records import Document, Reject
from kgsynth_loaders import (
    csv_table,
    jsonl,
    text_lines,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts, write


def test_bad_lines_are_rejects_with_their_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "MAX_LINE_BYTES", 200)
    file = tmp_path / "d.jsonl"
    file.write_bytes(
        b'{"text": "ok"}\nnot json\n[1]\n{"title": "x"}\n{"text": 5}\n{"text": "\xff"}\n{"text": "'
        + b"x" * 5000
        + b'"}\n'
        b'{"text": "t", "id": {}}\n{"text": "t", "topics": {"a": 1}}\n{"text": "t", "synonyms": [["a"]]}\n{"text": "last"}'
    )
    found = list(jsonl.documents(str(file), FIELDS))
    assert [one.text for one in found if isinstance(one, Document)] == ["ok", "last"]
    assert reasons(found) == [
        (2, "not JSON"), (3, "not a JSON object"), (4, "no text in field 'text'"), (5, "not text: field 'text'"), (6, "not UTF-8"),
        (7, "line too long"), (8, "id is not text: field 'id'"), (9, "not a list of names: field 'topics'"),
        (10, "not a list of pairs: field 'synonyms'"),
    ]  # fmt: skip
    assert all(one.position.source == str(file) for one in found if isinstance(one, Reject))


def test_a_csv_line_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "MAX_LINE_BYTES", 1000)
    file = write(tmp_path / "d.csv", "id,text\n1," + "x" * 5000 + "\n2,fine\n")
    found = list(csv_table.documents(file, FIELDS))
    assert texts(found) == ["fine"]
    assert reasons(found) == [(2, "not CSV")]
