"""Draw nodes and relationships as one HTML page, which Cytoscape.js lays out in the reader's browser."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from kgsynth import queries
from kgsynth.cli import loopback
from kgsynth.cli.values import plain
from kgsynth.errors import ConfigError, KgsynthError
from kgsynth.files import atomic
from kgsynth.pipeline import Graph, GraphNode, GraphRelationship

_MAX_NODES = 2_000
_MAX_LABEL_CHARS = 60
_MAX_VALUE_CHARS = 4_000
_TIMEOUT_S = 60.0
# The colours of browser/style.grass: light enough for dark captions, and different for colour-blind people.
_COLOURS = {
    "Topic": "#f0c05a",
    "Concept": "#8fc1ec",
    "Alias": "#cfe2f3",
    "Document": "#d0d0d0",
    "Combination": "#c9a9e0",
    "Question": "#7fd1ae",
    "Answer": "#c3ebd3",
    "Run": "#eeb29c",
}
# The direction of these relationships has no meaning, so they have no arrow.
_UNDIRECTED = frozenset({"CO_OCCURS_WITH", "DISTINCT_FROM", "SAME_AS"})
# The first of these properties that a node has is its name.
_NAMES = ("name", "title", "final_answer", "text", "id")
# Labels show names and titles whole, and the beginning of these, which can be long.
_PROSE = frozenset({"final_answer", "text"})

Rows = Iterable[Mapping[str, Any]]


def write(rows: Rows, path: Path) -> int:
    """Write a page with a drawing of the nodes and relationships in some rows; it needs no network access.

    Returns:
        Number of rows.

    Raises:
        ConfigError: the rows contain no node, or too many nodes to be readable.
    """
    nodes, relationships, count = contents(rows)
    text = page(nodes, relationships, serves=False)
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="replace")
    return count


def contents(rows: Rows) -> tuple[list[GraphNode], list[GraphRelationship], int]:
    """Return the nodes in some rows, the relationships between these nodes, and the number of rows.

    Raises:
        ConfigError: the rows contain no node, or too many nodes to be readable.
    """
    nodes: dict[str, GraphNode] = {}
    relationships: dict[str, GraphRelationship] = {}
    count = 0
    for row in rows:
        count += 1
        _collect(list(row.values()), nodes, relationships)
        if len(nodes) > _MAX_NODES:
            raise ConfigError(
                f"more than {_MAX_NODES:,} nodes are too many for a readable picture",
                hint="Return fewer nodes, with ORDER BY and LIMIT.",
            )
    if not count:
        raise ConfigError("the query returned no row, so there is nothing to draw")
    if not nodes:
        raise ConfigError(
            "the rows contain no node to draw", hint="Return nodes and relationships, not their properties."
        )
    between = [edge for edge in relationships.values() if {edge.start, edge.end} <= set(nodes)]
    return list(nodes.values()), between, count


def page(nodes: Sequence[GraphNode], relationships: Sequence[GraphRelationship], *, serves: bool) -> str:
    """Return the page of a picture; `serves` says that a server answers its requests for neighbours."""
    folder = resources.files("kgsynth") / "browser"
    template = folder.joinpath("picture.html").read_text(encoding="utf-8")
    data = json.dumps({**elements(nodes, relationships), "serves": serves}, ensure_ascii=False)
    # The data are last, so that no text of the graph is taken for a slot; without "<" they cannot end their element.
    for slot, text in (
        ("cytoscape", folder.joinpath("cytoscape.min.js").read_text(encoding="utf-8")),
        ("data", data.replace("<", "\\u003c")),
    ):
        template = template.replace("{{" + slot + "}}", text)
    return template


def elements(nodes: Sequence[GraphNode], relationships: Sequence[GraphRelationship]) -> dict[str, list[dict[str, Any]]]:
    """Return nodes and relationships in the form that the page draws."""
    most_documents = max((_documents(node) for node in nodes), default=1)
    return {
        "nodes": [
            {
                "id": node.id,
                "name": label(node),
                "title": name(node),
                "kind": _kind(node),
                "colour": _COLOURS.get(_kind(node), "#cccccc"),
                "size": 22 + 30 * (_documents(node) / most_documents) ** 0.5,
                "properties": _properties(node.properties),
                "query": _query_around(node),
                "key": str(node.properties.get("id", "")),
            }
            for node in nodes
        ],
        "edges": [
            {
                "id": f"relationship {edge.id}",
                "source": edge.start,
                "target": edge.end,
                "name": f"{edge.properties['count']:,}" if "count" in edge.properties else edge.type,
                "title": edge.type,
                "kind": "relationship",
                "directed": edge.type not in _UNDIRECTED,
                "properties": _properties(edge.properties),
            }
            for edge in relationships
        ],
    }


@contextmanager
def served(graph: Graph, nodes: Sequence[GraphNode], relationships: Sequence[GraphRelationship]) -> Iterator[str]:
    """Serve a picture that fetches the neighbours of a node on demand; yield its address.

    The address contains a secret, because other users of this machine can reach the server too.
    """
    text = page(nodes, relationships, serves=True)
    folder = f"/{token_urlsafe(16)}/"

    def answer(path: str, parameters: Mapping[str, str]) -> loopback.Page | None:
        if path == folder:
            return loopback.Page(content_type="text/html", text=text)
        if path == folder + "around":
            return _around(graph, parameters.get("node", ""))
        return None

    with loopback.serving(answer) as address:
        yield address + folder


def _around(graph: Graph, identity: str) -> loopback.Page:
    try:
        query = _around_query()
        rows = list(graph.stream_user(query.text, {"node": identity}, where="around_a_node", timeout_s=_TIMEOUT_S))
        nodes, relationships, _ = contents(rows)
    except KgsynthError as error:
        return loopback.Page(content_type="text/plain", text=str(error), status=500)
    found = {**elements(nodes, relationships), "total": rows[0]["relationships"]}
    return loopback.Page(content_type="application/json", text=json.dumps(found, ensure_ascii=False))


def _around_query() -> queries.Query:
    return queries.saved("around_a_node")


def _query_around(node: GraphNode) -> str:
    key = node.properties.get("id")
    return queries.filled(_around_query(), {"node": key}) if isinstance(key, str) else ""


def name(node: GraphNode) -> str:
    """Return what names a node: its name, title, final answer, text, id or label."""
    found = next((str(node.properties[key]) for key in _NAMES if node.properties.get(key)), "")
    return " ".join(found.split()) or _kind(node)


def label(node: GraphNode) -> str:
    """Return the text under a node: names and titles whole, the beginning of other texts."""
    text = name(node)
    key = next((key for key in _NAMES if node.properties.get(key)), "")
    return text if key not in _PROSE or len(text) <= _MAX_LABEL_CHARS else text[: _MAX_LABEL_CHARS - 1] + "…"


def _kind(node: GraphNode) -> str:
    return next((one for one in node.labels if one in _COLOURS), ", ".join(node.labels) or "node")


def _documents(node: GraphNode) -> int:
    return int(node.properties.get("document_count") or 1)


def _properties(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, _shown(value)) for key, value in sorted(properties.items()) if value is not None]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(_shown(item) for item in value)
    else:
        text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    if len(text) <= _MAX_VALUE_CHARS:
        return text
    return f"{text[:_MAX_VALUE_CHARS]}… (the first {_MAX_VALUE_CHARS:,} of {len(text):,} characters)"


def _collect(values: Sequence[Any], nodes: dict[str, GraphNode], relationships: dict[str, GraphRelationship]) -> None:
    for value in values:
        if isinstance(value, GraphNode):
            nodes[value.id] = value
        elif isinstance(value, GraphRelationship):
            relationships[value.id] = value
        elif isinstance(value, list):
            _collect(value, nodes, relationships)
        elif isinstance(value, dict):
            _collect(list(value.values()), nodes, relationships)
