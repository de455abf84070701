"""Rating documents by a language model: relevance to a domain, clarity and language quality, each from 1 to 10."""

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
# A whole number, alone or as "8/10".
_SAID = r"(?<![\d.])(\d{1,3})(?![\d.]*\d)"
# "(1-10)" says between what, and not which.
_SCALE = re.compile(r"[(\[]\s*1\s*(?:-|–|to)\s*10\s*[)\]]")
_PATTERN = "".join(rf"<{aspect}>\n{_NUMBER}\n</{aspect}>\n" for aspect in ASPECTS) + "?"
# Less of a text than this, and the rating is of nothing.
_MIN_TOKENS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a model says of a document: each aspect from 1 to 10, and all that is needed to ask it again alone."""

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
    """The score of a document: the least of its aspects, their mean, or relevance alone."""
    values = [rating[aspect] for aspect in ASPECTS]
    if combine == "relevance":
        return float(rating["relevance"])
    return float(min(values)) if combine == "min" else sum(values) / len(values)


class Rate:
    """The work on one document."""

    def __init__(self, document: Document, context: Context) -> None:
        """Cut the document to what fits."""
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
        """One."""
        return [] if done or self._request is None else [self._request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """One rating, or the reason why there is none."""
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
        found, _ = blocks(completion.text, (aspect,))
        said = re.findall(_SAID, found[-1][aspect] if found else "") or re.findall(
            rf"{aspect}\W{{1,6}}{_SAID}", text, flags=re.IGNORECASE
        )
        if not said:
            return {}, "a rating that is no number" if found else "no rating found"
        values[aspect] = int(said[0])
    return values, "" if all(1 <= value <= 10 for value in values.values()) else "a rating out of range"
