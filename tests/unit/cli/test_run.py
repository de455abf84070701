"""Tests of `kgsynth.cli.run`."""

from kgsynth.cli.run import _shown
from kgsynth.records import AnsweredQuestion, Question


def test_questions_of_different_combinations_are_shown_first() -> None:
    questions = [Question(id=f"q{index}", text="Why?", combination_id=one) for index, one in enumerate("aaabbc")]
    assert [question.id for question in _shown(questions, answered=())] == ["q0", "q3", "q5", "q1", "q4", "q2"]


def test_questions_of_different_documents_are_shown_first_where_there_is_no_combination() -> None:
    questions = [Question(id=f"q{index}", text="Why?", documents=(one,)) for index, one in enumerate("aab")]
    assert [question.id for question in _shown(questions, answered=())] == ["q0", "q2", "q1"]


def test_questions_with_answers_are_shown_before_those_without() -> None:
    answered = [AnsweredQuestion(id=f"q{index}", text="Why?", documents=("a",), answer="So.") for index in range(3)]
    questions = [Question(id=f"q{index}", text="Why?", combination_id=f"c{index}") for index in (3, 4)]
    assert [question.id for question in _shown(questions, answered=answered)] == ["q0", "q1", "q2", "q3", "q4"]
