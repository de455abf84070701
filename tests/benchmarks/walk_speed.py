"""How fast walks are: the compiled engine beside tables of pairs, in turns in one process.

    python -m tests.benchmarks.walk_speed documents 50000         (about 2 minutes)
    python -m tests.benchmarks.walk_speed documents 520000        (about 15 minutes, 12 GiB)
    python -m tests.benchmarks.walk_speed pairs 100000 1900000

Documents are those of `paper_corpus`. A graph of so many concepts and counted pairs: both ends of a pair are drawn with
chances like rank^-.75, and a pair counts as often as it was drawn. Steps go from concept to concept, 16 per walker;
level-3 walks start at topics. Tables of pairs are what walks were made of before they went through documents: one random
look less per step, and as many tickets as there are pairs.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.contexts import Contexts, co_occurrences, of_pairs
from kgsynth.walks import compiled, walk_tables
from kgsynth.walks.draws import Starts, draws
from tests.benchmarks import paper_corpus

_WALKERS, _STEPS, _TURNS = 1 << 18, 16, 5
_TOPICS, _OF_TOPIC = 1000, 1000
_LEVEL3 = 1 << 20


def zipf_pairs(
    concepts: int, pairs: int, topics: int = _TOPICS
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """A synthetic graph, always the same: ids of its terms, and places of both ends of each pair with its count."""
    rng = np.random.default_rng(1)
    chances = np.cumsum(np.arange(1, concepts + 1) ** -0.75)
    name = rng.permutation(concepts)

    def drawn(count: int) -> NDArray[np.int64]:
        return np.asarray(name[np.searchsorted(chances, rng.random(count) * chances[-1])], dtype=np.int64)

    keys = np.empty(0, dtype=np.int64)
    counts = np.empty(0, dtype=np.int64)
    while len(keys) < pairs:
        one, other = drawn(pairs // 2), drawn(pairs // 2)
        fresh = (np.minimum(one, other) * concepts + np.maximum(one, other))[one != other]
        keys, places = np.unique(np.concatenate([keys, fresh]), return_inverse=True)
        held = np.concatenate([counts, np.ones(len(fresh), dtype=np.int64)])
        counts = np.bincount(places, weights=held).astype(np.int64)
    chosen = np.sort(rng.permutation(len(keys))[:pairs])
    one, other, counts = keys[chosen] // concepts, keys[chosen] % concepts, counts[chosen]
    places = concepts + np.arange(topics)
    first, second = np.triu_indices(topics, 1)
    beside = np.unique(np.repeat(places, _OF_TOPIC) * concepts + drawn(topics * _OF_TOPIC))
    one = np.concatenate([one, places[first], beside // concepts])
    other = np.concatenate([other, places[second], beside % concepts])
    counts = np.concatenate([counts, rng.integers(1, 50, len(one) - len(counts))])
    ids = [f"concept:{place:08}" for place in range(concepts)] + [f"topic:{place:08}" for place in range(topics)]
    return ids, np.minimum(one, other), np.maximum(one, other), counts


def zipf_graph(concepts: int, pairs: int, topics: int = _TOPICS) -> Contexts:
    """The same graph as contexts: each pair is one of two members, which weighs its count."""
    ids, one, other, counts = zipf_pairs(concepts, pairs, topics)
    owners = np.tile(np.arange(len(one)), 2)
    return of_pairs(ids, [""] * len(one), owners, np.concatenate([one, other]), counts)


def paper_graph(count: int) -> Contexts:
    """Documents of the paper's shape."""
    concepts, topics = [], []
    for own_topics, own_concepts in paper_corpus.documents(count, shape="fields", seed=1):
        concepts.append(own_concepts)
        topics.append(own_topics + paper_corpus.CONCEPTS)
    named = np.concatenate([np.concatenate(concepts), np.concatenate(topics)], axis=1)
    used, places = np.unique(named, return_inverse=True)
    ids = [f"{'concept' if one < paper_corpus.CONCEPTS else 'topic'}:{one:08}" for one in used.tolist()]
    names = [f"d{number:08}" for number in range(count)]
    owners = np.repeat(np.arange(count), named.shape[1])
    return of_pairs(ids, names, owners, places.ravel(), np.ones(count, dtype=np.int64))


class PairTables(NamedTuple):
    """Tickets of pairs, as walks had them before they went through documents: 12 bytes for each step of each term."""

    nodes: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    guide: NDArray[np.int32]
    shift: int
    all_bytes: int


def pair_tables(contexts: Contexts) -> PairTables:
    """The steps from concepts to concepts; `all_bytes` are those of all three tables."""
    shift = max(1, len(contexts.terms).bit_length())
    first_topic = contexts.first_topic
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    steps = 0
    for block in co_occurrences(contexts):
        steps += int(((block.rows >= first_topic) | (block.others < first_topic)).sum())
        is_own = (block.rows < first_topic) & (block.others < first_topic)
        for part, values in zip(parts, (block.rows, block.others, block.counts), strict=True):
            part.append(values[is_own])
    rows, others, counts = (np.concatenate(part) for part in parts)
    order = np.lexsort((others, -counts, rows))
    degrees = np.bincount(rows, minlength=len(contexts.terms)).astype(np.int64)
    table = walk_tables._packed(shift, degrees, others[order], counts[order])
    return PairTables(
        table.nodes, table.runs, table.guide, shift, 12 * steps + 3 * table.nodes.nbytes
    )  # fmt: skip


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def through_contexts(
    nodes: Any,
    runs: Any,
    guide: Any,
    where: Any,
    members: Any,
    units: Any,
    shift: int,
    at: Any,
    table: Any,
    paths: Any,
) -> None:
    """Steps from concept to concept as the compiled engine takes them; places go to `paths`."""
    ticket, place = np.empty(256, dtype=np.int64), np.empty(256, dtype=np.int64)
    context = np.empty(256, dtype=np.int64)
    for first in range(0, len(at), 256):
        count = min(256, len(at) - first)
        own = at[first : first + count]
        for step in range(len(table)):
            draw = table[step, first : first + count]
            compiled._step(
                nodes, runs, guide, where, members, units, shift, 0, own, draw, ticket, place, context, count
            )
            for walker in range(count):
                paths[first + walker, step] = own[walker]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def through_pairs(nodes: Any, neighbours: Any, guide: Any, shift: int, at: Any, table: Any, paths: Any) -> None:
    """The same on tables of pairs, in two passes."""
    mask = (np.int64(1) << shift) - 1
    ticket, place = np.empty(256, dtype=np.int64), np.empty(256, dtype=np.int64)
    for first in range(0, len(at), 256):
        count = min(256, len(at) - first)
        own = at[first : first + count]
        for step in range(len(table)):
            for walker in range(count):
                ticket[walker] = -1
                if own[walker] >= 0 and nodes[own[walker], 1] > 0:
                    said, offset = nodes[own[walker], 1], nodes[own[walker], 0]
                    u = table[step, first + walker]
                    ticket[walker] = np.int64(np.floor(u * np.float64(said >> shift)))
                    place[walker] = offset + guide[offset + np.int64(u * np.float64(said & mask))]
            for walker in range(count):
                if ticket[walker] >= 0:
                    at_step = place[walker]
                    while neighbours[at_step] >> shift <= ticket[walker]:
                        at_step += 1
                    own[walker] = neighbours[at_step] & mask
                else:
                    own[walker] = -1
                paths[first + walker, step] = own[walker]


def context_parts(held: walk_tables.WalkTables) -> tuple[Any, ...]:
    """What `through_contexts` takes of the tables."""
    parts = compiled.arrays(held)
    return (*parts[:3], *parts[6:])


def rates(held: walk_tables.WalkTables, pairs: PairTables, *, turns: int, threads: int = 1) -> dict[str, list[float]]:
    """Steps per second of both, a number per turn."""
    kernels = {
        "through documents": (through_contexts, context_parts(held)),
        "tables of pairs": (through_pairs, pairs[:4]),
    }
    rng = np.random.default_rng(2)
    live = np.flatnonzero(pairs.nodes[:, 1])
    begin = live[rng.integers(0, len(live), _WALKERS)]
    table = rng.random((_STEPS, _WALKERS))
    found: dict[str, list[float]] = {name: [] for name in kernels}
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(turns + 1):
            for name, (kernel, parts) in kernels.items():
                shares = np.array_split(np.arange(_WALKERS), threads)
                at = [begin[own].copy() for own in shares]
                own_draws = [np.ascontiguousarray(table[:, own]) for own in shares]
                paths = [np.empty((len(own), _STEPS), dtype=np.int32) for own in shares]
                started = time.perf_counter()
                list(pool.map(lambda a, d, p, k=kernel, o=parts: k(*o, a, d, p), at, own_draws, paths))
                found[name].append(_WALKERS * _STEPS / (time.perf_counter() - started))
    # The first turn compiles.
    return {name: values[1:] for name, values in found.items()}


def table_bytes(held: walk_tables.WalkTables) -> int:
    """Bytes of all arrays but the names."""
    own = sum(getattr(table, part).nbytes for table in held.runs.values() for part in ("nodes", "runs", "guide"))
    return own + sum(getattr(held, part).nbytes for part in ("where", "members", "weights", "slots", "ranks", "least"))


def main(what: str, *sizes: int) -> None:
    """All figures of a graph."""
    started = time.perf_counter()
    contexts = paper_graph(*sizes) if what == "documents" else zipf_graph(*sizes)
    held, pairs = walk_tables.of_contexts(contexts), pair_tables(contexts)
    print(
        f"{what} {sizes}: {len(contexts.members):,} members of {len(contexts.weights):,} contexts, {len(pairs.neighbours):,} steps "
        f"between concepts; made in {time.perf_counter() - started:.0f} s; "
        f"{table_bytes(held) / 1e6:.0f} MB beside {pairs.all_bytes / 1e6:.0f} MB of pairs, "
        f"{table_bytes(held) / pairs.all_bytes:.3f}",
        flush=True,
    )
    for threads in (1, 2):
        measured = rates(held, pairs, turns=_TURNS, threads=threads)
        base = statistics.median(measured["tables of pairs"])
        for name, values in measured.items():
            median = statistics.median(values)
            print(f"  {threads} threads, {name}: {median / 1e6:.2f} M steps/s, {median / base:.2f}", flush=True)
        starts = Starts(1, list(held.ids[held.first_topic :]))
        taken = []
        for turn in range(_TURNS):
            began = time.perf_counter()
            blocks = compiled.blocks(held, starts, seed=turn, limit=_LEVEL3, threads=threads)
            steps = sum(int((paths[:, 1:] >= 0).sum()) for _, paths, _ in blocks)
            taken.append(steps / (time.perf_counter() - began))
        print(
            f"  {threads} threads, level-3 walks with their draws: {statistics.median(taken) / 1e6:.2f} M steps/s, "
            f"{_LEVEL3 * statistics.median(taken) / steps / 1e6:.2f} M walks/s",
            flush=True,
        )
    began = time.perf_counter()
    draws(1, first=0, count=_LEVEL3)
    print(f"  draws alone, one thread: {_LEVEL3 * 12 / (time.perf_counter() - began) / 1e6:.0f} M/s")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
