"""A judge of names: prompts in both orders, verdicts, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from kgsynth.generation import prompts
from kgsynth.generation.backend import Completion
from kgsynth.generation.name_judging import TASK, JudgeNames, NamePair, PairPack, read_verdicts
from tests.unit.generation import generation_cases

PACK = PairPack(
    pairs=(
        NamePair(
            first_id="concept:a", second_id="concept:b", first="gcd", second="hcf", first_sentence="The gcd divides."
        ),
        NamePair(first_id="concept:c", second_id="concept:d", first="ring", second="field"),
    )
)


def completion(text: str, **values: Any) -> Completion:
    """A completion that the model ended."""
    return Completion(**{"request_id": "r", "text": text, "finish_reason": "stop", **values})


def work(pack: PairPack = PACK, **values: Any) -> JudgeNames:
    """The work on a pack."""
    context = replace(generation_cases.context(), templates={TASK: prompts.load("general", TASK)})
    return JudgeNames(pack, replace(context, **values))


def test_both_orders_are_asked_with_the_sentences() -> None:
    """The second request has the names of each pair exchanged, and asks for the probabilities of yes and no."""
    forward, backward = work().requests({})
    ring, field = '2. Do "ring" and "field" mean the same?', '2. Do "field" and "ring" mean the same?'
    assert forward.messages[-1].content == f'gcd: The gcd divides.\n1. Do "gcd" and "hcf" mean the same?\n{ring}'
    assert backward.messages[-1].content == f'gcd: The gcd divides.\n1. Do "hcf" and "gcd" mean the same?\n{field}'
    (alone, _) = work(PairPack(pairs=PACK.pairs[1:])).requests({})
    assert alone.messages[-1].content == 'Do "ring" and "field" mean the same?'
    assert alone.pattern == "yes|no"
    assert forward.choices == backward.choices == ("yes", "no")
    assert forward.id != backward.id


def test_a_prompt_without_room_leaves_out_the_sentences_and_then_refuses() -> None:
    """Names alone still fit; with no room at all every pair is refused for good."""
    long = replace(PACK.pairs[0], first_sentence="many words " * 2000)
    forward, _ = work(PairPack(pairs=(long,)), budget_tokens=1500).requests({})
    assert "many words" not in forward.messages[-1].content
    short = work(budget_tokens=10)
    assert not short.requests({})
    assert [refusal.is_final for refusal in short.outcome({}).refusals] == [True, True]


def test_verdicts_have_the_probabilities_of_both_orders() -> None:
    """A pair without an answer in one order is refused, the other one is kept."""
    made = work()
    forward, backward = made.requests({})
    done = {
        forward.id: completion("1. yes\n2. no", request_id=forward.id, chances=(0.9, 0.2)),
        backward.id: completion("1. yes", request_id=backward.id, chances=(0.7,)),
    }
    outcome = made.outcome(done)
    (row,) = outcome.rows
    assert (row.first_id, row.forward, row.backward, row.has_chances) == ("concept:a", 0.9, 0.7, True)
    assert [refusal.reason for refusal in outcome.refusals] == ["no yes or no on a pair"]


@pytest.mark.parametrize(
    ("text", "count", "chances", "verdicts"),
    [
        ("1. yes\n2. no", 2, (), {1: 1.0, 2: 0.0}),
        ("1. Yes, both.\n2. No.", 2, (0.8, 0.1), {1: 0.8, 2: 0.1}),
        ("1: yes; 2: no", 2, (), {1: 1.0, 2: 0.0}),
        ("**1.** yes\n**2.** no", 2, (), {1: 1.0, 2: 0.0}),
        ("- 1) no", 1, (), {1: 0.0}),
        ("Yes.", 1, (0.6,), {1: 0.6}),
        ("The answer is: **No**.", 1, (0.2,), {1: 0.2}),
        ('{"answer": "yes"}', 1, (), {1: 1.0}),
        ("yes/no", 1, (), {}),  # the choices, and no choice
        ("Yes and no.", 1, (), {}),
        ("There is no difference.", 1, (), {}),
        ("Yes.", 2, (), {}),  # whose answer is it?
        ("1. yes\n1. no\n2. no", 2, (), {2: 0.0}),  # two answers are none
        ("3. yes", 2, (), {}),
        ("1. nothing in common", 1, (), {}),
        ("1. yes\n2. no", 2, (0.9,), {1: 1.0, 2: 0.0}),  # probabilities of other words
    ],
)
def test_answers_of_many_forms_are_read(
    text: str, count: int, chances: tuple[float, ...], verdicts: dict[int, float]
) -> None:
    """Numbers decide which pair an answer is for."""
    assert read_verdicts(completion(text, chances=chances), count) == verdicts
