"""Tests of `kgsynth.cli.tables`."""

import sys

import pytest

from kgsynth.cli.tables import show_table

HEADER = ("concept", "documents", "alias")
ROWS = [("ring", 1200, "rings"), ("ring", 1200, "Ring"), ("ring", 7, "ring s"), ("group", 7, "groups")]


def test_on_a_terminal_columns_of_a_group_are_shown_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    show_table(HEADER, ROWS, grouped=2)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip(" ─")]
    assert lines == [
        list(HEADER),
        ["ring", "1,200", "rings"],
        ["Ring"],
        ["ring", "7", "ring", "s"],
        ["group", "7", "groups"],
    ]


def test_a_terminal_that_is_too_narrow_for_the_header_shows_cells_below_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    show_table(HEADER, [("group", 7, "groups of a finite order"), ("ring", None, "rings")], grouped=2)
    assert capsys.readouterr().out.splitlines() == [
        *("concept    group", "documents  7", "alias      groups of", "  a finite order", ""),
        *("concept    ring", "alias      rings", ""),
    ]
    monkeypatch.setenv("COLUMNS", "27")
    show_table(HEADER, ROWS[:1])
    assert "alias" in capsys.readouterr().out


def test_ids_and_numbers_stay_whole_beside_long_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    header = ("concept", "uses", "kind", "alias", "alias uses", "rule", "cosine", "id")
    row = (
        "confectioners' sugar of long names",
        12345,
        "concept",
        "powdered sugar of long names",
        1,
        "judge",
        "0.678",
        "d79f13413976",
    )
    show_table(header, [row], grouped=3)
    printed = capsys.readouterr().out
    assert all(cell in printed for cell in ("12,345", "powdered", "0.678", "d79f13413976"))
    assert max(map(len, printed.splitlines())) <= 80


def test_elsewhere_each_line_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(HEADER, ROWS[:2], grouped=2)
    assert capsys.readouterr().out == "concept\tdocuments\talias\nring\t1,200\trings\nring\t1,200\tRing\n"
