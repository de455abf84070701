"""Rows of any table-like source as records: one place decides what a field may hold."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, get_args

from kgsynth.config import FieldNames
from kgsynth.errors import RecordError
from kgsynth.records import Annotation, CountedPair, Document, Kind, Position, TopicConcepts, content_hash

_Record = TypeVar("_Record")

# In CSV one cell holds several names; a comma is part of many names, these two are not.
_SEPARATORS = ("|", ";")


def document(row: Mapping[str, Any], fields: FieldNames) -> Document:
    """A document from a row; without an id field its id is a hash of its text.

    Raises:
        RecordError: there is no text, or a field holds something else than it should.
    """
    text = _text(row, fields.text_field)
    if text is None:
        raise RecordError(f"no text in field {fields.text_field!r}")
    identity = row.get(fields.id_field)
    if identity is not None and (isinstance(identity, bool) or not isinstance(identity, (str, int))):
        raise RecordError(f"id is not text: field {fields.id_field!r}")
    return Document(
        id=str(identity) if identity not in (None, "") else f"doc-{content_hash(text)[:16]}",
        text=text,
        title=_text(row, fields.title_field) or "",
        topics=names(row, fields.topics_field),
        concepts=names(row, fields.concepts_field),
        synonyms=_pairs(row, fields.synonyms_field),
        # The second is what kgsynth itself writes.
        entry_kind=_text(row, fields.kind_field) or _text(row, "entry_kind") or "",
        source=_text(row, fields.source_field) or "",
        license=_text(row, fields.license_field) or "",
        attribution=_text(row, fields.attribution_field) or "",
        score=_score(row),
    )


def _score(row: Mapping[str, Any]) -> float | None:
    """What `kgsynth filter` gave a document; a field of that name that holds something else is another's."""
    value = row.get("score")
    return (
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )


def at(record: _Record, position: Position) -> _Record:
    """The record with the place where it was read, where it keeps one."""
    return replace(record, position=position) if isinstance(record, Document) else record


def annotation(row: Mapping[str, Any], fields: FieldNames) -> Annotation:
    """An annotation `{id, topics: [{name, concepts: [...]}]}`, with `grade` and `subject` where given, from a row.

    Raises:
        RecordError: the row has not that form.
    """
    identity = row.get(fields.id_field)
    if isinstance(identity, bool) or not isinstance(identity, (str, int)) or identity == "":
        raise RecordError(f"no id in field {fields.id_field!r}")
    topics = row.get(fields.topics_field)
    if not isinstance(topics, list):
        raise RecordError(f"no list of topics in field {fields.topics_field!r}")
    found = []
    for topic in topics:
        if not isinstance(topic, dict) or not isinstance(topic.get("name"), str):
            raise RecordError("a topic is not {name, concepts}")
        concepts = topic.get("concepts", [])
        if not isinstance(concepts, list) or not all(isinstance(concept, str) for concept in concepts):
            raise RecordError("the concepts of a topic are not a list of strings")
        found.append(TopicConcepts(name=topic["name"], concepts=tuple(concepts)))
    return Annotation(
        id=str(identity), topics=tuple(found), grade=_text(row, "grade") or "", subject=_text(row, "subject") or ""
    )


def pair(row: Mapping[str, Any], fields: FieldNames) -> CountedPair:
    """A counted pair from a row; kinds come from `<field>_kind` where present, else concept.

    Raises:
        RecordError: a name is missing or the count is not a whole number from 1.
    """
    first, second = _text(row, fields.first_field), _text(row, fields.second_field)
    if not first or not second:
        raise RecordError(f"no name in field {fields.first_field if not first else fields.second_field!r}")
    try:
        count = int(str(row.get(fields.count_field)))
    except ValueError:
        raise RecordError(f"no whole number in field {fields.count_field!r}") from None
    if not 1 <= count < 2**31:
        raise RecordError(f"count out of range: {count}")
    return CountedPair(
        first=first,
        second=second,
        count=count,
        first_kind=_kind(row, fields.first_field),
        second_kind=_kind(row, fields.second_field),
    )


def names(row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """The names in a field: a list, or one text with `|` or `;` between names.

    Raises:
        RecordError: it is neither.
    """
    value = row.get(field)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        separator = next((one for one in _SEPARATORS if one in value), None)
        return tuple(part.strip() for part in (value.split(separator) if separator else [value]) if part.strip())
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(part.strip() for part in value if part.strip())
    raise RecordError(f"not a list of names: field {field!r}")


def _text(row: Mapping[str, Any], field: str) -> str | None:
    value = row.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RecordError(f"not text: field {field!r}")
    return value


def _pairs(row: Mapping[str, Any], field: str) -> tuple[tuple[str, str], ...]:
    value = row.get(field)
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        raise RecordError(f"not a list of pairs: field {field!r}")
    found = []
    for part in value:
        if not isinstance(part, list) or len(part) != 2 or not all(isinstance(name, str) for name in part):
            raise RecordError(f"not a list of pairs: field {field!r}")
        found.append((part[0], part[1]))
    return tuple(found)


def _kind(row: Mapping[str, Any], field: str) -> Kind:
    value = row.get(f"{field}_kind") or "concept"
    for kind in get_args(Kind):
        if value == kind:
            return kind  # type: ignore[no-any-return]
    raise RecordError(f"kind is {value!r}, expected concept or topic")
