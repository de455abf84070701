"""How fast the filter is, and how much memory it takes.

    python -m tests.benchmarks.filter_speed rates       (about 3 minutes; needs ../shared/data)
    python -m tests.benchmarks.filter_speed memory      (about 5 minutes)

`rates`: documents scored a second, by method; the embedding pass beside the bare embedder on the same windows, in turns.
`memory`: peak memory of a whole filter without ratings on 20,000 and on 200,000 documents, with vectors drawn instead of
computed: the rest of the work is the same. Memory of the process's own is told apart from pages of mapped files, which
the system takes back when it needs them.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from kgsynth import config
from kgsynth.concepts.embedding import PooledEmbedder, make_embedder
from kgsynth.documents import embedded_corpus, select
from kgsynth.pipeline import filtering
from kgsynth.settings import DocumentsSettings, FilterSettings
from kgsynth.texts import spoken_latex
from tests.benchmarks.filtering import read

_DIMENSIONS = 388
_METHODS: tuple[select.Method, ...] = ("forest", "linear", "centroid")
_ROUNDS = 3
_EMBEDDED = 120


def _unit(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    vectors = rng.normal(size=(count, _DIMENSIONS)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def rates() -> None:
    """Both rates."""
    rng = np.random.default_rng(1)
    vectors = _unit(rng, 100_000)
    ratings = np.clip(rng.normal(6, 2, 800).round(), 1, 10)
    for method in _METHODS:
        for name, model in (
            ("examples", select.from_examples(vectors[:100] + 0.05, vectors[100:2100], method=method, seed=1).scorer),
            ("ratings", select.from_ratings(vectors[:800], ratings, method=method, seed=1)),
        ):
            started = time.perf_counter()
            select.scores(model, vectors)
            print(
                f"{method}, from {name}: {len(vectors) / (time.perf_counter() - started):,.0f} documents/s", flush=True
            )
    rows = [row for name in ("planetmath", "background") for row in read(name)[:: 5000 // _EMBEDDED]][:_EMBEDDED]
    settings = FilterSettings()
    embedder = make_embedder("auto")
    pooled = PooledEmbedder(embedder, words=settings.window_words, most=settings.windows)
    windows = [one for row in rows for one in pooled.windows(spoken_latex(f"{row['title']}. {row['text']}"))]
    embedder.embed(windows[:32])
    ratios = []
    for turn in range(_ROUNDS):
        started = time.perf_counter()
        embedder.embed(windows)
        bare = time.perf_counter() - started
        with tempfile.TemporaryDirectory() as desk:
            file = Path(desk) / "documents.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            started = time.perf_counter()
            embedded_corpus.embed(
                config.Environment(home=Path(desk)),
                DocumentsSettings(sources=(str(file),), max_rejected_share=1.0),
                FilterSettings(min_words=1, language="", near_duplicates=True),
                work_dir=Path(desk) / "work",
                report=lambda _: None,
            )
            whole = time.perf_counter() - started
        ratios.append(bare / whole)
        print(f"turn {turn}: bare {len(windows) / bare:.1f} windows/s, the pass {bare / whole:.1%} of it", flush=True)
    print(f"median {statistics.median(ratios):.1%}")


class _Drawn:
    """Vectors without a model."""

    computed = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As an embedder."""
        return _unit(np.random.default_rng(len(texts[0])), len(texts))[:, :384]


def _own_memory(found: list[int], done: threading.Event) -> None:
    """Peak of the memory that is no mapped file, in KiB."""
    while not done.wait(0.05):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                found[0] = max(found[0], int(line.split()[1]))


def whole(count: int) -> None:
    """A filter of so many documents in this process, and what it took."""
    rng = np.random.default_rng(1)
    words = np.array(["".join(rng.choice(list("aeioubcdfglmnprst"), 6)) for _ in range(20_000)])
    drawn = [
        mock.patch(f"kgsynth.pipeline.{room}.vector_store", return_value=_Drawn()) for room in ("corpus", "filtering")
    ]
    with tempfile.TemporaryDirectory() as desk, drawn[0], drawn[1]:
        file, examples = Path(desk) / "documents.jsonl", Path(desk) / "examples.jsonl"
        for path, number in ((file, count), (examples, 50)):
            with path.open("w") as lines:
                for place in range(number):
                    text = " ".join(rng.choice(words, 60))
                    lines.write(
                        json.dumps({"id": f"{path.stem}-{place}", "title": f"Title {place}", "text": text}) + "\n"
                    )
        found, done = [0], threading.Event()
        watch = threading.Thread(target=_own_memory, args=(found, done))
        watch.start()
        started = time.perf_counter()
        filtering.run_filter(
            config.Environment(home=Path(desk)),
            DocumentsSettings(sources=(str(file),), max_rejected_share=1.0),
            FilterSettings(seed=1, rounds=0, language="", positives=(str(examples),)),
            work_dir=Path(desk) / "work",
            report=lambda _: None,
        )
        seconds = time.perf_counter() - started
        done.set()
        watch.join()
    every = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{count:,} documents: {seconds:.0f} s, peak {found[0] / 1024:.0f} MiB, with mapped files {every / 1024:.0f} MiB"
    )


def memory() -> None:
    """Each size in a process of its own."""
    for count in (20_000, 200_000):
        subprocess.run([sys.executable, "-m", "tests.benchmarks.filter_speed", str(count)], check=True)


if __name__ == "__main__":
    wanted = sys.argv[1]
    if wanted.isdigit():
        whole(int(wanted))
    else:
        {"rates": rates, "memory": memory}[wanted]()
