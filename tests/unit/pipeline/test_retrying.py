"""Tests of `kgsynth.pipeline.retrying`."""

from dataclasses import replace
from pathlib import Path

import pytest

from kgsynth import pipeline
from kgsynth.config import environment
from kgsynth.documents.read import read_again
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.pipeline.retrying import _where_begun
from kgsynth.run_folder import RunFolder, open_run
from kgsynth.settings import DocumentsSettings, ExtractSettings


def _interrupted(path: Path) -> RunFolder:
    folder = RunFolder(path, "r", {}, stage="answer", rows_name="answers")
    with pytest.raises(KeyboardInterrupt), folder.opened():
        raise KeyboardInterrupt
    return folder


def test_a_retry_of_an_interrupted_run_is_refused_and_leaves_its_state(tmp_path: Path) -> None:
    folder = _interrupted(tmp_path / "answers")
    sessions = folder.sessions()
    with pytest.raises(ManifestError, match="run r in .* is not complete") as raised:
        pipeline.retry(environment({}), folder.path)
    assert "Run its command again first" in raised.value.hint
    assert folder.state() == "interrupted"
    assert folder.sessions() == sessions


def test_a_retry_of_a_run_at_work_says_that_another_process_works(tmp_path: Path) -> None:
    folder = _interrupted(tmp_path / "answers")
    with folder.opened(), pytest.raises(ManifestError, match="another kgsynth works"):
        pipeline.retry(environment({}), folder.path)


class _Silent(ScriptedGenerator):
    """Answers nothing that can be read."""

    def complete(self, request: Request) -> Completion:
        return replace(super().complete(request), text="nothing")


def test_ids_are_those_of_the_sources_as_given_and_a_retry_finds_them_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ("notes/algebra/fields.md", "notes/algebra/groups.md")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n\nA cyclic group is a group with one generator.\n")
    monkeypatch.chdir(tmp_path)
    documents = DocumentsSettings(sources=files)
    folder = pipeline.extract_with_model(
        environment({}),
        documents,
        ExtractSettings(method="llm", backend="scripted", domain="general", seed=1, max_rejected_share=1.0),
        run_dir=Path("run"),
        output=None,
        rejects=Path("rejects.jsonl"),
        make=lambda *_: _Silent(),
    )
    assert [row["unit_id"] for row in folder.rejects()] == list(files) == [one.id for one in read_again(documents)]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    retried = pipeline.retry(environment({}), Path("../run"))
    assert retried is not None
    assert Path.cwd() == tmp_path / "elsewhere"
    assert [row["id"] for row in retried.rows()] == list(files)
    (tmp_path / "notes").rename(tmp_path / "moved")
    again = open_run(tmp_path / "run")
    again.inputs["working_folder"] = str(tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"are relative to .*gone, which does not exist"), _where_begun(again):
        pass
