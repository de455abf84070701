"""A canonical dump of a graph, independent of internal ids and of the order in which things were written."""

import json
from typing import Any

from kgsynth.graph.derived import TICKETS_PER_BLOCK
from kgsynth.graph.session import Graph


def run(graph: Graph, text: str, **parameters: Any) -> list[dict[str, Any]]:
    """Any statement, for tests alone: the product sends packaged queries only."""
    with graph._driver.session(database=graph.database) as session:
        return [record.data() for record in session.run(text, parameters)]


def wipe(graph: Graph) -> None:
    """Take everything out but the schema."""
    # Relationships first: a batch of nodes may have more of them than a transaction's memory holds.
    run(graph, "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS")
    run(graph, "MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 5000 ROWS")


def dump(graph: Graph, *, facts_only: bool = False) -> list[str]:
    """All nodes and relationships as sorted lines; `facts_only` leaves out derived things and the build's state.

    Which slot a term has changes no walk: tickets are shown as they lie in its block. Each build has a name of its own.
    """
    derived_types = ["CO_OCCURS_WITH", "NEXT_TOPIC", "FIRST_CONCEPT", "NEXT_CONCEPT"] if facts_only else []
    # How terms were merged last, and which merges were undone since, say nothing of what the graph holds.
    derived_types.append("UNDONE")
    nodes = run(graph, "MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties")
    lines = []
    for node in nodes:
        if "Build" in node["labels"] and (facts_only or node["properties"]["id"] == "merge"):
            continue
        names = node["properties"].keys() - {"slot", "made"}
        properties = {name: _in_block(name, node["properties"][name]) for name in names}
        if facts_only:
            derived_names = ("slot", "document_count", "term_count", "next_", "first_concept", "digest", "changed")
            properties = {key: value for key, value in properties.items() if not key.startswith(derived_names)}
        lines.append(json.dumps(["node", sorted(node["labels"]), properties], sort_keys=True, ensure_ascii=False))
    relationships = run(
        graph,
        "MATCH (a)-[r]->(b) WHERE NOT type(r) IN $derived RETURN a.id AS start, type(r) AS type, b.id AS end, properties(r) AS properties",
        derived=derived_types,
    )
    lines += [
        json.dumps(
            [
                "relationship",
                row["start"],
                row["type"],
                row["end"],
                {name: _in_block(name, value) for name, value in row["properties"].items()},
            ],
            sort_keys=True,
            ensure_ascii=False,
        )
        for row in relationships
    ]
    return sorted(lines)


def _in_block(name: str, value: Any) -> Any:
    # The last ticket of a block may be the block's end: `upto` is the ticket behind it.
    if name.endswith("_from"):
        return value % TICKETS_PER_BLOCK
    return (value - 1) % TICKETS_PER_BLOCK if name == "upto" else value
