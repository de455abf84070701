"""The checks: each is a query that returns offending rows, and a healthy graph returns none."""

from dataclasses import dataclass

from kgsynth import queries
from kgsynth.graph.session import Graph, Row
from kgsynth.progress import Progress, Silent, shown


@dataclass(frozen=True, slots=True)
class Finding:
    """One check that found something: its name, what should hold, how many rows, and the first of them."""

    check: str
    summary: str
    count: int
    examples: tuple[Row, ...]


def run(graph: Graph, *, examples: int = 5, progress: Progress | None = None) -> list[Finding]:
    """Run every query of cypher/check; an empty list means a healthy graph.

    Args:
        graph: what to look at.
        examples: offending rows kept of each check.
        progress: told one unit a check.
    """
    findings = []
    checks = queries.load_folder("check")
    with shown(progress or Silent(), "check", len(checks)) as bar:
        for query in checks:
            kept: list[Row] = []
            count = 0
            for row in graph.stream(query):
                count += 1
                if count <= examples:
                    kept.append(row)
            if count:
                findings.append(Finding(query.name.removeprefix("check/"), query.summary, count, tuple(kept)))
            bar.advance()
    return findings


def count() -> int:
    """How many checks there are."""
    return len(queries.load_folder("check"))
