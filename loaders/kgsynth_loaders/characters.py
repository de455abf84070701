"""Text from bytes: by byte-order mark, as told, as UTF-8, as declared, else by a guess that is said."""

import codecs
import io
import re
import unicodedata
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from kgsynth.config import text_encoding
from kgsynth.errors import ConfigError, RecordError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# So much of a file is enough to guess from.
SAMPLE_BYTES = 65_536
_RECODED_BYTES = 262_144
# So much is looked at for UTF-16 without a mark, and of so many characters at least.
_WIDE_BYTES, _FEWEST_WIDE_CHARS = 8192, 6
# Encodings that files in use have; the library's full list finds rare ones in short texts.
_COMMON = (
    "cp1252 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 koi8_r cp866 cp850 cp932 euc_jp iso2022_jp "
    "gb18030 big5 cp949 iso8859_2 iso8859_5 tis_620 mac_roman"
).split()
# A file with a larger share of lines that are not UTF-8 is no UTF-8 file; below it, only where they look like words.
_LARGE_SHARE, _SMALL_SHARE = 0.5, 0.1
_WORD_NOT_UTF8 = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff]{3}|[\x80-\xff][A-Za-z]{2}")
_LETTER_IN_WORD = re.compile(rb"[A-Za-z][\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xff]|[\xc0-\xff][A-Za-z]")

# Stands for a byte that is no text in the encoding of its file; no encoding gives it.
BAD_BYTE = "\udcff"


def _bad_byte(error: UnicodeError) -> tuple[str, int]:
    return BAD_BYTE, cast("UnicodeDecodeError", error).end


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    found = cast("UnicodeDecodeError", error)
    return found.object[found.start : found.end].decode("latin-1"), found.end


codecs.register_error("kgsynth_bad_byte", _bad_byte)
codecs.register_error("kgsynth_latin_1", _as_latin_1)


def _errors(encoding: str) -> str:
    """How bytes are treated that an encoding does not have; the five of Windows-1252 are control characters."""
    return "kgsynth_latin_1" if encoding == "cp1252" else "kgsynth_bad_byte"


class Decoded(NamedTuple):
    """A text, its encoding, and whether that is a guess."""

    text: str
    encoding: str
    is_guessed: bool = False


class OpenedText(NamedTuple):
    """A stream of text in which `BAD_BYTE` stands for what is no text, its encoding, whether that is a guess."""

    stream: io.TextIOWrapper
    encoding: str
    is_guessed: bool = False


class OpenedBytes(NamedTuple):
    """A stream of UTF-8, the encoding of the file behind it, whether that is a guess.

    What is no text in that encoding is not UTF-8 in the stream either, so that it costs its own line.
    """

    stream: io.BufferedReader
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
    wide = wide_encoding(data[:SAMPLE_BYTES]) if b"\x00" in data[:SAMPLE_BYTES] else ""
    if wide:
        return _strict(data, wide)._replace(is_guessed=True)
    for name in ("utf-8", *([declared] if declared else [])):
        try:
            return _strict(data, name)
        except RecordError:
            continue
    name = _guess(data[:SAMPLE_BYTES])
    return Decoded(_strict(data, name).text, name, is_guessed=True)


def open_text(binary: IO[bytes], encoding: str = "") -> OpenedText:
    """A stream of bytes as a stream of text with its line ends as they are, without a byte-order mark.

    Args:
        binary: the bytes, from their start.
        encoding: what the user says it is; empty for nothing. A byte-order mark goes before it.

    Raises:
        ConfigError: there is no such encoding.
        OSError, EOFError and errors of the unpacker: the first bytes cannot be read.
    """
    rest, name, is_guessed = _begun(binary, encoding)
    stream = io.TextIOWrapper(io.BufferedReader(rest, _RECODED_BYTES), encoding=name, errors=_errors(name), newline="")
    return OpenedText(stream, name, is_guessed)


def open_utf8(binary: IO[bytes], encoding: str = "") -> OpenedBytes:
    """A stream of bytes in any encoding as a stream of UTF-8 without a byte-order mark; else as `open_text`."""
    rest, name, is_guessed = _begun(binary, encoding)
    raw = rest if name == "utf-8" else _Recoded(rest, name)
    return OpenedBytes(io.BufferedReader(raw, _RECODED_BYTES), name, is_guessed)


def remark(encoding: str) -> str:
    """What people are told of a guess."""
    return f"read as {encoding} (a guess); --encoding sets it"


def _begun(binary: IO[bytes], encoding: str) -> tuple["_Joined", str, bool]:
    """A stream without its byte-order mark, its encoding, and whether that is a guess."""
    sample = _sample(binary)
    name, length = encoding_by_mark(sample)
    is_guessed = False
    if not name and encoding:
        name = _known(encoding, sample)
    elif not name:
        name, is_guessed = _by_sample(sample)
    return _Joined(sample[length:], binary), name, is_guessed


def _sample(binary: IO[bytes]) -> bytes:
    """The first bytes of a stream; where it breaks off, those before, and it fails again when it is read on."""
    parts: list[bytes] = []
    wanted = SAMPLE_BYTES
    try:
        while wanted and (data := _read_some(binary, wanted)):
            parts.append(data)
            wanted -= len(data)
    except Exception:
        if not parts:
            raise
    return b"".join(parts)


def _read_some(binary: IO[bytes], count: int) -> bytes:
    """What one call of the system or the unpacker gives, so that nothing is lost where the next one fails."""
    return binary.read1(count) if isinstance(binary, io.BufferedReader) else binary.read(count)


def _known(encoding: str, sample: bytes) -> str:
    """The name that Python gives an encoding; UTF-16 and UTF-32 with the order of their bytes.

    Raises:
        ConfigError: there is no such encoding of text.
    """
    name = text_encoding(encoding)
    if name in ("utf-16", "utf-32"):
        found = wide_encoding(sample)
        return found if found.startswith(name) else f"{name}-le"
    # What people call Latin-1 is Windows-1252 to every browser: the bytes 80 to 9F are letters and marks there.
    return {"iso8859-1": "cp1252", "ascii": "cp1252", "utf-8-sig": "utf-8"}.get(name, name)


def _by_sample(sample: bytes) -> tuple[str, bool]:
    """The encoding of a file by its first bytes, and whether it is a guess."""
    if b"\x00" in sample:
        wide = wide_encoding(sample)
        return (wide, True) if wide else ("utf-8", False)
    if is_utf8(sample, is_cut=len(sample) == SAMPLE_BYTES):
        return "utf-8", False
    # The last line may be cut within a character.
    end = sample.rfind(b"\n") + 1 if len(sample) == SAMPLE_BYTES else 0
    lines = [line for line in sample[: end or None].split(b"\n") if line.strip()]
    bad = [line for line in lines if not is_utf8(line)]
    good_count = sum(not line.isascii() for line in lines) - len(bad)
    share = len(bad) / max(1, len(lines))
    is_other = share > _LARGE_SHARE or (
        share > _SMALL_SHARE and sum(bool(_LETTER_IN_WORD.search(line)) for line in bad) * 2 > len(bad)
    )
    # Where words have letters that are not UTF-8, and no line has one in UTF-8, the file is no UTF-8 file.
    has_words = sum(bool(_WORD_NOT_UTF8.search(line)) for line in bad) * 2 > len(bad)
    if good_count >= len(bad) or not (is_other or (good_count == 0 and has_words)):
        return "utf-8", False
    try:
        return _guess(b"\n".join(lines)), True
    except RecordError:
        return "utf-8", False


def is_utf8(data: bytes, *, is_cut: bool = False) -> bool:
    """Whether bytes are UTF-8; those of a file that is cut may end within a character."""
    try:
        codecs.utf_8_decode(data, "strict", not is_cut)
    except UnicodeDecodeError:
        return False
    return True


def wide_encoding(sample: bytes) -> str:
    """UTF-16 or UTF-32 of a text without a byte-order mark; empty for neither.

    Latin text is known by where its zeros stand, other text in UTF-16 by its blanks, line ends, letters and digits.
    """
    part = len(sample) // 4
    zeros = [sample[start : 4 * part : 4].count(0) / max(1, part) for start in range(4)]
    few, many = 0.05, 0.4
    if min(zeros[1:]) > 0.9 and zeros[0] < few:
        return "utf-32-le"
    if min(zeros[:3]) > 0.9 and zeros[3] < few:
        return "utf-32-be"
    if min(zeros[1], zeros[3]) > many and max(zeros[0], zeros[2]) < few:
        return "utf-16-le"
    if min(zeros[0], zeros[2]) > many and max(zeros[1], zeros[3]) < few:
        return "utf-16-be"
    shares = {name: _share_of_text(sample[:_WIDE_BYTES], name) for name in ("utf-16-le", "utf-16-be")}
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] > 0 else ""


def _share_of_text(sample: bytes, encoding: str) -> float:
    """The share of blanks and line ends in bytes of UTF-16; 0 where they are no text in it."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return 0.0
    if len(text) < _FEWEST_WIDE_CHARS or any(char in text for char in "\x00\ufffe\uffff"):
        return 0.0
    kinds = [unicodedata.category(char) for char in text]
    blanks = sum(char in " \t\r\n\u3000\u3001\u3002\uff0c" for char in text)
    letters = sum(kind[0] in "LMN" for kind in kinds)
    strange = sum(kind[0] == "C" and char not in "\t\r\n\f" for kind, char in zip(kinds, text, strict=True))
    scripts = len({ord(char) >> 8 for char in text})
    is_text = letters + blanks > 0.7 * len(text) and strange <= 0.01 * len(text)
    # Bytes that mean nothing fall into blocks of characters at random; a language stays within a few, Chinese in more.
    is_language = scripts <= 6 or (blanks > 0 and sum("\u4e00" <= char < "\ua000" for char in text) > 0.5 * len(text))
    return blanks / len(text) if is_text and is_language else 0.0


def _strict(data: bytes, encoding: str) -> Decoded:
    try:
        name = _known(encoding, data[:SAMPLE_BYTES])
        return Decoded(data.decode(name, _errors(name) if name == "cp1252" else "strict"), name)
    except (ConfigError, UnicodeDecodeError) as error:
        raise RecordError(f"not {encoding}") from error


def _guess(sample: bytes) -> str:
    """The encoding that a text most probably has.

    Raises:
        RecordError: none fits.
    """
    from charset_normalizer import from_bytes

    japanese = next((name for name in ("euc_jp", "cp932") if _is_japanese(sample, name)), "")
    if japanese:
        return japanese
    found = from_bytes(sample, cp_isolation=_COMMON) or from_bytes(sample, cp_isolation=_COMMON, threshold=0.5)
    best = found.best()
    if best is None:
        raise RecordError("no known encoding of text")
    # Short texts of western Europe fit its neighbours as well, and far more files are in Windows-1252.
    for match in found:
        is_near = match.chaos <= best.chaos + 0.1 and match.coherence >= best.coherence - 0.2
        if "cp1252" in match.could_be_from_charset and is_near:
            return "cp1252"
    return str(best.encoding)


def _is_japanese(sample: bytes, encoding: str) -> bool:
    """Whether bytes are text in an encoding of Japanese in which syllabic signs (hiragana) are frequent.

    No other language has them, and the library takes short texts of them for Korean.
    """
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    signs = [char for char in text if "\u3041" <= char <= "\u3093"]
    return len(set(signs)) >= 3 and len(signs) > 0.2 * sum(not char.isascii() for char in text)


class _Joined(io.RawIOBase):
    """A stream with the bytes that were read ahead of it."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        if self._head:
            count = min(len(target), len(self._head))
            target[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        data = _read_some(self._rest, len(target))
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()


class _Recoded(io.RawIOBase):
    """A stream of some encoding as UTF-8; what cannot be decoded becomes bytes that are not UTF-8."""

    def __init__(self, binary: _Joined, encoding: str) -> None:
        self._binary = binary
        self._decoder = codecs.getincrementaldecoder(encoding)(_errors(encoding))
        self._ready = memoryview(b"")
        self._is_at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        while not self._ready and not self._is_at_end:
            data = self._binary.read(_RECODED_BYTES) or b""
            self._is_at_end = not data
            text = self._decoder.decode(data, final=self._is_at_end)
            self._ready = memoryview(text.encode("utf-8", "surrogatepass"))
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._binary.close()
        super().close()
