"""Tests of `kgsynth.generation.claims`."""

import pytest

from kgsynth.generation.claims import MIN_COSINE, Claims, evidence, read_claims
from tests.timing import is_quick

SHOWN = {
    "c:ring": "ring",
    "c:prime": "Prime Number",
    "c:ideal": "ideal of a ring",
    "c:cases": "sum, product and difference",
    "c:cpp": "C++",
    "c:matrix": "matrix",
    "c:star": "A*",
    "c:market": "supply and demand",
    "c:price": "price",
    "c:marks": "...",
}


ALIASES = {"c:prime": ["rational prime"]}


@pytest.mark.parametrize(
    ("claimed", "given", "foreign"),
    [
        ("ring; prime number", ("c:ring", "c:prime"), ()),
        ("RING;PRIME  NUMBER", ("c:ring", "c:prime"), ()),
        ("rings; prime numbers; matrices", ("c:ring", "c:prime", "c:matrix"), ()),
        ("prime-number", ("c:prime",), ()),
        ("rational primes", ("c:prime",), ()),
        ("1. ring\n2. prime number", ("c:ring", "c:prime"), ()),
        ("- ring\n- *prime number*", ("c:ring", "c:prime"), ()),
        ("ring, prime number, field", ("c:ring", "c:prime"), ("field",)),
        ("ring and prime number", ("c:ring", "c:prime"), ()),
        ("sum, product and difference; ring", ("c:cases", "c:ring"), ()),
        ("ring; field; ring", ("c:ring",), ("field",)),
        ("C++", ("c:cpp",), ()),
        ("C", (), ("C",)),
        ("commutative ring", (), ("commutative ring",)),
        ("", (), ()),
        ("--", (), ()),
        (" ; \n;", (), ()),
        ("环；ring", ("c:ring",), ("环",)),
        ("A*", ("c:star",), ()),
        ("supply and demand, price", ("c:market", "c:price"), ()),
        ("price, supply and demand and field", ("c:price", "c:market"), ("field",)),
        ('["ring", "prime number"]', ("c:ring", "c:prime"), ()),
        ("Concepts: ring; price", ("c:ring", "c:price"), ()),
        ("1) ring 2) price", ("c:ring", "c:price"), ()),
        ("ring | price", ("c:ring", "c:price"), ()),
        ("ring / price", ("c:ring", "c:price"), ()),
        ("ring & price", ("c:ring", "c:price"), ()),
        ("ring or price", ("c:ring", "c:price"), ()),
        ("ring<br>price", ("c:ring", "c:price"), ()),
        ("`ring`; **price**", ("c:ring", "c:price"), ()),
    ],
)
def test_claims_are_matched_by_normal_form_and_plural(
    claimed: str, given: tuple[str, ...], foreign: tuple[str, ...]
) -> None:
    assert read_claims(claimed, SHOWN, ALIASES) == Claims(given=given, foreign=foreign)


@pytest.mark.parametrize(
    ("question", "name", "seen"),
    [
        ("What is a ring?", "ring", "name"),
        ("Which rings are finite?", "ring", "words"),
        ("What is bringing us here?", "ring", ""),
        ("Is every rational prime odd?", "prime number", "alias"),
        ("How fast does the function decrease?", "decreasing function", "words"),
        ("Find the area of the triangle.", "triangle area", "words"),
        ("A triangle stands here. " + "Much is said of it. " * 5 + "The area is large.", "triangle area", ""),
        (r"Evaluate $\int_0^1 x\,dx$.", "integral", "name"),
        ("求矩阵的行列式。", "行列式", "name"),
        ("求矩阵的行列式。", "特征值", ""),
        ("Write it in C++.", "C++", "name"),
        ("Write it in C.", "C++", ""),
        ("Write a C++ function.", "C", ""),
        ("Write a C# function.", "C", ""),
        ("Write it in C#.", "C#", "name"),
        ("Какие простые числа меньше ста?", "простое число", "words"),
        ("Wie groß ist die Fläche?", "Fläche", "name"),
    ],
)
def test_what_shows_a_claim_in_the_text(question: str, name: str, seen: str) -> None:
    aliases = {"c": ["rational prime"]} if name == "prime number" else {}
    assert evidence(question, ["c"], {"c": name}, aliases, None) == (seen,)


def test_meaning_is_asked_for_what_no_word_shows_and_for_that_alone() -> None:
    asked: list[list[str]] = []

    def similarities(_: str, names: list[str]) -> list[float]:
        asked.append(list(names))
        return [MIN_COSINE, MIN_COSINE - 0.01]

    shown = {"a": "ring", "b": "near", "c": "far"}
    assert evidence("What is a ring?", ["a", "b", "c"], shown, {}, similarities) == ("name", "meaning", "")
    assert asked == [["near", "far"]]


@pytest.mark.parametrize("piece", [" ", ".", ", ", " and ", "ring, ", "1) ", "|"])
def test_claims_made_to_hang_do_not(piece: str) -> None:
    claimed = "a" + piece * (40_000 // len(piece)) + "b"
    assert is_quick(lambda: read_claims(claimed, SHOWN, ALIASES), times=100)
