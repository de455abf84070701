"""Tests of `kgsynth.curation.card`."""

import csv
import json
from dataclasses import replace
from pathlib import Path

from kgsynth.curation.card import is_share_alike
from kgsynth.run_folder import RunFolder
from tests.unit.curation.curation_cases import as_run, curated, exported, questions


def test_the_card_counts_everything_and_names_licences(tmp_path: Path) -> None:
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(40))])
    exported(tmp_path, folder, "set", name="My set")
    card = (tmp_path / "set" / "README.md").read_text()
    assert "40 questions, 30 with answers" in card
    assert "| CC BY-SA 3.0 | yes: what is made from it keeps it | 20 |" in card
    assert "| MIT | no | 40 |" in card
    assert "PlanetMath, and others" in card
    assert '"seed": 7' in card
    assert '"min_jaccard": 0.8' in card
    rows = list(csv.DictReader((tmp_path / "set" / "LICENSES.csv").read_text().splitlines()))
    assert {(row["license"], row["attribution"], row["share_alike"], row["rows"]) for row in rows} == {
        ("CC BY-SA 3.0", "PlanetMath, and others", "true", "20"),
        ("CC0-1.0", "PlanetMath, and others", "false", "20"),
        ("MIT", "Someone", "false", "40"),
    }
    assert [is_share_alike(name) for name in ("CC-BY-SA-4.0", "GPL-2.0", "cc by sa", "CC-BY-4.0", "Apache-2.0")] == [
        True,
        True,
        True,
        False,
        False,
    ]


_PICTURE = "![x](http://127.0.0.1/x.png) [y](javascript:alert(1)) `z` a|b"


def test_names_from_documents_are_neither_html_nor_formulas(tmp_path: Path) -> None:
    rows = [
        replace(one, attributions=("<script>alert(1)</script>", "=HYPERLINK(1)"), licenses=("@SUM(A1)", _PICTURE))
        for one in questions(8)
    ]
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", rows)])
    exported(tmp_path, folder, "set", name="<b>My</b> set")
    card = (tmp_path / "set" / "README.md").read_text()
    assert "<script>" not in card
    assert "&lt;script&gt;" in card
    assert "# &lt;b&gt;My&lt;/b&gt; set" in card
    tables = card.partition("## Sources")[2].partition("## How")[0]
    assert r"| !\[x\](http://127.0.0.1/x.png) \[y\](javascript:alert(1)) \`z\` a\|b | no | 8 |" in tables
    assert "[x]" not in tables
    cells = [cell for row in csv.reader((tmp_path / "set" / "LICENSES.csv").read_text().splitlines()) for cell in row]
    assert {"'=HYPERLINK(1)", "'@SUM(A1)"} <= set(cells)


def test_the_card_has_the_settings_of_the_runs_whose_questions_were_answered(tmp_path: Path) -> None:
    asked = RunFolder(tmp_path / "level3", "level3", {"max_questions": 2}, stage="level3", rows_name="questions")
    with asked.opened():
        asked.complete({})
    runs = [as_run(tmp_path / name, rows, answers=(asked.path,)) for name, rows in (("a", questions(3)), ("b", []))]
    folder, _ = curated(tmp_path, runs)
    text = (exported(tmp_path, folder, "dataset").folder / "README.md").read_text()
    made = json.loads(text.partition("Runs:\n\n```json\n")[2].partition("\n```")[0])
    assert [run["stage"] for run in made] == ["level3", "answer", "answer"]
    assert made[0]["max_questions"] == 2
