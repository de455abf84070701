"""Tests of `kgsynth.verification.sandbox.supervise`: programs end with their parent, and descriptors are closed."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from kgsynth.verification.sandbox import Limits, Sandbox, examine, orders

_SLEEPER = """
from kgsynth.verification.sandbox.{module} import {kind}
{kind}().run("import time; print(1, flush=True); time.sleep(60)")
"""


@pytest.fixture(params=["bubblewrap", "landlock"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    examination = examine(request.param)
    if examination.sandbox is None:
        pytest.skip(f"{request.param} does not hold here: {examination.reason}")
    return examination.sandbox


@pytest.mark.slow
def test_a_program_has_no_rights_and_ends_with_its_parent(sandbox: Sandbox, tmp_path: Path) -> None:
    script = _SLEEPER.format(module=sandbox.name, kind=type(sandbox).__name__)
    # The parent is killed and cannot remove the program's folder.
    parent = subprocess.Popen(["env", f"TMPDIR={tmp_path}", sys.executable, "-c", script])
    try:
        program: dict[str, str] = {}
        while program.get("Seccomp") != "2":
            assert parent.poll() is None
            children = psutil.Process(parent.pid).children(recursive=True)
            program = _status(children[-1]) if children else {}
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert program["NoNewPrivs"] == "1"
    # At most the right to search folders, of landlock as root.
    assert int(program["CapEff"], 16) in ((0, 4) if sandbox.name == "landlock" else (0,))
    assert int(program["CapPrm"], 16) in ((0, 4) if sandbox.name == "landlock" else (0,))
    if os.geteuid() == 0:
        assert all(int(number) >= orders.FIRST_IDENTITY for number in program["Uid"].split() + program["Gid"].split())
        assert program["Groups"] == ""
    _, alive = psutil.wait_procs([one for one in children if not _is_zombie(one)], timeout=20)
    assert [one for one in alive if not _is_zombie(one)] == []


def _status(process: psutil.Process) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_descriptors_are_closed(sandbox: Sandbox) -> None:
    sandbox.run("")
    before = os.listdir("/proc/self/fd")
    for program in ("", "1 / 0", "while True: print(1)"):
        sandbox.run(program)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_threads_can_run_programs_together(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda number: sandbox.run(f"print({number})"), range(12)))
    assert [run.stdout for run in runs] == [f"{number}\n" for number in range(12)]


def test_output_is_cut_at_the_limit_and_decoded(sandbox: Sandbox) -> None:
    done = sandbox.run(
        "import os, sys\nos.write(1, b'\\xffab')\nsys.stderr.write('é' * 10)", limits=Limits(output_bytes=20)
    )
    assert (done.state, done.stdout, done.stderr) == ("finished", "\ufffdab", "é" * 10)
    done = sandbox.run("print('x' * 100)", limits=Limits(output_bytes=20))
    assert (done.state, done.stdout, done.exit_code) == ("too much output", "x" * 20, None)


def test_all_output_before_the_end_is_read(sandbox: Sandbox) -> None:
    assert len(sandbox.run("print('x' * 60000)").stdout) == 60001
