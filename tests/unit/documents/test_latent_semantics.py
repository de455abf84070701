"""Vectors of words that are learned from the corpus and the examples."""

from pathlib import Path

import numpy as np
import pytest

from kgsynth.documents import latent_semantics
from kgsynth.documents.latent_semantics import LatentSemantics, WithWords, WordCounts

COOKING = "flour butter oven recipe dough sugar bake knead yeast crust".split()
SAILING = "mast harbour sail wind anchor keel rudder tide hull rope".split()


def texts(words: list[str], count: int, seed: int) -> list[str]:
    """Texts of twelve drawn words each."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, size=12)) for _ in range(count)]


def learned(folder: Path, corpus: list[str], examples: list[str]) -> tuple[WordCounts, LatentSemantics]:
    """Count a corpus in blocks, and learn from it and from the examples."""
    counts = WordCounts(folder, words=100)
    for first in range(0, len(corpus), 7):
        counts.add(corpus[first : first + 7])
    return counts, latent_semantics.learned(counts, np.arange(len(corpus)), counts.of(examples))


def test_texts_of_a_subject_are_near_and_those_of_another_are_not(tmp_path: Path) -> None:
    """The mean cosine within a subject is high, that between subjects nothing."""
    counts, semantics = learned(tmp_path, [*texts(COOKING, 40, 1), *texts(SAILING, 40, 2)], texts(COOKING, 5, 3))
    vectors = semantics.vectors(counts.rows(np.arange(80)))
    assert (vectors[:40] @ vectors[:40].T).mean() > 0.4
    assert abs((vectors[:40] @ vectors[40:].T).mean()) < 0.01


def test_an_example_that_is_in_the_corpus_has_the_very_same_vector(tmp_path: Path) -> None:
    """Whatever stands beside it, in the corpus or among the examples, and after the files were read again."""
    corpus = [*texts(COOKING, 30, 3), "", *texts(SAILING, 30, 4)]
    counts, semantics = learned(tmp_path, corpus, corpus[:3])
    together = semantics.vectors(counts.rows(np.arange(61)))
    alone = np.concatenate([semantics.vectors(counts.of([text])) for text in corpus])
    assert together.tobytes() == alone.tobytes()
    counts.close()
    again = WordCounts.read(tmp_path, words=100)
    chosen = np.array([60, 3, 30])
    assert semantics.vectors(again.rows(chosen)).tobytes() == together[chosen].tobytes()
    assert not together[30].any()
    assert np.linalg.norm(together[0]) == pytest.approx(1)
    rows = WithWords(np.ones((3, 2), np.float32), chosen, again, semantics)
    assert len(rows) == 3
    assert rows[1:2].tobytes() == rows[np.array([1])].tobytes()
    assert np.linalg.norm(rows[:3], axis=1) == pytest.approx(np.ones(3))


def test_damaged_counts_are_refused(tmp_path: Path) -> None:
    """A file of another length belongs to another corpus, or was cut off."""
    counts, _ = learned(tmp_path, texts(COOKING, 30, 5), texts(COOKING, 2, 6))
    counts.close()
    with (tmp_path / "words.i32").open("ab") as file:
        file.write(b"0000")
    with pytest.raises(ValueError, match="do not match"):
        WordCounts.read(tmp_path, words=100)


def test_a_small_corpus_teaches_nothing(tmp_path: Path) -> None:
    """With a few documents the vectors have no dimension, and joining changes nothing."""
    counts, semantics = learned(tmp_path, texts(COOKING, 12, 7), texts(COOKING, 3, 8))
    words = semantics.vectors(counts.of(["flour"]))
    assert words.shape == (1, 0)
    vectors = np.array([[3, 4]], dtype=np.float32)
    assert latent_semantics.joined(vectors, words).tolist() == vectors.tolist()
    assert latent_semantics.joined(vectors, np.ones((1, 1), np.float32)).tolist() != vectors.tolist()


def test_only_the_first_words_of_a_text_count(tmp_path: Path) -> None:
    """As many words as the embedder reads."""
    counts, _ = learned(tmp_path, texts(COOKING, 40, 9), texts(COOKING, 2, 10))
    assert counts.of(["flour " * 100 + "mast " * 500]).nnz == 1
