"""Update and check the derived layers of a graph."""

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
    """Update the derived layers: incrementally if that is less work, else completely.

    Args:
        graph: the graph.
        is_whole: whether to build completely in any case.
        keep: which co-occurrences are stored; None keeps the rule of the last build, at first `auto`. A graph with
            another rule is built completely.
        report: receives the account.
        progress: receives progress in terms.

    Raises:
        GraphError: facts or decisions changed during the build, or another build ran; the layers cannot be used then.

    Examples:
        >>> pipeline.build(graph).terms
        24
    """
    count = StageCount(stage="build", unit="terms")
    with timed_stage(count, report):
        current = derived.build_state(graph)
        last = derived.last_rule(current)
        rule = last if keep is None else keep
        is_incremental = not is_whole and rule == last and incremental_build.pays_off(graph, current)
        if is_incremental:
            built = incremental_build.update(graph, progress)
        else:
            # A graph loaded by another version may lack indexes, and walks would then scan all nodes.
            facts.ensure_schema(graph, progress)
            built = derived.build(graph, progress, keep=rule)
        count.kept = built.terms
        if is_incremental:
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
    """Run all checks and return their findings; the account counts checks without findings as kept.

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
        findings = checks.run(graph, forgotten=documents, kept_parts=kept_parts, progress=progress)
        count.kept = checks.count() - len(findings)
        for finding in findings:
            count.reject(finding.check)
    return findings
