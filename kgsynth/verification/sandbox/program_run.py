"""What a sandbox is, and what it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from kgsynth.verification.sandbox.limits import DEFAULT_LIMITS, Limits

NO_FILES: Mapping[str, str] = MappingProxyType({})
State = Literal["finished", "failed", "timed out", "out of memory", "too much output", "killed"]


@dataclass(frozen=True, kw_only=True)
class ProgramRun:
    """The result of one program.

    Attributes:
        state: how the program ended. failed: an exception or a nonzero exit code; timed out: by elapsed or processor
            time; too much output: on standard output, on standard error or in files; killed: by a signal, or because
            of too many threads or files.
        exit_code: the exit code; None if the program was stopped.
        stdout: standard output, cut at the limit; invalid UTF-8 is replaced.
        stderr: standard error, like standard output.
        seconds: elapsed time.
    """

    state: State
    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float


class Sandbox(Protocol):
    """A back end that runs programs; `run` can be called from several threads."""

    @property
    def name(self) -> str:
        """The name of the back end: `bubblewrap` or `landlock`."""

    @property
    def version(self) -> str:
        """The version of the program or of the kernel interface that the back end uses."""

    def run(
        self,
        program: str,
        *,
        files: Mapping[str, str] = NO_FILES,
        limits: Limits = DEFAULT_LIMITS,
        packages: Sequence[str] = (),
    ) -> ProgramRun:
        """Run a program as main.py in an empty folder of its own, and return how it ended.

        Args:
            program: the source text.
            files: texts by file name, which are put beside main.py; names can have folders.
            limits: what the program may use.
            packages: installed distributions that the program can import, with their dependencies.

        Raises:
            ConfigError: a package is not installed, or a file name leads outside the folder.
            SandboxError: the restrictions could not be put in place; the program did not run.
        """
