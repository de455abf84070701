"""Tests of `kgsynth.curation.variants`."""

import pytest

from kgsynth.curation import variants

VARIANTS = [
    ("Find 3^105+4^105 mod 11.", "Find 3^105+4^105 mod 13.", "numbers"),
    ("Find all three-digit automorphic numbers.", "Find all four-digit automorphic numbers.", "numbers"),
    ("How long is the 1,000th word of the list?", "How long is the 1000th word of the list?", ""),
    (r"Is $a \times b$ prime?", "Is a*b prime?", ""),
    (r"Is $a \times b$ prime?", "Is a+b prime?", "signs"),
    ("For how many n is x_n ≤ 5?", "For how many n is x_n > 5?", "signs"),
    ("Find the maximum of f on K.", "Find the minimum of f on K.", "opposites"),
    ("Which of the graphs are planar?", "Which of the graphs are not planar?", "negation"),
    ("Let x be real and solve x = 3.", "Let y be real; solve y = 3.", ""),
    ("Show that every well-ordered set has a least member.", "Prove that each well ordered set has a least one.", ""),
    # What is written in two ways is the same; what is swapped, added or counted otherwise is not.
    ("Solve x² = 4.", "Solve x^2 = 4.", ""),
    (r"Add $\tfrac{1}{2}$ and 0.50.", "Add 1/2 and 0.5.", ""),
    (r"Let $a \leqslant b$ and $f: A \to B$.", "Let a <= b and f : A -> B.", ""),
    ("Don't use that. Why is 5% less?", "Do not use that. Why is 5 percent less?", ""),
    ("Problem 2.7: (a) Is G cyclic? (b) Is H?", "(1) Is G cyclic? (2) Is H?", ""),
    ("Twenty-five of the coins are false, and one is not.", "25 of the coins are false, and 1 is not.", ""),
    (r"Is $\sin(x) \cdot y$ odd - that is, is it never even?", "Is sin(x) y odd, that is, is it never even?", ""),
    ("Sum over {1,2}.", "Sum over {12}.", "numbers"),
    ("Is the hexagon regular?", "Is the octagon regular?", "numbers"),
    ("Find log 7.", "Find exp 7.", "signs"),
    ("Which digits are increasing?", "Which digits are increasing or decreasing?", "opposites"),
    ("Are the sums of rows even?", "Are the sums of columns even?", "opposites"),
    ("Show that at least 3 won.", "Show that at most 3 won.", "opposites"),
    ("How small is x/y + y/z + z/x - (y/x + z/y + x/z)?", "How small is x/y + y/z + z/x - (x/y + y/z + z/x)?", "order"),
    ("What is a-b if a+b=3 and a>b?", "What is b-a if a+b=3 and a>b?", "order"),
    ("Find u if u > v.", "Find s if s > t.", ""),
]


@pytest.mark.parametrize(("first", "second", "expected"), VARIANTS)
def test_questions_that_share_their_words_are_variants_where_what_they_ask_differs(
    first: str, second: str, expected: str
) -> None:
    assert variants.difference(first, second) == expected
    assert variants.difference(second, first) == expected
