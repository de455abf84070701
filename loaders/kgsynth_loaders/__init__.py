"""Loaders of documents, annotations, concepts and counted pairs. They yield records and rejects and do not use Neo4j.

A loader is a function `(source, fields) -> Iterator[Record | Reject]`, registered as an entry point in the group
`kgsynth.loaders`. Its function name is the kind of its records: `documents`, `annotations`, `concepts` or `pairs`. A
loader streams its source, yields a Reject with the line for each bad record, and raises ConfigError if the source
itself is unusable.

`auto` detects the format of every file (`formats`) in folders, patterns and archives (`sources`, `archives`). A module
of `readers` reads the file in a worker process (`workers`), or it is read as rows (`jsonl`, `json_array`, `csv_table`,
`parquet`, `arrow_folder`). Each file is accounted for by a FileRead, a Reject or a Skipped.
"""
