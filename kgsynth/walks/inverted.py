"""Grounding on arrays: the documents of combinations by an inverted index, those of the query in `grounding`.

Terms are taken from the rarest to the most common. As soon as no document that was not met yet can reach the worst of
the best, only those that were met are looked up in the postings that are left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.records import Combination, GroundingDocument


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Which documents mention each term.

    `offsets` int64 (terms + 1,) into `postings` int32, places of documents in the order of their ids; `sizes` int32
    (documents,) how many terms each mentions; `least` int32 (terms,) the smallest of these sizes in a term's postings.
    """

    terms: Mapping[str, int]
    documents: Sequence[str]
    offsets: NDArray[np.int64]
    postings: NDArray[np.int32]
    sizes: NDArray[np.int32]
    least: NDArray[np.int32]


def index_of(rows: Iterable[Mapping[str, Any]]) -> Index:
    """The index of documents.

    Args:
        rows: each document once, in the order that decides between equals: `id`, and `terms`, each once.
    """
    terms: dict[str, int] = {}
    documents: list[str] = []
    parts: list[NDArray[np.int32]] = []
    for row in rows:
        documents.append(row["id"])
        parts.append(np.array([terms.setdefault(one, len(terms)) for one in row["terms"]], dtype=np.int32))
    sizes = np.array([len(part) for part in parts], dtype=np.int32)
    mentioned = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    owners = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)
    order = np.argsort(mentioned, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(mentioned, minlength=len(terms)))]).astype(np.int64)
    postings = owners[order]
    least = np.minimum.reduceat(sizes[postings], offsets[:-1]) if len(terms) else np.empty(0, dtype=np.int32)
    return Index(terms, documents, offsets, postings, sizes, least.astype(np.int32))


def ground(index: Index, batch: Sequence[Combination], *, limit: int) -> list[Combination]:
    """The same combinations with their `limit` best documents, as `grounding.ground` gives them."""
    if limit == 0 or not batch:
        return list(batch)
    known = [[index.terms[one] for one in combination.terms if one in index.terms] for combination in batch]
    sizes = np.array([len(combination.terms) for combination in batch], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum([len(own) for own in known])]).astype(np.int64)
    flat = np.array([one for own in known for one in own], dtype=np.int64)
    places = np.full((len(batch), limit), -1, dtype=np.int64)
    jaccard = np.zeros((len(batch), limit), dtype=np.float64)
    _ground(index.offsets, index.postings, index.sizes, index.least, starts, flat, sizes, places, jaccard)
    return [
        replace(
            combination,
            documents=tuple(
                GroundingDocument(id=index.documents[place], jaccard=similarity)
                for place, similarity in zip(own, similarities, strict=True)
                if place >= 0
            ),
        )
        for combination, own, similarities in zip(batch, places.tolist(), jaccard.tolist(), strict=True)
    ]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ground(
    offsets: Any,
    postings: Any,
    sizes: Any,
    least: Any,
    starts: Any,
    flat: Any,
    term_counts: Any,
    places: Any,
    jaccard: Any,
) -> None:
    shared = np.zeros(len(sizes), dtype=np.int16)
    met = np.empty(len(sizes), dtype=np.int32)
    largest = sizes.max() if len(sizes) else 0
    for row in range(len(term_counts)):
        own = flat[starts[row] : starts[row + 1]]
        lengths = np.empty(len(own), dtype=np.int64)
        for place in range(len(own)):
            lengths[place] = offsets[own[place] + 1] - offsets[own[place]]
        order = np.argsort(lengths)
        count = 0
        is_closed = False
        for rank in range(len(own)):
            term = own[order[rank]]
            first, last = offsets[term], offsets[term + 1]
            if not is_closed and rank > 0:
                left = len(own) - rank
                smallest = np.int64(largest)
                for later in range(rank, len(own)):
                    if least[own[order[later]]] < smallest:
                        smallest = least[own[order[later]]]
                smallest = max(smallest, np.int64(left))
                _best(shared, met, count, sizes, term_counts[row], places[row], jaccard[row])
                # What was not met can have all of the terms that are left, in a document of no others.
                is_closed = jaccard[row, -1] > left / (term_counts[row] + smallest - left)
            if is_closed and count < last - first:
                for place in range(count):
                    document = met[place]
                    found = first + np.searchsorted(postings[first:last], document)
                    if found < last and postings[found] == document:
                        shared[document] += 1
            else:
                for place in range(first, last):
                    document = postings[place]
                    if shared[document] > 0:
                        shared[document] += 1
                    elif not is_closed:
                        shared[document] = 1
                        met[count] = document
                        count += 1
        _best(shared, met, count, sizes, term_counts[row], places[row], jaccard[row])
        for place in range(count):
            shared[met[place]] = 0


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _best(shared: Any, met: Any, count: int, sizes: Any, term_count: int, places: Any, jaccard: Any) -> None:
    """The best of the documents that were met, by what they share so far; equal ones in their order."""
    limit = len(places)
    places[:] = -1
    jaccard[:] = 0.0
    for place in range(count):
        document = met[place]
        own = np.float64(shared[document]) / np.float64(term_count + sizes[document] - shared[document])
        if own < jaccard[limit - 1] or (own == jaccard[limit - 1] and 0 <= places[limit - 1] < document):
            continue
        at = limit - 1
        while at > 0 and (own > jaccard[at - 1] or (own == jaccard[at - 1] and document < places[at - 1])):
            places[at], jaccard[at] = places[at - 1], jaccard[at - 1]
            at -= 1
        places[at], jaccard[at] = document, own
