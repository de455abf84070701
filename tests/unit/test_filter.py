"""Filtering documents: cheap looks, models of vectors, ratings and syllabuses as models write them, the whole on a script."""

import json
from pathlib import Path

import numpy as np
import pytest

from kgsynth import config, pipeline
from kgsynth.concepts.embedding import PooledEmbedder
from kgsynth.config import DocumentsSettings, FilterSettings
from kgsynth.documents import quality, select
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation.backend import Completion
from kgsynth.generation.rating import _read, one_score
from kgsynth.records import Document, StageCount
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


@pytest.mark.parametrize("method", ["forest", "linear", "centroid"])
def test_a_model_of_examples_tells_the_domain_and_repeats(method: select.Method) -> None:
    vectors, _ = clouds(1, 200)
    model = select.from_examples(vectors[:50], vectors[200:300], method=method, seed=3)
    chances = select.scores(model, vectors)
    assert chances.min() >= 0
    assert chances.max() <= 1
    assert chances[50:200].mean() > chances[300:].mean() + 0.2
    # Of a hundred and fifty of each kind nearly all stand on the right side of each other.
    assert (chances[50:200, None] > chances[None, 300:]).mean() > 0.9
    again = select.scores(select.from_examples(vectors[:50], vectors[200:300], method=method, seed=3), vectors)
    assert (again == chances).all()


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
    rows.append({"id": "twin", "title": "twin", "text": rows[0]["text"]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_whole_filter_keeps_the_domain_and_repeats(environment: config.Environment, tmp_path: Path) -> None:
    corpus = corpus_file(tmp_path / "corpus.jsonl")
    seeds = [json.loads(line) for line in corpus_file(tmp_path / "other.jsonl", seed=9).read_text().splitlines()[:20]]
    (tmp_path / "seeds.jsonl").write_text(
        "".join(json.dumps({**row, "id": f"s{n}"}) + "\n" for n, row in enumerate(seeds))
    )
    counts: list[StageCount] = []

    def run(work: Path, **more: object) -> dict:
        settings = FilterSettings(
            seed=5, backend="scripted", language="", min_words=50, **{"rounds": 0, "method": "linear", **more}
        )
        return pipeline.run_filter(
            environment,
            DocumentsSettings(sources=(str(corpus),), max_rejected_share=1.0),
            settings,
            work_dir=work,
            positives=DocumentsSettings(sources=(str(tmp_path / "seeds.jsonl"),)),
            report=counts.append,
        )

    figures = run(tmp_path / "a")
    look = next(one for one in counts if one.stage == "filter: look")
    assert look.rejected == {quality.TOO_SHORT: 1, quality.NEAR_DUPLICATE: 1}
    kept = [json.loads(line) for line in (tmp_path / "a" / "kept.jsonl").read_text().splitlines()]
    dropped = [json.loads(line) for line in (tmp_path / "a" / "dropped.jsonl").read_text().splitlines()]
    looked = [json.loads(line) for line in (tmp_path / "a" / "rejects-look.jsonl").read_text().splitlines()]
    # Half of the corpus is of the domain, and so is half of the draw that stands for everything else.
    assert {row["id"] for row in kept} <= {f"m{n}" for n in range(40)}
    assert all(row["score"] >= 0.5 for row in kept)
    assert figures["kept"] == len(kept) >= 20
    assert len(kept) + len(dropped) + len(looked) == 82
    assert run(tmp_path / "b") == figures
    assert (tmp_path / "b" / "kept.jsonl").read_bytes() == (tmp_path / "a" / "kept.jsonl").read_bytes()
    # A script's ratings say nothing; they prove that rounds, journal and scores work, and repeat.
    rounds = run(tmp_path / "c", rounds=2, rated=20, min_score=2.0, method="forest", score="mean")
    assert 1 <= len(rounds["rounds"]) <= 2
    assert run(tmp_path / "c", rounds=2, rated=20, min_score=2.0, method="forest", score="mean") == rounds
    one = rounds["rounds"][0]
    assert one["agreement"]["ratings"] <= 20
    assert sum(one["scores"]["documents"]) == 80
    assert len(one["just_above"]) <= 10
    with pytest.raises(ManifestError, match="other settings"):
        run(tmp_path / "c", rounds=1, rated=20)
    with pytest.raises(ConfigError, match="no seed"):
        pipeline.run_filter(
            environment,
            DocumentsSettings(sources=(str(corpus),)),
            FilterSettings(backend="scripted"),
            work_dir=tmp_path / "d",
            positives=DocumentsSettings(sources=(str(corpus),)),
            report=counts.append,
        )


def test_a_syllabus_becomes_examples(environment: config.Environment, tmp_path: Path) -> None:
    folder = pipeline.write_syllabus(
        environment,
        FilterSettings(seed=2, backend="scripted"),
        disciplines=2,
        items=3,
        run_dir=tmp_path / "run",
        output=tmp_path / "s.jsonl",
        report=lambda _: None,
    )
    rows = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert len(rows) == 2 * 3 * 4 == len({row["id"] for row in rows})
    assert {row["entry_kind"] for row in rows} == {"blog post", "exam paper", "textbook section", "lecture note"}
    assert folder.counted()["totals"]["disciplines"] == 2
    assert folder.counted()["totals"]["items"] == 6


def test_a_score_is_no_part_of_what_a_document_is() -> None:
    one, other = Document(id="a", text="b"), Document(id="a", text="b", score=7.5)
    assert one.content_hash() == other.content_hash()
    assert "score" not in json.loads(one.to_json())
    assert json.loads(other.to_json())["score"] == 7.5
