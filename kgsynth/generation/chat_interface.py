"""OpenAI's chat interface: build the body of a request, read the completion in an answer and the message in an error.

Servers other than vLLM get only fields of that interface, unless the user adds others. Only this module knows how the
answers of servers differ.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from kgsynth.errors import ConfigError, quoted
from kgsynth.generation.backend import Completion, Request, Sampling
from kgsynth.generation.completions import choice_chances, completed

_NOT_FIELDS = ("headers", "rename", "chat_template_kwargs")
# Fields in which servers return reasoning beside the text.
_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
_MAX_SENTENCE_CHARS = 400
# Alternatives of a token whose log-probabilities are asked for: the most that OpenAI and vLLM give.
ALTERNATIVES = 20


def request_body(
    request: Request, sampling: Sampling, *, model: str, is_vllm: bool, constrained: bool | None
) -> dict[str, Any]:
    """Return the JSON body that is posted for a request.

    Args:
        request: request to send.
        sampling: sampling parameters, and the user's changes of fields.
        model: served name, used if the request names none.
        is_vllm: whether the server is vLLM, which accepts JSON schemas and patterns.
        constrained: whether the user asks for constrained output; None: only from vLLM.
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
        "logprobs": bool(request.choices),
        "top_logprobs": ALTERNATIVES if request.choices else 0,
    }
    body |= {name: value for name, value in optional.items() if value not in (None, 0, [], {})}
    if is_vllm or constrained:
        if request.pattern:
            body["structured_outputs"] = {"regex": request.pattern}
        elif request.json_schema:
            schema = {"name": "answer", "schema": json.loads(request.json_schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return _with_user_changes(body, sampling.request)


def extra_fields(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a user adds or removes; removed ones are None (TOML has no null: "null" removes)."""
    return {name: None if value == "null" else value for name, value in changes.items() if name not in _NOT_FIELDS}


def _with_user_changes(body: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    extra = extra_fields(changes)
    body = {name: value for name, value in {**body, **extra}.items() if value is not None or name not in extra}
    renamed = changes.get("rename", {})
    return {renamed.get(name, name): value for name, value in body.items()}


def read_answer(request: Request, answer: Any) -> Completion:
    """Return the completion in a server's answer.

    Raises:
        KeyError, TypeError, IndexError, ValueError, AttributeError: the answer is not a chat completion.
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
        chances=_chances(choice.get("logprobs"), request.choices),
    )


def _chances(logprobs: Any, choices: tuple[str, ...]) -> tuple[float, ...]:
    """Return the probabilities of a request's first choice; none where the server gives no log-probabilities."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not choices or not isinstance(content, list):
        return ()
    tokens = []
    for token in content:
        alternatives = {str(token["token"]): float(token["logprob"])}
        alternatives |= {str(other["token"]): float(other["logprob"]) for other in token.get("top_logprobs") or ()}
        tokens.append((str(token["token"]), alternatives))
    return choice_chances(tokens, choices)


def read_models(value: Any) -> tuple[list[str], bool]:
    """Return the models that a server lists, and whether it is vLLM.

    Raises:
        ValueError: the value is not a list of models.
    """
    cards = value.get("data", value.get("models")) if isinstance(value, dict) else value
    if not isinstance(cards, list):
        raise ValueError("its answer is not a list of models")  # noqa: TRY004 - one error for all forms
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
    """Return a server's error message on one line: from its JSON, or else the start of its text."""
    message: Any = text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    while isinstance(value, (dict, list)):
        if isinstance(value, list):
            value = value[0] if value else None
            continue
        inner = next((value[name] for name in ("error", "message", "detail", "msg", "errors") if value.get(name)), None)
        message, value = (inner if isinstance(inner, str) else message), inner
    return " ".join(str(message).split())[:_MAX_SENTENCE_CHARS]


def hint_for(sentence: str, sent: Collection[str]) -> str:
    """Return what a user can do about a server's error message.

    Args:
        sentence: error message of the server.
        sent: names of the fields that were sent.
    """
    message = sentence.casefold()
    if "max_completion_tokens" in message and "max_tokens" in sent:
        return "Rename the field: --request rename.max_tokens=max_completion_tokens."
    if re.search(r"max_(?:completion_)?tokens.{0,60}(?:too large|at most|less than|exceed|maximum|limit)", message):
        return "Request fewer tokens: --max-output-tokens N."
    if re.search(r"context length|context window|maximum context|too many tokens|prompt is too long", message):
        return "Set --context-tokens to the model's context length, and lower --max-output-tokens."
    if re.search(r"system (?:role|message|prompt)|role.{0,20}system", message):
        return "Give --system-role user: it puts the instructions at the start of the first user turn."
    if re.search(r"response_format|json_schema|structured_outputs|guided", message):
        return "Give --no-constrained: it turns constrained output off."
    named_fields = [
        name for name in sent if name not in ("model", "messages") and re.search(rf"\b{re.escape(name)}\b", message)
    ]
    if named_fields:
        return "Leave the field out: " + " ".join(f"--request {name}=null" for name in sorted(named_fields)) + "."
    return "Change the fields of the request with --request; `--request NAME=null` removes a field."


def headers_of(changes: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that a user adds.

    Raises:
        ConfigError: a header cannot be sent.
    """
    headers = {str(name): str(value) for name, value in changes.get("headers", {}).items()}
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or "\n" in value or "\r" in value:
            raise ConfigError(
                f"the header {quoted(name)} cannot be sent",
                hint="Correct it in request.headers: names hold letters, digits and hyphens, values no line break.",
            )
    return headers
