"""Weighted walks of other libraries, and of the graph itself, beside the compiled engine, on one graph, in one run.

    python -m tests.benchmarks.walk_peers        (after `make peers`; about 15 minutes)

The graph is that of `walk_speed` (100,000 concepts, 1.9 million pairs). Each library walks 16 steps from as many starts
as take it some seconds, by its public call with the graph loaded, tables and compiled code made; the compiled engine
draws its numbers within the time; its kernel is called as `compiled.blocks` calls it, for steps from concept to concept.
All keep the paths. One thread each (and two, in a process of its own). What differs: Ensmallen,
PecanPy (alias tables) and fastnode2vec draw by floating-point weights and give other walks with more threads; NetworkX
has no weighted walk, so this is the loop that people write. The Cypher engine walks level-3 walks in a Neo4j that holds
the graph, one session and two.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 16
TURNS = 3
TOPICS = 100
WALKS = 20_000


def best(run: Callable[[], int]) -> float:
    """Steps a second, the best of some turns; the first compiles and does not count."""
    run()
    rates = []
    for _ in range(TURNS):
        began = time.perf_counter()
        rates.append(run() / (time.perf_counter() - began))
    return max(rates)


def edges(concepts: int, pairs: int) -> tuple[Any, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The tables, and each pair once: two places and the count."""
    from kgsynth.walks.walk_tables import of_contexts
    from tests.benchmarks.walk_speed import zipf_graph, zipf_pairs

    _, one, other, counts = zipf_pairs(concepts, pairs, TOPICS)
    are_concepts = other < concepts
    tables = of_contexts(zipf_graph(concepts, pairs, TOPICS))
    return tables, one[are_concepts], other[are_concepts], counts[are_concepts]


def compiled(tables: Any, threads: int) -> int:
    """The compiled engine, its draws included."""
    from concurrent.futures import ThreadPoolExecutor

    from kgsynth.randomness import uniform_rows
    from tests.benchmarks.walk_speed import context_parts, through_contexts

    parts = context_parts(tables)
    live = np.flatnonzero(parts[0][: tables.first_topic, 1])
    walkers = 1 << 18

    def some(share: int) -> NDArray[np.int32]:
        own = walkers // threads
        table = np.ascontiguousarray(uniform_rows(1, "walk", first=share * own, count=own, width=STEPS).T)
        at = live[np.arange(own) % len(live)].copy()
        paths = np.empty((own, STEPS), dtype=np.int32)
        through_contexts(*parts, at, table, paths)
        return paths

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(some, range(threads)))
    return walkers * STEPS


def measure(concepts: int, pairs: int, threads: int) -> dict[str, float]:
    """Steps a second by library and version, in the environment that has the libraries."""
    tables, one, other, counts = edges(concepts, pairs)
    found = {"kgsynth compiled": best(lambda: compiled(tables, threads))}
    print(f"  kgsynth compiled: {found['kgsynth compiled'] / 1e6:.2f} M steps/s", flush=True)
    for name, make in (
        ("ensmallen", ensmallen_walks),
        ("pecanpy", pecanpy_walks),
        ("fastnode2vec", fastnode2vec_walks),
        ("networkx", networkx_walks),
    ):
        if find_spec(name) is None or (threads > 1 and name in ("fastnode2vec", "networkx")):
            continue
        try:
            rate = best(make(one, other, counts, threads))
        except Exception as error:  # noqa: BLE001 - a peer that does not run is told, and the others are measured
            print(f"  {name} {version(name)}: {type(error).__name__}: {error}", flush=True)
            continue
        found[f"{name} {version(name)}"] = rate
        print(f"  {name} {version(name)}: {rate / 1e6:.3f} M steps/s", flush=True)
    return found


def ensmallen_walks(one: Any, other: Any, counts: Any, threads: int) -> Callable[[], int]:
    """RAYON_NUM_THREADS is set by the caller."""
    import pandas as pd
    from ensmallen import Graph

    del threads
    names = np.array([f"c{place:07}" for place in range(int(max(one.max(), other.max())) + 1)])
    table = pd.DataFrame({"subject": names[one], "object": names[other], "weight": counts.astype(float)})
    used = pd.DataFrame({"name": np.unique(np.concatenate([table["subject"], table["object"]]))})
    graph = Graph.from_pd(
        directed=False,
        edges_df=table,
        nodes_df=used,
        node_name_column="name",
        edge_src_column="subject",
        edge_dst_column="object",
        edge_weight_column="weight",
        name="walks",
    )
    graph.enable()

    def walk() -> int:
        # Exact walks; by default it looks at 100 drawn neighbours of a node alone.
        paths = graph.random_walks(walk_length=STEPS + 1, quantity=100_000, iterations=1, max_neighbours=None)
        return int(paths.size) // (STEPS + 1) * STEPS

    return walk


def pecanpy_walks(one: Any, other: Any, counts: Any, threads: int) -> Callable[[], int]:
    """Alias tables of first order, made before the clock starts."""
    # It was written for NumPy 1, whose names of types it still uses.
    names = {
        "bool8": "bool_",
        "int0": "intp",
        "uint0": "uintp",
        "object0": "object_",
        "str0": "str_",
        "bytes0": "bytes_",
    }
    names |= {"void0": "void", "float_": "float64", "complex_": "complex128", "unicode_": "str_", "string_": "bytes_"}
    names |= {"cfloat": "complex128", "singlecomplex": "complex64", "longfloat": "longdouble"}
    names |= {"longcomplex": "clongdouble", "clongfloat": "clongdouble"}
    for old, new in names.items():
        if not hasattr(np, old):
            setattr(np, old, getattr(np, new))
    import numba
    from pecanpy.pecanpy import PreCompFirstOrder

    numba.set_num_threads(threads)
    graph = PreCompFirstOrder(p=1, q=1, workers=threads, random_state=1)
    with tempfile.TemporaryDirectory() as desk:
        file = Path(desk) / "graph.edg"
        np.savetxt(file, np.stack([one, other, counts], axis=1), fmt="%d", delimiter="\t")
        graph.read_edg(str(file), weighted=True, directed=False)
    graph._preprocess_transition_probs()
    graph._preprocess_transition_probs = lambda: None
    # It compiles in every call: so many walks that this is little of the time.
    rounds = max(1, 1_000_000 // graph.num_nodes)
    return lambda: sum(len(walk) - 1 for walk in graph.simulate_walks(num_walks=rounds, walk_length=STEPS))


def fastnode2vec_walks(one: Any, other: Any, counts: Any, threads: int) -> Callable[[], int]:
    """One call a walk."""
    from fastnode2vec import Graph

    del threads
    rows = zip(one.tolist(), other.tolist(), counts.tolist(), strict=True)
    graph = Graph(rows, directed=False, weighted=True, verbose=False)
    starts = np.random.default_rng(1).integers(0, len(graph.node_names), 100_000).tolist()

    def walk() -> int:
        return sum(len(graph.generate_random_walk(STEPS + 1, 1.0, 1.0, start)) - 1 for start in starts)

    return walk


def networkx_walks(one: Any, other: Any, counts: Any, threads: int) -> Callable[[], int]:
    """The loop that people write over a weighted graph."""
    import random

    import networkx

    del threads
    graph = networkx.Graph()
    graph.add_weighted_edges_from(zip(one.tolist(), other.tolist(), counts.tolist(), strict=True))
    nodes = list(graph)
    chance = random.Random(1)

    def walk() -> int:
        steps = 0
        for start in chance.choices(nodes, k=100):
            at = start
            for _ in range(STEPS):
                around = graph[at]
                at = chance.choices(list(around), [own["weight"] for own in around.values()])[0]
                steps += 1
        return steps

    return walk


def cypher_walks(concepts: int, pairs: int) -> dict[str, float]:
    """Steps a second of the Cypher engine with the graph in Neo4j, by number of sessions."""
    from kgsynth import pipeline
    from kgsynth.settings import DocumentsSettings
    from kgsynth.walks import cypher_engine
    from kgsynth.walks.draws import Starts
    from tests.benchmarks.load_peers import fresh_server
    from tests.benchmarks.walk_speed import zipf_pairs

    ids, *columns = zipf_pairs(concepts, pairs, TOPICS)
    with tempfile.TemporaryDirectory(dir="build") as folder:
        desk = Path(folder).absolute()
        file = desk / "pairs.jsonl"
        with file.open("w", encoding="utf-8") as out:
            for source, target, count in zip(*(own.tolist() for own in columns), strict=True):
                (kind, one), (other_kind, other) = (ids[at].split(":") for at in (source, target))
                row = {"first": one, "first_kind": kind, "second": other, "second_kind": other_kind}
                out.write(json.dumps({**row, "count": count}) + "\n")
        with fresh_server(desk, "walks") as server, server.connect() as graph:
            say = lambda count: print(f"  {count.line()}", flush=True)  # noqa: E731
            pipeline.load_pairs(graph, [str(file)], DocumentsSettings(), rejects=desk / "rejects.jsonl", report=say)
            pipeline.build(graph, report=say)
            starts = Starts(1, [one for one in ids if one.startswith("topic:")])
            found = {}
            for sessions in (1, 2):
                # The first walks compile the plan and fill the page cache.
                for limit in (WALKS // 10, WALKS):
                    began = time.perf_counter()
                    walks = cypher_engine.walks(graph, starts, seed=1, batch_size=2000, sessions=sessions, limit=limit)
                    steps = sum(len(walk.path) - 1 for walk in islice(walks, limit))
                found[("one thread", "two threads")[sessions - 1]] = steps / (time.perf_counter() - began)
    return found


def main() -> None:
    """Both numbers of threads, each in a process of its own, then the graph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concepts", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=1_900_000)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        print(json.dumps(measure(given.concepts, given.pairs, given.threads)))
        return
    from tests.benchmarks import peers
    from tests.benchmarks.figures import Comparison, Row, keep

    found: dict[str, dict[str, float]] = {}
    if not peers.PYTHON.exists():
        raise SystemExit("the other libraries are not installed: `make peers`")
    for threads, column in ((1, "one thread"), (2, "two threads")):
        print(f"{threads} threads, {given.concepts:,} concepts, {given.pairs:,} pairs", flush=True)
        values = {**os.environ, "RAYON_NUM_THREADS": str(threads), "PYTHONPATH": "."}
        done = subprocess.run(
            [peers.PYTHON, "-m", "tests.benchmarks.walk_peers", *sys.argv[1:], "--threads", str(threads)],
            env=values,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, rate in json.loads(done.stdout.splitlines()[-1]).items():
            found.setdefault(name, {})[column] = rate / 1e6
    found["kgsynth Cypher engine"] = {
        name: rate / 1e6 for name, rate in cypher_walks(given.concepts, given.pairs).items()
    }
    keep(
        Comparison(
            name="walks",
            title=f"Weighted walks, {given.concepts:,} concepts and {given.pairs:,} pairs",
            unit="million steps/s",
            command="python -m tests.benchmarks.walk_peers",
            notes="steps kept, draws included; the Cypher engine takes level-3 walks within Neo4j",
            rows=[Row(name=name, values=values, is_ours=name.startswith("kgsynth")) for name, values in found.items()],
        )
    )


if __name__ == "__main__":
    main()
