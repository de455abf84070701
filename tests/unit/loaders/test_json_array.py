"""Tests of `kgsynth_loaders.json_array`."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from kgsynth.errors import ConfigError
from kgsynth_loaders import (
    json_array,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts, write


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ([{"text": "a"}, {"text": "b"}], ["a", "b"]),
        ({"meta": {"count": 2}, "data": [{"text": "a"}, {"text": "b"}]}, ["a", "b"]),
        ({"licences": [{"text": "L"}], "r": {"docs": [{"text": "a"}, {"text": "b"}]}}, ["a", "b"]),
        ({"id": "x", "text": "one document"}, ["one document"]),
        ({"document": {"text": "one within"}}, ["one within"]),
        ({"a": {"text": "first"}, "b": {"text": "second"}}, ["first", "second"]),
        ({"type": "FeatureCollection", "features": [{"properties": {"text": "a"}}, {"properties": {"text": "b"}}]}, ["a", "b"]),
        ({"data": [{"title": "T", "paragraphs": [{"text": "a"}, {"text": "b"}]}, {"paragraphs": [{"text": "c"}]}]}, ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_records_anywhere_in_a_json_file(tmp_path: Path, value: Any, wanted: list[str]) -> None:
    for indent in (None, 2):
        found = list(json_array.documents(write(tmp_path / "d.json", json.dumps(value, indent=indent)), FIELDS))
        assert texts(found) == wanted
        assert not reasons(found)
    packed = write(tmp_path / "d.json.gz", gzip.compress(json.dumps(value).encode()))
    assert texts(list(json_array.documents(packed, FIELDS))) == wanted


def test_json_files_lose_nothing_silently(tmp_path: Path) -> None:
    def found(data: str) -> list:
        return list(json_array.documents(write(tmp_path / "d.json", data), FIELDS))

    array = (
        '[{"text": "a", "x": NaN}, {"no": 1}, 7, {"text": "b", "id": 1'
        + "0" * 30
        + '}, {"text": "\\ud83d", "n": '
        + "9" * 5000
        + "}]"
    )
    assert texts(found(array)) == ["a", "b", "\ud83d"]
    assert reasons(found(array)) == [(2, "no text in field 'text'"), (3, "not a JSON object")]
    for whole, cut in ((array, len(array) - 3), ('{"k": 1, "data": ' + array + "}", 60)):
        *good, last = found(whole[:cut])
        assert texts(good)[0] == "a"
        assert last.reason == "file is damaged from here on"
    remark, *others = found('{"few": [{"text": "x"}], "many": [{"text": "a"}, {"text": "b"}]}')
    assert texts(others) == ["a", "b"]
    assert remark.text == "read from many; other objects with 'text' were not read: 1 in few"
    assert texts(found('{"text": "a"}\n{\n"text": "b"}')) == ["a", "b"]
    assert found("[]") == found("{}") == found(" \n") == []
    assert reasons(found('["a", "b"]')) == [(1, "no JSON object in it")]
    assert reasons(found("no json")) == [(1, "file is damaged from here on")]
    with pytest.raises(ConfigError, match="the fields are 'body', 'id': --text-field body"):
        found('{"data": [{"body": "w", "id": 1}]}')


def test_json_arrays_are_read_in_flat_memory(tmp_path: Path) -> None:
    element = json.dumps({"id": "x", "text": "word " * 2000})
    file = write(tmp_path / "d.json", '{"meta": {}, "data": [' + ",\n".join([element] * 2000) + "]}")
    tracemalloc.start()
    try:
        assert sum(1 for _ in json_array.documents(file, FIELDS)) == 2000
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


def test_a_list_where_a_text_should_be_is_a_reject(tmp_path: Path) -> None:
    for value in ({"id": "x", "text": ["a", "b"]}, {"data": {"x": {"text": ["a", "b"]}}}):
        file = write(tmp_path / "d.json", json.dumps(value))
        assert reasons(list(json_array.documents(file, FIELDS))) == [(1, "not text: field 'text'")]
