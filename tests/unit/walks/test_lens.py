"""Tests of `kgsynth.walks.lens`."""

import pytest

from kgsynth.errors import QueryError
from kgsynth.walks.lens import start_ids, ticket_weights


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
        ([{"id": "a", "wieght": 2}], "no column 'weight', but 'wieght'"),
        ([{"id": "a", "Weight": 2}], "no column 'weight', but 'Weight'"),
        ([{"id": "a", "weight": 0}], "no term"),
    ):
        with pytest.raises(QueryError, match=words):
            ticket_weights(bad, where="lens.cypher")
    assert ticket_weights([{"id": "a", "name": "Group", "height_m": 3}], where="x") == {"a": 1000}
    assert start_ids([{"id": "b"}, {"id": "a"}, {"id": "b"}], where="x") == ["b", "a"]
