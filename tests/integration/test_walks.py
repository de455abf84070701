"""Walks in a real Neo4j: the law as a distribution, and identity with the reference whatever the batch or sessions."""

import json
from collections import Counter
from itertools import combinations as combinations_of, pairwise
from pathlib import Path

import pytest
from scipy import stats

from kgsynth import config, pipeline, queries
from kgsynth.errors import ConfigError, GraphError, QueryError
from kgsynth.graph import derived
from kgsynth.graph.session import Graph
from kgsynth.progress import Silent
from kgsynth.records import Combination, StageCount, content_hash
from kgsynth.settings import DocumentsSettings, SampleSettings
from kgsynth.walks import cypher_engine, walk_tables
from kgsynth.walks.coverage_weights import Coverage
from kgsynth.walks.draws import Starts, draws
from kgsynth.walks.steering import lens_of
from tests import canonical, corpora
from tests.walker import Context, ReferenceWalker

# A correct engine fails a chi-square test at this level once in ten thousand seeds; the seeds are fixed.
SMALLEST_P = 1e-4


def drawn(graph: Graph, settings: SampleSettings) -> tuple[list[Combination], StageCount]:
    count = StageCount(stage="sample", unit="walks")
    return list(pipeline.sample(graph, config.environment(), settings, count)), count


def paths(
    graph: Graph, starts: list[str], *, seed: int, limit: int, batch_size: int = 2000, sessions: int = 1, weights=None
):
    lens = None
    if weights is not None:
        tables = walk_tables.of_contexts(derived.contexts(graph))
        lens = lens_of(tables, corpora.units(tables, weights))
    made = cypher_engine.walks(
        graph, Starts(seed, starts), seed=seed, batch_size=batch_size, sessions=sessions, limit=limit, lens=lens
    )
    return list(made)


def topics(graph: Graph) -> list[str]:
    return [row["id"] for row in graph.read(queries.load("walk/topics"))]


@pytest.fixture
def corpus(graph: Graph, tmp_path: Path):
    annotations = corpora.random_annotations(5, documents=150, topics=12, concepts=60)
    corpora.built(graph, tmp_path, annotations)
    return corpora.contexts(annotations)


def test_walks_are_those_of_the_reference_in_every_batch_size_and_number_of_sessions(graph: Graph, corpus) -> None:
    walker = ReferenceWalker(corpus)
    starts = Starts(11, topics(graph))
    table = draws(11, first=0, count=600)
    expected = [(number, *walker.walked(starts.topic_of(number), table[number])) for number in range(600)]
    for batch_size, sessions in ((1, 1), (100, 1), (2000, 1), (100, 4)):
        limit = 40 if batch_size == 1 else 600
        found = [
            tuple(walk)
            for walk in paths(graph, topics(graph), seed=11, limit=limit, batch_size=batch_size, sessions=sessions)
        ]
        assert found == expected[:limit]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_step_table_follows_its_counts(graph: Graph, corpus, seed: int) -> None:
    walks = paths(graph, topics(graph), seed=seed, limit=30_000, batch_size=3000)
    walker = ReferenceWalker(corpus)
    taken: dict[tuple[str, str], Counter[str]] = {}
    for walk in walks:
        for source, target in zip(walk.path, walk.path[1:], strict=False):
            taken.setdefault((source, target.partition(":")[0]), Counter())[target] += 1
    tested = 0
    for (source, kind), seen in taken.items():
        steps = walker.steps(source, kind)
        total, tickets = seen.total(), sum(count for _, count in steps)
        expected = [total * count / tickets for _, count in steps]
        assert set(seen) <= {target for target, _ in steps}
        if len(steps) > 1 and min(expected) >= 5:
            tested += 1
            p = stats.chisquare([seen[target] for target, _ in steps], expected).pvalue
            assert p > SMALLEST_P / 10, (source, kind, p)
    assert tested >= 20


def test_lengths_are_uniform_and_every_topic_starts_once_an_epoch(graph: Graph, corpus) -> None:
    ids = topics(graph)
    walks = paths(graph, ids, seed=3, limit=len(ids) * 400)
    for epoch in range(0, len(walks), len(ids)):
        assert sorted(walk.path[0] for walk in walks[epoch : epoch + len(ids)]) == ids
    complete = [walk.path for walk in walks if "concept" in walk.path[-1]]
    topic_steps = Counter(sum(term.startswith("topic") for term in path) - 1 for path in complete)
    concept_steps = Counter(sum(term.startswith("concept") for term in path) - 1 for path in complete)
    assert set(topic_steps) <= {1, 2}
    assert set(concept_steps) <= {3, 4}
    for counter in (topic_steps, concept_steps):
        assert stats.binomtest(max(counter.values()), counter.total(), 0.5).pvalue > SMALLEST_P


def test_a_lens_gives_exactly_the_weighted_law(graph: Graph, corpus, tmp_path: Path) -> None:
    ids = sorted({term for context in corpus for term in context.terms})
    weights = {term: 1 + 999 * (number % 3) for number, term in enumerate(ids) if number % 5}
    walker = ReferenceWalker(corpus, weights)
    within = [term for term in topics(graph) if term in weights]
    starts = Starts(8, within)
    table = draws(8, first=0, count=300)
    found = paths(graph, within, seed=8, limit=300, weights=weights)
    assert [walk[1:] for walk in found] == [walker.walked(starts.topic_of(n), table[n]) for n in range(300)]
    assert all(term in weights for walk in found for term in walk.path)


def test_a_lens_that_lets_everything_pass_changes_nothing(graph: Graph, corpus, tmp_path: Path) -> None:
    lens = tmp_path / "all.cypher"
    lens.write_text("MATCH (t:Concept|Topic) RETURN t.id AS id, 2.5 AS weight")
    plain, _ = drawn(graph, SampleSettings(seed=4, combinations=50))
    through, _ = drawn(graph, SampleSettings(seed=4, combinations=50, within=str(lens)))
    assert plain == through


def test_start_and_within_files_are_obeyed_and_checked(graph: Graph, corpus, tmp_path: Path) -> None:
    start = tmp_path / "start.cypher"
    start.write_text("MATCH (t:Topic) RETURN t.id AS id ORDER BY id LIMIT 2")
    some, _ = drawn(graph, SampleSettings(seed=4, epochs=20, start=str(start)))
    assert {one.path[0] for one in some} == set(topics(graph)[:2])
    for text, error, words in (
        ("MATCH (t:Concept) RETURN t.id AS id", ConfigError, "not a topic"),
        ("RETURN 'topic:nowhere' AS id", ConfigError, "not concepts or topics"),
        ("MATCH (t:Topic) RETURN t.name AS name", QueryError, "'id'"),
        ("MATCH (t:Topic) WHERE false RETURN t.id AS id", QueryError, "no row"),
        ("MATCH (t:Topic) DETACH DELETE t", QueryError, "more than read"),
        ("LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row[0] AS id", QueryError, "LOAD CSV"),
        ("CALL dbms.listConfig() YIELD name RETURN name AS id", QueryError, "procedure|more than read|not allowed"),
        ("SHOW USERS YIELD user RETURN user AS id", QueryError, "administration|more than read|not allowed"),
        ("MATCH (t:Topic RETURN t.id", QueryError, "start.cypher"),
        (
            "WITH reduce(a = '', y IN [1] | a + reduce(b = '', l IN COLLECT { LOAD CSV FROM 'http://127.0.0.1:9/' AS l "
            "RETURN l[0] } | b + l)) AS id RETURN id",
            QueryError,
            "LOAD CSV",
        ),
        ("SHOW TRANSACTIONS YIELD transactionId AS id RETURN id", QueryError, "SHOW"),
        ("TERMINATE TRANSACTIONS 'neo4j-transaction-1'", QueryError, "TERMINATE"),
        (
            "RETURN any(x IN [1] WHERE EXISTS { CALL dbms.listConfig() YIELD name RETURN name }) AS id",
            QueryError,
            "calling dbms.listConfig",
        ),
        ("LO\\u0041D CSV FROM 'x' AS l RETURN l", QueryError, "escape"),
        ("MATCH (t:Topic) RETURN t.id AS id; MATCH (t:Topic) DETACH DELETE t", QueryError, "start.cypher"),
    ):
        start.write_text(text)
        with pytest.raises(error, match=words):
            drawn(graph, SampleSettings(seed=4, epochs=1, start=str(start)))
    assert len(topics(graph)) == 12
    start.write_text("MATCH (t:Topic) CALL (t) { RETURN t.id AS id } // SHOW\nRETURN id LIMIT 1")
    assert drawn(graph, SampleSettings(seed=4, epochs=9, start=str(start)))[0]


def test_output_is_the_same_for_all_batch_sizes_and_sessions(graph: Graph, corpus) -> None:
    wanted = [drawn(graph, SampleSettings(seed=9, combinations=120, batch_size=size, sessions=sessions))
              for size, sessions in ((1, 1), (100, 1), (2000, 1), (100, 4))]  # fmt: skip
    assert all(combos == wanted[0][0] for combos, _ in wanted)
    assert all(count.read == wanted[0][1].read for _, count in wanted)
    other, _ = drawn(graph, SampleSettings(seed=10, combinations=120))
    assert other != wanted[0][0]


def test_grounding_is_the_two_largest_jaccards(graph: Graph, tmp_path: Path) -> None:
    annotations = corpora.random_annotations(6, documents=80, topics=6, concepts=30)
    corpora.built(graph, tmp_path, annotations)
    combos, _ = drawn(graph, SampleSettings(seed=1, combinations=60))
    for one in combos:
        scored = []
        for document in annotations:
            terms = corpora.terms_of(document, {})
            shared = len(terms & set(one.terms))
            if shared:
                scored.append((-shared / len(terms | set(one.terms)), document.id))
        expected = [(identity, -negative) for negative, identity in sorted(scored)[:2]]
        assert [document.id for document in one.documents] == [identity for identity, _ in expected]
        assert [document.jaccard for document in one.documents] == pytest.approx([jaccard for _, jaccard in expected])


def test_dead_ends_are_counted_and_never_lost(graph: Graph, tmp_path: Path) -> None:
    corpora.built(
        graph,
        tmp_path,
        [
            corpora.annotation("alone", ["isolated topic"], []),
            corpora.annotation("one", ["lonely topic"], ["only concept"]),
            corpora.annotation("pair", ["good topic"], ["first", "second"]),
        ],
    )
    combos, count = drawn(graph, SampleSettings(seed=1, epochs=3))
    assert {one.concepts for one in combos} == {("concept:first", "concept:second")}
    assert count.read == 9
    assert count.rejected == {"too small": 6, "repeat": 2}
    assert count.kept == 1


def test_an_exhausted_graph_says_so(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgsynth.walks.combinations._EXHAUSTED_AFTER", 200)
    corpora.built(graph, tmp_path, [corpora.annotation("pair", ["topic"], ["first", "second"])])
    combos, count = drawn(graph, SampleSettings(seed=1, combinations=10))
    assert len(combos) == 1
    assert count.notes["asked_for"] == 10
    assert "exhausted" in str(count.notes["graph"])


def test_a_graph_of_one_concept_gives_a_clear_error(graph: Graph, tmp_path: Path) -> None:
    corpora.built(graph, tmp_path, [corpora.annotation("one", ["topic"], ["concept"])])
    with pytest.raises(GraphError, match="none of 5 walks visited 2 concepts"):
        drawn(graph, SampleSettings(seed=1, epochs=5))
    combos, _ = drawn(graph, SampleSettings(seed=1, epochs=5, min_concepts=1))
    assert [one.concepts for one in combos] == [("concept:concept",)]


def test_a_hub_is_one_index_seek(graph: Graph, tmp_path: Path) -> None:
    annotations = [corpora.annotation(f"d{n}", ["topic"], ["hub", f"leaf {n}"]) for n in range(400)]
    corpora.built(graph, tmp_path, annotations)
    walks = paths(graph, ["topic:topic"], seed=2, limit=4000)
    walker = ReferenceWalker(corpora.contexts(annotations))
    table = draws(2, first=0, count=4000)
    assert [walk.path for walk in walks] == [walker.walk("topic:topic", row) for row in table]


def test_without_topics_seed_or_build_nothing_is_drawn(graph: Graph, tmp_path: Path) -> None:
    corpora.load(graph, tmp_path, [corpora.annotation("one", [], ["a", "b"])])
    with pytest.raises(GraphError, match="were never built"):
        drawn(graph, SampleSettings(seed=1, epochs=1))
    pipeline.build(graph, report=lambda _: None)
    with pytest.raises(GraphError, match="no topic"):
        drawn(graph, SampleSettings(seed=1, epochs=1))
    with pytest.raises(ConfigError, match="no seed"):
        drawn(graph, SampleSettings(epochs=1))
    canonical.run(graph, "MATCH (b:Build) SET b.state = 'building'")
    with pytest.raises(GraphError, match="left incomplete"):
        drawn(graph, SampleSettings(seed=1, epochs=1))


def test_favouring_the_unused_covers_more_and_keeps_the_law(graph: Graph, tmp_path: Path) -> None:
    annotations = corpora.random_annotations(5, documents=150, topics=12, concepts=120)
    corpora.built(graph, tmp_path, annotations)
    earlier, _ = drawn(graph, SampleSettings(seed=1, combinations=150))
    file = tmp_path / "earlier.jsonl"
    file.write_text("".join(json.dumps(one.to_row()) + "\n" for one in earlier))
    plain, _ = drawn(graph, SampleSettings(seed=2, combinations=150))
    settings = SampleSettings(seed=2, combinations=150, favour="unused", earlier=(str(file),))
    favoured, count = drawn(graph, settings)
    assert drawn(graph, settings)[0] == favoured

    def gain(combinations: list[Combination]) -> tuple[int, int]:
        before, both = (
            Coverage.of(one.concepts for one in earlier),
            Coverage.of(one.concepts for one in [*earlier, *combinations]),
        )
        return len(both.uses) - len(before.uses), len(both.pairs) - len(before.pairs)

    assert gain(favoured)[0] > gain(plain)[0]
    assert gain(favoured)[1] > 1.2 * gain(plain)[1]

    # The weights as the definition has them, and the steps as the weights have them.
    counts = corpora.co_occurrences(annotations)
    others: dict[str, set[str]] = {}
    for first, second in counts:
        if first.startswith("concept:") and second.startswith("concept:"):
            others.setdefault(first, set()).add(second)
            others.setdefault(second, set()).add(first)
    together = {frozenset(pair) for one in earlier for pair in combinations_of(sorted(set(one.concepts)), 2)}
    uses = Counter(concept for one in earlier for concept in set(one.concepts))
    weights = dict.fromkeys(topics(graph), 1000)
    for concept in {one for pair in counts for one in pair if one.startswith("concept:")}:
        pairs = others.get(concept, set())
        unused = sum(frozenset((concept, other)) not in together for other in pairs)
        weights[concept] = max(1, int(1000 * (1 + unused) / (1 + len(pairs)) / (1 + uses[concept]) + 0.5))
    assert count.notes["weights"] == content_hash(sorted(weights.items()))[:12]
    walker = ReferenceWalker(corpora.contexts(annotations), weights)
    walks = paths(graph, topics(graph), seed=3, limit=20_000, weights=weights)
    taken: dict[str, Counter[str]] = {}
    for walk in walks:
        for source, target in pairwise(walk.path):
            if source.startswith("concept:"):
                taken.setdefault(source, Counter())[target] += 1
    source, seen = max(taken.items(), key=lambda item: item[1].total())
    steps = walker.steps(source, "concept")
    expected = [seen.total() * tickets / sum(own for _, own in steps) for _, tickets in steps]
    likely = [(seen[target], many) for (target, _), many in zip(steps, expected, strict=True) if many >= 5]
    rest = (seen.total() - sum(one for one, _ in likely), seen.total() - sum(many for _, many in likely))
    observed, wanted = zip(*[*likely, *([rest] if rest[1] > 0 else [])], strict=True)
    assert len(observed) > 5
    assert stats.chisquare(observed, wanted).pvalue > SMALLEST_P


@pytest.mark.parametrize("lens", ["", "MATCH (t:Concept|Topic) RETURN t.id AS id, 0.5 + size(t.name) % 3 AS weight"])
def test_the_compiled_engine_walks_the_same_walks(
    graph: Graph, corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lens: str
) -> None:
    pytest.importorskip("numba")
    monkeypatch.setenv("KGSYNTH_HOME", str(tmp_path / "home"))
    file = tmp_path / "lens.cypher"
    file.write_text(lens or "MATCH (t:Concept|Topic) RETURN t.id AS id")
    values = {"seed": 7, "epochs": 150, "within": str(file) if lens else ""}
    by_graph, graph_count = drawn(graph, SampleSettings(engine="cypher", **values))
    compiled, compiled_count = drawn(graph, SampleSettings(engine="compiled", **values))
    assert compiled == by_graph
    assert (compiled_count.kept, compiled_count.rejected) == (graph_count.kept, graph_count.rejected)
    folder = tmp_path / "home" / "walks" / str(graph_count.notes["fingerprint"])
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}
    # The second call maps what the first has written, and a broken file is made anew.
    (folder / "tables.json").write_text("{}")
    again, _ = drawn(graph, SampleSettings(engine="compiled", **values))
    assert again == by_graph
    assert json.loads((folder / "tables.json").read_text())["shift"] >= 1


@pytest.mark.parametrize("engine", ["cypher", "compiled"])
def test_the_stage_of_the_walks_comes_after_all_that_they_need(
    graph: Graph, corpus, tmp_path: Path, engine: str
) -> None:
    pytest.importorskip("numba")
    events: list[str] = []

    class Recorded(Silent):
        def stage(self, name: str, total: int | None, account: object = None) -> None:
            events.append(f"{name} of {total}")

        def advance(self, count: int = 1) -> None:
            if events[-1] != "advance":
                events.append("advance")

        def done(self) -> None:
            events.append("done")

    lens = tmp_path / "lens.cypher"
    lens.write_text("MATCH (t:Concept|Topic) RETURN t.id AS id")
    home = config.Environment(home=tmp_path / "home")
    settings = SampleSettings(seed=4, combinations=50, engine=engine, within=str(lens), favour="unused")
    count = StageCount(stage="sample", unit="walks")
    assert len(list(pipeline.sample(graph, home, settings, count, progress=Recorded()))) == 50
    assert [event for event in events if event not in ("advance", "done")] == [
        "walk tables of None",
        "lens of None",
        "earlier combinations of None",
        "unused pairs of 60",
        "sample of 50",
    ]
    assert events[-3:] == ["sample of 50", "advance", "done"]


def test_tables_that_are_kept_outside_are_those_of_the_graph(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    ask = SampleSettings(seed=1, epochs=3, engine="compiled", min_concepts=2)
    found = {}
    for name in ("d", "e"):
        canonical.wipe(graph)
        corpora.built(graph, tmp_path, corpora.many(name, 3, ["a", "b", "c"]))
        account = StageCount(stage="sample")
        rows = list(pipeline.sample(graph, environment, ask, account))
        found[name] = (account.notes["fingerprint"], {one.id for row in rows for one in row.documents})
    # Other documents, other walks: the fingerprint tells.
    assert found["d"][0] != found["e"][0]
    assert (found["d"][1], found["e"][1]) == ({"d0", "d1"}, {"e0", "e1"})


@pytest.mark.parametrize("engine", ["cypher", "compiled"])
def test_documents_that_a_walk_went_through_ground_it_when_asked(graph: Graph, corpus, engine: str) -> None:
    settings = {"seed": 3, "combinations": 80, "engine": engine}
    alike, _ = drawn(graph, SampleSettings(**settings))
    walked, _ = drawn(graph, SampleSettings(**settings, grounding="walked"))
    terms = {context.name: set(context.terms) for context in corpus}
    assert [one.path for one in walked] == [one.path for one in alike]
    assert [one.documents for one in walked] != [one.documents for one in alike]
    for one in walked:
        assert len(one.through) == len(one.path) - 1
        assert all(
            {first, second} <= terms[name]
            for first, second, name in zip(one.path, one.path[1:], one.through, strict=False)
        )
        shares = {name: len(terms[name] & set(one.path)) / len(terms[name] | set(one.path)) for name in one.through}
        expected = sorted(shares.items(), key=lambda own: (-own[1], own[0]))[:2]
        assert [(document.id, document.jaccard) for document in one.documents] == expected


def test_walks_of_counted_pairs_and_documents_together(graph: Graph, tmp_path: Path) -> None:
    annotations = corpora.random_annotations(5, documents=40, topics=6, concepts=20)
    corpora.load(graph, tmp_path, annotations)
    rows = [(f"concept {n}", f"concept {n * 7 % 19 + 1}", 1 + n % 5) for n in range(19) if n != n * 7 % 19 + 1]
    table = tmp_path / "pairs.csv"
    table.write_text("first,second,count\n" + "".join(f"{a},{b},{count}\n" for a, b, count in rows))
    pipeline.load_pairs(graph, [str(table)], DocumentsSettings(), rejects=tmp_path / "r", report=lambda _: None)
    pipeline.build(graph, report=lambda _: None)
    assert pipeline.check(graph, report=lambda _: None) == []
    counted = {tuple(sorted((f"concept:{a}", f"concept:{b}"))): count for a, b, count in rows}
    pairs = [
        Context("", list(pair), count) for pair, count in sorted(counted.items(), key=lambda own: "\n".join(own[0]))
    ]
    held = corpora.contexts(annotations) + pairs
    starts = Starts(2, topics(graph))
    table_of_draws = draws(2, first=0, count=500)
    for weights in (
        None,
        {one: 1 + number % 9 for number, one in enumerate(sorted({t for c in held for t in c.terms}))},
    ):
        walker = ReferenceWalker(held, weights)
        found = paths(graph, topics(graph), seed=2, limit=500, weights=weights)
        assert [walk[1:] for walk in found] == [
            walker.walked(starts.topic_of(n), table_of_draws[n]) for n in range(500)
        ]
        assert any("" in walk.through for walk in found)
