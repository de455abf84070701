"""Concept extraction by a language model: a document becomes level, subject, topics and key concepts under each.

A long document is split at section borders, each part is asked about alone, and what was found is joined again. JSON
under a schema is what models are best at here; LaTeX in it is repaired before it is parsed (`texts.parse_json`).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kgsynth.generation import passages
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.questions import prompt_tokens, read_grade, request
from kgsynth.generation.task import TOO_LONG, Context, Outcome, Refusal, completion_problem, raw_text
from kgsynth.records import GRADES, Annotation, Document, TopicConcepts
from kgsynth.texts import parse_json

MAX_TOPICS = 5
MIN_CONCEPTS = 5
MAX_CONCEPTS = 20
# A longer name is a sentence. Also ends a model that cannot stop.
_MAX_NAME_CHARS = 80
_MAX_REASON_CHARS = 200
# Less room than this for the text, and the prompt is not worth sending.
_MIN_PART_TOKENS = 64

# As models write them that no grammar holds.
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_NAME = {"type": "string", "minLength": 2, "maxLength": _MAX_NAME_CHARS}
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "usable": {"type": "boolean"},
            "reason": {"type": "string", "maxLength": _MAX_REASON_CHARS},
            "level": {"enum": list(GRADES)},
            "subject": _NAME,
            "topics": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_TOPICS,
                "items": {
                    "type": "object",
                    "properties": {
                        "name": _NAME,
                        "concepts": {
                            "type": "array",
                            "minItems": MIN_CONCEPTS,
                            "maxItems": MAX_CONCEPTS,
                            "items": _NAME,
                        },
                    },
                    "required": ["name", "concepts"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["usable", "reason", "level", "subject", "topics"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a model said of one part of a document; `problem` says why nothing can be used."""

    problem: str = ""
    reason: str = ""
    grade: str = ""
    subject: str = ""
    topics: tuple[TopicConcepts, ...] = ()
    reasoning: str = ""


class Extraction:
    """The work on one document."""

    def __init__(self, document: Document, context: Context) -> None:
        """Split the document into parts that fit."""
        self.unit_id = document.id
        self._document, self._context = document, context
        template = context.templates["extract"]
        title = document.title or "(none)"
        room = context.budget_tokens - prompt_tokens(template.fill(title=title, document=""), context)
        parts = passages.split(document.text, room, context.count_tokens) if room >= _MIN_PART_TOKENS else []
        self._requests = [
            request(
                context,
                f"extract:{document.id}:{number}",
                template.fill(
                    title=title + (f" (part {number + 1} of {len(parts)})" if len(parts) > 1 else ""), document=part
                ),
                json_schema=SCHEMA,
            )
            for number, part in enumerate(parts)
        ]

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """One a part."""
        return [] if done else self._requests

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """One annotation, or the reason why there is none."""
        outcome = Outcome(totals={"parts": len(self._requests), "split_documents": int(len(self._requests) > 1)})
        if not self._requests:
            outcome.refusals.append(Refusal(reason=TOO_LONG, raw="", is_final=True))
            return outcome
        parts = {one.id: read_part(done[one.id]) for one in self._requests}
        broken = next((one for one, part in parts.items() if part.problem), None)
        if broken is not None:
            # With one part missing the document would be in the graph with half of what it is about.
            raw = raw_text(done[broken])
            outcome.refusals.append(Refusal(reason=parts[broken].problem, raw=raw, request_id=broken))
            return outcome
        usable = [part for part in parts.values() if part.topics]
        if not usable:
            raw = "; ".join(part.reason for part in parts.values() if part.reason)
            outcome.refusals.append(
                Refusal(reason="the model finds the document not usable", raw=raw, request_id=self._requests[0].id)
            )
            return outcome
        outcome.add("unusable_parts", len(parts) - len(usable))
        annotation = join(self._document.id, usable)
        outcome.add("topics", len(annotation.topics))
        outcome.add("concepts", len(annotation.spellings("concept")))
        outcome.rows.append(annotation)
        return outcome


def read_part(completion: Completion) -> Part:
    """What a completion says of a part."""
    problem = completion_problem(completion)
    if problem:
        return Part(problem=problem)
    try:
        value = parse_json(completion.text, key="usable")
    except ValueError:
        return Part(problem="not JSON")
    usable = _BOOLEANS.get(str(value["usable"]).strip().casefold())
    if usable is None:
        return Part(problem="not of the schema")
    if not usable:
        return Part(reason=str(value.get("reason") or "no reason given"))
    topics = _topics(value.get("topics"))
    if topics is None:
        return Part(problem="not of the schema")
    if not topics:
        return Part(problem="no topic with a concept")
    return Part(
        grade=read_grade(str(value.get("level", ""))),
        subject=_name(value.get("subject")),
        topics=topics,
        reasoning=completion.reasoning,
    )


def join(document_id: str, parts: Sequence[Part]) -> Annotation:
    """The annotation of a document from those of its parts.

    Topics are those that most parts name, in order of appearance among equals, at most 5, and so are the concepts under
    each, at most 20; level and subject are those of most parts. A concept stands under the first topic that has it.
    """
    topics: dict[str, str] = {}
    topic_counts: Counter[str] = Counter()
    concepts: dict[str, dict[str, str]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for part in parts:
        for topic in part.topics:
            key = topic.name.casefold()
            topics.setdefault(key, topic.name)
            topic_counts[key] += 1
            for name in topic.concepts:
                concepts.setdefault(key, {}).setdefault(name.casefold(), name)
                counts[key, name.casefold()] += 1
    chosen = sorted(topics, key=lambda key: -topic_counts[key])[:MAX_TOPICS]
    taken: set[str] = set()
    found = []
    for key in (key for key in topics if key in chosen):
        own = [name for name in concepts.get(key, {}) if name not in taken]
        best = set(sorted(own, key=lambda name: -counts[key, name])[:MAX_CONCEPTS])
        kept = [name for name in own if name in best]
        taken.update(kept)
        found.append(TopicConcepts(name=topics[key], concepts=tuple(concepts[key][name] for name in kept)))
    return Annotation(
        id=document_id,
        topics=tuple(found),
        grade=_most([part.grade for part in parts]),
        subject=_most([part.subject for part in parts]),
        reasoning="\n\n".join(part.reasoning for part in parts if part.reasoning),
    )


def _topics(value: Any) -> tuple[TopicConcepts, ...] | None:
    """Topics with their concepts, each name once; None when the value has another form."""
    if not isinstance(value, list):
        return None
    found: dict[str, TopicConcepts] = {}
    for topic in value:
        if not isinstance(topic, dict) or not isinstance(topic.get("concepts"), list):
            return None
        name = _name(topic.get("name"))
        own: dict[str, str] = {}
        for concept in map(_name, topic["concepts"]):
            if concept:
                own.setdefault(concept.casefold(), concept)
        if name and own:
            found.setdefault(name.casefold(), TopicConcepts(name=name, concepts=tuple(own.values())))
    return tuple(found.values())


def _name(value: Any) -> str:
    """A name on one line, empty when it is none."""
    name = " ".join(value.split()) if isinstance(value, str) else ""
    has_letters = any(letter.isalpha() for letter in name)
    return name if has_letters and len(name) <= _MAX_NAME_CHARS and name.isprintable() else ""


def _most(values: Sequence[str]) -> str:
    return Counter(values).most_common(1)[0][0]
