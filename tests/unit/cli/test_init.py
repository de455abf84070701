"""Tests of `kgsynth.cli.init`."""

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli, init as command
from kgsynth.config import resolve, resolve_file
from kgsynth.settings import RunConfig, settings_fields

GIVEN = (
    "--source",
    "corpus",
    "--source",
    "more/*.pdf",
    "--domain",
    "general",
    "--llm",
    "http://localhost:1",
    "--seed",
    "5",
)
VALUES = {
    "documents.sources": ("corpus", "more/*.pdf"),
    "backend.backend": "server",
    "backend.url": ("http://localhost:1",),
    "backend.domain": "general",
    "sample.seed": 5,
    "graph.name": "notes",
}


def test_the_file_sets_what_is_given_and_explains_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    done = CliRunner().invoke(cli, ["--graph", "notes", "init", str(file), *GIVEN], catch_exceptions=False)
    assert f"kgsynth run {file}" in done.output
    resolved = resolve_file(file)
    for key, value in VALUES.items():
        section, _, name = key.partition(".")
        assert getattr(getattr(resolved.config, section), name) == value
    set_keys = {key for key, origin in resolved.origins.items() if origin == str(file)}
    assert set_keys == set(VALUES)
    text = file.read_text()
    # Every other default is right: with all comments removed the file says the same.
    assert resolve(re.sub(r"^#(\w+ = .+)", r"\1", text, flags=re.MULTILINE)).config == resolved.config
    for section, info in settings_fields(RunConfig).items():
        part = text.partition(f"\n[{section}]\n")[2].partition("\n[")[0]
        if section not in ("filter", "syllabus", "extract", "judge", "generate", "answer"):
            assert set(re.findall(r"^#?(\w+) =", part, re.MULTILINE)) == set(settings_fields(info.annotation))  # type: ignore[arg-type]
    assert text.startswith("#:schema kgsynth.schema.json\n")
    assert "sources" in json.dumps(json.loads((tmp_path / "kgsynth.schema.json").read_text()))
    assert max(map(len, text.splitlines())) <= 120


def test_what_is_missing_or_wrong_is_said(tmp_path: Path) -> None:
    def error(*arguments: str) -> str:
        return str(CliRunner().invoke(cli, ["init", *arguments]).exception)

    assert "--source and --domain must be given" in error(str(tmp_path / "a.toml"))
    assert "did you mean 'mathematics'" in error(str(tmp_path / "a.toml"), "--source", "x", "--domain", "mathematic")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.toml").write_text("mine")
    assert "already exists" in error(str(tmp_path / "a.toml"), *GIVEN)
    assert (tmp_path / "a.toml").read_text() == "mine"


def test_on_a_terminal_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        stdin = type("", (), {"isatty": lambda _: True})()

    monkeypatch.setattr(command, "sys", Terminal)
    file = tmp_path / "my.toml"
    done = CliRunner().invoke(cli, ["init", str(file)], input="papers\n\nhttp://localhost:2\n", catch_exceptions=False)
    assert done.exit_code == 0
    assert "mathematics, medicine, physics, or a folder" in done.output
    config = resolve_file(file).config
    assert (config.documents.sources, config.backend.domain) == (("papers",), "general")
    assert config.generate.url == ("http://localhost:2",)
    assert sys.stdin is not Terminal.stdin
