"""Forecast the amount of data from measurements of earlier runs and from the supply of combinations in the graph."""

from collections.abc import Iterator, Sequence
from typing import Any

from kgsynth.graph import derived, facts
from kgsynth.graph.session import Graph
from kgsynth.reports.forecast import Measured
from kgsynth.walks import cypher_engine
from kgsynth.walks.combinations import combination_id
from kgsynth.walks.draws import Starts
from kgsynth.walks.steering import start_topics
from kgsynth.walks.unseen_estimate import UnseenEstimate, estimate_unseen

_MIN_CONCEPTS = 2
_BATCH = 2000


def plan_scaling(graph: Graph, levels: Sequence[Measured], *, epochs: int, walks: int, seed: int) -> dict[str, Any]:
    """Forecast the questions and tokens from all documents and from some epochs of walks.

    Args:
        graph: a graph with complete derived layers.
        levels: measurements of earlier runs, one per level.
        epochs: number of walks from each topic.
        walks: number of walks to draw, to estimate how often combinations repeat.
        seed: seed of these walks.

    Returns:
        Units, questions and tokens per level, their sums, and the `UnseenEstimate` of combinations as `supply`.

    Raises:
        GraphError: the graph is not built or has no topic.
    """
    derived.fingerprint(graph)
    topics = start_topics(graph)
    supply = estimate_unseen(_combinations(graph, topics, walks=walks, seed=seed))
    combinations = supply.expected(epochs * len(topics))
    documents = facts.counts(graph)["documents"]
    rows = []
    for measured in levels:
        units = combinations if measured.level == 3 else documents
        questions = units * measured.questions_each * measured.answered
        rows.append(
            {
                "level": measured.level,
                "units": units,
                "questions_each": measured.questions_each,
                "answered": measured.answered,
                "questions": questions,
                "tokens_each": measured.question_tokens + measured.answer_tokens,
                "tokens": questions * (measured.question_tokens + measured.answer_tokens),
            }
        )
    return {
        "topics": len(topics),
        "documents": documents,
        "epochs": epochs,
        "combinations": combinations,
        "levels": rows,
        "tokens": sum(row["tokens"] for row in rows),
        "supply": supply,
    }


def unseen_row(supply: UnseenEstimate) -> dict[str, Any]:
    """Return a supply as JSON values; an infinite alpha becomes None."""
    return {
        "walks": supply.walks,
        "different": supply.different,
        "new_chance": supply.new_chance,
        "half_repeat_after_at_least": None if supply.alpha == float("inf") else supply.alpha,
    }


def _combinations(graph: Graph, topics: Sequence[str], *, walks: int, seed: int) -> Iterator[str]:
    for walk in cypher_engine.walks(
        graph, Starts(seed, list(topics)), seed=seed, batch_size=_BATCH, sessions=1, limit=walks
    ):
        if len({term for term in walk.path if term.startswith("concept:")}) >= _MIN_CONCEPTS:
            yield combination_id(walk.path)
