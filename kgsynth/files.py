"""Files that are written atomically: they appear complete or not at all."""

import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kgsynth.errors import ManifestError

_LOG = logging.getLogger(__name__)

# A disk with less free space counts as full.
_FULL_BYTES = 2**20


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file atomically.

    Raises:
        ManifestError: the file cannot be written.
    """
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; the file is renamed if the block succeeds and its bytes are on disk.

    What killed calls have left beside the file is removed.

    Raises:
        ManifestError: the file cannot be written, or the path is that of a device or a pipe, which a rename would
            replace.
    """
    path = path.resolve()  # a link stays
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ManifestError(f"{path} is a device or a pipe", hint="Give the path of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A hash, because a name may be as long as names can be.
        prefix = f".part-{hashlib.blake2b(os.fsencode(path.name), digest_size=6).hexdigest()}-"
        remove_left(path.parent, prefix)
        partial, descriptor = make_locked(
            lambda: Path(_closed(tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)))
        )
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield partial
        partial.chmod(0o644)
        os.fsync(descriptor)
        partial.replace(path)
        _LOG.debug("wrote %s", path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise unwritable(path, error) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _closed(made: tuple[int, str]) -> str:
    os.close(made[0])
    return made[1]


def make_locked(make: Callable[[], Path]) -> tuple[Path, int]:
    """Make a file or folder and lock it; returns its path and the descriptor that holds the lock until it is closed."""
    while True:
        path = make()
        # Before it is locked, another process may take it for one that a killed call has left, and remove it.
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        with suppress(OSError):  # some network disks have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return path, descriptor
        os.close(descriptor)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_left(folder: Path, prefix: str, remove: Callable[[Path], None] = _remove) -> None:
    """Remove what killed calls have left in a folder: files and folders with this prefix that no process has locked.

    Args:
        folder: the folder; links in it are not followed.
        prefix: beginning of the names.
        remove: removes a file or folder; it stays if this raises OSError.
    """
    with os.scandir(folder) as entries:
        left_paths = [Path(entry.path) for entry in entries if entry.name.startswith(prefix)]
    for path in left_paths:
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(path)
            finally:
                os.close(descriptor)


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder for temporary files, and delete it; what killed calls have left goes first.

    Args:
        parent: where to make the folder; None for the system's folder for temporary files.

    Raises:
        ManifestError: the folder cannot be made, or its disk is full.
    """
    place, prefix = (Path(tempfile.gettempdir()), "kgsynth-scratch-") if parent is None else (parent, ".part-scratch-")
    try:
        remove_left(place, prefix)
        folder, descriptor = make_locked(lambda: Path(tempfile.mkdtemp(prefix=prefix, dir=place)))
    except OSError as error:
        raise unwritable(place, error) from error
    try:
        with _full_disk_named(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def _full_disk_named(folder: Path) -> Iterator[None]:
    """Name the folder in an error of the operating system or of SQLite that says only that a disk is full."""
    try:
        yield
    except Exception as error:
        is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or (
            getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
        )
        if is_full and not getattr(error, "filename", None) and shutil.disk_usage(folder).free < _FULL_BYTES:
            raise unwritable(folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that only this user can read, and delete it; what a killed call has left goes first.

    Raises:
        ManifestError: the folder cannot be made, or its disk is full.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise unwritable(folder.parent, error) from error
    try:
        with _full_disk_named(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Exclude other calls with the same path during the block; they wait. A file with the suffix .lock stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def unwritable(path: Path, error: OSError) -> ManifestError:
    """Return an error that says why a file could not be written, and what to do."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None)
    return ManifestError(
        f"{path} could not be written: {error}",
        hint="Is the disk full? Finished work is kept: free space, and run the same command again."
        if is_full
        else "Check that the folder is writable. Finished work is kept: run the same command again.",
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that kgsynth wrote.

    Raises:
        ManifestError: the file cannot be read, or is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(
            f"{path} cannot be read: {error}", hint="Remove the run folder, or choose another --run-dir."
        ) from error
    if not isinstance(value, dict):
        raise ManifestError(
            f"{path} is not a JSON object, so kgsynth did not write it",
            hint="Remove the run folder, or choose another --run-dir.",
        )
    return value


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file atomically.

    Raises:
        ManifestError: the file cannot be written.
    """
    with atomic(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
