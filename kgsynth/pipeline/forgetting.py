"""Documents taken out of the graph, for good: facts, decisions, derived layers and what was made from them."""

from collections.abc import Sequence

from kgsynth.config import Environment, GraphSettings, MergeSettings
from kgsynth.documents.forgotten import add_tombstones, begin, done, left_to_do, read_tombstones
from kgsynth.graph import decisions, derived
from kgsynth.graph import forget as forgetting
from kgsynth.graph.forget import Forgetting
from kgsynth.graph.session import Graph
from kgsynth.pipeline.graph import build, merge
from kgsynth.pipeline.stages import Report, timed
from kgsynth.progress import Progress
from kgsynth.records import StageCount


def forget(
    graph: Graph,
    environment: Environment,
    documents: Sequence[str],
    *,
    graph_settings: GraphSettings,
    merge_settings: MergeSettings,
    reason: str,
    report: Report,
    progress: Progress | None = None,
) -> Forgetting:
    """Take documents out, so that the graph is as if it never had them, and remember not to take them in again.

    Questions and answers that were made from them go, and so do those of combinations that visit a term which only they
    mention. Merges are decided anew where there were any: a name may have counted as one that goes.

    Args:
        graph: where.
        environment: has the file of tombstones, which load and export obey.
        documents: ids.
        graph_settings: which graph it is.
        merge_settings: of the merges that were made.
        reason: kept with the tombstones.
        report: gets the accounts of what is done.
        progress: told about the build.

    Raises:
        GraphError: an id is of no document in this graph; nothing was changed.
    """
    tombstones, name = environment.tombstones, graph_settings.name
    killed = left_to_do(tombstones, graph=name)
    planned = forgetting.plan(graph, documents, forgotten=read_tombstones(tombstones, graph=name) if killed else ())
    was_merged = bool(decisions.merges(graph)) or any(one["merge"] for one in killed)
    was_built = derived.state(graph) == "complete" or any(one["build"] for one in killed)
    count = StageCount(stage="forget", unit="documents")
    with timed(count, report):
        # First the tombstones, with what is left to do: a kill after this is finished by the same command.
        add_tombstones(tombstones, planned.documents, graph=name, reason=reason)
        begin(
            tombstones,
            graph=name,
            documents=planned.documents,
            questions=planned.questions,
            combinations=planned.combinations,
            merge=was_merged,
            build=was_built,
        )
        forgetting.carry_out(graph, planned)
        count.kept = len(planned.documents)
        count.notes |= {
            "terms": len(planned.terms),
            "combinations": len(planned.combinations),
            "questions": len(planned.questions),
            "answers": len(planned.answers),
        }
    if was_merged:
        merge(graph, environment, merge_settings, dry_run=False, report=report)
    if was_built:
        build(graph, report=report, progress=progress)
    done(tombstones, graph=name)
    return planned
