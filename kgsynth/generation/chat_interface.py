"""OpenAI's chat interface as data: the body of a request, the completion in an answer, the sentence in an error.

Nothing that is not in that interface goes to a server that is not vLLM, unless a user asks for it. How servers differ
in what they answer is known here and nowhere else.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from kgsynth.errors import ConfigError
from kgsynth.generation.backend import Completion, Request, Sampling
from kgsynth.generation.completions import completed

_NOT_FIELDS = ("headers", "rename", "chat_template_kwargs")
# Where servers put a model's thoughts beside its text.
_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
_MAX_SENTENCE_CHARS = 400


def request_body(
    request: Request, sampling: Sampling, *, model: str, is_vllm: bool, constrained: bool | None
) -> dict[str, Any]:
    """What is posted for a request.

    Args:
        request: to send.
        sampling: parameters, and the user's changes of fields.
        model: served name, where the request names none.
        is_vllm: the server is vLLM and knows its own fields.
        constrained: whether a user asked for forced forms, or for none; None leaves them to vLLM.
    """
    body: dict[str, Any] = {
        "model": request.model or model,
        "messages": request.conversation(),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_output_tokens,
        "seed": request.seed,
    }
    optional = {
        "stop": list(sampling.stop),
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "chat_template_kwargs": sampling.template_options(),
    }
    body |= {name: value for name, value in optional.items() if value not in (None, 0, [], {})}
    if is_vllm or constrained:
        if request.pattern:
            body["structured_outputs"] = {"regex": request.pattern}
        elif request.json_schema:
            schema = {"name": "answer", "schema": json.loads(request.json_schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return _changed(body, sampling.request)


def extra_fields(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a user adds or removes; None for those that are removed. TOML writes null as a string."""
    return {name: None if value == "null" else value for name, value in changes.items() if name not in _NOT_FIELDS}


def _changed(body: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    extra = extra_fields(changes)
    body = {name: value for name, value in {**body, **extra}.items() if value is not None or name not in extra}
    renamed = changes.get("rename", {})
    return {renamed.get(name, name): value for name, value in body.items()}


def read_answer(request: Request, answer: Any) -> Completion:
    """The completion that a server's answer holds.

    Raises:
        KeyError, TypeError, IndexError, ValueError, AttributeError: it is no chat completion.
    """
    choice = answer["choices"][0]
    message = choice.get("message") or choice.get("delta") or {"content": choice["text"]}
    usage = answer.get("usage")

    def tokens(name: str) -> int:
        count = usage.get(name) if isinstance(usage, dict) else 0
        if isinstance(count, str) and count.isdecimal():
            count = int(count)
        if isinstance(count, (int, float)) and 0 <= count < 2**63:
            return int(count)
        return 0

    return completed(
        request.id,
        message.get("content"),
        choice.get("finish_reason"),
        reasoning=next((message[name] for name in _REASONING_FIELDS if message.get(name)), None),
        refusal=message.get("refusal"),
        prompt_tokens=tokens("prompt_tokens"),
        output_tokens=tokens("completion_tokens"),
    )


def read_models(value: Any) -> tuple[list[str], bool]:
    """The models that a server names, and whether it is vLLM.

    Raises:
        ValueError: it is no list of models.
    """
    cards = value.get("data", value.get("models")) if isinstance(value, dict) else value
    if not isinstance(cards, list):
        raise ValueError("it answers with something that is no list of models")  # noqa: TRY004 - one error for all forms
    names = []
    for card in cards:
        name = (
            next((card[key] for key in ("id", "name", "model") if card.get(key)), "")
            if isinstance(card, dict)
            else card
        )
        names.append(str(name))
    is_vllm = any(isinstance(card, dict) and card.get("owned_by") == "vllm" for card in cards)
    return [name for name in names if name], is_vllm


def error_sentence(text: str) -> str:
    """What a server says is wrong: the message in its JSON, or the start of its text on one line."""
    said: Any = text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    while isinstance(value, (dict, list)):
        if isinstance(value, list):
            value = value[0] if value else None
            continue
        inner = next((value[name] for name in ("error", "message", "detail", "msg", "errors") if value.get(name)), None)
        said, value = (inner if isinstance(inner, str) else said), inner
    return " ".join(str(said).split())[:_MAX_SENTENCE_CHARS]


def hint_for(sentence: str, sent: Collection[str]) -> str:
    """What a user can do about a server's sentence.

    Args:
        sentence: of the server.
        sent: names of the fields that were sent.
    """
    said = sentence.casefold()
    if "max_completion_tokens" in said and "max_tokens" in sent:
        return "Rename the field: --request rename.max_tokens=max_completion_tokens."
    if re.search(r"max_(?:completion_)?tokens.{0,60}(?:too large|at most|less than|exceed|maximum|limit)", said):
        return "Ask for less: --max-output-tokens N."
    if re.search(r"context length|context window|maximum context|too many tokens|prompt is too long", said):
        return "Give what the model has: --context-tokens, and a smaller --max-output-tokens."
    if re.search(r"system (?:role|message|prompt)|role.{0,20}system", said):
        return "--system-role user puts the instructions at the head of the first user turn."
    if re.search(r"response_format|json_schema|structured_outputs|guided", said):
        return "--no-constrained asks for no forced form."
    named = [name for name in sent if name not in ("model", "messages") and re.search(rf"\b{re.escape(name)}\b", said)]
    if named:
        return "Leave the field out: " + " ".join(f"--request {name}=null" for name in sorted(named)) + "."
    return "--request adds, renames and removes fields of the request; `--request NAME=null` removes one."


def headers_of(changes: Mapping[str, Any]) -> dict[str, str]:
    """The headers that a user adds.

    Raises:
        ConfigError: one cannot be sent.
    """
    headers = {str(name): str(value) for name, value in changes.get("headers", {}).items()}
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or "\n" in value or "\r" in value:
            raise ConfigError(f"{name!r} is no header that can be sent", hint="See request.headers.")
    return headers
