"""What adding 1 % of documents costs, beside a build from nothing.

    python -m tests.benchmarks.growth 2000 20000

The graph is loaded in bulk; then the ordinary load adds documents, and `build` grows. Documents are those of
`paper_corpus`, and, of the same number, documents of the demo's shape: 3 topics and 8 concepts of 3,000.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kgsynth import config, pipeline, queries
from kgsynth.graph import derived
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.records import Annotation, TopicConcepts
from kgsynth.settings import DocumentsSettings, GraphSettings
from tests.benchmarks import paper_corpus

_SHARE = 100


def paper(count: int) -> list[Annotation]:
    """Documents with 5 topics and 50 concepts."""
    made = []
    for topics, concepts in paper_corpus.documents(count, shape="fields", seed=1):
        for own, named in zip(topics.tolist(), concepts.tolist(), strict=True):
            first = TopicConcepts(name=f"topic {own[0]}", concepts=tuple(f"concept {one}" for one in named))
            made.append(
                Annotation(
                    id=f"d{len(made):07}", topics=(first, *(TopicConcepts(name=f"topic {one}") for one in own[1:]))
                )
            )
    return made


def small(count: int) -> list[Annotation]:
    """Documents with 3 topics of 60 and 8 concepts of 3,000."""
    rng = np.random.default_rng(1)
    chances = paper_corpus.zipf(3000, 0.75)
    made = []
    for number in range(count):
        concepts = tuple(f"concept {one}" for one in np.searchsorted(chances, rng.random(8)).tolist())
        first, *others = (f"topic {one}" for one in rng.integers(0, 60, 3).tolist())
        topics = (TopicConcepts(name=first, concepts=concepts), *(TopicConcepts(name=one) for one in others))
        made.append(Annotation(id=f"d{number:07}", topics=topics))
    return made


def measure(name: str, annotations: list[Annotation], keep: derived.CoOccurrences) -> None:
    """Load 100 of 102 parts in bulk, grow by the others one after the other, build all anew."""
    with tempfile.TemporaryDirectory() as desk:
        real = config.environment()
        environment = replace(real, home=Path(desk) / "home")
        environment.home.mkdir()
        (environment.home / "jars").symlink_to(real.jars)
        more = max(1, len(annotations) // (_SHARE + 2))
        cut = len(annotations) - 2 * more
        files = []
        for part, own in enumerate((annotations[:cut], annotations[cut:-more], annotations[-more:])):
            files.append(Path(desk) / f"{part}.jsonl")
            files[-1].write_text("".join(one.to_json() + "\n" for one in own), encoding="utf-8")
        ask: dict[str, Any] = {"rejects": Path(desk) / "rejects.jsonl", "report": lambda _: None}
        pipeline.load_bulk(
            environment, GraphSettings(), DocumentsSettings(), annotations=[str(files[0])], merge=None, keep=keep, **ask
        )
        server = ManagedServer(environment, "main")
        with server.connect() as graph:
            # Java compiles as it goes: what comes first on a fresh server would be slow whatever it is.
            _from_nothing(graph, keep)
            grown = [_growth(graph, file, ask) for file in files[1:]]
            total, whole = _from_nothing(graph, keep)
        server.stop()
        print(f"{name}: {len(annotations):,} documents, build from nothing {total:.1f} s")
        for turn, own, (loaded, growth, counts) in zip(("first", "second"), (cut, cut + more), grown, strict=True):
            print(
                f"  {turn} time {more:,} more than {own:,}: load {loaded:.1f} s, growth {growth:.1f} s, {growth / total:.1%} "
                f"({counts.holds:,} of {whole.holds:,} runs, {counts.co_occurrences:,} of {whole.co_occurrences:,} pairs)",
                flush=True,
            )


def _growth(graph: Graph, file: Path, ask: dict[str, Any]) -> tuple[float, float, derived.BuildCounts]:
    """Seconds of the load, seconds of the growth, and what grew."""
    began = time.perf_counter()
    pipeline.load(graph, DocumentsSettings(), annotations=[str(file)], **ask)
    loaded = time.perf_counter()
    counts = pipeline.build(graph, report=lambda _: None)
    assert counts.is_grown
    return loaded - began, time.perf_counter() - loaded, counts


def _from_nothing(graph: Graph, keep: derived.CoOccurrences) -> tuple[float, derived.BuildCounts]:
    """Seconds, and what was built; to take away what is there is no part of it."""
    while graph.write(queries.load("derive/delete_relationships"), limit=50_000).rows[0]["count"]:
        pass
    began = time.perf_counter()
    counts = pipeline.build(graph, is_whole=True, keep=keep, report=lambda _: None)
    return time.perf_counter() - began, counts


if __name__ == "__main__":
    for own_count in map(int, sys.argv[1:]):
        for own_keep in ("none", "auto"):
            measure(f"small documents, co-occurrences {own_keep}", small(own_count), own_keep)
            measure(f"paper's shape, co-occurrences {own_keep}", paper(own_count), own_keep)
