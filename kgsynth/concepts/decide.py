"""Decide which terms are the same: candidates by cosine and shared words, lexical rules, grouping without chains.

This module does not use Neo4j. The result depends only on the terms and the reviewers' verdicts and not on the order of
the terms: an incremental build followed by a merge gives the same result as a full build followed by a merge.
"""

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations, product
from operator import attrgetter
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.embedding import Float32Matrix
from kgsynth.concepts.lexical import Words, is_acronym, join, rows_by_key, veto, words_of
from kgsynth.records import content_hash

Int64 = NDArray[np.int64]

# Minimum cosine per rule. Below it words agree by accident; measured on PlanetMath's names (docs/figures/merging.md).
_MIN_COSINE = {
    **dict.fromkeys(("letters", "plural", "spelling", "of"), 0.30),
    **{"order": 0.80, "property": 0.80, "acronym": 0.15, "unsaid": 0.60},
}
# The rules of pairs that a reviewer declared the same, and of pairs that a model judged the same.
REVIEW = "review"
JUDGE = "judge"
# An acronym without its expansion beside it in a document: a reviewer should look at it.
NO_EXPANSION = "no expansion beside it"
_AMBIGUOUS = "ambiguous acronym"
_DOUBT_OF_ACRONYM = 0.5
# Pairs to be reviewed by a person: within this distance of a rule's minimum cosine, or from these cosines although no
# rule joins the pair or a veto applies.
_BAND = 0.2
_NEAR_WITHOUT_RULE = 0.85
_NEAR_WITH_VETO = 0.95
# A key that more names share is no evidence.
_MAX_KEY_NAMES = 50
# Number of names with such a key that are compared with all others at once.
_KEY_BLOCK = 1000
# Number of pairs whose cosines are computed at once.
_COSINES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTerm:
    """The properties of a term that the decision uses."""

    id: str
    kind: str
    name: str
    document_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A merge of an alias into its canonical term; `cosine` in [-1, 1] is the cosine of these two terms."""

    alias_id: str
    canonical_id: str
    cosine: float
    rule: str

    @property
    def merge_id(self) -> str:
        """Id of the merge; equal for the same two terms in every run."""
        return content_hash([self.alias_id, self.canonical_id])[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A pair of terms close to the border of the decision; the smaller id is first.

    `doubt` is in (0, 1] and is 1 at the border. `rule` is the rule that joins the two and `why_not` the reason that
    keeps them apart; each is empty if there is none.
    """

    first_id: str
    second_id: str
    cosine: float
    rule: str
    why_not: str
    doubt: float

    @property
    def is_joined(self) -> bool:
        """Whether the rules join the two."""
        return not self.why_not


@dataclass(slots=True, kw_only=True)
class Decision:
    """The merges, the doubtful pairs, the number of candidate pairs, and the numbers of those kept apart by reason.

    `recall` is the recall of the nearest-neighbour search (`candidates.Pairs`).
    """

    merges: list[Merge] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    candidates: int = 0
    kept_apart: Counter[str] = field(default_factory=Counter)
    recall: float = 1.0


# Tells for pairs of ids, the acronym first, whether a document has the expansion beside the acronym.
Expanded = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
_NOTHING: Mapping[tuple[str, str], float] = MappingProxyType({})
_NO_VERDICTS: Mapping[tuple[str, str], bool] = MappingProxyType({})


def embedded_text(name: str) -> str:
    """Return the text of a name to embed: its words without LaTeX, hyphens and case."""
    return " ".join(words_of(name).tokens) or name


def decide(
    terms: Sequence[MergeTerm],
    embed: Callable[[Sequence[str]], Float32Matrix],
    *,
    neighbours: int,
    min_cosine: float,
    distinct: Iterable[tuple[str, str]] = (),
    same: Iterable[tuple[str, str]] = (),
    expanded: Expanded = lambda pairs: [False] * len(pairs),
    declared: Mapping[tuple[str, str], float] = _NOTHING,
    judged: Mapping[tuple[str, str], bool] = _NO_VERDICTS,
) -> Decision:
    """Decide which terms to merge.

    Args:
        terms: all terms, each id once.
        embed: function from texts to unit vectors.
        neighbours: number of nearest names per name.
        min_cosine: minimum cosine of candidates whose only shared keys are shared by many names. Candidates without a
            shared key need a higher cosine and are never joined by a rule.
        distinct: pairs of ids that a reviewer declared different, smaller id first.
        same: pairs of ids that a reviewer declared the same; rules and vetoes do not apply to them.
        expanded: tells for pairs of ids, the acronym first, whether a document has the expansion beside the acronym.
            Other acronyms are only doubtful pairs.
        declared: weights in (0, 1] of pairs of ids, smaller first, that documents declare the same. They are doubtful
            pairs if no rule joins them and no veto applies.
        judged: verdicts of a model on pairs of ids, smaller first. A pair that it calls the same is joined unless a
            veto or a reviewer forbids it; it does not join a term to two terms that it calls different.

    Returns:
        Merges ordered by canonical id, then alias id. Every alias is joined to its canonical term directly, by a rule
        or by reviewers.
    """
    forbidden, wanted = set(distinct), set(same)
    decision = Decision()
    for kind in sorted({term.kind for term in terms}):
        terms_of_kind = sorted((term for term in terms if term.kind == kind), key=lambda term: term.id)
        vectors = embed([embedded_text(term.name) for term in terms_of_kind])
        with _without_garbage_collection():
            words = [words_of(term.name) for term in terms_of_kind]
            accepted = _accepted_pairs(
                terms_of_kind,
                words,
                vectors,
                neighbours,
                min_cosine,
                forbidden,
                wanted,
                expanded,
                declared,
                {pair for pair, is_same in judged.items() if is_same},
                decision,
            )
            different = {pair for pair, is_same in judged.items() if not is_same}
            decision.merges.extend(_grouped(terms_of_kind, words, vectors, accepted, forbidden, different, decision))
    # What other evidence joins is not doubtful.
    head_of = {merge.alias_id: merge.canonical_id for merge in decision.merges}
    decision.doubts = [
        doubt
        for doubt in decision.doubts
        if doubt.is_joined
        or head_of.get(doubt.first_id, doubt.first_id) != head_of.get(doubt.second_id, doubt.second_id)
    ]
    # The sort is stable: equally doubtful pairs stay in the order of their ids.
    decision.doubts.sort(key=attrgetter("doubt"), reverse=True)
    decision.merges.sort(key=lambda merge: (merge.canonical_id, merge.alias_id))
    return decision


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable the garbage collector: there are no reference cycles, and it would take a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            # Move all objects to the oldest generation. Otherwise the next allocation triggers a collection of them.
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _accepted_pairs(
    terms: Sequence[MergeTerm],
    words: Sequence[Words],
    vectors: Float32Matrix,
    neighbours: int,
    min_cosine: float,
    forbidden: set[tuple[str, str]],
    wanted: set[tuple[str, str]],
    expanded: Expanded,
    declared: Mapping[tuple[str, str], float],
    judged_same: set[tuple[str, str]],
    decision: Decision,
) -> dict[tuple[int, int], tuple[str, float]]:
    """Return the pairs of rows to join, smaller first, with rule and cosine; terms must be in the order of ids."""
    # No rule joins a pair without a shared key. Of these pairs only the near ones are offered for review.
    near = nearest_pairs(vectors, neighbours=neighbours, min_cosine=max(min_cosine, _NEAR_WITHOUT_RULE))
    decision.recall = min(decision.recall, near.recall)
    row_of = {term.id: row for row, term in enumerate(terms)}

    def rows_of(pairs: Iterable[tuple[str, str]]) -> dict[tuple[int, int], tuple[str, str]]:
        known = (pair for pair in pairs if pair[0] in row_of and pair[1] in row_of)
        return {(min(row_of[a], row_of[b]), max(row_of[a], row_of[b])): (a, b) for a, b in known}

    reviewed_pairs, judged_pairs = rows_of(wanted - forbidden), rows_of(judged_same - forbidden)
    count = len(terms)
    sharing = _pairs_sharing_a_key(words, vectors, min_cosine)
    declared_pairs = {rows: declared[pair] for rows, pair in rows_of(declared).items()}
    requested = np.asarray(
        [first * count + second for first, second in (*reviewed_pairs, *judged_pairs, *declared_pairs)], np.int64
    )
    packed = np.unique(np.concatenate([sharing, requested, near.first * count + near.second]))
    decision.candidates += len(packed)
    accepted: dict[tuple[int, int], tuple[str, float]] = {}
    reviewed: dict[tuple[int, int], tuple[str, float]] = {}
    judged: dict[tuple[int, int], tuple[str, float]] = {}
    firsts, seconds = np.divmod(packed, count)
    pairs = zip(firsts.tolist(), seconds.tolist(), strict=True)
    may_join = np.isin(packed, sharing, assume_unique=True).tolist()
    for pair, cosine, is_sharing in zip(pairs, _cosines(firsts, seconds, vectors), may_join, strict=True):
        if pair in reviewed_pairs:
            reviewed[pair] = (REVIEW, cosine)
            continue
        first_words, second_words = words[pair[0]], words[pair[1]]
        ids = terms[pair[0]].id, terms[pair[1]].id
        rule = join(first_words, second_words) if is_sharing else ""
        why_not = ""
        if not rule:
            why_not = veto(first_words, second_words) or "no rule"
        elif ids in forbidden:
            why_not = "reviewer"
        elif cosine < _MIN_COSINE[rule]:
            why_not = "cosine"
        elif rule != "acronym":
            # The expansion of an acronym may contain numbers and negations, which are no difference.
            why_not = veto(first_words, second_words)
        if pair in judged_pairs and not veto(first_words, second_words):
            judged[pair] = (JUDGE, cosine)
            if why_not:
                continue
        if why_not:
            decision.kept_apart[why_not] += 1
        else:
            accepted[pair] = (rule, cosine)
        doubt = 0.0 if why_not == "reviewer" else _doubt(cosine, rule, why_not)
        if why_not == "no rule":
            doubt = max(doubt, declared_pairs.get(pair, 0.0))
        if doubt > 0:
            decision.doubts.append(
                Doubt(
                    first_id=ids[0],
                    second_id=ids[1],
                    cosine=round(cosine, 4),
                    rule=rule,
                    why_not=why_not,
                    doubt=round(doubt, 4),
                )
            )
    # A rule is better evidence than a judge.
    return judged | _with_expansions(accepted, terms, words, expanded, decision) | reviewed


def _cosines(firsts: Int64, seconds: Int64, vectors: Float32Matrix) -> list[float]:
    blocks = [
        np.einsum("ij,ij->i", vectors[firsts[start : start + _COSINES]], vectors[seconds[start : start + _COSINES]])
        for start in range(0, len(firsts), _COSINES)
    ]
    return np.clip(np.concatenate(blocks), -1, 1).tolist() if blocks else []


def _doubt(cosine: float, rule: str, why_not: str) -> float:
    """Return how close a decision is to its border, in (-inf, 1]; a pair is doubtful above 0.

    The border of a rule is its minimum cosine. A pair without a rule must be very near to be doubtful, and a pair with
    a veto nearer still.
    """
    if why_not == "no rule":
        return 1 - (1 - cosine) / (1 - _NEAR_WITHOUT_RULE)
    if why_not and why_not != "cosine":
        return (1 - (1 - cosine) / (1 - _NEAR_WITH_VETO)) / 2
    return 1 - abs(cosine - _MIN_COSINE[rule]) / _BAND


def _pairs_sharing_a_key(words: Sequence[Words], vectors: Float32Matrix, min_cosine: float) -> Int64:
    """Return the pairs that a rule may join, as ordered keys `smaller row * rows + larger row`, int64 (pairs,).

    Names that share a key with many others are paired only if they are near, because such a key is no evidence.
    """
    count = len(words)
    packed: list[int] = []
    for key, rows in rows_by_key(words).items():
        rows.sort()
        # Equal initials pair an acronym with its possible expansions, but not two expansions with each other.
        is_initials = key.startswith("a:")
        firsts = [row for row in rows if is_acronym(words[row])] if is_initials else rows
        seconds = [row for row in rows if not is_acronym(words[row])] if is_initials else rows
        if len(rows) > _MAX_KEY_NAMES:
            packed.extend(_near_pairs(firsts, seconds, vectors, min_cosine))
        elif is_initials:
            packed.extend(min(pair) * count + max(pair) for pair in product(firsts, seconds))
        else:
            packed.extend(lower * count + upper for lower, upper in combinations(rows, 2))
    return np.unique(np.asarray(packed, np.int64))


def _near_pairs(
    firsts: Sequence[int], seconds: Sequence[int], vectors: Float32Matrix, min_cosine: float
) -> Iterator[int]:
    """Yield the keys of the pairs of two sets of rows from the given cosine."""
    others = np.asarray(seconds, np.int64)
    for start in range(0, len(firsts) if seconds else 0, _KEY_BLOCK):
        block = np.asarray(firsts[start : start + _KEY_BLOCK])
        indices = np.nonzero(vectors[block] @ vectors[others].T >= min_cosine)
        first, second = block[indices[0]], others[indices[1]]
        is_pair = first != second
        lower, upper = np.minimum(first, second)[is_pair], np.maximum(first, second)[is_pair]
        yield from (lower * len(vectors) + upper).tolist()


def _with_expansions(
    accepted: dict[tuple[int, int], tuple[str, float]],
    terms: Sequence[MergeTerm],
    words: Sequence[Words],
    expanded: Expanded,
    decision: Decision,
) -> dict[tuple[int, int], tuple[str, float]]:
    """Remove acronyms without their expansion beside them, or with different ones, which become doubtful pairs."""
    acronyms = [pair for pair, (rule, _) in accepted.items() if rule == "acronym"]
    ordered = [sorted(pair, key=lambda row: len(words[row].tokens)) for pair in acronyms]
    found = expanded([(terms[short].id, terms[long].id) for short, long in ordered]) if acronyms else []
    expansions: dict[int, list[int]] = defaultdict(list)
    for (short, long), is_expanded in zip(ordered, found, strict=True):
        if is_expanded:
            expansions[short].append(long)
    ambiguous = {
        short for short, long in expansions.items() if any(not join(words[long[0]], words[other]) for other in long[1:])
    }
    why_not = {
        pair: _AMBIGUOUS if is_expanded else NO_EXPANSION
        for pair, (short, _), is_expanded in zip(acronyms, ordered, found, strict=True)
        if not is_expanded or short in ambiguous
    }
    removed = {(terms[first].id, terms[second].id) for first, second in why_not}
    decision.doubts = [doubt for doubt in decision.doubts if (doubt.first_id, doubt.second_id) not in removed]
    for first, second in sorted(why_not):
        decision.kept_apart[why_not[first, second]] += 1
        decision.doubts.append(
            Doubt(
                first_id=terms[first].id,
                second_id=terms[second].id,
                cosine=round(accepted[first, second][1], 4),
                rule="acronym",
                why_not=why_not[first, second],
                doubt=_DOUBT_OF_ACRONYM,
            )
        )
    return {pair: evidence for pair, evidence in accepted.items() if pair not in why_not}


def _grouped(
    terms: Sequence[MergeTerm],
    words: Sequence[Words],
    vectors: Float32Matrix,
    accepted: Mapping[tuple[int, int], tuple[str, float]],
    forbidden: set[tuple[str, str]],
    different: set[tuple[str, str]],
    decision: Decision,
) -> list[Merge]:
    """Group joined terms in four steps: by reviewers, by spelling, by acronyms, by a judge.

    Each step joins whole groups of the steps before, so that an acronym and a synonym take the plurals of a name along.
    Terms that reviewers declared the same, directly or through others, are one group; later steps make stars, never
    chains. A reviewer's verdict that two terms are different keeps their groups apart; a veto or a judge's verdict
    that two terms are different keeps apart what only a judge joins.

    The term with the most documents is the name of a group, but never an acronym of a member.
    """

    def reviewed_apart(first: int, second: int) -> str:
        return "reviewer" if _id_pair(terms, first, second) in forbidden else ""

    def apart(first: int, second: int) -> str:
        is_judged = _id_pair(terms, first, second) in different
        return (
            reviewed_apart(first, second)
            or ("judged different from a member" if is_judged else "")
            or veto(words[first], words[second])
        )

    steps = [(REVIEW, _reviewed_groups(terms, accepted, forbidden, decision))]
    reviewed = set(steps[0][1])
    for rules, rule_of_step, why_apart in (
        (set(_MIN_COSINE) - {"acronym"}, REVIEW, reviewed_apart),
        ({"acronym"}, "acronym", reviewed_apart),
        ({JUDGE}, JUDGE, apart),
    ):
        pairs = {pair: cosine for pair, (rule, cosine) in accepted.items() if rule in rules}
        steps.append((rule_of_step, _stars(terms, steps[-1][1], pairs, reviewed, why_apart, decision)))
    merges: list[Merge] = []
    for first, group in steps[-1][1].items():
        if first != group[0]:
            continue
        head = next(row for row in group if not any(_abbreviates(words[row], words[other]) for other in group))
        for alias in sorted(set(group) - {head}, key=lambda row: terms[row].id):
            # A member without evidence of its own has that of the step that joined its group to the head's.
            direct = accepted.get((min(alias, head), max(alias, head)))
            rule = direct[0] if direct else next(rule for rule, groups in steps if head in groups.get(alias, ()))
            cosine = round(float(np.clip(vectors[alias] @ vectors[head], -1, 1)), 4)
            merges.append(Merge(alias_id=terms[alias].id, canonical_id=terms[head].id, cosine=cosine, rule=rule))
    return merges


def _stars(
    terms: Sequence[MergeTerm],
    groups: Mapping[int, list[int]],
    pairs: Mapping[tuple[int, int], float],
    reviewed: set[int],
    why_apart: Callable[[int, int], str],
    decision: Decision,
) -> dict[int, list[int]]:
    """Join groups as stars: the group with the most documents takes the groups that are joined to it directly.

    Args:
        terms: all terms.
        groups: the group of each row that is not alone, the term with the most documents first.
        pairs: pairs of rows to join, with their cosines.
        reviewed: rows of which a reviewer has said the same as of others; their groups come first.
        why_apart: why two rows must not be in one group; empty if they may be.
        decision: counts the groups that stay outside.
    """
    near: dict[int, dict[int, float]] = defaultdict(dict)
    for (first, second), cosine in pairs.items():
        one, other = groups.get(first, [first])[0], groups.get(second, [second])[0]
        if one != other:
            near[one][other] = near[other][one] = max(cosine, near[one].get(other, -1.0))
    united, taken = dict(groups), set[int]()
    for centre in sorted(near, key=lambda row: (row not in reviewed, -terms[row].document_count, terms[row].id)):
        if centre in taken:
            continue
        members = list(groups.get(centre, [centre]))
        for other in sorted(near[centre].keys() - taken, key=lambda row: (-near[centre][row], terms[row].id)):
            group = groups.get(other, [other])
            if reason := next(filter(None, (why_apart(*pair) for pair in product(group, members))), ""):
                decision.kept_apart[reason] += reason != "reviewer"
                continue
            members += group
            taken.add(other)
        taken.add(centre)
        members.sort(key=lambda row: (-terms[row].document_count, terms[row].id))
        united |= dict.fromkeys(members, members)
    return united


def _abbreviates(short: Words, long: Words) -> bool:
    if max(map(len, short.tokens), default=0) == 1:  # U.S.
        short = words_of("".join(short.tokens))
    return len(short.tokens) < len(long.tokens) and join(short, long) == "acronym"


def _reviewed_groups(
    terms: Sequence[MergeTerm],
    accepted: Mapping[tuple[int, int], tuple[str, float]],
    forbidden: set[tuple[str, str]],
    decision: Decision,
) -> dict[int, list[int]]:
    """Return for each term that a reviewer paired its whole group, the term with the most documents first."""
    groups: dict[int, list[int]] = {}
    for (first, second), (rule, _) in sorted(accepted.items()):
        if rule != REVIEW:
            continue
        first_group, second_group = groups.get(first, [first]), groups.get(second, [second])
        if first_group is second_group:
            continue
        if any(_id_pair(terms, a, b) in forbidden for a in first_group for b in second_group):
            decision.kept_apart["reviewers contradict"] += 1
            continue
        united = sorted(first_group + second_group, key=lambda row: (-terms[row].document_count, terms[row].id))
        groups |= dict.fromkeys(united, united)
    return groups


def _id_pair(terms: Sequence[MergeTerm], first: int, second: int) -> tuple[str, str]:
    ids = sorted((terms[first].id, terms[second].id))
    return ids[0], ids[1]
