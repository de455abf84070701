"""A corpus of the paper's size and shape: annotations of documents with 5 topics and 50 concepts, both Zipf.

Source: SynthLLM (arXiv 2503.19551) has 520,000 documents, 32,000 topics and 200,000 concepts a graph. How they hang
together it does not say. Here documents have fields, as real ones do: the topics of one lie near each other, and each
topic brings concepts of a pool of its own, so that pairs repeat. `independent` draws every name from one distribution,
the hardest case: nearly every pair of a document is new.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TOPICS, CONCEPTS, POOL = 32_000, 200_000, 100
DOCUMENT_TOPICS, DOCUMENT_CONCEPTS = 5, 50
_BATCH = 10_000


def zipf(count: int, exponent: float) -> NDArray[np.float64]:
    """Cumulative chances of `count` names."""
    weights = 1 / np.arange(1, count + 1) ** exponent
    return np.cumsum(weights / weights.sum())


def documents(count: int, *, shape: str, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Topics int64 (documents, 5) and concepts int64 (documents, 50), in batches; a name may stand twice in a row."""
    rng = np.random.default_rng(seed)
    topics, concepts, pool = zipf(TOPICS, 1.0), zipf(CONCEPTS, 1.0), zipf(POOL, 1.0)
    pools = np.searchsorted(zipf(CONCEPTS, 0.75), np.random.default_rng(0).random((TOPICS, POOL)))
    for first in range(0, count, _BATCH):
        size = min(_BATCH, count - first)
        if shape == "independent":
            own = np.searchsorted(topics, rng.random((size, DOCUMENT_TOPICS)))
            yield own, np.searchsorted(concepts, rng.random((size, DOCUMENT_CONCEPTS)))
            continue
        lead = np.searchsorted(topics, rng.random((size, 1)))
        near = rng.geometric(0.3, (size, DOCUMENT_TOPICS - 1)) * rng.choice([-1, 1], (size, DOCUMENT_TOPICS - 1))
        own = np.concatenate([lead, (lead + near) % TOPICS], axis=1)
        of = np.repeat(own, DOCUMENT_CONCEPTS // DOCUMENT_TOPICS, axis=1)
        yield own, pools[of, np.searchsorted(pool, rng.random(of.shape))]


def write(path: Path, count: int, *, shape: str, seed: int, prefix: str = "d") -> None:
    """An annotation file; the ids of its documents begin with the prefix."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        for topics, concepts in documents(count, shape=shape, seed=seed):
            each = DOCUMENT_CONCEPTS // DOCUMENT_TOPICS
            for own_topics, own_concepts in zip(topics.tolist(), concepts.tolist(), strict=True):
                said = [
                    {"name": f"topic {topic}", "concepts": [f"concept {one}" for one in own_concepts[place * each : (place + 1) * each]]}
                    for place, topic in enumerate(own_topics)
                ]  # fmt: skip
                file.write(json.dumps({"id": f"{prefix}{number:07d}", "topics": said}) + "\n")
                number += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--documents", type=int, default=520_000)
    parser.add_argument("--shape", choices=("fields", "independent"), default="fields")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.path, given.documents, shape=given.shape, seed=given.seed)
