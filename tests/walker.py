"""The walk law in plain Python, computed only from the documents: the reference for every engine."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Context(NamedTuple):
    """A document with its id, or a counted pair with an empty name, with its sorted terms and its weight."""

    name: str
    terms: Sequence[str]
    weight: int = 1


def kind_of(term: str) -> str:
    return term.partition(":")[0]


class ReferenceWalker:
    """Walks over contexts in the order of their slots, optionally with the weights of a lens."""

    def __init__(self, contexts: Sequence[Context], weights: Mapping[str, int] | None = None) -> None:
        """Index the contexts by their terms."""
        self._holding: dict[str, list[Context]] = {}
        for context in contexts:
            for term in context.terms:
                self._holding.setdefault(term, []).append(context)
        self._weights = weights

    def runs(self, source: str, kind: str) -> Iterator[tuple[str, str, int]]:
        """Yield ranges of tickets in order: the member, the document, and its number of tickets there."""
        for context in self._holding.get(source, []):
            members = [term for term in context.terms if kind_of(term) == kind]
            if source in members:
                # The last member replaces the term itself.
                members[members.index(source)] = members[-1]
                members.pop()
            for member in members:
                weight = 1 if self._weights is None else self._weights.get(member, 0)
                # The number of tickets is the member's weight times that of the context.
                yield member, context.name, weight * context.weight

    def steps(self, source: str, kind: str) -> list[tuple[str, int]]:
        """Return the neighbours of a kind with their numbers of tickets, in descending order."""
        counts: Counter[str] = Counter()
        for member, _, tickets in self.runs(source, kind):
            counts[member] += tickets
        return sorted(((one, count) for one, count in counts.items() if count), key=lambda step: (-step[1], step[0]))

    def step(self, source: str, kind: str, draw: float) -> tuple[str, str] | None:
        """Return the term to which a draw leads, and the document between; None at a dead end."""
        total = sum(tickets for _, _, tickets in self.runs(source, kind))
        if not total:
            return None
        ticket = math.floor(draw * total)
        for member, document, tickets in self.runs(source, kind):
            if ticket < tickets:
                return member, document
            ticket -= tickets
        raise AssertionError("the ticket lies in one of the runs")

    def walk(self, start: str, draws: Sequence[float]) -> tuple[str, ...]:
        """Return the path of one level-3 walk."""
        return self.walked(start, draws)[0]

    def walked(self, start: str, draws: Sequence[float]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the path of one level-3 walk, and the documents between its terms."""
        path, through = [start], []

        def goes(kind: str, draw: float) -> bool:
            following = self.step(path[-1], kind, draw)
            if following is None:
                return False
            path.append(following[0])
            through.append(following[1])
            return True

        for number in range(2):
            if (number == 1 and draws[0] < 0.5) or not goes("topic", draws[1 + number]):
                break
        if goes("concept", draws[3]):
            for number in range(4):
                if (number == 3 and draws[4] < 0.5) or not goes("concept", draws[5 + number]):
                    break
        return tuple(path), tuple(through)
