"""Draw combinations by walks in the graph, steered by lenses and grounded in documents."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgsynth.batching import batches
from kgsynth.config import Environment
from kgsynth.contexts import Contexts
from kgsynth.errors import ConfigError, GraphError, MissingExtraError
from kgsynth.files import atomic
from kgsynth.graph import derived, facts, inventory
from kgsynth.graph.session import Graph
from kgsynth.parallel import in_order
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.queries import Query
from kgsynth.records import Combination, StageCount, content_hash
from kgsynth.settings import SampleSettings
from kgsynth.walks import cypher_engine, steering, table_cache, walk_tables
from kgsynth.walks.combinations import combinations, deduplicated
from kgsynth.walks.draws import Starts
from kgsynth.walks.grounding import ground

_LOG = logging.getLogger(__name__)

if TYPE_CHECKING:
    import pyarrow

_GROUNDING_BATCH = 200
_COLUMN_ROWS = 10_000
# Reading walk tables from the graph pays off from one walk per this many mentions: in one second, 500,000 mentions are
# read or 5,000 walks are taken by Cypher queries (docs/figures/walks.md).
_MENTIONS_PER_WALK = 100
# Compiling the walks takes up to 8 s the first time, and about 1 s later.
_WORTH_COMPILING = 2_000
# With a lens the Cypher engine receives all weights with each query, and takes 4 times as long (same page).
_WORTH_COMPILING_FOR_LENS = 200
# The paper samples 5 epochs: five walks start from every topic.
_PAPER_EPOCHS = 5
# Number of walks that measure the rate; they take at most one second.
_MEASURED_WALKS = 500


def sample(
    graph: Graph,
    environment: Environment,
    settings: SampleSettings,
    count: StageCount | None = None,
    *,
    progress: Progress | None = None,
) -> Iterator[Combination]:
    """Draw combinations by level-3 walks, grounded in documents, in the order of the walks.

    Args:
        graph: a graph with complete derived layers.
        environment: where walk tables are kept as arrays.
        settings: the seed is required; without a number of combinations or epochs, 5 epochs as in the paper.
        count: receives the account of the walks.
        progress: advances one step per combination.

    Raises:
        ConfigError: the seed is missing.
        GraphError: the graph is not built or has no topics.
        QueryError: a lens is unusable.

    Examples:
        >>> settings = SampleSettings(seed=1, combinations=3)
        >>> combinations = list(pipeline.sample(graph, environment, settings))
        >>> combinations[0].topics
        ('topic:number theory',)
    """
    progress = progress or Silent()
    count = count or StageCount(stage="sample", unit="walks")
    plan = _plan(graph, environment, settings, count, progress)
    with progress_stage(progress, "sample", settings.combinations, count):
        yield from _draw(graph, environment, settings, plan, count, progress)


def _draw(
    graph: Graph,
    environment: Environment,
    settings: SampleSettings,
    plan: "_Plan",
    count: StageCount,
    progress: Progress,
) -> Iterator[Combination]:
    options = {"seed": plan.starts.seed, "min_concepts": settings.min_concepts}
    if plan.tables is not None:
        from kgsynth.walks import compiled, inverted_index

        walks = compiled.judged(plan.tables, plan.starts, **options, limit=plan.walks)
        index = inverted_index.Index.of(plan.tables) if settings.grounding_documents else None
    else:
        graph_walks = cypher_engine.walks(
            graph,
            plan.starts,
            seed=plan.starts.seed,
            batch_size=_batch_size(settings),
            sessions=settings.sessions,
            limit=plan.walks,
            lens=plan.lens,
        )
        walks, index = deduplicated(graph_walks, min_concepts=settings.min_concepts), None
    drawn = combinations(walks, **options, limit=settings.combinations, count=count)
    if index is not None:
        for batch in batches(drawn, _GROUNDING_BATCH):
            yield from inverted_index.ground(
                index, batch, limit=settings.grounding_documents, is_walked=settings.grounding == "walked"
            )
            progress.advance(len(batch))
        return
    # Several queries for documents run concurrently, as for walks.
    ground_batch = partial(ground, graph, limit=settings.grounding_documents, is_walked=settings.grounding == "walked")
    for grounded in in_order(
        ground_batch, batches(drawn, _GROUNDING_BATCH), threads=settings.sessions, ahead=settings.sessions
    ):
        yield from grounded
        progress.advance(len(grounded))


def sample_columns(
    graph: Graph,
    environment: Environment,
    settings: SampleSettings,
    count: StageCount,
    *,
    progress: Progress | None = None,
) -> "Iterator[pyarrow.RecordBatch]":
    """Draw combinations like `sample`, as Arrow batches in constant memory, for large numbers of them."""
    progress = progress or Silent()
    plan = _plan(graph, environment, settings, count, progress)
    with progress_stage(progress, "sample", settings.combinations, count):
        if plan.tables is not None:
            yield from _draw_columns(plan.tables, settings, plan, count, progress)
            return
        from kgsynth.walks import arrow_batches

        drawn = _draw(graph, environment, settings, plan, count, progress)
        yield from (arrow_batches.batch_of(batch) for batch in batches(drawn, _COLUMN_ROWS))


def _draw_columns(
    tables: walk_tables.WalkTables, settings: SampleSettings, plan: "_Plan", count: StageCount, progress: Progress
) -> "Iterator[pyarrow.RecordBatch]":
    """Yield the combinations of the compiled engine."""
    from kgsynth.walks import arrow_batches, compiled, inverted_index

    grounding = None
    if settings.grounding_documents:
        index = inverted_index.Index.of(tables)
        grounding = arrow_batches.Grounding(
            index, settings.grounding_documents, is_walked=settings.grounding == "walked"
        )
    blocks = compiled.blocks(tables, plan.starts, seed=plan.starts.seed, limit=plan.walks)
    for batch in arrow_batches.batches(
        tables,
        blocks,
        seed=plan.starts.seed,
        min_concepts=settings.min_concepts,
        limit=settings.combinations,
        grounding=grounding,
        count=count,
    ):
        yield batch
        progress.advance(len(batch))


def sample_to_parquet(
    graph: Graph,
    environment: Environment,
    settings: SampleSettings,
    count: StageCount,
    path: Path,
    *,
    progress: Progress | None = None,
) -> None:
    """Write the batches of `sample_columns` to a Parquet file, atomically."""
    import pyarrow.parquet

    from kgsynth.walks.arrow_batches import SCHEMA

    with atomic(path) as partial, pyarrow.parquet.ParquetWriter(partial, SCHEMA) as writer:
        for batch in sample_columns(graph, environment, settings, count, progress=progress):
            writer.write_batch(batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Plan of the walks: starts, number of walks (None for no limit), lens, and tables of the compiled engine."""

    starts: Starts
    walks: int | None
    lens: cypher_engine.Lens | None
    tables: walk_tables.WalkTables | None


def _plan(
    graph: Graph, environment: Environment, settings: SampleSettings, count: StageCount, progress: Progress
) -> _Plan:
    if settings.seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N (sample.seed), so that draws are repeatable.")
    fingerprint = derived.fingerprint(graph)
    count.notes["fingerprint"] = fingerprint
    folder = environment.walk_tables / fingerprint
    tables = units = None
    if settings.within or settings.favour:
        tables = tables_of(graph, folder, progress)
    if tables is not None and settings.within:
        units = steering.units_within(graph, settings, tables.ids, progress)
    if tables is not None and settings.favour:
        units = steering.favouring_unused(units, tables, _earlier(graph, settings), progress)
        # The graph may change between calls; the hash shows whether a later call has the same weights.
        count.notes["weights"] = content_hash(list(steering.weights_of(tables, units).items()))[:12]
    starts = Starts(settings.seed, steering.chosen_topics(graph, settings, tables, units))
    epochs = _PAPER_EPOCHS if settings.combinations is None and settings.epochs is None else settings.epochs
    walks = None if epochs is None else epochs * len(starts)
    amount = walks if settings.combinations is None else settings.combinations
    is_compiled = _is_compiled(
        graph, settings, amount, has_tables=folder.is_dir() or tables is not None, has_lens=units is not None
    )
    _LOG.info("the %s engine walks from %d topics", "compiled" if is_compiled else "Cypher", len(starts))
    if is_compiled:
        tables = tables or tables_of(graph, folder, progress)
        tables = tables if units is None else walk_tables.through_lens(tables, units)
        return _Plan(starts=starts, walks=walks, lens=None, tables=tables)
    through = None if tables is None or units is None else steering.lens_of(tables, units)
    return _Plan(starts=starts, walks=walks, lens=through, tables=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkRates:
    """Walks per second in one session, and the share of pages found in the server's page cache."""

    walks_per_s: float
    hit_ratio: float


def walk_rates(graph: Graph) -> WalkRates | None:
    """Measure the rate of a few walks; return None where the graph is not built or has no topics."""
    topics = steering.start_topics(graph) if derived.state(graph) == "complete" else []
    if not topics:
        return None
    watched = _CountingReader(graph)
    started = time.monotonic()
    walks = cypher_engine.walks(
        watched, Starts(0, topics), seed=0, batch_size=_MEASURED_WALKS, sessions=1, limit=_MEASURED_WALKS
    )
    count = sum(1 for _ in walks)
    pages = watched.hits + watched.faults
    return WalkRates(walks_per_s=count / (time.monotonic() - started), hit_ratio=watched.hits / pages if pages else 1.0)


class _CountingReader:
    """Reads a graph and counts hits and faults of the page cache."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.hits = self.faults = 0

    def read(self, query: Query, **parameters: object) -> list[dict[str, Any]]:
        rows, hits, faults = self._graph.read_watched(query, **parameters)
        self.hits += hits
        self.faults += faults
        return rows


def _is_compiled(
    graph: Graph, settings: SampleSettings, amount: int | None, *, has_tables: bool, has_lens: bool
) -> bool:
    """Return whether to use the compiled engine: where enough walks outweigh compilation and the reading of tables.

    Args:
        graph: the graph, whose mentions are counted if there are no tables.
        settings: their engine may be set.
        amount: number of combinations or walks; None if unknown.
        has_tables: whether the tables are in files, or are read for a lens or for `favour` anyway.
        has_lens: whether walks are weighted, which makes the Cypher engine slower.

    Raises:
        MissingExtraError: the settings select the compiled engine, but numba is not installed.
    """
    if settings.engine == "cypher":
        return False
    if find_spec("numba") is None:
        if settings.engine == "compiled":
            raise MissingExtraError("numba is not installed", hint="pip install 'kgsynth[fast]', or --engine cypher")
        return False
    if settings.engine == "compiled":
        return True
    if amount is None or amount < (_WORTH_COMPILING_FOR_LENS if has_lens else _WORTH_COMPILING):
        return False
    return has_tables or amount >= facts.counts(graph)["mentions"] // _MENTIONS_PER_WALK


def tables_of(graph: Graph, folder: Path, progress: Progress | None = None) -> walk_tables.WalkTables:
    """Return the walk tables of a build, from the folder of an earlier call or else from the graph.

    Raises:
        GraphError: the graph was rebuilt during the read.
    """

    def read() -> Contexts:
        build = derived.made(graph)
        with progress_stage(progress or Silent(), "walk tables", None):
            contexts = derived.contexts(graph)
        derived.fingerprint(graph)
        # Several queries read the tables; discard them unless all saw the same build.
        if derived.made(graph) != build:
            raise GraphError(
                "the graph was rebuilt while it was read", hint="Repeat the command when no build is running."
            )
        return contexts

    return table_cache.cached(folder, read)


def _earlier(graph: Graph, settings: SampleSettings) -> Iterator[list[str]]:
    """Yield the concepts of each combination drawn earlier; nothing is read before the first."""
    if not settings.earlier:
        yield from steering.earlier_concepts(graph)
        return
    term_ids = {row["id"] for row in inventory.terms(graph)}
    yield from steering.concepts_of_files(settings.earlier, inventory.aliases(graph), term_ids)


def _batch_size(settings: SampleSettings) -> int:
    # A few combinations do not need thousands of walks; the walks themselves do not depend on the batch size.
    return (
        settings.batch_size
        if settings.combinations is None
        else min(settings.batch_size, 2 * settings.combinations + 50)
    )
