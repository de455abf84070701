"""The graph in figures: degrees and weights, components, and the picture of its communities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.randomness import stream

# Points of a curve that is drawn: more are not seen.
_CURVE_POINTS = 200
_BINS = 40


@dataclass(frozen=True, slots=True)
class TermGraph:
    """Terms and their co-occurrences as arrays.

    `documents` is int64 (terms,), `is_topic` bool (terms,). A pair of terms stands once: `first` < `second` are int64
    (pairs,) places of terms, `counts` int64 (pairs,) the documents that mention both.
    """

    ids: Sequence[str]
    names: Sequence[str]
    is_topic: NDArray[np.bool_]
    documents: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        terms: Iterable[Mapping[str, Any]],
        ids: Sequence[str],
        pairs: Iterable[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]],
    ) -> "TermGraph":
        """Read rows.

        Args:
            terms: id, name, kind, documents; one per term.
            ids: of all terms, in order.
            pairs: places in `ids` of two terms, and how many documents mention both, int64 (pairs,) each; each pair
                from both of its ends.
        """
        rows = sorted(terms, key=lambda row: str(row["id"]))
        place = {str(row["id"]): number for number, row in enumerate(rows)}
        places = np.array([place[one] for one in ids], dtype=np.int64)
        parts: list[NDArray[np.int64]] = []
        for one, other, count in pairs:
            part = np.stack([places[one], places[other], count])
            parts.append(part[:, part[1] > part[0]])
        held = np.concatenate(parts, axis=1) if parts else np.empty((3, 0), dtype=np.int64)
        held = held[:, np.lexsort((held[1], held[0]))]
        return cls(
            [str(row["id"]) for row in rows],
            [str(row["name"]) for row in rows],
            np.array([row["kind"] == "topic" for row in rows], dtype=np.bool_),
            np.array([row["documents"] or 0 for row in rows], dtype=np.int64),
            held[0],
            held[1],
            held[2],
        )

    def concept_pairs(self) -> NDArray[np.int64]:
        """Places (in `first`) of the pairs of two concepts."""
        return np.flatnonzero(~(self.is_topic[self.first] | self.is_topic[self.second]))

    def concept_degrees(self) -> NDArray[np.int64]:
        """For each term the concepts that it co-occurs with, int64 (terms,)."""
        degrees = np.zeros(len(self.ids), dtype=np.int64)
        np.add.at(degrees, self.first, ~self.is_topic[self.second])
        np.add.at(degrees, self.second, ~self.is_topic[self.first])
        return degrees


def figures(graph: TermGraph) -> dict[str, Any]:
    """Degrees, weights and components as JSON values."""
    degrees = np.bincount(graph.first, minlength=len(graph.ids)) + np.bincount(graph.second, minlength=len(graph.ids))
    kinds = {"concepts": ~graph.is_topic, "topics": graph.is_topic}
    return {
        "degree": {kind: distribution(degrees[chosen]) for kind, chosen in kinds.items()},
        "documents_of_term": {kind: distribution(graph.documents[chosen]) for kind, chosen in kinds.items()},
        "weight": distribution(graph.counts),
        "components": components(graph),
    }


def distribution(values: NDArray[Any] | Sequence[float]) -> dict[str, Any]:
    """Quantiles, and the share of values that are at least x, at no more than 200 x."""
    held = np.sort(np.asarray(values, dtype=float))
    if not held.size:
        return {"count": 0}
    at, begins = np.unique(held, return_index=True)
    chosen = np.unique(np.geomspace(1, len(at), min(len(at), _CURVE_POINTS)).round().astype(int)) - 1
    return {
        "count": len(held),
        "mean": float(held.mean()),
        "min": float(held[0]),
        "median": float(np.quantile(held, 0.5)),
        "p90": float(np.quantile(held, 0.9)),
        "p99": float(np.quantile(held, 0.99)),
        "max": float(held[-1]),
        "at_least": {
            "x": [float(x) for x in at[chosen]],
            "share": [float(1 - begin / len(held)) for begin in begins[chosen]],
        },
    }


def histogram(
    values: NDArray[Any] | Sequence[float], *, low: float, high: float, bins: int = _BINS
) -> dict[str, list[float]]:
    """Share of the values in each of some bins of equal width; what lies outside counts for the first or last."""
    held = np.clip(np.asarray(values, dtype=float), low, high)
    numbers, edges = np.histogram(held, bins=bins, range=(low, high))
    return {"edges": [float(edge) for edge in edges], "share": [float(n) / max(1, held.size) for n in numbers]}


def components(graph: TermGraph) -> dict[str, Any]:
    """How many parts the graph has that nothing joins, their sizes, and the share of terms in the largest."""
    if not len(graph.ids):
        return {"count": 0, "sizes": [], "largest_share": 0.0, "single_terms": 0}
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(graph.ids)
    matrix = coo_array((np.ones(len(graph.first), dtype=np.int8), (graph.first, graph.second)), shape=(size, size))
    count, labels = connected_components(matrix, directed=False)
    sizes = np.sort(np.bincount(labels))[::-1]
    return {
        "count": int(count),
        "sizes": [int(one) for one in sizes[:10]],
        "largest_share": float(sizes[0] / size),
        "single_terms": int((sizes == 1).sum()),
    }


def communities(graph: TermGraph, *, most_concepts: int, links_each: int, seed: int) -> dict[str, Any]:
    """The structure of the graph in some hundred concepts: their strongest links, communities, and places to draw at.

    Of the concepts that most documents mention each gives its `links_each` strongest links, where a link is as strong
    as it is rarer to meet by chance: count / sqrt(documents of one * documents of the other), the cosine of the two
    terms over documents; counts alone would tie everything to the hubs.

    Args:
        graph: terms and pairs.
        most_concepts: so many at most.
        links_each: strongest links that a concept gives.
        seed: of communities and places.

    Returns:
        nodes (name, documents, community, x, y); links (source, target, strength; places of nodes); communities
        (number, size, names of the largest, and x, y, radius of the disc that holds them); modularity; and how many
        concepts were left out.

    Source: communities by Louvain (Blondel et al. 2008) as in NetworkX.
    """
    import networkx

    concepts = np.flatnonzero(~graph.is_topic)
    order = concepts[np.lexsort((concepts, -graph.documents[concepts]))][:most_concepts]
    inside = np.zeros(len(graph.ids), dtype=np.bool_)
    inside[order] = True
    pairs = np.flatnonzero(inside[graph.first] & inside[graph.second])
    first, second = graph.first[pairs], graph.second[pairs]
    strength = graph.counts[pairs] / np.sqrt(np.maximum(1, graph.documents[first] * graph.documents[second]))
    links: dict[tuple[int, int], float] = {}
    given = np.zeros(len(graph.ids), dtype=np.int64)
    for pair in np.lexsort((second, first, -strength)):
        one, other = int(first[pair]), int(second[pair])
        if given[one] < links_each or given[other] < links_each:
            links[one, other] = float(strength[pair])
            given[one] += 1
            given[other] += 1
    net = networkx.Graph()
    net.add_nodes_from(sorted({end for link in links for end in link}))
    net.add_weighted_edges_from((one, other, weight) for (one, other), weight in sorted(links.items()))
    if not net.number_of_edges():
        return {"nodes": [], "links": [], "communities": [], "modularity": 0.0, "left_out": len(concepts)}
    found = sorted(networkx.community.louvain_communities(net, seed=seed), key=lambda one: (-len(one), min(one)))
    number_of = {node: number for number, group in enumerate(found) for node in group}
    places, middle, radii = _places(net, found, seed)
    nodes = sorted(net.nodes, key=lambda node: (-graph.documents[node], graph.ids[node]))
    at = {node: place for place, node in enumerate(nodes)}
    return {
        "nodes": [
            {
                "name": graph.names[node],
                "documents": int(graph.documents[node]),
                "community": number_of[node],
                "x": float(places[node][0]),
                "y": float(places[node][1]),
            }
            for node in nodes
        ],
        "links": [
            {"source": at[one], "target": at[other], "strength": weight}
            for (one, other), weight in sorted(links.items())
        ],
        "communities": [
            {
                "number": number,
                "size": len(group),
                "names": [graph.names[n] for n in nodes if n in group][:5],
                "x": float(middle[number][0]),
                "y": float(middle[number][1]),
                "radius": float(radii[number]),
            }
            for number, group in enumerate(found)
        ],
        "modularity": float(networkx.community.modularity(net, found)),
        "left_out": len(concepts) - len(nodes),
    }


def _places(
    net: Any, groups: Sequence[set[int]], seed: int
) -> tuple[dict[int, NDArray[np.float64]], NDArray[np.float64], NDArray[np.float64]]:
    """Each community is laid out by itself, in a disc as large as it has concepts; discs that are linked lie near.

    Returns:
        The places of nodes, and middles (communities, 2) and radii (communities,) of the discs.
    """
    import networkx

    number_of = {node: number for number, group in enumerate(groups) for node in group}
    between = networkx.Graph()
    between.add_nodes_from(range(len(groups)))
    for one, other in net.edges:
        first, second = number_of[one], number_of[other]
        if first != second:
            held = between.get_edge_data(first, second, {"weight": 0})
            between.add_edge(first, second, weight=held["weight"] + 1)
    radii = np.array([np.sqrt(len(group)) for group in groups])
    wide = float(np.sqrt((radii**2).sum())) * 1.3
    centres = networkx.spring_layout(between, weight="weight", seed=seed, iterations=200, scale=wide)
    radii += 0.5  # so that one alone has a disc too
    middle = _apart(np.array([centres[number] for number in range(len(groups))]), radii * 1.05, seed)
    places: dict[int, NDArray[np.float64]] = {}
    for number, group in enumerate(groups):
        part = net.subgraph(sorted(group))
        inside = networkx.kamada_kawai_layout(part, weight=None) if len(group) > 1 else {min(group): np.zeros(2)}
        held = np.array([inside[node] for node in sorted(group)])
        reach = max(1e-9, float(np.linalg.norm(held, axis=1).max()))
        for node, at in zip(sorted(group), held, strict=True):
            places[node] = middle[number] + at / reach * radii[number] * 0.82
    return places, middle, radii


def _apart(middle: NDArray[np.float64], radii: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Centres moved until their discs do not overlap, then drawn to the middle as far as they may."""
    middle = middle + stream(seed, "report places", 0).normal(scale=1e-3, size=middle.shape)
    for turn in range(600):
        if turn < 500:
            middle = middle * 0.985
        for one in range(len(middle)):
            away = middle - middle[one]
            distance = np.maximum(1e-9, np.linalg.norm(away, axis=1))
            overlap = radii + radii[one] - distance
            overlap[one] = 0
            hit = overlap > 0
            push = away[hit] / distance[hit, None] * overlap[hit, None] / 2
            middle[hit] += push
            middle[one] -= push.sum(axis=0)
    return middle
