"""Tests of `kgsynth.curation.export`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgsynth import config, pipeline
from kgsynth.curation import export as exporting
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.pipeline import exporting as pipeline_export
from kgsynth.records import AnsweredQuestion, CuratedQuestion
from kgsynth.run_folder import RunFolder, open_run
from kgsynth.settings import CurateSettings, ExportSettings
from tests.unit.curation.curation_cases import as_run, curated, exported, questions


def test_an_export_opens_in_datasets_and_never_splits_a_group(tmp_path: Path) -> None:
    import datasets

    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(200))])
    done = exported(tmp_path, folder, "set", rows_per_file=50)
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == done.rows
    assert sum(done.rows.values()) == 200
    assert 20 <= done.rows["validation"] <= 110
    assert not set(loaded["train"]["combination_id"]) & set(loaded["validation"]["combination_id"])
    by_id = {row["id"]: row for split in loaded.values() for row in split}
    assert by_id["q7"]["question"] == questions(200)[7].text
    assert by_id["q7"]["answer"] == r"It is $\frac{7}{2}$."
    assert by_id["q7"]["licenses"] == ["CC BY-SA 3.0", "MIT"]
    assert len(list((tmp_path / "set" / "data").glob("train-*.parquet"))) == -(-done.rows["train"] // 50)
    smaller, _ = curated(tmp_path, [as_run(tmp_path / "half", questions(100))], name="smaller")
    done = exported(tmp_path, smaller, "elsewhere/set", rows_per_file=50)
    # `datasets` takes folders of the same name for the same data, unless their cards differ.
    small = datasets.load_dataset(str(tmp_path / "elsewhere" / "set"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in small.items()} == done.rows
    assert set(small["train"]["id"]) < set(loaded["train"]["id"])


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("alpaca", {"id": "q1", "instruction": "Be exact.\n\nQ", "input": "", "output": "A"}),
        ("sharegpt", {"id": "q1", "conversations": [{"from": "system", "value": "Be exact."}, {"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}),
        ("messages", {"id": "q1", "messages": [{"role": "system", "content": "Be exact."}, {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}),
    ],
)  # fmt: skip
def test_chat_forms_hold_answered_questions_and_count_the_others(tmp_path: Path, form: str, first: dict) -> None:
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(40))])
    done = exported(tmp_path, folder, "chat", format=form, system="Be exact.", validation_share=0.0)
    assert (done.rows, done.left_out) == ({"train": 30}, {"no answer": 10})
    rows = [json.loads(line) for line in (tmp_path / "chat" / "train-00000.jsonl").read_text().splitlines()]
    question = questions(40)[1]
    wanted = json.loads(
        json.dumps(first)
        .replace('"Q"', json.dumps(question.text))
        .replace("\\nQ", "\\n" + question.text)
        .replace('"A"', json.dumps(question.answer))
    )
    assert rows[0] == wanted
    assert "Left out in this form: 10 (no answer)" in (tmp_path / "chat" / "README.md").read_text()


def test_an_export_never_takes_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(20))])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="mine already exists"):
        exported(tmp_path, folder, "mine")
    exported(tmp_path, folder, "set")
    exported(tmp_path, folder, "set", format="jsonl")
    assert not (tmp_path / "set" / "data").exists()
    with pytest.raises(ConfigError, match="already exists"):
        pipeline.export(folder.path, ExportSettings(), output=tmp_path / "set", overwrite=False, report=lambda _: None)
    with pytest.raises(ConfigError, match="not curated questions"):
        exported(tmp_path, open_run(tmp_path / "run"), "other")
    assert (tmp_path / "mine" / "thesis.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_an_export_that_cannot_be_written_for_another_reason_does_not_blame_the_disk(tmp_path: Path) -> None:
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(20))])
    (tmp_path / "file").touch()
    with pytest.raises(ManifestError, match=f"{tmp_path / 'file' / 'set'} could not be written") as caught:
        exported(tmp_path, folder, "file/set")
    assert "Check that the folder is writable" in caught.value.hint


@pytest.mark.parametrize("calls", [1, 2])
def test_an_export_that_is_killed_while_it_replaces_a_folder_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(20))])
    exported(tmp_path, folder, "set")
    rename, left = Path.rename, calls

    def rename_or_die(self: Path, target: Path) -> Path:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return rename(self, target)

    # A kill also keeps the folders that the call would tidy up.
    with monkeypatch.context() as killed:
        killed.setattr(Path, "rename", rename_or_die)
        killed.setattr(exporting.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            exported(tmp_path, folder, "set", format="jsonl")
    assert not (tmp_path / "set").exists() or (tmp_path / "set" / "README.md").exists()
    done = exported(tmp_path, folder, "set", format="jsonl")
    assert sum(done.rows.values()) == 20
    assert list((tmp_path / "set").glob("train-*.jsonl"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_an_export_that_is_refused_removes_what_a_killed_one_has_left(tmp_path: Path) -> None:
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(20))])
    exported(tmp_path, folder, "set")
    for name in (".set.part", ".set.replaced"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").touch()
    with pytest.raises(ConfigError, match="already exists"):
        pipeline.export(folder.path, ExportSettings(), output=tmp_path / "set", overwrite=False, report=lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    assert (tmp_path / "set" / "README.md").exists()


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
def curated_answers(tmp_path: Path) -> Path:
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
    import datasets

    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / f"cache-{folder.name}"))
    return list(loaded["train"])


def exported_rows(curated_answers: Path, tmp_path: Path, **values: Any) -> list[dict[str, Any]]:
    settings = ExportSettings(**values)
    name = "-".join(str(value) for value in values.values()) or "plain"
    exported = pipeline.export(
        curated_answers, settings, output=tmp_path / name, overwrite=False, report=lambda _: None
    )
    return opened(exported.folder, tmp_path)


def test_preferences_stand_an_answer_beside_each_that_lost_or_was_judged_wrong(
    curated_answers: Path, tmp_path: Path
) -> None:
    rows = exported_rows(curated_answers, tmp_path, format="preference", system="Answer.")
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


def test_questions_without_a_rejected_answer_are_counted_and_none_is_an_error(
    curated_answers: Path, tmp_path: Path
) -> None:
    settings = ExportSettings(format="preference")
    exported = pipeline.export(curated_answers, settings, output=tmp_path / "p", overwrite=False, report=lambda _: None)
    assert exported.left_out == {"no rejected answer": 2}
    lonely = [CuratedQuestion.from_row({**ROWS[2].to_row(), "group": "g"})]
    card = pipeline_export.card_of(*pipeline_export.curated_run(curated_answers), settings, name="n")
    with pytest.raises(ConfigError, match="there is nothing to export") as caught:
        exporting.write(lonely, tmp_path / "none", settings, card=card, overwrite=False)
    assert "--votes" in caught.value.hint
    with pytest.raises(ConfigError, match="cannot hold reasoning"):
        exported_rows(curated_answers, tmp_path, format="preference", reasoning="inline")


@pytest.mark.parametrize("form", ["datasets", "jsonl", "parquet", "alpaca", "sharegpt", "messages"])
def test_thoughts_stand_in_no_row_unless_they_are_asked_for(curated_answers: Path, tmp_path: Path, form: str) -> None:
    plain = exported_rows(curated_answers, tmp_path, format=form)
    assert "Thoughts" not in json.dumps(plain)
    assert len(plain) == len(ROWS)
    beside = exported_rows(curated_answers, tmp_path, format=form, reasoning="field")
    inline = exported_rows(curated_answers, tmp_path, format=form, reasoning="inline")
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
def test_passages_stand_beside_each_row_with_their_licence(curated_answers: Path, tmp_path: Path, form: Any) -> None:
    def passages(rows: Any) -> list[list[dict[str, str]]]:
        fields = dict.fromkeys(exporting.PASSAGE_FIELDS, "")
        return [[{**fields, "document": "d1", "text": f"Of {row.id}.", "license": "CC0"}] for row in rows]

    settings = ExportSettings(format=form, with_passages=True)
    card = pipeline_export.card_of(*pipeline_export.curated_run(curated_answers), settings, name="n")
    rows = [CuratedQuestion.from_row({**row.to_row(), "group": row.id}) for row in ROWS]
    exporting.write(rows, tmp_path / form, settings, card=card, overwrite=False, passages=passages)
    found = opened(tmp_path / form, tmp_path)
    assert [row["passages"][0]["text"] for row in found] == [f"Of {row.id}." for row in ROWS]
    assert {row["passages"][0]["license"] for row in found} == {"CC0"}
    with pytest.raises(ConfigError, match="passages need the graph"):
        exporting.write(rows, tmp_path / "x", replace(settings), card=card, overwrite=False)
