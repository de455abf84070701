"""Filtering on real documents: PlanetMath among 1,800 documents of other fields, on sources that no model has seen.

    python -m tests.benchmarks.filtering            (embeds first, about 12 minutes on 2 cores; kept in build/filter.npy)

Half of the areas of mathematics and half of the sources of every other field are seen. Negatives are a draw from the
seen part of a corpus of which a tenth is mathematics. The rater is a stand-in: the true field with noise.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from kgsynth import config
from kgsynth.concepts.embedding import EmbeddingStore, PooledEmbedder, make_embedder
from kgsynth.documents import select
from kgsynth.documents.embedded_corpus import document_vectors
from kgsynth.records import Document
from kgsynth.settings import FilterSettings

_ROOT = Path(__file__).parents[2]
_NEAR = ("physics-chemistry-astronomy", "statistics-computing")
_METHODS: tuple[select.Method, ...] = ("auto", "forest", "linear", "centroid")


def read(name: str) -> list[dict[str, Any]]:
    """A corpus of ../shared/data."""
    with gzip.open(
        _ROOT.parent / "shared" / "data" / name / "documents.jsonl.gz", "rt", encoding="utf-8", newline="\n"
    ) as file:
        return [json.loads(line) for line in file]


def vectors_of(rows: list[dict[str, Any]]) -> np.ndarray:
    """The vectors, from build/filter.npy where they are there."""
    file = _ROOT / "build" / "filter.npy"
    if file.is_file():
        return np.load(file)
    settings = FilterSettings()
    store = EmbeddingStore(
        config.environment().embeddings,
        PooledEmbedder(make_embedder("auto"), words=settings.window_words, most=settings.windows),
    )
    documents = [Document(id=row["id"], text=row["text"], title=row["title"]) for row in rows]
    found = np.concatenate([document_vectors(store, documents[n : n + 256]) for n in range(0, len(documents), 256)])
    file.parent.mkdir(exist_ok=True)
    np.save(file, found)
    return found


def main() -> None:
    """Both tables."""
    inside, outside = read("planetmath"), read("background")
    vectors = vectors_of(inside + outside)
    is_in = np.arange(len(vectors)) < len(inside)
    field = np.array(["mathematics"] * len(inside) + [row["field"] for row in outside])
    source = np.array([row["area"] for row in inside] + [row["source"].split("@")[0] for row in outside])
    rng = np.random.default_rng(1)
    seen_sources: set[str] = set()
    for one in sorted(set(field)):
        own = sorted(set(source[field == one]))
        seen_sources |= set(rng.permutation(own)[: max(1, len(own) // 2)])
    seen = np.isin(source, list(seen_sources))
    unseen, near = ~seen, np.isin(field, _NEAR)
    seen_in, seen_out = np.flatnonzero(seen & is_in), np.flatnonzero(seen & ~is_in)
    print(f"seen: {len(seen_in)} of mathematics, {len(seen_out)} others; unseen: {unseen.sum()}")

    def told(scores: np.ndarray, cut: float) -> list[float]:
        close = unseen & (is_in | near)
        kept = scores[unseen] > cut
        return [
            roc_auc_score(is_in[unseen], scores[unseen]),
            roc_auc_score(is_in[close], scores[close]),
            precision_score(is_in[unseen], kept, zero_division=0),
            recall_score(is_in[unseen], kept),
        ]

    def corpus_of(examples: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        rest = np.setdiff1d(seen_in, examples)
        return np.concatenate([seen_out, draws.permutation(rest)[: len(seen_out) // 9]])

    print("examples  method  AUC  AUC near misses  precision  recall")
    for count in (10, 20, 30, 100, 300):
        for method in _METHODS:
            rows = []
            for turn in range(4):
                draws = np.random.default_rng((count, turn))
                examples = draws.permutation(seen_in)[:count]
                drawn = draws.permutation(corpus_of(examples, draws))[:2000]
                model = select.from_examples(vectors[examples], vectors[drawn], method=method, seed=turn).scorer
                rows.append(told(select.scores(model, vectors), 0.5))
            print(count, method, *np.round(np.mean(rows, axis=0), 4), flush=True)

    print("rounds of 400 ratings by a stand-in (true field, noise of 1.5), 30 examples; cut 6.5")
    for method in _METHODS:
        rows_of_round: dict[int, list[list[float]]] = {}
        for turn in range(4):
            draws = np.random.default_rng((7, turn))
            examples = draws.permutation(seen_in)[:30]
            corpus = corpus_of(examples, draws)
            truth = np.where(is_in, 8.5, np.where(near, 3.0, 1.5))
            model = select.from_examples(vectors[examples], vectors[corpus], method=method, seed=turn).scorer
            scores, cut = select.scores(model, vectors), 0.5
            rows_of_round.setdefault(0, []).append(told(scores, cut))
            given: dict[int, float] = {}
            for number in (1, 2):
                selected = corpus[scores[corpus] > cut]
                chosen = {*draws.permutation(selected)[:200], *draws.permutation(corpus)[:200]}
                for one in sorted(chosen):
                    given[int(one)] = float(np.clip(round(truth[one] + draws.normal(scale=1.5)), 1, 10))
                rated = np.array(sorted(given))
                values = np.array([given[int(one)] for one in rated])
                scores = select.scores(select.from_ratings(vectors[rated], values, method=method, seed=turn), vectors)
                cut = 6.5
                rows_of_round.setdefault(number, []).append(told(scores, cut))
        for number, rows in rows_of_round.items():
            print(f"round {number}", method, *np.round(np.mean(rows, axis=0), 4), flush=True)


if __name__ == "__main__":
    main()
