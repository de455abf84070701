"""Call the `kgsynth` command in this process: a process of its own takes most of a second to import its modules."""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from kgsynth import cli


def call(*arguments: str, cwd: Path, env: Mapping[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Return what a process with these arguments, variables and this folder would print, and its exit code.

    `kgsynth db shell` needs a process, because the shell of Neo4j takes its place.
    """
    assert "shell" not in arguments
    with pytest.MonkeyPatch.context() as patched:
        for name in set(os.environ) - set(env):
            patched.delenv(name)
        for name, value in env.items():
            patched.setenv(name, value)
        patched.chdir(cwd)
        patched.setattr(sys, "argv", ["kgsynth", *arguments])
        patched.setattr(sys, "stdin", io.StringIO(stdin))
        with (
            redirect_stdout(io.StringIO()) as out,
            redirect_stderr(io.StringIO()) as err,
            pytest.raises(SystemExit) as ended,
        ):
            cli.main()
    return subprocess.CompletedProcess(arguments, ended.value.code or 0, out.getvalue(), err.getvalue())
