"""Documents and their mentions into Neo4j, by kgsynth and by others, each on a fresh server of the same kind.

    python -m tests.benchmarks.load_peers [--documents 30000]

The corpus is `paper_corpus`: 5 topics and 50 concepts a document. What is counted is nodes and relationships of the
facts: documents, terms, mentions. neo4j-graphrag's writer needs APOC, which is fetched and checked; it makes nodes
without a look for existing ones, has an index of its own, and gets the whole graph in memory. The loop that people write
sends one MERGE a mention, with constraints on all ids, for a minute. Every server was warmed by a small load before, of
the kind that is measured.
"""

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import requests

from kgsynth import config, pipeline
from kgsynth.graph import facts, jars
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.settings import DocumentsSettings
from tests.benchmarks import paper_corpus, peers
from tests.benchmarks.figures import Comparison, Row, keep

_APOC = "org/neo4j/procedure/apoc-core/5.26.1/apoc-core-5.26.1-core.jar"
_APOC_SHA256 = "31cdfc153a928088c3d1272efbd0b4b42e6bfe91153a85eb3e01a663f41c3006"
_NAIVE_S = 60.0
_WRITERS = 3
_WARM_DOCUMENTS = 1000
_NAIVE = """
MERGE (document:Document {id: $document})
MERGE (term:Term {id: $term})
MERGE (document)-[mention:MENTIONS]->(term)
"""


@contextmanager
def fresh_server(desk: Path, name: str, *, has_apoc: bool = False) -> Iterator[ManagedServer]:
    """A managed server with an empty graph."""
    real = config.environment()
    environment = replace(real, home=desk / name)
    environment.home.mkdir()
    server = ManagedServer(environment, "main")
    if has_apoc:
        # Its services are found on the class path, its procedures among the plugins.
        (server.home / "plugins").mkdir(parents=True)
        (server.home / "plugins" / apoc().name).symlink_to(apoc().absolute())
        store = jars.store_folder(environment.jars, server.version)
        store.mkdir(parents=True)
        for path in (*jars.store_folder(real.jars, server.version).iterdir(), apoc().absolute()):
            (store / path.name).symlink_to(path)
    else:
        environment.jars.symlink_to(real.jars)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(environment.home)


def apoc() -> Path:
    """APOC's jar, fetched once."""
    path = Path("build") / "peers" / Path(_APOC).name
    if not path.exists():
        base = config.environment().maven_url or jars._maven_central()
        answer = requests.get(f"{base.rstrip('/')}/{_APOC}", timeout=60)
        answer.raise_for_status()
        assert hashlib.sha256(answer.content).hexdigest() == _APOC_SHA256, "APOC came otherwise than it should"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer.content)
    return path


def size(graph: Graph) -> int:
    """Nodes and relationships of the facts."""
    held = facts.counts(graph)
    return sum(held[name] for name in ("documents", "concepts", "topics", "mentions"))


def load(graph: Graph, path: Path) -> None:
    """kgsynth's ordinary load."""
    pipeline.load(
        graph,
        DocumentsSettings(),
        annotations=[str(path)],
        rejects=path.with_suffix(".rejects.jsonl"),
        report=lambda _: None,
    )


def rate(graph: Graph, run: Callable[[], object]) -> float:
    """Nodes and relationships a second."""
    before = size(graph)
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    return (size(graph) - before) / seconds


def writer(uri: str, password: str, path: str) -> None:
    """One of several processes that load at once."""
    with Graph(uri, username="neo4j", password=password) as graph:
        load(graph, Path(path))


def several(server: ManagedServer, files: list[Path]) -> None:
    """Load files at once, a process each."""
    processes = [
        get_context("spawn").Process(target=writer, args=(server.status().bolt_url, server.password(), str(path)))
        for path in files
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def naive(graph: Graph, path: Path, *, most_s: float = _NAIVE_S) -> float:
    """One statement a mention, each a transaction of its own, for so long; nodes and relationships a second."""
    # Terms of no kind, so that kgsynth's own loads meet none of them.
    count = "MATCH (term:Term) WHERE NOT term:Concept AND NOT term:Topic RETURN count(term) AS terms"
    with graph._driver.session() as session, path.open(encoding="utf-8") as file:
        before = size(graph) + session.run(count).single(strict=True)["terms"]
        began = time.perf_counter()
        for line in file:
            said = json.loads(line)
            for topic in said["topics"]:
                for term in (topic["name"], *topic["concepts"]):
                    session.run(_NAIVE, document=said["id"], term=f"plain {term}").consume()
            if time.perf_counter() - began > most_s:
                break
        seconds = time.perf_counter() - began
        return float(size(graph) + session.run(count).single(strict=True)["terms"] - before) / seconds


def main() -> None:
    """All ways, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=30_000)
    given = parser.parse_args()
    rows: list[Row] = []
    apoc()
    with tempfile.TemporaryDirectory(dir="build") as folder:
        desk = Path(folder).absolute()
        warm, corpus = desk / "warm.jsonl", desk / "corpus.jsonl"
        paper_corpus.write(warm, _WARM_DOCUMENTS, shape="fields", seed=2, prefix="warm")
        paper_corpus.write(corpus, given.documents, shape="fields", seed=1)
        lines = corpus.read_text().splitlines(keepends=True)
        parts = [desk / f"part-{part}.jsonl" for part in range(_WRITERS)]
        for part, path in enumerate(parts):
            path.write_text("".join(lines[part::_WRITERS]), encoding="utf-8")
        column = "facts"
        with fresh_server(desk, "ours") as server, server.connect() as graph:
            load(graph, warm)
            rows.append(
                Row(name="kgsynth load", is_ours=True, values={column: rate(graph, lambda: load(graph, corpus))})
            )
        with fresh_server(desk, "writers") as server, server.connect() as graph:
            load(graph, warm)
            value = rate(graph, lambda: several(server, parts))
            rows.append(Row(name=f"kgsynth load, {_WRITERS} processes at once", is_ours=True, values={column: value}))
        with fresh_server(desk, "graphrag", has_apoc=True) as server:
            environment = {"NEO4J_URI": str(server.status().bolt_url), "NEO4J_PASSWORD": server.password()}
            if said := peers.run("graphrag_writer", warm, corpus, **environment):
                name = f"neo4j-graphrag {said['version']}, Neo4jWriter"
                rows.append(Row(name=name, values={column: said["written"] / said["seconds"]}))
        with fresh_server(desk, "naive") as server, server.connect() as graph:
            facts.ensure_schema(graph)
            naive(graph, warm, most_s=_NAIVE_S / 4)
            rows.append(Row(name="a MERGE a mention", values={column: naive(graph, corpus)}))
    keep(
        Comparison(
            name="load",
            title=f"Loading {given.documents:,} documents",
            unit="nodes and relationships/s",
            command=f"python -m tests.benchmarks.load_peers --documents {given.documents}",
            notes="documents, terms, mentions; the same facts each time",
            rows=rows,
        )
    )


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    main()
