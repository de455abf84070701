"""The orders to the launcher: what it writes, which limits it sets, and how Python is started."""

import itertools
import math
import os
import resource
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from kgsynth.errors import ConfigError, quoted
from kgsynth.verification.sandbox.limits import MIB, Limits
from kgsynth.verification.sandbox.readable import Readable
from kgsynth.verification.sandbox.system_call_filter import instructions

LAUNCHER = str(Path(__file__).with_name("launcher.py"))
# -P and -s instead of -I, which would ignore PYTHONHASHSEED; -S saves the import of `site`.
OPTIONS = ("-B", "-P", "-s", "-S", "-X", "utf8")
MAIN = "main.py"
# The exit code by which the launcher says that memory was used up.
OUT_OF_MEMORY = 199
_OPEN_FILES = 64
# systemd's table of user ids calls the 28 bits from here on unused.
FIRST_IDENTITY = 0x70000000
_IDENTITIES = 1 << 28
# A user that owns nothing.
NOBODY = 65534
_numbers = itertools.count()


def environment(folder: str) -> dict[str, str]:
    """Return the whole environment of a program: nothing of it comes from the parent.

    One thread per library keeps results and memory independent of the machine.
    """
    one_thread = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        "HOME": folder,
        "TMPDIR": folder,
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "MALLOC_ARENA_MAX": "2",
        **dict.fromkeys(one_thread, "1"),
    }


def new_identity() -> int | None:
    """Return a user id that no other run has, if this process is root; else None.

    The kernel exempts root from the limit on processes, and counts them per user.
    """
    if os.geteuid() != 0:
        return None
    identity = FIRST_IDENTITY + (os.getpid() << 6) % _IDENTITIES + next(_numbers) % 64
    # In a container only some ids exist.
    return identity if _exists(identity) else NOBODY


def is_identity(user: int) -> bool:
    """Return whether `new_identity` can return this user id."""
    return user == NOBODY or FIRST_IDENTITY <= user < FIRST_IDENTITY + _IDENTITIES


def _exists(identity: int) -> bool:
    for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
        first, _, length = map(int, line.split())
        if first <= identity < first + length:
            return True
    return False


def content_of(program: str, files: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files that the launcher writes, main.py among them.

    Raises:
        ConfigError: a name leads outside the folder, or is that of the program.
    """
    content = {}
    for name, text in files.items():
        path = PurePosixPath(name)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name or str(path) == MAIN:
            raise ConfigError(
                f"file name {quoted(name)} for the sandbox is not allowed",
                hint=f"Give a relative path without '..' that is not {MAIN}.",
            )
        content[str(path)] = text.encode("utf-8", errors="surrogatepass")
    return {**content, MAIN: program.encode("utf-8", errors="surrogatepass")}


def orders(
    *,
    folder: str,
    content: Mapping[str, bytes],
    limits: Limits,
    threads: int,
    can_read: Readable,
    identity: int | None,
    parent: int | None = None,
    keep_search: bool = False,
    landlock: tuple[tuple[int, int, int], list[tuple[str, int]]] | None = None,
) -> dict[str, Any]:
    """Return the orders to the launcher as values that `marshal` can write.

    Args:
        folder: the program's own folder.
        content: files to write there.
        limits: what the program may use.
        threads: the limit on threads that the kernel applies, which counts the user's other processes too.
        can_read: what the program can read.
        identity: the user id to take; None keeps the user.
        parent: process id that the launcher must find as its parent; None in a namespace of processes.
        keep_search: whether to keep the right to search private folders.
        landlock: rights of the ruleset, and rights by path.
    """
    cpu_seconds = math.ceil(limits.cpu_seconds)
    bounds = [
        (resource.RLIMIT_AS, limits.memory_mib * MIB, limits.memory_mib * MIB),
        # At the first value the kernel sends SIGXCPU, which tells the parent why the program ended; then SIGKILL.
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, limits.file_mib * MIB, limits.file_mib * MIB),
        (resource.RLIMIT_NPROC, threads, threads),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
    ]
    return {
        "folder": folder,
        "files": dict(content),
        "limits": bounds,
        "packages": (list(can_read.modules), list(can_read.package_folders)),
        "identity": identity,
        "keep_search": keep_search,
        "parent": parent,
        "landlock": landlock,
        "filter": instructions(),
        "out_of_memory": OUT_OF_MEMORY,
    }
