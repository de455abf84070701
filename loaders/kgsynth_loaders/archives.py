"""The members of zip and tar archives, one after the other, each as a temporary file.

No member is written under its own name, none is larger than `MAX_MEMBER_BYTES`, and an archive that unpacks to much
more than it holds is given up.
"""

import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from kgsynth.records import Position, Reject, Skipped
from kgsynth_loaders import formats, sources, text_lines
from kgsynth_loaders.sources import Entry, SourceFile

# What is read member by member.
FORMATS = (formats.ZIP, formats.TAR, formats.COMPRESSED)
MAX_MEMBER_BYTES = 2 * 2**30
# An archive may unpack to so many times its own size, and to so many bytes in any case.
_MAX_RATIO = 200
_ALWAYS_BYTES = 256 * 2**20
MAX_DEPTH = 3
_CHUNK = 2**20
_DAMAGED = (
    *text_lines.DAMAGED,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
)


class _TooLargeError(Exception):
    """A member, or all of them, unpack to more than an archive may."""


class _Budget:
    """How much an archive may still unpack to."""

    def __init__(self, path: Path) -> None:
        self.left = max(_ALWAYS_BYTES, _MAX_RATIO * path.stat().st_size)

    def copy(self, member: IO[bytes], target: Path) -> None:
        """Write a member to a file.

        Raises:
            _TooLargeError: it is larger than a member may be.
        """
        written = 0
        with target.open("wb") as file:
            # What a damaged member holds up to its fault is kept.
            read = getattr(member, "read1", member.read)
            while chunk := read(_CHUNK):
                written += len(chunk)
                self.left -= len(chunk)
                if written > MAX_MEMBER_BYTES or self.left < 0:
                    raise _TooLargeError
                file.write(chunk)


def members(archive: SourceFile, desk: Path) -> Iterator[Entry]:
    """The members of an archive, of archives within it too, in their order.

    Args:
        archive: a file of one of FORMATS.
        desk: an existing folder for members; each of them is to be removed once it has been read.
    """
    yield from _members(archive, desk, depth=1)


def _members(archive: SourceFile, desk: Path, depth: int) -> Iterator[Entry]:
    position = Position(source=archive.name)
    if depth > MAX_DEPTH:
        yield Reject(position=position, reason=f"archives within archives, more than {MAX_DEPTH} deep")
        return
    if archive.found.format is formats.ZIP:
        found = _zip(archive, desk)
    else:
        found = _tar(archive, desk) if archive.found.format is formats.TAR else _single(archive, desk)
    try:
        for entry in found:
            if isinstance(entry, SourceFile) and entry.found.format in FORMATS:
                yield from _members(entry, desk, depth + 1)
                sources.remove(entry)
            else:
                yield entry
    except _TooLargeError:
        yield Reject(position=position, reason="unpacks to far more than it holds; the rest of it was not read")
    except _DAMAGED as error:
        yield Reject(position=position, reason="archive is damaged from here on", raw=str(error)[:300])


def _new_file(desk: Path, name: str) -> Path:
    """A file of a name of our own, with the ending of the member."""
    ending = "".join(Path(name).suffixes[-2:])[:40].encode("ascii", "ignore").decode().replace("/", "")
    handle, path = tempfile.mkstemp(prefix="member-", suffix=ending, dir=desk)
    with open(handle, "wb"):
        pass
    return Path(path)


def _is_outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":"


def _position(archive: SourceFile, name: str) -> Position:
    """Where a member is found: the name of its archive with its own behind it."""
    return Position(source=f"{archive.name}/{name}".encode("utf-8", "replace").decode())


def _left_out(archive: SourceFile, name: str, size: int) -> Skipped | Reject | None:
    """Why a member is not read; None when it is."""
    position = _position(archive, name)
    if _is_outside(name):
        return Reject(position=position, reason="its name leads out of the archive")
    parts = name.split("/")
    rule = next((rule for part in parts[:-1] if (rule := sources.folder_rule(part))), "") or sources.file_rule(
        parts[-1]
    )
    if not rule and size == 0:
        rule = "empty"
    return Skipped(position=position, rule=rule) if rule else None


def _file(archive: SourceFile, name: str, path: Path) -> SourceFile:
    folder = Path(name).parent.name or Path(archive.name).name.split(".")[0]
    called = _position(archive, name).source
    return SourceFile(
        path=path,
        name=called,
        id=f"{archive.id}/{name}".encode("utf-8", "replace").decode(),
        found=formats.format_of(path, called),
        folder=folder,
        is_temporary=True,
    )


def _zip(archive: SourceFile, desk: Path) -> Iterator[Entry]:
    budget = _Budget(archive.path)
    with zipfile.ZipFile(archive.path) as opened:
        for member in opened.infolist():
            if member.is_dir():
                continue
            reason = _left_out(archive, member.filename, member.file_size)
            if reason:
                yield reason
                continue
            position = _position(archive, member.filename)
            if member.flag_bits & 1:
                yield Reject(position=position, reason="encrypted")
                continue
            path = _new_file(desk, member.filename)
            try:
                with opened.open(member) as packed:
                    budget.copy(packed, path)
            except _TooLargeError:
                path.unlink()
                if budget.left < 0:
                    raise
                yield Reject(position=position, reason=f"larger than {MAX_MEMBER_BYTES / 2**30:.0f} GiB")
                continue
            except (*_DAMAGED, RuntimeError) as error:
                path.unlink()
                yield Reject(position=position, reason="damaged", raw=str(error)[:300])
                continue
            yield _file(archive, member.filename, path)


def _tar(archive: SourceFile, desk: Path) -> Iterator[Entry]:
    budget = _Budget(archive.path)
    with text_lines.open_bytes(str(archive.path)) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as opened:
        for member in opened:
            if member.isdir():
                continue
            position = _position(archive, member.name)
            if not member.isfile():
                yield Skipped(position=position, rule="a link or a device in an archive")
                continue
            name = member.name.removeprefix("./")
            reason = _left_out(archive, name, member.size)
            if reason:
                yield reason
                continue
            packed = opened.extractfile(member)
            path = _new_file(desk, name)
            if packed is not None:
                budget.copy(packed, path)
            yield _file(archive, name, path)


def _single(archive: SourceFile, desk: Path) -> Iterator[Entry]:
    name = Path(archive.name).name
    inner = name.rsplit(".", 1)[0] if name.lower().endswith((".gz", ".bz2", ".xz", ".zst", ".z", ".lzma")) else name
    path = _new_file(desk, inner)
    budget = _Budget(archive.path)
    try:
        with text_lines.open_bytes(str(archive.path)) as unpacked:
            budget.copy(unpacked, path)
    except _DAMAGED as error:
        yield _compressed(archive, path)
        yield Reject(
            position=Position(source=archive.name), reason="file is damaged from here on", raw=str(error)[:300]
        )
        return
    yield _compressed(archive, path)


def _compressed(archive: SourceFile, path: Path) -> SourceFile:
    """A compressed file under its own name: its ending says nothing of its own."""
    found = formats.format_of(path, archive.name)
    return replace(archive, path=path, found=found, is_temporary=True, is_named=False)
