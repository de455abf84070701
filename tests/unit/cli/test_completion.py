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


@pytest.mark.slow
def test_bash_completes_commands_and_options() -> None:
    lines = ("sam",), ("db", "sta"), ("sample", "--co")
    script = [f'eval "$({KGSYNTH} completion bash)"']
    for words in lines:
        typed = " ".join(f"'{word}'" for word in words)
        script.append(
            f"COMPREPLY=(); COMP_WORDS=(kgsynth {typed}); COMP_CWORD={len(words)}; _kgsynth_completion kgsynth"
        )
        script.append('echo "${COMPREPLY[@]}"')
    path = f"{KGSYNTH.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, third = (line.split() for line in done.stdout.splitlines())
    assert first == ["sample"]
    assert second == ["start", "status"]
    assert set(third) == {"--combinations"}
