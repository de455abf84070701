"""The facts layer in a real Neo4j: the same graph however it is loaded."""

import json
import logging
import multiprocessing
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgsynth import pipeline
from kgsynth.errors import TooManyRejectsError
from kgsynth.graph import derived, facts
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph, Transaction
from kgsynth.records import Annotation, Document, StageCount
from kgsynth.settings import DocumentsSettings
from tests import canonical, corpora

ANNOTATIONS = corpora.random_annotations(1, documents=60, topics=5, concepts=30)
DOCUMENTS = [Document(id=one.id, text=f"text of {one.id}", title=one.id.upper(), license="CC0") for one in ANNOTATIONS]


def loaded(graph: Graph, folder: Path, parts: list[tuple[list[Annotation], list[Document]]]) -> list[str]:
    canonical.wipe(graph)
    for annotations, documents in parts:
        corpora.load(graph, folder, annotations, documents)
    return canonical.dump(graph)


def test_twice_another_order_and_two_halves_give_the_same_graph(graph: Graph, tmp_path: Path) -> None:
    once = loaded(graph, tmp_path, [(ANNOTATIONS, DOCUMENTS)])
    assert len(once) > 400
    rng = np.random.default_rng(3)
    order = rng.permutation(len(ANNOTATIONS))
    shuffled = ([ANNOTATIONS[i] for i in order], [DOCUMENTS[i] for i in order[::-1]])
    assert loaded(graph, tmp_path, [(ANNOTATIONS, DOCUMENTS)] * 2) == once
    assert loaded(graph, tmp_path, [shuffled]) == once
    assert loaded(graph, tmp_path, [(ANNOTATIONS[30:], DOCUMENTS[:20]), (ANNOTATIONS[:30], DOCUMENTS[20:])]) == once


def test_the_name_is_the_spelling_of_most_documents_ties_by_code_point(graph: Graph, tmp_path: Path) -> None:
    spellings = ["Prime Number", "prime number", "prime number", "PRIME NUMBER", "Tie", "tie"]
    corpora.load(graph, tmp_path, [corpora.annotation(f"d{n}", ["t"], [one]) for n, one in enumerate(spellings)])
    names = {
        row["id"]: row["name"] for row in canonical.run(graph, "MATCH (t:Concept) RETURN t.id AS id, t.name AS name")
    }
    assert names == {"concept:prime number": "prime number", "concept:tie": "Tie"}


def test_the_same_words_as_topic_and_as_concept_are_two_terms(graph: Graph, tmp_path: Path) -> None:
    corpora.load(graph, tmp_path, [corpora.annotation("d", ["Number theory"], ["number theory"])])
    rows = canonical.run(graph, "MATCH (t:Term) RETURN t.id AS id, labels(t) AS labels ORDER BY id")
    assert [(row["id"], sorted(row["labels"])) for row in rows] == [
        ("concept:number theory", ["Concept", "Term"]),
        ("topic:number theory", ["Term", "Topic"]),
    ]


def test_a_document_that_stands_twice_in_one_file_mentions_a_term_once(graph: Graph, tmp_path: Path) -> None:
    corpora.load(
        graph, tmp_path, [corpora.annotation("d", ["t"], ["a", "b"]), corpora.annotation("d", ["t"], ["a", "c"])]
    )
    rows = canonical.run(
        graph, "MATCH (:Document)-[m:MENTIONS]->(t) RETURN t.id AS id, count(m) AS mentions ORDER BY id"
    )
    assert [(row["id"], row["mentions"]) for row in rows] == [
        ("concept:a", 1),
        ("concept:b", 1),
        ("concept:c", 1),
        ("topic:t", 1),
    ]


def test_a_name_that_the_graph_could_not_take_is_a_reject_and_its_annotation_stays(
    graph: Graph, tmp_path: Path
) -> None:
    bad = ["x\ud800", "y" * 5000, "nul\x00"]
    annotations = [
        corpora.annotation("good", ["t"], ["fine"]),
        *(corpora.annotation(f"d{n}", ["t"], [name]) for n, name in enumerate(bad)),
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(json.loads(one.to_json())) + "\n" for one in annotations))
    settings = DocumentsSettings(max_rejected_share=1.0)
    (count,) = pipeline.load(
        graph, settings, annotations=[str(file)], rejects=tmp_path / "r.jsonl", report=lambda _: None
    )
    assert (count.kept, sum(count.rejected.values())) == (4, 3)
    assert [row["id"] for row in canonical.run(graph, "MATCH (c:Concept) RETURN c.id AS id")] == ["concept:fine"]


def test_another_text_under_a_known_id_is_a_reject_and_changes_nothing(graph: Graph, tmp_path: Path) -> None:
    before = loaded(graph, tmp_path, [(ANNOTATIONS, DOCUMENTS)])
    changed = [Document(id="d0000", text="another text"), Document(id="new", text="new text")]
    (count, _) = corpora.load(graph, tmp_path, [], changed)
    assert count.rejected == {"the graph has another title, text or source under this id": 1}
    assert count.kept == 1
    assert json.loads((tmp_path / "rejects.jsonl").read_text())["source"] == "graph#d0000"
    assert set(before) < set(canonical.dump(graph))


def test_loading_again_changes_nothing_even_with_documents_that_mention_nothing(graph: Graph, tmp_path: Path) -> None:
    rows = [*ANNOTATIONS, Annotation(id="empty", topics=(), grade="school"), corpora.annotation("signs", ["!"], ["?"])]
    corpora.load(graph, tmp_path, rows, DOCUMENTS)
    pipeline.build(graph, report=lambda _: None)
    once = canonical.dump(graph)
    corpora.load(graph, tmp_path, rows, DOCUMENTS)
    assert derived.state(graph) == "complete"
    assert canonical.dump(graph) == once


def test_of_two_texts_that_come_under_one_id_at_once_one_stays_and_the_other_is_a_reject(
    graph: Graph, tmp_path: Path
) -> None:
    def write(text: str) -> StageCount:
        folder = tmp_path / text
        folder.mkdir()
        documents = [Document(id=f"d{n}", text=text) for n in range(200)]
        documents += [Document(id=f"own {text}{n}", text="own") for n in range(250)]
        return corpora.load(graph, folder, [], documents)[0]

    for _ in range(5):
        canonical.wipe(graph)
        corpora.load(graph, tmp_path, [corpora.annotation(f"d{n}", ["t"], ["c"]) for n in range(200)])
        with ThreadPoolExecutor(2) as pool:
            counts = list(pool.map(write, ("one", "other")))
        assert sorted(count.kept for count in counts) == [250, 450]
        kept = next(text for text, count in zip(("one", "other"), counts, strict=True) if count.kept == 450)
        texts = canonical.run(
            graph, "MATCH (d:Document) WHERE d.id STARTS WITH 'd' RETURN d.text AS text, count(*) AS number"
        )
        assert texts == [{"text": kept, "number": 200}]
        for text in ("one", "other"):
            shutil.rmtree(tmp_path / text)


def test_several_writers_of_the_same_terms_and_documents_do_not_deadlock(
    graph: Graph, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "_MENTION_BATCH", 100)
    monkeypatch.setattr(facts, "_DOCUMENT_BATCH", 20)
    annotations = corpora.random_annotations(2, documents=400, topics=6, concepts=60)
    # What is said of the same documents once more, with other names and by every writer in the other order.
    more = corpora.random_annotations(3, documents=400, topics=6, concepts=600)
    documents = [Document(id=one.id, text=f"text of {one.id}") for one in annotations]
    once = loaded(graph, tmp_path, [(annotations, documents), (more, [])])
    canonical.wipe(graph)
    # Each writer has half of the documents, so that every document comes from two of them, in another order.
    parts = [[n for n in range(400) if n % 4 in (part, (part + 1) % 4)][:: -1 if part % 2 else 1] for part in range(4)]

    def write(part: int) -> None:
        folder = tmp_path / str(part)
        folder.mkdir()
        corpora.load(graph, folder, [annotations[n] for n in parts[part]], [documents[n] for n in parts[part]])
        corpora.load(graph, folder, [more[n] for n in reversed(parts[part])])

    with ThreadPoolExecutor(4) as pool, caplog.at_level(logging.WARNING, logger="neo4j"):
        list(pool.map(write, range(4)))
    assert canonical.dump(graph) == once
    assert [record.message for record in caplog.records if "Deadlock" in record.message] == []


def test_what_is_rehearsed_is_repeated_after_a_deadlock(graph: Graph) -> None:
    canonical.run(graph, "CREATE (:Document {id: 'a'}), (:Document {id: 'b'})")
    both = threading.Barrier(2)

    def rehearse(first: str, second: str) -> int:
        tries = []

        def work(transaction: Transaction) -> int:
            transaction.lock(facts._LOCK_DOCUMENTS, ids=[first])
            tries.append(1)
            if len(tries) == 1:
                both.wait(timeout=60)
            transaction.lock(facts._LOCK_DOCUMENTS, ids=[second, "new"])
            return len(tries)

        return graph.rehearse(work)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(rehearse, ("a", "b"), ("b", "a"))) == [1, 2]
    assert [row["id"] for row in canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")] == ["a", "b"]


def test_an_annotation_may_come_before_its_document(graph: Graph, tmp_path: Path) -> None:
    together = loaded(graph, tmp_path, [(ANNOTATIONS, DOCUMENTS)])
    assert loaded(graph, tmp_path, [(ANNOTATIONS, []), ([], DOCUMENTS)]) == together


def _load_slowly(home: str, jars_path: str, port_settings: dict[str, str], folder: str) -> None:
    del home, jars_path
    original = facts.write

    def slow(graph: Graph, batch: list[facts.DocumentFacts], **options: Any) -> facts.Refused:
        result = original(graph, batch, **options)
        time.sleep(0.4)
        return result

    facts.write = slow  # type: ignore[assignment]
    facts._DOCUMENT_BATCH = 5
    facts._MENTION_BATCH = 30
    with Graph(port_settings["uri"], username="neo4j", password=port_settings["password"]) as graph:
        corpora.load(graph, Path(folder), ANNOTATIONS, DOCUMENTS)


@pytest.mark.parametrize("delay_s", [0.6, 2.0, 3.4])
def test_a_killed_load_is_finished_by_the_next(
    graph: Graph, server: ManagedServer, tmp_path: Path, delay_s: float
) -> None:
    whole = loaded(graph, tmp_path, [(ANNOTATIONS, DOCUMENTS)])
    canonical.wipe(graph)
    address = {"uri": server.status().bolt_url, "password": server.password()}
    process = multiprocessing.get_context("spawn").Process(target=_load_slowly, args=("", "", address, str(tmp_path)))
    process.start()
    deadline = time.monotonic() + 30
    while not canonical.run(graph, "MATCH (d:Document) RETURN d LIMIT 1") and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(delay_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    process.close()
    partial = canonical.dump(graph)
    assert 0 < len(partial) < len(whole)
    corpora.load(graph, tmp_path, ANNOTATIONS, DOCUMENTS)
    assert canonical.dump(graph) == whole


def test_counted_pairs_make_a_graph_of_their_own(graph: Graph, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(
        "first,second,count,second_kind\nring,ideal,7,\nring,Algebra,3,topic\nideal,ring,7,\nring,ideal,8,\nring,RING,2,\nx,y,none,\n"
    )
    rejects = tmp_path / "rejects.jsonl"
    count = pipeline.load_pairs(
        graph, [str(file)], DocumentsSettings(max_rejected_share=0.9), rejects=rejects, report=lambda _: None
    )
    assert count.kept == 3
    assert sum(count.rejected.values()) == 3
    assert len(rejects.read_text().splitlines()) == 3
    pipeline.build(graph, report=lambda _: None)
    rows = canonical.run(
        graph, "MATCH (a)-[r:CO_OCCURS_WITH]->(b) RETURN a.id AS a, b.id AS b, r.count AS count ORDER BY a, b"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("concept:ideal", "concept:ring", 7),
        ("concept:ring", "topic:algebra", 3),
    ]
    assert pipeline.check(graph, report=lambda _: None) == []
    canonical.wipe(graph)
    lines = ["first,second,count", "Group,ring,1", "group,field,2"]
    dumps = []
    for order in (lines, [lines[0], *lines[:0:-1]]):
        file.write_text("\n".join(order))
        canonical.wipe(graph)
        pipeline.load_pairs(graph, [str(file)], DocumentsSettings(), rejects=rejects, report=lambda _: None)
        dumps.append(canonical.dump(graph))
    assert dumps[0] == dumps[1]


def test_too_many_rejects_stop_the_load_and_name_the_file(graph: Graph, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "a", "text": "good"}\n' + "not json\n" * 9)
    settings = DocumentsSettings(sources=(str(file),))
    with pytest.raises(TooManyRejectsError, match="9 of 10 documents were rejected") as caught:
        pipeline.load(graph, settings, annotations=[], rejects=tmp_path / "r.jsonl", report=lambda _: None)
    assert "r.jsonl" in caught.value.hint
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 9


def test_a_document_carries_the_score_that_a_filter_gave_last(graph: Graph, tmp_path: Path) -> None:
    def scores(*given: float | None) -> dict[str, float | None]:
        documents = [Document(id=f"d{n}", text="text", score=score) for n, score in enumerate(given)]
        corpora.load(graph, tmp_path, [corpora.annotation("d0", ["t"], ["c"])], documents)
        return {
            row["id"]: row["score"]
            for row in canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id, d.score AS score")
        }

    assert scores(7.25, None) == {"d0": 7.25, "d1": None}
    assert scores(None, 3.0) == {"d0": 7.25, "d1": 3.0}
    assert scores(6.0, 3.0) == {"d0": 6.0, "d1": 3.0}
    pipeline.build(graph, report=lambda _: None)
    before = canonical.dump(graph)
    assert scores(6.0, 3.0) == {"d0": 6.0, "d1": 3.0}
    assert canonical.dump(graph) == before, "what is there makes nothing stale"
