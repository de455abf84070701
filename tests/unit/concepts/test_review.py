"""Tests of `kgsynth.concepts.review` that need no graph."""

import csv
from pathlib import Path

from kgsynth.concepts.review import Case, read_reviews, write_review


def test_names_and_sentences_of_documents_are_no_formulas(tmp_path: Path) -> None:
    case = Case(
        first_id="concept:=1+1",
        second_id="concept:@sum",
        first="=1+1",
        second="@SUM",
        decided="apart",
        cosine=-0.5,
        doubt=0.5,
        first_sentence="+1 is a number.",
        second_sentence="A sum.",
    )
    write_review(tmp_path / "review.csv", [case])
    text = (tmp_path / "review.csv").read_text()
    (row,) = csv.DictReader(text.splitlines())
    assert (row["first"], row["second"], row["first_sentence"]) == ("'=1+1", "'@SUM", "'+1 is a number.")
    assert row["cosine"] == "-0.5"
    (tmp_path / "review.csv").write_text(text.replace("\n,", "\nyes,"))
    assert read_reviews([tmp_path / "review.csv"]) == {case.pair: "yes"}
