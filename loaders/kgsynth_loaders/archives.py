"""The members of zip and tar archives, one after the other, each as a temporary file.

No member is written under its own name, none is larger than `MAX_MEMBER_BYTES`, and an archive that unpacks to much
more than it holds is given up.
"""

import re
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Self

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


_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


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


class _TarFile(tarfile.TarFile):
    """A tar archive that knows whether it has come to the blocks of zeros at its end."""

    is_at_end = False


class _TarHeader(tarfile.TarInfo):
    """A header of a tar archive; a broken or missing one is an error, where the library ends the archive."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """The next header.

        Raises:
            tarfile.ReadError: there is none, and the archive has not ended, or it is broken.
        """
        try:
            found = super().fromtarfile(tarfile)
        except _TAR_END:
            tarfile.is_at_end = True  # type: ignore[attr-defined]
            raise
        except _TAR_HEADER_ERROR as error:
            if isinstance(error, _TAR_NOTHING) and getattr(tarfile, "is_at_end", False):
                raise
            raise _TAR_ERROR(f"no header and no end of the archive: {error}") from error
        return found


_TAR_END, _TAR_NOTHING = tarfile.EOFHeaderError, tarfile.EmptyHeaderError  # type: ignore[attr-defined]
_TAR_HEADER_ERROR, _TAR_ERROR = tarfile.HeaderError, tarfile.ReadError


def members(archive: SourceFile, desk: Path, encoding: str = "") -> Iterator[Entry]:
    """The members of an archive, of archives within it too, in their order.

    Args:
        archive: a file of one of FORMATS.
        desk: an existing folder for members; each of them is to be removed once it has been read.
        encoding: what the user says that text files have; empty for nothing.
    """
    yield from _members(archive, desk, encoding, depth=1)


def _members(archive: SourceFile, desk: Path, encoding: str, depth: int) -> Iterator[Entry]:
    position = Position(source=archive.name)
    if depth > MAX_DEPTH:
        yield Reject(position=position, reason=f"archives within archives, more than {MAX_DEPTH} deep")
        return
    if archive.found.format is formats.ZIP:
        found = _zip(archive, desk, encoding)
    else:
        read = _tar if archive.found.format is formats.TAR else _single
        found = read(archive, desk, encoding)
    try:
        for entry in found:
            if isinstance(entry, SourceFile) and entry.found.format in FORMATS:
                yield from _members(entry, desk, encoding, depth + 1)
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
    return name.startswith(("/", "\\")) or ".." in parts or _DRIVE.match(name) is not None


def _cleaned(name: str) -> str:
    r"""A member's name without a leading `/` and without parts that say "this folder".

    Some programs of Windows write `\` between the parts.
    """
    name = name if "/" in name else name.replace("\\", "/")
    return "/".join(part for part in name.lstrip("/").split("/") if part != ".")


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


def _file(archive: SourceFile, name: str, path: Path, encoding: str) -> SourceFile:
    folder = Path(name).parent.name or Path(archive.name).name.split(".")[0]
    called = _position(archive, name).source
    return SourceFile(
        path=path,
        name=called,
        id=f"{archive.id}/{name}".encode("utf-8", "replace").decode(),
        found=formats.format_of(path, called, encoding=encoding),
        folder=folder,
        is_temporary=True,
    )


def _zip(archive: SourceFile, desk: Path, encoding: str) -> Iterator[Entry]:
    budget = _Budget(archive.path)
    with zipfile.ZipFile(archive.path) as opened:
        for member in opened.infolist():
            name = _cleaned(member.filename)
            if name.endswith("/"):
                continue
            reason = _left_out(archive, name, member.file_size)
            if reason:
                yield reason
                continue
            position = _position(archive, name)
            if member.flag_bits & 1:
                yield Reject(position=position, reason="encrypted")
                continue
            path = _new_file(desk, name)
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
            yield _file(archive, name, path, encoding)


def _tar(archive: SourceFile, desk: Path, encoding: str) -> Iterator[Entry]:
    budget = _Budget(archive.path)
    # With `ignore_zeros`, what follows the first end is read as well: several archives may stand in one file.
    with (
        text_lines.open_bytes(str(archive.path)) as unpacked,
        _TarFile.open(fileobj=unpacked, mode="r|", ignore_zeros=True, tarinfo=_TarHeader) as opened,
    ):
        for member in opened:
            if member.isdir():
                continue
            position = _position(archive, member.name)
            if not member.isfile():
                yield Skipped(position=position, rule="a link or a device in an archive")
                continue
            name = _cleaned(member.name)
            reason = _left_out(archive, name, member.size)
            if reason:
                yield reason
                continue
            packed = opened.extractfile(member)
            path = _new_file(desk, name)
            if packed is not None:
                budget.copy(packed, path)
            yield _file(archive, name, path, encoding)


def _single(archive: SourceFile, desk: Path, encoding: str) -> Iterator[Entry]:
    name = Path(archive.name).name
    inner = name.rsplit(".", 1)[0] if name.lower().endswith((".gz", ".bz2", ".xz", ".zst", ".z", ".lzma")) else name
    path = _new_file(desk, inner)
    budget = _Budget(archive.path)
    try:
        with text_lines.open_bytes(str(archive.path)) as unpacked:
            budget.copy(unpacked, path)
    except _DAMAGED as error:
        yield _compressed(archive, path, encoding)
        yield Reject(
            position=Position(source=archive.name), reason="file is damaged from here on", raw=str(error)[:300]
        )
        return
    yield _compressed(archive, path, encoding)


def _compressed(archive: SourceFile, path: Path, encoding: str) -> SourceFile:
    """A compressed file under its own name; what it holds is known by the name without the ending."""
    found = formats.format_of(path, text_lines.without_packing(archive.name), encoding=encoding)
    return replace(archive, path=path, found=found, is_temporary=True, is_named=False)
