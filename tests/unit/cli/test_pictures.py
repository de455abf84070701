"""Tests of `kgsynth.cli.pictures`."""

import json
import re
from pathlib import Path

import pytest

from kgsynth.cli import pictures
from kgsynth.errors import ConfigError
from kgsynth.pipeline import GraphNode, GraphRelationship


def node(number: int, label: str = "Concept", **properties: object) -> GraphNode:
    labels = ("Term", label) if label in ("Concept", "Topic") else (label,)
    return GraphNode(f"4:x:{number}", labels, {"id": f"{label.lower()}:{number}", **properties})


def edge(number: int, kind: str, start: GraphNode, end: GraphNode, **properties: object) -> GraphRelationship:
    return GraphRelationship(f"5:x:{number}", kind, start.id, end.id, properties)


def test_names_and_titles_are_whole_and_texts_are_shortened_in_the_picture_only() -> None:
    name, text = "the structure theorem for finitely generated modules over a principal ideal domain", "word " * 40
    nodes = pictures.elements(
        [node(1, name=name), node(2, "Document", title=name), node(3, "Question", text=text)], []
    )["nodes"]
    assert [one["name"] for one in nodes[:2]] == [name, name]
    assert len(nodes[2]["name"]) == 60
    assert nodes[2]["title"] == text.strip()
    assert dict(nodes[2]["properties"])["text"] == text


def test_only_relationships_whose_direction_means_something_have_arrows() -> None:
    one, other = node(1), node(2)
    kinds = ("CO_OCCURS_WITH", "DISTINCT_FROM", "SAME_AS", "MERGED_INTO", "VISITS", "ANSWERS")
    edges = pictures.elements([one, other], [edge(n, kind, one, other) for n, kind in enumerate(kinds)])["edges"]
    assert [(item["title"], item["directed"]) for item in edges] == [
        ("CO_OCCURS_WITH", False),
        ("DISTINCT_FROM", False),
        ("SAME_AS", False),
        ("MERGED_INTO", True),
        ("VISITS", True),
        ("ANSWERS", True),
    ]


def test_a_long_value_says_how_much_of_it_is_shown() -> None:
    (one,) = pictures.elements([node(1, "Document", text="x" * 5000, tags=["a", "b"], nothing=None)], [])["nodes"]
    assert one["properties"] == [
        ("id", "document:1"),
        ("tags", "a, b"),
        ("text", "x" * 4000 + "… (the first 4,000 of 5,000 characters)"),
    ]


def test_a_node_has_the_query_for_its_neighbours() -> None:
    (one,) = pictures.elements([node(1, name='a "b"')], [])["nodes"]
    assert '{id: "concept:1"})-[link]-(neighbour)' in one["query"]
    (other,) = pictures.elements([GraphNode("4:x:9", ("Other",), {})], [])["nodes"]
    assert (other["name"], other["query"], other["key"]) == ("Other", "", "")


def test_no_text_of_the_graph_ends_the_data_or_fills_a_slot(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><!--{{cytoscape}}{{data}}"
    assert pictures.write([{"n": node(1, name=evil)}], tmp_path / "p.html") == 1
    page = (tmp_path / "p.html").read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data)["nodes"][0]["title"] == evil
    assert "<script>alert" not in page
    assert page.count("The Cytoscape Consortium") == 1


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    for rows, said in (
        ([], "returned no row"),
        ([{"n": 1}], "contain no node to draw"),
        ([{"n": [node(n) for n in range(2001)]}], "more than 2,000 nodes"),
    ):
        with pytest.raises(ConfigError, match=said):
            pictures.write(rows, tmp_path / "p.html")
    assert not list(tmp_path.iterdir())


def test_a_relationship_is_drawn_when_both_its_nodes_are() -> None:
    one, other, absent = node(1), node(2), node(3)
    rows = [{"a": one, "links": [edge(1, "VISITS", one, other), edge(2, "VISITS", one, absent)], "m": {"b": other}}]
    nodes, edges, count = pictures.contents(rows)
    assert (nodes, [item.id for item in edges], count) == ([one, other], ["5:x:1"], 1)
