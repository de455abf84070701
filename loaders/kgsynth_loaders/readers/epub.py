"""EPUB 2 and 3: the chapters of a book in reading order as one document."""

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
# Hiding of fonts is no protection of the book.
_FONT_HIDING = ("/2008/embedding", "/pdf/enc#RC")
_DOCTYPE = re.compile(rb"<!DOCTYPE\b[^>\[]*(?:\[[^\]]*\]\s*)?>")
_LEFT_OUT = frozenset(["toc", "cover", "landmarks", "page-list", "loi", "lot", "index-of-illustrations"])
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, KeyError)


def read(path: Path, options: ReadOptions) -> Iterator[Document | Reject]:
    """The book, then a reject for each chapter that cannot be read.

    Raises:
        RecordError: it is protected ("encrypted"), no book ("damaged"), too large when unpacked, or holds no text.
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
    """A file of a book, as its manifest has it."""

    name: str
    kind: str
    properties: str


@dataclass(slots=True)
class _Book:
    """An open book.

    Attributes:
        archive: the zip file.
        items: the files of the manifest by their identifier.
        spine: the identifiers of the chapters in reading order.
        labels: titles of chapters by the name of their file, from the table of contents.
        left_out: names of files that are covers or lists of contents.
        unpacked_bytes: what has been unpacked so far.
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
        """Read what the book says of its files.

        Raises:
            RecordError: it is protected or no book.
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
        """One file of the book.

        Raises:
            RecordError: it, or the book, is too large when unpacked.
        """
        with self.archive.open(self._member(name)) as file:
            data = file.read(_MAX_MEMBER_BYTES + 1)
        self.unpacked_bytes += len(data)
        if len(data) > _MAX_MEMBER_BYTES or self.unpacked_bytes > _MAX_BOOK_BYTES:
            raise RecordError("too large when unpacked")
        return data

    def read(self, encoding: str) -> Iterator[Document | Reject]:
        """The text of all chapters, then what could not be read."""
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
        found = next((name for name in names if name.lower().endswith(".opf")), "")
        if not found:
            raise RecordError("damaged")
        return found

    def _member(self, name: str) -> str:
        """The name of a file in the archive; writers of books mix small and capital letters."""
        if name in self.archive.NameToInfo:
            return name
        small = name.lower()
        return next((known for known in self.archive.namelist() if known.lower() == small), name)

    def _resolved(self, element: Element) -> str:
        return _path(self.folder, element.get("href") or "")

    def _refuse_protected(self) -> None:
        """Refuse a book whose chapters are encrypted.

        Raises:
            RecordError: they are.
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
            inner = list(entry.iter())
            methods = [element.get("Algorithm") or "" for element in inner if name_of(element) == "encryptionmethod"]
            names = {unquote(element.get("URI") or "") for element in inner if name_of(element) == "cipherreference"}
            if not any(method.endswith(_FONT_HIDING) for method in methods) and names & pages:
                raise RecordError("encrypted")

    def _read_labels(self) -> None:
        """Titles of chapters from the table of contents, in the form of EPUB 3 or 2."""
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
                name, _, place = address.partition("#")
                if not place or _path(base, name) not in self.labels:
                    self.labels.setdefault(_path(base, name), label)

    def _document(self, text: str) -> Document:
        said: dict[str, list[str]] = {}
        for element in self.package.iter():
            if "/dc/elements/" in str(element.tag) or "/dc/terms/" in str(element.tag):
                value = " ".join("".join(element.itertext()).split())
                if value:
                    said.setdefault(name_of(element), []).append(value)
        names = ("language", "publisher", "identifier", "description", "contributor", "source")
        return Document(
            id="",
            text=text,
            title=said.get("title", [""])[0],
            attribution="; ".join(dict.fromkeys(said.get("creator", []))),
            topics=tuple(dict.fromkeys(said.get("subject", []))),
            license=license_name(said.get("rights", [""])[0]),
            date=said.get("date", [""])[0],
            metadata={name: "; ".join(said[name]) for name in names if name in said},
        )


def _tree(data: bytes) -> Element | None:
    """The tree of a file of XML that may have faults; no entity is read from anywhere."""
    from lxml import etree

    start = data.find(b"<!DOCTYPE")
    if b"<!ENTITY" in data and (found := _DOCTYPE.match(data, max(start, 0))):
        data = data[:start] + data[found.end() :]
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
    """Addresses and titles of a table of contents."""
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
    """Whether a chapter is a table of contents that nothing marks: a body that is links to chapters alone."""
    head = data[:4000].lower()
    if b"contents" not in head and b"inhalt" not in head:
        return False
    tree = _tree(data)
    if tree is None:
        return False
    links = [element for element in tree.iter() if name_of(element) == "a" and element.get("href")]
    linked = sum(len("".join(link.itertext()).strip()) for link in links)
    bodies = [element for element in tree.iter() if name_of(element) == "body"]
    whole = sum(len(part.strip()) for body in bodies[:1] for part in body.itertext())
    return len(links) >= 3 and linked > 0.8 * whole


def _reject(reason: str, raw: str) -> Reject:
    return Reject(position=Position(source=""), reason=reason, raw=raw[:500])
