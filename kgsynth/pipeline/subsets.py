"""Nested subsets of a training set, for measuring what more data buys."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import __version__
from kgsynth.config import ExportSettings
from kgsynth.curation import export as exporting
from kgsynth.documents.forgotten import Forgotten
from kgsynth.errors import ConfigError
from kgsynth.pipeline.dataset import card_of, curated_run
from kgsynth.pipeline.stages import Report, timed
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import CuratedQuestion, StageCount
from kgsynth.runs import write_json

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
    report: Report,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Export subsets of a curated run, each within the next, each with as many of every level as there are.

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
        ConfigError: a size is out of range, or the folder is not a curated run; ManifestError: it is not complete.
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
    ranks = _ranks(np.array(levels, dtype=np.int64), np.array(keys, dtype=np.uint64), np.array(usable, dtype=np.bool_))
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
        chosen = _Chosen(levels, ranks, size, digest)
        with timed(count, report), shown(progress or Silent(), count.stage, size) as bar:
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


class _Chosen:
    """The rows of a subset as they pass, counted."""

    def __init__(self, levels: Sequence[int], ranks: NDArray[np.int64], size: int, digest: Any) -> None:
        self._levels, self._ranks, self._size, self._digest = levels, ranks, size, digest
        self.counts: dict[int, int] = {}
        self.characters = 0

    def of(self, rows: Iterator[dict[str, Any]], progress: Progress) -> Iterator[CuratedQuestion]:
        for place, row in enumerate(rows):
            if self._ranks[place] < self._size:
                level = self._levels[place]
                self.counts[level] = self.counts.get(level, 0) + 1
                self.characters += len(row["text"]) + len(row["answer"])
                self._digest.update(f"{row['id']}\n".encode("utf-8", "replace"))
                progress.advance()
                yield CuratedQuestion.from_row(row)


def _ranks(levels: NDArray[np.int64], keys: NDArray[np.uint64], usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place of each row in the one order whose beginnings are the subsets, int64 (rows,); unusable rows last."""
    within = np.empty(len(levels), dtype=np.int64)
    order = np.lexsort((keys, levels, ~usable))
    for level in np.unique(levels):
        own = order[levels[order] == level]
        within[own] = np.arange(len(own))
    # In turns: the first of each level, then the second of each, …
    ranks = np.empty(len(levels), dtype=np.int64)
    ranks[np.lexsort((levels, within, ~usable))] = np.arange(len(levels))
    return ranks
