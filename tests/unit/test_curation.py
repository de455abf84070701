"""Filters, duplicates, contamination and export, on small texts and on a real benchmark."""

import csv
import json
import random
import time
from dataclasses import replace
from pathlib import Path

import pandas
import pytest

from kgsynth import config, faults, pipeline, texts
from kgsynth.config import CurateSettings, ExportSettings
from kgsynth.curation import contamination, duplicates, export, filters, variants
from kgsynth.curation.card import is_share_alike
from kgsynth.curation.contamination import Benchmark, BenchmarkQuestion
from kgsynth.errors import ConfigError, TooManyRejectsError
from kgsynth.final_answers import final_answer
from kgsynth.records import AnsweredQuestion, CuratedQuestion, Question, StageCount, parquet_schema
from kgsynth.runs import RunFolder, open_run
from tests.benchmarks import decontamination, filters_on_people

SETTINGS = CurateSettings()
GOOD = "Find the remainder of $2^{100}$ when it is divided by $101$."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, ""),
        ("Let $A=\\{1,2\\}$ and \\$5 be given, \\left( x \\right). What is the number of subsets of $A$?", ""),
        ("Find all integer solutions to the equation 15x^2-7y^2=9.", ""),
        ("How much is it if an apple costs $3 and a pear twice as much?", ""),
        ("A pear costs $3, a nut $1 and a plum $2. What do six of each cost?", ""),
        ("What does this print?\n\n```python\nx = {1: '?'}\nprint(x.get(2, '?'))  # as shown above, $x\n```", ""),
        ("For which $n$ is it true that `a) b) c)` is read as $f(x) := \\{x \\mid x = {{1}}\\}$ by all?", ""),
        ("Find the sum of all solutions of the equation\n\n$$x^2 - 5x + 6 = 0$$", ""),
        ("What is it?", "question too short"),
        ("What is " + "a very " * 2000 + "long question?", "question too long"),
        ("Compute the sum of the sum of the numbers " * 9, "question repeats itself"),
        ("What is the sum of 7 and 5?<|im_end|>", "question with template tokens"),
        ("What is the sum of 7 and\x00 5?", "question with control characters"),
        ("For which a is a &lt; 7 and a &gt; 5?", "question with undecoded entities"),
        ("I'm sorry, but I can't help with that.", "question in which the model refuses"),
        ("According to the passage, what is the sum of all divisors?", "question mentions a text that is not there"),
        ("In the text above, which theorem is used for the proof?", "question mentions a text that is not there"),
        ("What is the sum of the divisors of 6? What is their product?", "several questions in one"),
        ("For the number 12, (a) find its divisors (b) find their sum.", "several questions in one"),
        ("Find the area of the triangle shown in the figure below.", "question lacks information"),
        ("Use equation (3) to find the value of the integral of x.", "question lacks information"),
        ("Solve the previous problem with eleven in place of seven.", "question lacks information"),
        ("Find the largest prime number that divides the", "question lacks information"),
        ("Find the value of $x when the sum $x+1$ is seven.", "question with unbalanced LaTeX"),
        (r"Find the value of $\frac{1}{2$ when $x$ is equal to seven.", "question with unbalanced LaTeX"),
        (r"Find \begin{matrix} 1 \end{array} and say why it is so.", "question with unbalanced LaTeX"),
        ("Bestimme alle natürlichen Zahlen, deren Quadrat bei Division durch sieben den Rest zwei lässt und die kleiner sind als hundert.", "question in another language"),
    ],
)  # fmt: skip
def test_filters_refuse_for_one_reason(text: str, reason: str) -> None:
    assert filters.question_problem(text, SETTINGS) == reason


def test_filters_let_problems_pass_that_people_wrote() -> None:
    problems = decontamination.problems()
    refused = [text for text in problems if filters.question_problem(text, SETTINGS)]
    assert len(problems) == 270
    assert len(refused) <= 0.01 * len(problems), refused


def test_filters_let_answers_pass_that_people_wrote() -> None:
    _, solutions = filters_on_people.champ()
    assert len(solutions) == 270
    shares = filters_on_people.refused(solutions, filters_on_people.OF_ANSWERS)
    assert {name: share[-1] for name, share in shares.items() if share[-1] > 0.01} == {}


@pytest.mark.planetmath
def test_filters_let_long_texts_pass_too(planetmath: Path) -> None:
    assert planetmath.is_file()
    shares = filters_on_people.refused(filters_on_people.planetmath(), filters_on_people.OF_ALL)
    # One entry of more than 1,600 words is Spanish, and all together take three times as long.
    assert shares.pop("another language")[-1] <= 0.01
    assert {name: max(share) for name, share in shares.items() if max(share) > 0.01} == {}


def test_answers_are_filtered_too() -> None:
    question = AnsweredQuestion(id="q", text=GOOD, answer_id="a", answer="It is $16$ since $2^{100} = 1$.")
    assert filters.answer_problem(question, SETTINGS) == ""
    assert filters.answer_problem(replace(question, answer=""), SETTINGS) == "answer too short"
    assert filters.answer_problem(replace(question, answer="It is $x"), SETTINGS) == "answer with unbalanced LaTeX"
    assert filters.answer_problem(replace(question, answer="so it is and " * 60), SETTINGS) == "answer repeats itself"
    refused = replace(question, answer="I'm sorry, but I can't help with that.")
    assert filters.answer_problem(refused, SETTINGS) == "answer in which the model refuses"
    assert filters.answer_problem(replace(question, answer="It is 16.</s>"), SETTINGS) == "answer with template tokens"
    assert filters.answer_problem(AnsweredQuestion(id="q", text=GOOD), SETTINGS) == ""


def test_near_duplicates_are_found_and_the_first_stays(tmp_path: Path) -> None:
    rng = random.Random(1)
    words = [f"w{n}" for n in range(500)]
    written = [" ".join(rng.choices(words, k=60)) for _ in range(300)]
    near = [text.rsplit(" ", 1)[0] + f" other{row}" for row, text in enumerate(written[:100])]
    half = [" ".join(text.split()[:30] + rng.choices(words, k=30)) for text in written[:100]]
    signatures = duplicates.Signatures(tmp_path)
    for row, text in enumerate(written + near + half):
        signatures.add(row, text)
    found = duplicates.first_stays(signatures.pairs(0.8))
    assert set(found) == set(range(300, 400))
    assert {row: of for row, (of, _) in found.items()} == {300 + row: row for row in range(100)}
    assert min(similarity for _, similarity in found.values()) > 0.8


def test_of_a_chain_only_what_is_near_to_something_that_stays_goes() -> None:
    assert duplicates.first_stays([(0, 1, 0.9), (1, 2, 0.9)]) == {1: (0, 0.9)}
    assert duplicates.first_stays([(0, 1, 0.9), (1, 2, 0.9), (0, 2, 0.8)]) == {1: (0, 0.9), 2: (0, 0.8)}


def test_groups_are_called_by_their_smallest_name() -> None:
    groups = duplicates.Groups()
    for first, second in (("d", "c"), ("b", "a"), ("c", "b"), ("x", "y")):
        groups.join(first, second)
    assert [groups.of(name) for name in "abcdxyz"] == ["a", "a", "a", "a", "x", "x", "z"]


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
    for name in ("broken.jsonl", "missing.jsonl", "readme.md"):
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


ENVIRONMENT = config.environment({"HOME": "/nonexistent"})


def questions(count: int) -> list[AnsweredQuestion]:
    rng = random.Random(4)
    words = [f"{a}{b}ing" for a in "bcdfgklm" for b in ("oo", "ea", "ar", "il", "un", "ot")]
    return [
        AnsweredQuestion(
            id=f"q{n}",
            text=f"Find the number {n} of " + " ".join(rng.choices(words, k=14)) + ".",
            level=3,
            concepts=("concept:a",),
            combination_id=f"c{n // 3}",
            documents=(f"d{n % 5}", "d9"),
            licenses=("CC BY-SA 3.0", "MIT") if n % 2 else ("CC0-1.0", "MIT"),
            attributions=("PlanetMath, and others", "Someone"),
            sources=("planetmath", "elsewhere"),
            model="m",
            seed=7,
            answer_id=f"a{n}" if n % 4 else "",
            answer=f"It is $\\frac{{{n}}}{{2}}$." if n % 4 else "",
            final_answer=str(n),
            votes=3,
            agreement=2 / 3,
            vote_answers=("1", "2"),
            answer_model="n",
        )
        for n in range(count)
    ]


def as_run(path: Path, rows: list[AnsweredQuestion]) -> Path:
    folder = RunFolder(path, path.name, {"seed": 7, "model": "m"}, stage="answer", rows_name="answers")
    with folder.opened():
        folder.write_shard(
            0,
            [row.to_row() for row in rows],
            [],
            {"kept": len(rows), "rejected": {}, "totals": {}},
            record=AnsweredQuestion,
        )
        folder.complete({})
    return path


def curated(
    tmp_path: Path, runs: list[Path], settings: CurateSettings = SETTINGS, name: str = "curated"
) -> tuple[RunFolder, StageCount]:
    counts: list[StageCount] = []
    folder = pipeline.curate(ENVIRONMENT, settings, questions=runs, run_dir=tmp_path / name, report=counts.append)
    return folder, counts[0]


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


def test_texts_made_to_hang_do_not() -> None:
    started = time.monotonic()
    white = "<question>" + " \n" * 20_000
    assert texts.blocks(white + "<concepts>", ("question", "concepts"))[0] == []
    assert texts.blocks("<question>" * 5_000, ("question", "concepts"))[0] == []
    for text in ("\n" * 20_000, "\\boxed{" * 20_000, "the answer is" * 9_000, "final answer " + "* " * 30_000):
        final_answer(text)
    for text in ("(a) x " * 4_000, "\n" * 20_000, "$" * 20_000, "{" * 20_000, "1) " * 6_000):
        filters.asks_several(text)
        filters.lacks_information(text)
        faults.unbalanced_latex(text)
        contamination.tokens(text)
    for text in ("{" * 50_000, "[" * 100_000, '{"a":' * 20_000):
        with pytest.raises(ValueError, match="JSON"):
            texts.parse_json(text, key="a")
    # Minutes or hours where a pattern goes back and forth.
    assert time.monotonic() - started < 20


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


def exported(tmp_path: Path, folder: RunFolder, output: str, **settings: object) -> export.Exported:
    made = ExportSettings(**{"validation_share": 0.3, **settings})  # type: ignore[arg-type]
    return pipeline.export(folder.path, made, output=tmp_path / output, overwrite=True, report=lambda _: None)


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
    exported(tmp_path, smaller, "smaller-set")
    small = datasets.load_dataset(str(tmp_path / "smaller-set"), cache_dir=str(tmp_path / "cache2"))
    assert set(small["train"]["id"]) <= set(loaded["train"]["id"])


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


def test_an_export_never_takes_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    folder, _ = curated(tmp_path, [as_run(tmp_path / "run", questions(20))])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="mine is there already"):
        exported(tmp_path, folder, "mine")
    exported(tmp_path, folder, "set")
    exported(tmp_path, folder, "set", format="jsonl")
    assert not (tmp_path / "set" / "data").exists()
    with pytest.raises(ConfigError, match="is there already"):
        pipeline.export(folder.path, ExportSettings(), output=tmp_path / "set", overwrite=False, report=lambda _: None)
    with pytest.raises(ConfigError, match="not curated questions"):
        exported(tmp_path, open_run(tmp_path / "run"), "other")
    assert (tmp_path / "mine" / "thesis.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_every_record_has_a_schema_and_comes_back_from_a_row() -> None:
    for kind in (Question, AnsweredQuestion, CuratedQuestion):
        schema = parquet_schema(kind)
        row = kind(id="q", text="t", concepts=("a",)).to_row()
        assert set(schema.names) == set(row)
        assert kind.from_row(row) == kind(id="q", text="t", concepts=("a",))
        with pytest.raises(KeyError):
            kind.from_row({"id": "q"})


VARIANTS = [
    ("Find 3^105+4^105 mod 11.", "Find 3^105+4^105 mod 13.", "numbers"),
    ("Find all three-digit automorphic numbers.", "Find all four-digit automorphic numbers.", "numbers"),
    ("How long is the 1,000th word of the list?", "How long is the 1000th word of the list?", ""),
    (r"Is $a \times b$ prime?", "Is a*b prime?", ""),
    (r"Is $a \times b$ prime?", "Is a+b prime?", "signs"),
    ("For how many n is x_n ≤ 5?", "For how many n is x_n > 5?", "signs"),
    ("Find the maximum of f on K.", "Find the minimum of f on K.", "opposites"),
    ("Which of the graphs are planar?", "Which of the graphs are not planar?", "negation"),
    ("Let x be real and solve x = 3.", "Let y be real; solve y = 3.", ""),
    ("Show that every well-ordered set has a least member.", "Prove that each well ordered set has a least one.", ""),
]


@pytest.mark.parametrize(("first", "second", "expected"), VARIANTS)
def test_questions_that_share_their_words_are_variants_where_what_they_ask_differs(
    first: str, second: str, expected: str
) -> None:
    assert variants.difference(first, second) == expected
    assert variants.difference(second, first) == expected


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
