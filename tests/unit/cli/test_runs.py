"""Tests of `kgsynth.cli.runs`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli
from kgsynth.records import StageCount
from kgsynth.run_folder import RunFolder


@pytest.mark.parametrize("damaged_file", ["run.json", "account-00000.json"])
def test_a_damaged_run_is_listed_with_what_to_do_beside_the_others(tmp_path: Path, damaged_file: str) -> None:
    for name in ("a", "b", "c"):
        folder = RunFolder(tmp_path / name, name, {}, stage="level3", rows_name="questions")
        with folder.opened():
            folder.complete({})
    (tmp_path / "b" / damaged_file).write_text('{"run_id": ')
    shown = CliRunner().invoke(cli, ["runs", "--below", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    states = [line.split("\t")[2] for line in shown.stdout.splitlines()[1:]]
    assert states == ["complete", "damaged", "complete"]
    assert f"{tmp_path}/b/{damaged_file} cannot be read" in shown.stderr
    assert "Remove the run folder" in shown.stderr
    as_json = CliRunner().invoke(cli, ["runs", "--below", str(tmp_path), "--json"])
    row = json.loads(as_json.stdout.splitlines()[1])
    assert (row["state"], row["units"], row["folder"]) == ("damaged", None, f"{tmp_path}/b")
    assert "cannot be read" in json.loads(as_json.stderr)["error"]


def test_a_whole_run_shows_its_stages_and_no_counts_of_its_own(tmp_path: Path) -> None:
    account = StageCount(stage="answer", unit="questions", kept=3, rejected={"cut off": 2}).to_row()
    folder = RunFolder(tmp_path, "a", {}, stage="run", rows_name="none")
    with folder.opened():
        shown = CliRunner().invoke(cli, ["runs", "show", str(tmp_path)])
        assert "0 " not in shown.stdout
        folder.complete({"stages": [account]})
    listed = CliRunner().invoke(cli, ["runs", "--below", str(tmp_path)])
    assert listed.stdout.splitlines()[1].split("\t") == ["a", "run", "complete", *[""] * 6, str(tmp_path)]
    shown = CliRunner().invoke(cli, ["runs", "show", str(tmp_path)])
    assert "  answer: 5 questions read, 3 kept, 2 rejected\n" in shown.stdout
