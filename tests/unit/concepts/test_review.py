"""Tests of `kgsynth.concepts.review` that need no graph."""

import csv
from pathlib import Path

import pytest

from kgsynth.concepts.review import Case, read_reviews, write_review
from kgsynth.errors import ConfigError


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


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_files_that_a_spreadsheet_saved_are_read(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "review.csv"
    rows = ["verdict,first,second,first_id,second_id", "yes,a,b,concept:a,concept:b"]
    file.write_text("\r\n".join(rows).replace(",", separator), encoding="utf-8-sig")
    assert read_reviews([file]) == {("concept:a", "concept:b"): "yes"}


def test_files_that_are_no_review_say_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "review.csv"
    for text in ("", "a,b\n", "verdict,first,second\nyes,a,b\n"):
        file.write_text(text)
        with pytest.raises(ConfigError, match="no columns verdict, first_id and second_id: not a review file"):
            read_reviews([file])
    file.write_bytes("verdict,first_id,second_id\nyes,concept:ä,concept:b\n".encode("cp1252"))
    with pytest.raises(ConfigError, match="cannot be read") as raised:
        read_reviews([file])
    assert "UTF-8" in raised.value.hint
    file.write_text('verdict,first,first_id,second_id\nyes,"a\nb",concept:a,concept:b\nperhaps,c,concept:c,concept:d\n')
    with pytest.raises(ConfigError, match="line 4: the verdict is 'perhaps'"):
        read_reviews([file])
