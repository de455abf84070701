"""Merge review: show doubtful pairs to reviewers and keep their verdicts for all later merges."""

from collections.abc import Mapping

from kgsynth.accounts import Report
from kgsynth.concepts.declared import Declaration, declarations, names_by_form, source_declarations
from kgsynth.concepts.review import Case, Pair, Verdict
from kgsynth.config import Environment
from kgsynth.errors import ConfigError
from kgsynth.graph import decisions, show
from kgsynth.graph.session import Graph
from kgsynth.near_duplicates import Groups
from kgsynth.pipeline.merging import MergePlan, merge, plan_merge
from kgsynth.settings import MergeSettings

_SENTENCE_REACH = 70
_WORTH_A_LOOK = 0.5


def doubtful_pairs(
    graph: Graph, environment: Environment, settings: MergeSettings, *, limit: int | None = None
) -> list[Case]:
    """Return the doubtful pairs without a verdict, the most doubtful first.

    Args:
        graph: the graph.
        environment: where embeddings are kept.
        settings: settings of the merge.
        limit: maximum number of pairs; None for all.
    """
    declared = declared_pairs(graph)
    judged = {
        verdict.pair: verdict.chance
        for verdict in decisions.judged_pairs(graph)
        if not verdict.known and verdict.chance is not None
    }
    # What a judge calls probably the same is worth a look, even if nothing else speaks for it.
    likely = {pair: chance for pair, chance in judged.items() if chance >= _WORTH_A_LOOK}
    planned = plan_merge(
        graph,
        environment,
        settings,
        declared=likely | {pair: max(found.weight, likely.get(pair, 0.0)) for pair, found in declared.items()},
    )
    decided = decisions.distinct_pairs(graph) | decisions.same_pairs(graph)
    undecided = [doubt for doubt in planned.doubts if (doubt.first_id, doubt.second_id) not in decided]
    sentences: dict[str, str] = {}

    def sentence(identity: str) -> str:
        if identity not in sentences:
            sentences[identity] = show.sentence_of(graph, identity, reach=_SENTENCE_REACH)
        return sentences[identity]

    return [
        Case(
            first_id=doubt.first_id,
            second_id=doubt.second_id,
            first=planned.names[doubt.first_id],
            second=planned.names[doubt.second_id],
            decided=f"joined ({doubt.rule})" if doubt.is_joined else f"kept apart ({doubt.why_not})",
            cosine=doubt.cosine,
            doubt=doubt.doubt,
            first_sentence=sentence(doubt.first_id),
            second_sentence=sentence(doubt.second_id),
            evidence=_evidence(declared.get((doubt.first_id, doubt.second_id))),
            judged=judged.get((doubt.first_id, doubt.second_id)),
        )
        for doubt in undecided[:limit]
    ]


def declared_pairs(graph: Graph) -> dict[Pair, Declaration]:
    """Return the pairs of terms that documents or their sources declare the same, with the most trusted declaration."""
    forms = names_by_form((term.id, term.name) for term in decisions.terms(graph))
    found: dict[Pair, Declaration] = {}
    for identity, text, synonyms in decisions.texts_and_synonyms(graph):
        for declaration in (*source_declarations(identity, synonyms, forms), *declarations(text, forms)):
            pair = declaration.first_id, declaration.second_id
            if pair not in found or declaration.weight > found[pair].weight:
                found[pair] = declaration
    return found


def _evidence(declaration: Declaration | None) -> str:
    return f"{declaration.pattern}: {declaration.sentence}" if declaration else ""


def preview_merge(
    graph: Graph, environment: Environment, settings: MergeSettings, verdicts: Mapping[Pair, Verdict]
) -> MergePlan:
    """Plan the merge that these verdicts lead to, without changing the graph.

    Raises:
        ConfigError: the verdicts, with earlier ones, make two terms both the same and different.
    """
    yes = decisions.same_pairs(graph).difference(_pairs_with(verdicts, "no")) | set(_pairs_with(verdicts, "yes"))
    no = decisions.distinct_pairs(graph).difference(_pairs_with(verdicts, "yes")) | set(_pairs_with(verdicts, "no"))
    groups = Groups()
    for first, second in sorted(yes):
        groups.join(first, second)
    contradictions = sorted(pair for pair in no if groups.root(pair[0]) == groups.root(pair[1]))
    if contradictions:
        first, second = contradictions[0]
        equalities = [f"{a} = {b}" for a, b in sorted(yes) if groups.root(a) == groups.root(first)]
        raise ConfigError(
            f"{first} and {second} are different by one verdict and the same by others ({'; '.join(equalities[:6])})",
            hint="Change one of them; nothing was applied.",
        )
    return plan_merge(
        graph, environment, settings, same=_pairs_with(verdicts, "yes"), distinct=_pairs_with(verdicts, "no")
    )


def apply_review(
    graph: Graph, environment: Environment, settings: MergeSettings, verdicts: Mapping[Pair, Verdict], report: Report
) -> MergePlan:
    """Store verdicts for this and all later merges, and merge.

    Raises:
        GraphError: a pair has a term that is not in the graph; nothing was changed.
    """
    decisions.record(graph, same=_pairs_with(verdicts, "yes"), distinct=_pairs_with(verdicts, "no"))
    return merge(graph, environment, settings, dry_run=False, report=report)


def _pairs_with(verdicts: Mapping[Pair, Verdict], wanted: Verdict) -> list[Pair]:
    return [pair for pair, verdict in verdicts.items() if verdict == wanted]
