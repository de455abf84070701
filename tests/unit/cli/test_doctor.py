"""Tests of `kgsynth.cli.doctor`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli


def test_what_is_missing_is_shown_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KGSYNTH_HOME", str(tmp_path / "home"))  # no graph of the user runs there
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


def test_the_options_of_a_run_are_checked_as_it_would_use_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KGSYNTH_HOME", str(tmp_path / "home"))
    for name in ("NEO4J_URI", "KGSYNTH_GRAPH"):
        monkeypatch.delenv(name, raising=False)
    Path("notes").mkdir()
    Path("my.toml").write_text(
        '[documents]\nsources = ["notes"]\n[sample]\nseed = 1\n[backend]\ndomain = "general"\nbackend = "scripted"\n'
    )

    def rows(*arguments: str) -> dict[str, dict[str, str]]:
        shown = CliRunner().invoke(cli, [*arguments, "--json"])
        return {row["subject"]: row for row in map(json.loads, shown.stdout.splitlines())}

    assert rows("doctor", "my.toml", "--llm", "http://127.0.0.1:9")["model of level3"]["state"] == "missing"
    assert rows("doctor", "my.toml", "--set", "backend.domain=genral")["prompts"]["state"] == "missing"
    assert rows("doctor", "my.toml", "--llm", "http://127.0.0.1:9", "--set", "run.until=combinations")["settings"]
    assert "graph 'mine'" in rows("--graph", "mine", "doctor", "my.toml")["Neo4j"]["text"]
    assert "graph 'mine'" in rows("--graph", "mine", "doctor")["Neo4j"]["text"]
    refused = CliRunner().invoke(cli, ["doctor", "--backend", "scripted"])
    assert refused.exit_code == 2
    assert "need CONFIG" in refused.output
