"""Documents that the graph holds already, and that come again split in another way."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from kgsynth import queries
from kgsynth.documents import RejectFile
from kgsynth.graph.session import Graph
from kgsynth.pipeline.stages import refuse, sized_batches
from kgsynth.records import Document, StageCount

_HELD = queries.load("forget/held_parts")
_OTHER_SPLITTING = "the graph holds its document split otherwise, or with another text"
# Documents of so many characters are looked up together.
_BATCH_CHARS = 4_000_000
_BATCH_DOCUMENTS = 200

_Group = list[Document]


def of_one_splitting(
    graph: Graph, documents: Iterable[Document], rejects: RejectFile, count: StageCount
) -> Iterator[Document]:
    """The documents without those parts that would stand beside another splitting of the same document.

    Args:
        graph: may hold documents of an earlier load, whole or in parts; those that a killed load left are completed.
        documents: the parts of a document one after another.
        rejects: gets what is refused.
        count: has counted every document as kept.
    """
    for groups in _batches(documents):
        held = {row["id"]: row for row in graph.read(_HELD, ids=[_whole_id(group[0]) for group in groups])}
        for group in groups:
            row = held[_whole_id(group[0])]
            parts = {part["id"]: part["content_hash"] for part in row["parts"]}
            for document in _refused(group, parts, is_held_whole=row["is_whole"]):
                refuse(document.id, _OTHER_SPLITTING, rejects, count)
                group.remove(document)
            yield from group


def _whole_id(document: Document) -> str:
    return document.parent or document.id


def _batches(documents: Iterable[Document]) -> Iterator[list[_Group]]:
    """Groups of the parts of one document each, several at a time."""
    groups = (list(parts) for _, parts in groupby(documents, key=_whole_id))
    return sized_batches(
        groups, lambda group: sum(len(part.text) for part in group), most=_BATCH_DOCUMENTS, most_size=_BATCH_CHARS
    )


def _refused(group: _Group, held: dict[str, str | None], *, is_held_whole: bool) -> list[Document]:
    """What of a document, whole or in parts, would stand beside another splitting of it."""
    if not group[0].parent:
        return group[:] if held else []
    if is_held_whole:
        return group[:]
    # An annotation may have named a part before its text came: it is held without a content.
    other = [part for part in group if held.get(part.id) != part.content_hash()]
    return other if any(held.get(part.id) for part in other) else []
