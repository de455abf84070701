"""Interface of the work on a unit: the requests that it needs, and the usable results of the completions.

A unit is a document, a combination or a question. The runner sends requests and stores results, independent of the
level. A level does not access the run folder, so the same unit with the same settings always gives the same rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.prompts import Template
from kgsynth.records import GRADES, content_hash
from kgsynth.settings import SystemRole

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
    """An unusable part of a completion, or an unusable unit, with the reason and the text.

    `is_final`: another seed would not help, so retries skip it. `answer` is a complete answer that was judged wrong.
    """

    reason: str
    raw: str
    request_id: str = ""
    is_final: bool = False
    answer: str = ""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Results of one unit: rows, refusals, counters, and raw evidence of verifiers as JSON values."""

    rows: list[Any] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, count: int = 1) -> None:
        """Increase the counter `name`."""
        self.totals[name] = self.totals.get(name, 0) + count


class Work(Protocol):
    """The work on one unit, from its first request to its outcome.

    `is_slow`: what follows on completions takes long without the model, for example because programs are run. Further
    requests and the outcome are then made in a thread, while the model continues.
    """

    unit_id: str
    is_slow: bool

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the requests that are still needed after the finished ones; empty when the unit is complete.

        The same completions give the same requests. Called again when all returned requests are finished.
        """

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the results of the unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Data shared by all units of a run: identity, templates, sampling and token counter.

    `domain` is the name of the domain in records, and `grades` are its levels. `budget_tokens` is the maximum length of
    a prompt. `attempt` is 0, or the number of the retry. `constrained`: the backend must enforce the form of answers;
    questions then match the regular expression `question_form`. `has_schema`: send JSON schemas to the backend.
    `similarities` returns the cosine of a text with each name; None where no embedder is installed. `system` is put
    before every system turn, which `system_role` renames or moves.
    """

    run_id: str
    stage: str
    seed: int
    attempt: int
    domain: str = ""
    grades: tuple[str, ...] = GRADES
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
        """Return the seed of a request, in [0, 2**31): a hash of stage, seed of the run, request id and attempt."""
        return int(content_hash([self.stage, self.seed, request_id, self.attempt])[:8], 16) % 2**31


def raw_text(completion: Completion) -> str:
    """Return what a model wrote, for the rejects: its text, or its reasoning where it wrote no text."""
    return completion.text if completion.text.strip() else completion.reasoning


def completion_problem(completion: Completion) -> str:
    """Return why a completion is incomplete; empty when the model ended its text."""
    if completion.in_thoughts:
        return CUT_OFF_IN_THOUGHTS
    return _PROBLEMS.get(completion.finish_reason, f"not ended by the model: {completion.finish_reason}")
