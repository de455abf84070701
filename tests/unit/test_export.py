"""What leaves besides questions and answers: preferences, thoughts, passages; opened by `datasets` as a trainer does."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from kgsynth import config, pipeline
from kgsynth.config import CurateSettings, ExportSettings
from kgsynth.curation import export as exporting
from kgsynth.errors import ConfigError
from kgsynth.records import AnsweredQuestion, CuratedQuestion
from kgsynth.runs import RunFolder

ROWS = [
    AnsweredQuestion(
        id=f"q{n}",
        text=f"What is the sum of {n} and the first prime number after {n + 10}?",
        documents=("d1", "d2"),
        licenses=("CC0", "MIT"),
        passage_chars=(7, 0),
        answer_id=f"a{n}",
        answer=f"It is \\boxed{{{n}}}.",
        final_answer=str(n),
        losing_answers=(f"It is \\boxed{{{n + 1}}}.",) if n % 2 else (),
        answer_reasoning=f"Thoughts on {n}." if n != 3 else "",
    )
    for n in range(6)
]


@pytest.fixture
def curated(tmp_path: Path) -> Path:
    run = RunFolder(tmp_path / "answers", "answers", {"seed": 7}, stage="answer", rows_name="answers")
    rejects = [
        {"unit_id": "q0", "reason": "judged incorrect", "raw": "no", "answer": "It is \\boxed{17}."},
        {"unit_id": "q1", "reason": "judged incorrect", "raw": "no", "answer": "It is \\boxed{18}."},
        {"unit_id": "q4", "reason": "cut off", "raw": "It is"},
        {"unit_id": "gone", "reason": "judged incorrect", "raw": "no", "answer": "It is \\boxed{19}."},
    ]
    with run.opened():
        run.write_shard(
            0,
            [row.to_row() for row in ROWS],
            rejects,
            {"kept": len(ROWS), "rejected": {}, "totals": {}},
            record=AnsweredQuestion,
        )
        run.complete({})
    settings = CurateSettings(min_question_chars=5, language="")
    environment = config.environment({"HOME": str(tmp_path)})
    folder = pipeline.curate(
        environment, settings, questions=[run.path], run_dir=tmp_path / "curated", report=lambda _: None
    )
    assert len(list(folder.rows())) == len(ROWS)
    return folder.path


def opened(folder: Path, tmp_path: Path) -> list[dict[str, Any]]:
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / f"cache-{folder.name}"))
    return list(loaded["train"])


def export(curated: Path, tmp_path: Path, **values: Any) -> list[dict[str, Any]]:
    settings = ExportSettings(**values)
    name = "-".join(str(value) for value in values.values()) or "plain"
    exported = pipeline.export(curated, settings, output=tmp_path / name, overwrite=False, report=lambda _: None)
    return opened(exported.folder, tmp_path)


def test_preferences_stand_an_answer_beside_each_that_lost_or_was_judged_wrong(curated: Path, tmp_path: Path) -> None:
    rows = export(curated, tmp_path, format="preference", system="Answer.")
    found = [(row["id"], row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows]
    assert found == [
        ("q0", "It is \\boxed{0}.", "It is \\boxed{17}."),
        ("q1", "It is \\boxed{1}.", "It is \\boxed{2}."),
        ("q1-1", "It is \\boxed{1}.", "It is \\boxed{18}."),
        ("q3", "It is \\boxed{3}.", "It is \\boxed{4}."),
        ("q5", "It is \\boxed{5}.", "It is \\boxed{6}."),
    ]
    assert [turn["role"] for turn in rows[0]["prompt"]] == ["system", "user"]
    assert rows[0]["prompt"][1]["content"] == ROWS[0].text


def test_questions_without_a_rejected_answer_are_counted_and_none_is_an_error(curated: Path, tmp_path: Path) -> None:
    settings = ExportSettings(format="preference")
    exported = pipeline.export(curated, settings, output=tmp_path / "p", overwrite=False, report=lambda _: None)
    assert exported.left_out == {"no rejected answer": 2}
    lonely = [CuratedQuestion.from_row({**ROWS[2].to_row(), "group": "g"})]
    card = pipeline.dataset.card_of(*pipeline.dataset.curated_run(curated), settings, name="n")
    with pytest.raises(ConfigError, match="there is nothing to export") as caught:
        exporting.write(lonely, tmp_path / "none", settings, card=card, overwrite=False)
    assert "--votes" in caught.value.hint
    with pytest.raises(ConfigError, match="without thoughts"):
        export(curated, tmp_path, format="preference", reasoning="inline")


@pytest.mark.parametrize("form", ["datasets", "jsonl", "parquet", "alpaca", "sharegpt", "messages"])
def test_thoughts_stand_in_no_row_unless_they_are_asked_for(curated: Path, tmp_path: Path, form: str) -> None:
    plain = export(curated, tmp_path, format=form)
    assert "Thoughts" not in json.dumps(plain)
    assert len(plain) == len(ROWS)
    beside = export(curated, tmp_path, format=form, reasoning="field")
    inline = export(curated, tmp_path, format=form, reasoning="inline")
    if form == "messages":
        assert [row["messages"][-1]["reasoning_content"] for row in beside] == [row.answer_reasoning for row in ROWS]
        answers = [row["messages"][-1]["content"] for row in inline]
    else:
        assert [row["reasoning"] for row in beside] == [row.answer_reasoning for row in ROWS]
        name = {"alpaca": "output"}.get(form, "answer")
        answers = [row["conversations"][-1]["value"] if form == "sharegpt" else row[name] for row in inline]
    assert answers[0] == "<think>\nThoughts on 0.\n</think>\n\nIt is \\boxed{0}."
    assert answers[3] == "It is \\boxed{3}."


@pytest.mark.parametrize("form", ["datasets", "messages"])
def test_passages_stand_beside_each_row_with_their_licence(curated: Path, tmp_path: Path, form: Any) -> None:
    def passages(rows: Any) -> list[list[dict[str, str]]]:
        fields = dict.fromkeys(exporting.PASSAGE_FIELDS, "")
        return [[{**fields, "document": "d1", "text": f"Of {row.id}.", "license": "CC0"}] for row in rows]

    settings = ExportSettings(format=form, with_passages=True)
    card = pipeline.dataset.card_of(*pipeline.dataset.curated_run(curated), settings, name="n")
    rows = [CuratedQuestion.from_row({**row.to_row(), "group": row.id}) for row in ROWS]
    exporting.write(rows, tmp_path / form, settings, card=card, overwrite=False, passages=passages)
    found = opened(tmp_path / form, tmp_path)
    assert [row["passages"][0]["text"] for row in found] == [f"Of {row.id}." for row in ROWS]
    assert {row["passages"][0]["license"] for row in found} == {"CC0"}
    with pytest.raises(ConfigError, match="passages stand in the graph"):
        exporting.write(rows, tmp_path / "x", replace(settings), card=card, overwrite=False)
