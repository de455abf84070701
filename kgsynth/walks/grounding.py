"""The documents of a combination: those with the largest Jaccard similarity of term sets, ties by document id."""

from collections.abc import Sequence
from dataclasses import replace

from kgsynth import queries
from kgsynth.records import Combination, GroundingDocument
from kgsynth.walks.cypher_engine import QueryReader

_DOCUMENTS = queries.load("ground/documents_of_combinations")
_WALKED = queries.load("ground/walked_documents")


def ground(
    reader: QueryReader, batch: Sequence[Combination], *, limit: int, is_walked: bool = False
) -> list[Combination]:
    """The same combinations with their `limit` best documents; none if no document mentions any of the terms.

    Args:
        reader: runs the queries on the graph.
        batch: combinations.
        limit: maximum number of documents per combination.
        is_walked: choose only among the documents that the walk went through.
    """
    if limit == 0 or not batch:
        return list(batch)
    wanted = [
        {
            "id": combination.id,
            "terms": list(combination.terms),
            "through": sorted({document for document in combination.through if document}),
        }
        for combination in batch
    ]
    query = _WALKED if is_walked else _DOCUMENTS
    documents_of = {row["id"]: row["documents"] for row in reader.read(query, combinations=wanted, limit=limit)}
    return [
        replace(
            combination,
            documents=tuple(GroundingDocument(**document) for document in documents_of.get(combination.id, ())),
        )
        for combination in batch
    ]
