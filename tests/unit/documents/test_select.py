"""Tests of `kgsynth.documents.select`."""

import numpy as np
import pytest

from kgsynth.documents import select
from kgsynth.errors import ConfigError


def clouds(seed: int, count: int, size: int = 16):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=size)
    inside = centre + rng.normal(size=(count, size))
    outside = rng.normal(size=(count, size))
    vectors = np.concatenate([inside, outside]).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.arange(2 * count) < count


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("examples", "share", "compared"),
    [
        (10, 0.02, ["linear"]), (10, 0.8, ["centroid"]), (30, 0.8, ["centroid"]), (30, 0.1, ["centroid", "forest", "linear"]), (60, 0.8, ["centroid", "forest", "linear"]),
    ],
)  # fmt: skip
def test_few_examples_get_the_method_that_is_best_on_average(
    examples: int, share: float, compared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "_TREES", 3)
    vectors, _ = clouds(5, 400, size=24)
    inside = round(300 * share)
    drawn = np.concatenate([vectors[examples : examples + inside], vectors[400 : 700 - inside]])
    assert sorted(select.from_examples(vectors[:examples], drawn, seed=7).ranks) == compared


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
