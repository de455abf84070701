"""Progress of stages: silent by default, a bar on a terminal, or a line every 30 s in logs and pipes."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from rich.console import Console, Group
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kgsynth.records import StageCount, rate_text

_Item = TypeVar("_Item")

# Often enough for people who wait, and seldom enough for logs.
_LINE_INTERVAL_S = 30.0
_MAX_BAR_LINE = 100
_MAX_REASONS = 3


class Progress(Protocol):
    """The interface through which a stage reports its progress."""

    def stage(self, name: str, total: int | None, account: StageCount | None = None) -> None:
        """Start a stage; `total` is the expected number of units, None if unknown; rejects come from the account."""

    def advance(self, count: int = 1) -> None:
        """Report that `count` more units are done."""

    def skip(self, count: int) -> None:
        """Report that `count` units were done by an earlier call; the clock of rate and remaining time restarts."""

    def tell(self, text: str) -> None:
        """Show a status text; it replaces the previous one."""

    def done(self) -> None:
        """End the stage."""


class Silent:
    """The default: shows nothing."""

    def stage(self, name: str, total: int | None, account: StageCount | None = None) -> None:
        """Ignore."""

    def advance(self, count: int = 1) -> None:
        """Ignore."""

    def skip(self, count: int) -> None:
        """Ignore."""

    def tell(self, text: str) -> None:
        """Ignore."""

    def done(self) -> None:
        """Ignore."""


@dataclass(slots=True)
class _State:
    """How far a stage is, in numbers and in words."""

    name: str = ""
    total: int | None = None
    account: StageCount | None = None
    units: int = 0
    skipped: int = 0
    status: str = ""
    began: float = field(default_factory=lambda: time.monotonic())
    rate_began: float = field(default_factory=lambda: time.monotonic())

    def skip(self, units: int) -> None:
        self.units += units
        self.skipped += units
        self.rate_began = time.monotonic()

    def numbers(self) -> list[str]:
        """Return units, rate, time and remaining time, as far as they are known."""
        now, new = time.monotonic(), self.units - self.skipped
        of_total = "" if self.total is None else f" of {self.total:,}"
        rate = new / max(now - self.rate_began, 1e-9)
        left = "left " + (_duration_text(max(self.total - self.units, 0) / rate) if self.total and rate else "-:--:--")
        return [
            *([f"{self.units:,}{of_total}"] if self.units or of_total else []),
            *([rate_text(rate)] if new else []),
            _duration_text(now - self.began),
            *([left] if of_total else []),
        ]

    def rejects(self) -> str:
        """Return the share of rejects and the most frequent reasons."""
        # A copy, since the view reads in another thread than the stage writes.
        rejected = dict(self.account.rejected) if self.account is not None else {}
        total = sum(rejected.values())
        if self.account is None or not total:
            return ""
        worst = sorted(rejected.items(), key=lambda item: -item[1])[:_MAX_REASONS]
        reasons = [f"{number:,} {reason}" for reason, number in worst]
        share = total / max(self.account.kept + total, 1)
        return f"{share:.0%} rejected: {', '.join(reasons)}" + (", …" if len(rejected) > _MAX_REASONS else "")


class Lines:
    """One line every 30 s on stderr, for logs and pipes."""

    def __init__(self) -> None:
        self._state = _State()
        self._last = time.monotonic()

    def stage(self, name: str, total: int | None, account: StageCount | None = None) -> None:
        """Start a stage; the first line comes after 30 s."""
        self._state = _State(name, total, account)
        self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Count units, and write a line if the last one is 30 s old."""
        self._state.units += count
        now = time.monotonic()
        if now - self._last < _LINE_INTERVAL_S:
            return
        self._last = now
        line = f"{self._state.name}: {', '.join(self._state.numbers())}"
        sys.stderr.write("; ".join(filter(None, (line, self._state.status, self._state.rejects()))) + "\n")

    def skip(self, count: int) -> None:
        """Count units without including them in the rate."""
        self._state.skip(count)

    def tell(self, text: str) -> None:
        """Set the text that is added to the next line."""
        self._state.status = text

    def done(self) -> None:
        """Do nothing: the account of the stage follows."""


class Bar:
    """A bar with numbers on a terminal, and below it status and rejects; they disappear when the stage ends."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._state = _State()

    def stage(self, name: str, total: int | None, account: StageCount | None = None) -> None:
        """Show a new bar."""
        self.done()
        self._state = _State(name, total, account)
        self._live = Live(get_renderable=self._view, console=Console(stderr=True), transient=True, refresh_per_second=5)
        self._live.start()

    def advance(self, count: int = 1) -> None:
        """Move the bar."""
        self._state.units += count

    def skip(self, count: int) -> None:
        """Advance the bar, and restart the clock for rate and remaining time."""
        self._state.skip(count)

    def tell(self, text: str) -> None:
        """Show a text below the bar."""
        self._state.status = text

    def done(self) -> None:
        """Remove the bar."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _view(self) -> Group:
        state = self._state
        line = Table.grid(padding=(0, 2, 0, 0), expand=True)
        line.add_column(no_wrap=True)
        line.add_column(ratio=1)
        line.add_column(no_wrap=True)
        bar = ProgressBar(total=state.total, completed=state.units, pulse=state.total is None)
        line.add_row(state.name, bar, "  ".join(state.numbers()))
        texts = [Text(text, style="dim", no_wrap=True, overflow="ellipsis") for text in (state.status, state.rejects())]
        return Group(Constrain(line, _MAX_BAR_LINE), *filter(None, texts))


def _duration_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


@contextmanager
def progress_stage(
    progress: Progress, name: str, total: int | None, account: StageCount | None = None
) -> Iterator[Progress]:
    """Run a block as one stage of `progress`; the stage ends even if the block fails."""
    progress.stage(name, total, account)
    try:
        yield progress
    finally:
        progress.done()


def with_progress(items: Iterable[_Item], progress: Progress) -> Iterator[_Item]:
    """Yield the items, and advance the progress after each one."""
    for item in items:
        yield item
        progress.advance()
