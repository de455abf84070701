"""Control where walks start and what they may visit, by a user's statements and by the use of earlier combinations."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kgsynth import queries
from kgsynth.errors import ConfigError, GraphError
from kgsynth.progress import Progress, progress_stage
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


class Steerable(QueryReader, Protocol):
    """A graph that also runs a user's own statements, which only read."""

    def read_user(
        self, text: str, parameters: Mapping[str, Any], *, where: str, timeout_s: float
    ) -> list[dict[str, Any]]:
        """All rows of a user's statement."""

    def stream(self, query: queries.Query, **parameters: object) -> Iterator[dict[str, Any]]:
        """The rows of a statement one by one."""


def weights_within(graph: Steerable, settings: SampleSettings) -> dict[str, int] | None:
    """The weights that the `--within` statement returns; None without such a statement.

    Raises:
        ConfigError, QueryError: the statement or its rows are invalid.
    """
    if not settings.within:
        return None
    rows = graph.read_user(
        _statement_of(settings.within), {}, where=settings.within, timeout_s=settings.query_timeout_s
    )
    weights = lens.ticket_weights(rows, where=settings.within)
    _refuse_unknown(graph, list(weights), where=settings.within)
    return weights


def earlier_concepts(graph: Steerable) -> Iterator[list[str]]:
    """The concepts of each combination in the graph."""
    return (row["concepts"] for row in graph.stream(_EARLIER))


def favouring_unused(
    graph: Steerable,
    weights: dict[str, int] | None,
    held: walk_tables.WalkTables,
    earlier: Iterable[Sequence[str]],
    progress: Progress,
) -> dict[str, int]:
    """The weights of a lens, if any, multiplied by weights that favour unused concepts and pairs.

    Args:
        graph: the graph; without a lens, all its topics may be visited.
        weights: weights of the lens; None without a lens.
        held: walk tables of the graph.
        earlier: the concepts of each earlier combination.
        progress: receives the number of concepts.
    """
    coverage = Coverage.of(earlier)
    with progress_stage(progress, "unused pairs", held.first_topic) as bar:
        favoured = unused_weights(held.contexts(), coverage, bar)
    if weights is None:
        topics = dict.fromkeys(start_topics(graph), WEIGHT_UNITS)
        return {**topics, **favoured}
    return {
        term: max(1, units * favoured[term] // WEIGHT_UNITS) if term in favoured else units
        for term, units in weights.items()
    }


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


def lens_of(held: walk_tables.WalkTables, weights: dict[str, int]) -> cypher_engine.Lens:
    """A lens for the Cypher engine, with the sums of weights per context slot."""
    units = held.units_of(weights)
    totals = {to: np.zeros(int(held.slots.max(initial=-1)) + 1, dtype=np.int64) for to in KINDS}
    for to, own in totals.items():
        own[held.slots] = held.totals(to, units)
    return cypher_engine.Lens(weights, totals["concept"], totals["topic"])


def chosen_topics(graph: Steerable, settings: SampleSettings, weights: dict[str, int] | None) -> list[str]:
    """The topics where walks start: those of the `--start` statement, or all; with a lens, only those with a weight.

    Raises:
        ConfigError, QueryError: the statement or its rows are invalid; GraphError: there is no topic to start from.
    """
    if settings.start:
        rows = graph.read_user(
            _statement_of(settings.start), {}, where=settings.start, timeout_s=settings.query_timeout_s
        )
        topics = lens.start_ids(rows, where=settings.start)
        kinds = _refuse_unknown(graph, topics, where=settings.start)
        others = [identity for identity in topics if kinds[identity] != "topic"]
        if others:
            raise ConfigError(f"{settings.start}: {others[0]!r} is not a topic; walks start at topics")
    else:
        topics = start_topics(graph)
    if weights is not None:
        topics = [identity for identity in topics if identity in weights]
    if not topics:
        raise GraphError(
            "there is no topic to start from",
            hint="Documents need topics (--topics-field names their field); a --within statement must return "
            "some of them.",
        )
    return topics


def _refuse_unknown(graph: Steerable, ids: Sequence[str], *, where: str) -> dict[str, str]:
    kinds = {row["id"]: str(row["kind"]) for row in graph.read(_KINDS, ids=list(ids))}
    unknown = [identity for identity in ids if identity not in kinds]
    if unknown:
        raise ConfigError(
            f"{where}: {len(unknown):,} of {len(ids):,} ids are not concepts or topics of this graph, for example "
            f"{unknown[0]!r}",
            hint="Return term.id of nodes with label Concept or Topic; a merged term (label Alias) cannot be visited.",
        )
    return kinds


def _statement_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
