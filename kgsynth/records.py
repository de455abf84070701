"""Records that the subpackages exchange: frozen data classes without behaviour.

A question's `level` says how it was made (1: from a document, 2: from a document and its concepts, 3: from a
combination). Its `grade` says for whom it is: `primary school`, `college`.

This module does not depend on files, Neo4j or models. Ids follow from content or from a normal form, never from the
order of arrival.
"""

import hashlib
import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from itertools import zip_longest
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


def kind_of(term_id: str) -> Kind:
    """Return the kind of a term from the prefix of its id."""
    return "topic" if term_id.startswith("topic:") else "concept"


def content_hash(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON form, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Position of a record: `source` as the user wrote it, `line` counted from 1 (0: the whole file)."""

    source: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicConcepts:
    """One topic of a document with its concepts, in the document's spelling."""

    name: str
    concepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document, or a part of a long document, with its metadata.

    `topics`, `concepts` and `synonyms` are declared by the corpus, not extracted; `synonyms` are pairs of equivalent
    names. `text` is Markdown if its source has structure: headings, code fences, tables, formulas in LaTeX.
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
    parent: str = ""  # id of the document of which this is a part
    pages: str = ""  # "12" or "12-15", counted from 1
    section: str = ""  # headings from the outermost to that of this part, joined with " > "
    metadata: Mapping[str, str] = field(default_factory=dict)  # further metadata of the source
    score: float | None = None  # fit to the domain, from `kgsynth filter`; not part of the content
    # Where the document was read; not part of its content.
    position: Position | None = field(default=None, compare=False, repr=False)
    # Index in `text` at which each page begins, for a document that is not split yet; empty without pages.
    page_starts: tuple[int, ...] = field(default=(), compare=False, repr=False)
    # Whether the topic is only the name of a folder, so that a chapter's title is preferable.
    topics_are_guessed: bool = field(default=False, compare=False, repr=False)

    def content(self) -> list[object]:
        """Return everything that the graph stores of the document except its id; equal content means same document."""
        base_fields = [self.text, self.title, self.source, self.license, self.attribution]
        file_fields = [self.date, self.parent, self.pages, self.section, dict(sorted(self.metadata.items()))]
        return [*base_fields, *file_fields] if any(file_fields) else [*base_fields]

    def content_hash(self) -> str:
        """Return the hash of the content; equal hashes mean same document."""
        return content_hash(self.content())

    def to_json(self) -> str:
        """Return one line of JSON with the field names of this record."""
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
    """Topics and concepts of a document, from an extractor or from the user."""

    id: str
    topics: tuple[TopicConcepts, ...]
    grade: str = ""  # one of GRADES, empty if unknown
    subject: str = ""
    reasoning: str = ""  # reasoning of the model, if it returns any

    def spellings(self, kind: Kind) -> list[str]:
        """Return the distinct spellings of one kind, in order."""
        if kind == "topic":
            return list(dict.fromkeys(topic.name for topic in self.topics if topic.name))
        return list(dict.fromkeys(name for topic in self.topics for name in topic.concepts))

    def to_json(self) -> str:
        """Return one line of JSON, `{id, topics: [{name, concepts}]}`, with grade and subject if known."""
        row = {key: value for key, value in asdict(self).items() if value or key == "topics"}
        row.pop("reasoning", None)
        return json.dumps(row, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptName:
    """One name of a concept list; `synonym_of` is the name of an equivalent entry, or empty."""

    name: str
    synonym_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedPair:
    """A co-occurrence from a table of the user: two names with their kinds and the number of documents."""

    first: str
    second: str
    count: int
    first_kind: Kind = "concept"
    second_kind: Kind = "concept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record that was rejected: its position, the reason, and the start of its raw text."""

    position: Position
    reason: str
    raw: str = ""

    def to_json(self) -> str:
        """Return one line of a reject file: source, line, reason, raw."""
        row = {"source": self.position.source, "line": self.position.line, "reason": self.reason, "raw": self.raw}
        return json.dumps(row, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file that a rule skips, for example because it is hidden or empty."""

    position: Position
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """A file that was read, with its format and the numbers of documents and rejects.

    Attributes:
        is_partial: the file gave documents, but could not be read to its end.
    """

    position: Position
    format: str
    documents: int
    rejects: int
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """An assumption of a reader about a file, for example its encoding; it is shown to the user.

    Attributes:
        is_partial: the remark says that a part of the file could not be read.
    """

    position: Position
    text: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingDocument:
    """A document in which a combination is grounded, with the Jaccard similarity of their term sets, in (0, 1]."""

    id: str
    jaccard: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """The set of terms that one walk visited; `id` is a hash of the set, `path` is the walk with repeats.

    `through` holds for each step, in order, the document through which the walk went; empty for a counted pair. Files
    have no column `through`: their `path` has `id`, `kind` and `document` for the start and for each step.
    """

    id: str
    seed: int
    walk: int
    path: tuple[str, ...]
    topics: tuple[str, ...]
    concepts: tuple[str, ...]
    documents: tuple[GroundingDocument, ...] = ()
    through: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """All distinct term ids of the combination, sorted."""
        return tuple(sorted(set(self.path)))

    def to_row(self) -> dict[str, object]:
        """Return the record as plain lists and dictionaries, as in JSONL and Parquet files."""
        return {
            "id": self.id,
            "seed": self.seed,
            "walk": self.walk,
            "path": [
                {"id": term, "kind": kind_of(term), "document": document}
                for term, document in zip_longest(self.path, ("", *self.through), fillvalue="")
            ],
            "topics": list(self.topics),
            "concepts": list(self.concepts),
            "documents": [{"id": document.id, "jaccard": document.jaccard} for document in self.documents],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its provenance, so that it can be generated again, and with the licences of its documents.

    Level 3 questions have a combination; those of levels 1 and 2 have one document and no combination. `sources`,
    `licenses`, `attributions` and `passage_chars` have one value per document in `documents`. `attempt` counts the
    retries of its request.

    `concepts` are the given concepts that the model claims to have used. `claim_evidence` has the evidence in the text
    for each (`name`, `alias`, `words`, `meaning`, or empty), and `seen_concepts` are those with evidence.
    `foreign_claims` are claimed names that were not given. `reasoning` is the model's reasoning.
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
    domain: str = ""
    question_type: str = ""  # one of the domain's types
    difficulty: str = ""  # the difficulty that was asked for
    options: tuple[str, ...] = ()  # of a multiple-choice question, in order
    answer_key: tuple[str, ...] = ()  # all accepted answers, if they are known
    origin: str = ""  # level 1: original (copied from the document) or new
    combination_id: str = ""
    combination_terms: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    attributions: tuple[str, ...] = ()
    passage_chars: tuple[int, ...] = ()  # characters of each document in the prompt, from its start
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
        """The concepts with evidence in the text; the claimed ones if evidence was not searched."""
        return self.seen_concepts if self.claim_evidence else self.concepts

    @property
    def shown_chars(self) -> tuple[int | None, ...]:
        """How many characters of each document the prompt contained; None for all."""
        # A run of an older version did not record how much of each text its prompts contained; use the whole texts.
        return self.passage_chars or (None,) * len(self.documents)

    def to_row(self) -> dict[str, Any]:
        """Return the record as plain lists and values, as in Parquet and JSONL files."""
        return plain(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Make the record from a row, which may lack columns and may have unknown ones.

        Raises:
            KeyError: the row has no id or text.
        """
        record: Self = from_row(cls, row)
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The verdict of one verifier about an answer.

    `verdict` is `passed`, `failed` or `undecided`; `score` is in [0, 1]. `kind` says what the verdict rests on:
    `computation`, `execution`, `quotation`, `structure` or `judgement`. `routes` counts the ways in which an answer was
    reached, such as votes and programs, and `agreeing` those that agree with this answer. `evidence_id` names the row
    of the evidence file with programs and outputs; empty without one. `limits` are those of the sandbox as JSON; empty
    if nothing was run.
    """

    verifier: str
    version: str
    kind: str
    verdict: str
    score: float
    reason: str = ""
    agreeing: int = 0
    routes: int = 0
    evidence_id: str = ""
    limits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuestion(Question):
    """A question with its answer: `answer` is the full text, `final_answer` is extracted from its end.

    `votes` is the number of requested texts, `vote_answers` are their final answers, and `agreement` is the share of
    the majority. `unit_missing` counts votes of the majority that lack the unit of the others. `losing_answers` are the
    texts of votes with another final answer. `verdict` and `verdict_reason` come from the judge and are empty without
    one. `answer_reasoning` and `verdict_reasoning` hold the reasoning of the two models. `checks` are the verdicts of
    verifiers, in the order in which they ran.
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
    checks: tuple[Check, ...] = ()
    answer_run_id: str = ""
    answer_template_hash: str = ""
    answer_backend: str = ""
    answer_model: str = ""
    answer_sampling: str = ""  # JSON
    answer_seed: int = 0
    answer_attempt: int = 0

    def verifiers(self, verdict: str) -> list[str]:
        """Return the names of the verifiers with a verdict."""
        return [check.verifier for check in self.checks if check.verdict == verdict]

    @property
    def pass_rate(self) -> float | None:
        """Share of the verifiers that passed the answer among those that decided; None if none decided."""
        passed, failed = len(self.verifiers("passed")), len(self.verifiers("failed"))
        return passed / (passed + failed) if passed + failed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CuratedQuestion(AnsweredQuestion):
    """A question that passed curation; rows of one `group` are never divided between training and validation."""

    group: str = ""


# Field names by class; a dictionary keeps the order of fields and has fast lookups.
_FIELD_NAMES: dict[type[Any], dict[str, None]] = {}
_SCALARS = frozenset({str, int, float, bool})


def _field_names(kind: type[Any]) -> dict[str, None]:
    if kind not in _FIELD_NAMES:
        _FIELD_NAMES[kind] = dict.fromkeys(item.name for item in fields(kind))
    return _FIELD_NAMES[kind]


def plain(record: Any) -> dict[str, Any]:
    """Return a record as a row of scalars, lists and, for nested records, dictionaries."""
    row = {name: getattr(record, name) for name in _field_names(type(record))}
    for name, value in row.items():
        if type(value) not in _SCALARS:
            row[name] = _plain_value(value)
    return row


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    return plain(value) if is_dataclass(value) else value


def from_row(kind: type[Any], row: Mapping[str, Any]) -> Any:
    """Make a record of scalars and tuples from a row; unknown columns are ignored.

    Raises:
        KeyError: the row lacks a field that has no default.
    """
    known = _field_names(kind)
    values = {
        name: _record_value(kind, name, value) if isinstance(value, list) else value
        for name, value in row.items()
        if value is not None and name in known
    }
    try:
        return kind(**values)
    except TypeError:
        missing = [name for name in ("id", "text") if name not in values]
        raise KeyError(", ".join(missing)) from None


def _record_value(kind: type[Any], name: str, value: list[Any]) -> tuple[Any, ...]:
    if value and isinstance(value[0], Mapping):
        nested = typing.get_args(_field_types(kind)[name])[0]
        return tuple(from_row(nested, item) for item in value)
    return tuple(value)


_FIELD_TYPES: dict[Any, dict[str, Any]] = {}


def _field_types(kind: Any) -> dict[str, Any]:
    if kind not in _FIELD_TYPES:
        _FIELD_TYPES[kind] = typing.get_type_hints(kind)
    return _FIELD_TYPES[kind]


def parquet_schema(kind: type[Any]) -> Any:
    """Return the Arrow schema of a record class, so that an empty shard has the same columns as any other.

    Types: str becomes string, int int64, float double, tuple[X, ...] a list of X, and a nested record a struct.
    """
    import pyarrow

    scalars = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}

    def arrow(field_type: Any) -> Any:
        if field_type in scalars:
            return scalars[field_type]
        if is_dataclass(field_type):
            return pyarrow.struct(members(field_type))
        return pyarrow.list_(arrow(typing.get_args(field_type)[0]))

    def members(record: Any) -> list[Any]:
        hints = typing.get_type_hints(record)
        return [pyarrow.field(item.name, arrow(hints[item.name])) for item in fields(record)]

    return pyarrow.schema(members(kind))


def hash_of_lines(lines: Iterable[str]) -> tuple[str, int]:
    """Return the SHA-256 of lines in hexadecimal, and their number; uses constant memory."""
    digest, count = hashlib.sha256(), 0
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
        count += 1
    return digest.hexdigest(), count


_MAX_REMARKS = 20


def rate_text(per_second: float) -> str:
    """Return a rate as text: per second, or per minute or hour if that makes it at least 1."""
    rates = ((per_second, "s"), (60 * per_second, "min"), (3600 * per_second, "h"))
    number, unit = next((rate for rate in rates if rate[0] >= 1), rates[-1])
    text = f"{number:,.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")
    return f"{text}/{unit}"


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"


@dataclass(slots=True, kw_only=True)
class StageCount:
    """The account of a stage: read equals kept plus rejected; rejects are counted by reason."""

    stage: str
    unit: str = "records"
    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    notes: dict[str, object] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)  # number of skipped files by rule
    files: dict[str, list[int]] = field(default_factory=dict)  # by format: files read, documents, rejects
    read_in_part: int = 0  # files that gave documents but could not be read to the end
    remarks: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Number of records that were read."""
        return self.kept + sum(self.rejected.values())

    def reject(self, reason: str, count: int = 1) -> None:
        """Count rejected records under a reason."""
        self.rejected[reason] = self.rejected.get(reason, 0) + count

    def skip(self, rule: str) -> None:
        """Count a file that a rule skips."""
        self.skipped[rule] = self.skipped.get(rule, 0) + 1

    def add_file(self, file: FileRead) -> None:
        """Count a file that was read."""
        self.read_in_part += file.is_partial
        counts = self.files.setdefault(file.format, [0, 0, 0])
        for index, number in enumerate((1, file.documents, file.rejects)):
            counts[index] += number

    def note(self, name: str, number: int = 1) -> None:
        """Add a number to a note."""
        current = self.notes.get(name, 0)
        self.notes[name] = (current if isinstance(current, int) else 0) + number

    def remark(self, text: str) -> None:
        """Keep a remark; after 20 remarks, only count them."""
        if len(self.remarks) < _MAX_REMARKS:
            self.remarks.append(text)
        else:
            self.note("further_remarks")

    def to_row(self) -> dict[str, object]:
        """Return the account as in a manifest."""
        file_counts = {
            name: value for name in ("skipped", "files", "read_in_part", "remarks") if (value := getattr(self, name))
        }
        return {
            "stage": self.stage,
            "unit": self.unit,
            "read": self.read,
            "kept": self.kept,
            "rejected": dict(sorted(self.rejected.items())),
            "seconds": round(self.seconds, 3),
            **self.notes,
            **file_counts,
        }

    def lines(self) -> list[str]:
        """Return the account as text: one line, and for stages that read files one more per format and rule."""
        lines = [self.line()]
        for name, (files, documents, rejects) in sorted(self.files.items()):
            rejects_text = f", {rejects:,} rejected" if rejects else ""
            counts = f"{files:,} {_plural('file', files)}, {documents:,} {_plural('document', documents)}"
            lines.append(f"  {name}: {counts}{rejects_text}")
        if self.read_in_part:
            lines.append(f"  read in part: {self.read_in_part:,} {_plural('file', self.read_in_part)}")
        for rule, files in sorted(self.skipped.items()):
            lines.append(f"  skipped ({rule}): {files:,} {_plural('file', files)}")
        return [*lines, *(f"  {remark}" for remark in self.remarks)]

    def line(self) -> str:
        """Return the account as one line of text."""
        rate = f", {rate_text(self.read / self.seconds)}" if self.read and self.seconds > 0 else ""
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
