"""What a stage of writing knows: which requests a unit needs, and what of the completions can be used.

A unit is a document, a combination or a question. The runner sends and keeps; it knows no level. A level knows no run
folder, so that the same unit under the same settings always gives the same rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kgsynth.config import SystemRole
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.prompts import Template
from kgsynth.records import content_hash

TokenCounter = Callable[[str], int]
Similarities = Callable[[str, Sequence[str]], Sequence[float]]
TOO_LONG = "the prompt is longer than the context"
CUT_OFF = "cut off"
CUT_OFF_IN_THOUGHTS = "cut off in its thoughts"
BACKEND_ERROR = "backend error"
_PROBLEMS = {
    "stop": "",
    "length": CUT_OFF,
    "error": BACKEND_ERROR,
    "content_filter": "stopped by the server's content filter",
    "refusal": "the model refuses",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A part of a completion, or a whole unit, that cannot be used, with the text that shows it.

    `is_final`: another seed would not help, so a retry leaves it. `answer` is a whole answer that was judged wrong.
    """

    reason: str
    raw: str
    request_id: str = ""
    is_final: bool = False
    answer: str = ""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """All that came of one unit: rows, refusals, and what else is counted."""

    rows: list[Any] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        """Count something."""
        self.totals[name] = self.totals.get(name, 0) + count


class Work(Protocol):
    """The work on one unit, from its first request to its outcome."""

    unit_id: str

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Requests that are still needed, given those that are finished; none when all is there.

        The same completions give the same requests. Called again when all that were named are finished.
        """

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """What came of the unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all units of a run share: identity, template, sampling and the model's measure of texts.

    `budget_tokens` is the room of a prompt. `attempt` is 0, or the number of the retry. `constrained`: ask the backend
    to force the form of answers; a question is then what the regular expression `question_form` matches. `has_schema`:
    give the backend JSON schemas. `similarities` gives the cosine of a text with each of some names; None where no
    embedder is installed. `system` stands at the head of every system turn, which `system_role` renames or moves.
    """

    run_id: str
    stage: str
    seed: int
    attempt: int
    templates: Mapping[str, Template]
    backend: str
    model: str
    sampling: str
    budget_tokens: int
    count_tokens: TokenCounter
    constrained: bool
    question_form: str = ""
    has_schema: bool = True
    has_filters: bool = True
    similarities: Similarities | None = None
    system: str = ""
    system_role: SystemRole = "system"

    def seed_of(self, request_id: str) -> int:
        """The seed of a request, in [0, 2**31): of the run's seed, the request and the attempt alone."""
        return int(content_hash([self.stage, self.seed, request_id, self.attempt])[:8], 16) % 2**31


def raw_text(completion: Completion) -> str:
    """What a model wrote, for the rejects: its text or, where it never came to one, its thoughts."""
    return completion.text if completion.text.strip() else completion.reasoning


def completion_problem(completion: Completion) -> str:
    """Why a completion has no text that was ended by the model; empty when it has."""
    if completion.in_thoughts:
        return CUT_OFF_IN_THOUGHTS
    return _PROBLEMS.get(completion.finish_reason, f"not ended by the model: {completion.finish_reason}")
