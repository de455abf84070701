"""Merging, counting and walk tables in a real Neo4j, against the oracle; every check is seen to fail."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kgsynth import config, pipeline, queries
from kgsynth.documents.forgotten import Forgotten, Tombstones
from kgsynth.errors import GraphError
from kgsynth.graph import decisions, derived
from kgsynth.graph.session import Graph, Transaction
from kgsynth.records import Annotation, Document
from kgsynth.settings import DocumentsSettings, MergeSettings
from tests import canonical, corpora


def stored_counts(graph: Graph) -> dict[tuple[str, str], int]:
    rows = canonical.run(graph, "MATCH (a)-[r:CO_OCCURS_WITH]->(b) RETURN a.id AS a, b.id AS b, r.count AS count")
    return {(row["a"], row["b"]): row["count"] for row in rows}


def build(graph: Graph) -> None:
    pipeline.build(graph, report=lambda _: None)


def add_merges(graph: Graph, merges: dict[str, str]) -> None:
    decisions.replace(
        graph,
        remove=[],
        add=[
            {"alias_id": alias, "canonical_id": target, "merge_id": f"m-{alias}", "cosine": 0.9, "rule": "spelling"}
            for alias, target in merges.items()
        ],
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_counts_and_tickets_are_those_of_the_oracle(graph: Graph, tmp_path: Path, seed: int) -> None:
    annotations = corpora.random_annotations(seed, documents=100, topics=8, concepts=40)
    corpora.built(graph, tmp_path, annotations)
    assert stored_counts(graph) == dict(corpora.co_occurrences(annotations))
    assert pipeline.check(graph, report=lambda _: None) == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_merging_then_counting_equals_counting_with_merged_names(
    graph: Graph, tmp_path: Path, data: st.DataObject
) -> None:
    concepts = [f"c{n}" for n in range(7)]
    documents = data.draw(st.lists(st.sets(st.sampled_from(concepts), max_size=5), min_size=1, max_size=12))
    targets = data.draw(
        st.fixed_dictionaries({}, optional={one: st.sampled_from(["c0", "c1"]) for one in concepts[2:]})
    )
    annotations = [
        corpora.annotation(f"d{n}", ["t1", "t2"][: 1 + n % 2], sorted(names)) for n, names in enumerate(documents)
    ]
    canonical.wipe(graph)
    corpora.load(graph, tmp_path, annotations)
    present = {name for names in documents for name in names}
    merges = {f"concept:{a}": f"concept:{b}" for a, b in targets.items() if a in present and b in present}
    add_merges(graph, merges)
    build(graph)
    assert stored_counts(graph) == dict(corpora.co_occurrences(annotations, merges))
    renamed = [
        corpora.annotation(
            one.id,
            one.spellings("topic"),
            sorted({targets[c] if f"concept:{c}" in merges else c for c in one.spellings("concept")}),
        )
        for one in annotations
    ]
    after_merge = stored_counts(graph)
    assert pipeline.check(graph, report=lambda _: None) == []
    canonical.wipe(graph)
    corpora.built(graph, tmp_path, renamed)
    assert stored_counts(graph) == after_merge


NAMES = [
    "quadratic equation", "quadratic equations", "Quadratic Equation", "greatest common divisor", "gcd", "left inverse", "right inverse",
    "group", "abelian group", "separable extension", "inseparable extension", "field of fractions", "fraction field", "Gauss's lemma i",
    "Gauss's lemma ii", "linear independence", "linearly independent",
]  # fmt: skip


def names_corpus() -> list[Annotation]:
    rng = np.random.default_rng(4)
    return [
        corpora.annotation(f"d{n}", [f"topic {n % 3}"], [NAMES[i] for i in rng.permutation(len(NAMES))[:6]])
        for n in range(60)
    ]


def merge(graph: Graph, environment: config.Environment, *, dry_run: bool = False) -> list[tuple[str, str]]:
    found = pipeline.merge(graph, environment, MergeSettings(), dry_run=dry_run, report=lambda _: None).merges
    return [(one.alias_id.removeprefix("concept:"), one.canonical_id.removeprefix("concept:")) for one in found]


def test_merge_joins_what_is_one_and_nothing_else(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    text = "The greatest common divisor (gcd) divides both numbers."
    corpora.load(graph, tmp_path, names_corpus(), [Document(id=f"d{n}", text=text) for n in range(60)])
    before = canonical.dump(graph)
    planned = merge(graph, environment, dry_run=True)
    assert canonical.dump(graph) == before
    assert {frozenset(one) for one in planned} == {
        frozenset(one)
        for one in (
            ("quadratic equation", "quadratic equations"),
            ("gcd", "greatest common divisor"),
            ("field of fractions", "fraction field"),
            ("linear independence", "linearly independent"),
        )
    }
    assert merge(graph, environment) == planned
    assert merge(graph, environment) == planned
    build(graph)
    assert pipeline.check(graph, report=lambda _: None) == []


def test_undo_restores_exactly_what_was_and_a_rejected_pair_stays_rejected(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    corpora.load(graph, tmp_path, names_corpus())
    build(graph)
    before = canonical.dump(graph)
    merge(graph, environment)
    held = decisions.merges(graph)
    assert canonical.dump(graph, facts_only=True) != before
    decisions.undo(graph, [one.merge_id for one in held], reject=False)
    build(graph)
    assert canonical.dump(graph) == before
    again = merge(graph, environment)
    assert len(again) == len(held)
    first = decisions.merges(graph)[0]
    decisions.undo(graph, [first.merge_id], reject=True)
    after = merge(graph, environment)
    assert len(after) == len(held) - 1
    assert (first.alias_id.removeprefix("concept:"), first.canonical_id.removeprefix("concept:")) not in after
    with pytest.raises(GraphError, match="only 0 of 1 merge ids"):
        decisions.undo(graph, ["nowhere"], reject=False)


def test_merging_does_not_depend_on_when_documents_came(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    corpus = names_corpus()
    corpora.load(graph, tmp_path, corpus)
    merge(graph, environment)
    build(graph)
    at_once = canonical.dump(graph)
    canonical.wipe(graph)
    corpora.load(graph, tmp_path, corpus[:10])
    merge(graph, environment)
    corpora.load(graph, tmp_path, corpus[10:])
    merge(graph, environment)
    build(graph)
    assert canonical.dump(graph) == at_once


def test_embeddings_are_never_computed_twice(graph: Graph, environment: config.Environment, tmp_path: Path) -> None:
    corpora.load(
        graph,
        tmp_path,
        [corpora.annotation("d", ["a topic of this test"], ["one name of this test", "another name of it"])],
    )
    first = pipeline.plan_merge(graph, environment, MergeSettings()).count
    second = pipeline.plan_merge(graph, environment, MergeSettings()).count
    assert first.notes["embedded_anew"] == 3
    assert second.notes["embedded_anew"] == 0


BREAKAGES = {
    "alias_without_target": "MATCH (c:Concept) WITH c LIMIT 1 SET c:Alias REMOVE c:Concept",
    "merge_chain": "MATCH (a:Concept), (b:Concept), (c:Concept) WHERE a.id < b.id < c.id WITH * LIMIT 1 "
    "SET a:Alias, b:Alias REMOVE a:Concept, b:Concept "
    "CREATE (a)-[:MERGED_INTO {merge_id: '1', cosine: 1.0, rule: 'x'}]->(b)-[:MERGED_INTO {merge_id: '2', cosine: 1.0, rule: 'x'}]->(c)",
    "merge_across_kinds": "MATCH (a:Concept), (b:Topic) WITH * LIMIT 1 SET a:Alias REMOVE a:Concept "
    "CREATE (a)-[:MERGED_INTO {merge_id: '1', cosine: 1.0, rule: 'x'}]->(b)",
    "merge_without_evidence": "MATCH (a:Concept), (b:Concept) WHERE a.id < b.id WITH * LIMIT 1 SET a:Alias REMOVE a:Concept "
    "CREATE (a)-[:MERGED_INTO]->(b)",
    "merge_against_review": "MATCH (a:Concept), (b:Concept) WHERE a.id < b.id WITH * LIMIT 1 SET a:Alias REMOVE a:Concept "
    "CREATE (a)-[:MERGED_INTO {merge_id: '1', cosine: 1.0, rule: 'x'}]->(b), (a)-[:DISTINCT_FROM]->(b)",
    "term_label": "MATCH (c:Concept) WITH c LIMIT 1 SET c:Topic",
    "term_name": "MATCH (c:Concept) WITH c LIMIT 1 SET c.name = 'wrong'",
    "mention_twice": "MATCH (d:Document)-[m:MENTIONS]->(t) WITH d, m, t LIMIT 1 CREATE (d)-[:MENTIONS {spelling: m.spelling}]->(t)",
    "mention_without_spelling": "MATCH ()-[m:MENTIONS]->() WITH m LIMIT 1 REMOVE m.spelling",
    "document_term_count": "MATCH (d:Document) WITH d LIMIT 1 SET d.term_count = d.term_count + 1",
    "term_document_count": "MATCH (t:Topic) WITH t LIMIT 1 REMOVE t.document_count",
    "co_occurrence_direction": "MATCH (a)-[r:CO_OCCURS_WITH]->(b) WITH * LIMIT 1 CREATE (b)-[:CO_OCCURS_WITH {count: r.count}]->(a) DELETE r",
    "co_occurrence_count": "MATCH ()-[r:CO_OCCURS_WITH]->() WITH r LIMIT 1 SET r.count = r.count + 1",
    "holds_terms": "MATCH ()-[r:HOLDS]->() WITH r LIMIT 1 DELETE r",
    "holds_counted_pairs": "CREATE (:CountedPair {key: 'a b', weight: 1, term_count: 0, concept_count: 0})",
    "holds_places": "MATCH ()-[r:HOLDS]->() WITH r LIMIT 1 SET r.place = r.place + 1",
    "holds_runs": "MATCH (t:Topic) WITH t LIMIT 1 SET t.topic_tickets = t.topic_tickets + 1",
    "term_slot": "MATCH (c:Concept) WITH c LIMIT 2 SET c.slot = 0",
    "context_slot": "MATCH (d:Document) WITH d LIMIT 2 SET d.slot = 0",
    "build_not_complete": "MATCH (b:Build) SET b.state = 'stale'",
    "question_without_origin": "CREATE (:Question {id: 'q', concepts: []})",
    "answer_without_question": "CREATE (:Answer {id: 'a'})",
    "combination_without_terms": "CREATE (:Combination {id: 'c'})",
    "forgotten_document": "CREATE (:Document {id: 'gone', content_hash: 'x'})",
}


def test_every_check_has_a_breakage() -> None:
    assert set(BREAKAGES) == {query.name.removeprefix("check/") for query in queries.load_folder("check")}


@pytest.mark.parametrize("check", sorted(BREAKAGES))
def test_each_check_finds_a_graph_broken_on_purpose(graph: Graph, tmp_path: Path, check: str) -> None:
    corpora.built(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    forgotten = Forgotten(documents=Tombstones({"gone": "asked"}))
    assert pipeline.check(graph, forgotten=forgotten) == []
    canonical.run(graph, BREAKAGES[check])
    assert check in {finding.check for finding in pipeline.check(graph, forgotten=forgotten)}


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("holds_runs", "MATCH ()-[r:HOLDS]->(:Topic) WITH r LIMIT 1 SET r.concept_upto = r.concept_upto + 1"),
        ("holds_runs", "MATCH ()-[r:HOLDS]->(:Topic) WITH r LIMIT 1 REMOVE r.topic_upto"),
        ("holds_runs", "MATCH ()-[r:HOLDS]->(:Concept) WITH r LIMIT 1 SET r.topic_upto = 7"),
        ("holds_runs", "MATCH (c:Concept) WITH c LIMIT 1 SET c.concept_tickets = c.concept_tickets - 1"),
        ("holds_runs", "MATCH (c:Concept) WHERE c.slot > 0 WITH c LIMIT 1 SET c.slot = 1000"),
        ("holds_terms", "MATCH (d:Document), (c:Concept) WHERE NOT (d)-[:MENTIONS]->(c) WITH d, c LIMIT 1 "
         "CREATE (d)-[:HOLDS {place: 1}]->(c)"),
        ("holds_terms", "MATCH (d:Document)-[r:HOLDS]->(c) WITH d, r, c LIMIT 1 CREATE (d)-[s:HOLDS]->(c) SET s = r"),
        ("holds_places", "MATCH (d:Document) WITH d LIMIT 1 SET d.concept_count = d.concept_count + 1"),
        ("holds_places", "MATCH (d:Document)-[r:HOLDS]->(c:Concept), (d)-[s:HOLDS]->(t:Topic) WITH r, s, r.place AS place LIMIT 1 "
         "SET r.place = s.place, s.place = place"),
        ("holds_counted_pairs", "MATCH (a:Concept), (b:Concept) WHERE a.id < b.id WITH a, b LIMIT 1 "
         "CREATE (a)-[:COUNTED_WITH {count: 2}]->(b)"),
        ("term_slot", "MATCH (c:Concept) WITH c LIMIT 1 REMOVE c.slot"),
        ("context_slot", "MATCH (d:Document) WITH d LIMIT 1 REMOVE d.slot"),
        ("co_occurrence_count", "MATCH ()-[r:CO_OCCURS_WITH]->() WITH r LIMIT 1 DELETE r"),
    ],
)  # fmt: skip
def test_other_damage_is_found_too(graph: Graph, tmp_path: Path, check: str, damage: str) -> None:
    corpora.built(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    canonical.run(graph, damage)
    assert check in {finding.check for finding in pipeline.check(graph, report=lambda _: None)}


@pytest.mark.parametrize(
    "damage",
    [
        "CREATE (a)-[:CO_OCCURS_WITH {count: 1}]->(a)",
        "CREATE (b)-[:CO_OCCURS_WITH {count: 1}]->(b)",
        "CREATE (a)-[:CO_OCCURS_WITH {count: 1}]->(b), (b)-[:CO_OCCURS_WITH {count: 1}]->(a)",
        "CREATE (a)-[:CO_OCCURS_WITH {count: 1}]->(b), (a)-[:CO_OCCURS_WITH {count: 1}]->(b)",
        "CREATE (a)-[:CO_OCCURS_WITH {count: 1}]->(c)",
    ],
)
def test_co_occurrences_of_rare_names_are_found_where_they_stand_wrong(graph: Graph, damage: str) -> None:
    names = [("a", "\N{GRINNING FACE}"), ("b", "\N{REPLACEMENT CHARACTER}"), ("c", "c")]
    made = ", ".join(f"({name}:Term:Concept {{id: 'concept:{text}', name: '{text}'}})" for name, text in names)
    canonical.run(graph, f"CREATE {made} {damage}")
    found = {finding.check for finding in pipeline.check(graph, report=lambda _: None)}
    assert "co_occurrence_direction" in found


@pytest.mark.parametrize("damage", ["(a)-[:CO_OCCURS_WITH {count: 1}]->(b)", "(b)-[:CO_OCCURS_WITH {count: 1}]->(a)"])
def test_co_occurrences_of_rare_names_may_stand_either_way(graph: Graph, damage: str) -> None:
    canonical.run(
        graph,
        "CREATE (a:Term:Concept {id: 'concept:\N{GRINNING FACE}'}), (b:Term:Concept {id: 'concept:\N{REPLACEMENT CHARACTER}'}), "
        + damage,
    )
    found = {finding.check for finding in pipeline.check(graph, report=lambda _: None)}
    assert "co_occurrence_direction" not in found


def test_counted_pairs_are_contexts_that_weigh_their_counts(graph: Graph, tmp_path: Path) -> None:
    corpora.load(graph, tmp_path, [corpora.annotation("d1", ["t"], ["a", "b"]), corpora.annotation("d2", ["t"], ["a"])])
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"first": "a", "second": other, "count": 2} for other in ("x", "y", "z")]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    pipeline.load_pairs(graph, [str(pairs)], DocumentsSettings(), rejects=tmp_path / "r.jsonl", report=lambda _: None)
    add_merges(graph, {"concept:y": "concept:b"})
    build(graph)
    tickets = {row["id"]: row["tickets"] for row in canonical.run(
        graph, "MATCH (t:Concept) RETURN t.id AS id, t.concept_tickets AS tickets")}  # fmt: skip
    # a stands with b in d1, and with x, y (which counts as b) and z twice each.
    assert tickets == {"concept:a": 7, "concept:b": 3, "concept:x": 2, "concept:z": 2}
    assert stored_counts(graph)["concept:a", "concept:b"] == 3
    assert pipeline.check(graph, report=lambda _: None) == []
    # The merge is undone, and the counted pair grows with it.
    decisions.undo(graph, ["m-concept:y"], reject=False)
    assert pipeline.build(graph, report=lambda _: None).is_grown
    assert stored_counts(graph)["concept:a", "concept:y"] == 2
    assert pipeline.check(graph, report=lambda _: None) == []


@pytest.mark.parametrize(("keep", "stored"), [("all", None), ("none", 0), (2, 2)])
def test_as_many_co_occurrences_are_stored_as_were_asked_for(
    graph: Graph, tmp_path: Path, keep: derived.CoOccurrences, stored: int | None
) -> None:
    annotations = corpora.random_annotations(2, documents=60, topics=4, concepts=20)
    corpora.load(graph, tmp_path, annotations[:50])
    pipeline.build(graph, keep=keep, report=lambda _: None)
    held = corpora.arrays(corpora.contexts(annotations[:50]))
    expected = {
        (held.terms[one], held.terms[other])
        for firsts, seconds, _, _ in (derived.stored_pairs(held, stored) if stored != 0 else [])
        for one, other in zip(firsts.tolist(), seconds.tolist(), strict=True)
    }
    assert set(stored_counts(graph)) == expected
    # What grows keeps the counts of those that are stored.
    corpora.load(graph, tmp_path, annotations[50:])
    assert pipeline.build(graph, report=lambda _: None).is_grown
    now = corpora.co_occurrences(annotations)
    assert {pair: now[pair] for pair in stored_counts(graph)} == stored_counts(graph)
    assert pipeline.check(graph, report=lambda _: None) == []
    # Another choice is a build from nothing, and the choice stays.
    assert not pipeline.build(graph, keep=1, report=lambda _: None).is_grown
    assert derived.build_state(graph).co_occurrences == "1"
    assert pipeline.build(graph, is_whole=True, report=lambda _: None).kept_co_occurrences == "1"


@pytest.mark.parametrize(("keep", "after"), [("all", "all"), ("auto", "20"), (None, "20")])
def test_all_co_occurrences_stay_stored_when_the_graph_outgrows_the_limit_of_auto(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: derived.CoOccurrences | None, after: str
) -> None:
    annotations = corpora.random_annotations(3, documents=40, topics=4, concepts=20)
    corpora.load(graph, tmp_path, annotations)
    assert pipeline.build(graph, keep=keep, report=lambda _: None).kept_co_occurrences == "all"
    monkeypatch.setattr(derived, "MOST_PAIRS", 1)
    assert pipeline.build(graph, is_whole=True, report=lambda _: None).kept_co_occurrences == after
    assert derived.last_rule(derived.build_state(graph)) == (keep or "auto")


def test_a_build_holds_no_read_open_beside_its_writes(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora.load(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=3, concepts=10))

    def stream(*_: object, **__: object) -> None:
        # On a large graph Neo4j finds the relationships of a node rearranged under the read, and gives up.
        raise AssertionError("a long read beside writes")

    monkeypatch.setattr(Graph, "stream", stream)
    assert pipeline.build(graph, is_whole=True, report=lambda _: None).holds > 0


def test_a_build_notices_that_the_graph_was_changed_meanwhile(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora.load(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    original = derived.co_occurrence_rows

    def meanwhile(*arguments):
        corpora.load(graph, tmp_path, [corpora.annotation("late", ["t"], ["a", "b"])])
        return original(*arguments)

    monkeypatch.setattr(derived, "co_occurrence_rows", meanwhile)
    with pytest.raises(GraphError, match="was changed"):
        build(graph)
    monkeypatch.undo()
    assert derived.state(graph) == "building"
    build(graph)
    assert pipeline.check(graph, report=lambda _: None) == []


@pytest.mark.parametrize("where", ["derive/delete_relationships", "derive/clear_terms"])
def test_a_build_that_was_overtaken_takes_nothing_from_the_other(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    corpora.built(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    monkeypatch.setattr(derived, "_CLEAR_BATCH", 10)
    original, waiting = derived._write_locked, [where]

    def held(graph, token, query, **parameters):
        if waiting == [query.name]:
            waiting.clear()
            build(graph)
        return original(graph, token, query, **parameters)

    monkeypatch.setattr(derived, "_write_locked", held)
    with pytest.raises(GraphError, match="was changed"):
        build(graph)
    assert waiting == []
    assert derived.state(graph) == "complete"
    assert pipeline.check(graph, report=lambda _: None) == []


def test_calling_a_merged_pair_different_takes_the_merge_back(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    corpora.load(graph, tmp_path, [corpora.annotation("d", ["t"], ["gram matrix", "gram matrices"])])
    assert len(merge(graph, environment)) == 1
    decisions.set_distinct(graph, "concept:gram matrix", "concept:gram matrices")
    assert decisions.merges(graph) == []
    assert merge(graph, environment) == []
    for first, second in (("concept:gram matrix", "concept:gram matrix"), ("concept:gram matrix", "topic:t")):
        with pytest.raises(GraphError, match="never merged"):
            decisions.set_distinct(graph, first, second)


def test_derived_relationships_go_a_few_at_a_time(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All in one statement were held in the server's memory: 29 million were too many.
    corpora.built(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    whole = canonical.dump(graph)
    (held,) = canonical.run(graph, "MATCH ()-[r:CO_OCCURS_WITH|HOLDS]->() RETURN count(r) AS n")
    monkeypatch.setattr(derived, "_CLEAR_BATCH", 50)
    original, taken = Transaction.run, []

    def run(self, query, **parameters):
        rows = original(self, query, **parameters)
        if query.name == "derive/delete_relationships":
            taken.append(rows[0]["count"])
        return rows

    monkeypatch.setattr(Transaction, "run", run)
    build(graph)
    assert sum(taken) == held["n"]
    assert max(taken) == 50
    assert len(taken) == -(-held["n"] // 50) + 1
    assert canonical.dump(graph) == whole


def test_a_build_that_was_killed_is_repaired_by_the_next(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora.built(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    whole = canonical.dump(graph)
    monkeypatch.setattr("kgsynth.graph.derived.Layer.term_rows", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(graph)
    assert {finding.check for finding in pipeline.check(graph, report=lambda _: None)} >= {
        "build_not_complete",
        "holds_runs",
        "term_document_count",
    }
    monkeypatch.undo()
    build(graph)
    assert canonical.dump(graph) == whole


@pytest.mark.parametrize(("held", "is_grown"), [("auto", True), ("all", False), ("none", False), (3, False)])
def test_a_build_that_is_asked_to_choose_keeps_no_other_co_occurrences(
    graph: Graph, tmp_path: Path, held: derived.CoOccurrences, is_grown: bool
) -> None:
    corpora.load(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    pipeline.build(graph, keep=held, report=lambda _: None)
    corpora.load(graph, tmp_path, [corpora.annotation("new", ["topic 1"], ["concept 1", "concept 2"])])
    counts = pipeline.build(graph, keep="auto", report=lambda _: None)
    assert counts.is_grown == is_grown
    assert is_grown or counts.kept_co_occurrences == "all"


def test_a_graph_of_an_earlier_version_is_built_again_with_its_indexes(graph: Graph, tmp_path: Path) -> None:
    corpora.built(graph, tmp_path, corpora.random_annotations(1, documents=20, topics=4, concepts=12))
    whole = canonical.dump(graph)
    # Such a graph has no digest, other relationships and properties, and none of the indexes of these.
    canonical.run(graph, "MATCH (b:Build) REMOVE b.digest")
    canonical.run(
        graph,
        "MATCH (t:Term) REMOVE t.concept_tickets, t.topic_tickets SET t.digest = 1, t.next_topic_from = 0, "
        "t.next_topic_tickets = 0, t.first_concept_from = 0, t.first_concept_tickets = 0, t.next_concept_from = 0, "
        "t.next_concept_tickets = 0",
    )
    canonical.run(graph, "MATCH ()-[r:HOLDS]->() DELETE r")
    canonical.run(
        graph, "MATCH (a:Topic), (b:Concept) WITH a, b LIMIT 3 CREATE (a)-[:FIRST_CONCEPT {tickets: 1, upto: 1}]->(b)"
    )
    names = ["holds_concept_upto", "holds_topic_upto", "holds_place"]
    for name in names:
        canonical.run(graph, f"DROP INDEX {name}")
    with pytest.raises(GraphError, match="than this version of kgsynth"):
        derived.fingerprint(graph)
    build(graph)
    assert canonical.dump(graph) == whole
    rows = canonical.run(graph, "SHOW INDEXES YIELD name, state RETURN name, state")
    assert {row["name"] for row in rows if row["state"] == "ONLINE"} >= set(names)
