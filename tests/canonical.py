"""A canonical dump of a graph, independent of internal ids and of the order of writes."""

import json
from typing import Any

from kgsynth.graph.session import Graph


def run(graph: Graph, text: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run any statement; only tests may do this, the package sends only its packaged queries."""
    with graph._driver.session(database=graph.database) as session:
        return [record.data() for record in session.run(text, parameters)]


def wipe(graph: Graph) -> None:
    """Delete everything except the schema."""
    # Relationships first: those of a batch of nodes may exceed the memory limit of a transaction.
    run(graph, "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS")
    run(graph, "MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 5000 ROWS")


# Properties that depend on the order in which documents came, while the law of the walks does not.
_PLACES = {
    "slot",
    "place",
    "concept_upto",
    "topic_upto",
    "digest",
    "fingerprint",
    "next_term_slot",
    "next_context_slot",
}
_DERIVED = {"document_count", "term_count", "concept_count", "concept_tickets", "topic_tickets", "changed", *_PLACES}


def dump(graph: Graph, *, facts_only: bool = False, law_only: bool = False) -> list[str]:
    """Return all nodes and relationships as sorted lines, without the names of builds, which are always different.

    `facts_only` leaves out derived data and the state of the build; `law_only` leaves out properties that depend on
    the order in which documents came.
    """
    left_out = {"made"} | (_DERIVED if facts_only else _PLACES if law_only else set())
    derived_types = ["CO_OCCURS_WITH", "HOLDS"] if facts_only else []
    # The last merge settings and undone merges are not part of the graph's content.
    derived_types.append("UNDONE")
    nodes = run(graph, "MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties")
    lines = []
    for node in nodes:
        if "Build" in node["labels"] and (facts_only or node["properties"]["id"] == "merge"):
            continue
        if facts_only and "CountedPair" in node["labels"]:
            continue
        properties = {name: value for name, value in node["properties"].items() if name not in left_out}
        lines.append(json.dumps(["node", sorted(node["labels"]), properties], sort_keys=True, ensure_ascii=False))
    relationships = run(
        graph,
        "MATCH (a)-[r]->(b) WHERE NOT type(r) IN $derived RETURN coalesce(a.id, a.key) AS start, type(r) AS type, b.id AS end, "
        "properties(r) AS properties",
        derived=derived_types,
    )
    for row in relationships:
        properties = {name: value for name, value in row["properties"].items() if name not in left_out}
        line = ["relationship", row["start"], row["type"], row["end"], properties]
        lines.append(json.dumps(line, sort_keys=True, ensure_ascii=False))
    return sorted(lines)
