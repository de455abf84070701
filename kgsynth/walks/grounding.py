"""The documents that a combination stands in: largest Jaccard similarity of term sets, ties by document id."""

from collections.abc import Sequence
from dataclasses import replace

from kgsynth import queries
from kgsynth.records import Combination, GroundingDocument
from kgsynth.walks.cypher_engine import QueryReader

_DOCUMENTS = queries.load("ground/documents_of_combinations")


def ground(reader: QueryReader, batch: Sequence[Combination], *, limit: int) -> list[Combination]:
    """The same combinations with their `limit` best documents; none where no document mentions any of the terms."""
    if limit == 0 or not batch:
        return list(batch)
    wanted = [{"id": combination.id, "terms": list(combination.terms)} for combination in batch]
    found = {row["id"]: row["documents"] for row in reader.read(_DOCUMENTS, combinations=wanted, limit=limit)}
    return [
        replace(
            combination, documents=tuple(GroundingDocument(**document) for document in found.get(combination.id, ()))
        )
        for combination in batch
    ]
