"""Combinations: walks of the graph's engine, steered by lenses, grounded in documents."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgsynth import queries
from kgsynth.config import Environment, SampleSettings
from kgsynth.documents.questions import read_combinations
from kgsynth.errors import ConfigError, GraphError, MissingExtraError
from kgsynth.graph import derived, inventory
from kgsynth.graph.session import Graph, Row
from kgsynth.parallel import in_order
from kgsynth.progress import Progress, Silent, shown
from kgsynth.queries import Query
from kgsynth.records import Combination, StageCount, content_hash
from kgsynth.walks import cypher_engine, lens, tables
from kgsynth.walks.combinations import batched, combinations, judged
from kgsynth.walks.favour import Coverage, unused_weights
from kgsynth.walks.grounding import ground
from kgsynth.walks.law import WEIGHT_UNITS, Starts
from kgsynth.walks.tables import Int64

if TYPE_CHECKING:
    import pyarrow

    from kgsynth.walks import inverted

_TOPICS = queries.load("walk/topics")
_KINDS = queries.load("walk/kinds")
_NEIGHBOURS = queries.load("walk/concept_neighbours")
_EARLIER = queries.load("walk/earlier_combinations")
_DOCUMENTS = queries.load("ground/documents_and_terms")
_GROUNDING_BATCH = 200
_COLUMN_ROWS = 10_000
# The graph's queries walk so many in a few seconds, about as long as the tables of a large graph take to be read.
_WORTH_TABLES = 10_000
# With tables at hand: compiling the walks takes up to 8 s the first time, and about 1 s later.
_WORTH_COMPILING = 2_000
# "5 epochs" of the paper: walks start from every topic so often.
_PAPER_EPOCHS = 5
# Tables and indexes of so many builds are kept beside the graphs.
_KEPT_FOLDERS = 12
_CHANGED = "the graph was built anew while it was read"
# Steps that are read off the graph at once for the tables.
_TABLE_STEPS = 500_000
# So many walks take a second or less.
_TRIED = 500


def sample(
    graph: Graph,
    environment: Environment,
    settings: SampleSettings,
    count: StageCount,
    *,
    progress: Progress | None = None,
) -> Iterator[Combination]:
    """Combinations of level-3 walks, grounded in documents, in the order of their walks.

    Args:
        graph: with derived layers that are complete.
        environment: where walk tables are kept as arrays.
        settings: the seed is required; without an amount there are 5 epochs, as in the paper.
        count: gets the account of the walks.
        progress: told one unit a combination.

    Raises:
        ConfigError: no seed; GraphError: the graph is not built or has no topics; QueryError: a lens is
        unusable.
    """
    progress = progress or Silent()
    plan = _planned(graph, environment, settings, count, progress)
    yield from _drawn(graph, environment, settings, plan, count, progress)


def _drawn(
    graph: Graph,
    environment: Environment,
    settings: SampleSettings,
    plan: "_Plan",
    count: StageCount,
    progress: Progress,
) -> Iterator[Combination]:
    ask = {"seed": plan.starts.seed, "min_concepts": settings.min_concepts}
    if plan.tables is not None:
        from kgsynth.walks import compiled, inverted

        walks = compiled.judged(plan.tables, plan.starts, **ask, limit=plan.walks)
        index = _index(graph, environment.walk_tables) if settings.grounding_documents else None
    else:
        found_by_graph = cypher_engine.walks(
            graph,
            plan.starts,
            seed=plan.starts.seed,
            batch_size=_batch_size(settings),
            sessions=settings.sessions,
            limit=plan.walks,
            weights=plan.weights,
        )
        walks, index = judged(found_by_graph, min_concepts=settings.min_concepts), None
    found = combinations(walks, **ask, limit=settings.combinations, count=count)
    if index is not None:
        for batch in batched(found, _GROUNDING_BATCH):
            yield from inverted.ground(index, batch, limit=settings.grounding_documents)
            progress.advance(len(batch))
        return
    # The graph is asked for the documents of several batches at once, as for walks.
    asked = partial(ground, graph, limit=settings.grounding_documents)
    batches = batched(found, _GROUNDING_BATCH)
    for grounded in in_order(asked, batches, threads=settings.sessions, ahead=settings.sessions):
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
    """As `sample`, as Arrow batches in flat memory: for amounts that stream to Parquet."""
    from kgsynth.walks import columns

    progress = progress or Silent()
    plan = _planned(graph, environment, settings, count, progress)
    if plan.tables is None:
        drawn = _drawn(graph, environment, settings, plan, count, progress)
        yield from (columns.batch_of(batch) for batch in batched(drawn, _COLUMN_ROWS))
        return
    from kgsynth.walks import compiled

    grounding = None
    if settings.grounding_documents:
        grounding = columns.Grounding(_index(graph, environment.walk_tables), settings.grounding_documents)
    blocks = compiled.blocks(plan.tables, plan.starts, seed=plan.starts.seed, limit=plan.walks)
    for batch in columns.batches(
        plan.tables,
        blocks,
        seed=plan.starts.seed,
        min_concepts=settings.min_concepts,
        limit=settings.combinations,
        grounding=grounding,
        count=count,
    ):
        yield batch
        progress.advance(len(batch))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is walked: from where, how many walks (None for no end), with which weights, on which tables if compiled."""

    starts: Starts
    walks: int | None
    weights: dict[str, int] | None
    tables: tables.WalkTables | None


def _planned(
    graph: Graph, environment: Environment, settings: SampleSettings, count: StageCount, progress: Progress
) -> _Plan:
    if settings.seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N (sample.seed): what is drawn must be repeatable.")
    fingerprint = derived.fingerprint(graph)
    count.notes["fingerprint"] = fingerprint
    weights = _favoured(graph, settings, _weights(graph, settings))
    if settings.favour:
        # What a graph holds changes: the weights' hash says whether a later call has the same.
        count.notes["weights"] = content_hash(sorted((weights or {}).items()))[:12]
    starts = Starts(settings.seed, _start_topics(graph, settings, weights))
    epochs = _PAPER_EPOCHS if settings.combinations is None and settings.epochs is None else settings.epochs
    walks = None if epochs is None else epochs * len(starts)
    held = None
    folder = environment.walk_tables / fingerprint
    amount = walks if settings.combinations is None else settings.combinations
    if _is_compiled(settings, amount, has_tables=folder.is_dir()):
        held = _tables(graph, folder, progress)
        held = held if weights is None else tables.through_lens(held, weights)
    return _Plan(starts=starts, walks=walks, weights=weights, tables=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkRates:
    """How fast one session walks, and the share of pages that were in the server's page cache."""

    walks_per_s: float
    hit_ratio: float


def walk_rates(graph: Graph) -> WalkRates | None:
    """Walk a little and measure it; None where the graph is not built or has no topics."""
    topics = start_topics(graph) if derived.state(graph) == "complete" else []
    if not topics:
        return None
    watched = _Watched(graph)
    began = time.monotonic()
    found = cypher_engine.walks(watched, Starts(0, topics), seed=0, batch_size=_TRIED, sessions=1, limit=_TRIED)
    count = sum(1 for _ in found)
    pages = watched.hits + watched.faults
    return WalkRates(walks_per_s=count / (time.monotonic() - began), hit_ratio=watched.hits / pages if pages else 1.0)


class _Watched:
    """A graph whose pages are counted while it is read."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.hits = self.faults = 0

    def read(self, query: Query, **parameters: object) -> list[dict[str, Any]]:
        rows, hits, faults = self._graph.read_watched(query, **parameters)
        self.hits += hits
        self.faults += faults
        return rows


def _is_compiled(settings: SampleSettings, amount: int | None, *, has_tables: bool) -> bool:
    """Whether the compiled engine walks: for large amounts, and for middling ones where its tables are at hand.

    Raises:
        MissingExtraError: it is asked for and not installed.
    """
    if settings.engine == "cypher":
        return False
    if find_spec("numba") is None:
        if settings.engine == "compiled":
            raise MissingExtraError("numba is not installed", hint="pip install 'kgsynth[fast]', or --engine cypher")
        return False
    least = _WORTH_COMPILING if has_tables else _WORTH_TABLES
    return settings.engine == "compiled" or (amount is not None and amount >= least)


def _tables(graph: Graph, folder: Path, progress: Progress) -> tables.WalkTables:
    """The walk tables of a build: those that an earlier call has kept, else read off the graph."""
    held = tables.load(folder)
    if held is None:
        build = derived.made(graph)
        terms = derived.term_degrees(graph)
        slots = {row["id"]: row["slot"] for row in terms}
        if None in slots.values() or len(set(slots.values())) < len(slots):
            raise GraphError(_CHANGED, hint="Give the command again when no other is at work.")
        places = np.full(max(slots.values(), default=-1) + 1, -1, dtype=np.int64)
        places[list(slots.values())] = np.arange(len(slots))
        with tables.Writer(list(slots), folder.parent) as writer, shown(progress, "walk tables", len(terms)) as bar:
            first = 0
            for ids in derived.by_weight(((row["id"], row["degree"]) for row in terms), _TABLE_STEPS):
                rows = {row["slot"]: row for row in derived.neighbours_of(graph, ids)}
                if rows.keys() != {slots[one] for one in ids}:
                    raise GraphError(_CHANGED, hint="Give the command again when no other is at work.")
                writer.add(first, *_arrays([rows[slots[one]] for one in ids], places))
                first += len(ids)
                bar.advance(len(ids))
            _refuse_changed(graph, build)
            writer.finish(folder)
        _remove_old(folder.parent)
        held = tables.load(folder)
    if held is None:
        raise GraphError(f"the walk tables in {folder} cannot be read", hint="Remove the folder, or --engine cypher.")
    return held


def _index(graph: Graph, folder: Path) -> "inverted.Index":
    """The inverted index of a build's documents: the one that an earlier call has kept, else made of the graph."""
    from kgsynth.walks import inverted

    build = derived.made(graph)
    own = folder / f"documents-{build}"
    held = inverted.load(own)
    if held is None:
        held = inverted.index_of(graph.stream(_DOCUMENTS))
        _refuse_changed(graph, build)
        inverted.save(held, own)
        _remove_old(folder)
    return held


def _refuse_changed(graph: Graph, build: str) -> None:
    """What was read in several queries is of one build, or it is not kept."""
    derived.fingerprint(graph)
    if derived.made(graph) != build:
        raise GraphError(_CHANGED, hint="Give the command again when no other is at work.")


def _remove_old(folder: Path) -> None:
    """Keep what was used last: each build leaves tables and an index behind."""
    used: list[tuple[float, Path]] = []
    for path in folder.iterdir():
        with suppress(OSError):
            used.append((path.stat().st_mtime, path))
    whole = sorted((when, path) for when, path in used if not path.name.startswith("."))
    for _, old in whole[:-_KEPT_FOLDERS]:
        shutil.rmtree(old, ignore_errors=True)


def _arrays(rows: Sequence[Row], places: Int64) -> tuple[Int64, Int64, Int64]:
    """Neighbours and counts of some terms as `Writer.add` takes them; `places` of terms by slot."""
    degrees = np.array([len(row["neighbours"]) for row in rows], dtype=np.int64)
    slots = np.array([slot for row in rows for slot in row["neighbours"]], dtype=np.int64)
    counts = np.array([count for row in rows for count in row["counts"]], dtype=np.int64)
    if len(slots) != len(counts) or slots.max(initial=-1) >= len(places) or (places[slots] < 0).any():
        raise GraphError("a co-occurrence leads to a node without a slot", hint="Run `kgsynth check`.")
    neighbours = places[slots]
    order = tables.in_ticket_order(np.repeat(np.arange(len(rows)), degrees), neighbours, counts)
    return np.concatenate([[0], np.cumsum(degrees)]), neighbours[order], counts[order]


def _batch_size(settings: SampleSettings) -> int:
    # A few combinations do not need thousands of walks; the walks themselves do not depend on the batch size.
    return (
        settings.batch_size
        if settings.combinations is None
        else min(settings.batch_size, 2 * settings.combinations + 50)
    )


def _weights(graph: Graph, settings: SampleSettings) -> dict[str, int] | None:
    if not settings.within:
        return None
    weights = lens.ticket_weights(
        graph.read_user(_lens_text(settings.within), {}, where=settings.within), where=settings.within
    )
    _refuse_unknown(graph, list(weights), where=settings.within)
    return weights


def _favoured(graph: Graph, settings: SampleSettings, weights: dict[str, int] | None) -> dict[str, int] | None:
    """The weights of a lens, if any, multiplied by those that favour what was not used."""
    if not settings.favour:
        return weights
    if settings.earlier:
        coverage = Coverage.of(_earlier_concepts(graph, settings.earlier))
    else:
        coverage = Coverage.of(row["concepts"] for row in graph.stream(_EARLIER))
    favoured = unused_weights({row["id"]: row["neighbours"] for row in graph.stream(_NEIGHBOURS)}, coverage)
    if weights is None:
        topics = dict.fromkeys(start_topics(graph), WEIGHT_UNITS)
        return {**topics, **favoured}
    return {
        term: max(1, units * favoured[term] // WEIGHT_UNITS) if term in favoured else units
        for term, units in weights.items()
    }


def _earlier_concepts(graph: Graph, files: Sequence[str]) -> Iterator[list[str]]:
    """The concepts of each combination of some files, merged ones as what they count as."""
    counts_as = inventory.aliases(graph)
    known = {row["id"] for row in inventory.terms(graph)}
    for file in files:
        count = unknown = 0
        for one in read_combinations(Path(file)):
            concepts = [counts_as.get(concept, concept) for concept in one.concepts]
            count += 1
            unknown += not known & set(concepts)
            yield concepts
        if count and unknown == count:
            raise ConfigError(
                f"{file}: this graph knows none of its concepts", hint="Is it of another graph (--graph)?"
            )


def start_topics(graph: Graph) -> list[str]:
    """The ids of all topics, in order: where walks start without a lens."""
    return [row["id"] for row in graph.read(_TOPICS)]


def _start_topics(graph: Graph, settings: SampleSettings, weights: dict[str, int] | None) -> list[str]:
    if settings.start:
        topics = lens.start_ids(
            graph.read_user(_lens_text(settings.start), {}, where=settings.start), where=settings.start
        )
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


def _refuse_unknown(graph: Graph, ids: Sequence[str], *, where: str) -> dict[str, str]:
    kinds = {row["id"]: str(row["kind"]) for row in graph.read(_KINDS, ids=list(ids))}
    unknown = [identity for identity in ids if identity not in kinds]
    if unknown:
        raise ConfigError(
            f"{where}: {len(unknown):,} of {len(ids):,} ids are no concept or topic of this graph, for example "
            f"{unknown[0]!r}",
            hint="Return term.id of nodes with label Concept or Topic; a merged term (label Alias) cannot be visited.",
        )
    return kinds


def _lens_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
