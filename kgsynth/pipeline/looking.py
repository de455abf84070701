"""Finding what somebody names: the graph's names with the normal forms of the concepts' room."""

from kgsynth.graph import show
from kgsynth.graph.session import Graph
from kgsynth.names import term_id


def find(graph: Graph, thing: show.Thing, name: str) -> show.Found:
    """The concept, document or question that a name stands for: id, name, title, or nearly.

    Raises:
        GraphError: nothing is called so; the hint lists what is near.
    """
    ids = [name, term_id("concept", name), term_id("topic", name)] if thing == "concept" else [name]
    return show.find(graph, thing, name, ids=ids)
