"""Detect the format of a file from its first bytes and its extension.

The bytes take precedence: a PDF called `notes.txt` is a PDF. For text files the extension decides. Text with an unknown
extension is plain text.
"""

import importlib.util
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kgsynth.errors import ConfigError
from kgsynth_loaders import text_lines
from kgsynth_loaders.characters import encoding_by_mark, is_utf8, wide_encoding

_HEAD_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of files.

    Attributes:
        name: name of the format for users.
        reader: module in `readers`; empty for formats that are read elsewhere.
        extra: extra of kgsynth that installs the reader's library; empty for none.
        packages: modules that the reader imports.
        is_isolated: whether the reader runs in a worker process.
    """

    name: str
    reader: str = ""
    extra: str = ""
    packages: tuple[str, ...] = ()
    is_isolated: bool = True

    def missing(self) -> str:
        """Return the reason and the install command if the reader's library is missing; else an empty text."""
        if all(importlib.util.find_spec(package) for package in self.packages):
            return ""
        return f"its reader is not installed: pip install 'kgsynth[{self.extra}]'"


def _format(name: str, reader: str = "", extra: str = "", *packages: str, isolated: bool = True) -> Format:
    return Format(name=name, reader=reader, extra=extra, packages=packages, is_isolated=isolated)


PLAIN = _format("text", "plain", isolated=False)
CODE = _format("source code", "code", isolated=False)
MARKDOWN = _format("Markdown", "markdown", isolated=False)
HTML = _format("HTML", "html", "html", "trafilatura")
PDF = _format("PDF", "pdf", "pdf", "pypdfium2")
DOCX = _format("Word", "docx", "office", "mammoth")
PPTX = _format("PowerPoint", "pptx", "office", "pptx")
XLSX = _format("spreadsheet", "xlsx", "office", "python_calamine")
EPUB = _format("EPUB", "epub", "html", "trafilatura")
MAIL = _format("mail", "mail", "html", "trafilatura")
LATEX = _format("LaTeX", "latex", "latex", "pylatexenc")
RST = _format("reStructuredText", "rst", "rst", "docutils")
ASCIIDOC = _format("AsciiDoc", "asciidoc")
ORG = _format("Org", "org")
INFO = _format("GNU Info", "info")
NOTEBOOK = _format("Jupyter notebook", "notebook")
MEDIAWIKI = _format("MediaWiki", "mediawiki", "wiki", "mwparserfromhell")
WARC = _format("WARC", "warc", "html", "trafilatura", "warcio")
JSON = _format("JSON", isolated=False)
JSON_LINES = _format("JSON Lines", isolated=False)
CSV = _format("CSV", isolated=False)
PARQUET = _format("Parquet", isolated=False)
ARROW = _format("Arrow", isolated=False)
SAVED_DATASET = _format("saved data set", isolated=False)
ZIP = _format("zip archive", isolated=False)
TAR = _format("tar archive", isolated=False)
COMPRESSED = _format("compressed file", isolated=False)

ROW_FORMATS = (JSON, JSON_LINES, CSV, PARQUET, ARROW, SAVED_DATASET)

_BY_ENDING: dict[str, Format] = {
    ending: format_
    for format_, endings in (
        (PLAIN, "txt text log readme license me nfo asc1 srt vtt"),
        (MARKDOWN, "md markdown mdown mkd mkdn qmd rmd mdx"),
        (HTML, "html htm xhtml xht shtml"),
        (PDF, "pdf"),
        (DOCX, "docx docm dotx dotm"),
        (PPTX, "pptx pptm ppsx potx"),
        (XLSX, "xlsx xlsm xlsb xls ods"),
        (EPUB, "epub"),
        (MAIL, "eml mhtml mht mbox"),
        (LATEX, "tex ltx latex"),
        (RST, "rst rest"),
        (ASCIIDOC, "adoc asciidoc asc"),
        (ORG, "org"),
        (INFO, "info"),
        (NOTEBOOK, "ipynb"),
        (WARC, "warc"),
        (JSON, "json geojson"),
        (JSON_LINES, "jsonl ndjson jsonlines"),
        (CSV, "csv tsv tab"),
        (PARQUET, "parquet pq"),
        (ARROW, "arrow feather"),
        (ZIP, "zip"),
        (TAR, "tar tgz tbz2 tbz txz tzst"),
        (
            CODE,
            "py pyi c h cc cpp cxx hpp hh java js mjs ts tsx jsx go rs rb php pl pm r jl lua sh bash zsh fish ps1 sql "
            "swift kt kts scala clj hs ml mli fs ex exs erl dart m f f90 f95 for asm s v vhd sv cs vb lisp el scm rkt "
            "tcl nim zig proto thrift graphql cypher sol cu cl glsl wgsl",
        ),
    )
    for ending in endings.split()
}
_PACKED = frozenset({"gz", "bz2", "xz", "zst", "lzma", "z"})
# Extensions of files without readable text, which are frequent among saved web pages.
NO_TEXT = {
    ending: kind
    for kind, endings in (
        ("an image", "png jpg jpeg gif bmp tif tiff webp ico svg svgz eps psd heic avif xcf"),
        ("sound or video", "mp3 mp4 wav ogg flac avi mov mkv webm m4a m4v mid"),
        ("a font", "ttf otf woff woff2 eot pfb pfm afm tfm"),
        ("a style sheet", "css scss less map"),
        ("a compiled file", "pyc pyo so o a dll exe class obj dylib wasm bin"),
        ("a checksum or signature", "sig asc2 md5 sha1 sha256 sha512 sum"),
        ("a temporary file", "tmp temp swp swo bak part crdownload lock pid"),
    )
    for ending in endings.split()
}


@dataclass(frozen=True, slots=True)
class Found:
    """The detected format of a file, or the reason why it has none."""

    format: Format | None
    problem: str = ""


def endings(name: str) -> list[str]:
    """Return the extensions of a file name in lower case, last one first: gz and jsonl for `a.jsonl.gz`."""
    parts = name.lower().rsplit("/", 1)[-1].split(".")
    return [part for part in reversed(parts[1:]) if part]


def _ending(name: str) -> str:
    """Return the last extension that is not that of a compression."""
    return next((ending for ending in endings(name) if ending not in _PACKED), "")


def format_of(path: Path, name: str = "", *, encoding: str = "") -> Found:
    """Detect the format of a file.

    Args:
        path: the file.
        name: name of the file if it differs from that of the path, as for members of archives.
        encoding: encoding of text files that the user gave; empty for none.
    """
    name = name or path.name
    head = _head(path)
    return _by_bytes(head, path, name) or _by_name(head, path, name, encoding)


def expect(source: str, wanted: Format, *, by_ending: bool = False) -> None:
    """Check that a source has the format that the chosen loader reads.

    Args:
        source: the file.
        wanted: the format that the loader reads.
        by_ending: whether the extension counts too, because the content is not of the wanted format.

    Raises:
        ConfigError: the first bytes or the extension are those of another format.
    """
    path = Path(source)
    # Unlike Path.is_file, this accepts names that are too long for the file system.
    if not os.path.isfile(source):
        return
    head = text_lines.unpacked_head(_head(path), _HEAD_BYTES)
    detected = _by_bytes(head, path, path.name)
    if detected is None and by_ending:
        detected = _by_name(head, path, path.name, "")
    if detected is None or detected.format in (wanted, None, COMPRESSED, PLAIN):
        return
    if wanted in (JSON_LINES, JSON) and detected.format in (JSON_LINES, JSON, NOTEBOOK):
        return
    raise ConfigError(f"{source}: this is a file of format {detected.format.name}", hint="Use --loader auto.")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _by_bytes(head: bytes, path: Path, name: str) -> Found | None:
    """Return the format by the first bytes; None if they are text or unknown."""
    for test, format_ in _MAGIC:
        if test(head):
            return Found(format_)
    if _is_parquet(head, path):
        return Found(PARQUET)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip_based_format(path, name)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound_file_format(name)
    if text_lines.packing(head):
        return _compressed_format(head, name)
    if head.startswith(b"{\\rtf"):
        return Found(None, "no reader for .rtf")
    if head.startswith((b"%!PS", b"\xf7\x02", b"AT&TFORM")):
        return Found(None, f"no reader for .{_ending(name) or 'ps'}")
    return _by_first_words(head)


_PDF_MARK = re.compile(rb"(?:(\A[\s\x00]*(?:\xef\xbb\xbf)?)|^)%PDF-\d\.\d(?!\d)\s*", re.MULTILINE)
_PDF_OBJECT = re.compile(rb"^\s*\d+\s+\d+\s+obj\b", re.MULTILINE)
_WARC_MARK = re.compile(rb"WARC/\d\.\d\r?\n(?:\Z|[\w-]+:)")
_PDF_MARK_WITHIN = 1024 + 16


def _is_pdf(head: bytes) -> bool:
    """Return whether bytes are the beginning of a PDF, and not a text that mentions the mark of PDF."""
    match = _PDF_MARK.search(head, 0, _PDF_MARK_WITHIN)
    if match is None:
        return False
    rest = head[match.end() :]
    is_at_start = match.group(1) is not None
    is_binary = b"\x00" in rest or not is_utf8(rest, is_cut=True)
    return is_binary or (is_at_start and (not rest or _PDF_OBJECT.search(rest) is not None))


def _is_warc(head: bytes) -> bool:
    match = _WARC_MARK.match(head)
    return match is not None and (match.end() == len(head) or b"\nWARC-" in head[:2000])


def _is_parquet(head: bytes, path: Path) -> bool:
    """Return whether a file begins with the mark of Parquet, and also ends with it or is binary."""
    if not head.startswith(b"PAR1"):
        return False
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return file.read() == b"PAR1" or re.search(rb"\s", head[:64]) is None


_MAGIC: tuple[tuple[Callable[[bytes], bool], Format], ...] = (
    (_is_pdf, PDF),
    (lambda head: head.startswith(b"ARROW1\x00\x00"), ARROW),
    (lambda head: head[257:262] == b"ustar", TAR),
    (_is_warc, WARC),
)
_INFO_START = re.compile(r"This is \S+, produced by makeinfo version")
# Comments are matched without backtracking, because a file may begin with hundreds of them.
_COMMENT = r"<!--(?:(?!-->).){0,2000}+-->"
_DOCTYPE = r"[^>\[]*(?:\[[^\]]*\])?>"
_FIRST_TAG = re.compile(
    rf"\A\s*+(?:<\?xml[^>]*>\s*+)?(?:{_COMMENT}\s*+)*+(?:<!DOCTYPE\s+mediawiki\b{_DOCTYPE}\s*+)?"
    r"<(!doctype\s+html|html|mediawiki)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML_ROOT = re.compile(rf"\A\s*+<\?xml[^>]*>(?:\s|{_COMMENT}|<!DOCTYPE{_DOCTYPE})*+<([\w:.-]+)", re.DOTALL)


def _by_first_words(head: bytes) -> Found | None:
    by_mark, length = encoding_by_mark(head)
    words = head[length:].decode(by_mark or "latin-1", "replace")
    tag = _FIRST_TAG.match(words)
    if tag:
        return Found(MEDIAWIKI if tag.group(1).lower() == "mediawiki" else HTML)
    root = _XML_ROOT.match(words)
    if root and root.group(1) == "mediawiki":
        return Found(MEDIAWIKI)
    if root and root.group(1) != "svg":
        return Found(None, f"no reader for XML whose outermost element is {root.group(1)}")
    if _INFO_START.match(words):
        return Found(INFO)
    return None


def _zip_based_format(path: Path, name: str) -> Found:
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            kind = archive.read("mimetype")[:100].decode("latin-1").strip() if "mimetype" in members else ""
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError):
        ending = (endings(name) or ["zip"])[0]
        by_ending = ZIP if ending == "zip" else _BY_ENDING.get(ending)
        return Found(by_ending, "" if by_ending else f"no reader for .{ending}")
    if kind == "application/epub+zip" or "META-INF/container.xml" in members:
        return Found(EPUB)
    if kind.startswith("application/vnd.oasis.opendocument.spreadsheet"):
        return Found(XLSX)
    if kind.startswith("application/vnd.oasis"):
        return Found(None, f"no reader for .{(endings(name) or ['odt'])[0]}")
    for folder, format_ in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
        if "[Content_Types].xml" in members and any(member.startswith(folder) for member in members):
            return Found(format_)
    ending = (endings(name) or ["zip"])[0]
    by_ending = _BY_ENDING.get(ending)
    if by_ending in (DOCX, PPTX, XLSX, EPUB):
        return Found(by_ending)
    # Many programs store their files as zip archives, which contain no documents.
    return Found(ZIP) if ending == "zip" else Found(None, f"no reader for .{ending}")


def _compound_file_format(name: str) -> Found:
    """Return the format of old files of Microsoft Office, and of new ones that are protected by a password."""
    ending = (endings(name) or [""])[0]
    by_ending = _BY_ENDING.get(ending)
    if by_ending in (DOCX, PPTX, XLSX):
        return Found(by_ending)
    return Found(None, f"no reader for .{ending or 'doc'}")


def _compressed_format(head: bytes, name: str) -> Found:
    inner = text_lines.unpacked_head(head, _HEAD_BYTES)
    if inner[257:262] == b"ustar" or _is_packed_tar(endings(name)):
        return Found(TAR)
    if _is_warc(inner):
        return Found(WARC)
    first = _by_first_words(inner)
    if first and first.format is MEDIAWIKI:
        return first
    by_ending = _BY_ENDING.get(_ending(name))
    # Rows are decompressed as a stream; other formats are decompressed to a temporary file.
    is_stream = by_ending is CSV or (by_ending is JSON_LINES and not _is_one_json_value(inner))
    return Found(by_ending) if is_stream else Found(COMPRESSED)


def _is_packed_tar(last_endings: list[str]) -> bool:
    first, second = (*last_endings, "", "")[:2]
    return first in ("tgz", "tbz2", "tbz", "txz", "tzst") or (first in _PACKED and second == "tar")


def _by_name(head: bytes, path: Path, name: str, encoding: str) -> Found:
    ending = _ending(name)
    last = (endings(name) or [""])[0]
    # Files that can be decompressed were detected by their first bytes.
    if last in _PACKED and not _is_text(head, encoding):
        return Found(None, "damaged" if text_lines.unpacks(last) else f"no reader for .{last}")
    if re.search(r"\.info(?:-\d+)?(?:\.(?:gz|xz|bz2|zst))?\Z", name.lower()):
        return Found(INFO)
    by_ending = _BY_ENDING.get(ending)
    if by_ending is not None and by_ending.reader not in ("plain", "code", "markdown"):
        is_json = by_ending is JSON or (by_ending is JSON_LINES and _is_one_json_value(head))
        return Found(_json(path) if is_json else by_ending)
    if not _is_text(head, encoding):
        if by_ending is not None:
            return Found(None, "NUL in its text") if b"\x00" in head else _with_controls(head, by_ending)
        return Found(None, f"no reader for .{ending}" if ending else "no reader for a file without ending")
    if by_ending is not None:
        return Found(by_ending)
    start = head.lstrip()[:1]
    if not ending and start in (b"{", b"["):
        return Found(_json(path))
    if not ending and head.lstrip().startswith((b"\\documentclass", b"\\documentstyle")):
        return Found(LATEX)
    return Found(PLAIN)


def _is_one_json_value(head: bytes) -> bool:
    """Return whether a file with the extension of JSON Lines begins with an array or an object over several lines."""
    first, _, rest = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    first = first.strip()
    is_object = first.startswith(b"{") and (first.endswith((b"{", b"[", b":", b",")) or (b"[{" in first and not rest))
    return first.startswith(b"[") or is_object


def _with_controls(head: bytes, by_ending: Format) -> Found:
    """Return the format of a text file with control characters, which is accepted if most of it is letters."""
    letters = sum(byte > 127 or chr(byte).isalnum() or byte in b" \t\r\n" for byte in head)
    if _controls(head) * 10 <= len(head) and letters * 2 > len(head):
        return Found(by_ending)
    return Found(None, "control characters in its text")


def _controls(head: bytes) -> int:
    return sum(byte < 32 and byte not in (9, 10, 12, 13, 27, 8, 31) for byte in head)


def _is_text(head: bytes, encoding: str) -> bool:
    by_mark, _ = encoding_by_mark(head)
    if by_mark or encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32")):
        return True
    if b"\x00" in head and wide_encoding(head):
        return True
    # Text without a byte order mark contains no NUL. A few other control characters are errors; many mean binary data.
    return b"\x00" not in head and _controls(head) * 50 <= len(head)


def _json(path: Path) -> Format:
    """Return the format of a JSON file: a single value, a value per line, or a notebook."""
    with path.open("rb") as file:
        head = file.read(200_000)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{") and b'"nbformat"' in head and b'"cells"' in head:
        return NOTEBOOK
    first, _, rest = text.partition(b"\n")
    is_whole = first.strip().startswith(b"{") and first.strip().endswith(b"}")
    return JSON_LINES if is_whole and rest.lstrip().startswith(b"{") else JSON
