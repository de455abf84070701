"""What a graph holds, read for reports: terms and pairs, documents, merges, combinations, questions, answers."""

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
    """The figures of a graph that stand in it as such."""

    fingerprint: str
    counts: dict[str, int]
    documents: frozenset[str]  # ids
    characters: list[int]  # a document
    terms: list[int]  # a document, in the same order
    licences: list[Row]
    merges: list[Row]
    reviews: Row


def read(graph: Graph) -> Inventory:
    """Count what there is.

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
    """What each merged name counts as, by id."""
    return {row["id"]: row["counts_as"] for row in graph.stream(_ALIASES)}


def combinations(graph: Graph) -> Iterator[Combination]:
    """The combinations that the graph holds, by id."""
    for row in graph.stream(_COMBINATIONS):
        yield Combination(
            id=row["id"],
            seed=row["seed"],
            walk=row["walk"],
            path=tuple(row["path"]),
            topics=tuple(sorted({one for one in row["path"] if one.startswith("topic:")})),
            concepts=tuple(sorted({one for one in row["path"] if one.startswith("concept:")})),
            documents=tuple(GroundingDocument(**one) for one in row["documents"]),
        )


def questions(graph: Graph) -> Iterator[AnsweredQuestion]:
    """The questions that the graph holds, by id, without answers."""
    for row in graph.stream(_QUESTIONS):
        yield AnsweredQuestion.from_row(row)


def levels(graph: Graph) -> dict[int, int]:
    """How many questions of each level the graph holds."""
    return {row["level"]: row["questions"] for row in graph.read(_LEVELS)}


def answers(graph: Graph) -> Iterator[AnsweredQuestion]:
    """The answers that the graph holds, each with id and text of its question."""
    for row in graph.stream(_ANSWERS):
        yield AnsweredQuestion.from_row(row)
