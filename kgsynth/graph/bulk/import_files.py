"""CSV files for `neo4j-admin database import`, one file per kind of node or relationship.

Rows are compressed with gzip's lowest level, which reduces disk space to a third and takes no measurable time.

Each node has a number, which only the import uses. The files hold the same data that `facts`, `decisions` and `derived`
would write to the graph.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kgsynth.files import unwritable
from kgsynth.walk_law import KINDS

# The import tool's names.
_TEXT, _WHOLE, _REAL = "string", "long", "double"
_NODE_ID, _START, _END = ":ID", ":START_ID", ":END_ID"

_TERM = {
    **dict.fromkeys(("id", "kind", "name"), _TEXT),
    **dict.fromkeys(("slot", "document_count"), _WHOLE),
    **{f"{to}_tickets": _WHOLE for to in KINDS},
}
NODES: Mapping[str, Mapping[str, str]] = {
    "Document": {
        **dict.fromkeys(("id", "content_hash", "text", "title", "source", "license", "attribution"), _TEXT),
        **dict.fromkeys(("date", "parent", "pages", "section", "metadata", "synonyms", "grade", "subject"), _TEXT),
        "score": _REAL,
        **dict.fromkeys(("slot", "term_count", "concept_count"), _WHOLE),
    },
    "Term:Concept": _TERM,
    "Term:Topic": _TERM,
    "Term:Alias": {name: _TERM[name] for name in ("id", "kind", "name")},
}
RELATIONSHIPS: Mapping[str, Mapping[str, str]] = {
    "MENTIONS": {"spelling": _TEXT},
    "MERGED_INTO": {"merge_id": _TEXT, "cosine": _REAL, "rule": _TEXT},
    "HOLDS": {"place": _WHOLE, **{f"{to}_upto": _WHOLE for to in KINDS}},
    "CO_OCCURS_WITH": {"count": _WHOLE},
}


# Bytes in the store per relationship and per node, with properties and indexes; the margin is for logs
# (docs/figures/graph.md).
_RELATIONSHIP_BYTES = {"MENTIONS": 75, "MERGED_INTO": 75, "HOLDS": 140, "CO_OCCURS_WITH": 75}
_NODE_BYTES, _MARGIN = 200, 1.1
_MIN_BUFFER = 4 * 2**20


class ImportFiles:
    """The files of one import; `counts` holds the number of nodes and relationships of each kind."""

    def __init__(self, folder: Path) -> None:
        """Open all files.

        Args:
            folder: created if absent; files of an earlier call are replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.counts = dict.fromkeys((*NODES, *RELATIONSHIPS), 0)
        self._largest_text = self._text_bytes = 0
        self._files = ExitStack()
        import pyarrow
        import pyarrow.csv

        types = {_TEXT: pyarrow.string(), _WHOLE: pyarrow.int64(), _REAL: pyarrow.float64()}
        # Only strings are quoted, and an empty field is a missing property.
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        self._schemas, self._writers = {}, {}
        for kind, columns in self._columns():
            self._schemas[kind] = pyarrow.schema({name: types[of or _WHOLE] for name, of in columns.items()})
            header = ",".join(f"{name}:{of}" if of else name for name, of in columns.items())
            self._path(kind, "header").write_text(header + "\n", encoding="utf-8")
            rows = self._files.enter_context(gzip.GzipFile(self._path(kind, "rows"), "wb", compresslevel=1))
            self._writers[kind] = pyarrow.csv.CSVWriter(rows, self._schemas[kind], write_options=options)
            self._files.callback(self._writers[kind].close)

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
        """Close all files.

        Raises:
            ManifestError: the disk is full.
        """
        try:
            self._files.close()
        except OSError as problem:
            if error is None:
                raise unwritable(self.folder, problem) from problem

    def write(self, kind: str, columns: Mapping[str, Any]) -> None:
        """Add rows of one kind.

        Args:
            kind: a key of NODES or RELATIONSHIPS.
            columns: values by name, all of the same length; None for a missing property. If a column is omitted, the
                property is missing in all rows.

        Raises:
            ManifestError: the disk is full.
        """
        import pyarrow

        schema = self._schemas[kind]
        count = len(columns[schema.names[0]])
        arrays = [
            _array(columns[name], of) if name in columns else pyarrow.nulls(count, of)
            for name, of in zip(schema.names, schema.types, strict=True)
        ]
        try:
            self._writers[kind].write_batch(pyarrow.record_batch(arrays, schema=schema))
        except OSError as error:
            raise unwritable(self.folder, error) from error
        self.counts[kind] += count

    def write_nodes(self, kind: str, numbers: Any, columns: Mapping[str, Any]) -> None:
        """Add nodes from their numbers and columns of properties."""
        self.write(kind, {_NODE_ID: numbers, **columns})

    def write_rows(self, kind: str, numbers: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Add nodes from their numbers and rows of properties."""
        texts = [row.get("text") or "" for row in rows]
        self._largest_text = max([self._largest_text, *map(len, texts)])
        self._text_bytes += sum(len(text.encode()) for text in texts)
        self.write_nodes(kind, numbers, {name: [row.get(name) for row in rows] for name in NODES[kind]})

    def write_relationships(self, kind: str, starts: Any, ends: Any, **properties: Any) -> None:
        """Add relationships between nodes by their numbers."""
        self.write(kind, {_START: starts, _END: ends, **properties})

    def arguments(self) -> list[str]:
        """The arguments of the import tool for these files; kinds without rows are omitted."""
        arguments = [f"--multiline-fields={self._path('Document', 'rows')}", "--multiline-fields-format=v2"]
        for option, kinds in (("nodes", NODES), ("relationships", RELATIONSHIPS)):
            arguments += [
                f"--{option}={kind}={self._path(kind, 'header')},{self._path(kind, 'rows')}"
                for kind in self._filled(kinds)
            ]
        return arguments

    @property
    def size_bytes(self) -> int:
        """Size of the files on disk in bytes."""
        return sum(path.stat().st_size for path in self.folder.glob("*.csv*"))

    def remove(self) -> None:
        """Delete the files after the import."""
        for path in self.folder.glob("*.csv*"):
            path.unlink()

    @property
    def read_buffer_bytes(self) -> int:
        """Read buffer of the import tool that fits the longest text: up to 4 bytes per character, quotes doubled."""
        return max(_MIN_BUFFER, 8 * self._largest_text)

    @property
    def store_bytes(self) -> int:
        """Estimated size of the imported store in bytes."""
        relationships = sum(size * self.counts[kind] for kind, size in _RELATIONSHIP_BYTES.items())
        nodes = sum(self.counts[kind] for kind in NODES)
        return int(_MARGIN * (relationships + _NODE_BYTES * nodes + self._text_bytes))

    def _filled(self, kinds: Iterable[str]) -> list[str]:
        return [kind for kind in kinds if self.counts[kind]]

    def _path(self, kind: str, part: str) -> Path:
        return self.folder / f"{kind.replace(':', '-').lower()}.{part}.csv{'.gz' if part == 'rows' else ''}"


def _array(values: Any, kind: Any) -> Any:
    import pyarrow

    return values if isinstance(values, pyarrow.Array) else pyarrow.array(values, type=kind)
