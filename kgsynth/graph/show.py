"""One thing of the graph with what stands around it: a term, a document, a question with its whole way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph.session import Graph, Row

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
_GUIDE_VALUES = queries.load("show/guide_values")

_SUGGESTIONS = 5
_MOST_WORDS = 60
# A name this alike is taken for the one that was meant; the next one must be clearly less alike.
_MEANT = 0.8
_CLEARLY = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a text names: the id, and the name that was taken for it when the text was only near."""

    id: str
    taken_for: str = ""


@dataclass(slots=True, kw_only=True)
class TermView:
    """A term with its neighbours, aliases, documents and questions, the most important of each first."""

    term: Row
    neighbours: list[Row] = field(default_factory=list)
    aliases: list[Row] = field(default_factory=list)
    documents: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class DocumentView:
    """A document with what it mentions and the questions that it touches."""

    document: Row
    terms: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class QuestionView:
    """A question with its answers and its way: steps of the walk with their chances, documents with passages.

    Each step has `id`, `name`, `kind` and `chance` in (0, 1], None for a step that the walk tables do not hold now.
    """

    question: Row
    answers: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    documents: list[Row] = field(default_factory=list)


def find(graph: Graph, thing: Thing, text: str, *, ids: Sequence[str]) -> Found:
    """The thing that a text names: by id, by exact name, or by a name so near that no other can be meant.

    Args:
        graph: where.
        thing: concept (which includes topics), document or question.
        text: id, name, title or text as somebody remembers it.
        ids: ids that the text may stand for.

    Raises:
        GraphError: nothing is called so; the hint lists what is near.
    """
    exact = _exact(graph, thing, text, ids)
    if exact:
        return Found(id=exact)
    near = _near(graph, thing, text)
    alone = len(near) < 2 or near[1][0] < 1
    if near and near[0][0] == 1 and alone:
        return Found(id=near[0][1]["id"])
    if near and near[0][0] >= _MEANT and (len(near) == 1 or near[0][0] - near[1][0] >= _CLEARLY):
        return Found(id=near[0][1]["id"], taken_for=str(near[0][1]["name"]))
    names = [f"  {_short(row['name'])}  ({row['id']})" for _, row in near[:_SUGGESTIONS]]
    hint = "Did you mean\n" + "\n".join(names) if names else ""
    raise GraphError(f"this graph has no {thing} {text!r}", hint=hint)


def _exact(graph: Graph, thing: Thing, text: str, ids: Sequence[str]) -> str:
    if thing == "concept":
        rows = graph.read(_TERMS, ids=list(ids), name=text)
        # A concept before a topic of the same name, one that counts for itself before a merged one.
        rows.sort(key=lambda row: (row["id"] != text, row["counts_as"] is not None, row["kind"], row["id"]))
    else:
        query = _DOCUMENT if thing == "document" else _QUESTION
        rows = [row for identity in ids for row in graph.read(query, id=identity)]
    return str(rows[0]["id"]) if rows else ""


def _near(graph: Graph, thing: Thing, text: str) -> list[tuple[float, Row]]:
    # More words than these find nothing more, and the index takes no more than a thousand clauses.
    words = list(dict.fromkeys(_plain(text).split()))[:_MOST_WORDS]
    if not words:
        return []
    # Each word as it stands, begun, or with a letter or two wrong.
    asked = " ".join(f"{word} {word}* {word}~" for word in words)
    rows = graph.read(_FIND[thing], words=asked, limit=50)
    wanted = _plain(text)
    alike = [
        (max(SequenceMatcher(None, wanted, _plain(row[key])).ratio() for key in ("name", "id")), row) for row in rows
    ]
    return sorted(alike, key=lambda one: (-one[0], one[1]["id"]))


def _plain(text: object) -> str:
    return " ".join(re.findall(r"\w+", str(text).casefold()))


def _short(text: object) -> str:
    return " ".join(str(text).split())[:100]


def term(graph: Graph, identity: str, *, limit: int) -> TermView:
    """A term with up to `limit` of each thing around it."""
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
    """A document with all that it mentions and all questions that it touches."""
    (row,) = graph.read(_DOCUMENT, id=identity)
    return DocumentView(
        document=row,
        terms=graph.read(_TERMS_OF_DOCUMENT, id=identity),
        questions=graph.read(_QUESTIONS_OF_DOCUMENT, id=identity),
    )


def questions(graph: Graph, ids: Sequence[str]) -> list[Row]:
    """Some questions: id, level, text, answers (ids)."""
    return graph.read(_QUESTIONS, ids=list(ids))


def question(graph: Graph, identity: str) -> QuestionView:
    """A question with its answers and its whole way back to documents."""
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
    for one in documents:
        one["passages"] = passages(one.pop("text") or "", one.pop("spellings"))
    return QuestionView(question=row, answers=graph.read(_ANSWERS, id=identity), steps=steps, documents=documents)


def guide_values(graph: Graph) -> dict[str, str]:
    """Names and ids that a guide to this graph can speak of, empty where there is none.

    Keys: topic, first, second (topics), concept, term (something was merged into it), question, combination, document.
    """
    (row,) = graph.read(_GUIDE_VALUES)
    values = {name: value or "" for name, value in row.items()}
    values["topic"] = values["first"]
    values["term"] = values["term"] or values["concept"]
    return values


def sentence_of(graph: Graph, identity: str, *, reach: int) -> str:
    """A piece of a text that uses a term under its own name, with the document's id; empty when no text does."""
    for row in graph.read(_USES, id=identity, limit=20):
        if str(row["spelling"]).casefold() in str(row["text"]).casefold():
            (cut,) = passages(row["text"], [row["spelling"]], limit=1, reach=reach)
            return f"{cut} [{row['document']}]"
    return ""


def passages(text: str, spellings: Sequence[str], *, limit: int = 3, reach: int = 90) -> list[str]:
    """Where a text mentions some spellings: up to `limit` excerpts of one line with `reach` characters either side.

    Excerpts do not overlap; a mention that is only implied has none. Without any, the beginning of the text.
    """
    excerpts: list[str] = []
    ends = 0
    pattern = "|".join(re.escape(one) for one in sorted(spellings, key=len, reverse=True) if one)
    for found in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE) if pattern else ():
        if found.start() < ends:
            continue
        first, last = max(0, found.start() - reach), min(len(text), found.end() + reach)
        ends = last
        cut = " ".join(text[first:last].split())
        excerpts.append(("…" if first else "") + cut + ("…" if last < len(text) else ""))
        if len(excerpts) == limit:
            return excerpts
    if not excerpts and text:
        cut = " ".join(text[: 2 * reach].split())
        excerpts.append(cut + ("…" if len(text) > 2 * reach else ""))
    return excerpts
