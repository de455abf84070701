"""Whether something is quick, measured beside a fixed piece of work, since machines differ and are shared."""

import time
from collections.abc import Callable
from typing import Any


def _reference() -> float:
    """Seconds of some 20 ms of plain Python on a quiet machine."""
    started = time.perf_counter()
    total = 0
    for number in range(400_000):
        total += number
    return time.perf_counter() - started


def is_quick(call: Callable[[], Any], *, times: float) -> bool:
    """Whether a call takes at most so many times the fixed piece of work, measured before and after it."""
    before = _reference()
    started = time.perf_counter()
    call()
    taken = time.perf_counter() - started
    return taken <= times * max(before, _reference())
