"""Concept annotations as JSON Lines: `{id, topics: [{name, concepts: [...]}]}`."""

from collections.abc import Iterator

from kgsynth.config import FieldNames
from kgsynth.records import Annotation, Reject
from kgsynth_loaders import jsonl, rows


def annotations(source: str, fields: FieldNames) -> Iterator[Annotation | Reject]:
    """One annotation an object."""
    return jsonl.records(source, lambda row: rows.annotation(row, fields))
