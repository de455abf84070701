"""Tests of `kgsynth.walks.compiled`."""

import numpy as np
import pytest

from kgsynth.errors import GraphError
from kgsynth.records import StageCount
from kgsynth.walks import arrow_batches, compiled, inverted_index, walk_tables
from kgsynth.walks.combinations import combinations
from kgsynth.walks.draws import Starts
from tests import corpora
from tests.unit.compiled_cases import topics
from tests.walker import Context

pytest.importorskip("numba")


def test_equal_weights_change_no_walk(held: list[Context]) -> None:
    plain = corpora.tables(held)
    starts = Starts(1, topics(plain))
    through = walk_tables.through_lens(plain, corpora.units(plain, dict.fromkeys(plain.ids, 1000)))
    assert list(compiled.walks(through, starts, seed=1, limit=2000)) == list(
        compiled.walks(plain, starts, seed=1, limit=2000)
    )


def test_tickets_of_every_size_and_every_draw_lead_where_they_lie() -> None:
    # Ends of runs, powers of two, and draws just below and at the border of a ticket and of a bucket.
    rng = np.random.default_rng(3)
    for degree in (1, 2, 3, 7, 64, 1000):
        own = rng.integers(1, 2**20, degree) if degree % 2 else 2 ** rng.integers(0, 30, degree)
        own[0] = 1
        held = [
            Context("", ["concept:a", f"concept:b{place:04}"], int(weight)) for place, weight in enumerate(own.tolist())
        ]
        made = corpora.tables(held)
        ends = np.cumsum(own)
        border = np.concatenate([ends[:-1] / ends[-1], np.arange(degree) / degree, [0.0, 1 - 2**-53]])
        table = np.unique(
            np.clip(np.concatenate([border, np.nextafter(border, 0), np.nextafter(border, 1)]), 0, 1 - 2**-53)
        )
        wanted = np.searchsorted(ends, np.floor(table * float(ends[-1])).astype(np.int64), side="right")
        at = np.full(len(table), made.ids.index("concept:a"), dtype=np.int64)
        room = [np.empty(len(table), dtype=np.int64) for _ in range(3)]
        parts = compiled.arrays(made)
        compiled._step(*parts[:3], *parts[6:], 0, at, table, *room, len(table))
        assert [made.ids[place] for place in at] == [f"concept:b{place:04}" for place in wanted]
        assert (room[2] == -1).all()


@pytest.mark.slow
@pytest.mark.parametrize("limit", [None, 1, 500, 20_000])
@pytest.mark.parametrize("exhausted_after", [5, 20_000])
@pytest.mark.parametrize("is_walked", [False, True])
def test_combinations_in_columns_are_those_of_objects(
    held: list[Context], limit: int | None, exhausted_after: int, is_walked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgsynth.walks.combinations._EXHAUSTED_AFTER", exhausted_after)
    held = corpora.tables(held)
    starts = Starts(4, topics(held))
    index = inverted_index.Index.of(held)
    ask = {"seed": 4, "min_concepts": 3}
    account, columns_account = StageCount(stage="sample"), StageCount(stage="sample")
    walks = compiled.judged(held, starts, **ask, limit=25_000)
    objects = list(combinations(walks, **ask, limit=limit, count=account))
    found = arrow_batches.batches(
        held,
        compiled.blocks(held, starts, seed=4, limit=25_000),
        **ask,
        limit=limit,
        grounding=arrow_batches.Grounding(index, 2, is_walked=is_walked),
        count=columns_account,
    )
    made_of_columns = [row for batch in found for row in batch.to_pylist()]
    assert made_of_columns == [
        one.to_row() for one in inverted_index.ground(index, objects, limit=2, is_walked=is_walked)
    ]
    assert columns_account == account
    assert ("graph" in account.notes) == (limit is not None and len(objects) < limit)
    bare = arrow_batches.batches(
        held, compiled.blocks(held, starts, seed=4, limit=50), **ask, limit=1, grounding=None, count=account
    )
    assert [row["documents"] for batch in bare for row in batch.to_pylist()] == [[]]
    nothing = arrow_batches.batches(
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
