"""Grounding on arrays: the documents of combinations by an inverted index, those of the query in `grounding`.

Terms are taken from the rarest to the most common. As soon as no document that was not met yet can reach the worst of
the best, only those that were met are looked up in the postings that are left.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.records import Combination, GroundingDocument
from kgsynth.walks.tables import put

_FORMAT = 1
# Fewer combinations are not worth a thread.
_LEAST_SHARE = 100
_PARTS = ("offsets", "postings", "sizes", "least")


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
    return index_of_pairs(terms, documents, owners, mentioned)


def index_of_pairs(
    terms: Mapping[str, int], documents: Sequence[str], owners: NDArray[np.int32], mentioned: NDArray[np.int32]
) -> Index:
    """The index of pairs of a document and a term that it mentions, each pair once.

    Args:
        terms: places of term ids.
        documents: ids, in the order that decides between equals.
        owners: int32 (pairs,), places of documents.
        mentioned: int32 (pairs,), places of terms.
    """
    sizes = np.bincount(owners, minlength=len(documents)).astype(np.int32)
    order = np.lexsort((owners, mentioned))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(mentioned, minlength=len(terms)))]).astype(np.int64)
    postings = owners[order]
    least = np.zeros(len(terms), dtype=np.int32)
    used = offsets[1:] > offsets[:-1]
    if used.any():
        least[used] = np.minimum.reduceat(sizes[postings], offsets[:-1][used])
    return Index(terms, documents, offsets, postings, sizes, least)


def save(index: Index, folder: Path) -> None:
    """Keep an index in a folder, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent, ignore_cleanup_errors=True) as desk:
        partial = Path(desk) / "index"
        partial.mkdir()
        for part in _PARTS:
            np.save(partial / f"{part}.npy", getattr(index, part))
        names = {"format": _FORMAT, "terms": sorted(index.terms, key=index.terms.__getitem__)}
        (partial / "names.json").write_text(json.dumps(names | {"documents": list(index.documents)}), encoding="utf-8")
        put(partial, folder)


def load(folder: Path) -> Index | None:
    """The index of a folder, mapped into memory; None where it holds none."""
    try:
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        if names["format"] != _FORMAT:
            return None
        arrays = [np.load(folder / f"{part}.npy", mmap_mode="r") for part in _PARTS]
        os.utime(folder)
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
    return Index({one: place for place, one in enumerate(names["terms"])}, names["documents"], *arrays)


def ground(index: Index, batch: Sequence[Combination], *, limit: int) -> list[Combination]:
    """The same combinations with their `limit` best documents, as `grounding.ground` gives them."""
    if limit == 0 or not batch:
        return list(batch)
    width = max(len(combination.terms) for combination in batch)
    known = np.full((len(batch), width), -1, dtype=np.int64)
    for row, combination in enumerate(batch):
        own = [index.terms[one] for one in combination.terms if one in index.terms]
        known[row, : len(own)] = own
    sizes = np.array([len(combination.terms) for combination in batch], dtype=np.int64)
    places, jaccard = ground_places(index, known, sizes, limit=limit)
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


def ground_places(
    index: Index, known: NDArray[np.int64], sizes: NDArray[np.int64], *, limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best documents of combinations, as numbers.

    Args:
        index: of the documents.
        known: int64 (combinations, width), places of their terms in the index; -1 for none.
        sizes: int64 (combinations,), how many terms each has, known or not.
        limit: documents of each at most.

    Returns:
        Places of documents int64 (combinations, limit), -1 for none, and similarities float64 of the same shape.
    """
    places = np.full((len(known), limit), -1, dtype=np.int64)
    jaccard = np.zeros((len(known), limit), dtype=np.float64)
    is_known = known >= 0
    starts = np.concatenate([[0], np.cumsum(is_known.sum(axis=1))]).astype(np.int64)
    flat = known[is_known]
    arrays = (index.offsets, index.postings, index.sizes, index.least)

    def some(first: int, last: int) -> None:
        _ground(*arrays, starts[first : last + 1], flat, sizes[first:last], places[first:last], jaccard[first:last])

    workers = max(1, min(os.cpu_count() or 1, len(known) // _LEAST_SHARE))
    bounds = np.linspace(0, len(known), workers + 1).astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(some, bounds[:-1], bounds[1:]))
    return places, jaccard


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
            if is_closed:
                count = _still_possible(shared, met, count, sizes, term_counts[row], len(own) - rank, jaccard[row, -1])
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
def _still_possible(shared: Any, met: Any, count: int, sizes: Any, term_count: int, left: int, worst: float) -> int:
    """Drop the documents that cannot reach the worst of the best with all terms that are left; how many stay."""
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
