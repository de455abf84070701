"""Folders of programs are removed without following links; the links lead to folders of the test only."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kgsynth.verification.sandbox import landlock, orders

NOBODY = 65534


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / "kept").mkdir(parents=True)
    (folder / "kept" / "file").write_text("kept")
    folder.chmod(0o755)
    return folder


def is_untouched(outside: Path) -> bool:
    return (outside / "kept" / "file").read_text() == "kept" and outside.stat().st_mode & 0o777 == 0o755


def test_links_are_removed_and_not_followed(tmp_path: Path, outside: Path) -> None:
    folder = tmp_path / "program"
    (folder / "a" / "b" / "c").mkdir(parents=True)
    for place in (folder, folder / "a", folder / "a" / "b" / "c"):
        (place / "link").symlink_to(outside)
        (place / "file").write_text("x")
    (folder / "dangling").symlink_to(tmp_path / "nothing")
    (folder / "a" / "closed").mkdir(mode=0)
    os.mkfifo(folder / "a" / "pipe")
    landlock._remove(str(folder))
    assert not folder.exists()
    assert is_untouched(outside)


def test_a_link_in_the_place_of_a_folder_is_not_opened(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "link").symlink_to(outside)
    top = os.open(tmp_path, os.O_RDONLY)
    try:
        assert landlock._opened("link", top) is None
        landlock._flatten("link", top)
    finally:
        os.close(top)
    assert not (tmp_path / "link").is_symlink()
    assert is_untouched(outside)
    (tmp_path / "whole").symlink_to(outside)
    with pytest.raises(NotADirectoryError):
        landlock._remove(str(tmp_path / "whole"))
    assert is_untouched(outside)


def test_folders_deeper_than_a_path_may_be_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    script = "import os\nfor _ in range(1200):\n    os.mkdir('x' * 200)\n    os.chdir('x' * 200)"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    landlock._remove(str(folder))
    assert not folder.exists()


# A process that is killed while a program runs.
_KILLED = """
import os, signal, sys
from kgsynth.verification.sandbox import landlock, orders
with landlock._folder(orders.new_identity()) as folder:
    os.makedirs(folder + "/closed")
    os.symlink(sys.argv[1], folder + "/link")
    os.chmod(folder + "/closed", 0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_one(outside: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(outside)], check=False)
    assert killed.returncode == -signal.SIGKILL


def test_what_a_killed_process_has_left_goes_at_the_first_run_of_another(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    kill_one(outside)
    assert len(list(place.iterdir())) == 1
    (place / "kgsynth-sandbox-link").symlink_to(outside)
    with landlock._folder(None) as folder:
        (place / "kgsynth-sandbox-link").unlink()  # it is no folder, and stays
        assert list(place.iterdir()) == [Path(folder)]
        # A second process leaves the folder of this one, which runs.
        kill_one(outside)
        assert Path(folder).is_dir()
    assert is_untouched(outside)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_the_folder_of_another_user_is_not_taken_for_a_leftover(tmp_path: Path) -> None:
    for user in (4711, NOBODY, orders.FIRST_IDENTITY):
        folder = tmp_path / f"kgsynth-sandbox-{user}"
        folder.mkdir()
        os.chown(folder, user, user)
    landlock._remove_left(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kgsynth-sandbox-4711"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_removes_folders_without_rights() -> None:
    # Temporary folders of pytest are closed to other users.
    home = tempfile.mkdtemp()
    os.chown(home, NOBODY, NOBODY)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.makedirs(f"{home}/a/b/c")
            for name in ("a/b/c", "a/b", "a"):
                os.chmod(f"{home}/{name}", 0)
            landlock._flatten("a", os.open(home, os.O_RDONLY))
            for name in os.listdir(home):
                landlock._remove(f"{home}/{name}")
            code = len(os.listdir(home))
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.rmdir(home)
