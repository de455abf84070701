"""A cache of walk tables on disk, with one folder per build, because reading them from the graph takes long."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kgsynth.contexts import Contexts
from kgsynth.errors import GraphError
from kgsynth.walks import walk_tables

# Number of builds whose tables are kept.
_KEPT_FOLDERS = 12


def cached(folder: Path, read: Callable[[], Contexts]) -> walk_tables.WalkTables:
    """The tables in a folder; if it holds none, they are computed from the contexts and saved there.

    Args:
        folder: folder for one build of a graph; its sibling folders are for other builds, and the oldest are removed.
        read: reads the contexts of the build.

    Raises:
        GraphError: the saved tables cannot be read, or a term has too many tickets.
    """
    tables = walk_tables.load(folder)
    if tables is None:
        walk_tables.save(walk_tables.of_contexts(read()), folder)
        _remove_old(folder.parent)
        tables = walk_tables.load(folder)
    if tables is None:
        raise GraphError(
            f"the walk tables in {folder} cannot be read", hint="Remove the folder, or use --engine cypher."
        )
    return tables


def _remove_old(folder: Path) -> None:
    """Remove all but the most recently used folders, because every build adds one."""
    used: list[tuple[float, Path]] = []
    for path in folder.iterdir():
        with suppress(OSError):
            used.append((path.stat().st_mtime, path))
    whole = sorted((when, path) for when, path in used if not path.name.startswith("."))
    for _, old in whole[:-_KEPT_FOLDERS]:
        shutil.rmtree(old, ignore_errors=True)
