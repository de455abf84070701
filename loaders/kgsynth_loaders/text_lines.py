r"""Stream the lines of a text file, decompressed and converted to UTF-8; an unreadable line becomes a reject.

Lines end at `\n` only, because texts may contain other line separators such as U+2028.
"""

import atexit
import bz2
import io
import lzma
import os
import re
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

import zstandard

from kgsynth.errors import ConfigError
from kgsynth.files import scratch_folder
from kgsynth.records import Position, Reject, Remark
from kgsynth_loaders import characters

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Maximum length of a line. A longer line comes from a damaged file; it is skipped without being loaded into memory.
MAX_LINE_BYTES = 16 * 2**20
# Number of characters of an unreadable line that its reject keeps.
RAW_CHARS = 500
# Maximum length of the name of a source in an error.
_SHOWN_CHARS = 200

DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
# The reason of every reject at the point where a file ends early contains this text.
BROKEN_OFF = "from here on"
DAMAGED_REASON = f"file is damaged {BROKEN_OFF}"

_BUFFER_BYTES = 262_144
# Small blocks, so that as much as possible is read from a damaged file.
_PACKED_BYTES, _UNPACKED_BYTES = 16_384, 32_768
_MAX_WINDOW_BYTES = 2**31
# Number of first bytes that identify every compression.
_MARK_BYTES = 13


STANDARD_INPUT = "-"

# Owner and name of a data set on the hub.
_LIKE_A_DATA_SET = re.compile(r"[A-Za-z\d][\w-]{0,95}/[A-Za-z\d][\w-]{0,95}")


def existing(source: str) -> Path:
    """Return the path of a source; for `-` the path of a copy of standard input.

    Raises:
        ConfigError: the source does not exist or is empty.
    """
    if source == STANDARD_INPUT:
        return standard_input()
    refuse_empty(source)
    # Unlike Path.exists, this accepts names that are too long for the file system.
    if not os.path.exists(source):
        hint = "Check the path; relative paths start at the current folder."
        if _LIKE_A_DATA_SET.fullmatch(source):
            hint += f" For a data set of Hugging Face give hf://{source}."
        raise ConfigError(f"{source[:_SHOWN_CHARS]}: no such file or folder", hint=hint)
    return Path(source)


def refuse_empty(source: str) -> None:
    """Refuse an empty source, which as a path would be the current folder.

    Raises:
        ConfigError: the source is empty.
    """
    if not source:
        raise ConfigError(
            "a source is an empty text", hint="Check that shell variables are set. For the current folder give `.`."
        )


@cache
def standard_input() -> Path:
    """Return a copy of standard input, which exists until the process ends, because sources are read more than once.

    Raises:
        ConfigError: standard input is a terminal.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise ConfigError(
            "the source `-` is standard input, and nothing is piped in", hint="Pipe data in: `command | kgsynth …`."
        )
    with ExitStack() as stack:
        copy = stack.enter_context(scratch_folder()) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        atexit.register(stack.pop_all().close)
    return copy


def without_packing(name: str) -> str:
    """Return a file name without the extension of its compression."""
    lower = name.lower()
    endings = (".gz", ".zst", ".bz2", ".xz", ".lzma")
    return next((name[: -len(ending)] for ending in endings if lower.endswith(ending)), name)


def open_bytes(source: str) -> IO[bytes]:
    """Open a file for reading and decompress it if its first bytes are those of gzip, zstd, bzip2, xz or LZMA.

    Reading raises one of `DAMAGED` if a compressed file is truncated or damaged, or if other bytes follow it.

    Raises:
        ConfigError: the file cannot be opened.
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
    """Yield the non-empty lines with their numbers, without line ends, and rejects for unreadable lines.

    A remark comes first if the encoding is a guess.

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
    """Return the reject of a line that is too long, and skip the rest of the line."""
    start = line[:RAW_CHARS].decode("utf-8", "replace")
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE_BYTES)
    return Reject(position=position, reason="line too long", raw=start)


class _Unpacker(Protocol):
    """A decompressor of a member of a compressed file, with the interface of `bz2.BZ2Decompressor`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """gzip with the interface of the standard library's other decompressors."""

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
    """Zstandard with the interface of the standard library's decompressors."""

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
    """Return the decompressed first bytes of a file, up to a limit in bytes; empty if they are damaged."""
    kind = packing(head)
    try:
        if kind == "zst":
            # Its decompressor has no limit, and few bytes may decompress to gigabytes.
            return zstandard.ZstdDecompressor().stream_reader(head).read(limit)
        return _UNPACKERS[kind]().decompress(head, limit) if kind else head
    except DAMAGED:
        return b""


def unpacks(ending: str) -> bool:
    """Return whether a compression, given by its file extension such as `gz`, is supported."""
    return ending in _UNPACKERS


def packing(head: bytes) -> str:
    """Return the compression of a file or a member by its first bytes; empty for none."""
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
    """Return whether the first bytes are those of the older LZMA format.

    The format begins with the usual options, the size of the dictionary (a power of two from 64 KiB), and the size of
    the file (unknown, or below 2^40 bytes).
    """
    dictionary, size = int.from_bytes(head[1:5], "little"), head[5:13]
    is_power = dictionary >= 2**16 and dictionary & (dictionary - 1) == 0
    return len(head) >= _MARK_BYTES and head[0] == 0x5D and is_power and (size == b"\xff" * 8 or size[5:] == b"\0" * 3)


class _Unpacked(io.RawIOBase):
    """The decompressed members of a file as a single stream."""

    def __init__(self, packed: IO[bytes], begin: Callable[[], _Unpacker]) -> None:
        self._packed = packed
        self._begin = begin
        self._member: _Unpacker | None = begin()
        # zstandard decompresses all input at once, to up to 30,000 times its size.
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
        """Return the next bytes; may be empty before the end of the file.

        Raises:
            EOFError: the file is truncated, or other data follows its last member.
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
