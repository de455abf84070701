"""The provenance layer: runs, combinations and questions, so that each question leads back to its documents.

Everything is written under content ids, so writing again changes nothing.
"""

import json
from collections.abc import Mapping, Sequence

from kgsynth import queries
from kgsynth.graph.session import Graph
from kgsynth.records import Combination, Question

_WRITE_RUN = queries.load("provenance/write_run")
_WRITE_COMBINATIONS = queries.load("provenance/write_combinations")
_WRITE_QUESTIONS = queries.load("provenance/write_questions")
_TEXTS = queries.load("ground/texts")

_BATCH = 500


def write_run(graph: Graph, run_id: str, *, stage: str, settings: Mapping[str, object]) -> None:
    """Write a run with its settings (kept as JSON; no secrets belong in them)."""
    graph.write(
        _WRITE_RUN, id=run_id, stage=stage, settings=json.dumps(dict(settings), sort_keys=True, ensure_ascii=False)
    )


def write_combinations(graph: Graph, combinations: Sequence[Combination]) -> None:
    """Write combinations with their walks and documents."""
    rows = [
        {
            "id": combination.id,
            "seed": combination.seed,
            "walk": combination.walk,
            "path": list(combination.path),
            "documents": [{"id": document.id, "jaccard": document.jaccard} for document in combination.documents],
        }
        for combination in combinations
    ]
    for first in range(0, len(rows), _BATCH):
        graph.write(_WRITE_COMBINATIONS, rows=rows[first : first + _BATCH])


def write_questions(graph: Graph, questions: Sequence[Question]) -> None:
    """Write questions; their combinations and runs must be there."""
    rows = [question.to_row() for question in questions]
    for first in range(0, len(rows), _BATCH):
        graph.write(_WRITE_QUESTIONS, rows=rows[first : first + _BATCH])


def texts(graph: Graph, document_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Title and text of each document that the graph holds; without a text, an empty string."""
    ids = sorted(set(document_ids))
    found: dict[str, tuple[str, str]] = {}
    for first in range(0, len(ids), _BATCH):
        for row in graph.read(_TEXTS, ids=ids[first : first + _BATCH]):
            found[row["id"]] = (row["title"] or "", row["text"] or "")
    return found
