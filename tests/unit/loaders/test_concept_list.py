"""Tests of `kgsynth_loaders.concept_list`."""

from pathlib import Path

from kgsynth.records import Annotation, ConceptName, CountedPair
from kgsynth_loaders import (
    annotations,
    concept_list,
    counted_pairs,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons


def test_annotations_concepts_and_pairs(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(
        '{"id": "d", "topics": [{"name": "T", "concepts": ["x"]}]}\n{"id": "d"}\n{"topics": []}\n{"id": "e", "topics": [3]}\n'
    )
    found = list(annotations.annotations(str(file), FIELDS))
    assert isinstance(found[0], Annotation)
    assert [reason for _, reason in reasons(found)] == [
        "no list of topics in field 'topics'", "no id in field 'id'", "a topic is not {name, concepts}",
    ]  # fmt: skip
    names = tmp_path / "n.txt"
    names.write_text("# comment\ngroup\n\nring\n")
    assert list(concept_list.concepts(str(names), FIELDS)) == [ConceptName(name="group"), ConceptName(name="ring")]
    table = tmp_path / "n.csv"
    table.write_text("name,synonyms\ngcd,greatest common divisor|gcf\n,x\n")
    listed = list(concept_list.concepts(str(table), FIELDS))
    assert listed[1:3] == [
        ConceptName(name="greatest common divisor", synonym_of="gcd"),
        ConceptName(name="gcf", synonym_of="gcd"),
    ]
    assert [reason for _, reason in reasons(listed)] == ["no name in field 'name'"]
    pairs = tmp_path / "p.tsv"
    pairs.write_text(
        "first\tsecond\tcount\tfirst_kind\na\tb\t3\ttopic\na\tb\tmany\t\na\t\t3\t\na\tb\t0\t\na\tb\t1\tthing\n"
    )
    counted = list(counted_pairs.pairs(str(pairs), FIELDS))
    assert counted[0] == CountedPair(first="a", second="b", count=3, first_kind="topic")
    assert len(reasons(counted)) == 4
