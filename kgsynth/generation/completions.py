"""What a backend's output means: where a model's thoughts end and its text begins, and whether the text was ended.

Thoughts come in tags, with the closing tag alone, in channels, or in a field beside the text. They are never parsed.
"""

import re
from bisect import bisect_left, bisect_right
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
# A mark opens thoughts at the start of the text or of a line; within a line it is spoken of.
_OPENING = re.compile(rf"^[ \t]*(?:{_OPEN})", re.IGNORECASE | re.MULTILINE)
_CLOSING = re.compile("|".join(closing for _, closing in _MARKS), re.IGNORECASE)
# Without an opening mark, one that closes thoughts stands at the start or the end of a line.
_LONE_CLOSING = re.compile(
    rf"(?:^[ \t]*(?:{_CLOSING.pattern})|(?:{_CLOSING.pattern})[ \t]*$)", re.IGNORECASE | re.MULTILINE
)
_EMPTY = re.compile(rf"^\s*<{_NAMES}\s*/>", re.IGNORECASE)
_CODE = re.compile(r"^[ \t]*```.*?^[ \t]*```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>|<\|(?:start|end)_response\|>", re.IGNORECASE)
# gpt-oss: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…`. Where special tokens
# are left out of the text, the names of the channels run into it.
_CHANNEL = re.compile(
    r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(\w+)(?:(?!<\|channel\|>|<\|message\|>).){0,200}?<\|message\|>",
    re.DOTALL,
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call)\|>|<\|start\|>\s*assistant\s*$")
_BARE_CHANNELS = re.compile(r"\s*(?:analysis|commentary)(.*?)assistant\s*final(.*)", re.DOTALL)
_BARE_CHANNEL = re.compile(r"\s*(?:analysis|commentary)(?=[A-Z\u0400-\uffff])(.*)", re.DOTALL)
# A token that ends a turn, which some servers leave at the end of the text.
_END_TOKENS = re.compile(
    r"(?:\s*(?:<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|eom_id|END_OF_TURN_TOKEN)\|>|</s>|<end_of_turn>"
    r"|<｜end▁of▁sentence｜>|<\[EOS\]>|\[EOS\]))+\s*$"
)
# So much of the end of a text is looked at for them.
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

    Thoughts begin with a mark at the start of the text or of a line, and end with the next closing mark. A closing mark
    alone on its line, or at its end, ends thoughts that the chat template began: all before it was thought. A mark in
    code or within a line is text.
    """
    if _CHANNEL.search(text):
        return _channels(text)
    if bare := _BARE_CHANNELS.fullmatch(text):
        return bare.group(2).strip(), bare.group(1).strip(), False
    if bare := _BARE_CHANNEL.fullmatch(text):
        return "", bare.group(1), True
    text = _EMPTY.sub("", text)
    marks = _marks(text)
    closings = [found.span() for found in _CLOSING.finditer(text)] if marks else []
    kept: list[str] = []
    thoughts: list[str] = []
    place = 0
    for start, end, opens in marks:
        if start < place:
            continue
        if not opens:
            # What stood before was thought too.
            thoughts = [*kept, *thoughts, text[place:start]]
            kept, place = [], end
            continue
        kept.append(text[place:start])
        following = bisect_left(closings, (end, 0))
        if following == len(closings):
            return "".join(kept).strip(), _joined([*thoughts, text[end:]]), True
        close_start, place = closings[following]
        thoughts.append(_OPENING.sub("", text[end:close_start]))
    if not marks:
        return text, "", False
    return _SOLUTION.sub("", "".join([*kept, text[place:]])).strip(), _joined(thoughts), False


def _marks(text: str) -> list[tuple[int, int, bool]]:
    """Where marks stand that open thoughts or, alone, close them: start, end, whether it opens; in order."""
    openings = [found.span() for found in _OPENING.finditer(text)]
    lone = [found.span() for found in _LONE_CLOSING.finditer(text)]
    if not openings and not lone:
        return []
    code = [found.span() for found in _CODE.finditer(text)]
    in_code = [span for span in openings if _within(span[0], code) is not None]

    def is_spoken_of(start: int) -> bool:
        span = _within(start, code)
        if span is None:
            return False
        # A fence that a thought left open may reach over its end: only with its opening mark is it an example.
        place = bisect_left(in_code, (span[0], 0))
        is_inline = "\n" not in text[span[0] : span[1]]
        return is_inline or (place < len(in_code) and in_code[place][0] < start)

    marks = [(start, end, True) for start, end in openings if _within(start, code) is None]
    marks += [(start, end, False) for start, end in lone if not is_spoken_of(start)]
    return sorted(marks)


def _within(place: int, spans: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The span that holds a place, of spans in order that do not overlap; None for none."""
    at = bisect_right(spans, (place, 1 << 62)) - 1
    return spans[at] if at >= 0 and place < spans[at][1] else None


def _joined(thoughts: list[str]) -> str:
    return "\n".join(part.strip() for part in thoughts if part.strip())


def _channels(text: str) -> tuple[str, str, bool]:
    """As `split_thoughts`, of OpenAI's harmony form: what is in the channel `final` is the text."""
    found = list(_CHANNEL.finditer(text))
    kept: list[str] = []
    thoughts = [text[: found[0].start()]]
    for one, end in zip(found, [*(later.start() for later in found[1:]), len(text)], strict=True):
        body = _CHANNEL_END.sub("", text[one.end() : end]).strip()
        (kept if one.group(1).casefold() == "final" else thoughts).append(body)
    return "\n".join(kept), _joined(thoughts), not kept


def _refusal_in(content: Any) -> str:
    """What a part of a content says that is a refusal."""
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("refusal") or "") for part in parts if isinstance(part, dict))


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
