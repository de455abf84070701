"""Tests of `kgsynth.concepts.embedding`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.embedding import EmbeddingStore, OnnxEmbedder, PooledEmbedder, check_unit_rows, make_embedder
from kgsynth.errors import ConfigError, VectorError
from tests.unit.concepts.concepts_cases import axes


def test_nearest_pairs_are_exact_and_checked() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = {(pair.first, pair.second): pair.cosine for pair in nearest_pairs(vectors, neighbours=59, min_cosine=0.5)}
    cosines = vectors @ vectors.T
    expected = {(i, j) for i in range(60) for j in range(i + 1, 60) if cosines[i, j] >= 0.5}
    assert set(pairs) == expected
    assert all(pairs[one] == pytest.approx(cosines[one], abs=1e-5) for one in pairs)
    assert list(nearest_pairs(vectors[:1], neighbours=3, min_cosine=0.0)) == []
    with pytest.raises(VectorError, match="row 0 has length 2"):
        check_unit_rows(vectors * 2)
    with pytest.raises(VectorError, match="row 0 has length nan"):
        check_unit_rows(vectors * np.float32(np.nan))
    with pytest.raises(VectorError, match="float64"):
        check_unit_rows(vectors.astype(np.float64))


class CountingEmbedder:
    model = "counting"
    many = 2

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        return axes(texts)


def test_a_stored_embedding_is_never_computed_twice(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    store = EmbeddingStore(tmp_path / "e.sqlite", embedder)
    assert store.embed(["a", "b", "a"]).shape == (3, 4)
    assert EmbeddingStore(tmp_path / "e.sqlite", embedder).embed(["b", "c"]).shape == (2, 4)
    assert embedder.seen == ["a", "b", "c"]
    assert store.embed([]).shape == (0, 0)


def test_an_interrupted_call_keeps_what_was_embedded(tmp_path: Path) -> None:
    class Failing(CountingEmbedder):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            if "cc" in texts:
                raise KeyboardInterrupt
            return super().embed(texts)

    with pytest.raises(KeyboardInterrupt):
        EmbeddingStore(tmp_path / "e.sqlite", Failing()).embed(["a", "cc", "b", "d", "e"])
    embedder = CountingEmbedder()
    assert EmbeddingStore(tmp_path / "e.sqlite", embedder).embed(["a", "cc", "b", "d", "e"]).shape == (5, 4)
    assert embedder.seen == ["cc"]


def test_the_onnx_form_gives_unit_vectors_that_do_not_depend_on_company() -> None:
    embedder = OnnxEmbedder()
    names = ["greatest common divisor", "gcd", "left inverse", "right inverse"]
    together = check_unit_rows(embedder.embed(names))
    alone = np.concatenate([embedder.embed([name]) for name in names])
    assert np.sum(together * alone, axis=1).min() > 0.98
    assert together[2] @ together[3] > together[0] @ together[2]
    with pytest.raises(ConfigError, match="no embedder"):
        make_embedder("bert")  # type: ignore[arg-type]


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
