"""Tests of `kgsynth.walks.seen_combinations`."""

import pytest

from kgsynth.walks import compiled
from kgsynth.walks.combinations import deduplicated
from kgsynth.walks.draws import Starts
from kgsynth.walks.seen_combinations import NEW, Distinct
from tests import corpora
from tests.unit.compiled_cases import topics
from tests.walker import Context

pytest.importorskip("numba")


@pytest.mark.slow
def test_what_was_seen_is_told_as_the_sets_tell_it(held: list[Context]) -> None:
    held = corpora.tables(held)
    starts = Starts(4, topics(held))
    walks = compiled.walks(held, starts, seed=4, limit=150_000)
    for min_concepts in (3, 5):
        found = list(compiled.judged(held, starts, seed=4, min_concepts=min_concepts, limit=150_000))
        expected = list(deduplicated(walks, min_concepts=min_concepts)) if min_concepts == 3 else None
        assert expected is None or found == expected
        assert {problem for problem, _ in found} == {"", "repeat", "too small"}
    # The table has grown, and knows all it knew.
    seen = Distinct(held.first_topic, min_concepts=1)
    blocks = [block for _, block, _ in compiled.blocks(held, starts, seed=4, limit=150_000)]
    first = [seen.judge(block) for block in blocks]
    assert sum((verdicts == NEW).sum() for verdicts in first) > 65_536
    assert not any((seen.judge(block) == NEW).any() for block in blocks)
