"""Decide which near-duplicate names to merge, and apply the decision."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from kgsynth.accounts import Report, silent
from kgsynth.batching import batches
from kgsynth.concepts.decide import Decision, Doubt, Expanded, Merge, MergeTerm, decide
from kgsynth.concepts.declared import is_expanded
from kgsynth.config import Environment
from kgsynth.graph import decisions
from kgsynth.graph.session import Graph
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import StageCount
from kgsynth.settings import MergeSettings

_ACRONYM_BATCH = 100
# Below this probability a judged pair does not become part of one group.
_RATHER_DIFFERENT = 0.5


@dataclass(slots=True, kw_only=True)
class MergePlan:
    """Decided merges, and how they differ from the merges in the graph; `names` has the names of all terms by id."""

    merges: list[Merge]
    doubts: list[Doubt]
    new: list[Merge]
    changed: list[Merge]
    taken_back: list[decisions.StoredMerge]
    names: dict[str, str]
    count: StageCount

    @property
    def removed_ids(self) -> set[str]:
        """Ids of merges in the graph that are removed, or replaced because their evidence changed."""
        return {merge.merge_id for merge in self.taken_back} | {merge.merge_id for merge in self.changed}

    @property
    def existing_ids(self) -> set[str]:
        """Ids of all merges that the graph held when the plan was made."""
        new = {merge.merge_id for merge in self.new}
        return ({merge.merge_id for merge in self.merges} - new) | {merge.merge_id for merge in self.taken_back}

    @property
    def is_change(self) -> bool:
        """Whether the plan changes the graph."""
        return bool(self.new or self.changed or self.taken_back)


def plan_merge(
    graph: Graph,
    environment: Environment,
    settings: MergeSettings,
    *,
    same: Iterable[tuple[str, str]] = (),
    distinct: Iterable[tuple[str, str]] = (),
    terms: Sequence[decisions.StoredTerm] | None = None,
    without: Collection[str] = (),
    declared: Mapping[tuple[str, str], float] | None = None,
) -> MergePlan:
    """Decide which terms to merge, without changing the graph.

    Args:
        graph: the graph with the terms and the verdicts of reviewers.
        environment: where embeddings are kept.
        settings: settings of the merge.
        same: pairs that this plan treats as the same term, whatever the verdict in the graph.
        distinct: pairs that this plan treats as different terms, whatever the verdict in the graph.
        terms: terms to use instead of all terms in the graph.
        without: ids of documents whose texts do not count, because they will be removed.
        declared: weights of pairs that documents declare the same, which become doubtful pairs.
    """
    stored = decisions.terms(graph) if terms is None else list(terms)
    same_pairs, distinct_pairs = set(same), set(distinct)
    decision, count = decide_merges(
        environment,
        settings,
        stored,
        distinct=(decisions.distinct_pairs(graph) - same_pairs) | distinct_pairs,
        same=(decisions.same_pairs(graph) - distinct_pairs) | same_pairs,
        expanded=partial(_expanded, graph, {term.id: term.name for term in stored}, without),
        declared=declared or {},
        judged=judged_verdicts(graph),
    )
    existing = {merge.merge_id: merge for merge in decisions.merges(graph)}
    decided = {merge.merge_id: merge for merge in decision.merges}
    return MergePlan(
        merges=decision.merges,
        doubts=decision.doubts,
        new=[merge for identity, merge in decided.items() if identity not in existing],
        changed=[
            merge
            for identity, merge in decided.items()
            if identity in existing
            and (existing[identity].cosine, existing[identity].rule) != (merge.cosine, merge.rule)
        ],
        taken_back=[merge for identity, merge in existing.items() if identity not in decided],
        names={term.id: term.name for term in stored},
        count=count,
    )


def judged_verdicts(graph: Graph) -> dict[tuple[str, str], bool]:
    """Return the verdicts of models that decide: true for pairs to join, false for pairs that are rather different."""
    return {
        verdict.pair: verdict.joins
        for verdict in decisions.judged_pairs(graph)
        if verdict.joins or (verdict.chance is not None and verdict.chance < _RATHER_DIFFERENT)
    }


def _expanded(
    graph: Graph, names: Mapping[str, str], without: Collection[str], pairs: Sequence[tuple[str, str]]
) -> list[bool]:
    """Tell for pairs of ids, the acronym first, whether a document has the expansion beside the acronym."""
    expanded: set[tuple[str, str]] = set()
    for batch in batches(dict.fromkeys(pairs), _ACRONYM_BATCH):
        undecided = dict.fromkeys(batch, "")
        while undecided:
            found = decisions.texts_of_acronyms(graph, undecided, without=without)
            undecided = {}
            for (short, long), (texts, last) in found.items():
                if any(is_expanded(text, names[short], names[long]) for text in texts):
                    expanded.add((short, long))
                elif texts:
                    undecided[short, long] = last
    return [pair in expanded for pair in pairs]


def decide_merges(
    environment: Environment,
    settings: MergeSettings,
    terms: Sequence[decisions.StoredTerm],
    *,
    distinct: Iterable[tuple[str, str]] = (),
    same: Iterable[tuple[str, str]] = (),
    expanded: Expanded,
    declared: Mapping[tuple[str, str], float] | None = None,
    judged: Mapping[tuple[str, str], bool] | None = None,
) -> tuple[Decision, StageCount]:
    """Decide which terms to merge, without a graph; return the decision and its account."""
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    count = StageCount(stage="merge", unit="candidate pairs")
    store = EmbeddingStore(environment.embeddings, make_embedder(settings.embedder, settings.executor))
    decision = decide(
        [MergeTerm(id=term.id, kind=term.kind, name=term.name, document_count=term.document_count) for term in terms],
        store.embed,
        neighbours=settings.neighbours,
        min_cosine=settings.min_cosine,
        distinct=distinct,
        same=same,
        expanded=expanded,
        declared=declared or {},
        judged=judged or {},
    )
    count.kept = len(decision.merges)
    for reason, number in decision.kept_apart.items():
        count.reject(reason, number)
    joined_elsewhere = decision.candidates - count.read
    if joined_elsewhere > 0:
        count.reject("joined to another term", joined_elsewhere)
    count.notes["terms"] = len(terms)
    count.notes["embedded_anew"] = store.computed
    if decision.recall < 1:
        count.notes["recall"] = f"{decision.recall:.4f} of the near pairs of a sample"
    return decision, count


def merge(
    graph: Graph,
    environment: Environment,
    settings: MergeSettings,
    *,
    dry_run: bool = False,
    report: Report = silent,
    progress: Progress | None = None,
) -> MergePlan:
    """Decide which terms to merge and, unless `dry_run`, apply it: remove merges no longer decided and add new ones.

    Examples:
        >>> pipeline.merge(graph, environment, MergeSettings()).new
        []
    """
    started = time.monotonic()
    with progress_stage(progress or Silent(), "merge", None):
        planned = plan_merge(graph, environment, settings)
        if not dry_run:
            decisions.replace(
                graph,
                existing=planned.existing_ids,
                remove=planned.removed_ids,
                add=merge_rows(planned),
                settings=kept_settings(settings),
            )
            planned.count.notes["new"] = len(planned.new)
            planned.count.notes["taken_back"] = len(planned.taken_back)
    planned.count.seconds = time.monotonic() - started
    report(planned.count)
    return planned


def kept_settings(settings: MergeSettings) -> dict[str, object]:
    """Return the settings to store with a merge: they name the embedder used, so that later decisions can repeat it."""
    from kgsynth.concepts.embedding import embedder_used

    return {**asdict(settings), "embedder": embedder_used(settings.embedder), "executor": "local"}


def merge_rows(planned: MergePlan) -> list[dict[str, object]]:
    """Return the new and changed merges of a plan as rows for the graph."""
    return [{**asdict(merge), "merge_id": merge.merge_id} for merge in (*planned.new, *planned.changed)]


def held_merges(graph: Graph) -> list[decisions.StoredMerge]:
    """Return the merges in the graph with their evidence."""
    return decisions.merges(graph)


def undo_merges(graph: Graph, merge_ids: Sequence[str], *, is_rejected: bool) -> int:
    """Undo merges, and return how many were undone.

    Args:
        graph: the graph.
        merge_ids: ids of the merges.
        is_rejected: whether later merges must not join these pairs again.

    Raises:
        GraphError: the graph holds no such merge.
    """
    return decisions.undo(graph, merge_ids, reject=is_rejected)


def set_distinct(graph: Graph, first: str, second: str) -> None:
    """Record that two terms have different meanings, so that no merge joins them.

    Raises:
        GraphError: the graph has no term with one of the ids.
    """
    decisions.set_distinct(graph, first, second)
