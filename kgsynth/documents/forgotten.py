"""Tombstones: records of forgotten documents, which loads and exports must leave out.

The file of tombstones has one JSON object per line and may be edited:

- {document, graph, reason} for each forgotten document, with the content hash of a part, so that the part can be
  allowed again while other parts of its document stay forgotten;
- {parent, graph, kept_parts} for each document of which only some parts were forgotten, with the content hashes of the
  remaining parts;
- {graph, documents, questions, combinations, …} for each call of `kgsynth forget`, with everything that it removed;
- {first, second, verdict, graph} for each pair of terms that a reviewer had decided and that lost a term, so that the
  verdict is available if the term returns.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kgsynth.errors import ConfigError, quoted
from kgsynth.files import atomic
from kgsynth.records import Annotation, AnsweredQuestion, Document

# The key that identifies each kind of line, and the keys that this kind requires.
_KEYS = {
    "document": ("document", "graph"),
    "kept_parts": ("parent", "graph", "kept_parts"),
    "verdict": ("first", "second", "verdict", "graph"),
    "questions": ("graph", "questions", "combinations"),
}
REASON = "forgotten: `kgsynth forget` took it or a part of it out"


class Tombstones(dict[str, str]):
    """Forgotten documents, id to reason.

    `kept_parts` has, for each document of which only some parts were forgotten, the remaining parts: part id to content
    hashes. Any other text of such a document may contain forgotten text.
    """

    def __init__(self, documents: Mapping[str, str] | None = None) -> None:
        """Create tombstones from ids and reasons, with empty `kept_parts`."""
        super().__init__(documents or {})
        self.kept_parts: dict[str, dict[str, set[str]]] = {}


@dataclass(slots=True, kw_only=True)
class Forgotten:
    """Forgotten documents with their reasons, and ids of the questions and combinations that were removed with them.

    `verdicts` maps pairs of term ids (smaller id first) that lost a term to the reviewer's verdict, yes or no.
    """

    documents: Tombstones = field(default_factory=Tombstones)
    questions: set[str] = field(default_factory=set)
    combinations: set[str] = field(default_factory=set)
    verdicts: dict[tuple[str, str], str] = field(default_factory=dict)

    def touches(self, question: AnsweredQuestion) -> bool:
        """Return whether a question was generated from a forgotten document or combination."""
        return self.touches_ids(question.id, question.combination_id, question.documents)

    def touches_ids(self, question: str, combination: str, documents: Iterable[str]) -> bool:
        """Return whether a question with these ids was generated from a forgotten document or combination."""
        return (
            question in self.questions
            or combination in self.combinations
            or any(identity in self.documents for identity in documents)
        )


class TombstoneFile:
    """A file of tombstones that other processes may extend: it is read again whenever it has changed.

    Writers check it while they hold the lock on the state of the graph's build. `kgsynth forget` writes its tombstones
    before it takes that lock, so a writer either commits before the documents are removed or sees their tombstones.
    """

    def __init__(self, path: Path, *, graph: str) -> None:
        """Read nothing yet.

        Args:
            path: the file; if it does not exist, nothing was forgotten.
            graph: name of the graph.
        """
        self._path, self._graph = path, graph
        self._read: tuple[tuple[int, ...] | None, Forgotten] = (None, Forgotten())

    def current(self) -> Forgotten:
        """Return what is forgotten now.

        Raises:
            ConfigError: a line is no valid tombstone, or the file is unreadable.
        """
        version: tuple[int, ...] = ()
        with suppress(FileNotFoundError):
            stat = self._path.stat()
            version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known_version, forgotten = self._read
        if version != known_version:
            forgotten = read_forgotten(self._path, graphs={self._graph})
            # One assignment, because several threads use this object.
            self._read = (version, forgotten)
        return forgotten


def read_tombstones(path: Path, *, graph: str = "") -> Tombstones:
    """Return the forgotten documents of a file; see `read_forgotten`."""
    return read_forgotten(path, graphs={graph} if graph else ()).documents


def read_forgotten(path: Path, *, graphs: Collection[str] = ()) -> Forgotten:
    """Read a file of tombstones.

    Args:
        path: the file; if it does not exist, nothing was forgotten.
        graphs: names of the graphs to read; empty for all.

    Raises:
        ConfigError: a line is no valid tombstone, or the file is unreadable.
    """
    forgotten = Forgotten()
    for row in _rows(path):
        if graphs and row["graph"] not in graphs:
            continue
        if "document" in row:
            forgotten.documents[row["document"]] = str(row.get("reason", ""))
        elif "kept_parts" in row:
            parts = forgotten.documents.kept_parts.setdefault(row["parent"], {})
            for identity, content in row["kept_parts"].items():
                parts.setdefault(identity, set()).add(content)
        elif "verdict" in row:
            first, second = sorted((row["first"], row["second"]))
            forgotten.verdicts[first, second] = row["verdict"]
        else:
            forgotten.questions.update(row["questions"])
            forgotten.combinations.update(row["combinations"])
    return forgotten


def add_tombstones(
    path: Path,
    documents: Iterable[str],
    *,
    graph: str,
    reason: str,
    content_hashes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Append tombstones; documents that already have one are skipped.

    Args:
        path: the file of tombstones.
        documents: ids of documents and parts.
        graph: name of the graph.
        reason: reason that is kept with each.
        content_hashes: the content hashes of parts, by id.
    """
    existing = read_tombstones(path, graph=graph)
    rows = []
    for identity in sorted(set(documents)):
        if identity not in existing:
            content = {"content_hash": content_hashes[identity]} if identity in content_hashes else {}
            rows.append({"document": identity, "graph": graph, "reason": reason, **content})
    _append(path, rows)


def keep_parts(path: Path, kept: Mapping[str, Mapping[str, str]], *, graph: str) -> None:
    """Append the remaining parts of documents of which other parts are forgotten.

    Args:
        path: the file of tombstones.
        kept: document id to its remaining parts, each a part id with its content hash.
        graph: name of the graph.
    """
    _append(path, [{"parent": parent, "graph": graph, "kept_parts": dict(parts)} for parent, parts in kept.items()])


def keep_verdicts(path: Path, verdicts: Iterable[tuple[str, str, str]], *, graph: str) -> None:
    """Append reviewers' verdicts on pairs; a new verdict replaces an earlier one on the same pair."""
    existing = read_forgotten(path, graphs={graph}).verdicts
    _append(
        path,
        [
            {"first": first, "second": second, "verdict": verdict, "graph": graph}
            for first, second, verdict in verdicts
            if existing.get((first, second)) != verdict
        ],
    )


def begin(
    path: Path,
    *,
    graph: str,
    documents: Iterable[str],
    questions: Iterable[str],
    combinations: Iterable[str],
    **kept: Any,
) -> None:
    """Record what will be removed with documents, and the remaining work (`kept`, JSON values), before the removal."""
    row = {"documents": list(documents), "questions": list(questions), "combinations": list(combinations)}
    _append(path, [{"graph": graph, **row, "left_to_do": kept}])


def add_questions(path: Path, questions: Iterable[str], *, graph: str) -> None:
    """Record questions that were generated while a document that they come from was forgotten."""
    begin(path, graph=graph, documents=(), questions=questions, combinations=())


def left_to_do(path: Path, *, graph: str) -> list[dict[str, Any]]:
    """Return the remaining work of interrupted calls on a graph."""
    return [row["left_to_do"] for row in _rows(path) if row["graph"] == graph and row.get("left_to_do")]


def done(path: Path, *, graph: str) -> None:
    """Record that no work remains on a graph."""
    _replace(
        path,
        [{**row, "left_to_do": {}} if row["graph"] == graph and "questions" in row else row for row in _rows(path)],
    )


def parent_of(identity: str) -> str:
    """Return the document id of a part's id; empty if the id is not that of a part."""
    return identity.rpartition("#")[0]


def is_among(identity: str, documents: Collection[str]) -> bool:
    """Return whether a document or its parent is among documents, by id.

    A document with forgotten parts is itself among the tombstones, and so are parts that it did not have at that time.
    """
    parent = parent_of(identity)
    if identity in documents or parent in documents:
        return True
    kept_parts = documents.kept_parts if isinstance(documents, Tombstones) else {}
    return identity in kept_parts or (parent in kept_parts and identity not in kept_parts[parent])


def is_forgotten(record: Document | Annotation, documents: Collection[str]) -> bool:
    """Return whether the document of a record was forgotten or may contain text of a forgotten part.

    However a document with forgotten parts is split or edited later, only parts with the content of a remaining part
    are accepted.
    """
    if is_among(record.id, documents):
        return True
    if not isinstance(record, Document) or not isinstance(documents, Tombstones):
        return False
    content_hashes = documents.kept_parts.get(record.parent)
    return content_hashes is not None and record.content_hash() not in content_hashes.get(record.id, ())


def remove_tombstones(path: Path, documents: Iterable[str], *, graph: str) -> int:
    """Remove the tombstones of documents and of their parts, and return their number.

    If other parts of a document stay forgotten, a part is accepted again only with the content that it had.

    Raises:
        ConfigError: a line of the file is no valid tombstone, or the content of such a part is unknown.
    """
    removed = set(documents)
    rows = _rows(path)
    own = [row for row in rows if row["graph"] == graph and "document" in row]
    allowed = [row for row in own if is_among(row["document"], removed)]
    staying = {row["document"] for row in own} - {row["document"] for row in allowed}
    accepted = _accepted_parts(allowed, staying)
    # The tombstone of a whole document would refuse its accepted parts; its other parts have tombstones of their own.
    staying -= {row["parent"] for row in accepted}
    with_forgotten_parts = set(map(parent_of, staying))
    remaining = []
    for row in [*rows, *accepted]:
        if row["graph"] != graph:
            remaining.append(row)
        elif "document" in row:
            if row["document"] in staying:
                remaining.append(row)
        elif "kept_parts" in row:
            if row["parent"] in with_forgotten_parts:
                remaining.append(row)
        elif "documents" in row:
            # A call may have removed other documents too: what was made from those stays forgotten.
            left = [identity for identity in row["documents"] if not is_among(identity, removed)]
            if left or not row["documents"]:
                remaining.append({**row, "documents": left})
        else:
            remaining.append(row)
    if remaining != rows:
        _replace(path, remaining)
    return len(allowed)


def _accepted_parts(allowed: Iterable[Mapping[str, Any]], staying: Collection[str]) -> list[dict[str, Any]]:
    """Return a line with the content of each allowed part whose document has other forgotten parts.

    Raises:
        ConfigError: the content of such a part is unknown.
    """
    refused = {*staying, *map(parent_of, staying)}
    accepted = []
    for row in allowed:
        parent = parent_of(row["document"])
        if not parent or parent not in refused:
            continue
        if "content_hash" not in row:
            raise ConfigError(
                f"{quoted(row['document'])} cannot be allowed alone: other parts of {quoted(parent)} are forgotten, "
                "and the list of forgotten documents does not have the content hash of this part",
                hint=f"Allow all parts together: `kgsynth forget --allow-again {parent}`.",
            )
        kept_parts = {row["document"]: row["content_hash"]}
        accepted.append({"parent": parent, "graph": row["graph"], "kept_parts": kept_parts})
    return accepted


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        # Split at line feeds only: a reason may contain other line separators.
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}",
            hint="Check that it can be read and is UTF-8. It is the list of documents that `kgsynth forget` removed.",
        ) from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            required = next((set(keys) for key, keys in _KEYS.items() if key in row), set(_KEYS["questions"]))
            if not required <= row.keys():
                raise KeyError(", ".join(sorted(required - row.keys())))  # noqa: TRY301
            if not isinstance(row.get("kept_parts", {}), dict):
                raise ValueError("kept_parts is not an object")  # noqa: TRY301, TRY004
            if row.get("verdict", "yes") not in ("yes", "no"):
                raise ValueError(f"the verdict is {quoted(row['verdict'])}")  # noqa: TRY301
            rows.append(row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{path}, line {number}: no valid tombstone ({error!r})", hint="Correct or remove the line."
            ) from error
    return rows


def _append(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        _replace(path, [*_rows(path), *rows])


def _replace(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with atomic(path) as partial:
        partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
