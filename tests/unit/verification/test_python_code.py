"""Tests of `kgsynth.verification.python_code`."""

import pytest

from kgsynth.verification import python_code
from kgsynth.verification.python_code import Asked, asked_of, assertions_in, executable_lines, programs_in, solution_in

FUNCTION = Asked(name="f", is_class=False, setup="", modules=frozenset({"math", "networkx", "typing"}))
CLASS = Asked(name="C", is_class=True, setup="", modules=frozenset())


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("Text.\n```python\nx = 1\n```\nMore.\n~~~\ny = 2\n~~~", ["x = 1\n", "y = 2\n"]),
        ("1. An item\n   ```py\n   x = 1\n   ```", ["x = 1\n"]),
        ("```json\n{}\n```", []),
        ("x = 1\nassert x", ["x = 1\nassert x"]),
        ("This is not code.", []),
        ("```python\nx = (1", ["x = (1"]),
    ],
)
def test_programs_are_blocks_or_the_whole_text(text: str, programs: list[str]) -> None:
    assert programs_in(text) == programs


def test_the_asked_function_its_imports_and_what_may_be_imported() -> None:
    asked = asked_of(
        "Count.\n```python\nimport networkx as nx\n\ndef count(graph: nx.Graph) -> int:\n```\nAllowed imports: networkx",
        ("networkx",),
    )
    assert asked is not None
    assert (asked.name, asked.is_class, asked.setup) == ("count", False, "import networkx as nx")
    assert asked.modules == {"networkx", "typing", "__future__"}
    for text, name, is_class in (
        ("```python\ndef helper(x):\n    return 1\n\ndef count(x):\n    return helper(x)\n```", "count", False),
        ("```python\nclass Stack:\n    def push(self, x): ...\n```", "Stack", True),
        ("Write `def count(x)` for all x.", "count", False),
    ):
        asked = asked_of(text, ())
        assert asked is not None
        assert (asked.name, asked.is_class) == (name, is_class)
    assert asked_of("What does a graph consist of?", ()) is None


@pytest.mark.parametrize(
    ("line", "allowed", "refused"),
    [
        ("", ["math", "networkx", "re"], ["os", "numpy"]),
        ("Allowed imports: none", ["typing"], ["math", "networkx"]),
        ("Allowed imports: `math` and os.", ["math"], ["os", "networkx"]),
        ("**Allowed imports:** the standard library", ["math", "re"], ["os", "networkx"]),
    ],
)
def test_a_question_states_what_may_be_imported(line: str, allowed: list[str], refused: list[str]) -> None:
    asked = asked_of(f"```python\ndef f(x):\n```\n{line}", ("networkx",))
    assert asked is not None
    assert set(allowed) <= asked.modules
    assert not set(refused) & asked.modules


def test_an_import_that_the_question_allows_and_the_domain_does_not_offer_has_its_own_reason() -> None:
    question = "```python\ndef f(x):\n```\nAllowed imports: sympy, numpy"
    asked = asked_of(question, ("sympy",))
    assert asked is not None
    for line, problem in (
        ("import numpy as np", python_code.IMPORT_NOT_OFFERED),
        ("import sympy", ""),
        ("import scipy", python_code.IMPORT_REFUSED),
        ("import numpy, scipy", python_code.IMPORT_REFUSED),
    ):
        assert solution_in(f"```python\n{line}\ndef f(x):\n    return x\n```", asked).problem == problem


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def f(x):\n    return x", ""),
        ("import math\ndef f(x) -> 'int':\n    return math.floor(x)", ""),
        ("f = lambda x: x", ""),
        ("class A:\n    def __init__(self):\n        self.modules_seen = 1\n\ndef f(x):\n    return A().modules_seen", ""),
        ("def f(x):\n    return f'{type(x).__name__}'", ""),
        ("def g(x):\n    return x", python_code.NO_FUNCTION),
        ("def f(x:\n    return x", python_code.NOT_PYTHON),
        ("import os\ndef f(x):\n    return x", python_code.IMPORT_REFUSED),
        ("def f(x):\n    from sys import exit\n    exit(0)", python_code.IMPORT_REFUSED),
        ("from . import f\ndef f(x):\n    return x", python_code.IMPORT_REFUSED),
        ("import networkx as nx\nnx.diameter = lambda g: 1\ndef f(x):\n    return 1", python_code.CONSTRUCT_REFUSED),
        ("import math\nsetattr(math, 'pi', 3)\ndef f(x):\n    return 1", python_code.CONSTRUCT_REFUSED),
        ("import networkx\ndef f(x):\n    return networkx.os.getcwd()", python_code.CONSTRUCT_REFUSED),
        ("class A:\n    def __eq__(self, o):\n        return True\ndef f(x):\n    return A()", python_code.CONSTRUCT_REFUSED),
        ("def f(x):\n    return type('A', (), {'n': 1})()", python_code.CONSTRUCT_REFUSED),
        ("def f(x):\n    return eval('x')", python_code.CONSTRUCT_REFUSED),
        ("def f(x):\n    return open('order.json').read()", python_code.CONSTRUCT_REFUSED),
        ("def f(x):\n    return f.__globals__", python_code.CONSTRUCT_REFUSED),
        ("def f(x):\n    return getattr(f, '__globals__')", python_code.CONSTRUCT_REFUSED),
        ("def f(x):\n    try:\n        raise ValueError\n    except ValueError as e:\n        return e.tb_frame", python_code.CONSTRUCT_REFUSED),
    ],
)  # fmt: skip
def test_a_solution_is_refused_for_what_it_may_not_use(code: str, problem: str) -> None:
    assert solution_in(f"Text.\n```python\n{code}\n```", FUNCTION).problem == problem


def test_the_last_block_that_defines_the_function_is_the_solution() -> None:
    blocks = ["def f(x):\n    return 1\n", "def f(x):\n    return 2\n", "print(f(1))\n"]
    text = "\n".join(f"```python\n{block}```" for block in blocks)
    assert solution_in(text, FUNCTION).program == blocks[1]
    assert solution_in("I cannot.", FUNCTION).problem == python_code.NO_CODE


def test_a_class_may_define_what_its_objects_are_equal_to() -> None:
    code = "class C:\n    def __eq__(self, other):\n        return True"
    assert solution_in(f"```python\n{code}\n```", CLASS).problem == ""


def test_tests_are_statements_and_functions_with_what_they_need() -> None:
    text = '''
```python
"""Tests."""
import math
import networkx as nx
from solution import f
import pytest

def f(x):
    return 1

graph = nx.path_graph(3)
assert f(graph) == 3
for x in (1, 2):
    assert f(x) == x
def check(g):
    assert g(1) == 1
check(f)
def test_two():
    assert f(2) == 2
def test_nothing():
    f(2)
test_two()
print(f(3))
if __name__ == "__main__":
    pytest.main()
```
'''
    programs = assertions_in(text, FUNCTION, 10).programs
    setup = "import math\nimport networkx as nx\ngraph = nx.path_graph(3)\n"
    check = "\ndef check(g):\n    assert g(1) == 1\n"
    assert programs == (
        f"{setup}assert f(graph) == 3",
        f"{setup}for x in (1, 2):\n    assert f(x) == x",
        f"{setup}{check}check(f)",
        f"{setup}{check}\ndef test_two():\n    assert f(2) == 2\ntest_two()",
    )


def test_unusable_tests_are_recorded() -> None:
    found = assertions_in("```python\nassert f(1) == 1\nassert f(2) = 2\nassert f(3) == 3\n```", FUNCTION, 1)
    assert found.programs == ("assert f(1) == 1",)
    assert [reason for reason, _ in found.broken] == [python_code.TEST_NOT_PYTHON, python_code.TEST_SURPLUS]
    assert [reason for reason, _ in assertions_in("No idea.", FUNCTION, 1).broken] == [python_code.TEST_NOT_PYTHON]
    assert [reason for reason, _ in assertions_in("x = 1", FUNCTION, 1).broken] == [python_code.NO_TESTS]


def test_executable_lines_are_those_within_functions() -> None:
    program = (
        "import math\n\ndef f(x):\n    '''Text.'''\n    if x:\n        return 1\n    return 2\n\ng = lambda x: x\n"
    )
    assert executable_lines(program) == {5, 6, 7, 9}
    assert executable_lines("class C:\n    a = 1\n    def f(self):\n        return 1\n") == {4}
    assert executable_lines("def f(x) = 1") == set()


@pytest.mark.parametrize(
    "text", ["(" * 50_000, "```python\n" * 20_000, "x = " + "-" * 19_000 + "1", "assert " * 20_000]
)
def test_hostile_texts_are_no_programs(text: str) -> None:
    assert not assertions_in(text, FUNCTION, 10).programs
    assert solution_in(text, FUNCTION).problem
