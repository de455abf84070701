"""Files that are written atomically: they appear complete or not at all."""

import errno
import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kgsynth.errors import ManifestError

_LOG = logging.getLogger(__name__)


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

    Raises:
        ManifestError: the file cannot be written, or the path is that of a device or a pipe, which a rename would
            replace.
    """
    path = path.resolve()  # a link stays
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ManifestError(f"{path} is a device or a pipe", hint="Give the path of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    partial = Path(name)
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


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that only this user can read, and delete it; what a killed call has left goes first.

    Raises:
        ManifestError: the folder cannot be made.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise unwritable(folder.parent, error) from error
    try:
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
    except (OSError, ValueError) as error:
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
