"""Check the zip packages of Office files, and read their XML parts and the properties of the document."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document
from kgsynth_loaders.names import is_file_name
from kgsynth_loaders.readers.omml import local_name

Element = Any  # an element of lxml, which ships no types

COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A package of more than `_ALWAYS_BYTES` may unpack to at most `_MAX_RATIO` times its packed size.
MAX_UNPACKED_BYTES = 500_000_000
_MAX_RATIO = 1000
_ALWAYS_BYTES = 50_000_000
_DOCTYPE = re.compile(
    b"|".join("<!DOCTYPE".encode(code) for code in ("ascii", "utf-16-le", "utf-16-be")), re.IGNORECASE
)
# Names of fixed-pitch fonts.
FIXED_PITCH = re.compile(
    r"courier|consolas|\bmono\b|mono$|monospace|menlo|monaco|lucida console|source code|fira code|inconsolata|andale",
    re.IGNORECASE,
)
# Exceptions of zipfile on truncated or damaged packages.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, ValueError)
# Values of the creator field that name no person.
_PROGRAMS = frozenset(
    {"python-docx", "openpyxl", "python-pptx", "apache poi", "microsoft office user", "user", "unknown"}
)
_LICENSE_NAMES = frozenset({"license", "licence", "rights", "copyright", "lizenz", "licencia"})


def check_package(path: Path, *members: str) -> None:
    """Check that a file is a zip package without a password and of acceptable unpacked size.

    Args:
        path: the file.
        members: prefixes of member names; a member must have one of them. Empty to accept any package.

    Raises:
        RecordError: the file does not pass the check.
    """
    with path.open("rb") as file:
        is_compound = file.read(8) == COMPOUND_FILE
    if is_compound:
        raise RecordError("encrypted" if is_encrypted(path) else "damaged")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except ZIP_ERRORS:
        raise RecordError("damaged") from None
    size = sum(entry.file_size for entry in entries)
    packed_size = sum(entry.compress_size for entry in entries)
    if size > MAX_UNPACKED_BYTES:
        raise RecordError("unpacks to more than 500 MB")
    if size > _ALWAYS_BYTES and size > _MAX_RATIO * max(1, packed_size):
        raise RecordError(f"unpacks to more than {_MAX_RATIO:,} times its size")
    if any(entry.flag_bits & 1 for entry in entries):
        raise RecordError("encrypted")
    if members and not any(entry.filename.startswith(members) for entry in entries):
        raise RecordError("damaged")


def is_encrypted(path: Path) -> bool:
    """Return whether a compound file contains a package that is protected by a password."""
    name = "EncryptedPackage".encode("utf-16-le")
    with path.open("rb") as file:
        data = file.read()
    return name in data


def parsed(data: bytes) -> Element:
    """Parse an XML part and return its root element.

    Raises:
        RecordError: the part is no XML, or declares entities.
    """
    from lxml import etree

    if _DOCTYPE.search(data):
        raise RecordError("declares XML entities")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise RecordError("damaged") from None


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties that a document declares; `metadata` has subject, language, description and category."""

    title: str = ""
    attribution: str = ""
    topics: tuple[str, ...] = ()
    date: str = ""
    license: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def document(self, text: str, page_starts: tuple[int, ...] = ()) -> Document:
        """Return a document with these properties.

        Raises:
            RecordError: the text is empty.
        """
        if not text:
            raise RecordError("no text")
        return Document(
            id="",
            text=text,
            title=self.title,
            topics=self.topics,
            attribution=self.attribution,
            license=self.license,
            date=self.date,
            metadata=self.metadata,
            page_starts=page_starts,
        )


def properties(archive: zipfile.ZipFile) -> Properties:
    """Return the core properties of a package, and the license from its custom properties."""
    core = {key: value for key, value in _texts(archive, "docProps/core.xml").items() if value}
    custom_license = _custom_license(archive)
    title = core.get("title", "")
    is_no_title = re.fullmatch(
        r"(?:untitled|document|presentation|powerpoint[- ]präsentation|powerpoint presentation) ?\d*",
        title,
        re.IGNORECASE,
    )
    creator = core.get("creator", "")
    people = [part.strip() for part in creator.split(";") if part.strip().casefold() not in {"", *_PROGRAMS}]
    return Properties(
        title="" if is_no_title or is_file_name(title) else title,
        attribution="; ".join(people),
        topics=tuple(
            dict.fromkeys(word.strip() for word in re.split(r"[,;]", core.get("keywords", "")) if word.strip())
        ),
        date=core.get("created", "").partition("T")[0],
        license=custom_license or core.get("rights", ""),
        metadata={
            key: core[key]
            for key in ("subject", "language", "description", "category")
            if core.get(key) and not core[key].startswith("generated ")
        },
    )


def _texts(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    try:
        root = parsed(archive.read(name))
    except (*ZIP_ERRORS, RecordError):
        # Properties are optional.
        return {}
    return {local_name(child): " ".join("".join(child.itertext()).split()) for child in root}


def _custom_license(archive: zipfile.ZipFile) -> str:
    try:
        root = parsed(archive.read("docProps/custom.xml"))
    except (*ZIP_ERRORS, RecordError):
        return ""
    for child in root:
        if (child.get("name") or "").casefold() in _LICENSE_NAMES:
            return " ".join("".join(child.itertext()).split())
    return ""
