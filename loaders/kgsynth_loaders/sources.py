"""The files that a source holds: a file, a folder, a pattern, an archive, or `-` for standard input.

Every file below a source comes out once: as a file to read, as one that a rule leaves out, or as a reject.
"""

import atexit
import glob
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from kgsynth.errors import ConfigError
from kgsynth.records import Position, Reject, Skipped
from kgsynth_loaders import arrow_folder, formats
from kgsynth_loaders.formats import Found

_LIBRARY_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "__macosx"})
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
_SAVED_DATASET = Found(formats.SAVED_DATASET)
_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to read.

    Attributes:
        path: where its bytes are.
        name: where people find it: the path as they wrote it, with that of a member of an archive behind it.
        id: what the document in it is called: its path within the source.
        folder: the name of the folder it lies in, where that says what it is about.
        found: its format, or why there is none.
        is_temporary: a member of an archive, to be removed once it has been read.
        is_named: people named this very file, so that what is wrong with it stops the work.
    """

    path: Path
    name: str
    id: str
    found: Found
    folder: str = ""
    is_temporary: bool = False
    is_named: bool = False


Entry = SourceFile | Skipped | Reject


def entries(source: str) -> Iterator[Entry]:
    """All files of a source, in the order of their paths.

    Raises:
        ConfigError: there is no such source, or it can be read only once.
    """
    if source == "-":
        copy = _standard_input()
        yield SourceFile(path=copy, name="-", id="stdin", found=formats.format_of(copy, "-"))
        return
    path = Path(source).expanduser()
    if not path.exists() and not path.is_symlink():
        if not _PATTERN.intersection(source):
            raise ConfigError(
                f"{source}: no such file or folder", hint="Paths are relative to the folder that you are in."
            )
        yield from _matches(source)
        return
    if path.is_dir():
        yield from _folder(path, source.rstrip("/") or "/")
        return
    if not path.is_file():
        raise ConfigError(
            f"{source} is a pipe or a device, and a source is read more than once",
            hint="Write its data to a file first, or give `-` and pipe it in.",
        )
    for entry in _entry(path, name=source, identity=_as_id(source), folder=""):
        yield replace(entry, is_named=True) if isinstance(entry, SourceFile) else entry


def _as_id(source: str) -> str:
    """A path as it was written; of one that begins at the root, the file and its folder."""
    parts = [part for part in Path(source).as_posix().split("/") if part not in ("", ".", "..")]
    return "/".join(parts[-2:] if Path(source).is_absolute() else parts)


@cache
def _standard_input() -> Path:
    """A copy of what is piped in, kept until the process ends, since sources are read more than once.

    Raises:
        ConfigError: nothing is piped in.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise ConfigError("the source `-` is standard input, and nothing is piped in")
    folder = tempfile.mkdtemp(prefix="kgsynth-stdin-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder) / "stdin"
    with copy.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return copy


def _matches(pattern: str) -> Iterator[Entry]:
    paths = sorted(glob.glob(pattern, recursive=True))
    if not paths:
        raise ConfigError(f"no file matches {pattern}")
    for one in paths:
        path = Path(one)
        if path.is_dir():
            # With ** the files of a folder match by themselves.
            if "**" not in pattern:
                yield from _folder(path, one)
        else:
            yield from _entry(path, name=one, identity=_as_id(one), folder=path.parent.name)


def _folder(root: Path, source: str) -> Iterator[Entry]:
    above = root.resolve().name
    if arrow_folder.is_saved_dataset(root):
        yield SourceFile(path=root, name=source, id=above, found=_SAVED_DATASET)
        return
    has_any = False
    for path in _walk(root, {_identity(root)}):
        has_any = True
        if not isinstance(path, Path):
            yield path
            continue
        relative = path.relative_to(root)
        name = f"{source.rstrip('/')}/{relative.as_posix()}"
        folder = relative.parent.name or root.resolve().name
        yield from _entry(path, name=name, identity=f"{above}/{relative.as_posix()}", folder=folder)
    if not has_any:
        raise ConfigError(f"{source} holds no file")


def _walk(folder: Path, above: set[tuple[int, int]]) -> Iterator[Path | Skipped | Reject]:
    """The files below a folder; `above` are the folders on the way, which a link must not lead back to."""
    try:
        found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Reject(position=_position(str(folder)), reason="folder cannot be read", raw=str(error))
        return
    names = {entry.name for entry in found}
    for entry in found:
        path = folder / entry.name
        if not entry.is_dir():
            yield path
            continue
        rule = folder_rule(entry.name, names)
        if rule:
            yield from _skipped_folder(path, rule)
        elif _identity(path) in above:
            yield Skipped(position=_position(str(path)), rule="a link to a folder above it")
        elif arrow_folder.is_saved_dataset(path):
            yield path
        else:
            yield from _walk(path, {*above, _identity(path)})


def folder_rule(name: str, beside: Collection[str] = ()) -> str:
    """Why the files of a folder are left out; empty when they are read."""
    if name.startswith("."):
        return ".git" if name == ".git" else "hidden"
    if name.lower() in _LIBRARY_FOLDERS:
        return name
    page = name.removesuffix("_files")
    if page != name and (f"{page}.html" in beside or f"{page}.htm" in beside):
        return "files of a saved page"
    return ""


def _skipped_folder(folder: Path, rule: str) -> Iterator[Skipped]:
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            yield Skipped(position=_position(os.path.join(place, name)), rule=rule)


def _identity(folder: Path) -> tuple[int, int]:
    state = folder.stat()
    return state.st_dev, state.st_ino


def _position(name: str) -> Position:
    return Position(source=name.encode("utf-8", "replace").decode())


def _entry(path: Path, *, name: str, identity: str, folder: str) -> Iterator[Entry]:
    """A file, or why it is not read."""
    position = _position(name)
    if position.source != name:
        yield Reject(position=position, reason="the file's name is not UTF-8")
        return
    try:
        state = path.stat()
    except OSError as error:
        reason = "a link to nothing" if path.is_symlink() else "cannot be read"
        yield Reject(position=position, reason=reason, raw=str(error))
        return
    rule = file_rule(path.name)
    if rule:
        yield Skipped(position=position, rule=rule)
    elif stat.S_ISDIR(state.st_mode):
        yield SourceFile(path=path, name=name, id=identity, folder=folder, found=_SAVED_DATASET)
    elif not stat.S_ISREG(state.st_mode):
        yield Reject(position=position, reason="a pipe or a device")
    elif state.st_size == 0:
        yield Skipped(position=position, rule="empty")
    else:
        try:
            found = formats.format_of(path, name)
        except OSError as error:
            yield Reject(position=position, reason="cannot be read", raw=str(error))
            return
        yield SourceFile(path=path, name=name, id=identity, folder=folder, found=found)


def file_rule(name: str) -> str:
    """Why a file of this name is left out; empty when it is read."""
    if name.startswith((".", "._")):
        return "hidden"
    if name.lower() in _SYSTEM_FILES or name.startswith("~$") or name.endswith("~"):
        return "a temporary file"
    return formats.NO_TEXT.get((formats.endings(name) or [""])[0], "")


def remove(file: SourceFile) -> None:
    """Remove a member of an archive that has been read."""
    if file.is_temporary:
        with suppress(OSError):
            file.path.unlink()
