"""Read sources through loaders; unusable records are written to a file of rejects and counted by reason.

Memory use is constant: records are streamed, and the set of known ids is on disk. This module does not use Neo4j.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from kgsynth import plugins
from kgsynth.documents.forgotten import REASON
from kgsynth.documents.split import split, word_count
from kgsynth.errors import ConfigError, did_you_mean, quoted
from kgsynth.files import scratch_folder
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
from kgsynth.rejects import RejectFile, refuse_too_many
from kgsynth.seen_ids import SeenIds, digest
from kgsynth.settings import DocumentsSettings, FieldNames
from kgsynth.texts import NO_TEXT, clean_characters, is_clean, printable_name

_FORMER_NAMES = {"folder": "auto"}
LOADER_KINDS = ("documents", "annotations", "concepts", "pairs")

# Control characters except tab, line feed and carriage return come from broken extraction.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Characters that do not belong into a title or a name, and spaces that are outer or repeated.
_SUSPICIOUS = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff]|  |^ | $"
)
_RAW_CHARS = 500


def loader_names(kind: str) -> list[str]:
    """Return the names of the installed loaders that yield `documents`, `annotations`, `concepts` or `pairs`."""
    return sorted(point.name for point in plugins.installed(plugins.LOADERS).values() if point.attr == kind)


def loader_named(loader: str, kind: str) -> str:
    """Return the present name of a loader, which may be given by a former name.

    Raises:
        ConfigError: the loader does not exist or yields another kind of records.
    """
    points = plugins.installed(plugins.LOADERS)
    loader = _FORMER_NAMES.get(loader, loader)
    if loader not in points or points[loader].attr != kind:
        known = loader_names(kind)
        raise ConfigError(
            f"no loader {quoted(loader)} for {kind}" + did_you_mean(loader, known),
            hint=f"Installed: {', '.join(known) or 'none; install kgsynth into this environment'}."
            + (" The loader auto reads all formats." if "auto" in known else ""),
        )
    return loader


def read(loader: str, sources: Sequence[str], fields: FieldNames, *, kind: str) -> Iterator[Any]:
    """Yield the records and rejects of all sources in their order.

    Args:
        loader: name of an installed loader.
        sources: files, folders or package names, depending on the loader.
        fields: names of the fields of a record.
        kind: kind of records that the loader must yield, one of LOADER_KINDS.

    Raises:
        ConfigError: the loader does not exist or yields another kind of records, or a source is unusable.
    """
    loader = loader_named(loader, kind)
    if not sources:
        raise ConfigError(f"no source given for loader {quoted(loader)}", hint="Give a file, a folder or a package.")
    load = plugins.load(plugins.LOADERS, loader)
    if getattr(load, "takes_all_sources", False):
        yield from load(sources, fields)
    elif kind == "documents" and len(sources) > 1:
        yield from _read_each(load, sources, fields)
    else:
        for source in sources:
            yield from load(source, fields)


_Load = Callable[[str, FieldNames], Iterator[Any]]


def _read_each(load: _Load, sources: Sequence[str], fields: FieldNames) -> Iterator[Any]:
    """Yield the records of several sources; an unusable file becomes a reject if another source is usable.

    Raises:
        ConfigError: no source is usable (the error of the first one), or a source does not exist.
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
    """Yield the usable documents, long ones in parts, each id once; write and count the rejects.

    Args:
        settings: sources, loader, limits, and how long documents are split.
        rejects: receives the rejects.
        count: counts documents and rejects, and, if the loader reports files, the read and skipped files.

    Raises:
        ConfigError: the loader or a source is unusable.
        TooManyRejectsError: more than `settings.max_rejected_share` of the records were rejected; raised at the end.
    """
    refused = 0  # documents of the current file
    with SeenIds() as seen, SeenIds() as holders:
        for record in read(settings.loader, settings.sources, settings, kind="documents"):
            if isinstance(record, Document):
                is_refused = True
                for part in _usable_parts(_with_own_id(record, holders, count), settings, seen, rejects, count):
                    is_refused = False
                    yield part
                refused += is_refused
            elif isinstance(record, Reject):
                count.reject(record.reason)
                rejects.add(record)
            elif isinstance(record, Skipped):
                count.skip(record.rule)
            elif isinstance(record, FileRead):
                usable = record.documents - refused
                count.add_file(replace(record, documents=usable, rejects=record.rejects + refused))
                refused = 0
            elif isinstance(record, Remark):
                count.remark(f"{record.position.source}: {record.text}")
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects.path, expected=REASON)


def _with_own_id(document: Document, holders: "SeenIds", count: StageCount) -> Document:
    """Return a document with a unique id.

    If another file has the same id for another text, the id gets the name of the file as a prefix. For example, the
    rows of two tables may both be numbered from 1.
    """
    source = document.position.source if document.position else ""
    fingerprint = digest(source, 8) + digest(document.text, 8)
    first_fingerprint = holders.get_or_store(document.id, fingerprint) or fingerprint
    if (
        not source
        or document.parent
        or first_fingerprint[:8] == fingerprint[:8]
        or first_fingerprint[8:] == fingerprint[8:]
    ):
        return document
    parts = source.strip("/").split("/")
    for length in range(1, len(parts) + 1):
        identity = f"{'/'.join(parts[-length:])}#{document.id}"
        if (holders.get_or_store(identity, fingerprint) or fingerprint)[:8] == fingerprint[:8]:
            break
    count.note("ids_with_name_of_file")
    return replace(document, id=identity)


def _usable_parts(
    document: Document, settings: DocumentsSettings, seen: "SeenIds", rejects: RejectFile, count: StageCount
) -> Iterator[Document]:
    """Yield a document or its parts; unusable ones are rejected instead."""

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
    """Yield the usable documents in a later pass over the sources; rejects are not recorded again."""
    with (
        scratch_folder() as folder,
        RejectFile(folder / "rejects") as rejects,
    ):
        yield from usable_documents(replace(settings, max_rejected_share=1.0), rejects, StageCount(stage="read again"))


def usable_annotations(records: Iterable[Any], rejects: RejectFile, count: StageCount) -> Iterator[Any]:
    """Yield the usable records of a loader; write and count the rejects."""
    for record in records:
        if isinstance(record, Remark):
            count.remark(f"{record.position.source}: {record.text}")
            continue
        if isinstance(record, Annotation):
            # Ids must be those of the documents.
            record = replace(record, id=_printable_id(record.id))
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
    """Return why an annotation, a concept name or a counted pair is unusable; empty if it is usable."""
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
    # Names are many and short: joining them needs a single search.
    return _bad_texts(["".join(names)])


def _is_clean(document: Document) -> bool:
    """Return whether a document needs no cleaning and no check of its fields; most documents pass this quick test."""
    short_texts = [
        *(document.id, document.parent, document.title, document.source, document.license, document.attribution),
        *(document.date, document.section, document.entry_kind, *document.topics, *document.concepts),
        *(name for pair in document.synonyms for name in pair),
        *(part for item in document.metadata.items() for part in item),
    ]
    joined = " ".join(filter(None, short_texts))
    return len(joined) <= MAX_NAME_CHARS and not _SUSPICIOUS.search(joined) and is_clean(document.text)


def _bad_fields(document: Document) -> str:
    """Return why a field is unusable because it is no text; empty if none is. Names are not checked here."""
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
    """Return a document with control characters replaced by spaces, and without invisible characters and bad names.

    In ids, these characters are escaped.
    """
    text, changed = clean_characters(document.text)
    if changed:
        count.note("control_characters", changed)
    starts = document.page_starts
    if starts and len(text) != len(document.text):
        starts = _clean_starts(document.text, starts)

    def line(value: str) -> str:
        return " ".join(clean_characters(value)[0].split())

    def names(values: tuple[str, ...]) -> tuple[str, ...]:
        cleaned = tuple(clean for name in values if not NO_TEXT.search(name) and (clean := line(name)))
        usable = tuple(name for name in cleaned if len(name) <= MAX_NAME_CHARS)
        if len(usable) < len(values):
            count.note("unusable_names", len(values) - len(usable))
        return usable

    pairs = tuple(pair for pair in document.synonyms if len(names(pair)) == len(pair))
    return replace(
        document,
        id=_printable_id(document.id),
        parent=_printable_id(document.parent),
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


def _printable_id(identity: str) -> str:
    """Return an id with invisible characters escaped; an id with other control characters is rejected later."""
    return identity if _CONTROL.search(identity) else printable_name(identity)


def _clean_starts(text: str, starts: Sequence[int]) -> tuple[int, ...]:
    """Return the offsets of pages in the cleaned text, in linear time; CR LF becomes a single character in it."""
    starts = [start + (start > 0 and text[start - 1 : start + 1] == "\r\n") for start in starts]
    lengths = (len(clean_characters(text[start:end])[0]) for start, end in pairwise([0, *starts]))
    return tuple(accumulate(lengths))


def _reject(document: Document, reason: str, settings: DocumentsSettings) -> Reject:
    raw = NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", document.text[:_RAW_CHARS])
    fallback_position = Position(source=f"{','.join(settings.sources)}#{document.id[:200]}")
    return Reject(position=document.position or fallback_position, reason=reason, raw=raw)


def _refusal(document: Document, settings: DocumentsSettings, seen: "SeenIds") -> str:
    """Return why a document is rejected; empty if it is usable."""
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
    text, *others = document.content()
    value = digest(str(text), 8) + digest("\x00".join(map(str, others)), 8)
    stored = seen.get_or_store(document.id, value)
    if stored is None:
        return ""
    if stored[:8] != value[:8]:
        return "id twice with another text"
    is_same = stored == value
    return (
        "id twice with the same text"
        if is_same
        else "id twice with the same text, but another title, source or metadata"
    )
