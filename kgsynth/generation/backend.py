"""The seam to language models: requests in, completions out, whatever writes them."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Protocol


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
    """What came back.

    `finish_reason` is `stop`, `length` (cut off) or `error` (then `text` says which).
    """

    request_id: str
    text: str
    finish_reason: str
    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn; a request adds its seed."""

    temperature: float
    top_p: float
    repetition_penalty: float
    max_output_tokens: int

    def to_json(self) -> str:
        """As kept with each text."""
        return json.dumps(asdict(self), sort_keys=True)


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
