"""Tests of `kgsynth.rejects`."""

from pathlib import Path

import pytest

from kgsynth.progress import Silent
from kgsynth.records import Position, Reject, StageCount
from kgsynth.rejects import stage_with_rejects


class Recorded(Silent):
    """Records the beginning and the end of stages."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def stage(self, name: str, total: int | None, account: object = None) -> None:
        self.events.append(f"{name} of {total}")

    def done(self) -> None:
        self.events.append("done")


def test_a_stage_that_fails_leaves_its_rejects_its_account_and_no_open_progress(tmp_path: Path) -> None:
    path, progress, counts = tmp_path / "rejects.jsonl", Recorded(), []
    path.write_text("rejects of an earlier call\n", encoding="utf-8")

    def fail() -> None:
        with stage_with_rejects(StageCount(stage="read"), path, counts.append, progress) as rejects:
            rejects.add(Reject(position=Position(source="one"), reason="no text"))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert '"no text"' in path.read_text(encoding="utf-8")
    assert "earlier" not in path.read_text(encoding="utf-8")
    assert progress.events == ["read of None", "done"]
    assert [count.stage for count in counts] == ["read"]
