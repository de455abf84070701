"""Tests of `kgsynth.pipeline.filtering`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kgsynth import config, pipeline
from kgsynth.cli import cli as commands
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.pipeline import filtering
from kgsynth.records import Document
from kgsynth.settings import DocumentsSettings, FilterSettings, SyllabusSettings
from kgsynth.texts import spoken_latex
from tests.unit.filter_cases import _ROUNDS, filtered, lines


def test_formulas_are_spoken() -> None:
    spoken = spoken_latex(
        r"\begin{thm}\label{x} Let $f$ be with $\int_a^b f \leq \frac{1}{2}\sum a_n$ in $\mathbb{R}$."
    )
    assert spoken == "Let f be with integral a b f less or equal fraction 1 2 sum a n in R ."


@pytest.mark.slow
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


@pytest.mark.slow
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
    with pytest.raises(
        ConfigError, match="1 examples and 80 drawn documents are too few for the method forest|1 examples and 79"
    ):
        filtered(environment, (mixed[0], own), tmp_path / "one", method="forest")
    assert filtered(environment, (mixed[0], own), tmp_path / "near", method="centroid")["kept"] > 0
    own.write_text("")
    with pytest.raises(ConfigError, match="there is no example of the domain"):
        filtered(environment, (mixed[0], own), tmp_path / "none")
    assert not (tmp_path / "none" / "vectors.f32").exists()


@pytest.mark.slow
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
        pipeline.rate_documents(
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
    with pytest.raises(ManifestError, match="are missing or changed in the sources"):
        pipeline.write_selection(
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


@pytest.mark.slow
def test_without_examples_a_syllabus_is_written(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    figures = filtered(environment, mixed, tmp_path / "e", **{**_ROUNDS, "rounds": 1}, positives=())
    assert figures["examples"] == len(lines(tmp_path / "e" / "syllabus.jsonl")) > 20


@pytest.mark.slow
def test_scores_of_another_corpus_and_sources_that_changed_are_refused(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filtered(environment, mixed, tmp_path / "a")
    filtered(environment, mixed, tmp_path / "b", min_words=1)
    with pytest.raises(ConfigError, match="has the scores of another corpus"):
        pipeline.read_scores(tmp_path / "a" / "start.parquet", pipeline.read_corpus(tmp_path / "b"))
    whole = mixed[0].read_text().splitlines(keepends=True)
    started = filtering.cold_start

    def change(*arguments: Any, **more: Any) -> Any:
        mixed[0].write_text("".join(whole[:-40]))
        return started(*arguments, **more)

    monkeypatch.setattr(filtering, "cold_start", change)
    with pytest.raises(ManifestError, match="of 80 documents are missing or changed in the sources"):
        filtered(environment, mixed, tmp_path / "c")
    assert not (tmp_path / "c" / "kept.jsonl").exists()


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    with pytest.raises(ConfigError, match="which cannot be retried in part"):
        pipeline.retry(environment, tmp_path / "run", report=lambda _: None)


def test_a_score_is_no_part_of_what_a_document_is() -> None:
    one, other = Document(id="a", text="b"), Document(id="a", text="b", score=7.5)
    assert one.content_hash() == other.content_hash()
    assert "score" not in json.loads(one.to_json())
    assert json.loads(other.to_json())["score"] == 7.5


@pytest.mark.slow
def test_a_run_reads_examples_like_the_sources_and_not_like_its_copy_of_them(
    environment: config.Environment, tmp_path: Path
) -> None:
    notes = Path(__file__).parents[3] / "docs" / "tutorial" / "notes"
    text = f"""
        [run]
        filter = true
        until = "filter"
        [documents]
        sources = ["{notes}"]
        [filter]
        positives = ["{notes / "algebra"}"]
        rounds = 0
        [sample]
        seed = 1
    """
    result = pipeline.run(environment, config.resolve(text), work_dir=tmp_path / "run", report=lambda _: None)
    assert pipeline.read_figures(result.folders["filter"])["examples"] == 4


def test_text_files_in_a_folder_given_by_a_relative_path_are_rated(
    environment: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ids and origins of text files are made from the path as given, so every step must be given the same."""
    shutil.copytree(Path(__file__).parents[3] / "docs" / "tutorial" / "notes", tmp_path / "notes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KGSYNTH_HOME", str(environment.home))
    options = ("--domain", "general", "--backend", "scripted", "--rounds", "1", "--seed", "1", "--min-score", "1")
    made = CliRunner().invoke(
        commands, ["filter", "run", "notes", "--positives", "notes/algebra", *options, "--work-dir", "filtered"]
    )
    assert made.exit_code == 0, made.output
    (ratings,) = pipeline.rating_runs(tmp_path / "filtered")
    assert len(list(ratings.rows())) == 12
