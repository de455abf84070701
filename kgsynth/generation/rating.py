"""Rate documents by a language model: relevance to a domain, clarity and language quality, each from 1 to 10."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kgsynth.generation import passages
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.questions import prompt_tokens, request
from kgsynth.generation.task import TOO_LONG, Context, Outcome, Refusal, completion_problem, raw_text
from kgsynth.records import Document
from kgsynth.texts import blocks

ASPECTS = ("relevance", "clarity", "language")
Combine = Literal["min", "mean", "relevance"]

_NUMBER = r"(?:10|[1-9])"
# A whole number, also in "8/10".
_RATED = r"(?<![\d.])(\d{1,3})(?![\d.]*\d)"
# "(1-10)" is the scale, not a rating.
_SCALE = re.compile(r"[(\[]\s*1\s*(?:-|–|to)\s*10\s*[)\]]")
_PATTERN = "".join(rf"<{aspect}>\n{_NUMBER}\n</{aspect}>\n" for aspect in ASPECTS) + "?"
# With less room than this for the text, no request is sent.
_MIN_TOKENS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A model's rating of a document: each aspect from 1 to 10, and everything that is needed to repeat the request."""

    id: str
    relevance: int
    clarity: int
    language: int
    reasoning: str = ""
    run_id: str = ""
    request_id: str = ""
    template_hash: str = ""
    backend: str = ""
    model: str = ""
    sampling: str = ""  # JSON
    seed: int = 0
    attempt: int = 0


def one_score(rating: Mapping[str, int], combine: Combine) -> float:
    """Return the score of a document: the minimum of its aspects, their mean, or only its relevance."""
    values = [rating[aspect] for aspect in ASPECTS]
    if combine == "relevance":
        return float(rating["relevance"])
    return float(min(values)) if combine == "min" else sum(values) / len(values)


class Rate:
    """The rating of one document."""

    is_slow = False

    def __init__(self, document: Document, context: Context) -> None:
        """Write the prompt; the document is cut to fit."""
        self.unit_id = document.id
        self._context = context
        template = context.templates["rate"]
        slots = {"title": document.title or "(none)"}
        room = context.budget_tokens - prompt_tokens(template.fill(document="", **slots), context)
        text = passages.cut(document.text.strip(), room, context.count_tokens) if room >= _MIN_TOKENS else ""
        self._is_cut = text != document.text.strip()
        self._request = (
            request(context, f"rate:{document.id}", template.fill(document=text, **slots), pattern=_PATTERN)
            if text
            else None
        )

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the only request."""
        return [] if done or self._request is None else [self._request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return one rating, or a refusal with the reason."""
        outcome = Outcome(totals={"truncated_documents": int(self._is_cut)})
        if self._request is None:
            outcome.refusals.append(Refusal(reason=TOO_LONG, raw="", is_final=True))
            return outcome
        completion = done[self._request.id]
        values, problem = _read(completion)
        if problem:
            outcome.refusals.append(Refusal(reason=problem, raw=raw_text(completion), request_id=self._request.id))
            return outcome
        context = self._context
        outcome.rows.append(
            Rating(
                id=self.unit_id,
                **values,
                reasoning=completion.reasoning,
                run_id=context.run_id,
                request_id=self._request.id,
                template_hash=context.templates["rate"].hash,
                backend=context.backend,
                model=context.model,
                sampling=context.sampling,
                seed=self._request.seed,
                attempt=context.attempt,
            )
        )
        return outcome


def _read(completion: Completion) -> tuple[dict[str, int], str]:
    problem = completion_problem(completion)
    if problem:
        return {}, problem
    values = {}
    text = _SCALE.sub(" ", completion.text)
    for aspect in ASPECTS:
        tagged, _ = blocks(completion.text, (aspect,))
        numbers = re.findall(_RATED, tagged[-1][aspect] if tagged else "") or re.findall(
            rf"{aspect}\W{{1,6}}{_RATED}", text, flags=re.IGNORECASE
        )
        if not numbers:
            return {}, "a rating that is no number" if tagged else "no rating found"
        values[aspect] = int(numbers[0])
    return values, "" if all(1 <= value <= 10 for value in values.values()) else "a rating out of range"
