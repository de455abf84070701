"""Figures of the graph: degrees, weights, components, and the communities with their positions in a picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.randomness import stream

# Maximum number of points of a curve; more would not be visible.
_CURVE_POINTS = 200
_BINS = 40


@dataclass(frozen=True, slots=True)
class TermGraph:
    """Terms and their co-occurrences as arrays.

    `documents` is int64 (terms,), `is_topic` bool (terms,). Each pair of terms occurs once: `first` and `second` are
    int64 (pairs,) indices of terms, `first` < `second`; `counts`, int64 (pairs,), are the numbers of documents that
    mention both.
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
        """Make a graph from rows of terms and blocks of pairs.

        Args:
            terms: id, name, kind and documents of each term.
            ids: ids of all terms, to which `pairs` refer.
            pairs: blocks of the indices in `ids` of two terms and the number of documents that mention both, int64
                (pairs,) each; each pair occurs in both directions.
        """
        rows = sorted(terms, key=lambda row: str(row["id"]))
        index_of = {str(row["id"]): number for number, row in enumerate(rows)}
        term_indices = np.array([index_of[identity] for identity in ids], dtype=np.int64)
        blocks: list[NDArray[np.int64]] = []
        for first, second, count in pairs:
            block = np.stack([term_indices[first], term_indices[second], count])
            blocks.append(block[:, block[1] > block[0]])
        table = np.concatenate(blocks, axis=1) if blocks else np.empty((3, 0), dtype=np.int64)
        table = table[:, np.lexsort((table[1], table[0]))]
        return cls(
            [str(row["id"]) for row in rows],
            [str(row["name"]) for row in rows],
            np.array([row["kind"] == "topic" for row in rows], dtype=np.bool_),
            np.array([row["documents"] or 0 for row in rows], dtype=np.int64),
            table[0],
            table[1],
            table[2],
        )

    def concept_pairs(self) -> NDArray[np.int64]:
        """Return the indices (in `first`) of the pairs of two concepts."""
        return np.flatnonzero(~(self.is_topic[self.first] | self.is_topic[self.second]))

    def concept_degrees(self) -> NDArray[np.int64]:
        """Return for each term the number of concepts that it co-occurs with, int64 (terms,)."""
        degrees = np.zeros(len(self.ids), dtype=np.int64)
        np.add.at(degrees, self.first, ~self.is_topic[self.second])
        np.add.at(degrees, self.second, ~self.is_topic[self.first])
        return degrees


def figures(graph: TermGraph) -> dict[str, Any]:
    """Return degrees, weights and components as JSON values."""
    degrees = np.bincount(graph.first, minlength=len(graph.ids)) + np.bincount(graph.second, minlength=len(graph.ids))
    kinds = {"concepts": ~graph.is_topic, "topics": graph.is_topic}
    return {
        "degree": {kind: distribution(degrees[chosen]) for kind, chosen in kinds.items()},
        "documents_of_term": {kind: distribution(graph.documents[chosen]) for kind, chosen in kinds.items()},
        "weight": distribution(graph.counts),
        "components": components(graph),
    }


def distribution(values: NDArray[Any] | Sequence[float]) -> dict[str, Any]:
    """Return quantiles, and the share of values that are at least x for up to 200 values of x."""
    ordered = np.sort(np.asarray(values, dtype=float))
    if not ordered.size:
        return {"count": 0}
    distinct, first_places = np.unique(ordered, return_index=True)
    chosen = np.unique(np.geomspace(1, len(distinct), min(len(distinct), _CURVE_POINTS)).round().astype(int)) - 1
    return {
        "count": len(ordered),
        "mean": float(ordered.mean()),
        "min": float(ordered[0]),
        "median": float(np.quantile(ordered, 0.5)),
        "p90": float(np.quantile(ordered, 0.9)),
        "p99": float(np.quantile(ordered, 0.99)),
        "max": float(ordered[-1]),
        "at_least": {
            "x": [float(x) for x in distinct[chosen]],
            "share": [float(1 - place / len(ordered)) for place in first_places[chosen]],
        },
    }


def histogram(
    values: NDArray[Any] | Sequence[float], *, low: float, high: float, bins: int = _BINS
) -> dict[str, list[float]]:
    """Return the share of values per bin of equal width; values outside count in the first or last bin."""
    clipped = np.clip(np.asarray(values, dtype=float), low, high)
    counts, edges = np.histogram(clipped, bins=bins, range=(low, high))
    return {
        "edges": [float(edge) for edge in edges],
        "share": [float(count) / max(1, clipped.size) for count in counts],
    }


def components(graph: TermGraph) -> dict[str, Any]:
    """Return the number of connected components, the 10 largest sizes, and the share of terms in the largest one."""
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
        "sizes": [int(component_size) for component_size in sizes[:10]],
        "largest_share": float(sizes[0] / size),
        "single_terms": int((sizes == 1).sum()),
    }


def communities(graph: TermGraph, *, most_concepts: int, links_each: int, seed: int) -> dict[str, Any]:
    """Return the most frequent concepts with their strongest links, their communities, and positions to draw them.

    The strength of a link is count / sqrt(documents of one * documents of the other), the cosine of the two terms over
    documents. Counts alone would connect everything to the hubs.

    Args:
        graph: terms and pairs.
        most_concepts: maximum number of concepts; those that most documents mention are selected.
        links_each: number of strongest links per concept.
        seed: seed of communities and positions.

    Returns:
        nodes (id, name, documents, community, x, y); links (source and target as indices of nodes, strength);
        communities (number, size, ids and names of the largest concepts, and x, y and radius of the disc around them);
        modularity; and the number of concepts that were left out.

    Source: communities by Louvain (Blondel et al. 2008) as in NetworkX.
    """
    import networkx

    concepts = np.flatnonzero(~graph.is_topic)
    selected = concepts[np.lexsort((concepts, -graph.documents[concepts]))][:most_concepts]
    is_selected = np.zeros(len(graph.ids), dtype=np.bool_)
    is_selected[selected] = True
    pairs = np.flatnonzero(is_selected[graph.first] & is_selected[graph.second])
    first, second = graph.first[pairs], graph.second[pairs]
    strength = graph.counts[pairs] / np.sqrt(np.maximum(1, graph.documents[first] * graph.documents[second]))
    links: dict[tuple[int, int], float] = {}
    link_counts = np.zeros(len(graph.ids), dtype=np.int64)
    for pair in np.lexsort((second, first, -strength)):
        source, target = int(first[pair]), int(second[pair])
        if link_counts[source] < links_each or link_counts[target] < links_each:
            links[source, target] = float(strength[pair])
            link_counts[source] += 1
            link_counts[target] += 1
    network = networkx.Graph()
    network.add_nodes_from(sorted({end for link in links for end in link}))
    network.add_weighted_edges_from((source, target, weight) for (source, target), weight in sorted(links.items()))
    if not network.number_of_edges():
        return {"nodes": [], "links": [], "communities": [], "modularity": 0.0, "left_out": len(concepts)}
    groups = sorted(
        networkx.community.louvain_communities(network, seed=seed), key=lambda group: (-len(group), min(group))
    )
    group_of = {node: number for number, group in enumerate(groups) for node in group}
    positions, centres, radii = _places(network, groups, seed)
    nodes = sorted(network.nodes, key=lambda node: (-graph.documents[node], graph.ids[node]))
    index_of = {node: place for place, node in enumerate(nodes)}
    return {
        "nodes": [
            {
                "id": graph.ids[node],
                "name": graph.names[node],
                "documents": int(graph.documents[node]),
                "community": group_of[node],
                "x": float(positions[node][0]),
                "y": float(positions[node][1]),
            }
            for node in nodes
        ],
        "links": [
            {"source": index_of[source], "target": index_of[target], "strength": weight}
            for (source, target), weight in sorted(links.items())
        ],
        "communities": [
            {
                "number": number,
                "size": len(group),
                "largest": [{"id": graph.ids[node], "name": graph.names[node]} for node in nodes if node in group][:5],
                "x": float(centres[number][0]),
                "y": float(centres[number][1]),
                "radius": float(radii[number]),
            }
            for number, group in enumerate(groups)
        ],
        "modularity": float(networkx.community.modularity(network, groups)),
        "left_out": len(concepts) - len(nodes),
    }


def _places(
    network: Any, groups: Sequence[set[int]], seed: int
) -> tuple[dict[int, NDArray[np.float64]], NDArray[np.float64], NDArray[np.float64]]:
    """Lay out each community in its own disc, whose area grows with its size, and linked discs near each other.

    Returns:
        The positions of the nodes, and the centres (communities, 2) and radii (communities,) of the discs.
    """
    import networkx

    group_of = {node: number for number, group in enumerate(groups) for node in group}
    between = networkx.Graph()
    between.add_nodes_from(range(len(groups)))
    for source, target in network.edges:
        first, second = group_of[source], group_of[target]
        if first != second:
            edge = between.get_edge_data(first, second, {"weight": 0})
            between.add_edge(first, second, weight=edge["weight"] + 1)
    radii = np.array([np.sqrt(len(group)) for group in groups])
    scale = float(np.sqrt((radii**2).sum())) * 1.3
    initial_centres = networkx.spring_layout(between, weight="weight", seed=seed, iterations=200, scale=scale)
    radii += 0.5  # a single concept has a disc too
    centres = _separated(np.array([initial_centres[number] for number in range(len(groups))]), radii * 1.05, seed)
    positions: dict[int, NDArray[np.float64]] = {}
    for number, group in enumerate(groups):
        part = network.subgraph(sorted(group))
        layout = networkx.kamada_kawai_layout(part, weight=None) if len(group) > 1 else {min(group): np.zeros(2)}
        coordinates = np.array([layout[node] for node in sorted(group)])
        reach = max(1e-9, float(np.linalg.norm(coordinates, axis=1).max()))
        for node, position in zip(sorted(group), coordinates, strict=True):
            positions[node] = centres[number] + position / reach * radii[number] * 0.82
    return positions, centres, radii


def _separated(centres: NDArray[np.float64], radii: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Move centres towards the origin and apart, so that their discs are close to each other without overlap."""
    centres = centres + stream(seed, "report places", 0).normal(scale=1e-3, size=centres.shape)
    for iteration in range(600):
        if iteration < 500:
            centres = centres * 0.985
        for disc in range(len(centres)):
            offsets = centres - centres[disc]
            distance = np.maximum(1e-9, np.linalg.norm(offsets, axis=1))
            overlap = radii + radii[disc] - distance
            overlap[disc] = 0
            overlaps = overlap > 0
            push = offsets[overlaps] / distance[overlaps, None] * overlap[overlaps, None] / 2
            centres[overlaps] += push
            centres[disc] -= push.sum(axis=0)
    return centres
