"""Where hostile programs run: in each back end, as the user of the tests and, if that is root, as an ordinary user."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import kgsynth
from kgsynth.verification.sandbox import Limits, ProgramRun, Sandbox, examine
from kgsynth.verification.sandbox.limits import DEFAULT_LIMITS
from kgsynth.verification.sandbox.orders import FIRST_IDENTITY
from kgsynth.verification.sandbox.program_run import NO_FILES

# A user id that nobody has, so that its processes are those of these tests.
ORDINARY_USER = 60000 + os.getpid() % 5000


@dataclass
class Place:
    """A back end under a user.

    Attributes:
        sandbox: what runs the programs.
        parent: id of the process that calls it.
        users: ids of users that only programs of this place have.
        temporary: the temporary folder of that process.
        others: processes that are no programs of this test, for they were there before it.
    """

    sandbox: Sandbox
    parent: int
    users: range
    temporary: Path
    others: frozenset[psutil.Process] = frozenset()

    def survivors(self) -> list[psutil.Process]:
        """Return the processes of programs that are still alive."""
        children = psutil.Process(self.parent).children(recursive=True)
        found = {*children, *(one for one in psutil.process_iter() if _user(one) in self.users)}
        return [one for one in found - self.others if _is_alive(one)]


def _user(process: psutil.Process) -> int:
    try:
        return process.uids().real
    except psutil.NoSuchProcess:
        return -1


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs; an ended one is listed until the first process of the machine collects it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class OtherUser:
    """A back end in another process, which runs as an ordinary user."""

    version = ""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    def run(
        self,
        program: str,
        *,
        files: Mapping[str, str] = NO_FILES,
        limits: Limits = DEFAULT_LIMITS,
        packages: Sequence[str] = (),
    ) -> ProgramRun:
        request: dict[str, Any] = {"program": program, "files": dict(files), "limits": asdict(limits)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**request, "packages": list(packages)}) + "\n")
        self._process.stdin.flush()
        return ProgramRun(**json.loads(self._process.stdout.readline()))


def interpreter_for_others() -> str:
    """An interpreter that an ordinary user can start; that of the tests can lie in a folder of root."""
    for candidate in (os.path.realpath(sys._base_executable), "/usr/bin/python3"):  # type: ignore[attr-defined]
        try:
            done = subprocess.run(
                [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                user=ORDINARY_USER, group=ORDINARY_USER, extra_groups=[], cwd="/", capture_output=True, check=False,
            )  # fmt: skip
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    pytest.skip("no Python from 3.11 that an ordinary user can start")


class OrdinaryUser:
    """Starts and ends the processes that run as an ordinary user."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kgsynth-user-"))
        self._folder.chmod(0o755)
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, name: str) -> Place:
        modules = self._folder / "modules"
        if not modules.exists():
            package = Path(kgsynth.__file__).parent
            (modules / "kgsynth" / "verification").mkdir(parents=True)
            (modules / "kgsynth" / "verification" / "__init__.py").touch()
            for module in ("__init__.py", "errors.py", "files.py"):
                shutil.copy(package / module, modules / "kgsynth")
            shutil.copytree(package / "verification" / "sandbox", modules / "kgsynth" / "verification" / "sandbox")
            shutil.copy(Path(__file__).with_name("ordinary_user.py"), modules)
        temporary = self._folder / name
        temporary.mkdir(exist_ok=True)
        os.chown(temporary, ORDINARY_USER, ORDINARY_USER)
        process = subprocess.Popen(
            [interpreter_for_others(), "-B", str(modules / "ordinary_user.py"), name],
            user=ORDINARY_USER, group=ORDINARY_USER, extra_groups=[], cwd="/", text=True,
            env={"PYTHONPATH": str(modules), "TMPDIR": str(temporary), "SECRET_OF_PARENT": "secret"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._processes.append(process)
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        if first["reason"]:
            pytest.skip(f"{name} does not hold here for an ordinary user: {first['reason']}")
        users = range(ORDINARY_USER, ORDINARY_USER + 1)
        return Place(OtherUser(name, process), first["pid"], users, temporary)

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        shutil.rmtree(self._folder)


def current_user(name: str, temporary: Path) -> Place:
    """A back end that this process calls."""
    examination = examine(name)
    if examination.sandbox is None:
        pytest.skip(f"{name} does not hold here: {examination.reason}")
    first = FIRST_IDENTITY + (os.getpid() << 6) % (1 << 28)
    users = range(first, first + 64) if os.geteuid() == 0 else range(0)
    return Place(examination.sandbox, os.getpid(), users, temporary)
