"""The training set on disk, streamed: rows in the form that trainers take, split by group, whole or not at all."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgsynth.config import ExportSettings
from kgsynth.curation.card import Card
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.records import CuratedQuestion
from kgsynth.runs import read_json, write_json

MANIFEST = "export.json"
_BATCH_ROWS = 2000
WITH_ANSWERS = frozenset({"alpaca", "sharegpt", "messages"})
# What a row of a table export keeps of the record; the rest is provenance that the graph and the runs have.
_COLUMNS = (
    "id",
    "question",
    "answer",
    "final_answer",
    "level",
    "grade",
    "origin",
    "concepts",
    "topics",
    "documents",
    "sources",
    "licenses",
    "attributions",
    "combination_id",
    "group",
    "model",
    "template_hash",
    "seed",
    "run_id",
    "answer_model",
    "answer_run_id",
    "answer_seed",
    "agreement",
    "votes",
    "verdict",
)


@dataclass(slots=True)
class Exported:
    """What was written: rows a split, and rows that the form cannot hold, by reason."""

    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    folder: Path = Path()


def split_of(group: str, validation_share: float) -> str:
    """`train` or `validation`, by a hash of the group alone, so that growth of the set moves nothing."""
    drawn = int.from_bytes(hashlib.sha256(group.encode("utf-8", "replace")).digest()[:8], "big") / 2**64
    return "validation" if drawn < validation_share else "train"


def write(
    rows: Iterable[CuratedQuestion],
    folder: Path,
    settings: ExportSettings,
    *,
    card: Card,
    overwrite: bool,
    is_forgotten: Callable[[CuratedQuestion], bool] = lambda _: False,
) -> Exported:
    """Write the training set, in flat memory.

    Args:
        rows: curated questions, in order.
        folder: appears when all is written.
        settings: form, split, file size.
        card: gets each row that is written; its text becomes README.md.
        overwrite: replace a folder that an export wrote before.
        is_forgotten: whether a question was made from a document that was taken out; it is left out.

    Raises:
        ConfigError: the folder is there, or no row can be written in this form; ManifestError: the disk is full.
    """
    folder = folder.resolve()
    _refuse_taken(folder, overwrite=overwrite)
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    exported = Exported(folder=folder)
    try:
        partial.mkdir(parents=True)
        writers = {split: _Writer(partial, split, settings) for split in ("train", "validation")}
        for row in rows:
            reason = ""
            if is_forgotten(row):
                reason = "made from a document that was forgotten"
            elif settings.format in WITH_ANSWERS and not row.answer:
                reason = "no answer"
            if reason:
                exported.left_out[reason] = exported.left_out.get(reason, 0) + 1
                continue
            split = split_of(row.group or row.id, settings.validation_share)
            writers[split].add(row)
            card.add(row, split)
            exported.rows[split] = exported.rows.get(split, 0) + 1
        for writer in writers.values():
            writer.close()
        if not exported.rows:
            raise ConfigError(
                "there is nothing to export"
                + (f": every row has {', '.join(exported.left_out)}" if exported.left_out else ""),
                hint="Answer the questions first (kgsynth answer), or export with --format jsonl.",
            )
        files = {split: f"{_data_folder(settings)}{split}-*{_ending(settings)}" for split in exported.rows}
        (partial / "README.md").write_text(card.text(files, exported.rows, exported.left_out), encoding="utf-8")
        card.write_licenses(partial / "LICENSES.csv")
        write_json(partial / MANIFEST, {"rows": exported.rows, "left_out": exported.left_out, **card.facts})
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    except OSError as error:
        raise ManifestError(f"{folder} could not be written: {error}", hint="Is the disk full?") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return exported


def shaped(row: CuratedQuestion, settings: ExportSettings) -> dict[str, Any]:
    """One row in the form that the settings name."""
    if settings.format == "alpaca":
        instruction = f"{settings.system}\n\n{row.text}" if settings.system else row.text
        return {"id": row.id, "instruction": instruction, "input": "", "output": row.answer}
    if settings.format == "sharegpt":
        turns = [{"from": "human", "value": row.text}, {"from": "gpt", "value": row.answer}]
        system = [{"from": "system", "value": settings.system}] if settings.system else []
        return {"id": row.id, "conversations": system + turns}
    if settings.format == "messages":
        turns = [{"role": "user", "content": row.text}, {"role": "assistant", "content": row.answer}]
        system = [{"role": "system", "content": settings.system}] if settings.system else []
        return {"id": row.id, "messages": system + turns}
    held = {**row.to_row(), "question": row.text}
    return {name: held[name] for name in _COLUMNS}


def _refuse_taken(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    is_ours = (folder / MANIFEST).is_file() and {"rows", "curation"} <= read_json(folder / MANIFEST).keys()
    if not is_ours or not overwrite:
        raise ConfigError(
            f"{folder} is there already",
            hint="Choose another folder, or replace it with --overwrite." if is_ours else "Choose another folder.",
        )


def _ending(settings: ExportSettings) -> str:
    return ".parquet" if settings.format in ("datasets", "parquet") else ".jsonl"


def _data_folder(settings: ExportSettings) -> str:
    return "data/" if settings.format == "datasets" else ""


class _Writer:
    """The files of one split, each of so many rows at most."""

    def __init__(self, folder: Path, split: str, settings: ExportSettings) -> None:
        self._folder, self._split, self._settings = folder / _data_folder(settings), split, settings
        self._batch: list[dict[str, Any]] = []
        self._file: Any = None
        self._files = self._rows = 0

    def add(self, row: CuratedQuestion) -> None:
        self._batch.append(shaped(row, self._settings))
        if len(self._batch) >= min(_BATCH_ROWS, self._settings.rows_per_file - self._rows):
            self._flush()

    def close(self) -> None:
        self._flush()
        self._end_file()

    def _flush(self) -> None:
        if not self._batch:
            return
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{self._split}-{self._files:05d}{_ending(self._settings)}"
            self._file = _parquet_writer(path) if path.suffix == ".parquet" else path.open("w", encoding="utf-8")
            self._files += 1
        if hasattr(self._file, "write_table"):
            import pyarrow

            self._file.write_table(pyarrow.Table.from_pylist(self._batch, schema=_schema()))
        else:
            self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in self._batch)
        self._rows += len(self._batch)
        self._batch = []
        if self._rows >= self._settings.rows_per_file:
            self._end_file()

    def _end_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._rows = None, 0


def _schema() -> Any:
    import pyarrow

    from kgsynth.records import parquet_schema

    known = parquet_schema(CuratedQuestion)
    return pyarrow.schema([known.field("text" if name == "question" else name).with_name(name) for name in _COLUMNS])


def _parquet_writer(path: Path) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetWriter(path, _schema())
