"""Coverage of a graph by combinations: its growth with their number, its evenness, and what remains unused."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations as choices, islice
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
    """Everything that combinations can use: terms, co-occurring pairs of concepts and documents; also the aliases."""

    graph: TermGraph
    documents: Collection[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    _places: dict[str, int] = field(init=False)
    _pairs: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Index the terms and pairs."""
        self._places = {identity: place for place, identity in enumerate(self.graph.ids)}
        pair_indices = self.graph.concept_pairs()
        # Pairs are sorted by their ends, so these keys are sorted too.
        self._pairs = self.graph.first[pair_indices] * len(self.graph.ids) + self.graph.second[pair_indices]

    @property
    def totals(self) -> dict[str, int]:
        """Total number of each kind."""
        topics = int(self.graph.is_topic.sum())
        return {
            "topics": topics,
            "concepts": len(self.graph.ids) - topics,
            "pairs": len(self._pairs),
            "documents": len(self.documents),
        }

    def holds(self, identity: str) -> bool:
        """Return whether the graph contains a term or its canonical term."""
        return self.aliases.get(identity, identity) in self._places

    def places(self, ids: Iterable[str]) -> list[int]:
        """Return the sorted, distinct indices of those ids that the graph contains."""
        indices = {self._places.get(self.aliases.get(identity, identity), -1) for identity in ids}
        return sorted(indices - {-1})

    def pairs(self, concepts: Sequence[int]) -> list[int]:
        """Return the indices of the co-occurring pairs among some concepts, which are given as sorted indices."""
        keys = [first * len(self.graph.ids) + second for first, second in choices(concepts, 2)]
        if not keys or not len(self._pairs):
            return []
        candidates = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        return [int(place) for place in candidates[self._pairs[candidates] == keys]]


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

    def add(self, combination: Combination, before: "Uses | None" = None) -> None:
        """Count a combination; items that `before` has used do not count as new."""
        topics, concepts = self.universe.places(combination.topics), self.universe.places(combination.concepts)
        pairs = self.universe.pairs(concepts)
        self.count += 1
        self.unknown_terms.update(
            term for term in (*combination.topics, *combination.concepts) if not self.universe.holds(term)
        )
        concept_set = frozenset(concepts)
        self.sets[concept_set] = self.sets.get(concept_set, 0) + 1
        self.cross_topic += len(topics) > 1
        self.concepts_each.append(len(concepts))
        self.jaccards += [document.jaccard for document in combination.documents]
        for kind, used_items, counter in (
            ("topics", topics, "terms"),
            ("concepts", concepts, "terms"),
            ("pairs", pairs, "pairs"),
        ):
            counts: NDArray[np.int64] = getattr(self, counter)
            earlier: NDArray[np.int64] | None = None if before is None else getattr(before, counter)
            self.curve[kind].append(
                sum(not counts[place] and (earlier is None or not earlier[place]) for place in used_items)
            )
            counts[used_items] += 1
        grounding = dict.fromkeys(document.id for document in combination.documents)
        documents = [document for document in grounding if document in self.universe.documents]
        self.unknown_documents.update(grounding.keys() - set(documents))
        self.curve["documents"].append(
            sum(
                document not in self.documents and (before is None or document not in before.documents)
                for document in documents
            )
        )
        for document in documents:
            self.documents[document] = self.documents.get(document, 0) + 1

    def used(self) -> dict[str, int]:
        """Return the number of used items of each kind."""
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
    for combination in combinations:
        uses.add(combination, before)
    return uses


def figures(
    uses: Uses, *, before: Uses | None = None, questions: NDArray[np.int64] | Sequence[int] = ()
) -> dict[str, Any]:
    """Return the figures of coverage as JSON values.

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
    used_before = before.used() if before is not None else dict.fromkeys(KINDS, 0)
    covered = {kind: used_before[kind] + sum(uses.curve[kind]) for kind in KINDS}
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
            kind: {"used": covered[kind], "of": totals[kind], "share": covered[kind] / max(1, totals[kind])}
            for kind in KINDS
        },
        "curve": curve(uses, used_before),
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


def curve(uses: Uses, used_before: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the covered items of each kind as a function of the number of combinations, from 0 to all."""
    numbers = np.unique(np.linspace(0, uses.count, _CURVE_POINTS).round().astype(int))
    points = {"combinations": [int(value) for value in numbers]}
    for kind in KINDS:
        cumulative = np.concatenate([[0], np.cumsum(uses.curve[kind], dtype=np.int64)]) + used_before[kind]
        points[kind] = [int(value) for value in cumulative[numbers]]
    return points


def perplexity(uses: NDArray[np.int64] | Sequence[int]) -> float:
    """Return the effective number of used items: this number of equally used items would have the same entropy.

    Returns:
        exp of the entropy of the shares of uses; 0 if nothing was used.
    """
    counts = np.asarray(uses, dtype=float)
    counts = counts[counts > 0]
    if not counts.size:
        return 0.0
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def new_chance(uses: NDArray[np.int64]) -> float:
    """Return the chance that the next visit is to an unused concept: the share of visits to concepts used once.

    The estimate assumes that all visits have the same distribution, so it is not valid for walks that favour unused
    concepts.

    Source: Good (1953), the missing mass.
    """
    return float((uses == 1).sum() / uses.sum()) if uses.sum() else 1.0


def top_share(descending: NDArray[np.int64], top: int) -> float:
    """Return the share of all uses that falls on the `top` most used items."""
    total = int(descending.sum())
    return float(descending[:top].sum() / total) if total else 0.0


def lorenz(descending: NDArray[np.int64]) -> dict[str, list[float]]:
    """Return the share of all uses that falls on the most used share x of the items, for values of x from 0 to 1."""
    if not descending.sum():
        return {"x": [], "share": []}
    cumulative = np.concatenate([[0], np.cumsum(descending)]) / descending.sum()
    size = len(descending)
    steps = [np.geomspace(1, size, _CURVE_POINTS), np.linspace(0, size, _CURVE_POINTS)]
    numbers = np.unique(np.concatenate(steps).round().astype(int))
    return {
        "x": [float(number / size) for number in numbers],
        "share": [float(cumulative[number]) for number in numbers],
    }


def unused(uses: Uses, before: Uses | None = None) -> dict[str, Any]:
    """Return the number of concepts that no combination has used, and those in the most documents."""
    return _unused_concepts(uses.universe.graph, uses.terms if before is None else uses.terms + before.terms)


def unshown(universe: Universe, concepts: Iterable[str]) -> dict[str, Any]:
    """Return the concepts that no question's text shows, in the form of `unused`; `concepts` are the shown ones."""
    is_shown = np.zeros(len(universe.graph.ids), dtype=np.int64)
    is_shown[universe.places(concepts)] = 1
    return _unused_concepts(universe.graph, is_shown)


def _unused_concepts(graph: TermGraph, uses: NDArray[np.int64]) -> dict[str, Any]:
    unused_terms = np.flatnonzero((uses == 0) & ~graph.is_topic)
    order = unused_terms[np.lexsort((unused_terms, -graph.documents[unused_terms]))][:_LISTED]
    degrees = graph.concept_degrees()
    return {
        "count": len(unused_terms),
        # These co-occur with no other concept, so no walk can visit one of them together with another concept.
        "without_neighbour": int((degrees[unused_terms] == 0).sum()),
        "listed": [
            {
                "id": graph.ids[term],
                "name": graph.names[term],
                "documents": int(graph.documents[term]),
                "neighbours": int(degrees[term]),
            }
            for term in order
        ],
    }


def _listed(uses: Uses, places: Iterable[int]) -> list[dict[str, Any]]:
    graph = uses.universe.graph
    return [
        {
            "id": graph.ids[place],
            "name": graph.names[place],
            "combinations": int(uses.terms[place]),
            "documents": int(graph.documents[place]),
        }
        for place in places
        if uses.terms[place]
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
    used_before = before.used() if before is not None else dict.fromkeys(coverage.KINDS, 0)
    compared = []
    for side, side_uses in zip(sides, all_uses, strict=True):
        uses = (
            side_uses
            if side_uses.count == count
            else coverage.uses_of(islice(side.combinations(), count), universe, before=before)
        )
        side_figures = coverage.figures(uses, before=before)
        compared.append(
            {
                "name": side.name,
                **{key: side_figures[key] for key in ("coverage", "effective", "cross_topic_share", "hubs")},
                "new": {kind: side_figures["coverage"][kind]["used"] - used_before[kind] for kind in coverage.KINDS},
            }
        )
    return {"combinations": count, "runs": compared}
