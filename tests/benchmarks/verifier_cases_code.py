"""Cases for the verifier `code`: small tasks, each with a right solution, one with a planted mistake, and tests.

`python tests/benchmarks/verifier_cases_code.py` runs them in the sandbox and prints a table.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from kgsynth.pipeline.verifying import run_in_sandbox
from kgsynth.records import AnsweredQuestion
from kgsynth.verification.code import SolutionsAndTests
from kgsynth.verifier import Case, Finding, RunProgram

IMPORTS = ("networkx", "sympy")


class Task(NamedTuple):
    """A task: its signature, the body of a right and of a wrong solution, and the arguments with the right results."""

    signature: str
    right: str
    wrong: str
    tests: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.signature.partition("(")[0]


# The mistakes: a bound off by one, a wrong sign, a missing case, a wrong comparison, a wrong initial value, an order.
TASKS = (
    Task("largest(numbers)", "return max(numbers, default=None)", "best = 0\nfor n in numbers:\n    best = max(best, n)\nreturn best if numbers else None",
         (("[3, 7, 5]", "7"), ("[-4, -2]", "-2"), ("[]", "None"), ("[1]", "1"))),
    Task("triangle_number(n)", "return n * (n + 1) // 2", "return sum(range(n))", (("1", "1"), ("4", "10"), ("0", "0"), ("10", "55"))),
    Task("is_prime(n)", "return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))", "return n > 1 and all(n % d for d in range(2, int(n**0.5)))",
         (("2", "True"), ("9", "False"), ("1", "False"), ("25", "False"))),
    Task("count_vowels(text)", "return sum(c in 'aeiou' for c in text.lower())", "return sum(c in 'aeiou' for c in text)", (("'banana'", "3"), ("'APE'", "2"), ("''", "0"), ("'Io'", "2"))),
    Task("is_palindrome(text)", "letters = [c.lower() for c in text if c.isalnum()]\nreturn letters == letters[::-1]", "return text == text[::-1]",
         (("'level'", "True"), ("'Anna'", "True"), ("'ab'", "False"), ("'a b, a'", "True"))),
    Task("rotate(items, k)", "if not items:\n    return []\nk %= len(items)\nreturn items[-k:] + items[:-k] if k else list(items)", "return items[k:] + items[:k]",
         (("[1, 2, 3], 1", "[3, 1, 2]"), ("[], 3", "[]"), ("[1, 2], 2", "[1, 2]"), ("[1, 2, 3], 4", "[3, 1, 2]"))),
    Task("median(numbers)", "s = sorted(numbers)\nm = len(s) // 2\nreturn s[m] if len(s) % 2 else (s[m - 1] + s[m]) / 2", "s = sorted(numbers)\nreturn s[len(s) // 2]",
         (("[3, 1, 2]", "2"), ("[1, 2, 3, 4]", "2.5"), ("[5]", "5"), ("[4, 1]", "2.5"))),
    Task("flatten(lists)", "return [x for part in lists for x in part]", "return sorted(x for part in lists for x in part)", (("[[2], [1]]", "[2, 1]"), ("[]", "[]"), ("[[1, 2], [3]]", "[1, 2, 3]"), ("[[3], [], [1]]", "[3, 1]"))),
    Task("gcd(a, b)", "while b:\n    a, b = b, a % b\nreturn abs(a)", "while b:\n    a, b = b, a % b\nreturn a", (("12, 18", "6"), ("-4, 0", "4"), ("7, 5", "1"), ("0, -3", "3"))),
    Task("digits(n)", "return [int(c) for c in str(abs(n))]", "return [int(c) for c in str(abs(n))][::-1]", (("123", "[1, 2, 3]"), ("-40", "[4, 0]"), ("0", "[0]"), ("77", "[7, 7]"))),
    Task("second_largest(numbers)", "s = sorted(set(numbers))\nreturn s[-2] if len(s) > 1 else None", "s = sorted(numbers)\nreturn s[-2] if len(s) > 1 else None",
         (("[1, 3, 2]", "2"), ("[5, 5, 4]", "4"), ("[1]", "None"), ("[2, 2]", "None"))),
    Task("common(a, b)", "return sorted(set(a) & set(b))", "return sorted(set(a) | set(b))", (("[1, 2], [2, 3]", "[2]"), ("[], [1]", "[]"), ("[1], [1]", "[1]"), ("[1, 2, 3], [3, 1]", "[1, 3]"))),
    Task("to_binary(n)", "return bin(n)[2:]", "return bin(n)", (("5", "'101'"), ("0", "'0'"), ("8", "'1000'"), ("1", "'1'"))),
    Task("running_sum(numbers)", "out, total = [], 0\nfor n in numbers:\n    total += n\n    out.append(total)\nreturn out", "out, total = [], 0\nfor n in numbers:\n    out.append(total)\n    total += n\nreturn out",
         (("[1, 2, 3]", "[1, 3, 6]"), ("[]", "[]"), ("[-1, 1]", "[-1, 0]"), ("[5]", "[5]"))),
    Task("fibonacci(n)", "a, b = 0, 1\nfor _ in range(n):\n    a, b = b, a + b\nreturn a", "a, b = 1, 1\nfor _ in range(n):\n    a, b = b, a + b\nreturn a", (("0", "0"), ("1", "1"), ("7", "13"), ("10", "55"))),
    Task("power_set_size(items)", "return 2 ** len(set(items))", "return 2 ** len(items)", (("[1, 2]", "4"), ("[1, 1]", "2"), ("[]", "1"), ("[3, 3, 4]", "4"))),
    Task("anagrams(a, b)", "return sorted(a) == sorted(b)", "return set(a) == set(b)", (("'abc', 'bca'", "True"), ("'aab', 'abb'", "False"), ("'', ''", "True"), ("'aa', 'a'", "False"))),
    Task("clamp(x, low, high)", "return max(low, min(x, high))", "return max(low, x)", (("5, 0, 3", "3"), ("-1, 0, 3", "0"), ("2, 0, 3", "2"), ("9, 1, 4", "4"))),
    Task("longest_word(text)", "words = text.split()\nreturn max(words, key=len) if words else ''", "words = text.split()\nreturn max(words) if words else ''", (("'a bbb cc'", "'bbb'"), ("''", "''"), ("'zz aaaa'", "'aaaa'"), ("'x'", "'x'"))),
    Task("leap_year(y)", "return y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)", "return y % 4 == 0", (("2024", "True"), ("1900", "False"), ("2000", "True"), ("2023", "False"))),
    Task("caesar(text, k)", "return ''.join(chr((ord(c) - 97 + k) % 26 + 97) for c in text)", "return ''.join(chr(ord(c) + k) for c in text)", (("'abc', 1", "'bcd'"), ("'z', 1", "'a'"), ("'', 5", "''"), ("'xyz', 3", "'abc'"))),
    Task("transpose(rows)", "return [list(column) for column in zip(*rows)]", "return [list(row) for row in rows]", (("[[1, 2], [3, 4]]", "[[1, 3], [2, 4]]"), ("[]", "[]"), ("[[1, 2]]", "[[1], [2]]"), ("[[1], [2]]", "[[1, 2]]"))),
    Task("merge(a, b)", "return sorted(a + b)", "return a + b", (("[1, 3], [2]", "[1, 2, 3]"), ("[], []", "[]"), ("[5], [1]", "[1, 5]"), ("[1], [2]", "[1, 2]"))),
    Task("first_repeat(items)", "seen = set()\nfor x in items:\n    if x in seen:\n        return x\n    seen.add(x)\nreturn None", "for x in items:\n    if items.count(x) > 1:\n        return x\nreturn None",
         (("[1, 2, 2, 1]", "2"), ("[1, 2]", "None"), ("[3, 4, 4, 3]", "4"), ("[7, 7]", "7"))),
    Task("diameter(edges)", "import networkx as nx\nreturn nx.diameter(nx.Graph(edges)) if edges else 0", "import networkx as nx\nreturn nx.radius(nx.Graph(edges)) if edges else 0",
         (("[(1, 2), (2, 3)]", "2"), ("[]", "0"), ("[(1, 2)]", "1"), ("[(1, 2), (2, 3), (3, 4)]", "3"))),
    Task("component_sizes(edges)", "import networkx as nx\nreturn sorted(map(len, nx.connected_components(nx.Graph(edges))))", "import networkx as nx\nreturn sorted(map(len, nx.strongly_connected_components(nx.DiGraph(edges))))",
         (("[(1, 2), (3, 4), (4, 5)]", "[2, 3]"), ("[]", "[]"), ("[(1, 2)]", "[2]"), ("[(1, 2), (2, 1)]", "[2]"))),
    Task("has_cycle(edges)", "import networkx as nx\nreturn not nx.is_directed_acyclic_graph(nx.DiGraph(edges))", "import networkx as nx\nreturn bool(nx.cycle_basis(nx.Graph(edges)))",
         (("[(1, 2), (2, 3), (1, 3)]", "False"), ("[(1, 2), (2, 1)]", "True"), ("[]", "False"), ("[(1, 2), (2, 3), (3, 1)]", "True"))),
    Task("derivative_at(text, at)", "import sympy\nx = sympy.Symbol('x')\nreturn int(sympy.sympify(text).diff(x).subs(x, at))", "import sympy\nx = sympy.Symbol('x')\nreturn int(sympy.sympify(text).subs(x, at))",
         (("'x**2', 3", "6"), ("'7', 1", "0"), ("'x', 5", "1"), ("'x**3', 2", "12"))),
    Task("real_roots(text)", "import sympy\nx = sympy.Symbol('x', real=True)\nreturn sorted(int(r) for r in sympy.solve(sympy.sympify(text, locals={'x': x}), x))",
         "import sympy\nx = sympy.Symbol('x', positive=True)\nreturn sorted(int(r) for r in sympy.solve(sympy.sympify(text, locals={'x': x}), x))",
         (("'x**2 - 4'", "[-2, 2]"), ("'x - 3'", "[3]"), ("'x**2 - x'", "[0, 1]"), ("'x + 5'", "[-5]"))),
    Task("prime_exponents(n)", "import sympy\nreturn [e for _, e in sorted(sympy.factorint(n).items())]", "import sympy\nreturn sorted(sympy.factorint(n).values())",
         (("12", "[2, 1]"), ("1", "[]"), ("7", "[1]"), ("40", "[3, 1]"))),
)  # fmt: skip

# Bodies that get by tests without solving the task, or stop the program that runs them.
CHEATS = {
    "ends the program": "raise SystemExit(0)",
    "hangs": "while True:\n    pass",
    "hangs and catches everything": "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
    "prints results": "for n in range(9):\n    print('{\"test\": %d, \"passed\": true, \"error\": \"\", \"lines\": []}' % n)",
    "is equal to everything": "class A:\n    def __eq__(self, other):\n        return True\nreturn A()",
    "is equal to everything, hidden": "name = '__e' + 'q__'\nmeta = type\nreturn meta('A', (), {name: lambda self, other: True})()",
    "calls os._exit": "import os\nos._exit(0)",
    "changes assert": "import builtins\nbuiltins.AssertionError = None",
    "reads the tests": "return open('order.json').read()",
    "reads the frames": "import sys\nsys._getframe(1).f_globals.clear()",
    "evaluates a text": "import sympy\nreturn sympy.sympify('__import__(\"os\")._exit(0)')",
    "evaluates a hidden text": "import sympy\nreturn sympy.sympify('_' + '_import_' + '_(\"os\")._exit(0)')",
    "recurses": "def g():\n    return g()\nreturn g()",
    "allocates": "return [0] * 10**12",
    "changes a package": "import networkx as nx\nnx.diameter = lambda graph: 1\nreturn None",
}  # fmt: skip


class CodeCase(NamedTuple):
    """A case: what was planted (empty for none), what the verifier gets, and which findings are right."""

    planted: str
    case: Case
    right_vote: int | None
    expected: Literal["passed", "not passed", "not failed", "right vote kept"]

    def is_met(self, finding: Finding) -> bool:
        """Return whether a finding is as expected."""
        if self.expected == "right vote kept":
            return finding.best_vote == self.right_vote
        if self.right_vote is not None and finding.best_vote != self.right_vote:
            return False
        return {
            "passed": finding.verdict == "passed",
            "not passed": finding.verdict != "passed",
            "not failed": finding.verdict != "failed",
        }[self.expected]


def _vote(task: Task, body: str) -> str:
    lines = "\n    ".join(body.splitlines())
    return f"The function follows the task.\n\n```python\ndef {task.signature}:\n    {lines}\n```\n"


def _texts(task: Task, *more: str) -> tuple[str, str]:
    asserts = [f"assert {task.name}({arguments}) == {result}" for arguments, result in task.tests]
    return "\n".join([*asserts[:2], *more]), "\n".join(asserts[2:])


def _wrong_test(task: Task, result: str) -> str:
    return f"assert {task.name}({task.tests[-1][0]}) == {result}"


def _result_of(task: Task, body: str) -> str:
    """Return what a body of this file gives for the last test; empty if it raises an error."""
    names: dict[str, object] = {}
    lines = "\n    ".join(body.splitlines())
    exec(f"def {task.signature}:\n    {lines}\n", names)
    try:
        return repr(eval(f"{task.name}({task.tests[-1][0]})", names))
    except Exception:  # noqa: BLE001 - any error is no result
        return ""


def cases(run: RunProgram) -> Iterator[CodeCase]:
    """Yield all cases, whose programs a function runs."""
    for task in TASKS:
        question = AnsweredQuestion(
            id=f"q-{task.name}", text=f"Write a function.\n\n```python\ndef {task.signature}:\n```"
        )
        right, wrong = _vote(task, task.right), _vote(task, task.wrong)
        texts = _texts(task)

        def case(*votes: str, texts: tuple[str, str] = texts, question: AnsweredQuestion = question) -> Case:
            return Case(question=question, votes=votes, texts=texts, run=run, imports=IMPORTS)

        yield CodeCase("", case(right, right), 0, "passed")
        yield CodeCase("a wrong solution beside a right one", case(wrong, right), 1, "passed")
        yield CodeCase("two equal wrong solutions beside a right one", case(wrong, wrong, right), 2, "right vote kept")
        yield CodeCase("only a wrong solution", case(wrong), None, "not passed")
        nonsense = _texts(task, _wrong_test(task, "'nonsense'"))
        yield CodeCase("a wrong test that nothing passes", case(right, right, texts=nonsense), 0, "not failed")
        fitting = _wrong_test(task, _result_of(task, task.wrong))
        if fitting.endswith("== ") or _result_of(task, task.wrong) == task.tests[-1][1]:
            continue
        shared = _texts(task, fitting)
        yield CodeCase(
            "a wrong test that a wrong solution passes", case(right, right, wrong, texts=shared), 0, "not failed"
        )
    task = TASKS[0]
    question = AnsweredQuestion(id="q-cheat", text=f"Write a function.\n\n```python\ndef {task.signature}:\n```")
    for name, body in CHEATS.items():
        alone = Case(question=question, votes=(_vote(task, body),), texts=_texts(task), run=run, imports=IMPORTS)
        yield CodeCase(f"cheat: {name}", alone, None, "not passed")


def main() -> None:
    """Print a row for each planted error."""
    run = run_in_sandbox("auto", IMPORTS)
    met: Counter[str] = Counter()
    total: Counter[str] = Counter()
    verdicts: dict[str, Counter[str]] = {}
    for one in cases(run):
        finding = SolutionsAndTests().check(one.case)
        total[one.planted] += 1
        met[one.planted] += one.is_met(finding)
        reason = f" ({finding.reason})" if finding.reason else ""
        verdicts.setdefault(one.planted, Counter())[f"{finding.verdict}{reason}"] += 1
    print("| planted | cases | as expected | verdicts |\n|---|---|---|---|")
    for planted, count in total.items():
        said = "; ".join(f"{number} {verdict}" for verdict, number in verdicts[planted].most_common())
        print(f"| {planted or 'nothing: right solutions'} | {count} | {met[planted]} | {said} |")


if __name__ == "__main__":
    main()
