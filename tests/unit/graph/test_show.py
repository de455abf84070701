"""Tests of `kgsynth.graph.show` that need no server."""

from typing import Any, cast

import pytest

from kgsynth.errors import GraphError
from kgsynth.graph import show
from kgsynth.graph.session import Graph


class _Empty:
    """A graph in which nothing was ever loaded: it has no index."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def read(self, query: Any, **_: object) -> list[dict[str, Any]]:
        if "fulltext" in query.text:
            raise GraphError(self._reason)
        return []


@pytest.mark.parametrize("thing", ["concept", "document", "question"])
def test_a_graph_without_documents_has_no_such_thing(thing: show.Thing) -> None:
    empty = cast("Graph", _Empty("Neo4j refused: There is no such fulltext schema index: term_names"))
    with pytest.raises(GraphError, match=f"this graph has no {thing} 'group'"):
        show.find(empty, thing, "group")
    with pytest.raises(GraphError, match="another reason"):
        show.find(cast("Graph", _Empty("another reason")), thing, "group")
