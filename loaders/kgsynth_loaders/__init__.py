"""Sources of documents, annotations, concepts and counted pairs: records and rejects out, no knowledge of Neo4j.

A loader is a function `(source, fields) -> Iterator[Record | Reject]`, registered as an entry point in the group
`kgsynth.loaders`. Its name says what it yields: `documents`, `annotations`, `concepts` or `pairs`. It reads as a
stream, never raises for a bad record (that is a Reject with its line), and raises ConfigError when the source itself is
unusable.

`auto` finds the format of every file (`formats`), in folders, patterns and archives (`sources`, `archives`), and has it
read by one of the `readers`, in worker processes (`workers`), or as rows (`jsonl`, `json_array`, `csv_table`,
`parquet`, `arrow_folder`). It accounts for each file: with a FileRead, a Reject or a Skipped.
"""
