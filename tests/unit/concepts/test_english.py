"""Tests of `kgsynth.concepts.english`."""

import pytest

from kgsynth.concepts.english import candidates


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
