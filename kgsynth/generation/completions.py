"""Interpret the output of a backend: separate reasoning from text, and tell whether the text is complete.

Reasoning comes in tags, with only the closing tag, in channels, or in a field beside the text. It is never parsed.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from kgsynth.generation.backend import Completion

# Finish reasons of a complete text: OpenAI and vLLM say `stop`, TGI `eos_token`, Anthropic `end_turn`, Cohere
# `COMPLETE`. A text with any other reason is not complete.
_ENDED = frozenset("stop eos eos_token end_turn stop_sequence end_of_text complete completed end".split())
_CUT_OFF = frozenset(
    "length max_tokens model_length max_length max_output_tokens max_completion_tokens token_limit".split()
)
_FILTERED = frozenset(
    "content_filter content_filtered safety sensitive recitation blocklist prohibited_content spii".split()
)
_MAX_REASON_CHARS = 40
_LEAST_CHANCE = 1e-4

# Opening and closing marks of reasoning, as models write them.
_NAMES = (
    r"(?:think(?:ing)?(?:_process)?|thoughts?|reasoning|reflection|scratchpad|chain_of_thought|longcat_think"
    r"|seed:think)"
)
_MARKS = (
    (rf"<{_NAMES}(?:\s[^<>]{{0,100}})?>", rf"</{_NAMES}\s*>"),
    (r"<analysis>", r"</analysis>"),
    (r"[◁‹]think[▷›]", r"[◁‹]/think[▷›]"),
    (r"\[think\]", r"\[/think\]"),
    (r"<\|think\|>", r"<\|/think\|>"),
    (r"<\|(?:begin_of_thought|start_thinking)\|>", r"<\|(?:end_of_thought|end_thinking)\|>"),
    (r"<[|｜]begin▁of▁thinking[|｜]>", r"<[|｜]end▁of▁thinking[|｜]>"),
    (r"<\|channel>\s{0,3}thought", r"<channel\|>"),
    (r"<unused94>(?:thought)?", r"<unused95>"),
    (r"Here is my thought process:", r"Here is my response:"),
)
_OPEN = "|".join(opening for opening, _ in _MARKS)
# A mark opens reasoning only at the start of the text or of a line; within a line the text mentions it.
_OPENING = re.compile(rf"^[ \t]*(?:{_OPEN})", re.IGNORECASE | re.MULTILINE)
_CLOSING = re.compile("|".join(closing for _, closing in _MARKS), re.IGNORECASE)
# A closing mark without an opening mark counts only at the start or the end of a line.
_LONE_CLOSING = re.compile(
    rf"(?:^[ \t]*(?:{_CLOSING.pattern})|(?:{_CLOSING.pattern})[ \t]*$)", re.IGNORECASE | re.MULTILINE
)
_EMPTY = re.compile(rf"^\s*<{_NAMES}\s*/>", re.IGNORECASE)
_CODE = re.compile(r"^[ \t]*```.*?^[ \t]*```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>|<\|(?:start|end)_response\|>", re.IGNORECASE)
# gpt-oss: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…`. If the server omits
# special tokens, the names of the channels run into the text.
_CHANNEL = re.compile(
    r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(\w+)(?:(?!<\|channel\|>|<\|message\|>).){0,200}?<\|message\|>",
    re.DOTALL,
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call)\|>|<\|start\|>\s*assistant\s*$")
_BARE_CHANNELS = re.compile(r"\s*(?:analysis|commentary)(.*?)assistant\s*final(.*)", re.DOTALL)
_BARE_CHANNEL = re.compile(r"\s*(?:analysis|commentary)(?=[A-Z\u0400-\uffff])(.*)", re.DOTALL)
# Tokens that end a turn; some servers leave them at the end of the text.
_END_TOKENS = re.compile(
    r"(?:\s*(?:<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|eom_id|END_OF_TURN_TOKEN)\|>|</s>|<end_of_turn>"
    r"|<｜end▁of▁sentence｜>|<\[EOS\]>|\[EOS\]))+\s*$"
)
# Number of characters at the end of a text that are searched for these tokens.
_MAX_END_CHARS = 200


def completed(
    request_id: str,
    content: Any,
    finish_reason: Any,
    *,
    reasoning: Any = None,
    refusal: Any = None,
    prompt_tokens: int = 0,
    output_tokens: int = 0,
    chances: Sequence[float] = (),
) -> Completion:
    """Make a completion from the fields of a backend's answer.

    Args:
        request_id: id of the request.
        content: text, a list of parts, or None.
        finish_reason: the backend's finish reason.
        reasoning: the field beside the content, such as `reasoning_content` or `reasoning`.
        refusal: OpenAI's field for a refusal, which replaces the content.
        prompt_tokens: number of input tokens.
        output_tokens: number of output tokens, including reasoning.
        chances: probabilities of the request's first choice, from `choice_chances`.
    """
    content_text, content_thoughts = _parts(content)
    text, text_thoughts, is_open = split_thoughts(content_text)
    field_parts = _parts(reasoning)
    thoughts = "\n\n".join(part.strip() for part in (*field_parts, content_thoughts, text_thoughts) if part.strip())
    text = text[:-_MAX_END_CHARS] + _END_TOKENS.sub("", text[-_MAX_END_CHARS:])
    reason = end_of(finish_reason)
    declined = (_parts(refusal)[0] or _refusal_in(content)).strip()
    if declined and not text.strip():
        text, reason = declined, "refusal"
    return Completion(
        request_id=request_id,
        text=text,
        finish_reason=reason,
        reasoning=thoughts,
        in_thoughts=reason in ("stop", "length") and (is_open or (bool(thoughts) and not text.strip())),
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        chances=chances,
    )


def choice_chances(tokens: Iterable[tuple[str, Mapping[str, float]]], choices: Sequence[str]) -> tuple[float, ...]:
    """Return the probability of the first choice against all choices, for each place of a text that holds one of them.

    A model may write a word in several tokens, such as n and o; the first of them decides.

    Args:
        tokens: the written tokens in order, each with the log-probabilities of its alternatives, itself included.
        choices: words in lower case, such as yes and no.

    Returns:
        Probabilities from 0.0001 to 0.9999, since backends give only the most probable alternatives.
    """
    listed = [(re.sub("[▁Ġ]", " ", token), alternatives) for token, alternatives in tokens]
    starts = list(accumulate((len(token) for token, _ in listed), initial=0))
    words = "|".join(map(re.escape, choices))
    found = []
    for match in re.finditer(rf"\b(?:{words})\b", "".join(token for token, _ in listed), re.IGNORECASE):
        _, alternatives = listed[bisect_right(starts, match.start()) - 1]
        shares = dict.fromkeys(choices, 0.0)
        for alternative, logarithm in alternatives.items():
            begun = [choice for choice in choices if _word(alternative) and choice.startswith(_word(alternative))]
            if len(begun) == 1:
                shares[begun[0]] += math.exp(min(0.0, logarithm))
        total = sum(shares.values())
        chance = shares[choices[0]] / total if total else float(match.group().casefold() == choices[0])
        found.append(min(1 - _LEAST_CHANCE, max(_LEAST_CHANCE, chance)))
    return tuple(found)


def _word(token: str) -> str:
    """Return a token without blanks, punctuation and case; `▁` and `Ġ` stand for a blank in some vocabularies."""
    return token.strip(" \t\n\r▁Ġ.,:;!*\"'`").casefold()


def end_of(finish_reason: Any) -> str:
    """Return `stop`, `length` or `content_filter`; any other finish reason in lower case."""
    name = str(finish_reason).strip().casefold()[:_MAX_REASON_CHARS] or "none"
    if name in _ENDED:
        return "stop"
    if name == "error":
        # `error` is reserved for requests without an answer, and this one was answered.
        return "server error"
    if name in _CUT_OFF:
        return "length"
    return "content_filter" if name in _FILTERED else name


def split_thoughts(text: str) -> tuple[str, str, bool]:
    """Return the text without reasoning, the reasoning, and whether the reasoning has no end.

    Reasoning begins with a mark at the start of the text or of a line, and ends with the next closing mark. A closing
    mark without an opening mark, at the start or end of a line, ends reasoning that the chat template began: all text
    before it is reasoning. A mark in code or within a line is text.
    """
    if _CHANNEL.search(text):
        return _channels(text)
    if bare := _BARE_CHANNELS.fullmatch(text):
        return bare.group(2).strip(), bare.group(1).strip(), False
    if bare := _BARE_CHANNEL.fullmatch(text):
        return "", bare.group(1), True
    text = _EMPTY.sub("", text)
    marks = _marks(text)
    closings = [match.span() for match in _CLOSING.finditer(text)] if marks else []
    text_parts: list[str] = []
    thoughts: list[str] = []
    end_of_last = 0
    for mark_start, mark_end, opens in marks:
        if mark_start < end_of_last:
            continue
        if not opens:
            # The text before the mark is reasoning too.
            thoughts = [*text_parts, *thoughts, text[end_of_last:mark_start]]
            text_parts, end_of_last = [], mark_end
            continue
        text_parts.append(text[end_of_last:mark_start])
        following = bisect_left(closings, (mark_end, 0))
        if following == len(closings):
            return "".join(text_parts).strip(), _joined([*thoughts, text[mark_end:]]), True
        close_start, end_of_last = closings[following]
        thoughts.append(_OPENING.sub("", text[mark_end:close_start]))
    if not marks:
        return text, "", False
    return _SOLUTION.sub("", "".join([*text_parts, text[end_of_last:]])).strip(), _joined(thoughts), False


def _marks(text: str) -> list[tuple[int, int, bool]]:
    """Return start, end and "opens" of all marks, in order: opening marks, and closing marks without one."""
    openings = [match.span() for match in _OPENING.finditer(text)]
    lone = [match.span() for match in _LONE_CLOSING.finditer(text)]
    if not openings and not lone:
        return []
    code = [match.span() for match in _CODE.finditer(text)]
    in_code = [span for span in openings if _within(span[0], code) is not None]

    def is_mention(start: int) -> bool:
        span = _within(start, code)
        if span is None:
            return False
        # An unclosed fence in reasoning may extend beyond its end: a mark in a fence is a mention only if the fence
        # also contains an opening mark.
        index = bisect_left(in_code, (span[0], 0))
        is_inline = "\n" not in text[span[0] : span[1]]
        return is_inline or (index < len(in_code) and in_code[index][0] < start)

    marks = [(start, end, True) for start, end in openings if _within(start, code) is None]
    marks += [(start, end, False) for start, end in lone if not is_mention(start)]
    return sorted(marks)


def _within(index: int, spans: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the span that contains an index, or None; the spans are sorted and do not overlap."""
    span_index = bisect_right(spans, (index, 1 << 62)) - 1
    return spans[span_index] if span_index >= 0 and index < spans[span_index][1] else None


def _joined(thoughts: list[str]) -> str:
    return "\n".join(part.strip() for part in thoughts if part.strip())


def _channels(text: str) -> tuple[str, str, bool]:
    """Split a text in OpenAI's harmony format like `split_thoughts`; the channel `final` holds the text."""
    channels = list(_CHANNEL.finditer(text))
    finals: list[str] = []
    thoughts = [text[: channels[0].start()]]
    for channel, end in zip(channels, [*(later.start() for later in channels[1:]), len(text)], strict=True):
        body = _CHANNEL_END.sub("", text[channel.end() : end]).strip()
        (finals if channel.group(1).casefold() == "final" else thoughts).append(body)
    return "\n".join(finals), _joined(thoughts), not finals


def _refusal_in(content: Any) -> str:
    """Return the refusals in the parts of a content, joined."""
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("refusal") or "") for part in parts if isinstance(part, dict))


def _parts(value: Any) -> tuple[str, str]:
    """Return text and reasoning of a content: a string, or a list of parts as of Mistral, Anthropic and OpenRouter."""
    if isinstance(value, str):
        return value, ""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return "", ""
    text: list[str] = []
    thoughts: list[str] = []
    for part in value:
        if isinstance(part, str):
            text.append(part)
            continue
        if not isinstance(part, dict):
            continue
        kind = str(part.get("type", "text"))
        inner = next(
            (part[name] for name in ("text", "thinking", "reasoning", "content", "summary") if part.get(name)), ""
        )
        part_text = "".join(_parts(inner))
        is_thought = "think" in kind or "reason" in kind or "thinking" in part
        (thoughts if is_thought else text).append(part_text)
    return "".join(text), "".join(thoughts)
