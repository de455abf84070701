"""The work folder of a filter: files of its rounds, its figures, and lists of kept and dropped documents."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.accounts import Report, timed_stage
from kgsynth.documents.embedded_corpus import Corpus
from kgsynth.documents.read import read_again
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.files import atomic, write_lines
from kgsynth.records import StageCount
from kgsynth.run_folder import RunFolder, open_run
from kgsynth.settings import DocumentsSettings

FIGURES = "filter.json"


def read_figures(work_dir: Path) -> dict[str, Any]:
    """Return the figures of a completed filter.

    Raises:
        ConfigError: the file of figures is missing or invalid.
    """
    try:
        figures = dict(json.loads((work_dir / FIGURES).read_text(encoding="utf-8")))
        if not {"rounds", "start", "kept"} <= figures.keys():
            raise ValueError("it lacks rounds, start or kept")  # noqa: TRY301
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{work_dir / FIGURES} cannot be read: {error}", hint="Run `kgsynth filter run`, which writes it."
        ) from error
    return figures


def write_kept(
    corpus: Corpus,
    documents: DocumentsSettings,
    scores: NDArray[np.float64],
    selected: NDArray[np.bool_],
    work_dir: Path,
    report: Report,
) -> int:
    """Write `kept.jsonl` and `dropped.jsonl`, and return the number of kept documents.

    Raises:
        ManifestError: the sources changed after they were embedded.
    """
    count = StageCount(stage="filter: keep", unit="documents")

    def kept() -> Iterator[str]:
        corpus_rows = corpus.all_rows()
        identity_and_content, index = next(corpus_rows, (("", ""), None))
        with atomic(work_dir / "dropped.jsonl") as partial, partial.open("w", encoding="utf-8") as dropped:
            for document in read_again(documents):
                if (document.id, document.content_hash()) != identity_and_content:
                    continue  # It was dropped before embedding; `rejects-look.jsonl` has the reason.
                if index is not None:
                    score = round(float(scores[index]), 4)
                    if selected[index]:
                        count.kept += 1
                        yield replace(document, score=score).to_json()
                    else:
                        count.reject("score too low")
                        row = {"id": document.id, "score": score, "title": document.title}
                        dropped.write(json.dumps(row, ensure_ascii=False) + "\n")
                identity_and_content, index = next(corpus_rows, (("", ""), None))
        if count.read != len(corpus):
            raise ManifestError(
                f"{len(corpus) - count.read:,} of {len(corpus):,} documents are missing or changed in the sources",
                hint="The sources may have changed while the filter ran. Run the same command again.",
            )

    with timed_stage(count, report):
        write_lines(work_dir / "kept.jsonl", kept())
    return count.kept


def known_rounds(work_dir: Path) -> int:
    """Return the number of rounds with scores in a work folder."""
    number = 0
    while (work_dir / f"round-{number + 1}" / "scores.parquet").is_file():
        number += 1
    return number


def rating_runs(work_dir: Path) -> list[RunFolder]:
    """Return the folders with the ratings of all rounds.

    Raises:
        ConfigError: the work folder holds no ratings.
    """
    folders: list[RunFolder] = []
    while (work_dir / f"round-{len(folders) + 1}" / "ratings").is_dir():
        folders.append(open_run(work_dir / f"round-{len(folders) + 1}" / "ratings"))
    if not folders:
        raise ConfigError(f"{work_dir} holds no ratings", hint="Run `kgsynth filter rate` first.")
    return folders
