"""What a report is made from: the questions, combinations and accounts of a folder of runs, or of a file."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgsynth.errors import ConfigError
from kgsynth.question_files import read_combinations
from kgsynth.records import AnsweredQuestion, Combination, CuratedQuestion, content_hash
from kgsynth.run_folder import RunFolder, find_runs
from kgsynth.seen_ids import SeenIds

_COMBINATION_FILES = ("combinations.jsonl", "combinations.parquet")
# Where questions stand; a question of one is not counted again in the next.
_QUESTION_ROWS = ("questions", "answers", "curated")
_ORDER = ("run", "read", "extract", "load", "merge", "build", "check", "sample", "level", "answer", "curate", "export")


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


def side_of(path: Path) -> Side:
    """What a folder with runs, or a file of combinations, has to report.

    A folder gives all runs below it and, as combinations, the `combinations.jsonl` or `.parquet` in it and beside its
    runs, and the files that its level-3 runs were written from.

    Raises:
        ConfigError: it has nothing.
    """
    if path.is_file():
        return Side(
            name=shown_path(Path(path.stem)),
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
        name=shown_path(Path(path.resolve().name)),
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


def _stages(path: Path, folders: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """The account of each run, and of the stages of a whole run that have no folder of their own, in their order."""
    rows = []
    # The manifest of a whole run calls the stages of all levels generate.
    own_stages = {"generate", *(folder.stage for folder in folders)}
    for folder in folders:
        where = shown_path(folder.path.relative_to(path)) if folder.path != path else "."
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


def shown_path(path: Path) -> str:
    """A path as a page and JSON can hold it, whatever bytes it is made of."""
    return str(path).encode("utf-8", "replace").decode()
