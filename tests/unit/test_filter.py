"""Filtering documents: cheap looks, models of vectors, ratings and syllabuses as models write them, the whole on a script."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kgsynth import config, pipeline
from kgsynth.cli import cli as commands
from kgsynth.concepts.embedding import PooledEmbedder
from kgsynth.config import DocumentsSettings, FilterSettings, SyllabusSettings
from kgsynth.documents import quality, select
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.rating import _read, one_score
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.pipeline import filtering
from kgsynth.pipeline.asking import ask
from kgsynth.records import Document, StageCount
from kgsynth.reports.page import filter_page
from kgsynth.runs import open_run
from kgsynth.texts import spoken_latex

PROSE = "The ring of integers of a number field is a Dedekind domain, and each of its ideals is a product of primes. "


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE * 5, ""),
        (r"Let $\frac{a}{b} \in \mathbb{Q}$ with $\gcd(a, b) = 1$ and $\sum_{n=1}^\infty a_n$. " * 8 + PROSE * 2, ""),
        ("Too few words.", quality.TOO_SHORT),
        ('<div class="x"><a href="y">z</a></div>' * 60 + " word" * 60, quality.MARKUP),
        ("1 2 3 4 5 6 7 8 9 10 " * 20, quality.MARKUP),
        ("Accept cookies. Read our privacy policy. Subscribe to the newsletter. Log in. " * 10, quality.BOILERPLATE),
        ("\n".join(["Home page of the shop here", "A line of menu text again"] * 12), quality.BOILERPLATE),
    ],
)
def test_a_document_that_is_not_worth_it_has_a_reason(text: str, reason: str) -> None:
    assert quality.problem(text, min_words=50) == reason


def test_formulas_are_spoken() -> None:
    spoken = spoken_latex(
        r"\begin{thm}\label{x} Let $f$ be with $\int_a^b f \leq \frac{1}{2}\sum a_n$ in $\mathbb{R}$."
    )
    assert spoken == "Let f be with integral a b f less or equal fraction 1 2 sum a n in R ."


class Lengths:
    """Windows as vectors that tell their words."""

    model = "lengths"
    many = 100

    def embed(self, texts):
        angles = np.array([len(text.split()) for text in texts], dtype=np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_a_long_document_is_the_mean_of_windows_spread_over_it() -> None:
    pooled = PooledEmbedder(Lengths(), words=10, most=3)
    assert pooled.windows("") == [""]
    assert [len(one.split()) for one in pooled.windows("w " * 21)] == [10, 10], "a short last window is left out"
    assert [len(one.split()) for one in pooled.windows("w " * 25)] == [10, 10, 5]
    words = [f"w{n}" for n in range(100)]
    assert [one.split()[0] for one in pooled.windows(" ".join(words))] == ["w0", "w40", "w90"]
    vectors = pooled.embed(["w " * 25, "w " * 10, ""])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    mean = np.array([2 * np.cos(10) + np.cos(5), 2 * np.sin(10) + np.sin(5)])
    assert vectors[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert pooled.model == "lengths/windows-10x3"


def clouds(seed: int, count: int, size: int = 16):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=size)
    inside = centre + rng.normal(size=(count, size))
    outside = rng.normal(size=(count, size))
    vectors = np.concatenate([inside, outside]).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.arange(2 * count) < count


@pytest.mark.parametrize("method", ["forest", "linear", "centroid", "auto"])
def test_a_model_of_examples_tells_the_domain_and_repeats(method: select.Method) -> None:
    vectors, _ = clouds(1, 200)
    made = select.from_examples(vectors[:50], vectors[200:300], method=method, seed=3)
    assert made.drawn_scores.shape == (100,)
    chances = select.scores(made.scorer, vectors)
    assert chances.min() >= 0
    assert chances.max() <= 1
    assert chances[50:200].mean() > chances[300:].mean() + 0.2
    # Of a hundred and fifty of each kind nearly all stand on the right side of each other.
    assert (chances[50:200, None] > chances[None, 300:]).mean() > 0.9
    again = select.from_examples(vectors[:50], vectors[200:300], method=method, seed=3)
    assert (select.scores(again.scorer, vectors) == chances).all()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.8])
def test_a_domain_that_fills_much_of_the_corpus_is_told_all_the_same(share: float) -> None:
    vectors, _ = clouds(5, 1500, size=24)
    inside = round(1500 * share)
    drawn = np.concatenate([vectors[30 : 30 + inside], vectors[1500 : 3000 - inside]])
    truth = np.arange(len(drawn)) < inside
    made = select.from_examples(vectors[:30], drawn, seed=7)
    kept = made.drawn_scores >= 0.5
    assert made.share == pytest.approx(share, rel=0.35)
    assert kept[truth].mean() > 0.7
    assert (made.drawn_scores[truth][:, None] > made.drawn_scores[None, ~truth]).mean() > 0.97
    more = select.from_examples(vectors[:30], drawn, seed=7, recall=0.97)
    assert (more.drawn_scores >= 0.5).sum() > kept.sum()


def test_few_examples_and_a_small_draw_make_a_model_too() -> None:
    vectors, _ = clouds(6, 20)
    for examples, drawn in ((1, 40), (2, 40), (5, 2), (3, 1)):
        made = select.from_examples(vectors[:examples], vectors[20 - drawn // 2 : 20 + drawn // 2 + 1], seed=1)
        assert np.isfinite(made.drawn_scores).all()
        assert np.isfinite(select.scores(made.scorer, vectors)).all()


@pytest.mark.parametrize("method", ["forest", "linear", "centroid"])
def test_a_model_of_ratings_follows_them_from_1_to_10(method: select.Method) -> None:
    vectors, belongs = clouds(2, 200)
    ratings = np.where(belongs, 8.0, 2.0) + np.random.default_rng(1).normal(scale=0.5, size=400)
    chosen = np.r_[0:100, 200:300]
    model = select.from_ratings(vectors[chosen], ratings[chosen], method=method, seed=3)
    found = select.scores(model, vectors)
    assert found.min() >= 1
    assert found.max() <= 10
    assert (
        np.corrcoef(found[100:200].tolist() + found[300:].tolist(), np.r_[ratings[100:200], ratings[300:]])[0, 1] > 0.6
    )
    with pytest.raises(ConfigError, match="1 ratings"):
        select.from_ratings(vectors[:1], ratings[:1], method=method, seed=1)
    with pytest.raises(ConfigError, match="needs examples"):
        select.from_examples(vectors[:0], vectors, method=method, seed=1)


@pytest.mark.parametrize(
    "text",
    [
        "Relevance: 8\nClarity: 7\nLanguage: 9",
        "Relevance (1-10): 8\nClarity (1–10): 7\nLanguage [1 to 10]: 9",
        "**Relevance**: 8/10\n**Clarity**: 7/10\n**Language**: 9/10",
        "<relevance>8/10</relevance> <clarity>7</clarity>\n<language>9, good</language>",
        "<Relevance>\n8\n</Relevance>\n<clarity>\n7\n</clarity>\n<language>\n9\n</language>",
    ],
)
def test_ratings_without_a_form_are_read(text: str) -> None:
    completion = Completion(request_id="r", text=text, finish_reason="stop")
    assert _read(completion) == ({"relevance": 8, "clarity": 7, "language": 9}, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<relevance>\n8\n</relevance>\n<clarity>\n7\n</clarity>\n<language>\n10\n</language>\n", ""),
        ("<relevance>\n8\n</relevance>", "no rating found"),
        (
            "<relevance>\nx\n</relevance>\n<clarity>\n7\n</clarity>\n<language>\n9\n</language>",
            "a rating that is no number",
        ),
        (
            "<relevance>\n11\n</relevance>\n<clarity>\n7\n</clarity>\n<language>\n9\n</language>",
            "a rating out of range",
        ),
    ],
)
def test_ratings_are_read_as_models_write_them(text: str, problem: str) -> None:
    values, found = _read(Completion(request_id="r", text=text, finish_reason="stop"))
    assert found == problem
    if not problem:
        assert [one_score(values, how) for how in ("min", "mean", "relevance")] == [7, 25 / 3, 8]


def corpus_file(path: Path, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    words = {
        "m": "prime number theorem proof ring field group integer ideal matrix vector limit integral polynomial".split(),
        "c": "butter flour oven sugar salt onion sauce garlic pan simmer bake stir pepper cream dough".split(),
    }
    rows = []
    for kind, own in words.items():
        for n in range(40):
            text = " ".join(own[int(place)] for place in rng.integers(len(own), size=70))
            rows.append({"id": f"{kind}{n}", "title": f"{kind} {n}", "text": text, "topics": ["t"]})
    rows.append({"id": "short", "title": "short", "text": "too short"})
    rows.append({"id": "twin", "title": "twin", "text": rows[0]["text"] + " once more"})
    rows.append({"id": "copy", "title": "copy", "text": rows[1]["text"]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, Path]:
    """A corpus of which half is of a domain, with a short text and a near duplicate; and examples."""
    corpus = corpus_file(tmp_path / "corpus.jsonl")
    seeds = [json.loads(line) for line in corpus_file(tmp_path / "other.jsonl", seed=9).read_text().splitlines()[:20]]
    (tmp_path / "seeds.jsonl").write_text(
        "".join(json.dumps({**row, "id": f"s{n}"}) + "\n" for n, row in enumerate(seeds))
    )
    return corpus, tmp_path / "seeds.jsonl"


class Mumbling(ScriptedGenerator):
    """Rates the half of the documents whose numbers are even."""

    def complete(self, request: Request) -> Completion:
        completion = super().complete(request)
        return completion if request.id[-1] in "02468" else replace(completion, text="no idea")


_ROUNDS: dict[str, object] = {"rounds": 2, "rated": 20, "min_score": 2.0, "method": "forest", "score": "mean"}


def filtered(
    environment: config.Environment,
    mixed: tuple[Path, Path],
    work: Path,
    report: Callable[[StageCount], None] = lambda _: None,
    **more: object,
) -> dict[str, Any]:
    values: dict[str, Any] = {"rounds": 0, "method": "linear", "positives": (str(mixed[1]),), "language": "", **more}
    return pipeline.run_filter(
        environment,
        DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0),
        FilterSettings(domain="mathematics", seed=5, backend="scripted", **values),
        work_dir=work,
        report=report,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_whole_filter_keeps_the_domain_and_repeats(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    counts: list[StageCount] = []
    figures = filtered(environment, mixed, tmp_path / "a", counts.append)
    look = next(one for one in counts if one.stage == "filter: look")
    assert (
        look.rejected
        == {quality.TOO_SHORT: 1, quality.NEAR_DUPLICATE: 1, quality.COPY: 1}
        == figures["dropped_by_looks"]
    )
    kept, dropped, looked = (lines(tmp_path / "a" / f"{name}.jsonl") for name in ("kept", "dropped", "rejects-look"))
    # Half of the corpus is of the domain, and so is half of the draw that stands for everything else.
    assert {row["id"] for row in kept} <= {f"m{n}" for n in range(40)}
    assert all(row["score"] >= 0.5 for row in kept)
    assert figures["kept"] == len(kept) >= 20
    assert figures["read"] == len(kept) + len(dropped) + len(looked) == 83
    assert filtered(environment, mixed, tmp_path / "b") == figures
    assert (tmp_path / "b" / "kept.jsonl").read_bytes() == (tmp_path / "a" / "kept.jsonl").read_bytes()
    with pytest.raises(ConfigError, match="no seed"):
        pipeline.run_filter(
            environment,
            DocumentsSettings(sources=(str(mixed[0]),)),
            FilterSettings(domain="mathematics", backend="scripted", positives=(str(mixed[1]),)),
            work_dir=tmp_path / "d",
            report=counts.append,
        )


def test_rounds_of_rating_are_told_and_a_page_shows_them(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    # A script's ratings say nothing; they prove that rounds, journal and scores work, and repeat.
    figures = filtered(environment, mixed, tmp_path / "c", **_ROUNDS)
    assert 1 <= len(figures["rounds"]) <= 2
    assert filtered(environment, mixed, tmp_path / "c", **_ROUNDS) == figures
    one = figures["rounds"][0]
    assert one["ratings"] <= 20
    assert sum(one["scores"]["documents"]) == 80
    assert len(one["just_above"]) <= 10
    assert one["added"] - one["removed"] == one["selected"] - figures["start"]["selected"]
    assert len(one["added_documents"]) == min(10, one["added"])
    assert set(one["aspects"]) == {"relevance", "clarity", "language"}
    assert sum(held["lowest_share"] for held in one["aspects"].values()) >= 1
    doubt = one["doubt"]
    assert doubt["most_doubtful_feature"] in doubt["features"]
    assert [row["doubt"] for row in doubt["documents"]] == sorted(
        (r["doubt"] for r in doubt["documents"]), reverse=True
    )
    scores = pipeline.read_scores(tmp_path / "c" / "round-1" / "scores.parquet", pipeline.read_corpus(tmp_path / "c"))
    assert len(scores) == 80
    page = filter_page(pipeline.read_figures(tmp_path / "c"))
    assert not re.search(
        r"""(src|href)=["']?(https?:)?//|@import|url\(http""",
        re.sub(r"<metadata>.*?</metadata>", "", page, flags=re.DOTALL),
    )
    assert "Round 1" in page
    for name in ("just_above", "just_below", "added_documents", "removed_documents"):
        for row in one[name][:2]:
            cells = r'<td class="text">{}</td><td class="text">{}</td><td class="count" data-value="{}">'
            assert cells.format(row["id"], row["title"], row["score"]) in page
    aspect = one["aspects"]["clarity"]
    cells = '<td class="text">clarity</td><td class="count" data-value="{}">'.format(aspect["mean"])
    assert cells in page
    # Another model than the forest has no trees that could differ.
    linear = filtered(environment, mixed, tmp_path / "d", **{**_ROUNDS, "method": "linear"})
    assert linear["rounds"][0]["doubt"]["kind"] == "nearness to the cut"
    with pytest.raises(ManifestError, match="other settings"):
        filtered(environment, mixed, tmp_path / "c", **{**_ROUNDS, "rounds": 1})


def test_the_steps_one_by_one_keep_what_all_in_one_keeps_and_another_cut_needs_no_new_rating(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = filtered(environment, mixed, tmp_path / "all", **_ROUNDS)
    monkeypatch.setenv("KGSYNTH_HOME", str(environment.home))

    def kgsynth(*arguments: str) -> str:
        made = CliRunner().invoke(commands, ["filter", *arguments], catch_exceptions=False)
        assert made.exit_code == 0, made.output
        return made.output

    corpus, work = str(mixed[0]), ("--work-dir", str(tmp_path / "steps"))
    model = ("--seed", "5", "--method", "forest")
    rating = ("--rated", "20", "--min-score", "2.0", "--score", "mean")
    kgsynth("embed", corpus, *work, "--language", "")
    kgsynth("start", *work, "--positives", str(mixed[1]), *model)
    for _ in figures["rounds"]:
        kgsynth("rate", corpus, *work, *model, *rating, "--backend", "scripted", "--domain", "mathematics")
        assert "mean rating" in kgsynth("fine", *work, *model, *rating)
    kgsynth("keep", corpus, *work, "--min-score", "2.0")
    for name in ("kept.jsonl", "dropped.jsonl", "start.parquet", "round-1/scores.parquet"):
        assert (tmp_path / "steps" / name).read_bytes() == (tmp_path / "all" / name).read_bytes()
    kgsynth("keep", corpus, *work, "--min-score", "9.9")
    assert lines(tmp_path / "steps" / "kept.jsonl") == []
    ids = [row["id"] for part in pipeline.rating_runs(tmp_path / "all") for row in part.rows()]
    assert len(ids) == len(set(ids))


def test_what_was_retried_counts_when_the_filter_runs_again(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    values: dict[str, Any] = {**_ROUNDS, "positives": (str(mixed[1]),), "language": ""}
    documents = DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0)
    settings = FilterSettings(domain="mathematics", seed=5, backend="scripted", **values)
    make: Any = lambda *_: Mumbling()  # noqa: E731
    work = tmp_path / "w"
    before = pipeline.run_filter(environment, documents, settings, work_dir=work, report=lambda _: None, make=make)
    assert before["rounds"][0]["ratings"] < 20
    pipeline.retry(environment, work / "round-1" / "ratings", report=lambda _: None)
    after = pipeline.run_filter(environment, documents, settings, work_dir=work, report=lambda _: None, make=make)
    assert after["rounds"][0]["ratings"] == 20


def test_examples_that_stand_in_the_corpus_are_kept_and_few_will_do(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    # All of the corpus is drawn, and half of it belongs: nothing that was drawn is scored as what does not.
    rows = lines(mixed[0])
    own = tmp_path / "own.jsonl"
    own.write_text("".join(json.dumps({**row, "id": f"own {row['id']}"}) + "\n" for row in rows[:10]))
    figures = filtered(environment, (mixed[0], own), tmp_path / "a", method="forest")
    kept = {row["id"] for row in lines(tmp_path / "a" / "kept.jsonl")}
    assert {row["id"] for row in rows[1:10]} <= kept
    assert figures["start"]["selected"] == len(kept)
    assert len(kept & {f"m{number}" for number in range(40)}) >= 20
    for count in (2, 4):
        own.write_text("".join(json.dumps({**row, "id": f"own {row['id']}"}) + "\n" for row in rows[:count]))
        filtered(environment, (mixed[0], own), tmp_path / f"few-{count}", method="forest")
        assert len(lines(tmp_path / f"few-{count}" / "kept.jsonl")) >= count - 1
    own.write_text(json.dumps({**rows[0], "id": "own"}) + "\n")
    with pytest.raises(ConfigError, match="1 examples and 80 drawn documents make no forest|1 examples and 79"):
        filtered(environment, (mixed[0], own), tmp_path / "one", method="forest")
    assert filtered(environment, (mixed[0], own), tmp_path / "near", method="centroid")["kept"] > 0
    own.write_text("")
    with pytest.raises(ConfigError, match="there is no example of the domain"):
        filtered(environment, (mixed[0], own), tmp_path / "none")
    assert not (tmp_path / "none" / "vectors.f32").exists()


def test_texts_that_changed_since_they_were_embedded_are_not_rated(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    filtered(environment, mixed, tmp_path / "a")
    corpus = pipeline.read_corpus(tmp_path / "a")
    rows = lines(mixed[0])
    rows[0]["text"], rows[50]["text"] = rows[50]["text"], rows[0]["text"]
    mixed[0].write_text("".join(json.dumps(row) + "\n" for row in rows))
    scores = pipeline.read_scores(tmp_path / "a" / "start.parquet", corpus)
    with pytest.raises(
        ManifestError, match="2 of 80 documents that are to be rated are not in the sources, or have an"
    ):
        pipeline.rate(
            environment,
            corpus,
            DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0),
            FilterSettings(domain="mathematics", seed=5, backend="scripted", rated=100),
            selected=scores >= 0.5,
            scores=scores,
            number=1,
            work_dir=tmp_path / "a",
            report=lambda _: None,
        )
    with pytest.raises(ManifestError, match="are not where they were in the sources"):
        pipeline.keep(
            corpus,
            DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0),
            FilterSettings(),
            work_dir=tmp_path / "a",
            report=lambda _: None,
        )
    (tmp_path / "a" / "start.parquet").write_text("junk")
    with pytest.raises(ConfigError, match=r"start.parquet cannot be read"):
        pipeline.read_scores(tmp_path / "a" / "start.parquet", corpus)
    (tmp_path / "a" / "rows.npy").write_text("junk")
    with pytest.raises(ManifestError, match="cannot be used"):
        pipeline.read_corpus(tmp_path / "a")


@pytest.mark.parametrize("piece", [r"\[ x ", r"\( x ", r"a \\[2pt] "])
def test_a_text_full_of_unclosed_formulas_takes_no_longer_than_its_length(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        started = time.perf_counter()
        quality.surface(text)
        quality.problem(text, min_words=1)
        return time.perf_counter() - started

    short = min(seconds(4_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(3)) < 10 * short


def test_without_examples_a_syllabus_is_written(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    figures = filtered(environment, mixed, tmp_path / "e", **{**_ROUNDS, "rounds": 1}, positives=())
    assert figures["examples"] == len(lines(tmp_path / "e" / "syllabus.jsonl")) > 20


def test_scores_of_another_corpus_and_sources_that_changed_are_refused(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filtered(environment, mixed, tmp_path / "a")
    filtered(environment, mixed, tmp_path / "b", min_words=1)
    with pytest.raises(ConfigError, match="is of another corpus"):
        pipeline.read_scores(tmp_path / "a" / "start.parquet", pipeline.read_corpus(tmp_path / "b"))
    whole = mixed[0].read_text().splitlines(keepends=True)
    started = filtering.start

    def change(*arguments: Any, **more: Any) -> Any:
        mixed[0].write_text("".join(whole[:-40]))
        return started(*arguments, **more)

    monkeypatch.setattr(filtering, "start", change)
    with pytest.raises(ManifestError, match="of 80 documents are not where they were in the sources"):
        filtered(environment, mixed, tmp_path / "c")
    assert not (tmp_path / "c" / "kept.jsonl").exists()


def test_a_corpus_finds_its_documents_by_id_and_by_place(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    filtered(environment, mixed, tmp_path / "a")
    corpus = pipeline.read_corpus(tmp_path / "a")
    ids = [one for block in corpus.ids() for one in block]
    assert len(ids) == len(corpus) == 80
    assert corpus.places(["m3", "nobody", ids[-1]]) == {"m3": ids.index("m3"), ids[-1]: 79}
    assert [identity for identity, _ in corpus.names(np.array([79, 0]))] == [ids[79], ids[0]]
    every = list(corpus.all_rows())
    assert [identity for (identity, _), place in every if place is not None] == ids
    assert len(every) == 81
    assert np.array_equal(corpus[:][[5, 70]], corpus[np.array([5, 70])])
    (tmp_path / "a" / "rows.npy").unlink()
    with pytest.raises(ConfigError, match="holds no embedded corpus"):
        pipeline.read_corpus(tmp_path / "a")


def test_a_killed_filter_is_continued_by_the_same_command(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in _ROUNDS.items()]
    command = [
        *(sys.executable, "-m", "kgsynth", "filter", "run", str(mixed[0]), "--positives", str(mixed[1])),
        *("--domain", "mathematics", "--backend", "scripted", "--seed", "5", "--language", "", *options, "--work-dir"),
    ]
    surroundings = {**os.environ, "KGSYNTH_HOME": str(environment.home)}
    for sign in ("start.parquet", "round-1/ratings/run.json"):
        process = subprocess.Popen(
            [*command, str(tmp_path / "killed")], env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not (tmp_path / "killed" / sign).exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    for name in ("killed", "whole"):
        done = subprocess.run(
            [*command, str(tmp_path / name)], env=surroundings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    for name in ("kept.jsonl", "dropped.jsonl", "filter.json", "rejects-look.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_ratings_that_were_rejected_are_asked_for_again(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    documents = DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0)
    stage = filtering.rate_stage(
        documents,
        FilterSettings(domain="mathematics", seed=5, backend="scripted"),
        dict.fromkeys((f"m{n}" for n in range(20)), 1),
    )
    folder = ask(
        environment,
        stage,
        run_dir=tmp_path / "ratings",
        report=lambda _: None,
        progress=None,
        make=lambda *_: Mumbling(),
    )
    assert (folder.counted()["kept"], sum(folder.counted()["rejected"].values())) == (10, 10)
    again = pipeline.retry(environment, tmp_path / "ratings", report=lambda _: None)
    assert again is not None
    rows = [row["id"] for part in open_run(tmp_path / "ratings").parts() for row in part.rows()]
    assert sorted(rows) == sorted(f"m{n}" for n in range(20))


def test_one_file_runs_the_filter_and_what_comes_after_it_reads_what_is_kept(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    text = f"""
        [run]
        filter = true
        until = "filter"
        [documents]
        sources = ["{mixed[0]}"]
        [filter]
        positives = ["{mixed[1]}"]
        language = ""
        rated = 20
        min_score = 5.5
        score = "mean"
        [backend]
        domain = "mathematics"
        backend = "scripted"
        temperature = 0.9
        [sample]
        seed = 5
    """
    resolved = config.resolve(text)
    assert (resolved.config.filter.backend, resolved.config.filter.temperature) == ("scripted", 0.0)
    result = pipeline.run(environment, resolved, work_dir=tmp_path / "run", report=lambda _: None)
    kept = lines(result.folders["filter"] / "kept.jsonl")
    assert 0 < len(kept) < 80
    assert pipeline.read_figures(tmp_path / "run" / "filter")["kept"] == len(kept)
    with pytest.raises(ConfigError, match="there is nothing to do"):
        config.resolve('[run]\nuntil = "filter"')
    with pytest.raises(ConfigError, match="exclude each other"):
        config.resolve('[run]\nfilter = true\n[documents]\nannotations = ["a.jsonl"]')


def test_a_syllabus_becomes_examples(environment: config.Environment, tmp_path: Path) -> None:
    folder = pipeline.write_syllabus(
        environment,
        SyllabusSettings(domain="mathematics", seed=2, backend="scripted", disciplines=2, items=3),
        run_dir=tmp_path / "run",
        output=tmp_path / "s.jsonl",
        report=lambda _: None,
    )
    rows = lines(tmp_path / "s.jsonl")
    assert len(rows) == 2 * 3 * 4 == len({row["id"] for row in rows})
    assert {row["entry_kind"] for row in rows} == {"blog post", "exam paper", "textbook section", "lecture note"}
    assert folder.counted()["totals"]["disciplines"] == 2
    assert folder.counted()["totals"]["items"] == 6
    with pytest.raises(ConfigError, match="which is one piece"):
        pipeline.retry(environment, tmp_path / "run", report=lambda _: None)


def test_a_score_is_no_part_of_what_a_document_is() -> None:
    one, other = Document(id="a", text="b"), Document(id="a", text="b", score=7.5)
    assert one.content_hash() == other.content_hash()
    assert "score" not in json.loads(one.to_json())
    assert json.loads(other.to_json())["score"] == 7.5
