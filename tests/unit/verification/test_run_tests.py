"""Tests of `kgsynth.verification.run_tests`, the program that the verifier `code` sends to the sandbox."""

import json
from pathlib import Path
from typing import Any

import pytest

from kgsynth.verification import run_tests
from kgsynth.verifier import Execution
from tests.unit.verification.verification_cases import run_plainly

PROGRAM = Path(run_tests.__file__).read_text(encoding="utf-8")


def execution(solution: str, *tests: str, **order: Any) -> Execution:
    whole = {
        "nonce": "n0",
        "solution": solution,
        "setup": "",
        "name": "f",
        "tests": list(tests),
        "preload": [],
        "test_seconds": 0.1,
        "seconds": 3.0,
        "elapsed_seconds": 6.0,
        "trace": False,
        "first": 0,
        **order,
    }
    return run_plainly(PROGRAM, {"order.json": json.dumps(whole)})


def results(solution: str, *tests: str, **order: Any) -> list[dict[str, Any]]:
    done = execution(solution, *tests, **order)
    assert done.state == "finished", done.stderr
    return [json.loads(line[3:]) for line in done.stdout.splitlines() if line.startswith("n0 ")]


def test_each_test_has_its_own_module_and_its_own_error() -> None:
    solution = "calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls)\n"
    rows = results(solution, "assert f(1) == 1", "assert f(1) == 1", "assert f(1) == 2, 'one call'", "y", setup="y = 1")
    assert [(row["passed"], row["error"]) for row in rows] == [
        (True, ""),
        (True, ""),
        (False, "AssertionError: one call"),
        (True, ""),
    ]


def test_executed_lines_are_reported_once() -> None:
    solution = "def f(x):\n    if x:\n        return 1\n    return 2\n"
    assert [row["lines"] for row in results(solution, "f(1)", "f(1)", "f(0)", trace=True)] == [[2, 3], [], [4]]
    assert [row["lines"] for row in results(solution, "f(1)")] == [[]]


def test_time_is_limited_per_test_and_in_all() -> None:
    rows = results("def f(x):\n    while x:\n        pass\n", *["f(1)"] * 9, "f(0)", seconds=0.15)
    errors = [row["error"] for row in rows]
    # How many tests begin depends on the ticks of the clock.
    assert errors[0] == "took too long"
    assert errors[-1] == "no time was left"
    assert set(errors) == {"took too long", "no time was left"}
    waiting = results(
        "import time\ndef f():\n    time.sleep(60)\n", "f()", "f()", elapsed_seconds=0.2, test_seconds=0.1
    )
    assert [row["error"] for row in waiting] == ["took too long", "no time was left"]


def test_a_solution_that_ends_ends_its_test_only() -> None:
    rows = results("import sys\ndef f(x):\n    sys.exit(x)\n", "f(0)", "f(1)", "raise KeyboardInterrupt", "f")
    assert [row["error"] for row in rows] == ["SystemExit: 0", "SystemExit: 1", "KeyboardInterrupt", ""]


def test_a_solution_that_catches_every_error_is_ended() -> None:
    catches = "def f():\n    try:\n        while True:\n            pass\n    except BaseException:\n        f()\n"
    done = execution(catches, "f", "f()", "f", test_seconds=0.05)
    assert (done.state, done.exit_code) == ("failed", 1)
    assert done.stdout.count("n0 ") == 1


def test_a_run_can_begin_at_a_later_test() -> None:
    assert [row["test"] for row in results("f = 1", "f", "f", "f", first=1)] == [1, 2]


@pytest.mark.parametrize(
    "solution",
    [
        "print('n0 {}')\nf = 1",
        "import sys\nsys.stdout.write('n0 {}')\nsys.__stdout__.write('n0 {}')\nf = 1",
        "import pathlib\nf = 1\nassert not list(pathlib.Path('.').iterdir())",
    ],
)
def test_a_solution_finds_no_tests_and_prints_no_results(solution: str) -> None:
    assert [row["passed"] for row in results(solution, "assert f == 1")] == [True]


@pytest.mark.parametrize(
    ("solution", "passes"),
    [
        ("def f():\n    return [1, {2: (3, 4)}]", True),
        (
            "import collections\nP = collections.namedtuple('P', 'x')\ndef f():\n    return P(1), {}.keys(), (x for x in ())",
            True,
        ),
        ("import decimal, fractions\ndef f():\n    return [decimal.Decimal(1), fractions.Fraction(1), range(3)]", True),
        ("class A:\n    pass\ndef f():\n    return A()", True),
        ("class A:\n    def __eq__(self, other):\n        return True\ndef f():\n    return A()", False),
        ("class A(int):\n    def __eq__(self, other):\n        return True\ndef f():\n    return {1: [A(3)]}", False),
        (
            "class A:\n    __eq__ = bool\n    __module__ = 'builtins'\n    __qualname__ = 'int'\ndef f():\n    return A()",
            False,
        ),
        ("class A:\n    def __sub__(self, other):\n        return 0\ndef f():\n    return A()", False),
    ],
)
def test_a_result_may_not_decide_what_it_is_equal_to(solution: str, passes: bool) -> None:
    (row,) = results(solution, "f()")
    assert row["error"] == ("" if passes else "TypeError: the result defines its own comparison")


def test_an_error_whose_text_cannot_be_made_has_its_name() -> None:
    solution = "class E(Exception):\n    def __str__(self):\n        raise SystemExit\ndef f():\n    raise E\n"
    assert results(solution, "f()")[0]["error"] == "E"
