"""The seam to language models: requests in, completions out, whatever writes them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt.

    `id` begins with what is asked for, `level3:…`; `seed` is its own. `pattern` is a regular expression and
    `json_schema` the text of a JSON schema that the answer should have, empty for none. `model` is another model of
    the same server, empty for the generator's.
    """

    id: str
    messages: tuple[Message, ...]
    seed: int
    pattern: str = ""
    json_schema: str = ""
    model: str = ""

    def conversation(self) -> list[dict[str, str]]:
        """The messages as chat interfaces take them."""
        return [{"role": message.role, "content": message.content} for message in self.messages]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What came back, as `completions.completed` makes it of what a backend says.

    `text` holds no thoughts; those are in `reasoning`. `finish_reason` is `stop` (the model ended the text), `length`
    (cut off), `content_filter`, `refusal`, `error` (no text came; `text` says why), or whatever else the backend calls
    an end that is none. `in_thoughts`: the model never came to its text.
    """

    request_id: str
    text: str
    finish_reason: str
    reasoning: str = ""
    in_thoughts: bool = False
    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn, and what else is asked of the backend; a request adds its seed.

    None, zero and empty mean that nothing is said of it. `thinking` switches a model's thoughts on or off by its chat
    template. `request` holds further fields of the request, without headers.
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
        """As kept with each text: what is said, and no more."""
        said = {name: value for name, value in asdict(self).items() if value or name in _ALWAYS_SAID or value is False}
        return json.dumps(said, sort_keys=True)

    def template_options(self) -> dict[str, Any]:
        """What the chat template is told, `chat_template_kwargs` of the request included."""
        # Qwen, GLM and others call it the one way, DeepSeek and Granite the other; a template passes over unknown ones.
        own = {} if self.thinking is None else {"enable_thinking": self.thinking, "thinking": self.thinking}
        return {**own, **self.request.get("chat_template_kwargs", {})}


_ALWAYS_SAID = frozenset({"temperature", "top_p", "max_output_tokens"})


class Generator(Protocol):
    """Writes texts. The same request gives the same text where the backend allows it; the README says which do."""

    name: str
    model: str
    # Of the requests that are taken from here on.
    sampling: Sampling

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, exactly or, where the tokenizer is not known, at least."""

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """One completion a request, in any order, as they are finished.

        Args:
            requests: taken as there is room for them. None means that nothing is there now: ask again after the next
                completion has been taken; with nothing in flight it means the end.

        Raises:
            GeneratorUnavailableError: the model cannot be reached or loaded.
        """

    def close(self) -> None:
        """Give back memory and connections."""
