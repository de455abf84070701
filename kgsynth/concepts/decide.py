"""Which terms are the same: candidates by cosine and by shared words, decided by lexical rules, grouped without chains.

This module knows terms, vectors and a reviewer's no; it knows nothing of Neo4j. The outcome depends on the terms alone,
not on the order in which they come: growing a graph and merging gives what merging the grown graph gives.
"""

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations, product
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.embedding import Float32Matrix
from kgsynth.concepts.lexical import Words, is_acronym, join, rows_by_key, veto, words_of
from kgsynth.records import content_hash

Int64 = NDArray[np.int64]

# Below these the words agree by accident; measured on PlanetMath's names (EXPERIMENTS.md, merging).
_MIN_COSINE = {
    **dict.fromkeys(("letters", "plural", "spelling", "of"), 0.30),
    **{"order": 0.80, "property": 0.80, "acronym": 0.15, "unsaid": 0.60},
}
# The rule of pairs that a reviewer has called the same.
REVIEW = "review"
# What is worth a person's look: cosines so near a rule's own, and pairs so near although no rule, or a veto, says no.
_BAND = 0.2
_NEAR_WITHOUT_RULE = 0.85
_NEAR_WITH_VETO = 0.95
# A key that more names share is no evidence of anything.
_MAX_KEY_NAMES = 50
# Of such a key so many names are compared with all at once.
_KEY_BLOCK = 1000
# Of so many pairs the cosines are worked out at once.
_COSINES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTerm:
    """A term as the decision sees it."""

    id: str
    kind: str
    name: str
    document_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """One term counts as another; `cosine` in [-1, 1] is between these two, never through a third."""

    alias_id: str
    canonical_id: str
    cosine: float
    rule: str

    @property
    def merge_id(self) -> str:
        """The same for the same two terms, whenever they are merged."""
        return content_hash([self.alias_id, self.canonical_id])[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A pair that the rules decide, but barely: ids (smaller first), what speaks for and against, how near it is.

    `doubt` is in (0, 1]: 1 at the border of the decision. `rule` joins the two, `why_not` keeps them apart; empty for
    none.
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
    """The merges, and how many candidate pairs were looked at and kept apart, by reason; what is doubtful.

    `recall` is that of the search for near names, as `candidates.Pairs` has it.
    """

    merges: list[Merge] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    candidates: int = 0
    kept_apart: Counter[str] = field(default_factory=Counter)
    recall: float = 1.0


def embedded_text(name: str) -> str:
    """What of a name is embedded: its words without LaTeX, hyphens and case."""
    return " ".join(words_of(name).tokens) or name


def decide(
    terms: Sequence[MergeTerm],
    embed: Callable[[Sequence[str]], Float32Matrix],
    *,
    neighbours: int,
    min_cosine: float,
    distinct: Iterable[tuple[str, str]] = (),
    same: Iterable[tuple[str, str]] = (),
) -> Decision:
    """Which terms to merge into which.

    Args:
        terms: all terms, each id once.
        embed: texts to unit vectors.
        neighbours: nearest names looked at for each.
        min_cosine: of candidates that share a key with many others only. Those that share none must be nearer, and
            are never joined by a rule.
        distinct: pairs of ids that a reviewer has called different, smaller id first.
        same: pairs that a reviewer has called the same; no rule and no veto is asked.

    Returns:
        Merges ordered by canonical id, then alias id; every alias was joined to its canonical term by a rule of its
        own.
    """
    forbidden, wanted = set(distinct), set(same)
    decision = Decision()
    for kind in sorted({term.kind for term in terms}):
        own = sorted((term for term in terms if term.kind == kind), key=lambda term: term.id)
        vectors = embed([embedded_text(term.name) for term in own])
        with _no_collection():
            words = [words_of(term.name) for term in own]
            accepted = _accepted_pairs(own, words, vectors, neighbours, min_cosine, forbidden, wanted, decision)
            decision.merges.extend(_grouped(own, vectors, accepted, forbidden, decision))
    # They come in the order of their ids, and stay so among equals.
    decision.doubts.sort(key=attrgetter("doubt"), reverse=True)
    decision.merges.sort(key=lambda merge: (merge.canonical_id, merge.alias_id))
    return decision


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without Python's search for circles meanwhile: there are none, and it takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            # All that there is counts as old at once: else what was made is searched when the next object is made.
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
    decision: Decision,
) -> dict[tuple[int, int], tuple[str, float]]:
    """Pairs of rows, smaller first, with the rule that joins them and their cosine; terms are in the order of ids."""
    # Without a shared key no rule joins two: of those only the near ones are worth a person's look.
    near = nearest_pairs(vectors, neighbours=neighbours, min_cosine=max(min_cosine, _NEAR_WITHOUT_RULE))
    decision.recall = min(decision.recall, near.recall)
    places = {term.id: place for place, term in enumerate(terms)}
    asked_for = {
        (min(places[first], places[second]), max(places[first], places[second]))
        for first, second in wanted - forbidden
        if first in places and second in places
    }
    count = len(terms)
    sharing = _pairs_sharing_a_key(words, vectors, min_cosine)
    wished = np.asarray([first * count + second for first, second in asked_for], np.int64)
    packed = np.unique(np.concatenate([sharing, wished, near.first * count + near.second]))
    decision.candidates += len(packed)
    accepted: dict[tuple[int, int], tuple[str, float]] = {}
    reviewed: dict[tuple[int, int], tuple[str, float]] = {}
    firsts, seconds = np.divmod(packed, count)
    pairs = zip(firsts.tolist(), seconds.tolist(), strict=True)
    may_join = np.isin(packed, sharing, assume_unique=True).tolist()
    for pair, cosine, is_sharing in zip(pairs, _cosines(firsts, seconds, vectors), may_join, strict=True):
        if pair in asked_for:
            reviewed[pair] = (REVIEW, cosine)
            continue
        one, other = words[pair[0]], words[pair[1]]
        ids = terms[pair[0]].id, terms[pair[1]].id
        rule = join(one, other) if is_sharing else ""
        why_not = ""
        if not rule:
            why_not = veto(one, other) or "no rule"
        elif ids in forbidden:
            why_not = "reviewer"
        elif cosine < _MIN_COSINE[rule]:
            why_not = "cosine"
        elif rule != "acronym":
            # The words that an acronym stands for may hold numbers and negations; those are no difference.
            why_not = veto(one, other)
        if why_not:
            decision.kept_apart[why_not] += 1
        else:
            accepted[pair] = (rule, cosine)
        doubt = 0.0 if why_not == "reviewer" else _doubt(cosine, rule, why_not)
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
    return _without_ambiguous_acronyms(accepted, words, decision) | reviewed


def _cosines(firsts: Int64, seconds: Int64, vectors: Float32Matrix) -> list[float]:
    found = [
        np.einsum("ij,ij->i", vectors[firsts[start : start + _COSINES]], vectors[seconds[start : start + _COSINES]])
        for start in range(0, len(firsts), _COSINES)
    ]
    return np.clip(np.concatenate(found), -1, 1).tolist() if found else []


def _doubt(cosine: float, rule: str, why_not: str) -> float:
    """How near a decision is to its border, in (-inf, 1]; what is not over 0 is no doubt.

    A rule decides at its own cosine; without one only a very near pair is worth a look, with a veto only the nearest.
    """
    if why_not == "no rule":
        return 1 - (1 - cosine) / (1 - _NEAR_WITHOUT_RULE)
    if why_not and why_not != "cosine":
        return (1 - (1 - cosine) / (1 - _NEAR_WITH_VETO)) / 2
    return 1 - abs(cosine - _MIN_COSINE[rule]) / _BAND


def _pairs_sharing_a_key(words: Sequence[Words], vectors: Float32Matrix, min_cosine: float) -> Int64:
    """Pairs that a rule may join, packed as `smaller row * number of rows + larger row`, ordered: int64 (pairs,).

    Of a key that many names share, which is no evidence by itself, the near ones.
    """
    count = len(words)
    packed: list[int] = []
    for key, rows in rows_by_key(words).items():
        rows.sort()
        # Two names with the same initials have nothing in common; an acronym and a name with these initials may.
        is_initials = key.startswith("a:")
        firsts = [row for row in rows if is_acronym(words[row])] if is_initials else rows
        seconds = [row for row in rows if not is_acronym(words[row])] if is_initials else rows
        if len(rows) > _MAX_KEY_NAMES:
            packed.extend(_near(firsts, seconds, vectors, min_cosine))
        elif is_initials:
            packed.extend(min(pair) * count + max(pair) for pair in product(firsts, seconds))
        else:
            packed.extend(one * count + other for one, other in combinations(rows, 2))
    return np.unique(np.asarray(packed, np.int64))


def _near(firsts: Sequence[int], seconds: Sequence[int], vectors: Float32Matrix, min_cosine: float) -> Iterator[int]:
    """The pairs of some rows with others that are as near, packed."""
    others = np.asarray(seconds, np.int64)
    for start in range(0, len(firsts) if seconds else 0, _KEY_BLOCK):
        own = np.asarray(firsts[start : start + _KEY_BLOCK])
        places = np.nonzero(vectors[own] @ vectors[others].T >= min_cosine)
        one, other = own[places[0]], others[places[1]]
        is_pair = one != other
        lower, upper = np.minimum(one, other)[is_pair], np.maximum(one, other)[is_pair]
        yield from (lower * len(vectors) + upper).tolist()


def _without_ambiguous_acronyms(
    accepted: dict[tuple[int, int], tuple[str, float]], words: Sequence[Words], decision: Decision
) -> dict[tuple[int, int], tuple[str, float]]:
    """An acronym with expansions that are not spellings of one name stands for none of them."""
    expansions: dict[int, list[int]] = defaultdict(list)
    for (first, second), (rule, _) in accepted.items():
        if rule == "acronym":
            short, long = sorted((first, second), key=lambda row: len(words[row].tokens))
            expansions[short].append(long)
    ambiguous = {
        short for short, long in expansions.items() if any(not join(words[long[0]], words[other]) for other in long[1:])
    }
    kept = {}
    for (first, second), (rule, cosine) in accepted.items():
        if rule == "acronym" and {first, second} & ambiguous:
            decision.kept_apart["ambiguous acronym"] += 1
        else:
            kept[first, second] = (rule, cosine)
    return kept


def _grouped(
    terms: Sequence[MergeTerm],
    vectors: Float32Matrix,
    accepted: Mapping[tuple[int, int], tuple[str, float]],
    forbidden: set[tuple[str, str]],
    decision: Decision,
) -> list[Merge]:
    """Stars, never chains: the term of most documents takes in those joined to it directly.

    Terms that reviewers called the same go together, whatever way they were paired, and are joined as one; where that
    would join two that a reviewer called different, the no stands.
    """
    joined: dict[int, dict[int, tuple[str, float]]] = defaultdict(dict)
    for (first, second), evidence in accepted.items():
        joined[first][second] = joined[second][first] = evidence
    groups = _reviewed_groups(terms, accepted, forbidden, decision)
    taken: set[int] = set()
    merges: list[Merge] = []
    for canonical in sorted(joined, key=lambda row: (-terms[row].document_count, terms[row].id)):
        if canonical in taken:
            continue
        own = groups.get(canonical, [canonical])
        around = {alias: evidence for member in own for alias, evidence in joined[member].items()}
        around |= joined[canonical]
        members: list[int] = []
        order = sorted(around, key=lambda row: (-around[row][1], terms[row].id))
        for alias in [*own, *order]:
            mates = groups.get(alias, [alias])
            if alias in taken or any(
                mate in taken or _id_pair(terms, mate, member) in forbidden for mate in mates for member in members
            ):
                continue
            members += [mate for mate in mates if mate not in members]
            taken.update(mates)
        for alias in members:
            if alias != canonical:
                # Who is not joined to the canonical term itself is here by a reviewer's word.
                direct = float(np.clip(vectors[alias] @ vectors[canonical], -1, 1))
                rule, cosine = joined[canonical].get(alias, (REVIEW, direct))
                merges.append(
                    Merge(
                        alias_id=terms[alias].id, canonical_id=terms[canonical].id, cosine=round(cosine, 4), rule=rule
                    )
                )
    return merges


def _reviewed_groups(
    terms: Sequence[MergeTerm],
    accepted: Mapping[tuple[int, int], tuple[str, float]],
    forbidden: set[tuple[str, str]],
    decision: Decision,
) -> dict[int, list[int]]:
    """For each term that a reviewer paired: all that go with it, the term of most documents first."""
    groups: dict[int, list[int]] = {}
    for (first, second), (rule, _) in sorted(accepted.items()):
        if rule != REVIEW:
            continue
        one, other = groups.get(first, [first]), groups.get(second, [second])
        if one is other:
            continue
        if any(_id_pair(terms, a, b) in forbidden for a in one for b in other):
            decision.kept_apart["reviewers contradict"] += 1
            continue
        together = sorted(one + other, key=lambda row: (-terms[row].document_count, terms[row].id))
        groups |= dict.fromkeys(together, together)
    return groups


def _id_pair(terms: Sequence[MergeTerm], first: int, second: int) -> tuple[str, str]:
    ids = sorted((terms[first].id, terms[second].id))
    return ids[0], ids[1]
