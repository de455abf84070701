"""Tests of `kgsynth.settings`."""

from kgsynth.settings import AnswerSettings


def test_what_a_small_model_needs_is_no_default_for_others() -> None:
    small, other = AnswerSettings(), AnswerSettings(model="some/model")
    assert (small.output_tokens, small.prompt_tokens, small.repetition_penalty) == (1024, 3072, 1.1)
    assert (other.output_tokens, other.prompt_tokens, other.repetition_penalty) == (4096, 4096, None)
    long = AnswerSettings(model="some/model", max_output_tokens=8000)
    assert long.prompt_tokens == 4096
    thinking = AnswerSettings(model="some/model", max_output_tokens=8000, context_tokens=32000)
    assert thinking.prompt_tokens == 24000
