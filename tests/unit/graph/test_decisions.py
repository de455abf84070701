"""Tests of `kgsynth.graph.decisions`."""

from typing import Any, cast

import pytest

from kgsynth.errors import GraphError
from kgsynth.graph import decisions

NO_GRAPH = cast("Any", None)


@pytest.mark.parametrize("pair", [("even function", "odd function"), ("concept:even function", "odd function")])
def test_names_in_place_of_ids_are_told_apart_from_terms_that_are_never_merged(pair: tuple[str, str]) -> None:
    with pytest.raises(GraphError, match="'odd function'|'even function' is not the id of a term") as raised:
        decisions.set_distinct(NO_GRAPH, *pair)
    assert "'concept:group'" in raised.value.hint


def test_terms_of_different_kinds_are_never_merged() -> None:
    with pytest.raises(GraphError, match="are never merged"):
        decisions.set_distinct(NO_GRAPH, "concept:group", "topic:group")
