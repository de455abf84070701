"""Tests of `kgsynth.inflection`."""

import pytest

from kgsynth.inflection import is_adverb, is_past_form, singular
from kgsynth.names import fold
from tests.timing import is_quick
from tests.unit.inflection_cases import SAME_KINDS, rows


@pytest.mark.parametrize(
    ("plural", "one"),
    [("matrices", "matrix"), ("vertices", "vertex"), ("groups", "group"), ("boundaries", "boundary"), ("classes", "class"), ("bases", "basis"),
     ("basis", "basis"), ("gauss", "gauss"), ("calculus", "calculus"), ("statistics", "statistics"), ("gas", "gas"), ("boxes", "box")],
)  # fmt: skip
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


def test_half_of_the_pairs_are_traps() -> None:
    same, traps = rows(*SAME_KINDS), rows("trap")
    assert len(same) + len(traps) >= 300
    assert len(traps) >= len(same)
    assert len({row["field"] for row in traps}) == 8


@pytest.mark.parametrize(
    ("word", "one"),
    [
        # Forms that the dictionary does not have, by the rules of spelling and by the last part.
        ("submatrices", "submatrix"), ("directrices", "directrix"), ("hepatitides", "hepatitis"), ("pseudospecies", "pseudospecies"), ("schoolchildren", "schoolchild"),
        ("bookshelves", "bookshelf"), ("olives", "olive"), ("sleeves", "sleeve"), ("groupoids", "groupoid"), ("zoonoses", "zoonosis"), ("icosahedra", "icosahedron"), ("definiens", "definiens"),
        # Words that are no plurals, and plurals of other words than the shortest one.
        ("felidae", "felidae"), ("cornea", "cornea"), ("idea", "idea"), ("alkali", "alkali"), ("menus", "menu"), ("skis", "ski"), ("topics", "topic"), ("states", "state"),
        ("isogenies", "isogeny"), ("pentominoes", "pentomino"), ("monroes", "monroe"), ("foremastmen", "foremastman"), ("putamen", "putamen"), ("archaea", "archaeon"),
        ("finns", "finn"), ("israelis", "israeli"), ("yankees", "yankee"), ("blues", "blues"), ("subseries", "subseries"), ("less", "less"), ("news", "news"),
        ("b-trees", "b-tree"), ("cross-sections", "cross-section"), ("-", "-"), ("s-", "s-"), ("", ""), ("ss", "ss"), ("ops", "ops"),
    ],
)  # fmt: skip
def test_singulars_that_no_list_holds(word: str, one: str) -> None:
    assert singular(word) == one


def test_a_singular_is_its_own_singular() -> None:
    words = {
        fold(word) for row in rows("plural", "word") for name in (row["first"], row["second"]) for word in name.split()
    }
    assert {word: singular(word) for word in words if singular(singular(word)) != singular(word)} == {}


def test_singular_takes_linear_time() -> None:
    assert is_quick(lambda: [singular("x" * 100_000 + ending) for ending in ("s", "ies", "a", "ices")], times=50)


@pytest.mark.parametrize(
    "word",
    ["speed", "bed", "seed", "weed", "reed", "greed", "watershed", "thoroughbred", "hatred", "infrared", "alfred", "wind-speed", "goutweed", "superspeed"],
)  # fmt: skip
def test_nouns_in_ed_are_no_past_forms(word: str) -> None:
    assert not is_past_form(word)


@pytest.mark.parametrize(
    "word",
    ["composed", "agreed", "guaranteed", "united", "bounded", "sacred", "untamed", "limited", "half-baked", "left-handed", "pre-agreed", "subsetted", "unpublished"],
)  # fmt: skip
def test_past_forms_and_adjectives_in_ed_are_no_nouns(word: str) -> None:
    assert is_past_form(word)


def test_nouns_in_ly_are_no_adverbs() -> None:
    nouns = "family superfamily assembly anomaly monopoly supply july italy lily polyphyly hepatomegaly self-assembly"
    assert [word for word in nouns.split() if is_adverb(word)] == []
    adverbs = "finitely totally highly newly badly fully co-finitely subfinitely"
    assert [word for word in adverbs.split() if not is_adverb(word)] == []
