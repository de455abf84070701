"""Tests of `kgsynth.concepts.declared`."""

import pytest

from kgsynth.concepts.declared import declarations, is_expanded, names_by_form, source_declarations

NAMES = (
    "arithmetic mean", "average", "finite group", "group", "finite state automaton", "FSA", "heart attack",
    "myocardial infarction", "power set", "set of all subsets", "adrenaline", "epinephrine", "norepinephrine", "ring",
    "mean value", "bijection", "one-to-one correspondence", "order", "size", "tortfeasor", "wrongdoer",
)  # fmt: skip
FORMS = names_by_form([(f"concept:{name.casefold()}", name) for name in NAMES])


def found(text: str) -> set[tuple[str, str, str]]:
    return {
        (one.first_id.partition(":")[2], one.second_id.partition(":")[2], one.pattern)
        for one in declarations(text, FORMS)
    }


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("The arithmetic mean, also called the average, is a number.", {("arithmetic mean", "average", "also called")}),
        ("A heart attack is also known as a *myocardial infarction*.", {("heart attack", "myocardial infarction", "also called")}),
        ("Adrenaline (also known as epinephrine) is a hormone.", {("adrenaline", "epinephrine", "also called")}),
        ("A bijection (or one-to-one correspondence) maps sets.", {("bijection", "one-to-one correspondence", "or in parentheses")}),
        ("Bijections, or one-to-one correspondences, are invertible.", {("bijection", "one-to-one correspondence", "or between commas")}),
        (r"Average is another name for the \emph{arithmetic mean}.", {("arithmetic mean", "average", "another name")}),
        ("A finite state automaton (FSA) accepts words.", {("finite state automaton", "fsa", "acronym in parentheses")}),
        ("In law a tortfeasor, sometimes called a wrongdoer, pays.", {("tortfeasor", "wrongdoer", "also called")}),
        ("Epinephrine a.k.a. adrenaline is a drug.", {("adrenaline", "epinephrine", "a.k.a.")}),
        # The noun phrase is longer than the name.
        ("A topological group, also called a ring by some, is studied.", set()),
        ("The order of a group, also called its size, is finite.", set()),
        ("A heart attack, also called a myocardial infarction syndrome here, is bad.", set()),
        ("A power set is not called an average in books.", set()),
        ("Adrenaline, unlike norepinephrine, is strong.", set()),
        ("A ring (see the group) has two operations.", set()),
        ("The average is also called.", set()),
    ],
)  # fmt: skip
def test_declarations_need_two_whole_names(text: str, pairs: set[tuple[str, str, str]]) -> None:
    assert found(text) == pairs


def test_a_declaration_has_its_sentence_and_weight() -> None:
    (one,) = declarations("First. The arithmetic mean, also called the average, is a number. Last.", FORMS)
    assert one.sentence == "The arithmetic mean, also called the average, is a number."
    assert one.weight == 1.0


def test_the_source_of_a_document_declares_names_that_terms_have() -> None:
    pairs = [("Averages", "arithmetic mean"), ("average", "Average"), ("ring", "anneau"), ("order", "size")]
    made = list(source_declarations("d7", pairs, {**FORMS, "size": "topic:size"}))
    assert [(one.first_id, one.second_id, one.pattern, one.sentence) for one in made] == [
        ("concept:arithmetic mean", "concept:average", "declared by the source", "d7: Averages = arithmetic mean")
    ]


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("A finite state automaton (FSA) accepts words.", True),
        ("Finite-state automata are FSAs.", False),
        ("finite state automaton, or FSA, is", True),
        ("An FSA (finite state automaton) is", True),
        ("FSA stands for finite state automaton.", True),
        ("Filtrations of sigma algebras (FSA) are no finite state automaton.", False),
        ("The FSA is here, and the finite state automaton there.", False),
        ("finite state automata (FSAs)", True),
        ("FSA: finite state automaton", True),
        ("The finite state automaton (hereinafter referred to as “FSA”) accepts", True),
        ("a finite state automaton [FSA]", True),
        ("The FSA is not here: the finite state automaton is", False),
        ("A **finite state automaton** (*FSA*) accepts", True),
        ("A finite state automaton (FSAX) accepts", False),
    ],
)
def test_an_expansion_stands_beside_its_acronym(text: str, is_there: bool) -> None:
    assert is_expanded(text, "FSA", "finite state automaton") == is_there
