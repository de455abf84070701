"""Find names that may be synonyms although they look different: by their contexts instead of their letters.

Three vectors describe a name: its own embedding, the embedding of the name with its defining sentence, and its
neighbours in the documents. The nearest names by the three together are candidates for a judge or a reviewer; no rule
joins them.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.decide import embedded_text
from kgsynth.concepts.embedding import Float32Matrix
from kgsynth.randomness import stream
from kgsynth.scripts import IN_WORD, UNSPACED

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
_WORD = re.compile(rf"[{UNSPACED}]{{2}}|[^\W\d_{UNSPACED}]{{2,}}")
# A sentence with fewer other words than these is a heading, a formula or a label.
_LEAST_WORDS = 3
# "Does" is no plural of "DOE", nor "is" of "i".
_LEAST_PLURAL_CHARS = 4
_IN_WORD = re.compile(IN_WORD)
_HEADING = re.compile(
    r"^#{1,6}[ \t].*$|\\(?:(?:sub)*(?:section|paragraph)|chapter|title|label|PMlinkescape\w+)\*?\{[^{}]*\}",
    re.MULTILINE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-Z\\$])|(?<=[。！？；])|\n\s*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A text that uses a name: the document's title, its text, and the spelling in it."""

    title: str
    text: str
    spelling: str


def defining_sentence(uses: Sequence[Use]) -> str:
    """Return the sentence that best defines a name among the texts that use it; empty if there is none.

    Preferred are documents with the name as title, sentences that say what something is, sentences with the name itself
    before those with its plural, and early sentences. A document with the name as title whose text has it nowhere gives
    its first sentence. Headings are no sentences.
    """
    best, sentence = (-math.inf, 0.0), ""
    for use in uses:
        is_title = use.title.casefold().strip() == use.spelling.casefold()
        pattern = _pattern(use.spelling)
        for number, part in enumerate(_SENTENCE_END.split(_HEADING.sub("\n\n", use.text))):
            match = _find(pattern, part)
            if match is None and not is_title:
                continue
            words = len(_WORD.findall(part)) - (len(_WORD.findall(match[0])) if match else 0)
            text = " ".join(part.split())
            if match is None:
                kind = -2.0 if words >= _LEAST_WORDS else -math.inf
            elif words < _LEAST_WORDS:
                kind = -1.0
            else:
                is_long = len(text) > 2 * _MOST_CHARS
                kind = 2.0 * is_title + bool(_DEFINES.search(text)) - is_long - 0.5 * bool(match[1])
            if (kind, -float(number)) > best:
                best, sentence = (kind, -float(number)), _around(text, pattern)
    return sentence


@lru_cache(maxsize=256)
def _pattern(spelling: str) -> re.Pattern[str]:
    """Return the pattern of a name with any gaps between its words, or of its plural; short names have none."""
    words = spelling.split()
    has_plural = bool(words) and len(words[-1]) >= _LEAST_PLURAL_CHARS
    return re.compile(r"\s+".join(map(re.escape, words)) + ("(e?s)?" if has_plural else "()"), re.IGNORECASE)


def _find(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the first match that is not part of a longer word.

    Borders within the pattern would be compiled again for each name, which takes longer than all searches.
    """
    for match in pattern.finditer(text):
        around = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 1]
        if not any(map(_IN_WORD.match, around)):
            return match
    return None


def _around(text: str, pattern: re.Pattern[str]) -> str:
    """Return a long sentence's words around the name."""
    match = _find(pattern, text)
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
        Smaller row, larger row, and the cosine of their joined and compressed vectors, in [-1, 1].
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
    """Return the vectors on their first `_DIMENSIONS` principal axes, as unit rows.

    Cosines grow a little, by 0.05 on average among 1,221 names of PlanetMath; with fewer names than axes they stay.
    """
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, -_DIMENSIONS:]
    return _unit(vectors @ axes)


def _unit(vectors: NDArray[np.float32]) -> Float32Matrix:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
