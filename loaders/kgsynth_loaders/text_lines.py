r"""Lines of a text file as a stream in flat memory: plain, .gz or .zst; a line too long or not UTF-8 is a reject.

Lines end at `\n` only: texts may hold U+2028 and its kin.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import zstandard

from kgsynth.errors import ConfigError
from kgsynth.records import Position, Reject

# A longer line is a broken file, not a record; it is skipped without being held in memory.
MAX_LINE_BYTES = 16 * 2**20
# What of a bad line is kept to look at.
RAW_CHARS = 500

DAMAGED = (EOFError, OSError, zlib.error, zstandard.ZstdError)


def existing(source: str) -> Path:
    """The path, when something is there.

    Raises:
        ConfigError: nothing is there.
    """
    path = Path(source)
    if not path.exists():
        raise ConfigError(f"{source}: no such file or folder", hint="Paths are relative to the folder you are in.")
    return path


def open_bytes(source: str) -> IO[bytes]:
    """Open a file for reading, unpacked by its ending.

    Raises:
        ConfigError: it cannot be opened.
    """
    path = existing(source)
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        if path.suffix == ".zst":
            unpacker = zstandard.ZstdDecompressor().stream_reader(
                path.open("rb"), read_across_frames=True, closefd=True
            )
            return cast("IO[bytes]", io.BufferedReader(unpacker))
        return path.open("rb")
    except OSError as error:
        raise ConfigError(f"{source} cannot be opened: {error}") from error


def lines(source: str) -> Iterator[tuple[int, str] | Reject]:
    """Numbered lines without their end, empty ones left out; rejects where a line cannot be used."""
    number = 0
    with open_bytes(source) as file:
        while True:
            number += 1
            position = Position(source=source, line=number)
            try:
                line = file.readline(MAX_LINE_BYTES + 1)
                if len(line) > MAX_LINE_BYTES:
                    start = line[:RAW_CHARS].decode("utf-8", "replace")
                    while line and not line.endswith(b"\n"):
                        line = file.readline(MAX_LINE_BYTES)
                    yield Reject(position=position, reason="line too long", raw=start)
                    continue
            except DAMAGED as error:
                yield Reject(position=position, reason="file is damaged from here on", raw=str(error))
                return
            if not line:
                return
            if not line.strip():
                continue
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                yield Reject(position=position, reason="not UTF-8", raw=line[:RAW_CHARS].decode("utf-8", "replace"))
