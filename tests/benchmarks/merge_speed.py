"""How fast near-duplicate names are found and decided at size, beside SemHash and datasketch's MinHash.

    python -m tests.benchmarks.merge_speed 50000 200000

Names are those of PlanetMath where it is present, else words of mathematics, each with others that differ as names do:
plural, hyphen, case, word order, an opposite, a number. Embeddings are made once and kept in build/. Every rate is
names a second after embedding. What is a duplicate differs: kgsynth decides by words among cosines from .85, SemHash by
a cosine of .95 alone, MinHash by the Jaccard of letters.
"""

import argparse
import gzip
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from kgsynth.concepts import candidates, decide
from kgsynth.concepts.context_candidates import context_pairs
from kgsynth.concepts.decide import _NEAR_WITHOUT_RULE
from kgsynth.concepts.embedding import EmbeddingStore, Float32Matrix, make_embedder
from kgsynth.concepts.lexical import words_of
from kgsynth.settings import MergeSettings
from tests.benchmarks import peers
from tests.benchmarks.figures import Comparison, Row, keep
from tests.benchmarks.gpu_merge import _WORDS, short_names

PLANETMATH = Path(__file__).parents[2].parent / "shared" / "data" / "planetmath" / "documents.jsonl.gz"
# Printed, and no comparison: other tools do not decide by words.
_PARTS = ("  of it the words", "kgsynth, candidates by contexts")
_KINDS = (
    "left",
    "right",
    "first",
    "second",
    "finite",
    "weak",
    "strong",
    "dual",
    "local",
    "global",
    "partial",
    "even",
    "odd",
)


def names(count: int, seed: int) -> list[str]:
    """Different names, a fifth of them near duplicates of another."""
    random = np.random.default_rng(seed)
    base: list[str] = []
    if PLANETMATH.exists():
        with gzip.open(PLANETMATH, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                base += [row["title"], *row.get("concepts", [])]
    found: dict[str, None] = dict.fromkeys(name for name in base if len(name.split()) < 6)
    fresh: Iterator[str] = iter(short_names(count, seed))
    while len(found) < count:
        name = (
            next(fresh)
            if random.random() < 0.5
            else f"{random.choice(_KINDS)} {random.choice(_WORDS)} {random.choice(_WORDS)}"
        )
        found[name] = None
        if random.random() < 0.25:
            found[
                str(
                    random.choice(
                        [
                            name + "s",
                            name.title(),
                            name.replace(" ", "-"),
                            f"the {name}",
                            " ".join(reversed(name.split())),
                        ]
                    )
                )
            ] = None
    return list(found)[:count]  # fmt: skip


def vectors_of(texts: list[str]) -> Float32Matrix:
    """Embedded once."""
    return EmbeddingStore(Path("build") / "merge-speed.sqlite", make_embedder("auto")).embed(texts)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    result = run()
    return time.perf_counter() - began, result


def measure(count: int) -> dict[str, float]:
    """All ways over the same names; names a second of those that decide what is a duplicate."""
    settings = MergeSettings()
    found = names(count, 1)
    terms = [
        decide.MergeTerm(id=f"concept:{name}", kind="concept", name=name, document_count=1) for name in sorted(found)
    ]
    texts = [decide.embedded_text(term.name) for term in terms]
    vectors = vectors_of(texts)
    words_of.cache_clear()
    print(f"\n{count:,} names, {settings.neighbours} neighbours, cosine from {_NEAR_WITHOUT_RULE}", flush=True)

    rates: dict[str, float] = {}

    def say(name: str, seconds: float, said: str) -> None:
        rates[name] = count / seconds
        print(f"  {name:34} {count / seconds:>9,.0f} names/s ({seconds:6.1f} s)  {said}", flush=True)

    ask = {"neighbours": settings.neighbours, "min_cosine": settings.min_cosine}
    near = ask | {"min_cosine": _NEAR_WITHOUT_RULE}
    listed_s, listed = timed(lambda: candidates.nearest_pairs(vectors, **near, exact_up_to=0))
    say(
        "kgsynth, candidates in lists",
        listed_s,
        f"{len(listed.first):,} pairs, recall {listed.recall:.4f}, {listed.probes} lists each",
    )
    exact_s, exact = timed(lambda: candidates.nearest_pairs(vectors, **near, exact_up_to=count))
    say(
        "kgsynth, candidates by exact search",
        exact_s,
        f"{len(exact.first):,} pairs; lists are {exact_s / listed_s:.1f} times as fast",
    )
    whole_s, decision = timed(lambda: decide.decide(terms, lambda _: vectors, **ask))
    say("kgsynth, whole decision", whole_s, f"{len(decision.merges):,} merges, {len(decision.doubts):,} doubts")
    say("  of it the words", max(whole_s - (listed_s if count > candidates.EXACT_UP_TO else exact_s), 1e-9), "")
    context_s, pairs = timed(lambda: contexts(texts, vectors, settings.neighbours))
    say("kgsynth, candidates by contexts", context_s, f"{len(pairs):,} pairs")
    others(texts, vectors, say)
    return {name: rate for name, rate in rates.items() if name not in _PARTS}


def contexts(texts: list[str], vectors: Float32Matrix, neighbours: int) -> list[tuple[int, int, float]]:
    """Pairs with similar contexts: each name in three documents with eleven names like it; sentences near their names."""
    random = np.random.default_rng(1)
    centres = vectors[random.choice(len(texts), len(texts) // 100, replace=False)]
    topics = np.argmax(vectors @ centres.T, axis=1)
    rows = np.concatenate([np.lexsort((random.random(len(texts)), topics)) for _ in range(3)])
    noise = random.normal(scale=0.5 / math.sqrt(vectors.shape[1]), size=vectors.shape).astype(np.float32)
    sentences = vectors + noise
    sentences /= np.linalg.norm(sentences, axis=1, keepdims=True)
    embedded = iter((vectors, sentences))
    documents = np.arange(len(rows)) // 12
    return context_pairs(
        texts, ["sentence"] * len(texts), (documents, rows), lambda _: next(embedded), neighbours=neighbours, seed=1
    )


def others(texts: list[str], vectors: Float32Matrix, say: Callable[[str, float, str], None]) -> None:
    """SemHash on the same vectors, MinHash on the words; what they call duplicates is another question than ours."""
    with tempfile.TemporaryDirectory() as folder:
        own_names, own_vectors = Path(folder) / "names.json", Path(folder) / "vectors.npy"
        own_names.write_text(json.dumps(texts), encoding="utf-8")
        np.save(own_vectors, vectors)
        for backend in ("usearch", "basic") if len(texts) <= 50_000 else ("usearch",):
            if said := peers.run("semhash_merge", own_names, own_vectors, backend):
                how = "its default index" if backend == "usearch" else "exact"
                say(
                    f"SemHash {said['version']}, {how}",
                    said["seconds"],
                    f"{said['duplicates']:,} duplicates at cosine .95",
                )
    from datasketch import MinHash, MinHashLSH

    def minhash() -> int:
        index = MinHashLSH(threshold=0.8, num_perm=64)
        pairs = 0
        for place, text in enumerate(texts):
            shingles = {text[at : at + 3].encode() for at in range(max(1, len(text) - 2))}
            own = MinHash(num_perm=64)
            own.update_batch(shingles)
            pairs += len(index.query(own))
            index.insert(place, own)
        return pairs

    seconds, pairs = timed(minhash)
    say(
        f"datasketch {version('datasketch')}, MinHash LSH",
        seconds,
        f"{pairs:,} pairs at Jaccard .8 of 3-letter shingles",
    )


def main() -> None:
    """Each size; the rates of all stand in one comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="+")
    counts = parser.parse_args().counts
    found: dict[str, dict[str, float]] = {}
    for count in counts:
        for name, rate in measure(count).items():
            found.setdefault(name, {})[f"{count:,} names"] = rate
    keep(
        Comparison(
            name="merge",
            title="Near duplicates among names, after embedding",
            unit="names/s",
            notes="what is a duplicate differs: kgsynth decides by words among cosines from .85, SemHash by a cosine of .95, MinHash by a Jaccard of .8",
            command=f"python -m tests.benchmarks.merge_speed {' '.join(map(str, counts))}",
            rows=[Row(name=name, values=values, is_ours=name.startswith("kgsynth")) for name, values in found.items()],
        )
    )


if __name__ == "__main__":
    main()
