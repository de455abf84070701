"""The checks of a graph: each is a query that returns offending rows, of which a consistent graph has none."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kgsynth import queries
from kgsynth.graph.session import Graph, Row
from kgsynth.progress import Progress, Silent, progress_stage


@dataclass(frozen=True, slots=True)
class Finding:
    """A failed check: its name, what should be true, the number of offending rows, and the first of them."""

    check: str
    summary: str
    count: int
    examples: tuple[Row, ...]


def run(
    graph: Graph,
    *,
    forgotten: Collection[str] = (),
    kept_parts: Mapping[str, Collection[str]] = MappingProxyType({}),
    examples: int = 5,
    progress: Progress | None = None,
) -> list[Finding]:
    """Run every query of cypher/check; the list is empty for a consistent graph.

    Args:
        graph: the graph to check.
        forgotten: ids of forgotten documents.
        kept_parts: for each document of which only some parts were forgotten, the content hashes of the others.
        examples: maximum number of offending rows returned per check.
        progress: receives one unit per check.
    """
    findings = []
    checks = queries.load_folder("check")
    parameters = {
        "forgotten": sorted(forgotten),
        "kept_parts": [{"parent": parent, "content_hashes": sorted(kept)} for parent, kept in kept_parts.items()],
    }
    with progress_stage(progress or Silent(), "check", len(checks)) as bar:
        for query in checks:
            example_rows: list[Row] = []
            count = 0
            for row in graph.stream(query, **parameters):
                count += 1
                if count <= examples:
                    example_rows.append(row)
            if count:
                findings.append(Finding(query.name.removeprefix("check/"), query.summary, count, tuple(example_rows)))
            bar.advance()
    return findings


def count() -> int:
    """The number of checks."""
    return len(queries.load_folder("check"))
