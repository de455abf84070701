"""Read concept lists: a text file with one name per line, or a table with columns of names and synonyms."""

from collections.abc import Iterator, Mapping
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import ConceptName, Position, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import rows, tables, text_lines

_NAME = "name"


def concepts(source: str, fields: FieldNames) -> Iterator[ConceptName | Reject | Remark]:
    """Yield a name per line of a .txt file (`#` starts a comment), or the names and synonyms of a table's rows.

    Raises:
        ConfigError: the source cannot be used, or its table has no column `name`.
    """
    if text_lines.without_packing(source).lower().endswith(".txt"):
        yield from _concepts_of_lines(source, fields)
        return
    for row in tables.records(source, fields, lambda row, position: _names(row, fields, position), needed=(_NAME,)):
        if isinstance(row, list):
            yield from row
        else:
            yield row


def _concepts_of_lines(source: str, fields: FieldNames) -> Iterator[ConceptName | Reject | Remark]:
    for line in text_lines.lines(source, fields.encoding):
        if not isinstance(line, tuple):
            yield line
        elif not line[1].lstrip().startswith("#"):
            name = line[1].strip()
            problem = rows.bad_name(name)
            position = Position(source=source, line=line[0])
            yield rows.name_reject(name, problem, position) if problem else ConceptName(name=name)


def _names(row: Mapping[str, Any], fields: FieldNames, position: Position) -> list[ConceptName | Reject]:
    """Return the name of a row with its synonyms, and a reject for each unusable synonym."""
    raw_name = rows.value(row, _NAME)
    if not isinstance(raw_name, str) or not raw_name.strip():
        raise RecordError(f"no name in field {_NAME!r}")
    name = raw_name.strip()
    problem = rows.bad_name(name)
    if problem:
        raise RecordError(problem)
    concepts: list[ConceptName | Reject] = [ConceptName(name=name)]
    for synonym in rows.names(row, fields.synonyms_field):
        problem = rows.bad_name(synonym)
        concepts.append(
            rows.name_reject(synonym, problem, position) if problem else ConceptName(name=synonym, synonym_of=name)
        )
    return concepts
