"""Read PDF files with PDFium: one document per file, with the offset of each page in its text."""

import mmap
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.pdf_page import functions, lines_of_page
from kgsynth_loaders.readers.pdf_running import PageLines
from kgsynth_loaders.readers.pdf_text import OutlineEntry, markdown

_NO_TITLE = re.compile(
    r"\A(?:\(?anonymous\)?|\(?unspecified\)?|\(?untitled\)?|untitled\W.{0,20}|no title|title|document\d*|"
    r"microsoft (?:word|powerpoint|excel) - .*|(?:slide|page|folie) ?1|"
    r".{0,200}\.(?:docx?|odt|tex|dvi|indd|pptx?|rtf|pdf|qxd|fm|ps))\Z",
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


def read(path: Path, options: ReadOptions) -> Iterator[Document]:
    """Yield the document of a PDF file.

    Its metadata may contain `subject` and `pages_without_text`, for example "3, 7-9".

    Raises:
        RecordError: the file needs a password, is damaged, or has no text on any readable page.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise RecordError("encrypted" if error.err_code == _PASSWORD_ERROR else "damaged") from None
    try:
        pages = _pages(pdf)
        if not any(page.lines for page in pages):
            raise RecordError("no text layer: scanned" if pages else "damaged")
        text, starts = markdown(pages, _outline(pdf))
        if len(_UNREADABLE.findall(text)) > _MAX_UNREADABLE * len(text):
            raise RecordError("no readable text layer: its fonts do not name their characters")
        yield _document(text, starts, pages, pdf.get_metadata_dict(skip_empty=True), _license(path))
    finally:
        pdf.close()


def _pages(pdf: Any) -> list[PageLines]:
    from pypdfium2 import PdfiumError

    calls = functions()
    pages: list[PageLines] = []
    for number in range(len(pdf)):
        try:
            page = pdf[number]
        except PdfiumError:
            # An unreadable page is listed with the pages without text.
            pages.append(PageLines([], 0.0, 0.0))
            continue
        try:
            lines = lines_of_page(page, calls)
            _, bottom, _, top = page.get_cropbox()
        finally:
            page.close()
        heights = [line.y for line in lines if not line.is_rotated]
        is_inside = heights and bottom <= min(heights) and max(heights) <= top
        pages.append(PageLines(lines, bottom, top) if is_inside else PageLines(lines, 0.0, 0.0))
    return pages


def _outline(pdf: Any) -> list[OutlineEntry]:
    entries: list[OutlineEntry] = []
    for bookmark in pdf.get_toc():
        title = bookmark.get_title()
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
    if subject and not _NO_TITLE.match(subject[:300]):
        metadata["subject"] = subject
    if empty:
        metadata["pages_without_text"] = ranges(empty)
    return Document(
        id="",
        text=text,
        title="" if _NO_TITLE.match(title[:300]) else title,
        topics=tuple(
            dict.fromkeys(word.strip() for word in re.split(r"[,;]", info.get("Keywords", "")) if word.strip())
        ),
        attribution="" if author.casefold() in _NOBODY else author,
        license=license_,
        date=_date(info.get("CreationDate", "")),
        metadata=metadata,
        page_starts=starts,
    )


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
