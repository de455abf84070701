"""Tests of `kgsynth.project`."""

import sys
from pathlib import Path

import pytest

import kgsynth
from kgsynth.run_folder import RunFolder


def test_accounts_begin_with_the_stage_and_what_it_read_kept_and_rejected(tmp_path: Path) -> None:
    (tmp_path / "notes.toml").write_text("")
    whole = RunFolder(tmp_path / "work", "w", {}, stage="run", rows_name="stages")
    counts = {"files": {}, "kept": 2, "read": 3, "rejected": {"no text": 1}, "stage": "read", "unit": "documents"}
    with whole.opened():
        whole.complete({"settings": {}, "stages": [counts]})
    accounts = kgsynth.open_project(tmp_path / "notes.toml", work_dir=whole.path).accounts()
    assert list(accounts.columns) == ["stage", "unit", "read", "kept", "rejected", "folder", "files"]
    assert accounts.loc[0, "rejected"] == {"no text": 1}


def test_a_training_set_without_the_library_datasets_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.toml").write_text("")
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "README.md").write_text("")
    monkeypatch.setitem(sys.modules, "datasets", None)
    project = kgsynth.open_project(tmp_path / "notes.toml", work_dir=tmp_path)
    with pytest.raises(kgsynth.MissingExtraError, match="datasets is not installed") as raised:
        project.dataset()
    assert raised.value.hint == "pip install 'kgsynth[huggingface]'"
