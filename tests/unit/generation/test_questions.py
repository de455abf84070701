"""Tests of `kgsynth.generation.questions`."""

import re

import pytest

from kgsynth.generation import prompts
from kgsynth.generation.backend import Completion
from tests.unit.generation.generation_cases import (
    LATEX,
    QUESTION,
    SOURCE,
    answering,
    blocks,
    finish,
    level3,
    reasons,
    words,
)

TEMPLATE = prompts.load("mathematics", "level3")


@pytest.mark.parametrize("budget", [620, 680, 740, 5000])
def test_the_token_budget_is_kept_and_cuts_are_counted(budget: int) -> None:
    work = level3(budget)
    (request,) = work.requests({})
    assert sum(words(message.content) for message in request.messages) <= budget
    assert finish(work, "junk").totals["truncated_passages"] == (0 if budget == 5000 else 1)
    assert "short passage" in request.messages[-1].content


def test_good_questions_come_through_with_their_latex_and_all_that_makes_them_again() -> None:
    outcome = finish(
        level3(),
        blocks(
            (LATEX, "ring; PRIME number"),
            ("Which prime numbers generate ideals of the ring?", "ring;prime number;ideal of a ring"),
        ),
    )
    first, second = outcome.rows
    assert reasons(outcome) == []
    assert (first.text, first.concepts) == (LATEX, ("concept:ring", "concept:prime number"))
    assert len(second.concepts) == 3
    assert (first.level, first.combination_id, first.documents) == (3, "comb-1", ("d1", "d2"))
    assert (first.licenses, first.attributions, first.sources) == (("CC0", "MIT"), ("A", "B"), ("s1", ""))
    assert (first.template_hash, first.request_id, first.run_id) == (TEMPLATE.hash, "level3:comb-1", "run")
    assert first.seed == level3().requests({})[0].seed
    assert first.id != second.id


def test_how_much_of_each_document_was_shown_is_written_down() -> None:
    (row,) = finish(level3(680), blocks(("Which prime numbers generate an ideal here?", "ring; prime number"))).rows
    first, second = SOURCE.documents
    assert 0 < row.passage_chars[0] < len(first.text)
    assert row.passage_chars[1] == len(second.text)
    (request,) = level3(680).requests({})
    assert first.text[: row.passage_chars[0]] + " …" in request.messages[-1].content


@pytest.mark.parametrize(
    ("question", "claims", "reason"),
    [
        ("Short?", "ring; prime number", "too short"),
        ("What is the smallest prime number of the ring?", "group; field", "names too few of the given concepts"),
        ("What is the smallest prime number of the ring?", "", "names too few of the given concepts"),
        ("According to the passage, what is the smallest prime number?", "ring; prime number", "mentions the references"),
        ("What is it that is so " + "the ring of the prime number is " * 9 + "?", "ring; prime number", "loops"),
        ("What is " + "x" * 1000 + "?", "ring; prime number", "cut off"),
        (TEMPLATE.examples[0].split("\n")[1], "ring; prime number", "copies an example of the prompt"),
    ],
)  # fmt: skip
def test_bad_questions_are_refused_with_reason_and_text(question: str, claims: str, reason: str) -> None:
    outcome = finish(level3(), blocks((question, claims)))
    assert outcome.rows == []
    assert reasons(outcome) == [reason]
    assert question in outcome.refusals[0].raw
    assert outcome.refusals[0].request_id == "level3:comb-1"


def test_repeats_cut_offs_and_junk_are_refused() -> None:
    block = ("What is the smallest prime number of the ring?", "ring; prime number")
    twice = finish(level3(), blocks(block, (block[0].upper(), block[1])))
    assert (len(twice.rows), reasons(twice)) == (1, ["repeats another question"])
    cut = finish(level3(), blocks(block), reason="length")
    assert (len(cut.rows), reasons(cut)) == (1, ["cut off"])
    for text, reason, why in (
        ("junk", "stop", "no question found"),
        ("<question> half", "length", "cut off"),
        ("HTTP 400", "error", "backend error"),
    ):
        outcome = finish(level3(), text, reason=reason)
        assert (reasons(outcome), outcome.refusals[0].raw) == ([why], text)


def test_what_does_not_parse_or_was_not_asked_for_is_refused() -> None:
    half = "<question>\nWhat is a prime number in a ring?\n</question>\n"
    outcome = finish(level3(), half + blocks(("What is the smallest prime number of ring 1?", "ring; prime number")))
    assert [row.text for row in outcome.rows] == ["What is the smallest prime number of ring 1?"]
    assert reasons(outcome) == ["names too few of the given concepts"]
    broken = finish(
        level3(),
        "<question>\nWhat is a prime number in a ring?\n"
        + blocks(("Which prime number is it in ring 1?", "ring; prime number")),
    )
    assert (len(broken.rows), reasons(broken)) == (1, ["a block that does not parse"])
    many = finish(
        level3(), blocks(*((f"What is the smallest prime number of ring {n}?", "ring; prime number") for n in range(5)))
    )
    assert (len(many.rows), reasons(many)) == (3, ["more questions than asked for"] * 2)


def test_tags_in_capitals_are_tags_and_other_tags_keep_theirs() -> None:
    written = "<Question>\nWhich `<Button>` of the ring is a prime number?\n</QUESTION>\n<Concepts>\nring; prime number\n</Concepts>"
    (row,) = finish(level3(), written).rows
    assert row.text == "Which `<Button>` of the ring is a prime number?"


def test_one_answer_is_kept_with_its_question() -> None:
    (row,) = finish(answering(), r"It is \boxed{0.5}.").rows
    assert (row.id, row.text, row.licenses, row.answer, row.final_answer) == (
        "q-1",
        QUESTION.text,
        ("CC0",),
        r"It is \boxed{0.5}.",
        "0.5",
    )
    assert (row.votes, row.agreement, row.answer_run_id) == (1, 1.0, "run")
    proof = finish(answering(), "It is proved.")
    assert (proof.rows[0].final_answer, proof.totals["without_final_answer"]) == ("", 1)


def test_votes_have_seeds_of_their_own_and_the_majority_wins() -> None:
    work = answering(votes=4)
    asked = work.requests({})
    assert len({one.seed for one in asked}) == len({one.id for one in asked}) == 4
    (row,) = finish(work, r"\boxed{1}", r"\boxed{1/2}", r"so \boxed{0.5}", r"\boxed{50\%}").rows
    assert (row.answer, row.final_answer, row.agreement) == (r"\boxed{1/2}", "1/2", 0.75)
    assert row.vote_answers == ("1", "1/2", "0.5", r"50\%")
    assert row.answer_seed == asked[1].seed
    little = finish(
        answering(votes=4, min_agreement=0.8), r"\boxed{1}", r"\boxed{1/2}", r"so \boxed{0.5}", r"\boxed{50\%}"
    )
    assert (little.rows, reasons(little)) == ([], ["too little agreement"])
    assert little.refusals[0].raw == r"1 | 1/2 | 0.5 | 50\%"
    assert reasons(finish(answering(votes=2), "Well.", "Hm.")) == ["no final answer in any vote"]
    assert reasons(finish(answering(), "So it is", reason="length")) == ["cut off"]


def verdict(word: str) -> str:
    return f"<reason>\nBecause it is so.\n</reason>\n<verdict>\n{word}\n</verdict>\n"


def test_the_judge_sees_the_kept_answer_and_its_no_is_a_reject() -> None:
    (row,) = finish(answering(judge=True, votes=2), r"\boxed{1/2}", r"\boxed{7}", verdict("correct")).rows
    assert (row.verdict, row.verdict_reason) == ("correct", "Because it is so.")
    for word in ("incorrect", "unanswerable"):
        outcome = finish(answering(judge=True), r"\boxed{7}", verdict(word))
        assert (outcome.rows, reasons(outcome)) == ([], [f"judged {word}"])
    assert reasons(finish(answering(judge=True), r"\boxed{7}", "dunno")) == ["no verdict found"]
    work = answering(judge=True, judge_model="other")
    first = {
        one.id: Completion(request_id=one.id, text=r"\boxed{7}", finish_reason="stop") for one in work.requests({})
    }
    (asked,) = work.requests(first)
    assert asked.model == "other"
    assert r"\boxed{7}" in asked.messages[-1].content
    assert re.fullmatch(asked.pattern, verdict("incorrect"))
