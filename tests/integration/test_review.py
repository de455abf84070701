"""Merge review: doubtful pairs shown with their evidence, verdicts kept and obeyed by every later merge."""

import csv
import subprocess
from dataclasses import replace
from pathlib import Path

import click
import pytest

from kgsynth import config, pipeline
from kgsynth.cli import graph as command
from kgsynth.concepts.review import Verdict
from kgsynth.errors import ConfigError, GraphError
from kgsynth.graph import decisions
from kgsynth.graph.session import Graph
from kgsynth.records import Document
from kgsynth.settings import MergeSettings
from tests import canonical, commands, corpora

NAMES = ["prime number", "prime numbers", "left inverse", "right inverse", "group", "PID", "principal ideal domain", "gcd", "greatest common divisor", "absolute convergence", "absolutely convergent", "cardinal sine", "sine cardinal", "quotient ring", "ring of quotients"]  # fmt: skip


@pytest.fixture
def loaded(graph: Graph, environment: config.Environment, tmp_path: Path) -> Graph:
    annotations = [corpora.annotation(f"d{place}", ["algebra"], [name, "ring"]) for place, name in enumerate(NAMES)]
    documents = [
        Document(id=one.id, title=one.id, text=f"Here a {one.spellings('concept')[0]} is used with a ring.")
        for one in annotations
    ]
    place = NAMES.index("gcd")
    documents[place] = replace(
        documents[place], text="Here a gcd, the greatest common divisor (gcd), is used with a ring."
    )
    documents[0] = replace(documents[0], synonyms=(("Groups", "cardinal sine"), ("group", "unknown")))
    corpora.load(graph, tmp_path, annotations, documents)
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    return graph


def merged(graph: Graph) -> set[tuple[str, str]]:
    return {(one.alias, one.canonical) for one in decisions.merges(graph)}


def pair(first: str, second: str) -> tuple[str, str]:
    low, high = sorted((f"concept:{first}", f"concept:{second}"))
    return low, high


def test_doubtful_pairs_come_with_evidence_the_most_doubtful_first(
    loaded: Graph, environment: config.Environment
) -> None:
    found = pipeline.doubtful_pairs(loaded, environment, MergeSettings())
    assert [one.doubt for one in found] == sorted((one.doubt for one in found), reverse=True)
    assert all(0 < one.doubt <= 1 for one in found)
    by_pair = {one.pair: one for one in found}
    near = by_pair[pair("absolute convergence", "absolutely convergent")]
    assert near.decided == "joined (property)"
    assert near.first_sentence.startswith("Here a absolute convergence is used with a ring. [d")
    assert near.second_sentence
    assert by_pair[pair("cardinal sine", "sine cardinal")].decided == "kept apart (no rule)"
    assert pair("prime number", "group") not in by_pair
    declared = by_pair[pair("group", "cardinal sine")]
    assert (declared.doubt, declared.evidence) == (1.0, "declared by the source: d0: Groups = cardinal sine")
    assert pipeline.doubtful_pairs(loaded, environment, MergeSettings(), limit=1) == found[:1]


def test_verdicts_are_kept_and_obeyed_by_every_later_merge(loaded: Graph, environment: config.Environment) -> None:
    before = merged(loaded)
    assert ("prime numbers", "prime number") in before
    assert not {"left inverse", "right inverse"} & {name for one in before for name in one}
    verdicts: dict[tuple[str, str], Verdict] = {
        pair("prime number", "prime numbers"): "no",
        pair("left inverse", "right inverse"): "yes",
    }
    untouched = canonical.dump(loaded)
    shown = pipeline.preview_merge(loaded, environment, MergeSettings(), verdicts)
    assert {(one.alias, one.canonical) for one in shown.taken_back} == {("prime numbers", "prime number")}
    assert [(one.rule, shown.names[one.alias_id]) for one in shown.new] == [("review", "right inverse")]
    assert canonical.dump(loaded) == untouched
    pipeline.apply_review(loaded, environment, MergeSettings(), verdicts, lambda _: None)
    after = (before - {("prime numbers", "prime number")}) | {("right inverse", "left inverse")}
    assert merged(loaded) == after
    for _ in range(2):
        pipeline.merge(loaded, environment, MergeSettings(), dry_run=False, report=lambda _: None)
        assert merged(loaded) == after
    assert not {one.pair for one in pipeline.doubtful_pairs(loaded, environment, MergeSettings())} & set(verdicts)
    pipeline.build(loaded, report=lambda _: None)
    assert pipeline.check(loaded, report=lambda _: None) == []
    # Another word on the same pair takes the place of the first.
    again = {pair("left inverse", "right inverse"): "no"}
    pipeline.apply_review(loaded, environment, MergeSettings(), again, lambda _: None)  # type: ignore[arg-type]
    assert ("right inverse", "left inverse") not in merged(loaded)
    assert decisions.same_pairs(loaded) == set()
    with pytest.raises(GraphError, match="not in this graph; nothing was changed"):
        pipeline.apply_review(loaded, environment, MergeSettings(), {pair("nobody", "ring"): "yes"}, lambda _: None)
    assert decisions.same_pairs(loaded) == set()


def test_a_file_that_two_people_fill_in(loaded: Graph, environment: config.Environment, tmp_path: Path) -> None:
    found = pipeline.doubtful_pairs(loaded, environment, MergeSettings())
    assert len(found) >= 2
    blank = tmp_path / "doubtful.csv"
    pipeline.write_review(blank, found)
    with blank.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["first_id"], row["second_id"]) for row in rows] == [one.pair for one in found]
    assert {row["verdict"] for row in rows} == {""}

    def filled(name: str, *verdicts: str) -> Path:
        path = tmp_path / name
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows({**row, "verdict": verdict} for row, verdict in zip(rows, verdicts, strict=False))
        return path

    first, second = filled("first.csv", "yes", ""), filled("second.csv", "Y", "no")
    assert pipeline.read_reviews([first, second]) == {found[0].pair: "yes", found[1].pair: "no"}
    with pytest.raises(ConfigError, match=r"third.csv, line 2 says no of .*, .*first.csv, line 2 says yes"):
        pipeline.read_reviews([first, filled("third.csv", "no")])
    with pytest.raises(ConfigError, match="line 3: the verdict is 'maybe'"):
        pipeline.read_reviews([filled("fourth.csv", "yes", "maybe")])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="not a review file"):
        pipeline.read_reviews([tmp_path / "other.csv"])


def test_keys_decide_skip_undo_and_quit(
    loaded: Graph,
    environment: config.Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    found = pipeline.doubtful_pairs(loaded, environment, MergeSettings())[:3]
    assert len(found) == 3

    session = tmp_path / "reviews" / "test.jsonl"

    def press(*keys: str, is_new: bool = True) -> dict[tuple[str, str], str]:
        left = iter(keys if len(keys) > 1 else keys[0])
        if is_new:
            session.unlink(missing_ok=True)
        monkeypatch.setattr(click, "getchar", lambda: next(left))
        return dict(command._ask(found, session))

    assert press("yns") == {found[0].pair: "yes", found[1].pair: "no"}
    assert press("yuns?q") == {found[0].pair: "no"}
    assert press("yyuusnn") == {found[1].pair: "no", found[2].pair: "no"}
    assert found[0].first in capsys.readouterr().out
    # One read may bring several keys, an empty one is the end of the input; no other key is a verdict.
    assert press("yn", "", "") == {found[0].pair: "yes", found[1].pair: "no"}
    assert press("", "") == {}
    # Verdicts of a session that was not applied are read again, and their pairs are not shown again.
    assert press("yq") == {found[0].pair: "yes"}
    assert press("nuq", is_new=False) == {found[0].pair: "yes"}
    assert press("nyq", is_new=False) == {found[0].pair: "yes", found[1].pair: "no", found[2].pair: "yes"}
    session.write_text("broken\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        press("y", is_new=False)

    def no_terminal() -> str:
        raise OSError("no /dev/tty")

    session.unlink()
    monkeypatch.setattr(click, "getchar", no_terminal)
    with pytest.raises(ConfigError, match="a review needs a terminal"):
        command._ask(found, session)


def test_reviewers_yes_joins_whatever_way_the_pairs_run(loaded: Graph, environment: config.Environment) -> None:
    yes = {
        pair("left inverse", "group"): "yes",
        pair("group", "right inverse"): "yes",
        pair("prime numbers", "gcd"): "yes",
    }
    planned = pipeline.preview_merge(loaded, environment, MergeSettings(), yes)
    assert command._not_joined(planned, yes) == []
    pipeline.apply_review(loaded, environment, MergeSettings(), yes, lambda _: None)
    target = {alias: canonical for alias, canonical in merged(loaded)}
    assert len({target.get(name, name) for name in ("left inverse", "group", "right inverse")}) == 1
    assert (
        len({target.get(name, name) for name in ("prime number", "prime numbers", "gcd", "greatest common divisor")})
        == 1
    )
    assert not set(target.values()) & set(target), "stars, never chains"
    against = {pair("left inverse", "right inverse"): "no"}
    with pytest.raises(ConfigError, match="different by one verdict and the same by others"):
        pipeline.preview_merge(loaded, environment, MergeSettings(), against)
    # Recorded all the same, the no stands.
    decisions.record(loaded, same=[], distinct=list(against))
    pipeline.merge(loaded, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    target = {alias: canonical for alias, canonical in merged(loaded)}
    assert target.get("left inverse", "left inverse") != target.get("right inverse", "right inverse")
    against_review = [
        one for one in pipeline.check(loaded, report=lambda _: None) if one.check == "merge_against_review"
    ]
    assert against_review == []


def test_a_review_is_not_written_over_and_bad_rows_are_told(
    loaded: Graph, environment: config.Environment, command_environment: dict[str, str], tmp_path: Path
) -> None:
    found = pipeline.doubtful_pairs(loaded, environment, MergeSettings())
    file = tmp_path / "d.csv"
    pipeline.write_review(file, found)
    pipeline.write_review(file, found)
    text = file.read_text()
    file.write_text(text.replace("\n,", "\nyes,", 1))
    with pytest.raises(ConfigError, match="holds verdicts"):
        pipeline.write_review(file, found)
    for row in ("yes,a", "yes,a,b,concept:x,concept:x", "yes,a,b,topic:x,concept:y"):
        (tmp_path / "bad.csv").write_text(f"verdict,first,second,first_id,second_id\n{row}\n")
        with pytest.raises(ConfigError, match=r"bad.csv, line 2: .* cannot be merged"):
            pipeline.read_reviews([tmp_path / "bad.csv"])
    before = canonical.dump(loaded)

    def merge(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.call("--graph", "test", "merge", *arguments, cwd=tmp_path, env=command_environment)

    dry = merge("--load-review", "d.csv", "--dry-run", "--yes")
    assert dry.returncode == 0, dry.stderr
    assert "nothing was changed" in dry.stderr
    assert "This changes:" in dry.stdout
    for arguments, said in (
        (("--review", "--load-review", "d.csv"), "exclude each other"),
        (("--undo", "x", "--dry-run"), "cannot be used with"),
    ):
        failed = merge(*arguments)
        assert failed.returncode == 1
        assert said in failed.stderr
    assert canonical.dump(loaded) == before


def test_all_documents_are_searched_for_the_expansion_of_an_acronym(
    graph: Graph, environment: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "_ACRONYM_TEXTS", 2)
    texts = ["The FSA accepts words."] * 5 + ["A finite state automaton (FSA) accepts words.", "An FSA halts."]
    annotations = [
        corpora.annotation(f"d{place}", ["machines"], ["FSA", "finite state automaton", "PDA", "pushdown automaton"])
        for place in range(len(texts))
    ]
    documents = [Document(id=f"d{place}", title="t", text=text) for place, text in enumerate(texts)]
    corpora.load(graph, tmp_path, annotations, documents)
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    assert merged(graph) == {("FSA", "finite state automaton")}
