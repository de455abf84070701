"""Remove documents from the graph permanently, with their facts, merges, derived layers, questions and answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.config import Environment
from kgsynth.documents.forgotten import (
    Forgotten,
    TombstoneFile,
    add_tombstones,
    begin,
    done,
    keep_parts,
    keep_verdicts,
    left_to_do,
    parent_of,
    read_forgotten,
    read_tombstones,
    remove_tombstones,
)
from kgsynth.errors import GraphError
from kgsynth.files import alone
from kgsynth.graph import decisions, derived, forget as forgetting
from kgsynth.graph.forget import Forgetting, PlanChangedError
from kgsynth.graph.session import Graph
from kgsynth.pipeline.building import build
from kgsynth.pipeline.merging import MergePlan, merge_rows, plan_merge
from kgsynth.progress import Progress
from kgsynth.records import StageCount
from kgsynth.settings import GraphSettings, MergeSettings

# A plan is made again if another command has changed the same facts or decisions before it is carried out.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetPlan:
    """What is removed with some documents, and how merges change; `merges` is None where nothing was ever merged."""

    going: Forgetting
    merges: MergePlan | None


def plan_forget(graph: Graph, environment: Environment, documents: Sequence[str]) -> ForgetPlan:
    """Plan the removal of documents, without changing the graph.

    Merges change only where the removal changes the decision. The decision is made twice, with and without the
    documents, with the settings of the last merge and the verdicts of reviewers. Therefore the plan does not add merges
    that were undone, or that were possible before but not made.

    Args:
        graph: the graph.
        environment: where embeddings and tombstones are kept.
        documents: ids of documents; ids that an interrupted call has already removed are skipped.

    Raises:
        GraphError: the graph has no document with one of the ids.
    """
    tombstones, name = environment.tombstones, graph.name
    forgotten_ids = read_tombstones(tombstones, graph=name) if left_to_do(tombstones, graph=name) else ()
    going = forgetting.plan(graph, documents, forgotten=forgotten_ids)
    existing, kept_settings = decisions.merges(graph), decisions.last_settings(graph)
    if not existing and not kept_settings:
        return ForgetPlan(going=going, merges=None)
    settings, undone = MergeSettings(**kept_settings), decisions.undone_pairs(graph)
    present = plan_merge(graph, environment, settings, distinct=undone)
    remaining_terms = forgetting.terms_left(graph, going)
    planned = plan_merge(graph, environment, settings, distinct=undone, terms=remaining_terms, without=going.documents)
    _keep_differences(planned, present, existing, {term.id for term in remaining_terms})
    return ForgetPlan(going=going, merges=planned)


def _keep_differences(
    planned: MergePlan, present: MergePlan, existing: Sequence[decisions.StoredMerge], remaining_ids: Collection[str]
) -> None:
    """Reduce a plan to its differences from the present decision; never merge a name twice or into an alias."""
    decided = {merge.merge_id for merge in present.merges}
    planned.taken_back = [
        merge
        for merge in planned.taken_back
        if merge.merge_id in decided or merge.alias_id not in remaining_ids or merge.canonical_id not in remaining_ids
    ]
    removed = {merge.merge_id for merge in planned.taken_back}
    staying = [merge for merge in existing if merge.merge_id not in removed]
    aliases, canonical = {merge.alias_id for merge in staying}, {merge.canonical_id for merge in staying}
    new = []
    for candidate in planned.new:
        is_free = candidate.alias_id not in aliases | canonical and candidate.canonical_id not in aliases
        if candidate.merge_id not in decided and is_free:
            new.append(candidate)
            aliases.add(candidate.alias_id)
            canonical.add(candidate.canonical_id)
    planned.new = new


def forget(
    graph: Graph,
    environment: Environment,
    documents: Sequence[str],
    *,
    reason: str,
    report: Report = silent,
    progress: Progress | None = None,
) -> ForgetPlan:
    """Remove documents as if the graph had never had them, and block them from being loaded again.

    Questions and answers from these documents are removed, and those that claim a term which only these documents
    mention, or whose combination visits one. Merges change as in `plan_forget`.

    Args:
        graph: the graph.
        environment: where the tombstones are kept, which load and export obey.
        documents: ids of documents.
        reason: reason that is kept with the tombstones.
        report: receives the accounts.
        progress: receives progress of the build.

    Raises:
        GraphError: the graph has no document with one of the ids; nothing was changed.

    Examples:
        >>> plan = pipeline.forget(graph, environment, ["notes/geometry/circle.md"], reason="asked by its author")
    """
    tombstones, name = environment.tombstones, graph.name
    with alone(tombstones):
        interrupted = left_to_do(tombstones, graph=name)
        was_built = derived.state(graph) == "complete" or any(call["build"] for call in interrupted)
        planned = plan_forget(graph, environment, documents)
        count = StageCount(stage="forget", unit="documents")
        with timed_stage(count, report):
            for _ in range(_ATTEMPTS):
                deleted = _delete(graph, environment, planned, reason, was_built)
                if deleted is not None:
                    planned = replace(planned, going=deleted)
                    break
                planned = plan_forget(graph, environment, documents)
            else:
                raise GraphError(
                    "other commands kept changing the graph, so the documents were not removed",
                    hint="Run the same command again when the others have finished. Until then, loads refuse the "
                    "documents.",
                )
            count.kept = len(planned.going.documents)
            count.notes |= _notes(planned)
        if was_built:
            build(graph, report=report, progress=progress)
        done(tombstones, graph=name)
    return planned


def _delete(
    graph: Graph, environment: Environment, planned: ForgetPlan, reason: str, was_built: bool
) -> Forgetting | None:
    """Write the tombstones, delete the documents, and return what was deleted; None if the plan is out of date."""
    tombstones, name, going, merges = environment.tombstones, graph.name, planned.going, planned.merges
    # Write the tombstones and the open work first, so that the same command completes an interrupted call.
    add_tombstones(
        tombstones,
        {*going.documents, *going.wanted},
        graph=name,
        reason=reason,
        content_hashes=dict(going.content_hashes),
    )
    keep_parts(tombstones, _kept_parts(going), graph=name)
    keep_verdicts(tombstones, going.verdicts, graph=name)

    def record(deleted: Forgetting) -> None:
        begin(
            tombstones,
            graph=name,
            documents=deleted.documents,
            questions=deleted.questions,
            combinations=deleted.combinations,
            build=was_built,
        )

    record(going)
    take_back, merge = ((), ()) if merges is None else (merges.removed_ids, merge_rows(merges))
    try:
        return forgetting.carry_out(graph, going, record=record, take_back=take_back, merge=merge)
    except PlanChangedError:
        return None


def _notes(planned: ForgetPlan) -> dict[str, int]:
    going, merges = planned.going, planned.merges
    return {
        "terms": len(going.terms),
        "combinations": len(going.combinations),
        "questions": len(going.questions),
        "answers": len(going.answers),
        "merges_taken_back": len(merges.taken_back) if merges else 0,
        "merges_made": len(merges.new) if merges else 0,
        "verdicts_kept": len(going.verdicts),
    }


def _kept_parts(going: Forgetting) -> dict[str, dict[str, str]]:
    """Return the remaining parts of each document that is only partly removed: part id to content hash."""
    kept: dict[str, dict[str, str]] = {}
    for parent, identity, content_hash in going.remaining:
        parts = kept.setdefault(parent, {})
        if identity and content_hash:
            parts[identity] = content_hash
    return kept


def restore_verdicts(graph: Graph, forgotten: Forgotten, report: Report) -> int:
    """Restore the verdicts on pairs with a forgotten term, where both terms are in the graph again.

    A newer verdict on a pair takes precedence.

    Returns:
        Number of pairs.
    """
    if not forgotten.verdicts:
        return 0
    decided = decisions.same_pairs(graph) | decisions.distinct_pairs(graph)
    term_ids = {term.id for term in decisions.terms(graph)}
    restored = {
        pair: verdict
        for pair, verdict in forgotten.verdicts.items()
        if pair not in decided and term_ids.issuperset(pair)
    }
    if restored:
        count = StageCount(stage="restore verdicts", unit="pairs")
        with timed_stage(count, report):
            decisions.record(
                graph,
                same=[pair for pair, verdict in restored.items() if verdict == "yes"],
                distinct=[pair for pair, verdict in restored.items() if verdict == "no"],
            )
            count.kept = len(restored)
    return len(restored)


def allow_again(environment: Environment, ids: Sequence[str], *, graph_settings: GraphSettings) -> tuple[int, int]:
    """Allow forgotten documents to be loaded again.

    Args:
        environment: where tombstones are kept.
        ids: ids of documents or of parts.
        graph_settings: the graph from which they were removed.

    Returns:
        Number of ids that were forgotten, and number of tombstones removed, one per part.
    """
    with alone(environment.tombstones):
        tombstones = read_tombstones(environment.tombstones, graph=graph_settings.name)
        forgotten_ids = {*tombstones, *map(parent_of, tombstones)}
        removed_count = remove_tombstones(environment.tombstones, ids, graph=graph_settings.name)
    return len(forgotten_ids.intersection(ids)), removed_count


def tombstone_file(environment: Environment, graph_settings: GraphSettings) -> TombstoneFile:
    """Return the file of forgotten documents of a graph, for commands that must notice later changes of it."""
    return TombstoneFile(environment.tombstones, graph=graph_settings.name)


def forgotten_documents(environment: Environment, graph_settings: GraphSettings) -> Forgotten:
    """Return the forgotten documents of a graph with reasons, and the verdicts of reviewers on their terms.

    Raises:
        ConfigError: the file of tombstones cannot be read.
    """
    return read_forgotten(environment.tombstones, graphs={graph_settings.name})
