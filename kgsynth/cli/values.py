"""Values of the graph as JSON values."""

from collections.abc import Mapping
from typing import Any

from kgsynth.pipeline import GraphNode, GraphRelationship

_SCALARS = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """Return a value of the graph as JSON values: a node is {labels, properties}, a relationship {type, properties}."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, GraphNode):
        return {"labels": list(value.labels), "properties": plain(value.properties)}
    if isinstance(value, GraphRelationship):
        return {"type": value.type, "properties": plain(value.properties)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return [plain(item) for item in value]
    # Dates, times, durations and points of Neo4j.
    return value.iso_format() if hasattr(value, "iso_format") else str(value)
