"""Test whether a call is quick, in comparison with a fixed piece of work, since machines differ and are shared.

Both are measured in the processor time of this thread, with the garbage collector off, so that other processes, other
threads and the objects of earlier tests have no effect. A call that only waits counts as quick.
"""

import gc
import time
from collections.abc import Callable
from typing import Any

_ATTEMPTS = 3
# Callers count in units of about 20 ms. The fixed work is a tenth of a unit, or it would take most of the time of many
# tests.
_PARTS_PER_UNIT = 10


def _seconds(call: Callable[[], Any]) -> float:
    started = time.thread_time()
    call()
    return time.thread_time() - started


def _reference() -> None:
    """Run plain Python for about 2 ms on an idle machine."""
    total = 0
    for number in range(400_000 // _PARTS_PER_UNIT):
        total += number


def is_quick(call: Callable[[], Any], *, times: float) -> bool:
    """Whether a call takes at most `times` units, of 20 ms of plain Python each, in at least one of three attempts."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return any(_seconds(call) <= times * _PARTS_PER_UNIT * _seconds(_reference) for _ in range(_ATTEMPTS))
    finally:
        if collects:
            gc.enable()
