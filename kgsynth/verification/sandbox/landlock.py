"""The back end landlock: rights on files by Landlock, everything else by the filter of system calls and by limits.

The three system calls of Landlock are called through ctypes. The package py-landlock would be loaded in the program's
process, which takes 30 ms per run.
"""

import ctypes
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from kgsynth.errors import SandboxError
from kgsynth.files import make_locked, remove_left
from kgsynth.verification.sandbox import orders
from kgsynth.verification.sandbox.limits import DEFAULT_LIMITS, MIB, Limits
from kgsynth.verification.sandbox.program_run import NO_FILES, ProgramRun, State
from kgsynth.verification.sandbox.readable import Readable, readable
from kgsynth.verification.sandbox.supervise import supervise

_CREATE_RULESET = 444
_VERSION_FLAG = 1

_WRITE_FILE, _READ_FILE, _READ_DIR, _IOCTL_DEVICE = 1 << 1, 1 << 2, 1 << 3, 1 << 15
_READ = _READ_FILE | _READ_DIR
# Execute a file; make a device, a socket or a named pipe; control a device.
_NEVER = 1 << 0 | 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | _IOCTL_DEVICE
# Number of rights on files by version of the interface.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_WITH_NETWORK, _WITH_SCOPES = 4, 6
_ALL_OF_TWO = 0b11

_PREFIX = "kgsynth-sandbox-"
# Maximum number of files and folders.
_FILES = 1000
# Room for other programs of the same user, which the kernel counts together; the watch applies the limit itself.
_OTHER_THREADS = 1024


class Landlock:
    """Runs programs without namespaces; the folder is one of the temporary folder, and is removed after the run."""

    name = "landlock"

    @property
    def version(self) -> str:
        """The version of the kernel's interface.

        Raises:
            SandboxError: the kernel does not offer Landlock.
        """
        return f"ABI {_interface()}"

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
        size = limits.file_mib * MIB + sum(map(len, content.values()))
        threads = limits.processes if identity not in (None, orders.NOBODY) else _threads_of_user() + _OTHER_THREADS
        with _folder(identity) as folder:
            return supervise(
                lambda _: [can_read.executable, *orders.OPTIONS, orders.LAUNCHER],
                orders.orders(
                    folder=folder,
                    content=content,
                    limits=limits,
                    threads=threads,
                    can_read=can_read,
                    identity=identity,
                    parent=os.getpid(),
                    # The interpreter of root can lie in a folder that only root may enter.
                    keep_search=True,
                    landlock=_rules(folder, can_read),
                ),
                limits=limits,
                environment=orders.environment(folder),
                watch=lambda process: _watch(process, folder, size=size, limits=limits),
            )


def _interface() -> int:
    """Return the version of Landlock's interface.

    Raises:
        SandboxError: the kernel does not offer Landlock.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG))
    if version < 1:
        raise SandboxError(
            f"the kernel does not offer Landlock: {os.strerror(ctypes.get_errno())}",
            hint="Linux from 5.13 has it; it can be switched on by the boot parameter lsm=landlock,….",
        )
    return version


def _rules(folder: str, can_read: Readable) -> tuple[tuple[int, int, int], list[tuple[str, int]]]:
    """Return the rights that are denied in general (files, network, scopes), and those that are granted by path."""
    version = _interface()
    files = (1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1
    network = _ALL_OF_TWO if version >= _WITH_NETWORK else 0
    scopes = _ALL_OF_TWO if version >= _WITH_SCOPES else 0
    # A right to list a folder includes the folders in it, but not the right to read their files.
    rights = [(path, _READ_DIR) for path in (can_read.standard_library, *can_read.package_folders)]
    readable_paths = [*can_read.libraries, can_read.executable, *can_read.packages]
    readable_paths += [
        entry.path for entry in os.scandir(can_read.standard_library) if entry.path not in can_read.hidden
    ]
    rights += [(path, _READ if os.path.isdir(path) else _READ_FILE) for path in readable_paths]
    rights += [("/dev/null", _READ_FILE | _WRITE_FILE), ("/dev/urandom", _READ_FILE), (folder, files & ~_NEVER)]
    return (files, network, scopes), rights


@contextmanager
def _folder(identity: int | None) -> Iterator[str]:
    """Make a folder that belongs to the user of the program, and remove it afterwards."""
    place = Path(os.path.realpath(tempfile.gettempdir()))
    _remove_left(place)
    path, lock = make_locked(lambda: Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place)))
    folder = str(path)
    try:
        if identity is not None:
            os.chown(folder, identity, identity)
        yield folder
    finally:
        try:
            _remove(folder)
        finally:
            os.close(lock)


@cache
def _remove_left(place: Path) -> None:
    """Remove the folders that killed processes have left, once per process: each run would search the whole place."""
    remove_left(place, _PREFIX, _remove_own)


def _remove_own(path: Path) -> None:
    """Remove a folder, but not that of another user, who could add to it without end."""
    owner = path.lstat().st_uid
    if owner == os.geteuid() or (os.geteuid() == 0 and orders.is_identity(owner)):
        _remove(str(path))


def _remove(folder: str) -> None:
    """Remove a folder without recursion, since a program can nest folders deeper than Python can call.

    Folders inside are moved up one level at a time. Each is opened without following links, and all work goes through
    the open folders and not through paths. So a link to a folder outside is removed, even if a program puts it where a
    folder was.
    """
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        while names := os.listdir(top):
            for name in names:
                _flatten(name, top)
    finally:
        os.close(top)
    os.rmdir(folder)


def _flatten(name: str, top: int) -> None:
    """Remove an entry of an open folder; what a folder holds is moved up, under new names."""
    inner = _opened(name, top)
    if inner is None:
        os.unlink(name, dir_fd=top)
        return
    try:
        for entry in os.listdir(inner):
            # A folder can be moved only if it can be written to.
            below = _opened(entry, inner)
            if below is not None:
                os.close(below)
            os.rename(entry, f".{os.urandom(12).hex()}", src_dir_fd=inner, dst_dir_fd=top)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)


def _opened(name: str, parent: int) -> int | None:
    """Open an entry of an open folder, with all rights of its owner; None if it is not a folder, such as a link."""
    try:
        handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except NotADirectoryError:
        return None
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY)
    finally:
        os.close(handle)


def _threads_of_user() -> int:
    """Return the number of threads of this process's user."""
    user = os.geteuid()
    count = 0
    for entry in os.scandir("/proc"):
        with suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == user:
                count += len(os.listdir(f"{entry.path}/task"))
    return count


def _watch(process: int, folder: str, *, size: int, limits: Limits) -> State | None:
    """Stop a program with too many threads, or with too many or too large files.

    Files that were deleted but are still open are not seen; their number and size are limited, each.
    """
    with suppress(OSError):
        if len(os.listdir(f"/proc/{process}/task")) > limits.processes:
            return "killed"
    count, total = 0, 0
    waiting = [folder]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except FileNotFoundError:
            continue
        except OSError:
            # A name that is too long, or a folder without rights, which the program can only make to hide something.
            return "killed"
        for entry in entries:
            count += 1
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                total += entry.stat(follow_symlinks=False).st_size
        if count > _FILES or total > size:
            return "too much output"
    return None
