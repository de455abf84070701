"""Run tests against a solution, inside the sandbox.

This is a program of its own, which the verifier `code` sends to the sandbox as main.py; it imports only the standard
library. It reads `order.json` and prints one line per test: the nonce of the order, then the result as JSON. What a
solution prints is dropped, and it does not learn the nonce, so it cannot print results itself. Each test runs in new
namespaces of a new module, with a limit of time, so that a test or a solution that ends, hangs or changes a variable
does not affect the next test.
"""

import functools
import importlib
import json
import os
import signal
import sys
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

_MAX_ERROR_CHARS = 200
_SOLUTION = "<solution>"
_COMPARISONS = (
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__len__"),
    *("__contains__", "__sub__", "__rsub__", "__abs__", "__getattribute__"),
)
_MAX_DEPTH, _MAX_ITEMS = 3, 1000
# Py_TPFLAGS_HEAPTYPE: types that Python code makes have it, and those built into the interpreter do not.
_HEAP_TYPE = 1 << 9
# The kernel measures a timer in ticks, so it may ring this much early.
_TICK_SECONDS = 0.02


class _TimeoutError(BaseException):
    """A test took too long; not an `Exception`, so that `except Exception` in a solution does not catch it."""


class _Nowhere:
    """Standard output and standard error of solutions and tests: drops everything."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


class _Timer:
    """Raises `_TimeoutError` in the main thread, and ends the program if a solution catches it in a loop.

    Processor time counts, so that verdicts do not depend on what else the machine does. Elapsed time counts only as a
    limit for code that waits.
    """

    _REPEAT_SECONDS, _MAX_RINGS = 0.02, 10

    def __init__(self) -> None:
        self._is_armed, self._rings = False, 0
        signal.signal(signal.SIGPROF, self._ring)
        signal.signal(signal.SIGALRM, self._ring)

    def start(self, seconds: float, elapsed_seconds: float) -> None:
        self._is_armed, self._rings = True, 0
        signal.setitimer(signal.ITIMER_PROF, seconds, self._REPEAT_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, elapsed_seconds, self._REPEAT_SECONDS)

    def stop(self) -> None:
        self._is_armed = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, *_: object) -> None:
        if not self._is_armed:
            return
        self._rings += 1
        if self._rings > self._MAX_RINGS:
            os._exit(1)
        raise _TimeoutError


class _Tracer:
    """Collects the lines of the solution that are executed."""

    def __init__(self) -> None:
        self.lines: set[int] = set()

    def __call__(self, frame: types.FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != _SOLUTION:
            return None
        if event == "line":
            self.lines.add(frame.f_lineno)
        return self


def _loaded(order: dict[str, Any]) -> dict[str, Any]:
    """Return the namespace of a test: the asked function of a newly loaded solution, and the imports of the question.

    Raises:
        LookupError: the solution does not define the function.
    """
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    exec(compile(order["solution"], _SOLUTION, "exec"), module.__dict__)
    if order["name"] not in module.__dict__:
        raise LookupError(f"{order['name']} is not defined")
    names = {"__name__": "tests", order["name"]: _guarded(module.__dict__[order["name"]])}
    exec(compile(order["setup"], "<question>", "exec"), names)
    return names


def _guarded(function: Any) -> Any:
    """Return a function that raises an error if a result of the asked function decides what it is equal to.

    Without this, a result could be equal to everything. A class that was asked for is returned as it is.
    """
    if isinstance(function, type) or not callable(function):
        return function

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if _decides(result, _MAX_DEPTH):
            raise TypeError("the result defines its own comparison")
        return result

    return guarded


def _decides(value: Any, depth: int) -> bool:
    """Return whether a value, or one in it, has a comparison that the solution defines."""
    for name in _COMPARISONS:
        owner = next((base for base in type(value).__mro__ if name in base.__dict__), object)
        if not _is_installed(owner):
            return True
    if not depth or not isinstance(value, (list, tuple, set, frozenset, dict)):
        return False
    values = [*value, *value.values()] if isinstance(value, dict) else list(value)
    return any(_decides(inner, depth - 1) for inner in values[:_MAX_ITEMS])


def _is_installed(kind: type) -> bool:
    """Return whether a type is one of Python or of an installed module, and not made by the solution."""
    if not kind.__flags__ & _HEAP_TYPE:
        return True
    found: Any = sys.modules.get(kind.__module__) if kind.__module__ != "solution" else None
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind


def _result(
    order: dict[str, Any], test: str, timer: _Timer, *, seconds: float, elapsed_seconds: float
) -> dict[str, Any]:
    """Return whether a test passed, the error if not, and the executed lines of the solution."""
    tracer = _Tracer()
    error = ""
    try:
        try:
            timer.start(seconds, elapsed_seconds)
            names = _loaded(order)
            program = compile(test, "<test>", "exec")
            if order["trace"]:
                sys.settrace(tracer)
            exec(program, names)
        finally:
            # The first statement of `stop` is what keeps an alarm from arriving here.
            timer.stop()
            sys.settrace(None)
    except _TimeoutError:
        timer.stop()
        error = "took too long"
    except BaseException as raised:  # noqa: BLE001 - a solution may raise SystemExit or worse
        error = _text_of(raised)
    return {"passed": not error, "error": error, "lines": sorted(tracer.lines)}


def _text_of(error: BaseException) -> str:
    """Return the kind and the message of an error; the message only if it can be written."""
    message = ""
    with suppress(BaseException):
        message = str(error)
    return f"{type(error).__name__}: {message}"[:_MAX_ERROR_CHARS].rstrip(": ")


def _main() -> None:
    order = json.loads(Path("order.json").read_text(encoding="utf-8"))
    # A solution should not find the tests.
    for name in ("order.json", "main.py"):
        with suppress(OSError):
            os.unlink(name)
    output = sys.stdout
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = _Nowhere()  # type: ignore[assignment,misc]
    for name in order["preload"]:
        # The time of an import does not count for the first test. An error comes again, in the solution.
        with suppress(Exception):
            importlib.import_module(name)
    timer = _Timer()
    processor_start, start = time.process_time(), time.monotonic()
    seen: set[int] = set()
    for number in range(order["first"], len(order["tests"])):
        left = order["seconds"] - (time.process_time() - processor_start)
        elapsed_left = order["elapsed_seconds"] - (time.monotonic() - start)
        if left <= _TICK_SECONDS or elapsed_left <= 0:
            result: dict[str, Any] = {"passed": False, "error": "no time was left", "lines": []}
        else:
            result = _result(
                order,
                order["tests"][number],
                timer,
                seconds=min(order["test_seconds"], left),
                elapsed_seconds=elapsed_left,
            )
        result["lines"] = sorted(set(result["lines"]) - seen)
        seen.update(result["lines"])
        print(f"\n{order['nonce']} {json.dumps({'test': number, **result})}", file=output, flush=True)
    # Without `os._exit`, a thread or a handler that a solution left behind could still run.
    os._exit(0)


if __name__ == "__main__":
    _main()
