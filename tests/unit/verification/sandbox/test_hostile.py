"""Hostile programs get nothing through, are ended at the limits, and leave nothing behind."""

import dataclasses
import json
import os
import platform
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgsynth.verification.sandbox import Limits
from tests.unit.verification.sandbox.hostile_programs import ATTACK, ATTEMPTS, ENDLESS
from tests.unit.verification.sandbox.places import Place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of system calls are of x86_64"),
]
LIMITS = Limits(cpu_seconds=5, wall_seconds=10, memory_mib=256, file_mib=4, processes=8)


class Targets:
    """What hostile programs try to reach: files that anyone may change, and servers that anyone may connect to."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o777)
        self.folder = folder
        self.secret = folder / "secret"
        self.secret.write_text("secret")
        self.secret.chmod(0o666)
        key = folder / "home" / ".ssh" / "id_ed25519"
        key.parent.mkdir(parents=True)
        key.write_text("secret")
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(self._tcp.getsockname())
        self._unix = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        self._abstract = f"\0{secrets.token_hex(8)}"
        for server, address in zip(self._unix, (str(folder / "socket"), self._abstract), strict=True):
            server.bind(address)
            server.listen()
        self._datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._datagram.bind(str(folder / "datagram"))
        for name in ("socket", "datagram"):
            (folder / name).chmod(0o777)
        # A descriptor that an ordinary child would inherit.
        self._inherited = os.open(self.secret, os.O_RDONLY)
        os.set_inheritable(self._inherited, True)
        self._before = self._state()

    def files(self, parent: int) -> dict[str, str]:
        row: dict[str, Any] = {
            "parent": parent, "secret": str(self.secret), "folder": str(self.folder), "home": str(self.folder / "home"),
            "port": self._tcp.getsockname()[1], "socket": str(self.folder / "socket"), "abstract": self._abstract,
            "datagram": str(self.folder / "datagram"),
        }  # fmt: skip
        return {"targets.json": json.dumps(row), "attack.py": ATTACK}

    def _state(self) -> list[tuple[str, int, int]]:
        paths = sorted([self.folder, *self.folder.rglob("*")])
        return [(str(path), path.lstat().st_mode, path.lstat().st_mtime_ns) for path in paths]

    def assert_untouched(self) -> None:
        assert self._state() == self._before
        assert self.secret.read_text() == "secret"
        for server in (self._tcp, *self._unix):
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()
        for server in (self._udp, self._datagram):
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.recv(1)

    def close(self) -> None:
        for server in (self._tcp, self._udp, *self._unix, self._datagram):
            server.close()
        os.close(self._inherited)


@pytest.fixture
def targets() -> Iterator[Targets]:
    # Not tmp_path, which only the user of the tests can enter.
    folder = Path(tempfile.mkdtemp(prefix="kgsynth-targets-", dir="/tmp"))
    prepared = Targets(folder)
    yield prepared
    prepared.close()
    shutil.rmtree(folder)


def assert_harmless(place: Place, targets: Targets) -> None:
    """Nothing has changed, nothing is left, and the next program runs."""
    assert place.survivors() == []
    assert list(place.temporary.iterdir()) == []
    targets.assert_untouched()
    assert place.sandbox.run("print('alive')").stdout == "alive\n"


@pytest.mark.parametrize("name", ATTEMPTS)
def test_nothing_gets_through(place: Place, targets: Targets, name: str) -> None:
    done = place.sandbox.run(ATTEMPTS[name], files=targets.files(place.parent), limits=LIMITS)
    assert "THROUGH" not in done.stdout
    assert done.state == "finished", done.stderr
    assert "refused" in done.stdout
    assert_harmless(place, targets)


@pytest.mark.parametrize("name", ENDLESS)
def test_a_limit_ends_the_program(place: Place, targets: Targets, name: str) -> None:
    program, states = ENDLESS[name]
    limits = dataclasses.replace(LIMITS, wall_seconds=0.6 if "timed out" in states else 10)
    done = place.sandbox.run(program, limits=limits)
    assert done.state in states, done
    assert len(done.stdout) <= limits.output_bytes
    assert len(done.stderr) <= limits.output_bytes
    assert_harmless(place, targets)


@pytest.mark.slow
def test_processor_time_is_limited(place: Place) -> None:
    done = place.sandbox.run("while True: pass", limits=Limits(cpu_seconds=1, wall_seconds=60))
    assert done.state == "timed out"
    assert done.seconds < 60
