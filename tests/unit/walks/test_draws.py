"""Tests of `kgsynth.walks.draws`."""

from itertools import islice

import pytest

from kgsynth.walks import compiled, walk_tables
from kgsynth.walks.draws import Starts, draws
from tests import corpora
from tests.unit.compiled_cases import topics
from tests.walker import Context, ReferenceWalker

pytest.importorskip("numba")


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("with_pairs", [False, True])
def test_walks_are_those_of_the_reference(held: list[Context], weighted: bool, with_pairs: bool) -> None:
    held = held if with_pairs else [one for one in held if one.name]
    plain = corpora.tables(held)
    assert bool(len(plain.weights)) == with_pairs
    weights = {one: 1 + 977 * place % 1000 for place, one in enumerate(plain.ids) if place % 7} if weighted else None
    walker = ReferenceWalker(held, weights)
    starts = Starts(11, [one for one in topics(plain) if weights is None or one in weights])
    used = plain if weights is None else walk_tables.through_lens(plain, corpora.units(plain, weights))
    expected = [walker.walked(starts.topic_of(number), draws(11, first=number, count=1)[0]) for number in range(3_000)]
    for threads in (1, 3):
        found = list(compiled.walks(used, starts, seed=11, limit=3_000, threads=threads))
        assert [walk.number for walk in found] == list(range(3_000))
        assert [(walk.path, walk.through) for walk in found] == expected
    found = islice(compiled.walks(used, starts, seed=11), 30)
    assert [(walk.path, walk.through) for walk in found] == expected[:30]
    assert {len(path) for path, _ in expected} >= {6, 7, 8}


def test_starts_of_a_block_are_those_of_each_walk() -> None:
    starts = Starts(5, [f"topic:{number}" for number in range(7)])
    for first, count in ((0, 1), (0, 7), (3, 20), (6, 1), (7, 7), (13, 2)):
        found = [starts.topics[place] for place in starts.places(first, count)]
        assert found == [starts.topic_of(number) for number in range(first, first + count)]


def test_a_counted_pair_whose_names_became_one_and_an_empty_context_lead_nowhere() -> None:
    held = [
        Context("", ["concept:a"], 5),
        Context("d", ["concept:a", "concept:b", "topic:t"]),
        Context("e", []),
        Context("", ["concept:a", "topic:t"], 3),
        Context("", [], 7),
    ]
    made = corpora.tables(held)
    for used, weights in (
        (made, None),
        (walk_tables.through_lens(made, corpora.units(made, dict.fromkeys(made.ids, 3))), dict.fromkeys(made.ids, 3)),
    ):
        walker = ReferenceWalker(held, weights)
        table = draws(2, first=0, count=200)
        found = list(compiled.walks(used, Starts(2, topics(made)), seed=2, limit=200))
        assert [(one.path, one.through) for one in found] == [walker.walked("topic:t", own) for own in table]
        assert {one.through[:1] for one in found} == {("",), ("d",)}


def test_starts_do_not_depend_on_who_asks_in_which_order() -> None:
    topics = [f"topic:{n}" for n in range(7)]
    forwards = Starts(3, topics)
    backwards = Starts(3, topics[::-1])
    in_order = [forwards.topic_of(n) for n in range(21)]
    assert [backwards.topic_of(n) for n in reversed(range(21))] == in_order[::-1]
    assert sorted(in_order[7:14]) == topics
    assert in_order[:7] != in_order[7:14]
