r"""Lines of a text file as a stream in flat memory, unpacked and in UTF-8; a bad line is a reject.

Lines end at `\n` only: texts may hold U+2028 and its kin.
"""

import atexit
import bz2
import io
import lzma
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

import zstandard

from kgsynth.errors import ConfigError
from kgsynth.records import Position, Reject, Remark
from kgsynth_loaders import characters

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A longer line is a broken file, not a record; it is skipped without being held in memory.
MAX_LINE_BYTES = 16 * 2**20
# What of a bad line is kept to look at.
RAW_CHARS = 500
# Of the name of a source in an error.
_SHOWN_CHARS = 200

DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
DAMAGED_REASON = "file is damaged from here on"

_BUFFER_BYTES = 262_144
# A damaged file gives what it holds up to the block that cannot be unpacked.
_PACKED_BYTES, _UNPACKED_BYTES = 16_384, 32_768
_MAX_WINDOW_BYTES = 2**31
# So many bytes tell every compression.
_MARK_BYTES = 13


STANDARD_INPUT = "-"


def existing(source: str) -> Path:
    """The path of a source; for `-` that of a copy of standard input.

    Raises:
        ConfigError: nothing is there, or the source is an empty text.
    """
    if source == STANDARD_INPUT:
        return standard_input()
    refuse_empty(source)
    # Unlike Path.exists, this takes names that are too long for the file system.
    if not os.path.exists(source):
        raise ConfigError(
            f"{source[:_SHOWN_CHARS]}: no such file or folder", hint="Paths are relative to the folder you are in."
        )
    return Path(source)


def refuse_empty(source: str) -> None:
    """Refuse an empty text as a source: as a path it would be the current folder.

    Raises:
        ConfigError: the source is empty.
    """
    if not source:
        raise ConfigError("a source is an empty text", hint="Is a variable of the shell not set? `.` is this folder.")


@cache
def standard_input() -> Path:
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


def without_packing(name: str) -> str:
    """A file's name without the ending of its compression."""
    lower = name.lower()
    endings = (".gz", ".zst", ".bz2", ".xz", ".lzma")
    return next((name[: -len(ending)] for ending in endings if lower.endswith(ending)), name)


def open_bytes(source: str) -> IO[bytes]:
    """Open a file for reading, unpacked where its first bytes are those of gzip, zstd, bzip2, xz or LZMA.

    Reading raises one of `DAMAGED` where a compressed file breaks off, where it cannot be unpacked, and where other
    bytes follow it.

    Raises:
        ConfigError: it cannot be opened.
    """
    path = existing(source)
    if path.is_dir():
        raise ConfigError(f"{source} is a folder", hint="Use --loader auto.")
    try:
        file = path.open("rb", buffering=_BUFFER_BYTES)
        head = file.read(_MARK_BYTES)
        file.seek(0)
    except OSError as error:
        raise ConfigError(f"{source} cannot be opened: {error}") from error
    packed_as = packing(head) or (path.suffix.lower().lstrip(".") if b"\x00" in head else "")
    if packed_as not in _UNPACKERS:
        return file
    return cast("IO[bytes]", io.BufferedReader(_Unpacked(file, _UNPACKERS[packed_as]), _BUFFER_BYTES))


def lines(source: str, encoding: str = "") -> Iterator[tuple[int, str] | Reject | Remark]:
    """Numbered lines without their end, empty ones left out; rejects where a line cannot be used.

    A remark comes first where the encoding is a guess.

    Raises:
        ConfigError: the file cannot be opened, or there is no such encoding.
    """
    number = 0
    with open_bytes(source) as packed:
        try:
            opened = characters.open_utf8(packed, encoding)
        except DAMAGED as error:
            yield Reject(position=Position(source=source, line=1), reason=DAMAGED_REASON, raw=str(error))
            return
        if opened.is_guessed:
            yield Remark(position=Position(source=source), text=characters.remark(opened.encoding))
        not_text = f"not {opened.encoding.upper() if opened.encoding.startswith('utf') else opened.encoding}"
        file = opened.stream
        while True:
            number += 1
            try:
                line = file.readline(MAX_LINE_BYTES + 1)
                if len(line) > MAX_LINE_BYTES:
                    yield _too_long(Position(source=source, line=number), line, file)
                    continue
            except DAMAGED as error:
                yield Reject(position=Position(source=source, line=number), reason=DAMAGED_REASON, raw=str(error))
                return
            if not line:
                return
            if line.isspace():
                continue
            try:
                yield number, line.decode().rstrip("\r\n")
            except UnicodeDecodeError:
                raw = line[:RAW_CHARS].decode("utf-8", "replace")
                yield Reject(position=Position(source=source, line=number), reason=not_text, raw=raw)


def _too_long(position: Position, line: bytes, file: IO[bytes]) -> Reject:
    """The reject of a line whose rest is read over."""
    start = line[:RAW_CHARS].decode("utf-8", "replace")
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE_BYTES)
    return Reject(position=position, reason="line too long", raw=start)


class _Unpacker(Protocol):
    """One member of a compressed file, as `bz2.BZ2Decompressor` unpacks it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """gzip with the methods of the standard library's other unpackers."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstandard:
    """Zstandard with the methods of the standard library's unpackers."""

    needs_input = True

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(data)


_UNPACKERS: dict[str, Callable[[], _Unpacker]] = {
    "gz": _Gzip,
    "zst": _Zstandard,
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
    "lzma": lzma.LZMADecompressor,
}


def unpacked_head(head: bytes, limit: int) -> bytes:
    """What the first bytes of a file unpack to, up to a limit in bytes; none where they are damaged."""
    kind = packing(head)
    try:
        if kind == "zst":
            # Its decompressor knows no limit, and few bytes may unpack to gigabytes.
            return zstandard.ZstdDecompressor().stream_reader(head).read(limit)
        return _UNPACKERS[kind]().decompress(head, limit) if kind else head
    except DAMAGED:
        return b""


def unpacks(ending: str) -> bool:
    """Whether files that are compressed so can be read: `gz` and its like."""
    return ending in _UNPACKERS


def packing(head: bytes) -> str:
    """The compression that the first bytes of a file, or of a member of it, are those of; empty for none."""
    if head.startswith(b"\x1f\x8b"):
        return "gz"
    if head.startswith(b"BZh") and head[3:4].isdigit() and head[4:8] in (b"", b"1AY&", b"\x17rE8"):
        return "bz2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if _is_lzma(head):
        return "lzma"
    is_skippable = len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50
    return "zst" if head.startswith(b"\x28\xb5\x2f\xfd") or is_skippable else ""


def _is_lzma(head: bytes) -> bool:
    """Whether the first bytes are those of the older format of LZMA.

    It begins with the usual options, the size of the dictionary (a power of two from 64 KiB), and the size of the file
    (unknown, or below 2^40 bytes).
    """
    dictionary, size = int.from_bytes(head[1:5], "little"), head[5:13]
    is_power = dictionary >= 2**16 and dictionary & (dictionary - 1) == 0
    return len(head) >= _MARK_BYTES and head[0] == 0x5D and is_power and (size == b"\xff" * 8 or size[5:] == b"\0" * 3)


class _Unpacked(io.RawIOBase):
    """The members of a compressed file, one after the other, as one stream."""

    def __init__(self, packed: IO[bytes], begin: Callable[[], _Unpacker]) -> None:
        self._packed = packed
        self._begin = begin
        self._member: _Unpacker | None = begin()
        # zstandard unpacks all that it is given at once, up to 30,000 times as much.
        self._step = 1024 if begin is _Zstandard else _PACKED_BYTES
        self._ready = memoryview(b"")
        self._error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        if self._error:
            raise self._error
        try:
            while not self._ready and self._member is not None:
                self._ready = memoryview(self._next(self._member))
        except DAMAGED as error:
            self._error = error
            raise
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _next(self, member: _Unpacker) -> bytes:
        """What comes next; empty also where the member ended.

        Raises:
            EOFError: the file breaks off, or something else follows its last member.
        """
        if member.eof:
            return self._next_member(member.unused_data)
        if not member.needs_input:
            return member.decompress(b"", _UNPACKED_BYTES)
        data = self._packed.read(self._step)
        if not data:
            raise EOFError("the compressed file breaks off")
        return member.decompress(data, _UNPACKED_BYTES)

    def _next_member(self, rest: bytes) -> bytes:
        # Zeros between members are padding.
        while not (rest := rest.lstrip(b"\x00")):
            rest = self._packed.read(self._step)
            if not rest:
                self._member = None
                return b""
        rest += self._packed.read(_MARK_BYTES)
        if _UNPACKERS.get(packing(rest)) is not self._begin:
            raise EOFError("other bytes follow the end of the compressed file")
        self._member = self._begin()
        return self._member.decompress(rest, _UNPACKED_BYTES)

    def close(self) -> None:
        self._packed.close()
        super().close()
