"""Files for `neo4j-admin database import`: the graph of a first load as CSV, one file a kind of node or relationship.

Each node has a number, which the import alone uses. What these files hold is what `facts`, `decisions` and
`derived` would have written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# As the import tool calls them.
_TEXT, _WHOLE, _REAL = "string", "long", "double"
_NODE_ID, _START, _END = ":ID", ":START_ID", ":END_ID"

_TABLES = ("next_topic", "first_concept", "next_concept")
_TERM = {
    **dict.fromkeys(("id", "kind", "name"), _TEXT),
    **dict.fromkeys(("slot", "document_count", "digest"), _WHOLE),
    **{f"{table}_{what}": _WHOLE for table in _TABLES for what in ("from", "tickets")},
}
_STEP = {"tickets": _WHOLE, "upto": _WHOLE}
NODES: Mapping[str, Mapping[str, str]] = {
    "Document": {
        **dict.fromkeys(("id", "content_hash", "text", "title", "source", "license", "attribution"), _TEXT),
        **dict.fromkeys(("date", "parent", "pages", "section", "metadata", "grade", "subject"), _TEXT),
        "score": _REAL,
        "term_count": _WHOLE,
    },
    "Term:Concept": _TERM,
    "Term:Topic": _TERM,
    "Term:Alias": {name: _TERM[name] for name in ("id", "kind", "name")},
}
RELATIONSHIPS: Mapping[str, Mapping[str, str]] = {
    "MENTIONS": {"spelling": _TEXT},
    "MERGED_INTO": {"merge_id": _TEXT, "cosine": _REAL, "rule": _TEXT},
    "CO_OCCURS_WITH": {"count": _WHOLE},
    "NEXT_TOPIC": _STEP,
    "FIRST_CONCEPT": _STEP,
    "NEXT_CONCEPT": _STEP,
}


# Of the store: a record of a relationship and one of its properties, a node's, and for each of its properties; with a
# tenth for indexes and logs (EXPERIMENTS.md).
_RELATIONSHIP_BYTES, _NODE_BYTES, _MARGIN = 75, 200, 1.1
_LEAST_BUFFER = 4 * 2**20


class ImportFiles:
    """The files of one import, in a folder; `counts` says how many nodes and relationships of each kind they hold."""

    def __init__(self, folder: Path) -> None:
        """Open all files.

        Args:
            folder: made when absent; what an earlier call left in it is replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.counts = dict.fromkeys((*NODES, *RELATIONSHIPS), 0)
        self._largest_text = 0
        import pyarrow
        import pyarrow.csv

        types = {_TEXT: pyarrow.string(), _WHOLE: pyarrow.int64(), _REAL: pyarrow.float64()}
        # All strings are quoted and nothing else is: an empty field is a property that is not there.
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        self._schemas, self._writers = {}, {}
        for kind, columns in self._columns():
            self._schemas[kind] = pyarrow.schema({name: types[of or _WHOLE] for name, of in columns.items()})
            header = ",".join(f"{name}:{of}" if of else name for name, of in columns.items())
            self._path(kind, "header").write_text(header + "\n", encoding="utf-8")
            rows = self._path(kind, "rows")
            self._writers[kind] = pyarrow.csv.CSVWriter(rows, self._schemas[kind], write_options=options)

    @staticmethod
    def _columns() -> Iterator[tuple[str, dict[str, str]]]:
        for kind, own in NODES.items():
            yield kind, {_NODE_ID: "", **own}
        for kind, own in RELATIONSHIPS.items():
            yield kind, {_START: "", _END: "", **own}

    def __enter__(self) -> Self:
        """The files themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()

    def write(self, kind: str, columns: Mapping[str, Any]) -> None:
        """Add rows of one kind.

        Args:
            kind: a key of NODES or RELATIONSHIPS.
            columns: values by name, of one length; None for a property that is not there. A column that is left out
                is there for none.
        """
        import pyarrow

        schema = self._schemas[kind]
        count = len(columns[schema.names[0]])
        arrays = [
            _array(columns[name], of) if name in columns else pyarrow.nulls(count, of)
            for name, of in zip(schema.names, schema.types, strict=True)
        ]
        self._writers[kind].write_batch(pyarrow.record_batch(arrays, schema=schema))
        self.counts[kind] += count

    def write_nodes(self, kind: str, numbers: Any, columns: Mapping[str, Any]) -> None:
        """Add nodes from their numbers and columns of properties."""
        self.write(kind, {_NODE_ID: numbers, **columns})

    def write_rows(self, kind: str, numbers: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Add nodes from their numbers and rows of properties."""
        self._largest_text = max([self._largest_text, *(len(row.get("text") or "") for row in rows)])
        self.write_nodes(kind, numbers, {name: [row.get(name) for row in rows] for name in NODES[kind]})

    def write_relationships(self, kind: str, starts: Any, ends: Any, **properties: Any) -> None:
        """Add relationships between nodes by their numbers."""
        self.write(kind, {_START: starts, _END: ends, **properties})

    def arguments(self) -> list[str]:
        """What the import tool is told of these files; kinds without rows are left out."""
        told = [f"--multiline-fields={self._path('Document', 'rows')}", "--multiline-fields-format=v2"]
        for option, kinds in (("nodes", NODES), ("relationships", RELATIONSHIPS)):
            told += [
                f"--{option}={kind}={self._path(kind, 'header')},{self._path(kind, 'rows')}"
                for kind in self._filled(kinds)
            ]
        return told

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.folder.glob("*.csv"))

    def remove(self) -> None:
        """Take the files away, once they are imported."""
        for path in self.folder.glob("*.csv"):
            path.unlink()

    @property
    def read_buffer_bytes(self) -> int:
        """A buffer of the import tool that holds the longest text: up to 4 bytes a character, quotes doubled."""
        return max(_LEAST_BUFFER, 8 * self._largest_text)

    @property
    def store_bytes(self) -> int:
        """About what the imported store takes."""
        relationships = sum(self.counts[kind] for kind in RELATIONSHIPS)
        nodes = sum(self.counts[kind] for kind in NODES)
        texts = self._path("Document", "rows").stat().st_size
        return int(_MARGIN * (_RELATIONSHIP_BYTES * relationships + _NODE_BYTES * nodes + texts))

    def _filled(self, kinds: Iterable[str]) -> list[str]:
        return [kind for kind in kinds if self.counts[kind]]

    def _path(self, kind: str, part: str) -> Path:
        return self.folder / f"{kind.replace(':', '-').lower()}.{part}.csv"


def _array(values: Any, kind: Any) -> Any:
    import pyarrow

    return values if isinstance(values, pyarrow.Array) else pyarrow.array(values, type=kind)
