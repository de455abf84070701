"""Reading a source through its loader, with every unusable record kept in a reject file and counted by reason.

Memory is flat: records pass one by one, and which ids were seen is kept on disk. Nothing here knows Neo4j.
"""

import difflib
import hashlib
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kgsynth.config import DocumentsSettings, FieldNames
from kgsynth.errors import ConfigError, TooManyRejectsError
from kgsynth.records import Annotation, ConceptName, CountedPair, Document, Position, Reject, StageCount

LOADER_KINDS = ("documents", "annotations", "concepts", "pairs")

# Tab, line feed and carriage return are text; other control characters come from broken extraction.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_RAW_CHARS = 500
# Neo4j indexes keys of up to about 8,000 bytes; a name this long is a sentence that went astray.
MAX_NAME_CHARS = 1000
_FIELDS_HINT = "Is a field named wrongly (--text-field, --id-field)? --max-rejected-share sets the limit."


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
    if loader not in points or points[loader].attr != kind:
        known = loader_names(kind)
        close = difflib.get_close_matches(loader, known, n=1)
        raise ConfigError(
            f"no loader {loader!r} for {kind}" + (f": did you mean {close[0]!r}?" if close else ""),
            hint=f"Installed: {', '.join(known) or 'none; install kgsynth into this environment'}.",
        )
    if not sources:
        raise ConfigError(f"no source given for loader {loader!r}", hint="Name a file, a folder or a package.")
    load = points[loader].load()
    for source in sources:
        yield from load(source, fields)


def usable_documents(settings: DocumentsSettings, rejects: RejectFile, count: StageCount) -> Iterator[Document]:
    """The documents that can be used, each id once; all others are written to `rejects` and counted.

    Raises:
        ConfigError: the loader or a source is unusable.
        TooManyRejectsError: at the end, when more than `settings.max_rejected_share` of the records were rejected.
    """
    with SeenIds() as seen:
        for record in read(settings.loader, settings.sources, settings, kind="documents"):
            reject = record if isinstance(record, Reject) else _refusal(record, settings, seen)
            if reject is None:
                count.kept += 1
                yield record
            else:
                count.reject(reject.reason)
                rejects.add(reject)
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects.path)


def read_again(settings: DocumentsSettings) -> Iterator[Document]:
    """The documents that can be used, for a pass after the one that wrote down and counted what cannot."""
    with tempfile.TemporaryDirectory(prefix="kgsynth-again-") as desk, RejectFile(Path(desk) / "rejects") as rejects:
        yield from usable_documents(replace(settings, max_rejected_share=1.0), rejects, StageCount(stage="read again"))


def refuse_too_many(
    count: StageCount, *, limit: float, where: Path, hint: str = _FIELDS_HINT, expected: str = ""
) -> None:
    """Stop a stage of which too much was rejected; what was rejected for the `expected` reason is no fault.

    Raises:
        TooManyRejectsError: the share of rejects is over `limit`.
    """
    rejected = count.read - count.kept - count.rejected.get(expected, 0)
    if rejected > limit * count.read:
        reasons = ", ".join(
            f"{number:,} {reason}" for reason, number in sorted(count.rejected.items(), key=lambda item: -item[1])
        )
        raise TooManyRejectsError(
            f"{count.stage}: {rejected:,} of {count.read:,} {count.unit} were rejected ({reasons}), over the "
            f"limit of {limit:.0%}",
            hint=f"Look at {where}. {hint}",
        )


def usable_annotations(records: Iterable[Any], rejects: RejectFile, count: StageCount) -> Iterator[Any]:
    """Records of a loader that are not rejects; the rejects are written and counted."""
    for record in records:
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


def _refusal(document: Document, settings: DocumentsSettings, seen: "SeenIds") -> Reject | None:
    text = document.text

    def reject(reason: str) -> Reject:
        raw = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text[:_RAW_CHARS])
        unknown = Position(source=f"{','.join(settings.sources)}#{document.id[:200]}")
        return Reject(position=document.position or unknown, reason=reason, raw=raw)

    if not text.strip():
        return reject("no text")
    if len(text) > settings.max_text_chars:
        return reject(f"text longer than {settings.max_text_chars:,} characters")
    problem = _bad_names([document.id]) or _bad_texts([text, document.title, document.source, document.attribution])
    problem = problem or _bad_names([*document.topics, *document.concepts])
    if problem:
        return reject(problem)
    if settings.min_words and len(text.split()) < settings.min_words:
        return reject(f"fewer than {settings.min_words} words")
    state = seen.add(document.id, document.content_hash())
    return None if state == "new" else reject(f"id twice with {state} text")


class SeenIds:
    """Which ids were seen with which content, in a temporary database, so that memory stays flat."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="kgsynth-ids-")
        self._database = sqlite3.connect(Path(self._folder.name) / "ids.sqlite", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-20000"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, content BLOB) WITHOUT ROWID")
        self._database.execute("BEGIN")
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add(self, identity: str, content: str) -> str:
        """`new`, `the same` or `another`."""
        key = hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=16).digest()
        value = bytes.fromhex(content)[:16]
        if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, value)).rowcount:
            return "new"
        (held,) = self._database.execute("SELECT content FROM seen WHERE id = ?", (key,)).fetchone()
        return "the same" if held == value else "another"
