"""Tests of `kgsynth.reports.structure`."""

import math
from itertools import combinations as choices

import numpy as np
import pytest

from kgsynth.reports import diversity, plots, structure
from kgsynth.reports.page import page
from tests.unit.reports.reports_cases import graph_of, random_graph, whole_figures


def test_a_graph_holds_each_pair_once_whatever_the_order_of_its_rows() -> None:
    graph = graph_of({("concept:b", "concept:a"): 3, ("topic:t", "concept:a"): 2}, "concept:alone")
    assert list(graph.ids) == ["concept:a", "concept:alone", "concept:b", "topic:t"]
    assert [*zip(graph.first, graph.second, graph.counts, strict=True)] == [(0, 2, 3), (0, 3, 2)]
    assert list(graph.concept_pairs()) == [0]
    assert list(graph.concept_degrees()) == [1, 0, 1, 1]


def test_components_are_those_of_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    graph = random_graph(3)
    net = networkx.Graph()
    net.add_nodes_from(range(len(graph.ids)))
    net.add_edges_from(zip(graph.first, graph.second, strict=True))
    sizes = sorted(map(len, networkx.connected_components(net)), reverse=True)
    found = structure.components(graph)
    assert found["count"] == len(sizes)
    assert found["sizes"] == sizes[:10]
    assert found["single_terms"] == sizes.count(1)


def test_a_distribution_says_which_share_has_at_least_so_much() -> None:
    found = structure.distribution([1, 1, 2, 4])
    assert found["at_least"] == {"x": [1, 2, 4], "share": [1, 0.5, 0.25]}
    assert (found["mean"], found["median"], found["max"]) == (2, 1.5, 4)
    assert structure.distribution([]) == {"count": 0}
    many = structure.distribution(np.arange(1, 100_001))
    assert len(many["at_least"]["x"]) <= 200
    assert many["at_least"]["x"][-1] == 100_000


def test_a_histogram_counts_everything() -> None:
    found = structure.histogram([-1, 0, 0.5, 0.99, 7], low=0, high=1, bins=2)
    assert found == {"edges": [0, 0.5, 1], "share": [0.4, 0.6]}


def cliques() -> structure.TermGraph:
    groups = [[f"concept:{letter}{place}" for place in range(6)] for letter in "abc"]
    pairs = {pair: 5 for group in groups for pair in choices(group, 2)}
    return graph_of({**pairs, ("concept:a0", "concept:b0"): 1, ("concept:b1", "concept:c1"): 1}, "concept:alone")


def test_communities_are_the_cliques_and_stand_apart() -> None:
    found = structure.communities(cliques(), most_concepts=100, links_each=3, seed=1)
    groups = {}
    for node in found["nodes"]:
        groups.setdefault(node["community"], set()).add(node["name"][0])
    assert sorted(map(len, groups.values())) == [1, 1, 1]
    assert found["left_out"] == 1
    for one, other in choices(found["communities"], 2):
        distance = math.dist((one["x"], one["y"]), (other["x"], other["y"]))
        assert distance > 0.97 * (one["radius"] + other["radius"])
    for node in found["nodes"]:
        own = found["communities"][node["community"]]
        assert math.dist((node["x"], node["y"]), (own["x"], own["y"])) <= own["radius"]
    assert found == structure.communities(cliques(), most_concepts=100, links_each=3, seed=1)


def test_a_picture_takes_the_concepts_of_most_documents() -> None:
    graph = random_graph(11)
    found = structure.communities(graph, most_concepts=8, links_each=2, seed=1)
    most = sorted((-int(documents), name) for documents, name, is_topic in zip(graph.documents, graph.names, graph.is_topic, strict=True) if not is_topic)[:8]  # fmt: skip
    assert {node["name"] for node in found["nodes"]} <= {name for _, name in most}
    assert structure.communities(graph_of({}, "concept:a"), most_concepts=8, links_each=2, seed=1)["nodes"] == []


def test_no_two_names_of_a_picture_overlap() -> None:
    found = plots.picture(structure.communities(random_graph(2, 120), most_concepts=100, links_each=3, seed=1))
    boxes = [
        (one["x"] - 0.27 * one["px"] * len(one["text"]), one["y"] - 0.88 * one["px"], one)
        for one in found["labels"]
    ]  # fmt: skip
    assert len(boxes) > 20
    for (left, top, one), (other_left, other_top, other) in choices(boxes, 2):
        apart_x = left + 0.54 * one["px"] * len(one["text"]) <= other_left + 0.2 or (
            other_left + 0.54 * other["px"] * len(other["text"]) <= left + 0.2
        )
        apart_y = top + 1.1 * one["px"] <= other_top + 0.2 or other_top + 1.1 * other["px"] <= top + 0.2
        assert apart_x or apart_y, (one, other)


def test_a_page_of_an_empty_graph_says_so() -> None:
    figures = whole_figures()
    empty = graph_of({})
    figures["graph"] |= {
        **structure.figures(empty),
        **dict.fromkeys(("characters_of_document", "terms_of_document"), structure.distribution([])),
        "communities": structure.communities(empty, most_concepts=9, links_each=2, seed=1),
    }
    figures["runs"] = [
        {"name": "none", "walks": None, "questions": None, "answers": diversity.answers([]), "stages": [], "notes": []}
    ]
    text = page(figures)
    for said in (
        "The graph contains no documents and no terms",
        "There are no combinations",
        "There are no questions",
        "There are no answers",
        "No two concepts co-occur",
        "contains no accounts of stages",
    ):
        assert said in text
    # No plot, no table without rows, and no tile of components.
    assert "<svg" not in text
    assert "<tbody>\n</tbody>" not in text
    assert "component" not in text
