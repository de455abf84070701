"""Every packaged query against the real server: it compiles without a notification and gives the declared columns."""

import re

import neo4j
import pytest

from kgsynth import queries
from kgsynth.graph import facts
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.queries import Query
from kgsynth.records import Document

# Their queries look at everything there is: that is what a check and a report are.
WHOLE_FOLDERS = ("check", "report")
FOLDERS = (
    *("facts", "merge", "derive", "walk", "ground", "provenance", "explore", "show", "forget", "grow"),
    *WHOLE_FOLDERS,
)
# Schema and administration commands cannot be explained; the `graph` fixture has run them.
ALL = [query for folder in FOLDERS for query in queries.load_folder(folder)]
READ_WHOLE = {
    "facts/counts",
    # Claims are lists of ids, which no index of Neo4j Community covers.
    "forget/provenance",
    "walk/topics",
    "walk/earlier_combinations",
    "ground/document_ids",
    "show/topic_count",
    "show/guide_values",
    "grow/sizes",
    "derive/clear_documents",
    "derive/clear_terms",
    "derive/contexts",
    "derive/counted_pairs",
    "derive/delete_counted_pairs",
    "derive/delete_relationships",
    "derive/documents",
    "derive/terms",
    "merge/distinct_pairs",
    "merge/forget_undone",
    "merge/judged_pairs",
    "merge/mentions",
    "merge/merges",
    "merge/same_pairs",
    "merge/terms",
    "merge/undone_pairs",
    "explore/documents_of_a_licence",
    "explore/hubs",
    "explore/low_agreement",
    "explore/routes_disagree",
    "explore/worst_pass_rate",
    "explore/topics",
    "explore/unused_concepts",
}
# Of those that look at everything: what they sort by is computed, or no property of a label with an index on it.
SORT_WITHOUT_INDEX = {
    "merge/distinct_pairs",
    "merge/judged_pairs",
    "merge/merges",
    "merge/same_pairs",
    "merge/undone_pairs",
    "walk/topics",
    "explore/worst_pass_rate",
    # Within one node: what it holds, its runs.
    "walk/earlier_combinations",
    "check/combination_without_terms",
    # Only what slipped through.
    "check/forgotten_document",
    "check/holds_counted_pairs",
    "check/holds_places",
    "check/holds_runs",
    "report/aliases",
    "report/combinations",
    "report/levels",
    "report/merges",
    "report/questions",
}
# The count store answers the first; the second deletes from every node.
ALL_NODES = {"facts/node_count", "derive/delete_relationships"}
PARAMETERS: dict[str, object] = {
    **dict.fromkeys(("limit", "contexts"), 2),
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
def test_a_walk_step_is_two_index_seeks_without_sort_or_scan(graph: Graph, server: ManagedServer, name: str) -> None:
    _, summary = explained(server, queries.load(name))
    used = operators(summary.plan)
    # One for the run, one for the member.
    assert used.count("DirectedRelationshipIndexSeekByRange") == 7
    assert used.count("DirectedRelationshipIndexSeek") == 7
    assert not [one for one in used if "Scan" in one or "Sort" in one or one == "Top"]


def test_every_step_of_a_walk_is_hinted_to_seek() -> None:
    # Without the hint, 2,000 walks a query on a graph of millions of steps are planned as scans of the whole index, and
    # take a hundred times as long (docs/figures/walks.md); a small graph cannot show it.
    text = queries.load("walk/level3").text
    hints = re.findall(r"MATCH \(\w*\)-\[(\w+):HOLDS\]->\(\w*:Term\)\n +USING INDEX SEEK (\w+):HOLDS\((\w+)\)\n", text)
    assert [one for one, _, _ in hints] == [other for _, other, _ in hints]
    assert [name for _, _, name in hints[1::2]] == ["place"] * 7
    assert len(hints) == text.count(":HOLDS]") == 14


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_asked_by_id_never_scans(graph: Graph, server: ManagedServer, folder: str) -> None:
    for query in queries.load_folder(folder):
        used = operators(explained(server, query)[1].plan)
        if query.name not in ALL_NODES:
            assert "AllNodesScan" not in used, query.name
        if query.name not in READ_WHOLE and folder not in WHOLE_FOLDERS:
            assert not [one for one in used if "Scan" in one], query.name


def test_parts_are_sought_in_a_graph_of_documents_without_parts(graph: Graph, server: ManagedServer) -> None:
    # There are few parts, so a scan of all of them looks cheap, and the plan stays when there are many.
    documents = [Document(id=str(number), text="words") for number in range(2_000)]
    facts.write(graph, [facts.DocumentFacts(document_id=one.id, document=one) for one in documents])
    for name in ("forget/held_parts", "forget/held_whole", "forget/known", "forget/parts", "forget/terms"):
        query = queries.load(name)
        used = operators(explained(server, query)[1].plan)
        assert not [one for one in used if "Scan" in one], query.name


def test_what_looks_at_everything_is_in_the_order_of_an_index_where_there_is_one(
    graph: Graph, server: ManagedServer
) -> None:
    whole = [query for query in ALL if query.name in READ_WHOLE or query.name.split("/")[0] in WHOLE_FOLDERS]
    sorting = {query.name for query in whole if "Sort" in operators(explained(server, query)[1].plan)}
    assert sorting == SORT_WITHOUT_INDEX
