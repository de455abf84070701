"""Co-occurrences counted outside the database, on arrays, for first loads in bulk: those that `derived` counts.

A block of terms is counted at a time. Terms are places in the order of their ids, so that an order by place is an
order by id.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.parallel import in_order

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]

# Pairs of a block that are held at once, and mentions looked at for it.
_BLOCK_PAIRS = 8_000_000
_BLOCK_WORK = 60_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """Which documents mention which terms, each pair once, from both sides.

    `term_offsets` int64 (terms + 1,) into `documents` int32; `document_offsets` int64 (documents + 1,) into `terms`
    int32.
    """

    term_offsets: Int64
    documents: Int32
    document_offsets: Int64
    terms: Int32

    @classmethod
    def of(cls, documents: Int32, terms: Int32, *, document_count: int, term_count: int) -> "Incidence":
        """Of pairs; int32 (mentions,) each. A pair that stands twice counts once."""
        order = np.lexsort((terms, documents))
        documents, terms = documents[order], terms[order]
        is_new = np.ones(len(terms), dtype=np.bool_)
        is_new[1:] = (documents[1:] != documents[:-1]) | (terms[1:] != terms[:-1])
        documents, terms = documents[is_new], terms[is_new]
        by_term = np.argsort(terms, kind="stable")
        return cls(
            _offsets(terms, term_count), documents[by_term], _offsets(documents, document_count), terms
        )  # fmt: skip

    @property
    def term_count(self) -> int:
        """How many terms there are."""
        return len(self.term_offsets) - 1

    @property
    def document_counts(self) -> Int64:
        """How many documents mention each term."""
        return np.diff(self.term_offsets)

    @property
    def term_counts(self) -> Int64:
        """How many terms each document mentions."""
        return np.diff(self.document_offsets)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The neighbours of the terms `first` to `last`, this one not included.

    `offsets` int64 (terms + 1,) into `neighbours` and `counts`, int64; for each term its concepts first, then its
    topics, both in ticket order: count descending, then id.
    """

    first: int
    last: int
    offsets: Int64
    neighbours: Int64
    counts: Int64


def blocks(incidence: Incidence, *, first_topic: int, threads: int) -> Iterator[Block]:
    """All terms with their neighbours, in order.

    Args:
        incidence: of the graph's terms, aliases counted as what they are merged into.
        first_topic: places from here on are topics.
        threads: blocks at once.
    """

    def block(terms: tuple[int, int]) -> Block:
        return _block(incidence, *terms, first_topic)

    return in_order(block, _ranges(incidence), threads=threads, ahead=threads + 1)


def _offsets(places: Int32, count: int) -> Int64:
    return np.concatenate([[0], np.cumsum(np.bincount(places, minlength=count))]).astype(np.int64)


def _work(incidence: Incidence) -> Int64:
    """How many mentions are looked at for each term: those of its documents."""
    sums = np.concatenate([[0], np.cumsum(incidence.term_counts[incidence.documents])])
    return np.diff(sums[incidence.term_offsets])


def _ranges(incidence: Incidence) -> Iterator[tuple[int, int]]:
    work = _work(incidence)
    pairs = np.cumsum(np.minimum(work, incidence.term_count))
    work = np.cumsum(work)
    first = 0
    while first < incidence.term_count:
        before = (pairs[first - 1], work[first - 1]) if first else (0, 0)
        last = min(
            int(np.searchsorted(pairs, before[0] + _BLOCK_PAIRS, side="right")),
            int(np.searchsorted(work, before[1] + _BLOCK_WORK, side="right")),
        )
        last = max(first + 1, last)
        yield first, last
        first = last


def _block(incidence: Incidence, first: int, last: int, first_topic: int) -> Block:
    work = _work_of(incidence, first, last)
    room = int(np.minimum(work, incidence.term_count).sum())
    neighbours, counts = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    offsets = np.zeros(last - first + 1, dtype=np.int64)
    _count(
        incidence.term_offsets,
        incidence.documents,
        incidence.document_offsets,
        incidence.terms,
        first,
        last,
        first_topic,
        offsets,
        neighbours,
        counts,
    )
    used = offsets[-1]
    return Block(first, last, offsets, neighbours[:used], counts[:used])


def _work_of(incidence: Incidence, first: int, last: int) -> Int64:
    bounds = incidence.term_offsets[first : last + 1]
    own = incidence.documents[bounds[0] : bounds[-1]]
    sums = np.concatenate([[0], np.cumsum(incidence.term_counts[own])])
    return np.diff(sums[bounds - bounds[0]])


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(
    term_offsets: Any,
    documents: Any,
    document_offsets: Any,
    terms: Any,
    first: int,
    last: int,
    first_topic: int,
    offsets: Any,
    neighbours: Any,
    counts: Any,
) -> None:
    # 31 bits each for the count and the place, and above them one that is set for topics.
    mask = (np.int64(1) << 31) - 1
    seen = np.zeros(len(term_offsets) - 1, dtype=np.int32)
    keys = np.empty(len(term_offsets) - 1, dtype=np.int64)
    end = 0
    for term in range(first, last):
        found = 0
        for place in range(term_offsets[term], term_offsets[term + 1]):
            document = documents[place]
            for other_place in range(document_offsets[document], document_offsets[document + 1]):
                other = terms[other_place]
                if seen[other] == 0:
                    keys[found] = other
                    found += 1
                seen[other] += 1
        own = 0
        for place in range(found):
            other = keys[place]
            if other != term:
                topic = np.int64(other >= first_topic)
                keys[own] = topic << 62 | (mask - seen[other]) << 31 | other
                own += 1
            seen[other] = 0
        held = np.sort(keys[:own])
        for place in range(own):
            neighbours[end] = held[place] & mask
            counts[end] = mask - (held[place] >> 31 & mask)
            end += 1
        offsets[term - first + 1] = end
