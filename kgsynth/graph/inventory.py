"""The content of a graph for reports: terms and pairs, documents, merges, combinations, questions, answers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from kgsynth import queries
from kgsynth.graph import derived, facts
from kgsynth.graph.session import Graph, Row
from kgsynth.records import AnsweredQuestion, Combination, GroundingDocument

_TERMS = queries.load("report/terms")
_DOCUMENTS = queries.load("report/documents")
_LICENCES = queries.load("report/licences")
_MERGES = queries.load("report/merges")
_REVIEWS = queries.load("report/reviews")
_ALIASES = queries.load("report/aliases")
_COMBINATIONS = queries.load("report/combinations")
_QUESTIONS = queries.load("report/questions")
_ANSWERS = queries.load("report/answers")
_LEVELS = queries.load("report/levels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Figures that can be read directly from a graph."""

    fingerprint: str
    counts: dict[str, int]
    documents: frozenset[str]  # ids
    characters: list[int]  # per document
    terms: list[int]  # per document, in the same order
    licences: list[Row]
    merges: list[Row]
    reviews: Row


def read(graph: Graph) -> Inventory:
    """Read the figures of a graph.

    Raises:
        GraphError: the derived layers cannot be used; the message says why.
    """
    fingerprint = derived.fingerprint(graph)
    documents = list(graph.stream(_DOCUMENTS))
    return Inventory(
        fingerprint=fingerprint,
        counts=facts.counts(graph),
        documents=frozenset(row["id"] for row in documents),
        characters=[row["characters"] for row in documents],
        terms=[row["terms"] for row in documents],
        licences=graph.read(_LICENCES),
        merges=graph.read(_MERGES),
        reviews=graph.read(_REVIEWS)[0],
    )


def terms(graph: Graph) -> list[Row]:
    """Each concept and topic: id, name, kind, documents."""
    return list(graph.stream(_TERMS))


def aliases(graph: Graph) -> dict[str, str]:
    """The id of the canonical term of each alias, by the alias's id."""
    return {row["id"]: row["counts_as"] for row in graph.stream(_ALIASES)}


def combinations(graph: Graph) -> Iterator[Combination]:
    """The combinations in the graph, ordered by id."""
    for row in graph.stream(_COMBINATIONS):
        yield Combination(
            id=row["id"],
            seed=row["seed"],
            walk=row["walk"],
            path=tuple(row["path"]),
            through=tuple(row["through"]) if any(row["through"]) else (),
            topics=tuple(sorted({term for term in row["path"] if term.startswith("topic:")})),
            concepts=tuple(sorted({term for term in row["path"] if term.startswith("concept:")})),
            documents=tuple(GroundingDocument(**document) for document in row["documents"]),
        )


def questions(graph: Graph) -> Iterator[AnsweredQuestion]:
    """The questions in the graph, ordered by id, without answers."""
    for row in graph.stream(_QUESTIONS):
        yield AnsweredQuestion.from_row(row)


def levels(graph: Graph) -> dict[int, int]:
    """The number of questions in the graph per level."""
    return {row["level"]: row["questions"] for row in graph.read(_LEVELS)}


def answers(graph: Graph) -> Iterator[AnsweredQuestion]:
    """The answers in the graph, each with the id and text of its question."""
    for row in graph.stream(_ANSWERS):
        yield AnsweredQuestion.from_row({**row, "checks": json.loads(row["checks"])})
