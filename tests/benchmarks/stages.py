"""Rates of extract, load, merge, build, check and sample on a corpus, on a managed Neo4j of its own.

    python tests/benchmarks/stages.py demo
    python tests/benchmarks/stages.py planetmath [--documents FILE]

Absolute rates depend on the machine; within one run the walk rates of batch sizes and sessions compare with each other.
"""

import argparse
import tempfile
import time
from pathlib import Path

from kgsynth import config, pipeline, queries
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.records import StageCount
from kgsynth.settings import DocumentsSettings, ExtractSettings, MergeSettings
from kgsynth.walks import cypher_engine
from kgsynth.walks.draws import Starts

PLANETMATH = Path(__file__).parents[3] / "shared" / "data" / "planetmath" / "documents.jsonl.gz"
WALKS = 20_000


def say(count: StageCount) -> None:
    """Print a stage's closing line."""
    print("  " + count.line())


def prepare(
    graph: Graph, environment: config.Environment, documents: DocumentsSettings, extract: ExtractSettings, folder: Path
) -> None:
    """All stages up to the walks, each with its closing line."""
    documents = pipeline.snapshot(
        documents, output=folder / "documents.jsonl", rejects=folder / "rejects.jsonl", report=say
    )
    annotations = folder / "annotations.jsonl"
    pipeline.extract(documents, extract, output=annotations, rejects=folder / "rejects-extract.jsonl", report=say)
    pipeline.load(graph, documents, annotations=[str(annotations)], rejects=folder / "rejects-load.jsonl", report=say)
    print("  again:")
    pipeline.load(graph, documents, annotations=[str(annotations)], rejects=folder / "rejects-load.jsonl", report=say)
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=say)
    pipeline.build(graph, report=say)
    pipeline.check(graph, report=say)


def walk_rates(graph: Graph) -> None:
    """Walks a second by batch size and number of sessions, the same walks each time."""
    topics = [row["id"] for row in graph.read(queries.load("walk/topics"))]
    expected: list[cypher_engine.Walk] | None = None
    for batch_size, sessions in ((500, 1), (500, 1), (2000, 1), (6000, 1), (2000, 2), (2000, 4), (2000, 1)):
        started = time.perf_counter()
        walks = list(
            cypher_engine.walks(graph, Starts(1, topics), seed=1, batch_size=batch_size, sessions=sessions, limit=WALKS)
        )
        seconds = time.perf_counter() - started
        expected = expected or walks
        same = "same walks" if walks == expected else "OTHER WALKS"
        steps = sum(len(walk.path) - 1 for walk in walks)
        print(
            f"  {batch_size:5,} walks a query, {sessions} sessions: {WALKS / seconds:8,.0f} walks/s {steps / seconds:9,.0f} steps/s  {same}"
        )


def main() -> None:
    """Prepare the graph and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", choices=["demo", "planetmath"])
    parser.add_argument("--documents", type=Path, default=PLANETMATH)
    arguments = parser.parse_args()
    if arguments.corpus == "planetmath":
        if not arguments.documents.is_file():
            raise SystemExit(f"skipped: the PlanetMath corpus is not at {arguments.documents}")
        documents, extract = (
            DocumentsSettings(sources=(str(arguments.documents),)),
            ExtractSettings(method="vocabulary"),
        )
    else:
        documents = DocumentsSettings(
            loader="python-docs", sources=("sympy", "scipy", "networkx"), min_words=40, max_rejected_share=0.8
        )
        extract = ExtractSettings(method="keyphrases")
    environment = config.environment()
    server = ManagedServer(environment, f"benchmark-{arguments.corpus}")
    server.reset()
    started = time.perf_counter()
    server.start()
    print(f"{arguments.corpus}: server up in {time.perf_counter() - started:.1f} s")
    try:
        with tempfile.TemporaryDirectory() as folder, server.connect() as graph:
            prepare(graph, environment, documents, extract, Path(folder))
            walk_rates(graph)
    finally:
        server.reset()


if __name__ == "__main__":
    main()
