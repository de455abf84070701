"""Derived layers that grow, in a real Neo4j: whatever happened, and wherever it was killed, they have the law of a build
from nothing, and the engines walk the same walks on them."""

from pathlib import Path

import numpy as np
import pytest

from kgsynth import config, contexts as structure, pipeline
from kgsynth.graph import decisions, derived, incremental_build
from kgsynth.graph.derived import BuildCounts
from kgsynth.graph.session import Graph
from kgsynth.records import Annotation
from kgsynth.settings import MergeSettings
from kgsynth.walks import cypher_engine, walk_tables
from kgsynth.walks.draws import Starts
from tests import canonical, corpora

pytest.importorskip("numba")
from kgsynth.settings import DocumentsSettings
from kgsynth.walks import compiled


def build(graph: Graph, *, is_whole: bool = False) -> BuildCounts:
    return pipeline.build(graph, is_whole=is_whole, report=lambda _: None)


def corpus(seed: int, documents: int) -> list[Annotation]:
    return corpora.random_annotations(seed, documents=documents, topics=6, concepts=40)


def same_as_from_nothing(graph: Graph) -> None:
    assert pipeline.check(graph, report=lambda _: None) == []
    grown, name = canonical.dump(graph, law_only=True), derived.fingerprint(graph)
    held = derived.contexts(graph)
    # The digest that has grown is that of the contexts as they lie.
    keys = canonical.run(
        graph,
        "MATCH (c:Document|CountedPair) WHERE EXISTS { (c)-[:HOLDS]->() } "
        "RETURN coalesce(c.id, c.key) AS key ORDER BY c.slot",
    )
    digest = structure.digests(
        np.array([structure.id_hash(row["key"]) for row in keys], dtype=np.uint64),
        held.slots,
        held.weights,
        np.array([structure.id_hash(held.terms[place]) for place in held.members], dtype=np.uint64),
        held.offsets,
    )
    assert derived.fingerprint_of(int(digest.sum(dtype=np.uint64))) == name
    laid = walk_tables.of_contexts(held)
    starts = Starts(1, [one for one in held.terms if one.startswith("topic:")])
    if len(starts):
        by_graph = cypher_engine.walks(graph, starts, seed=1, batch_size=100, sessions=1, limit=100)
        assert list(compiled.walks(laid, starts, seed=1, limit=100)) == list(by_graph)
    build(graph, is_whole=True)
    assert canonical.dump(graph, law_only=True) == grown
    # The fingerprint tells whether contexts lie in another order now.
    whole = derived.contexts(graph)
    is_same = (whole.documents, whole.slots.tolist()) == (held.documents, held.slots.tolist())
    assert (derived.fingerprint(graph) == name) == is_same


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
    assert counts.holds == 5
    same_as_from_nothing(graph)


def test_names_that_python_and_the_server_order_differently_grow_too(graph: Graph, tmp_path: Path) -> None:
    # By code point the first is the larger, by UTF-16, in which the server compares what it is asked, the second.
    names = ["\N{GRINNING FACE} t", "\N{REPLACEMENT CHARACTER} t"]
    corpora.built(graph, tmp_path, [*corpus(1, 60), corpora.annotation("p", ["t"], names)])
    corpora.load(graph, tmp_path, [corpora.annotation("q", ["t"], names)])
    assert build(graph).is_grown
    assert pipeline.check(graph, report=lambda _: None) == []
    same_as_from_nothing(graph)
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
        for happening in rng.permutation(["load", "merge", "undo", "forget", "annotate"])[:3]:
            if happening == "load":
                count = int(rng.integers(1, 12))
                corpora.load(graph, tmp_path, waiting[:count])
                waiting = waiting[count:]
            elif happening == "merge":
                names = canonical.run(graph, "MATCH (c:Concept) RETURN c.id AS id ORDER BY id")
                free = [row["id"] for row in names if not _has_alias(graph, row["id"])]
                first, second = (free[place] for place in rng.choice(len(free), 2, replace=False))
                join(graph, first, second)
            elif happening == "annotate":
                ids = canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")
                one = ids[int(rng.integers(len(ids)))]["id"]
                corpora.load(graph, tmp_path, [corpora.annotation(one, ["topic 1"], [f"concept {rng.integers(60)}"])])
            elif happening == "undo" and (held := decisions.merges(graph)):
                decisions.undo(graph, [held[int(rng.integers(len(held)))].merge_id], reject=False)
            elif happening == "forget":
                ids = canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")
                pipeline.forget(
                    graph,
                    environment,
                    [ids[int(rng.integers(len(ids)))]["id"]],
                    reason="",
                    report=lambda _: None,
                )
        assert build(graph).is_grown or derived.state(graph) == "complete"
        same_as_from_nothing(graph)


@pytest.mark.parametrize("also", ["", "topics are merged", "pairs are counted"])
def test_what_holds_a_forgotten_name_under_another_grows(
    graph: Graph, environment: config.Environment, tmp_path: Path, also: str
) -> None:
    # Only the documents that are forgotten use the canonical names; others mention the aliases and hold those names.
    corpora.load(
        graph,
        tmp_path,
        [
            *corpus(1, 60),
            corpora.annotation("one", ["topic 1"], ["only", "concept 1"]),
            corpora.annotation("two", ["topic only"], ["concept 2"]),
            corpora.annotation("stays", ["topic alias", "topic a", "topic b"], ["alias", "concept 3"]),
        ],
    )
    if also == "pairs are counted":
        table = tmp_path / "pairs.csv"
        table.write_text("first,second,count\nalias,concept 2,7\n")
        pipeline.load_pairs(graph, [str(table)], DocumentsSettings(), rejects=tmp_path / "r", report=lambda _: None)
    join(graph, "concept:alias", "concept:only")
    join(graph, "topic:topic alias", "topic:topic only")
    build(graph)
    if also == "topics are merged":
        join(graph, "topic:topic b", "topic:topic a")
    corpora.load(graph, tmp_path, [corpora.annotation("new", ["topic 1"], ["concept 1", "concept 2"])])
    pipeline.forget(graph, environment, ["one", "two"], reason="", report=lambda _: None)
    assert canonical.run(graph, "MATCH (t:Term {id: 'concept:only'}) RETURN t.id AS id") == []
    assert build(graph).is_grown
    same_as_from_nothing(graph)


def _has_alias(graph: Graph, term: str) -> bool:
    return bool(canonical.run(graph, "MATCH (:Alias)-[:MERGED_INTO]->(:Term {id: $term}) RETURN 1 AS one", term=term))


@pytest.mark.parametrize("method", ["write_contexts", "lay_runs"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_growth_that_was_killed_is_continued(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, after: int
) -> None:
    monkeypatch.setattr(incremental_build, "_CONTEXT_BATCH", 3)
    monkeypatch.setattr(incremental_build, "_RUN_BATCH", 5)
    monkeypatch.setattr(derived, "ROW_BATCH", 50)
    everything = corpus(5, 180)
    corpora.built(graph, tmp_path, everything[:168])
    corpora.load(
        graph, tmp_path, [*everything[168:], corpora.annotation("new", ["topic new"], ["concept new", "concept 1"])]
    )
    join(graph, "concept:concept 30", "concept:concept 31")
    join(graph, "concept:concept 32", "concept:concept 33")
    original, calls = getattr(incremental_build._IncrementalBuild, method), []

    def killed(*arguments):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(incremental_build._IncrementalBuild, method, killed)
    with pytest.raises(KeyboardInterrupt):
        build(graph)
    monkeypatch.setattr(incremental_build._IncrementalBuild, method, original)
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
    original = incremental_build._IncrementalBuild.lay_runs

    def meanwhile(self, *arguments):
        corpora.load(graph, tmp_path, [corpora.annotation("late", ["topic 1"], ["concept 1", "concept 3"])])
        return original(self, *arguments)

    join(graph, "concept:concept 5", "concept:concept 6")
    monkeypatch.setattr(incremental_build._IncrementalBuild, "lay_runs", meanwhile)
    with pytest.raises(Exception, match="was changed"):
        build(graph)
    monkeypatch.undo()
    assert build(graph).is_grown
    same_as_from_nothing(graph)


@pytest.mark.parametrize("what", ["annotation", "annotation of a document without", "pairs"])
def test_pairs_are_built_from_nothing_and_annotations_grow(graph: Graph, tmp_path: Path, what: str) -> None:
    corpora.load(graph, tmp_path, [*corpus(1, 60), corpora.annotation("bare", [], [])])
    build(graph)
    if what == "pairs":
        table = tmp_path / "pairs.csv"
        table.write_text("first,second,count\nconcept 1,concept 2,7\n")
        pipeline.load_pairs(graph, [str(table)], DocumentsSettings(), rejects=tmp_path / "r", report=lambda _: None)
    else:
        name = "bare" if "without" in what else "d0003"
        corpora.load(graph, tmp_path, [corpora.annotation(name, ["topic 1"], ["concept 1", "concept added"])])
    assert build(graph).is_grown == (what != "pairs")
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
