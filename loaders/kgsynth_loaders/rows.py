"""Convert rows of table-like sources to records, and check the values of their fields."""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, TypeVar, get_args
from uuid import UUID

from kgsynth.errors import ConfigError, RecordError
from kgsynth.names import MAX_NAME_CHARS
from kgsynth.records import (
    Annotation,
    CountedPair,
    Document,
    Kind,
    Position,
    Reject,
    Remark,
    TopicConcepts,
    content_hash,
)
from kgsynth.settings import FieldNames
from kgsynth_loaders.other_fields import OtherFields

_Record = TypeVar("_Record")
# A function that converts a row and its position to a record.
Make = Callable[[Mapping[str, Any], Position], _Record]

# Separators of names in a cell of CSV. A comma is no separator because many names contain it.
_SEPARATORS = ("|", ";")
# Keys for the name in an object.
_KEYS_OF_NAMES = ("name", "label", "text", "term", "title", "value")
# Usual names of the field with the text.
_TEXT_NAMES = (
    "text content body raw_content article document passage markdown page_content main_text abstract summary "
    "description context completion output response question prompt"
).split()
# Types of values with an unambiguous text form.
_PLAIN = (int, float, Decimal, date, time, UUID)
_NO_TEXTS = frozenset({"id", "_id", "uuid", "url", "date", "title", "license", "source"})
_BAD_IN_NAMES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_RAW_CHARS = 500
# Maximum length of a field's name, and of all names, in an error.
_SHOWN_CHARS, _ALL_SHOWN_CHARS = 60, 400
_FIELDS = (
    "text_field", "id_field", "title_field", "topics_field", "concepts_field", "synonyms_field", "kind_field",
    "source_field", "license_field", "attribution_field",
)  # fmt: skip
RENAME_COLUMNS = "Rename all but one of them."
# Number of records that are searched for a field before the file is refused.
FIRST_RECORDS = 100


def value(row: Mapping[str, Any], field: str) -> Any:
    """Return the value of a field or at a path such as `data.body.text` or `messages.0.content`; None if missing.

    A field with exactly this name takes precedence over the path.
    """
    field_value = row.get(field)
    if field_value is not None or "." not in field or field in row:
        return field_value
    return _value_at_path(row, field.split("."))


def has(row: Mapping[str, Any], field: str) -> bool:
    """Return whether a row has a field of this name, or a value at this path."""
    return field in row or value(row, field) is not None


def _value_at_path(row: Any, parts: Sequence[str]) -> Any:
    """Return the value at a path; keys may contain dots."""
    if not parts:
        return row
    if isinstance(row, Mapping):
        for count in range(len(parts), 0, -1):
            key = ".".join(parts[:count])
            if key in row:
                return _value_at_path(row[key], parts[count:])
    elif isinstance(row, Sequence) and not isinstance(row, str) and parts[0].isdecimal():
        index = int(parts[0]) if len(parts[0]) < 10 else len(row)
        return _value_at_path(row[index], parts[1:]) if index < len(row) else None
    return None


class DocumentMaker:
    """A function from rows to documents; without an id field the id is a hash of the text.

    Fields without an option are converted by `others`, which also counts the values that are not kept.
    """

    def __init__(self, fields: FieldNames) -> None:
        self.others = OtherFields(fields)
        self._text_field, self._id_field = fields.text_field, fields.id_field
        # The first entry is the field that kgsynth itself writes; a field that the user names overrides it.
        named: list[tuple[str, str, Callable[[Any, str], Any]]] = [
            ("entry_kind", "entry_kind", _as_line),
            ("title", fields.title_field, _as_line),
            ("topics", fields.topics_field, _as_names),
            ("concepts", fields.concepts_field, _as_names),
            ("synonyms", fields.synonyms_field, _as_pairs),
            ("entry_kind", fields.kind_field, _as_line),
            ("source", fields.source_field, _as_line),
            ("license", fields.license_field, _as_line),
            ("attribution", fields.attribution_field, _as_line),
        ]
        self._readers = [(name, field, "." in field, read) for name, field, read in named]

    def __call__(self, row: Mapping[str, Any], position: Position) -> Document:
        """Return the document of a row.

        Raises:
            RecordError: there is no text, or a field has a value of the wrong type.
        """
        text = value(row, self._text_field)
        if text is None:
            raise RecordError(f"no text in field {self._text_field!r}")
        text = _as_text(text, self._text_field)
        identity = _identity(row, self._id_field) or f"doc-{content_hash(text)[:16]}"
        document_fields = _kgsynth_fields(row, identity)
        for name, field, is_path, read in self._readers:
            field_value = value(row, field) if is_path else row.get(field)
            if field_value is not None and field_value != "":
                document_fields[name] = read(field_value, field)
        self.others.add(row, document_fields)
        return Document(id=identity, text=text, position=position, **document_fields)


def documents(
    source: str, maker: DocumentMaker, records: Iterable[Document | Reject | Remark]
) -> Iterator[Document | Reject | Remark]:
    """Yield the records of a source, and then a remark if the maker did not keep some of their fields."""
    yield from records
    yield from maker.others.remarks(source)


def _kgsynth_fields(row: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """Return the fields that kgsynth writes under fixed names; values of other types are ignored."""
    document_fields: dict[str, Any] = {}
    if row.get("date") and isinstance(row["date"], (str, int, date)) and not isinstance(row["date"], bool):
        document_fields["date"] = str(row["date"])
    parent = row.get("parent")
    if parent and isinstance(parent, str) and identity.startswith(f"{parent}#"):
        document_fields["parent"] = parent
        document_fields |= {name: row[name] for name in ("pages", "section") if isinstance(row.get(name), str)}
    score = row.get("score")
    if isinstance(score, (int, float)) and not isinstance(score, bool) and math.isfinite(score):
        document_fields["score"] = float(score)
    if row.get("metadata"):
        document_fields["metadata"] = _metadata(row["metadata"])
    return document_fields


def _metadata(raw_metadata: Any) -> dict[str, str]:
    """Return the metadata of a row, with values other than text as JSON; a map of Parquet is a list of pairs."""
    pairs = (
        raw_metadata.items()
        if isinstance(raw_metadata, Mapping)
        else raw_metadata
        if isinstance(raw_metadata, list)
        else []
    )
    metadata = {}
    for pair_ in pairs:
        if _is_pair(pair_) and isinstance(pair_[0], str) and pair_[1] not in (None, ""):
            text = pair_[1]
            metadata[pair_[0]] = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, default=str)
    return metadata


def _is_pair(candidate: Any) -> bool:
    return isinstance(candidate, (tuple, list)) and len(candidate) == 2


def _identity(row: Mapping[str, Any], field: str) -> str:
    raw_id = value(row, field)
    if raw_id is None or raw_id == "":
        return ""
    if isinstance(raw_id, str):
        return raw_id
    if isinstance(raw_id, bool) or not isinstance(raw_id, (int, date, UUID, Decimal)):
        raise RecordError(f"id is not text: field {field!r}")
    return str(raw_id)


def annotations(row: Mapping[str, Any], fields: FieldNames, position: Position) -> list[Annotation | Reject]:
    """Convert a row `{id, topics: [{name, concepts: [...]}]}`, optionally with `grade` and `subject`, to an annotation.

    Returns:
        The annotation without unusable names, and a reject for each of these names.

    Raises:
        RecordError: the row does not have this form.
    """
    identity = _identity(row, fields.id_field)
    if not identity:
        raise RecordError(f"no id in field {fields.id_field!r}")
    topics = value(row, fields.topics_field)
    if not isinstance(topics, list):
        raise RecordError(f"no list of topics in field {fields.topics_field!r}")
    topic_concepts, rejects = [], []
    for topic in topics:
        if not isinstance(topic, dict) or not isinstance(topic.get("name"), str):
            raise RecordError("a topic is not {name, concepts}")
        concepts = topic.get("concepts") or []
        if not isinstance(concepts, list):
            raise RecordError("the concepts of a topic are not a list of strings")
        if _are_names(topic["name"], concepts):
            topic_concepts.append(TopicConcepts(name=topic["name"], concepts=tuple(concepts)))
            continue
        problems = [(name, bad_name(name)) for name in (topic["name"], *concepts)]
        rejects += [name_reject(name, problem, position) for name, problem in problems if problem]
        # Concepts are kept even if the name of their topic is unusable.
        usable = tuple(name for name, problem in problems[1:] if not problem)
        name = "" if problems[0][1] else topic["name"]
        if name or usable or not problems[0][1]:
            topic_concepts.append(TopicConcepts(name=name, concepts=usable))
    annotation = Annotation(
        id=identity, topics=tuple(topic_concepts), grade=_text(row, "grade"), subject=_text(row, "subject")
    )
    return [annotation, *rejects]


def _are_names(topic: str, concepts: list[Any]) -> bool:
    """Return whether all names of a topic are usable; names are many and short, so that they are checked joined."""
    try:
        whole = topic + "".join(concepts)
    except TypeError:
        return False
    longest = max(map(len, concepts), default=0)
    return max(longest, len(topic)) <= MAX_NAME_CHARS and not (_BAD_IN_NAMES.search(whole) or _SURROGATE.search(whole))


def bad_name(name: Any) -> str:
    """Return why a name of a concept or topic is unusable; empty if it is usable."""
    if not isinstance(name, str):
        return "a name that is not text"
    if len(name) > MAX_NAME_CHARS:
        return f"a name longer than {MAX_NAME_CHARS:,} characters"
    if _BAD_IN_NAMES.search(name):
        return "control characters in a name"
    return "half a character (lone surrogate) in a name" if _SURROGATE.search(name) else ""


def name_reject(name: Any, problem: str, position: Position) -> Reject:
    """Return the reject of a name that is removed from its record."""
    return Reject(position=position, reason=problem, raw=raw(str(name)))


def raw(text: str) -> str:
    """Return the start of a text for a reject, without lone surrogates."""
    return text[:_RAW_CHARS].encode("utf-8", "replace").decode()


def pair(row: Mapping[str, Any], fields: FieldNames) -> CountedPair:
    """Convert a row to a counted pair; the kinds come from `<field>_kind`, with concept as the default.

    Raises:
        RecordError: a name is missing or unusable, or the count is not a whole number from 1.
    """
    first, second = _text(row, fields.first_field), _text(row, fields.second_field)
    if not first or not second:
        raise RecordError(f"no name in field {fields.first_field if not first else fields.second_field!r}")
    problem = bad_name(first) or bad_name(second)
    if problem:
        raise RecordError(problem)
    count = _count(value(row, fields.count_field))
    if count is None:
        raise RecordError(f"no whole number in field {fields.count_field!r}")
    if not 1 <= count < 2**31:
        raise RecordError(f"count out of range: {count if abs(count) < 10**20 else 'more than 20 digits'}")
    return CountedPair(
        first=first,
        second=second,
        count=count,
        first_kind=_kind(row, fields.first_field),
        second_kind=_kind(row, fields.second_field),
    )


def _count(raw_count: Any) -> int | None:
    if isinstance(raw_count, float):
        # A column of whole numbers with empty cells is read as floats.
        return int(raw_count) if raw_count.is_integer() else None
    try:
        return int(str(raw_count))
    except ValueError:
        return None


def names(row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """Return the names in a field: a list of texts or of objects with a name, or a text with separators `|` or `;`.

    Raises:
        RecordError: the value has none of these forms.
    """
    field_value = value(row, field)
    return () if field_value is None or field_value == "" else _as_names(field_value, field)


def _as_names(field_value: Any, field: str) -> tuple[str, ...]:
    if isinstance(field_value, str):
        field_value = _split_names(field_value)
    elif not isinstance(field_value, (list, tuple)):
        field_value = [field_value]
    if isinstance(field_value, (list, tuple)):
        raw_names = [_name_in(part) for part in field_value if part is not None]
        if None not in raw_names:
            return tuple([name for part in raw_names if part and (name := part.strip())])
    raise RecordError(f"not a list of names: field {field!r}")


def _split_names(text: str) -> list[Any]:
    """Return the names in a cell: a JSON list, or names with a separator."""
    if text.startswith("[") and text.rstrip().endswith("]"):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, list):
            return parsed
    separator = next((candidate for candidate in _SEPARATORS if candidate in text), None)
    return list(text.split(separator)) if separator else [text]


def _name_in(part: Any) -> str | None:
    """Return the name in an element of a list of names; None if there is none."""
    if isinstance(part, str):
        return part
    if isinstance(part, _PLAIN) and not isinstance(part, bool):
        return str(part)
    if not isinstance(part, Mapping):
        return None
    return next((part[key] for key in _KEYS_OF_NAMES if isinstance(part.get(key), str)), None)


def _text(row: Mapping[str, Any], field: str) -> str:
    field_value = value(row, field)
    return "" if field_value is None else _as_text(field_value, field)


def _as_text(field_value: Any, field: str) -> str:
    if isinstance(field_value, str):
        return field_value
    if isinstance(field_value, (date, time, UUID)):
        return str(field_value)
    if isinstance(field_value, bytes):
        try:
            return field_value.decode()
        except UnicodeDecodeError as error:
            raise RecordError(f"not UTF-8: field {field!r}") from error
    raise RecordError(f"not text: field {field!r}")


def _as_line(field_value: Any, field: str) -> str:
    """Return a value as a line of text: a text, a number, the name in an object, or a list of these joined by `; `.

    Values without a name become JSON, so that the record is not rejected.
    """
    if isinstance(field_value, (str, bytes)):
        return _as_text(field_value, field)
    if isinstance(field_value, (list, tuple)):
        return "; ".join(line for part in field_value if part is not None and (line := _as_line(part, field).strip()))
    name = _name_in(field_value)
    return json.dumps(field_value, ensure_ascii=False, default=str) if name is None else name


def _as_pairs(field_value: Any, field: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(field_value, list):
        raise RecordError(f"not a list of pairs: field {field!r}")
    pairs = []
    for part in field_value:
        names = list(part.values()) if isinstance(part, dict) else part
        if not _is_pair(names) or not all(isinstance(name, str) for name in names):
            raise RecordError(f"not a list of pairs: field {field!r}")
        pairs.append((names[0], names[1]))
    return tuple(pairs)


def _kind(row: Mapping[str, Any], field: str) -> Kind:
    raw_kind = row.get(f"{field}_kind") or "concept"
    for kind in get_args(Kind):
        if raw_kind == kind:
            return kind  # type: ignore[no-any-return]
    raise RecordError(f"kind is {raw_kind!r}, expected concept or topic")


def column_names(cells: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the names in a header; a name that differs from a wanted field only in case is replaced by it.

    Raises:
        RecordError: a wanted field occurs more than once.
    """
    header = [cell.strip() for cell in cells]
    for field in dict.fromkeys(wanted):
        if field not in header:
            header = [field if cell.casefold() == field.casefold() else cell for cell in header]
        if header.count(field) > 1:
            raise RecordError(f"column {field!r} stands {header.count(field)} times in the header")
    return header


def missing(
    source: str, field: str, option: str, there: Iterable[str], row: Mapping[str, Any] | None = None, hint: str = ""
) -> ConfigError:
    """Return the error for a source of which no record has a field.

    Args:
        source: the file.
        field: the missing field.
        option: the option of the command that sets the field's name, such as `--text-field`; empty for none.
        there: the existing fields.
        row: a record, if there is one; its longest text may be the wanted field.
        hint: a hint that replaces the default one.
    """
    existing = list(dict.fromkeys(there))
    quoted = [repr(raw(name[:_SHOWN_CHARS])) for name in existing]
    count = next((number for number in range(len(quoted)) if sum(map(len, quoted[: number + 1])) > _ALL_SHOWN_CHARS), 0)
    field_list = ", ".join([*quoted[:count], "…"] if count else quoted)
    what = "text" if option == "--text-field" else "value"
    closest = _closest(field, existing, row)
    advice = f": {option} {closest}" if option and closest else ""
    if option == "--text-field" and _is_annotation(row or {}):
        return ConfigError(
            f"{source}: these are annotations, not documents", hint="Load them by `kgsynth load --annotations FILE`."
        )
    hint = hint or (f"Give the name of the field with {option}." if option else f"Rename one of them to {field!r}.")
    return ConfigError(
        f"{source}: no {what} in field {field!r}; the fields are {field_list or 'none'}{advice}", hint=hint
    )


def _is_annotation(row: Mapping[str, Any]) -> bool:
    topics = row.get("topics", [row])  # a file with a single annotation may be taken for its list of topics
    is_list = isinstance(topics, list) and bool(topics)
    return is_list and all(isinstance(topic, Mapping) and {"name", "concepts"} <= topic.keys() for topic in topics)


def _closest(field: str, there: Sequence[str], row: Mapping[str, Any] | None) -> str:
    """Return the field that is most probably meant; empty for none."""
    lower = {name.casefold().strip(): name for name in reversed(there)}
    similar_names = difflib.get_close_matches(field.casefold(), list(lower), n=1, cutoff=0.75)
    if similar_names:
        return lower[similar_names[0]]
    if field == "text":
        for name in _TEXT_NAMES:
            if name in lower and (row is None or isinstance(row.get(lower[name]), str)):
                return lower[name]
    path = next(_paths(row or {}, field), "")
    if path:
        return path
    others = [(name, field_value) for name, field_value in (row or {}).items() if name not in _NO_TEXTS]
    texts = {name: len(field_value) for name, field_value in others if field_value and isinstance(field_value, str)}
    return max(texts, key=texts.__getitem__, default="")


def _paths(row: Mapping[str, Any], field: str, above: str = "", depth: int = 4) -> Iterator[str]:
    """Yield the paths in a row that end in a field."""
    for name, field_value in row.items():
        if isinstance(field_value, Mapping) and depth:
            if field in field_value:
                yield f"{above}{name}.{field}"
            yield from _paths(field_value, field, f"{above}{name}.", depth - 1)


def option_of(field: str, fields: FieldNames) -> str:
    """Return the option of the command that sets the name of a field of documents; empty if there is none."""
    return next((f"--{name.replace('_', '-')}" for name in _FIELDS if getattr(fields, name) == field), "")
