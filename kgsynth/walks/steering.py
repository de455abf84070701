"""Control where walks start and what they may visit, by a user's statements and by the use of earlier combinations."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kgsynth import queries
from kgsynth.batching import batches
from kgsynth.contexts import Int64
from kgsynth.errors import ConfigError, GraphError, quoted
from kgsynth.progress import Progress, progress_stage, with_progress
from kgsynth.question_files import read_combinations
from kgsynth.settings import SampleSettings
from kgsynth.walk_law import KINDS
from kgsynth.walks import cypher_engine, lens, walk_tables
from kgsynth.walks.coverage_weights import Coverage, unused_weights
from kgsynth.walks.cypher_engine import QueryReader
from kgsynth.walks.draws import WEIGHT_UNITS

_TOPICS = queries.load("walk/topics")
_KINDS = queries.load("walk/kinds")
_EARLIER = queries.load("walk/earlier_combinations")

# Number of ids that are looked up in the graph at once.
_ID_BATCH = 10_000


class Steerable(QueryReader, Protocol):
    """A graph that also runs a user's own statements, which only read."""

    def stream_user(
        self, text: str, parameters: Mapping[str, Any], *, where: str, timeout_s: float
    ) -> Iterator[dict[str, Any]]:
        """The rows of a user's statement one by one."""

    def stream(self, query: queries.Query, **parameters: object) -> Iterator[dict[str, Any]]:
        """The rows of a statement one by one."""


def units_within(graph: Steerable, settings: SampleSettings, terms: Sequence[str], progress: Progress) -> Int64:
    """The weights of terms that the `--within` statement returns; int64 (terms,).

    Args:
        graph: runs the statement.
        settings: the file of the statement, and its time limit.
        terms: the sorted ids of all concepts and topics of the graph.
        progress: receives the number of rows.

    Raises:
        ConfigError, QueryError: the statement or its rows are invalid.
    """
    rows = _rows_of(graph, settings.within, settings)
    with progress_stage(progress, "lens", None) as bar:
        return lens.ticket_weights(with_progress(rows, bar), terms, where=settings.within)


def earlier_concepts(graph: Steerable) -> Iterator[list[str]]:
    """The concepts of each combination in the graph."""
    return (row["concepts"] for row in graph.stream(_EARLIER))


def favouring_unused(
    units: Int64 | None, held: walk_tables.WalkTables, earlier: Iterable[Sequence[str]], progress: Progress
) -> Int64:
    """The weights of a lens, if any, multiplied by weights that favour unused concepts and pairs; int64 (terms,).

    Args:
        units: weights of the lens; None without a lens.
        held: walk tables of the graph.
        earlier: the concepts of each earlier combination.
        progress: receives the number of combinations, then that of concepts.
    """
    with progress_stage(progress, "earlier combinations", None) as bar:
        coverage = Coverage.of(with_progress(earlier, bar))
    favoured = np.full(len(held.ids), WEIGHT_UNITS, dtype=np.int64)
    with progress_stage(progress, "unused pairs", held.first_topic) as bar:
        favoured[: held.first_topic] = unused_weights(held.contexts(), coverage, bar)
    if units is None:
        return favoured
    return np.where(units > 0, np.maximum(1, units * favoured // WEIGHT_UNITS), 0)


def concepts_of_files(
    files: Sequence[str], counts_as: Mapping[str, str], known: Collection[str]
) -> Iterator[list[str]]:
    """The concepts of each combination in some files, with aliases replaced by their canonical terms.

    Args:
        files: files with combinations.
        counts_as: for each alias the id of its canonical term.
        known: the ids of the graph's terms.

    Raises:
        ConfigError: no combination in a file has a concept of the graph.
    """
    for file in files:
        count = unknown = 0
        for combination in read_combinations(Path(file)):
            concepts = [counts_as.get(concept, concept) for concept in combination.concepts]
            count += 1
            unknown += not any(concept in known for concept in concepts)
            yield concepts
        if count and unknown == count:
            raise ConfigError(
                f"{file}: this graph has none of its concepts",
                hint="Check that the file was made with this graph; --graph NAME selects another.",
            )


def start_topics(graph: Steerable) -> list[str]:
    """The sorted ids of all topics, which are the starts of walks without a lens."""
    return [row["id"] for row in graph.read(_TOPICS)]


def lens_of(held: walk_tables.WalkTables, units: Int64) -> cypher_engine.Lens:
    """A lens for the Cypher engine, with the sums of weights per context slot."""
    totals = {to: np.zeros(int(held.slots.max(initial=-1)) + 1, dtype=np.int64) for to in KINDS}
    for to, own in totals.items():
        own[held.slots] = held.totals(to, units)
    return cypher_engine.Lens(weights_of(held, units), totals["concept"], totals["topic"])


def weights_of(held: walk_tables.WalkTables, units: Int64) -> dict[str, int]:
    """The weights over 0 by term id, in the order of ids."""
    return {held.ids[place]: int(units[place]) for place in np.flatnonzero(units)}


def chosen_topics(
    graph: Steerable, settings: SampleSettings, held: walk_tables.WalkTables | None, units: Int64 | None
) -> list[str]:
    """The topics where walks start: those of the `--start` statement, or all; with a lens, only those with a weight.

    Args:
        graph: the graph.
        settings: the file of the statement, and its time limit.
        held: walk tables of the graph; None without a lens.
        units: weights of the lens; None without a lens.

    Raises:
        ConfigError, QueryError: the statement or its rows are invalid; GraphError: there is no topic to start from.
    """
    topics = _topics_of_statement(graph, settings) if settings.start else start_topics(graph)
    if held is not None and units is not None:
        topics = [topic for topic, place in zip(topics, held.places(topics), strict=True) if units[place]]
    if not topics:
        raise GraphError(
            "there is no topic to start from",
            hint="Documents need topics (--topics-field names their field); a --within statement must return "
            "some of them.",
        )
    return topics


def _topics_of_statement(graph: Steerable, settings: SampleSettings) -> list[str]:
    """The distinct topics that the `--start` statement returns, in its order; memory does not depend on its rows."""
    topics: dict[str, None] = {}
    other = ""
    unknown = lens.UnknownIds(settings.start)
    ids = lens.ids(_rows_of(graph, settings.start, settings), where=settings.start)
    for batch in batches(ids, _ID_BATCH):
        new = [identity for identity in batch if identity not in topics]
        kinds = {row["id"]: str(row["kind"]) for row in graph.read(_KINDS, ids=sorted(set(new)))} if new else {}
        for identity in batch:
            kind = "topic" if identity in topics else kinds.get(identity, "")
            unknown.count(identity, is_known=bool(kind))
            if kind == "topic":
                topics[identity] = None
            elif kind:
                other = other or identity
    unknown.refuse()
    if other:
        raise ConfigError(f"{settings.start}: {quoted(other)} is not a topic; walks start at topics")
    return list(topics)


def _rows_of(graph: Steerable, path: str, settings: SampleSettings) -> Iterator[dict[str, Any]]:
    """The rows of the statement in a file."""
    return graph.stream_user(_statement_of(path), {}, where=path, timeout_s=settings.query_timeout_s)


def _statement_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
