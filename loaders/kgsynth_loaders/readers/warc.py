"""Read web archives, compressed or not: a document per fetched page."""

import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from kgsynth.errors import RecordError
from kgsynth.files import scratch_folder
from kgsynth.records import Document, Position, Reject, Remark, Skipped
from kgsynth_loaders import formats
from kgsynth_loaders.characters import decode
from kgsynth_loaders.names import human
from kgsynth_loaders.readers import ReadOptions, pdf
from kgsynth_loaders.readers.html import page
from kgsynth_loaders.text_lines import DAMAGED, DAMAGED_REASON, open_bytes
from kgsynth_loaders.workers import Begun

Entry = Any  # a record of warcio, which ships no types
Record = Document | Reject | Remark | Skipped

_PAGE_KINDS = frozenset(["text/html", "application/xhtml+xml"])
_TEXT_KINDS = frozenset(["text/plain", "text/markdown", "text/x-markdown"])
_PDF_KINDS = frozenset(["application/pdf", "application/x-pdf"])
# Media types that servers give to files of unknown type; the first bytes of the file decide.
_UNSURE_KINDS = frozenset(
    ["", "application/octet-stream", "binary/octet-stream", "application/unknown", "unknown/unknown", "text/xml",
     "application/xml", "application/force-download", "application/x-download"]
)  # fmt: skip
_PAGE_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?xml[^>]{0,200}\?>|<!--(?:[^-]|-(?!->)){0,1000}-->)*"
    rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE
)  # fmt: skip
# Records about the crawl itself.
_NO_CONTENT_KINDS = frozenset(["warcinfo", "request", "metadata", "revisit", "continuation"])
_PAGE_ENDING = re.compile(r"\.(?:x?html?|shtml|php\d?|aspx?|jsp|cgi|txt|md|pdf)\Z", re.IGNORECASE)
_NO_NAMES = frozenset(["index", "default", "home", "main", "page", ""])
# A page of more bytes may take seconds.
_LONG_PAGE = 100_000
_MAX_PAGE_BYTES = 50_000_000
# Exceptions of libraries that reject a page, so that the pages after it are read.
_PAGE_FAULTS = (ValueError, LookupError, TypeError, AttributeError, RuntimeError, AssertionError)


def read(path: Path, options: ReadOptions) -> Iterator[Record | Begun]:
    """Yield the pages, PDF files and plain texts of an archive; skip other files, and reject damaged ones.

    `line` of a position is the number of the record in the archive. Records about the crawl itself, such as requests,
    are not counted as documents, skipped or rejected. A page without a title is named by its address.

    Raises:
        RecordError: the first record cannot be read.
    """
    import trafilatura  # noqa: F401
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    number = 0
    ids: Counter[str] = Counter()
    with open_bytes(str(path)) as file:
        archive = ArchiveIterator(_Unpacked(cast("io.BufferedReader", file)), arc2warc=True)
        entries = iter(archive)
        while True:
            number += 1
            position = Position(source="", line=number)
            error_count = archive.err_count
            try:
                entry = next(entries, None)
                if archive.err_count > error_count:
                    yield Reject(position=Position(source="", line=number - 1), reason="not followed by a record")
                if entry is None:
                    return
                if _is_long(entry):
                    yield Begun(position=position, name=_address(entry))
                records = list(_read(entry, options.encoding, position))
                is_whole = _is_whole(entry)
            except (ArchiveLoadFailed, *DAMAGED, zlib.error, OSError, ValueError, TypeError, AttributeError) as error:
                if number == 1:
                    raise RecordError("damaged") from error
                yield Reject(position=position, reason=DAMAGED_REASON, raw=f"{type(error).__name__}: {error}"[:300])
                return
            if not is_whole:
                yield Reject(position=position, reason=DAMAGED_REASON, raw=_address(entry))
                return
            for record in records:
                yield _with_unique_id(record, ids) if isinstance(record, Document) else record


class _Unpacked:
    """A stream that reports truncated data as an `OSError`; `warcio` reads an `EOFError` as the end of the archive."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; the bytes before an error are returned before the error is raised.

        Raises:
            OSError: the compressed data are truncated.
        """
        try:
            return self.file.read1(size)
        except EOFError as error:
            raise OSError(str(error)) from error

    def tell(self) -> int:
        """Return the number of bytes that have been read."""
        return self.file.tell()


def _with_unique_id(document: Document, ids: Counter[str]) -> Document:
    """Return a document with a unique id: if a page was fetched again, its date is added to the id."""
    ids[document.id] += 1
    if ids[document.id] == 1:
        return document
    identifier = f"{document.id} {document.date}"
    ids[identifier] += 1
    count = ids[identifier]
    return replace(document, id=identifier if count == 1 else f"{identifier} {count}")


def _is_long(entry: Entry) -> bool:
    """Return whether reading a record may take seconds."""
    length = entry.rec_headers.get_header("Content-Length") or ""
    return length.isdecimal() and int(length) > _LONG_PAGE


def _is_whole(entry: Entry) -> bool:
    """Return whether a record has the length that its header declares; the rest of the record is read for that."""
    if not entry.rec_headers.get_header("Content-Length"):
        return False
    stream = entry.raw_stream
    while stream.read(65_536):
        pass
    return getattr(stream, "limit", 0) <= 0


def _read(entry: Entry, encoding: str, position: Position) -> Iterator[Record]:
    """Yield the document of a record and remarks on it, or why there is none."""
    if entry.rec_type in _NO_CONTENT_KINDS:
        return
    kind = _kind(entry)
    rule = _skip_rule(entry, kind)
    if rule:
        yield Skipped(position=position, rule=rule)
        return
    address = _address(entry)
    data = entry.content_stream().read(_MAX_PAGE_BYTES + 1)
    if len(data) > _MAX_PAGE_BYTES:
        yield Reject(position=position, reason="too large", raw=address)
        return
    kind = _kind_by_bytes(data, kind)
    if kind in _UNSURE_KINDS:
        yield Skipped(position=position, rule="not a page")
        return
    try:
        yield from _document(entry, data, kind, encoding, position)
    except RecordError as error:
        yield Reject(position=position, reason=str(error), raw=address)
    except _PAGE_FAULTS as error:
        raw = f"{address} {type(error).__name__}: {error}"[:500]
        yield Reject(position=position, reason="damaged", raw=raw)


def _kind(entry: Entry) -> str:
    """Return the media type that the server or the archive declares; empty if it is missing."""
    headers = entry.http_headers if entry.rec_type == "response" else entry.rec_headers
    content_type = (headers.get_header("Content-Type") or "") if headers is not None else ""
    return str(content_type.partition(";")[0].strip().lower())


def _skip_rule(entry: Entry, kind: str) -> str:
    """Return the rule by which a record is skipped before it is read; empty if it may be a page."""
    if entry.rec_type == "response":
        status = entry.http_headers.get_statuscode() if entry.http_headers is not None else ""
        if status != "200":
            return "an error page" if status[:1] in ("4", "5") else "not a page"
    elif entry.rec_type not in ("resource", "conversion"):
        return "not a page"
    is_robots = _address(entry).partition("?")[0].endswith("/robots.txt")
    is_known = kind in _PAGE_KINDS | _TEXT_KINDS | _PDF_KINDS | _UNSURE_KINDS
    return "" if is_known and not is_robots else "not a page"


def _kind_by_bytes(data: bytes, kind: str) -> str:
    """Return the media type of a file: PDF and HTML are detected by the first bytes, else it is the declared type."""
    if data[:5] == b"%PDF-":
        return "application/pdf"
    is_page = kind not in _PAGE_KINDS and _PAGE_START.match(data[:5000]) is not None
    return "text/html" if is_page else kind


def _address(entry: Entry) -> str:
    return (entry.rec_headers.get_header("WARC-Target-URI") or "").strip("<> ")


def _charset(entry: Entry) -> str:
    headers = entry.http_headers if entry.http_headers is not None else entry.rec_headers
    declared = (headers.get_header("Content-Type") or "").lower().partition("charset=")[2]
    return str(declared.partition(";")[0].strip(" \"'"))


def _title_of(address: str) -> str:
    """Return a title for a page without one: the last name in its address, or host and path if that is no name."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    names = [_PAGE_ENDING.sub("", name) for name in unquote(parts.path).split("/") if name]
    while names and names[-1].casefold() in _NO_NAMES:
        names.pop()
    last = human(names[-1]) if names else ""
    if re.search(r"[^\W\d_]{3}", last):
        return last
    return "/".join([parts.netloc.removeprefix("www."), *names])


def _document(entry: Entry, data: bytes, kind: str, encoding: str, position: Position) -> Iterator[Document | Remark]:
    """Yield a page, a PDF file or a plain text as a document, and remarks on it.

    Raises:
        RecordError: the file has no text or cannot be read.
    """
    address = _address(entry)
    remarks: list[Remark] = []
    if kind in _TEXT_KINDS:
        text = decode(data, encoding=encoding, declared=_charset(entry)).text.replace("\r\n", "\n").strip("\n")
        if not text.strip():
            raise RecordError("no text")
        document = Document(id="", text=text)
    elif kind in _PDF_KINDS:
        document, *remarks = _pdf(data, encoding)
    else:
        document = page(data, encoding=encoding, declared=_charset(entry))
    published = {"published": document.date} if document.date else {}
    url = {"url": address} if address else {}
    yield replace(
        document,
        id=address,
        title=document.title or _title_of(address),
        date=entry.rec_headers.get_header("WARC-Date") or "",
        metadata={**document.metadata, **published, **url},
        position=position,
    )
    for remark in remarks:
        yield replace(remark, text=f"{address}: {remark.text}")


def _pdf(data: bytes, encoding: str) -> list[Any]:
    """Return the document of a PDF file in an archive, and remarks on it.

    Raises:
        RecordError: the reader of PDF files is not installed, or cannot read the file.
    """
    problem = formats.PDF.missing()
    if problem:
        raise RecordError(problem)
    with scratch_folder() as folder:
        path = folder / "record.pdf"
        path.write_bytes(data)
        return list(pdf.read(path, ReadOptions(encoding=encoding)))
