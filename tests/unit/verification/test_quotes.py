"""Tests of `kgsynth.verification.quotes`."""

from dataclasses import replace

import pytest

from kgsynth.records import AnsweredQuestion
from kgsynth.verification.quotes import Quotations, quoted
from kgsynth.verifier import Case, Passage

TEXTS = (
    "Federal judges hold office during good behaviour. Their pay may not be\nreduced while they are in office, so that "
    "the legislature cannot punish them — not even by “small” cuts.",
    "Courts may refuse to apply a statute that conflicts with the Constitution's text.",
)


def case(answer: str, *texts: str) -> Case:
    passages = tuple(Passage(document=str(number), title="", text=text) for number, text in enumerate(texts or TEXTS))
    return Case(question=AnsweredQuestion(id="q", text="May it?", answer=answer), votes=(answer,), passages=passages)


@pytest.mark.parametrize(
    "answer",
    [
        "No: “their pay may not be reduced while they are in office”.",
        'No: "Their pay may not be reduced while they are in office."',
        "No: <quote>pay may not be   reduced while they are in office</quote>",
        "No: «hold office during good behaviour»",
        "> Federal judges hold office during good behaviour.\n> Their pay may not be reduced\n\nSo no.",
        "No: “Federal judges hold office … so that the legislature cannot punish them”.",
        "No: “Federal judges hold office [...] cannot punish them”.",
        "No: “cannot punish them – not even by”",
        "It conflicts “with the Constitution’s text”.",
    ],
)
def test_words_that_stand_in_a_document_pass(answer: str) -> None:
    finding = Quotations().check(case(answer))
    assert (finding.verdict, finding.score) == ("passed", 1.0), finding.evidence


@pytest.mark.parametrize(
    "answer",
    [
        "No: “their pay shall not be reduced while they are in office”.",
        "No: “their pay may be reduced while they are in office”.",
        "No: “hold office during good behavior”.",
        "No: “so that the legislature cannot punish them … Federal judges hold office”.",
        "No: “federal judges hold office … refuse to apply a statute”.",
        "No: “udges hold office during good”.",
        "No: “Their pay MAY NOT be reduced”.",
    ],
)
def test_other_words_fail(answer: str) -> None:
    finding = Quotations().check(case(answer))
    assert (finding.verdict, finding.reason) == ("failed", "a quotation is not in the documents")
    assert finding.evidence["missing"]


def test_the_score_is_the_share_of_quotations_that_are_there() -> None:
    finding = Quotations().check(case("“hold office during good behaviour” and “judges are elected every year”"))
    assert (finding.verdict, finding.score, finding.agreeing, finding.routes) == ("failed", 0.5, 1, 2)


def test_an_answer_without_quotation_fails_and_without_documents_is_undecided() -> None:
    assert Quotations().check(case("No, it may not.")).reason == "no quotation"
    assert Quotations().check(case("So-called “small” cuts are not allowed.")).reason == "no quotation"
    finding = Quotations().check(case("“hold office during good behaviour”", ""))
    assert (finding.verdict, finding.reason) == ("undecided", "the documents are not in the graph")


def test_quotations_of_all_kinds_are_found() -> None:
    text = '“one two three” "four five six" „seven eight nine“ <quote>a b c</quote> it\'s 5" wide and 6" long, isn\'t it?\n> d e f\n> g'
    assert sorted(quoted(text)) == ["a b c", "d e f\ng", "four five six", "one two three", "seven eight nine"]


@pytest.mark.parametrize(
    ("document", "answer", "verdict"),
    [
        ("Aspirin is not recommended for small children.", "“Aspirin is surely … recommended for small children”", "failed"),
        ("The drug Aspirin is not recommended for small children.", "“The drug Aspirin is … recommended for small children”", "failed"),
        ("The right of the people to be secure shall stand.", "“[t]he right of the people to be secure”", "passed"),
        ("It is a *very* rare disease of the eye.", "“a very rare disease of the eye”!", "passed"),
        ("It is a rare disease of the eye.", "“a rare disease of the eye!”", "passed"),
        ("The people shall issue no warrant.", "“The … people … shall … issue”", "failed"),
    ],
)  # fmt: skip
def test_what_an_ellipsis_brackets_and_marks_may_do(document: str, answer: str, verdict: str) -> None:
    assert Quotations().check(case(answer, document)).verdict == verdict


def test_a_missing_quotation_is_undecided_if_a_document_was_forgotten() -> None:
    whole = case("“their pay shall not be raised while they serve”")
    question = replace(whole.question, documents=("1", "2", "3"))
    assert Quotations().check(replace(whole, question=question)).reason == "a document is not in the graph"


def test_a_name_that_is_compared_with_a_key_needs_no_quotation() -> None:
    assert Quotations().applies(AnsweredQuestion(id="q", text="What rule does the law set?"))
    assert not Quotations().applies(AnsweredQuestion(id="q", text="The ____ is taxed.", answer_key=("real estate",)))
