"""Reports: what a graph holds and what one or two runs made of it, as figures and as a page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from kgsynth import __version__
from kgsynth.config import Environment, GraphSettings
from kgsynth.curation import duplicates
from kgsynth.documents.questions import read_combinations
from kgsynth.errors import ConfigError, MissingExtraError
from kgsynth.graph import derived, inventory
from kgsynth.graph.session import Graph
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import AnsweredQuestion, Combination, CuratedQuestion
from kgsynth.reports import coverage, diversity, structure
from kgsynth.reports.page import page
from kgsynth.runs import RunFolder, atomic, find_runs, write_json

IN_GRAPH = "in the graph"
_COMBINATION_FILES = ("combinations.jsonl", "combinations.parquet")
# Which rows are the questions: the first that there are.
_QUESTION_ROWS = ("questions", "answers", "curated")
_ORDER = ("read", "extract", "load", "merge", "build", "check", "sample", "level", "answer", "curate", "export")
_NEAR_JACCARD = 0.8
_PICTURE_CONCEPTS = 300
_PICTURE_LINKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One column of a report: combinations, questions and accounts, from files or from the graph."""

    name: str
    combinations: Callable[[], Iterator[Combination]]
    questions: Callable[[], Iterator[AnsweredQuestion]]
    answers: Callable[[], Iterator[AnsweredQuestion]]
    question_count: int | None = None
    stages: list[dict[str, Any]] = field(default_factory=list)


def report(
    graph: Graph,
    environment: Environment,
    *,
    graph_settings: GraphSettings,
    runs: Sequence[Path],
    after: Sequence[Path] = (),
    sample: int,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of a graph and of one or two runs, as JSON values.

    Args:
        graph: what coverage is measured against, with derived layers that are complete.
        environment: where embeddings are kept.
        graph_settings: which graph it is.
        runs: folders with runs, or files of combinations; none for what the graph itself holds.
        after: files of earlier combinations: coverage begins from what they have used.
        sample: questions of each level, about, whose likeness is looked at; 0 for none.
        seed: of what is drawn.
        progress: told what goes on.

    Raises:
        ConfigError: a path holds nothing to report; GraphError: the graph is not built;
        MissingExtraError: a library is not installed.
    """
    progress = progress or Silent()
    sides = [side_of(path) for path in runs] or [_side_of_graph(graph)]
    if len({side.name for side in sides}) < len(sides):
        sides = [_renamed(side, str(path)) for side, path in zip(sides, runs, strict=True)]
    with shown(progress, "report: graph", None):
        held = inventory.read(graph)
        terms = structure.TermGraph.of(inventory.terms(graph), derived.adjacency(graph))
        figures: dict[str, Any] = {
            "version": __version__,
            "seed": seed,
            "graph": {
                "name": environment.neo4j_uri or graph_settings.name,
                "fingerprint": held.fingerprint,
                "counts": held.counts,
                "characters_of_document": structure.distribution(held.characters),
                "terms_of_document": structure.distribution(held.terms),
                "licences": held.licences,
                "merges": held.merges,
                "reviews": held.reviews,
                **structure.figures(terms),
                "communities": structure.communities(
                    terms, most_concepts=_PICTURE_CONCEPTS, links_each=_PICTURE_LINKS, seed=seed
                ),
            },
        }
        universe = coverage.Universe(terms, held.counts["documents"], inventory.aliases(graph))
    before = coverage.uses_of((one for path in after for one in read_combinations(path)), universe) if after else None
    figures["after"] = {"files": [str(path) for path in after], "combinations": before.count} if before else None
    embed = _embedder(environment) if sample else None
    figures["runs"] = []
    all_uses = []
    for side in sides:
        with shown(progress, f"report: {side.name}", side.question_count) as bar:
            questions, claims = _questions(side, embed, sample=sample, seed=seed, progress=bar)
            uses = coverage.uses_of(side.combinations(), universe, before=before)
            all_uses.append(uses)
            figures["runs"].append(
                {
                    "name": side.name,
                    "walks": coverage.figures(uses, before=before, questions=claims) if uses.count else None,
                    "questions": questions,
                    "answers": diversity.answers(side.answers()),
                    "stages": side.stages,
                }
            )
    figures["equal"] = _equal(sides, all_uses, universe, before)
    return figures


def write_report(figures: dict[str, Any], html: Path, *, json_file: Path | None) -> None:
    """The page and, where wanted, the same figures as JSON; each whole or not at all.

    Raises:
        ManifestError: a file cannot be written; MissingExtraError: a library is not installed.
    """
    text = page(figures)
    with atomic(html) as partial:
        partial.write_text(text, encoding="utf-8")
    if json_file is not None:
        write_json(json_file, figures)


def side_of(path: Path) -> Side:
    """What a folder with runs, or a file of combinations, has to report.

    A folder gives all runs below it and, as combinations, its own `combinations.jsonl` or `.parquet`, else the files
    that its level-3 runs were written from.

    Raises:
        ConfigError: it has nothing.
    """
    if path.is_file():
        return Side(name=path.stem, combinations=lambda: read_combinations(path), questions=_none, answers=_none)
    if not path.is_dir():
        raise ConfigError(f"{path} does not exist", hint="Give a folder with runs, or a file of combinations.")
    folders = [one for one in find_runs(path) if not one.is_part]
    files = [path / name for name in _COMBINATION_FILES if (path / name).is_file()][:1]
    if not files:
        named = [one.inputs.get("combinations") for one in folders]
        files = [Path(name) for name in dict.fromkeys(named) if name and Path(name).is_file()]
    if not folders and not files:
        raise ConfigError(
            f"{path} holds no run and no combinations",
            hint="Give the folder of `kgsynth run`, one with runs of single stages, or a file of combinations.",
        )
    by_rows = {name: [one for one in folders if one.rows_name == name] for name in _QUESTION_ROWS}
    source = next((by_rows[name] for name in _QUESTION_ROWS if by_rows[name]), [])
    return Side(
        name=path.resolve().name,
        combinations=lambda: _each_once(one for file in files for one in read_combinations(file)),
        questions=lambda: _rows(source),
        answers=lambda: _rows(by_rows["answers"]),
        question_count=sum(part.counted()["kept"] for folder in source for part in folder.parts()),
        stages=_stages(folders),
    )


def _side_of_graph(graph: Graph) -> Side:
    return Side(
        name=IN_GRAPH,
        combinations=lambda: inventory.combinations(graph),
        questions=lambda: inventory.questions(graph),
        answers=lambda: inventory.answers(graph),
    )


def _renamed(side: Side, name: str) -> Side:
    return Side(
        name=name,
        combinations=side.combinations,
        questions=side.questions,
        answers=side.answers,
        question_count=side.question_count,
        stages=side.stages,
    )


def _questions(
    side: Side, embed: diversity.Embed | None, *, sample: int, seed: int, progress: Progress
) -> tuple[dict[str, Any] | None, dict[str, int]]:
    """The figures of a side's questions, and how many were written from each combination."""
    counts: dict[int, int] = {}
    for question in side.questions():
        counts[question.level] = counts.get(question.level, 0) + 1
    if not counts:
        return None, {}
    drawn = diversity.Sample(seed, {level: sample / count for level, count in counts.items()})
    for question in side.questions():
        drawn.add(question)
        progress.advance()
    return diversity.figures(drawn, embed=embed, near=_near_duplicates), drawn.of_combination


def _equal(
    sides: Sequence[Side],
    all_uses: Sequence[coverage.Uses],
    universe: coverage.Universe,
    before: coverage.Uses | None,
) -> dict[str, Any] | None:
    """Two runs at the number of combinations that the smaller has."""
    if len(sides) != 2 or not all(uses.count for uses in all_uses):
        return None
    count = min(uses.count for uses in all_uses)
    found = []
    for side, whole in zip(sides, all_uses, strict=True):
        uses = (
            whole
            if whole.count == count
            else coverage.uses_of(islice(side.combinations(), count), universe, before=before)
        )
        found.append({"name": side.name, **coverage.figures(uses, before=before)})
    kept = ("name", "coverage", "effective", "cross_topic_share", "hubs", "new_concept_chance")
    began = before.used() if before is not None else dict.fromkeys(coverage.KINDS, 0)
    return {
        "combinations": count,
        "runs": [
            {
                **{key: one[key] for key in kept},
                "new": {kind: one["coverage"][kind]["used"] - began[kind] for kind in coverage.KINDS},
            }
            for one in found
        ],
    }


def _stages(folders: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """The account of each run, and of the stages of a whole run that have no folder of their own, in their order."""
    rows = []
    # The manifest of a whole run calls the stages of all levels generate.
    own_stages = {"generate", *(folder.stage for folder in folders)}
    for folder in folders:
        if folder.stage == "run":
            rows += [
                _stage_row(folder, one["stage"], one["unit"], one["kept"], one["rejected"])
                for one in (folder.manifest() or {"stages": []})["stages"]
                if one["stage"] not in own_stages
            ]
        else:
            own, *parts = [part.counted() for part in folder.parts()]
            row = _stage_row(folder, folder.stage, folder.rows_name, own["kept"], own["rejected"])
            rows.append({**row, "retried": sum(part["kept"] for part in parts)})
    return sorted(rows, key=lambda row: next((n for n, name in enumerate(_ORDER) if row["stage"].startswith(name)), 0))


def _stage_row(folder: RunFolder, stage: str, unit: str, kept: int, rejected: dict[str, int]) -> dict[str, Any]:
    return {
        "stage": stage,
        "where": folder.path.name,
        "state": "complete" if folder.manifest() is not None else "not complete",
        "unit": unit,
        "kept": kept,
        "rejected": rejected,
        "retried": 0,
    }


def _rows(folders: Sequence[RunFolder]) -> Iterator[AnsweredQuestion]:
    for folder in folders:
        for part in folder.parts():
            for row in part.rows():
                yield CuratedQuestion.from_row(row)


def _none() -> Iterator[AnsweredQuestion]:
    return iter(())


def _each_once(combinations: Iterable[Combination]) -> Iterator[Combination]:
    seen: set[str] = set()
    for one in combinations:
        if one.id not in seen:
            seen.add(one.id)
            yield one


def _near_duplicates(texts: Sequence[str]) -> int:
    """How many texts are near an earlier one that stays, by MinHash."""
    with duplicates.temporary_folder() as desk:
        signatures = duplicates.Signatures(Path(desk))
        for row, text in enumerate(texts):
            signatures.add(row, text)
        return len(duplicates.first_stays(signatures.pairs(_NEAR_JACCARD)))


def _embedder(environment: Environment) -> diversity.Embed | None:
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    try:
        return EmbeddingStore(environment.embeddings, make_embedder("auto")).embed
    except MissingExtraError:
        return None
