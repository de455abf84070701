"""Read PDF files with PDFium: one document per file, with the offset of each page in its text."""

import mmap
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders.names import is_file_name
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.pdf_hidden import has_objects
from kgsynth_loaders.readers.pdf_page import functions, lines_of_page
from kgsynth_loaders.readers.pdf_running import PageLines
from kgsynth_loaders.readers.pdf_text import OutlineEntry, markdown

_NO_TITLE = re.compile(
    r"\(?anonymous\)?|\(?unspecified\)?|\(?untitled\)?|untitled\W.{0,20}|no title|title|document\d*|"
    r"microsoft (?:word|powerpoint|excel) - .*|(?:slide|page|folie) ?1",
    re.IGNORECASE,
)
_NOBODY = frozenset({"", "anonymous", "(anonymous)", "unknown", "author", "user", "administrator", "admin", "root"})
_DATE = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})(\d{2})?)?")
_XMP_LICENSE = re.compile(
    rb"<(?:cc:license|xmpRights:WebStatement)[^>]{0,200}?(?:rdf:resource=\"([^\"]{1,300})\"|>\s*([^<]{1,300})<)"
    rb"|xmpRights:WebStatement=\"([^\"]{1,300})\""
)
_XMP_RIGHTS = re.compile(rb"<(dc:rights|xmpRights:UsageTerms)>.{0,400}?<rdf:li[^>]{0,100}>\s*([^<]{1,500})<", re.DOTALL)
# Characters that result from fonts without a mapping to Unicode.
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]")
_MAX_UNREADABLE = 0.25
_MAX_XMP_BYTES = 2_000_000
_MAX_BOOKMARKS = 20_000
_PASSWORD_ERROR = 4
_INFO_FIELDS = ("Title", "Author", "Subject", "Keywords", "CreationDate")
_WHOLE_FILE = Position(source="")


@dataclass(slots=True)
class _Losses:
    """What of a file has no text or could not be read: numbers of pages, and names of fields."""

    unreadable: list[int] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    bookmarks: int = 0

    def remarks(self) -> Iterator[Remark]:
        for numbers, text, is_partial in (
            (self.unreadable, "pages that could not be read", True),
            (self.pictures, "pages without text (pictures or scans)", True),
            (self.blank, "pages without content (blank or damaged)", False),
        ):
            if numbers:
                yield Remark(position=_WHOLE_FILE, text=f"{text}: {ranges(numbers)}", is_partial=is_partial)
        if self.fields:
            yield Remark(position=_WHOLE_FILE, text=f"fields that are not text left out: {', '.join(self.fields)}")
        if self.bookmarks:
            yield Remark(position=_WHOLE_FILE, text=f"bookmarks that are not text left out: {self.bookmarks:,}")


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """Yield the document of a PDF file, and remarks on what of it could not be read.

    Its metadata may contain `subject` and `pages_without_text`, for example "3, 7-9".

    Raises:
        RecordError: the file needs a password, is damaged, or has no text on any readable page.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise RecordError("encrypted" if error.err_code == _PASSWORD_ERROR else "damaged") from None
    losses = _Losses()
    try:
        pages = _pages(pdf, losses)
        if not any(page.lines for page in pages):
            raise RecordError("no text layer: scanned" if len(losses.unreadable) < len(pages) else "damaged")
        text, starts = markdown(pages, _outline(pdf, losses))
        if len(_UNREADABLE.findall(text)) > _MAX_UNREADABLE * len(text):
            raise RecordError("no readable text layer: its fonts do not name their characters")
        yield _document(text, starts, pages, _info(pdf, losses), _license(path))
        yield from losses.remarks()
    finally:
        pdf.close()


def _pages(pdf: Any, losses: _Losses) -> list[PageLines]:
    calls = functions()
    pages: list[PageLines] = []
    for number in range(len(pdf)):
        try:
            pages.append(_page(pdf[number], calls, number + 1, losses))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001
            # A damaged page raises all kinds of exceptions, and the other pages are readable.
            losses.unreadable.append(number + 1)
            pages.append(PageLines([], 0.0, 0.0))
    return pages


def _page(page: Any, calls: Any, number: int, losses: _Losses) -> PageLines:
    try:
        lines = lines_of_page(page, calls)
        if not lines:
            (losses.pictures if has_objects(page) else losses.blank).append(number)
        _, bottom, _, top = page.get_cropbox()
    finally:
        page.close()
    heights = [line.y for line in lines if not line.is_rotated]
    is_inside = heights and bottom <= min(heights) and max(heights) <= top
    return PageLines(lines, bottom, top) if is_inside else PageLines(lines, 0.0, 0.0)


def _info(pdf: Any, losses: _Losses) -> dict[str, str]:
    """Return the fields of the document information dictionary that are text."""
    info: dict[str, str] = {}
    for name in _INFO_FIELDS:
        try:
            info[name] = pdf.get_metadata_value(name)
        except UnicodeDecodeError:
            losses.fields.append(name)
    return info


def _outline(pdf: Any, losses: _Losses) -> list[OutlineEntry]:
    entries: list[OutlineEntry] = []
    for bookmark in pdf.get_toc():
        try:
            title = bookmark.get_title()
        except UnicodeDecodeError:
            losses.bookmarks += 1
            continue
        destination = bookmark.get_dest()
        page = destination.get_index() if destination else None
        if title and title.strip():
            entries.append(OutlineEntry(title.strip(), bookmark.level, -1 if page is None else page))
        if len(entries) >= _MAX_BOOKMARKS:
            break
    return entries


def _document(
    text: str, starts: tuple[int, ...], pages: Sequence[PageLines], info: dict[str, str], license_: str
) -> Document:
    info = {key: " ".join(value.replace("\x00", " ").split()) for key, value in info.items()}
    title = info.get("Title", "")
    author = info.get("Author", "")
    subject = info.get("Subject", "")
    empty = [number for number, page in enumerate(pages, start=1) if not page.lines]
    metadata = {}
    if not _is_no_title(subject):
        metadata["subject"] = subject
    if empty:
        metadata["pages_without_text"] = ranges(empty)
    return Document(
        id="",
        text=text,
        title="" if _is_no_title(title) else title,
        topics=tuple(
            dict.fromkeys(word.strip() for word in re.split(r"[,;]", info.get("Keywords", "")) if word.strip())
        ),
        attribution="" if author.casefold() in _NOBODY else author,
        license=license_,
        date=_date(info.get("CreationDate", "")),
        metadata=metadata,
        page_starts=starts,
    )


def _is_no_title(title: str) -> bool:
    """Return whether a title is empty, a placeholder of a program, or the name of a file."""
    return not title or _NO_TITLE.fullmatch(title[:300]) is not None or is_file_name(title)


def ranges(numbers: Sequence[int]) -> str:
    """Format ascending numbers as ranges, for example `3, 7-9`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _date(text: str) -> str:
    """Convert a PDF date such as `D:20240131…` to ISO 8601, or return an empty text if it is invalid."""
    match = _DATE.match(text)
    if not match:
        return ""
    year, month, day = match.group(1), match.group(2), match.group(3)
    if not 1 <= int(month or 1) <= 12 or not 1 <= int(day or 1) <= 31 or not 1970 <= int(year) <= 2200:
        return ""
    return "-".join(part for part in (year, month, day) if part)


def _license(path: Path) -> str:
    """Return the license in the XMP packet of a file, which PDF stores uncompressed."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.rfind(b"<x:xmpmeta")
        end = data.find(b"</x:xmpmeta>", start) if start >= 0 else -1
        packet = data[start : min(start + _MAX_XMP_BYTES, end)] if end > 0 else b""
    match = _XMP_LICENSE.search(packet)
    value = next((part for part in match.groups() if part), b"") if match else b""
    if not value and (rights := _XMP_RIGHTS.search(packet)):
        value = rights.group(2)
    with suppress(UnicodeDecodeError):
        return " ".join(value.decode("utf-8").split())
    return ""
