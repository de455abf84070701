"""Tests of `kgsynth.run_folder`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kgsynth.errors import ManifestError, TooManyRejectsError
from kgsynth.files import atomic
from kgsynth.records import Question
from kgsynth.run_folder import RunFolder, find_runs, open_run
from tests import servers


def test_a_torn_journal_line_is_cut_off_and_the_rest_is_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "id", {})
    with folder.opened():
        with folder.appending(0) as journal:
            journal.append({"a": 1, "text": "ü\n"})
            journal.append({"a": 2})
        with folder.journal_file(0).open("ab") as file:
            file.write(b'{"a": 3, "te')
        assert folder.journal(0) == [{"a": 1, "text": "ü\n"}, {"a": 2}]
        with folder.appending(0) as journal:
            journal.append({"a": 4})
        assert [row["a"] for row in folder.journal(0)] == [1, 2, 4]
        row = {"id": "q", "text": "t", "concepts": ["a", "b"], "level": 3}
        folder.write_shard(0, [row], [{"reason": "r"}], {"kept": 1}, record=Question)
        assert folder.has_shard(0)
        assert not folder.journal_file(0).exists()
        (held,) = folder.shard_rows(0)
        assert {key: held[key] for key in row} == row
        assert list(folder.rejects()) == [{"reason": "r"}]
        assert not list(folder.path.glob(".part*"))


def test_a_folder_of_another_run_or_in_use_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "one", {})
    with folder.opened():
        assert folder.is_locked()
        with pytest.raises(ManifestError, match="another kgsynth works"):
            RunFolder(tmp_path / "run", "one", {}).opened().__enter__()
    assert not folder.is_locked()
    with pytest.raises(ManifestError, match="holds run one"), RunFolder(tmp_path / "run", "two", {}).opened():
        pass
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(ManifestError, match="cannot be read"), RunFolder(tmp_path / "run", "one", {}).opened():
        pass
    with pytest.raises(ManifestError, match="is not a run folder"):
        open_run(tmp_path)


def test_the_hint_of_a_refused_folder_fits_every_command(tmp_path: Path) -> None:
    # Commands name a folder by --run-dir or --work-dir, and `kgsynth run` makes folders that no option names.
    with RunFolder(tmp_path, "one", {}).opened(), pytest.raises(ManifestError) as in_use:
        RunFolder(tmp_path, "one", {}).opened().__enter__()
    with pytest.raises(ManifestError) as of_another_run, RunFolder(tmp_path, "two", {}).opened():
        pass
    for raised in (in_use, of_another_run):
        assert "hoose another folder" in raised.value.hint


def test_runs_are_found_with_their_parts_in_the_order_in_which_they_were_begun(tmp_path: Path) -> None:
    parts = ["a", "a/retry-1", "a/added-1", "a/retry-2", "a/retry-10"]
    for name in (*parts, "b/c"):
        inputs = {"part": parts.index(name), "retry_of": "a"} if "a/" in name else {}
        with RunFolder(tmp_path / name, name, {}, stage="level3", rows_name="questions", inputs=inputs).opened():
            pass
    assert {one.run_id for one in find_runs(tmp_path)} == {*parts, "b/c"}
    assert [one.run_id for one in open_run(tmp_path / "a").parts()] == parts
    assert open_run(tmp_path / "a").next_part() == len(parts)


def test_only_a_run_of_the_same_stage_is_overwritten(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run", "one", {}, stage="curate").opened():
        (tmp_path / "run" / "curated-00000.parquet").touch()
    with (
        pytest.raises(ManifestError, match="holds run one"),
        RunFolder(tmp_path / "run", "two", {}, stage="answer").opened(overwrite=True),
    ):
        pass
    with RunFolder(tmp_path / "run", "two", {}, stage="curate").opened(overwrite=True):
        assert sorted(one.name for one in (tmp_path / "run").iterdir()) == [".lock", "run.json"]


def test_overwriting_that_is_killed_half_way_leaves_no_old_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = RunFolder(tmp_path / "run", "one", {}, stage="curate", rows_name="curated")
    with old.opened():
        for name in ("curated-00000.parquet", "account-00000.json", "manifest.json"):
            (tmp_path / "run" / name).touch()
    unlink, gone = Path.unlink, []

    def killed(self: Path, missing_ok: bool = False) -> None:
        if len(gone) == 2:
            raise KeyboardInterrupt
        gone.append(self.name)
        unlink(self, missing_ok=missing_ok)

    new = RunFolder(tmp_path / "run", "two", {}, stage="curate", rows_name="curated")
    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt), new.opened(overwrite=True):
        pass
    monkeypatch.undo()
    assert gone[0] == "manifest.json"
    with new.opened(overwrite=True):
        assert sorted(one.name for one in (tmp_path / "run").iterdir()) == [".lock", "run.json"]


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def fail_half_way() -> None:
        with atomic(target) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_a_run() -> None:
    # The script runs a tenth of the requests first: what the process needs anyway is in both figures.
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.generation_speed", "memory", "20000"],
        cwd=servers.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    small, large = (int(one.replace(",", "")) for one in re.findall(r"([\d,]+) MiB", done.stdout))
    assert large - small < 40, done.stdout


def test_only_its_user_can_read_a_run_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one", "one", {}, stage="answer", rows_name="answers")
    with folder.opened():
        assert folder.path.stat().st_mode & 0o777 == 0o700


def test_the_state_tells_how_the_last_call_ended(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "id", {})
    for error, state in (
        (ValueError("no"), "failed"),
        (TooManyRejectsError("half"), "over its limit"),
        (KeyboardInterrupt(), "interrupted"),
    ):
        with pytest.raises(type(error)), folder.opened():
            raise error
        assert folder.state() == state
    with pytest.raises(ValueError, match="again"), folder.opened():
        raise ValueError("again")
    assert folder.end() is not None
    assert folder.end()["error"] == "again"
    # A call that is killed leaves no end; that of the call before it does not count.
    with folder.opened():
        assert folder.state() == "running"
    assert (folder.state(), folder.end()) == ("interrupted", None)
    with folder.opened():
        folder.complete({})
    assert folder.state() == "complete"
