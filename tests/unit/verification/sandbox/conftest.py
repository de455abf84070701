"""Fixtures of the tests of the sandbox."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
    name, _, other = request.param.partition(" ")
    monkeypatch.setenv("SECRET_OF_PARENT", "secret")
    if not other:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        return current_user(name, temporary)
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if request.param not in _started:
        _started[request.param] = _ordinary_user.start(name)
    return _started[request.param]
