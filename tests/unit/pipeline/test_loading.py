"""Tests of `kgsynth.pipeline.loading`."""

from pathlib import Path

from kgsynth.pipeline.loading import annotation_facts, mentions
from kgsynth.records import Annotation, StageCount, TopicConcepts
from kgsynth.rejects import RejectFile


def test_a_term_is_mentioned_once_with_its_first_spelling_in_the_order_of_ids() -> None:
    topics = (
        TopicConcepts(name="Algebra", concepts=("prime  ideal", "Ring", "ring", "***")),
        TopicConcepts(name="Geometry", concepts=("Prime ideal", "algebra")),
    )
    assert [tuple(mention) for mention in mentions(Annotation(id="d", topics=topics))] == [
        ("concept:algebra", "concept", "algebra"),
        ("concept:prime ideal", "concept", "Prime ideal"),
        ("concept:ring", "concept", "Ring"),
        ("topic:algebra", "topic", "Algebra"),
        ("topic:geometry", "topic", "Geometry"),
    ]


def test_names_without_letters_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "annotations.jsonl"
    path.write_text(
        '{"id": "a", "topics": [{"name": "...", "concepts": ["ring", "---"]}]}\n'
        '{"id": "b", "topics": [{"name": "algebra", "concepts": ["---"]}]}\n',
        encoding="utf-8",
    )
    count = StageCount(stage="load annotations", unit="annotations")
    with RejectFile(tmp_path / "rejects.jsonl") as rejects:
        rows = list(annotation_facts([str(path)], rejects, lambda _: False, count))
    assert [len(row.mentions) for row in rows] == [1, 1]
    assert count.notes == {"mentions": 2, "names_without_letters": 3}
