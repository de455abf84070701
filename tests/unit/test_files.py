"""Tests of `kgsynth.files`."""

import os
from pathlib import Path

import pytest

from kgsynth.errors import ManifestError
from kgsynth.files import temporary_folder, write_lines


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
