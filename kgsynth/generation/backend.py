"""Interface of language models: requests, completions and sampling, independent of the backend."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from kgsynth.settings import BackendSettings


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt.

    `id` begins with the name of the stage, for example `level3:…`; `seed` is the seed of this request. The answer
    should match the regular expression `pattern` and the JSON schema `json_schema`, where not empty. `model` names
    another model of the same server; empty for the generator's model. `choices` are words, such as yes and no, whose
    probabilities are wanted wherever the answer holds one of them.
    """

    id: str
    messages: tuple[Message, ...]
    seed: int
    pattern: str = ""
    json_schema: str = ""
    model: str = ""
    choices: tuple[str, ...] = ()

    def conversation(self) -> list[dict[str, str]]:
        """Return the messages in the format of chat interfaces."""
        return [{"role": message.role, "content": message.content} for message in self.messages]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Answer to a request, as `completions.completed` builds it from the response of a backend.

    `text` excludes reasoning, which is in `reasoning`. `finish_reason` is `stop` (the model ended the text), `length`
    (cut off), `content_filter`, `refusal`, `error` (no text; `text` has the error message), or another reason of the
    backend for an incomplete text. `in_thoughts`: the reasoning was cut off before the text began. `chances` has the
    probability of the first of the request's choices against the others, for each place of the text that holds one of
    them; it is empty where the backend gives no probabilities of tokens.
    """

    request_id: str
    text: str
    finish_reason: str
    reasoning: str = ""
    in_thoughts: bool = False
    prompt_tokens: int = 0
    output_tokens: int = 0
    chances: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Sampling parameters and other options of requests; each request adds its seed.

    None, zero and empty mean that an option is not set. `thinking` switches reasoning on or off through the chat
    template. `request` has additional fields of the request, without headers.
    """

    temperature: float
    top_p: float
    max_output_tokens: int
    repetition_penalty: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    thinking: bool | None = None
    request: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the parameters that are set, as JSON that is stored with each text."""
        said = {name: value for name, value in asdict(self).items() if value or name in _ALWAYS_SAID or value is False}
        return json.dumps(said, sort_keys=True)

    def template_options(self) -> dict[str, Any]:
        """Return the options of the chat template, including `chat_template_kwargs` of the request."""
        # Qwen, GLM and others read enable_thinking; DeepSeek and Granite read thinking. Templates ignore other options.
        own = {} if self.thinking is None else {"enable_thinking": self.thinking, "thinking": self.thinking}
        return {**own, **self.request.get("chat_template_kwargs", {})}


_ALWAYS_SAID = frozenset({"temperature", "top_p", "max_output_tokens"})


def sampling_of(settings: BackendSettings) -> Sampling:
    """Return the sampling parameters of backend settings."""
    return Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_output_tokens=settings.output_tokens,
        repetition_penalty=settings.repetition_penalty,
        top_k=settings.top_k,
        min_p=settings.min_p,
        presence_penalty=settings.presence_penalty,
        frequency_penalty=settings.frequency_penalty,
        stop=settings.stop,
        thinking=settings.thinking,
        request={name: value for name, value in settings.request.items() if name != "headers"},
    )


class Generator(Protocol):
    """Writes texts. The same request gives the same text where the backend supports it; the README lists these."""

    name: str
    model: str
    # Applies to requests taken after it is set.
    sampling: Sampling

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text; a lower bound where the tokenizer is not known."""

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Yield one completion per request as it finishes, in any order.

        Args:
            requests: taken as capacity allows. None means that no request is ready yet: take the next one after the
                caller has consumed a completion. None while no request is running means the end.

        Raises:
            GeneratorUnavailableError: the model cannot be reached or loaded.
        """

    def close(self) -> None:
        """Release memory and connections."""
