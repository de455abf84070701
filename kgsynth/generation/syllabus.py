"""Documents of a domain written from a syllabus: the domain's disciplines, what is taught in each, a text on each item.

They are examples for a filter to begin with, where a user has none; they are no corpus.
"""

import json
from collections.abc import Mapping, Sequence

from kgsynth.faults import fault
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.questions import request
from kgsynth.generation.task import Context, Outcome, Refusal, completion_problem, raw_text
from kgsynth.records import Document, content_hash
from kgsynth.texts import parse_json

KINDS = ("blog post", "exam paper", "textbook section", "lecture note")
_MAX_NAME_CHARS = 120
_MIN_WORDS = 40


def _schema(count: int) -> str:
    name = {"type": "string", "minLength": 2, "maxLength": _MAX_NAME_CHARS}
    items = {"type": "array", "minItems": 1, "maxItems": count, "items": name}
    return json.dumps(
        {"type": "object", "properties": {"names": items}, "required": ["names"], "additionalProperties": False}
    )


class Syllabus:
    """The work on one domain: disciplines, then the syllabus of each, then a document of each kind on each item."""

    def __init__(self, domain: str, context: Context, *, disciplines: int, items: int) -> None:
        """Ask for nothing yet.

        Args:
            domain: what it is called in the prompts, for example `mathematics`.
            context: of the run.
            disciplines: of the domain, at most.
            items: of each discipline, at most.
        """
        self.unit_id = domain
        self._domain, self._context, self._disciplines, self._items = domain, context, disciplines, items

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """The next step: disciplines, syllabuses, documents."""
        first = self._list("disciplines", f"disciplines of {self._domain}", self._disciplines)
        if first.id not in done:
            return [first]
        syllabuses = self._syllabuses(done)
        if any(one.id not in done for one in syllabuses.values()):
            return [one for one in syllabuses.values() if one.id not in done]
        return [one for _, _, _, one in self._documents(done) if one.id not in done]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """The documents that can be used."""
        outcome = Outcome()
        first = self._list("disciplines", f"disciplines of {self._domain}", self._disciplines)
        names, problem = _names(done[first.id], self._disciplines)
        outcome.totals |= {"disciplines": len(names), "items": 0}
        if problem:
            outcome.refusals.append(Refusal(reason=problem, raw=raw_text(done[first.id]), request_id=first.id))
            return outcome
        for one in self._syllabuses(done).values():
            items, problem = _names(done[one.id], self._items)
            outcome.add("items", len(items))
            if problem:
                outcome.refusals.append(Refusal(reason=problem, raw=raw_text(done[one.id]), request_id=one.id))
        for discipline, item, kind, asked in self._documents(done):
            completion = done[asked.id]
            text = completion.text.strip()
            # A text that was cut off is an example too.
            problem = "" if completion.finish_reason == "length" else completion_problem(completion)
            if not problem:
                problem = "too short" if len(text.split()) < _MIN_WORDS else fault(text)
            if problem:
                outcome.refusals.append(Refusal(reason=problem, raw=text, request_id=asked.id))
                continue
            outcome.rows.append(
                Document(
                    id=f"syllabus-{content_hash([self._context.run_id, asked.id])[:16]}",
                    text=text,
                    title=f"{item} ({kind})",
                    topics=(discipline,),
                    entry_kind=kind,
                    source=f"written by {self._context.model}, template {self._context.templates['syllabus'].hash}",
                )
            )
        return outcome

    def _syllabuses(self, done: Mapping[str, Completion]) -> dict[str, Request]:
        first = self._list("disciplines", f"disciplines of {self._domain}", self._disciplines)
        names, _ = _names(done[first.id], self._disciplines)
        return {
            name: self._list(f"syllabus:{name}", f"what a course on {name} teaches, item by item", self._items)
            for name in names
        }

    def _documents(self, done: Mapping[str, Completion]) -> list[tuple[str, str, str, Request]]:
        found = []
        for discipline, one in self._syllabuses(done).items():
            items, _ = _names(done[one.id], self._items)
            for item in items:
                for kind in KINDS:
                    messages = self._context.templates["syllabus_document"].fill(
                        domain=self._domain, discipline=discipline, item=item, kind=kind
                    )
                    found.append(
                        (
                            discipline,
                            item,
                            kind,
                            request(self._context, f"syllabus_document:{discipline}:{item}:{kind}", messages),
                        )
                    )
        return found

    def _list(self, name: str, wanted: str, count: int) -> Request:
        messages = self._context.templates["syllabus"].fill(domain=self._domain, wanted=wanted, count=str(count))
        return request(self._context, f"syllabus:{name}", messages, json_schema=_schema(count))


def _names(completion: Completion, count: int) -> tuple[list[str], str]:
    """Names of a list, each once, and what is wrong with it."""
    problem = completion_problem(completion)
    if problem:
        return [], problem
    try:
        names = parse_json(completion.text, key="names")["names"]
    except ValueError:
        return [], "not JSON"
    if not isinstance(names, list):
        return [], "no list of names"
    found = {" ".join(str(one).split())[:_MAX_NAME_CHARS]: None for one in names if str(one).strip()}
    return (list(found)[:count], "") if found else ([], "an empty list")
