"""Tombstones: documents that were taken out and must not come back, not by a load and not by an export.

One JSON object a line, in a file that people can read and edit: {document, graph, reason}; for each document of which
parts alone were taken out {parent, graph, kept_parts}, with the content hashes of the parts that stayed; for each call
of `kgsynth forget` one {graph, documents, questions, combinations, …} with what went with them; and for each pair of
terms of which one went, and that a reviewer had decided, {first, second, verdict, graph}, for the day it comes back.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgsynth.errors import ConfigError
from kgsynth.records import Annotation, AnsweredQuestion, Document
from kgsynth.runs import atomic

# What tells the kinds of lines apart, and what each must have.
_KEYS = {
    "document": ("document", "graph"),
    "kept_parts": ("parent", "graph", "kept_parts"),
    "verdict": ("first", "second", "verdict", "graph"),
    "questions": ("graph", "questions", "combinations"),
}
REASON = "forgotten: `kgsynth forget` took it or a part of it out"


class Tombstones(dict[str, str]):
    """Forgotten documents, id to reason.

    `kept_parts` holds for each document of which parts alone were forgotten the parts that stayed: id to the content
    hashes with which it was seen. All else of such a document may hold what was forgotten.
    """

    def __init__(self, documents: Mapping[str, str] | None = None) -> None:
        """Take ids and reasons; `kept_parts` is empty."""
        super().__init__(documents or {})
        self.kept_parts: dict[str, dict[str, set[str]]] = {}


@dataclass(slots=True, kw_only=True)
class Forgotten:
    """What was taken out: documents with the reason, and ids of the questions and combinations that went with them.

    `verdicts` are what reviewers had said of pairs of term ids, smaller first, of which one went: yes or no.
    """

    documents: Tombstones = field(default_factory=Tombstones)
    questions: set[str] = field(default_factory=set)
    combinations: set[str] = field(default_factory=set)
    verdicts: dict[tuple[str, str], str] = field(default_factory=dict)

    def touches(self, question: AnsweredQuestion) -> bool:
        """Whether a question was made from something that was forgotten."""
        return (
            question.id in self.questions
            or question.combination_id in self.combinations
            or any(one in self.documents for one in question.documents)
        )


def read_tombstones(path: Path, *, graph: str = "") -> Tombstones:
    """The forgotten documents, as `read_forgotten` reads them."""
    return read_forgotten(path, graphs={graph} if graph else ()).documents


def read_forgotten(path: Path, *, graphs: Collection[str] = ()) -> Forgotten:
    """What was forgotten.

    Args:
        path: the file; absent, nothing was forgotten.
        graphs: of these graphs alone; none for all.

    Raises:
        ConfigError: a line is no tombstone, or the file cannot be read.
    """
    found = Forgotten()
    for row in _rows(path):
        if graphs and row["graph"] not in graphs:
            continue
        if "document" in row:
            found.documents[row["document"]] = str(row.get("reason", ""))
        elif "kept_parts" in row:
            held = found.documents.kept_parts.setdefault(row["parent"], {})
            for identity, content in row["kept_parts"].items():
                held.setdefault(identity, set()).add(content)
        elif "verdict" in row:
            first, second = sorted((row["first"], row["second"]))
            found.verdicts[first, second] = row["verdict"]
        else:
            found.questions.update(row["questions"])
            found.combinations.update(row["combinations"])
    return found


def add_tombstones(path: Path, documents: Iterable[str], *, graph: str, reason: str) -> None:
    """Append tombstones; documents that have one keep it."""
    held = read_tombstones(path, graph=graph)
    _append(
        path,
        [
            {"document": identity, "graph": graph, "reason": reason}
            for identity in sorted(set(documents))
            if identity not in held
        ],
    )


def keep_parts(path: Path, kept: Mapping[str, Mapping[str, str]], *, graph: str) -> None:
    """Append which parts stay of documents of which others are forgotten.

    Args:
        path: the file of tombstones.
        kept: id of a document to its parts that stay, each id with the hash of its content.
        graph: its name.
    """
    _append(path, [{"parent": parent, "graph": graph, "kept_parts": dict(parts)} for parent, parts in kept.items()])


def keep_verdicts(path: Path, verdicts: Iterable[tuple[str, str, str]], *, graph: str) -> None:
    """Append what reviewers said of pairs; what was said before of the same pair gives way."""
    held = read_forgotten(path, graphs={graph}).verdicts
    _append(
        path,
        [
            {"first": first, "second": second, "verdict": verdict, "graph": graph}
            for first, second, verdict in verdicts
            if held.get((first, second)) != verdict
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
    """Note what goes with some documents before it goes, and what is left to do afterwards (`kept`, as JSON values)."""
    row = {"documents": list(documents), "questions": list(questions), "combinations": list(combinations)}
    _append(path, [{"graph": graph, **row, "left_to_do": kept}])


def left_to_do(path: Path, *, graph: str) -> list[dict[str, Any]]:
    """What calls that were killed have left to do on a graph."""
    return [row["left_to_do"] for row in _rows(path) if row["graph"] == graph and row.get("left_to_do")]


def done(path: Path, *, graph: str) -> None:
    """Nothing is left to do on a graph."""
    _replace(
        path,
        [{**row, "left_to_do": {}} if row["graph"] == graph and "questions" in row else row for row in _rows(path)],
    )


def parent_of(identity: str) -> str:
    """The id of the document of which an id names a part; empty where it names none."""
    return identity.rpartition("#")[0]


def is_among(identity: str, documents: Collection[str]) -> bool:
    """Whether a document is one of some, by its id; a part goes and comes with the document that it is of.

    Of a document with forgotten parts, the whole is among them too, and so are parts that it did not have then.
    """
    parent = parent_of(identity)
    if identity in documents or parent in documents:
        return True
    kept_parts = documents.kept_parts if isinstance(documents, Tombstones) else {}
    return identity in kept_parts or (parent in kept_parts and identity not in kept_parts[parent])


def is_forgotten(record: Document | Annotation, documents: Collection[str]) -> bool:
    """Whether a document, or what an annotation is of, was forgotten, or may hold text of a part that was.

    However a document is split and edited, of one with forgotten parts only those parts are taken again whose content
    stayed when the others went.
    """
    if is_among(record.id, documents):
        return True
    if not isinstance(record, Document) or not isinstance(documents, Tombstones):
        return False
    kept = documents.kept_parts.get(record.parent)
    return kept is not None and record.content_hash() not in kept.get(record.id, ())


def remove_tombstones(path: Path, documents: Iterable[str], *, graph: str) -> int:
    """Take tombstones back, those of the parts of a document too; how many there were.

    Raises:
        ConfigError: a line of the file is no tombstone.
    """
    gone = set(documents)
    rows = _rows(path)
    kept = [
        row
        for row in rows
        if row["graph"] != graph
        or not any(is_among(one, gone) for one in (row.get("document", ""), *row.get("documents", ())))
    ]
    forgotten = [row["document"] for row in kept if row["graph"] == graph and "document" in row]
    with_parts = set(map(parent_of, forgotten))
    kept = [row for row in kept if row["graph"] != graph or "kept_parts" not in row or row["parent"] in with_parts]
    if len(kept) < len(rows):
        _replace(path, kept)
    return sum("document" in row for row in rows) - sum("document" in row for row in kept)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        # Lines end at a line feed alone: a reason may hold other separators.
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", hint="It holds the tombstones of `kgsynth forget`."
        ) from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            known = next((set(keys) for key, keys in _KEYS.items() if key in row), set(_KEYS["questions"]))
            if not known <= row.keys():
                raise KeyError(", ".join(sorted(known - row.keys())))  # noqa: TRY301
            if not isinstance(row.get("kept_parts", {}), dict):
                raise ValueError("kept_parts is no object")  # noqa: TRY301, TRY004
            if row.get("verdict", "yes") not in ("yes", "no"):
                raise ValueError(f"the verdict is {row['verdict']!r}")  # noqa: TRY301
            rows.append(row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{path}, line {number}: not a tombstone ({error!r})", hint="Mend or remove the line."
            ) from error
    return rows


def _append(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        _replace(path, [*_rows(path), *rows])


def _replace(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with atomic(path) as partial:
        partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
