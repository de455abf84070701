"""A judge of names in a real graph: what it is asked, verdicts, joins, and what keeps them apart."""

import csv
import json
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgsynth import config, pipeline
from kgsynth.errors import GeneratorUnavailableError, TooManyRejectsError
from kgsynth.generation.backend import Completion, Request, Sampling
from kgsynth.graph import decisions
from kgsynth.graph.session import Graph
from kgsynth.records import Document, StageCount
from kgsynth.settings import JudgeSettings, MergeSettings
from tests import canonical, commands, corpora

SYNONYMS = (("greatest common divisor", "highest common factor"), ("onto function", "surjection"))
PLURALS = tuple(
    "matrix vector polynomial graph theorem lattice category functor sheaf tensor kernel module cycle".split()
)
SETTINGS = JudgeSettings(domain="general", known_pairs=13, pairs_per_request=4, pairs_per_thousand=1000)
PAIR = re.compile(r'^(\d+\. )?Do "(.+)" and "(.+)" mean the same\?$', re.MULTILINE)


class Judge:
    """A stand-in for a model: it knows the synonyms and plurals above, and may end after some requests."""

    name, model = "judge", "judge-1"

    def __init__(
        self,
        most: int = 10**9,
        same: tuple[tuple[str, str], ...] = SYNONYMS,
        *,
        is_weak: bool = False,
        is_biased: bool = False,
    ) -> None:
        self.sampling = Sampling(temperature=0, top_p=1, max_output_tokens=64)
        self.most, self.same, self.is_weak = most, {frozenset(pair) for pair in same}, is_weak
        self.is_biased = is_biased
        self.pairs: list[frozenset[str]] = []
        self.made = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        for request in requests:
            if request is None:
                return
            if self.made == self.most:
                raise GeneratorUnavailableError("the model ended")
            self.made += 1
            yield self.complete(request)

    def complete(self, request: Request) -> Completion:
        lines, chances = [], []
        for number, first, second in PAIR.findall(request.messages[-1].content):
            pair = frozenset((first, second))
            self.pairs.append(pair)
            is_same = pair in self.same or first.rstrip("s") == second.rstrip("s")
            # Known pairs get doubtful scores, as from a real model; the synonyms are clear.
            odds = 5.0 if pair in self.same else (3.0 if is_same else -3.0) + zlib.crc32(first.encode()) % 5 - 2
            if self.is_weak and pair not in self.same:
                odds = zlib.crc32(" ".join(sorted(pair)).encode()) % 7 - 3.0
            if self.is_biased and is_same and first > second:
                is_same, odds = False, -1.0
            chances.append(1 / (1 + math.exp(-odds)))
            lines.append(f"{number}{'yes' if is_same else 'no'}")
        return Completion(request_id=request.id, text="\n".join(lines), finish_reason="stop", chances=tuple(chances))

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def loaded(graph: Graph, environment: config.Environment, tmp_path: Path) -> Graph:
    load(graph, tmp_path / "first", [*SYNONYMS, *((name, f"{name}s") for name in PLURALS)])
    pipeline.merge(graph, environment, MergeSettings())
    return graph


def load(graph: Graph, folder: Path, pairs: list[tuple[str, str]]) -> None:
    """Load documents in which both names of a pair stand beside the same others, but never together."""
    folder.mkdir()
    annotations, documents = [], []
    for place, names in enumerate(pairs):
        beside = [f"{names[0].split()[0]} lemma", f"{names[0].split()[0]} axiom"]
        for name in names:
            identity = f"{folder.name}-{place}-{name.replace(' ', '-')}"
            annotations.append(corpora.annotation(identity, ["algebra"], [name, *beside]))
            text = f"A {name} is what the {beside[0]} and the {beside[1]} are about."
            documents.append(Document(id=identity, title="", text=text))
    corpora.load(graph, folder, annotations, documents)


def judged(graph: Graph, environment: config.Environment, judge: Judge, run_dir: Path, **values: Any) -> Any:
    return pipeline.judge_names(
        graph, environment, MergeSettings(), replace(SETTINGS, **values), run_dir=run_dir, make=lambda *_: judge
    )


def merged(graph: Graph) -> dict[frozenset[str], str]:
    return {frozenset((merge.alias, merge.canonical)): merge.rule for merge in decisions.merges(graph)}


def test_verdicts_wait_until_they_are_applied_and_can_be_taken_back(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """Judging changes no merge; a bound joins by the verdicts, a higher one takes the joins back."""
    before = merged(loaded)
    found = judged(loaded, environment, Judge(), tmp_path / "run")
    assert found.calibration.auc == 1, found.verdicts
    assert found.weakness == ""
    assert (found.calibration.same, found.calibration.different) == (13, 13)
    curve = json.loads((tmp_path / "run" / "calibration.json").read_text())
    assert sum(row["pairs"] for row in curve["curve"]) == 26
    assert merged(loaded) == before
    pipeline.apply_verdicts(loaded, environment, MergeSettings(), above=0.5)
    joined = {pair: rule for pair, rule in merged(loaded).items() if pair not in before}
    assert joined == {frozenset(pair): "judge" for pair in SYNONYMS}
    pipeline.merge(loaded, environment, MergeSettings())  # a later merge obeys the verdicts
    assert {pair for pair, rule in merged(loaded).items() if rule == "judge"} == set(joined)
    pipeline.apply_verdicts(loaded, environment, MergeSettings(), above=1.0)
    assert merged(loaded) == before


def test_a_weak_judge_joins_nothing_and_says_why(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """Its probabilities are no better than its answers on pairs that rules decide."""
    before = merged(loaded)
    found = judged(loaded, environment, Judge(is_weak=True), tmp_path / "run")
    assert found.calibration.auc < 0.8
    assert found.weakness.startswith("area under the ROC curve 0.")
    counts: list[StageCount] = []
    pipeline.apply_verdicts(loaded, environment, MergeSettings(), above=0.01, report=counts.append)
    assert merged(loaded) == before
    assert counts[0].stage == "apply verdicts"
    assert counts[0].kept == 0
    assert counts[0].rejected == {"judge too weak": counts[0].read}
    (remark,) = counts[0].remarks
    assert remark.startswith("judge-1: area under the ROC curve 0.")
    assert {frozenset((case.first, case.second)) for case in pipeline.doubtful_pairs(loaded, environment, MergeSettings())} >= {
        frozenset(pair) for pair in SYNONYMS
    }  # fmt: skip


def test_a_judge_that_always_says_yes_joins_nothing_without_known_equal_pairs(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """No curve can be fitted, but its yes to different pairs shows it."""
    load(graph, tmp_path / "first", [*SYNONYMS, ("ring", "field"), ("graph", "theorem")])
    pipeline.merge(graph, environment, MergeSettings())
    judge = Judge()
    judge.complete = lambda request: Completion(request_id=request.id, text="yes", finish_reason="stop")  # type: ignore[method-assign]
    found = judged(graph, environment, judge, tmp_path / "run", pairs_per_request=1, pairs_per_thousand=200)
    assert found.calibration is None
    counts: list[StageCount] = []
    pipeline.apply_verdicts(graph, environment, MergeSettings(), above=0.9, report=counts.append)
    assert merged(graph) == {}
    assert counts[0].remarks[0].startswith("judge-1: yes to 100% of the pairs that rules keep apart")


def test_a_judge_that_looks_at_the_order_of_names_joins_nothing_and_says_why(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """It tells the known pairs apart, so that only its answers in the other order show it."""
    before = merged(loaded)
    found = judged(loaded, environment, Judge(is_biased=True), tmp_path / "run")
    assert found.calibration.auc > 0.95
    counts: list[StageCount] = []
    pipeline.apply_verdicts(loaded, environment, MergeSettings(), above=0.01, report=counts.append)
    assert merged(loaded) == before
    (remark,) = counts[0].remarks
    assert remark.startswith("judge-1: the same answer in both orders of the names for ")


def test_no_pair_is_judged_twice_and_new_names_are_judged_alone(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """The second call has no pair left; after a load only pairs with a new name are asked, and no more known pairs."""
    first, second = Judge(), Judge()
    judged(loaded, environment, first, tmp_path / "run", model="judge-1")
    asked = set(first.pairs)
    assert len(first.pairs) == 2 * len(asked)  # once per order
    judged(loaded, environment, second, tmp_path / "again", known_pairs=0)
    assert not asked & set(second.pairs)
    load(loaded, tmp_path / "second", [("absolute value", "modulus")])
    third = Judge(same=(("absolute value", "modulus"),))
    found = judged(loaded, environment, third, tmp_path / "grown", model="judge-1")
    assert not any(verdict.known for verdict in found.verdicts)
    assert (found.calibration.same, found.calibration.different) == (13, 13)
    assert frozenset(("absolute value", "modulus")) in third.pairs
    assert not (asked | set(second.pairs)) & set(third.pairs)


def test_reviewers_undo_and_forgetting_outrank_the_judge(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """A rejected join does not come back, a distinct pair is not asked about, and a forgotten name takes its verdicts."""
    decisions.set_distinct(loaded, "concept:onto function", "concept:surjection")
    judge = Judge()
    judged(loaded, environment, judge, tmp_path / "run")
    assert frozenset(("onto function", "surjection")) not in judge.pairs
    pipeline.apply_verdicts(loaded, environment, MergeSettings(), above=0.5)
    (merge,) = [merge for merge in decisions.merges(loaded) if merge.rule == "judge"]
    pipeline.undo_merges(loaded, [merge.merge_id], is_rejected=True)
    pipeline.merge(loaded, environment, MergeSettings())
    assert "judge" not in merged(loaded).values()
    rows = canonical.run(loaded, "MATCH (d:Document) WHERE d.id CONTAINS 'highest-common-factor' RETURN d.id AS id")
    gone = [row["id"] for row in rows]
    pipeline.forget(loaded, environment, gone, reason="asked")
    assert not [one for one in decisions.judged_pairs(loaded) if "highest common factor" in one.first + one.second]


def test_another_spelling_of_a_pair_that_is_asked_about_is_not_known_to_be_different(
    graph: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """Documents declare two synonyms and use a plural beside them: the synonym and that plural calibrate nothing."""
    names = ["greatest common divisor", "highest common factor", "highest common factors", "ring", "field", "ideal"]
    text = "A greatest common divisor, also called highest common factor, lies in a ring, a field or an ideal."
    documents = [Document(id=f"d{number}", title="", text=text) for number in range(3)]
    annotations = [corpora.annotation(document.id, ["algebra"], names) for document in documents]
    corpora.load(graph, tmp_path, annotations, documents)
    pipeline.merge(graph, environment, MergeSettings())
    # A verdict on one spelling counts for the others, which are not asked about.
    judge = Judge()
    judged(graph, environment, judge, tmp_path / "all", known_pairs=0)
    asked = [pair for pair in judge.pairs if any(name.startswith("highest") for name in pair)]
    assert asked.count(frozenset(("greatest common divisor", "highest common factor"))) == 2
    assert frozenset(("greatest common divisor", "highest common factors")) not in asked
    canonical.run(graph, "MATCH ()-[judged:JUDGED]->() DELETE judged")
    judged(graph, environment, Judge(), tmp_path / "run", pairs_per_thousand=1, known_pairs=20)
    different = [one.pair for one in decisions.judged_pairs(graph) if one.known == "different"]
    assert len(different) >= 5
    assert ("concept:greatest common divisor", "concept:highest common factors") not in different


def test_a_reviewer_corrects_what_calibrates_a_judge(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """A judge that says no to the wrong merges of rules is weak until reviewers have rejected these."""
    judge = Judge()
    wrong = [frozenset((name, f"{name}s")) for name in ("vector", "graph", "lattice")]
    complete = judge.complete

    def strict(request: Request) -> Completion:
        made = complete(request)
        pairs = [frozenset(found[1:]) for found in PAIR.findall(request.messages[-1].content)]
        chances = tuple(0.01 if pair in wrong else chance for pair, chance in zip(pairs, made.chances, strict=True))
        return replace(made, chances=chances)

    judge.complete = strict  # type: ignore[method-assign]
    assert judged(loaded, environment, judge, tmp_path / "run").weakness
    pipeline.apply_verdicts(loaded, environment, MergeSettings(), above=0.1)
    assert "judge" not in merged(loaded).values()
    rejected = [one.merge_id for one in decisions.merges(loaded) if frozenset((one.alias, one.canonical)) in wrong]
    pipeline.undo_merges(loaded, rejected, is_rejected=True)
    pipeline.apply_verdicts(loaded, environment, MergeSettings(), above=0.1)
    assert "judge" in merged(loaded).values()


def test_a_judge_that_ends_in_the_middle_continues_and_gives_the_same_graph(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """Finished requests are not sent again, and the verdicts are those of a run without an interruption."""
    cut = Judge(most=5)
    with pytest.raises(GeneratorUnavailableError):
        judged(loaded, environment, cut, tmp_path / "run")
    assert decisions.judged_pairs(loaded) == []
    rest = Judge()
    found = judged(loaded, environment, rest, tmp_path / "run")
    whole = Judge()
    assert cut.made + rest.made == 2 * found.folder.settings["units"]
    stored = decisions.judged_pairs(loaded)
    canonical.run(loaded, "MATCH ()-[judged:JUDGED]->() DELETE judged")
    judged(loaded, environment, whole, tmp_path / "whole")
    assert whole.made == cut.made + rest.made
    assert [replace(one, run_id="") for one in decisions.judged_pairs(loaded)] == [
        replace(one, run_id="") for one in stored
    ]


def test_a_review_file_shows_what_the_judge_says(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """Pairs that a judge calls probably the same are in the file, with the probability; a yes there joins them."""
    judged(loaded, environment, Judge(), tmp_path / "run")
    cases = pipeline.doubtful_pairs(loaded, environment, MergeSettings())
    file = tmp_path / "review.csv"
    pipeline.write_review(file, cases)
    with file.open(newline="") as opened:
        rows = {frozenset((row["first"], row["second"])): row for row in csv.DictReader(opened)}
    for pair in SYNONYMS:
        assert float(rows[frozenset(pair)]["judged"]) >= 0.5


def test_a_run_over_its_limit_of_rejects_says_how_to_ask_again(
    loaded: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    """`kgsynth retry` does not take verdicts, and the same run is not asked again."""
    silent, judge = Judge(), Judge()
    silent.complete = lambda request: Completion(request_id=request.id, text="", finish_reason="stop")  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(TooManyRejectsError) as raised:
            judged(loaded, environment, silent, tmp_path / "run", known_pairs=0)
        assert "Another --run-dir asks again" in raised.value.hint
        assert "retry" not in raised.value.hint
    assert judged(loaded, environment, judge, tmp_path / "other", known_pairs=0).verdicts


def test_the_command_judges_with_scripted_verdicts_and_applies_them(
    loaded: Graph, command_environment: dict[str, str], tmp_path: Path
) -> None:
    """`kgsynth merge --judge` tells what it asked, and refuses options that contradict it."""

    def kgsynth(*arguments: str) -> Any:
        return commands.call("--graph", "test", "merge", *arguments, cwd=tmp_path, env=command_environment)

    done = kgsynth("--judge", "--backend", "scripted", "--known-pairs", "4")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ pairs were judged: \d+ have the same meaning", done.stderr)
    assert ("(the highest is 0." in done.stderr) == (" pairs were judged: 0 have" in done.stderr)
    assert "area under the ROC curve" in done.stderr
    # Nobody is told to join by the verdicts of a judge that joins nothing.
    assert ("The judge is too weak to join names: " in done.stderr) != ("--apply-above" in done.stderr)
    applied = kgsynth("--apply-above", "0.9")
    assert applied.returncode == 0, applied.stderr
    assert "apply verdicts: " in applied.stderr
    done = kgsynth(
        "--judge", "--backend", "scripted", "--domain", "general", "--known-pairs", "4", "--pairs-per-thousand", "1"
    )
    assert "no pair is left to judge; a larger --pairs-per-thousand" in done.stderr
    for wrong in (["--judge", "--review"], ["--apply-above", "0.9", "--dry-run"], ["--apply-above", "2"]):
        assert kgsynth(*wrong).returncode in (1, 2), wrong
