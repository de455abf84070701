"""Tests of `kgsynth.concepts.spelling`."""

import pytest

from kgsynth.concepts.spelling import american


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
