"""Tests of `kgsynth.cli.show`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth.cli import cli

ROW = {
    "id": "q1",
    "text": "How many?\n\x1b[2Jwiped",
    "level": 3,
    "concepts": ["concept:group"],
    "licenses": ["", ""],
    "reasoning": "first I count",
    "answer": "Two.",
    "final_answer": "2",
    "votes": 3,
    "agreement": 2 / 3,
    "verdict": "right",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps({**ROW, "id": f"q{number}"}) + "\n" for number in range(12)))
    return path


def test_rows_are_shown_as_text_with_what_verified_them(file: Path) -> None:
    shown = CliRunner().invoke(cli, ["show", str(file)])
    assert shown.exit_code == 0, shown.output
    assert "10 · q9 · level 3\n  How many?\n" in shown.output
    assert "answer (final answer 2, 67% of 3 votes, judged right)\n    Two." in shown.output
    assert "concepts: group\n" in shown.output
    assert "licenses" not in shown.output
    assert "\x1b[2J" not in shown.output
    assert "first I count" not in shown.output
    assert "at most 10 rows are shown; --limit N shows more" in shown.output
    assert "first I count" in CliRunner().invoke(cli, ["show", str(file), "--thoughts", "--limit", "1"]).output


def test_rows_as_json_lines_and_as_a_page(file: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(cli, ["show", str(file), "--json"])
    assert [json.loads(line)["id"] for line in shown.output.splitlines()] == [f"q{number}" for number in range(12)]
    page = tmp_path / "page.html"
    shown = CliRunner().invoke(cli, ["show", str(file), "--html", str(page), "--limit", "5"])
    assert "The first 5 of 12 rows." in shown.output
    assert "The first 5 of 12 rows." in page.read_text()


def test_rows_without_known_fields_show_all_their_fields(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "d", "grade": "college", "none": null}\n')
    assert "1 · d\n  id: d\n  grade: college\n" in CliRunner().invoke(cli, ["show", str(file)]).output
