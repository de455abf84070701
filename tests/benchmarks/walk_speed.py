"""How fast walks are: the compiled engine beside simpler kernels, in turns in one process.

    python -m tests.benchmarks.walk_speed 100000 1900000       (about 2 minutes)
    python -m tests.benchmarks.walk_speed 1000000 19000000     (about 10 minutes, 3 GiB)

A graph of so many concepts and pairs: both ends of a pair are drawn with chances like rank^-.75, and a pair counts as
often as it was drawn. Steps go from concept to concept, 16 a walker; level-3 walks start at 1,000 topics, each beside
1,000 drawn concepts and all beside each other. Every kernel draws from the same tickets, and all give the same steps.
"""

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.walks import compiled
from kgsynth.walks.law import Starts, draws
from kgsynth.walks.tables import WalkTables, from_pairs

_WALKERS, _STEPS, _TURNS = 1 << 18, 16, 5
_TOPICS, _OF_TOPIC = 1000, 1000
_LEVEL3 = 1 << 20


def zipf_graph(concepts: int, pairs: int, topics: int = _TOPICS) -> WalkTables:
    """Walk tables of a synthetic graph, always the same."""
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
    return from_pairs(ids, np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([counts, counts]))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _packed(nodes: Any, neighbours: Any, guide: Any, shift: int, at: Any, table: Any) -> None:
    ticket, place = np.empty(256, dtype=np.int64), np.empty(256, dtype=np.int64)
    for first in range(0, len(at), 256):
        count = min(256, len(at) - first)
        for step in range(len(table)):
            own, draw = at[first : first + count], table[step, first : first + count]
            compiled._step(nodes, neighbours, guide, shift, own, draw, ticket, place, count)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _packed_paths(nodes: Any, neighbours: Any, guide: Any, shift: int, at: Any, table: Any, paths: Any) -> None:
    ticket, place = np.empty(256, dtype=np.int64), np.empty(256, dtype=np.int64)
    for first in range(0, len(at), 256):
        count = min(256, len(at) - first)
        own = at[first : first + count]
        for step in range(len(table)):
            compiled._step(
                nodes, neighbours, guide, shift, own, table[step, first : first + count], ticket, place, count
            )
            for walker in range(count):
                paths[first + walker, step] = own[walker]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _binary_search(nodes: Any, neighbours: Any, guide: Any, shift: int, at: Any, table: Any) -> None:
    mask = (np.int64(1) << shift) - 1
    for walker in range(len(at)):
        own = at[walker]
        for step in range(len(table)):
            offset, said = nodes[own, 0], nodes[own, 1]
            ticket = np.int64(table[step, walker] * (said >> shift))
            low, high = offset, offset + (said & mask) - 1
            while low < high:
                middle = (low + high) // 2
                if neighbours[middle] >> shift > ticket:
                    high = middle
                else:
                    low = middle + 1
            own = neighbours[low] & mask
        at[walker] = own


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _linear_scan(nodes: Any, neighbours: Any, guide: Any, shift: int, at: Any, table: Any) -> None:
    mask = (np.int64(1) << shift) - 1
    for walker in range(len(at)):
        own = at[walker]
        for step in range(len(table)):
            offset, said = nodes[own, 0], nodes[own, 1]
            ticket = np.int64(table[step, walker] * (said >> shift))
            while neighbours[offset] >> shift <= ticket:
                offset += 1
            own = neighbours[offset] & mask
        at[walker] = own


KERNELS: dict[str, tuple[Callable[..., None], int]] = {
    "compiled engine": (_packed, _WALKERS),
    "binary search": (_binary_search, _WALKERS // 2),
    "linear scan": (_linear_scan, _WALKERS // 16),
}


def rates(tables: WalkTables, *, turns: int, threads: int = 1) -> dict[str, list[float]]:
    """Steps a second of each kernel, a number a turn, and a check that all went the same way."""
    step = tables.steps["next_concept"]
    parts = [np.asarray(part) for part in (step.nodes, step.neighbours, step.guide)]
    rng = np.random.default_rng(2)
    live = np.flatnonzero(step.nodes[:, 1])
    begin = live[rng.integers(0, len(live), _WALKERS)]
    table = rng.random((_STEPS, _WALKERS))
    found: dict[str, list[float]] = {name: [] for name in KERNELS}
    ends: dict[str, NDArray[np.int64]] = {}
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(turns + 1):
            for name, (kernel, walkers) in KERNELS.items():
                shares = np.array_split(np.arange(walkers), threads)
                at = [begin[own].copy() for own in shares]
                own_draws = [np.ascontiguousarray(table[:, own]) for own in shares]
                started = time.perf_counter()
                list(pool.map(lambda a, d, k=kernel: k(*parts, tables.shift, a, d), at, own_draws))
                found[name].append(walkers * _STEPS / (time.perf_counter() - started))
                ends[name] = np.concatenate(at)
    shortest = min(len(one) for one in ends.values())
    if any(not np.array_equal(one[:shortest], ends["compiled engine"][:shortest]) for one in ends.values()):
        raise SystemExit("the kernels differ")
    # The first turn compiles.
    return {name: values[1:] for name, values in found.items()}


def main(concepts: int, pairs: int) -> None:
    """All figures of a graph."""
    started = time.perf_counter()
    tables = zipf_graph(concepts, pairs)
    step = tables.steps["next_concept"]
    degrees = step.nodes[:, 1] & ((1 << tables.shift) - 1)
    print(
        f"{concepts:,} concepts, {len(step.neighbours):,} directed steps, largest degree {degrees.max():,}; "
        f"made in {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    for threads in (1, 2):
        measured = rates(tables, turns=_TURNS, threads=threads)
        base = statistics.median(measured["compiled engine"])
        for name, values in measured.items():
            median = statistics.median(values)
            print(
                f"  {threads} threads, {name}: {median / 1e6:.2f} M steps/s, {median / base:.3f} of the compiled",
                flush=True,
            )
        starts = Starts(1, [one for one in tables.ids[tables.first_topic :]])
        taken = []
        for turn in range(_TURNS):
            began = time.perf_counter()
            blocks = compiled.blocks(tables, starts, seed=turn, limit=_LEVEL3, threads=threads)
            steps = sum(int((block >= 0).sum()) - len(block) for _, block in blocks)
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
    main(int(sys.argv[1]), int(sys.argv[2]))
