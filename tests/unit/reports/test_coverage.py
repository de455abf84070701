"""Tests of `kgsynth.reports.coverage`."""

import math
from itertools import combinations as choices

import numpy as np
import pytest

from kgsynth.records import Combination
from kgsynth.reports import coverage, structure
from tests.unit.reports.reports_cases import (
    combination,
    graph_of,
    random_graph,
)


@pytest.mark.parametrize(
    ("uses", "effective"), [([3, 3, 3, 3], 4), ([5], 1), ([0, 0], 0), ([], 0), ([2, 1, 1], math.exp(1.5 * math.log(2)))]
)
def test_the_effective_number_is_the_perplexity(uses: list[int], effective: float) -> None:
    assert coverage.perplexity(uses) == pytest.approx(effective)


def test_coverage_is_that_of_sets() -> None:
    graph = random_graph(5)
    draws = np.random.default_rng(7)
    aliases = {"concept:old": "concept:07"}
    ids = [*graph.ids, "concept:old", "concept:unknown"]
    made = [
        combination(n, *(ids[place] for place in draws.integers(len(ids), size=6)), documents=(f"d{n % 7}",))
        for n in range(60)
    ]
    universe = coverage.Universe(graph, {f"d{n}" for n in range(6)}, aliases)
    pairs = {
        frozenset((graph.ids[one], graph.ids[other])) for one, other in zip(graph.first, graph.second, strict=True)
    }
    pairs = {pair for pair in pairs if all(one.startswith("concept:") for one in pair)}
    before, own = made[:20], made[20:]
    uses_before = coverage.uses_of(before, universe)
    uses = coverage.uses_of(own, universe, before=uses_before)
    found = coverage.figures(uses, before=uses_before)

    def sets(combinations: list[Combination]) -> dict[str, set]:
        held: dict[str, set] = {kind: set() for kind in coverage.KINDS}
        for one in combinations:
            concepts = {aliases.get(name, name) for name in one.concepts} & set(graph.ids)
            held["topics"] |= set(one.topics)
            held["concepts"] |= concepts
            held["pairs"] |= {frozenset(pair) for pair in choices(sorted(concepts), 2)} & pairs
            held["documents"] |= {document.id for document in one.documents} - {"d6"}
        return held

    for kind in coverage.KINDS:
        curve = found["curve"]
        assert curve["combinations"][0] == 0
        assert curve["combinations"][-1] == len(own)
        for count, used in zip(curve["combinations"], curve[kind], strict=True):
            assert used == len(sets(made[: 20 + count])[kind]), (kind, count)
        assert found["coverage"][kind]["used"] == len(sets(made)[kind])
    assert found["coverage"]["pairs"]["of"] == len(pairs)
    assert (found["unknown_terms"], found["unknown_documents"]) == (1, 1)
    assert found["cross_topic_share"] == sum(len(one.topics) > 1 for one in own) / len(own)
    left = {one for one in graph.ids if one.startswith("concept:")} - sets(made)["concepts"]
    assert {f"concept:{one['name']}" for one in found["unused"]["listed"]} == left
    assert found["unused"]["count"] == len(left)


def test_a_merged_name_and_what_it_counts_as_are_one() -> None:
    graph = graph_of({("concept:a", "concept:b"): 1})
    universe = coverage.Universe(graph, (), {"concept:old a": "concept:a"})
    uses = coverage.uses_of([combination(0, "concept:old a", "concept:a", "concept:b")], universe)
    assert not uses.unknown_terms
    assert uses.concepts_each == [2]


def test_hubs_and_the_chance_of_a_new_concept() -> None:
    graph = graph_of({("concept:a", "concept:b"): 1, ("concept:b", "concept:c"): 1, ("concept:c", "concept:d"): 1})
    universe = coverage.Universe(graph, ())
    uses = coverage.uses_of(
        [combination(0, "concept:a", "concept:b"), combination(1, "concept:b", "concept:c")], universe
    )
    # Visits: a 1, b 2, c 1; half of the visits fell on concepts that were visited once.
    assert coverage.new_chance(uses.terms) == 0.5
    assert coverage.top_share(np.array([2, 1, 1, 0]), 1) == 0.5
    line = coverage.lorenz(np.array([2, 1, 1, 0]))
    assert line == {"x": [0, 0.25, 0.5, 0.75, 1], "share": [0, 0.5, 0.75, 1, 1]}


def test_figures_of_a_small_graph_are_those_counted_by_hand() -> None:
    graph = graph_of(
        {
            ("concept:a", "concept:b"): 4,
            ("concept:b", "concept:c"): 2,
            ("concept:c", "concept:d"): 1,
            ("concept:a", "topic:t"): 5,
            ("concept:c", "topic:u"): 1,
        },
        "concept:lone",
        documents={"concept:a": 6, "concept:b": 3, "concept:c": 2, "concept:d": 1, "concept:lone": 4},
    )
    universe = coverage.Universe(graph, {"x", "y", "z"})
    before = coverage.uses_of([combination(0, "topic:t", "concept:a", documents=("x",))], universe)
    uses = coverage.uses_of(
        [
            combination(1, "topic:t", "concept:a", "concept:b", documents=("x", "y")),
            combination(2, "topic:t", "topic:u", "concept:b", "concept:a", documents=("gone",)),
            combination(3, "topic:t", "concept:b", "concept:c", "concept:unknown"),
        ],
        universe,
        before=before,
    )
    found = coverage.figures(uses, before=before, questions=[3, 1])
    assert found["combinations"] == 3
    assert found["cross_topic_share"] == pytest.approx(1 / 3)
    assert {kind: (one["used"], one["of"]) for kind, one in found["coverage"].items()} == {
        "topics": (2, 2),
        "concepts": (3, 5),
        "pairs": (2, 3),
        "documents": (2, 3),
    }
    assert found["curve"] == {
        "combinations": [0, 1, 2, 3],
        "topics": [1, 1, 2, 2],
        "concepts": [1, 2, 2, 3],
        "pairs": [0, 1, 1, 2],
        "documents": [1, 2, 2, 2],
    }
    # Concepts were used a 2, b 3, c 1 times, pairs a-b 2 and b-c 1, topics t 3 and u 1; sets {a, b} twice, {b, c} once.
    assert found["effective"] == {
        "topics": pytest.approx(coverage.perplexity([3, 1])),
        "concepts": pytest.approx(coverage.perplexity([2, 3, 1])),
        "pairs": pytest.approx(coverage.perplexity([2, 1])),
        "combinations": pytest.approx(coverage.perplexity([2, 1])),
        "combinations_by_questions": pytest.approx(coverage.perplexity([3, 1])),
    }
    # With the earlier combination a 3, b 3, c 1: one of seven visits was to a concept visited once.
    assert found["new_concept_chance"] == pytest.approx(1 / 7)
    assert found["hubs"]["top_10"] == 1
    assert found["hubs"]["top_1_percent"] == 0.5
    assert found["hubs"]["top_1_percent_of_mentions"] == 6 / 16
    assert found["hubs"]["lorenz"]["share"] == [0, pytest.approx(3 / 6), pytest.approx(5 / 6), 1, 1, 1]
    assert found["hubs"]["lorenz_of_mentions"]["share"][1] == 6 / 16
    assert [(one["name"], one["combinations"]) for one in found["most_used"]] == [("b", 3), ("a", 2), ("c", 1)]
    assert found["unused"] == {
        "count": 2,
        "without_neighbour": 1,
        "listed": [
            {"id": "concept:lone", "name": "lone", "documents": 4, "neighbours": 0},
            {"id": "concept:d", "name": "d", "documents": 1, "neighbours": 1},
        ],
    }
    assert found["jaccard"]["mean"] == 0.5
    assert (found["unknown_terms"], found["unknown_documents"]) == (1, 1)
    left = coverage.unshown(universe, ["concept:a", "concept:nobody"])
    assert [one["name"] for one in left["listed"]] == ["lone", "b", "c", "d"]
    structured = structure.figures(graph)
    assert structured["degree"]["concepts"]["max"] == 3
    assert structured["weight"]["mean"] == pytest.approx(13 / 5)
    drawn = structure.communities(graph, most_concepts=9, links_each=2, seed=1)
    strengths = {
        frozenset((drawn["nodes"][link["source"]]["name"], drawn["nodes"][link["target"]]["name"])): link["strength"]
        for link in drawn["links"]
    }
    assert strengths[frozenset("ab")] == pytest.approx(4 / 18**0.5)
    assert -0.5 <= drawn["modularity"] <= 0.5
