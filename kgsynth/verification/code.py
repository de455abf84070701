"""The verifier `code`: run every solution against every test, and keep the solution on which solutions and tests agree.

Question, solutions and tests are all written by a model, so none of them is trusted. As in CodeT (Chen et al. 2022,
arXiv 2207.10397), solutions that pass the same tests form a group, its score is its size times the number of tests that
it passes, and the first solution of the best group is kept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, ClassVar

from kgsynth.records import AnsweredQuestion, content_hash
from kgsynth.verification import python_code
from kgsynth.verification.python_code import Asked, Solution
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind, Need, RunProgram, Verdict

_RUNNER = (resources.files("kgsynth") / "verification" / "run_tests.py").read_text(encoding="utf-8")
_MAX_TESTS_PER_TEXT = 10
# Processor time per test and for all tests of a program, then elapsed time for all. With the imports of packages, this
# is within the sandbox's default limits of 5 and 10 seconds.
_TEST_SECONDS, _ALL_SECONDS, _ELAPSED_SECONDS = 1.0, 3.0, 6.0
# A test that ends the program hides those after it, which are run again without it.
_MAX_RESTARTS = 3
_MIN_TESTS, _MIN_TEXTS = 2, 2
# The share of the lines of the kept solution that its tests execute. Below it, they say too little.
_MIN_COVERAGE = 0.8
# Without it, a single wrong solution would pass, because only the tests that it passes would count.
_MIN_COUNTED_SHARE = 0.8
_EMPTY_FUNCTION = "def {name}(*args, **kwargs):\n    return None\n"
_EMPTY_CLASS = (
    "class {name}:\n    def __init__(self, *args, **kwargs):\n        pass\n\n"
    "    def __getattr__(self, name):\n        return lambda *args, **kwargs: None\n"
)

NO_SANDBOX, NO_COUNTED = "no sandbox", "no test counts"
NOT_LOADED, STOPPED = "the solution cannot be loaded", "the sandbox stops the solution while it is loaded"
_ENDED = "the program ended: "
STUB_PASSES, NONE_PASSES = "an empty function passes it", "no solution passes it"
NO_SOLUTION = "there is no usable solution"


@dataclass(slots=True)
class _Test:
    """A test: its program, the indexes of the texts that hold it, and why it does not count (empty if it does)."""

    program: str
    texts: set[int]
    problem: str = ""


@dataclass(slots=True)
class _Run:
    """Results of a solution by test: whether it passed and the error, with the executed lines of the solution."""

    passed: list[bool]
    errors: list[str]
    lines: set[int] = field(default_factory=set)
    states: list[str] = field(default_factory=list)
    seconds: float = 0.0
    not_run: str = ""


class SolutionsAndTests(BaseVerifier):
    """Runs solutions against tests in the sandbox, and keeps a solution of the group with the best agreement.

    A test counts if a solution passes it, and an empty function does not. The kept solution passes if it passes all
    tests that count, these are at least two from different texts and execute most of its lines, and few other tests
    fail on every solution. It fails if it cannot be run, or if other solutions pass tests that it does not pass, and
    these are of two texts or the others are not fewer than the solutions that agree with it. A single wrong test can be
    passed by a single wrong solution, so less than that leaves the answer undecided.
    """

    name: ClassVar[str] = "code"
    kind: ClassVar[Kind] = "execution"
    needs: ClassVar[frozenset[Need]] = frozenset({"sandbox"})
    texts: ClassVar[int] = 3
    chooses: ClassVar[bool] = True

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question states a function or a class, and has no options."""
        return not question.options and python_code.asked_of(question.text, ()) is not None

    def check(self, case: Case) -> Finding:
        """Choose a vote, and return the verdict about it with all programs, tests and results as evidence."""
        asked = python_code.asked_of(case.question.text, case.imports)
        if asked is None:
            return Finding(verdict="undecided", score=0.0, reason="the question states no function")
        solutions = [python_code.solution_in(vote, asked) for vote in case.votes]
        tests, broken = _tests(case.texts, asked)
        return _Comparison(case, asked, solutions, tests, broken).finding()


def _tests(texts: Sequence[str], asked: Asked) -> tuple[list[_Test], list[dict[str, Any]]]:
    """Return the tests of all texts, equal ones once, and what was not usable."""
    tests: dict[str, _Test] = {}
    broken: list[dict[str, Any]] = []
    for index, text in enumerate(texts):
        if not text:
            broken.append({"text": index, "reason": "no text", "program": ""})
            continue
        found = python_code.assertions_in(text, asked, _MAX_TESTS_PER_TEXT)
        for program in found.programs:
            tests.setdefault(program, _Test(program, set())).texts.add(index)
        broken += [{"text": index, "reason": reason, "program": program} for reason, program in found.broken]
    return list(tests.values()), broken


class _Comparison:
    """The solutions and tests of a question, with their results."""

    def __init__(
        self,
        case: Case,
        asked: Asked,
        solutions: Sequence[Solution],
        tests: Sequence[_Test],
        broken: Sequence[Mapping[str, Any]],
    ) -> None:
        self._case, self._asked = case, asked
        self._solutions, self._tests, self._broken = solutions, tests, broken
        self._runs: dict[str, _Run] = {}
        self._problems = [solution.problem for solution in solutions]

    def finding(self) -> Finding:
        """Run everything, choose a vote, and return the verdict."""
        for index, solution in enumerate(self._solutions):
            if not solution.problem:
                run = self._run(solution.program)
                self._problems[index] = "" if run.not_run else _load_problem(run)
        usable = [index for index, problem in enumerate(self._problems) if not problem]
        if not usable:
            return self._unusable()
        missing = next((run.not_run for run in self._runs.values() if run.not_run), "")
        if missing:
            return Finding(
                verdict="undecided",
                score=0.0,
                reason=NO_SANDBOX,
                best_vote=usable[0],
                routes=len(usable),
                evidence={"sandbox": missing},
            )
        counted = self._counted(usable)
        groups = self._groups(usable, counted)
        # Of equally good groups, that with more tests is kept, then that of the earliest vote.
        best = max(groups, key=lambda passed: (len(groups[passed]) * len(passed), len(passed)))
        kept = groups[best][0]
        verdict, reason, evidence = self._verdict(kept, best, counted, len(groups[best]))
        losing = [
            index
            for index in range(len(self._solutions))
            if self._problems[index] or (index in usable and len(self._passed(index, counted)) < len(best))
        ]
        return Finding(
            verdict=verdict,
            score=len(best) / len(counted) if counted else 0.0,
            reason=reason,
            agreeing=len(groups[best]),
            routes=len(usable),
            best_vote=kept,
            losing_votes=tuple(losing),
            evidence={**self._evidence(), **evidence},
        )

    def _unusable(self) -> Finding:
        for test in self._tests:
            test.problem = NO_SOLUTION
        reason = self._problems[0] if self._problems else python_code.NO_CODE
        # Loading has its own limit of time, so the sandbox stops a program there only if the machine is too busy.
        verdict: Verdict = "undecided" if reason in (STOPPED, python_code.IMPORT_NOT_OFFERED) else "failed"
        return Finding(verdict=verdict, score=0.0, reason=reason, best_vote=0, evidence=self._evidence())

    def _counted(self, usable: Sequence[int]) -> list[int]:
        """Return the indexes of the tests that count; the others get their reason."""
        empty = _EMPTY_CLASS if self._asked.is_class else _EMPTY_FUNCTION
        stub = self._run(empty.format(name=self._asked.name))
        for number, test in enumerate(self._tests):
            if stub.passed[number + 1]:
                test.problem = STUB_PASSES
            elif not any(self._result(index).passed[number + 1] for index in usable):
                test.problem = NONE_PASSES
        return [number for number, test in enumerate(self._tests) if not test.problem]

    def _groups(self, usable: Sequence[int], counted: Sequence[int]) -> dict[frozenset[int], list[int]]:
        """Return the solutions by the set of counted tests that they pass."""
        groups: dict[frozenset[int], list[int]] = {}
        for index in usable:
            groups.setdefault(self._passed(index, counted), []).append(index)
        return groups

    def _verdict(
        self, kept: int, passed: frozenset[int], counted: Sequence[int], agreeing: int
    ) -> tuple[Verdict, str, dict[str, Any]]:
        """Return verdict, reason and further evidence about the kept solution."""
        failing = [number for number in counted if number not in passed]
        if failing:
            return (*self._disagreement(failing, agreeing), {})
        if not counted:
            return "undecided", NO_COUNTED, {}
        program = self._solutions[kept].program
        # A test that an empty function passes may still be the only one of a branch that returns None.
        executing = [
            test.program
            for number, test in enumerate(self._tests)
            if self._result(kept).passed[number + 1] and test.problem in ("", STUB_PASSES)
        ]
        again = self._execute(program, executing, trace=True)
        lines = python_code.executable_lines(program)
        coverage = len(again.lines & lines) / len(lines) if lines else 0.0
        evidence = {"coverage": round(coverage, 4), "lines_not_run": sorted(lines - again.lines)}
        if not all(again.passed):
            return "undecided", "a second run has another result", evidence
        failing_everywhere = [test for test in self._tests if test.problem == NONE_PASSES]
        if len(counted) < _MIN_TESTS:
            return "undecided", "too few tests count", evidence
        if any(len(test.texts) > 1 for test in failing_everywhere):
            return "undecided", "no solution passes a test of several texts", evidence
        if len(counted) < _MIN_COUNTED_SHARE * (len(counted) + len(failing_everywhere)):
            return "undecided", "no solution passes many of the tests", evidence
        if self._texts_of(counted) < _MIN_TEXTS:
            return "undecided", "all tests are of one text", evidence
        if coverage < _MIN_COVERAGE:
            return "undecided", "the tests execute too few lines", evidence
        return "passed", "", evidence

    def _disagreement(self, failing: Sequence[int], agreeing: int) -> tuple[Verdict, str]:
        """Return verdict and reason if the kept solution fails tests that other solutions pass."""
        usable = [index for index, problem in enumerate(self._problems) if not problem]
        passing = max(sum(self._result(index).passed[number + 1] for index in usable) for number in failing)
        if passing >= agreeing or self._texts_of(failing) >= _MIN_TEXTS:
            return "failed", "fails a test that another solution passes"
        return "undecided", "solutions and tests disagree"

    def _texts_of(self, tests: Sequence[int]) -> int:
        """Return the number of texts that hold some of the tests."""
        return len(set[int]().union(*(self._tests[number].texts for number in tests)))

    def _result(self, index: int) -> _Run:
        return self._runs[self._solutions[index].program]

    def _passed(self, index: int, counted: Sequence[int]) -> frozenset[int]:
        return frozenset(number for number in counted if self._result(index).passed[number + 1])

    def _run(self, program: str) -> _Run:
        """Return the results of a program; the first test is empty and shows whether the program can be loaded."""
        if program not in self._runs:
            self._runs[program] = self._execute(program, ["", *(test.program for test in self._tests)])
        return self._runs[program]

    def _execute(self, program: str, tests: Sequence[str], *, trace: bool = False) -> _Run:
        """Run tests against a program; a test that ended the whole program failed, and those after it are run again."""
        nonce = content_hash([self._case.question.id, program, "code"])
        run = _Run(passed=[False] * len(tests), errors=["not run"] * len(tests))
        order = {
            "nonce": nonce,
            "solution": program,
            "setup": self._asked.setup,
            "name": self._asked.name,
            "tests": list(tests),
            "preload": sorted(_preloaded([program, self._asked.setup, *tests], self._case.imports)),
            "test_seconds": _TEST_SECONDS,
            "seconds": _ALL_SECONDS,
            "elapsed_seconds": _ELAPSED_SECONDS,
            "trace": trace,
        }
        first = 0
        for _ in range(1 + _MAX_RESTARTS):
            first = _read(self._case.run, {**order, "first": first}, run)
            if first >= len(tests) or run.not_run:
                break
        return run

    def _evidence(self) -> dict[str, Any]:
        """Return programs, tests and results; a row of the matrix has a 1 for each passed test of a solution."""
        rows = [self._runs.get(solution.program) for solution in self._solutions]
        return {
            "function": self._asked.name,
            "solutions": [
                {
                    "program": solution.program,
                    "problem": problem,
                    "matrix": "".join("01"[passed] for passed in run.passed[1:]) if run else "",
                    "errors": [error for error in run.errors[1:]] if run else [],
                    "load_error": run.errors[0] if run else "",
                    "states": run.states if run else [],
                    "seconds": round(run.seconds, 3) if run else 0.0,
                }
                for solution, problem, run in zip(self._solutions, self._problems, rows, strict=True)
            ],
            "tests": [
                {"program": test.program, "texts": sorted(test.texts), "problem": test.problem} for test in self._tests
            ],
            "not_tests": [dict(one) for one in self._broken],
        }


def _load_problem(run: _Run) -> str:
    """Return why a program cannot be loaded; empty if it can."""
    if run.passed[0]:
        return ""
    if run.errors[0].startswith(_ENDED):
        return STOPPED
    return python_code.NO_FUNCTION if run.errors[0].startswith("LookupError") else NOT_LOADED


def _preloaded(programs: Sequence[str], packages: Sequence[str]) -> set[str]:
    """Return the modules of packages that programs import."""
    modules = set[str]().union(*(python_code.modules_of(package) for package in packages))
    return {module for module in modules if any(module in program for program in programs)}


def _read(run_program: RunProgram, order: Mapping[str, Any], run: _Run) -> int:
    """Run an order, add its results to `run`, and return the index of the first test that has not been run."""
    execution = run_program(_RUNNER, {"order.json": json.dumps(order)})
    if execution.state == "not run":
        run.not_run = execution.stderr or NO_SANDBOX
        return int(order["first"])
    run.states.append(execution.state)
    run.seconds += execution.seconds
    following = int(order["first"])
    for line in execution.stdout.splitlines():
        if line.startswith(order["nonce"]):
            result = json.loads(line.removeprefix(order["nonce"]))
            number = result["test"]
            run.passed[number], run.errors[number] = result["passed"], result["error"]
            run.lines.update(result["lines"])
            following = number + 1
    if following < len(run.passed):
        run.errors[following] = f"{_ENDED}{execution.state}"
        return following + 1
    return following
