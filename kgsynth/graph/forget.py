"""Delete documents, together with the terms that only they mention and everything that was generated from them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kgsynth import queries
from kgsynth.errors import GraphError, quoted
from kgsynth.graph import decisions, facts, incremental_build
from kgsynth.graph.session import Graph, Reader, Row, Transaction

_KNOWN = queries.load("forget/known")
_PARTS = queries.load("forget/parts")
_TERMS = queries.load("forget/terms")
_PROVENANCE = queries.load("forget/provenance")
_DELETE_ANSWERS = queries.load("forget/delete_answers")
_DELETE_QUESTIONS = queries.load("forget/delete_questions")
_DELETE_COMBINATIONS = queries.load("forget/delete_combinations")
_DELETE_DOCUMENTS = queries.load("forget/delete_documents")
_DELETE_TERMS = queries.load("forget/delete_terms")
_MARK_STALE = queries.load("derive/mark_stale")


class PlanChangedError(Exception):
    """The graph has changed since the plan, so that the plan would leave something behind; nothing was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Ids of everything that a deletion of documents removes; `touched` are terms that remain and lose a mention.

    `wanted` are the requested ids; for a document that was split, `documents` holds the ids of its parts. `verdicts`
    are the reviewers' verdicts on pairs with a deleted term: smaller id, larger id, yes or no. `merges` and `reviewed`
    are the ids of all merges and all pairs with a verdict at the time of the plan. `remaining` are the parts that stay
    of documents of which some parts go: document, part, content hash. `content_hashes` are those of the parts that go.
    """

    documents: tuple[str, ...]
    wanted: tuple[str, ...] = ()
    terms: tuple[str, ...]
    touched: tuple[str, ...]
    combinations: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    verdicts: tuple[tuple[str, str, Literal["yes", "no"]], ...] = ()
    merges: tuple[str, ...] = ()
    reviewed: tuple[tuple[str, str], ...] = ()
    remaining: tuple[tuple[str, str, str], ...] = ()
    content_hashes: tuple[tuple[str, str], ...] = ()


def plan(graph: Reader, ids: Sequence[str], *, forgotten: Collection[str] = ()) -> Forgetting:
    """Determine what a deletion of some documents would remove; changes nothing.

    Args:
        graph: the graph to read.
        ids: ids of documents, or of documents that were split.
        forgotten: ids that may be absent, because an earlier call was killed after it had deleted them.

    Raises:
        GraphError: an id is not that of a document in this graph.
    """
    wanted = sorted(set(ids))
    rows = graph.read(_KNOWN, ids=wanted)
    known, matched = {row["id"] for row in rows}, {row["wanted"] for row in rows}
    unknown = [identity for identity in wanted if identity not in matched and identity not in forgotten]
    if unknown:
        raise GraphError(
            f"{len(unknown):,} of {len(wanted):,} ids are not those of documents in this graph, for example "
            f"{quoted(unknown[0])}",
            hint="`kgsynth document NAME` finds a document by its title or id.",
        )
    wanted = sorted(known)
    terms = graph.read(_TERMS, ids=wanted)
    deleted_terms = [row["id"] for row in terms if not row["is_kept"]]
    deleted = set(deleted_terms)
    yes, no = decisions.same_pairs(graph), decisions.distinct_pairs(graph)
    parts = graph.read(_PARTS, ids=wanted)
    (derived_ids,) = graph.read(_PROVENANCE, ids=wanted, terms=deleted_terms)
    return Forgetting(
        documents=tuple(wanted),
        wanted=tuple(sorted(matched)),
        terms=tuple(deleted_terms),
        touched=tuple(row["id"] for row in terms if row["is_kept"]),
        combinations=tuple(sorted(derived_ids["combinations"])),
        questions=tuple(sorted(derived_ids["questions"])),
        answers=tuple(sorted(derived_ids["answers"])),
        verdicts=tuple(
            (*pair, "no" if pair in no else "yes") for pair in sorted(yes | no) if not deleted.isdisjoint(pair)
        ),
        merges=tuple(sorted(merge.merge_id for merge in decisions.merges(graph))),
        reviewed=tuple(sorted(yes | no)),
        remaining=tuple(
            (row["parent"], row["id"] if row["id"] not in known else "", row["content_hash"] or "")
            for row in parts
            if row["parent"] not in matched
        ),
        content_hashes=tuple(
            (row["id"], row["content_hash"]) for row in parts if row["id"] in known and row["content_hash"]
        ),
    )


def terms_left(graph: Graph, planned: Forgetting) -> list[decisions.StoredTerm]:
    """The terms with their names and counts as they would be after the deletion; changes nothing."""

    def work(transaction: Transaction) -> list[decisions.StoredTerm]:
        _delete(transaction, planned)
        return decisions.terms(transaction)

    return graph.rehearse(work)


def carry_out(
    graph: Graph,
    planned: Forgetting,
    *,
    record: Callable[[Forgetting], None],
    take_back: Iterable[str] = (),
    merge: Sequence[Row] = (),
) -> Forgetting:
    """Delete what `plan` has determined and change merges, in one transaction; derived layers are stale afterwards.

    Others who write facts, decisions or provenance wait for this transaction, or have finished before it. A load or a
    run that writes all the time must not make the plan out of date again and again. So combinations, questions and
    answers that were written since the plan are deleted too, and terms that other documents mention since the plan
    stay, where no merge and no verdict depends on them.

    Args:
        graph: the graph to change.
        planned: what to delete.
        record: called before the deletion with what is deleted, if that differs from the plan.
        take_back: ids of merges to undo, including those into deleted terms.
        merge: merges to apply, rows as for `decisions.replace`.

    Returns:
        What was deleted.

    Raises:
        PlanChangedError: the plan is out of date, because others have changed facts or decisions.
    """
    merge_ids = sorted(take_back)

    def work(transaction: Transaction) -> Forgetting:
        # The state of the build is locked first, as in an incremental build, so that the two cannot deadlock.
        transaction.run(_MARK_STALE)
        current = plan(transaction, planned.wanted, forgotten=planned.wanted)
        if not _fits(transaction, planned, current):
            raise PlanChangedError
        if current != planned:
            record(current)
        incremental_build.forget(transaction, current.documents, current.terms)
        decisions.take_back(transaction, merge_ids)
        _delete(transaction, current)
        decisions.apply(transaction, merge)
        return current

    return graph.together(work)


def _fits(transaction: Transaction, planned: Forgetting, current: Forgetting) -> bool:
    """Return whether the merges of a plan are right for what would be deleted now."""
    names = ("terms", "touched", "combinations", "questions", "answers")
    if current != replace(planned, **{name: getattr(current, name) for name in names}):
        return False
    staying = set(planned.terms) - set(current.terms)
    if not staying.isdisjoint(term for pair in current.reviewed for term in pair):
        return False
    merged = {term for merge in decisions.merges(transaction) for term in (merge.alias_id, merge.canonical_id)}
    return set(current.terms) <= set(planned.terms) and staying.isdisjoint(merged)


def _delete(transaction: Transaction, planned: Forgetting) -> None:
    for query, ids in (
        (_DELETE_ANSWERS, planned.answers),
        (_DELETE_QUESTIONS, planned.questions),
        (_DELETE_COMBINATIONS, planned.combinations),
        (_DELETE_DOCUMENTS, planned.documents),
        (_DELETE_TERMS, planned.terms),
    ):
        if ids:
            transaction.run(query, ids=list(ids))
    facts.name_terms_in(transaction, planned.touched)
