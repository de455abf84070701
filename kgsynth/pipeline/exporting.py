"""Export a curated run as a training set with its dataset card."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kgsynth import __version__
from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.config import Environment
from kgsynth.curation import export as exporting
from kgsynth.curation.card import Card
from kgsynth.documents.forgotten import Forgotten, read_forgotten
from kgsynth.errors import ConfigError, GraphError, ManifestError, quoted
from kgsynth.files import scratch_folder
from kgsynth.graph import provenance
from kgsynth.graph.session import Graph
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import CuratedQuestion, StageCount
from kgsynth.run_folder import RUN_FILE, RunFolder, open_run
from kgsynth.settings import ExportOrder, ExportSettings


def export(
    curated: Path,
    settings: ExportSettings,
    *,
    output: Path,
    overwrite: bool = False,
    forgotten: Forgotten | None = None,
    graph: Graph | None = None,
    report: Report = silent,
    progress: Progress | None = None,
) -> exporting.Exported:
    """Write the training set of a curated run with its dataset card, atomically.

    Args:
        curated: folder of the run.
        settings: format, split, file size.
        output: folder to write.
        overwrite: whether to replace the folder of an earlier export.
        forgotten: forgotten documents, whose questions are left out.
        graph: supplies the passages, where the settings include them.
        report: receives the account.
        progress: advances one step per question.

    Raises:
        ConfigError: the folder is not a curated run, or the output already exists.
        ManifestError: the run is not complete.

    Examples:
        >>> exported = pipeline.export(Path("runs/curated"), ExportSettings(), output=Path("dataset"))
        >>> sorted(exported.rows)
        ['train']
    """
    folder, manifest = curated_run(curated)
    total = manifest["stages"][0]["kept"]
    card = card_of(folder, manifest, settings, name=output.name)
    count = StageCount(stage="export", unit="questions")
    with (
        timed_stage(count, report),
        progress_stage(progress or Silent(), "export", total, count) as bar,
        wrong_answers(folder if settings.format == "preference" else None) as wrong,
        _in_order(_curated(folder, bar), settings.order) as ordered,
    ):
        exported = exporting.write(
            ordered,
            output,
            settings,
            card=card,
            overwrite=overwrite,
            is_forgotten=(forgotten or Forgotten()).touches,
            wrong_answers=wrong,
            passages=partial(_passages, graph) if graph is not None else None,
        )
        count.kept = sum(exported.rows.values())
        for reason, number in exported.left_out.items():
            count.reject(reason, number)
        count.notes.update({f"{split}_rows": number for split, number in sorted(exported.rows.items())})
    return exported


@contextmanager
def _in_order(rows: Iterator[CuratedQuestion], order: ExportOrder) -> Iterator[Iterator[CuratedQuestion]]:
    """Provide rows in an order, best first, and equal ones as curated; a table on disk keeps memory constant."""
    if order == "curated":
        yield rows
        return
    with scratch_folder() as folder, closing(sqlite3.connect(folder / "rows")) as table:
        table.execute("CREATE TABLE kept (value REAL, row TEXT)")
        values = ((row.pass_rate if order == "pass-rate" else row.agreement, row) for row in rows)
        table.executemany(
            "INSERT INTO kept VALUES (?, ?)",
            ((-1.0 if value is None else value, json.dumps(row.to_row())) for value, row in values),
        )
        found = table.execute("SELECT row FROM kept ORDER BY value DESC, rowid")
        yield (CuratedQuestion.from_row(json.loads(row)) for (row,) in found)


@contextmanager
def wrong_answers(curated: RunFolder | None) -> Iterator[Callable[[str], Sequence[str]]]:
    """Provide a function from the id of a question to its answers that a judge found wrong.

    The answers come from the rejects of the runs that were curated. They are in a table on disk during the block, so
    that memory stays constant.
    """
    with scratch_folder() as folder, closing(sqlite3.connect(folder / "answers")) as table:
        table.execute("CREATE TABLE answers (question TEXT, answer TEXT)")
        for path in (
            (Path(questions_path) for questions_path in curated.inputs.get("questions", ()))
            if curated is not None
            else ()
        ):
            for part in open_run(path).parts() if (path / RUN_FILE).is_file() else ():
                rows = ((row["unit_id"], row["answer"]) for row in part.rejects() if row.get("answer"))
                table.executemany("INSERT INTO answers VALUES (?, ?)", rows)
        table.execute("CREATE INDEX by_question ON answers (question)")

        def find(question: str) -> list[str]:
            rows_found = table.execute("SELECT answer FROM answers WHERE question = ? ORDER BY rowid", (question,))
            return [answer for (answer,) in rows_found]

        yield find


def _passages(graph: Graph, rows: Sequence[CuratedQuestion]) -> list[list[dict[str, str]]]:
    """Return the passages of each question: the part of each document that its prompt contained."""
    wanted_ids = sorted({document for row in rows for document in row.documents})
    documents = provenance.documents(graph, wanted_ids, with_terms=False)
    unknown = [identity for identity in wanted_ids if identity not in documents]
    if unknown:
        raise GraphError(
            f"{len(unknown):,} of the documents in which questions are grounded are not in this graph, such as "
            f"{quoted(unknown[0])}",
            hint="--graph NAME selects the graph from which the questions were generated.",
        )
    passages = []
    for row in rows:
        passages.append(
            [
                {
                    "document": identity,
                    **{name: documents[identity][name] for name in ("title", "source", "license", "attribution")},
                    "text": documents[identity]["text"][:chars].strip(),
                }
                for identity, chars in zip(row.documents, row.shown_chars, strict=True)
                if chars != 0
            ]
        )
    return passages


def curated_run(path: Path) -> tuple[RunFolder, dict[str, Any]]:
    """Return a curated run and its manifest.

    Raises:
        ConfigError: the folder is not a curated run.
        ManifestError: it is not complete.
    """
    folder = open_run(path)
    if folder.stage != "curate":
        raise ConfigError(
            f"{path} holds {folder.rows_name}, not curated questions",
            hint="Curate first: `kgsynth curate RUN`; with --no-filters it rejects only duplicates.",
        )
    manifest = folder.manifest()
    if manifest is None:
        raise ManifestError(f"run {folder.run_id} in {path} is not complete", hint="Run `kgsynth curate` again.")
    return folder, manifest


def card_of(
    folder: RunFolder, manifest: Mapping[str, Any], settings: ExportSettings, *, name: str, **extra: Any
) -> Card:
    """Return the dataset card of an export; `name` is used if the settings have none, `extra` is added to the facts."""
    facts = {
        "version": __version__,
        "filters": manifest["settings"],
        "curation": manifest["stages"][0],
        "runs": folder.inputs.get("runs", []),
        "form": asdict(settings),
    }
    return Card(settings.name or name, {**facts, **extra})


def forgotten_of(environment: Environment, curated: Path) -> Forgotten:
    """Return what was forgotten in the graphs from which a curated run was made, or in all graphs if they are unknown.

    Raises:
        ConfigError: the file of tombstones cannot be read.
        ManifestError: the folder contains no run.
    """
    return read_forgotten(environment.tombstones, graphs=_graphs(open_run(curated)))


def _graphs(folder: RunFolder) -> set[str]:
    names = {str(folder.inputs["graph"])} if folder.inputs.get("graph") else set()
    paths = [Path(questions_path) for questions_path in folder.inputs.get("questions", ())]
    names_of_inputs = [_graphs(open_run(path)) for path in paths if (path / RUN_FILE).is_file()]
    # The graph of a file, or of a run that was removed, is unknown.
    if len(names_of_inputs) < len(paths) or any(not graph_names for graph_names in names_of_inputs):
        return names
    return names.union(*names_of_inputs)


def _curated(folder: RunFolder, progress: Progress) -> Iterator[CuratedQuestion]:
    for row in folder.rows():
        progress.advance()
        yield CuratedQuestion.from_row(row)
