"""Tests of `kgsynth_loaders.hyphens`."""

import pytest

from kgsynth_loaders.hyphens import without_divided_words, words_of
from tests.timing import is_quick


def test_narrow_lines_of_a_paragraph_are_joined() -> None:
    text = "The conser-\nvation of energy and the well-\nknown law of motion\nholds for closed sys-\ntems in all cases."
    wanted = "The conservation\nof energy and the well-known\nlaw of motion\nholds for closed systems\nin all cases."
    assert without_divided_words(text, words_of(text)) == wanted


ABOVE = "In a closed system the law of the "


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("conser-\nvation of energy holds.", "conservation\nof energy holds."),
        ("conser-\nvation, as\nwe know.", "conservation,\nas\nwe know."),
        ("conser-\n    vation of energy", "conservation\n    of energy"),
        ("conser- \nvation\nof energy", "conservation\nof energy"),
        ("conser-\nvation.", "conservation."),
        ("conser-\nvation.\n\nNext.", "conservation.\n\nNext."),
        ("conser\xad\nvation of", "conservation\nof"),
        ("well¬\nknown of", "wellknown\nof"),
        ("Ener-\ngie und der Bewe-\ngung der", "Energie\nund der Bewegung\nder"),
        ("well-\nknown law, a well-known one", "well-known\nlaw, a well-known one"),
        ("pre- and post-\nwar", "pre- and postwar"),
        ("pre-\nand post-war times", "pre-\nand post-war times"),
        ("Navier-\nStokes equation", "Navier-\nStokes equation"),
        ("option --no-\ncolor is", "option --no-\ncolor is"),
        ("file a/b-\nc_d or x2-\ny and e-\nf", "file a/b-\nc_d or x2-\ny and e-\nf"),
        ("conser-\n\nvation", "conser-\n\nvation"),
        ("sum of a -\nb", "sum of a -\nb"),
        ("variable-\nwidth fonts, a variable and the width", "variable-\nwidth fonts, a variable and the width"),
        ("self-\nadjoint and adjoint", "self-adjoint\nand adjoint"),
        ("focus-\nfollows-mouse turned on", "focus-\nfollows-mouse turned on"),
        ("state-of-the-\nart machines", "state-of-the-art\nmachines"),
    ],
)
def test_words_that_the_end_of_a_line_divides_are_joined(text: str, wanted: str) -> None:
    assert without_divided_words(ABOVE + text, words_of(text)) == ABOVE + wanted


def test_lists_and_tables_are_no_running_text() -> None:
    table = "one        two-\nthree      four\nfive       six words of a table here"
    for text in ("red-\nblue", "  name of-\n  value\n\nMore than eight words of a text below it.", table):
        assert without_divided_words(text, words_of(text)) == text


def test_many_divided_words_are_joined_in_linear_time() -> None:
    text = f"{ABOVE}conser-\nvation of\n" * 20_000 + "a-" * 100_000 + "x" * 100_000

    assert is_quick(lambda: without_divided_words(text, words_of(text)), times=100)
