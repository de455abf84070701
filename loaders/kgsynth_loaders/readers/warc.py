"""Web archives, packed or not: each page that was fetched as one document."""

import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject, Skipped
from kgsynth_loaders.characters import decode
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.html import page
from kgsynth_loaders.text_lines import DAMAGED, open_bytes

Entry = Any  # a record of warcio, which ships no types

_PAGE_KINDS = frozenset(["text/html", "application/xhtml+xml"])
_TEXT_KINDS = frozenset(["text/plain", "text/markdown"])
_MAX_PAGE_BYTES = 50_000_000
_DAMAGED = "file is damaged from here on"
# What a library raises on one page must not cost the pages after it.
_PAGE_FAULTS = (ValueError, LookupError, TypeError, AttributeError, RecursionError, AssertionError)


def read(path: Path, options: ReadOptions) -> Iterator[Document | Reject | Skipped]:
    """The pages and plain texts of an archive; what is no page is skipped, what is broken is rejected.

    `line` of a position is the number of the record in the archive.

    Raises:
        RecordError: not even the first record can be read.
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
            faults = archive.err_count
            try:
                entry = next(entries, None)
                if archive.err_count > faults:
                    yield Reject(position=Position(source="", line=number - 1), reason="not followed by a record")
                if entry is None:
                    return
                found = _read(entry, options.encoding, position)
                is_whole = _is_whole(entry)
            except (ArchiveLoadFailed, *DAMAGED, zlib.error, OSError, ValueError, TypeError, AttributeError) as error:
                if number == 1:
                    raise RecordError("damaged") from error
                yield Reject(position=position, reason=_DAMAGED, raw=f"{type(error).__name__}: {error}"[:300])
                return
            if not is_whole:
                yield Reject(position=position, reason=_DAMAGED, raw=_address(entry))
                return
            yield _with_own_id(found, ids) if isinstance(found, Document) else found


class _Unpacked:
    """A stream whose early end is an error; `warcio` takes the exception of one for the end of the archive."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes: those before a fault come before its error.

        Raises:
            OSError: the packed data end in the middle.
        """
        try:
            return self.file.read1(size)
        except EOFError as error:
            raise OSError(str(error)) from error

    def tell(self) -> int:
        """How many bytes have been read."""
        return self.file.tell()


def _with_own_id(document: Document, ids: Counter[str]) -> Document:
    """A page that was fetched again has the time of that in its identifier."""
    ids[document.id] += 1
    if ids[document.id] == 1:
        return document
    identifier = f"{document.id} {document.date}"
    ids[identifier] += 1
    times = ids[identifier]
    return replace(document, id=identifier if times == 1 else f"{identifier} {times}")


def _is_whole(entry: Entry) -> bool:
    """Whether the archive holds as much of a record as its head says; what is left of it is read for that."""
    if not entry.rec_headers.get_header("Content-Length"):
        return False
    stream = entry.raw_stream
    while stream.read(65_536):
        pass
    return getattr(stream, "limit", 0) <= 0


def _read(entry: Entry, encoding: str, position: Position) -> Document | Reject | Skipped:
    kind = _kind_of_page(entry)
    if not kind:
        return Skipped(position=position, rule="not a page")
    address = _address(entry)
    data = entry.content_stream().read(_MAX_PAGE_BYTES + 1)
    if len(data) > _MAX_PAGE_BYTES:
        return Reject(position=position, reason="too large", raw=address)
    try:
        return _document(entry, data, kind, encoding, position)
    except RecordError as error:
        return Reject(position=position, reason=str(error), raw=address)
    except _PAGE_FAULTS as error:
        return Reject(position=position, reason="damaged", raw=f"{address} {type(error).__name__}: {error}"[:500])


def _kind_of_page(entry: Entry) -> str:
    """The media type of a record that is a page or plain text; empty for all others."""
    if _address(entry).partition("?")[0].endswith("/robots.txt"):
        return ""
    content_type = ""
    if entry.rec_type == "response":
        if entry.http_headers is None or entry.http_headers.get_statuscode() != "200":
            return ""
        content_type = entry.http_headers.get_header("Content-Type") or ""
    elif entry.rec_type in ("resource", "conversion"):
        content_type = entry.rec_headers.get_header("Content-Type") or ""
    kind = content_type.partition(";")[0].strip().lower()
    return kind if kind in _PAGE_KINDS or kind in _TEXT_KINDS else ""


def _address(entry: Entry) -> str:
    return (entry.rec_headers.get_header("WARC-Target-URI") or "").strip("<> ")


def _charset(entry: Entry) -> str:
    headers = entry.http_headers if entry.http_headers is not None else entry.rec_headers
    declared = (headers.get_header("Content-Type") or "").lower().partition("charset=")[2]
    return str(declared.partition(";")[0].strip(" \"'"))


def _document(entry: Entry, data: bytes, kind: str, encoding: str, position: Position) -> Document:
    address = _address(entry)
    date = entry.rec_headers.get_header("WARC-Date") or ""
    own = {"url": address} if address else {}
    if kind in _TEXT_KINDS:
        text = decode(data, encoding=encoding, declared=_charset(entry)).text.replace("\r\n", "\n").strip("\n")
        if not text.strip():
            raise RecordError("no text")
        return Document(id=address, text=text, date=date, metadata=own, position=position)
    document = page(data, encoding=encoding, declared=_charset(entry))
    said = {"published": document.date} if document.date else {}
    return Document(
        id=address,
        text=document.text,
        title=document.title,
        attribution=document.attribution,
        license=document.license,
        topics=document.topics,
        date=date,
        metadata={**document.metadata, **said, **own},
        position=position,
    )
