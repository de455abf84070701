"""Tombstones: documents that were taken out and must not come back, not by a load and not by an export.

One JSON object a line, {document, graph, reason}, in a file that people can read and edit.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from kgsynth.errors import ConfigError
from kgsynth.runs import atomic

REASON = "forgotten: `kgsynth forget` took it out"


def read_tombstones(path: Path, *, graph: str = "") -> dict[str, str]:
    """The forgotten documents, id to reason.

    Args:
        path: the file; absent, nothing was forgotten.
        graph: of this graph alone; empty for all.

    Raises:
        ConfigError: a line is no tombstone.
    """
    found: dict[str, str] = {}
    if not path.is_file():
        return found
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not graph or row["graph"] == graph:
                    found[row["document"]] = str(row.get("reason", ""))
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{path}, line {number}: not a tombstone ({error!r})", hint="Mend or remove the line."
                ) from error
    return found


def add_tombstones(path: Path, documents: Iterable[str], *, graph: str, reason: str) -> None:
    """Append tombstones; documents that have one keep it."""
    held = read_tombstones(path, graph=graph)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for identity in sorted(set(documents)):
            if identity not in held:
                row = {"document": identity, "graph": graph, "reason": reason}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def remove_tombstones(path: Path, documents: Iterable[str], *, graph: str) -> int:
    """Take tombstones back; how many there were.

    Raises:
        ConfigError: a line of the file is no tombstone.
    """
    if not read_tombstones(path, graph=graph):
        return 0
    gone = set(documents)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [
        line
        for line in lines
        if not (line.strip() and (row := json.loads(line))["graph"] == graph and row["document"] in gone)
    ]
    with atomic(path) as partial:
        partial.write_text("".join(kept), encoding="utf-8")
    return len(lines) - len(kept)
