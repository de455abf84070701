"""Convert the fields of a row for which no option has a name: authors, addresses and tags, and metadata.

They are read like front matter. Long and nested values are not kept, and a remark names their fields.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from kgsynth.records import Position, Remark
from kgsynth.settings import FieldNames
from kgsynth.texts import NO_TEXT
from kgsynth_loaders import front_matter

# Maximum length of a value that is kept as metadata; longer values are texts or vectors.
LONGEST_CHARS = 1000
_MOST_FIELDS = 100
_OPTIONS = (
    "text_field", "id_field", "title_field", "topics_field", "concepts_field", "synonyms_field", "kind_field",
    "source_field", "license_field", "attribution_field",
)  # fmt: skip
_SCALARS = (str, int, float, Decimal, date, time, UUID)
_IN_LISTS = (*_SCALARS, type(None))
# Fields that kgsynth writes; values that it does not write are metadata.
_WRITTEN = frozenset({"date", "parent", "pages", "section", "score"})
# Columns that pandas adds for its index.
_INDEX = ("Unnamed:", "__index_level_")
_MOST_NAMED = 20


class OtherFields:
    """Converts the other fields of rows, and counts the values that are not kept."""

    def __init__(self, fields: FieldNames) -> None:
        names = [getattr(fields, option) for option in _OPTIONS]
        self._known = {*names, *(name.split(".")[0] for name in names), "entry_kind"}
        self._plans: dict[tuple[str, ...], list[tuple[str, str, str]]] = {}
        self._left_out: dict[str, int] = {}

    def leave_out(self, names: Iterable[str]) -> None:
        """Record columns that are not read."""
        for name in names:
            self._left_out.setdefault(name, 0)

    def add(self, row: Mapping[str, Any], document_fields: dict[str, Any]) -> None:
        """Add the other fields of a row to the fields of a document; fields that are set are not changed."""
        keys = tuple(row)
        plan = self._plans.get(keys)
        if plan is None:
            plan = self._plan(keys)
            if len(self._plans) < _MOST_FIELDS:
                self._plans[keys] = plan
        metadata: dict[str, str] = {}
        declared: dict[str, Any] = {}
        for key, role, name in plan:
            value = row[key]
            is_read = (key in _WRITTEN and key in document_fields) or (
                key == "metadata" and isinstance(value, (Mapping, list))
            )
            if value is None or value == "" or is_read:
                continue
            text = _text(value, is_nested=bool(role))
            if text is None:
                self._left_out[key] = self._left_out.get(key, 0) + 1
            elif role == "source" and "://" in text and not document_fields.get(role):
                document_fields[role] = text
            elif role and not document_fields.get(role):
                declared[key] = value
            elif text:
                metadata[name] = text
        if declared:
            _add_declared(declared, document_fields, metadata)
        if metadata:
            document_fields["metadata"] = {**metadata, **document_fields.get("metadata", {})}

    def remarks(self, source: str) -> Iterator[Remark]:
        """Yield a remark on the fields of a source that are not kept."""
        if self._left_out:
            named = [f"{name} ({count:,})" if count else name for name, count in self._left_out.items()]
            more = f" and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
            reason = f"nested or longer than {LONGEST_CHARS:,} characters"
            text = f"values not kept as metadata ({reason}): {', '.join(named[:_MOST_NAMED])}{more}"
            yield Remark(position=Position(source=source), text=text)

    def _plan(self, keys: Iterable[str]) -> list[tuple[str, str, str]]:
        """Return the other fields of a row, each with the field of a document that it may set and its metadata name."""
        others = [key for key in keys if isinstance(key, str) and key.strip() and key not in self._known]
        others = [key for key in others if not key.startswith(_INDEX)]
        self.leave_out(others[_MOST_FIELDS:])
        return [(key, front_matter.role(key), front_matter.snake_case(key)) for key in others[:_MOST_FIELDS]]


def _text(value: Any, *, is_nested: bool) -> str | None:
    """Return a value as text, or None if it is too long or nested; fields with a role may have mappings."""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, _SCALARS):
        text = str(value) if isinstance(value, (str, Decimal, UUID)) else front_matter.text_of(value)
    elif isinstance(value, (list, tuple)) and (is_nested or all(isinstance(part, _IN_LISTS) for part in value)):
        text = _json(value) if value else ""
    elif is_nested and isinstance(value, Mapping):
        text = _json(value)
    else:
        return None
    return None if len(text) > LONGEST_CHARS or NO_TEXT.search(text) else text.strip()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _add_declared(declared: dict[str, Any], document_fields: dict[str, Any], metadata: dict[str, str]) -> None:
    """Add authors, a licence, topics and a date as front matter declares them."""
    for key, value in declared.items():
        if isinstance(value, str) and "|" in value and front_matter.role(key) == "topics":
            declared[key] = value.split("|")
    found = front_matter.fields(declared)
    metadata |= found.pop("metadata")
    for name, value in found.items():
        document_fields.setdefault(name, value)
