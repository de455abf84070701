"""Bulk load of a new graph: write the whole graph to files for `neo4j-admin database import`."""
