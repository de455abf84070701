"""The provenance layer: runs, combinations, questions and answers, with links back to their documents.

All ids are derived from content, so every write is idempotent.
"""

import json
from collections.abc import Mapping, Sequence

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph.session import Graph, Row
from kgsynth.queries import Query
from kgsynth.records import Combination

_WRITE_RUN = queries.load("provenance/write_run")
_WRITE_COMBINATIONS = queries.load("provenance/write_combinations")
_WRITE_QUESTIONS = queries.load("provenance/write_questions")
_WRITE_QUESTION_COMBINATIONS = queries.load("provenance/write_question_combinations")
_WRITE_QUESTION_DOCUMENTS = queries.load("provenance/write_question_documents")
_WRITE_ANSWERS = queries.load("provenance/write_answers")
_TEXTS = queries.load("ground/texts")
_MENTIONS = queries.load("ground/mentions")
_DOCUMENT_IDS = queries.load("ground/document_ids")

_BATCH = 500


def write_run(graph: Graph, run_id: str, *, stage: str, settings: Mapping[str, object]) -> None:
    """Write a run with its settings, which are stored as JSON and must not contain secrets."""
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
            "through": list(combination.through),
            "documents": [{"id": document.id, "jaccard": document.jaccard} for document in combination.documents],
        }
        for combination in combinations
    ]
    for first in range(0, len(rows), _BATCH):
        graph.write(_WRITE_COMBINATIONS, rows=rows[first : first + _BATCH])


def write_questions(graph: Graph, rows: Sequence[Row]) -> None:
    """Write questions, as `Question.to_row` returns them, with links to their combinations or documents.

    Raises:
        GraphError: the run, combination or document of a question is not in the graph.
    """
    _write_all(graph, _WRITE_QUESTIONS, rows, "runs")
    _write_all(graph, _WRITE_QUESTION_COMBINATIONS, [row for row in rows if row["combination_id"]], "combinations")
    _write_all(graph, _WRITE_QUESTION_DOCUMENTS, [row for row in rows if not row["combination_id"]], "documents")


def write_answers(graph: Graph, rows: Sequence[Row]) -> int:
    """Write answers, as rows of `AnsweredQuestion`; returns how many of their questions are in the graph."""
    return sum(
        graph.write(_WRITE_ANSWERS, rows=list(rows[first : first + _BATCH])).rows[0]["written"]
        for first in range(0, len(rows), _BATCH)
    )


def _write_all(graph: Graph, query: Query, rows: Sequence[Row], missing: str) -> None:
    for first in range(0, len(rows), _BATCH):
        batch = list(rows[first : first + _BATCH])
        written = graph.write(query, rows=batch).rows[0]["written"]
        if written != len(batch):
            raise GraphError(
                f"{len(batch) - written:,} of {len(batch):,} questions could not be written: their {missing} are not "
                "in the graph",
                hint="Check that the run was made with this graph; --graph NAME selects another. Finished batches "
                "remain in the graph.",
            )


def document_ids(graph: Graph) -> list[str]:
    """Ids of all documents, sorted."""
    return [row["id"] for row in graph.read(_DOCUMENT_IDS)]


def documents(graph: Graph, ids: Sequence[str], *, with_terms: bool) -> dict[str, Row]:
    """Documents by id: title, text, source, license, attribution, each empty when the graph has none.

    Args:
        graph: the graph to read.
        ids: ids of documents.
        with_terms: add `terms`, a list of {id, kind, name} ordered by id, with aliases replaced by their canonical
            terms.
    """
    wanted = sorted(set(ids))
    rows: dict[str, Row] = {}
    for first in range(0, len(wanted), _BATCH):
        batch = wanted[first : first + _BATCH]
        for row in graph.read(_TEXTS, ids=batch):
            rows[row["id"]] = {key: value or "" for key, value in row.items()}
        if with_terms:
            for row in graph.read(_MENTIONS, ids=batch):
                rows[row["id"]]["terms"] = row["terms"]
    return rows
