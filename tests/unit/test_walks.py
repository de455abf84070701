"""Starts, lenses and combinations without a graph."""

import numpy as np
import pytest

from kgsynth.errors import GraphError, QueryError
from kgsynth.graph.derived import TICKETS_PER_BLOCK, ticket_table
from kgsynth.records import StageCount
from kgsynth.walks.combinations import batched, combination_id, combinations, judged
from kgsynth.walks.cypher_engine import Walk
from kgsynth.walks.law import Starts
from kgsynth.walks.lens import start_ids, ticket_weights


def test_starts_do_not_depend_on_who_asks_in_which_order() -> None:
    topics = [f"topic:{n}" for n in range(7)]
    forwards = Starts(3, topics)
    backwards = Starts(3, topics[::-1])
    in_order = [forwards.of(n) for n in range(21)]
    assert [backwards.of(n) for n in reversed(range(21))] == in_order[::-1]
    assert sorted(in_order[7:14]) == topics
    assert in_order[:7] != in_order[7:14]


def test_tickets_follow_each_other() -> None:
    table = ticket_table(np.array([7, 3, 4]), np.array([5, 2, 2]), first=TICKETS_PER_BLOCK)
    assert table.targets.tolist() == [7, 3, 4]
    assert table.tickets.tolist() == [5, 2, 2]
    assert table.upto.tolist() == [TICKETS_PER_BLOCK + n for n in (5, 7, 9)]
    with pytest.raises(GraphError, match=r"2\*\*40"):
        ticket_table(np.array([0, 1]), np.array([TICKETS_PER_BLOCK, 1]), first=0)


def test_weights_become_thousandths_by_one_rule() -> None:
    rows = [
        {"id": "a"},
        {"id": "b", "weight": 0.0005},
        {"id": "c", "weight": 0.0004},
        {"id": "d", "weight": 2},
        {"id": "e", "weight": 0},
    ]
    assert ticket_weights(rows, where="x") == {"a": 1000, "b": 1, "d": 2000}
    for bad, words in (
        ([{"id": "a", "weight": -1}], "weight of 'a' is -1"),
        ([{"id": "a", "weight": float("nan")}], "weight of 'a' is nan"),
        ([{"id": "a", "weight": "2"}], "weight of 'a' is '2'"),
        ([{"id": "a", "weight": True}], "weight of 'a' is True"),
        ([{"id": "a", "weight": 1}, {"id": "a", "weight": 2}], "two weights"),
        ([{"name": "a"}], "'id'"),
        ([{"id": "a", "weight": 0}], "no term"),
    ):
        with pytest.raises(QueryError, match=words):
            ticket_weights(bad, where="lens.cypher")
    assert start_ids([{"id": "b"}, {"id": "a"}, {"id": "b"}], where="x") == ["b", "a"]


def test_a_combination_is_the_set_of_what_was_visited() -> None:
    assert combination_id(["topic:a", "concept:b", "topic:a"]) == combination_id(["concept:b", "topic:a"])
    walks = [
        Walk(0, ("topic:t", "concept:a", "concept:b", "concept:a")),
        Walk(1, ("topic:t", "concept:b", "concept:a")),
        Walk(2, ("topic:t", "concept:a", "concept:a")),
        Walk(3, ("topic:t", "topic:u", "concept:b", "concept:a")),
    ]
    count = StageCount(stage="sample", unit="walks")
    found = list(combinations(judged(iter(walks), min_concepts=2), seed=1, min_concepts=2, limit=None, count=count))
    assert [(one.walk, one.topics, one.concepts) for one in found] == [
        (0, ("topic:t",), ("concept:a", "concept:b")),
        (3, ("topic:t", "topic:u"), ("concept:a", "concept:b")),
    ]
    assert (count.kept, count.rejected) == (2, {"repeat": 1, "too small": 1})
    assert [len(batch) for batch in batched(found, 1)] == [1, 1]
    with pytest.raises(GraphError, match="none of 1 walks"):
        list(
            combinations(
                judged(iter(walks[2:3]), min_concepts=2),
                seed=1,
                min_concepts=2,
                limit=None,
                count=StageCount(stage="s"),
            )
        )
