"""Commands that change one graph at the same time leave it as if one had waited for the other."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

from kgsynth import config, pipeline
from kgsynth.documents.forgotten import REASON, TombstoneFile, read_forgotten
from kgsynth.errors import GraphError, KgsynthError
from kgsynth.graph import decisions, facts, provenance
from kgsynth.graph.session import Graph, Transaction
from kgsynth.pipeline import forgetting
from kgsynth.records import Annotation, Document
from kgsynth.settings import AnswerSettings, DocumentsSettings, GenerateSettings, MergeSettings, SampleSettings
from tests import canonical, corpora


@pytest.fixture
def home(environment: config.Environment, tmp_path: Path) -> config.Environment:
    """Return an environment with its own tombstones."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(environment.models)
    return config.Environment(home=tmp_path / "home")


def corpus(count: int) -> tuple[list[Annotation], list[Document]]:
    annotations = corpora.random_annotations(5, documents=count, topics=6, concepts=40)
    return annotations, [Document(id=one.id, text=f"Text of {one.id}", title=one.id) for one in annotations]


def load(
    graph: Graph, home: config.Environment, desk: Path, annotations: list[Annotation], documents: list[Document]
) -> Any:
    desk.mkdir(exist_ok=True)
    (desk / "annotations.jsonl").write_text("".join(one.to_json() + "\n" for one in annotations))
    (desk / "documents.jsonl").write_text("".join(one.to_json() + "\n" for one in documents))
    return pipeline.load(
        graph,
        DocumentsSettings(sources=(str(desk / "documents.jsonl"),), max_rejected_share=1.0),
        annotations=[str(desk / "annotations.jsonl")],
        rejects=desk / "rejects.jsonl",
        forgotten=TombstoneFile(home.tombstones, graph="test"),
    )


def in_graph(graph: Graph) -> set[str]:
    return {row["id"] for row in canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id")}


def is_sound(graph: Graph, home: config.Environment) -> bool:
    pipeline.build(graph)
    return pipeline.check(graph, forgotten=read_forgotten(home.tombstones, graphs={"test"})) == []


@pytest.mark.parametrize("moment", ["before the batch", "before the lock", "before the commit"])
def test_a_load_in_progress_does_not_bring_forgotten_documents_back(
    graph: Graph, home: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    annotations, documents = corpus(40)
    gone = [one.id for one in annotations[::4]]
    load(graph, home, tmp_path / "first", annotations, documents)
    pipeline.build(graph)
    pool = ThreadPoolExecutor(1, thread_name_prefix="forget")
    forgetting: list[Future[Any]] = []

    def forget_now(seconds: float) -> None:
        if not forgetting:
            forgetting.append(pool.submit(pipeline.forget, graph, home, gone, reason="asked"))
            wait(forgetting, timeout=seconds)

    # New mentions, so that the second load changes documents that are forgotten meanwhile.
    more = [corpora.annotation(one.id, ["a new topic"], ["a new concept", f"only in {one.id}"]) for one in annotations]
    if moment == "before the batch":
        write = facts.write

        def wait_and_write(*arguments: Any, **named: Any) -> facts.Refused:
            forget_now(60)
            return write(*arguments, **named)

        monkeypatch.setattr(facts, "write", wait_and_write)
    else:
        run = Transaction.run

        def wait_and_run(self: Transaction, query: Any, **named: Any) -> Any:
            is_last = query.name == "derive/mark_stale" and not threading.current_thread().name.startswith("forget")
            if is_last and moment == "before the lock":
                forget_now(3)
            rows = run(self, query, **named)
            if is_last and moment == "before the commit":
                forget_now(3)
            return rows

        monkeypatch.setattr(Transaction, "run", wait_and_run)
    counts = load(graph, home, tmp_path / "second", more, documents)
    forgetting[0].result()
    pool.shutdown()
    assert in_graph(graph).isdisjoint(gone)
    assert len(in_graph(graph)) == 30
    assert all(count.rejected.get(REASON, 0) in (0, len(gone)) for count in counts)
    assert is_sound(graph, home)


def test_questions_that_are_written_meanwhile_are_left_out(
    graph: Graph,
    home: config.Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    annotations, documents = corpus(30)
    load(graph, home, tmp_path / "first", annotations, documents)
    pipeline.build(graph)
    combinations = list(pipeline.sample(graph, home, SampleSettings(seed=1, combinations=20)))
    gone = combinations[0].documents[0].id
    write = provenance.write_questions

    def forget_and_write(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        pipeline.forget(graph, home, [gone], reason="asked")
        return write(*arguments, **named)

    monkeypatch.setattr(provenance, "write_questions", forget_and_write)
    settings = GenerateSettings(domain="general", backend="scripted", seed=1, max_rejected_share=1.0)
    folder = pipeline.generate(graph, home, settings, level=3, combinations=combinations, run_dir=tmp_path / "level3")
    every = {row["id"]: row["documents"] for row in folder.rows()}
    left = {row["id"] for row in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")}
    assert left == {question for question, sources in every.items() if gone not in sources}
    assert len(left) < len(every)
    assert "does not hold their documents or terms any more" in caplog.text
    # The run folder still has them; an export leaves them out.
    assert read_forgotten(home.tombstones, graphs={"test"}).questions >= set(every) - left
    assert is_sound(graph, home)
    # Combinations with a forgotten document cannot be used again.
    with pytest.raises(GraphError, match="not in this graph") as raised:
        pipeline.generate(graph, home, settings, level=3, combinations=combinations, run_dir=tmp_path / "again")
    assert "kgsynth forget" in raised.value.hint


def test_questions_that_are_written_all_the_time_do_not_delay_a_removal(
    graph: Graph, home: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations, documents = corpus(30)
    load(graph, home, tmp_path / "first", annotations, documents)
    pipeline.build(graph)
    settings = GenerateSettings(domain="general", backend="scripted", seed=1, max_rejected_share=1.0)
    folder = pipeline.generate(graph, home, settings, level=2, run_dir=tmp_path / "level2")
    rows = list(folder.rows())
    gone = rows[0]["documents"][0]
    own = [row for row in rows if row["documents"][0] == gone]
    plan = forgetting.plan_forget
    late: list[str] = []

    def plan_and_write(*arguments: Any, **named: Any) -> Any:
        planned = plan(*arguments, **named)
        late.append(f"q-{len(late)}")
        provenance.write_questions(graph, [{**own[0], "id": late[-1]}])
        return planned

    monkeypatch.setattr(forgetting, "plan_forget", plan_and_write)
    forgotten = pipeline.forget(graph, home, [gone], reason="asked")
    assert late == ["q-0"]
    expected = {*late, *(row["id"] for row in own)}
    assert set(forgotten.going.questions) == expected
    assert read_forgotten(home.tombstones, graphs={"test"}).questions == expected
    left = {row["id"] for row in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")}
    assert left == {row["id"] for row in rows} - expected
    assert is_sound(graph, home)


def test_a_load_that_mentions_the_terms_all_the_time_does_not_delay_a_removal(
    graph: Graph, home: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations = [
        corpora.annotation("gone", ["t"], ["rare 0", "rare 1", "rare 2", "left ideal", "matrix"]),
        corpora.annotation("b", ["t"], ["left ideals", "matrix"]),
    ]
    load(graph, home, tmp_path / "first", annotations, [])
    pipeline.merge(graph, home, MergeSettings(), dry_run=False)
    pipeline.build(graph)
    plan = forgetting.plan_forget
    loaded: list[str] = []

    def plan_and_load(*arguments: Any, **named: Any) -> Any:
        planned = plan(*arguments, **named)
        # The second is merged, so its merge must be decided again.
        term = ["left ideal", "rare 1", "rare 2"][len(loaded)]
        loaded.append(term)
        load(graph, home, tmp_path / term, [corpora.annotation(f"new {term}", ["t"], [term])], [])
        return planned

    monkeypatch.setattr(forgetting, "plan_forget", plan_and_load)
    forgotten = pipeline.forget(graph, home, ["gone"], reason="asked")
    assert loaded == ["left ideal", "rare 1"]
    assert forgotten.going.terms == ("concept:rare 0", "concept:rare 2")
    left = {row["id"] for row in canonical.run(graph, "MATCH (t:Concept|Alias) RETURN t.id AS id")}
    assert left == {"concept:rare 1", "concept:left ideal", "concept:left ideals", "concept:matrix"}
    assert len(decisions.merges(graph)) == 1
    assert is_sound(graph, home)


def test_a_question_that_claims_a_concept_of_a_document_forgotten_meanwhile_is_left_out(
    graph: Graph, home: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations = [
        *corpora.many("a", 2, ["prime number", "ring"]),
        corpora.annotation("b", ["t"], ["prime numbers", "ring", "field"]),
    ]
    documents = [Document(id=one.id, text=f"Text of {one.id}", title=one.id) for one in annotations]
    load(graph, home, tmp_path / "first", annotations, documents)
    pipeline.merge(graph, home, MergeSettings(), dry_run=False)
    pipeline.build(graph)
    write = provenance.write_questions

    def forget_and_write(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        pipeline.forget(graph, home, ["a0", "a1"], reason="asked")
        return write(*arguments, **named)

    monkeypatch.setattr(provenance, "write_questions", forget_and_write)
    settings = GenerateSettings(domain="general", backend="scripted", seed=1, max_rejected_share=1.0)
    folder = pipeline.generate(graph, home, settings, level=2, run_dir=tmp_path / "level2")
    rows = [row for row in folder.rows() if row["documents"] == ["b"]]
    kept = {row["id"] for row in rows if "concept:prime number" not in row["concepts"]}
    left = {row["id"] for row in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")}
    assert left == kept
    assert 0 < len(kept) < len(rows)
    assert read_forgotten(home.tombstones, graphs={"test"}).questions >= {row["id"] for row in rows} - kept
    assert is_sound(graph, home)


def test_mentions_of_a_term_that_is_deleted_meanwhile_are_written(
    graph: Graph, home: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations = [corpora.annotation("a", ["t"], ["shared"]), corpora.annotation("b", ["t"], ["rare", "shared"])]
    load(graph, home, tmp_path / "first", annotations, [])
    pipeline.build(graph)
    run = Transaction.run

    def forget_and_run(self: Transaction, query: Any, **named: Any) -> Any:
        # `rare` was found by the statement before, and goes with `b` now.
        if query.name == "facts/merge_mentions":
            monkeypatch.undo()
            with ThreadPoolExecutor(1) as pool:
                forgetting = pool.submit(pipeline.forget, graph, home, ["b"], reason="asked")
                wait([forgetting], timeout=5)
            forgetting.result()
        return run(self, query, **named)

    monkeypatch.setattr(Transaction, "run", forget_and_run)
    load(graph, home, tmp_path / "second", [corpora.annotation("a", ["t"], ["rare", "new"])], [])
    rows = canonical.run(graph, "MATCH (:Document {id: 'a'})-[:MENTIONS]->(t) RETURN t.name AS name ORDER BY name")
    assert [row["name"] for row in rows] == ["new", "rare", "shared", "t"]
    assert is_sound(graph, home)


def test_a_merge_that_was_decided_before_others_changed_the_merges_is_refused(
    graph: Graph, home: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations = [
        corpora.annotation("a", ["t"], ["left ideal", "matrix"]),
        corpora.annotation("b", ["t"], ["left ideals", "matrices"]),
    ]
    load(graph, home, tmp_path / "first", annotations, [])
    replace = decisions.replace

    def merge_first(*arguments: Any, **named: Any) -> None:
        monkeypatch.undo()
        pipeline.merge(graph, home, MergeSettings())
        replace(*arguments, **named)

    monkeypatch.setattr(decisions, "replace", merge_first)
    with pytest.raises(GraphError, match="has changed the merges meanwhile"):
        pipeline.merge(graph, home, MergeSettings())
    assert len(decisions.merges(graph)) == 2
    assert pipeline.merge(graph, home, MergeSettings()).new == []
    assert is_sound(graph, home)


def commands(graph: Graph, home: config.Environment, desk: Path) -> dict[str, Callable[[], object]]:
    """The commands that change a graph, each on a graph that holds the first half of a corpus."""
    annotations, documents = corpus(60)
    ids = [one.id for one in annotations]
    writing = GenerateSettings(domain="general", backend="scripted", seed=1, max_rejected_share=1.0)
    answering = AnswerSettings(domain="general", backend="scripted", seed=1, max_rejected_share=1.0)

    def generate_and_answer() -> None:
        combinations = list(pipeline.sample(graph, home, SampleSettings(seed=1, combinations=20)))
        folder = pipeline.generate(graph, home, writing, level=3, combinations=combinations, run_dir=desk / "level3")
        pipeline.answer(graph, home, answering, questions=[folder.path], run_dir=desk / "answers")

    def undo() -> None:
        decisions.undo(graph, [merge.merge_id for merge in decisions.merges(graph)[:3]], reject=False)

    return {
        "load": lambda: load(graph, home, desk, annotations, documents),
        "forget": lambda: pipeline.forget(graph, home, ids[:30:3], reason="asked"),
        "merge": lambda: pipeline.merge(graph, home, MergeSettings(min_cosine=0.8), dry_run=False),
        "undo": undo,
        "build": lambda: pipeline.build(graph),
        "generate": generate_and_answer,
    }


@pytest.mark.parametrize(
    "pair",
    list(combinations_with_replacement(["build", "forget", "generate", "load", "merge", "undo"], 2)),
    ids="-".join,
)
def test_two_commands_at_the_same_time_leave_a_sound_graph(
    graph: Graph, home: config.Environment, tmp_path: Path, pair: tuple[str, str]
) -> None:
    annotations, documents = corpus(60)
    load(graph, home, tmp_path / "before", annotations[:30], documents[:30])
    pipeline.merge(graph, home, MergeSettings(), dry_run=False)
    pipeline.build(graph)
    rng = random.Random(repr(pair))

    def run(number: int) -> KgsynthError | None:
        desk = tmp_path / f"{pair[number]}{number}"
        desk.mkdir()
        time.sleep(rng.uniform(0, 0.3))
        try:
            commands(graph, home, desk)[pair[number]]()
        except GraphError as error:
            # A command may refuse because the other one has changed the graph meanwhile: it can be repeated.
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        refusals = list(pool.map(run, range(2)))
    print(refusals)
    if "forget" in pair:
        assert in_graph(graph).isdisjoint(one.id for one in annotations[:30:3])
    assert is_sound(graph, home)
