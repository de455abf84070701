"""Fixtures of the tests of the sandbox."""

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.verification.sandbox.places import OrdinaryUser, Place, current_user


@pytest.fixture(scope="session")
def _ordinary_user() -> Iterator[OrdinaryUser]:
    user = OrdinaryUser()
    yield user
    user.end()


_started: dict[str, Place] = {}


@pytest.fixture(params=["bubblewrap", "bubblewrap as an ordinary user", "landlock", "landlock as an ordinary user"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, _ordinary_user: OrdinaryUser, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Each back end, as the user of the tests and as an ordinary user."""
    monkeypatch.setenv("SECRET_OF_PARENT", "secret")
    place = _place(request.param, tmp_path, _ordinary_user, monkeypatch)
    # Other tests of the same process may have started some, such as the resource tracker of multiprocessing.
    return dataclasses.replace(place, others=frozenset(psutil.process_iter()))


def _place(param: str, folder: Path, ordinary_user: OrdinaryUser, monkeypatch: pytest.MonkeyPatch) -> Place:
    name, _, other = param.partition(" ")
    if not other:
        temporary = folder / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        return current_user(name, temporary)
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if param not in _started:
        _started[param] = ordinary_user.start(name)
    return _started[param]
