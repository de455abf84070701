"""Which terms are the same: candidates by cosine and by shared words, decided by lexical rules, grouped without chains.

This module knows terms, vectors and a reviewer's no; it knows nothing of Neo4j. The outcome depends on the terms alone,
not on the order in which they come: growing a graph and merging gives what merging the grown graph gives.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.embedding import Float32Matrix
from kgsynth.concepts.lexical import Words, candidate_keys, join, veto, words_of
from kgsynth.records import content_hash

# Below these the words agree by accident; measured on PlanetMath's names (EXPERIMENTS.md, merging).
_MIN_COSINE = {"spelling": 0.30, "order": 0.80, "property": 0.80, "acronym": 0.15, "unsaid": 0.60}
# A key that more names share is no evidence of anything.
_MAX_KEY_NAMES = 50


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


@dataclass(slots=True, kw_only=True)
class Decision:
    """The merges, and how many candidate pairs were looked at and kept apart, by reason."""

    merges: list[Merge] = field(default_factory=list)
    candidates: int = 0
    kept_apart: dict[str, int] = field(default_factory=dict)


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
) -> Decision:
    """Which terms to merge into which.

    Args:
        terms: all terms, each id once.
        embed: texts to unit vectors.
        neighbours: nearest names looked at for each.
        min_cosine: of candidates that share no key.
        distinct: pairs of ids that a reviewer has called different, smaller id first.

    Returns:
        Merges ordered by canonical id, then alias id; every alias was joined to its canonical term by a rule of its
        own.
    """
    forbidden = set(distinct)
    decision = Decision()
    for kind in sorted({term.kind for term in terms}):
        own = sorted((term for term in terms if term.kind == kind), key=lambda term: term.id)
        vectors = embed([embedded_text(term.name) for term in own])
        words = [words_of(term.name) for term in own]
        accepted = _accepted_pairs(own, words, vectors, neighbours, min_cosine, forbidden, decision)
        decision.merges.extend(_grouped(own, accepted, forbidden))
    decision.merges.sort(key=lambda merge: (merge.canonical_id, merge.alias_id))
    return decision


def _accepted_pairs(
    terms: Sequence[MergeTerm],
    words: Sequence[Words],
    vectors: Float32Matrix,
    neighbours: int,
    min_cosine: float,
    forbidden: set[tuple[str, str]],
    decision: Decision,
) -> dict[tuple[int, int], tuple[str, float]]:
    pairs = {(pair.first, pair.second) for pair in nearest_pairs(vectors, neighbours=neighbours, min_cosine=min_cosine)}
    pairs |= _pairs_sharing_a_key(words)
    decision.candidates += len(pairs)
    accepted: dict[tuple[int, int], tuple[str, float]] = {}
    for first, second in sorted(pairs):
        rule = join(words[first], words[second])
        why_not = ""
        cosine = float(np.clip(vectors[first] @ vectors[second], -1, 1))
        if not rule:
            why_not = veto(words[first], words[second]) or "no rule"
        elif _id_pair(terms, first, second) in forbidden:
            why_not = "reviewer"
        elif cosine < _MIN_COSINE[rule]:
            why_not = "cosine"
        elif rule != "acronym":
            # The words that an acronym stands for may hold numbers and negations; those are no difference.
            why_not = veto(words[first], words[second])
        if why_not:
            decision.kept_apart[why_not] = decision.kept_apart.get(why_not, 0) + 1
        else:
            accepted[first, second] = (rule, cosine)
    return _without_ambiguous_acronyms(accepted, words, decision)


def _pairs_sharing_a_key(words: Sequence[Words]) -> set[tuple[int, int]]:
    by_key: dict[str, list[int]] = defaultdict(list)
    for row, own in enumerate(words):
        for key in candidate_keys(own):
            by_key[key].append(row)
    return {
        (first, second)
        for rows in by_key.values()
        if 1 < len(rows) <= _MAX_KEY_NAMES
        for position, first in enumerate(rows)
        for second in rows[position + 1 :]
    }


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
            decision.kept_apart["ambiguous acronym"] = decision.kept_apart.get("ambiguous acronym", 0) + 1
        else:
            kept[first, second] = (rule, cosine)
    return kept


def _grouped(
    terms: Sequence[MergeTerm], accepted: Mapping[tuple[int, int], tuple[str, float]], forbidden: set[tuple[str, str]]
) -> list[Merge]:
    """Stars, never chains: the term of most documents takes in those joined to it directly."""
    joined: dict[int, dict[int, tuple[str, float]]] = defaultdict(dict)
    for (first, second), evidence in accepted.items():
        joined[first][second] = joined[second][first] = evidence
    taken: set[int] = set()
    merges: list[Merge] = []
    for canonical in sorted(joined, key=lambda row: (-terms[row].document_count, terms[row].id)):
        if canonical in taken:
            continue
        taken.add(canonical)
        members = [canonical]
        for alias in sorted(joined[canonical], key=lambda row: (-joined[canonical][row][1], terms[row].id)):
            if alias in taken or any(_id_pair(terms, alias, member) in forbidden for member in members):
                continue
            taken.add(alias)
            members.append(alias)
            rule, cosine = joined[canonical][alias]
            merges.append(
                Merge(alias_id=terms[alias].id, canonical_id=terms[canonical].id, cosine=round(cosine, 4), rule=rule)
            )
    return merges


def _id_pair(terms: Sequence[MergeTerm], first: int, second: int) -> tuple[str, str]:
    ids = sorted((terms[first].id, terms[second].id))
    return ids[0], ids[1]
