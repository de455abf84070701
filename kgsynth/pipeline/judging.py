"""Let a language model judge pairs of names that no rule decides, and join what it calls the same.

Verdicts are relationships JUDGED of the graph. No pair is judged twice; merges join only pairs for which
`apply_verdicts` has said so.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgsynth import __version__, domain_folder
from kgsynth.accounts import Report, silent
from kgsynth.batching import batches
from kgsynth.concepts.calibration import LEAST_AGREEMENT, LEAST_AREA, Calibration, area, calibrate, curve
from kgsynth.concepts.context_candidates import Use, context_pairs, defining_sentence
from kgsynth.concepts.decide import JUDGE, NO_EXPANSION, REVIEW
from kgsynth.concepts.lexical import veto, words_of
from kgsynth.config import Environment
from kgsynth.errors import GeneratorUnavailableError
from kgsynth.files import write_json
from kgsynth.generation import prompts
from kgsynth.generation.backend_factory import Make, make_generator, plain_settings
from kgsynth.generation.name_judging import TASK, Judgement, JudgeNames, NamePair, PairPack
from kgsynth.generation.stage_run import Stage, ask
from kgsynth.graph import decisions
from kgsynth.graph.decisions import JudgedPair
from kgsynth.graph.session import Graph
from kgsynth.pipeline.merging import MergePlan, merge, plan_merge
from kgsynth.pipeline.reviewing import declared_pairs
from kgsynth.progress import Progress
from kgsynth.randomness import stream
from kgsynth.records import StageCount, content_hash
from kgsynth.run_folder import RunFolder
from kgsynth.settings import UNDECISIVE, JudgeSettings, MergeSettings

Pair = tuple[str, str]
_GENERAL = "general"
_USE_BATCH = 200
_USES = 3
_CURVE_FILE = "calibration.json"
# Log odds of a probability of 0 or 1.
_MOST_ODDS = 6.0
_SAME, _DIFFERENT = "same", "different"
# The known different pairs are drawn from this many times as many pairs of terms that documents mention together.
_POOL = 10
_DRAWN_TERMS = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Mentions:
    """The terms that documents mention, document by document.

    `offsets` is int64 (documents + 1,), offsets into `rows`; `rows` is int32 (mentions,), places of terms in the order
    of ids.
    """

    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a judge did: its run (None if no pair was left), the new verdicts, and how scores became probabilities.

    `weakness` says why none of its verdicts joins names; empty for a judge that is good enough.
    """

    folder: RunFolder | None
    verdicts: list[JudgedPair]
    calibration: Calibration | None
    weakness: str = ""


def judge_names(
    graph: Graph,
    environment: Environment,
    merging: MergeSettings,
    settings: JudgeSettings,
    *,
    run_dir: Path | None = None,
    below: Path = Path("runs"),
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> Judged:
    """Ask a model about the most likely synonyms that no rule decides, and store its verdicts in the graph.

    Candidates are pairs that documents declare the same, doubtful pairs of the rules, and names with similar contexts.
    Pairs that reviewers or a judge have decided, and pairs with a veto, are left out. The model also judges some pairs
    that rules have decided: they turn its scores into probabilities. No merge changes before `apply_verdicts`.

    Args:
        graph: the graph.
        environment: where models and vectors are.
        merging: settings of the merge.
        settings: backend, and how many pairs are judged.
        run_dir: folder of the run; None for a folder named after the pairs in `below`, so that the same pairs continue
            an interrupted run and new pairs begin another one.
        below: folder of the runs that are named after their pairs.
        report: receives the account.
        progress: advances one step per request and order.
        make: creates the backend.

    Raises:
        As `kgsynth.pipeline.generate`.

    Examples:
        >>> settings = JudgeSettings(backend="scripted", domain="general")
        >>> judged = pipeline.judge_names(graph, environment, MergeSettings(), settings, run_dir=Path("runs/judge"))
        >>> all(0 < verdict.chance < 1 for verdict in judged.verdicts)
        True
    """
    declared = {pair: found.weight for pair, found in declared_pairs(graph).items()}
    planned = plan_merge(graph, environment, merging, declared=declared)
    earlier = {verdict.pair: verdict for verdict in _verdicts(graph)}
    sentences = _sentences(graph, planned.names)
    template = judge_template(settings.domain)
    judge = _model(environment, settings, make), template.hash
    candidates, known = _pairs(graph, environment, merging, settings, planned, declared, sentences, earlier, judge)
    if not candidates:
        report(StageCount(stage="judge", unit="pairs of names"))
        return Judged(folder=None, verdicts=[], calibration=None)
    asked = [*candidates, *known]
    order = stream(settings.seed or 0, "judged pairs", 0).permutation(len(asked))
    units = [
        PairPack(pairs=tuple(_name_pair(asked[index], planned.names, sentences) for index in batch))
        for batch in batches(order.tolist(), settings.pairs_per_request)
    ]
    stage = Stage(
        name=TASK,
        account="judge",
        folder="judge",
        unit="pairs of names",
        rows_name="judgements",
        record=Judgement,
        settings=settings,
        decisive={},
        inputs={"graph": graph.name},
        templates={TASK: template},
        units=lambda: iter(units),
        unit_line=_line,
        begin=JudgeNames,
        retry_hint="Another --run-dir asks again about these pairs; --max-rejected-share sets the limit.",
    )

    def reported(count: StageCount) -> None:
        count.notes["candidates"] = len(candidates)
        count.notes["known_pairs"] = len(known)
        count.notes["requests_per_thousand_names"] = round(2000 * len(units) / max(1, len(planned.names)))
        report(count)

    said = {name: value for name, value in plain_settings(settings).items() if name not in UNDECISIVE}
    identity = content_hash([[_line(pack) for pack in units], template.hash, said, __version__])[:12]
    run_dir = run_dir or below / f"judge-{identity}"
    folder = ask(environment, stage, run_dir=run_dir, report=reported, progress=progress, make=make)
    rows = [row for part in folder.parts() for row in part.rows()]
    return _stored(graph, folder, rows, earlier.values(), known)


def _model(environment: Environment, settings: JudgeSettings, make: Make) -> str:
    """Return the name of the model as verdicts have it; empty if only loading it would tell."""
    if settings.model or settings.backend != "server":
        return settings.model
    try:
        return make(environment, settings).model
    except GeneratorUnavailableError:
        return ""  # A complete run needs no server; `ask` tells the others.


def _line(pack: PairPack) -> str:
    """Return what the prompts of a pack show, on one line, to recognize the unit in a later call."""
    shown = (f"{pair.first}|{pair.second}|{pair.first_sentence}|{pair.second_sentence}" for pair in pack.pairs)
    return " ".join([pack.id, *shown]).replace("\n", " ")


def apply_verdicts(
    graph: Graph, environment: Environment, settings: MergeSettings, *, above: float, report: Report = silent
) -> MergePlan:
    """Join the pairs that a judge called the same with at least this probability in both orders, and merge.

    A later call with a higher probability takes joins back. A judge that cannot tell apart the pairs that rules decide,
    or that often gives another answer in the other order, joins nothing; its verdicts are shown to reviewers.

    Args:
        graph: the graph with the verdicts.
        environment: where vectors are.
        settings: settings of the merge.
        above: minimum probability, in (0, 1].
        report: receives the accounts of verdicts and of the merge.
    """
    stored = _verdicts(graph)
    weaknesses = _weaknesses(stored)
    count = StageCount(stage="apply verdicts", unit="verdicts of a judge")
    changed = []
    for verdict in stored:
        is_weak = bool(weaknesses.get((verdict.model, verdict.template)))
        problem = "" if verdict.known else _problem(verdict, above, is_weak=is_weak)
        changed.append(replace(verdict, joins=not verdict.known and not problem))
        if problem:
            count.reject(problem)
        elif not verdict.known:
            count.kept += 1
    for (model, _), weakness in sorted(weaknesses.items()):
        if weakness:
            count.remark(
                f"{model or 'the judge'}: {weakness}. None of its verdicts joins names; `kgsynth merge --review` shows "
                "them."
            )
    decisions.set_judged(graph, [new for new, old in zip(changed, stored, strict=True) if new != old])
    report(count)
    return merge(graph, environment, settings, report=report)


def _verdicts(graph: Graph) -> list[JudgedPair]:
    """Return the verdicts of models; of pairs whose truth is known, what reviewers have said since is the truth."""
    said = dict.fromkeys(decisions.same_pairs(graph), _SAME) | dict.fromkeys(
        decisions.distinct_pairs(graph), _DIFFERENT
    )
    return [replace(one, known=one.known and said.get(one.pair, one.known)) for one in decisions.judged_pairs(graph)]


def _weaknesses(verdicts: Sequence[JudgedPair]) -> dict[tuple[str, str], str]:
    """Return by model and prompt why a judge is too weak to join names; empty for one that is not."""
    judges: dict[tuple[str, str], list[JudgedPair]] = {}
    for verdict in verdicts:
        judges.setdefault((verdict.model, verdict.template), []).append(verdict)
    return {judge: _weakness(own) for judge, own in judges.items()}


def _weakness(verdicts: Sequence[JudgedPair]) -> str:
    """Return what a judge does worse than needed, on pairs that rules decide and on all pairs; empty for nothing."""
    same, different = (
        np.array([verdict.score for verdict in verdicts if verdict.known == known]) for known in (_SAME, _DIFFERENT)
    )
    if len(same) and len(different) and (value := area(same, different)) < LEAST_AREA:
        return f"area under the ROC curve {value:.2f} on the pairs that rules decide, below {LEAST_AREA}"
    # Without known equal pairs there is no curve, but a judge that says yes to different pairs can still be told.
    if len(different) and not len(same) and (wrong := (different > 0).mean()) > 1 - LEAST_AREA:
        return f"yes to {wrong:.0%} of the pairs that rules keep apart, above {1 - LEAST_AREA:.0%}"
    agreement = sum(verdict.agrees for verdict in verdicts) / len(verdicts)
    if agreement < LEAST_AGREEMENT:
        return (
            f"the same answer in both orders of the names for {agreement:.0%} of the pairs, below {LEAST_AGREEMENT:.0%}"
        )
    return ""


def _problem(verdict: JudgedPair, above: float, *, is_weak: bool) -> str:
    """Return why a verdict does not join its pair; empty if it does."""
    if is_weak:
        return "judge too weak"
    if not verdict.agrees:
        return "another answer in the other order"
    return "" if verdict.chance is not None and verdict.chance >= above else "below the probability"


def judge_template(domain: str) -> prompts.Template:
    """Return the prompt of a domain, or the general one if the domain has none."""
    has_own = (domain_folder.folder_of(domain) / f"{TASK}.txt").is_file()
    return prompts.load(domain if has_own else _GENERAL, TASK)


def _sentences(graph: Graph, names: Mapping[str, str]) -> dict[str, str]:
    """Return the defining sentence of each term by id; terms without a text have none."""
    sentences: dict[str, str] = {}
    for batch in batches(sorted(names), _USE_BATCH):
        for identity, rows in decisions.uses(graph, batch, limit=_USES).items():
            used = [Use(title=row["title"], text=row["text"], spelling=row["spelling"]) for row in rows]
            sentence = defining_sentence(used)
            if sentence:
                sentences[identity] = sentence
    return sentences


def _pairs(
    graph: Graph,
    environment: Environment,
    merging: MergeSettings,
    settings: JudgeSettings,
    planned: MergePlan,
    declared: Mapping[Pair, float],
    sentences: Mapping[str, str],
    judged: Mapping[Pair, JudgedPair],
    judge: tuple[str, str],
) -> tuple[list[Pair], dict[Pair, str]]:
    """Return the pairs to judge, the most likely first, and pairs whose truth is known, with it.

    Pairs whose truth is known are judged once per judge, which is a model and a prompt.
    """
    ids = sorted(planned.names)
    row_of = {identity: row for row, identity in enumerate(ids)}
    mentions = _mentions(graph, row_of)
    contexts = [
        pair
        for kind in sorted({identity.partition(":")[0] for identity in ids})
        for pair in _by_context(environment, merging, settings, planned.names, kind, ids, mentions, sentences)
    ]
    doubts = [
        (doubt.first_id, doubt.second_id)
        for doubt in planned.doubts
        if not doubt.is_joined and doubt.why_not in ("no rule", "cosine", NO_EXPANSION)
    ]
    said = sorted(declared, key=lambda pair: (-declared[pair], pair))
    likely = (pair for pairs in zip_longest(said, doubts, contexts) for pair in pairs if pair is not None)
    group_of = {merge.alias_id: merge.canonical_id for merge in planned.merges}
    excluded = judged.keys() | decisions.distinct_pairs(graph) | decisions.same_pairs(graph)
    candidates: dict[Pair, None] = {}
    vetoed: dict[Pair, None] = {}
    already = sum(not verdict.known for verdict in judged.values())
    most = math.ceil(len(ids) / 1000 * settings.pairs_per_thousand) - already
    # One verdict joins, or keeps apart, all spellings of two names.
    decided = {_of_groups(pair, group_of) for pair in excluded}
    for pair in likely:
        groups = _of_groups(pair, group_of)
        if len(groups) == 1 or groups in decided:
            continue
        if veto(*(words_of(planned.names[identity]) for identity in pair)):
            vetoed[pair] = None
        elif len(candidates) < most:
            candidates[pair] = None
            decided.add(groups)
    joined = [
        (min(merge.alias_id, merge.canonical_id), max(merge.alias_id, merge.canonical_id))
        for merge in planned.merges
        if merge.rule not in (REVIEW, JUDGE)
    ]
    done = Counter(one.known for one in judged.values() if (one.model, one.template) == judge)
    most_same, most_different = (max(0, settings.known_pairs - done[truth]) for truth in (_SAME, _DIFFERENT))
    known = {pair: _SAME for pair in _drawn(joined, most_same, settings.seed, "known same", excluded)}
    # Another spelling of a pair that may be the same tells nothing about different pairs.
    plausible = {_of_groups(pair, group_of) for pair in (*said, *doubts, *candidates)}
    # Up to half are pairs with a veto, the others are terms that occur together: they differ in different ways. In a
    # small graph few of those are left, and any terms must do.
    different: list[Pair] = []
    for pairs, most_known in (
        (iter(vetoed), most_different // 2),
        (_neighbours(mentions, ids, settings.seed), most_different),
        (_any_pairs(ids, _POOL * most_different, settings.seed), most_different),
    ):
        unlike = (
            pair for pair in pairs if (groups := _of_groups(pair, group_of)) not in plausible and len(groups) == 2
        )
        missing = most_known - len(different)
        usable = list(islice(unlike, _POOL * missing))
        different += _drawn(usable, missing, settings.seed, "known different", excluded | set(different))
    known |= dict.fromkeys(different, _DIFFERENT)
    return list(candidates), known


def _of_groups(pair: Pair, group_of: Mapping[str, str]) -> frozenset[str]:
    """Return the names that the two terms of a pair count as."""
    return frozenset(group_of.get(identity, identity) for identity in pair)


def _by_context(
    environment: Environment,
    merging: MergeSettings,
    settings: JudgeSettings,
    names: Mapping[str, str],
    kind: str,
    ids: Sequence[str],
    mentions: _Mentions,
    sentences: Mapping[str, str],
) -> list[Pair]:
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    is_own = np.array([identity.partition(":")[0] == kind for identity in ids], dtype=np.bool_)
    own = [ids[row] for row in np.flatnonzero(is_own)]
    documents = np.repeat(np.arange(len(mentions.offsets) - 1), np.diff(mentions.offsets))
    is_kept = is_own[mentions.rows]
    numbers = (np.cumsum(is_own) - 1)[mentions.rows[is_kept]]
    store = EmbeddingStore(environment.embeddings, make_embedder(merging.embedder, merging.executor))
    found = context_pairs(
        [names[identity] for identity in own],
        [sentences.get(identity, "") for identity in own],
        (documents[is_kept], numbers),
        store.embed,
        neighbours=settings.context_neighbours,
        seed=settings.seed or 0,
    )
    return [(own[first], own[second]) for first, second, _ in found]


def _mentions(graph: Graph, row_of: Mapping[str, int]) -> _Mentions:
    """Return the terms that each document mentions, in the order of their ids: the graph gives them in any order."""
    rows, offsets = array("i"), array("q", [0])
    for terms in decisions.mentions(graph):
        rows.extend(sorted(row_of[term] for term in terms if term in row_of))
        offsets.append(len(rows))
    return _Mentions(np.array(offsets, dtype=np.int64), np.array(rows, dtype=np.int32))


def _neighbours(mentions: _Mentions, ids: Sequence[str], seed: int | None) -> Iterator[Pair]:
    """Yield pairs of terms of one kind that occur together in a document, of some terms that are drawn per document."""
    seen: set[Pair] = set()
    draw = stream(seed or 0, "known neighbours", 0)
    for document in draw.permutation(len(mentions.offsets) - 1).tolist():
        rows = mentions.rows[mentions.offsets[document] : mentions.offsets[document + 1]]
        for one, other in combinations(draw.permutation(rows)[:_DRAWN_TERMS].tolist(), 2):
            pair = ids[min(one, other)], ids[max(one, other)]
            if pair not in seen and pair[0].partition(":")[0] == pair[1].partition(":")[0]:
                seen.add(pair)
                yield pair


def _any_pairs(ids: Sequence[str], count: int, seed: int | None) -> Iterator[Pair]:
    """Yield up to `count` random pairs of terms of one kind."""
    for one, other in stream(seed or 0, "known random", 0).integers(max(1, len(ids)), size=(count, 2)).tolist():
        pair = ids[min(one, other)], ids[max(one, other)]
        if one != other and pair[0].partition(":")[0] == pair[1].partition(":")[0]:
            yield pair


def _drawn(pairs: Sequence[Pair], count: int, seed: int | None, purpose: str, excluded: set[Pair]) -> list[Pair]:
    usable = sorted({pair for pair in pairs if pair not in excluded})
    order = stream(seed or 0, purpose, 0).permutation(len(usable))
    return [usable[index] for index in order[:count]]


def _name_pair(pair: Pair, names: Mapping[str, str], sentences: Mapping[str, str]) -> NamePair:
    first, second = pair
    return NamePair(
        first_id=first,
        second_id=second,
        first=names[first],
        second=names[second],
        first_sentence=sentences.get(first, ""),
        second_sentence=sentences.get(second, ""),
    )


def _stored(
    graph: Graph,
    folder: RunFolder,
    rows: Sequence[Mapping[str, object]],
    earlier: Iterable[JudgedPair],
    known: Mapping[Pair, str],
) -> Judged:
    """Calibrate the scores with all known pairs of the same model and prompt, and store the verdicts."""
    fresh = [_verdict(Judgement(**row), known) for row in rows]  # type: ignore[arg-type]
    if not fresh:
        return Judged(folder=folder, verdicts=[], calibration=None)
    alike = [one for one in earlier if (one.model, one.template) == (fresh[0].model, fresh[0].template)]

    def scores(verdicts: Iterable[JudgedPair], truth: str) -> np.ndarray:
        return np.array([verdict.score for verdict in verdicts if verdict.known == truth], dtype=float)

    pool = [*alike, *fresh]
    same, different = scores(pool, _SAME), scores(pool, _DIFFERENT)
    fitted = calibrate(same, different, scores(fresh, ""))
    raw = np.array([verdict.score for verdict in fresh], dtype=float)
    chances = fitted.chances(raw) if fitted is not None else 1 / (1 + np.exp(-raw))
    verdicts = [
        replace(verdict, chance=min(0.9999, max(0.0001, round(float(chance), 4))))
        for verdict, chance in zip(fresh, chances, strict=True)
    ]
    if fitted is not None:
        write_json(
            folder.path / _CURVE_FILE,
            {
                "slope": fitted.slope,
                "intercept": fitted.intercept,
                "known_same": fitted.same,
                "known_different": fitted.different,
                "auc": fitted.auc,
                "estimated_share_same": fitted.share,
                "curve": curve(same, different, fitted),
            },
        )
    decisions.set_judged(graph, verdicts)
    return Judged(folder=folder, verdicts=verdicts, calibration=fitted, weakness=_weakness(pool))


def _verdict(judgement: Judgement, known: Mapping[Pair, str]) -> JudgedPair:
    odds = [_log_odds(judgement.forward), _log_odds(judgement.backward)]
    return JudgedPair(
        first=judgement.first_id,
        second=judgement.second_id,
        score=round(sum(odds) / 2, 4),
        chance=None,
        agrees=(judgement.forward > 0.5) == (judgement.backward > 0.5),
        joins=False,
        known=known.get((judgement.first_id, judgement.second_id), ""),
        model=judgement.model,
        template=judgement.template_hash,
        run_id=judgement.run_id,
    )


def _log_odds(chance: float) -> float:
    if not 0 < chance < 1:
        return _MOST_ODDS if chance >= 1 else -_MOST_ODDS
    return max(-_MOST_ODDS, min(_MOST_ODDS, math.log(chance / (1 - chance))))
