"""What a run will give, from what earlier runs measured and what the graph can still supply."""

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
    """What all documents and some epochs of walks will give.

    Args:
        graph: with derived layers that are complete.
        levels: what was measured.
        epochs: walks from every topic.
        walks: drawn to see how often combinations repeat.
        seed: of these walks.

    Returns:
        levels (level, units, questions, tokens), the sum of tokens, and the supply of combinations.

    Raises:
        GraphError: the graph is not built or has no topic.
    """
    derived.fingerprint(graph)
    topics = start_topics(graph)
    found = estimate_unseen(_combinations(graph, topics, walks=walks, seed=seed))
    combinations = found.expected(epochs * len(topics))
    documents = facts.counts(graph)["documents"]
    rows = []
    for one in levels:
        units = combinations if one.level == 3 else documents
        questions = units * one.questions_each * one.answered
        rows.append(
            {
                "level": one.level,
                "units": units,
                "questions_each": one.questions_each,
                "answered": one.answered,
                "questions": questions,
                "tokens_each": one.question_tokens + one.answer_tokens,
                "tokens": questions * (one.question_tokens + one.answer_tokens),
            }
        )
    return {
        "topics": len(topics),
        "documents": documents,
        "epochs": epochs,
        "combinations": combinations,
        "levels": rows,
        "tokens": sum(row["tokens"] for row in rows),
        "supply": found,
    }


def unseen_row(found: UnseenEstimate) -> dict[str, Any]:
    """A supply as JSON values; an alpha that is infinite is None."""
    return {
        "walks": found.walks,
        "different": found.different,
        "new_chance": found.new_chance,
        "half_repeat_after_at_least": None if found.alpha == float("inf") else found.alpha,
    }


def _combinations(graph: Graph, topics: Sequence[str], *, walks: int, seed: int) -> Iterator[str]:
    for walk in cypher_engine.walks(
        graph, Starts(seed, list(topics)), seed=seed, batch_size=_BATCH, sessions=1, limit=walks
    ):
        if len({term for term in walk.path if term.startswith("concept:")}) >= _MIN_CONCEPTS:
            yield combination_id(walk.path)
