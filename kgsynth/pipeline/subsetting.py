"""Export nested subsets of a training set, to measure the value of more data."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kgsynth import __version__
from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.curation import export as exporting
from kgsynth.curation.subsets import SubsetRows, balanced_ranks
from kgsynth.documents.forgotten import Forgotten
from kgsynth.errors import ConfigError
from kgsynth.files import write_json
from kgsynth.pipeline.exporting import card_of, curated_run
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import CuratedQuestion, StageCount
from kgsynth.settings import ExportSettings

MANIFEST = "subsets.json"


def subset(
    curated: Path,
    settings: ExportSettings,
    *,
    sizes: Sequence[int],
    seed: int,
    output: Path,
    overwrite: bool,
    forgotten: Forgotten | None = None,
    report: Report = silent,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Export nested subsets of a curated run, balanced between levels as far as possible.

    The order of the questions in a level is drawn by seed and id. A subset takes questions from the levels in turn, so
    that it is balanced until a level is used up. A larger subset begins with the smaller ones.

    Args:
        curated: folder of the run.
        settings: format and split of each subset.
        sizes: number of questions per subset.
        seed: seed of the order.
        output: folder to write; `<output>/<size>` is a data set, and `<output>/subsets.json` describes them all.
        overwrite: whether to replace existing data sets.
        forgotten: forgotten documents, whose questions are left out.
        report: receives the account of each subset.
        progress: advances one step per question.

    Returns:
        The contents of `subsets.json`.

    Raises:
        ConfigError: a size is out of range, the folder is not a curated run, or the output holds subsets already.
        ManifestError: the run is not complete.
    """
    folder, manifest = curated_run(curated)
    forgotten_records = forgotten or Forgotten()
    shape = exporting.Shape(settings)
    levels: list[int] = []
    keys: list[int] = []
    usable: list[bool] = []
    for row in folder.rows():
        levels.append(row["level"])
        keys.append(
            int.from_bytes(hashlib.sha256(f"{seed} {row['id']}".encode("utf-8", "replace")).digest()[:8], "big")
        )
        question = CuratedQuestion.from_row(row)
        usable.append(not shape.problem(question) and not forgotten_records.touches(question))
    ranks = balanced_ranks(
        np.array(levels, dtype=np.int64), np.array(keys, dtype=np.uint64), np.array(usable, dtype=np.bool_)
    )
    total = int(sum(usable))
    sizes = sorted(set(sizes))
    if not sizes or sizes[0] < 1 or sizes[-1] > total:
        raise ConfigError(
            f"the sizes {', '.join(f'{size:,}' for size in sizes) or '(none)'} do not fit: {curated} has {total:,} "
            "questions that can be exported",
            hint="Give sizes from 1 to that number.",
        )
    existing = [size for size in sizes if (output / str(size)).exists()]
    other_names = (
        {entry.name for entry in output.iterdir() if entry.is_dir()} - set(map(str, sizes))
        if output.is_dir()
        else set()
    )
    if not overwrite and (existing or other_names):
        raise ConfigError(
            f"{output} holds subsets already: {', '.join(sorted([*map(str, existing), *other_names], key=len))}",
            hint="Choose another folder, or give --overwrite, which removes all subsets that are not written again.",
        )
    for name in other_names:
        shutil.rmtree(output / name)
    subsets = []
    for size in sizes:
        count = StageCount(stage=f"subset {size}", unit="questions")
        card = card_of(folder, manifest, settings, name=f"{output.name}-{size}", subset={"size": size, "seed": seed})
        digest = hashlib.sha256()
        subset_rows = SubsetRows(levels, ranks, size, digest)
        with timed_stage(count, report), progress_stage(progress or Silent(), count.stage, size) as bar:
            exported = exporting.write(
                subset_rows.of(folder.rows(), bar), output / str(size), settings, card=card, overwrite=overwrite
            )
            count.kept = sum(exported.rows.values())
        subsets.append(
            {
                "size": size,
                "folder": str(size),
                "rows": exported.rows,
                "levels": {str(level): number for level, number in sorted(subset_rows.counts.items())},
                "characters": subset_rows.characters,
                "ids": digest.hexdigest(),
            }
        )
    manifest_row = {"seed": seed, "run": folder.run_id, "version": __version__, "questions": total, "subsets": subsets}
    write_json(output / MANIFEST, manifest_row)
    return manifest_row
