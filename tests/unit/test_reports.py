"""Figures of graphs, combinations and questions, against counts by hand; the page that shows them."""

import json
import math
import re
from itertools import combinations as choices

import numpy as np
import pytest

from kgsynth.records import AnsweredQuestion, Combination, GroundingDocument
from kgsynth.reports import coverage, diversity, plots, structure
from kgsynth.reports.page import number, page, percent


def term(identity: str, documents: int = 1) -> dict:
    return {
        "id": identity,
        "name": identity.partition(":")[2],
        "kind": identity.partition(":")[0],
        "documents": documents,
    }


def graph_of(pairs: dict[tuple[str, str], int], *more: str, documents: dict[str, int] | None = None):
    ids = sorted({end for pair in pairs for end in pair} | set(more))
    around: dict[str, dict[str, int]] = {identity: {} for identity in ids}
    for (one, other), count in pairs.items():
        around[one][other] = around[other][one] = count
    return structure.TermGraph.of(
        [term(identity, (documents or {}).get(identity, 1)) for identity in reversed(ids)],
        [{"id": one, "neighbours": list(held), "counts": list(held.values())} for one, held in around.items()],
    )


def combination(number: int, *terms: str, documents: tuple[str, ...] = ()) -> Combination:
    return Combination(
        id=f"comb-{number}",
        seed=1,
        walk=number,
        path=terms,
        topics=tuple(sorted({one for one in terms if one.startswith("topic:")})),
        concepts=tuple(sorted({one for one in terms if one.startswith("concept:")})),
        documents=tuple(GroundingDocument(id=one, jaccard=0.5) for one in documents),
    )


def random_graph(seed: int, size: int = 30) -> structure.TermGraph:
    draws = np.random.default_rng(seed)
    ids = [f"{'topic' if place < 5 else 'concept'}:{place:02d}" for place in range(size)]
    pairs = {pair: int(draws.integers(1, 9)) for pair in choices(ids, 2) if draws.random() < 0.2}
    return graph_of(pairs, *ids, documents={identity: int(draws.integers(1, 50)) for identity in ids})


@pytest.mark.parametrize(
    ("uses", "effective"), [([3, 3, 3, 3], 4), ([5], 1), ([0, 0], 0), ([], 0), ([2, 1, 1], math.exp(1.5 * math.log(2)))]
)
def test_the_effective_number_is_the_perplexity(uses: list[int], effective: float) -> None:
    assert coverage.perplexity(uses) == pytest.approx(effective)


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


def question(number: int, *, level: int = 1, document: str = "", text: str = "", combination: str = ""):
    return AnsweredQuestion(
        id=f"q{number}",
        text=text or f"What is {number}?",
        level=level,
        documents=(document,) if document else (),
        combination_id=combination,
    )


def test_pairs_within_groups_are_all_of_them_or_drawn_without_repeats() -> None:
    draws = np.random.default_rng(1)
    groups = [[4, 7, 9], [1], [], [2, 3], [5, 6, 8, 10], [7, 9, 11]]
    found = diversity._within(groups, draws, apart=lambda one, other: True)
    wanted = {pair for group in groups for pair in choices(group, 2)}
    assert sorted(tuple(pair) for pair in found) == sorted(wanted), "a pair of two groups stands once"
    found = diversity._within(groups, draws, apart=lambda one, other: (one, other) != (7, 9))
    assert {tuple(pair) for pair in found} == wanted - {(7, 9)}
    large = [list(range(start, start + 60)) for start in range(0, 1200, 60)]
    found = diversity._within(large, draws, apart=lambda one, other: True)
    assert len(found) == len({tuple(pair) for pair in found}) == 3000
    assert all(one // 60 == other // 60 and one < other for one, other in found)
    shares = np.bincount(found[:, 0] // 60, minlength=20) / len(found)
    assert shares.min() > 0.03


def test_a_sample_takes_all_questions_of_a_document_or_none() -> None:
    made = [question(n, document=f"d{n % 50}") for n in range(500)]
    sample = diversity.Sample(3, {1: 0.4})
    for one in made:
        sample.add(one)
    by_document: dict[str, int] = {}
    for one in sample.drawn:
        by_document[one.documents[0]] = by_document.get(one.documents[0], 0) + 1
    assert set(by_document.values()) == {10}
    assert 10 <= len(by_document) <= 30
    again = diversity.Sample(3, {1: 0.4})
    for one in reversed(made):
        again.add(one)
    assert {one.id for one in again.drawn} == {one.id for one in sample.drawn}
    two = AnsweredQuestion(id="two", text="two", level=1, documents=("none", sample.drawn[0].documents[0]))
    sample.add(two)
    assert sample.drawn[-1] == two, "a question of several documents comes with each of them"


class Embedder:
    """The first word of a text turns a unit vector: the same first word, the same vector."""

    model = "first words"
    many = 100

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts):
        self.seen += texts
        angles = np.array([len(text.split()[0]) for text in texts], dtype=np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def sampled(*questions: AnsweredQuestion) -> diversity.Sample:
    sample = diversity.Sample(1, {})
    for one in questions:
        sample.add(one)
    return sample


def test_likeness_is_told_by_what_two_questions_share() -> None:
    made = [
        question(1, document="a", text="aa one"),
        question(2, document="a", text="aa two"),
        question(3, document="b", text="aaa three"),
        question(4, document="b", text="aaaa four"),
        question(5, level=3, document="b", combination="c", text="aaaa five"),
        question(6, level=3, document="b", combination="c", text="aaaa six"),
        question(7, level=3, document="b", combination="d", text="aaaaaa seven"),
        AnsweredQuestion(id="q8", text="aaaa eight", level=3, documents=("b", "b"), combination_id="e"),
        question(9, text="of no document"),
    ]
    embedder = Embedder()
    found = diversity.likeness(sampled(*made), embedder)
    other = "level 3, same document, other combination"
    assert set(found) == {"level 1, same document", other, diversity.SAME_COMBINATION, diversity.DIFFERENT}
    assert found["level 1, same document"]["pairs"] == 2
    assert found["level 1, same document"]["mean"] == pytest.approx((1 + math.cos(1)) / 2, abs=1e-6)
    assert found[diversity.SAME_COMBINATION]["pairs"] == 1
    assert found[diversity.SAME_COMBINATION]["mean"] == pytest.approx(1)
    assert found[diversity.SAME_COMBINATION]["over_95"] == 1
    # Of the six pairs of b one is of one combination; three of the others have a question that begins otherwise.
    assert found[other]["pairs"] == 5
    assert found[other]["mean"] == pytest.approx((2 + 3 * math.cos(2)) / 5, abs=1e-6)
    assert [found[other][name] for name in ("p10", "median", "p90")] == pytest.approx([math.cos(2), math.cos(2), 1])
    assert found[other]["most_alike"][0]["cosine"] == pytest.approx(1)
    assert found[diversity.DIFFERENT]["pairs"] == 2 * 6, "two of a with six of b"
    assert len(embedder.seen) == len(set(embedder.seen)) == 8, "each text once, and none that is in no pair"


def test_questions_are_counted_by_level_and_what_stands_twice_is_told() -> None:
    sample = sampled(
        question(1, text="One  two three"),
        question(2, text="one two THREE"),
        question(3, text="another one"),
        question(4, level=2, text="one two three"),
        question(5, level=2, text="four", combination="c"),
        question(6, level=3, text="five", combination="c"),
        question(7, level=3, text="six", combination="d"),
    )
    found = diversity.figures(sample, embedder=None, near={1: 1})
    levels = found["levels"]
    assert {level: held["count"] for level, held in levels.items()} == {"1": 3, "2": 2, "3": 2}
    assert {level: held["repeated_share"] for level, held in levels.items()} == {
        "1": pytest.approx(1 / 3),
        "2": 0.5,
        "3": 0,
    }
    assert [held["near_duplicate_share"] for held in levels.values()] == [pytest.approx(1 / 3), 0, 0]
    assert levels["1"]["words"]["mean"] == pytest.approx(8 / 3)
    assert sum(levels["1"]["words"]["histogram"]["share"]) == pytest.approx(1)
    assert found["likeness"] == {}
    assert sorted(sample.questions_each()) == [1, 2]
    assert diversity.figures(sample, embedder=None, near=None)["levels"]["1"]["near_duplicate_share"] is None


def test_answers_are_counted_and_the_least_agreement_is_listed() -> None:
    rows = [
        AnsweredQuestion(id=f"q{n}", text="t", answer="a b", final_answer="" if n else "3", votes=4, agreement=n / 400)
        for n in range(400)
    ]
    found = diversity.answers(rows)
    assert (found["count"], found["with_final_answer"], found["agreement"]["count"]) == (400, 1, 400)
    assert [one["id"] for one in found["least_agreement"]] == [f"q{n}" for n in range(50)]
    assert diversity.answers([])["agreement"] == {"count": 0}


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
            {"name": "lone", "documents": 4, "neighbours": 0},
            {"name": "d", "documents": 1, "neighbours": 1},
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


def whole_figures(names: tuple[str, ...] = ("one",)) -> dict:
    graph = random_graph(5)
    universe = coverage.Universe(graph, ())
    sample = sampled(
        *[
            question(n, level=1 + n % 3, document=f"d{n % 5}", text=f"{'a' * (1 + n % 4)} <b>{n}</b> & more")
            for n in range(40)
        ]
    )
    uses = coverage.uses_of(
        [combination(n, graph.ids[n % 5], graph.ids[6 + n % 20], graph.ids[7 + n % 15]) for n in range(30)], universe
    )
    stage = {
        "stage": "level1",
        "where": "level1",
        "state": "complete",
        "unit": "questions",
        "kept": 3,
        "rejected": {"cut <off> $x$": 2},
        "kept_by_retries": 1,
        "rejected_by_retries": 1,
    }
    run = {
        "walks": coverage.figures(uses),
        "questions": {
            **diversity.figures(sample, embedder=Embedder(), near={1: 7}),
            "unshown": coverage.unshown(universe, ["concept:07"]),
        },
        "answers": diversity.answers([AnsweredQuestion(id="q", text="t", answer="x", votes=3, agreement=2 / 3)]),
        "stages": [stage],
        "notes": ["something is gone"],
    }
    equal = {
        "combinations": 30,
        "runs": [
            {
                "name": name,
                "new": dict.fromkeys(coverage.KINDS, place),
                **{key: run["walks"][key] for key in ("coverage", "effective", "cross_topic_share", "hubs")},
            }
            for place, name in enumerate(names, 4)
        ],
    }
    return {
        "version": "0",
        "seed": 1,
        "sample": 2000,
        "graph": {
            "name": "<script>alert(1)</script>",
            "fingerprint": "abc",
            "counts": dict.fromkeys(("documents", "concepts", "topics", "mentions", "co_occurrences", "aliases"), 1234),
            "characters_of_document": structure.distribution([10, 20]),
            "terms_of_document": structure.distribution([1, 2]),
            "licences": [{"license": "", "attribution": "A & B", "documents": 2}],
            "merges": [],
            "reviews": {"distinct_pairs": 0, "same_pairs": 0},
            **structure.figures(graph),
            "communities": structure.communities(graph, most_concepts=50, links_each=2, seed=1),
        },
        "after": None,
        "runs": [{"name": name, **run} for name in names],
        "equal": equal if len(names) == 2 else None,
    }


def cells(text: str, head: str) -> list[str]:
    """The cells of the first row that begins with a text."""
    for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL):
        found = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        if found and found[0] == head:
            return found
    raise AssertionError(head)


def test_what_the_page_says_is_what_the_figures_are() -> None:
    figures = whole_figures(("one", "$_two"))
    text = page(figures)
    walks = figures["runs"][0]["walks"]
    assert cells(text, "concepts used")[1] == percent(walks["coverage"]["concepts"]["share"]) != "0.0 %"
    assert cells(text, "co-occurring pairs used")[2] == percent(walks["coverage"]["pairs"]["share"])
    assert cells(text, "effective number of concepts")[1] == number(walks["effective"]["concepts"])
    assert cells(text, "effective number of combinations, by the questions from each")[1] == "–"
    assert cells(text, "concepts newly used")[1:] == ["4", "5", "1.25"]
    assert cells(text, "documents used")[1] == "0.0 %"
    level = figures["runs"][0]["questions"]["levels"]["1"]
    assert cells(text, "one")[1:4] == ["1", str(level["count"]), number(level["words"]["mean"])]
    assert cells(text, "one")[9] == percent(7 / level["count"])
    for name, held in figures["runs"][0]["questions"]["likeness"].items():
        assert re.search(rf"<td[^>]*>{name}</td>\s*<td[^>]*>{number(held['pairs'])}</td>", text)
    assert "something is gone" in text
    assert "first words" in text
    assert "cut &lt;off&gt; $x$" in text


@pytest.mark.parametrize("names", [("one",), ("one", "two")])
def test_the_page_holds_everything_and_fetches_nothing(names: tuple[str, ...]) -> None:
    figures = whole_figures(names)
    text = page(figures)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "1,234" in text
    # Name spaces of SVG are names; whatever else has an address would be fetched or followed.
    addresses = set(re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text))
    assert all(address.startswith("#") for address in addresses), addresses
    assert not re.search(r"@import|<link|<iframe", text)
    assert text.count("<svg") == 1 + 9
    identities = re.findall(r'\bid="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    assert {address[1:] for address in addresses} <= set(identities)
    assert text == page(figures), "the same figures give the same page"
    json.dumps(figures, allow_nan=False)


def test_a_page_of_an_empty_graph_says_so() -> None:
    figures = whole_figures()
    empty = graph_of({})
    figures["graph"] |= {
        **structure.figures(empty),
        "communities": structure.communities(empty, most_concepts=9, links_each=2, seed=1),
    }
    figures["runs"] = [
        {"name": "none", "walks": None, "questions": None, "answers": diversity.answers([]), "stages": [], "notes": []}
    ]
    text = page(figures)
    for said in ("There are no combinations", "There are no questions", "No two concepts stand together"):
        assert said in text


@pytest.mark.parametrize(
    ("value", "shown"), [(1234567, "1,234,567"), (0.12345, "0.123"), (1234.56, "1,234.6"), (3.0, "3"), ("x", "x")]
)
def test_numbers_are_for_people(value: object, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(("share", "shown"), [(0, "0.0 %"), (0.00004, "0.004 %"), (0.5, "50.0 %"), (1, "100.0 %")])
def test_a_share_that_is_not_nothing_is_not_shown_as_nothing(share: float, shown: str) -> None:
    assert percent(share) == shown
