"""Tests of `kgsynth.documents.quality`."""

import json
import time
from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.documents import quality
from kgsynth.errors import ConfigError
from kgsynth.records import StageCount
from kgsynth.settings import DocumentsSettings, FilterSettings
from tests.unit.filter_cases import corpus_file, filtered, lines

PROSE = "The ring of integers of a number field is a Dedekind domain, and each of its ideals is a product of primes. "


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE * 5, ""),
        (r"Let $\frac{a}{b} \in \mathbb{Q}$ with $\gcd(a, b) = 1$ and $\sum_{n=1}^\infty a_n$. " * 8 + PROSE * 2, ""),
        ("Too few words.", quality.TOO_SHORT),
        ('<div class="x"><a href="y">z</a></div>' * 60 + " word" * 60, quality.MARKUP),
        ("1 2 3 4 5 6 7 8 9 10 " * 20, quality.MARKUP),
        # An article with a table of numbers, and a list of numbers with a title.
        (PROSE * 3 + "17 + 4 = 21, 593 - 8 = 585; " * 14, ""),
        ("The multiples of seven up to one thousand. " + "7, 14, 21, 28, 35, 42, 49; " * 20, quality.MARKUP),
        ("Accept cookies. Read our privacy policy. Subscribe to the newsletter. Log in. " * 10, quality.BOILERPLATE),
        ("\n".join(["Home page of the shop here", "A line of menu text again"] * 12), quality.BOILERPLATE),
    ],
)
def test_a_document_that_is_not_worth_it_has_a_reason(text: str, reason: str) -> None:
    assert quality.problem(text, min_words=50) == reason


@pytest.mark.slow
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


def test_near_duplicates_and_limits_hold_for_parts(environment: config.Environment, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in corpus_file(tmp_path / "texts.jsonl").read_text().splitlines()]
    own, common = [row["text"] for row in rows[:3]], rows[3]["text"]
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "one.txt").write_text("\f".join([own[0], common, "Page of few words."]))
    (shelf / "two.txt").write_text("\f".join([own[1], common + " once more", own[2]]))
    words = max(len(text.split()) for text in [*own, common]) + 2  # of a page
    corpus = pipeline.embed(
        environment,
        DocumentsSettings(sources=(str(shelf),), split="pages", whole_words=10, part_words=words),
        FilterSettings(domain="mathematics", language="", min_words=20),
        work_dir=tmp_path / "c",
        report=lambda _: None,
    )
    assert [one for block in corpus.ids() for one in block] == [
        "shelf/one.txt#1",
        "shelf/one.txt#2",
        "shelf/two.txt#1",
        "shelf/two.txt#3",
    ]
    dropped = {row["id"]: row["reason"] for row in lines(tmp_path / "c" / "rejects-look.jsonl")}
    assert dropped.pop("shelf/one.txt#3") == quality.TOO_SHORT
    assert dropped.popitem()[1].startswith(f"{quality.NEAR_DUPLICATE} of shelf/one.txt#2")
    assert not dropped


@pytest.mark.slow
@pytest.mark.parametrize("piece", [r"\[ x ", r"\( x ", r"a \\[2pt] "])
def test_a_text_full_of_unclosed_formulas_takes_no_longer_than_its_length(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        started = time.thread_time()
        quality.surface(text)
        quality.problem(text, min_words=1)
        return time.thread_time() - started

    short = min(seconds(4_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(3)) < 10 * short
