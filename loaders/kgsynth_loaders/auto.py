"""Read files of any format, detected from the first bytes and the file extension, and account for each file."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from kgsynth.errors import ConfigError, RecordError
from kgsynth.files import scratch_folder
from kgsynth.records import Document, FileRead, Position, Reject, Remark, Skipped
from kgsynth.settings import FieldNames, settings_fields
from kgsynth.texts import NO_TEXT, printable_name
from kgsynth_loaders import (
    archives,
    arrow_folder,
    csv_table,
    formats,
    front_matter,
    hugging_face,
    json_array,
    jsonl,
    parquet,
    readers,
    sources,
    text_lines,
    workers,
)
from kgsynth_loaders.formats import Format, Found
from kgsynth_loaders.names import human
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.sources import SourceFile
from kgsynth_loaders.workers import Job, Limits, WorkerPool

Record = Document | Reject | Skipped | Remark | FileRead

_ON_THE_HUB = "hf://"
# Number of files per worker that are read ahead.
_AHEAD = 4
# Maximum size of files that are read as a whole. Dumps and archives of pages are read as streams.
_LARGEST_BYTES = 512 * 2**20
_STREAMS = (*formats.ROW_FORMATS, formats.MEDIAWIKI, formats.WARC)
_ROWS = {
    formats.JSON: json_array.documents,
    formats.JSON_LINES: jsonl.documents,
    formats.CSV: csv_table.documents,
    formats.ARROW: arrow_folder.file_documents,
    formats.SAVED_DATASET: arrow_folder.documents,
}


def documents(source: str | Sequence[str], fields: FieldNames) -> Iterator[Record]:
    """Yield the documents of all files of one or more sources, in the order of sources and paths.

    Args:
        source: a file, a folder, a pattern such as `notes/**/*.md`, an archive, `-`, a data set of Hugging Face such as
            `hf://owner/name`, or a list of these.
        fields: names of the fields of a record, and limits of the readers.

    Raises:
        ConfigError: a source does not exist.
    """
    source_list = [source] if isinstance(source, str) else list(source)
    with scratch_folder() as folder:
        pool = WorkerPool(_worker_count(fields), _limits(fields))
        try:
            yield from _Reading(pool, fields, folder).records(source_list)
        finally:
            pool.close()


# `read` passes all sources in one call, so that files of different sources are read in parallel.
documents.takes_all_sources = True  # type: ignore[attr-defined]


def _worker_count(fields: FieldNames) -> int:
    return int(getattr(fields, "readers", 0)) or len(os.sched_getaffinity(0)) or 1


def _limits(fields: FieldNames) -> Limits:
    default = Limits()
    return Limits(
        silence_s=float(getattr(fields, "file_timeout_s", default.silence_s)),
        memory_bytes=int(getattr(fields, "file_memory_mb", default.memory_bytes // 2**20)) * 2**20,
    )


@dataclass(frozen=True, slots=True)
class _Pending:
    """A file that waits for its turn; `job` is its number in the pool."""

    file: SourceFile
    format: Format
    job: int | None
    state: tuple[int, int]


class _Reading:
    """Submits files to workers ahead of their turn and yields their records in order."""

    def __init__(self, pool: WorkerPool, fields: FieldNames, desk: Path) -> None:
        self._pool = pool
        self._fields = fields
        self._desk = desk
        self._ids = sources.FileIds()
        self._options = ReadOptions(encoding=fields.encoding, fields=FieldNames(**_names(fields)))

    def records(self, source_list: Sequence[str]) -> Iterator[Record]:
        waiting: deque[_Pending | Record] = deque()
        ahead = _AHEAD * self._pool.count
        for source in source_list:
            if source.startswith(_ON_THE_HUB):
                while waiting:
                    yield from self._collect(waiting.popleft())
                yield from hugging_face.documents(source, self._fields)
                continue
            source_entries = sources.entries(source, self._fields.encoding, is_only=len(source_list) == 1)
            for entry in chain.from_iterable(map(self._unpack, source_entries)):
                waiting.append(self._start_reading(entry) if isinstance(entry, SourceFile) else entry)
                while len(waiting) > ahead:
                    yield from self._collect(waiting.popleft())
        while waiting:
            yield from self._collect(waiting.popleft())

    def _unpack(self, entry: sources.Entry) -> Iterator[sources.Entry]:
        """Yield a file, or the members of an archive."""
        if isinstance(entry, SourceFile) and entry.found.format in archives.FORMATS:
            yield from archives.members(entry, self._desk, self._fields.encoding)
        else:
            yield entry

    def _start_reading(self, entry: SourceFile) -> _Pending | Record:
        file = self._ids.placed(entry)
        if isinstance(file, Skipped):
            sources.remove(entry)
            return file
        found = file.found
        if found.format is formats.PLAIN and not formats.endings(file.name):
            found = Found(formats.CSV) if csv_table.is_table(str(file.path), self._fields) else found
        problem = found.problem or (found.format.missing() if found.format else "")
        size = file.path.stat().st_size
        if not size and file.fault:
            problem = "nothing of it could be decompressed"
        if found.format not in _STREAMS and size > _LARGEST_BYTES:
            problem = f"larger than {_LARGEST_BYTES // 2**20} MiB"
        if found.format is None or problem:
            sources.remove(file)
            # A file whose decompression failed may begin with garbage, which hides its format.
            return next(file.broken_off(), Reject(position=Position(source=file.name), reason=problem))
        job = None
        if found.format.is_isolated:
            job = self._pool.submit(self._job(file, found.format))
        return _Pending(file, found.format, job, _state(file.path))

    def _job(self, file: SourceFile, format_: Format) -> Job:
        return Job(reader=f"{readers.__name__}.{format_.reader}", path=file.path, options=self._options)

    def _collect(self, item: _Pending | Record) -> Iterator[Record]:
        if not isinstance(item, _Pending):
            yield item
            return
        document_count = reject_count = 0
        is_broken_off = False
        try:
            for record in chain(self._read(item), item.file.broken_off()):
                document_count += isinstance(record, Document)
                is_broken_off |= isinstance(record, Remark) and record.is_partial
                if isinstance(record, Reject):
                    reject_count += 1
                    is_broken_off |= text_lines.BROKEN_OFF in record.reason
                yield record
            if item.state != _state(item.file.path):
                reject_count += 1
                yield Reject(position=Position(source=item.file.name), reason="changed while it was read")
        finally:
            sources.remove(item.file)
        yield FileRead(
            position=Position(source=item.file.name),
            format=item.format.name,
            documents=document_count,
            rejects=reject_count,
            is_partial=bool(document_count) and is_broken_off,
        )

    def _read(self, item: _Pending) -> Iterator[Document | Reject | Skipped | Remark]:
        if item.format in formats.ROW_FORMATS:
            yield from _rows(item, self._fields)
            return
        if item.job is not None:
            file_records = self._pool.records(item.job)
        else:
            file_records = workers.read(self._job(item.file, item.format))
        has_any = False
        for record in file_records:
            has_any = True
            if isinstance(record, Document) and (faults := NO_TEXT.findall(record.text)):
                # A few undecodable characters are no reason to reject a whole book.
                yield Remark(position=Position(source=item.file.name), text=f"{len(faults):,} signs became blanks")
                record = replace(record, text=NO_TEXT.sub(" ", record.text))
            if item.format is formats.PLAIN and isinstance(record, Document):
                record = _without_front_matter(record)
            yield _with_origin(record, item.file)
        if not has_any:
            yield Reject(position=Position(source=item.file.name), reason="no text")


def _without_front_matter(document: Document) -> Document:
    """Return a plain text with its front matter (between `---` or `+++`) moved to the document's fields."""
    if document.page_starts or not document.text.startswith(("---\n", "+++\n")):
        return document
    meta, body = front_matter.split(document.text)
    if not front_matter.is_known(meta) or not body.strip():
        return document
    document_fields = front_matter.fields(meta)
    metadata = {**document.metadata, **document_fields.pop("metadata")}
    return replace(document, **document_fields, text=body.strip("\n"), metadata=metadata)


def _names(fields: FieldNames) -> dict[str, Any]:
    """Return the fields of `FieldNames` only, because settings of subclasses must not be sent to workers."""
    return {name: getattr(fields, name) for name in settings_fields(FieldNames)}


def _state(path: Path) -> tuple[int, int]:
    with suppress(OSError):
        state = path.stat()
        return state.st_size, state.st_mtime_ns
    return -1, -1


def _rows(item: _Pending, fields: FieldNames) -> Iterator[Document | Reject | Skipped | Remark]:
    """Yield the records of a table; in a folder, a table without the configured fields is a reject.

    Raises:
        ConfigError: the table is a source of its own and lacks the configured fields.
    """
    path = str(item.file.path)
    try:
        for record in _table_records(item, path, fields):
            yield _renamed(record, path, item.file)
    except (ConfigError, RecordError) as error:
        hint = getattr(error, "hint", "")
        if item.file.is_named:
            raise type(error)(str(error).replace(path, item.file.name), hint=hint) from error
        reason = str(error).removeprefix(path).lstrip(": /")
        yield Reject(position=Position(source=item.file.name), reason=reason, raw=hint)


def _table_records(item: _Pending, path: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    if item.format is not formats.PARQUET:
        yield from _ROWS[item.format](path, fields)
        return
    partition = parquet.partition(item.file.name.split("/")[:-1])
    yield from parquet.file_documents(path, fields, partition)


def _renamed(record: Any, path: str, file: SourceFile) -> Any:
    """Return a record with the user's name for its file; a row without topics gets the folder's name as topic."""
    if isinstance(record, Document) and not record.topics and file.folder and not parquet.partition([file.folder]):
        record = replace(record, topics=(human(file.folder),), topics_are_guessed=True)
    position = getattr(record, "position", None)
    if position is None or position.source == file.name or not position.source.startswith(path):
        return record
    return replace(record, position=replace(position, source=file.name + position.source[len(path) :]))


def _with_origin(
    record: Document | Reject | Skipped | Remark, file: SourceFile
) -> Document | Reject | Skipped | Remark:
    """Return a record of a reader with its position; a document also gets id, title and topic from the file name."""
    line = record.position.line if record.position else 0
    position = Position(source=file.name, line=line)
    if not isinstance(record, Document):
        return replace(record, position=position)
    topic = human(NO_TEXT.sub(" ", file.folder))
    identity = printable_name(file.id)
    return replace(
        record,
        id=f"{identity}#{record.id}" if record.id else identity,
        title=record.title or human(NO_TEXT.sub(" ", Path(file.id).stem)),
        topics=record.topics or ((topic,) if topic else ()),
        topics_are_guessed=not record.topics,
        source=record.source or printable_name(file.name),
        position=position,
    )
