"""Nested subsets of a training set, for measuring what more data buys."""

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

    Questions of a level stand in an order drawn by seed and id; a subset takes from the levels in turn, so that it is
    balanced until a level is used up, and a larger one begins with the smaller.

    Args:
        curated: folder of the run.
        settings: form and split of each.
        sizes: questions of each subset.
        seed: of the order.
        output: a folder; `<output>/<size>` is a data set, `<output>/subsets.json` says what each holds.
        overwrite: replace data sets that stand there.
        forgotten: what was taken out; what was made from it is left out.
        report: gets the account of each.
        progress: told one step a question.

    Returns:
        The manifest.

    Raises:
        ConfigError: a size is out of range, or the folder is not a curated run.
        ManifestError: it is not complete.
    """
    folder, manifest = curated_run(curated)
    gone = forgotten or Forgotten()
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
        usable.append(not shape.problem(question) and not gone.touches(question))
    ranks = balanced_ranks(
        np.array(levels, dtype=np.int64), np.array(keys, dtype=np.uint64), np.array(usable, dtype=np.bool_)
    )
    total = int(sum(usable))
    sizes = sorted(set(sizes))
    if not sizes or sizes[0] < 1 or sizes[-1] > total:
        raise ConfigError(
            f"the sizes {', '.join(f'{size:,}' for size in sizes) or '(none)'} do not fit: {curated} has {total:,} "
            "questions that can be exported",
            hint="Give sizes from 1 up to that.",
        )
    there = [size for size in sizes if (output / str(size)).exists()]
    others = {one.name for one in output.iterdir() if one.is_dir()} - set(map(str, sizes)) if output.is_dir() else set()
    if not overwrite and (there or others):
        raise ConfigError(
            f"{output} holds subsets already: {', '.join(sorted([*map(str, there), *others], key=len))}",
            hint="Choose another folder, or --overwrite, which keeps none that is not made anew.",
        )
    for name in others:
        shutil.rmtree(output / name)
    made = []
    for size in sizes:
        count = StageCount(stage=f"subset {size}", unit="questions")
        card = card_of(folder, manifest, settings, name=f"{output.name}-{size}", subset={"size": size, "seed": seed})
        digest = hashlib.sha256()
        chosen = SubsetRows(levels, ranks, size, digest)
        with timed_stage(count, report), progress_stage(progress or Silent(), count.stage, size) as bar:
            exported = exporting.write(
                chosen.of(folder.rows(), bar), output / str(size), settings, card=card, overwrite=overwrite
            )
            count.kept = sum(exported.rows.values())
        made.append(
            {
                "size": size,
                "folder": str(size),
                "rows": exported.rows,
                "levels": {str(level): number for level, number in sorted(chosen.counts.items())},
                "characters": chosen.characters,
                "ids": digest.hexdigest(),
            }
        )
    found = {"seed": seed, "run": folder.run_id, "version": __version__, "questions": total, "subsets": made}
    write_json(output / MANIFEST, found)
    return found
