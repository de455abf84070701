"""Tests of `kgsynth.generation.level1`."""

import re
from dataclasses import replace

from kgsynth.generation.extraction import Extraction
from kgsynth.generation.level1 import Level1, stands_in
from kgsynth.records import Document
from tests.unit.generation.generation_cases import DOCUMENT, context, finish, level3, reasons


def test_a_prompt_that_cannot_fit_is_never_sent_and_says_so() -> None:
    for work in (
        level3(100),
        Level1(DOCUMENT, context(100), max_questions=5),
        Extraction(Document(id="d", text="a b"), context(60)),
    ):
        outcome = finish(work)
        assert reasons(outcome) == ["the prompt is longer than the context"]
        assert outcome.refusals[0].is_final


def tagged(*questions: tuple[str, str, str]) -> str:
    return "".join(
        f"<question>\n{text}\n</question>\n<origin>\n{origin}\n</origin>\n<level>\n{grade}\n</level>\n"
        for text, origin, grade in questions
    )


def test_level_1_takes_over_what_stands_in_the_document_and_says_what_is_new() -> None:
    work = Level1(DOCUMENT, context(), max_questions=5)
    standing = "How many ideals does the ring of integers modulo 12 have?"
    (request,) = work.requests({})
    assert DOCUMENT.text in request.messages[-1].content
    answer = tagged(
        (standing, "original", "college"),
        ("Find all units of the ring of integers modulo 15.", "New", "Competition"),
        ("Which finite fields have exactly nine elements in all?", "original", "college"),
        ("Find the characteristic of the ring of integers.", "borrowed", "Undergraduate level"),
        ("Find the number of zero divisors modulo 10.", "new", "kindergarten"),
    )
    assert re.fullmatch(request.pattern, tagged((standing, "original", "college")))
    outcome = finish(work, answer)
    assert [(row.text, row.origin, row.grade) for row in outcome.rows] == [
        (standing, "original", "college"),
        ("Find all units of the ring of integers modulo 15.", "new", "competition"),
        ("Which finite fields have exactly nine elements in all?", "new", "college"),
        # What is not said, or in other words, is told from the text or kept as unknown.
        ("Find the characteristic of the ring of integers.", "new", "college"),
        ("Find the number of zero divisors modulo 10.", "new", "other"),
    ]
    counted = ("wrongly_called_original", "without_origin", "without_known_level")
    assert [outcome.totals[name] for name in counted] == [1, 1, 1]
    assert reasons(outcome) == []
    bare = finish(Level1(DOCUMENT, context(), max_questions=5), f"<question>\n{standing}\n</question>")
    assert [(row.origin, row.grade) for row in bare.rows] == [("original", "other")]
    assert {row.documents for row in outcome.rows} == {("d1",)}
    assert {row.level for row in outcome.rows} == {1}


def test_level_1_refuses_unsuitable_documents_for_good() -> None:
    outcome = finish(Level1(DOCUMENT, context(), max_questions=5), "<unsuitable>\nan advertisement\n</unsuitable>")
    assert reasons(outcome) == ["the model finds the document unsuitable"]
    assert outcome.refusals[0].raw == "an advertisement"
    assert outcome.refusals[0].is_final
    empty = finish(Level1(replace(DOCUMENT, text=" "), context(), max_questions=5))
    assert reasons(empty) == ["a document without text"]


def test_a_question_stands_in_a_text_when_most_of_it_does() -> None:
    assert stands_in("How many ideals does the ring of integers modulo 12 have?", DOCUMENT.text)
    assert stands_in("Let Z be given. How many ideals does the ring of integers modulo 12 have?", DOCUMENT.text)
    assert not stands_in("How many units does the field of rationals modulo 13 have?", DOCUMENT.text)
    assert not stands_in("short one", DOCUMENT.text)
