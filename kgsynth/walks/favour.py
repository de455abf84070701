"""Steering by coverage: weights that favour concepts, and pairs of them, that earlier combinations have not used.

The weight of a concept is 1 / (1 + uses) * (1 + unused pairs) / (1 + pairs): uses are earlier combinations that visit
it, pairs its co-occurring concepts, unused those that no earlier combination visits together with it. Topics weigh 1. A
walk with these weights keeps its law: a step has the chance count * weight / sum of these.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kgsynth.walks.law import WEIGHT_UNITS


@dataclass(frozen=True, slots=True)
class Coverage:
    """What combinations have used: how many visit each concept, and the pairs of concepts visited together."""

    uses: Mapping[str, int]
    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, combinations: Iterable[Sequence[str]]) -> "Coverage":
        """Count combinations, each given as the ids of its concepts."""
        uses: dict[str, int] = {}
        pairs: set[tuple[str, str]] = set()
        for combination in combinations:
            concepts = sorted(set(combination))
            for place, first in enumerate(concepts):
                uses[first] = uses.get(first, 0) + 1
                pairs.update((first, second) for second in concepts[place + 1 :])
        return cls(uses, frozenset(pairs))


def unused_weights(neighbours: Mapping[str, Sequence[str]], coverage: Coverage) -> dict[str, int]:
    """The weights in thousandths, at least 1, so that nothing becomes impossible.

    Args:
        neighbours: for each concept the concepts that it co-occurs with.
        coverage: of the earlier combinations.
    """
    weights = {}
    for concept, others in neighbours.items():
        unused = sum((min(concept, other), max(concept, other)) not in coverage.pairs for other in others)
        weight = (1 + unused) / (1 + len(others)) / (1 + coverage.uses.get(concept, 0))
        weights[concept] = max(1, int(weight * WEIGHT_UNITS + 0.5))
    return weights
