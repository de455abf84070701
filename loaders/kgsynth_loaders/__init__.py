"""One module a kind of source: records and rejects out, no knowledge of Neo4j.

A loader is a function `(source, fields) -> Iterator[Record | Reject]`, registered as an entry point in the group
`kgsynth.loaders`. Its name says what it yields: `documents`, `annotations`, `concepts` or `pairs`. It reads as a
stream,
never raises for a bad record (that is a Reject with its line), and raises ConfigError when the source itself is
unusable.
"""
