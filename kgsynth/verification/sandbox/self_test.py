"""The hostile program of the self-test: it prints what gets through and what does not work, and `done`."""

import json
import mmap
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _say(text: str) -> None:
    # At once, since an attempt can end this program.
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _forbid(what: str, attempt: Callable[[], Any]) -> None:
    try:
        attempt()
    except (OSError, MemoryError, ValueError):
        return
    _say(f"a program could {what}")


def _connect(family: int, address: Any) -> None:
    with socket.socket(family) as client:
        client.settimeout(2)
        client.connect(address)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def _main() -> None:
    targets = json.loads(Path("targets.json").read_text())
    parent = targets["parent"]
    _forbid("read a file outside its folder", lambda: Path(targets["secret"]).read_text())
    _forbid("write outside its folder", lambda: Path(targets["written"]).write_text("x"))
    _forbid("change rights outside its folder", lambda: os.chmod(targets["secret"], 0o600))
    _forbid("read the environment of kgsynth", lambda: Path(f"/proc/{parent}/environ").read_bytes())
    _forbid("send signals to kgsynth", lambda: os.kill(parent, 0))
    _forbid("connect to a port", lambda: _connect(socket.AF_INET, ("127.0.0.1", targets["port"])))
    _forbid("connect to a UNIX socket", lambda: _connect(socket.AF_UNIX, targets["abstract"]))
    _forbid("start a process", _fork)
    _forbid("execute a file", lambda: os.execv(sys.executable, [sys.executable, "-c", ""]))
    _forbid("exceed the limit on memory", lambda: mmap.mmap(-1, 4 << 30))
    _forbid("raise its limits", lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)))
    _forbid("change the priority of kgsynth", lambda: os.setpriority(os.PRIO_PROCESS, parent, 19))
    _forbid("send signals to kgsynth by a handle", lambda: signal.pidfd_send_signal(os.pidfd_open(parent), 0))

    Path("written").write_text("x")
    if Path("written").read_text() != "x":
        _say("a program cannot use its folder")
    thread = threading.Thread(target=len, args=("x",))
    thread.start()
    thread.join()
    _say("done")


if __name__ == "__main__":
    _main()
