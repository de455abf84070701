"""Combinations and questions read back from what other stages, or the user, wrote: one at a time, in flat memory."""

import json
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kgsynth.documents.read import SeenIds
from kgsynth.errors import ConfigError
from kgsynth.records import AnsweredQuestion, Combination, GroundingDocument, content_hash
from kgsynth.runs import RUN_FILE, RunFolder, open_run

_BATCH_ROWS = 2000
_TYPES = typing.get_type_hints(AnsweredQuestion)
_TEXT_FIELDS = ("text", "question", "problem", "prompt")


def read_combinations(path: Path) -> Iterator[Combination]:
    """The combinations of a JSONL or Parquet file that `kgsynth sample` wrote.

    Raises:
        ConfigError: it is neither, or holds something else.
    """
    with SeenIds() as seen:
        for where, row in table_rows(path):
            one = combination_from_row(row, where=where)
            if seen.add(one.id, content_hash(list(one.path))) != "new":
                raise ConfigError(f"{where}: combination {one.id!r} stands twice", hint="Give each combination once.")
            yield one


def read_questions(paths: Sequence[Path], *, is_unique: bool = True) -> Iterator[AnsweredQuestion]:
    """The questions of run folders, with those of their retries and additions, and of JSONL or Parquet files.

    Args:
        paths: run folders of `generate` or `answer`, or files with a field `text`, `question`, `problem` or `prompt`;
            without a field `id`, ids are hashes of the text.
        is_unique: refuse a question that stands twice.

    Raises:
        ConfigError: a path is neither, a row has no question, or a question stands twice.
    """
    with SeenIds() as seen:
        for path in paths:
            for where, row in _rows_of(path):
                question = _question(row, where=where)
                if is_unique and seen.add(question.id, content_hash(question.text)) != "new":
                    raise ConfigError(
                        f"{where}: question {question.id!r} stands twice", hint="Give each run or file once."
                    )
                yield question


def question_folders(paths: Sequence[Path]) -> list[RunFolder]:
    """The runs among some paths, each with its parts."""
    found = []
    for path in paths:
        if (path / RUN_FILE).is_file():
            found += open_run(path).parts()
    return found


def table_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a JSONL or Parquet file with where each stands.

    Raises:
        ConfigError: the file cannot be read, or a line is no JSON object.
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
        raise ConfigError(f"{path}: the ending says the form; give .jsonl or .parquet")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ConfigError(f"{where}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ConfigError(f"{where}: not a JSON object")
            yield where, row


def combination_from_row(row: Mapping[str, Any], *, where: str = "") -> Combination:
    """A combination as `Combination.to_row` wrote it, from JSONL or Parquet.

    Raises:
        ConfigError: the row is not of that form.
    """
    try:
        names = [row["id"], *(step["id"] for step in row["path"]), *row["topics"], *row["concepts"]]
        if isinstance(row["topics"], str) or isinstance(row["concepts"], str) or not all(map(_is_name, names)):
            raise TypeError("ids are text, topics and concepts lists of them")  # noqa: TRY301
        if not all(0 <= float(one["jaccard"]) <= 1 and _is_name(one["id"]) for one in row["documents"]):
            raise ValueError("a document needs an id and a jaccard from 0 to 1")  # noqa: TRY301
        return Combination(
            id=row["id"],
            seed=int(row["seed"]),
            walk=int(row["walk"]),
            path=tuple(step["id"] for step in row["path"]),
            topics=tuple(row["topics"]),
            concepts=tuple(row["concepts"]),
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
            raise ConfigError(f"{path} holds no finished shard", hint="Let its stage end first.")
        for run in folder.parts():
            if run.manifest() is None:
                how = f"kgsynth retry {path}" if "retry_of" in run.inputs else "Run its command again until it ends."
                raise ConfigError(f"run {run.run_id} in {run.path} is not complete", hint=how)
            for number, row in enumerate(run.rows()):
                yield f"{run.path}, row {number}", row
    else:
        yield from table_rows(path)


def _question(row: Mapping[str, Any], *, where: str) -> AnsweredQuestion:
    field = next((name for name in _TEXT_FIELDS if name in row), None)
    if field is None:
        raise ConfigError(f"{where}: no question; its field may be called {', '.join(_TEXT_FIELDS)}")
    text = row[field]
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"{where}: field {field!r} holds no text")
    identity = row.get("id")
    if identity is not None and (isinstance(identity, bool) or not isinstance(identity, (str, int))):
        raise ConfigError(f"{where}: the id is not text")
    identity = f"q-{content_hash(text)[:16]}" if identity in (None, "") else str(identity)
    known = {
        name: fitting
        for name, value in row.items()
        if name in _TYPES and (fitting := _fitting(value, _TYPES[name])) is not None
    }
    return AnsweredQuestion.from_row({**known, "id": _text(identity), "text": _text(text)})


def _fitting(value: Any, kind: Any) -> Any:
    """A value that a field of this type can hold, None when it cannot: a file of the user's may mean another thing."""
    if kind is str:
        return _text(value) if isinstance(value, str) else None
    if kind is int:
        return value if type(value) is int and abs(value) < 2**63 else None
    if kind is float:
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    if typing.get_args(kind)[0] is int:
        return value if isinstance(value, list) and all(type(one) is int for one in value) else None
    if isinstance(value, str):
        value = [value]
    is_names = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return [_text(one) for one in value] if is_names else None


def _text(value: str) -> str:
    """A lone surrogate stands in no file."""
    return value.encode("utf-8", "replace").decode()
