"""Tests of `kgsynth.cli.say`: with `--json`, standard output holds JSON Lines and nothing else."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import _COMMANDS, _WITHOUT_JSON, cli, main
from kgsynth.errors import GraphUnavailableError, KgsynthError, TooManyRejectsError
from kgsynth.records import Question
from kgsynth.run_folder import RunFolder


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_that_lists_or_closes_takes_json(name: str) -> None:
    assert ("--json" in CliRunner().invoke(cli, [name, "--help"]).output) == (name not in _WITHOUT_JSON)


def test_lists_are_json_lines_with_numbers_that_are_numbers(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r", "id", {"seed": 1}, stage="level1", rows_name="questions")
    with folder.opened():
        account = {"kept": 1, "rejected": {"cut off": 2}, "totals": {"units": 1234, "output_tokens": 5}}
        folder.write_shard(0, [{"id": "q", "text": "t"}], [], account, record=Question)
        with folder.appending(1) as journal:
            journal.append({"request_id": "a", "output_tokens": 7})
    shown = CliRunner().invoke(cli, ["runs", "--below", str(tmp_path), "--json"])
    (row,) = map(json.loads, shown.stdout.splitlines())
    assert (row["units"], row["requests"], row["rejected"], row["tokens_out"]) == (1234, 1, 2, 12)
    assert row["state"] == "interrupted"
    whole = json.loads(CliRunner().invoke(cli, ["runs", "show", str(tmp_path / "r"), "--json"]).stdout)
    assert whole["rejected"] == {"cut off": 2}
    loaders = CliRunner().invoke(cli, ["loaders", "--json"]).stdout
    assert json.loads(loaders.splitlines()[0])["kind"] == "documents"


def test_closing_lines_go_to_standard_output_as_json(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(
        '{"id": "a", "text": "A group is a set.", "topics": ["t"], "concepts": ["group"]}\n'
    )
    command = ["extract", str(tmp_path / "d.jsonl"), "-o", str(tmp_path / "a.jsonl"), "--with", "vocabulary", "--json"]
    shown = CliRunner().invoke(cli, command)
    assert shown.exit_code == 0, shown.output
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert rows[-1]["account"]["kept"] == 1


@pytest.mark.parametrize(
    ("error", "code"), [(KgsynthError("x"), 1), (TooManyRejectsError("x"), 3), (GraphUnavailableError("x"), 4)]
)
def test_an_error_has_its_exit_code_and_is_json_if_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: KgsynthError, code: int
) -> None:
    def fail(**_: object) -> None:
        raise error

    error.hint = "do y"
    monkeypatch.setattr(cli, "main", fail)
    monkeypatch.setattr("sys.argv", ["kgsynth", "runs", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert json.loads(capsys.readouterr().err) == {"error": "x", "hint": "do y"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "--json"], "Missing argument"),
        (["sample", "--engine", "walker", "--json"], "is not one of"),
        (["sampel", "--json"], "Did you mean 'sample'?"),
        (["runs", "--below", "none", "--json"], "does not exist"),
    ],
)
def test_wrong_use_is_json_if_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    monkeypatch.setattr("sys.argv", ["kgsynth", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert not shown.out
    row = json.loads(shown.err)
    assert words in row["error"]
    assert "--help" in row["hint"]
