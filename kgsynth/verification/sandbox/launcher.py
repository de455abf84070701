"""Restrict this process for good, and then run main.py in it.

This is a script that the sandbox starts, with orders on standard input; it imports nothing of kgsynth. It restricts its
own process and does not start another one, because most of the time of a run is the start of the interpreter. What it
did cannot be undone from inside: the kernel enforces it.
"""

import ctypes
import marshal
import os
import resource
import sys
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 8, 22, 38
_SECCOMP_MODE_FILTER = 2
_SIGKILL = 9
_CAPABILITY_VERSION = 0x20080522
_CAP_DAC_READ_SEARCH = 1 << 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Packages:
    """Finds the named packages; to all others, which may lie beside them unreadable, imports are as to absent ones."""

    def __init__(self, names: list[str], folders: list[str]) -> None:
        self._names = frozenset(names)
        self._folders = folders
        self._find: Any = sys.meta_path[-1]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return where a module of a named package is; None if it is not one."""
        return self._find.find_spec(name, self._folders, target) if path is None and name in self._names else None

    def find_distributions(self, context: Any) -> Any:
        """Return the metadata of installed distributions, as packages ask for their own version."""
        from importlib import metadata

        finder = metadata.MetadataPathFinder
        return finder.find_distributions(metadata.DistributionFinder.Context(name=context.name, path=self._folders))


def _checked(result: int, what: str) -> int:
    """Return the result of a call of the C library.

    Raises:
        OSError: the call failed.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(option: int, *values: int) -> None:
    numbers = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _checked(_LIBC.prctl(option, *numbers), f"prctl({option})")


def _drop_root(identity: int, *, keep_search: bool) -> None:
    """Become a user with no rights, except that of searching folders if the interpreter lies in a private folder."""
    if keep_search:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(identity, identity, identity)
    os.setresuid(identity, identity, identity)
    capabilities = _CAP_DAC_READ_SEARCH if keep_search else 0
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)(capabilities, capabilities, 0, 0, 0, 0)
    _checked(_LIBC.capset(header, data), "capset")


def _write(name: str, content: bytes) -> None:
    folder = os.path.dirname(name)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(name, "wb") as file:
        file.write(content)


def _landlock(rights: tuple[int, int, int], paths: list[tuple[str, int]]) -> None:
    """Deny all access to files except these rights on these paths, connections by TCP, and signals to others."""
    ruleset = _Ruleset(*rights)
    # Older kernels know a prefix of the structure.
    size = 8 * max(place + 1 for place, right in enumerate(rights) if right)
    number = _checked(
        _LIBC.syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0), "landlock_create_ruleset"
    )
    for path, access in paths:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _PathRule(access, folder)
        _checked(_LIBC.syscall(_ADD_RULE, number, 1, ctypes.byref(rule), 0), f"landlock_add_rule for {path}")
        os.close(folder)
    _checked(_LIBC.syscall(_RESTRICT_SELF, number, 0), "landlock_restrict_self")
    os.close(number)


def _seccomp(instructions: list[tuple[int, int, int, int]]) -> None:
    """Install the filter of system calls; -1 stands for the process id."""
    table = (_Instruction * len(instructions))(
        *[_Instruction(code, jt, jf, os.getpid() if k == -1 else k) for code, jt, jf, k in instructions]
    )
    program = _Filter(len(instructions), table)
    _checked(_LIBC.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(program), 0, 0), "seccomp")


def _restrict(orders: dict[str, Any]) -> None:
    """Put all restrictions in place, in the order in which each is still allowed."""
    if orders["identity"] is not None:
        _drop_root(orders["identity"], keep_search=orders["keep_search"])
    # Both are reset by a change of the user.
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if orders["parent"] is not None and os.getppid() != orders["parent"]:
        sys.exit("the parent has ended")
    for name, content in orders["files"].items():
        _write(name, content)
    for number, *values in orders["limits"]:
        resource.setrlimit(number, values)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if orders["landlock"] is not None:
        _landlock(*orders["landlock"])
    _seccomp(orders["filter"])


def _run(source: bytes, name: str, *, out_of_memory: int) -> None:
    """Run the program as `__main__`; its traceback does not show this script.

    Args:
        source: the program.
        name: its file.
        out_of_memory: exit code that tells the parent that memory was used up.
    """
    main = type(sys)("__main__")
    main.__dict__.update(__file__=name, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    sys.argv[:] = [name]
    try:
        exec(compile(source, name, "exec", dont_inherit=True), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - what the interpreter would report is reported here
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        try:
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            sys.exit(out_of_memory if isinstance(error, MemoryError) else 1)


def _main() -> None:
    orders = marshal.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    # The parent closed all descriptors but this one, over which it learns that the restrictions are in place.
    status = os.dup2(orders["status"], 3)
    os.closerange(4, 1 << 20)
    os.chdir(orders["folder"])
    sys.path.insert(0, orders["folder"])
    sys.meta_path.append(_Packages(*orders["packages"]))
    _restrict(orders)
    os.write(status, b"restricted")
    os.close(status)
    _run(orders["files"]["main.py"], "main.py", out_of_memory=orders["out_of_memory"])


if __name__ == "__main__":
    _main()
