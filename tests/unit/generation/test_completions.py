"""Tests of `kgsynth.generation.completions`."""

import math

import pytest

from kgsynth.generation.completions import choice_chances, completed, end_of, split_thoughts
from kgsynth.generation.task import completion_problem, raw_text
from tests.timing import is_quick


@pytest.mark.parametrize(
    ("text", "kept", "thoughts"),
    [
        ("<think>\nMaybe \\boxed{5}?\n</think>\n\nIt is \\boxed{4}.", "It is \\boxed{4}.", "Maybe \\boxed{5}?"),
        ("The template opened it. Maybe 5?\n</think>\nIt is 4.", "It is 4.", "The template opened it. Maybe 5?"),
        ("<thinking>one</thinking>Text\n<think>two</think>goes on.", "Text\ngoes on.", "one\ntwo"),
        ("<think>a\n<think>nested</think> b\n</think>\nText.", "Text.", "a\nnested\nb"),
        ("<think>\n<think>\nabc\n</think>\nIt is 4.", "It is 4.", "abc"),
        ("<think>close with </think> later, then\n</think>\nIt is 4.", "It is 4.", "close with\nlater, then"),
        ('<think time="3">abc</think>Text.', "Text.", "abc"),
        ("<THINK>hm</THINK>Text.", "Text.", "hm"),
        ("<Thinking >hm</Thinking >Text.", "Text.", "hm"),
        ("<think/>Text.", "Text.", ""),
        ("<scratchpad>hm</scratchpad>Text.", "Text.", "hm"),
        ("<analysis>hm</analysis>Text.", "Text.", "hm"),
        ("<|channel>thought\nhm<channel|>Text.", "Text.", "hm"),
        ("<unused94>thought\nhm<unused95>Text.", "Text.", "hm"),
        ("Here is my thought process: hm. Here is my response: Text.", "Text.", "hm."),
        ("analysis1+1 is 2assistantfinal2", "2", "1+1 is 2"),
        ("<|channel|>final <|constrain|>JSON<|message|>{\"a\": 1}", '{"a": 1}', ""),
        ("<|channel|>Final<|message|>Text.", "Text.", ""),
        ("[THINK]hm[/THINK]Text.", "Text.", "hm"),
        ("◁think▷hm◁/think▷Text.", "Text.", "hm"),
        ("<seed:think>hm</seed:think>Text.", "Text.", "hm"),
        ("<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>Text.<|end_of_solution|>", "Text.", "hm"),
        ("<think></think>\n\nNo thought at all.", "No thought at all.", ""),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Text.<|return|>", "Text.", "hm"),
        ("<|channel|>final<|message|>Text.", "Text.", ""),
        ("analysisWe need a sum.assistantfinalText.", "Text.", "We need a sum."),
        ("Try:\n```python\nx = 1\n</think>\n```python\ny = 2\n```", "```python\ny = 2\n```", "Try:\n```python\nx = 1"),
        # What only looks like it.
        ("analysis of variance is a method.", "analysis of variance is a method.", ""),
        ("Use the tag `<think>` for it.", "Use the tag `<think>` for it.", ""),
        ("If 3 < think, then …", "If 3 < think, then …", ""),
        *(
            (text, text, "")
            for text in (
                "Write a function that strips `<think>…</think>` blocks.",
                "s = re.sub(r'<think>.*?</think>', '', s) does it.",
                "Split it with s.split('</think>')[-1], which keeps the rest: \\boxed{4}",
                "```xml\n<reasoning>abc</reasoning>\n```\nis the form.",
                "What does the <think> tag do in such a model?",
                "The token <|channel|> begins a channel.",
                "```xml\n<reasoning>\nabc\n</reasoning>\n```\nis the form.",
            )
        ),
        ("  Plain text with its blanks.  ", "  Plain text with its blanks.  ", ""),
    ],
)  # fmt: skip
def test_thoughts_are_taken_out_of_the_text(text: str, kept: str, thoughts: str) -> None:
    assert split_thoughts(text) == (kept, thoughts, False)


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nThe answer is \\boxed{5}, or is it",
        "<|channel|>analysis<|message|>The answer is \\boxed{5}",
        "analysisThe answer is \\boxed{5}",
        "Well.\n<think>The answer is \\boxed{5}",
    ],
)
@pytest.mark.parametrize("end", ["stop", "length"])
def test_a_thought_that_never_ends_is_cut_off_whatever_the_end_is_called(text: str, end: str) -> None:
    made = completed("r", text, end)
    assert completion_problem(made) == "cut off in its thoughts"
    assert "boxed" not in made.text
    assert "boxed" in made.reasoning


@pytest.mark.parametrize(
    ("content", "beside", "text", "thoughts"),
    [
        ("Text.", "hm", "Text.", "hm"),
        ([{"type": "text", "text": "Te"}, {"type": "text", "text": "xt."}], None, "Text.", ""),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Text."}], None, "Text.", "hm"),
        (["Te", "xt."], None, "Text.", ""),
        ("Text.", [{"type": "reasoning.text", "text": "hm"}], "Text.", "hm"),
        ("<think>b</think>Text.", "a", "Text.", "a\n\nb"),
        (None, None, "", ""),
        (7, {"odd": 1}, "", ""),
    ],
)  # fmt: skip
def test_thoughts_beside_the_text_and_in_parts(content: object, beside: object, text: str, thoughts: str) -> None:
    made = completed("r", content, "stop", reasoning=beside)
    assert (made.text, made.reasoning) == (text, thoughts)


def test_thoughts_without_a_text_are_kept_for_the_rejects() -> None:
    made = completed("r", None, "stop", reasoning="It is 4, I think.")
    assert completion_problem(made) == "cut off in its thoughts"
    assert raw_text(made) == "It is 4, I think."


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        *((name, "") for name in ("stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "COMPLETE")),
        *((name, "cut off") for name in ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")),
        *((name, "stopped by the server's content filter") for name in ("content_filter", "SAFETY", "sensitive")),
        ("abort", "not ended by the model: abort"),
        ("error", "not ended by the model: server error"),
        ("tool_calls", "not ended by the model: tool_calls"),
        ("insufficient_system_resource", "not ended by the model: insufficient_system_resource"),
        ("repetition", "not ended by the model: repetition"),
        (None, "not ended by the model: none"),
        ("", "not ended by the model: none"),
        (3, "not ended by the model: 3"),
        ("x" * 500, "not ended by the model: " + "x" * 40),
    ],
)
def test_only_stop_and_its_kin_end_a_text(said: object, problem: str) -> None:
    assert completion_problem(completed("r", "Half a text", said)) == problem
    assert end_of(end_of(said)) == end_of(said)


@pytest.mark.parametrize(
    "piece",
    [
        "\n",
        " \n",
        "<think>",
        "</think>",
        "`",
        "```\n",
        "<|channel|>",
        "analysis",
        "x\n<think>\n",
        "</think>\n",
        "`a`\n<think>b</think>",
    ],
)
def test_texts_made_to_hang_do_not(piece: str) -> None:
    assert is_quick(lambda: completed("r", "a" + piece * (60_000 // len(piece)) + "b", "stop"), times=100)


def test_a_refusal_and_a_filter_without_text_are_told_apart() -> None:
    refused = completed("r", None, "stop", refusal="I cannot.")
    assert (refused.text, completion_problem(refused)) == ("I cannot.", "the model refuses")
    part = completed("r", [{"type": "refusal", "refusal": "I cannot."}], "stop")
    assert (part.text, completion_problem(part)) == ("I cannot.", "the model refuses")
    assert completion_problem(completed("r", None, "content_filter")) == "stopped by the server's content filter"


@pytest.mark.parametrize(
    "token", ["<|im_end|>", "</s>", "<|eot_id|>", "<end_of_turn>", "<|endoftext|>\n", "<｜end▁of▁sentence｜>"]
)
def test_a_token_that_ends_the_turn_is_no_text_and_one_inside_stays_to_be_refused(token: str) -> None:
    assert completed("r", f"The sum is 12.{token}", "stop").text == "The sum is 12."
    assert token.strip() in completed("r", f"The sum is 12.{token}\nAnd more.", "stop").text


def test_the_probability_of_a_choice_counts_all_its_spellings() -> None:
    """Capitals, blanks and vocabularies differ; other tokens count for neither choice."""
    tokens = [
        ("1", {"1": -0.1, "yes": -2.0}),
        (" Yes", {" Yes": math.log(0.5), "yes": math.log(0.1), "▁no": math.log(0.2), "maybe": math.log(0.2)}),
        ("\n", {"\n": 0.0}),
        ("Ġno", {"Ġno": math.log(0.9)}),
    ]
    assert choice_chances(tokens, ("yes", "no")) == pytest.approx((0.75, 0.0001))
    assert choice_chances(tokens[:1], ("yes", "no")) == ()


def test_a_choice_in_several_tokens_is_decided_by_the_first() -> None:
    yes, no, other = math.log(0.5), math.log(0.25), math.log(0.2)
    tokens = [
        ("1", {"1": 0.0}),
        (". ", {". ": 0.0}),
        ("n", {"n": no, "ye": yes, "maybe": other}),
        ("o", {"o": 0.0}),
        ("\n", {"\n": 0.0}),
        ("Ġnot", {"Ġnot": 0.0}),
        ("Ġe", {"Ġe": 0.0}),
        ("yes", {"yes": 0.0}),
        ("Ġno", {"Ġno": no, "Ġyes": yes}),
        ("t", {"t": 0.0}),
    ]
    assert choice_chances(tokens, ("yes", "no")) == pytest.approx((2 / 3,))
