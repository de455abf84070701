"""Write the training set: rows in a format that trainers read, split by group, streamed and written atomically."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgsynth.curation.card import Card
from kgsynth.errors import ConfigError
from kgsynth.files import read_json, unwritable, write_json
from kgsynth.records import CuratedQuestion
from kgsynth.settings import ExportSettings

MANIFEST = "export.json"
_BATCH_ROWS = 2000
_WITH_ANSWERS = frozenset({"alpaca", "sharegpt", "messages", "preference"})
# Columns of tabular formats; the graph and the runs hold the remaining provenance.
_COLUMNS = (
    "id",
    "question",
    "answer",
    "final_answer",
    "level",
    "domain",
    "question_type",
    "difficulty",
    "grade",
    "options",
    "answer_key",
    "origin",
    "concepts",
    "seen_concepts",
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
    "passed",
    "failed",
    "undecided",
    "pass_rate",
)
# Columns that are computed from the verdicts of verifiers.
_VERDICTS = ("passed", "failed", "undecided")


# Fields of a passage: the document, the part of its text that the prompt contained, and its attribution.
PASSAGE_FIELDS = ("document", "title", "text", "source", "license", "attribution")
Passages = Callable[[Sequence[CuratedQuestion]], Sequence[Sequence[dict[str, str]]]]
_HINTS = {
    "preference": "Rejected answers are losing votes and answers that were judged wrong: answer with --votes, or with "
    "--judge and then `kgsynth retry`."
}


@dataclass(slots=True)
class Exported:
    """Result of an export: rows per split, and rows that were left out, by reason."""

    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    folder: Path = Path()


def split_of(group: str, validation_share: float) -> str:
    """Return `train` or `validation` by a hash of the group, so that a row keeps its split when the set grows."""
    fraction = int.from_bytes(hashlib.sha256(group.encode("utf-8", "replace")).digest()[:8], "big") / 2**64
    return "validation" if fraction < validation_share else "train"


def write(
    rows: Iterable[CuratedQuestion],
    folder: Path,
    settings: ExportSettings,
    *,
    card: Card,
    overwrite: bool,
    is_forgotten: Callable[[CuratedQuestion], bool] = lambda _: False,
    wrong_answers: Callable[[str], Sequence[str]] = lambda _: (),
    passages: Passages | None = None,
) -> Exported:
    """Write the training set, with constant memory.

    Args:
        rows: curated questions, in order.
        folder: target folder; it appears when everything is written.
        settings: format, split and file size.
        card: gets each row that is written; its text becomes README.md.
        overwrite: replace a folder that an earlier export wrote.
        is_forgotten: whether a question was made from a removed document; such questions are left out.
        wrong_answers: returns, for the id of a question, answers that a judge found wrong.
        passages: returns the source passages of each row; required if the settings include passages.

    Raises:
        ConfigError: the folder exists, or no row can be written in this format.
        ManifestError: the disk is full.
    """
    shape = Shape(settings, wrong_answers=wrong_answers, passages=passages)
    folder = folder.resolve()
    replaced = folder.with_name(f".{folder.name}.replaced")
    if replaced.exists() and not folder.exists():
        replaced.rename(folder)  # an earlier call was killed while it replaced the folder
    partial = folder.with_name(f".{folder.name}.part")
    for left_by_a_kill in (partial, replaced):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    _refuse_existing(folder, overwrite=overwrite)
    exported = Exported(folder=folder)
    try:
        partial.mkdir(parents=True)
        writers = {split: _Writer(partial, split, shape) for split in ("train", "validation")}
        for row in rows:
            reason = "made from a document that was forgotten" if is_forgotten(row) else shape.problem(row)
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
                hint=_HINTS.get(
                    settings.format, "Answer the questions first (kgsynth answer), or export with --format jsonl."
                ),
            )
        files = {split: f"{_data_folder(settings)}{split}-*{_ending(settings)}" for split in exported.rows}
        text = card.text(files, exported.rows, exported.left_out, _digest(partial))
        (partial / "README.md").write_text(text, encoding="utf-8")
        card.write_licenses(partial / "LICENSES.csv")
        write_json(partial / MANIFEST, {"rows": exported.rows, "left_out": exported.left_out, **card.facts})
        # If this call is killed between these steps, the next call puts the earlier folder back.
        if folder.exists():
            folder.rename(replaced)
        partial.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return exported


def _digest(folder: Path) -> str:
    """Return a digest of all files below a folder, 16 hexadecimal digits."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


class Shape:
    """Converts questions to rows of the format in the settings."""

    def __init__(
        self,
        settings: ExportSettings,
        *,
        wrong_answers: Callable[[str], Sequence[str]] = lambda _: (),
        passages: Passages | None = None,
    ) -> None:
        """Take the arguments of `write`.

        Raises:
            ConfigError: the format or the caller does not support the settings.
        """
        if settings.format == "preference" and settings.reasoning != "drop":
            raise ConfigError(
                "the format 'preference' cannot hold reasoning: that of rejected answers is not kept",
                hint="Leave out --reasoning.",
            )
        if settings.with_passages and passages is None:
            raise ConfigError("passages need the graph, which was not given", hint="Use `kgsynth export`.")
        self.settings, self._wrong_answers, self._passages = settings, wrong_answers, passages

    def problem(self, row: CuratedQuestion) -> str:
        """Return why a row is left out: the format cannot hold it, or verifiers did not pass it; empty if neither."""
        if self.settings.format in _WITH_ANSWERS and not row.answer:
            return "no answer"
        if self.settings.format == "preference" and not self._rejected(row):
            return "no rejected answer"
        checked = {check.verifier: check.verdict for check in row.checks if check.verifier in self.settings.passed_by}
        for verifier, verdict in checked.items():
            if verdict != "passed":
                return f"not passed by {verifier}"
        if self.settings.passed_by and not checked:
            return "checked by none of the named verifiers"
        if row.pass_rate is None and self.settings.min_pass_rate > 0:
            return "decided by no verifier"
        if row.pass_rate is not None and row.pass_rate < self.settings.min_pass_rate:
            return "pass rate under the limit"
        return ""

    def rows(self, questions: Sequence[CuratedQuestion]) -> list[dict[str, Any]]:
        """Convert questions to rows; with preferences, a question gives one row per rejected answer."""
        passages = self._passages(questions) if self.settings.with_passages and self._passages is not None else None
        rows = []
        for index, question in enumerate(questions):
            for row in self._convert(question):
                rows.append(row if passages is None else {**row, "passages": passages[index]})
        return rows

    def _rejected(self, row: CuratedQuestion) -> list[str]:
        texts = [*row.losing_answers, *self._wrong_answers(row.id)]
        return [text for text in dict.fromkeys(texts) if text != row.answer]

    def _convert(self, row: CuratedQuestion) -> list[dict[str, Any]]:
        settings = self.settings
        answer = row.answer
        if settings.reasoning == "inline" and row.answer_reasoning:
            answer = f"<think>\n{row.answer_reasoning}\n</think>\n\n{answer}"
        reasoning_field = {"reasoning": row.answer_reasoning} if settings.reasoning == "field" else {}
        if settings.format == "preference":
            prompt = self._turns(row, "role", "content", "user")
            return [
                {
                    "id": f"{row.id}-{number}" if number else row.id,
                    "prompt": prompt,
                    "chosen": [{"role": "assistant", "content": answer}],
                    "rejected": [{"role": "assistant", "content": text}],
                }
                for number, text in enumerate(self._rejected(row))
            ]
        if settings.format == "alpaca":
            instruction = f"{settings.system}\n\n{row.text}" if settings.system else row.text
            return [{"id": row.id, "instruction": instruction, "input": "", "output": answer, **reasoning_field}]
        if settings.format == "sharegpt":
            turns = [*self._turns(row, "from", "value", "human"), {"from": "gpt", "value": answer}]
            return [{"id": row.id, "conversations": turns, **reasoning_field}]
        if settings.format == "messages":
            # The field of vLLM and other servers.
            reasoning_key = {"reasoning_content": row.answer_reasoning} if reasoning_field else {}
            turns = [
                *self._turns(row, "role", "content", "user"),
                {"role": "assistant", "content": answer, **reasoning_key},
            ]
            return [{"id": row.id, "messages": turns}]
        verdicts = {verdict: row.verifiers(verdict) for verdict in _VERDICTS}
        values = {**row.to_row(), "question": row.text, "answer": answer, **verdicts, "pass_rate": row.pass_rate}
        return [{**{name: values[name] for name in _COLUMNS}, **reasoning_field}]

    def _turns(self, row: CuratedQuestion, role: str, content: str, user: str) -> list[dict[str, str]]:
        system = [{role: "system", content: self.settings.system}] if self.settings.system else []
        return [*system, {role: user, content: row.text}]


def _refuse_existing(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    is_ours = (folder / MANIFEST).is_file() and {"rows", "curation"} <= read_json(folder / MANIFEST).keys()
    if not is_ours or not overwrite:
        raise ConfigError(
            f"{folder} already exists",
            hint="Choose another folder, or replace it with --overwrite." if is_ours else "Choose another folder.",
        )


def _ending(settings: ExportSettings) -> str:
    return ".parquet" if settings.format in ("datasets", "parquet") else ".jsonl"


def _data_folder(settings: ExportSettings) -> str:
    return "data/" if settings.format == "datasets" else ""


class _Writer:
    """Writes the files of one split, each with at most `rows_per_file` rows."""

    def __init__(self, folder: Path, split: str, shape: Shape) -> None:
        self._settings = shape.settings
        self._folder, self._split, self._shape = folder / _data_folder(shape.settings), split, shape
        self._batch: list[CuratedQuestion] = []
        self._file: Any = None
        self._files = self._rows = 0

    def add(self, row: CuratedQuestion) -> None:
        self._batch.append(row)
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
            is_parquet = path.suffix == ".parquet"
            self._file = _parquet_writer(path, self._settings) if is_parquet else path.open("w", encoding="utf-8")
            self._files += 1
        rows = self._shape.rows(self._batch)
        if hasattr(self._file, "write_table"):
            import pyarrow

            self._file.write_table(pyarrow.Table.from_pylist(rows, schema=_schema(self._settings)))
        else:
            self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        self._rows += len(self._batch)
        self._batch = []
        if self._rows >= self._settings.rows_per_file:
            self._end_file()

    def _end_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._rows = None, 0


def _schema(settings: ExportSettings) -> Any:
    import pyarrow

    from kgsynth.records import parquet_schema

    known = parquet_schema(CuratedQuestion)
    computed = {
        **{verdict: pyarrow.list_(pyarrow.string()) for verdict in _VERDICTS},
        "pass_rate": pyarrow.float64(),
    }
    columns = [
        pyarrow.field(name, computed[name])
        if name in computed
        else known.field("text" if name == "question" else name).with_name(name)
        for name in _COLUMNS
    ]
    if settings.reasoning == "field":
        columns.append(pyarrow.field("reasoning", pyarrow.string()))
    if settings.with_passages:
        passage = pyarrow.struct([pyarrow.field(name, pyarrow.string()) for name in PASSAGE_FIELDS])
        columns.append(pyarrow.field("passages", pyarrow.list_(passage)))
    return pyarrow.schema(columns)


def _parquet_writer(path: Path, settings: ExportSettings) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetWriter(path, _schema(settings))
