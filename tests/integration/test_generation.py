"""Questions for real: vLLM with the small model in this process and over HTTP, the demo, and runs that are killed."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas
import pytest

from kgsynth import config, pipeline
from kgsynth.errors import GeneratorUnavailableError, ManifestError, TooManyRejectsError
from kgsynth.generation import small_model
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.records import Combination, Document, Question, StageCount
from kgsynth.run_folder import NOT_REPEATED, RunFolder, open_run
from kgsynth.settings import GenerateSettings, SampleSettings
from tests import canonical, corpora, servers
from tests.vllm_try import LATEX

KGSYNTH = str(Path(sys.executable).with_name("kgsynth"))
SCRIPTED = GenerateSettings(domain="mathematics", backend="scripted", shard_size=7)


@pytest.fixture
def drawn(graph: Graph, tmp_path: Path) -> list[Combination]:
    annotations = corpora.random_annotations(2, documents=60, topics=5, concepts=25)
    documents = [
        Document(id=one.id, text=f"Text of {one.id}. " * 20, title=one.id, license="CC0") for one in annotations
    ]
    corpora.built(graph, tmp_path, annotations, documents)
    return list(
        pipeline.sample(
            graph, config.environment(), SampleSettings(seed=1, combinations=20), StageCount(stage="sample")
        )
    )


def generate(
    graph: Graph,
    environment: config.Environment,
    drawn: Sequence[Combination] | Path,
    folder: Path,
    settings: GenerateSettings = SCRIPTED,
    level: int = 3,
    **more,
) -> RunFolder:
    return pipeline.generate(
        graph,
        environment,
        settings,
        level=level,
        combinations=drawn,
        run_dir=folder,
        report=lambda _: None,
        **more,
    )


def questions_of(folder: RunFolder) -> list[Question]:
    return [Question.from_row(row) for row in folder.rows()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name not in NOT_REPEATED}


def test_questions_go_to_the_run_folder_and_the_graph(graph: Graph, environment, drawn, tmp_path: Path) -> None:
    folder = generate(graph, environment, drawn, tmp_path / "run")
    questions = questions_of(folder)
    assert len(questions) >= len(drawn)
    stored = pandas.concat([pandas.read_parquet(path) for path in sorted(folder.path.glob("questions-*.parquet"))])
    assert list(stored.id) == [question.id for question in questions]
    by_id = {one.id: one for one in drawn}
    for question in questions:
        own = by_id[question.combination_id]
        assert set(question.concepts) <= set(own.concepts)
        assert question.documents == tuple(document.id for document in own.documents)
        assert question.licenses == ("CC0",) * len(question.documents)
    assert any("\\frac" in question.text for question in questions)
    rows = canonical.run(
        graph,
        "MATCH (q:Question)-[:WRITTEN_FROM]->(c:Combination)-[g:GROUNDED_IN]->(d:Document), (q)-[:PRODUCED_BY]->(r:Run) "
        "WITH q, c, r, d ORDER BY g.rank RETURN q.id AS id, q.text AS text, c.id AS combination, r.id AS run, collect(d.id) AS documents",
    )
    assert {row["id"]: tuple(row["documents"]) for row in rows} == {
        question.id: question.documents for question in questions
    }
    assert {row["text"] for row in rows} == {question.text for question in questions}
    visits = canonical.run(
        graph, "MATCH (c:Combination {id: $id})-[v:VISITS]->(t) RETURN t.id AS id ORDER BY v.step", id=drawn[0].id
    )
    assert tuple(row["id"] for row in visits) == drawn[0].path
    assert pipeline.check(graph, report=lambda _: None) == []
    manifest = folder.manifest()
    assert manifest is not None
    (stage,) = manifest["stages"]
    assert stage["read"] == stage["kept"] + sum(stage["rejected"].values())
    assert stage["units"] == len(drawn)
    before = canonical.dump(graph)
    generate(graph, environment, drawn, tmp_path / "run")
    assert canonical.dump(graph) == before


class Dying:
    """A scripted generator that counts requests and dies after some."""

    name, model = "scripted", "scripted-1"

    def __init__(self, after: int, seen: list[str]) -> None:
        self._inner, self._after, self._seen = ScriptedGenerator(), after, seen

    def count_tokens(self, text: str) -> int:
        return self._inner.count_tokens(text)

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        for completion in self._inner.generate(requests):
            if self._after == 0:
                raise GeneratorUnavailableError("gone")
            self._after -= 1
            self._seen.append(completion.request_id)
            yield completion

    def close(self) -> None:
        pass


@pytest.mark.parametrize("after", [0, 1, 7, 10, 19])
def test_a_broken_run_is_continued_and_sends_nothing_twice(
    graph: Graph, environment, drawn, tmp_path: Path, after: int
) -> None:
    folder = generate(graph, environment, drawn, tmp_path / "whole")
    seen: list[str] = []
    with pytest.raises(GeneratorUnavailableError):
        generate(graph, environment, drawn, tmp_path / "broken", make=lambda *_: Dying(after, seen))
    assert not (tmp_path / "broken" / "manifest.json").exists()
    generate(graph, environment, drawn, tmp_path / "broken", make=lambda *_: Dying(1000, seen))
    assert sorted(seen) == sorted(f"level3:{one.id}" for one in drawn)
    assert files(tmp_path / "broken") == files(folder.path)


def test_a_folder_of_other_settings_is_refused_but_not_of_another_concurrency(
    graph: Graph, environment, drawn, tmp_path: Path
) -> None:
    generate(graph, environment, drawn, tmp_path / "run")
    generate(graph, environment, drawn, tmp_path / "run", replace(SCRIPTED, concurrency=3))
    for other in (replace(SCRIPTED, temperature=0.1), replace(SCRIPTED, domain="general"), replace(SCRIPTED, seed=9)):
        with pytest.raises(ManifestError, match="other settings or inputs"):
            generate(graph, environment, drawn, tmp_path / "run", other)
    with pytest.raises(ManifestError, match="from other inputs: 5 of its 20"):
        generate(graph, environment, drawn[:5], tmp_path / "run")


def test_unusable_answers_are_rejects_and_too_many_stop(graph: Graph, environment, drawn, tmp_path: Path) -> None:
    class Junk(ScriptedGenerator):
        def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
            for number, completion in enumerate(super().generate(requests)):
                yield (
                    completion
                    if number == 0
                    else replace(completion, text="junk \\theta", finish_reason="length" if number == 1 else "stop")
                )

    with pytest.raises(TooManyRejectsError, match="no question found"):
        generate(
            graph,
            environment,
            drawn,
            tmp_path / "run",
            replace(SCRIPTED, max_rejected_share=0.3),
            make=lambda *_: Junk(),
        )
    rejects = [
        json.loads(line)
        for path in (tmp_path / "run").glob("rejects-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert {one["reason"] for one in rejects} == {"cut off", "no question found"}
    assert all(one["raw"] == "junk \\theta" and one["unit_id"] and one["request_id"] and one["seed"] for one in rejects)


def test_kill_9_of_the_command_leaves_a_run_that_is_continued(
    graph: Graph, server: ManagedServer, drawn, tmp_path: Path, command_environment
) -> None:
    file = tmp_path / "combinations.jsonl"
    many = [replace(one, id=f"{one.id}-{copy}") for copy in range(100) for one in drawn]
    file.write_text("".join(json.dumps(one.to_row()) + "\n" for one in many))
    values = {**command_environment, "NEO4J_URI": server.status().bolt_url, "NEO4J_PASSWORD": server.password()}

    def command(folder: str) -> list[str]:
        return [
            KGSYNTH,
            "generate",
            "--domain",
            "mathematics",
            str(file),
            "--backend",
            "scripted",
            "--shard-size",
            "100",
            "--max-rejected-share",
            "1",
            "--run-dir",
            folder,
        ]

    subprocess.run(command("whole"), cwd=tmp_path, env=values, check=True, capture_output=True)
    killed = 0
    for shards in (1, 6, 13):
        process = subprocess.Popen(command("killed"), cwd=tmp_path, env=values, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list((tmp_path / "killed").glob("account-*.json"))) < shards:
            time.sleep(0.005)
        killed += process.poll() is None
        process.kill()
        process.wait()
    subprocess.run(command("killed"), cwd=tmp_path, env=values, check=True, capture_output=True)
    assert killed >= 1
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.fixture(scope="session")
def small_model_folder(environment: config.Environment) -> Path:
    return small_model.small_model(environment.models)


@pytest.mark.model
def test_the_demo_runs_with_real_vllm_and_repeats(environment, command_environment, tmp_path: Path) -> None:
    # As the demo is, but for one of its three packages, and fewer and shorter texts.
    smaller = (
        *('documents.sources=["networkx"]', "generate.combinations=3", "generate.documents=1"),
        "generate.levels=[1,2,3]",
        "answer.max_output_tokens=100",
    )
    demo = [KGSYNTH, "demo", "--model", "small", *(part for one in smaller for part in ("--set", one))]
    done = subprocess.run(demo, cwd=tmp_path, env=command_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    try:
        for stage in (
            "read",
            "extract (keyphrases)",
            "load documents",
            "load annotations",
            "merge",
            "build",
            "check",
            "sample",
            "generate",
            "answer",
        ):
            assert f"\n{stage}: " in "\n" + done.stderr
        assert "500 of" not in done.stdout
        assert "3 of 500 combinations" in done.stdout
        folder = tmp_path / "runs" / "demo" / "level3"
        questions = pandas.concat([pandas.read_parquet(path) for path in folder.glob("questions-*.parquet")])
        assert len(questions) >= 2
        for level in (1, 2):
            assert list((tmp_path / "runs" / "demo" / f"level{level}").glob("questions-*.parquet"))
        assert set(questions.model) == {small_model.NAME}
        assert "password in " in done.stdout
        managed = ManagedServer(environment, "demo")
        assert managed.password() not in done.stdout + done.stderr
        before = files(folder)
        again = subprocess.run(demo, cwd=tmp_path, env=command_environment, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr[-3000:]
        assert files(folder) == before
    finally:
        ManagedServer(environment, "demo").reset()


@pytest.mark.model
def test_vllm_in_process_writes_what_can_be_used_and_repeats(small_model_folder: Path) -> None:
    said = servers.vllm_tried(small_model_folder)
    assert said.pop("texts") >= 5
    assert said.pop("prompt_tokens") > 10
    assert said.pop("chosen") is True
    assert said == {"same": True, "forced": LATEX, "counted": 3, "reason": "stop", "output_tokens": 60}


@pytest.mark.model
def test_a_real_vllm_server_writes_through_the_openai_interface_and_through_ray(
    graph: Graph, environment, drawn, command_environment, small_model_folder: Path, tmp_path: Path
) -> None:
    with servers.vllm(small_model_folder, log=tmp_path / "server.log") as url:
        settings = GenerateSettings(
            backend="server",
            url=(url,),
            domain="mathematics",
            constrained=True,
            combinations=3,
            max_output_tokens=300,
            context_tokens=4096,
            repetition_penalty=1.1,
            max_rejected_share=1.0,
        )
        folder = generate(graph, environment, drawn, tmp_path / "run", settings)
        questions = questions_of(folder)
        assert questions
        assert {question.model for question in questions} == {"small"}
        manifest = folder.manifest()
        assert manifest is not None
        assert manifest["stages"][0]["output_tokens"] > 0
        accounts = {}
        for executor in ("local", "ray"):
            command = [
                KGSYNTH, "answer", "--domain", "mathematics", str(folder.path), "--not-to-graph", "--url", url, "--executor", executor, "--max-output-tokens", "200",
                "--max-rejected-share", "1", "--run-dir", executor,
            ]  # fmt: skip
            done = subprocess.run(
                command, cwd=tmp_path, env=command_environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr[-3000:]
            answered = open_run(tmp_path / executor)
            manifest = answered.manifest()
            assert manifest is not None
            accounts[executor] = manifest["stages"][0]
            assert {row["id"] for row in answered.rows()} | {row["unit_id"] for row in answered.rejects()} == {
                question.id for question in questions
            }
    assert accounts["ray"]["requests"] == accounts["local"]["requests"] == len(questions)
    assert accounts["ray"]["prompt_tokens"] == accounts["local"]["prompt_tokens"] > 0
    assert accounts["ray"]["output_tokens"] > 0
    assert accounts["ray"]["run"] == accounts["local"]["run"]
