"""Tests of `kgsynth.cli.plan`; tests/integration/test_preview.py makes a plan."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli


@pytest.mark.parametrize(
    ("share", "words"),
    [
        ("level3", "stages are filter, extract, level1"),
        ("level4=0.5", "stages are filter, extract, level1"),
        ("level3=2", "is not in the range"),
        ("level3=many", "is not a valid float"),
    ],
)
def test_a_share_that_is_none_is_refused_with_the_stages(tmp_path: Path, share: str, words: str) -> None:
    (tmp_path / "my.toml").write_text("")
    shown = CliRunner().invoke(cli, ["plan", str(tmp_path / "my.toml"), "--kept-share", share])
    assert shown.exit_code == 2
    assert words in shown.output
