"""Parts of long documents in a real graph: loaded both ways alike, found, traced to a page, forgotten."""

import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kgsynth import cli, config, pipeline
from kgsynth.documents.forgotten import TombstoneFile, read_forgotten
from kgsynth.graph.session import Graph
from kgsynth.records import StageCount
from kgsynth.settings import CurateSettings, DocumentsSettings, ExportSettings, GenerateSettings
from tests import canonical, corpora, graphs

SETTINGS = {"split": "auto", "whole_words": 100, "part_words": 120}


def silent(_: StageCount) -> None:
    """Say nothing."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A book of ten pages as text, and a short note."""
    made = tmp_path / "shelf"
    made.mkdir()
    pages = [f"Page {n} is about concept {n} and concept {n + 1}. " + "It says more of it. " * 20 for n in range(10)]
    (made / "book.txt").write_text("\f".join(pages))
    (made / "note.md").write_text("---\nlicense: MIT\nauthor: Emmy\nclimate: mild\n---\nA note on concept 3.")
    return made


def load(graph: Graph, folder: Path, desk: Path) -> list[StageCount]:
    """Documents in parts, each with what it mentions."""
    documents = DocumentsSettings(sources=(str(folder),), **SETTINGS)  # type: ignore[arg-type]
    rows = pipeline.snapshot(documents, output=desk / "d.jsonl", rejects=desk / "r.jsonl", report=silent)
    found = [json.loads(line) for line in (desk / "d.jsonl").read_text().splitlines()]
    annotations = [
        corpora.annotation(one["id"], ["topic"], [f"concept {n}" for n in range(11) if f"concept {n} " in one["text"]])
        for one in found
    ]
    (desk / "a.jsonl").write_text("".join(one.to_json() + "\n" for one in annotations))
    del rows
    return pipeline.load(
        graph, documents, annotations=[str(desk / "a.jsonl")], rejects=desk / "rejects.jsonl", report=silent
    )


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["kgsynth", "--graph", "test", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    return said.out


@pytest.fixture
def kgsynth(
    command_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """The command, called in this process."""
    for name in [one for one in os.environ if one.startswith(("NEO4J_", "KGSYNTH_"))]:
        monkeypatch.delenv(name)
    for name, value in command_environment.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: command(monkeypatch, capsys, *arguments)


def test_parts_know_their_document_and_pages(
    graph: Graph, folder: Path, tmp_path: Path, kgsynth: Callable[..., str]
) -> None:
    load(graph, folder, tmp_path)
    rows = canonical.run(
        graph, "MATCH (d:Document) RETURN d.id AS id, d.parent AS parent, d.pages AS pages, d.metadata AS metadata"
    )
    parts = {row["id"]: row for row in rows}
    assert len(parts) > 5
    assert parts["shelf/book.txt#1"]["parent"] == "shelf/book.txt"
    assert parts["shelf/book.txt#1"]["pages"] == "1"
    assert parts["shelf/book.txt#10"]["pages"] == "10"
    assert parts["shelf/note.md"]["parent"] is None
    assert json.loads(parts["shelf/note.md"]["metadata"])["climate"] == "mild"
    listed = kgsynth("document", "shelf/book.txt")
    assert "10 parts" in listed
    assert "shelf/book.txt#4\t4" in listed
    shown = kgsynth("document", "shelf/book.txt#4")
    assert "part of: shelf/book.txt" in shown
    assert "pages: 4" in shown


def test_a_bulk_load_writes_the_same_parts(
    graph: Graph, folder: Path, tmp_path: Path, environment: config.Environment
) -> None:
    load(graph, folder, tmp_path)
    pipeline.build(graph, report=silent)
    one_by_one = canonical.dump(graph)
    canonical.wipe(graph)
    documents = DocumentsSettings(sources=(str(folder),), **SETTINGS)  # type: ignore[arg-type]
    pipeline.load_bulk(
        environment,
        graphs.GRAPH,
        documents,
        annotations=[str(tmp_path / "a.jsonl")],
        merge=None,
        rejects=tmp_path / "bulk.jsonl",
        report=silent,
    )
    from kgsynth.graph.server import ManagedServer

    with ManagedServer(environment, "test").connect() as again:
        assert canonical.dump(again) == one_by_one


def test_a_question_is_traced_to_a_page(
    graph: Graph, folder: Path, tmp_path: Path, environment: config.Environment, kgsynth: Callable[..., str]
) -> None:
    load(graph, folder, tmp_path)
    pipeline.build(graph, report=silent)
    made = pipeline.generate(
        graph,
        environment,
        GenerateSettings(domain="mathematics", backend="scripted", seed=3),
        level=1,
        run_dir=tmp_path / "level1",
        report=silent,
    )
    rows = [row for row in made.rows() if row["documents"][0] == "shelf/book.txt#4"]
    assert rows
    assert rows[0]["sources"][0].endswith("book.txt, p. 4")
    assert "book.txt, page 4\n" in kgsynth("trace", rows[0]["id"])
    curated = pipeline.curate(
        environment,
        CurateSettings(filters=False, language=""),
        questions=[made.path],
        run_dir=tmp_path / "curated",
        report=silent,
    )
    pipeline.export(curated.path, ExportSettings(), output=tmp_path / "set", overwrite=False, report=silent)
    assert re.search(r"book\.txt, p\. 4 \| \d+ \|", (tmp_path / "set" / "README.md").read_text())
    assert 'book.txt, p. 4",' in (tmp_path / "set" / "LICENSES.csv").read_text()


def test_a_document_is_forgotten_with_its_parts_and_a_part_by_itself(
    graph: Graph, folder: Path, tmp_path: Path, environment: config.Environment
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(environment.models)
    own = config.Environment(home=tmp_path / "home")
    count = "MATCH (d:Document) RETURN count(*) AS n"

    def forget(*ids: str) -> None:
        pipeline.forget(graph, own, list(ids), reason="asked", report=silent)

    load(graph, folder, tmp_path)
    forget("shelf/book.txt#2")
    assert canonical.run(graph, count) == [{"n": 10}]
    forget("shelf/book.txt")
    assert canonical.run(graph, count) == [{"n": 1}]
    forgotten = read_forgotten(own.tombstones, graphs={"test"})
    assert {"shelf/book.txt", "shelf/book.txt#2", "shelf/book.txt#7"} <= set(forgotten.documents)
    documents = DocumentsSettings(sources=(str(folder),), max_rejected_share=1.0, split="pages", part_words=60)
    (loaded, *_) = pipeline.load(
        graph,
        documents,
        annotations=[],
        rejects=tmp_path / "again.jsonl",
        forgotten=TombstoneFile(own.tombstones, graph="test"),
        report=silent,
    )
    # However it is split, what was forgotten does not come back.
    assert canonical.run(graph, count) == [{"n": 1}]
    assert sum(loaded.rejected.values()) > 5


def test_of_a_document_with_a_forgotten_part_nothing_else_comes_back(
    graph: Graph, folder: Path, tmp_path: Path, environment: config.Environment
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(environment.models)
    own = config.Environment(home=tmp_path / "home")
    load(graph, folder, tmp_path)
    before = canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")
    pipeline.forget(graph, own, ["shelf/book.txt#2"], reason="asked", report=silent)
    stay = [row for row in before if row["id"] != "shelf/book.txt#2"]

    def again(**settings: object) -> tuple[StageCount, list[dict[str, object]]]:
        documents = DocumentsSettings(sources=(str(folder),), **settings)  # type: ignore[arg-type]
        (count, *_) = pipeline.load(
            graph,
            documents,
            annotations=[],
            rejects=tmp_path / "again.jsonl",
            forgotten=TombstoneFile(own.tombstones, graph="test"),
            report=silent,
        )
        return count, canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")

    # The limit of rejects does not count what was forgotten.
    assert again(split="none")[1] == stay
    assert again(split="words", part_words=60)[1] == stay
    canonical.wipe(graph)
    assert again(split="none")[1] == [{"id": "shelf/note.md"}]
    assert again(split="words", part_words=60)[1] == [{"id": "shelf/note.md"}]
    count, rows = again(**SETTINGS)
    assert rows == stay
    assert sum(count.rejected.values()) == 1


def test_one_of_two_forgotten_parts_may_be_loaded_again(
    graph: Graph, folder: Path, tmp_path: Path, environment: config.Environment
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(environment.models)
    own = config.Environment(home=tmp_path / "home")
    load(graph, folder, tmp_path)
    every = canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")
    for gone in (["shelf/book.txt#2"], ["shelf/book.txt#5"]):
        pipeline.forget(graph, own, gone, reason="asked", report=silent)
    allowed = pipeline.allow_again(own, ["shelf/book.txt#2"], graph_settings=graphs.GRAPH)
    assert allowed == (1, 1)
    pipeline.load(
        graph,
        DocumentsSettings(sources=(str(folder),), **SETTINGS),  # type: ignore[arg-type]
        annotations=[],
        rejects=tmp_path / "again.jsonl",
        forgotten=TombstoneFile(own.tombstones, graph="test"),
        report=silent,
    )
    rows = canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id")
    assert rows == [row for row in every if row["id"] != "shelf/book.txt#5"]
    pipeline.build(graph, report=silent)
    assert pipeline.check(graph, forgotten=read_forgotten(own.tombstones, graphs={"test"}), report=silent) == []


def test_two_splittings_of_a_document_never_stand_side_by_side(graph: Graph, folder: Path, tmp_path: Path) -> None:
    load(graph, folder, tmp_path)
    before = canonical.dump(graph)
    for settings in ({"split": "none"}, {"split": "words", "part_words": 60}):
        documents = DocumentsSettings(sources=(str(folder),), max_rejected_share=1.0, **settings)  # type: ignore[arg-type]
        (count, *_) = pipeline.load(graph, documents, annotations=[], rejects=tmp_path / "again.jsonl", report=silent)
        assert canonical.dump(graph) == before
        assert count.kept == 1
        assert list(count.rejected) == ["the graph holds its document split otherwise, or with another text"]
