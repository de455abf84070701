"""Tests of `kgsynth.files`."""

from pathlib import Path

import pytest

from kgsynth.files import temporary_folder


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
