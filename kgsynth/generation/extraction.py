"""Concept extraction by a language model: level, subject and topics of a document, with the key concepts of each topic.

A long document is split at section borders, each part gets its own request, and the results are joined. Models are
most reliable with JSON under a schema; LaTeX in the JSON is repaired before it is parsed (`texts.parse_json`).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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
# A longer name is a sentence. The limit also stops a model that repeats itself.
_MAX_NAME_CHARS = 80
_MAX_REASON_CHARS = 200
# With less room than this for the text, no prompt is sent.
_MIN_PART_TOKENS = 64

# Spellings of booleans by models without constrained output.
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_NAME = {"type": "string", "minLength": 2, "maxLength": _MAX_NAME_CHARS}


@cache
def _schema(grades: tuple[str, ...]) -> str:
    """Return the JSON schema of an extraction; `grades` are those of the domain."""
    return json.dumps(
        {
            "type": "object",
            "properties": {
                "usable": {"type": "boolean"},
                "reason": {"type": "string", "maxLength": _MAX_REASON_CHARS},
                "level": {"enum": list(grades)},
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
    """A model's result for one part of a document; `problem` says why it cannot be used."""

    problem: str = ""
    reason: str = ""
    grade: str = ""
    subject: str = ""
    topics: tuple[TopicConcepts, ...] = ()
    reasoning: str = ""


class Extraction:
    """The extraction from one document."""

    is_slow = False

    def __init__(self, document: Document, context: Context) -> None:
        """Split the document into parts that fit the prompt."""
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
                json_schema=_schema(context.grades),
            )
            for number, part in enumerate(parts)
        ]

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return one request per part."""
        return [] if done else self._requests

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return one annotation, or a refusal with the reason."""
        outcome = Outcome(totals={"parts": len(self._requests), "split_documents": int(len(self._requests) > 1)})
        if not self._requests:
            outcome.refusals.append(Refusal(reason=TOO_LONG, raw="", is_final=True))
            return outcome
        parts = {request.id: read_part(done[request.id], self._context.grades) for request in self._requests}
        broken = next((request_id for request_id, part in parts.items() if part.problem), None)
        if broken is not None:
            # Without one part, the graph would hold only some of the document's topics.
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


def read_part(completion: Completion, grades: Sequence[str] = GRADES) -> Part:
    """Parse a completion into the result for a part."""
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
        grade=read_grade(str(value.get("level", "")), grades),
        subject=_name(value.get("subject")),
        topics=topics,
        reasoning=completion.reasoning,
    )


def join(document_id: str, parts: Sequence[Part]) -> Annotation:
    """Join the results for the parts of a document into its annotation.

    The annotation has the 5 topics that the largest number of parts name, and under each the 20 most frequent concepts;
    of equals the first count. Level and subject are the most frequent ones. A concept belongs to the first topic that
    has it.
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
    used: set[str] = set()
    joined = []
    for key in (key for key in topics if key in chosen):
        candidates = [name for name in concepts.get(key, {}) if name not in used]
        best = set(sorted(candidates, key=lambda name: -counts[key, name])[:MAX_CONCEPTS])
        names = [name for name in candidates if name in best]
        used.update(names)
        joined.append(TopicConcepts(name=topics[key], concepts=tuple(concepts[key][name] for name in names)))
    return Annotation(
        id=document_id,
        topics=tuple(joined),
        grade=_most_common([part.grade for part in parts]),
        subject=_most_common([part.subject for part in parts]),
        reasoning="\n\n".join(part.reasoning for part in parts if part.reasoning),
    )


def _topics(value: Any) -> tuple[TopicConcepts, ...] | None:
    """Return topics with their concepts, without duplicate names; None if the value has another structure."""
    if not isinstance(value, list):
        return None
    topics_by_key: dict[str, TopicConcepts] = {}
    for topic in value:
        if not isinstance(topic, dict) or not isinstance(topic.get("concepts"), list):
            return None
        name = _name(topic.get("name"))
        names_by_key: dict[str, str] = {}
        for concept in map(_name, topic["concepts"]):
            if concept:
                names_by_key.setdefault(concept.casefold(), concept)
        if name and names_by_key:
            topics_by_key.setdefault(name.casefold(), TopicConcepts(name=name, concepts=tuple(names_by_key.values())))
    return tuple(topics_by_key.values())


def _name(value: Any) -> str:
    """Return a name on one line; an empty string if the value is not a name."""
    name = " ".join(value.split()) if isinstance(value, str) else ""
    has_letters = any(letter.isalpha() for letter in name)
    return name if has_letters and len(name) <= _MAX_NAME_CHARS and name.isprintable() else ""


def _most_common(values: Sequence[str]) -> str:
    return Counter(values).most_common(1)[0][0]
