"""Tests of `kgsynth.cli.sandbox`."""

import json

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli
from kgsynth.pipeline import sandbox


class _Sandbox:
    name, version = "landlock", "ABI 7"


@pytest.fixture
def one_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    examinations = {
        "bubblewrap": sandbox.Examination(name="bubblewrap", reason="bwrap is not installed", hint="Install it."),
        "landlock": sandbox.Examination(name="landlock", sandbox=_Sandbox(), version="ABI 7"),  # type: ignore[arg-type]
    }
    monkeypatch.setattr(sandbox, "examine", examinations.__getitem__)
    monkeypatch.setattr(sandbox, "measure_rate", lambda *_, **__: 31.25)


def test_each_back_end_is_shown_with_its_rate_or_what_to_do(one_holds: None) -> None:
    shown = CliRunner().invoke(cli, ["sandbox", "check"])
    assert shown.exit_code == 0
    assert "does not hold bubblewrap: bwrap is not installed\n              Install it.\n" in shown.output
    assert "holds         landlock ABI 7: 31.2 programs per second\n" in shown.output
    lines = CliRunner().invoke(cli, ["sandbox", "check", "--json"]).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["backend"], row["holds"], row["programs_per_second"]) for row in rows] == [
        ("bubblewrap", False, None),
        ("landlock", True, 31.2),
    ]


def test_the_exit_code_says_that_none_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "examine", lambda name: sandbox.Examination(name=name, reason="a reason"))
    assert CliRunner().invoke(cli, ["sandbox", "check"]).exit_code == 1
