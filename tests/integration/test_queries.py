"""Every packaged query against the real server: it compiles without a notification and gives the declared columns."""

import neo4j
import pytest

from kgsynth import queries
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.queries import Query

FOLDERS = ("facts", "merge", "derive", "walk", "ground", "provenance", "check", "explore", "show", "forget", "grow")
# Schema and administration commands cannot be explained; the `graph` fixture has run them.
ALL = [query for folder in FOLDERS for query in queries.load_folder(folder)]
READ_WHOLE = {
    "facts/counts",
    "walk/topics",
    "walk/concept_neighbours",
    "walk/earlier_combinations",
    "ground/document_ids",
    "ground/documents_and_terms",
    "show/topic_count",
    "show/guide_values",
    "grow/sizes",
}
PARAMETERS: dict[str, object] = {
    "limit": 2,
    "weights": {},
    "fingerprint": "",
    "token": "",
    "id": "",
    "stage": "",
    "settings": "",
    **dict.fromkeys(("name", "words", "concept", "topic", "term", "document", "question", "combination"), ""),
    **dict.fromkeys(("first", "second"), ""),
}


def explained(server: ManagedServer, query: Query) -> tuple[list[str], neo4j.ResultSummary]:
    address = server.status().bolt_url
    with (
        neo4j.GraphDatabase.driver(address, auth=(server.username, server.password())) as driver,
        driver.session() as session,
    ):
        result = session.run("EXPLAIN " + query.text, {name: PARAMETERS.get(name, []) for name in query.parameters})
        return list(result.keys()), result.consume()


def operators(plan: dict, found: list[str] | None = None) -> list[str]:
    found = [] if found is None else found
    found.append(plan["operatorType"].partition("@")[0])
    for child in plan.get("children", []):
        operators(child, found)
    return found


@pytest.mark.parametrize("query", ALL, ids=lambda query: query.name)
def test_a_query_compiles_without_notification_and_gives_its_columns(
    graph: Graph, server: ManagedServer, query: Query
) -> None:
    columns, summary = explained(server, query)
    # 01N50 to 01N52: labels, types and properties that an empty graph does not know yet.
    unknown_in_an_empty_graph = {"01N50", "01N51", "01N52"}
    serious = [
        one.status_description
        for one in summary.gql_status_objects
        if one.is_notification and one.gql_status not in unknown_in_an_empty_graph
    ]
    assert serious == []
    assert tuple(columns) == query.columns


@pytest.mark.parametrize("name", ["walk/level3"])
def test_a_walk_step_is_one_index_seek_without_sort_or_scan(graph: Graph, server: ManagedServer, name: str) -> None:
    _, summary = explained(server, queries.load(name))
    used = operators(summary.plan)
    assert used.count("DirectedRelationshipIndexSeekByRange") == 7
    assert not [one for one in used if "Scan" in one or "Sort" in one or one == "Top"]


@pytest.mark.parametrize("folder", ["facts", "ground", "walk", "provenance", "show", "forget", "grow"])
def test_what_is_asked_by_id_never_scans(graph: Graph, server: ManagedServer, folder: str) -> None:
    for query in queries.load_folder(folder):
        if query.name in READ_WHOLE:
            continue
        _, summary = explained(server, query)
        assert not [one for one in operators(summary.plan) if "Scan" in one], query.name
