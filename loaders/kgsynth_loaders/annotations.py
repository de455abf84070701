"""Read concept annotations from JSON Lines or other tables: `{id, topics: [{name, concepts: [...]}]}`."""

from collections.abc import Iterator

from kgsynth.records import Annotation, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import rows, tables


def annotations(source: str, fields: FieldNames) -> Iterator[Annotation | Reject | Remark]:
    """Yield an annotation per object, and a reject for each unusable name.

    Raises:
        ConfigError: the source cannot be used.
    """
    needed = (fields.topics_field,)
    for record in tables.records(source, fields, lambda row, position: rows.annotations(row, fields, position), needed):
        if isinstance(record, list):
            yield from record
        else:
            yield record
