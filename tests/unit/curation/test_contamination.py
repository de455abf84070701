"""Tests of `kgsynth.curation.contamination`."""

import json
from pathlib import Path

import pandas
import pytest

from kgsynth.curation import contamination
from kgsynth.curation.contamination import Benchmark, BenchmarkQuestion
from kgsynth.errors import ConfigError


def test_benchmarks_come_as_their_makers_lay_them_out(tmp_path: Path) -> None:
    (tmp_path / "gsm8k.jsonl").write_text(json.dumps({"question": "Q gsm", "answer": "#### 3"}) + "\n")
    math = tmp_path / "MATH" / "test" / "algebra"
    math.mkdir(parents=True)
    for number in (1, 2):
        (math / f"{number}.json").write_text(
            json.dumps({"problem": f"Q math {number}", "level": "Level 1", "solution": "s"})
        )
    (tmp_path / "gaokao.json").write_text(
        json.dumps({"keywords": "x", "example": [{"question": "Q gaokao", "analysis": "a"}]})
    )
    (tmp_path / "olympiad.json").write_text(json.dumps([{"id": 1, "question": "Q olympiad", "solution": ["s"]}]))
    pandas.DataFrame([{"idx": 0, "problem": "Q minerva"}]).to_parquet(tmp_path / "minerva.parquet")
    (tmp_path / "own.csv").write_text("nr,aufgabe\n1,Q own\n")

    def held(name: str, field: str = "") -> list[str]:
        return [one.text for one in contamination.read_benchmark(tmp_path / name, field=field)]

    assert held("gsm8k.jsonl") == ["Q gsm"]
    assert held("MATH") == ["Q math 1", "Q math 2"]
    assert held("gaokao.json") == ["Q gaokao"]
    assert held("olympiad.json") == ["Q olympiad"]
    assert held("minerva.parquet") == ["Q minerva"]
    assert held("own.csv", "aufgabe") == ["Q own"]
    with pytest.raises(ConfigError, match=r"own.csv, row 1 has none of question, .*"):
        held("own.csv")
    (tmp_path / "broken.jsonl").write_text('{"question": ')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name in ("broken.jsonl", "missing.jsonl", "readme.md", "deep.json"):
        with pytest.raises(ConfigError):
            held(name)


def test_a_hit_shows_how_and_where() -> None:
    index = Benchmark(
        [
            BenchmarkQuestion(
                file="b", row=3, text="Find the sum of all positive integers n such that n divides 360 and n is odd."
            ),
            BenchmarkQuestion(
                file="c", row=1, text="Find the sum of all positive integers n such that n divides 36 and is a square."
            ),
        ],
        min_overlap=0.5,
    )
    equal, near = index.find(r"Find the sum of  all positive integers $m$ such that $m$ divides $420$ and $m$ is odd.")
    assert (equal.method, equal.share, equal.benchmark.row) == ("equal", 1.0, 3)
    assert (near.method, near.benchmark.file) == ("overlap", "c")
    over, _ = index.find("If n is odd, find the sum of all positive integers n such that n divides 360!")
    assert over.method == "overlap"
    assert 0.5 <= over.share < 1
    assert over.matching_text == "find the sum of all positive integers n such that n divides 360"
    assert index.find("Find the sum of all primes below 10 and say whether it is even.") == []


def test_where_numbers_are_names_other_numbers_make_another_question() -> None:
    asked = BenchmarkQuestion(file="b", row=1, text="Which right does Article 5 of the convention protect?")
    other = "Which right does  Article 8 of the convention protect?"
    assert [hit.method for hit in Benchmark([asked], min_overlap=0.5).find(other)] == ["equal"]
    index = Benchmark([asked], min_overlap=0.5, folds_numbers=False)
    assert index.find(other) == []
    assert [hit.method for hit in index.find("which right does Article 5 of the convention protect")] == ["equal"]
