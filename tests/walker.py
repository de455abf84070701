"""The walk law in plain Python, from the counts alone: the reference that every engine is compared with."""

import math
from collections.abc import Mapping, Sequence

Neighbours = Mapping[str, Sequence[tuple[str, int]]]


class ReferenceWalker:
    """Walks over a co-occurrence table, optionally through a lens."""

    def __init__(self, counts: Mapping[tuple[str, str], int], weights: Mapping[str, int] | None = None) -> None:
        """Order each term's neighbours by count descending, then id."""
        self._tables: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for (first, second), count in counts.items():
            for source, target in ((first, second), (second, first)):
                self._tables.setdefault((source, target.partition(":")[0]), []).append((target, count))
        for steps in self._tables.values():
            steps.sort(key=lambda step: (-step[1], step[0]))
        self._weights = weights

    def steps(self, source: str, kind: str) -> list[tuple[str, int]]:
        """Neighbours of a kind with their tickets."""
        found = self._tables.get((source, kind), [])
        if self._weights is None:
            return found
        return [(target, count * self._weights[target]) for target, count in found if self._weights.get(target, 0)]

    def step(self, source: str, kind: str, draw: float) -> str | None:
        """Where a draw leads; None at a dead end."""
        steps = self.steps(source, kind)
        total = sum(tickets for _, tickets in steps)
        if not total:
            return None
        ticket = math.floor(draw * total)
        for target, tickets in steps:
            if ticket < tickets:
                return target
            ticket -= tickets
        raise AssertionError("the ticket lies in one of the steps")

    def walk(self, start: str, draws: Sequence[float]) -> tuple[str, ...]:
        """The path of one level-3 walk."""
        path = [start]
        for number in range(2):
            if number == 1 and draws[0] < 0.5:
                break
            following = self.step(path[-1], "topic", draws[1 + number])
            if following is None:
                break
            path.append(following)
        following = self.step(path[-1], "concept", draws[3])
        if following is None:
            return tuple(path)
        path.append(following)
        for number in range(4):
            if number == 3 and draws[4] < 0.5:
                break
            following = self.step(path[-1], "concept", draws[5 + number])
            if following is None:
                break
            path.append(following)
        return tuple(path)
