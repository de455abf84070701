"""Tests of `kgsynth.pipeline.retrying`."""

from pathlib import Path

import pytest

from kgsynth import pipeline
from kgsynth.config import environment
from kgsynth.errors import ManifestError
from kgsynth.run_folder import RunFolder


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
