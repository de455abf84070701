"""Tests of `kgsynth.walks.combinations`."""

import pytest

from kgsynth.batching import batches
from kgsynth.errors import GraphError
from kgsynth.records import StageCount
from kgsynth.walks.combinations import combination_id, combinations, deduplicated
from kgsynth.walks.cypher_engine import Walk


def test_a_combination_is_the_set_of_what_was_visited() -> None:
    assert combination_id(["topic:a", "concept:b", "topic:a"]) == combination_id(["concept:b", "topic:a"])
    walks = [
        Walk(0, ("topic:t", "concept:a", "concept:b", "concept:a"), ("d", "d", "e")),
        Walk(1, ("topic:t", "concept:b", "concept:a"), ("d", "d")),
        Walk(2, ("topic:t", "concept:a", "concept:a"), ("d", "d")),
        Walk(3, ("topic:t", "topic:u", "concept:b", "concept:a"), ("d", "d", "")),
    ]
    count = StageCount(stage="sample", unit="walks")
    found = list(
        combinations(deduplicated(iter(walks), min_concepts=2), seed=1, min_concepts=2, limit=None, count=count)
    )
    assert [(one.walk, one.topics, one.concepts) for one in found] == [
        (0, ("topic:t",), ("concept:a", "concept:b")),
        (3, ("topic:t", "topic:u"), ("concept:a", "concept:b")),
    ]
    assert (count.kept, count.rejected) == (2, {"repeat": 1, "too small": 1})
    assert [len(batch) for batch in batches(found, 1)] == [1, 1]
    with pytest.raises(GraphError, match="none of 1 walks"):
        list(
            combinations(
                deduplicated(iter(walks[2:3]), min_concepts=2),
                seed=1,
                min_concepts=2,
                limit=None,
                count=StageCount(stage="s"),
            )
        )
