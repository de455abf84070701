"""Concept lists: a text file with one name a line, or a table with a column of names and one of synonyms."""

from collections.abc import Iterator
from typing import Any

from kgsynth.config import FieldNames
from kgsynth.errors import RecordError
from kgsynth.records import ConceptName, Reject
from kgsynth_loaders import rows, tables, text_lines


def concepts(source: str, fields: FieldNames) -> Iterator[ConceptName | Reject]:
    """One name a line of a .txt file (`#` starts a comment), or the names of a table's rows with their synonyms."""
    if source.removesuffix(".gz").removesuffix(".zst").endswith(".txt"):
        for line in text_lines.lines(source):
            if isinstance(line, Reject):
                yield line
            elif not line[1].lstrip().startswith("#"):
                yield ConceptName(name=line[1].strip())
        return
    for row in tables.records(source, fields, lambda row: _names(row, fields)):
        if isinstance(row, Reject):
            yield row
        else:
            yield from row


def _names(row: dict[str, Any], fields: FieldNames) -> list[ConceptName]:
    name = row.get("name")
    if not isinstance(name, str) or not name.strip():
        raise RecordError("no name in field 'name'")
    synonyms = rows.names(row, fields.synonyms_field)
    return [
        ConceptName(name=name.strip()),
        *(ConceptName(name=synonym, synonym_of=name.strip()) for synonym in synonyms),
    ]
