"""Tests of `kgsynth.project`."""

from pathlib import Path

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
