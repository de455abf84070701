"""Honest programs run as they do outside, in both back ends."""

import pytest

from kgsynth.verification.sandbox import Limits, Sandbox, examine
from tests.unit.verification.sandbox.places import Place

# Each test starts programs.
pytestmark = pytest.mark.slow

HONEST = {
    "input": ("try:\n    input()\nexcept EOFError:\n    print('end')", "end\n"),
    "main": ("print(__name__, __file__)\nimport sys\nprint(sys.argv, sys.modules['__main__'].__file__)", "__main__ main.py\n['main.py'] main.py\n"),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool:\n    print(sum(pool.map(abs, range(9))))",
        "36\n",
    ),
    "asyncio": ("import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 5\nprint(asyncio.run(f()))", "5\n"),
    "files": (
        "import tempfile, shutil, pathlib, os\nwith tempfile.NamedTemporaryFile('w+') as file:\n    file.write('x')\n"
        "pathlib.Path('a/b').mkdir(parents=True)\npathlib.Path('a/b/c').write_text('é')\nos.rename('a', 'd')\n"
        "print(pathlib.Path('d/b/c').read_text(), sorted(os.listdir('.')))\nshutil.rmtree('d')",
        "é ['d', 'main.py']\n",
    ),
    "alarm": (
        "import signal\ndef stop(*_):\n    raise TimeoutError\nsignal.signal(signal.SIGALRM, stop)\nsignal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "try:\n    while True:\n        signal.getsignal(1)\nexcept TimeoutError:\n    print('stopped')",
        "stopped\n",
    ),
    "own modules": ("import helper.part\nprint(helper.part.X)", "3\n"),
    "classes": ("import dataclasses, pickle\n@dataclasses.dataclass\nclass A:\n    x: int\nprint(pickle.loads(pickle.dumps(A(1))))", "A(x=1)\n"),
    "order of sets": ("print(list({'a', 'b', 'c', 'd'}) == sorted({'a', 'b', 'c', 'd'}, key=hash) or 1)", None),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_runs(place: Place, name: str) -> None:
    program, output = HONEST[name]
    done = place.sandbox.run(program, files={"helper/__init__.py": "", "helper/part.py": "X = 3"})
    assert (done.state, done.exit_code, done.stderr) == ("finished", 0, "")
    if output is None:
        assert done.stdout == place.sandbox.run(program).stdout
    else:
        assert done.stdout.replace("'helper', ", "").replace(", 'helper'", "") == output


def test_a_traceback_shows_the_program_alone(place: Place) -> None:
    done = place.sandbox.run("def f():\n    1 / 0\nf()")
    assert (done.state, done.exit_code) == ("failed", 1)
    lines = [line for line in done.stderr.splitlines() if "~" not in line]
    assert lines[:3] == ["Traceback (most recent call last):", '  File "main.py", line 3, in <module>', "    f()"]
    assert "launcher" not in done.stderr
    assert 'File "main.py", line 1' in place.sandbox.run("(").stderr


def test_exit_codes_are_those_of_the_program(place: Place) -> None:
    assert place.sandbox.run("import sys; sys.exit(7)").exit_code == 7
    done = place.sandbox.run("import sys; sys.exit('reason')")
    assert (done.exit_code, done.stderr) == (1, "reason\n")
    assert place.sandbox.run("import os; print('x', flush=True); os._exit(0)").state == "finished"


def test_the_number_of_threads_is_limited(place: Place) -> None:
    program = (
        "import threading, time\nn = 1\ntry:\n    while True:\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n        n += 1\n"
        "except RuntimeError:\n    print(n, flush=True)\n    time.sleep(0.3)"
    )
    done = place.sandbox.run(program, limits=Limits(processes=6))
    # Without namespaces the kernel counts an ordinary user's other processes too, and the parent counts threads.
    if done.state != "killed":
        assert (done.state, done.stdout) == ("finished", "6\n")
    else:
        assert place.sandbox.name == "landlock"


def test_nothing_of_the_parent_is_in_the_environment(place: Place) -> None:
    done = place.sandbox.run("import os; print(sorted(os.environ))")
    assert "SECRET_OF_PARENT" not in done.stdout
    assert "PYTHONHASHSEED" in done.stdout


@pytest.fixture(params=["bubblewrap", "landlock"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    examination = examine(request.param)
    if examination.sandbox is None:
        pytest.skip(f"{request.param} does not hold here: {examination.reason}")
    return examination.sandbox


def test_only_the_named_packages_can_be_imported(sandbox: Sandbox) -> None:
    import numpy

    done = sandbox.run("import mpmath\nprint(mpmath.mpf(1) / 2)\nimport numpy", packages=("mpmath",))
    assert done.stdout == "0.5\n"
    assert "No module named 'numpy'" in done.stderr
    done = sandbox.run(f"open({numpy.__file__!r})", packages=("mpmath",))
    assert "PermissionError" in done.stderr or "FileNotFoundError" in done.stderr
    done = sandbox.run("import numpy as np\nprint(np.linalg.det(np.eye(300)))", packages=("numpy",))
    assert done.stdout == "1.0\n", done


def test_sympy_comes_with_its_dependencies(sandbox: Sandbox) -> None:
    limits = Limits(cpu_seconds=60, wall_seconds=120)
    program = "import sympy\nx = sympy.Symbol('x')\nprint(sympy.integrate(x**2, x))"
    assert sandbox.run(program, packages=("SymPy",), limits=limits).stdout == "x**3/3\n"
