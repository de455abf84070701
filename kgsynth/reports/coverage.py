"""What combinations use of a graph: coverage as their number grows, how evenly, and what is left."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations as choices
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.records import Combination
from kgsynth.reports.structure import TermGraph, distribution, histogram

KINDS = ("topics", "concepts", "pairs", "documents")
_CURVE_POINTS = 120
_LISTED = 200
_TOPS = (10, 100)


@dataclass(slots=True)
class Universe:
    """What there is to be used: terms, pairs of concepts that co-occur, documents; and what an id counts as now."""

    graph: TermGraph
    documents: Collection[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    _places: dict[str, int] = field(init=False)
    _pairs: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Index the terms and pairs."""
        self._places = {identity: place for place, identity in enumerate(self.graph.ids)}
        chosen = self.graph.concept_pairs()
        # Pairs are sorted by their ends, so these keys are sorted too.
        self._pairs = self.graph.first[chosen] * len(self.graph.ids) + self.graph.second[chosen]

    @property
    def totals(self) -> dict[str, int]:
        """How many of each kind there are."""
        topics = int(self.graph.is_topic.sum())
        return {
            "topics": topics,
            "concepts": len(self.graph.ids) - topics,
            "pairs": len(self._pairs),
            "documents": len(self.documents),
        }

    def holds(self, identity: str) -> bool:
        """Whether the graph holds a term, or what it counts as."""
        return self.aliases.get(identity, identity) in self._places

    def places(self, ids: Iterable[str]) -> list[int]:
        """The places of those ids that the graph holds, each once, sorted."""
        found = {self._places.get(self.aliases.get(one, one), -1) for one in ids}
        return sorted(found - {-1})

    def pairs(self, concepts: Sequence[int]) -> list[int]:
        """The places of the pairs of some concepts that co-occur; concepts are places, sorted."""
        keys = [first * len(self.graph.ids) + second for first, second in choices(concepts, 2)]
        if not keys or not len(self._pairs):
            return []
        at = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        return [int(place) for place in at[self._pairs[at] == keys]]


@dataclass(slots=True)
class Uses:
    """How often each topic, concept, pair and document was used by some combinations, and when each first was."""

    universe: Universe
    count: int = 0
    cross_topic: int = 0
    unknown_terms: set[str] = field(default_factory=set)
    unknown_documents: set[str] = field(default_factory=set)
    sets: dict[frozenset[int], int] = field(default_factory=dict)
    concepts_each: list[int] = field(default_factory=list)
    jaccards: list[float] = field(default_factory=list)
    curve: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    terms: NDArray[np.int64] = field(init=False)
    pairs: NDArray[np.int64] = field(init=False)
    documents: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing was used."""
        self.terms = np.zeros(len(self.universe.graph.ids), dtype=np.int64)
        self.pairs = np.zeros(self.universe.totals["pairs"], dtype=np.int64)

    def add(self, one: Combination, before: "Uses | None" = None) -> None:
        """Count a combination; what `before` has used is not new."""
        topics, concepts = self.universe.places(one.topics), self.universe.places(one.concepts)
        pairs = self.universe.pairs(concepts)
        self.count += 1
        self.unknown_terms.update(term for term in (*one.topics, *one.concepts) if not self.universe.holds(term))
        own = frozenset(concepts)
        self.sets[own] = self.sets.get(own, 0) + 1
        self.cross_topic += len(topics) > 1
        self.concepts_each.append(len(concepts))
        self.jaccards += [document.jaccard for document in one.documents]
        for kind, held, used in (
            ("topics", topics, "terms"),
            ("concepts", concepts, "terms"),
            ("pairs", pairs, "pairs"),
        ):
            table: NDArray[np.int64] = getattr(self, used)
            earlier: NDArray[np.int64] | None = None if before is None else getattr(before, used)
            self.curve[kind].append(sum(not table[place] and (earlier is None or not earlier[place]) for place in held))
            table[held] += 1
        grounding = dict.fromkeys(document.id for document in one.documents)
        ids_of_documents = [document for document in grounding if document in self.universe.documents]
        self.unknown_documents.update(grounding.keys() - set(ids_of_documents))
        self.curve["documents"].append(
            sum(
                document not in self.documents and (before is None or document not in before.documents)
                for document in ids_of_documents
            )
        )
        for document in ids_of_documents:
            self.documents[document] = self.documents.get(document, 0) + 1

    def used(self) -> dict[str, int]:
        """How many of each kind were used at all."""
        graph = self.universe.graph
        return {
            "topics": int(((self.terms > 0) & graph.is_topic).sum()),
            "concepts": int(((self.terms > 0) & ~graph.is_topic).sum()),
            "pairs": int((self.pairs > 0).sum()),
            "documents": len(self.documents),
        }


def uses_of(combinations: Iterable[Combination], universe: Universe, *, before: Uses | None = None) -> Uses:
    """Count combinations; what those of `before` have used is not new."""
    uses = Uses(universe)
    for one in combinations:
        uses.add(one, before)
    return uses


def figures(
    uses: Uses, *, before: Uses | None = None, questions: NDArray[np.int64] | Sequence[int] = ()
) -> dict[str, Any]:
    """What some combinations used, as JSON values.

    Coverage, its curve, what is unused and the chance of a new concept take what was used before into account; how
    evenly things are used is of these combinations alone.

    Args:
        uses: of the combinations.
        before: of earlier combinations that the coverage begins from.
        questions: how many questions were written from each combination.
    """
    graph = uses.universe.graph
    concepts = np.flatnonzero(~graph.is_topic)
    topics = np.flatnonzero(graph.is_topic)
    began = before.used() if before is not None else dict.fromkeys(KINDS, 0)
    together = {kind: began[kind] + sum(uses.curve[kind]) for kind in KINDS}
    totals = uses.universe.totals
    by_use = np.sort(uses.terms[concepts])[::-1]
    by_documents = np.sort(graph.documents[concepts])[::-1]
    return {
        "combinations": uses.count,
        "unknown_terms": len(uses.unknown_terms),
        "unknown_documents": len(uses.unknown_documents),
        "concepts_each": distribution(uses.concepts_each),
        "jaccard": {**distribution(uses.jaccards), "histogram": histogram(uses.jaccards, low=0, high=1, bins=20)},
        "cross_topic_share": uses.cross_topic / max(1, uses.count),
        "coverage": {
            kind: {"used": together[kind], "of": totals[kind], "share": together[kind] / max(1, totals[kind])}
            for kind in KINDS
        },
        "curve": curve(uses, began),
        "new_concept_chance": new_chance(uses.terms[concepts] + (0 if before is None else before.terms[concepts])),
        "effective": {
            "topics": perplexity(uses.terms[topics]),
            "concepts": perplexity(uses.terms[concepts]),
            "pairs": perplexity(uses.pairs),
            "combinations": perplexity(list(uses.sets.values())),
            "combinations_by_questions": perplexity(questions) if len(questions) else None,
        },
        "hubs": {
            **{f"top_{top}": top_share(by_use, top) for top in _TOPS},
            "top_1_percent": top_share(by_use, max(1, len(concepts) // 100)),
            "top_1_percent_of_mentions": top_share(by_documents, max(1, len(concepts) // 100)),
            "lorenz": lorenz(by_use),
            "lorenz_of_mentions": lorenz(by_documents),
        },
        "most_used": _listed(uses, concepts[np.lexsort((concepts, -uses.terms[concepts]))][:_LISTED]),
        "unused": unused(uses, before),
    }


def curve(uses: Uses, began: Mapping[str, int]) -> dict[str, list[int]]:
    """What was covered after so many combinations, at some numbers of them from 0 to all."""
    at = np.unique(np.linspace(0, uses.count, _CURVE_POINTS).round().astype(int))
    found = {"combinations": [int(one) for one in at]}
    for kind in KINDS:
        sums = np.concatenate([[0], np.cumsum(uses.curve[kind], dtype=np.int64)]) + began[kind]
        found[kind] = [int(one) for one in sums[at]]
    return found


def perplexity(uses: NDArray[np.int64] | Sequence[int]) -> float:
    """The effective number of what was used: as many things used equally often would be as even.

    Returns:
        exp of the entropy of the shares of all uses; 0 when nothing was used.
    """
    held = np.asarray(uses, dtype=float)
    held = held[held > 0]
    if not held.size:
        return 0.0
    shares = held / held.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def new_chance(uses: NDArray[np.int64]) -> float:
    """The chance that the next visit is to a concept that was not used yet: the share of visits to those used once.

    It supposes that all visits were drawn alike, and so it says nothing of walks that favour what is unused.

    Source: Good (1953), the missing mass.
    """
    return float((uses == 1).sum() / uses.sum()) if uses.sum() else 1.0


def top_share(descending: NDArray[np.int64], top: int) -> float:
    """The share of all uses that the `top` most used have."""
    total = int(descending.sum())
    return float(descending[:top].sum() / total) if total else 0.0


def lorenz(descending: NDArray[np.int64]) -> dict[str, list[float]]:
    """The share of all uses that the most used share x of things has, at some x from 0 to 1."""
    if not descending.sum():
        return {"x": [], "share": []}
    sums = np.concatenate([[0], np.cumsum(descending)]) / descending.sum()
    size = len(descending)
    steps = [np.geomspace(1, size, _CURVE_POINTS), np.linspace(0, size, _CURVE_POINTS)]
    at = np.unique(np.concatenate(steps).round().astype(int))
    return {"x": [float(one / size) for one in at], "share": [float(sums[one]) for one in at]}


def unused(uses: Uses, before: Uses | None = None) -> dict[str, Any]:
    """Concepts that no combination has used: how many, and those of most documents."""
    return _left(uses.universe.graph, uses.terms if before is None else uses.terms + before.terms)


def unshown(universe: Universe, concepts: Iterable[str]) -> dict[str, Any]:
    """Concepts that no question shows in its text, given those that some do: as `unused`."""
    held = np.zeros(len(universe.graph.ids), dtype=np.int64)
    held[universe.places(concepts)] = 1
    return _left(universe.graph, held)


def _left(graph: TermGraph, uses: NDArray[np.int64]) -> dict[str, Any]:
    left = np.flatnonzero((uses == 0) & ~graph.is_topic)
    order = left[np.lexsort((left, -graph.documents[left]))][:_LISTED]
    degrees = graph.concept_degrees()
    return {
        "count": len(left),
        # Nothing joins them to another concept, so no walk over concepts can ever take two of them.
        "without_neighbour": int((degrees[left] == 0).sum()),
        "listed": [
            {"name": graph.names[one], "documents": int(graph.documents[one]), "neighbours": int(degrees[one])}
            for one in order
        ],
    }


def _listed(uses: Uses, places: Iterable[int]) -> list[dict[str, Any]]:
    graph = uses.universe.graph
    return [
        {"name": graph.names[one], "combinations": int(uses.terms[one]), "documents": int(graph.documents[one])}
        for one in places
        if uses.terms[one]
    ]
