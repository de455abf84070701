"""Start the launcher, read what the program prints, and end it at the limits."""

import json
import marshal
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from kgsynth.errors import SandboxError
from kgsynth.verification.sandbox.limits import Limits
from kgsynth.verification.sandbox.orders import OUT_OF_MEMORY
from kgsynth.verification.sandbox.program_run import ProgramRun, State

# Seconds between calls of the watch, which looks at what the kernel does not limit.
_INTERVAL = 0.05
_BLOCK = 65536
# Maximum size of the messages of the launcher and of bubblewrap.
_MESSAGE = 4096

# Returns why a program has to be stopped, given a process id; None if it can go on.
Watch = Callable[[int], State | None]


def supervise(
    command: Callable[[int], Sequence[str]],
    orders: dict[str, Any],
    *,
    limits: Limits,
    environment: dict[str, str],
    watch: Watch,
) -> ProgramRun:
    """Run a command until it ends or exceeds a limit; no process of it is alive afterwards.

    Args:
        command: returns the command for the number of a descriptor, to which it can write {"child-pid": number} if it
            starts the launcher in a namespace of processes.
        orders: orders to the launcher.
        limits: what the program may use.
        environment: environment of the command.
        watch: called at intervals with that process id, or else with that of the command.

    Raises:
        SandboxError: the restrictions were not put in place.
    """
    supervised = _Supervised(limits, watch)
    try:
        supervised.start(command, orders, environment)
        supervised.observe()
    finally:
        supervised.end()
    return supervised.result()


class _Supervised:
    """One run: the process, the pipes from it, and what came through them."""

    def __init__(self, limits: Limits, watch: Watch) -> None:
        self._limits = limits
        self._watch = watch
        self._started = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._received: dict[str, bytearray] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._descriptors: list[int] = []
        self._inner: int | None = None
        self._inner_handle: int | None = None
        self._stopped: State | None = None
        self._exit = 0

    def start(
        self, command: Callable[[int], Sequence[str]], orders: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """Start the command with its standard streams on pipes; a file in memory holds the orders."""
        ends = {name: self._pipe(name) for name in ("stdout", "stderr", "status", "info")}
        content = os.memfd_create("orders")
        try:
            with open(os.dup(content), "wb") as file:
                file.write(marshal.dumps({**orders, "status": ends["status"]}))
            os.lseek(content, 0, os.SEEK_SET)
            self._process = subprocess.Popen(
                command(ends["info"]),
                stdin=content,
                stdout=ends["stdout"],
                stderr=ends["stderr"],
                env=environment,
                cwd="/",
                pass_fds=(ends["status"], ends["info"]),
                start_new_session=True,
            )
        finally:
            for descriptor in (content, *ends.values()):
                os.close(descriptor)
        handle = os.pidfd_open(self._process.pid)
        self._descriptors.append(handle)
        self._selector.register(handle, selectors.EVENT_READ, "ended")

    def _pipe(self, name: str) -> int:
        """Make a pipe that is read under this name, and return its writing end."""
        output, writing_end = os.pipe()
        os.set_blocking(output, False)
        self._descriptors.append(output)
        self._received[name] = bytearray()
        self._selector.register(output, selectors.EVENT_READ, name)
        return writing_end

    def observe(self) -> None:
        """Read the pipes until the command has ended or has to be stopped."""
        assert self._process is not None
        deadline = self._started + self._limits.wall_seconds
        watched = self._started
        while self._stopped is None:
            now = time.monotonic()
            remaining = deadline - now
            if remaining <= 0:
                self._stopped = "timed out"
                return
            # Before, the process may still have the files of this machine.
            if self._received["status"] and now - watched >= _INTERVAL:
                self._stopped = self._watch(self._inner or self._process.pid)
                watched = now
            events = self._selector.select(min(remaining, _INTERVAL))
            names = [key.data for key, _ in events]
            for key, _ in events:
                self._read(key)
            if "ended" in names:
                # What was printed before the end is in the pipes, and no other process has them open.
                for key in list(self._selector.get_map().values()):
                    while self._read(key):
                        pass
                return

    def _read(self, key: selectors.SelectorKey) -> bool:
        """Read once from a pipe; return whether it may hold more."""
        if key.data == "ended":
            return False
        received = self._received[key.data]
        limit = self._limits.output_bytes if key.data in ("stdout", "stderr") else _MESSAGE
        try:
            block = os.read(key.fd, _BLOCK)
        except BlockingIOError:
            return False
        if not block:
            self._selector.unregister(key.fd)
            return False
        received += block
        if key.data == "info" and b"}" in received:
            self._open_inner(json.loads(received)["child-pid"])
        if len(received) > limit:
            self._stopped = "too much output"
            del received[limit:]
            return False
        return True

    def _open_inner(self, process: int) -> None:
        """Keep a handle of the first process of the namespace, with which all others end."""
        if self._inner_handle is None:
            with suppress(ProcessLookupError):
                self._inner_handle = os.pidfd_open(process)
                self._inner = process
                self._descriptors.append(self._inner_handle)

    def end(self) -> None:
        """End all processes, wait for their end, and close all descriptors."""
        if self._process is not None:
            if self._inner_handle is not None:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._inner_handle, signal.SIGKILL)
            self._process.kill()
            self._exit = self._process.wait()
            if self._inner_handle is not None:
                select.select([self._inner_handle], [], [])
                # Where this process is the first of a container, it inherits the process and has to collect it.
                with suppress(ChildProcessError):
                    os.waitid(os.P_PIDFD, self._inner_handle, os.WEXITED | os.WNOHANG)
        self._selector.close()
        for descriptor in self._descriptors:
            os.close(descriptor)

    def result(self) -> ProgramRun:
        """Return how the program ended.

        Raises:
            SandboxError: the program did not start.
        """
        texts = {name: bytes(content).decode(errors="replace") for name, content in self._received.items()}
        if not self._received["status"] and self._stopped is None:
            raise SandboxError(
                f"the sandbox did not start: exit code {self._exit}, {texts['stderr'].strip()[-500:] or 'no message'}",
                hint="Run `kgsynth sandbox check`, and see whether the limits leave room for the interpreter.",
            )
        # bubblewrap returns 128 plus the number of the signal.
        number = -self._exit if self._exit < 0 else self._exit - 128
        is_signal = 0 < number < signal.NSIG
        state: State = "finished"
        if self._stopped is not None:
            state = self._stopped
        elif is_signal:
            state = "timed out" if number == signal.SIGXCPU else "killed"
        elif self._exit:
            state = "out of memory" if self._exit == OUT_OF_MEMORY else "failed"
        return ProgramRun(
            state=state,
            exit_code=None if self._stopped is not None or is_signal else self._exit,
            stdout=texts["stdout"],
            stderr=texts["stderr"],
            seconds=time.monotonic() - self._started,
        )
