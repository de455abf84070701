"""What a backend's output means: where a model's thoughts end and its text begins, and whether the text was ended.

Thoughts come in tags, with the closing tag alone, in channels, or in a field beside the text. They are never parsed.
"""

import re
from typing import Any

from kgsynth.generation.backend import Completion

# How backends call the end that a model chose: OpenAI and vLLM `stop`, TGI `eos_token`, Anthropic `end_turn`, Cohere
# `COMPLETE`, others by these names. What is not here did not end a text.
_ENDED = frozenset("stop eos eos_token end_turn stop_sequence end_of_text complete completed end".split())
_CUT_OFF = frozenset(
    "length max_tokens model_length max_length max_output_tokens max_completion_tokens token_limit".split()
)
_FILTERED = frozenset(
    "content_filter content_filtered safety sensitive recitation blocklist prohibited_content spii".split()
)
_MAX_REASON_CHARS = 40

# Opening and closing marks of thoughts, as models write them.
_MARKS = (
    (r"<(?:think(?:ing)?|thoughts?|reasoning)>", r"</(?:think(?:ing)?|thoughts?|reasoning)>"),
    (r"<seed:think>", r"</seed:think>"),
    (r"◁think▷", r"◁/think▷"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"<\|(?:begin_of_thought|START_THINKING)\|>", r"<\|(?:end_of_thought|END_THINKING)\|>"),
)
_OPEN = re.compile("|".join(opening for opening, _ in _MARKS))
_CLOSE = re.compile("|".join(closing for _, closing in _MARKS))
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_RESPONSE\|>")
# gpt-oss: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…`. Where special tokens
# are left out of the text, the names of the channels run into it.
_CHANNEL = re.compile(r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(\w+)[^<]*<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call)\|>|<\|start\|>\s*assistant\s*$")
_BARE_CHANNELS = re.compile(
    r"\s*(?:analysis|commentary)(?=[A-Z\u0400-\uffff])(.*?)(?:assistant\s*final(?=\S)(.*))?", re.DOTALL
)
# A token that ends a turn, which some servers leave at the end of the text.
_END_TOKENS = re.compile(
    r"(?:\s*(?:<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|eom_id|END_OF_TURN_TOKEN)\|>|</s>|<end_of_turn>"
    r"|<｜end▁of▁sentence｜>|<\[EOS\]>|\[EOS\]))+\s*$"
)


def completed(
    request_id: str,
    content: Any,
    finish_reason: Any,
    *,
    reasoning: Any = None,
    refusal: Any = None,
    prompt_tokens: int = 0,
    output_tokens: int = 0,
) -> Completion:
    """The completion from what a backend says.

    Args:
        request_id: of the request.
        content: text, a list of parts, or None.
        finish_reason: what the backend calls the end.
        reasoning: what stands beside the content in `reasoning_content`, `reasoning` and the like.
        refusal: what OpenAI's models say instead of a content.
        prompt_tokens: read.
        output_tokens: written, thoughts included.
    """
    said, thought = _parts(content)
    text, in_text, is_open = split_thoughts(said)
    beside = _parts(reasoning)
    thoughts = "\n\n".join(one.strip() for one in (*beside, thought, in_text) if one.strip())
    text = _END_TOKENS.sub("", text)
    reason = end_of(finish_reason)
    declined = _parts(refusal)[0].strip()
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
    )


def end_of(finish_reason: Any) -> str:
    """`stop`, `length`, `content_filter` or, for an end that is none of these, its name in lower case."""
    name = str(finish_reason).strip().casefold()[:_MAX_REASON_CHARS] or "none"
    if name in _ENDED:
        return "stop"
    if name == "error":
        # The server answered; `error` is for requests that got no answer.
        return "server error"
    if name in _CUT_OFF:
        return "length"
    return "content_filter" if name in _FILTERED else name


def split_thoughts(text: str) -> tuple[str, str, bool]:
    """The text without thoughts, the thoughts, and whether the thoughts were still going on at the end.

    A closing mark without an opening one ends thoughts that the chat template began. Marks within backquotes are text.
    """
    if "<|channel|>" in text:
        return _channels(text)
    if bare := _BARE_CHANNELS.fullmatch(text):
        return (bare.group(2) or "").strip(), bare.group(1), bare.group(2) is None
    kept: list[str] = []
    thoughts: list[str] = []
    place = depth = 0
    marks = sorted(
        [(found.start(), found.end(), True) for found in _OPEN.finditer(text) if not _is_quoted(text, found)]
        + [(found.start(), found.end(), False) for found in _CLOSE.finditer(text) if not _is_quoted(text, found)]
    )
    for start, end, opens in marks:
        if depth or not opens:
            thoughts.append(text[place:start])
        else:
            kept.append(text[place:start])
        if not depth and not opens:
            # What stood before was thought too.
            thoughts = [*kept, *thoughts]
            kept = []
        depth = max(0, depth + (1 if opens else -1))
        place = end
    (thoughts if depth else kept).append(text[place:])
    rest = _SOLUTION.sub("", "".join(kept)) if marks else text
    return rest.strip() if marks else rest, "\n".join(thoughts).strip(), depth > 0


def _is_quoted(text: str, found: "re.Match[str]") -> bool:
    return text[max(0, found.start() - 1) : found.start()] == "`" and text[found.end() : found.end() + 1] == "`"


def _channels(text: str) -> tuple[str, str, bool]:
    """As `split_thoughts`, of OpenAI's harmony form: what is in the channel `final` is the text."""
    found = list(_CHANNEL.finditer(text))
    kept: list[str] = []
    thoughts = [text[: found[0].start()]] if found else [text]
    for one, end in zip(found, [*(later.start() for later in found[1:]), len(text)], strict=True):
        body = _CHANNEL_END.sub("", text[one.end() : end]).strip()
        (kept if one.group(1) == "final" else thoughts).append(body)
    return "\n".join(kept), "\n".join(part for part in thoughts if part.strip()), not kept


def _parts(value: Any) -> tuple[str, str]:
    """Text and thoughts of a content: a string, or a list of parts as Mistral, Anthropic and OpenRouter send them."""
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
        said = "".join(_parts(inner))
        is_thought = "think" in kind or "reason" in kind or "thinking" in part
        (thoughts if is_thought else text).append(said)
    return "".join(text), "".join(thoughts)
