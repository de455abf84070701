"""Tests of `kgsynth.reports.diversity`."""

import math
from itertools import combinations as choices

import numpy as np
import pytest

from kgsynth.records import AnsweredQuestion
from kgsynth.reports import diversity
from tests.unit.reports.reports_cases import (
    Embedder,
    question,
    sampled,
)


def test_pairs_within_groups_are_all_of_them_or_drawn_without_repeats() -> None:
    draws = np.random.default_rng(1)
    groups = [[4, 7, 9], [1], [], [2, 3], [5, 6, 8, 10], [7, 9, 11]]
    found = diversity._within(groups, draws, accepts=lambda one, other: True)
    wanted = {pair for group in groups for pair in choices(group, 2)}
    assert sorted(tuple(pair) for pair in found) == sorted(wanted), "a pair of two groups stands once"
    found = diversity._within(groups, draws, accepts=lambda one, other: (one, other) != (7, 9))
    assert {tuple(pair) for pair in found} == wanted - {(7, 9)}
    large = [list(range(start, start + 60)) for start in range(0, 1200, 60)]
    found = diversity._within(large, draws, accepts=lambda one, other: True)
    assert len(found) == len({tuple(pair) for pair in found}) == 3000
    assert all(one // 60 == other // 60 and one < other for one, other in found)
    shares = np.bincount(found[:, 0] // 60, minlength=20) / len(found)
    assert shares.min() > 0.03


def test_a_sample_takes_all_questions_of_a_document_or_none() -> None:
    made = [question(n, document=f"d{n % 50}") for n in range(500)]
    sample = diversity.Sample(3, {1: 0.4})
    for one in made:
        sample.add(one)
    by_document: dict[str, int] = {}
    for one in sample.drawn:
        by_document[one.documents[0]] = by_document.get(one.documents[0], 0) + 1
    assert set(by_document.values()) == {10}
    assert 10 <= len(by_document) <= 30
    again = diversity.Sample(3, {1: 0.4})
    for one in reversed(made):
        again.add(one)
    assert {one.id for one in again.drawn} == {one.id for one in sample.drawn}
    two = AnsweredQuestion(id="two", text="two", level=1, documents=("none", sample.drawn[0].documents[0]))
    sample.add(two)
    assert sample.drawn[-1] == two, "a question of several documents comes with each of them"


def test_likeness_is_told_by_what_two_questions_share() -> None:
    made = [
        question(1, document="a", text="aa one"),
        question(2, document="a", text="aa two"),
        question(3, document="b", text="aaa three"),
        question(4, document="b", text="aaaa four"),
        question(5, level=3, document="b", combination="c", text="aaaa five"),
        question(6, level=3, document="b", combination="c", text="aaaa six"),
        question(7, level=3, document="b", combination="d", text="aaaaaa seven"),
        AnsweredQuestion(id="q8", text="aaaa eight", level=3, documents=("b", "b"), combination_id="e"),
        question(9, text="of no document"),
    ]
    embedder = Embedder()
    found = diversity.likeness(sampled(*made), embedder)
    other = "level 3, same document, other combination"
    assert set(found) == {"level 1, same document", other, diversity.SAME_COMBINATION, diversity.DIFFERENT}
    assert found["level 1, same document"]["pairs"] == 2
    assert found["level 1, same document"]["mean"] == pytest.approx((1 + math.cos(1)) / 2, abs=1e-6)
    assert found[diversity.SAME_COMBINATION]["pairs"] == 1
    assert found[diversity.SAME_COMBINATION]["mean"] == pytest.approx(1)
    assert found[diversity.SAME_COMBINATION]["over_95"] == 1
    # Of the six pairs of b one is of one combination; three of the others have a question that begins otherwise.
    assert found[other]["pairs"] == 5
    assert found[other]["mean"] == pytest.approx((2 + 3 * math.cos(2)) / 5, abs=1e-6)
    assert [found[other][name] for name in ("p10", "median", "p90")] == pytest.approx([math.cos(2), math.cos(2), 1])
    assert found[other]["most_alike"][0]["cosine"] == pytest.approx(1)
    assert found[diversity.DIFFERENT]["pairs"] == 2 * 6, "two of a with six of b"
    assert len(embedder.seen) == len(set(embedder.seen)) == 8, "each text once, and none that is in no pair"


def test_questions_are_counted_by_level_and_what_stands_twice_is_told() -> None:
    sample = sampled(
        question(1, text="One  two three"),
        question(2, text="one two THREE"),
        question(3, text="another one"),
        question(4, level=2, text="one two three"),
        question(5, level=2, text="four", combination="c"),
        question(6, level=3, text="five", combination="c"),
        question(7, level=3, text="six", combination="d"),
    )
    found = diversity.figures(sample, embedder=None, near={1: 1})
    levels = found["levels"]
    assert {level: held["count"] for level, held in levels.items()} == {"1": 3, "2": 2, "3": 2}
    assert {level: held["repeated_share"] for level, held in levels.items()} == {
        "1": pytest.approx(1 / 3),
        "2": 0.5,
        "3": 0,
    }
    assert [held["near_duplicate_share"] for held in levels.values()] == [pytest.approx(1 / 3), 0, 0]
    assert levels["1"]["words"]["mean"] == pytest.approx(8 / 3)
    assert sum(levels["1"]["words"]["histogram"]["share"]) == pytest.approx(1)
    assert found["likeness"] == {}
    assert sorted(sample.questions_each()) == [1, 2]
    assert diversity.figures(sample, embedder=None, near=None)["levels"]["1"]["near_duplicate_share"] is None


def test_answers_are_counted_and_the_least_agreement_is_listed() -> None:
    rows = [
        AnsweredQuestion(id=f"q{n}", text="t", answer="a b", final_answer="" if n else "3", votes=4, agreement=n / 400)
        for n in range(400)
    ]
    found = diversity.answers(rows)
    assert (found["count"], found["with_final_answer"], found["agreement"]["count"]) == (400, 1, 400)
    assert [one["id"] for one in found["least_agreement"]] == [f"q{n}" for n in range(50)]
    assert diversity.answers([])["agreement"] == {"count": 0}
