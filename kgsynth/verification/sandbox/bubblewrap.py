"""The back end bubblewrap: namespaces of files, processes, network, IPC and host name, made by the program `bwrap`."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from kgsynth.errors import SandboxError
from kgsynth.verification.sandbox import orders
from kgsynth.verification.sandbox.limits import DEFAULT_LIMITS, MIB, Limits
from kgsynth.verification.sandbox.program_run import NO_FILES, ProgramRun, State
from kgsynth.verification.sandbox.readable import Readable, readable
from kgsynth.verification.sandbox.supervise import supervise

# Names that no installation has, since they are mounted over what is there.
_FOLDER = "/kgsynth-program"
_LAUNCHER = "/kgsynth-launcher.py"
# Maximum number of files; the file system in memory that holds them has no limit of its own.
_FILES = 1000


class Bubblewrap:
    """Runs programs in namespaces; the folder is a file system in memory with a limit on its size."""

    name = "bubblewrap"

    @cached_property
    def version(self) -> str:
        """The version of `bwrap`.

        Raises:
            SandboxError: it is not installed.
        """
        done = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=False)
        return done.stdout.strip().removeprefix("bubblewrap ")

    def run(
        self,
        program: str,
        *,
        files: Mapping[str, str] = NO_FILES,
        limits: Limits = DEFAULT_LIMITS,
        packages: Sequence[str] = (),
    ) -> ProgramRun:
        """Run a program; see `Sandbox.run`."""
        can_read = readable(tuple(packages))
        content = orders.content_of(program, files)
        identity = orders.new_identity()
        size = limits.file_mib * MIB + sum(len(one) + 4096 for one in content.values())
        arguments = _arguments(can_read, size, is_root=identity is not None)
        python = [can_read.executable, *orders.OPTIONS, _LAUNCHER]
        return supervise(
            lambda info: [_program(), *arguments, "--info-fd", str(info), "--", *python],
            orders.orders(
                folder=_FOLDER,
                content=content,
                limits=limits,
                # The first process of the namespace counts too, if it has the same user.
                threads=limits.processes + (identity is None),
                can_read=can_read,
                identity=identity,
            ),
            limits=limits,
            environment=orders.environment(_FOLDER),
            watch=_watch,
        )


def _program() -> str:
    """Return the path of `bwrap`.

    Raises:
        SandboxError: it is not installed.
    """
    path = shutil.which("bwrap", path=os.defpath + ":/usr/local/bin")
    if path is None:
        raise SandboxError("bwrap is not installed", hint="Debian and Ubuntu: apt-get install bubblewrap")
    return path


def _arguments(can_read: Readable, size: int, *, is_root: bool) -> list[str]:
    """Return the arguments of `bwrap` that make the namespaces and mount what can be read."""
    arguments = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    arguments += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if is_root:
        # The launcher takes another user id, and loses both rights by that.
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        arguments += ["--unshare-user"]
    # bwrap would copy the rights of private folders above a path, and the program has another user id than root.
    mounted = (*can_read.libraries, can_read.executable, can_read.standard_library, *can_read.packages)
    for folder in _folders_above(mounted):
        arguments += ["--dir", folder]
    for path in (*can_read.libraries, can_read.executable, can_read.standard_library):
        arguments += ["--ro-bind", path, path]
    for path in can_read.hidden:
        arguments += ["--tmpfs", path]
    for path in can_read.packages:
        arguments += ["--ro-bind", path, path]
    # bwrap mounts this folder writable, and a program could fill the memory with it.
    for path in can_read.hidden:
        arguments += ["--remount-ro", path]
    arguments += ["--ro-bind", orders.LAUNCHER, _LAUNCHER]
    for device in ("/dev/null", "/dev/urandom"):
        arguments += ["--dev-bind", device, device]
    # Only the user of the program is inside, and root cannot give the folder to it with the rights that it has here.
    return [*arguments, "--perms", "0777", "--size", str(size), "--tmpfs", _FOLDER, "--remount-ro", "/"]


def _folders_above(paths: Iterable[str]) -> list[str]:
    """Return all folders that lead to the paths, each after those above it."""
    return sorted({str(folder) for path in paths for folder in Path(path).parents if folder != Path("/")})


def _watch(process: int) -> State | None:
    """Stop a program with too many files, which take memory that is not part of its address space."""
    try:
        folder = os.statvfs(f"/proc/{process}/root{_FOLDER}")
    except OSError:
        return None
    return "too much output" if folder.f_files - folder.f_ffree > _FILES else None
