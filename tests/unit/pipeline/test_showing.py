"""Tests of `kgsynth.pipeline.showing`."""

import json
from pathlib import Path

import pytest

from kgsynth import pipeline
from kgsynth.errors import ConfigError
from kgsynth.records import Question
from kgsynth.run_folder import RunFolder


def _run(path: Path, stage: str, texts: list[str], **inputs: object) -> RunFolder:
    folder = RunFolder(path, path.name, {}, stage=stage, rows_name="questions", inputs=inputs)
    with folder.opened():
        rows = [{"id": text, "text": text} for text in texts]
        rejects = [{"unit_id": "u", "reason": "cut off", "raw": "half"}]
        if texts:
            folder.write_shard(0, rows, rejects, {"kept": len(rows), "rejected": {}, "totals": {}}, record=Question)
    return folder


def test_rows_of_a_run_that_is_at_work_with_its_parts_and_rejects(tmp_path: Path) -> None:
    _run(tmp_path / "level3", "level3", ["a", "b"])
    _run(tmp_path / "level3" / "retry-1", "level3", ["c"], retry_of="level3", part=1)
    assert [row["text"] for row in pipeline.rows_of(tmp_path / "level3")] == ["a", "b", "c"]
    assert [row["raw"] for row in pipeline.rows_of(tmp_path / "level3", rejects=True)] == ["half", "half"]


def test_the_folder_of_a_whole_run_shows_the_latest_stage_that_has_rows(tmp_path: Path) -> None:
    _run(tmp_path, "run", [])
    with pytest.raises(ConfigError, match="holds no rows yet"):
        next(pipeline.rows_of(tmp_path))
    for stage, texts in (("level1", ["one"]), ("level3", ["three"]), ("answer", [])):
        _run(tmp_path / stage, stage, texts)
    assert [row["text"] for row in pipeline.rows_of(tmp_path)] == ["three"]
    _run(tmp_path / "answers", "answer", ["answered"])
    assert [row["text"] for row in pipeline.rows_of(tmp_path)] == ["answered"]


def test_files_and_data_sets_are_shown_and_anything_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps({"question": "x"}) + "\n")
    assert list(pipeline.rows_of(file)) == [{"question": "x"}]
    with pytest.raises(ConfigError, match="is not a run folder"):
        list(pipeline.rows_of(file, rejects=True))
    with pytest.raises(ConfigError, match="neither a run folder nor a data set"):
        list(pipeline.rows_of(tmp_path))
    _run(tmp_path / "run", "level1", ["kept"])
    (tmp_path / "run" / "run.json").unlink()
    assert [row["text"] for row in pipeline.rows_of(tmp_path / "run")] == ["kept"]
