"""What flows between the rooms: frozen records without behaviour beyond their own checks.

A question's `level` is how it was made (1: from a document, 2: from a document and its concepts, 3: from a
combination); its `grade` is whom it is for.

Nothing here knows files, Neo4j or models. Identity is content or a normal form, never an order of arrival.
"""

import hashlib
import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, Self

Kind = Literal["concept", "topic"]
GRADES = (
    "primary school",
    "middle school",
    "high school",
    "college",
    "graduate school",
    "competition",
    "other",
)


def content_hash(value: object) -> str:
    """SHA-256 in hexadecimal of the canonical JSON form of a value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a record stands: `source` as the user wrote it, `line` from 1 (0: the whole file)."""

    source: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicConcepts:
    """One topic of a document with the concepts found under it, all as the document spells them."""

    name: str
    concepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document, or a part of a long one, with what its corpus says about it.

    `topics`, `concepts` and `synonyms` are declared by the corpus, not found by us; `synonyms` are pairs of equal
    names. `text` is Markdown where its source has structure: headings, fences, rows of tables, formulas in LaTeX.
    """

    id: str
    text: str
    title: str = ""
    topics: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, str], ...] = ()
    entry_kind: str = ""
    source: str = ""
    license: str = ""
    attribution: str = ""
    date: str = ""  # as the source writes it
    parent: str = ""  # id of the document that this is a part of
    pages: str = ""  # "12" or "12-15", counted from 1
    section: str = ""  # headings from the outermost to that of this part, with " > " between them
    metadata: Mapping[str, str] = field(default_factory=dict)  # what the source says and no other field holds
    score: float | None = None  # how well it fits the domain, by `kgsynth filter`; no part of what the document is
    # Where it was read; no part of what the document is.
    position: Position | None = field(default=None, compare=False, repr=False)
    # Where in `text` each page begins, for a document that is not split yet; empty where there are no pages.
    page_starts: tuple[int, ...] = field(default=(), compare=False, repr=False)
    # Whether its topic is only the name of its folder, so that a chapter's title is a better one.
    topics_are_guessed: bool = field(default=False, compare=False, repr=False)

    def content(self) -> list[object]:
        """All that the graph keeps of the document except its id: equal content, same document."""
        fields_of_all = [self.text, self.title, self.source, self.license, self.attribution]
        of_files = [self.date, self.parent, self.pages, self.section, dict(sorted(self.metadata.items()))]
        return [*fields_of_all, *of_files] if any(of_files) else [*fields_of_all]

    def content_hash(self) -> str:
        """Hash over the content: equal hash, same document."""
        return content_hash(self.content())

    def to_json(self) -> str:
        """One line of JSON with the field names of this record."""
        row = asdict(self)
        del row["position"], row["page_starts"], row["topics_are_guessed"]
        if self.score is None:
            del row["score"]
        for name in ("date", "parent", "pages", "section", "metadata"):
            if not row[name]:
                del row[name]
        return json.dumps(row, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """What a document is about: topics with concepts, as found by an extractor or given by the user."""

    id: str
    topics: tuple[TopicConcepts, ...]
    grade: str = ""  # one of GRADES, empty when nobody said
    subject: str = ""
    reasoning: str = ""  # what the model thought, where it says so

    def spellings(self, kind: Kind) -> list[str]:
        """All spellings of one kind, in order, each once."""
        if kind == "topic":
            return list(dict.fromkeys(topic.name for topic in self.topics if topic.name))
        return list(dict.fromkeys(name for topic in self.topics for name in topic.concepts))

    def to_json(self) -> str:
        """One line of the annotation format `{id, topics: [{name, concepts}]}`, with grade and subject where known."""
        row = {key: value for key, value in asdict(self).items() if value or key == "topics"}
        row.pop("reasoning", None)
        return json.dumps(row, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptName:
    """One name of a concept list; `synonym_of` names another entry that it equals, empty for none."""

    name: str
    synonym_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedPair:
    """A co-occurrence that somebody else counted: two names with kinds and the number of documents."""

    first: str
    second: str
    count: int
    first_kind: Kind = "concept"
    second_kind: Kind = "concept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record that was not used: where it stood, why, and the start of what it was."""

    position: Position
    reason: str
    raw: str = ""

    def to_json(self) -> str:
        """One line of a reject file: source, line, reason, raw."""
        row = {"source": self.position.source, "line": self.position.line, "reason": self.reason, "raw": self.raw}
        return json.dumps(row, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file that a rule leaves out: hidden, a folder of packages, empty."""

    position: Position
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """A file that was read to its end, by the name of its format, with what it gave."""

    position: Position
    format: str
    documents: int
    rejects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What a reader assumed about a file, for example its encoding; people are told, and nothing is lost by it."""

    position: Position
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingDocument:
    """A document that a combination is grounded in, with the Jaccard similarity of their term sets, in (0, 1]."""

    id: str
    jaccard: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """A set of terms that one walk visited. `id` is a hash of the set; `path` keeps the walk with repeats."""

    id: str
    seed: int
    walk: int
    path: tuple[str, ...]
    topics: tuple[str, ...]
    concepts: tuple[str, ...]
    documents: tuple[GroundingDocument, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """All term ids of the combination, sorted."""
        return tuple(sorted(set(self.path)))

    def to_row(self) -> dict[str, object]:
        """The record as plain lists and dicts, as written to JSONL and Parquet."""
        return {
            "id": self.id,
            "seed": self.seed,
            "walk": self.walk,
            "path": [{"id": term, "kind": term.partition(":")[0]} for term in self.path],
            "topics": list(self.topics),
            "concepts": list(self.concepts),
            "documents": [{"id": document.id, "jaccard": document.jaccard} for document in self.documents],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with all that is needed to make it again alone, and what its documents ask of whoever uses it.

    Level 3 questions have a combination, those of levels 1 and 2 one document and no combination. `sources`,
    `licenses`, `attributions` and `passage_chars` stand beside `documents`, one each. `attempt` counts the retries of
    its request.

    `concepts` are the given ones that the model says it used; `claim_evidence` says for each what shows it in the text
    (`name`, `alias`, `words`, `meaning`, or empty), and `seen_concepts` are those that something shows.
    `foreign_claims` are names that were not given for this question. `reasoning` holds its thoughts.
    """

    id: str
    text: str
    level: int = 0
    concepts: tuple[str, ...] = ()
    seen_concepts: tuple[str, ...] = ()
    claim_evidence: tuple[str, ...] = ()
    foreign_claims: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    grade: str = ""
    origin: str = ""  # level 1: original (it stands in the document) or new
    combination_id: str = ""
    combination_terms: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    attributions: tuple[str, ...] = ()
    passage_chars: tuple[int, ...] = ()  # so much of each document stood in the prompt, from its start
    reasoning: str = ""
    run_id: str = ""
    request_id: str = ""
    template: str = ""
    template_hash: str = ""
    backend: str = ""
    model: str = ""
    sampling: str = ""  # JSON
    seed: int = 0
    attempt: int = 0

    @property
    def counted_concepts(self) -> tuple[str, ...]:
        """The concepts that its text shows; where nobody looked, those that it claims."""
        return self.seen_concepts if self.claim_evidence else self.concepts

    def to_row(self) -> dict[str, Any]:
        """The record as plain lists and values, as written to Parquet and JSON Lines."""
        return plain(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The record from a row that may lack columns and may have others.

        Raises:
            KeyError: the row has no id or text.
        """
        made: Self = from_row(cls, row)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuestion(Question):
    """A question with its answer: `answer` is the full text, `final_answer` what it ends in.

    `votes` texts were asked for, `agreement` is the share of them that end in an equal answer, `vote_answers` what each
    ended in; `unit_missing` of those that agree lack the unit that others have. `losing_answers` are the texts of votes
    that end otherwise. `verdict` and `verdict_reason` are the judge's, empty without one. `answer_reasoning` and
    `verdict_reasoning` hold the thoughts of the two.
    """

    answer_id: str = ""
    answer: str = ""
    final_answer: str = ""
    votes: int = 0
    agreement: float = 0.0
    vote_answers: tuple[str, ...] = ()
    unit_missing: int = 0
    losing_answers: tuple[str, ...] = ()
    answer_reasoning: str = ""
    verdict: str = ""
    verdict_reason: str = ""
    verdict_reasoning: str = ""
    answer_run_id: str = ""
    answer_template_hash: str = ""
    answer_backend: str = ""
    answer_model: str = ""
    answer_sampling: str = ""  # JSON
    answer_seed: int = 0
    answer_attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CuratedQuestion(AnsweredQuestion):
    """A question that passed curation. Rows of one `group` are never split between training and validation."""

    group: str = ""


# A dictionary keeps the order of the fields and finds one at once.
_FIELD_NAMES: dict[type[Any], dict[str, None]] = {}
_SCALARS = frozenset({str, int, float, bool})


def _field_names(kind: type[Any]) -> dict[str, None]:
    if kind not in _FIELD_NAMES:
        _FIELD_NAMES[kind] = dict.fromkeys(item.name for item in fields(kind))
    return _FIELD_NAMES[kind]


def plain(record: Any) -> dict[str, Any]:
    """A record as a row of scalars, lists and, for records inside it, dictionaries."""
    row = {name: getattr(record, name) for name in _field_names(type(record))}
    for name, value in row.items():
        if type(value) not in _SCALARS:
            row[name] = _plain_value(value)
    return row


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(one) for one in value]
    return plain(value) if is_dataclass(value) else value


def from_row(kind: type[Any], row: Mapping[str, Any]) -> Any:
    """A record of scalars and tuples from a row; columns that the record does not know are left out.

    Raises:
        KeyError: the row lacks a field that has no default.
    """
    known = _field_names(kind)
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.items()
        if value is not None and name in known
    }
    try:
        return kind(**values)
    except TypeError:
        missing = [name for name in ("id", "text") if name not in values]
        raise KeyError(", ".join(missing)) from None


def parquet_schema(kind: type[Any]) -> Any:
    """The Arrow schema of a record class, so that an empty shard has the same columns as any other.

    Source: str is string, int int64, float double, tuple[X, ...] list of X, a nested record a struct.
    """
    import pyarrow

    scalars = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}

    def arrow(wanted: Any) -> Any:
        if wanted in scalars:
            return scalars[wanted]
        if is_dataclass(wanted):
            return pyarrow.struct(members(wanted))
        return pyarrow.list_(arrow(typing.get_args(wanted)[0]))

    def members(record: Any) -> list[Any]:
        hints = typing.get_type_hints(record)
        return [pyarrow.field(item.name, arrow(hints[item.name])) for item in fields(record)]

    return pyarrow.schema(members(kind))


def hash_of_lines(lines: Iterable[str]) -> tuple[str, int]:
    """SHA-256 in hexadecimal over lines, and how many there are; in flat memory."""
    digest, count = hashlib.sha256(), 0
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
        count += 1
    return digest.hexdigest(), count


_MAX_REMARKS = 20


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"


@dataclass(slots=True, kw_only=True)
class StageCount:
    """The closing account of a stage: what was read is what was kept plus what was rejected, by reason."""

    stage: str
    unit: str = "records"
    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    notes: dict[str, object] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)  # files that a rule leaves out, by rule
    files: dict[str, list[int]] = field(default_factory=dict)  # by format: files read, documents, rejects
    remarks: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Records that came in."""
        return self.kept + sum(self.rejected.values())

    def reject(self, reason: str, count: int = 1) -> None:
        """Count rejected records under a reason."""
        self.rejected[reason] = self.rejected.get(reason, 0) + count

    def skip(self, rule: str) -> None:
        """Count a file that a rule leaves out."""
        self.skipped[rule] = self.skipped.get(rule, 0) + 1

    def add_file(self, file: FileRead) -> None:
        """Count a file that was read to its end."""
        counts = self.files.setdefault(file.format, [0, 0, 0])
        for place, number in enumerate((1, file.documents, file.rejects)):
            counts[place] += number

    def note(self, name: str, number: int = 1) -> None:
        """Add to a note that is a number."""
        held = self.notes.get(name, 0)
        self.notes[name] = (held if isinstance(held, int) else 0) + number

    def remark(self, text: str) -> None:
        """Keep a remark, of many the first ones."""
        if len(self.remarks) < _MAX_REMARKS:
            self.remarks.append(text)
        else:
            self.note("further_remarks")

    def to_row(self) -> dict[str, object]:
        """The account as it stands in a manifest."""
        of_files = {name: value for name in ("skipped", "files", "remarks") if (value := getattr(self, name))}
        return {
            "stage": self.stage,
            "unit": self.unit,
            "read": self.read,
            "kept": self.kept,
            "rejected": dict(sorted(self.rejected.items())),
            "seconds": round(self.seconds, 3),
            **self.notes,
            **of_files,
        }

    def lines(self) -> list[str]:
        """The account for people: one line, and where files were read one more for each format and rule."""
        lines = [self.line()]
        for name, (files, documents, rejects) in sorted(self.files.items()):
            of_rejects = f", {rejects:,} rejected" if rejects else ""
            counts = f"{files:,} {_plural('file', files)}, {documents:,} {_plural('document', documents)}"
            lines.append(f"  {name}: {counts}{of_rejects}")
        for rule, files in sorted(self.skipped.items()):
            lines.append(f"  skipped ({rule}): {files:,} {_plural('file', files)}")
        return [*lines, *(f"  {remark}" for remark in self.remarks)]

    def line(self) -> str:
        """One line for people."""
        rate = f", {self.read / self.seconds:,.0f}/s" if self.seconds > 0 else ""
        text = f"{self.stage}: {self.read:,} {self.unit} read, {self.kept:,} kept"
        total = sum(self.rejected.values())
        if total:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.rejected.items()))
            text += f", {total:,} rejected ({total / self.read:.1%}: {reasons})"
        else:
            text += ", 0 rejected"
        text += f", {self.seconds:.1f} s{rate}"
        notes = [
            f"{key.replace('_', ' ')} {value:,}" if isinstance(value, int) else f"{key.replace('_', ' ')} {value}"
            for key, value in self.notes.items()
            if not isinstance(value, (list, dict))
        ]
        return text + ("; " + ", ".join(notes) if notes else "")
