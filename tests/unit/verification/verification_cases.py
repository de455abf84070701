"""Shared by the tests of verifiers: programs of this repository are run in a plain process, without a sandbox."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kgsynth.verifier import Execution


def run_plainly(program: str, files: Mapping[str, str]) -> Execution:
    """Run a program that a test contains, never one that a model wrote."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**files, "main.py": program}.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-B", "-S", "-P", "main.py"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired as error:
            return Execution(state="timed out", stdout=(error.stdout or b"").decode())
        state = "finished" if done.returncode == 0 else "failed"
        return Execution(state=state, stdout=done.stdout, stderr=done.stderr, exit_code=done.returncode)
