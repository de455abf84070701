"""Tests of `kgsynth.records`."""

from kgsynth.records import Annotation, Combination, Document, StageCount, TopicConcepts, content_hash


def test_read_is_kept_plus_rejected_and_the_line_says_why() -> None:
    count = StageCount(stage="load", unit="documents", kept=8, seconds=2.0)
    count.reject("no text")
    count.reject("not JSON", 3)
    assert count.read == 12
    assert count.line() == "load: 12 documents read, 8 kept, 4 rejected (33.3%: 1 no text, 3 not JSON), 2.0 s, 6/s"
    assert count.to_row()["rejected"] == {"no text": 1, "not JSON": 3}
    assert StageCount(stage="x", unit="y").line() == "x: 0 y read, 0 kept, 0 rejected, 0.0 s"


def test_records_are_identified_by_content() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    one = Document(id="a", text="t")
    assert one.content_hash() == Document(id="b", text="t").content_hash()
    assert one.content_hash() != Document(id="a", text="t", license="CC0").content_hash()
    annotation = Annotation(
        id="a", topics=(TopicConcepts(name="T", concepts=("x", "y")), TopicConcepts(name="U", concepts=("y",)))
    )
    assert annotation.spellings("topic") == ["T", "U"]
    assert annotation.spellings("concept") == ["x", "y"]
    combination = Combination(
        id="c", seed=1, walk=2, path=("topic:a", "concept:b", "topic:a"), topics=("topic:a",), concepts=("concept:b",)
    )
    assert combination.terms == ("concept:b", "topic:a")
    assert combination.to_row()["path"][1] == {"id": "concept:b", "kind": "concept", "document": ""}  # type: ignore[index]
