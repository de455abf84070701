"""neo4j-graphrag's writer on files of annotations: seconds for nodes and relationships of the last, as JSON.

build/peers/bin/python tests/benchmarks/peers/graphrag_writer.py WARMING ANNOTATIONS      (NEO4J_URI, NEO4J_PASSWORD)
"""

import asyncio
import json
import os
import sys
import time
from importlib.metadata import version

import neo4j
from neo4j_graphrag.components.kg_writer import Neo4jWriter
from neo4j_graphrag.components.types import Neo4jGraph, Neo4jNode, Neo4jRelationship


def graph_of(path: str) -> Neo4jGraph:
    """Documents, terms and mentions, each once."""
    nodes: dict[str, Neo4jNode] = {}
    mentions: dict[tuple[str, str], None] = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            said = json.loads(line)
            nodes[said["id"]] = Neo4jNode(id=said["id"], label="Document", properties={"id": said["id"]})
            for topic in said["topics"]:
                for label, name in (("Topic", topic["name"]), *(("Concept", one) for one in topic["concepts"])):
                    identity = f"{label}:{name}"
                    if identity not in nodes:
                        nodes[identity] = Neo4jNode(id=identity, label=label, properties={"name": name})
                    mentions[said["id"], identity] = None
    relationships = [
        Neo4jRelationship(start_node_id=one, end_node_id=other, type="MENTIONS") for one, other in mentions
    ]
    return Neo4jGraph(nodes=list(nodes.values()), relationships=relationships)


def main() -> None:
    """Write each with the writer's own batches; the last is timed."""
    auth = ("neo4j", os.environ["NEO4J_PASSWORD"])
    with neo4j.GraphDatabase.driver(os.environ["NEO4J_URI"], auth=auth) as driver:
        for path in sys.argv[1:]:
            graph = graph_of(path)
            began = time.perf_counter()
            done = asyncio.run(Neo4jWriter(driver).run(graph))
            seconds = time.perf_counter() - began
            assert done.status == "SUCCESS", done.metadata
    written = len(graph.nodes) + len(graph.relationships)
    print(json.dumps({"version": version("neo4j-graphrag"), "seconds": seconds, "written": written}))


if __name__ == "__main__":
    main()
