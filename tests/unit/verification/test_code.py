"""Tests of `kgsynth.verification.code`: solutions and tests of this file are run in a plain process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from kgsynth.errors import SandboxError
from kgsynth.records import AnsweredQuestion
from kgsynth.verification import code, python_code, sandbox
from kgsynth.verification.code import NONE_PASSES, STUB_PASSES, SolutionsAndTests
from kgsynth.verifier import Case, Execution, Finding, RunProgram, not_run
from tests.unit.verification.verification_cases import run_plainly

QUESTION = AnsweredQuestion(
    id="q1",
    text="Write a function that returns the sum of the even numbers of a list.\n\n"
    "```python\ndef even_sum(numbers: list[int]) -> int:\n```\n\nAllowed imports: math",
)
RIGHT = "def even_sum(numbers):\n    return sum(n for n in numbers if n % 2 == 0)\n"
ALSO_RIGHT = "def even_sum(numbers):\n    total = 0\n    for n in numbers:\n        if n % 2 == 0:\n            total += n\n    return total\n"
WRONG = "def even_sum(numbers):\n    return sum(n for n in numbers if n > 0 and n % 2 == 0)\n"
FIRST_TESTS = "assert even_sum([1, 2, 4]) == 6\nassert even_sum([]) == 0"
SECOND_TESTS = (
    "def test_negative():\n    assert even_sum([-2, 3]) == -2\n\ndef test_odd():\n    assert even_sum([1]) == 0"
)
WRONG_TEST = "assert even_sum([1, 2, 3]) == 6"


def vote(program: str) -> str:
    return f"The list is read once.\n\n```python\n{program}```\n"


@dataclass
class ScriptedRun:
    """A sandbox that runs nothing: which solution passes which test is given."""

    passing: Mapping[str, set[str]]
    lines: set[int] = field(default_factory=lambda: set(range(1, 20)))
    orders: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, program: str, files: Mapping[str, str]) -> Execution:
        order = json.loads(files["order.json"])
        self.orders.append(order)
        good = self.passing.get(order["solution"], set())
        rows = [
            {"test": number, "passed": test in good or not test, "error": "", "lines": sorted(self.lines)}
            for number, test in enumerate(order["tests"])
        ]
        text = "".join(f"{order['nonce']} {json.dumps(row)}\n" for row in rows)
        return Execution(state="finished", stdout=f"noise\n{text}")


def check(
    *solutions: str, texts: tuple[str, ...] = (FIRST_TESTS, SECOND_TESTS), run: RunProgram = run_plainly
) -> Finding:
    votes = tuple(map(vote, solutions))
    return SolutionsAndTests().check(Case(question=QUESTION, votes=votes, texts=texts, run=run))


def programs_of(*texts: str) -> list[str]:
    asked = python_code.asked_of(QUESTION.text, ())
    assert asked is not None
    return [program for text in texts for program in python_code.assertions_in(text, asked, 10).programs]


def test_it_applies_to_questions_that_state_a_function() -> None:
    assert SolutionsAndTests().applies(QUESTION)
    assert not SolutionsAndTests().applies(AnsweredQuestion(id="q", text="What is a graph?"))
    assert SolutionsAndTests().check(Case(question=AnsweredQuestion(id="q", text="A graph?"))).verdict == "undecided"


def test_the_vote_is_kept_on_which_solutions_and_tests_agree() -> None:
    found = check(WRONG, RIGHT, ALSO_RIGHT)
    assert (found.verdict, found.score, found.best_vote) == ("passed", 1.0, 1)
    assert (found.agreeing, found.routes, found.losing_votes) == (2, 3, (0,))
    assert [solution["matrix"] for solution in found.evidence["solutions"]] == ["1101", "1111", "1111"]
    assert found.evidence["coverage"] == 1.0


def test_a_group_counts_by_its_size_times_its_tests() -> None:
    tests = programs_of(FIRST_TESTS, SECOND_TESTS)
    run = ScriptedRun({RIGHT: set(tests), ALSO_RIGHT: set(tests[:3]), WRONG: set(tests[:3])})
    found = check(RIGHT, ALSO_RIGHT, WRONG, run=run)
    assert (found.best_vote, found.agreeing, found.score) == (1, 2, 0.75)
    # Without the third solution, the scores are 4 and 3.
    assert check(ALSO_RIGHT, RIGHT, run=run).best_vote == 1
    # Of equal scores, the one with more tests is better.
    run = ScriptedRun({RIGHT: set(tests), WRONG: set(tests[:2])})
    assert check(WRONG, WRONG, RIGHT, run=run).best_vote == 2


@pytest.mark.parametrize(
    ("missed", "others", "verdict"),
    [
        # Of four tests, the first two are of one text and the last two of another. Two solutions agree.
        ([3], 1, "undecided"),
        ([1, 2], 1, "failed"),
        ([3], 2, "failed"),
    ],
)
def test_a_solution_fails_by_tests_of_two_texts_or_by_as_many_solutions(
    missed: list[int], others: int, verdict: str
) -> None:
    tests = programs_of(FIRST_TESTS, SECOND_TESTS)
    others_pass = {tests[number] for number in missed}
    programs = [f"{WRONG}# {number}\n" for number in range(others)]
    passing = {RIGHT: set(tests) - others_pass, **dict.fromkeys(programs, others_pass)}
    found = check(RIGHT, RIGHT, *programs, run=ScriptedRun(passing))
    assert (found.best_vote, found.agreeing) == (0, 2)
    assert found.verdict == verdict
    assert found.reason in ("solutions and tests disagree", "fails a test that another solution passes")


def test_tests_that_say_nothing_do_not_count() -> None:
    found = check(RIGHT, texts=(f"{FIRST_TESTS}\nassert True\n{WRONG_TEST}", SECOND_TESTS + "\nassert even_sum("))
    problems = {test["program"]: test["problem"] for test in found.evidence["tests"]}
    assert problems["assert True"] == STUB_PASSES
    assert problems[WRONG_TEST] == NONE_PASSES
    # Single assert statements of a text that is not Python count nevertheless.
    assert list(problems.values()).count("") == 4
    assert found.verdict == "passed"
    assert [one["reason"] for one in found.evidence["not_tests"]] == [python_code.TEST_NOT_PYTHON]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("", "assert True"), code.NO_COUNTED),
        (("assert even_sum([2]) == 2", ""), "too few tests count"),
        ((FIRST_TESTS, ""), "all tests are of one text"),
        ((FIRST_TESTS + "\nassert even_sum([1]) == 1", SECOND_TESTS + "\nassert even_sum([1]) == 1"),
         "no solution passes a test of several texts"),
        ((FIRST_TESTS + "\nassert even_sum([1]) == 1", SECOND_TESTS + "\n" + WRONG_TEST),
         "no solution passes many of the tests"),
    ],
)  # fmt: skip
def test_too_little_evidence_leaves_the_answer_undecided(texts: tuple[str, ...], reason: str) -> None:
    everything = programs_of(FIRST_TESTS, SECOND_TESTS, "assert even_sum([2]) == 2")
    found = check(RIGHT, texts=texts, run=ScriptedRun({RIGHT: set(everything)}))
    assert (found.verdict, found.reason) == ("undecided", reason)


def test_tests_must_execute_most_lines_of_the_kept_solution() -> None:
    everything = set(programs_of(FIRST_TESTS, SECOND_TESTS))
    found = check(ALSO_RIGHT, run=ScriptedRun({ALSO_RIGHT: everything}, lines={2, 3, 6}))
    assert (found.verdict, found.reason) == ("undecided", "the tests execute too few lines")
    assert (found.evidence["coverage"], found.evidence["lines_not_run"]) == (0.6, [4, 5])


def test_a_test_of_a_branch_that_returns_nothing_executes_it() -> None:
    program = "def even_sum(numbers):\n    if not numbers:\n        return None\n    return sum(numbers)\n"
    texts = ("assert even_sum([2]) == 2\nassert even_sum([]) is None", "assert even_sum([4]) == 4")
    found = check(program, texts=texts)
    assert [test["problem"] for test in found.evidence["tests"]] == ["", STUB_PASSES, ""]
    assert (found.verdict, found.evidence["coverage"]) == ("passed", 1.0)


def test_without_a_sandbox_nothing_is_decided() -> None:
    found = check(RIGHT, run=not_run)
    assert (found.verdict, found.reason, found.best_vote) == ("undecided", code.NO_SANDBOX, 0)
    assert found.evidence == {"sandbox": "there is no sandbox"}


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os\n" + RIGHT, python_code.IMPORT_REFUSED),
        (RIGHT.replace("even_sum", "sum_even"), python_code.NO_FUNCTION),
        ("raise ValueError\n" + RIGHT, code.NOT_LOADED),
        (RIGHT + "\ndel even_sum\n", python_code.NO_FUNCTION),
    ],
)
def test_a_solution_that_cannot_be_used_fails_and_loses(program: str, reason: str) -> None:
    alone = check(program)
    assert (alone.verdict, alone.reason, alone.best_vote) == ("failed", reason, 0)
    assert {test["problem"] for test in alone.evidence["tests"]} == {code.NO_SOLUTION}
    beside = check(program, RIGHT)
    assert (beside.verdict, beside.best_vote, beside.losing_votes, beside.routes) == ("passed", 1, (0,), 1)


def test_an_import_that_only_the_question_allows_decides_nothing() -> None:
    question = replace(QUESTION, text=QUESTION.text + ", numpy")
    found = SolutionsAndTests().check(Case(question=question, votes=(vote("import numpy\n" + RIGHT),), run=run_plainly))
    assert (found.verdict, found.reason) == ("undecided", python_code.IMPORT_NOT_OFFERED)


@pytest.mark.parametrize(
    "program",
    [
        "def even_sum(numbers):\n    raise SystemExit(0)\n",
        "def even_sum(numbers):\n    while True:\n        pass\n",
        "def even_sum(numbers):\n    while True:\n        try:\n            while True:\n                pass\n"
        "        except BaseException:\n            pass\n",
        'def even_sum(numbers):\n    print(\'{"test": 1, "passed": true, "error": "", "lines": []}\')\n',
        "def even_sum(numbers):\n    return even_sum(numbers)\n",
        "def even_sum(numbers):\n    name = '__e' + 'q__'\n    meta = type\n"
        "    return [meta('A', (), {name: lambda self, other: True})()]\n",
        "sum = max = len = None\n\n\ndef even_sum(numbers):\n    return None\n",
    ],
)
def test_cheating_and_careless_solutions_lose(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "_TEST_SECONDS", 0.05)
    monkeypatch.setattr(code, "_MAX_RESTARTS", 0)
    found = check(program, RIGHT)
    assert (found.verdict, found.best_vote, found.losing_votes) == ("passed", 1, (0,))
    assert found.evidence["solutions"][0]["matrix"] == "0000"


def test_a_test_that_ends_the_program_hides_no_other() -> None:
    ends = "import os\ndef test_end():\n    os._exit(3)\n    assert even_sum([2]) == 2"
    found = check(RIGHT, texts=(ends + "\n" + FIRST_TESTS, SECOND_TESTS))
    solution = found.evidence["solutions"][0]
    assert solution["matrix"] == "01111"
    assert solution["errors"][0] == "the program ended: failed"
    assert solution["states"] == ["failed", "finished"]
    assert found.verdict == "passed"


def test_a_changing_result_is_not_passed() -> None:
    everything = set(programs_of(FIRST_TESTS, SECOND_TESTS))
    passing = ScriptedRun({RIGHT: everything})

    def run(program: str, files: Mapping[str, str]) -> Execution:
        is_second = json.loads(files["order.json"])["trace"]
        return ScriptedRun({})(program, files) if is_second else passing(program, files)

    found = check(RIGHT, run=run)
    assert (found.verdict, found.reason) == ("undecided", "a second run has another result")


def test_a_machine_that_is_too_busy_to_load_a_solution_decides_nothing() -> None:
    found = check(RIGHT, run=lambda _program, _files: Execution(state="timed out"))
    assert (found.verdict, found.reason) == ("undecided", code.STOPPED)


def test_equal_solutions_are_run_once() -> None:
    run = ScriptedRun({RIGHT: set(programs_of(FIRST_TESTS, SECOND_TESTS))})
    assert check(RIGHT, RIGHT, RIGHT, run=run).agreeing == 3
    assert [order["solution"] == RIGHT for order in run.orders] == [True, False, True]


def test_classes_are_tested_too() -> None:
    question = AnsweredQuestion(id="q", text="```python\nclass Stack:\n```")
    program = (
        "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n"
        "        self.items.append(item)\n\n    def pop(self):\n        return self.items.pop() if self.items else None\n"
    )
    texts = (
        "s = Stack()\ns.push(1)\nassert s.pop() == 1\nassert s.pop() is None",
        "s = Stack()\ns.push(2)\ns.push(3)\nassert s.pop() == 3",
    )
    found = SolutionsAndTests().check(Case(question=question, votes=(vote(program),), texts=texts, run=run_plainly))
    problems = [test["problem"] for test in found.evidence["tests"]]
    # An empty class also returns None.
    assert problems == ["", STUB_PASSES, ""]
    assert found.verdict == "passed"


@pytest.mark.slow
def test_the_real_sandbox_gives_the_same_verdicts() -> None:
    try:
        chosen = sandbox.choose()
    except SandboxError as error:
        pytest.skip(str(error))

    def run(program: str, files: Mapping[str, str]) -> Execution:
        done = chosen.run(program, files=files)
        return Execution(state=done.state, stdout=done.stdout, stderr=done.stderr, exit_code=done.exit_code)

    found = check("def even_sum(numbers):\n    while True:\n        pass\n", RIGHT, WRONG, run=run)
    assert (found.verdict, found.best_vote, found.losing_votes) == ("passed", 1, (0, 2))
    assert [solution["matrix"] for solution in found.evidence["solutions"]] == ["0000", "1111", "1101"]
