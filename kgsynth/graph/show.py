"""One object of the graph with its surroundings: a term, a document, or a question with its complete provenance."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from kgsynth import queries
from kgsynth.errors import GraphError, quoted
from kgsynth.graph.session import Graph, Row
from kgsynth.names import term_id
from kgsynth.scripts import WORD_BEGINS, WORD_ENDS

Thing = Literal["concept", "document", "question"]

_FIND = {
    "concept": queries.load("show/find_terms"),
    "document": queries.load("show/find_documents"),
    "question": queries.load("show/find_questions"),
}
_TERMS = queries.load("show/terms")
_NEIGHBOURS = queries.load("show/neighbours")
_ALIASES = queries.load("show/aliases")
_DOCUMENTS_OF_TERM = queries.load("show/documents_of_term")
_QUESTIONS_OF_TERM = queries.load("show/questions_of_term")
_DOCUMENT = queries.load("show/document")
_PARTS = queries.load("show/parts")
_TERMS_OF_DOCUMENT = queries.load("show/terms_of_document")
_QUESTIONS_OF_DOCUMENT = queries.load("show/questions_of_document")
_QUESTION = queries.load("show/question")
_QUESTIONS = queries.load("show/questions")
_ANSWERS = queries.load("show/answers")
_WALK = queries.load("show/walk_of_question")
_DOCUMENTS_OF_QUESTION = queries.load("show/documents_of_question")
_TOPIC_COUNT = queries.load("show/topic_count")

_USES = queries.load("show/uses_of_term")
_NAMES = queries.load("show/names")
_GUIDE_VALUES = queries.load("show/guide_values")

_SUGGESTIONS = 5
_MOST_WORDS = 60
# A name with this similarity counts as the intended one if it exceeds the next name by the margin.
_MIN_SIMILARITY = 0.8
_MARGIN = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The object that a text names: its id, and its name in `taken_for` when the text was only similar."""

    id: str
    taken_for: str = ""


@dataclass(slots=True, kw_only=True)
class TermView:
    """A term with its neighbours, aliases, documents and questions, each list with the most important items first."""

    term: Row
    neighbours: list[Row] = field(default_factory=list)
    aliases: list[Row] = field(default_factory=list)
    documents: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class DocumentView:
    """A document with the terms that it mentions and the questions that derive from it."""

    document: Row
    terms: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class QuestionView:
    """A question with its answers and provenance: walk steps with probabilities, and documents with passages.

    Each step has `id`, `name`, `kind` and its probability `chance` in (0, 1], which is None if the present walk tables
    do not contain the step.
    """

    question: Row
    answers: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    documents: list[Row] = field(default_factory=list)


# The server's words about a graph without a schema.
_NO_INDEX = "no such fulltext schema index"


def find(graph: Graph, thing: Thing, text: str) -> Found:
    """Find an object by its id, by its exact name, or by a name that is unambiguously similar.

    Args:
        graph: the graph to search.
        thing: concept (which includes topics), document or question.
        text: id, name, title or text; it may be inexact.

    Raises:
        GraphError: nothing has that name; the hint lists similar names.
    """
    ids = [text, term_id("concept", text), term_id("topic", text)] if thing == "concept" else [text]
    exact = _exact(graph, thing, text, ids)
    if exact:
        return Found(id=exact)
    near = _near(graph, thing, text)
    is_unique = len(near) < 2 or near[1][0] < 1
    if near and near[0][0] == 1 and is_unique:
        return Found(id=near[0][1]["id"])
    if near and near[0][0] >= _MIN_SIMILARITY and (len(near) == 1 or near[0][0] - near[1][0] >= _MARGIN):
        return Found(id=near[0][1]["id"], taken_for=str(near[0][1]["name"]))
    names = [f"  {_excerpt(row['name'])}  ({row['id']})" for _, row in near[:_SUGGESTIONS]]
    hint = "Did you mean\n" + "\n".join(names) if names else ""
    raise GraphError(f"this graph has no {thing} {quoted(text)}", hint=hint)


def _exact(graph: Graph, thing: Thing, text: str, ids: Sequence[str]) -> str:
    if thing == "concept":
        rows = graph.read(_TERMS, ids=list(ids), name=text)
        # Prefer a concept to a topic of the same name, and a canonical term to an alias.
        rows.sort(key=lambda row: (row["id"] != text, row["counts_as"] is not None, row["kind"], row["id"]))
    else:
        query = _DOCUMENT if thing == "document" else _QUESTION
        rows = [row for identity in ids for row in graph.read(query, id=identity)]
    return str(rows[0]["id"]) if rows else ""


def _near(graph: Graph, thing: Thing, text: str) -> list[tuple[float, Row]]:
    # More words would find nothing more, and the index allows no more than a thousand clauses.
    words = list(dict.fromkeys(_normalised(text).split()))[:_MOST_WORDS]
    if not words:
        return []
    # Match each word exactly, as a prefix, or with one or two wrong letters.
    search = " ".join(f"{word} {word}* {word}~" for word in words)
    try:
        rows = graph.read(_FIND[thing], words=search, limit=50)
    except GraphError as error:
        if _NO_INDEX not in str(error):
            raise
        return []  # nothing was ever loaded
    wanted = _normalised(text)
    matches = [
        (max(SequenceMatcher(None, wanted, _normalised(row[key])).ratio() for key in ("name", "id")), row)
        for row in rows
    ]
    return sorted(matches, key=lambda match: (-match[0], match[1]["id"]))


def _normalised(text: object) -> str:
    return " ".join(re.findall(r"\w+", str(text).casefold()))


def _excerpt(text: object) -> str:
    return " ".join(str(text).split())[:100]


def term(graph: Graph, identity: str, *, limit: int) -> TermView:
    """A term with up to `limit` neighbours, documents and questions, and all its aliases."""
    (row,) = graph.read(_TERMS, ids=[identity], name="")
    return TermView(
        term=row,
        neighbours=graph.read(_NEIGHBOURS, id=identity, limit=limit),
        aliases=graph.read(_ALIASES, id=identity),
        documents=graph.read(_DOCUMENTS_OF_TERM, id=identity, limit=limit),
        questions=graph.read(_QUESTIONS_OF_TERM, id=identity, limit=limit),
    )


def parts(graph: Graph, identity: str) -> list[Row]:
    """The parts of a document that was split, in their order: id, title, pages, section, number of terms."""
    return graph.read(_PARTS, id=identity)


def document(graph: Graph, identity: str) -> DocumentView:
    """A document with all terms that it mentions and all questions that derive from it."""
    (row,) = graph.read(_DOCUMENT, id=identity)
    return DocumentView(
        document=row,
        terms=graph.read(_TERMS_OF_DOCUMENT, id=identity),
        questions=graph.read(_QUESTIONS_OF_DOCUMENT, id=identity),
    )


def questions(graph: Graph, ids: Sequence[str]) -> list[Row]:
    """The questions with some ids: id, level, text, answers (ids)."""
    return graph.read(_QUESTIONS, ids=list(ids))


def question(graph: Graph, identity: str) -> QuestionView:
    """A question with its answers and its complete provenance back to documents."""
    (row,) = graph.read(_QUESTION, id=identity)
    topics = graph.read(_TOPIC_COUNT)[0]["topics"]
    steps = graph.read(_WALK, id=identity)
    for step in steps:
        tickets, of_tickets = step.pop("tickets"), step.pop("of_tickets")
        if step["step"] == 0:
            step["chance"] = 1 / topics if topics else None
        else:
            step["chance"] = tickets / of_tickets if tickets and of_tickets else None
    documents = graph.read(_DOCUMENTS_OF_QUESTION, id=identity)
    for source in documents:
        source["passages"] = passages(source.pop("text") or "", source.pop("spellings"))
    return QuestionView(question=row, answers=graph.read(_ANSWERS, id=identity), steps=steps, documents=documents)


def names(graph: Graph, kind: str) -> list[str]:
    """The names of one kind in a graph: label, relationship type or property."""
    return [row["name"] for row in graph.read(_NAMES) if row["kind"] == kind]


def guide_values(graph: Graph) -> dict[str, str]:
    """Names and ids that serve as examples in a guide to this graph; empty where the graph has none.

    Keys: topics (any topic), topic, first and second (topics with shared concepts), concept, term (one with merged
    names), document, question, combination, unused (any concept that no question shows).
    """
    (row,) = graph.read(_GUIDE_VALUES)
    values = {name: value or "" for name, value in row.items()}
    values["topic"] = values["first"]
    return values


def sentence_of(graph: Graph, identity: str, *, reach: int) -> str:
    """An excerpt of a text that uses a term under its own name, with the document's id; empty when no text does."""
    for row in graph.read(_USES, id=identity, limit=20):
        if str(row["spelling"]).casefold() in str(row["text"]).casefold():
            (excerpt,) = passages(row["text"], [row["spelling"]], limit=1, reach=reach)
            return f"{excerpt} [{row['document']}]"
    return ""


def passages(text: str, spellings: Sequence[str], *, limit: int = 3, reach: int = 90) -> list[str]:
    """Excerpts of a text around some spellings: up to `limit` single lines, with `reach` characters on either side.

    Excerpts do not overlap. If the text contains none of the spellings, the result is the beginning of the text.
    """
    excerpts: list[str] = []
    previous_end = 0
    pattern = "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True) if spelling)
    for match in re.finditer(rf"{WORD_BEGINS}(?:{pattern}){WORD_ENDS}", text, re.IGNORECASE) if pattern else ():
        if match.start() < previous_end:
            continue
        first, last = max(0, match.start() - reach), min(len(text), match.end() + reach)
        previous_end = last
        excerpt = " ".join(text[first:last].split())
        excerpts.append(("…" if first else "") + excerpt + ("…" if last < len(text) else ""))
        if len(excerpts) == limit:
            return excerpts
    if not excerpts and text:
        excerpt = " ".join(text[: 2 * reach].split())
        excerpts.append(excerpt + ("…" if len(text) > 2 * reach else ""))
    return excerpts
