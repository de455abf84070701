"""What a GPU gives to merging, beside the CPU in one run: candidates by `nearest_pairs`, and names embedded.

    python -m tests.benchmarks.gpu_merge                                    50,000 and 200,000 names, 20,000 embedded
    python -m tests.benchmarks.gpu_merge --names 2000 --embedded 500        where there is no GPU, to see that it runs

Names are seeded unit vectors in groups of near duplicates. `pairs that differ` are in one of the two sets alone: where
a cosine is at the threshold, or two are equal at the last place, rounding decides.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.embedding import Float32Matrix, SentenceTransformersEmbedder
from kgsynth.settings import MergeSettings

_DIMENSIONS = 384
_GROUP = 4
_TURNS = 3
_BATCHES = (128, 1024)
_WORDS = (
    "abelian adjoint affine algebra algorithm basis bilinear boundary bounded category closed cohomology compact complete complex "
    "conjugate connected continuous convex coset cyclic dense derivative determinant differential dimension discrete dual eigenvalue "
    "elliptic equation ergodic euclidean factor fibre field finite flow form function functor gradient graph group harmonic hash "
    "ideal identity inequality integral invariant inverse kernel lattice lemma limit linear local manifold matrix measure metric "
    "module monoid morphism nilpotent norm operator orbit order orthogonal partition path polynomial prime product projection "
    "quotient random rank rational ring sequence series set space spectral stable subgroup tensor theorem topology trace transform"
).split()


def vectors_of_groups(count: int, seed: int) -> Float32Matrix:
    """Unit rows; of each group of four, cosines to each other from about .4 to over .95."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((-(-count // _GROUP), _DIMENSIONS), dtype=np.float32)
    apart = random.uniform(0.2, 1.2, size=(count, 1)).astype(np.float32)
    rows = centres.repeat(_GROUP, axis=0)[:count] + apart * random.standard_normal((count, _DIMENSIONS), np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def short_names(count: int, seed: int) -> list[str]:
    """Different names of one to five words."""
    random = np.random.default_rng(seed)
    names: dict[str, None] = {}
    while len(names) < count:
        names[" ".join(random.choice(_WORDS, size=random.integers(1, 6)))] = None
    return list(names)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def candidates(counts: list[int]) -> None:
    """The same call with and without the GPU."""
    import faiss

    settings = MergeSettings()
    gpus = getattr(faiss, "get_num_gpus", lambda: 0)
    print(f"candidates: FAISS {faiss.__version__}, {gpus()} GPUs, {faiss.omp_get_max_threads()} threads", flush=True)

    def pairs(vectors: Float32Matrix) -> set[tuple[int, int]]:
        found = nearest_pairs(vectors, neighbours=settings.neighbours, min_cosine=settings.min_cosine)
        return {(pair.first, pair.second) for pair in found}

    pairs(vectors_of_groups(1000, 0))  # the first call sets the GPU up
    for count in counts:
        vectors = vectors_of_groups(count, 1)
        seconds, found = timed(lambda vectors=vectors: pairs(vectors))
        faiss.get_num_gpus = lambda: 0
        try:
            cpu_seconds, cpu_found = timed(lambda vectors=vectors: pairs(vectors))
        finally:
            faiss.get_num_gpus = gpus
        differ = len(found ^ cpu_found)
        print(
            f"  {count:,} names, {len(cpu_found):,} pairs: {'GPU' if gpus() else 'CPU'} {count / seconds:,.0f} names/s "
            f"({seconds:.2f} s), CPU {count / cpu_seconds:,.0f} ({cpu_seconds:.2f} s), ratio {cpu_seconds / seconds:.1f}; "
            f"pairs that differ: {differ} ({differ / max(1, len(cpu_found)):.5%})",
            flush=True,
        )


def embedding(count: int) -> None:
    """`SentenceTransformersEmbedder` beside the bare library with names sorted by length, turn by turn."""
    embedder = SentenceTransformersEmbedder()
    transformer: Any = embedder._transformer
    names = short_names(count, 1)
    ordered = sorted(names, key=len)

    def bare(batch: int) -> Float32Matrix:
        return np.asarray(transformer.encode(ordered, batch_size=batch, show_progress_bar=False))

    runs: dict[str, Callable[[], Any]] = {"kgsynth": lambda: embedder.embed(names)}
    runs |= {f"bare, batches of {batch}": lambda batch=batch: bare(batch) for batch in _BATCHES}
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()  # the first call of each is slow
    for turn in range(_TURNS):
        for name in runs if turn % 2 == 0 else reversed(runs):
            rates[name].append(count / timed(runs[name])[0])
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"embedding: {count:,} names on {transformer.device}, names/s, medians of {_TURNS} turns", flush=True)
    for name, median in medians.items():
        turns = ", ".join(f"{rate:,.0f}" for rate in rates[name])
        print(f"  {name}: {median:,.0f} ({turns}); kgsynth / it {medians['kgsynth'] / median:.3f}", flush=True)


def main() -> None:
    """Both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, nargs="*", default=[50_000, 200_000])
    parser.add_argument("--embedded", type=int, default=20_000, help="0: leave embedding out")
    arguments = parser.parse_args()
    candidates(arguments.names)
    if arguments.embedded:
        embedding(arguments.embedded)


if __name__ == "__main__":
    main()
