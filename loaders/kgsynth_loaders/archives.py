"""Unpack the members of zip and tar archives one after the other to temporary files.

No member is written under its own name, and none may be larger than `MAX_MEMBER_BYTES`. If an archive unpacks to far
more than its own size, the members of a zip archive over the limit are rejected, and other archives are abandoned,
because the size of their next member is known only after decompression.
"""

import re
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Self, cast

from kgsynth.records import Position, Reject, Skipped
from kgsynth_loaders import formats, sources, text_lines
from kgsynth_loaders.sources import Entry, SourceFile

# Formats that are read member by member.
FORMATS = (formats.ZIP, formats.TAR, formats.COMPRESSED)
MAX_MEMBER_BYTES = 2 * 2**30
# Limit of the unpacked size: this multiple of the archive's size, or this number of bytes if that is larger.
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


_NO_FILE = "a link or a device in an archive"
_BREAKS_OFF = "it breaks off before the list of its members"
# The header of a member of a zip archive, its signature, and that of the descriptor after a member of unknown length.
_ZIP_HEADER, _ZIP_SIGNATURE, _ZIP_TAIL_SIGNATURE = struct.Struct("<4s2xHH8xI4xHH"), b"PK\x03\x04", b"PK\x07\x08"
_ENCRYPTED, _HAS_TAIL, _IS_UTF8 = 0x1, 0x8, 0x800
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


class _TooLargeError(Exception):
    """A member, or the whole archive, unpacks to more than the limit."""


class _Budget:
    """The number of bytes to which an archive may still unpack."""

    def __init__(self, path: Path) -> None:
        self.left = max(_ALWAYS_BYTES, _MAX_RATIO * path.stat().st_size)

    def copy(self, member: IO[bytes], target: Path) -> None:
        """Write a member to a file.

        Raises:
            _TooLargeError: the member or the archive unpacks to more than its limit.
        """
        written = 0
        with target.open("wb") as file:
            # read1 returns the data before an error in a damaged member.
            read = getattr(member, "read1", member.read)
            while chunk := read(_CHUNK):
                written += len(chunk)
                self.left -= len(chunk)
                if written > MAX_MEMBER_BYTES or self.left < 0:
                    raise _TooLargeError
                file.write(chunk)


class _TarFile(tarfile.TarFile):
    """A tar archive that records whether the zero blocks at its end were reached."""

    is_at_end = False


class _TarHeader(tarfile.TarInfo):
    """A header of a tar archive; a damaged or missing header is an error, not the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """Return the next header.

        Raises:
            tarfile.ReadError: the header is damaged, or it is missing before the end of the archive.
        """
        try:
            header = super().fromtarfile(tarfile)
        except _TAR_END:
            tarfile.is_at_end = True  # type: ignore[attr-defined]
            raise
        except _TAR_HEADER_ERROR as error:
            if isinstance(error, _TAR_NOTHING) and getattr(tarfile, "is_at_end", False):
                raise
            raise _TAR_ERROR(f"no header and no end of the archive: {error}") from error
        return header


_TAR_END, _TAR_NOTHING = tarfile.EOFHeaderError, tarfile.EmptyHeaderError  # type: ignore[attr-defined]
_TAR_HEADER_ERROR, _TAR_ERROR = tarfile.HeaderError, tarfile.ReadError


def members(archive: SourceFile, desk: Path, encoding: str = "") -> Iterator[Entry]:
    """Yield the members of an archive and of nested archives in their order.

    Args:
        archive: a file of one of FORMATS.
        desk: an existing folder for the members; the caller removes each member after reading it.
        encoding: encoding of text files that the user gave; empty for none.
    """
    yield from _members(archive, desk, encoding, depth=1)


def _members(archive: SourceFile, desk: Path, encoding: str, depth: int) -> Iterator[Entry]:
    position = Position(source=archive.name)
    if depth > MAX_DEPTH:
        yield Reject(position=position, reason=f"archives within archives, more than {MAX_DEPTH} deep")
        return
    if archive.found.format is formats.ZIP:
        archive_entries = _zip(archive, desk, encoding)
    else:
        read = _tar if archive.found.format is formats.TAR else _single
        archive_entries = read(archive, desk, encoding)
    try:
        for entry in archive_entries:
            if isinstance(entry, SourceFile) and entry.found.format in FORMATS:
                yield from _members(entry, desk, encoding, depth + 1)
                sources.remove(entry)
                yield from entry.broken_off()
            else:
                yield entry
    except _TooLargeError:
        yield Reject(position=position, reason="unpacks to far more than it holds; the rest of it was not read")
    except _DAMAGED as error:
        yield Reject(position=position, reason="archive is damaged from here on", raw=str(error)[:300])


def _new_file(desk: Path, name: str) -> Path:
    """Create a file with a generated name and the extension of the member."""
    ending = "".join(Path(name).suffixes[-2:])[:40].encode("ascii", "ignore").decode().replace("/", "")
    handle, path = tempfile.mkstemp(prefix="member-", suffix=ending, dir=desk)
    with open(handle, "wb"):
        pass
    return Path(path)


def _is_outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or _DRIVE.match(name) is not None


def _cleaned(name: str) -> str:
    r"""Return a member's name without a leading `/` and without `.` parts.

    Some Windows programs separate the parts by `\`.
    """
    name = name if "/" in name else name.replace("\\", "/")
    return "/".join(part for part in name.lstrip("/").split("/") if part != ".")


def _position(archive: SourceFile, name: str) -> Position:
    """Return the position of a member: the name of its archive followed by its own name."""
    return Position(source=f"{archive.name}/{name}".encode("utf-8", "replace").decode())


def _exclusion(archive: SourceFile, name: str, size: int) -> Skipped | Reject | None:
    """Return a reject or skip if a member is not to be read; else None."""
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
    full_name = _position(archive, name).source
    return SourceFile(
        path=path,
        name=full_name,
        id=f"{archive.id}/{name}".encode("utf-8", "replace").decode(),
        found=formats.format_of(path, full_name, encoding=encoding),
        folder=folder,
        is_temporary=True,
    )


def _zip(archive: SourceFile, desk: Path, encoding: str) -> Iterator[Entry]:
    budget = _Budget(archive.path)
    try:
        opened = zipfile.ZipFile(archive.path)
    except zipfile.BadZipFile as error:
        yield from _torn_zip(archive, desk, encoding, budget)
        raise zipfile.BadZipFile(_BREAKS_OFF) from error
    with opened:
        for member in opened.infolist():
            name = _cleaned(member.filename)
            if name.endswith("/"):
                continue
            reason = _exclusion(archive, name, member.file_size)
            if reason:
                yield reason
                continue
            position = _position(archive, name)
            if stat.S_ISLNK(member.external_attr >> 16):
                yield Skipped(position=position, rule=_NO_FILE)
                continue
            if member.flag_bits & 1:
                yield Reject(position=position, reason="encrypted")
                continue
            # zipfile unpacks no more of a member than its declared size, so that the members after a bomb can be read.
            if member.file_size > MAX_MEMBER_BYTES:
                yield Reject(position=position, reason=f"larger than {MAX_MEMBER_BYTES / 2**30:.0f} GiB")
                continue
            if member.file_size > budget.left:
                yield Reject(position=position, reason="unpacks to far more than its archive holds")
                continue
            path = _new_file(desk, name)
            try:
                with opened.open(member) as packed:
                    budget.copy(packed, path)
            except (*_DAMAGED, RuntimeError) as error:
                path.unlink()
                yield Reject(position=position, reason="damaged", raw=str(error)[:300])
                continue
            yield _file(archive, name, path, encoding)


class _Inflated:
    """A stored or deflated member that is read up to its own end, without the archive's list of members."""

    def __init__(self, file: IO[bytes], length: int | None) -> None:
        self._file = file
        self._left = length
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; empty at the end of the member, where the file is positioned behind it.

        Raises:
            EOFError: the archive is truncated within the member.
        """
        if self._left is not None:
            data = self._file.read(min(size, self._left))
            self._left -= len(data)
            if not data and self._left:
                raise EOFError(_BREAKS_OFF)
            return data
        while not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._file.read(65_536)
            if not packed:
                raise EOFError(_BREAKS_OFF)
            data = self._unpacker.decompress(packed, size)
            if self._unpacker.eof:
                self._file.seek(-len(self._unpacker.unused_data), 1)
            if data:
                return data
        return b""


def _torn_zip(archive: SourceFile, desk: Path, encoding: str, budget: _Budget) -> Iterator[Entry]:
    """Yield the complete members of a truncated zip archive, which lacks its list of members, by their headers."""
    with archive.path.open("rb") as file:
        while len(head := file.read(_ZIP_HEADER.size)) == _ZIP_HEADER.size and head.startswith(_ZIP_SIGNATURE):
            _, flags, method, packed_size, name_size, extra_size = _ZIP_HEADER.unpack(head)
            raw = file.read(name_size)
            name = _cleaned(raw.decode("utf-8" if flags & _IS_UTF8 else "cp437", "replace"))
            file.seek(extra_size, 1)
            is_stored = method == zipfile.ZIP_STORED and not flags & _HAS_TAIL
            if flags & _ENCRYPTED or not (is_stored or method == zipfile.ZIP_DEFLATED):
                return
            path = _new_file(desk, name)
            try:
                budget.copy(cast("IO[bytes]", _Inflated(file, packed_size if is_stored else None)), path)
            except (*_DAMAGED, _TooLargeError):
                path.unlink()
                raise
            if flags & _HAS_TAIL:
                file.seek(12 if file.read(4) == _ZIP_TAIL_SIGNATURE else 8, 1)
            reason = None if name.endswith("/") else _exclusion(archive, name, path.stat().st_size)
            if reason or name.endswith("/"):
                path.unlink()
                yield from filter(None, [reason])
            else:
                yield _file(archive, name, path, encoding)


def _tar(archive: SourceFile, desk: Path, encoding: str) -> Iterator[Entry]:
    budget = _Budget(archive.path)
    # `ignore_zeros` also reads further archives after the first one in the same file.
    with (
        text_lines.open_bytes(str(archive.path)) as unpacked,
        _TarFile.open(fileobj=unpacked, mode="r|", ignore_zeros=True, tarinfo=_TarHeader) as opened,
    ):
        for member in opened:
            if member.isdir():
                continue
            position = _position(archive, member.name)
            if not member.isfile():
                yield Skipped(position=position, rule=_NO_FILE)
                continue
            name = _cleaned(member.name)
            reason = _exclusion(archive, name, member.size)
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
        yield replace(_compressed(archive, path, encoding), fault=str(error)[:300] or type(error).__name__)
        return
    yield _compressed(archive, path, encoding)


def _compressed(archive: SourceFile, path: Path, encoding: str) -> SourceFile:
    """Return a decompressed file under its original name; its format is detected by the name without the extension."""
    found = formats.format_of(path, text_lines.without_packing(archive.name), encoding=encoding)
    return replace(archive, path=path, found=found, is_temporary=True, is_named=False)
