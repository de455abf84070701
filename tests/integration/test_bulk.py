"""A first load in bulk gives the graph of the ordinary load, and one that was killed leaves nothing like a graph."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from kgsynth import config, pipeline
from kgsynth.errors import ConfigError, GraphError, ServerError, TooManyRejectsError
from kgsynth.graph import derived
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.records import Annotation, Document, StageCount
from kgsynth.settings import DocumentsSettings, GraphSettings, MergeSettings, SampleSettings
from kgsynth.walks import inverted_index, walk_tables
from tests import canonical, commands, corpora

BULK = GraphSettings(name="bulk")


@pytest.fixture(scope="module")
def bulk_server(environment: config.Environment) -> Iterator[ManagedServer]:
    managed = ManagedServer(environment, BULK.name)
    yield managed
    managed.reset()


def corpus() -> tuple[list[Annotation], list[Document]]:
    """Spellings that compete, documents that are named twice or have no text, texts that break a table."""
    annotations = corpora.random_annotations(3, documents=80, topics=5, concepts=30)
    annotations += [
        corpora.annotation("odd", ["Topic 1", "topic  1"], ["Concept 1", "concept 1.", "concept-1", "concepts 2"]),
        corpora.annotation("d0003", ["topic 4"], ["CONCEPT 1", "only here"]),
        Annotation(id="bare", topics=(), grade="college", subject="z"),
        Annotation(id="bare", topics=(), grade="competition", subject="a"),
        corpora.annotation("d0004", ["topic 1"], ["gram matrix", "gram matrices"]),
    ]
    texts = [
        'a "quoted", text',
        "two\nlines\r\nand a \\ backslash\\",
        '"',
        "tab\there; $x^2$",
        "\u2028 \u0085 \ufeff \U0001d4d0",
        '\\"',
        ",",
        "'",
        "\r",
    ]
    documents = [
        Document(id=f"d{number:04d}", text=text, title="" if number % 2 else f'A "title", {number}', license="CC0")
        for number, text in enumerate(texts)
    ]
    # The first term of all is an alias of another.
    annotations += [corpora.annotation("a1", ["topic 1"], ["aaa rings"]), *corpora.many("a2-", 3, ["aaa ring"])]
    documents.append(Document(id="no annotation", text="alone", score=0.5, attribution="Somebody\nand others"))
    return annotations, documents


def written(folder: Path, annotations: list[Annotation], documents: list[Document]) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    said, texts = folder / "annotations.jsonl", folder / "documents.jsonl"
    said.write_text("".join(one.to_json() + "\n" for one in annotations), encoding="utf-8")
    texts.write_text("".join(one.to_json() + "\n" for one in documents), encoding="utf-8")
    return said, texts


def load_bulk(
    environment: config.Environment,
    desk: Path,
    annotations: list[Annotation],
    documents: list[Document],
    *,
    merge: MergeSettings | None = None,
    **settings: object,
) -> list[StageCount]:
    said, texts = written(desk, annotations, documents)
    return pipeline.load_bulk(
        environment,
        BULK,
        DocumentsSettings(sources=(str(texts),) if documents else (), **settings),
        annotations=[str(said)],
        merge=merge,
        rejects=desk / "rejects.jsonl",
        report=lambda _: None,
    )


def test_a_bulk_load_gives_the_graph_of_the_ordinary_one(
    graph: Graph, environment: config.Environment, bulk_server: ManagedServer, tmp_path: Path
) -> None:
    annotations, documents = corpus()
    ordinary = corpora.load(graph, tmp_path, annotations, documents)
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    pipeline.build(graph, report=lambda _: None)
    bulk_server.reset()
    counts = load_bulk(environment, tmp_path / "bulk", annotations, documents, merge=MergeSettings())
    with bulk_server.connect() as made:
        assert canonical.dump(made) == canonical.dump(graph)
        assert derived.fingerprint(made) == derived.fingerprint(graph)
        kept = walk_tables.load(environment.walk_tables / derived.fingerprint(made))
        assert kept is not None
        shutil.rmtree(environment.walk_tables)
        settings = SampleSettings(seed=1, epochs=20, engine="compiled")
        drawn = list(pipeline.sample(made, environment, settings, StageCount(stage="sample")))
        assert drawn
        assert inverted_index.ground(inverted_index.Index.of(kept), drawn, limit=2) == drawn
        read = walk_tables.load(environment.walk_tables / derived.fingerprint(made))
        assert read is not None
        assert read.ids == kept.ids
        assert read.documents == kept.documents
        for name, table in kept.runs.items():
            for part in ("nodes", "runs", "guide"):
                assert np.array_equal(getattr(read.runs[name], part), getattr(table, part))
        for part in ("where", "members", "weights", "slots", "ranks", "least"):
            assert np.array_equal(getattr(read, part), getattr(kept, part))
        assert pipeline.check(made, report=lambda _: None) == []
        assert canonical.run(made, "MATCH (a:Alias) RETURN count(a) AS n") != [{"n": 0}]
        again = pipeline.merge(made, environment, MergeSettings(), dry_run=False, report=lambda _: None)
        assert not again.is_change
        # It is a graph like any other: it grows.
        more = [corpora.annotation("later", ["topic 1"], ["concept 1", "a later one"])]
        for one in (made, graph):
            corpora.load(one, tmp_path, more)
            assert pipeline.build(one, report=lambda _: None).is_grown
        assert canonical.dump(made) == canonical.dump(graph)
    by_stage = {count.stage: count for count in counts}
    for count in ordinary:
        assert (by_stage[count.stage].kept, by_stage[count.stage].rejected) == (count.kept, count.rejected)
    assert not (bulk_server.home / "import").exists()


def test_a_bulk_load_that_was_killed_is_no_graph_and_the_same_call_makes_it_once(
    environment: config.Environment, bulk_server: ManagedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk_server.reset()
    annotations = corpora.many("d", 3, ["a", "b"])

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(derived, "mark_complete", killed)
    with pytest.raises(KeyboardInterrupt):
        load_bulk(environment, tmp_path, annotations, [])
    monkeypatch.undo()
    bulk_server.stop()
    with pytest.raises(ServerError, match="bulk load.*not finished"):
        bulk_server.start()
    load_bulk(environment, tmp_path, annotations, [])
    with bulk_server.connect() as made:
        assert pipeline.check(made, report=lambda _: None) == []
        before = canonical.dump(made)
        with pytest.raises(GraphError, match=r"holds 3 documents.*first load"):
            load_bulk(environment, tmp_path, corpora.many("e", 3, ["a", "b"]), [])
        assert canonical.dump(made) == before
    elsewhere = config.Environment(home=environment.home, neo4j_uri="bolt://127.0.0.1:1")
    with pytest.raises(ConfigError, match="NEO4J_URI"):
        load_bulk(elsewhere, tmp_path, [], [])


def test_an_import_whose_command_was_killed_holds_the_graph_until_it_ends(
    environment: config.Environment, bulk_server: ManagedServer, command_environment: dict[str, str], tmp_path: Path
) -> None:
    bulk_server.reset()
    said, _ = written(tmp_path, corpora.many("d", 3, ["a", "b"]), [])
    command = subprocess.Popen(
        [sys.executable, "-m", "kgsynth", "--graph", "bulk", "load", "--bulk", "-a", str(said)],
        env=command_environment,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    tool = None
    while tool is None and command.poll() is None:
        for child in psutil.Process(command.pid).children():
            with suppress(psutil.Error):  # it ended meanwhile
                tool = child if "import" in child.cmdline() else tool
    command.kill()
    _, problem = command.communicate()
    assert tool is not None, problem
    with (bulk_server.home / "lock").open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert tool.is_running()
    load_bulk(environment, tmp_path, corpora.many("d", 3, ["a", "b"]), [])
    assert not tool.is_running()
    with bulk_server.connect() as made:
        assert pipeline.check(made, report=lambda _: None) == []


def test_what_cannot_be_used_is_refused_before_anything_is_imported(
    environment: config.Environment, bulk_server: ManagedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk_server.reset()
    tables = set(environment.walk_tables.glob("*"))
    bad = [Document(id=f"d{number}", text=" ") for number in range(3)]
    with pytest.raises(TooManyRejectsError):
        load_bulk(environment, tmp_path, corpora.many("d", 3, ["a", "seldom"]), bad)
    assert bulk_server.status().pid is None
    assert not bulk_server.has_unfinished_import
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(ServerError, match="needs about"):
        load_bulk(environment, tmp_path, corpora.many("d", 3, ["a", "seldom"]), [])
    assert set(environment.walk_tables.glob("*")) <= tables


def test_a_corpus_without_names_is_loaded_too(
    environment: config.Environment, bulk_server: ManagedServer, tmp_path: Path
) -> None:
    bulk_server.reset()
    load_bulk(environment, tmp_path, [], [Document(id="d", text="alone")])
    with bulk_server.connect() as made:
        assert canonical.run(made, "MATCH (n) RETURN labels(n)[0] AS label, n.id AS id, n.term_count AS terms") == [
            {"label": "Document", "id": "d", "terms": 0},
            {"label": "Build", "id": "current", "terms": None},
        ]


def test_the_command_loads_in_bulk(
    command_environment: dict[str, str], bulk_server: ManagedServer, tmp_path: Path
) -> None:
    bulk_server.reset()
    said, texts = written(tmp_path, *corpus())

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.call("--graph", "bulk", *arguments, cwd=tmp_path, env=command_environment)

    done = command("load", "--bulk", "--merge", str(texts), "-a", str(said))
    assert done.returncode == 0, done.stderr
    assert "import: " in done.stderr
    sampled = command("sample", "--combinations", "5", "--seed", "1")
    assert sampled.returncode == 0, sampled.stderr
    assert len(sampled.stdout.splitlines()) == 5
    for arguments, problem in (
        (("load", "--merge", "-a", str(said)), "--merge needs --bulk"),
        (("load", "--bulk", "-a", str(said), "--pairs", "p.csv"), "exclude each other"),
    ):
        refused = command(*arguments)
        assert refused.returncode != 0
        assert problem in refused.stderr
