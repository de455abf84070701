"""Tests of `kgsynth.cli.completion`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli

KGSYNTH = Path(sys.executable).with_name("kgsynth")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell], catch_exceptions=False)
    assert f"_KGSYNTH_COMPLETE={shell}_complete" in done.output


def test_bash_completes_commands_and_options() -> None:
    script = (
        f'eval "$({KGSYNTH} completion bash)"; COMP_WORDS=(kgsynth {{}}); COMP_CWORD={{}}; '
        '_kgsynth_completion kgsynth; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )

    def completed(*words: str) -> list[str]:
        path = f"{KGSYNTH.parent}:{os.environ['PATH']}"
        line = script.format(" ".join(f"'{word}'" for word in words), len(words))
        done = subprocess.run(
            ["bash", "-c", line], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    assert completed("sa") == ["sample"]
    assert completed("db", "sta") == ["start", "status"]
    assert set(completed("sample", "--co")) == {"--combinations"}
