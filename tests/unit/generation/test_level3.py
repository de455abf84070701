"""Tests of `kgsynth.generation.level3`."""

import re
from dataclasses import replace

from kgsynth.generation.forms import ANY_QUESTION, MAX_QUESTION_CHARS
from kgsynth.generation.level3 import Level3, answer_pattern
from tests.unit.generation.generation_cases import SOURCE, blocks, context, finish, level3, reasons


def test_the_prompt_asks_for_the_concepts_and_holds_the_passages() -> None:
    (request,) = level3().requests({})
    last = request.messages[-1].content
    assert "Concepts: ideal of a ring; Prime Number; ring" in last
    assert "Topics: Algebra" in last
    assert "Passage 2 (Two):\nshort passage" in last
    assert "one to 3 new questions" in last
    assert request == level3().requests({})[0]
    assert 0 <= request.seed < 2**31
    (again,) = Level3(SOURCE, context(attempt=1), max_questions=3).requests({})
    assert again.seed != request.seed


def test_the_pattern_accepts_good_answers_and_nothing_else() -> None:
    pattern = level3().requests({})[0].pattern
    good = blocks((r"Find $\frac{1}{2}$ of the smallest prime number of the ring?", "ideal of a ring; ring"))
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, good.replace("; ring", "; field"))
    assert not re.fullmatch(pattern, good * 4)
    assert level3(constrained=False).requests({})[0].pattern == ""
    assert answer_pattern(["only one"], 3, ANY_QUESTION) == ""


def test_a_capable_model_may_open_as_it_likes_in_several_lines_and_any_script() -> None:
    code = "Write a function `f`:\n\n```python\ndef f(xs: list[int]) -> bool:\n    return len(xs) < 3 and <here>\n```\nWhat is missing?"
    questions = (
        "Why does every ideal of this ring hold a prime number?",
        "Explain the prime number theorem for a ring.",
        code,
        "为什么环的每个理想都包含一个素数？请证明。",
        "Почему в кольце есть простое число, и какое?",
    )
    free = replace(context(constrained=False), question_form=ANY_QUESTION)
    forced = replace(context(), question_form=ANY_QUESTION)
    for text in questions:
        written = blocks((text, "Prime Number; ring"))
        assert Level3(SOURCE, free, max_questions=3).requests({})[0].pattern == ""
        assert re.fullmatch(Level3(SOURCE, forced, max_questions=3).requests({})[0].pattern, written)
        outcome = finish(Level3(SOURCE, free, max_questions=3), written)
        assert ([row.text for row in outcome.rows], reasons(outcome)) == ([text], [])
    long = blocks(
        ("Why? " + "".join(f"Line {n} of the ring. " for n in range(MAX_QUESTION_CHARS // 16)), "ring; prime number")
    )
    assert reasons(finish(Level3(SOURCE, free, max_questions=3), long)) == ["too long"]


def test_a_question_loses_a_foreign_claim_and_not_its_life() -> None:
    written = blocks(("Which prime numbers generate an ideal here?", "rings; prime numbers; field of fractions"))
    outcome = finish(level3(), written)
    (row,) = outcome.rows
    assert (row.concepts, row.foreign_claims) == (("concept:ring", "concept:prime number"), ("field of fractions",))
    assert (row.claim_evidence, row.seen_concepts) == (("", "words"), ("concept:prime number",))
    assert row.counted_concepts == row.seen_concepts
    assert {name: outcome.totals[name] for name in ("claims", "claims_seen", "foreign_claims")} == {
        "claims": 2,
        "claims_seen": 1,
        "foreign_claims": 1,
    }
    few = blocks(("Which prime numbers generate an ideal here?", "ring; field"))
    assert finish(level3(), few).rows[0].concepts == ("concept:ring",)
    strict = finish(Level3(SOURCE, context(), max_questions=3, min_concepts=2), few)
    assert reasons(strict) == ["names too few of the given concepts"]
    bare = "<question>\nWhich prime numbers generate an ideal here?\n</question>"
    assert finish(Level3(SOURCE, context(), max_questions=3, min_concepts=0), bare).rows[0].concepts == ()


def test_a_system_text_is_the_users_and_stands_where_the_model_takes_it() -> None:
    plain = level3().requests({})[0].messages
    for role, first in (("system", "system"), ("developer", "developer"), ("user", "user")):
        (request,) = Level3(SOURCE, replace(context(), system="/no_think", system_role=role), max_questions=3).requests(
            {}
        )
        assert request.messages[0].role == first
        assert request.messages[0].content.startswith(f"/no_think\n\n{plain[0].content}")
        assert len(request.messages) == len(plain) - (role == "user")
    assert not any(message.role == "system" for message in request.messages)
