"""Derived layers that grow, in a real Neo4j: whatever happened, and wherever it was killed, they are those of a build
from nothing."""

from pathlib import Path

import numpy as np
import pytest

from kgsynth import config, pipeline
from kgsynth.config import GraphSettings, MergeSettings
from kgsynth.graph import decisions, derived, growing
from kgsynth.graph.derived import BuildCounts
from kgsynth.graph.session import Graph
from kgsynth.records import Annotation
from tests import canonical, corpora


def build(graph: Graph, *, is_whole: bool = False) -> BuildCounts:
    return pipeline.build(graph, is_whole=is_whole, report=lambda _: None)


def corpus(seed: int, documents: int) -> list[Annotation]:
    return corpora.random_annotations(seed, documents=documents, topics=6, concepts=40)


def same_as_from_nothing(graph: Graph) -> None:
    assert pipeline.check(graph, report=lambda _: None) == []
    grown, name = canonical.dump(graph), derived.fingerprint(graph)
    build(graph, is_whole=True)
    assert canonical.dump(graph) == grown
    assert derived.fingerprint(graph) == name


def join(graph: Graph, alias: str, target: str) -> None:
    row = {"alias_id": alias, "canonical_id": target, "merge_id": f"m-{alias}", "cosine": 0.9, "rule": "spelling"}
    decisions.replace(graph, remove=[], add=[row])


def test_a_few_new_documents_touch_their_own_terms_alone(graph: Graph, tmp_path: Path) -> None:
    corpora.built(graph, tmp_path, corpus(1, 100))
    more = [corpora.annotation("new", ["topic 1", "topic new"], ["concept 1", "concept 2", "concept new"])]
    corpora.load(graph, tmp_path, more)
    assert derived.state(graph) == "stale"
    counts = build(graph)
    assert counts.is_grown
    assert counts.documents == 1
    assert counts.terms == 5
    same_as_from_nothing(graph)


def test_names_that_python_and_the_server_order_differently_grow_too(graph: Graph, tmp_path: Path) -> None:
    # By code point the first is the larger, by UTF-16, in which the server compares what it is asked, the second.
    names = ["\N{GRINNING FACE} t", "\N{REPLACEMENT CHARACTER} t"]
    corpora.built(graph, tmp_path, [*corpus(1, 60), corpora.annotation("p", ["t"], names)])
    corpora.load(graph, tmp_path, [corpora.annotation("q", ["t"], names)])
    assert build(graph).is_grown
    assert pipeline.check(graph, report=lambda _: None) == []
    grown, name = canonical.dump(graph), derived.fingerprint(graph)
    build(graph, is_whole=True)
    assert canonical.dump(graph) == grown
    assert derived.fingerprint(graph) == name
    assert pipeline.check(graph, report=lambda _: None) == []
    canonical.run(
        graph,
        "MATCH (a:Concept {name: '\N{GRINNING FACE} t'})-[r:CO_OCCURS_WITH]-(b:Concept {name: '\N{REPLACEMENT CHARACTER} t'}) "
        "MERGE (a)-[one:CO_OCCURS_WITH]->(b) MERGE (b)-[other:CO_OCCURS_WITH]->(a) SET one.count = 1, other.count = 1",
    )
    assert {finding.check for finding in pipeline.check(graph, report=lambda _: None)} >= {"co_occurrence_direction"}


def test_many_new_documents_are_built_from_nothing(graph: Graph, tmp_path: Path) -> None:
    corpora.built(graph, tmp_path, corpus(1, 20))
    corpora.load(graph, tmp_path, corpora.many("n", 10, ["a", "b"]))
    assert not build(graph).is_grown
    same_as_from_nothing(graph)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happened_a_grown_graph_is_that_of_a_build_from_nothing(
    graph: Graph, environment: config.Environment, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    everything = corpus(seed, 200)
    corpora.built(graph, tmp_path, everything[:150])
    waiting = everything[150:]
    for _ in range(4):
        for happening in rng.permutation(["load", "merge", "undo", "forget"])[:2]:
            if happening == "load":
                count = int(rng.integers(1, 12))
                corpora.load(graph, tmp_path, waiting[:count])
                waiting = waiting[count:]
            elif happening == "merge":
                names = canonical.run(graph, "MATCH (c:Concept) RETURN c.id AS id ORDER BY id")
                free = [row["id"] for row in names if not _has_alias(graph, row["id"])]
                first, second = (free[place] for place in rng.choice(len(free), 2, replace=False))
                join(graph, first, second)
            elif happening == "undo" and (held := decisions.merges(graph)):
                decisions.undo(graph, [held[int(rng.integers(len(held)))].merge_id], reject=False)
            elif happening == "forget":
                ids = canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")
                pipeline.forget(
                    graph,
                    environment,
                    [ids[int(rng.integers(len(ids)))]["id"]],
                    graph_settings=GraphSettings(name="test"),
                    reason="",
                    report=lambda _: None,
                )
        assert build(graph).is_grown or derived.state(graph) == "complete"
        same_as_from_nothing(graph)


def _has_alias(graph: Graph, term: str) -> bool:
    return bool(canonical.run(graph, "MATCH (:Alias)-[:MERGED_INTO]->(:Term {id: $term}) RETURN 1 AS one", term=term))


@pytest.mark.parametrize("method", ["add_documents", "count_terms", "write_steps"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_growth_that_was_killed_is_continued(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, after: int
) -> None:
    monkeypatch.setattr(growing, "_DOCUMENT_BATCH", 3)
    monkeypatch.setattr(derived, "MENTION_BATCH", 20)
    monkeypatch.setattr(derived, "STEP_BATCH", 50)
    everything = corpus(5, 120)
    corpora.built(graph, tmp_path, everything[:100])
    corpora.load(
        graph, tmp_path, [*everything[100:], corpora.annotation("new", ["topic new"], ["concept new", "concept 1"])]
    )
    join(graph, "concept:concept 3", "concept:concept 4")
    original, calls = getattr(growing._Growth, method), []

    def killed(*arguments):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(growing._Growth, method, killed)
    with pytest.raises(KeyboardInterrupt):
        build(graph)
    monkeypatch.setattr(growing._Growth, method, original)
    assert derived.state(graph) == "stale"
    # What comes between is taken in too.
    corpora.load(graph, tmp_path, [corpora.annotation("late", ["topic 2"], ["concept 1", "concept 5", "concept late"])])
    assert build(graph).is_grown
    same_as_from_nothing(graph)


def test_a_load_in_the_middle_of_a_growth_stops_it(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora.built(graph, tmp_path, corpus(1, 60))
    corpora.load(graph, tmp_path, [corpora.annotation("new", ["topic 1"], ["concept 1", "concept 2"])])
    original = growing._Growth.count_terms

    def meanwhile(self, *arguments):
        corpora.load(graph, tmp_path, [corpora.annotation("late", ["topic 1"], ["concept 1", "concept 3"])])
        return original(self, *arguments)

    corpora.load(graph, tmp_path, [corpora.annotation("newer", ["topic 1"], ["concept of its own"])])
    monkeypatch.setattr(growing._Growth, "count_terms", meanwhile)
    with pytest.raises(Exception, match="was changed"):
        build(graph)
    monkeypatch.undo()
    assert build(graph).is_grown
    same_as_from_nothing(graph)


@pytest.mark.parametrize("what", ["annotation", "annotation of a document without", "pairs"])
def test_what_is_not_marked_where_it_stands_is_built_from_nothing(graph: Graph, tmp_path: Path, what: str) -> None:
    corpora.load(graph, tmp_path, [*corpus(1, 60), corpora.annotation("bare", [], [])])
    build(graph)
    if what == "pairs":
        table = tmp_path / "pairs.csv"
        table.write_text("first,second,count\nconcept 1,concept 2,7\n")
        pipeline.load_pairs(
            graph, [str(table)], config.DocumentsSettings(), rejects=tmp_path / "r", report=lambda _: None
        )
    else:
        name = "bare" if "without" in what else "d0003"
        corpora.load(graph, tmp_path, [corpora.annotation(name, ["topic 1"], ["concept 1", "concept added"])])
    assert build(graph).is_grown == ("without" in what)
    same_as_from_nothing(graph)


def test_merging_anew_after_a_growth_embeds_new_names_alone(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    corpora.built(graph, tmp_path, corpora.many("d", 12, ["left inverse", "right inverse", "group ring"]))
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    build(graph)
    corpora.load(graph, tmp_path, [corpora.annotation("new", ["t"], ["left inverses", "galois ring"])])
    planned = pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    assert planned.count.notes["embedded_anew"] == 1
    assert len(planned.new) == 1
    assert build(graph).is_grown
    same_as_from_nothing(graph)
