"""Write the rows of a user's query as a table, JSON, JSON Lines, CSV, Parquet, or a picture.

All formats but the table and the picture need constant memory. In CSV and Parquet, a value that is not a scalar becomes
JSON.
"""

import importlib
import json
import pickle
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, get_args

from kgsynth.cli.tables import show_table
from kgsynth.errors import ConfigError, MissingExtraError
from kgsynth.files import atomic
from kgsynth.pipeline import GraphNode, GraphRelationship

Format = Literal["table", "json", "jsonl", "csv", "parquet", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
_BATCH = 20_000
_CELL_CHARS = 120
_PICTURE_NODES = 2_000
# The colours of browser/style.grass: light enough for dark captions, and different for colour-blind people.
_COLOURS = {
    "Topic": "#f0c05a",
    "Concept": "#8fc1ec",
    "Alias": "#cfe2f3",
    "Document": "#d0d0d0",
    "Combination": "#c9a9e0",
    "Question": "#7fd1ae",
    "Answer": "#c3ebd3",
    "Run": "#eeb29c",
}
_SCALARS = frozenset({str, int, float, bool, type(None)})
Rows = Iterable[Mapping[str, Any]]


def format_of(path: Path | None, requested: Format | None) -> Format:
    """Return the requested format, else that of the file's ending, else a table.

    Raises:
        ConfigError: the ending is unknown, a table is requested for a file, or Parquet or a picture without a file.
    """
    if path is None:
        if requested in ("parquet", "html"):
            raise ConfigError(f"{requested} needs an output file", hint=f"Give one: -o result.{requested}.")
        return requested or "table"
    endings: dict[str, Format] = {f".{name}": name for name in FORMATS if name != "table"}
    if requested == "table":
        raise ConfigError(
            "a table is written to the terminal only",
            hint=f"Omit --format, or give {', '.join(list(endings.values()))}.",
        )
    form = requested or endings.get(path.suffix)
    if form is None:
        raise ConfigError(
            f"{path}: the file ending selects no format",
            hint=f"End the name in {', '.join(endings)}, or give --format.",
        )
    return form


def write(rows: Rows, columns: Sequence[str], form: Format, path: Path | None) -> int:
    """Write rows to a file, atomically, or to standard output; return the number of rows."""
    if form == "table":
        return _table(rows, columns)
    if form == "parquet":
        assert path is not None
        return _parquet(rows, columns, path)
    if form == "html":
        assert path is not None
        return picture(rows, path)
    with _opened(path) as file:
        return {"json": _json, "jsonl": _json_lines, "csv": _csv}[form](rows, columns, file)


def plain(value: Any) -> Any:
    """Return a value of the graph as JSON values: a node is {labels, properties}, a relationship {type, properties}."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, GraphNode):
        return {"labels": list(value.labels), "properties": plain(value.properties)}
    if isinstance(value, GraphRelationship):
        return {"type": value.type, "properties": plain(value.properties)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return [plain(item) for item in value]
    # Dates, times, durations and points of Neo4j.
    return value.iso_format() if hasattr(value, "iso_format") else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, GraphNode):
        return f"(:{':'.join(value.labels)} {value.properties.get('id', value.properties.get('name', ''))})"
    if isinstance(value, GraphRelationship):
        properties_text = ", ".join(f"{name}: {_cell(item)}" for name, item in sorted(value.properties.items()))
        return f"[:{value.type}{' ' + properties_text if properties_text else ''}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 1] + "…"


def _table(rows: Rows, columns: Sequence[str]) -> int:
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    show_table(columns, cells)
    return len(cells)


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        return
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        yield file


def _json(rows: Rows, columns: Sequence[str], file: IO[str]) -> int:
    count = 0
    for row in rows:
        file.write(("[\n" if not count else ",\n") + json.dumps(plain(row), ensure_ascii=False))
        count += 1
    file.write("\n]\n" if count else "[]\n")
    return count


def _json_lines(rows: Rows, columns: Sequence[str], file: IO[str]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(plain(row), ensure_ascii=False) + "\n")
        count += 1
    return count


def _csv(rows: Rows, columns: Sequence[str], file: IO[str]) -> int:
    import pandas

    count = 0
    iterator = iter(rows)
    pandas.DataFrame(columns=list(columns)).to_csv(file, index=False)
    while batch := [[_scalar(row[name]) for name in columns] for row in islice(iterator, _BATCH)]:
        pandas.DataFrame(batch, columns=list(columns), dtype=object).to_csv(file, index=False, header=False)
        count += len(batch)
    return count


def _scalar(value: Any) -> Any:
    value = plain(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _parquet(rows: Rows, columns: Sequence[str], path: Path) -> int:
    """Write rows in two passes, because the type of a column depends on all its values."""
    import pyarrow
    import pyarrow.parquet

    value_kinds: dict[str, set[str]] = {name: set() for name in columns}
    count = 0
    iterator = iter(rows)
    with tempfile.TemporaryFile() as spool:
        while batch := list(islice(iterator, _BATCH)):
            for name in columns:
                values = [plain(row[name]) for row in batch]
                value_kinds[name].update(map(_kind, values))
                pickle.dump(values, spool)
            count += len(batch)
        schema = pyarrow.schema([(name, _arrow_type(value_kinds[name])) for name in columns])
        spool.seek(0)
        with atomic(path) as partial, pyarrow.parquet.ParquetWriter(partial, schema) as writer:
            for _ in range(-(-count // _BATCH)):
                arrays = [
                    pyarrow.array(
                        [_as_type(value, value_kinds[name]) for value in pickle.load(spool)], schema.field(name).type
                    )
                    for name in columns
                ]
                writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
    return count


def _kind(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float, str)):
        return type(value).__name__
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "names"
    return "empty list" if value == [] else "json"


def _arrow_type(kinds: set[str]) -> Any:
    import pyarrow

    kinds = kinds - {""}
    if kinds == {"bool"}:
        return pyarrow.bool_()
    if kinds == {"int"}:
        return pyarrow.int64()
    if kinds and kinds <= {"int", "float"}:
        return pyarrow.float64()
    if kinds and kinds <= {"names", "empty list"}:
        return pyarrow.list_(pyarrow.string())
    return pyarrow.string()


def _as_type(value: Any, kinds: set[str]) -> Any:
    kinds = kinds - {""}
    if value is None or kinds in ({"bool"}, {"int"}, {"str"}) or kinds <= {"names", "empty list"}:
        return value
    if kinds <= {"int", "float"}:
        return float(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def picture(rows: Rows, path: Path) -> int:
    """Write a page with a drawing of the nodes and relationships in some rows; it needs no network access.

    Returns:
        Number of rows.

    Raises:
        ConfigError: the rows contain no node, or too many nodes to be readable.
        MissingExtraError: neo4j-viz is not installed.
    """
    nodes: dict[str, GraphNode] = {}
    relationships: dict[str, GraphRelationship] = {}
    count = 0
    for row in rows:
        count += 1
        _collect(list(row.values()), nodes, relationships)
        if len(nodes) > _PICTURE_NODES:
            raise ConfigError(
                f"more than {_PICTURE_NODES:,} nodes are too many for a readable picture",
                hint="Return fewer nodes, with ORDER BY and LIMIT.",
            )
    if not count:
        raise ConfigError("the query returned no row, so there is nothing to draw")
    if not nodes:
        raise ConfigError(
            "the rows contain no node to draw", hint="Return nodes and relationships, not their properties."
        )
    draw(list(nodes.values()), [edge for edge in relationships.values() if {edge.start, edge.end} <= set(nodes)], path)
    return count


def draw(nodes: Sequence[GraphNode], relationships: Sequence[GraphRelationship], path: Path) -> None:
    """Write a page with a drawing of nodes and the relationships between them, like `picture`."""
    try:
        viz: Any = importlib.import_module("neo4j_viz")
    except ImportError as error:
        raise MissingExtraError(f"pictures need neo4j-viz: {error}", hint="pip install 'kgsynth[explore]'") from error

    largest = max([int(node.properties.get("document_count") or 1) for node in nodes])
    viz_nodes = [
        viz.Node(
            id=node.id,
            caption=caption(node),
            color=_COLOURS.get(next((label for label in node.labels if label in _COLOURS), ""), "#cccccc"),
            size=14 + 26 * (int(node.properties.get("document_count") or 1) / largest) ** 0.5,
            properties={name: _cell(value) for name, value in node.properties.items()},
        )
        for node in nodes
    ]
    viz_relationships = [
        viz.Relationship(
            id=relationship.id,
            source=relationship.start,
            target=relationship.end,
            caption=f"{relationship.properties['count']:,}"
            if "count" in relationship.properties
            else relationship.type,
            properties={name: _cell(value) for name, value in relationship.properties.items()},
        )
        for relationship in relationships
    ]
    page = viz.VisualizationGraph(nodes=viz_nodes, relationships=viz_relationships).render(
        height="100vh", theme="light"
    )
    with atomic(path) as partial:
        body = "<!doctype html><meta charset='utf-8'><title>kgsynth</title><style>body{margin:0}</style>\n"
        partial.write_text(body + str(page.data), encoding="utf-8")


def caption(node: GraphNode) -> str:
    """Return the text that labels a node in a drawing: its name, title, final answer, text or id."""
    properties = node.properties
    text = (
        properties.get("name")
        or properties.get("title")
        or properties.get("final_answer")
        or properties.get("text")
        or properties.get("id")
        or ""
    )
    text = " ".join(str(text).split())
    return text if len(text) <= 40 else text[:39] + "…"


def _collect(values: Sequence[Any], nodes: dict[str, GraphNode], relationships: dict[str, GraphRelationship]) -> None:
    for value in values:
        if isinstance(value, GraphNode):
            nodes[value.id] = value
        elif isinstance(value, GraphRelationship):
            relationships[value.id] = value
        elif isinstance(value, list):
            _collect(value, nodes, relationships)
        elif isinstance(value, dict):
            _collect(list(value.values()), nodes, relationships)
