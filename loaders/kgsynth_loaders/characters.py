"""Text from bytes: by byte-order mark, as UTF-8, as declared, as told, else by a guess that is said."""

import codecs
from typing import NamedTuple

from kgsynth.errors import RecordError

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# So much of a file is enough to guess from.
_SAMPLE_BYTES = 200_000


class Decoded(NamedTuple):
    """A text, its encoding, and whether that is a guess."""

    text: str
    encoding: str
    is_guessed: bool = False


def encoding_by_mark(data: bytes) -> tuple[str, int]:
    """The encoding that a byte-order mark names and how many bytes the mark has; empty and 0 without one."""
    return next(((name, len(mark)) for mark, name in _MARKS if data.startswith(mark)), ("", 0))


def decode(data: bytes, *, encoding: str = "", declared: str = "") -> Decoded:
    """The text of a file.

    Args:
        data: its bytes.
        encoding: what the user says it is; empty for nothing. A byte-order mark goes before it.
        declared: what the file or its server says it is; empty for nothing.

    Raises:
        RecordError: the bytes are no text in the encoding that was given, or no encoding fits them.
    """
    by_mark, length = encoding_by_mark(data)
    if by_mark:
        return _strict(data[length:], by_mark)
    if encoding:
        return _strict(data, encoding)
    for name in ("utf-8", *([declared] if declared else [])):
        try:
            return _strict(data, name)
        except RecordError:
            continue
    return _guessed(data)


def _strict(data: bytes, encoding: str) -> Decoded:
    # What pages call Latin-1 is Windows-1252 to every browser: the bytes 80 to 9F are letters and marks there.
    name = "cp1252" if encoding.lower().replace("_", "-") in ("latin-1", "latin1", "iso-8859-1", "ascii") else encoding
    try:
        return Decoded(data.decode(name), name)
    except (UnicodeDecodeError, LookupError) as error:
        raise RecordError(f"not {encoding}") from error


def _guessed(data: bytes) -> Decoded:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    if best is None:
        raise RecordError("no known encoding of text")
    try:
        return Decoded(data.decode(best.encoding), best.encoding, is_guessed=True)
    except UnicodeDecodeError as error:
        raise RecordError("no known encoding of text") from error
