"""Find names that may be synonyms although they look different: by their contexts instead of their letters.

Three vectors describe a name: its own embedding, the embedding of the name with its defining sentence, and its
neighbours in the documents. The nearest names by the three together are candidates for a judge or a reviewer; no rule
joins them.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.decide import embedded_text
from kgsynth.concepts.embedding import Float32Matrix
from kgsynth.randomness import stream
from kgsynth.scripts import WORD_BEGINS, WORD_ENDS

# Weights of the squared lengths of the three parts (docs/figures/merging.md).
_NAME, _SENTENCE, _NEIGHBOURS = 1.0, 0.5, 0.5
_DIMENSIONS = 256
# Less similar contexts are no evidence, and a few of the most similar may be missed: both make the search fast.
_LEAST_COSINE = 0.2
_LEAST_RECALL = 0.95
_MOST_CHARS = 300
_DEFINES = re.compile(
    r"\b(?:is|are) (?:an?|the|any|called|said|defined|known|those)\b|\b(?:called|known as|means|denotes|refers to)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_LEAST_WORDS = 3
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-Z\\$])|(?<=[。！？；])|\n\s*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A text that uses a name: the document's title, its text, and the spelling in it."""

    title: str
    text: str
    spelling: str


def defining_sentence(uses: Sequence[Use]) -> str:
    """Return the sentence that best defines a name among the texts that use it; empty if none has its spelling.

    Preferred are documents with the name as title, sentences that say what something is, and early sentences. A
    document with the name as title whose text has it nowhere gives its first sentence.
    """
    best, sentence = (-math.inf, 0.0), ""
    for use in uses:
        is_title = use.title.casefold().strip() == use.spelling.casefold()
        words = r"\s+".join(map(re.escape, use.spelling.split()))
        pattern = re.compile(rf"{WORD_BEGINS}{words}(?:e?s)?{WORD_ENDS}", re.IGNORECASE)
        for number, part in enumerate(_SENTENCE_END.split(use.text)):
            has_name = pattern.search(part) is not None
            if not has_name and (not is_title or len(_WORD.findall(part)) < _LEAST_WORDS):
                continue
            text = " ".join(part.split())
            rank = (
                2.0 * is_title + bool(_DEFINES.search(text)) - (len(text) > 2 * _MOST_CHARS) if has_name else -2.0,
                -float(number),
            )
            if rank > best:
                best, sentence = rank, _around(text, pattern)
    return sentence


def _around(text: str, pattern: re.Pattern[str]) -> str:
    """Return a long sentence's words around the name."""
    match = pattern.search(text)
    if match is None or len(text) <= _MOST_CHARS:
        return text[:_MOST_CHARS]
    first = max(0, min(match.start() - _MOST_CHARS // 3, len(text) - _MOST_CHARS))
    excerpt = text[first : first + _MOST_CHARS]
    return ("…" if first else "") + excerpt.strip() + ("…" if first + _MOST_CHARS < len(text) else "")


def context_pairs(
    names: Sequence[str],
    sentences: Sequence[str],
    mentions: tuple[NDArray[np.int64], NDArray[np.int64]],
    embed: Callable[[Sequence[str]], Float32Matrix],
    *,
    neighbours: int,
    seed: int,
) -> list[tuple[int, int, float]]:
    """Return pairs of rows of names with similar contexts, the most similar first.

    Args:
        names: names of all terms of one kind, each once.
        sentences: the defining sentence of each name; empty for a name without one.
        mentions: int64 (mentions,) numbers of documents, and rows of the names that they mention.
        embed: function from texts to unit vectors.
        neighbours: number of nearest names per name.
        seed: seed of the random projection.

    Returns:
        Smaller row, larger row, and the cosine of their joined vectors, in [-1, 1].
    """
    if len(names) < 2:
        return []
    own = embed([embedded_text(name) for name in names])
    known = [row for row, sentence in enumerate(sentences) if sentence]
    defined = own.copy()  # also of names without a sentence
    if known:
        defined[known] = embed([f"{names[row]}: {sentences[row]}" for row in known])
    joined = np.concatenate(
        [
            math.sqrt(_NAME) * own,
            math.sqrt(_SENTENCE) * defined,
            math.sqrt(_NEIGHBOURS) * neighbour_vectors(*mentions, len(names), seed=seed),
        ],
        axis=1,
    )
    pairs = nearest_pairs(
        _compressed(joined), neighbours=neighbours, min_cosine=_LEAST_COSINE, least_recall=_LEAST_RECALL
    )
    ordered = np.argsort(-pairs.cosines, kind="stable")
    return [(int(pairs.first[at]), int(pairs.second[at]), float(pairs.cosines[at])) for at in ordered]


def neighbour_vectors(documents: NDArray[np.int64], rows: NDArray[np.int64], count: int, *, seed: int) -> Float32Matrix:
    """Return a vector of each name's neighbours in documents, float32 (count, dimensions); unit rows or zeros.

    Each name gets a random vector. A name's result is the sum, over its documents, of the mean of the other names'
    random vectors. The work is proportional to the mentions; no pair is counted.

    Source: random indexing (Kanerva et al. 2000; Sahlgren 2005), with documents as contexts.
    """
    if not len(rows):
        return np.zeros((count, _DIMENSIONS), dtype=np.float32)
    incidence = csr_matrix(
        (np.ones(len(rows), dtype=np.float32), (documents, rows)), shape=(int(documents.max()) + 1, count)
    )
    random = stream(seed, "neighbour vectors", 0).normal(size=(count, _DIMENSIONS)).astype(np.float32)
    shares = 1 / np.maximum(1, np.asarray(incidence.sum(axis=1)).ravel())
    contexts = (incidence @ random) * shares[:, None].astype(np.float32)
    own_shares = np.asarray(incidence.T @ shares).ravel().astype(np.float32)
    return _unit(np.asarray(incidence.T @ contexts) - own_shares[:, None] * random)


def _compressed(vectors: Float32Matrix) -> Float32Matrix:
    """Return the vectors on their first `_DIMENSIONS` principal axes, as unit rows; this changes cosines little."""
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, -_DIMENSIONS:]
    return _unit(vectors @ axes)


def _unit(vectors: NDArray[np.float32]) -> Float32Matrix:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
