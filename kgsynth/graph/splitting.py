"""Refuse documents that the graph already holds with a different split into parts."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from kgsynth import queries
from kgsynth.batching import sized_batches
from kgsynth.graph.session import Graph
from kgsynth.records import Document, StageCount
from kgsynth.rejects import RejectFile, refuse

_HELD_PARTS = queries.load("forget/held_parts")
_HELD_WHOLE = queries.load("forget/held_whole")
_OTHER_SPLITTING = "the graph holds its document split otherwise, or with another text"
# Limits of a batch of documents that are looked up together.
_BATCH_CHARS = 4_000_000
_BATCH_DOCUMENTS = 1_000

_Group = list[Document]


def of_one_splitting(
    graph: Graph, documents: Iterable[Document], rejects: RejectFile, count: StageCount
) -> Iterator[Document]:
    """The documents without those whose parts conflict with another split of the same document in the graph.

    Args:
        graph: may hold documents of an earlier load, whole or in parts; parts that a killed load did not write pass.
        documents: documents or parts, with the parts of one document in sequence.
        rejects: receives the refused documents.
        count: must have counted every document as kept.
    """
    for groups in _batches(documents):
        rows = graph.read(_HELD_PARTS, ids=[_whole_id(group[0]) for group in groups])
        parts = {row["id"]: {part["id"]: part["content_hash"] for part in row["parts"]} for row in rows}
        parents = [group[0].parent for group in groups if group[0].parent]
        whole = {row["id"] for row in graph.read(_HELD_WHOLE, ids=parents)} if parents else set()
        for group in groups:
            identity = _whole_id(group[0])
            for document in _conflicting(group, parts.get(identity, {}), is_held_whole=identity in whole):
                refuse(document.id, _OTHER_SPLITTING, rejects, count)
                group.remove(document)
            yield from group


def _whole_id(document: Document) -> str:
    return document.parent or document.id


def _batches(documents: Iterable[Document]) -> Iterator[list[_Group]]:
    """Batches of groups, each group with the parts of one document."""
    groups = (list(parts) for _, parts in groupby(documents, key=_whole_id))
    return sized_batches(
        groups, lambda group: sum(len(part.text) for part in group), max_items=_BATCH_DOCUMENTS, max_size=_BATCH_CHARS
    )


def _conflicting(group: _Group, held: dict[str, str | None], *, is_held_whole: bool) -> list[Document]:
    """The documents of a group that conflict with another split of the same document in the graph."""
    if not group[0].parent:
        return group[:] if held else []
    if is_held_whole:
        return group[:]
    # An annotation may refer to a part before its text is loaded; such a part has no content hash.
    different = [part for part in group if held.get(part.id) != part.content_hash()]
    return different if any(held.get(part.id) for part in different) else []
