"""Tests of `kgsynth.question_files`."""

from pathlib import Path

from kgsynth.question_files import runs_behind
from kgsynth.run_folder import RunFolder


def _run(path: Path, *questions: Path) -> Path:
    folder = RunFolder(path, path.name, {}, stage="answer", inputs={"questions": [str(one) for one in questions]})
    with folder.opened():
        folder.complete({})
    return path


def test_the_runs_behind_others_come_first_and_once_whatever_they_name(tmp_path: Path) -> None:
    first = _run(tmp_path / "first", tmp_path / "gone")
    second = _run(tmp_path / "second", first, first)
    third = _run(tmp_path / "third", second, first)
    assert [run.run_id for run in runs_behind([third])] == ["first", "second", "third"]
    assert [run.run_id for run in runs_behind([second, first])] == ["first", "second"]
    # Runs that name each other, which only edited files do, have an end, too.
    one = _run(tmp_path / "one", tmp_path / "other")
    _run(tmp_path / "other", one)
    assert {run.run_id for run in runs_behind([one])} == {"one", "other"}
