"""The walk law: the steps of a level-3 walk, and how contexts give tickets. All walk engines follow this module.

A *context* makes terms co-occur: it is a document, or a counted pair (a pair of terms with a count that the user
supplied). A step from a term picks a context that holds the term, then another term of that context. If a context holds
n terms of the target kind, it gives n tickets to each term of the other kind and n - 1 to each term of the target kind,
times its weight (1 for a document, the count for a counted pair). Each other term of the context then corresponds to
exactly `weight` tickets, and a step from u goes to v with probability count(u, v) / sum of counts, where a count is the
number of documents that hold both terms.

A walk has phases. Each step leads from the present term to a term of kind `to`. A dead end stops its phase, and the
next phase continues from the last term that was reached.

To change the law, change `PHASES` and the two statements `cypher/walk/level3*.cypher`; a test compares them.

Source: SynthLLM, arXiv 2503.19551, section 2.3.
"""

from dataclasses import dataclass
from typing import Any

from kgsynth.records import Kind


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a walk.

    `draw` is the index of the random number in [0, 1) that picks the ticket. A step with a `gate` is taken only when
    the random number with that index is at least 0.5.
    """

    name: str
    to: Kind
    draw: int
    gate: int | None = None


START: Kind = "topic"
# From a topic, 1 or 2 steps to topics, one step to a concept, 3 or 4 steps to concepts; both lengths are uniform.
PHASES: tuple[tuple[Step, ...], ...] = (
    (Step("topic_1", "topic", draw=1), Step("topic_2", "topic", draw=2, gate=0)),
    (
        Step("concept_1", "concept", draw=3),
        Step("concept_2", "concept", draw=5),
        Step("concept_3", "concept", draw=6),
        Step("concept_4", "concept", draw=7),
        Step("concept_5", "concept", draw=8, gate=4),
    ),
)
STEPS: tuple[Step, ...] = tuple(step for phase in PHASES for step in phase)
# Every walk has the same number of draws, used or not, so that one step never shifts the draws of another.
DRAWS_PER_WALK = 1 + max(max(step.draw, step.gate or 0) for step in STEPS)
# The start and one term per step.
PATH_LENGTH = 1 + len(STEPS)

# In the order of ids: "concept:…" sorts before "topic:…".
KINDS: tuple[Kind, ...] = ("concept", "topic")
# A term owns the tickets from slot * TICKETS_PER_TERM, those of its steps to concepts and those of its steps to topics.
TICKETS_PER_TERM = 2**40
# Maximum number of terms for which every ticket fits into a signed 64-bit integer.
MOST_TERM_SLOTS = 2**23
# The place of a term in a context is the context's slot * PLACES_PER_CONTEXT + the term's index in the context.
PLACES_PER_CONTEXT = 2**20


def _tables() -> frozenset[tuple[Kind, Kind]]:
    """All pairs (kind of a term, kind of a term that a step may lead to from there)."""
    tables: set[tuple[Kind, Kind]] = set()
    reached: set[Kind] = {START}
    for phase in PHASES:
        sources = set(reached)
        for step in phase:
            tables |= {(kind, step.to) for kind in sources}
            sources = {step.to}
            reached.add(step.to)
    return frozenset(tables)


TABLES = _tables()


def run_length(kind: Kind, to: Kind, *, concepts: Any, terms: Any, weight: Any) -> Any:
    """The number of tickets that a context gives to a term, for steps to a kind; 0 if the law has no such step.

    Args:
        kind: kind of the term.
        to: kind of the term that the step leads to.
        concepts: number of concepts in the context; a number, or an array with one number per context.
        terms: number of terms in the context, likewise.
        weight: weight of the context, likewise.
    """
    targets = concepts if to == "concept" else terms - concepts
    return weight * ((targets - (kind == to)) if (kind, to) in TABLES else 0 * targets)


def kinds_before(to: Kind) -> tuple[Kind, ...]:
    """The kinds of term from which a step may lead to a term of kind `to`."""
    return tuple(kind for kind in KINDS if (kind, to) in TABLES)
