"""Tests of `kgsynth_loaders.annotations`."""

import json
import lzma
from pathlib import Path

import pytest

from kgsynth.errors import ConfigError
from kgsynth.records import Annotation, ConceptName, Reject
from kgsynth_loaders import (
    annotations,
    concept_list,
    counted_pairs,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, write


def test_a_bad_name_costs_that_name(tmp_path: Path) -> None:
    topics = [
        {"name": "T", "concepts": ["good", "x" * 1001, "bell\x07", "half \ud800", 5, None, "fine"]},
        {"name": "bad\x00", "concepts": ["kept"]},
        {"name": "bad\x01", "concepts": []},
        {"name": "no concepts", "concepts": None},
    ]
    file = write(
        tmp_path / "a.jsonl", json.dumps({"id": "d", "topics": topics}) + "\n" + json.dumps({"id": "e", "topics": []})
    )
    found = list(annotations.annotations(file, FIELDS))
    first, last = (one for one in found if isinstance(one, Annotation))
    assert [(topic.name, topic.concepts) for topic in first.topics] == [
        ("T", ("good", "fine")),
        ("", ("kept",)),
        ("no concepts", ()),
    ]
    assert last.id == "e"
    assert [reason for _, reason in reasons(found)] == [
        "a name longer than 1,000 characters", "control characters in a name", "half a character (lone surrogate) in a name",
        "a name that is not text", "a name that is not text", "control characters in a name", "control characters in a name",
    ]  # fmt: skip
    assert all(one.position.line == 1 for one in found if isinstance(one, Reject))
    as_array = write(tmp_path / "a.json", json.dumps([{"id": "d", "topics": topics}]))
    assert [one.id for one in annotations.annotations(as_array, FIELDS) if isinstance(one, Annotation)] == ["d"]
    names = write(tmp_path / "n.txt.xz", lzma.compress(("ring\n" + "x" * 1001 + "\nbell\x07\nfield\n").encode()))
    listed = list(concept_list.concepts(names, FIELDS))
    assert [one.name for one in listed if isinstance(one, ConceptName)] == ["ring", "field"]
    assert reasons(listed) == [(2, "a name longer than 1,000 characters"), (3, "control characters in a name")]
    table = write(tmp_path / "n.jsonl", json.dumps({"name": "gcd", "synonyms": ["gcf", "b\x00"]}))
    assert [type(one) for one in concept_list.concepts(table, FIELDS)] == [ConceptName, ConceptName, Reject]
    pairs = write(
        tmp_path / "p.jsonl",
        '{"first": "a", "second": "b", "count": 1' + "0" * 30 + '}\n{"first": "a", "second": "b\\u0000", "count": 1}',
    )
    assert [reason for _, reason in reasons(list(counted_pairs.pairs(pairs, FIELDS)))] == [
        "count out of range: more than 20 digits", "control characters in a name",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="no value in field 'count'; the fields are 'first', 'second', 'n'"):
        list(counted_pairs.pairs(write(tmp_path / "p.csv", "first,second,n\na,b,1\n"), FIELDS))
