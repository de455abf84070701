"""The filter of system calls: a program for the kernel (BPF) that allows what Python and NumPy need and nothing else.

`system_calls.csv` lists the calls with their numbers. `allow`: allowed; `refuse`: fails with EPERM, so that the error
is clear; `check`: allowed for some arguments. All other calls fail with ENOSYS, as on a kernel that lacks them, since C
libraries handle this error of new calls.

The filter is what keeps a program in one process, without sockets, signals to others or changes of permissions, which
Landlock does not restrict. libseccomp could compile it too, but would have to be installed and loaded in the program's
process (10 ms per run), and the filter needs the process id as an argument.
"""

import csv
import errno
import platform
from functools import cache
from importlib.resources import files

Instruction = tuple[int, int, int, int]

# Stands for the process id, which is known when the program starts.
PROCESS_ID = -1

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE = 0, 4
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_AF_UNIX = 1
_ACCESS_AND_TRUNCATE = 0x203
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# F_DUPFD to F_SETLKW, F_OFD_GETLK to F_OFD_SETLKW, F_DUPFD_CLOEXEC, F_GETPIPE_SZ. Not F_SETOWN, which sends signals.
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)


def is_supported() -> bool:
    """Return whether there are numbers of system calls for this machine."""
    return platform.machine() in _ARCHITECTURES


@cache
def instructions() -> tuple[Instruction, ...]:
    """Return the filter for this machine; `PROCESS_ID` occurs in place of the process id."""
    machine = platform.machine()
    rules: dict[str, list[tuple[str, int]]] = {"allow": [], "refuse": [], "check": []}
    table = files("kgsynth.verification.sandbox").joinpath("system_calls.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        if row[machine]:
            rules[row["rule"]].append((row["name"], int(row[machine])))
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, _ARCHITECTURES[machine]), (_RETURN, 0, 0, _KILL)]
    program += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for name, number in rules["check"]:
        check = _check(name)
        program += [(_EQUAL, 0, len(check), number), *check]
    for _, number in rules["allow"]:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for _, number in rules["refuse"]:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
    return (*program, (_RETURN, 0, 0, _ERROR | errno.ENOSYS))


def _argument(index: int, *, high: bool = False) -> Instruction:
    """Return the instruction that loads the lower or upper half of an argument."""
    return (_LOAD, 0, 0, 16 + 8 * index + 4 * high)


def _one_of(index: int, values: tuple[int, ...], *, mask: int | None = None) -> list[Instruction]:
    """Return instructions that allow a call if the lower half of an argument is one of the values."""
    masked = [] if mask is None else [(_AND, 0, 0, mask)]
    compared = [(_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [
        _argument(index),
        *masked,
        *compared,
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _check(name: str) -> list[Instruction]:
    """Return the instructions for a system call that is allowed for some arguments."""
    if name == "clone":
        return _one_of(0, (_CLONE_THREAD,), mask=_CLONE_THREAD | _CLONE_NAMESPACES)
    if name in ("kill", "tgkill"):
        return _one_of(0, (PROCESS_ID,))
    if name == "prlimit64":
        return _one_of(0, (0,))
    if name == "ioctl":
        return _one_of(1, _IOCTLS)
    if name == "fcntl":
        return _one_of(1, _FCNTLS)
    if name == "socketpair":
        return _one_of(0, (_AF_UNIX,))
    if name == "sendto":
        # Only without an address, as on the socket pairs of asyncio.
        return [_argument(4, high=True), (_EQUAL, 1, 0, 0), (_RETURN, 0, 0, _ERROR | errno.EPERM), *_one_of(4, (0,))]
    # Linux truncates a file that is opened for reading, and before version 6.2 Landlock does not restrict that.
    allowed = (0, 1, 2, 3, 0x201, 0x202)
    return _one_of({"open": 1, "openat": 2}[name], allowed, mask=_ACCESS_AND_TRUNCATE)
