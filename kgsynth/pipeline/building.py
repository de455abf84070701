"""The derived layers of a graph, brought up to date and checked."""

from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.documents.forgotten import Forgotten
from kgsynth.graph import checks, derived, facts, incremental_build
from kgsynth.graph.session import Graph
from kgsynth.progress import Progress
from kgsynth.records import StageCount


def build(
    graph: Graph,
    *,
    is_whole: bool = False,
    keep: derived.CoOccurrences | None = None,
    report: Report = silent,
    progress: Progress | None = None,
) -> derived.BuildCounts:
    """Update the derived layers: incrementally where that is less work, else completely.

    Args:
        graph: where.
        is_whole: from nothing in any case.
        keep: which co-occurrences are stored; None for those of the last build, at first `auto`. A graph that stores
            others is built from nothing.
        report: gets the account.
        progress: told of terms.

    Raises:
        GraphError: facts or decisions were changed meanwhile, or another build ran; the layers cannot be used then.

    Examples:
        >>> pipeline.build(graph).terms
        24
    """
    count = StageCount(stage="build", unit="terms")
    with timed_stage(count, report):
        current = derived.build_state(graph)
        held = current.co_occurrences
        wanted = ("all", str(derived.STRONGEST)) if keep == "auto" else (str(keep),)
        is_other = keep is not None and held not in wanted
        is_grown = not is_whole and not is_other and incremental_build.pays_off(graph, current)
        if is_grown:
            built = incremental_build.update(graph, progress)
        else:
            # A graph that another version has loaded may lack indexes; without them walks would scan.
            facts.ensure_schema(graph, progress)
            built = derived.build(graph, progress, keep=derived.kept_before(held) if keep is None else keep)
        count.kept = built.terms
        if is_grown:
            count.notes["grown_by_documents"] = built.documents
        count.notes["holds"] = built.holds
        count.notes["co_occurrences"] = built.co_occurrences
        if built.kept_co_occurrences != "all":
            count.notes["kept_co_occurrences"] = built.kept_co_occurrences
    return built


def check(
    graph: Graph,
    *,
    forgotten: Forgotten | None = None,
    report: Report = silent,
    progress: Progress | None = None,
) -> list[checks.Finding]:
    """Run all checks; the account counts checks without findings as kept.

    Args:
        graph: the graph to check.
        forgotten: documents that must not be in the graph.
        report: receives the account.
        progress: advances one step per check.

    Examples:
        >>> pipeline.check(graph)
        []
    """
    count = StageCount(stage="check", unit="checks")
    with timed_stage(count, report):
        documents = (forgotten or Forgotten()).documents
        kept_parts = {parent: set().union(*parts.values()) for parent, parts in documents.kept_parts.items()}
        findings = checks.run(
            graph, forgotten=set(documents) - set(kept_parts), kept_parts=kept_parts, progress=progress
        )
        count.kept = checks.count() - len(findings)
        for finding in findings:
            count.reject(finding.check)
    return findings
