"""Tests of `kgsynth.verification.sandbox.readable`."""

import os
import sys
from pathlib import Path

import pytest

from kgsynth.errors import ConfigError
from kgsynth.verification.sandbox.readable import readable


def distribution(folder: Path, name: str, files: list[str], *, requires: str = "") -> None:
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    (metadata / "RECORD").write_text("".join(f"{file},,\n" for file in [*files, f"{name}-1.0.dist-info/METADATA"]))


def test_a_package_brings_its_dependencies_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requires = 'Requires-Dist: second-part (>=1)\nRequires-Dist: absent; sys_platform == "none"\nRequires-Dist: third; extra == "more"\n'
    distribution(
        tmp_path, "first", ["first/__init__.py", "first/a/b.py", "../../bin/first", "one.py"], requires=requires
    )
    distribution(tmp_path, "second_part", ["shared/second/__init__.py", "__pycache__/x.pyc"])
    distribution(tmp_path, "third", ["shared/third/__init__.py"])
    monkeypatch.syspath_prepend(tmp_path)
    found = readable(("First",))
    names = {os.path.relpath(path, tmp_path) for path in found.packages}
    assert names == {"first", "one.py", "shared/second", "first-1.0.dist-info", "second_part-1.0.dist-info"}
    assert set(found.modules) == {"first", "one", "shared", "first-1", "second_part-1"}
    assert found.package_folders == (str(tmp_path),)


def test_an_unknown_package_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="'numpyy' of the sandbox is not installed: did you mean 'numpy'"):
        readable(("numpyy",))


def test_a_package_without_a_list_of_files_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bare-1.0.dist-info").mkdir()
    (tmp_path / "bare-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="'bare' does not list its files"):
        readable(("bare",))


def test_packages_are_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, "plain", ["plain/__init__.py", "plain/part.py"])
    monkeypatch.syspath_prepend(tmp_path)
    readable(("plain",))
    tag = sys.implementation.cache_tag
    assert (tmp_path / "plain" / "__pycache__" / f"part.{tag}.pyc").exists()


def test_the_interpreter_is_outside_the_environment() -> None:
    found = readable(())
    assert Path(found.executable).is_relative_to(os.path.realpath(sys.base_prefix))
    assert found.packages == ()
    assert all(Path(path).exists() for path in found.libraries)
