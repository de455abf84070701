"""Tests of `kgsynth.cli.run`."""

from kgsynth.cli.run import _varied
from kgsynth.records import Question


def test_questions_of_different_combinations_are_shown_first() -> None:
    questions = [Question(id=f"q{index}", text="Why?", combination_id=one) for index, one in enumerate("aaabbc")]
    assert [question.id for question in _varied(questions)] == ["q0", "q3", "q5", "q1", "q4", "q2"]
