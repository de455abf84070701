"""What every stage does: it is timed, it reports its account, it writes files whole."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from kgsynth.config import DocumentsSettings
from kgsynth.documents import RejectFile
from kgsynth.progress import Progress
from kgsynth.records import Position, Reject, StageCount

Report = Callable[[StageCount], None]
_Item = TypeVar("_Item")


def settled(documents: DocumentsSettings) -> DocumentsSettings:
    """The settings with sources that are found from every folder, for a run that may be taken up later."""
    sources = tuple(str(Path(one).absolute()) if Path(one).exists() else one for one in documents.sources)
    return replace(documents, sources=sources)


@contextmanager
def timed(count: StageCount, report: Report) -> Iterator[StageCount]:
    """Run a block as a stage and report its account, also when it fails."""
    started = time.monotonic()
    try:
        yield count
    finally:
        count.seconds = time.monotonic() - started
        report(count)


def advancing(items: Iterable[_Item], progress: Progress) -> Iterator[_Item]:
    """The same items; progress is told of each when it has been used."""
    for item in items:
        yield item
        progress.advance()


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def refuse(identity: str, reason: str, rejects: RejectFile, count: StageCount) -> None:
    """Make a reject of a document, or of what is said of it, that was counted as kept."""
    count.kept -= 1
    count.reject(reason)
    rejects.add(Reject(position=Position(source=f"document {identity}"), reason=reason))


def sized_batches(
    items: Iterable[_Item], size_of: Callable[[_Item], int], *, most: int, most_size: int
) -> Iterator[list[_Item]]:
    """Lists that end with the item that makes them `most` long, or their sizes together `most_size` or more."""
    batch: list[_Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if len(batch) >= most or size >= most_size:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
    shutil.move(partial, path)
