"""Progress that is passed in: silent by default, a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

# A log that nobody watches live should not fill with lines; half a minute is what people wait before they wonder.
_LINE_EVERY_S = 30.0


class Progress(Protocol):
    """What a stage tells while it works."""

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; `total` is how many units it expects, None when unknown."""

    def advance(self, count: int = 1) -> None:
        """`count` more units are done."""

    def skip(self, count: int) -> None:
        """`count` units were done before: they count, and not for the rate."""

    def tell(self, text: str) -> None:
        """What else there is to say at this moment; it replaces what was told before."""

    def done(self) -> None:
        """The stage has ended."""


class Silent:
    """The default: tells nothing."""

    def stage(self, name: str, total: int | None) -> None:
        """Ignore."""

    def advance(self, count: int = 1) -> None:
        """Ignore."""

    def skip(self, count: int) -> None:
        """Ignore."""

    def tell(self, text: str) -> None:
        """Ignore."""

    def done(self) -> None:
        """Ignore."""


class Lines:
    """One line every 30 s on stderr, for logs and pipes."""

    def __init__(self) -> None:
        """Start with no stage."""
        self._name, self._total, self._count, self._skipped, self._text = "", 0, 0, 0, ""
        self._began = self._last = time.monotonic()

    def stage(self, name: str, total: int | None) -> None:
        """Remember the stage; the first line comes after 30 s."""
        self._name, self._total, self._count, self._skipped, self._text = name, total or 0, 0, 0, ""
        self._began = self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Count, and write a line when the last is long ago."""
        self._count += count
        now = time.monotonic()
        if now - self._last < _LINE_EVERY_S:
            return
        self._last = now
        rate = (self._count - self._skipped) / (now - self._began)
        line = f"{self._name}: {self._count:,}"
        if self._total:
            line += f" of {self._total:,}, {rate:,.1f}/s, {_span((self._total - self._count) / rate)} left"
        sys.stderr.write(line + (f"; {self._text}" if self._text else "") + "\n")

    def skip(self, count: int) -> None:
        """Count."""
        self._count += count
        self._skipped += count

    def tell(self, text: str) -> None:
        """Add this to the next line."""
        self._text = text

    def done(self) -> None:
        """Nothing more; the stage's closing line says it."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class Bar:
    """A bar on a terminal, with a line of numbers below where a stage tells some; gone when the stage has ended."""

    def __init__(self) -> None:
        """Take no terminal until a stage begins."""
        self._bar: RichProgress | None = None
        self._live: Live | None = None
        self._task = TaskID(0)
        self._text = Text("", style="dim", no_wrap=True, overflow="ellipsis")

    def stage(self, name: str, total: int | None) -> None:
        """Show a new bar."""
        self.done()
        console = Console(stderr=True)
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            *([TextColumn("left"), TimeRemainingColumn()] if total else []),
            console=console,
        )
        self._text.plain = ""
        self._live = Live(Group(self._bar, self._text), console=console, transient=True, refresh_per_second=5)
        self._live.start()
        self._task = self._bar.add_task(name, total=total)

    def advance(self, count: int = 1) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def skip(self, count: int) -> None:
        """Move the bar; the clock of rate and time left begins here."""
        if self._bar is not None:
            done = self._bar.tasks[0].completed
            self._bar.reset(self._task, completed=int(done) + count)

    def tell(self, text: str) -> None:
        """Show this below the bar."""
        self._text.plain = text

    def done(self) -> None:
        """Take the bar away."""
        if self._live is not None:
            self._live.stop()
            self._live = self._bar = None


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


@contextmanager
def shown(progress: Progress, name: str, total: int | None) -> Iterator[Progress]:
    """Run a block as one stage of `progress`, ended whatever happens."""
    progress.stage(name, total)
    try:
        yield progress
    finally:
        progress.done()
