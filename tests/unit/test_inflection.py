"""Singulars, spellings, acronyms and "A of B": on lists of pairs from eight fields, half of them traps.

`name_pairs.tsv` has one pair a line: two names, the kind of the pair, its field, and the half it is in, by hash. The
rules were made with the half `work`; the half `once` was looked at when they were done. Pairs of the kinds `plural`,
`spelling`, `letters` and `of` are one name, pairs of the kind `trap` are two, and a `word` stands with its singular.
"""

import csv
import time
from pathlib import Path

import pytest

from kgsynth.concepts.lexical import join, veto, words_of
from kgsynth.concepts.spelling import american
from kgsynth.inflection import singular
from kgsynth.names import fold, word_key

Row = dict[str, str]
PAIRS = Path(__file__).parent / "name_pairs.tsv"
SAME_KINDS = ("plural", "spelling", "letters", "of")


def rows(*kinds: str) -> list[Row]:
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["kind"] in kinds]


def are_one(first: str, second: str) -> bool:
    one, other = words_of(first), words_of(second)
    rule = join(one, other)
    return bool(rule) and (rule == "acronym" or not veto(one, other))


def test_half_of_the_pairs_are_traps() -> None:
    same, traps = rows(*SAME_KINDS), rows("trap")
    assert len(same) + len(traps) >= 300
    assert len(traps) >= len(same)
    assert len({row["field"] for row in traps}) == 8


@pytest.mark.parametrize("half", ["work", "once"])
def test_names_that_are_one_are_joined_by_the_rule_of_their_kind(half: str) -> None:
    own = [row for row in rows(*SAME_KINDS) if row["half"] == half]
    assert [row for row in own if not are_one(row["first"], row["second"])] == []
    assert [row for row in own if join(words_of(row["first"]), words_of(row["second"])) != row["kind"]] == []


@pytest.mark.parametrize("half", ["work", "once"])
def test_names_that_are_two_stay_apart(half: str) -> None:
    traps = [row for row in rows("trap") if row["half"] == half]
    assert [row for row in traps if are_one(row["first"], row["second"])] == []


@pytest.mark.parametrize("half", ["work", "once"])
def test_plurals_have_their_singular_and_other_words_stay(half: str) -> None:
    wanted = [(row["first"], row["second"]) for row in rows("word") if row["half"] == half]
    wanted += [(row["second"], row["first"]) for row in rows("plural") if row["half"] == half]
    for many, one in wanted:
        assert [singular(fold(word)) for word in many.split()][-1] == fold(one.split()[-1]), many


@pytest.mark.parametrize(
    ("word", "one"),
    [
        # Forms that the dictionary does not have, by the rules of spelling and by the last part.
        ("submatrices", "submatrix"), ("directrices", "directrix"), ("hepatitides", "hepatitis"), ("pseudospecies", "pseudospecies"), ("schoolchildren", "schoolchild"),
        ("bookshelves", "bookshelf"), ("olives", "olive"), ("sleeves", "sleeve"), ("groupoids", "groupoid"), ("zoonoses", "zoonosis"), ("icosahedra", "icosahedron"), ("definiens", "definiens"),
        # Words that are no plurals, and plurals of other words than the shortest one.
        ("felidae", "felidae"), ("cornea", "cornea"), ("idea", "idea"), ("alkali", "alkali"), ("menus", "menu"), ("skis", "ski"), ("topics", "topic"), ("states", "state"),
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


def test_acronyms_are_no_plurals() -> None:
    assert [word_key(word) for word in ("AIDS", "aids", "Aids", "GPS", "PIDs", "URLs", "RINGS", "GROUPS")] == [
        "aids", "aid", "aid", "gps", "pid", "url", "rings", "group",
    ]  # fmt: skip
    assert not are_one("AIDS", "aid")
    assert not are_one("RSS feed", "RS feed")
    assert are_one("PIDs", "PID")
    # In a heading of capitals alone they say nothing.
    assert are_one("ABELIAN RINGS", "abelian ring")


@pytest.mark.parametrize(
    ("british", "american_form"),
    [
        ("haemoglobinopathy", "hemoglobinopathy"), ("hypoglycaemic", "hypoglycemic"), ("discolouration", "discoloration"), ("millilitre", "milliliter"), ("kilogramme", "kilogram"),
        ("electrolyse", "electrolyze"), ("factorisation", "factorization"), ("serialiser", "serializer"), ("mislabelling", "mislabeling"), ("dialogue", "dialog"),
        ("artefact", "artifact"), ("programme", "program"), ("grey", "gray"),
        # Words that are spelt alike everywhere.
        ("timbre", "timbre"), ("hour", "hour"), ("contour", "contour"), ("exercise", "exercise"), ("surprise", "surprise"), ("expertise", "expertise"), ("spelling", "spelling"), ("prologue", "prologue"), ("acre", "acre"),
    ],
)  # fmt: skip
def test_british_and_american_spellings(british: str, american_form: str) -> None:
    assert american(british) == american_form
    assert american(american_form) == american_form


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ("Semi-Group", "semigroup", "letters"), ("the Euler formula", "Euler's formula", "letters"), ("dual bases", "dual basis", "plural"), ("tumour cells", "tumor cell", "spelling"),
        ("bilinear map", "bilinear mapping", "spelling"), ("Möbius function", "Moebius function", "spelling"), ("fields of fractions", "fraction field", "of"), ("rate of change", "change rate", "of"),
    ],
)  # fmt: skip
def test_a_join_says_its_rule(first: str, second: str, rule: str) -> None:
    assert join(words_of(first), words_of(second)) == join(words_of(second), words_of(first)) == rule


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # A measures or holds B.
        ("cups of milk", "milk cup"), ("glass of wine", "wine glasses"), ("handful of rice", "rice handful"), ("a pinch of salt", "salt pinch"), ("pieces of a cake", "cake piece"),
        # A is no noun.
        ("composed of molecules", "molecules composed"), ("consisting of names", "names consisting"), ("full of water", "water full"),
        # B is a mass, and A is in the singular once only.
        ("crust of bread", "bread crusts"), ("field of scalars", "scalar field"),
    ],
)  # fmt: skip
def test_of_is_turned_for_nouns_that_belong_to_another_only(first: str, second: str) -> None:
    assert not are_one(first, second)


def test_plurals_that_mean_something_else_are_names_of_their_own() -> None:
    assert not are_one("means", "mean")
    assert are_one("arithmetic means", "arithmetic mean")


def test_singular_takes_linear_time() -> None:
    started = time.perf_counter()
    for ending in ("s", "ies", "a", "ices"):
        singular("x" * 100_000 + ending)
    assert time.perf_counter() - started < 1
