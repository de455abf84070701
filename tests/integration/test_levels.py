"""Levels 1 and 2, extraction, answers and retries with a real graph and the scripted generator; one file to a data set."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation import small_model
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.project import STAGES, Project
from kgsynth.records import AnsweredQuestion, Document, Question, StageCount
from kgsynth.run_folder import RunFolder, open_run
from kgsynth.settings import (
    AnswerSettings,
    DocumentsSettings,
    ExportSettings,
    ExtractSettings,
    GenerateSettings,
    GraphSettings,
)
from tests import canonical, corpora

SCRIPTED = GenerateSettings(domain="mathematics", backend="scripted", shard_size=7, seed=3)
GRAPH = GraphSettings(name="test")
WORDS = (
    "ring ideal module kernel image group field vector space basis tensor scheme sheaf functor limit colimit".split()
)


def text_of(number: int) -> str:
    own = [WORDS[(number * step + step) % len(WORDS)] for step in range(1, 9)]
    return f"How many elements does the smallest {own[0]} with a {own[1]} have? " + " ".join(
        f"The {a} has a {b}." for a, b in pairwise(own)
    )


@pytest.fixture
def documents(graph: Graph, tmp_path: Path) -> list[Document]:
    annotations = corpora.random_annotations(2, documents=30, topics=5, concepts=25)
    made = [
        Document(
            id=one.id,
            text=text_of(number) if number else "",
            title=one.id,
            license="CC BY-SA 3.0",
            attribution="A",
            source="s",
        )
        for number, one in enumerate(annotations)
    ]
    corpora.built(graph, tmp_path, annotations, [one for one in made if one.text])
    return made


def generate(
    graph: Graph, environment, folder: Path, level: int, settings: GenerateSettings = SCRIPTED, **more
) -> RunFolder:
    return pipeline.generate(graph, environment, settings, level=level, run_dir=folder, report=lambda _: None, **more)


@pytest.mark.parametrize("level", [1, 2])
def test_questions_from_documents_lead_back_to_them(
    graph: Graph, environment, documents, tmp_path: Path, level: int
) -> None:
    folder = generate(graph, environment, tmp_path / "run", level)
    questions = [Question.from_row(row) for row in folder.rows()]
    assert len(questions) > 30
    mentions = {
        row["document"]: set(row["terms"])
        for row in canonical.run(
            graph, "MATCH (d:Document)-[:MENTIONS]->(t:Concept) RETURN d.id AS document, collect(t.id) AS terms"
        )
    }
    for question in questions:
        (document,) = question.documents
        assert set(question.concepts) <= mentions.get(document, set())
        assert (question.level, question.combination_id, question.licenses) == (level, "", ("CC BY-SA 3.0",))
    if level == 1:
        assert {question.origin for question in questions} == {"original", "new"}
        original = next(question for question in questions if question.origin == "original")
        assert original.text in text_of(int(original.documents[0][1:]))
    else:
        for document in {question.documents for question in questions}:
            own = [frozenset(question.concepts) for question in questions if question.documents == document]
            assert len(own) == len(set(own)) <= 5
            assert {len(one) for one in own} <= {2, 3}
    # The document without a text stands among the rejects, for good.
    assert ("d0000", "a document without text") in {
        (row["unit_id"], row["reason"]) for row in folder.rejects() if row["is_final"]
    }
    held = canonical.run(
        graph,
        "MATCH (q:Question)-[:WRITTEN_FROM]->(d:Document), (q)-[:PRODUCED_BY]->(:Run) RETURN q.id AS id, d.id AS document",
    )
    assert {row["id"]: row["document"] for row in held} == {
        question.id: question.documents[0] for question in questions
    }
    assert pipeline.check(graph, report=lambda _: None) == []
    before = canonical.dump(graph)
    generate(graph, environment, tmp_path / "run", level)
    assert canonical.dump(graph) == before
    other = generate(graph, environment, tmp_path / "other", level, replace(SCRIPTED, seed=4))
    assert [row["text"] for row in other.rows()] != [question.text for question in questions]


def test_some_documents_are_drawn_by_seed(graph: Graph, environment, documents, tmp_path: Path) -> None:
    def drawn(count: int, seed: int, name: str) -> set[str]:
        folder = generate(graph, environment, tmp_path / name, 1, replace(SCRIPTED, documents=count, seed=seed))
        return {row["documents"][0] for row in folder.rows()} | {row["unit_id"] for row in folder.rejects()}

    first = drawn(8, 1, "a")
    assert len(first) == 8
    assert first < drawn(16, 1, "b")
    assert first != drawn(8, 2, "c")


def test_a_graph_that_was_merged_otherwise_makes_another_run(
    graph: Graph, environment, documents, tmp_path: Path
) -> None:
    generate(graph, environment, tmp_path / "run", 2)
    canonical.run(graph, "MATCH (b:Build) SET b.fingerprint = 'other'")
    with pytest.raises(ManifestError, match="made with other settings or inputs"):
        generate(graph, environment, tmp_path / "run", 2)


def test_answers_go_to_the_graph_and_stand_there_once(graph: Graph, environment, documents, tmp_path: Path) -> None:
    questions = generate(graph, environment, tmp_path / "questions", 1)
    settings = AnswerSettings(
        domain="mathematics", backend="scripted", votes=5, judge=True, min_agreement=0.6, shard_size=11
    )

    def answer() -> RunFolder:
        return pipeline.answer(
            graph,
            environment,
            settings,
            questions=[questions.path],
            run_dir=tmp_path / "answers",
            report=lambda _: None,
        )

    folder = answer()
    rows = [AnsweredQuestion.from_row(row) for row in folder.rows()]
    rejects = list(folder.rejects())
    assert len(rows) + len(rejects) == len(list(questions.rows()))
    assert {row["reason"] for row in rejects} == {"judged incorrect", "too little agreement"}
    assert all(
        row.agreement >= 0.6 and row.verdict == "correct" and row.final_answer and len(row.vote_answers) == 5
        for row in rows
    )
    held = canonical.run(
        graph,
        "MATCH (a:Answer)-[:ANSWERS]->(q:Question), (a)-[:PRODUCED_BY]->(:Run {stage: 'answer'}) RETURN q.id AS id, a.text AS text, a.agreement AS agreement",
    )
    assert {row["id"]: (row["text"], row["agreement"]) for row in held} == {
        row.id: (row.answer, row.agreement) for row in rows
    }
    assert pipeline.check(graph, report=lambda _: None) == []
    before = canonical.dump(graph)
    answer()
    assert canonical.dump(graph) == before
    retried = pipeline.retry(environment_of(environment, graph), folder.path, report=lambda _: None)
    assert retried is not None
    healed = [AnsweredQuestion.from_row(row) for row in retried.rows()]
    assert {row.id for row in healed} <= {row["unit_id"] for row in rejects}
    assert len(canonical.run(graph, "MATCH (a:Answer) RETURN a")) == len(rows) + len(healed)


def environment_of(environment: config.Environment, graph: Graph) -> config.Environment:
    """An environment whose Neo4j is that of the tests, as a user's own."""
    password = ManagedServer(environment, "test").password()
    return replace(environment, neo4j_uri=graph.uri, neo4j_password=password)


def test_a_retry_asks_for_so_many_questions_as_were_refused(
    graph: Graph, environment, documents, tmp_path: Path
) -> None:
    from kgsynth.generation.scripted import ScriptedGenerator

    class Partly(ScriptedGenerator):
        def complete(self, request):
            done = super().complete(request)
            return replace(
                done, text=done.text.replace("<question>\n", "<question>\nAccording to the passage above: ", 1)
            )

    folder = generate(graph, environment, tmp_path / "run", 1, make=lambda *_: Partly())
    refused = [row for row in folder.rejects() if row["reason"] == "mentions the references"]
    assert len(refused) > 20
    retried = pipeline.retry(environment_of(environment, graph), folder.path, report=lambda _: None)
    assert retried is not None
    made = [Question.from_row(row) for row in retried.rows()]
    assert {question.attempt for question in made} == {1}
    asked = {row["unit_id"] for row in refused}
    assert {question.documents[0] for question in made} <= asked
    assert max(sum(question.documents[0] == one for question in made) for one in asked) == 1
    with pytest.raises(ConfigError, match="is a part of another run"):
        pipeline.retry(environment, retried.path, report=lambda _: None)
    assert pipeline.check(graph, report=lambda _: None) == []


def test_a_retry_of_a_run_that_is_not_complete_or_whose_input_is_gone(
    graph: Graph, environment, documents, tmp_path: Path
) -> None:
    folder = generate(graph, environment, tmp_path / "run", 1)
    assert pipeline.retry(environment_of(environment, graph), folder.path, report=lambda _: None) is None
    with (
        RunFolder(tmp_path / "whole", "x", {}, stage="run").opened(),
        pytest.raises(ConfigError, match="asks no model"),
    ):
        pipeline.retry(environment, tmp_path / "whole", report=lambda _: None)
    (folder.path / "manifest.json").unlink()
    with pytest.raises(ManifestError, match="is not complete"):
        pipeline.retry(environment, folder.path, report=lambda _: None)


def test_extracted_concepts_load_with_level_and_subject(graph: Graph, environment, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(
        "".join(Document(id=f"d{n}", text=text_of(n) if n else "too short").to_json() + "\n" for n in range(20))
    )
    settings = ExtractSettings(domain="mathematics", method="llm", backend="scripted", seed=1, shard_size=6)
    sources = DocumentsSettings(sources=(str(corpus),))
    output = tmp_path / "annotations.jsonl"

    def extract() -> RunFolder:
        return pipeline.extract_with_model(
            environment,
            sources,
            settings,
            run_dir=tmp_path / "run",
            output=output,
            rejects=tmp_path / "rejects.jsonl",
            report=lambda _: None,
        )

    folder = extract()
    rejects = {row["unit_id"]: row["reason"] for row in folder.rejects()}
    assert "d0" in rejects
    assert set(rejects.values()) == {"the model finds the document not usable"}
    before = output.read_bytes()
    extract()
    assert output.read_bytes() == before
    pipeline.load(graph, sources, annotations=[str(output)], rejects=tmp_path / "r", report=lambda _: None)
    rows = canonical.run(
        graph,
        "MATCH (d:Document)-[:MENTIONS]->(t:Topic) RETURN d.id AS id, d.grade AS grade, d.subject AS subject, collect(t.name) AS topics",
    )
    annotations = {row["id"]: row for row in map(json.loads, before.decode().splitlines())}
    assert len(annotations) == 20 - len(rejects) >= 15
    assert {row["id"]: (row["grade"], row["subject"], set(row["topics"])) for row in rows} == {
        key: (row["grade"], row["subject"], {topic["name"] for topic in row["topics"]})
        for key, row in annotations.items()
    }
    with pytest.raises(ConfigError, match="no seed"):
        pipeline.extract_with_model(
            environment,
            sources,
            replace(settings, seed=None),
            run_dir=tmp_path / "x",
            output=None,
            rejects=tmp_path / "r2",
            report=lambda _: None,
        )


def test_one_file_from_documents_to_a_data_set_that_opens_and_a_chat_template_that_takes_it(
    graph: Graph, environment, tmp_path: Path
) -> None:
    import datasets
    from transformers import AutoTokenizer

    corpus = tmp_path / "corpus.jsonl"
    rows = [{"id": f"d{n}", "text": text_of(n), "license": "CC0-1.0", "attribution": "Someone"} for n in range(1, 40)]
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    resolved = config.resolve(
        '[extract]\nmethod = "llm"\n[sample]\nseed = 1\ncombinations = 30\n[backend]\ndomain = "mathematics"\nbackend = "scripted"\n[generate]\nlevels = [1, 2, 3]\n'
        "[answer]\nvotes = 3\n[export]\nvalidation_share = 0.2\n",
        overrides=[f'documents.sources=["{corpus}"]', "graph.name=test"],
    )
    counts: list[StageCount] = []
    result = pipeline.run(environment, resolved, work_dir=tmp_path / "run", report=counts.append)
    assert [count.stage for count in counts] == [
        "read", "read", "extract", "load documents", "load annotations", "merge", "build", "check", "sample", "generate", "generate", "generate", "answer", "curate", "export",
    ]  # fmt: skip
    loaded = datasets.load_dataset(str(tmp_path / "run" / "dataset"), cache_dir=str(tmp_path / "cache"))
    assert sum(len(split) for split in loaded.values()) == counts[-1].kept > 150
    assert {level for split in loaded.values() for level in split["level"]} == {1, 2, 3}
    chat = tmp_path / "chat"
    pipeline.export(
        result.folders["curated"],
        ExportSettings(format="messages"),
        output=chat,
        overwrite=False,
        report=lambda _: None,
    )
    tokenizer = AutoTokenizer.from_pretrained(small_model.small_model(environment.models))
    lines = [json.loads(line) for path in sorted(chat.glob("train-*.jsonl")) for line in path.read_text().splitlines()]
    texts = [tokenizer.apply_chat_template(line["messages"], tokenize=False) for line in lines]
    assert len(texts) == counts[-1].kept
    assert lines[0]["messages"][0]["content"] in texts[0]
    held = {
        path.name: path.read_bytes()
        for path in (tmp_path / "run").rglob("*")
        if path.is_file() and path.name not in (".lock", "sessions.jsonl")
    }
    again: list[StageCount] = []
    pipeline.run(environment, resolved, work_dir=tmp_path / "run", report=again.append)
    assert [(count.stage, count.kept) for count in again] == [(count.stage, count.kept) for count in counts]
    now = {
        path.name: path.read_bytes()
        for path in (tmp_path / "run").rglob("*")
        if path.is_file() and path.name not in (".lock", "sessions.jsonl")
    }
    assert {name for name in held if held[name] != now.get(name)} <= {"manifest.json"}
    assert open_run(tmp_path / "run").stage == "run"
    # Stage by stage, in a folder of its own, from Python: the same files.
    project = Project(resolved, tmp_path / "staged", environment)
    with pytest.raises(ConfigError, match="nothing has run"):
        project.accounts()
    staged = [count for stage in STAGES if stage != "filter" for count in project.run_stage(stage)]
    assert [(count.stage, count.kept) for count in staged] == [(count.stage, count.kept) for count in counts]
    for path in (tmp_path / "run").rglob("*"):
        if path.suffix in (".jsonl", ".parquet") and path.name != "sessions.jsonl":
            other = tmp_path / "staged" / path.relative_to(tmp_path / "run")
            assert path.name == "card.json" or other.read_bytes() == path.read_bytes(), path
    accounts = project.accounts().set_index("folder")
    assert accounts.loc["curated", "kept"] == counts[-2].kept == len(project.rows("curate")) == len(project.questions())
    assert set(project.rejects("level1").columns) >= {"unit_id", "reason"}
    assert sum(len(split) for split in project.dataset().values()) == counts[-1].kept
    with pytest.raises(ConfigError, match="holds no level9"):
        project.rows("level9")
    with pytest.raises(ConfigError, match="there is no stage 'sampel'"):
        project.run_stage("sampel")  # type: ignore[arg-type]
