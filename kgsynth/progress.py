"""Progress of stages: silent by default, a bar on a terminal, or a line every 30 s in logs and pipes."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

_Item = TypeVar("_Item")

# Often enough for people who wait, and seldom enough for logs.
_LINE_INTERVAL_S = 30.0


class Progress(Protocol):
    """The interface through which a stage reports its progress."""

    def stage(self, name: str, total: int | None) -> None:
        """Start a stage; `total` is the expected number of units, None if unknown."""

    def advance(self, count: int = 1) -> None:
        """Report that `count` more units are done."""

    def skip(self, count: int) -> None:
        """Report that `count` units were done by an earlier call; they are not part of the rate."""

    def tell(self, text: str) -> None:
        """Show a status text; it replaces the previous one."""

    def done(self) -> None:
        """End the stage."""


class Silent:
    """The default: shows nothing."""

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
        self._name, self._total, self._count, self._skipped, self._text = "", 0, 0, 0, ""
        self._began = self._last = time.monotonic()

    def stage(self, name: str, total: int | None) -> None:
        """Start a stage; the first line comes after 30 s."""
        self._name, self._total, self._count, self._skipped, self._text = name, total or 0, 0, 0, ""
        self._began = self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Count units, and write a line if the last one is 30 s old."""
        self._count += count
        now = time.monotonic()
        if now - self._last < _LINE_INTERVAL_S:
            return
        self._last = now
        rate = (self._count - self._skipped) / (now - self._began)
        line = f"{self._name}: {self._count:,}"
        if self._total:
            line += f" of {self._total:,}, {rate:,.1f}/s, {_duration_text((self._total - self._count) / rate)} left"
        sys.stderr.write(line + (f"; {self._text}" if self._text else "") + "\n")

    def skip(self, count: int) -> None:
        """Count units without including them in the rate."""
        self._count += count
        self._skipped += count

    def tell(self, text: str) -> None:
        """Set the text that is added to the next line."""
        self._text = text

    def done(self) -> None:
        """Do nothing: the account of the stage follows."""


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        count = f"{int(task.completed):,}"
        return Text(f"{count} of {int(task.total):,}" if task.total is not None else count if task.completed else "")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class Bar:
    """A bar on a terminal with a status line below; both disappear when the stage ends."""

    def __init__(self) -> None:
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
            _Count(),
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
        """Advance the bar, and restart the clock for rate and remaining time."""
        if self._bar is not None:
            done = self._bar.tasks[0].completed
            self._bar.reset(self._task, completed=int(done) + count)

    def tell(self, text: str) -> None:
        """Show a text below the bar."""
        self._text.plain = text

    def done(self) -> None:
        """Remove the bar."""
        if self._live is not None:
            self._live.stop()
            self._live = self._bar = None


def _duration_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


@contextmanager
def progress_stage(progress: Progress, name: str, total: int | None) -> Iterator[Progress]:
    """Run a block as one stage of `progress`; the stage ends even if the block fails."""
    progress.stage(name, total)
    try:
        yield progress
    finally:
        progress.done()


def with_progress(items: Iterable[_Item], progress: Progress) -> Iterator[_Item]:
    """Yield the items, and advance the progress after each one."""
    for item in items:
        yield item
        progress.advance()
