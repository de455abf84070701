"""Tests of `kgsynth.concepts.decide`."""

from collections.abc import Sequence

import numpy as np

from kgsynth.concepts.decide import NO_EXPANSION, MergeTerm, decide
from tests.unit.concepts.concepts_cases import SAME, axes


def merged(
    names: dict[str, int], distinct: set[tuple[str, str]] = frozenset(), kind: str = "concept"
) -> dict[str, str]:
    terms = [
        MergeTerm(id=f"{kind}:{name}", kind=kind, name=name, document_count=count) for name, count in names.items()
    ]
    decision = decide(
        terms, axes, neighbours=20, min_cosine=0.5, distinct=distinct, expanded=lambda pairs: [True] * len(pairs)
    )
    assert decision.candidates >= len(decision.merges) + sum(decision.kept_apart.values()) - len(names)
    return {one.alias_id.partition(":")[2]: one.canonical_id.partition(":")[2] for one in decision.merges}


def test_the_term_of_most_documents_takes_in_the_others() -> None:
    assert merged({"gram matrix": 2, "gram matrices": 9, "group": 50}) == {"gram matrix": "gram matrices"}
    assert merged({"gram matrix": 9, "gram matrices": 9}) == {"gram matrix": "gram matrices"}


def test_merges_are_stars_and_never_chains() -> None:
    # "rms" is an acronym of both spellings; the long forms are each other's spelling, so all are close to the largest.
    targets = merged({"rms": 1, "root mean square": 5, "root-mean-square": 3, "root mean squares": 2})
    assert set(targets.values()) == {"root mean square"}
    chained = merged({"linear independence": 1, "linearly independent": 2, "linearly independent set": 3})
    assert not set(chained) & set(chained.values())


def test_an_acronym_of_two_different_things_stands_for_neither() -> None:
    assert merged({"flt": 3, "fermat last theorem": 2, "fermat little theorem": 2}) == {}


def test_an_acronym_stands_for_the_one_of_two_things_that_is_beside_it() -> None:
    names = {"ci": 3, "continuous integration": 2, "confidence interval": 2}
    terms = [MergeTerm(id=f"concept:{name}", kind="concept", name=name, document_count=n) for name, n in names.items()]

    def decided(*beside: str) -> tuple[list[str], list[str]]:
        decision = decide(
            terms,
            axes,
            neighbours=20,
            min_cosine=0.5,
            expanded=lambda pairs: [long.partition(":")[2] in beside for _, long in pairs],
        )
        doubts = [doubt.why_not for doubt in decision.doubts if doubt.rule == "acronym" and not doubt.is_joined]
        pairs = [(doubt.first_id, doubt.second_id) for doubt in decision.doubts]
        assert len(set(pairs)) == len(pairs)
        return [one.canonical_id for one in decision.merges], doubts

    assert decided("continuous integration") == (["concept:continuous integration"], [NO_EXPANSION])
    assert decided("continuous integration", "confidence interval") == ([], ["ambiguous acronym"] * 2)


def acronym_terms(short: int, long: int) -> list[MergeTerm]:
    return [
        MergeTerm(id="concept:fsa", kind="concept", name="FSA", document_count=short),
        MergeTerm(
            id="concept:finite state automaton", kind="concept", name="finite state automaton", document_count=long
        ),
    ]


def test_an_acronym_without_its_expansion_beside_it_is_only_doubtful() -> None:
    asked: list[tuple[str, str]] = []

    def expanded(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        asked.extend(pairs)
        return [False] * len(pairs)

    decision = decide(acronym_terms(3, 2), axes, neighbours=20, min_cosine=0.5, expanded=expanded)
    assert asked == [("concept:fsa", "concept:finite state automaton")]
    assert decision.merges == []
    assert decision.kept_apart == {NO_EXPANSION: 1}
    assert [(doubt.rule, doubt.why_not) for doubt in decision.doubts if doubt.doubt == 0.5] == [
        ("acronym", NO_EXPANSION)
    ]
    assert decide(acronym_terms(3, 2), axes, neighbours=20, min_cosine=0.5).merges == []


def test_an_acronym_never_takes_its_expansion() -> None:
    assert merged({"fsa": 90, "finite state automaton": 2}) == {"fsa": "finite state automaton"}
    assert set(merged({"US": 9, "U.S.": 20, "United States": 2}).values()) == {"United States"}
    assert merged({"fsa": 90, "finite state automaton": 2, "finite-state automata": 5}) == {
        "fsa": "finite-state automata",
        "finite state automaton": "finite-state automata",
    }


def test_what_documents_declare_the_same_is_doubtful_unless_a_veto_applies() -> None:
    names = ("jump", "saltus", "left ideal", "right ideal")
    terms = [MergeTerm(id=f"concept:{name}", kind="concept", name=name, document_count=1) for name in names]
    declared = {("concept:jump", "concept:saltus"): 0.7, ("concept:left ideal", "concept:right ideal"): 1.0}
    decision = decide(
        terms, lambda texts: np.eye(len(texts), dtype=np.float32), neighbours=1, min_cosine=0.99, declared=declared
    )
    assert decision.merges == []
    doubts = {(doubt.first_id, doubt.second_id): doubt for doubt in decision.doubts}
    assert doubts["concept:jump", "concept:saltus"].doubt == 0.7
    assert doubts["concept:jump", "concept:saltus"].why_not == "no rule"
    assert ("concept:left ideal", "concept:right ideal") not in {
        pair for pair, doubt in doubts.items() if doubt.why_not == "no rule"
    }


def test_a_reviewers_no_is_obeyed_for_the_whole_group() -> None:
    names = {"euler formula": 9, "euler's formula": 5, "euler formulas": 2}
    assert merged(names) == {"euler's formula": "euler formula", "euler formulas": "euler formula"}
    no = {("concept:euler formulas", "concept:euler's formula")}
    assert len(merged(names, no)) == 1
    assert (
        merged(names, {("concept:euler formula", "concept:euler's formula")}).get("euler's formula") != "euler formula"
    )


def test_only_terms_of_one_kind_merge() -> None:
    terms = [
        MergeTerm(id="topic:graphs", kind="topic", name="graphs", document_count=1),
        MergeTerm(id="concept:graph", kind="concept", name="graph", document_count=1),
    ]
    assert decide(terms, axes, neighbours=5, min_cosine=0.0).merges == []


def test_the_decision_does_not_depend_on_order() -> None:
    names = {name: (7 * n) % 5 for n, name in enumerate(sorted({name for pair in SAME for name in pair}))}
    backwards = dict(reversed(list(names.items())))
    assert merged(names) == merged(backwards)
    assert len(merged(names)) >= 20


def test_a_key_of_many_names_counts_where_the_names_are_near() -> None:
    names = {f"g{letter}x norm": 1 for letter in "abcdefgh"} | {"norm of g": 5, "g norm": 9}
    assert merged(names) == {"norm of g": "g norm"}
    crowd = {f"{first}lpha {second}eta": 1 for first in "abcdefgh" for second in "abcdefgh"} | {
        "ab": 1,
        "alpha beta": 3,
    }
    assert merged(crowd).get("ab") in (None, "alpha beta")


def judged_merges(names: dict[str, int], judged: dict[tuple[str, str], bool]) -> dict[str, tuple[str, str]]:
    terms = [MergeTerm(id=f"concept:{name}", kind="concept", name=name, document_count=n) for name, n in names.items()]
    pairs = {(f"concept:{first}", f"concept:{second}"): same for (first, second), same in judged.items()}
    decision = decide(terms, axes, neighbours=20, min_cosine=0.5, judged=pairs)
    return {one.alias_id.partition(":")[2]: (one.canonical_id.partition(":")[2], one.rule) for one in decision.merges}


def test_a_judges_yes_joins_unless_a_veto_or_a_rule_speaks() -> None:
    names = {"onto function": 2, "surjection": 5, "surjections": 1}
    verdict = {("onto function", "surjection"): True, ("surjection", "surjections"): True}
    assert judged_merges(names, verdict) == {
        "onto function": ("surjection", "judge"),
        "surjections": ("surjection", "plural"),
    }
    assert judged_merges({"left inverse": 2, "right inverse": 1}, {("left inverse", "right inverse"): True}) == {}


def test_a_judge_joins_no_term_to_a_group_with_one_that_it_calls_different() -> None:
    # The middle one is joined to both others, which are different: only the first stays joined.
    names = {"map": 9, "function": 5, "operator": 4}
    verdict = {("function", "map"): True, ("map", "operator"): True, ("function", "operator"): False}
    assert len(judged_merges(names, verdict)) == 1
    verdict["function", "operator"] = True
    assert set(judged_merges(names, verdict)) == {"function", "operator"}


def test_an_acronym_that_a_judge_joins_does_not_take_its_expansion() -> None:
    verdict = {("law of large numbers", "lln"): True}
    merges = judged_merges({"lln": 9, "law of large numbers": 2}, verdict)
    assert merges == {"lln": ("law of large numbers", "judge")}


def test_an_acronym_and_a_synonym_take_the_plurals_of_a_name_along() -> None:
    names = {"gcd": 90, "greatest common divisor": 9, "greatest common divisors": 3}

    def only_singular(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        return [not long.endswith("s") for _, long in pairs]

    terms = [MergeTerm(id=f"concept:{name}", kind="concept", name=name, document_count=n) for name, n in names.items()]
    decision = decide(terms, axes, neighbours=20, min_cosine=0.5, expanded=only_singular)
    assert {(one.alias_id, one.canonical_id, one.rule) for one in decision.merges} == {
        ("concept:gcd", "concept:greatest common divisor", "acronym"),
        ("concept:greatest common divisors", "concept:greatest common divisor", "plural"),
    }
    assert not any(doubt.rule == "acronym" for doubt in decision.doubts), "what is joined is not doubtful"
    synonyms = {"onto function": 9, "onto functions": 8, "surjection": 5, "surjections": 1}
    assert judged_merges(synonyms, {("onto function", "surjections"): True}) == {
        "onto functions": ("onto function", "plural"),
        "surjection": ("onto function", "judge"),
        "surjections": ("onto function", "judge"),
    }


def test_a_veto_between_two_members_keeps_apart_what_a_judge_joins() -> None:
    names = {"inversion": 9, "left inverse": 5, "right inverse": 4}
    verdict = {("inversion", "left inverse"): True, ("inversion", "right inverse"): True}
    assert set(judged_merges(names, verdict)) == {"left inverse"}


def test_what_a_reviewer_joins_takes_the_plurals_along_and_has_no_acronym_as_name() -> None:
    def reviewed(names: dict[str, int], same: tuple[str, str]) -> set[tuple[str, str]]:
        terms = [MergeTerm(id=f"concept:{one}", kind="concept", name=one, document_count=n) for one, n in names.items()]
        pair = (f"concept:{same[0]}", f"concept:{same[1]}")
        decision = decide(terms, axes, neighbours=20, min_cosine=0.5, same=[pair])
        return {(one.alias_id.partition(":")[2], one.canonical_id.partition(":")[2]) for one in decision.merges}

    primes = {"prime number": 2, "prime numbers": 9, "irreducible integer": 2, "irreducible integers": 1}
    assert reviewed(primes, ("irreducible integer", "prime number")) == {
        (name, "prime numbers") for name in primes if name != "prime numbers"
    }
    machines = {"fsa": 9, "finite state automaton": 2}
    assert reviewed(machines, ("finite state automaton", "fsa")) == {("fsa", "finite state automaton")}
