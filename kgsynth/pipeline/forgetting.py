"""Documents taken out of the graph, for good: facts, decisions, derived layers and what was made from them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kgsynth import queries
from kgsynth.config import Environment, GraphSettings, MergeSettings
from kgsynth.documents.forgotten import (
    Forgotten,
    add_tombstones,
    begin,
    done,
    keep_parts,
    keep_verdicts,
    left_to_do,
    read_tombstones,
)
from kgsynth.graph import decisions, derived
from kgsynth.graph import forget as forgetting
from kgsynth.graph.forget import Forgetting
from kgsynth.graph.session import Graph
from kgsynth.pipeline.graph import MergePlan, build, merge_rows, plan_merge
from kgsynth.pipeline.stages import Report, timed
from kgsynth.progress import Progress
from kgsynth.records import StageCount

_PARTS = queries.load("forget/parts")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetPlan:
    """What goes with some documents, and how merges change by it; `merges` is None where nothing was ever merged."""

    going: Forgetting
    merges: MergePlan | None


def plan_forget(
    graph: Graph, environment: Environment, documents: Sequence[str], *, graph_settings: GraphSettings
) -> ForgetPlan:
    """What taking documents out would do; changes nothing.

    Merges change by what the documents' going changes of the decision, and by nothing else: it is made twice, with and
    without them, with the settings of the last merge and what reviewers said. So a merge that somebody has undone, or
    that nobody has made yet, is not made now.

    Args:
        graph: where.
        environment: where embeddings and tombstones are kept.
        documents: ids; those that a killed call has taken out already are passed over.
        graph_settings: which graph it is.

    Raises:
        GraphError: an id is of no document in this graph.
    """
    tombstones, name = environment.tombstones, graph_settings.name
    known = read_tombstones(tombstones, graph=name) if left_to_do(tombstones, graph=name) else ()
    going = forgetting.plan(graph, documents, forgotten=known)
    held, kept_settings = decisions.merges(graph), decisions.last_settings(graph)
    if not held and not kept_settings:
        return ForgetPlan(going=going, merges=None)
    settings, undone = MergeSettings(**kept_settings), decisions.undone_pairs(graph)
    present = plan_merge(graph, environment, settings, distinct=undone)
    left = forgetting.terms_left(graph, going)
    planned = plan_merge(graph, environment, settings, distinct=undone, terms=left)
    _only_what_differs(planned, present, held, {one.id for one in left})
    return ForgetPlan(going=going, merges=planned)


def _only_what_differs(
    planned: MergePlan, present: MergePlan, held: Sequence[decisions.StoredMerge], left: Collection[str]
) -> None:
    """Leave in a plan what is not in the present decision too; a name is never merged twice, nor into an alias."""
    decided = {one.merge_id for one in present.merges}
    planned.taken_back = [
        one
        for one in planned.taken_back
        if one.merge_id in decided or one.alias_id not in left or one.canonical_id not in left
    ]
    gone = {one.merge_id for one in planned.taken_back}
    staying = [one for one in held if one.merge_id not in gone]
    aliases, canonical = {one.alias_id for one in staying}, {one.canonical_id for one in staying}
    new = []
    for one in planned.new:
        is_free = one.alias_id not in aliases | canonical and one.canonical_id not in aliases
        if one.merge_id not in decided and is_free:
            new.append(one)
            aliases.add(one.alias_id)
            canonical.add(one.canonical_id)
    planned.new = new


def forget(
    graph: Graph,
    environment: Environment,
    documents: Sequence[str],
    *,
    graph_settings: GraphSettings,
    reason: str,
    report: Report,
    progress: Progress | None = None,
) -> ForgetPlan:
    """Take documents out, so that the graph is as if it never had them, and remember not to take them in again.

    Questions and answers that were made from them go, and so do those of combinations that visit a term which only they
    mention. Merges change as `plan_forget` says: a name may have counted as one that goes.

    Args:
        graph: where.
        environment: has the file of tombstones, which load and export obey.
        documents: ids.
        graph_settings: which graph it is.
        reason: kept with the tombstones.
        report: gets the accounts of what is done.
        progress: told about the build.

    Raises:
        GraphError: an id is of no document in this graph; nothing was changed.
    """
    tombstones, name = environment.tombstones, graph_settings.name
    killed = left_to_do(tombstones, graph=name)
    planned = plan_forget(graph, environment, documents, graph_settings=graph_settings)
    going, merges = planned.going, planned.merges
    count = StageCount(stage="forget", unit="documents")
    with timed(count, report):
        was_built = derived.state(graph) == "complete" or any(one["build"] for one in killed)
        # First the tombstones, with what is left to do: a kill after this is finished by the same command.
        add_tombstones(tombstones, sorted({*going.documents, *going.wanted}), graph=name, reason=reason)
        keep_parts(tombstones, _kept_parts(graph, going), graph=name)
        keep_verdicts(tombstones, going.verdicts, graph=name)
        begin(
            tombstones,
            graph=name,
            documents=going.documents,
            questions=going.questions,
            combinations=going.combinations,
            build=was_built,
        )
        if merges is None:
            forgetting.carry_out(graph, going)
        else:
            forgetting.carry_out(graph, going, take_back=merges.removed_ids, merge=merge_rows(merges))
        count.kept = len(going.documents)
        count.notes |= {
            "terms": len(going.terms),
            "combinations": len(going.combinations),
            "questions": len(going.questions),
            "answers": len(going.answers),
            "merges_taken_back": len(merges.taken_back) if merges else 0,
            "merges_made": len(merges.new) if merges else 0,
            "verdicts_kept": len(going.verdicts),
        }
    if was_built:
        build(graph, report=report, progress=progress)
    done(tombstones, graph=name)
    return planned


def _kept_parts(graph: Graph, going: Forgetting) -> dict[str, dict[str, str]]:
    """The parts that stay of each document of which some parts alone go: id to content hash."""
    gone, wanted = set(going.documents), set(going.wanted)
    kept: dict[str, dict[str, str]] = {}
    for row in graph.read(_PARTS, ids=list(going.documents)):
        if row["parent"] not in wanted:
            parts = kept.setdefault(row["parent"], {})
            if row["id"] not in gone and row["content_hash"]:
                parts[row["id"]] = row["content_hash"]
    return kept


def restore_verdicts(graph: Graph, forgotten: Forgotten, report: Report) -> int:
    """Say again what reviewers had said of pairs of which a term was forgotten, where both are in the graph once more.

    What has been said of a pair since stands.

    Returns:
        How many pairs.
    """
    if not forgotten.verdicts:
        return 0
    said = decisions.same_pairs(graph) | decisions.distinct_pairs(graph)
    known = {one.id for one in decisions.terms(graph)}
    again = {
        pair: verdict for pair, verdict in forgotten.verdicts.items() if pair not in said and known.issuperset(pair)
    }
    if again:
        count = StageCount(stage="restore verdicts", unit="pairs")
        with timed(count, report):
            decisions.record(
                graph,
                same=[pair for pair, verdict in again.items() if verdict == "yes"],
                distinct=[pair for pair, verdict in again.items() if verdict == "no"],
            )
            count.kept = len(again)
    return len(again)
