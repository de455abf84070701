"""Tests of `kgsynth.graph.derived`."""

import numpy as np
import pytest

from kgsynth.errors import GraphError
from kgsynth.graph.derived import Layer, refuse_too_large, stored_pairs
from kgsynth.walk_law import TICKETS_PER_TERM
from tests import corpora
from tests.walker import Context


def test_runs_of_tickets_follow_each_other() -> None:
    a, b, t, u = "concept:a", "concept:b", "topic:t", "topic:u"
    layer = Layer.of(
        corpora.arrays([Context("d1", [a, b, t]), Context("d2", [a, t, u]), Context("", [a, b], 5)]), "123"
    )
    # Of each context in turn, its terms in order: where the runs of a (slot 0), b (1), t (2) and u (3) end.
    block = TICKETS_PER_TERM
    assert layer.uptos["concept"].tolist() == [
        1,
        block + 1,
        2 * block + 2,
        -1,
        2 * block + 3,
        3 * block + 1,
        6,
        block + 6,
    ]
    assert layer.uptos["topic"].tolist() == [-1, -1, -1, -1, 2 * block + 1, 3 * block + 1, -1, -1]
    assert layer.tickets["concept"].tolist() == [6, 6, 3, 1]
    assert layer.tickets["topic"].tolist() == [-1, -1, 1, 1]
    assert layer.document_counts.tolist() == [2, 1, 2, 1]
    with pytest.raises(GraphError, match=r"'concept:a' sum to .* more than 2\*\*40"):
        Layer.of(corpora.arrays([Context("", [a, b], 2**40), Context("d", [a, b])]), "12")


def test_co_occurrences_are_those_of_the_oracle() -> None:
    annotations = corpora.random_annotations(2, documents=60, topics=5, concepts=30)
    expected = corpora.co_occurrences(annotations)
    held = corpora.arrays(corpora.contexts(annotations))
    for limit in (None, 3, 10_000):
        found = {
            (held.terms[one], held.terms[other]): count
            for firsts, seconds, counts, _ in stored_pairs(held, limit)
            for one, other, count in zip(firsts.tolist(), seconds.tolist(), counts.tolist(), strict=True)
        }
        strongest = set()
        for term in held.terms:
            own = sorted(
                (-count, next(iter(set(pair) - {term})), pair) for pair, count in expected.items() if term in pair
            )
            strongest |= {pair for _, _, pair in own[:limit]}
        assert found == {pair: expected[pair] for pair in strongest}


def test_a_document_of_too_many_terms_is_refused_by_name() -> None:
    with pytest.raises(GraphError, match="document 'b' mentions 2,000,000 terms"):
        refuse_too_large([], ["a", "b"], np.array([3, 2_000_000]))
