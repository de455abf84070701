"""Taking documents out: what only they brought goes with them, and so does what was made from them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kgsynth import queries
from kgsynth.errors import GraphError
from kgsynth.graph import decisions, facts
from kgsynth.graph.session import Graph, Row, Transaction

_KNOWN = queries.load("forget/known")
_TERMS = queries.load("forget/terms")
_PROVENANCE = queries.load("forget/provenance")
_DELETE_ANSWERS = queries.load("forget/delete_answers")
_DELETE_QUESTIONS = queries.load("forget/delete_questions")
_DELETE_COMBINATIONS = queries.load("forget/delete_combinations")
_DELETE_DOCUMENTS = queries.load("forget/delete_documents")
_DELETE_TERMS = queries.load("forget/delete_terms")
_MARK_STALE = queries.load("derive/mark_stale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """What goes with some documents, as ids; `touched` are terms that stay and lose a mention.

    `wanted` are the ids that were asked for: a document that was split goes with its parts, which are `documents`.
    `verdicts` are what reviewers said of pairs with a term that goes: smaller id, larger id, yes or no.
    """

    documents: tuple[str, ...]
    wanted: tuple[str, ...] = ()
    terms: tuple[str, ...]
    touched: tuple[str, ...]
    combinations: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    verdicts: tuple[tuple[str, str, Literal["yes", "no"]], ...] = ()


def plan(graph: Graph, ids: Sequence[str], *, forgotten: Collection[str] = ()) -> Forgetting:
    """What would go with some documents; changes nothing.

    Args:
        graph: where.
        ids: of documents, or of those that were split.
        forgotten: ids that may be gone already, because a call was killed after it had taken them out.

    Raises:
        GraphError: an id is of no document in this graph.
    """
    wanted = sorted(set(ids))
    rows = graph.read(_KNOWN, ids=wanted)
    known, asked = {row["id"] for row in rows}, {row["wanted"] for row in rows}
    unknown = [one for one in wanted if one not in asked and one not in forgotten]
    if unknown:
        raise GraphError(
            f"{len(unknown):,} of {len(wanted):,} ids are no document of this graph, for example {unknown[0]!r}",
            hint="`kgsynth document NAME` finds a document by its title or id.",
        )
    wanted = sorted(known)
    terms = graph.read(_TERMS, ids=wanted)
    going = [row["id"] for row in terms if not row["is_kept"]]
    gone = set(going)
    yes, no = decisions.same_pairs(graph), decisions.distinct_pairs(graph)
    (made,) = graph.read(_PROVENANCE, ids=wanted, terms=going)
    return Forgetting(
        documents=tuple(wanted),
        wanted=tuple(sorted(asked)),
        terms=tuple(going),
        touched=tuple(row["id"] for row in terms if row["is_kept"]),
        combinations=tuple(sorted(made["combinations"])),
        questions=tuple(sorted(made["questions"])),
        answers=tuple(sorted(made["answers"])),
        verdicts=tuple(
            (*pair, "no" if pair in no else "yes") for pair in sorted(yes | no) if not gone.isdisjoint(pair)
        ),
    )


def terms_left(graph: Graph, planned: Forgetting) -> list[decisions.StoredTerm]:
    """The terms as they are without what `plan` found, with their names and counts; changes nothing."""

    def work(transaction: Transaction) -> list[decisions.StoredTerm]:
        _delete(transaction, planned)
        return decisions.terms_in(transaction)

    return graph.rehearse(work)


def carry_out(graph: Graph, planned: Forgetting, *, take_back: Iterable[str] = (), merge: Sequence[Row] = ()) -> None:
    """Delete what `plan` found and change merges, all or nothing; derived layers are stale afterwards.

    Args:
        graph: where.
        planned: what goes.
        take_back: ids of the merges that go, those into terms that go among them.
        merge: merges to make, rows as for `decisions.replace`.
    """
    merge_ids = sorted(take_back)

    def work(transaction: Transaction) -> None:
        decisions.take_back(transaction, merge_ids)
        _delete(transaction, planned)
        decisions.apply(transaction, merge)
        transaction.run(_MARK_STALE)

    graph.together(work)


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
