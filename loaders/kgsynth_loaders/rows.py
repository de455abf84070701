"""Rows of any table-like source as records: one place decides what a field may hold."""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, TypeVar, get_args
from uuid import UUID

from kgsynth.config import FieldNames
from kgsynth.errors import ConfigError, RecordError
from kgsynth.names import MAX_NAME_CHARS
from kgsynth.records import Annotation, CountedPair, Document, Kind, Position, Reject, TopicConcepts, content_hash

_Record = TypeVar("_Record")
# Makes a record of a row and the place where it was read.
Make = Callable[[Mapping[str, Any], Position], _Record]

# In CSV one cell holds several names; a comma is part of many names, these two are not.
_SEPARATORS = ("|", ";")
# Where a name is an object, its name stands under one of these.
_KEYS_OF_NAMES = ("name", "label", "text", "term", "title", "value")
# What corpora call their text.
_TEXT_NAMES = (
    "text content body raw_content article document passage markdown page_content main_text abstract summary "
    "description context completion output response question prompt"
).split()
# Values that are written in one way.
_PLAIN = (int, float, Decimal, date, time, UUID)
_NO_TEXTS = frozenset({"id", "_id", "uuid", "url", "date", "title", "license", "source"})
# Neo4j indexes keys of up to about 8,000 bytes; a name this long is a sentence that went astray.
_BAD_IN_NAMES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_RAW_CHARS = 500
# Of the names of fields in an error.
_SHOWN_CHARS, _ALL_SHOWN_CHARS = 60, 400
_FIELDS = (
    "text_field", "id_field", "title_field", "topics_field", "concepts_field", "synonyms_field", "kind_field",
    "source_field", "license_field", "attribution_field",
)  # fmt: skip
# So many records are looked at before a file counts as one that has no such field.
FIRST_RECORDS = 100


def value(row: Mapping[str, Any], field: str) -> Any:
    """What a row holds under a field's name, or along a path such as `data.body.text` or `messages.0.content`.

    The name as it stands goes before the path. None where there is nothing.
    """
    found = row.get(field)
    if found is not None or "." not in field or field in row:
        return found
    return _along(row, field.split("."))


def has(row: Mapping[str, Any], field: str) -> bool:
    """Whether a row has a field of this name, or something at the end of this path."""
    return field in row or value(row, field) is not None


def _along(row: Any, parts: Sequence[str]) -> Any:
    """What stands at the end of a path; a key may itself hold dots."""
    if not parts:
        return row
    if isinstance(row, Mapping):
        for count in range(len(parts), 0, -1):
            key = ".".join(parts[:count])
            if key in row:
                return _along(row[key], parts[count:])
    elif isinstance(row, Sequence) and not isinstance(row, str) and parts[0].isdecimal():
        index = int(parts[0]) if len(parts[0]) < 10 else len(row)
        return _along(row[index], parts[1:]) if index < len(row) else None
    return None


def document_maker(fields: FieldNames) -> Make[Document]:
    """What makes documents of rows; without an id field the id of a document is a hash of its text.

    It raises RecordError where there is no text, or where a field holds something else than it should.
    """
    text_field, id_field = fields.text_field, fields.id_field
    # The last is what kgsynth itself writes; a field that a user names goes before it.
    others: list[tuple[str, str, Callable[[Any, str], Any]]] = [
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
    readers = [(name, field, "." in field, read) for name, field, read in others]

    def make(row: Mapping[str, Any], position: Position) -> Document:
        text = value(row, text_field)
        if text is None:
            raise RecordError(f"no text in field {text_field!r}")
        text = _as_text(text, text_field)
        identity = _identity(row, id_field) or f"doc-{content_hash(text)[:16]}"
        found = _written_by_us(row, identity)
        for name, field, is_path, read in readers:
            given = value(row, field) if is_path else row.get(field)
            if given is not None and given != "":
                found[name] = read(given, field)
        return Document(id=identity, text=text, position=position, **found)

    return make


def _written_by_us(row: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """The fields that kgsynth writes under names of its own; one that holds something else is another's."""
    found: dict[str, Any] = {}
    if row.get("date") and isinstance(row["date"], (str, int, date)) and not isinstance(row["date"], bool):
        found["date"] = str(row["date"])
    parent = row.get("parent")
    if parent and isinstance(parent, str) and identity.startswith(f"{parent}#"):
        found["parent"] = parent
        found |= {name: row[name] for name in ("pages", "section") if isinstance(row.get(name), str)}
    score = row.get("score")
    if isinstance(score, (int, float)) and not isinstance(score, bool) and math.isfinite(score):
        found["score"] = float(score)
    if row.get("metadata"):
        found["metadata"] = _metadata(row["metadata"])
    return found


def _metadata(given: Any) -> dict[str, str]:
    """What a row says in `metadata`, values other than text as JSON; a map of Parquet is a list of pairs."""
    pairs = given.items() if isinstance(given, Mapping) else given if isinstance(given, list) else []
    found = {}
    for pair_ in pairs:
        if _is_pair(pair_) and isinstance(pair_[0], str) and pair_[1] not in (None, ""):
            text = pair_[1]
            found[pair_[0]] = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, default=str)
    return found


def _is_pair(given: Any) -> bool:
    return isinstance(given, (tuple, list)) and len(given) == 2


def _identity(row: Mapping[str, Any], field: str) -> str:
    given = value(row, field)
    if given is None or given == "":
        return ""
    if isinstance(given, str):
        return given
    if isinstance(given, bool) or not isinstance(given, (int, date, UUID, Decimal)):
        raise RecordError(f"id is not text: field {field!r}")
    return str(given)


def annotations(row: Mapping[str, Any], fields: FieldNames, position: Position) -> list[Annotation | Reject]:
    """An annotation `{id, topics: [{name, concepts: [...]}]}`, with `grade` and `subject` where given, from a row.

    Returns:
        The annotation, and a reject for each of its names that is none: it is left out.

    Raises:
        RecordError: the row has not that form.
    """
    identity = _identity(row, fields.id_field)
    if not identity:
        raise RecordError(f"no id in field {fields.id_field!r}")
    topics = value(row, fields.topics_field)
    if not isinstance(topics, list):
        raise RecordError(f"no list of topics in field {fields.topics_field!r}")
    found, rejects = [], []
    for topic in topics:
        if not isinstance(topic, dict) or not isinstance(topic.get("name"), str):
            raise RecordError("a topic is not {name, concepts}")
        concepts = topic.get("concepts") or []
        if not isinstance(concepts, list):
            raise RecordError("the concepts of a topic are not a list of strings")
        problems = [(name, bad_name(name)) for name in (topic["name"], *concepts)]
        rejects += [name_reject(name, problem, position) for name, problem in problems if problem]
        # A topic without a name still holds its concepts.
        kept = tuple(name for name, problem in problems[1:] if not problem)
        name = "" if problems[0][1] else topic["name"]
        if name or kept or not problems[0][1]:
            found.append(TopicConcepts(name=name, concepts=kept))
    kept_annotation = Annotation(
        id=identity, topics=tuple(found), grade=_text(row, "grade"), subject=_text(row, "subject")
    )
    return [kept_annotation, *rejects]


def bad_name(name: Any) -> str:
    """Why a concept or topic cannot have this name; empty when it can."""
    if not isinstance(name, str):
        return "a name that is not text"
    if len(name) > MAX_NAME_CHARS:
        return f"a name longer than {MAX_NAME_CHARS:,} characters"
    if _BAD_IN_NAMES.search(name):
        return "control characters in a name"
    return "half a character (lone surrogate) in a name" if _SURROGATE.search(name) else ""


def name_reject(name: Any, problem: str, position: Position) -> Reject:
    """The reject of a name that is left out of its record."""
    return Reject(position=position, reason=problem, raw=raw(str(name)))


def raw(text: str) -> str:
    """The start of a text as a reject keeps it: without halves of characters."""
    return text[:_RAW_CHARS].encode("utf-8", "replace").decode()


def pair(row: Mapping[str, Any], fields: FieldNames) -> CountedPair:
    """A counted pair from a row; kinds come from `<field>_kind` where present, else concept.

    Raises:
        RecordError: a name is missing or the count is not a whole number from 1.
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


def _count(given: Any) -> int | None:
    if isinstance(given, float):
        # What a table with empty cells makes of whole numbers.
        return int(given) if given.is_integer() else None
    try:
        return int(str(given))
    except ValueError:
        return None


def names(row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """The names in a field: a list of texts or of objects with a name, or one text with `|` or `;` between names.

    Raises:
        RecordError: it is neither.
    """
    given = value(row, field)
    return () if given is None or given == "" else _as_names(given, field)


def _as_names(given: Any, field: str) -> tuple[str, ...]:
    if isinstance(given, str):
        given = _listed(given)
    elif not isinstance(given, (list, tuple)):
        given = [given]
    if isinstance(given, (list, tuple)):
        found = [_name_in(part) for part in given if part is not None]
        if None not in found:
            return tuple([name for part in found if part and (name := part.strip())])
    raise RecordError(f"not a list of names: field {field!r}")


def _listed(text: str) -> list[Any]:
    """The names in a cell: a list in JSON, or names with a separator."""
    if text.startswith("[") and text.rstrip().endswith("]"):
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            given = None
        if isinstance(given, list):
            return given
    separator = next((one for one in _SEPARATORS if one in text), None)
    return list(text.split(separator)) if separator else [text]


def _name_in(part: Any) -> str | None:
    """The name that a value of a list of names is or holds; None where there is none."""
    if isinstance(part, str):
        return part
    if isinstance(part, _PLAIN) and not isinstance(part, bool):
        return str(part)
    if not isinstance(part, Mapping):
        return None
    return next((part[key] for key in _KEYS_OF_NAMES if isinstance(part.get(key), str)), None)


def _text(row: Mapping[str, Any], field: str) -> str:
    given = value(row, field)
    return "" if given is None else _as_text(given, field)


def _as_text(given: Any, field: str) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, (date, time, UUID)):
        return str(given)
    if isinstance(given, bytes):
        try:
            return given.decode()
        except UnicodeDecodeError as error:
            raise RecordError(f"not UTF-8: field {field!r}") from error
    raise RecordError(f"not text: field {field!r}")


def _as_line(given: Any, field: str) -> str:
    """A title, licence or the like: a text, a number, the name in an object, or several with semicolons between them.

    What has no name is kept as JSON: a record is not lost for it.
    """
    if isinstance(given, (str, bytes)):
        return _as_text(given, field)
    if isinstance(given, (list, tuple)):
        return "; ".join(line for part in given if part is not None and (line := _as_line(part, field).strip()))
    name = _name_in(given)
    return json.dumps(given, ensure_ascii=False, default=str) if name is None else name


def _as_pairs(given: Any, field: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, list):
        raise RecordError(f"not a list of pairs: field {field!r}")
    found = []
    for part in given:
        two = list(part.values()) if isinstance(part, dict) else part
        if not _is_pair(two) or not all(isinstance(name, str) for name in two):
            raise RecordError(f"not a list of pairs: field {field!r}")
        found.append((two[0], two[1]))
    return tuple(found)


def _kind(row: Mapping[str, Any], field: str) -> Kind:
    given = row.get(f"{field}_kind") or "concept"
    for kind in get_args(Kind):
        if given == kind:
            return kind  # type: ignore[no-any-return]
    raise RecordError(f"kind is {given!r}, expected concept or topic")


def missing(
    source: str, field: str, option: str, there: Iterable[str], row: Mapping[str, Any] | None = None, hint: str = ""
) -> ConfigError:
    """The error for a source none of whose records has a field.

    Args:
        source: the file.
        field: what is missing.
        option: the option of the command that names it, such as `--text-field`; empty for none.
        there: the fields that there are.
        row: one of the records, where there is one: its longest text may be the wanted field.
        hint: what else to do.
    """
    found = list(dict.fromkeys(there))
    quoted = [repr(raw(name[:_SHOWN_CHARS])) for name in found]
    count = next((number for number in range(len(quoted)) if sum(map(len, quoted[: number + 1])) > _ALL_SHOWN_CHARS), 0)
    shown = ", ".join([*quoted[:count], "…"] if count else quoted)
    what = "text" if option == "--text-field" else "value"
    closest = _closest(field, found, row)
    advice = f": {option} {closest}" if option and closest else ""
    hint = hint or (f"{option} names the field." if option else f"Name one of them {field!r}.")
    return ConfigError(f"{source}: no {what} in field {field!r}; the fields are {shown or 'none'}{advice}", hint=hint)


def _closest(field: str, there: Sequence[str], row: Mapping[str, Any] | None) -> str:
    """The field that is most probably meant; empty for none."""
    lower = {name.casefold().strip(): name for name in reversed(there)}
    near = difflib.get_close_matches(field.casefold(), list(lower), n=1, cutoff=0.75)
    if near:
        return lower[near[0]]
    if field == "text":
        for name in _TEXT_NAMES:
            if name in lower and (row is None or isinstance(row.get(lower[name]), str)):
                return lower[name]
    path = next(_paths(row or {}, field), "")
    if path:
        return path
    others = [(name, given) for name, given in (row or {}).items() if name not in _NO_TEXTS]
    texts = {name: len(given) for name, given in others if given and isinstance(given, str)}
    return max(texts, key=texts.__getitem__, default="")


def _paths(row: Mapping[str, Any], field: str, above: str = "", depth: int = 4) -> Iterator[str]:
    """Paths within a row that end in a field."""
    for name, given in row.items():
        if isinstance(given, Mapping) and depth:
            if field in given:
                yield f"{above}{name}.{field}"
            yield from _paths(given, field, f"{above}{name}.", depth - 1)


def option_of(field: str, fields: FieldNames) -> str:
    """The option of the command that names a field of documents, empty where there is none."""
    return next((f"--{name.replace('_', '-')}" for name in _FIELDS if getattr(fields, name) == field), "")
