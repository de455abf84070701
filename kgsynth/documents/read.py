"""Reading a source through its loader, with every unusable record kept in a reject file and counted by reason.

Memory is flat: records pass one by one, and which ids were seen is kept on disk. Nothing here knows Neo4j.
"""

import difflib
import hashlib
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from itertools import accumulate, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kgsynth.config import DocumentsSettings, FieldNames
from kgsynth.documents.forgotten import REASON
from kgsynth.documents.split import split, word_count
from kgsynth.errors import ConfigError, TooManyRejectsError
from kgsynth.names import MAX_NAME_CHARS
from kgsynth.records import (
    Annotation,
    ConceptName,
    CountedPair,
    Document,
    FileRead,
    Position,
    Reject,
    Remark,
    Skipped,
    StageCount,
)
from kgsynth.texts import NO_TEXT, clean_characters, is_clean

_FORMER_NAMES = {"folder": "auto"}
LOADER_KINDS = ("documents", "annotations", "concepts", "pairs")

# Tab, line feed and carriage return are text; other control characters come from broken extraction.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# What has no place in a title or a name, and blanks that are not single.
_SUSPICIOUS = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff]|  |^ | $"
)
_RAW_CHARS = 500
_FILTER_BYTES = 2**22
_WAITING_ROWS = 10_000
_LIMIT_HINT = "--max-rejected-share sets the limit."
_FIELDS_HINT = f"Is a field named wrongly (--text-field, --id-field)? {_LIMIT_HINT}"


class RejectFile:
    """Rejects as JSON Lines; the file is made with the first of them and replaces an older one."""

    def __init__(self, path: Path) -> None:
        """Write nothing yet.

        Args:
            path: where the rejects go.
        """
        self.path = path
        self._file: Any = None

    def __enter__(self) -> Self:
        """Remove what an earlier call left."""
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def add(self, reject: Reject) -> None:
        """Write one reject."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", errors="replace")
        self._file.write(reject.to_json() + "\n")


def loader_names(kind: str) -> list[str]:
    """Names of the installed loaders that yield `documents`, `annotations`, `concepts` or `pairs`."""
    return sorted(point.name for point in entry_points(group="kgsynth.loaders") if point.attr == kind)


def read(loader: str, sources: Sequence[str], fields: FieldNames, *, kind: str) -> Iterator[Any]:
    """Records and rejects of all sources, in order.

    Args:
        loader: name of an installed loader.
        sources: files, folders or package names, as the loader takes them.
        fields: which field holds what.
        kind: what the loader must yield, one of LOADER_KINDS.

    Raises:
        ConfigError: no such loader, it yields something else, or a source is unusable.
    """
    points = {point.name: point for point in entry_points(group="kgsynth.loaders")}
    loader = _FORMER_NAMES.get(loader, loader)
    if loader not in points or points[loader].attr != kind:
        known = loader_names(kind)
        close = difflib.get_close_matches(loader, known, n=1)
        raise ConfigError(
            f"no loader {loader!r} for {kind}" + (f": did you mean {close[0]!r}?" if close else ""),
            hint=f"Installed: {', '.join(known) or 'none; install kgsynth into this environment'}."
            + (" auto reads files of every format." if "auto" in known else ""),
        )
    if not sources:
        raise ConfigError(f"no source given for loader {loader!r}", hint="Name a file, a folder or a package.")
    load = points[loader].load()
    if getattr(load, "takes_all_sources", False):
        yield from load(sources, fields)
    elif kind == "documents" and len(sources) > 1:
        yield from _each(load, sources, fields)
    else:
        for source in sources:
            yield from load(source, fields)


_Load = Callable[[str, FieldNames], Iterator[Any]]


def _each(load: _Load, sources: Sequence[str], fields: FieldNames) -> Iterator[Any]:
    """The records of several sources; a file that cannot be used is a reject, unless none can be used.

    Raises:
        ConfigError: the first reason, when no source could be used; and where a source is no file.
    """
    refused: list[tuple[str, ConfigError]] = []
    is_any_read = False
    for source in sources:
        try:
            for record in load(source, fields):
                is_any_read = True
                yield record
        except ConfigError as error:
            if not os.path.exists(source):
                raise
            refused.append((source, error))
    if refused and not is_any_read:
        raise refused[0][1]
    for source, refusal in refused:
        reason = str(refusal).removeprefix(source).lstrip(": ")
        yield Reject(position=Position(source=source), reason=reason, raw=refusal.hint)


def usable_documents(settings: DocumentsSettings, rejects: RejectFile, count: StageCount) -> Iterator[Document]:
    """The documents that can be used, long ones in parts, each id once; all others are written and counted.

    Args:
        settings: sources, loader, how long documents are split, limits.
        rejects: gets what cannot be used.
        count: counts documents and rejects; and files that were read and skipped, where the loader knows files.

    Raises:
        ConfigError: the loader or a source is unusable.
        TooManyRejectsError: at the end, when more than `settings.max_rejected_share` of the records were rejected.
    """
    with SeenIds() as seen, SeenIds() as holders:
        for record in read(settings.loader, settings.sources, settings, kind="documents"):
            if isinstance(record, Document):
                yield from _usable_parts(_with_own_id(record, holders, count), settings, seen, rejects, count)
            elif isinstance(record, Reject):
                count.reject(record.reason)
                rejects.add(record)
            elif isinstance(record, Skipped):
                count.skip(record.rule)
            elif isinstance(record, FileRead):
                count.add_file(record)
            elif isinstance(record, Remark):
                count.remark(f"{record.position.source}: {record.text}")
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects.path, expected=REASON)


def _with_own_id(document: Document, holders: "SeenIds", count: StageCount) -> Document:
    """The document; one whose id another file has for another text gets the name of its file before its id.

    Two tables may both number their rows from 1.
    """
    source = document.position.source if document.position else ""
    own = _digest(source, 8) + _digest(document.text, 8)
    first = holders.held_or_kept(document.id, own) or own
    if not source or document.parent or first[:8] == own[:8] or first[8:] == own[8:]:
        return document
    parts = source.strip("/").split("/")
    for length in range(1, len(parts) + 1):
        identity = f"{'/'.join(parts[-length:])}#{document.id}"
        if (holders.held_or_kept(identity, own) or own)[:8] == own[:8]:
            break
    count.note("ids_with_name_of_file")
    return replace(document, id=identity)


def _usable_parts(
    document: Document, settings: DocumentsSettings, seen: "SeenIds", rejects: RejectFile, count: StageCount
) -> Iterator[Document]:
    """A document, or its parts, without those that cannot be used."""

    def refuse(part: Document, reason: str) -> None:
        count.reject(reason)
        rejects.add(_reject(part, reason, settings))

    if not _is_clean(document):
        problem = _bad_fields(document)
        if problem:
            refuse(document, problem)
            return
        document = _clean(document, count)
    part_count = 0
    for part in split(document, settings):
        part_count += 1
        problem = _refusal(part, settings, seen)
        if problem:
            refuse(part, problem)
        else:
            count.kept += 1
            if not part.license:
                count.note("without_licence")
            yield part
    if part_count > 1:
        count.note("split_documents")
        count.note("parts", part_count)


def read_again(settings: DocumentsSettings) -> Iterator[Document]:
    """The documents that can be used, for a pass after the one that wrote down and counted what cannot."""
    with tempfile.TemporaryDirectory(prefix="kgsynth-again-") as desk, RejectFile(Path(desk) / "rejects") as rejects:
        yield from usable_documents(replace(settings, max_rejected_share=1.0), rejects, StageCount(stage="read again"))


def refuse_too_many(count: StageCount, *, limit: float, where: Path, hint: str = "", expected: str = "") -> None:
    """Stop a stage of which too much was rejected; what was rejected for the `expected` reason is no fault.

    Without a hint, the error asks about the names of fields where a reason names one.

    Raises:
        TooManyRejectsError: the share of rejects is over `limit`.
    """
    rejected = count.read - count.kept - count.rejected.get(expected, 0)
    if rejected > limit * count.read:
        reasons = ", ".join(
            f"{number:,} {reason}" for reason, number in sorted(count.rejected.items(), key=lambda item: -item[1])
        )
        own_hint = _FIELDS_HINT if any("field" in reason for reason in count.rejected) else _LIMIT_HINT
        raise TooManyRejectsError(
            f"{count.stage}: {rejected:,} of {count.read:,} {count.unit} were rejected ({reasons}), over the "
            f"limit of {limit:.0%}",
            hint=f"Look at {where}. {hint or own_hint}",
        )


def usable_annotations(records: Iterable[Any], rejects: RejectFile, count: StageCount) -> Iterator[Any]:
    """Records of a loader that are not rejects; the rejects are written and counted."""
    for record in records:
        if isinstance(record, Remark):
            count.remark(f"{record.position.source}: {record.text}")
            continue
        problem = "" if isinstance(record, Reject) else _bad_record(record)
        if problem:
            raw = str(record)[:_RAW_CHARS].encode("utf-8", "replace").decode()
            record = Reject(position=Position(source=getattr(record, "id", "")[:200]), reason=problem, raw=raw)
        if isinstance(record, Reject):
            count.reject(record.reason)
            rejects.add(record)
        else:
            count.kept += 1
            yield record


def _bad_record(record: Any) -> str:
    """Why the graph could not take an annotation, a concept name or a counted pair; empty when it can."""
    if isinstance(record, Annotation):
        names = [name for topic in record.topics for name in (topic.name, *topic.concepts)]
        return _bad_names([record.id, *names])
    if isinstance(record, CountedPair):
        return _bad_names([record.first, record.second])
    return _bad_names([record.name]) if isinstance(record, ConceptName) else ""


def _bad_texts(texts: Iterable[str]) -> str:
    for text in texts:
        if _CONTROL.search(text):
            return "control characters"
        if _SURROGATE.search(text):
            return "not Unicode text (lone surrogate)"
    return ""


def _bad_names(names: Sequence[str]) -> str:
    if any(len(name) > MAX_NAME_CHARS for name in names):
        return f"an id or name longer than {MAX_NAME_CHARS:,} characters"
    return _bad_texts(names)


def _is_clean(document: Document) -> bool:
    """Whether nothing is to be cleaned or refused in a document: a quick look that most documents pass."""
    short = [
        *(document.id, document.parent, document.title, document.source, document.license, document.attribution),
        *(document.date, document.section, document.entry_kind, *document.topics, *document.concepts),
        *(name for pair in document.synonyms for name in pair),
        *(part for item in document.metadata.items() for part in item),
    ]
    joined = " ".join(filter(None, short))
    return len(joined) <= MAX_NAME_CHARS and not _SUSPICIOUS.search(joined) and is_clean(document.text)


def _bad_fields(document: Document) -> str:
    """Which field holds what is no text; empty for none. Names that do are left out by themselves."""
    of_metadata = [part for item in document.metadata.items() for part in item]
    for name, texts in (
        ("text", [document.text]),
        ("id", [document.id, document.parent]),
        ("title", [document.title]),
        ("source", [document.source]),
        ("license", [document.license]),
        ("attribution", [document.attribution]),
        ("metadata", [document.date, document.section, document.entry_kind, *of_metadata]),
    ):
        if any(NO_TEXT.search(text) for text in texts):
            return f"NUL, escape or half a character in its {name}"
    return ""


def _clean(document: Document, count: StageCount) -> Document:
    """The document with control characters as blanks and invisible ones left out; names that are no names too."""
    text, changed = clean_characters(document.text)
    if changed:
        count.note("control_characters", changed)
    starts = document.page_starts
    if starts and len(text) != len(document.text):
        starts = _clean_starts(document.text, starts)

    def line(value: str) -> str:
        return " ".join(clean_characters(value)[0].split())

    def names(given: tuple[str, ...]) -> tuple[str, ...]:
        kept = tuple(clean for name in given if not NO_TEXT.search(name) and (clean := line(name)))
        usable = tuple(name for name in kept if len(name) <= MAX_NAME_CHARS)
        if len(usable) < len(given):
            count.note("unusable_names", len(given) - len(usable))
        return usable

    pairs = tuple(pair for pair in document.synonyms if len(names(pair)) == len(pair))
    return replace(
        document,
        synonyms=pairs,
        entry_kind=line(document.entry_kind)[:MAX_NAME_CHARS],
        text=text,
        title=line(document.title),
        topics=names(document.topics),
        concepts=names(document.concepts),
        source=line(document.source),
        license=line(document.license),
        attribution=line(document.attribution),
        date=line(document.date),
        metadata={line(name): clean_characters(value)[0] for name, value in document.metadata.items()},
        page_starts=starts,
    )


def _clean_starts(text: str, starts: Sequence[int]) -> tuple[int, ...]:
    """Where pages begin once their text is clean, in time linear in its length; a line end of two signs is one."""
    starts = [start + (start > 0 and text[start - 1 : start + 1] == "\r\n") for start in starts]
    lengths = (len(clean_characters(text[start:end])[0]) for start, end in pairwise([0, *starts]))
    return tuple(accumulate(lengths))


def _reject(document: Document, reason: str, settings: DocumentsSettings) -> Reject:
    raw = NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", document.text[:_RAW_CHARS])
    unknown = Position(source=f"{','.join(settings.sources)}#{document.id[:200]}")
    return Reject(position=document.position or unknown, reason=reason, raw=raw)


def _refusal(document: Document, settings: DocumentsSettings, seen: "SeenIds") -> str:
    """Why a document cannot be used; empty when it can."""
    if not document.text.strip():
        return "no text"
    if len(document.text) > settings.max_text_chars:
        return f"text longer than {settings.max_text_chars:,} characters"
    if len(document.id) > MAX_NAME_CHARS:
        return f"an id longer than {MAX_NAME_CHARS:,} characters"
    if _CONTROL.search(document.id):
        return "control characters in its id"
    if settings.min_words and word_count(document.text) < settings.min_words:
        return f"fewer than {settings.min_words} words"
    state = seen.add(document.id, "\x00".join(map(str, document.content())))
    return "" if state == "new" else f"id twice with {state} text"


def _digest(text: str, size: int) -> bytes:
    """A hash of so many bytes."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=size).digest()


class SeenIds:
    """Which ids were seen with which content, in a temporary database, so that memory stays flat.

    A Bloom filter of 4 MiB answers for most new ids; rows go to the database many at a time.
    """

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="kgsynth-ids-")
        self._database = sqlite3.connect(Path(self._folder.name) / "ids.sqlite", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-20000"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, content BLOB) WITHOUT ROWID")
        self._database.execute("BEGIN")
        self._filter = bytearray(_FILTER_BYTES)
        self._waiting: dict[bytes, bytes] = {}
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add(self, identity: str, content: str) -> str:
        """`new`, `the same` or `another`, by id and content."""
        value = _digest(content, 16)
        held = self.held_or_kept(identity, value)
        if held is None:
            return "new"
        return "the same" if held == value else "another"

    def held_or_kept(self, identity: str, value: bytes) -> bytes | None:
        """What is held for an id; None where it is new, and the value is kept for it."""
        key = _digest(identity, 16)
        held = self._held(key) if self._may_be_seen(key) else None
        if held is None:
            self._waiting[key] = value
            if len(self._waiting) >= _WAITING_ROWS:
                self._database.executemany("INSERT INTO seen VALUES (?, ?)", self._waiting.items())
                self._waiting.clear()
        return held

    def _held(self, key: bytes) -> bytes | None:
        if key in self._waiting:
            return self._waiting[key]
        row = self._database.execute("SELECT content FROM seen WHERE id = ?", (key,)).fetchone()
        return row[0] if row else None

    def _may_be_seen(self, key: bytes) -> bool:
        """Whether an id may have been seen; it counts as seen from now on."""
        is_seen = True
        for start in (0, 4, 8):
            place, bit = divmod(int.from_bytes(key[start : start + 4], "little") % (8 * _FILTER_BYTES), 8)
            if not self._filter[place] >> bit & 1:
                is_seen = False
                self._filter[place] |= 1 << bit
        return is_seen
