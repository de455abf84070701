"""Concept annotations as JSON Lines or another table: `{id, topics: [{name, concepts: [...]}]}`."""

from collections.abc import Iterator

from kgsynth.config import FieldNames
from kgsynth.records import Annotation, Reject, Remark
from kgsynth_loaders import rows, tables


def annotations(source: str, fields: FieldNames) -> Iterator[Annotation | Reject | Remark]:
    """One annotation an object, and a reject for each of its names that is none.

    Raises:
        ConfigError: the source cannot be used.
    """
    needed = (fields.topics_field,)
    for found in tables.records(source, fields, lambda row, position: rows.annotations(row, fields, position), needed):
        if isinstance(found, list):
            yield from found
        else:
            yield found
