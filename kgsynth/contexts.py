"""Contexts and their terms as arrays, from which walk tables, grounding and co-occurrences are computed.

A context is a document, or a counted pair of terms (`kgsynth.walk_law`). Terms are represented by their index in order
of ids: all concepts come before all topics. Contexts are in the order of their slots, which is the order in
which they were added to the graph.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import walk_law
from kgsynth.records import Kind

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]

# Maximum number of products, for a block of terms with all others, that are in memory at once.
_BLOCK_PRODUCTS = 10_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Contexts:
    """The terms of each context, each term once.

    Attributes:
        terms: ids of all terms, sorted.
        documents: per context the id of its document; empty for a counted pair.
        offsets: int64 (contexts + 1,), offsets into `members`.
        members: int32, indices of terms, sorted within each context.
        weights: int64 (contexts,): 1 for a document, the count for a counted pair.
        slots: int64 (contexts,), increasing.
    """

    terms: Sequence[str]
    documents: Sequence[str]
    offsets: Int64
    members: Int32
    weights: Int64
    slots: Int64

    @property
    def first_topic(self) -> int:
        """The index of the first topic; topics come after all concepts."""
        return first_topic(self.terms)

    @property
    def is_document(self) -> NDArray[np.bool_]:
        """Whether each context is a document rather than a counted pair; bool (contexts,)."""
        return np.fromiter((bool(identity) for identity in self.documents), dtype=np.bool_, count=len(self.documents))

    @property
    def sizes(self) -> Int64:
        """The number of terms of each context; int64 (contexts,)."""
        return np.diff(self.offsets)

    @property
    def concept_counts(self) -> Int64:
        """The number of concepts of each context; they come before its topics; int64 (contexts,)."""
        before = np.concatenate([[0], np.cumsum(self.members < self.first_topic)])
        return np.asarray(before[self.offsets[1:]] - before[self.offsets[:-1]], dtype=np.int64)

    def run_lengths(self, to: Kind) -> Int64:
        """The number of tickets that each context gives to each member, for steps to a kind; int64 (members,)."""
        of_context = {"concepts": self.concept_counts, "terms": self.sizes, "weight": self.weights}
        of_concepts, of_topics = (walk_law.run_length(kind, to, **of_context) for kind in ("concept", "topic"))
        lengths = np.repeat(of_concepts, self.sizes)
        lengths[self.members >= self.first_topic] = np.repeat(of_topics, self.sizes - self.concept_counts)
        return lengths

    def by_term(self) -> tuple[Int64, NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
        """The members grouped by term, and by context within each term.

        Returns:
            Offsets int64 (terms + 1,); indices into `members` and the contexts of these members, both (members,), with
            the smallest integer types that suffice.
        """
        from scipy.sparse import csr_array

        indices = np.arange(len(self.members), dtype=np.min_scalar_type(-len(self.members) - 1))
        by_term = csr_array((indices, self.members, self.offsets), shape=(len(self.weights), len(self.terms))).tocsc()
        return by_term.indptr.astype(np.int64), by_term.data, by_term.indices

    def blocks(self, members: int) -> Iterator[slice]:
        """Consecutive slices of the contexts with about `members` members each, and at least one context."""
        first = 0
        while first < len(self.weights):
            last = int(np.searchsorted(self.offsets, self.offsets[first] + members, side="right")) - 1
            last = max(first + 1, last)
            yield slice(first, last)
            first = last

    def document_counts(self) -> Int64:
        """The number of documents (without counted pairs) that hold each term; int64 (terms,)."""
        members_of_documents = self.members[np.repeat(self.is_document, self.sizes)]
        return np.bincount(members_of_documents, minlength=len(self.terms)).astype(np.int64)


def first_topic(terms: Sequence[str]) -> int:
    """The index of the first topic among sorted term ids."""
    return bisect_left(terms, "topic:")


def of_pairs(
    terms: Sequence[str], documents: Sequence[str], owners: NDArray[Any], members: NDArray[Any], weights: Int64
) -> Contexts:
    """Contexts with slots from 0, from (context, term) pairs; duplicate pairs count once.

    Args:
        terms: sorted ids.
        documents: per context the id of its document, or an empty string.
        owners: indices of contexts; (pairs,).
        members: indices of the terms that these contexts hold; (pairs,).
        weights: int64 (contexts,).
    """
    order = np.lexsort((members, owners))
    owners, members = owners[order], members[order]
    is_new = np.ones(len(members), dtype=np.bool_)
    is_new[1:] = (owners[1:] != owners[:-1]) | (members[1:] != members[:-1])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners[is_new], minlength=len(documents)))]).astype(np.int64)
    return Contexts(terms, documents, offsets, members[is_new].astype(np.int32), weights, np.arange(len(weights)))


def laid_tickets(lengths: Int64, offsets: Int64) -> tuple[Int64, Int64]:
    """The first ticket after each run, counted from 0 for each term, and the number of tickets of each term.

    Args:
        lengths: int64 (members,), the number of tickets of each run, in the order of terms.
        offsets: int64 (terms + 1,), offsets of the terms into `lengths`.

    Returns:
        int64 (members,) and int64 (terms,).
    """
    running = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=running[1:])
    before = running[offsets]
    ends = running[1:]
    ends -= np.repeat(before[:-1], np.diff(offsets))
    return ends, np.diff(before)


@dataclass(frozen=True, slots=True, eq=False)
class PairBlock:
    """Co-occurrences of the terms `first` to `last`, excluding `last`.

    `rows`, `others` and `counts` are int64 (pairs,), ordered by `rows`: a term, another term, and the number of
    documents that hold both. A counted pair adds its count.
    """

    first: int
    last: int
    rows: Int64
    others: Int64
    counts: Int64


def co_occurrences(contexts: Contexts) -> Iterator[PairBlock]:
    """All co-occurring pairs, each listed for both of its terms, for one block of terms at a time."""
    from scipy.sparse import csr_array

    shape = (len(contexts.weights), len(contexts.terms))
    ones = np.ones(len(contexts.members), dtype=np.int64)
    incidence = csr_array((ones, contexts.members, contexts.offsets), shape=shape)
    weighted = csr_array((np.repeat(contexts.weights, contexts.sizes), contexts.members, contexts.offsets), shape=shape)
    by_term = incidence.tocsc()
    cumulative_products = np.concatenate([[0], np.cumsum(contexts.sizes[by_term.indices])])[by_term.indptr]
    first = 0
    while first < len(contexts.terms):
        last = max(
            first + 1,
            int(np.searchsorted(cumulative_products, cumulative_products[first] + _BLOCK_PRODUCTS, side="right")) - 1,
        )
        counts = (by_term[:, first:last].T.tocsr() @ weighted).tocoo()
        rows, others = counts.coords[0].astype(np.int64) + first, counts.coords[1].astype(np.int64)
        is_other = rows != others
        yield PairBlock(first, last, rows[is_other], others[is_other], counts.data[is_other])
        first = last


def strongest(block: PairBlock, limit: int) -> NDArray[np.bool_]:
    """Whether each pair is among the `limit` pairs of its term with the largest counts, ties by id; bool (pairs,)."""
    order = np.lexsort((block.others, -block.counts, block.rows))
    starts = np.searchsorted(block.rows[order], block.rows[order])
    is_strong = np.zeros(len(order), dtype=np.bool_)
    is_strong[order[np.arange(len(order)) - starts < limit]] = True
    return is_strong


def pair_bound(contexts: Contexts) -> int:
    """An upper bound on the number of co-occurring pairs: the number if no pair occurred in two contexts."""
    return int((contexts.sizes * (contexts.sizes - 1)).sum()) // 2


def id_hash(identity: str) -> int:
    """A 64-bit hash of an id, for digests."""
    return int.from_bytes(hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def pair_id(first: str, second: str) -> str:
    """The id of a counted pair, from the ids of its terms before merging, the smaller first."""
    return f"{first}\n{second}"


def digests(
    hashes: NDArray[np.uint64], slots: Int64, weights: Int64, term_hashes: NDArray[np.uint64], offsets: Int64
) -> NDArray[np.uint64]:
    """The summand of each context in the digest of a graph, which is their sum modulo 2**64; uint64 (contexts,).

    Graphs with the same digest hold the same terms in the same documents in the same order, and give the same walks.

    Args:
        hashes: uint64 (contexts,), hashes of the ids of documents or counted pairs.
        slots: int64 (contexts,).
        weights: int64 (contexts,).
        term_hashes: uint64 (members,), hashes of the ids of the terms.
        offsets: int64 (contexts + 1,), offsets of the contexts into `term_hashes`.
    """
    running = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(_mix(term_hashes), dtype=np.uint64)])
    term_sums = running[offsets[1:]] - running[offsets[:-1]]
    return _mix(hashes ^ _mix(slots.astype(np.uint64) + _mix(term_sums ^ _mix(weights.astype(np.uint64)))))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finisher of splitmix64 (Steele, Lea and Flood 2014).
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
