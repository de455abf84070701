"""Tests of `kgsynth.files`."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kgsynth import files
from kgsynth.errors import ManifestError
from kgsynth.files import atomic, scratch_folder, temporary_folder, write_lines


def test_a_temporary_folder_is_private_and_empty_and_goes(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "left by a kill").touch()

    def work() -> None:
        with temporary_folder(folder):
            assert list(folder.iterdir()) == []
            assert folder.stat().st_mode & 0o777 == 0o700
            (folder / "file").touch()
            raise ValueError("work")

    with pytest.raises(ValueError, match="work"):
        work()
    assert not folder.exists()


def test_a_temporary_folder_where_nothing_can_be_written_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ManifestError, match=f"{tmp_path / 'file'} could not be written"),
        temporary_folder(tmp_path / "file" / "desk"),
    ):
        pass


def test_a_pipe_is_not_replaced_by_a_file_and_a_link_stays_a_link(tmp_path: Path) -> None:
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder" / "file"
    os.mkfifo(pipe)
    with pytest.raises(ManifestError, match="is a device or a pipe"):
        write_lines(pipe, ["text"])
    assert pipe.is_fifo()
    file.parent.mkdir()
    file.touch()
    link.symlink_to(file)
    write_lines(link, ["text"])
    assert link.is_symlink()
    assert file.read_text() == "text\n"


# A process that is killed while it writes.
_KILLED = """
import os, signal, sys
from pathlib import Path
from kgsynth.files import atomic, scratch_folder
with atomic(Path(sys.argv[1])) as partial, scratch_folder() as folder, scratch_folder(Path(sys.argv[1]).parent):
    partial.write_text("half")
    (folder / "file").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_calls_have_left_goes_and_what_others_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, file, other = tmp_path / "tmp", tmp_path / "out" / "rows.jsonl", tmp_path / "out" / "other.jsonl"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with atomic(other) as others_file, scratch_folder() as others_folder:
        killed = subprocess.run([sys.executable, "-c", _KILLED, str(file)], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert len(list(place.iterdir())) == 2
        assert len(list(file.parent.iterdir())) == 3
        with scratch_folder(file.parent):
            pass
        write_lines(file, ["whole"])
        with scratch_folder():
            pass
        assert sorted(file.parent.iterdir()) == sorted([others_file, file])
        assert list(place.iterdir()) == [others_folder]
    assert list(place.iterdir()) == []
    assert sorted(file.parent.iterdir()) == [other, file]


def test_a_temporary_folder_names_its_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")

    def fill(error: Exception) -> None:
        with temporary_folder(tmp_path / "desk"):
            raise error

    with pytest.raises(OSError, match="No space left") as caught:
        fill(full)
    assert caught.value is full  # another disk is full
    monkeypatch.setattr(files, "_FULL_BYTES", 2**80)
    in_sqlite = sqlite3.OperationalError("database or disk is full")
    in_sqlite.sqlite_errorname = "SQLITE_FULL"
    for error in (full, in_sqlite):
        with pytest.raises(ManifestError, match=f"{tmp_path / 'desk'} could not be written: .*No space left") as named:
            fill(error)
        assert "free space" in named.value.hint
    with pytest.raises(FileNotFoundError):
        fill(FileNotFoundError(errno.ENOENT, "no such file"))


def test_a_folder_that_another_process_removes_before_it_is_locked_is_made_again(tmp_path: Path) -> None:
    made: list[Path] = []

    def make() -> Path:
        made.append(tmp_path / str(len(made)))
        made[-1].mkdir()
        if len(made) < 3:
            made[-1].rmdir()
        return made[-1]

    path, descriptor = files.make_locked(make)
    os.close(descriptor)
    assert path == tmp_path / "2"
    assert path.is_dir()
