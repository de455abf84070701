"""Coverage of a graph by combinations: its growth with their number, its evenness, and what remains unused."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations as choices
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.records import Combination
from kgsynth.reports import coverage
from kgsynth.reports.sources import Side
from kgsynth.reports.structure import TermGraph, distribution, histogram

KINDS = ("topics", "concepts", "pairs", "documents")
_CURVE_POINTS = 120
_LISTED = 200
_TOPS = (10, 100)


@dataclass(slots=True)
class Universe:
    """Everything that combinations can use: terms, co-occurring pairs of concepts, documents; and the aliases."""

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
        """The total number of each kind."""
        topics = int(self.graph.is_topic.sum())
        return {
            "topics": topics,
            "concepts": len(self.graph.ids) - topics,
            "pairs": len(self._pairs),
            "documents": len(self.documents),
        }

    def holds(self, identity: str) -> bool:
        """Whether the graph holds a term or its canonical term."""
        return self.aliases.get(identity, identity) in self._places

    def places(self, ids: Iterable[str]) -> list[int]:
        """The sorted, distinct indices of those ids that the graph holds."""
        found = {self._places.get(self.aliases.get(one, one), -1) for one in ids}
        return sorted(found - {-1})

    def pairs(self, concepts: Sequence[int]) -> list[int]:
        """The indices of the co-occurring pairs among some concepts, which are given as sorted indices."""
        keys = [first * len(self.graph.ids) + second for first, second in choices(concepts, 2)]
        if not keys or not len(self._pairs):
            return []
        at = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        return [int(place) for place in at[self._pairs[at] == keys]]


@dataclass(slots=True)
class Uses:
    """How often some combinations use each topic, concept, pair and document, and when each is used first."""

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
        """Set all counts to 0."""
        self.terms = np.zeros(len(self.universe.graph.ids), dtype=np.int64)
        self.pairs = np.zeros(self.universe.totals["pairs"], dtype=np.int64)

    def add(self, one: Combination, before: "Uses | None" = None) -> None:
        """Count a combination; items that `before` has used do not count as new."""
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
        """The number of used items of each kind."""
        graph = self.universe.graph
        return {
            "topics": int(((self.terms > 0) & graph.is_topic).sum()),
            "concepts": int(((self.terms > 0) & ~graph.is_topic).sum()),
            "pairs": int((self.pairs > 0).sum()),
            "documents": len(self.documents),
        }


def uses_of(combinations: Iterable[Combination], universe: Universe, *, before: Uses | None = None) -> Uses:
    """Count combinations; items that `before` has used do not count as new."""
    uses = Uses(universe)
    for one in combinations:
        uses.add(one, before)
    return uses


def figures(
    uses: Uses, *, before: Uses | None = None, questions: NDArray[np.int64] | Sequence[int] = ()
) -> dict[str, Any]:
    """The figures of coverage as JSON values.

    Coverage, its curve, the unused concepts and the chance of a new concept include earlier use; the figures of
    evenness are for these combinations only.

    Args:
        uses: use by the combinations.
        before: use by earlier combinations, from which coverage starts.
        questions: number of questions per combination.
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
    """The covered items of each kind as a function of the number of combinations, from 0 to all."""
    at = np.unique(np.linspace(0, uses.count, _CURVE_POINTS).round().astype(int))
    found = {"combinations": [int(one) for one in at]}
    for kind in KINDS:
        sums = np.concatenate([[0], np.cumsum(uses.curve[kind], dtype=np.int64)]) + began[kind]
        found[kind] = [int(one) for one in sums[at]]
    return found


def perplexity(uses: NDArray[np.int64] | Sequence[int]) -> float:
    """The effective number of used items: this number of equally used items would have the same entropy.

    Returns:
        exp of the entropy of the shares of uses; 0 if nothing was used.
    """
    held = np.asarray(uses, dtype=float)
    held = held[held > 0]
    if not held.size:
        return 0.0
    shares = held / held.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def new_chance(uses: NDArray[np.int64]) -> float:
    """The chance that the next visit is to an unused concept: the share of visits to concepts that were used once.

    The estimate assumes that all visits have the same distribution, so it is not valid for walks that favour unused
    concepts.

    Source: Good (1953), the missing mass.
    """
    return float((uses == 1).sum() / uses.sum()) if uses.sum() else 1.0


def top_share(descending: NDArray[np.int64], top: int) -> float:
    """The share of all uses that falls on the `top` most used items."""
    total = int(descending.sum())
    return float(descending[:top].sum() / total) if total else 0.0


def lorenz(descending: NDArray[np.int64]) -> dict[str, list[float]]:
    """The share of all uses that falls on the most used share x of the items, for some x from 0 to 1."""
    if not descending.sum():
        return {"x": [], "share": []}
    sums = np.concatenate([[0], np.cumsum(descending)]) / descending.sum()
    size = len(descending)
    steps = [np.geomspace(1, size, _CURVE_POINTS), np.linspace(0, size, _CURVE_POINTS)]
    at = np.unique(np.concatenate(steps).round().astype(int))
    return {"x": [float(one / size) for one in at], "share": [float(sums[one]) for one in at]}


def unused(uses: Uses, before: Uses | None = None) -> dict[str, Any]:
    """Concepts that no combination has used: their number, and those with the most documents."""
    return _left(uses.universe.graph, uses.terms if before is None else uses.terms + before.terms)


def unshown(universe: Universe, concepts: Iterable[str]) -> dict[str, Any]:
    """Concepts that no question's text shows, in the form of `unused`; `concepts` are those that are shown."""
    held = np.zeros(len(universe.graph.ids), dtype=np.int64)
    held[universe.places(concepts)] = 1
    return _left(universe.graph, held)


def _left(graph: TermGraph, uses: NDArray[np.int64]) -> dict[str, Any]:
    left = np.flatnonzero((uses == 0) & ~graph.is_topic)
    order = left[np.lexsort((left, -graph.documents[left]))][:_LISTED]
    degrees = graph.concept_degrees()
    return {
        "count": len(left),
        # These co-occur with no other concept, so no walk can visit one of them together with another concept.
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


def equal_coverage(
    sides: Sequence[Side],
    all_uses: Sequence[coverage.Uses],
    universe: coverage.Universe,
    before: coverage.Uses | None,
) -> dict[str, Any] | None:
    """Compare two runs at the same number of combinations, that of the smaller run."""
    if len(sides) != 2 or not all(uses.count for uses in all_uses):
        return None
    count = min(uses.count for uses in all_uses)
    began = before.used() if before is not None else dict.fromkeys(coverage.KINDS, 0)
    found = []
    for side, whole in zip(sides, all_uses, strict=True):
        uses = (
            whole
            if whole.count == count
            else coverage.uses_of(islice(side.combinations(), count), universe, before=before)
        )
        made = coverage.figures(uses, before=before)
        found.append(
            {
                "name": side.name,
                **{key: made[key] for key in ("coverage", "effective", "cross_topic_share", "hubs")},
                "new": {kind: made["coverage"][kind]["used"] - began[kind] for kind in coverage.KINDS},
            }
        )
    return {"combinations": count, "runs": found}
