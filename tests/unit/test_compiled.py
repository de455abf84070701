"""The compiled engine against walks in plain Python: the same walks, with and without a lens, whatever the threads."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from kgsynth.errors import GraphError
from kgsynth.records import Combination, StageCount
from kgsynth.walks import tables
from kgsynth.walks.combinations import combinations, judged
from kgsynth.walks.law import Starts, draws
from tests import corpora
from tests.walker import ReferenceWalker

pytest.importorskip("numba")
from kgsynth.walks import columns, compiled, inverted
from kgsynth.walks.distinct import NEW, Distinct
from tests.benchmarks import walk_speed


def directed(counts: Mapping[tuple[str, str], int]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    ids = sorted({one for pair in counts for one in pair})
    place = {one: number for number, one in enumerate(ids)}
    pairs = [(place[one], place[other], count) for (one, other), count in counts.items()]
    rows = np.array(pairs + [(other, one, count) for one, other, count in pairs], dtype=np.int64)
    # In no order at all.
    rows = rows[np.random.default_rng(2).permutation(len(rows))]
    return ids, rows[:, 0], rows[:, 1], rows[:, 2]


def made(counts: Mapping[tuple[str, str], int]) -> tables.WalkTables:
    return tables.from_pairs(*directed(counts))


@pytest.fixture(scope="module")
def counts() -> dict[tuple[str, str], int]:
    return dict(corpora.co_occurrences(corpora.random_annotations(5, documents=200, topics=12, concepts=90)))


def topics(held: tables.WalkTables) -> list[str]:
    return [one for one in held.ids if one.startswith("topic:")]


@pytest.mark.parametrize("weighted", [False, True])
def test_walks_are_those_of_the_reference(counts: dict[tuple[str, str], int], weighted: bool) -> None:
    held = made(counts)
    weights = {one: 1 + 977 * place % 1000 for place, one in enumerate(held.ids) if place % 7} if weighted else None
    walker = ReferenceWalker(counts, weights)
    starts = Starts(11, [one for one in topics(held) if weights is None or one in weights])
    used = held if weights is None else tables.through_lens(held, weights)
    expected = [walker.walk(starts.of(number), draws(11, first=number, count=1)[0]) for number in range(20_000)]
    for threads in (1, 3):
        found = list(compiled.walks(used, starts, seed=11, limit=20_000, threads=threads))
        assert [walk.number for walk in found] == list(range(20_000))
        assert [walk.path for walk in found] == expected
    assert [walk.path for walk in islice(compiled.walks(used, starts, seed=11), 30)] == expected[:30]
    assert {len(path) for path in expected} >= {6, 7, 8}


def test_tickets_of_every_size_and_every_draw_lead_where_they_lie() -> None:
    # Ends of tickets, powers of two, and draws just below and at the border of a ticket and of a bucket.
    rng = np.random.default_rng(3)
    for degree in (1, 2, 3, 7, 64, 1000):
        own = rng.integers(1, 2**20, degree) if degree % 2 else 2 ** rng.integers(0, 30, degree)
        own[0] = 1
        counts = {("concept:a", f"concept:b{place:04}"): int(count) for place, count in enumerate(own)}
        held = made(counts)
        step = held.steps["next_concept"]
        order = sorted(range(degree), key=lambda place: (-own[place], place))
        ends = np.cumsum(own[order])
        border = np.concatenate([ends[:-1] / ends[-1], np.arange(degree) / degree, [0.0, 1 - 2**-53]])
        table = np.unique(
            np.clip(np.concatenate([border, np.nextafter(border, 0), np.nextafter(border, 1)]), 0, 1 - 2**-53)
        )
        wanted = np.searchsorted(ends, np.floor(table * float(ends[-1])).astype(np.int64), side="right")
        at = np.full(len(table), held.ids.index("concept:a"), dtype=np.int64)
        room = np.empty(len(table), dtype=np.int64)
        parts = [np.asarray(part) for part in (step.nodes, step.neighbours, step.guide)]
        compiled._step(*parts, held.shift, at, table, room, np.empty_like(room), len(table))
        assert [held.ids[place] for place in at] == [f"concept:b{order[place]:04}" for place in wanted]


def test_starts_of_a_block_are_those_of_each_walk() -> None:
    starts = Starts(5, [f"topic:{number}" for number in range(7)])
    for first, count in ((0, 1), (0, 7), (3, 20), (6, 1), (7, 7), (13, 2)):
        found = [starts.topics[place] for place in starts.places(first, count)]
        assert found == [starts.of(number) for number in range(first, first + count)]


@pytest.mark.parametrize("terms_at_once", [1, 7, 1000])
def test_tables_that_are_written_in_runs_are_those_made_at_once(
    counts: dict[tuple[str, str], int], tmp_path: Path, terms_at_once: int
) -> None:
    ids, sources, targets, numbers = directed(counts)
    folder = tmp_path / "tables"
    order = tables.in_ticket_order(sources, targets, numbers)
    sources, targets, numbers = sources[order], targets[order], numbers[order]
    bounds = np.searchsorted(sources, np.arange(len(ids) + 1))
    with tables.Writer(ids, tmp_path) as writer:
        for first in range(0, len(ids), terms_at_once):
            own = bounds[first : first + terms_at_once + 1]
            part = slice(own[0], own[-1])
            writer.add(first, own - own[0], targets[part], numbers[part])
        assert tables.load(folder) is None
        writer.finish(folder)
    held, again = made(counts), tables.load(folder)
    assert again is not None
    assert (again.ids, again.shift) == (held.ids, held.shift)
    for name, table in held.steps.items():
        for part in ("nodes", "neighbours", "guide"):
            assert np.array_equal(getattr(again.steps[name], part), getattr(table, part)), (name, part)
    starts = Starts(1, topics(held))
    assert list(compiled.walks(again, starts, seed=1, limit=500)) == list(
        compiled.walks(held, starts, seed=1, limit=500)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
    (folder / "next_concept.guide.bin").unlink()
    assert tables.load(folder) is None


def test_tables_of_concepts_alone_have_no_steps_of_topics(tmp_path: Path) -> None:
    with tables.Writer(["concept:a", "concept:b"], tmp_path) as writer:
        writer.add(0, np.array([0, 1, 2]), np.array([1, 0]), np.array([3, 3]))
        writer.finish(tmp_path / "tables")
    held = tables.load(tmp_path / "tables")
    assert held is not None
    assert len(held.steps["next_topic"].neighbours) == 0


def test_what_was_seen_is_told_as_the_sets_tell_it(counts: dict[tuple[str, str], int]) -> None:
    held = made(counts)
    starts = Starts(4, topics(held))
    walks = compiled.walks(held, starts, seed=4, limit=150_000)
    for min_concepts in (3, 5):
        found = list(compiled.judged(held, starts, seed=4, min_concepts=min_concepts, limit=150_000))
        expected = list(judged(walks, min_concepts=min_concepts)) if min_concepts == 3 else None
        assert expected is None or found == expected
        assert {problem for problem, _ in found} == {"", "repeat", "too small"}
    # The table has grown, and knows all it knew.
    seen = Distinct(held.first_topic, min_concepts=1)
    blocks = [block for _, block in compiled.blocks(held, starts, seed=4, limit=150_000)]
    first = [seen.judge(block) for block in blocks]
    assert sum((verdicts == NEW).sum() for verdicts in first) > 65_536
    assert not any((seen.judge(block) == NEW).any() for block in blocks)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_documents_are_those_of_all_pairs_compared(limit: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    names = [f"concept:{number}" for number in range(60)]
    weights = 1 / np.arange(1, 61)
    rows = [
        {
            "id": f"d{place:03}",
            "terms": list(rng.choice(names, rng.integers(0, 12), replace=False, p=weights / weights.sum())),
        }
        for place in range(300)
    ]
    index = inverted.index_of(rows)
    chosen = [tuple(rng.choice([*names, "concept:nowhere"], rng.integers(1, 9), replace=False)) for _ in range(400)]
    batch = [Combination(id=str(n), seed=1, walk=n, path=path, topics=(), concepts=()) for n, path in enumerate(chosen)]
    for one in inverted.ground(index, batch, limit=limit):
        terms = set(one.path)
        alike = [(len(terms & set(row["terms"])) / len(terms | set(row["terms"])), row["id"]) for row in rows]
        expected = sorted(((share, name) for share, name in alike if share), key=lambda pair: (-pair[0], pair[1]))
        assert [(document.jaccard, document.id) for document in one.documents] == expected[:limit]
    inverted.save(index, tmp_path / "index")
    kept = inverted.load(tmp_path / "index")
    assert kept is not None
    assert inverted.ground(kept, batch, limit=limit) == inverted.ground(index, batch, limit=limit)
    (tmp_path / "index" / "postings.npy").unlink()
    assert inverted.load(tmp_path / "index") is None
    assert inverted.ground(inverted.index_of([]), batch[:1], limit=limit)[0].documents == ()


@pytest.mark.parametrize("limit", [None, 1, 500, 20_000])
@pytest.mark.parametrize("exhausted_after", [5, 20_000])
def test_combinations_in_columns_are_those_of_objects(
    counts: dict[tuple[str, str], int], limit: int | None, exhausted_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgsynth.walks.combinations._EXHAUSTED_AFTER", exhausted_after)
    held = made(counts)
    starts = Starts(4, topics(held))
    rows = [{"id": f"d{place}", "terms": held.ids[place :: place + 3]} for place in range(40)]
    index = inverted.index_of(rows)
    ask = {"seed": 4, "min_concepts": 3}
    account, columns_account = StageCount(stage="sample"), StageCount(stage="sample")
    walks = compiled.judged(held, starts, **ask, limit=25_000)
    objects = list(combinations(walks, **ask, limit=limit, count=account))
    found = columns.batches(
        held,
        compiled.blocks(held, starts, seed=4, limit=25_000),
        **ask,
        limit=limit,
        grounding=columns.Grounding(index, 2),
        count=columns_account,
    )
    made_of_columns = [row for batch in found for row in batch.to_pylist()]
    assert made_of_columns == [one.to_row() for one in inverted.ground(index, objects, limit=2)]
    assert columns_account == account
    assert ("graph" in account.notes) == (limit is not None and len(objects) < limit)
    bare = columns.batches(
        held, compiled.blocks(held, starts, seed=4, limit=50), **ask, limit=1, grounding=None, count=account
    )
    assert [row["documents"] for batch in bare for row in batch.to_pylist()] == [[]]
    nothing = columns.batches(
        held,
        compiled.blocks(held, starts, seed=4, limit=50),
        seed=4,
        min_concepts=99,
        limit=1,
        grounding=None,
        count=account,
    )
    with pytest.raises(GraphError, match="visited 99 concepts"):
        list(nothing)


def test_what_cannot_be_a_table_says_why(tmp_path: Path) -> None:
    with tables.Writer([], tmp_path) as writer, pytest.raises(GraphError, match="the graph has no terms"):
        writer.finish(tmp_path / "tables")
    held = made({("concept:a", "concept:b"): 2**39})
    with pytest.raises(GraphError, match="more than the compiled engine holds"):
        tables.through_lens(held, {"concept:a": 10**7, "concept:b": 10**7})
    with pytest.raises(GraphError, match="'concept:c' is no concept or topic"):
        tables.through_lens(held, {"concept:c": 1})


def test_the_compiled_engine_keeps_half_of_its_recorded_lead_over_a_plain_kernel() -> None:
    # 5.9 times as fast as a binary search in the tickets on this graph, in turns in one process (EXPERIMENTS.md).
    measured = walk_speed.rates(walk_speed.zipf_graph(100_000, 1_000_000, topics=10), turns=3)
    fastest = {name: max(values) for name, values in measured.items()}
    assert fastest["compiled engine"] > 0.5 * 5.9 * fastest["binary search"]
