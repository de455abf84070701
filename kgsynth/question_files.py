"""Read combinations and questions from files of other stages or of the user, one at a time, with constant memory."""

import json
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from kgsynth.errors import ConfigError, quoted
from kgsynth.records import AnsweredQuestion, Combination, GroundingDocument, content_hash
from kgsynth.run_folder import RUN_FILE, RunFolder, open_run
from kgsynth.seen_ids import SeenIds

_BATCH_ROWS = 2000
_TYPES = typing.get_type_hints(AnsweredQuestion)
# Names that users give the field of the question.
TEXT_FIELDS = ("text", "question", "problem", "prompt")


def read_combinations(path: Path) -> Iterator[Combination]:
    """Yield the combinations of a JSONL or Parquet file that `kgsynth sample` wrote.

    Raises:
        ConfigError: the file has another format, or a row is not a combination.
    """
    with SeenIds() as seen:
        for where, row in table_rows(path):
            combination = combination_from_row(row, where=where)
            if seen.add(combination.id, content_hash(list(combination.path))) != "new":
                raise ConfigError(
                    f"{where}: combination {quoted(combination.id)} occurs twice",
                    hint="Remove the duplicate from the file.",
                )
            yield combination


def read_questions(paths: Sequence[Path], *, is_unique: bool = True) -> Iterator[AnsweredQuestion]:
    """Yield the questions of run folders, including retries and additions, and of JSONL or Parquet files.

    Args:
        paths: run folders of `generate` or `answer`, or files with a field `text`, `question`, `problem` or `prompt`;
            without a field `id`, ids are hashes of the text.
        is_unique: whether a duplicate id is an error.

    Raises:
        ConfigError: a path is neither, a row has no question, or an id occurs twice.
    """
    with SeenIds() as seen:
        for path in paths:
            for where, row in _rows_of(path):
                question = _question(row, where=where)
                if is_unique and seen.add(question.id, content_hash(question.text)) != "new":
                    raise ConfigError(
                        f"{where}: question {quoted(question.id)} occurs twice", hint="Give each run or file only once."
                    )
                yield question


def question_folders(paths: Sequence[Path]) -> list[RunFolder]:
    """Return the runs among the paths, each with its retries and additions."""
    folders = []
    for path in paths:
        if (path / RUN_FILE).is_file():
            folders += open_run(path).parts()
    return folders


def runs_behind(paths: Sequence[Path]) -> list[RunFolder]:
    """Return the runs among the paths after those whose questions they answered, each once, as `question_folders`."""
    found: list[RunFolder] = []
    seen: set[Path] = set()

    def visit(run: RunFolder) -> None:
        if run.path.absolute() in seen:
            return
        seen.add(run.path.absolute())
        for before in question_folders([Path(path) for path in run.inputs.get("questions") or ()]):
            visit(before)
        found.append(run)

    for run in question_folders(paths):
        visit(run)
    return found


def table_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of a JSONL or Parquet file, each with its position for messages.

    Raises:
        ConfigError: the file cannot be read, or a line is not a JSON object.
    """
    if not path.is_file():
        raise ConfigError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            number = 0
            for batch in pyarrow.parquet.ParquetFile(path).iter_batches(_BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
        except (pyarrow.ArrowException, OSError) as error:
            raise ConfigError(f"{path} is not a Parquet file: {error}") from error
        return
    if path.suffix not in (".jsonl", ".json", ".ndjson"):
        raise ConfigError(f"{path} has an unknown suffix", hint="Give a .jsonl or .parquet file.")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                # Besides errors of syntax: numbers with thousands of digits, and values nested too deeply.
                raise ConfigError(f"{where}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ConfigError(f"{where}: not a JSON object")
            yield where, row


def combination_from_row(row: Mapping[str, Any], *, where: str = "") -> Combination:
    """Make a combination from a row of JSONL or Parquet that `Combination.to_row` wrote.

    Raises:
        ConfigError: the row is not a combination.
    """
    try:
        through = tuple(step.get("document") or "" for step in row["path"][1:])
        names = [row["id"], *(step["id"] for step in row["path"]), *row["topics"], *row["concepts"]]
        if isinstance(row["topics"], str) or isinstance(row["concepts"], str) or not all(map(_is_name, names)):
            raise TypeError("ids must be strings, topics and concepts lists of ids")  # noqa: TRY301
        if not all(0 <= float(entry["jaccard"]) <= 1 and _is_name(entry["id"]) for entry in row["documents"]):
            raise ValueError("a document needs an id and a jaccard from 0 to 1")  # noqa: TRY301
        return Combination(
            id=row["id"],
            seed=int(row["seed"]),
            walk=int(row["walk"]),
            path=tuple(step["id"] for step in row["path"]),
            topics=tuple(row["topics"]),
            concepts=tuple(row["concepts"]),
            through=through if any(through) else (),
            documents=tuple(
                GroundingDocument(id=document["id"], jaccard=float(document["jaccard"]))
                for document in row["documents"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{where + ': ' if where else ''}not a combination: {str(row)[:200]} ({error!r})",
            hint="Give a file that `kgsynth sample --output` wrote.",
        ) from error


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _rows_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.is_dir():
        folder = open_run(path)
        if folder.rows_name not in ("questions", "answers"):
            raise ConfigError(f"{path} holds {folder.rows_name}, not questions")
        if not folder.shards():
            raise ConfigError(f"{path} holds no finished shard", hint="Run its command again until it completes.")
        for run in folder.parts():
            if run.manifest() is None:
                is_retry = "retry_of" in run.inputs
                hint = f"Run `kgsynth retry {path}`." if is_retry else "Run its command again until it completes."
                raise ConfigError(f"run {run.run_id} in {run.path} is not complete", hint=hint)
            for number, row in enumerate(run.rows()):
                yield f"{run.path}, row {number}", row
    else:
        yield from table_rows(path)


def _question(row: Mapping[str, Any], *, where: str) -> AnsweredQuestion:
    field = next((name for name in TEXT_FIELDS if name in row), None)
    if field is None:
        raise ConfigError(
            f"{where}: the row has no question",
            hint=f"Name the field of the question one of {', '.join(TEXT_FIELDS)}.",
        )
    text = row[field]
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"{where}: the field {quoted(field)} must be a string that is not empty")
    row = {**row, "answer_key": _key(row["answer_key"], where=where)} if row.get("answer_key") is not None else row
    identity = row.get("id")
    if identity is not None and (isinstance(identity, bool) or not isinstance(identity, (str, int))):
        raise ConfigError(f"{where}: the id must be a string or a whole number")
    identity = f"q-{content_hash(text)[:16]}" if identity in (None, "") else str(identity)
    field_values = {
        name: fitting
        for name, value in row.items()
        if name in _TYPES and (fitting := _value_for(value, _TYPES[name])) is not None
    }
    return AnsweredQuestion.from_row({**field_values, "id": _encodable(identity), "text": _encodable(text)})


def _key(value: Any, *, where: str) -> list[str]:
    """Return the accepted answers of a row as texts; a single one and numbers are allowed."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in values):
        raise ConfigError(f"{where}: answer_key must be a text, a number, or a list of them")
    return [str(item) for item in values]


def _value_for(value: Any, kind: Any) -> Any:
    """Return the value for a field of this type; None if it does not fit, as in a user's column of the same name."""
    if kind is str:
        return _encodable(value) if isinstance(value, str) else None
    if kind is int:
        return value if type(value) is int and abs(value) < 2**63 else None
    if kind is float:
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    item_kind = typing.get_args(kind)[0]
    if is_dataclass(item_kind):
        names = {item.name for item in fields(item_kind)}
        is_rows = isinstance(value, list) and all(isinstance(item, Mapping) and names <= set(item) for item in value)
        return value if is_rows else None
    if item_kind is int:
        return value if isinstance(value, list) and all(type(item) is int for item in value) else None
    if isinstance(value, str):
        value = [value]
    is_names = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return [_encodable(item) for item in value] if is_names else None


def _encodable(value: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode."""
    return value.encode("utf-8", "replace").decode()
