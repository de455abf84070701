"""Accounts of stages: numbers of records read, kept and rejected, and the time."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kgsynth.records import StageCount

_LOG = logging.getLogger(__name__)


Report = Callable[[StageCount], None]


def silent(_: StageCount) -> None:
    """Report an account to nobody."""


@contextmanager
def timed_stage(count: StageCount, report: Report) -> Iterator[StageCount]:
    """Run a block as a stage, and report its account even if the block fails."""
    _LOG.info("%s begins", count.stage)
    started = time.monotonic()
    try:
        yield count
    finally:
        count.seconds = time.monotonic() - started
        _LOG.info(
            "%s ends: %d %s read, %d kept, %.1f s", count.stage, count.read, count.unit, count.kept, count.seconds
        )
        report(count)
