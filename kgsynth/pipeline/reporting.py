"""Report figures of a graph and of one or two runs, as JSON values and as an HTML page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kgsynth import __version__, near_duplicates
from kgsynth.addresses import browser_address
from kgsynth.config import Environment
from kgsynth.contexts import co_occurrences
from kgsynth.errors import ConfigError, MissingExtraError
from kgsynth.files import atomic, scratch_folder, write_json
from kgsynth.graph import derived, inventory
from kgsynth.graph.session import Graph
from kgsynth.pipeline.sampling import tables_of
from kgsynth.pipeline.serving import server_of
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.question_files import read_combinations
from kgsynth.reports import coverage, diversity, structure
from kgsynth.reports.coverage import equal_coverage
from kgsynth.reports.page import page
from kgsynth.reports.sources import Side, shown_path, side_of
from kgsynth.settings import GraphSettings

IN_GRAPH = "in the graph"
REPORT_SAMPLE = 2000
_NEAR_JACCARD = 0.8
# MinHash compares 3,000 questions per second, so this limit means about a minute; `kgsynth curate` has no limit.
_MOST_COMPARED = 200_000
_PICTURE_CONCEPTS = 300
_PICTURE_LINKS = 3
_NEEDS = ("jinja2", "matplotlib", "networkx", "scipy")


def report(
    graph: Graph,
    environment: Environment,
    *,
    runs: Sequence[Path],
    after: Sequence[Path] = (),
    sample: int = REPORT_SAMPLE,
    seed: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the figures of a graph and of one or two runs, as JSON values.

    Args:
        graph: a graph with complete derived layers, against which coverage is measured.
        environment: where embeddings are kept.
        runs: folders with runs, or files of combinations; empty for the combinations, questions and answers in the
            graph.
        after: files of earlier combinations, whose terms and pairs count as used before.
        sample: approximate number of questions per level whose similarity is measured; 0 for none.
        seed: seed of the sample and of the layout.
        progress: receives progress.

    Raises:
        ConfigError: a path contains nothing to report, or an argument is out of range.
        GraphError: the graph is not built.
        MissingExtraError: a library is not installed.

    Examples:
        >>> figures = pipeline.report(graph, environment, runs=[Path("runs")], sample=0)
        >>> figures["graph"]["name"]
        'test'
    """
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"a report needs {', '.join(missing)}", hint="pip install 'kgsynth[report]'")
    if len(runs) > 2:
        raise ConfigError("more than two runs are given", hint="Write several reports of one or two runs.")
    if sample < 0 or seed < 0:
        raise ConfigError(f"sample is {sample} and seed is {seed}: give 0 or more")
    progress = progress or Silent()
    sides = [side_of(path) for path in runs] or [_side_of_graph(graph)]
    if len({side.name for side in sides}) < len(sides):
        sides = [replace(side, name=f"{side.name} ({number})") for number, side in enumerate(sides, 1)]
    with progress_stage(progress, "report: graph", None):
        contents = inventory.read(graph)
        fingerprint = derived.fingerprint(graph)
        contexts = tables_of(graph, environment.walk_tables / fingerprint).contexts()
        pairs = ((block.rows, block.others, block.counts) for block in co_occurrences(contexts))
        terms = structure.TermGraph.of(inventory.terms(graph), contexts.terms, pairs)
        figures: dict[str, Any] = {
            "version": __version__,
            "seed": seed,
            "sample": sample,
            "graph": {
                "name": environment.neo4j_uri or graph.name,
                "browser": _browser(graph, environment),
                "fingerprint": contents.fingerprint,
                "counts": contents.counts,
                "characters_of_document": structure.distribution(contents.characters),
                "terms_of_document": structure.distribution(contents.terms),
                "licences": contents.licences,
                "merges": contents.merges,
                "reviews": contents.reviews,
                **structure.figures(terms),
                "communities": structure.communities(
                    terms, most_concepts=_PICTURE_CONCEPTS, links_each=_PICTURE_LINKS, seed=seed
                ),
            },
        }
        universe = coverage.Universe(terms, contents.documents, inventory.aliases(graph))
    before = (
        coverage.uses_of((combination for path in after for combination in read_combinations(path)), universe)
        if after
        else None
    )
    figures["after"] = {"files": [shown_path(path) for path in after], "combinations": before.count} if before else None
    embedder = _embedder(environment) if sample else None
    figures["runs"] = []
    all_uses = []
    for side in sides:
        questions, questions_each = _questions(side, universe, embedder, sample=sample, seed=seed, progress=progress)
        with progress_stage(progress, f"report: {side.name}", None):
            uses = coverage.uses_of(side.combinations(), universe, before=before)
            if uses.count and not uses.terms.sum():
                raise ConfigError(
                    f"this graph has none of the {len(uses.unknown_terms):,} terms of {side.name}",
                    hint="Select the graph from which they were drawn with --graph NAME.",
                )
            all_uses.append(uses)
            figures["runs"].append(
                {
                    "name": side.name,
                    "walks": coverage.figures(uses, before=before, questions=questions_each) if uses.count else None,
                    "questions": questions,
                    "answers": diversity.answers(side.answers()),
                    "stages": side.stages,
                    "notes": side.notes,
                }
            )
    figures["equal"] = equal_coverage(sides, all_uses, universe, before)
    return figures


def write_report(figures: Mapping[str, Any], html: Path, *, json_file: Path | None = None) -> None:
    """Write the page and optionally its figures as JSON, each atomically.

    Raises:
        ManifestError: a file cannot be written.
        MissingExtraError: a library is not installed.
    """
    text = page(figures)
    with atomic(html) as partial:
        partial.write_text(text, encoding="utf-8", errors="replace")
    if json_file is not None:
        write_json(json_file, figures)


def _browser(graph: Graph, environment: Environment) -> str:
    """Return the address of the managed server's Browser; empty for a server of the user's own, which may have none."""
    if environment.neo4j_uri:
        return ""
    state = server_of(environment, GraphSettings(name=graph.name)).status()
    return browser_address(state.browser_url, state.bolt_url, state.username) if state.browser_url else ""


def _side_of_graph(graph: Graph) -> Side:
    return Side(
        name=IN_GRAPH,
        combinations=lambda: inventory.combinations(graph),
        questions=lambda: inventory.questions(graph),
        answers=lambda: inventory.answers(graph),
        levels=lambda: inventory.levels(graph),
    )


def _questions(
    side: Side,
    universe: coverage.Universe,
    embedder: diversity.Embed | None,
    *,
    sample: int,
    seed: int,
    progress: Progress,
) -> tuple[dict[str, Any] | None, Any]:
    """Return the figures of a side's questions, and the number of questions per combination that has any."""
    counts = side.levels()
    total = sum(counts.values())
    if not total:
        return None, ()
    sampled = diversity.Sample(seed, {level: sample / count for level, count in counts.items()})
    near_counts: dict[int, int] | None = None
    with (
        progress_stage(progress, f"report: questions, {side.name}", total) as bar,
        scratch_folder() as folder,
    ):
        signatures = near_duplicates.Signatures(folder) if total <= _MOST_COMPARED else None
        levels = []
        for row, question in enumerate(side.questions()):
            sampled.add(question)
            if signatures is not None:
                signatures.add(row, question.text)
                levels.append(question.level)
            bar.advance()
        if signatures is not None:
            near_counts = Counter(levels[row] for row in near_duplicates.first_stays(signatures.pairs(_NEAR_JACCARD)))
    with progress_stage(progress, f"report: similarity, {side.name}", None) as bar:
        figures = diversity.figures(sampled, embedder=embedder, near=near_counts, advance=bar.advance)
    figures["unshown"] = coverage.unshown(universe, sampled.concepts)
    return figures, sampled.questions_each()


def _embedder(environment: Environment) -> diversity.Embed | None:
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    try:
        return EmbeddingStore(environment.embeddings, make_embedder("auto"))
    except MissingExtraError:
        return None
