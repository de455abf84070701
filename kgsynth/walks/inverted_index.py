"""Grounding on arrays: finds the same documents as the queries of `grounding`, from the walk tables.

The terms of a combination are processed from the rarest to the most common. As soon as no unseen document can be better
than the worst of the best documents found, the runs of the remaining terms are skipped. Instead these terms are
searched for among the members of the documents already seen.
"""

import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.records import Combination, GroundingDocument
from kgsynth.walks.walk_tables import WalkTables

# Minimum number of combinations per thread.
_LEAST_SHARE = 100


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The documents of each term (in `tables`), the index of each term, and the number of terms of each document.

    `ordered` are the indices of documents among the contexts in the order of their ids, int64 (documents,).
    """

    tables: WalkTables
    places: Mapping[str, int]
    sizes: NDArray[np.int32]
    ordered: NDArray[np.int64]

    @classmethod
    def of(cls, tables: WalkTables) -> "Index":
        """The index of a graph, without a lens."""
        ranks = np.asarray(tables.ranks)
        documents = np.flatnonzero(ranks >= 0)
        ordered = np.empty(len(documents), dtype=np.int64)
        ordered[ranks[documents]] = documents
        return cls(tables, {identity: index for index, identity in enumerate(tables.ids)}, tables.sizes, ordered)

    def document_place(self, document: str) -> int:
        """The index of a document among the contexts; -1 if there is no such document."""

        def named(place: np.int64) -> str:
            return str(self.tables.documents[int(place)].as_py())

        at = bisect_left(self.ordered, document, key=named)
        return int(self.ordered[at]) if at < len(self.ordered) and named(self.ordered[at]) == document else -1


def ground(index: Index, batch: Sequence[Combination], *, limit: int, is_walked: bool = False) -> list[Combination]:
    """The same combinations with their `limit` best documents, like `grounding.ground`."""
    if limit == 0 or not batch:
        return list(batch)
    width = max(len(combination.terms) for combination in batch)
    known = np.full((len(batch), width), -1, dtype=np.int64)
    for row, combination in enumerate(batch):
        known[row, : len(combination.terms)] = [index.places.get(one, -1) for one in combination.terms]
    sizes = np.array([len(combination.terms) for combination in batch], dtype=np.int64)
    if is_walked:
        places, jaccard = ground_walked(index, known.astype(np.int32), _through(index, batch), limit=limit)
    else:
        places, jaccard = ground_places(index, known, sizes, limit=limit)
    return [
        replace(
            combination,
            documents=tuple(
                GroundingDocument(id=index.tables.documents[place].as_py(), jaccard=similarity)
                for place, similarity in zip(own, similarities, strict=True)
                if place >= 0
            ),
        )
        for combination, own, similarities in zip(batch, places.tolist(), jaccard.tolist(), strict=True)
    ]


def _through(index: Index, batch: Sequence[Combination]) -> NDArray[np.int32]:
    """The contexts of walked documents, int32 (combinations, steps), -1 for none."""
    wanted = {document for combination in batch for document in combination.through if document}
    places = {document: index.document_place(document) for document in wanted}
    through = np.full((len(batch), max(1, *(len(one.through) for one in batch))), -1, dtype=np.int32)
    for row, combination in enumerate(batch):
        through[row, : len(combination.through)] = [places.get(one, -1) for one in combination.through]
    return through


def ground_places(
    index: Index, known: NDArray[np.int64], sizes: NDArray[np.int64], *, limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best documents of combinations, as arrays.

    Args:
        index: index of the documents.
        known: int64 (combinations, width), indices of their terms; -1 for unknown terms and padding.
        sizes: int64 (combinations,), number of terms of each combination.
        limit: maximum number of documents per combination.

    Returns:
        Indices of documents among the contexts int64 (combinations, limit), -1 for none, and similarities float64 of
        the same shape.
    """
    places = np.full((len(known), limit), -1, dtype=np.int64)
    jaccard = np.zeros((len(known), limit), dtype=np.float64)
    is_known = known >= 0
    starts = np.concatenate([[0], np.cumsum(is_known.sum(axis=1))]).astype(np.int64)
    flat = known[is_known]
    tables = index.tables
    table = tables.runs["concept"]
    held = (np.asarray(table.nodes), np.asarray(table.runs), tables.shift, np.asarray(tables.ranks))
    arrays = (*held, np.asarray(tables.where), np.asarray(tables.members), index.sizes, np.asarray(tables.least))

    def ground_range(first: int, last: int) -> None:
        _ground(*arrays, starts[first : last + 1], flat, sizes[first:last], places[first:last], jaccard[first:last])

    workers = max(1, min(os.cpu_count() or 1, len(known) // _LEAST_SHARE))
    bounds = np.linspace(0, len(known), workers + 1).astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(ground_range, bounds[:-1], bounds[1:]))
    return places, jaccard


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ground(
    nodes: Any,
    runs: Any,
    shift: int,
    ranks: Any,
    where: Any,
    members: Any,
    sizes: Any,
    least: Any,
    starts: Any,
    flat: Any,
    term_counts: Any,
    places: Any,
    jaccard: Any,
) -> None:
    mask = (np.int64(1) << shift) - 1
    shared = np.zeros(len(sizes), dtype=np.int16)
    met = np.empty(len(sizes), dtype=np.int32)
    largest = sizes.max() if len(sizes) else 0
    for row in range(len(term_counts)):
        own = flat[starts[row] : starts[row + 1]]
        lengths = np.empty(len(own), dtype=np.int64)
        for place in range(len(own)):
            lengths[place] = nodes[own[place], 1] & mask
        order = np.argsort(lengths)
        count = 0
        is_closed = False
        for rank in range(len(own)):
            term = own[order[rank]]
            first = nodes[term, 0]
            last = first + (nodes[term, 1] & mask)
            if not is_closed and rank > 0:
                left = len(own) - rank
                smallest = np.int64(largest)
                for later in range(rank, len(own)):
                    if least[own[order[later]]] < smallest:
                        smallest = least[own[order[later]]]
                smallest = max(smallest, np.int64(left))
                _best(shared, met, count, sizes, ranks, term_counts[row], places[row], jaccard[row])
                # At best an unseen document holds all remaining terms and as few other terms as possible.
                is_closed = jaccard[row, -1] > left / (term_counts[row] + smallest - left)
            if is_closed:
                count = _still_possible(shared, met, count, sizes, term_counts[row], len(own) - rank, jaccard[row, -1])
            if is_closed and count < last - first:
                for place in range(count):
                    document = met[place]
                    shared[document] += _holds(members, where[document, 0], where[document + 1, 0], term)
            else:
                for place in range(first, last):
                    document = runs[place] & mask
                    if document >= len(sizes):  # a counted pair
                        continue
                    if shared[document] > 0:
                        shared[document] += 1
                    elif not is_closed:
                        shared[document] = 1
                        met[count] = document
                        count += 1
        _best(shared, met, count, sizes, ranks, term_counts[row], places[row], jaccard[row])
        for place in range(count):
            shared[met[place]] = 0


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _holds(members: Any, low: int, high: int, term: int) -> bool:
    """Whether a term is among the sorted members from `low` to `high`, excluding `high`."""
    end = high
    while low < high:
        middle = (low + high) // 2
        if members[middle] < term:
            low = middle + 1
        else:
            high = middle
    return bool(low < end and members[low] == term)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _still_possible(shared: Any, met: Any, count: int, sizes: Any, term_count: int, left: int, worst: float) -> int:
    """Drop the documents that cannot become one of the best even with all remaining terms; returns how many remain."""
    stays = 0
    for place in range(count):
        document = met[place]
        most = min(shared[document] + left, sizes[document])
        if most / (term_count + sizes[document] - most) >= worst:
            met[stays] = document
            stays += 1
        else:
            shared[document] = 0
    return stays


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _best(
    shared: Any, met: Any, count: int, sizes: Any, ranks: Any, term_count: int, places: Any, jaccard: Any
) -> None:
    """The best of the documents seen, by the terms that they share so far; ties are in the order of ids."""
    limit = len(places)
    places[:] = -1
    jaccard[:] = 0.0
    for place in range(count):
        document = met[place]
        own = np.float64(shared[document]) / np.float64(term_count + sizes[document] - shared[document])
        rank = ranks[document]
        worst = places[limit - 1]
        if own < jaccard[limit - 1] or (own == jaccard[limit - 1] and worst >= 0 and ranks[worst] < rank):
            continue
        at = limit - 1
        while at > 0 and (own > jaccard[at - 1] or (own == jaccard[at - 1] and rank < ranks[places[at - 1]])):
            places[at], jaccard[at] = places[at - 1], jaccard[at - 1]
            at -= 1
        places[at], jaccard[at] = document, own


def ground_walked(
    index: Index, ordered: NDArray[np.int32], through: NDArray[np.int32], *, limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best of the documents that walks went through, in the form that `ground_places` returns.

    Args:
        index: index of the documents.
        ordered: int32 (walks, width), sorted indices of the terms of each walk, with repeats; -1 for none.
        through: int32 (walks, steps), contexts of the steps; -1 for none.
        limit: maximum number of documents per walk.
    """
    places = np.full((len(ordered), limit), -1, dtype=np.int64)
    jaccard = np.zeros((len(ordered), limit), dtype=np.float64)
    tables = index.tables
    held = (np.asarray(tables.where), np.asarray(tables.members), np.asarray(tables.ranks))
    _ground_walked(*held, index.sizes, ordered, through, places, jaccard)
    return places, jaccard


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ground_walked(
    where: Any, members: Any, ranks: Any, sizes: Any, ordered: Any, through: Any, places: Any, jaccard: Any
) -> None:
    shared = np.zeros(len(sizes), dtype=np.int16)
    met = np.empty(through.shape[1], dtype=np.int32)
    for row in range(len(ordered)):
        terms = np.unique(ordered[row][ordered[row] >= 0])
        count = 0
        for step in range(through.shape[1]):
            document = through[row, step]
            if document < 0 or sizes[document] == 0 or shared[document] > 0:
                continue
            met[count] = document
            count += 1
            for term in terms:
                shared[document] += _holds(members, where[document, 0], where[document + 1, 0], term)
        _best(shared, met, count, sizes, ranks, len(terms), places[row], jaccard[row])
        for place in range(count):
            shared[met[place]] = 0
