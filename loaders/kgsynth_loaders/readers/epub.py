"""Read EPUB 2 and 3: the chapters of a book in reading order form a document."""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.html import license_name, whole_text
from kgsynth_loaders.readers.mathml_content import name_of

Element = Any  # an element of lxml, which ships no types

_MAX_MEMBER_BYTES = 100_000_000
_MAX_BOOK_BYTES = 500_000_000
_PAGE_TYPES = frozenset(["application/xhtml+xml", "text/html", "application/html", "text/x-oeb1-document"])
_PAGE_ENDINGS = (".xhtml", ".html", ".htm", ".xht")
# Methods that obfuscate fonts; they do not protect the text of the book.
_FONT_HIDING = ("/2008/embedding", "/pdf/enc#RC")
_DOCTYPE = re.compile(rb"<!DOCTYPE\b[^>\[]*(?:\[[^\]]*\]\s*)?>")
_LEFT_OUT = frozenset(["toc", "cover", "landmarks", "page-list", "loi", "lot", "index-of-illustrations"])
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, KeyError)


def read(path: Path, options: ReadOptions) -> Iterator[Document | Reject]:
    """Yield the book, then a reject for each chapter that cannot be read.

    Raises:
        RecordError: the file is protected ("encrypted"), no book ("damaged"), too large when unpacked, or has no text.
    """
    import lxml.etree
    import trafilatura  # noqa: F401

    try:
        with zipfile.ZipFile(path) as archive:
            book = _Book(archive)
            book.open()
            yield from book.read(options.encoding)
    except (*_BROKEN, lxml.etree.LxmlError) as error:
        raise RecordError("damaged") from error
    except RuntimeError as error:
        if "password" in str(error) or "encrypted" in str(error):
            raise RecordError("encrypted") from error
        raise


@dataclass(slots=True)
class _Item:
    """A file of a book as listed in the manifest of the book."""

    name: str
    kind: str
    properties: str


@dataclass(slots=True)
class _Book:
    """An open book.

    Attributes:
        archive: zip file of the book.
        package: root element of the package document.
        folder: folder of the package document in the archive.
        items: files of the manifest by their identifier.
        spine: identifiers of the chapters in reading order.
        labels: titles of chapters by the name of their file, from the table of contents.
        left_out: names of files that are covers or lists of contents.
        unpacked_bytes: number of bytes that have been unpacked so far.
    """

    archive: zipfile.ZipFile
    package: Element = None
    folder: str = ""
    items: dict[str, _Item] = field(default_factory=dict)
    spine: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    unpacked_bytes: int = 0

    def open(self) -> None:
        """Read the package document and the table of contents.

        Raises:
            RecordError: the book is protected, or the file is no book.
        """
        name = self._package_name()
        self.folder = posixpath.dirname(name)
        self.package = _tree(self.bytes_of(name))
        if self.package is None or name_of(self.package) != "package":
            raise RecordError("damaged")
        for element in self.package.iter():
            tag = name_of(element)
            if tag == "item" and element.get("id"):
                item = _Item(self._resolved(element), element.get("media-type") or "", element.get("properties") or "")
                self.items[element.get("id")] = item
            elif tag == "itemref" and element.get("idref"):
                self.spine.append(element.get("idref"))
            elif tag == "reference" and (element.get("type") or "").lower() in _LEFT_OUT:
                self.left_out.add(self._resolved(element))
        self._refuse_protected()
        self._read_labels()

    def bytes_of(self, name: str) -> bytes:
        """Return the content of a file of the book.

        Raises:
            RecordError: the file or the book is too large when unpacked.
        """
        with self.archive.open(self._member(name)) as file:
            data = file.read(_MAX_MEMBER_BYTES + 1)
        self.unpacked_bytes += len(data)
        if len(data) > _MAX_MEMBER_BYTES or self.unpacked_bytes > _MAX_BOOK_BYTES:
            raise RecordError("too large when unpacked")
        return data

    def read(self, encoding: str) -> Iterator[Document | Reject]:
        """Yield the text of all chapters as a document, then a reject for each chapter that could not be read.

        Raises:
            RecordError: no chapter has text.
        """
        chapters: list[str] = []
        rejects: list[Reject] = []
        for identifier in dict.fromkeys(self.spine):
            item = self.items.get(identifier)
            if item is None:
                rejects.append(_reject("a chapter is missing", identifier))
                continue
            if not _is_page(item) or "nav" in item.properties.split() or item.name in self.left_out:
                continue
            try:
                data = self.bytes_of(item.name)
            except _BROKEN as error:
                rejects.append(_reject("a chapter is missing or damaged", f"{item.name}: {error}"))
                continue
            chapter = whole_text(data, encoding=encoding)
            if chapter and not _is_list_of_contents(data):
                label = self.labels.get(item.name, "")
                chapters.append(f"# {label}\n\n{chapter}" if label and not chapter.startswith("#") else chapter)
        if not chapters:
            raise RecordError(rejects[0].reason if rejects else "no text")
        yield self._document("\n\n".join(chapters))
        yield from rejects

    def _package_name(self) -> str:
        names = self.archive.namelist()
        if "META-INF/container.xml" in names:
            container = _tree(self.bytes_of("META-INF/container.xml"))
            for element in container.iter() if container is not None else ():
                name = unquote(element.get("full-path") or "")
                if name_of(element) == "rootfile" and name in names:
                    return name
        package_name = next((name for name in names if name.lower().endswith(".opf")), "")
        if not package_name:
            raise RecordError("damaged")
        return package_name

    def _member(self, name: str) -> str:
        """Return the name of a file in the archive; its case may differ from that in the manifest."""
        if name in self.archive.NameToInfo:
            return name
        lower_name = name.lower()
        return next((member for member in self.archive.namelist() if member.lower() == lower_name), name)

    def _resolved(self, element: Element) -> str:
        return _path(self.folder, element.get("href") or "")

    def _refuse_protected(self) -> None:
        """Refuse a book with encrypted chapters.

        Raises:
            RecordError: a chapter is encrypted.
        """
        pages = {item.name for item in self.items.values() if _is_page(item)}
        if any(info.flag_bits & 1 for info in self.archive.infolist() if info.filename in pages):
            raise RecordError("encrypted")
        if "META-INF/encryption.xml" not in self.archive.NameToInfo:
            return
        tree = _tree(self.bytes_of("META-INF/encryption.xml"))
        for entry in tree.iter() if tree is not None else ():
            if name_of(entry) != "encrypteddata":
                continue
            descendants = list(entry.iter())
            methods = [
                element.get("Algorithm") or "" for element in descendants if name_of(element) == "encryptionmethod"
            ]
            names = {
                unquote(element.get("URI") or "") for element in descendants if name_of(element) == "cipherreference"
            }
            if not any(method.endswith(_FONT_HIDING) for method in methods) and names & pages:
                raise RecordError("encrypted")

    def _read_labels(self) -> None:
        """Read titles of chapters from the tables of contents of EPUB 3 and EPUB 2."""
        for item in self.items.values():
            is_nav, is_ncx = "nav" in item.properties.split(), item.kind == "application/x-dtbncx+xml"
            if not (is_nav or is_ncx):
                continue
            try:
                tree = _tree(self.bytes_of(item.name))
            except _BROKEN:
                continue
            base = posixpath.dirname(item.name)
            for address, label in _entries(tree) if tree is not None else ():
                name, _, fragment = address.partition("#")
                if not fragment or _path(base, name) not in self.labels:
                    self.labels.setdefault(_path(base, name), label)

    def _document(self, text: str) -> Document:
        declared: dict[str, list[str]] = {}
        for element in self.package.iter():
            if "/dc/elements/" in str(element.tag) or "/dc/terms/" in str(element.tag):
                value = " ".join("".join(element.itertext()).split())
                if value:
                    declared.setdefault(name_of(element), []).append(value)
        names = ("language", "publisher", "identifier", "description", "contributor", "source")
        return Document(
            id="",
            text=text,
            title=declared.get("title", [""])[0],
            attribution="; ".join(dict.fromkeys(declared.get("creator", []))),
            topics=tuple(dict.fromkeys(declared.get("subject", []))),
            license=license_name(declared.get("rights", [""])[0]),
            date=declared.get("date", [""])[0],
            metadata={name: "; ".join(declared[name]) for name in names if name in declared},
        )


def _tree(data: bytes) -> Element | None:
    """Parse an XML file that may have errors, without resolving entities; None if it cannot be parsed."""
    from lxml import etree

    start = data.find(b"<!DOCTYPE")
    if b"<!ENTITY" in data and (doctype := _DOCTYPE.match(data, max(start, 0))):
        data = data[:start] + data[doctype.end() :]
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data.strip(), parser)
    except etree.XMLSyntaxError:
        return None


def _path(folder: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(address.partition("#")[0]))).lstrip("/")


def _entries(tree: Element) -> Iterator[tuple[str, str]]:
    """Yield the addresses and titles of a table of contents."""
    for element in tree.iter():
        tag = name_of(element)
        if tag == "a" and element.get("href"):
            yield element.get("href"), " ".join("".join(element.itertext()).split())
        elif tag == "navpoint":
            children = {name_of(child): child for child in element}
            content, label = children.get("content"), children.get("navlabel")
            if content is not None and label is not None:
                yield content.get("src") or "", " ".join("".join(label.itertext()).split())


def _is_page(item: _Item) -> bool:
    return item.kind in _PAGE_TYPES or (not item.kind and item.name.lower().endswith(_PAGE_ENDINGS))


def _is_list_of_contents(data: bytes) -> bool:
    """Return whether a chapter is an unmarked table of contents, whose body consists of links to chapters."""
    head = data[:4000].lower()
    if b"contents" not in head and b"inhalt" not in head:
        return False
    tree = _tree(data)
    if tree is None:
        return False
    links = [element for element in tree.iter() if name_of(element) == "a" and element.get("href")]
    link_chars = sum(len("".join(link.itertext()).strip()) for link in links)
    bodies = [element for element in tree.iter() if name_of(element) == "body"]
    body_chars = sum(len(text.strip()) for body in bodies[:1] for text in body.itertext())
    return len(links) >= 3 and link_chars > 0.8 * body_chars


def _reject(reason: str, raw: str) -> Reject:
    return Reject(position=Position(source=""), reason=reason, raw=raw[:500])
