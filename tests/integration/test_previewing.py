"""A preview runs every stage on a few documents in a graph of its own, and leaves nothing."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth import config
from kgsynth.cli import cli
from kgsynth.documents.forgotten import add_tombstones

NOTES = Path(__file__).parents[2] / "docs" / "tutorial" / "notes"
TEXT = f"""
[graph]
name = "previewed"
[documents]
sources = [{json.dumps(str(NOTES))}]
[sample]
seed = 1
combinations = 100
[backend]
domain = "mathematics"
backend = "scripted"
"""


def test_a_preview_shows_rows_of_each_stage_and_a_plan_scales_them(
    environment: config.Environment,
    command_environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(TEXT)
    # A graph and a folder of the user may have the same name; what was forgotten in the graph stays away.
    kept = [environment.graphs / "preview" / "kept", environment.home / "preview" / "kept"]
    for file in kept:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    gone = sorted(NOTES.rglob("*.md"))[0]
    add_tombstones(environment.tombstones, [f"notes/{gone.relative_to(NOTES)}"], graph="previewed", reason="")
    shown = CliRunner().invoke(cli, ["run", "my.toml", "--preview", "2", "--json"], env=command_environment)
    assert shown.exit_code == 0, shown.output
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    stages = [row["stage"] for row in rows if "stage" in row]
    assert {stage: stages.count(stage) for stage in dict.fromkeys(stages)} == dict.fromkeys(
        ("documents", "annotations", "combinations", "level3", "answer", "curate", "dataset"), 2
    )
    planned = CliRunner().invoke(
        cli, ["plan", "my.toml", "--samples", "2", "--price-in", "2", "--json"], env=command_environment
    )
    assert planned.exit_code == 0, planned.output
    level3, answer, total = map(json.loads, planned.stdout.splitlines())
    assert (level3["stage"], level3["units"], level3["requests"]) == ("level3", 100, 100)
    assert answer["units"] == level3["rows"]
    assert total["prompt_tokens"] == level3["prompt_tokens"] + answer["prompt_tokens"]
    assert total["price"] == pytest.approx(total["prompt_tokens"] * 2e-6, abs=0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["my.toml"]
    assert f"notes/{gone.relative_to(NOTES)}" not in [row["id"] for row in rows if row.get("stage") == "documents"]
    assert all(file.exists() for file in kept)
    # A lens holds for the preview too; where it cannot, it is left out with its reason.
    lens = "MATCH (t:Concept|Topic) WHERE t.id <> 'topic:algebra' RETURN t.id AS id"
    for statement, topics in ((lens, {"topic:geometry", "topic:number theory"}), ("RETURN 'topic:x' AS id", None)):
        (tmp_path.parent / "lens.cypher").write_text(statement)
        command = ["run", "my.toml", "--preview", "12", "--json", "--set", "run.until=combinations"]
        command += ["--set", f"sample.within={tmp_path.parent / 'lens.cypher'}"]
        seen = CliRunner().invoke(cli, command, env=command_environment)
        assert seen.exit_code == 0, seen.output
        drawn = [row for row in map(json.loads, seen.stdout.splitlines()) if row.get("stage") == "combinations"]
        visited = {topic for row in drawn for topic in row["topics"]}
        assert visited
        assert topics is None or visited <= topics
        assert ("sample.within and sample.favour were left out" in seen.stderr) == (topics is None)
    for file in kept:
        shutil.rmtree(file.parent)
    assert not (environment.home / ".preview").exists()
