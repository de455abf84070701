"""Embedding names through the store, and on Ray, beside the bare embedder, in turns; then that many names to the end.

    python -m tests.benchmarks.embedding_speed 20000 [200000]

Names are those of `merge_speed`, short as names are. Ratios are of medians of three turns. The second number is
embedded once into a store of its own, then taken from it again.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from kgsynth.concepts.embedding import EmbeddingStore, make_embedder
from tests.benchmarks.merge_speed import names

_TURNS = 3


def main(count: int, whole: int) -> None:
    """Both parts."""
    texts = names(count, 3)
    bare, on_ray = make_embedder("auto"), make_embedder("auto", "ray")
    rates: dict[str, list[float]] = {"bare": [], "store": [], "store on Ray": []}
    with tempfile.TemporaryDirectory() as desk:
        for turn in range(_TURNS):
            ways = {
                "bare": bare.embed,
                "store": EmbeddingStore(Path(desk) / f"{turn}.sqlite", bare).embed,
                "store on Ray": EmbeddingStore(Path(desk) / f"{turn}-ray.sqlite", on_ray).embed,
            }
            for name in list(ways)[:: 1 if turn % 2 else -1]:
                began = time.perf_counter()
                ways[name](texts)
                rates[name].append(count / (time.perf_counter() - began))
                print(f"  {name}: {rates[name][-1]:,.0f} names/s", flush=True)
        medians = {name: statistics.median(values) for name, values in rates.items()}
        for name, median in medians.items():
            print(f"{name}: {median:,.0f} names/s, {median / medians['bare']:.1%} of the bare embedder")
        if whole:
            store = EmbeddingStore(Path(desk) / "whole.sqlite", bare)
            texts = names(whole, 1)
            for what in ("embedded", "taken from the store"):
                began = time.perf_counter()
                store.embed(texts)
                print(f"{whole:,} names {what}: {time.perf_counter() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
