"""The sandbox: runs programs that a model wrote, without access to files, network or other processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from kgsynth.errors import SandboxError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one program."""

    cpu_seconds: float = 5
    wall_seconds: float = 10
    memory_mib: int = 1024
    processes: int = 16
    file_mib: int = 16
    output_bytes: int = 65536


@dataclass(frozen=True, kw_only=True)
class ProgramRun:
    """Result of a program; `failed` is an exit code other than 0."""

    state: Literal["finished", "failed", "timed out", "out of memory", "too much output", "killed"]
    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float


class Sandbox(Protocol):
    """A back end that holds on this machine."""

    name: str
    version: str

    def run(
        self,
        program: str,
        *,
        files: Mapping[str, str] = MappingProxyType({}),
        limits: Limits = Limits(),
        packages: Sequence[str] = (),
    ) -> ProgramRun:
        """Run a program as main.py in an empty folder, with other files beside it."""


def choose(name: str = "auto") -> Sandbox:
    """Return a sandbox that holds on this machine.

    Raises:
        SandboxError: no sandbox holds.
    """
    raise SandboxError("no sandbox is built", hint="Use --sandbox off.")
