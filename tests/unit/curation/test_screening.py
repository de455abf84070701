"""Tests of `kgsynth.curation.screening`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.errors import ConfigError, TooManyRejectsError
from kgsynth.records import AnsweredQuestion, CuratedQuestion, Question, parquet_schema
from kgsynth.settings import CurateSettings
from tests.benchmarks import decontamination, filters_on_people
from tests.unit.curation.curation_cases import SETTINGS, as_run, curated, questions


@pytest.mark.slow
def test_filters_let_answers_pass_that_people_wrote() -> None:
    _, solutions = filters_on_people.champ()
    assert len(solutions) == 270
    shares = filters_on_people.refused(solutions, filters_on_people.OF_ANSWERS)
    assert {name: share[-1] for name, share in shares.items() if share[-1] > 0.01} == {}


@pytest.mark.slow
@pytest.mark.planetmath
def test_filters_let_long_texts_pass_too(planetmath: Path) -> None:
    assert planetmath.is_file()
    shares = filters_on_people.refused(filters_on_people.planetmath(), filters_on_people.OF_ALL)
    # One entry of more than 1,600 words is Spanish, and all together take three times as long.
    assert shares.pop("another language")[-1] <= 0.01
    assert {name: max(share) for name, share in shares.items() if max(share) > 0.01} == {}


@pytest.mark.slow
def test_a_real_benchmark_in_five_disguises() -> None:
    rows = decontamination.measure(SETTINGS.min_overlap, 0.85, None)
    for name in ("verbatim", "white space and LaTeX", "renamed variables"):
        assert rows[name]["equal"] == 1.0
    assert rows["reordered clauses"]["removed"] == 1.0
    assert rows["light paraphrase"]["removed"] >= 0.9
    assert rows["light paraphrase"]["equal"] < 0.2


@pytest.mark.planetmath
def test_texts_that_hold_no_benchmark_problem_are_left_alone(planetmath: Path) -> None:
    rows = decontamination.measure(SETTINGS.min_overlap, 0.85, planetmath)
    assert rows["false: sentences of PlanetMath"]["removed"] <= 0.001


def test_curate_takes_each_question_once_across_runs_and_none_of_a_benchmark(tmp_path: Path) -> None:
    rows = questions(60)
    problem = "Ten people sit around a table. How many ways are there to choose three of them such that no two are neighbours?"
    planted = replace(rows[0], id="planted", text="From the text above: " + problem.replace("people", "persons"))
    again = [
        replace(rows[3], id="again", text=rows[3].text.upper()),
        replace(rows[4], id="near", text=rows[4].text[:-1] + " now."),
    ]
    bad = replace(rows[5], id="bad", text="According to the passage above, what is the number?")
    benchmark = tmp_path / "bench.jsonl"
    benchmark.write_text(json.dumps({"problem": problem}) + "\n")
    first, second = as_run(tmp_path / "one", rows), as_run(tmp_path / "two", [*again, bad, planted])
    folder, count = curated(tmp_path, [first, second], replace(SETTINGS, benchmarks=(str(benchmark),)))
    assert [row["id"] for row in folder.rows()] == [row.id for row in rows]
    assert (count.read, count.kept) == (64, 60)
    rejects = {row["unit_id"]: row for row in folder.rejects()}
    assert {key: row["reason"] for key, row in rejects.items()} == {
        "again": "stands twice",
        "near": "near duplicate (MinHash)",
        "bad": "question mentions a text that is not there",
        "planted": "stands in a benchmark (overlap)",
    }
    assert rejects["again"]["detail"] == "equal to q3"
    assert rejects["near"]["detail"].endswith("to q4")
    assert rejects["bad"]["raw"]["question"] == bad.text
    (hit,) = [json.loads(line) for line in (folder.path / "contamination.jsonl").read_text().splitlines()]
    assert (hit["question_id"], hit["benchmark_question"], hit["row"]) == ("planted", problem, 1)
    assert hit["matching_text"].startswith("sit around a table how many ways are there")
    again_folder, _ = curated(tmp_path, [first, second], replace(SETTINGS, benchmarks=(str(benchmark),)))
    assert again_folder.run_id == folder.run_id
    unfiltered, count = curated(tmp_path, [first, second], replace(SETTINGS, filters=False), name="unfiltered")
    assert count.rejected == {"stands twice": 1}
    groups = {row["id"]: row["group"] for row in unfiltered.rows()}
    assert groups["near"] == groups["q4"]
    with pytest.raises(TooManyRejectsError, match="over the limit of 1%"):
        curated(tmp_path, [first, second], replace(SETTINGS, max_rejected_share=0.01), name="strict")


def test_the_domain_decides_whether_other_numbers_make_another_question(tmp_path: Path) -> None:
    rows = [
        replace(
            questions(1)[0],
            id=domain,
            text=f"Which right does Article {number} of the convention protect?",
            domain=domain,
        )
        for number, domain in ((8, "law"), (9, "mathematics"), (11, "a domain that is not installed"))
    ]
    benchmark = tmp_path / "bench.jsonl"
    benchmark.write_text(json.dumps({"question": "Which right does Article 5 of the convention protect?"}) + "\n")
    settings = replace(SETTINGS, benchmarks=(str(benchmark),))
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", rows)], settings)
    assert [row["id"] for row in folder.rows()] == ["law"]
    assert {row["reason"] for row in folder.rejects()} == {"stands in a benchmark (equal)"}


def test_columns_of_a_users_file_that_mean_other_things_break_nothing(tmp_path: Path) -> None:
    file = tmp_path / "math.jsonl"
    rows = [
        {
            "problem": "Find the sum of all digits of 2 to the power 20.",
            "level": "Level 5",
            "grade": 5,
            "votes": "x",
            "answer": ["a"],
            "concepts": [{"a": 1}],
        },
        {
            "problem": "Find the product of all digits of 3 to the 9.",
            "level": float("nan"),
            "seed": 2**70,
            "topics": "algebra",
            "agreement": None,
        },
        {"id": "s\ud800", "text": "Find the number of odd divisors of 720, \ud800."},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder, count = curated(tmp_path, [file])
    assert count.kept == 3
    kept = list(folder.rows())
    assert [(row["level"], row["topics"], row["concepts"]) for row in kept] == [
        (0, [], []),
        (0, ["algebra"], []),
        (0, [], []),
    ]
    for line in ('{"id": 1}', '{"text": ""}', "[1]", '{"text": 5}'):
        file.write_text(line + "\n")
        with pytest.raises(ConfigError, match=r"math.jsonl, line 1: "):
            curated(tmp_path, [file], name="bad")


def test_what_is_near_by_embedding_goes_or_is_listed(tmp_path: Path) -> None:
    rows = [
        AnsweredQuestion(id="a", text="How many apples does the farmer sell on Monday when there are ten?"),
        AnsweredQuestion(id="b", text="What number of apples is sold by the farmer on Monday if he has ten?"),
        AnsweredQuestion(id="c", text="Find the derivative of the sine function at zero, in radians."),
    ]
    run = as_run(tmp_path / "run", rows)
    environment = config.environment({"HOME": str(tmp_path)})
    folder = pipeline.curate(
        environment,
        replace(SETTINGS, min_cosine=0.85),
        questions=[run],
        run_dir=tmp_path / "near",
        report=lambda _: None,
    )
    assert [row["id"] for row in folder.rows()] == ["a", "c"]
    bench = tmp_path / "b.jsonl"
    bench.write_text(json.dumps({"question": rows[1].text}) + "\n")
    listed = pipeline.curate(
        environment, replace(SETTINGS, benchmarks=(str(bench),), review_cosine=0.85), questions=[as_run(tmp_path / "other", [rows[0], rows[2]])],
        run_dir=tmp_path / "listed", report=lambda _: None,
    )  # fmt: skip
    assert [row["id"] for row in listed.rows()] == ["a", "c"]
    (review,) = [json.loads(line) for line in (listed.path / "review.jsonl").read_text().splitlines()]
    assert (review["question_id"], review["method"]) == ("a", "embedding")


def test_every_record_has_a_schema_and_comes_back_from_a_row() -> None:
    for kind in (Question, AnsweredQuestion, CuratedQuestion):
        schema = parquet_schema(kind)
        row = kind(id="q", text="t", concepts=("a",)).to_row()
        assert set(schema.names) == set(row)
        assert kind.from_row(row) == kind(id="q", text="t", concepts=("a",))
        with pytest.raises(KeyError):
            kind.from_row({"id": "q"})


@pytest.mark.slow
def test_of_the_problems_that_people_wrote_none_is_refused_as_a_near_duplicate(tmp_path: Path) -> None:
    import champ_dataset

    path = tmp_path / "champ.jsonl"
    path.write_text(
        "".join(json.dumps({"question": one.text}) + "\n" for one in champ_dataset.load("v0").problems.values())
    )
    refused, counted = {}, {}
    for keep in (True, False):
        folder, count = curated(
            tmp_path, [path], CurateSettings(min_answer_chars=0, keep_variants=keep), name=str(keep)
        )
        refused[keep] = count.rejected.get("near duplicate (MinHash)", 0)
        counted[keep] = count.notes.get("variants_with_other_numbers", 0)
        if keep:
            groups = {row["text"]: row["group"] for row in folder.rows()}
    assert refused == {True: 0, False: 7}
    assert counted == {True: 7, False: 0}
    # A variant and what it varies stand on one side of a split.
    own = [group for text, group in groups.items() if "automorphic" in text]
    assert len(own) == 3
    assert len(set(own)) == 1
