"""List the files of a source: a file, a folder, a pattern, an archive, or `-` for standard input.

Every file of a source is listed once: as a file to read, as skipped by a rule, or as a reject.
"""

import fnmatch
import glob
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kgsynth.errors import ConfigError
from kgsynth.records import Position, Reject, Skipped
from kgsynth_loaders import arrow_folder, formats, text_lines
from kgsynth_loaders.formats import Found
from kgsynth_loaders.text_lines import standard_input as _standard_input

_LIBRARY_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "__macosx"})
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
_SAVED_DATASET = Found(formats.SAVED_DATASET)
_PATTERN = frozenset("*?[")
# Rules that do not apply to files that the user names.
_HIDDEN = ("hidden", "a temporary file")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to read.

    Attributes:
        path: path of its bytes.
        name: name for users: the path as they wrote it, followed by the path of a member of an archive.
        id: id of its document: its path within the source.
        folder: name of its folder, if that is a topic.
        found: its format, or the reason why it has none.
        is_temporary: whether it is an unpacked member of an archive, to be removed after reading.
        is_named: whether the user named this file, so that an error in it is raised.
        fault: why its decompression ended early; empty if it did not.
    """

    path: Path
    name: str
    id: str
    found: Found
    folder: str = ""
    is_temporary: bool = False
    is_named: bool = False
    fault: str = ""

    def broken_off(self) -> Iterator[Reject]:
        """Yield a reject if the decompression of the file ended early."""
        if self.fault:
            yield Reject(position=_position(self.name), reason=text_lines.DAMAGED_REASON, raw=self.fault)


Entry = SourceFile | Skipped | Reject


def entries(source: str, encoding: str = "", *, is_only: bool = True) -> Iterator[Entry]:
    """Yield the files of a source in the order of their paths.

    Args:
        source: a file, a folder, a pattern, an archive, or `-`.
        encoding: encoding of text files that the user gave; empty for none.
        is_only: whether there is no other source. Shells expand `notes/*`, so files among several sources do not count
            as named by the user; hidden files do, because shells do not expand to them.

    Raises:
        ConfigError: the source does not exist or can be read only once.
    """
    text_lines.refuse_empty(source)
    if source == text_lines.STANDARD_INPUT:
        copy = _standard_input()
        found = formats.format_of(copy, "-", encoding=encoding)
        yield SourceFile(path=copy, name="-", id="stdin", found=found, is_named=True)
        return
    path = Path(os.path.expanduser(source))
    # Unlike Path.exists, this accepts names that are too long for the file system.
    if not os.path.lexists(path):
        if not _PATTERN.intersection(source):
            text_lines.existing(source)
        yield from _matches(source, encoding)
        return
    if path.is_dir():
        yield from _folder(path, source.rstrip("/") or "/", encoding)
        return
    if not path.exists():
        raise ConfigError(f"{source} is a link to nothing", hint="Give the file that it should link to.")
    if not path.is_file():
        raise ConfigError(
            f"{source} is a pipe or a device, and a source is read more than once",
            hint="Write its data to a file first, or give `-` and pipe it in.",
        )
    exempt_rules = _HIDDEN if is_only else _HIDDEN[:1]
    for entry in _entry(
        path, name=source, identity=_as_id(source), folder="", encoding=encoding, exempt_rules=exempt_rules
    ):
        yield replace(entry, is_named=is_only) if isinstance(entry, SourceFile) else entry


def _as_id(source: str) -> str:
    """Return the path as written; for an absolute path only the file and its folder."""
    parts = [part for part in Path(source).as_posix().split("/") if part not in ("", ".", "..")]
    return "/".join(parts[-2:] if Path(source).is_absolute() else parts)


class FileIds:
    """Unique ids of the files of a call; memory use is two short hashes per file."""

    def __init__(self) -> None:
        self._path_hashes: dict[int, int] = {}
        self._name_hashes: dict[int, int] = {}

    def placed(self, file: SourceFile) -> SourceFile | Skipped:
        """Return the file with a unique id; a file that was already read under another name is skipped.

        An id that another file has is extended by the names of parent folders until it is unique.
        """
        path = os.path.realpath(os.path.expanduser(file.name))
        path_hash = hash(path)
        name_hash = hash((file.name, file.id))
        if path_hash in self._name_hashes:
            if self._name_hashes[path_hash] != name_hash:
                return Skipped(position=_position(file.name), rule="read under another name")
        else:
            self._name_hashes[path_hash] = name_hash
        identity = next(
            candidate
            for candidate in _longer_ids(file.id, path)
            if self._path_hashes.setdefault(hash(candidate), path_hash) == path_hash
        )
        return file if identity == file.id else replace(file, id=identity)


def _longer_ids(identity: str, path: str) -> Iterator[str]:
    """Yield an id, then longer and longer ends of its path, and finally the whole path."""
    yield identity
    parts = path.strip("/").split("/")
    for count in range(identity.count("/") + 2, len(parts) + 1):
        yield "/".join(parts[-count:])
    yield path


def _matches(pattern: str, encoding: str) -> Iterator[Entry]:
    above, stars, below = os.path.expanduser(pattern).partition("**")
    # glob.glob would follow a link to a parent folder repeatedly.
    is_deep = bool(stars) and above[-1:] in ("", "/") and below[:1] in ("", "/")
    paths = _deep_matches(above, below) if is_deep else glob.glob(os.path.expanduser(pattern))
    if not paths:
        raise ConfigError(f"no file matches {pattern}")
    for match in sorted(paths):
        path = Path(match)
        if path.is_dir():
            # With ** the pattern matches the files of a folder themselves.
            if not is_deep:
                yield from _folder(path, match, encoding)
        else:
            yield from _entry(path, name=match, identity=_as_id(match), folder=path.parent.name, encoding=encoding)


def _deep_matches(above: str, below: str) -> list[str]:
    """Return the files that `above**below` matches; hidden ones only where the pattern has a dot too."""
    pattern = ("**" + below).split("/")
    matches = []
    for root in sorted(glob.glob(above)) if above else [""]:
        for path in _files_below(root, set()):
            if _fits(path.removeprefix(root).split("/"), pattern):
                matches.append(path)
    return matches


def _files_below(folder: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Yield all files below a folder, whose path ends in `/`; a folder with several names is visited once."""
    try:
        identity = _identity(Path(folder))
        # Links are last, so that a folder is visited under its real path.
        entries = [] if identity in seen else sorted(os.scandir(folder or "."), key=lambda item: item.is_symlink())
    except OSError:
        return
    seen.add(identity)
    for entry in entries:
        path = f"{folder}{entry.name}"
        if os.path.isdir(path):
            yield from _files_below(f"{path}/", seen)
        else:
            yield path


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether the parts of a path match those of a pattern, in which `**` matches any number of folders."""
    if not pattern:
        return not parts
    is_hidden = bool(parts) and parts[0].startswith(".") and not pattern[0].startswith(".")
    if pattern[0] == "**":
        # At the end of a pattern it matches files too.
        is_end = len(pattern) == 1 and len(parts) == 1 and not is_hidden
        return is_end or _fits(parts, pattern[1:]) or (len(parts) > 1 and not is_hidden and _fits(parts[1:], pattern))
    if not parts or is_hidden or not fnmatch.fnmatchcase(parts[0], pattern[0]):
        return False
    return _fits(parts[1:], pattern[1:])


def _folder(root: Path, source: str, encoding: str) -> Iterator[Entry]:
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
        identity = f"{above}/{relative.as_posix()}"
        yield from _entry(path, name=name, identity=identity, folder=folder, encoding=encoding)
    if not has_any:
        raise ConfigError(f"{source} holds no file", hint="Give a folder with files.")


def _walk(folder: Path, above: set[tuple[int, int]]) -> Iterator[Path | Skipped | Reject]:
    """Yield the files below a folder; links back to a folder in `above`, the folders on the path, are skipped."""
    try:
        folder_entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Reject(position=_position(str(folder)), reason="folder cannot be read", raw=str(error))
        return
    names = {entry.name for entry in folder_entries}
    for entry in folder_entries:
        path = folder / entry.name
        # A link to itself is no folder; opening it reports the error.
        if not path.is_dir():
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
    """Return the rule by which the files of a folder are skipped; empty if they are read."""
    if name.startswith("."):
        return ".git" if name == ".git" else "hidden"
    if name.lower() in _LIBRARY_FOLDERS:
        return name
    page = name.removesuffix("_files")
    if page != name and (f"{page}.html" in beside or f"{page}.htm" in beside):
        return "files of a saved page"
    return ""


def _skipped_folder(folder: Path, rule: str) -> Iterator[Skipped]:
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            yield Skipped(position=_position(os.path.join(parent, name)), rule=rule)


def _identity(folder: Path) -> tuple[int, int]:
    state = folder.stat()
    return state.st_dev, state.st_ino


def _position(name: str) -> Position:
    return Position(source=name.encode("utf-8", "replace").decode())


def _entry(
    path: Path, *, name: str, identity: str, folder: str, encoding: str, exempt_rules: tuple[str, ...] = ()
) -> Iterator[Entry]:
    """Yield a file, or why it is not read; `exempt_rules` are rules of `file_rule` that do not apply to it."""
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
    if rule and rule not in exempt_rules:
        yield Skipped(position=position, rule=rule)
    elif stat.S_ISDIR(state.st_mode):
        yield SourceFile(path=path, name=name, id=identity, folder=folder, found=_SAVED_DATASET)
    elif not stat.S_ISREG(state.st_mode):
        yield Reject(position=position, reason="a pipe or a device")
    elif state.st_size == 0:
        yield Skipped(position=position, rule="empty")
    else:
        try:
            found = formats.format_of(path, name.rstrip("~"), encoding=encoding)
        except OSError as error:
            yield Reject(position=position, reason="cannot be read", raw=str(error))
            return
        yield SourceFile(path=path, name=name, id=identity, folder=folder, found=found)


def file_rule(name: str) -> str:
    """Return the rule by which a file of this name is skipped; empty if it is read."""
    if name.startswith((".", "._")):
        return _HIDDEN[0]
    if name.lower() in _SYSTEM_FILES or name.startswith("~$") or name.endswith("~"):
        return _HIDDEN[1]
    return formats.NO_TEXT.get((formats.endings(name) or [""])[0], "")


def remove(file: SourceFile) -> None:
    """Remove the temporary file of an archive's member."""
    if file.is_temporary:
        with suppress(OSError):
            file.path.unlink()
