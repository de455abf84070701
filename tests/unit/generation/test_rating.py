"""Tests of `kgsynth.generation.rating`."""

import pytest

from kgsynth.generation.backend import Completion
from kgsynth.generation.rating import _read, one_score


@pytest.mark.parametrize(
    "text",
    [
        "Relevance: 8\nClarity: 7\nLanguage: 9",
        "Relevance (1-10): 8\nClarity (1–10): 7\nLanguage [1 to 10]: 9",
        "**Relevance**: 8/10\n**Clarity**: 7/10\n**Language**: 9/10",
        "<relevance>8/10</relevance> <clarity>7</clarity>\n<language>9, good</language>",
        "<Relevance>\n8\n</Relevance>\n<clarity>\n7\n</clarity>\n<language>\n9\n</language>",
    ],
)
def test_ratings_without_a_form_are_read(text: str) -> None:
    completion = Completion(request_id="r", text=text, finish_reason="stop")
    assert _read(completion) == ({"relevance": 8, "clarity": 7, "language": 9}, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<relevance>\n8\n</relevance>\n<clarity>\n7\n</clarity>\n<language>\n10\n</language>\n", ""),
        ("<relevance>\n8\n</relevance>", "no rating found"),
        (
            "<relevance>\nx\n</relevance>\n<clarity>\n7\n</clarity>\n<language>\n9\n</language>",
            "a rating that is no number",
        ),
        (
            "<relevance>\n11\n</relevance>\n<clarity>\n7\n</clarity>\n<language>\n9\n</language>",
            "a rating out of range",
        ),
    ],
)
def test_ratings_are_read_as_models_write_them(text: str, problem: str) -> None:
    values, found = _read(Completion(request_id="r", text=text, finish_reason="stop"))
    assert found == problem
    if not problem:
        assert [one_score(values, how) for how in ("min", "mean", "relevance")] == [7, 25 / 3, 8]
