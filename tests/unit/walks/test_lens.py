"""Tests of `kgsynth.walks.lens`."""

import tracemalloc
from collections.abc import Iterator

import pytest

from kgsynth.errors import ConfigError, QueryError
from kgsynth.walks import lens

TERMS = ["a", "b", "c", "d", "e"]


def weights(rows: list[dict[str, object]]) -> dict[str, int]:
    units = lens.ticket_weights(rows, TERMS, where="lens.cypher").tolist()
    return {term: own for term, own in zip(TERMS, units, strict=True) if own}


def test_weights_become_thousandths_by_one_rule() -> None:
    rows: list[dict[str, object]] = [
        {"id": "a"},
        {"id": "b", "weight": 0.0005},
        {"id": "c", "weight": 0.0004},
        {"id": "d", "weight": 2},
        {"id": "e", "weight": 0},
        {"id": "d", "weight": 2.0},
        {"id": "z", "weight": 0},
    ]
    assert weights(rows) == {"a": 1000, "b": 1, "d": 2000}
    for bad, words in (
        ([{"id": "a", "weight": -1}], "weight of 'a' is -1"),
        ([{"id": "a", "weight": float("nan")}], "weight of 'a' is nan"),
        ([{"id": "a", "weight": float("inf")}], "weight of 'a' is inf"),
        ([{"id": "a", "weight": "2"}], "weight of 'a' is '2'"),
        ([{"id": "a", "weight": True}], "weight of 'a' is True"),
        ([{"id": "a", "weight": 1}, {"id": "a", "weight": 2}], "two weights"),
        ([{"id": "a", "weight": 0}, {"id": "a", "weight": 2}], "two weights"),
        ([{"name": "a"}], "'id'"),
        ([{"id": "a", "wieght": 2}], "no column 'weight', but 'wieght'"),
        ([{"id": "a", "Weight": 2}], "no column 'weight', but 'Weight'"),
        ([{"id": "a", "weight": 0}], "no term"),
        ([], "no term"),
    ):
        with pytest.raises(QueryError, match=words):
            weights(bad)  # type: ignore[arg-type]
    assert weights([{"id": "a", "name": "Group", "height_m": 3}]) == {"a": 1000}


def test_ids_that_are_no_terms_are_counted_row_by_row() -> None:
    rows: list[dict[str, object]] = [{"id": identity} for identity in ("a", "y", "z", "y", "b")]
    with pytest.raises(ConfigError, match="3 of 5 ids are not concepts or topics of this graph, for example 'y'"):
        weights(rows)


def test_memory_depends_on_the_terms_and_not_on_the_rows() -> None:
    def rows(number: int) -> Iterator[dict[str, object]]:
        return ({"id": f"nobody {n}", "weight": 1.0} for n in range(number))

    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match="100,000 of 100,000 ids"):
            lens.ticket_weights(rows(100_000), TERMS, where="x")
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_ids_of_starts_come_in_their_order() -> None:
    assert list(lens.ids([{"id": "b"}, {"id": "a"}, {"id": "b"}], where="x")) == ["b", "a", "b"]
    with pytest.raises(QueryError, match="no row"):
        list(lens.ids([], where="x"))
