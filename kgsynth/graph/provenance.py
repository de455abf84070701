"""The provenance layer: runs, combinations, questions and answers, with links back to their documents.

All ids are derived from content, so every write is idempotent.
"""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from kgsynth import queries
from kgsynth.batching import batches
from kgsynth.errors import GraphError
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.records import AnsweredQuestion, Combination, plain

_LOG = logging.getLogger(__name__)

_LOCK = queries.load("derive/lock")
_WRITE_RUN = queries.load("provenance/write_run")
_WRITE_COMBINATIONS = queries.load("provenance/write_combinations")
_WRITE_QUESTIONS = queries.load("provenance/write_questions")
_WRITE_QUESTION_COMBINATIONS = queries.load("provenance/write_question_combinations")
_WRITE_QUESTION_DOCUMENTS = queries.load("provenance/write_question_documents")
_MISSING = queries.load("provenance/missing")
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


def write_questions(graph: Graph, rows: Sequence[Row], *, combinations: Sequence[Combination] = ()) -> list[Row]:
    """Write questions with links to their combinations or documents, and combinations with their walks and documents.

    Questions and combinations are left out, with a warning, if a document or term that they were made from, or a
    concept that they claim, is not in the graph: `kgsynth forget` has removed it since. Each batch holds the lock that
    this command waits for.

    Args:
        graph: the graph to write to.
        rows: questions, as `Question.to_row` returns them.
        combinations: combinations, also those without a question.

    Returns:
        The questions that were left out.

    Raises:
        GraphError: the run of a question is not in the graph.
    """
    left_out: list[Row] = []
    for batch in batches(combinations, _BATCH):
        graph.together(partial(_write_combinations, batch=batch))
    paths = {combination.id: combination.path for combination in combinations}
    for question_batch in batches(rows, _BATCH):
        left_out += graph.together(partial(_write_questions, rows=question_batch, paths=paths))
    if left_out:
        _LOG.warning(
            "%s questions were not written to the graph, because it does not hold their documents or terms any more",
            f"{len(left_out):,}",
        )
    return left_out


def _write_combinations(transaction: Transaction, batch: Sequence[Combination]) -> None:
    transaction.lock(_LOCK)
    missing = _missing(
        transaction,
        documents={document.id for combination in batch for document in combination.documents},
        terms={term for combination in batch for term in combination.path},
    )
    rows = [
        {
            "id": combination.id,
            "seed": combination.seed,
            "walk": combination.walk,
            "path": list(combination.path),
            "through": list(combination.through),
            "documents": [{"id": document.id, "jaccard": document.jaccard} for document in combination.documents],
        }
        for combination in batch
        if missing.isdisjoint(combination.path)
        and missing.isdisjoint(document.id for document in combination.documents)
    ]
    transaction.run(_WRITE_COMBINATIONS, rows=rows)


def _write_questions(transaction: Transaction, rows: Sequence[Row], paths: Mapping[str, Sequence[str]]) -> list[Row]:
    """Write questions, and return those that were left out."""
    transaction.lock(_LOCK)
    sources = {
        row["id"]: (
            row["combination_id"],
            *row["documents"],
            *row["concepts"],
            *paths.get(row["combination_id"], ()),
        )
        for row in rows
    }
    missing = _missing(
        transaction,
        documents={identity for row in rows for identity in row["documents"]},
        terms={term for row in rows for term in (*row["concepts"], *paths.get(row["combination_id"], ()))},
        combinations={row["combination_id"] for row in rows if row["combination_id"]},
    )
    present: list[Row] = []
    left_out: list[Row] = []
    for row in rows:
        (present if missing.isdisjoint(sources[row["id"]]) else left_out).append(row)
    written = transaction.run(_WRITE_QUESTIONS, rows=present)[0]["written"]
    if written != len(present):
        raise GraphError(
            f"{len(present) - written:,} of {len(present):,} questions could not be written: their run is not in the "
            "graph",
            hint="Check that the run was made with this graph; --graph NAME selects another. Finished batches remain "
            "in the graph.",
        )
    transaction.run(_WRITE_QUESTION_COMBINATIONS, rows=[row for row in present if row["combination_id"]])
    transaction.run(_WRITE_QUESTION_DOCUMENTS, rows=[row for row in present if not row["combination_id"]])
    return left_out


def _missing(
    transaction: Transaction, *, documents: Collection[str], terms: Collection[str], combinations: Collection[str] = ()
) -> set[str]:
    """Return the ids of those documents, terms and combinations that are not in the graph."""
    rows = transaction.run(
        _MISSING, documents=sorted(documents), terms=sorted(terms), combinations=sorted(combinations)
    )
    return {row["id"] for row in rows}


def write_answers(graph: Graph, rows: Sequence[Row]) -> int:
    """Write answers, as rows of `AnsweredQuestion`; returns how many of their questions are in the graph."""

    def work(transaction: Transaction, batch: Sequence[Row]) -> int:
        transaction.lock(_LOCK)
        rows = [{**row, **_verdicts(AnsweredQuestion.from_row(row))} for row in batch]
        written: int = transaction.run(_WRITE_ANSWERS, rows=rows)[0]["written"]
        return written

    return sum(graph.together(partial(work, batch=batch)) for batch in batches(rows, _BATCH))


def _verdicts(answer: AnsweredQuestion) -> dict[str, object]:
    """Return the properties of an answer that its checks give; None removes a property."""
    checks = [plain(check) for check in answer.checks]
    return {
        **{verdict: answer.verifiers(verdict) or None for verdict in ("passed", "failed", "undecided")},
        "pass_rate": answer.pass_rate,
        "checks_json": json.dumps(checks, ensure_ascii=False, sort_keys=True) if checks else None,
    }


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
                if row["id"] in rows:  # else it was deleted between the two statements
                    rows[row["id"]]["terms"] = row["terms"]
    return rows
