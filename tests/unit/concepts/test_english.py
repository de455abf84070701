"""Tests of `kgsynth.concepts.english`."""

import pytest

from kgsynth.concepts.english import candidates, is_software


def phrases(text: str) -> list[str]:
    """The candidate phrases of a text, as written."""
    return [candidate.surface for candidate in candidates(text)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The angular speed is high.", "angular speed"), ("A hospital bed.", "hospital bed"), ("The speed of light.", "speed of light"),
        ("It has poppy seeds.", "poppy seeds"), ("The far infrared is seen.", "far infrared"), ("They met King Alfred.", "King Alfred"),
        ("A gene family evolved.", "gene family"), ("The kingdom of Italy fell.", "kingdom of Italy"), ("A water lily grew.", "water lily"),
        ("A family of curves was given.", "family of curves"),
    ],
)  # fmt: skip
def test_nouns_in_ed_and_ly_end_a_phrase(text: str, name: str) -> None:
    assert name in phrases(text)


@pytest.mark.parametrize("text", ["The sequence converged.", "Red light scattered.", "The map rapidly falls."])
def test_participles_and_adverbs_end_no_phrase(text: str) -> None:
    assert [name for name in phrases(text) if name.endswith(("ed", "ly"))] == []


def test_a_participle_after_an_adverb_ends_a_phrase() -> None:
    assert "finitely generated" in phrases("A finitely generated module.")


def test_a_plural_of_an_acronym_is_a_word() -> None:
    assert [(one.words, one.is_plural) for one in candidates("Fast hardware with modern GPUs.")] == [
        (("fast", "hardware"), False), (("modern", "gpu"), True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Gauss' lemma holds.", "Gauss' lemma"), ("By Stokes’ theorem it holds.", "Stokes’ theorem"), ("Use Bayes' theorem.", "Bayes' theorem"),
        ("A students' union was founded.", "students' union"), ("Gauss’s lemma holds.", "Gauss’s lemma"), ("A 'prime ideals' sign.", "prime ideals"),
        ("By Fermat's little theorem.", "Fermat's little theorem"), ("In good faith.", "good faith"), ("A Lie algebra is given.", "Lie algebra"), ("The step function is given.", "step function"),
        ("A two-sided ideal.", "two-sided ideal"), ("A one-way function.", "one-way function"), ("The one-sided limit.", "one-sided limit"), ("It has three-dimensional space.", "three-dimensional space"),
        ("Much vitamin C is lost.", "vitamin C"), ("Much vitamin A is lost.", "vitamin A"), ("A T cell grows.", "T cell"), ("The hepatitis B virus is small.", "hepatitis B virus"), ("Has type 2 diabetes.", "type 2 diabetes"),
        ("Use L1 regularization.", "L1 regularization"), ("The vitamin B12 is red.", "vitamin B12"), ("The writ of habeas corpus.", "habeas corpus"),
    ],
)  # fmt: skip
def test_names_hold_possessives_everyday_words_letters_and_digits(text: str, name: str) -> None:
    assert name in phrases(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Add twenty-five eggs.", "twenty-five"), ("Two-thirds water.", "Two-thirds"), ("Hot dough 2 cup milk.", "2"), ("It is of type 2.", "2"), ("Music that I wrote.", "I"), ("The points R and S T.", "S T"),
        ("A 'stone bridges' Xylo sign.", "bridges Xylo"), ("Cell x1 grew.", "x1"),
    ],
)  # fmt: skip
def test_counts_variables_and_quotes_are_in_no_name(text: str, part: str) -> None:
    assert [
        name for name in phrases(text) if name == part or part in name.split() or (" " in part and part in name)
    ] == []


def test_a_letter_that_stands_alone_in_a_text_is_a_variable_there() -> None:
    assert phrases("Take the ring R. The center of R is small.") == []
    assert phrases("Take the matrix A. The rank of A is high.") == []
    assert phrases("Take the matrix A.") == ["matrix A"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The equivalence class of x is the set of all elements that are equivalent to x. Equivalence classes are disjoint.", "equivalence class"),
        ("String theory replaces particles by strings. A string vibrates. Each string theory has extra dimensions.", "String theory"),
        ("A Boolean algebra has two operations. The Boolean value true is the largest. Every Boolean algebra is a lattice.", "Boolean algebra"),
        ("Class field theory describes abelian extensions. The class field of a number field is given by a class of ideals.", "Class field theory"),
    ],
)  # fmt: skip
def test_a_short_text_of_another_field_keeps_its_subject(text: str, name: str) -> None:
    assert not is_software(text)
    assert name in phrases(text)


@pytest.mark.parametrize(
    "text",
    [
        "Return the shortest path as a list. The optional argument weight is a string with the name of the edge attribute. Raises an exception if the dict is empty.",
        "The input file has options, and each option has a default value. The output is a list of strings, and an error message names the module and the method.",
    ],
)  # fmt: skip
def test_texts_of_manuals_are_software(text: str) -> None:
    assert is_software(text)
    assert [name for name in phrases(text) if "argument" in name or "default" in name] == []
