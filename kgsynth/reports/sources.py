"""Read the input of a report: questions, combinations and accounts from a folder of runs or from a file."""

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
# Kinds of rows that contain questions, in order; a question of one kind is not counted again in the next.
_QUESTION_ROWS = ("questions", "answers", "curated")
_ORDER = ("run", "read", "extract", "load", "merge", "build", "check", "sample", "level", "answer", "curate", "export")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One column of a report: combinations, questions and accounts, from files or from the graph.

    `notes` name missing files and repeated questions.
    """

    name: str
    combinations: Callable[[], Iterator[Combination]]
    questions: Callable[[], Iterator[AnsweredQuestion]]
    answers: Callable[[], Iterator[AnsweredQuestion]]
    levels: Callable[[], dict[int, int]]
    stages: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def side_of(path: Path) -> Side:
    """Return the side of a report for a folder with runs or a file of combinations.

    A folder includes all runs below it. Its combinations are the files `combinations.jsonl` and `combinations.parquet`
    in the folder and in the run folders, and the input files of the level-3 runs.

    Raises:
        ConfigError: the path does not exist, or contains neither runs nor combinations.
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
        raise ConfigError(f"{path} does not exist", hint="Give a folder with runs or a file of combinations.")
    folders = [folder for folder in find_runs(path) if not folder.is_part]
    notes: list[str] = []
    files = _combination_files(path, folders, notes)
    if not folders and not files:
        raise ConfigError(
            f"{path} contains no runs and no combinations",
            hint="Give the folder of `kgsynth run`, a folder with runs of single stages, or a file of combinations.",
        )
    by_rows = {name: [folder for folder in folders if folder.rows_name == name] for name in _QUESTION_ROWS}
    sources = [folder for name in _QUESTION_ROWS for folder in by_rows[name]]
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
    nearby = [place / name for place in (path, *(folder.path for folder in folders)) for name in _COMBINATION_FILES]
    inputs = [Path(folder.inputs["combinations"]) for folder in folders if folder.inputs.get("combinations")]
    missing = [str(file) for file in dict.fromkeys(inputs) if not file.is_file()]
    if missing:
        notes.append(f"files of combinations that questions were written from are missing: {', '.join(missing)}")
    if any(folder.stage == "level3" and not folder.inputs.get("combinations") for folder in folders):
        notes.append("a level-3 run got its combinations from a program, so they are in no file")
    return list({file.resolve(): file for file in (*nearby, *inputs) if file.is_file()}.values())


def _stages(path: Path, folders: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Return the account of each run, and of the stages of a complete pipeline run without a folder, in stage order."""
    rows = []
    # The manifest of a pipeline run uses the name `generate` for the stages of all levels.
    folder_stages = {"generate", *(folder.stage for folder in folders)}
    for folder in folders:
        where = shown_path(folder.path.relative_to(path)) if folder.path != path else "."
        state = "complete" if folder.manifest() is not None else "not complete"
        if folder.stage == "run":
            accounts = [
                account
                for account in (folder.manifest() or {"stages": []})["stages"]
                if account["stage"] not in folder_stages
            ]
            if not accounts:
                rows.append(
                    _stage_row("run (the accounts of its stages are written at its end)", where, state, "", 0, {})
                )
            rows += [
                _stage_row(account["stage"], where, state, account["unit"], account["kept"], account["rejected"])
                for account in accounts
            ]
            continue
        kept, rejected, retried, still_rejected = 0, Counter[str](), 0, Counter[str]()
        for part in folder.parts():
            counted = part.counted()
            if "retry_of" in part.inputs:
                retried += counted["kept"]
                still_rejected.update(counted["rejected"])
            else:
                kept += counted["kept"]
                rejected.update(counted["rejected"])
        row = _stage_row(folder.stage, where, state, folder.rows_name, kept, dict(rejected))
        rows.append({**row, "kept_by_retries": retried, "rejected_by_retries": sum(still_rejected.values())})
    return sorted(
        rows, key=lambda row: next((place for place, name in enumerate(_ORDER) if row["stage"].startswith(name)), 0)
    )


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
    """Count the questions per level, each id once, and add a note if several runs contain the same questions."""
    levels, repeated = Counter[int](), 0
    with SeenIds() as seen:
        for folder in folders:
            for row in _rows([folder]):
                if seen.add(row.id, content_hash("")) == "new":
                    levels[row.level] += 1
                else:
                    repeated += folder.rows_name == "questions"
    if repeated and sum(folder.rows_name == "questions" for folder in folders) > 1:
        notes.append(f"{repeated:,} questions are in several runs and are counted once")
    return levels


def _each_once(folders: Sequence[RunFolder]) -> Iterator[AnsweredQuestion]:
    """Yield the questions of all folders, each id once, also questions that only rows of answers contain."""
    with SeenIds() as seen:
        for row in _rows(folders):
            if seen.add(row.id, content_hash("")) == "new":
                yield row


def _combinations(files: Sequence[Path]) -> Iterator[Combination]:
    with SeenIds() as seen:
        for file in files:
            for combination in read_combinations(file):
                if seen.add(combination.id, content_hash("")) == "new":
                    yield combination


def shown_path(path: Path) -> str:
    """Return a path as text for a page or JSON, with bytes that are not UTF-8 replaced."""
    return str(path).encode("utf-8", "replace").decode()
