"""Steering by coverage: weights that favour concepts, and pairs of them, that earlier combinations have not used.

The weight of a concept is 1 / (1 + uses) * (1 + unused pairs) / (1 + pairs). Here uses is the number of earlier
combinations that contain the concept, pairs the number of its co-occurring concepts, and unused pairs the number of
those that no earlier combination contains together with it. Topics have weight 1. The walk law still applies: the
probability of a step is count * weight, divided by the sum of these products.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kgsynth.contexts import Contexts, Int64, co_occurrences
from kgsynth.progress import Progress, Silent
from kgsynth.walks.draws import WEIGHT_UNITS


@dataclass(frozen=True, slots=True)
class Coverage:
    """The use of concepts by combinations: uses per concept, and the pairs of concepts that occur together."""

    uses: Mapping[str, int]
    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, combinations: Iterable[Sequence[str]]) -> "Coverage":
        """Count combinations, each given as the ids of its concepts."""
        uses: dict[str, int] = {}
        pairs: set[tuple[str, str]] = set()
        for combination in combinations:
            concepts = sorted(set(combination))
            for index, first in enumerate(concepts):
                uses[first] = uses.get(first, 0) + 1
                pairs.update((first, second) for second in concepts[index + 1 :])
        return cls(uses, frozenset(pairs))


def unused_weights(contexts: Contexts, coverage: Coverage, progress: Progress | None = None) -> Int64:
    """The weights of all concepts in thousandths, at least 1, so that each can be reached; int64 (concepts,).

    Args:
        contexts: contexts of the graph.
        coverage: coverage by the earlier combinations.
        progress: receives the number of concepts.
    """
    first_topic = contexts.first_topic
    index_of = {term: index for index, term in enumerate(contexts.terms[:first_topic])}
    used = {
        index_of[first] * first_topic + index_of[second]
        for first, second in coverage.pairs
        if first in index_of and second in index_of
    }
    keys = np.array(sorted(used), dtype=np.int64)
    degrees = np.zeros(first_topic, dtype=np.int64)
    used_pairs = np.zeros(first_topic, dtype=np.int64)
    for block in co_occurrences(contexts):
        is_pair = (block.rows < first_topic) & (block.others < first_topic)
        rows, others = block.rows[is_pair], block.others[is_pair]
        degrees += np.bincount(rows, minlength=first_topic)
        pair_keys = np.minimum(rows, others) * first_topic + np.maximum(rows, others)
        used_pairs += np.bincount(rows[np.isin(pair_keys, keys)], minlength=first_topic)
        (progress or Silent()).advance(max(0, min(block.last, first_topic) - min(block.first, first_topic)))
    uses = np.fromiter((coverage.uses.get(term, 0) for term in contexts.terms[:first_topic]), np.int64, first_topic)
    weights = (1 + degrees - used_pairs) / (1 + degrees) / (1 + uses)
    return np.maximum(1, (weights * WEIGHT_UNITS + 0.5).astype(np.int64))
