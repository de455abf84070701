"""Generate documents of a domain: its disciplines, a syllabus for each, and texts on each item of a syllabus.

They serve as first examples for a filter if a user has none; they are not meant as a corpus.
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
    """The generation of disciplines, then of the syllabus of each, then of documents of each kind on each item."""

    is_slow = False

    def __init__(
        self, domain: str, context: Context, *, disciplines: int, items: int, given: Sequence[str] = ()
    ) -> None:
        """Store the settings.

        Args:
            domain: name of the domain in prompts, for example `mathematics`.
            context: context of the run.
            disciplines: maximum number of disciplines.
            items: maximum number of items per discipline.
            given: disciplines that the domain names; without them the model lists disciplines.
        """
        self.unit_id = domain
        self._domain, self._context, self._disciplines, self._items = domain, context, disciplines, items
        self._given = tuple(given)[:disciplines]

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the requests of the next step: disciplines, syllabuses or documents."""
        first = self._list("disciplines", f"disciplines of {self._domain}", self._disciplines)
        if not self._given and first.id not in done:
            return [first]
        syllabuses = self._syllabuses(done)
        if any(syllabus.id not in done for syllabus in syllabuses.values()):
            return [syllabus for syllabus in syllabuses.values() if syllabus.id not in done]
        return [document for _, _, _, document in self._documents(done) if document.id not in done]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the usable documents, and a refusal for each of the others."""
        outcome = Outcome()
        first = self._list("disciplines", f"disciplines of {self._domain}", self._disciplines)
        names, problem = (self._given, "") if self._given else _names(done[first.id], self._disciplines)
        outcome.totals |= {"disciplines": len(names), "items": 0}
        if problem:
            outcome.refusals.append(Refusal(reason=problem, raw=raw_text(done[first.id]), request_id=first.id))
            return outcome
        for syllabus in self._syllabuses(done).values():
            items, problem = _names(done[syllabus.id], self._items)
            outcome.add("items", len(items))
            if problem:
                raw = raw_text(done[syllabus.id])
                outcome.refusals.append(Refusal(reason=problem, raw=raw, request_id=syllabus.id))
        for discipline, item, kind, document_request in self._documents(done):
            completion = done[document_request.id]
            text = completion.text.strip()
            # A text that was cut off can still be an example.
            problem = "" if completion.finish_reason == "length" else completion_problem(completion)
            if not problem:
                problem = "too short" if len(text.split()) < _MIN_WORDS else fault(text)
            if problem:
                outcome.refusals.append(Refusal(reason=problem, raw=text, request_id=document_request.id))
                continue
            outcome.rows.append(
                Document(
                    id=f"syllabus-{content_hash([self._context.run_id, document_request.id])[:16]}",
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
        names = self._given or _names(done[first.id], self._disciplines)[0]
        return {
            name: self._list(f"syllabus:{name}", f"what a course on {name} teaches, item by item", self._items)
            for name in names
        }

    def _documents(self, done: Mapping[str, Completion]) -> list[tuple[str, str, str, Request]]:
        documents = []
        for discipline, syllabus in self._syllabuses(done).items():
            items, _ = _names(done[syllabus.id], self._items)
            for item in items:
                for kind in KINDS:
                    messages = self._context.templates["syllabus_document"].fill(
                        domain=self._domain, discipline=discipline, item=item, kind=kind
                    )
                    documents.append(
                        (
                            discipline,
                            item,
                            kind,
                            request(self._context, f"syllabus_document:{discipline}:{item}:{kind}", messages),
                        )
                    )
        return documents

    def _list(self, name: str, wanted: str, count: int) -> Request:
        messages = self._context.templates["syllabus"].fill(domain=self._domain, wanted=wanted, count=str(count))
        return request(self._context, f"syllabus:{name}", messages, json_schema=_schema(count))


def _names(completion: Completion, count: int) -> tuple[list[str], str]:
    """Return the distinct names of a list, and the problem if it cannot be used."""
    problem = completion_problem(completion)
    if problem:
        return [], problem
    try:
        names = parse_json(completion.text, key="names")["names"]
    except ValueError:
        return [], "not JSON"
    if not isinstance(names, list):
        return [], "no list of names"
    distinct = {" ".join(str(name).split())[:_MAX_NAME_CHARS]: None for name in names if str(name).strip()}
    return (list(distinct)[:count], "") if distinct else ([], "an empty list")
