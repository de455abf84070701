"""Choose a back end by running a hostile program in it."""

import json
import os
import platform
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from kgsynth.errors import ConfigError, SandboxError, did_you_mean, quoted
from kgsynth.files import scratch_folder
from kgsynth.verification.sandbox.bubblewrap import Bubblewrap
from kgsynth.verification.sandbox.landlock import Landlock
from kgsynth.verification.sandbox.limits import Limits
from kgsynth.verification.sandbox.program_run import Sandbox
from kgsynth.verification.sandbox.system_call_filter import is_supported

# In the order of preference.
BACK_ENDS: dict[str, Callable[[], Sandbox]] = {"bubblewrap": Bubblewrap, "landlock": Landlock}
_LIMITS = Limits(cpu_seconds=5, wall_seconds=20, memory_mib=512)
_STOPPED = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What the self-test of a back end found.

    Attributes:
        name: the name of the back end.
        sandbox: the back end, if it holds.
        version: its version; empty if it is not known.
        reason: why it does not hold; empty if it holds.
        hint: what to do about that.
    """

    name: str
    sandbox: Sandbox | None = None
    version: str = ""
    reason: str = ""
    hint: str = ""


def choose(name: str = "auto") -> Sandbox:
    """Return a back end that holds; the self-test runs once per process.

    Args:
        name: `bubblewrap`, `landlock`, or `auto` for the first that holds.

    Raises:
        ConfigError: the name is unknown.
        SandboxError: no back end holds.
    """
    if name != "auto" and name not in BACK_ENDS:
        known = ("auto", *BACK_ENDS)
        raise ConfigError(
            f"no sandbox {quoted(name)}{did_you_mean(name, known)}", hint=f"Use one of: {', '.join(known)}."
        )
    examinations = []
    for candidate in BACK_ENDS if name == "auto" else (name,):
        examination = examine(candidate)
        if examination.sandbox is not None:
            return examination.sandbox
        examinations.append(examination)
    raise SandboxError(
        "no sandbox holds on this machine, so programs of models are not run: "
        + "; ".join(f"{one.name}: {one.reason}" for one in examinations),
        hint=" ".join(one.hint for one in examinations if one.hint),
    )


def examine(name: str) -> Examination:
    """Return whether a back end holds on this machine; the self-test runs once per process."""
    with _lock:
        return _examine(name)


@cache
def _examine(name: str) -> Examination:
    if sys.platform != "linux":
        return Examination(name=name, reason=f"it needs Linux, and this is {sys.platform}", hint="Use Linux.")
    if not is_supported():
        reason = f"it knows the system calls of x86_64 and aarch64, and this machine is {platform.machine()}"
        return Examination(name=name, reason=reason, hint="Use a machine of one of these kinds.")
    sandbox = BACK_ENDS[name]()
    version = ""
    try:
        version = sandbox.version
        reason = _weakness(sandbox)
    except SandboxError as error:
        return Examination(name=name, version=version, reason=str(error), hint=error.hint)
    if reason:
        return Examination(
            name=name, version=version, reason=reason, hint=f"Do not use {name} here; report this as a bug of kgsynth."
        )
    return Examination(name=name, sandbox=sandbox, version=version)


def measure_rate(sandbox: Sandbox, *, programs: int, threads: int) -> float:
    """Return how many empty programs a back end runs per second.

    Args:
        sandbox: the back end.
        programs: number of programs to run.
        threads: number of threads that call the back end.
    """
    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: sandbox.run(""), range(programs)))
    return programs / (time.monotonic() - started)


def _weakness(sandbox: Sandbox) -> str:
    """Return what a hostile program could do in spite of the sandbox, or an honest one could not; else nothing.

    Raises:
        SandboxError: the restrictions could not be put in place.
    """
    program = files("kgsynth.verification.sandbox").joinpath("self_test.py").read_text(encoding="utf-8")
    with _targets() as targets:
        done = sandbox.run(program, files={"targets.json": json.dumps(targets)}, limits=_LIMITS)
        if Path(targets["written"]).exists():
            return "a program could write outside its folder"
    if done.state != "finished":
        return f"the self-test {done.state}: {done.stderr.strip()[-300:]}"
    if done.stdout != "done\n":
        findings = [line for line in done.stdout.splitlines() if line != "done"]
        return "; ".join(findings) or "the self-test ended early"
    stopped = sandbox.run(_STOPPED, limits=Limits(wall_seconds=0.5))
    return "" if stopped.state == "timed out" else f"a program that stopped itself ended as {stopped.state}"


@contextmanager
def _targets() -> Iterator[dict[str, Any]]:
    """Prepare what the hostile program tries to reach: a file, a folder, ports and the process itself."""
    with (
        scratch_folder() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        # Anyone can enter the folder and read the file, so that only the sandbox protects them.
        folder.chmod(0o777)
        secret = folder / "secret"
        secret.write_text("secret", encoding="utf-8")
        abstract_name = f"\0kgsynth-{secrets.token_hex(8)}"
        abstract.bind(abstract_name)
        abstract.listen()
        yield {
            "secret": str(secret),
            "written": str(folder / "written"),
            "port": server.getsockname()[1],
            "abstract": abstract_name,
            "parent": os.getpid(),
        }
