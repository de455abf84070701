"""Progress that is passed in: silent by default, a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

# A log that nobody watches live should not fill with lines; half a minute is what people wait before they wonder.
_LINE_EVERY_S = 30.0


class Progress(Protocol):
    """What a stage tells while it works."""

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; `total` is how many units it expects, None when unknown."""

    def advance(self, count: int = 1) -> None:
        """`count` more units are done."""

    def done(self) -> None:
        """The stage has ended."""


class Silent:
    """The default: tells nothing."""

    def stage(self, name: str, total: int | None) -> None:
        """Ignore."""

    def advance(self, count: int = 1) -> None:
        """Ignore."""

    def done(self) -> None:
        """Ignore."""


class Lines:
    """One line every 30 s on stderr, for logs and pipes."""

    def __init__(self) -> None:
        """Start with no stage."""
        self._name, self._total, self._count = "", 0, 0
        self._last = time.monotonic()

    def stage(self, name: str, total: int | None) -> None:
        """Remember the stage; the first line comes after 30 s."""
        self._name, self._total, self._count = name, total or 0, 0
        self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Count, and write a line when the last is long ago."""
        self._count += count
        if time.monotonic() - self._last >= _LINE_EVERY_S:
            self._last = time.monotonic()
            of = f" of {self._total:,}" if self._total else ""
            sys.stderr.write(f"{self._name}: {self._count:,}{of}\n")

    def done(self) -> None:
        """Nothing more; the stage's closing line says it."""


class Bar:
    """A bar on a terminal, gone when the stage has ended."""

    def __init__(self) -> None:
        """Take no terminal until a stage begins."""
        self._bar: RichProgress | None = None
        self._task = TaskID(0)

    def stage(self, name: str, total: int | None) -> None:
        """Show a new bar."""
        self.done()
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(name, total=total)

    def advance(self, count: int = 1) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def done(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def shown(progress: Progress, name: str, total: int | None) -> Iterator[Progress]:
    """Run a block as one stage of `progress`, ended whatever happens."""
    progress.stage(name, total)
    try:
        yield progress
    finally:
        progress.done()
