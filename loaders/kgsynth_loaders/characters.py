"""Decode text by byte order mark, by the user's encoding, as UTF-8, as declared, else by a guess that is reported."""

import codecs
import io
import re
import unicodedata
from itertools import islice
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from kgsynth.errors import ConfigError, RecordError
from kgsynth.settings import text_encoding

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Longer marks first, because the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Numbers of candidate encodings, and of languages per encoding, that are compared.
_FIRST_MATCHES, _FIRST_LANGUAGES = 4, 6
_SHARE_OF_LETTERS = 0.95
# The encoding is guessed from this number of bytes at the beginning.
SAMPLE_BYTES = 65_536
_RECODED_BYTES = 262_144
# Number of bytes, and minimum number of characters, for the detection of UTF-16 without a byte order mark.
_WIDE_BYTES, _FEWEST_WIDE_CHARS = 8192, 6
# Encodings in common use; with the full list the library would detect rare encodings in short texts.
_COMMON = (
    "cp1252 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 koi8_r cp866 cp850 cp932 euc_jp iso2022_jp "
    "gb18030 big5 cp949 iso8859_2 iso8859_5 tis_620 mac_roman"
).split()
# A file with a larger share of lines that are not UTF-8 is no UTF-8 file; between the two shares the words decide.
_LARGE_SHARE, _SMALL_SHARE = 0.5, 0.1
_WORD_NOT_UTF8 = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff]{3}|[\x80-\xff][A-Za-z]{2}")
_LETTER_IN_WORD = re.compile(rb"[A-Za-z][\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xff]|[\xc0-\xff][A-Za-z]")


class _Letters(NamedTuple):
    """The non-ASCII letters of a language, and those of them that a text must contain to be in this language."""

    encodings: tuple[str, ...]
    letters: str
    needed: str


_CENTRAL_EUROPE = ("cp1250", "iso8859_2")
# Languages that the library confuses with those of western Europe.
_LETTERS_OF_LANGUAGES = {
    "Polish": _Letters(_CENTRAL_EUROPE, "ąćęłńóśźż", "ł"),
    "Hungarian": _Letters(_CENTRAL_EUROPE, "áéíóöőúüű", "őű"),
    "Czech": _Letters(_CENTRAL_EUROPE, "áčďéěíňóřšťúůýž", "šž"),
    "Slovak": _Letters(_CENTRAL_EUROPE, "áäčďéíĺľňóôŕšťúýž", "šž"),
    "Croatian": _Letters(_CENTRAL_EUROPE, "čćđšž", "šž"),
    "Slovene": _Letters(_CENTRAL_EUROPE, "čšž", "šž"),
    "Romanian": _Letters(_CENTRAL_EUROPE, "ăâîşţ", "şţ"),
    "Turkish": _Letters(("cp1254",), "âçğıîöşûüi\u0307", "ış"),
    "Lithuanian": _Letters(("cp1257",), "ąčęėįšųūž", "ėšų"),
    "Latvian": _Letters(("cp1257",), "āčēģīķļņšūž", "ķļņš"),
}
_MARKS_OF_TEXT = frozenset("\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2026\xa0\xa7\xab\xb0\xbb")
# UTF-8 text with stray bytes has at least this number of non-ASCII letters per stray byte.
_LETTERS_FOR_A_SLIP = 5
# The escape sequence of ISO-2022-JP for Japanese characters.
_JIS = re.compile(rb"\x1b\$[B@]")

# Replacement for a byte that is invalid in the encoding of its file; no encoding produces it.
BAD_BYTE = "\udcff"
# Error handler for UTF-8 text with a few stray bytes of Windows-1252.
WITH_WINDOWS_1252 = "kgsynth_windows_1252"


def _bad_byte(error: UnicodeError) -> tuple[str, int]:
    return BAD_BYTE, cast("UnicodeDecodeError", error).end


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    decode_error = cast("UnicodeDecodeError", error)
    return decode_error.object[decode_error.start : decode_error.end].decode("latin-1"), decode_error.end


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    decode_error = cast("UnicodeDecodeError", error)
    return decode_error.object[decode_error.start : decode_error.end].decode("cp1252", "replace"), decode_error.end


codecs.register_error("kgsynth_bad_byte", _bad_byte)
codecs.register_error(WITH_WINDOWS_1252, _as_windows_1252)
codecs.register_error("kgsynth_latin_1", _as_latin_1)


def _errors(encoding: str) -> str:
    """Return the error handler of an encoding; the five undefined bytes of Windows-1252 become control characters."""
    return "kgsynth_latin_1" if encoding == "cp1252" else "kgsynth_bad_byte"


class Decoded(NamedTuple):
    """A text, its encoding, and whether that is a guess."""

    text: str
    encoding: str
    is_guessed: bool = False


class OpenedText(NamedTuple):
    """A stream of text with `BAD_BYTE` in place of invalid bytes, its encoding, and whether that is a guess."""

    stream: io.TextIOWrapper
    encoding: str
    is_guessed: bool = False


class OpenedBytes(NamedTuple):
    """A stream of UTF-8, the encoding of its file, and whether that is a guess.

    Bytes that are invalid in the encoding are not UTF-8 in the stream either, so that only their line is rejected.
    """

    stream: io.BufferedReader
    encoding: str
    is_guessed: bool = False


def encoding_by_mark(data: bytes) -> tuple[str, int]:
    """Return the encoding of a byte order mark and the length of the mark in bytes; empty and 0 if there is none."""
    return next(((name, len(mark)) for mark, name in _MARKS if data.startswith(mark)), ("", 0))


def decode(data: bytes, *, encoding: str = "", declared: str = "") -> Decoded:
    """Decode a file.

    Args:
        data: the bytes of the file.
        encoding: encoding that the user gave; empty for none. A byte order mark takes precedence.
        declared: encoding that the file or its server declares; empty for none.

    Raises:
        RecordError: the bytes are invalid in the user's encoding, or no encoding fits them.
    """
    by_mark, length = encoding_by_mark(data)
    if by_mark:
        return _strict(data[length:], by_mark)
    if encoding:
        return _strict(data, encoding)
    wide = wide_encoding(data[:SAMPLE_BYTES]) if b"\x00" in data[:SAMPLE_BYTES] else ""
    if wide:
        return _strict(data, wide)._replace(is_guessed=True)
    if _is_jis(data):
        return _strict(data, "iso2022_jp")._replace(is_guessed=True)
    for name in ("utf-8", *([declared] if declared else [])):
        try:
            return _strict(data, name)
        except RecordError:
            continue
    lenient = data.decode("utf-8", "replace")
    slips = lenient.count("\ufffd")
    if len(lenient) - len(lenient.encode("ascii", "ignore")) > (_LETTERS_FOR_A_SLIP + 1) * slips:
        text = data.decode("utf-8", WITH_WINDOWS_1252)
        return Decoded(text, f"utf-8, with {slips:,} {'byte' if slips == 1 else 'bytes'} of Windows-1252", True)
    name = _guess(data[:SAMPLE_BYTES])
    return Decoded(_strict(data, name).text, name, is_guessed=True)


def open_text(binary: IO[bytes], encoding: str = "") -> OpenedText:
    """Open a stream of bytes as text with unchanged line ends and without a byte order mark.

    Args:
        binary: the bytes, from their start.
        encoding: encoding that the user gave; empty for none. A byte order mark takes precedence.

    Raises:
        ConfigError: the encoding does not exist.
        OSError, EOFError and errors of the decompressor: the first bytes cannot be read.
    """
    rest, name, is_guessed = _open_sampled(binary, encoding)
    stream = io.TextIOWrapper(io.BufferedReader(rest, _RECODED_BYTES), encoding=name, errors=_errors(name), newline="")
    return OpenedText(stream, name, is_guessed)


def open_utf8(binary: IO[bytes], encoding: str = "") -> OpenedBytes:
    """Open a stream of bytes in any encoding as UTF-8 without a byte order mark; otherwise like `open_text`."""
    rest, name, is_guessed = _open_sampled(binary, encoding)
    raw = rest if name == "utf-8" else _Recoded(rest, name)
    return OpenedBytes(io.BufferedReader(raw, _RECODED_BYTES), name, is_guessed)


def remark(encoding: str) -> str:
    """Return the remark on a guessed encoding."""
    return f"read as {encoding} (a guess); --encoding sets it"


def _open_sampled(binary: IO[bytes], encoding: str) -> tuple["_Joined", str, bool]:
    """Return a stream without its byte order mark, its encoding, and whether that is a guess."""
    sample = _sample(binary)
    name, length = encoding_by_mark(sample)
    is_guessed = False
    if not name and encoding:
        name = _python_encoding(encoding, sample)
    elif not name:
        name, is_guessed = _by_sample(sample)
    return _Joined(sample[length:], binary), name, is_guessed


def _sample(binary: IO[bytes]) -> bytes:
    """Return the first bytes of a stream; if it fails, the bytes before, and reading on fails again."""
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
    """Return the bytes of a single read, so that none are lost if the next read fails."""
    return binary.read1(count) if isinstance(binary, io.BufferedReader) else binary.read(count)


def _python_encoding(encoding: str, sample: bytes) -> str:
    """Return Python's name of an encoding; UTF-16 and UTF-32 with their byte order.

    Raises:
        ConfigError: there is no text encoding of this name.
    """
    name = text_encoding(encoding)
    if name in ("utf-16", "utf-32"):
        detected = wide_encoding(sample)
        return detected if detected.startswith(name) else f"{name}-le"
    # As in browsers, Latin-1 is read as Windows-1252, where the bytes 80 to 9F are letters and punctuation.
    return {"iso8859-1": "cp1252", "ascii": "cp1252", "utf-8-sig": "utf-8"}.get(name, name)


def _by_sample(sample: bytes) -> tuple[str, bool]:
    """Return the encoding of a file by its first bytes, and whether it is a guess."""
    if b"\x00" in sample:
        wide = wide_encoding(sample)
        return (wide, True) if wide else ("utf-8", False)
    if _is_jis(sample):
        return "iso2022_jp", True
    if is_utf8(sample, is_cut=len(sample) == SAMPLE_BYTES):
        return "utf-8", False
    # The sample may end within a character of the last line.
    end = sample.rfind(b"\n") + 1 if len(sample) == SAMPLE_BYTES else 0
    lines = [line for line in sample[: end or None].split(b"\n") if line.strip()]
    bad = [line for line in lines if not is_utf8(line)]
    good_count = sum(not line.isascii() for line in lines) - len(bad)
    share = len(bad) / max(1, len(lines))
    is_other = share > _LARGE_SHARE or (
        share > _SMALL_SHARE and sum(bool(_LETTER_IN_WORD.search(line)) for line in bad) * 2 > len(bad)
    )
    # If words contain letters that are not UTF-8, and no line contains non-ASCII UTF-8, the file is not UTF-8.
    has_words = sum(bool(_WORD_NOT_UTF8.search(line)) for line in bad) * 2 > len(bad)
    if good_count >= len(bad) or not (is_other or (good_count == 0 and has_words)):
        return "utf-8", False
    try:
        return _guess(b"\n".join(lines)), True
    except RecordError:
        return "utf-8", False


def _is_jis(data: bytes) -> bool:
    """Return whether bytes are Japanese in ISO-2022-JP, an encoding with ASCII bytes and escape sequences."""
    if b"\x1b$" not in data[:SAMPLE_BYTES] or not _JIS.search(data) or not data.isascii():
        return False
    try:
        codecs.getincrementaldecoder("iso2022_jp")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def is_utf8(data: bytes, *, is_cut: bool = False) -> bool:
    """Return whether bytes are UTF-8; if they are cut off, they may end within a character."""
    try:
        codecs.utf_8_decode(data, "strict", not is_cut)
    except UnicodeDecodeError:
        return False
    return True


def wide_encoding(sample: bytes) -> str:
    """Detect UTF-16 or UTF-32 without a byte order mark; empty for neither.

    Latin text is detected by the positions of zero bytes, other UTF-16 text by spaces, line ends, letters and digits.
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
    """Return the share of spaces and line ends in bytes of UTF-16; 0 if they are no text in it."""
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
        name = _python_encoding(encoding, data[:SAMPLE_BYTES])
        return Decoded(data.decode(name, _errors(name) if name == "cp1252" else "strict"), name)
    except (ConfigError, UnicodeDecodeError) as error:
        raise RecordError(f"not {encoding}") from error


def _guess(sample: bytes) -> str:
    """Return the most probable encoding of a text.

    Raises:
        RecordError: no encoding fits.
    """
    from charset_normalizer import from_bytes

    japanese = next((name for name in ("euc_jp", "cp932") if _is_japanese(sample, name)), "")
    if japanese:
        return japanese
    matches = from_bytes(sample, cp_isolation=_COMMON) or from_bytes(sample, cp_isolation=_COMMON, threshold=0.5)
    best = matches.best()
    if best is None:
        raise RecordError("no known encoding of text")
    languages = [
        name for candidate in islice(matches, _FIRST_MATCHES) for name in candidate.languages[:_FIRST_LANGUAGES]
    ]
    if language_encoding := _encoding_of_languages(sample, languages):
        return language_encoding
    # Short texts of western Europe fit several encodings, and Windows-1252 is by far the most frequent one.
    for match in matches:
        is_near = match.chaos <= best.chaos + 0.1 and match.coherence >= best.coherence - 0.2
        if "cp1252" in match.could_be_from_charset and is_near:
            return "cp1252"
    return str(best.encoding)


def _encoding_of_languages(sample: bytes, languages: list[str]) -> str:
    """Return the encoding in which nearly all non-ASCII characters are letters of a language; empty for none."""
    for language in languages:
        language_letters = _LETTERS_OF_LANGUAGES.get(language)
        for encoding in language_letters.encodings if language_letters else ():
            text = sample.decode(encoding, "replace").lower()
            non_ascii = [char for char in text if not char.isascii() and char not in _MARKS_OF_TEXT]
            if (
                language_letters
                and any(char in non_ascii for char in language_letters.needed)
                and sum(char in language_letters.letters for char in non_ascii) >= _SHARE_OF_LETTERS * len(non_ascii)
            ):
                return encoding
    return ""


def _is_japanese(sample: bytes, encoding: str) -> bool:
    """Return whether bytes are text in a Japanese encoding with frequent hiragana.

    No other language has hiragana, and the library takes short texts with them for Korean.
    """
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    hiragana = [char for char in text if "\u3041" <= char <= "\u3093"]
    return len(set(hiragana)) >= 3 and len(hiragana) > 0.2 * sum(not char.isascii() for char in text)


class _Joined(io.RawIOBase):
    """A stream with the bytes in front that were read ahead."""

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
    """A stream converted to UTF-8; bytes that cannot be decoded become bytes that are not UTF-8."""

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
