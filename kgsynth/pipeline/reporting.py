"""Reports: what a graph holds and what one or two runs made of it, as figures and as a page."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from kgsynth import __version__
from kgsynth.config import Environment, GraphSettings
from kgsynth.curation import duplicates
from kgsynth.documents.questions import read_combinations
from kgsynth.documents.read import SeenIds
from kgsynth.errors import ConfigError, MissingExtraError
from kgsynth.graph import derived, inventory
from kgsynth.graph.session import Graph
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import AnsweredQuestion, Combination, CuratedQuestion, content_hash
from kgsynth.reports import coverage, diversity, structure
from kgsynth.reports.page import page
from kgsynth.runs import RunFolder, atomic, find_runs, write_json

IN_GRAPH = "in the graph"
SAMPLE = 2000
_COMBINATION_FILES = ("combinations.jsonl", "combinations.parquet")
# Where questions stand; a question of one is not counted again in the next.
_QUESTION_ROWS = ("questions", "answers", "curated")
_ORDER = ("run", "read", "extract", "load", "merge", "build", "check", "sample", "level", "answer", "curate", "export")
_NEAR_JACCARD = 0.8
# MinHash looks at 3,000 questions a second: of more than a minute's worth `kgsynth curate` tells.
_MOST_COMPARED = 200_000
_PICTURE_CONCEPTS = 300
_PICTURE_LINKS = 3
_NEEDS = ("jinja2", "matplotlib", "networkx", "scipy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One column of a report: combinations, questions and accounts, from files or from the graph.

    `notes` say what could not be found, or stands twice.
    """

    name: str
    combinations: Callable[[], Iterator[Combination]]
    questions: Callable[[], Iterator[AnsweredQuestion]]
    answers: Callable[[], Iterator[AnsweredQuestion]]
    levels: Callable[[], dict[int, int]]
    stages: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def report(
    graph: Graph,
    environment: Environment,
    *,
    graph_settings: GraphSettings,
    runs: Sequence[Path],
    after: Sequence[Path] = (),
    sample: int = SAMPLE,
    seed: int = 1,
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
        ConfigError: a path holds nothing to report, or an argument is out of its range; GraphError: the graph is not
        built; MissingExtraError: a library is not installed.
    """
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"a report needs {', '.join(missing)}", hint="pip install 'kgsynth[report]'")
    if len(runs) > 2:
        raise ConfigError("more than two runs are given", hint="A report stands two side by side; write several.")
    if sample < 0 or seed < 0:
        raise ConfigError(f"sample is {sample} and seed is {seed}: give 0 or more")
    progress = progress or Silent()
    sides = [side_of(path) for path in runs] or [_side_of_graph(graph)]
    if len({side.name for side in sides}) < len(sides):
        sides = [replace(side, name=f"{side.name} ({place})") for place, side in enumerate(sides, 1)]
    with shown(progress, "report: graph", None):
        held = inventory.read(graph)
        terms = structure.TermGraph.of(inventory.terms(graph), derived.adjacency(graph))
        figures: dict[str, Any] = {
            "version": __version__,
            "seed": seed,
            "sample": sample,
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
        universe = coverage.Universe(terms, held.documents, inventory.aliases(graph))
    before = coverage.uses_of((one for path in after for one in read_combinations(path)), universe) if after else None
    figures["after"] = {"files": [_shown(path) for path in after], "combinations": before.count} if before else None
    embedder = _embedder(environment) if sample else None
    figures["runs"] = []
    all_uses = []
    for side in sides:
        questions, each = _questions(side, universe, embedder, sample=sample, seed=seed, progress=progress)
        with shown(progress, f"report: {side.name}", None):
            uses = coverage.uses_of(side.combinations(), universe, before=before)
            if uses.count and not uses.terms.sum():
                raise ConfigError(
                    f"this graph knows none of the {len(uses.unknown_terms):,} terms of {side.name}",
                    hint="Name the graph that they were drawn from with --graph.",
                )
            all_uses.append(uses)
            figures["runs"].append(
                {
                    "name": side.name,
                    "walks": coverage.figures(uses, before=before, questions=each) if uses.count else None,
                    "questions": questions,
                    "answers": diversity.answers(side.answers()),
                    "stages": side.stages,
                    "notes": side.notes,
                }
            )
    figures["equal"] = _equal(sides, all_uses, universe, before)
    return figures


def write_report(figures: Mapping[str, Any], html: Path, *, json_file: Path | None = None) -> None:
    """The page and, where wanted, the same figures as JSON; each whole or not at all.

    Raises:
        ManifestError: a file cannot be written; MissingExtraError: a library is not installed.
    """
    text = page(figures)
    with atomic(html) as partial:
        partial.write_text(text, encoding="utf-8", errors="replace")
    if json_file is not None:
        write_json(json_file, figures)


def side_of(path: Path) -> Side:
    """What a folder with runs, or a file of combinations, has to report.

    A folder gives all runs below it and, as combinations, the `combinations.jsonl` or `.parquet` in it and beside its
    runs, and the files that its level-3 runs were written from.

    Raises:
        ConfigError: it has nothing.
    """
    if path.is_file():
        return Side(
            name=_shown(Path(path.stem)),
            combinations=lambda: read_combinations(path),
            questions=lambda: iter(()),
            answers=lambda: iter(()),
            levels=dict,
        )
    if not path.is_dir():
        raise ConfigError(f"{path} does not exist", hint="Give a folder with runs, or a file of combinations.")
    folders = [one for one in find_runs(path) if not one.is_part]
    notes: list[str] = []
    files = _combination_files(path, folders, notes)
    if not folders and not files:
        raise ConfigError(
            f"{path} holds no run and no combinations",
            hint="Give the folder of `kgsynth run`, one with runs of single stages, or a file of combinations.",
        )
    by_rows = {name: [one for one in folders if one.rows_name == name] for name in _QUESTION_ROWS}
    sources = [one for name in _QUESTION_ROWS for one in by_rows[name]]
    return Side(
        name=_shown(Path(path.resolve().name)),
        combinations=lambda: _combinations(files),
        questions=lambda: _each_once(sources),
        answers=lambda: _rows(by_rows["answers"]),
        levels=lambda: _levels(sources, notes),
        stages=_stages(path, folders),
        notes=notes,
    )


def _combination_files(path: Path, folders: Sequence[RunFolder], notes: list[str]) -> list[Path]:
    beside = [place / name for place in (path, *(one.path for one in folders)) for name in _COMBINATION_FILES]
    named = [Path(one.inputs["combinations"]) for one in folders if one.inputs.get("combinations")]
    gone = [str(one) for one in dict.fromkeys(named) if not one.is_file()]
    if gone:
        notes.append(f"combinations that questions were written from are gone: {', '.join(gone)}")
    if any(one.stage == "level3" and not one.inputs.get("combinations") for one in folders):
        notes.append("a level-3 run was given its combinations by a program: they stand in no file")
    return list({one.resolve(): one for one in (*beside, *named) if one.is_file()}.values())


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
    """The figures of a side's questions, and how many were written from each combination that has any."""
    counts = side.levels()
    total = sum(counts.values())
    if not total:
        return None, ()
    drawn = diversity.Sample(seed, {level: sample / count for level, count in counts.items()})
    near: dict[int, int] | None = None
    with shown(progress, f"report: questions, {side.name}", total) as bar, duplicates.temporary_folder() as desk:
        signatures = duplicates.Signatures(Path(desk)) if total <= _MOST_COMPARED else None
        levels = []
        for row, question in enumerate(side.questions()):
            drawn.add(question)
            if signatures is not None:
                signatures.add(row, question.text)
                levels.append(question.level)
            bar.advance()
        if signatures is not None:
            near = Counter(levels[row] for row in duplicates.first_stays(signatures.pairs(_NEAR_JACCARD)))
    with shown(progress, f"report: likeness, {side.name}", None) as bar:
        found = diversity.figures(drawn, embedder=embedder, near=near, advance=bar.advance)
    found["unshown"] = coverage.unshown(universe, drawn.concepts)
    return found, drawn.questions_each()


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
    began = before.used() if before is not None else dict.fromkeys(coverage.KINDS, 0)
    found = []
    for side, whole in zip(sides, all_uses, strict=True):
        uses = (
            whole
            if whole.count == count
            else coverage.uses_of(islice(side.combinations(), count), universe, before=before)
        )
        made = coverage.figures(uses, before=before)
        found.append(
            {
                "name": side.name,
                **{key: made[key] for key in ("coverage", "effective", "cross_topic_share", "hubs")},
                "new": {kind: made["coverage"][kind]["used"] - began[kind] for kind in coverage.KINDS},
            }
        )
    return {"combinations": count, "runs": found}


def _stages(path: Path, folders: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """The account of each run, and of the stages of a whole run that have no folder of their own, in their order."""
    rows = []
    # The manifest of a whole run calls the stages of all levels generate.
    own_stages = {"generate", *(folder.stage for folder in folders)}
    for folder in folders:
        where = _shown(folder.path.relative_to(path)) if folder.path != path else "."
        state = "complete" if folder.manifest() is not None else "not complete"
        if folder.stage == "run":
            accounts = [
                one for one in (folder.manifest() or {"stages": []})["stages"] if one["stage"] not in own_stages
            ]
            if not accounts:
                rows.append(_stage_row("run (its own stages are accounted for at its end)", where, state, "", 0, {}))
            rows += [
                _stage_row(one["stage"], where, state, one["unit"], one["kept"], one["rejected"]) for one in accounts
            ]
            continue
        kept, rejected, retried, left = 0, Counter[str](), 0, Counter[str]()
        for part in folder.parts():
            counted = part.counted()
            if "retry_of" in part.inputs:
                retried += counted["kept"]
                left.update(counted["rejected"])
            else:
                kept += counted["kept"]
                rejected.update(counted["rejected"])
        row = _stage_row(folder.stage, where, state, folder.rows_name, kept, dict(rejected))
        rows.append({**row, "kept_by_retries": retried, "rejected_by_retries": sum(left.values())})
    return sorted(rows, key=lambda row: next((n for n, name in enumerate(_ORDER) if row["stage"].startswith(name)), 0))


def _stage_row(stage: str, where: str, state: str, unit: str, kept: int, rejected: Mapping[str, int]) -> dict[str, Any]:
    return {
        "stage": stage,
        "where": where,
        "state": state,
        "unit": unit,
        "kept": kept,
        "rejected": dict(rejected),
        "kept_by_retries": 0,
        "rejected_by_retries": 0,
    }


def _rows(folders: Sequence[RunFolder]) -> Iterator[AnsweredQuestion]:
    for folder in folders:
        for part in folder.parts():
            for row in part.rows():
                yield CuratedQuestion.from_row(row)


def _levels(folders: Sequence[RunFolder], notes: list[str]) -> Counter[int]:
    """How many questions of each level there are, each id once; what stands in several runs is noted."""
    levels, repeated = Counter[int](), 0
    with SeenIds() as seen:
        for folder in folders:
            for row in _rows([folder]):
                if seen.add(row.id, content_hash("")) == "new":
                    levels[row.level] += 1
                else:
                    repeated += folder.rows_name == "questions"
    if repeated and sum(folder.rows_name == "questions" for folder in folders) > 1:
        notes.append(f"{repeated:,} questions stand in several runs and are counted once")
    return levels


def _each_once(folders: Sequence[RunFolder]) -> Iterator[AnsweredQuestion]:
    """Questions of all folders, each id once; answers to questions from elsewhere bring theirs."""
    with SeenIds() as seen:
        for row in _rows(folders):
            if seen.add(row.id, content_hash("")) == "new":
                yield row


def _combinations(files: Sequence[Path]) -> Iterator[Combination]:
    with SeenIds() as seen:
        for file in files:
            for one in read_combinations(file):
                if seen.add(one.id, content_hash("")) == "new":
                    yield one


def _shown(path: Path) -> str:
    """A path as a page and JSON can hold it, whatever bytes it is made of."""
    return str(path).encode("utf-8", "replace").decode()


def _embedder(environment: Environment) -> diversity.Embed | None:
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    try:
        return EmbeddingStore(environment.embeddings, make_embedder("auto"))
    except MissingExtraError:
        return None
