"""The managed server of a graph, and what the graph on it holds."""

from dataclasses import dataclass

from kgsynth.config import Environment
from kgsynth.graph import derived, facts
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.pipeline.sampling import WalkRates, walk_rates
from kgsynth.settings import GraphSettings


def server_of(environment: Environment, graph_settings: GraphSettings) -> ManagedServer:
    """Return the managed server of a graph, whether it runs or not."""
    return ManagedServer(environment, graph_settings.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a graph holds: nodes and relationships by kind, the state of its derived layers, and how fast it walks."""

    counts: dict[str, int]
    state: str
    rates: WalkRates | None


def contents(graph: Graph) -> Contents:
    """Count nodes and relationships of a graph, and measure the rate of walks."""
    return Contents(counts=facts.counts(graph), state=derived.state(graph), rates=walk_rates(graph))
