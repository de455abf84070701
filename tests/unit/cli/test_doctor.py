"""Tests of `kgsynth.cli.doctor`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli


def test_what_is_missing_is_shown_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(
        '[documents]\nsources = ["none"]\n[sample]\nseed = 1\n[backend]\ndomain = "general"\nbackend = "scripted"\n'
    )
    shown = CliRunner().invoke(cli, ["doctor", "my.toml"])
    assert shown.exit_code == 1
    assert "missing  documents: no such file or folder: none\n         Paths are relative" in shown.output
    rows = [json.loads(line) for line in CliRunner().invoke(cli, ["doctor", "my.toml", "--json"]).stdout.splitlines()]
    assert [row["subject"] for row in rows if row["state"] == "missing"] == ["documents"]
    Path("none").mkdir()
    assert CliRunner().invoke(cli, ["doctor", "my.toml"]).exit_code == 0
    assert "Java" in CliRunner().invoke(cli, ["doctor"]).output
