"""Tests of `kgsynth.cli.results`."""

import csv
from pathlib import Path

import pytest

from kgsynth.cli import results


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@SUM(1)", "\t=1", "\n=1", "＝1"])
def test_a_text_in_csv_is_no_formula(text: str, tmp_path: Path) -> None:
    results.write([{"text": text, "number": -1, "list": [text]}], ("text", "number", "list"), "csv", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        _, (cell, number, listed) = csv.reader(file)
    assert cell == f"'{text}"
    assert number == "-1"
    assert listed.startswith("[")
