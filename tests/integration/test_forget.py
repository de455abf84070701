"""Documents taken out: the graph is as if it never had them, and they do not come back."""

import json
import subprocess
from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.documents.forgotten import (
    TombstoneFile,
    add_tombstones,
    read_forgotten,
    read_tombstones,
    remove_tombstones,
)
from kgsynth.errors import GraphError
from kgsynth.graph import decisions
from kgsynth.graph.session import Graph
from kgsynth.records import Annotation, Document, StageCount
from kgsynth.settings import CurateSettings, DocumentsSettings, ExportSettings, GenerateSettings, MergeSettings
from tests import canonical, commands, corpora, graphs


@pytest.fixture
def own_home(environment: config.Environment, tmp_path: Path) -> config.Environment:
    """Tombstones of the test's own."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(environment.models)
    return config.Environment(home=tmp_path / "home")


def forget(graph: Graph, environment: config.Environment, ids: list[str]) -> list[StageCount]:
    counts: list[StageCount] = []
    pipeline.forget(
        graph, environment, ids, reason="asked", report=counts.append
    )  # fmt: skip
    return counts


def varied(count: int) -> list[Annotation]:
    """Annotations in which names are spelled in several ways, some of them by one document alone."""
    made = []
    for number, one in enumerate(corpora.random_annotations(7, documents=count, topics=6, concepts=30)):
        concepts = one.spellings("concept")
        if number % 3 == 0:
            concepts = [name.replace(" ", "-") for name in concepts]
        if number % 7 == 0:
            concepts = [*concepts, f"Lonely Thing {number}", f"lonely thing {number + 1}s"]
        made.append(corpora.annotation(one.id, one.spellings("topic"), concepts))
    return made


def text_of(annotation: Annotation) -> str:
    """A text with both expansions of PID beside it where the document mentions PID."""
    both = "A principal ideal domain (PID), and a proportional integral derivative (PID)."
    return both if "PID" in annotation.spellings("concept") else f"Text of {annotation.id}"


def whole(graph: Graph, environment: config.Environment, desk: Path, annotations: list[Annotation]) -> list[str]:
    desk.mkdir(exist_ok=True)
    canonical.wipe(graph)
    documents = [Document(id=one.id, text=text_of(one), title=one.id) for one in annotations]
    corpora.load(graph, desk, annotations, documents)
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    pipeline.build(graph, report=lambda _: None)
    return canonical.dump(graph)


def test_the_graph_is_as_if_it_never_had_them(graph: Graph, own_home: config.Environment, tmp_path: Path) -> None:
    annotations = varied(60)
    gone = {one.id for one in annotations[::5]} | {annotations[7].id}
    without = whole(graph, own_home, tmp_path / "without", [one for one in annotations if one.id not in gone])
    everything = whole(graph, own_home, tmp_path / "with", annotations)
    assert any("MERGED_INTO" in line for line in everything)
    (count, *_) = forget(graph, own_home, sorted(gone))
    assert count.kept == len(gone)
    assert count.notes["terms"] > 3
    assert canonical.dump(graph) == without
    assert pipeline.check(graph, report=lambda _: None) == []


def test_an_alias_counts_for_itself_when_what_it_counted_as_goes(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    annotations = [
        corpora.annotation("a", ["t"], ["prime number", "ring"]),
        corpora.annotation("b", ["t"], ["prime number", "ring"]),
        corpora.annotation("c", ["t"], ["prime numbers", "ring"]),
    ]
    without = whole(graph, own_home, tmp_path / "without", annotations[2:])
    whole(graph, own_home, tmp_path / "with", annotations)
    assert canonical.run(graph, "MATCH (a:Alias) RETURN a.name AS name") == [{"name": "prime numbers"}]
    forget(graph, own_home, ["a", "b"])
    assert canonical.dump(graph) == without
    assert canonical.run(graph, "MATCH (a:Concept) RETURN a.name AS name ORDER BY name") == [
        {"name": "prime numbers"},
        {"name": "ring"},
    ]


def test_what_was_made_from_them_goes_and_they_do_not_come_back(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    folders = graphs.fill(graph, own_home, tmp_path)
    curated = pipeline.curate(
        own_home,
        CurateSettings(filters=False, max_rejected_share=1.0),
        questions=[folders["answers"]],
        run_dir=tmp_path / "curated",
        report=lambda _: None,
    )
    touching = "MATCH (q:Question) WHERE EXISTS {{ (q)-[:WRITTEN_FROM]->(d {{id: '{0}'}}) }} OR EXISTS {{ (q)-[:WRITTEN_FROM]->()-[:GROUNDED_IN]->(d {{id: '{0}'}}) }} RETURN q.id AS id ORDER BY id"
    (target,) = canonical.run(
        graph, "MATCH (d:Document)<-[:GROUNDED_IN]-(:Combination)<-[:WRITTEN_FROM]-(:Question) RETURN d.id AS id, count(*) AS n ORDER BY n DESC, id LIMIT 1"
    )  # fmt: skip
    own = {row["id"] for row in canonical.run(graph, touching.format(target["id"]))}
    every = {row["id"] for row in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")}
    assert 2 <= len(own) < len(every)
    before = canonical.dump(graph)
    planned = pipeline.plan_forget(graph, own_home, [target["id"]]).going
    assert set(planned.questions) >= own
    assert planned.answers
    assert canonical.dump(graph) == before
    with pytest.raises(GraphError, match="1 of 2 ids are not those of documents in this graph, for example 'nobody'"):
        forget(graph, own_home, [target["id"], "nobody"])
    assert canonical.dump(graph) == before
    forget(graph, own_home, [target["id"]])
    left = {row["id"] for row in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")}
    assert left == every - set(planned.questions)
    answered = canonical.run(graph, "MATCH (a:Answer) RETURN a.id AS id, COUNT { (a)-[:ANSWERS]->() } AS n")
    assert {row["n"] for row in answered} == {1}
    assert pipeline.check(graph, report=lambda _: None) == []

    forgotten = read_tombstones(own_home.tombstones, graph="test")
    assert forgotten == {target["id"]: "asked"}
    assert read_tombstones(own_home.tombstones, graph="another") == {}
    counts = pipeline.load(
        graph,
        DocumentsSettings(sources=(str(tmp_path / "documents.jsonl"),)),
        annotations=[str(tmp_path / "annotations.jsonl")],
        rejects=tmp_path / "rejects.jsonl",
        forgotten=TombstoneFile(own_home.tombstones, graph="test"),
        report=lambda _: None,
    )
    assert [sum(count.rejected.values()) for count in counts] == [1, 1]
    assert canonical.run(graph, f"MATCH (d:Document {{id: '{target['id']}'}}) RETURN d") == []
    (reject,) = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert "kgsynth forget" in reject["reason"]

    exported = pipeline.export(
        curated.path,
        ExportSettings(format="jsonl"),
        output=tmp_path / "set",
        overwrite=False,
        forgotten=pipeline.forgotten_of(own_home, curated.path),
        report=lambda _: None,
    )
    assert exported.left_out == {"made from a document that was forgotten": len(own)}
    held = [json.loads(line) for file in (tmp_path / "set").rglob("*.jsonl") for line in file.read_text().splitlines()]
    assert len(held) == len(every) - len(own)
    assert not any(target["id"] in row["documents"] for row in held)


@pytest.mark.parametrize("where", ["forgetting.carry_out", "build"])
def test_a_kill_in_the_middle_is_finished_by_the_same_command(
    graph: Graph, own_home: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    annotations = varied(40)
    gone = [one.id for one in annotations[::6]]
    without = whole(graph, own_home, tmp_path / "without", [one for one in annotations if one.id not in set(gone)])
    whole(graph, own_home, tmp_path / "with", annotations)

    class KilledError(Exception):
        pass

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(f"kgsynth.pipeline.forgetting.{where}", killed)
        with pytest.raises(KilledError):
            forget(graph, own_home, gone)
    assert canonical.dump(graph) != without
    forget(graph, own_home, gone)
    assert canonical.dump(graph) == without
    assert pipeline.check(graph, report=lambda _: None) == []
    with pytest.raises(GraphError, match="are not those of documents in this graph"):
        forget(graph, own_home, gone)


def test_forgetting_decides_merges_as_the_last_merge_did_and_makes_none_that_was_undone(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    annotations = [
        corpora.annotation("a", ["t"], ["left ideal", "prime number", "matrix"]),
        corpora.annotation("b", ["t"], ["left ideals", "prime number", "matrices"]),
        corpora.annotation("c", ["t"], ["prime numbers", "matrix", "ring"]),
        corpora.annotation("d", ["t"], ["ring", "matrix"]),
    ]
    settings = MergeSettings(neighbours=7, min_cosine=0.9)
    corpora.load(graph, tmp_path, annotations, [])
    pipeline.merge(graph, own_home, settings, dry_run=False, report=lambda _: None)
    assert decisions.last_settings(graph) == {"embedder": "onnx", "neighbours": 7, "min_cosine": 0.9}
    held = {one.alias: one for one in decisions.merges(graph)}
    assert set(held) == {"left ideals", "matrices", "prime numbers"}
    decisions.undo(graph, [held["prime numbers"].merge_id], reject=False)
    before = canonical.dump(graph)
    # Nothing of these changes by the going of `d`; the undone merge would come back in a merge.
    planned = pipeline.plan_forget(graph, own_home, ["d"])
    assert planned.merges is not None
    assert (planned.merges.new, planned.merges.taken_back, planned.merges.changed) == ([], [], [])
    assert [one.merge_id for one in pipeline.plan_merge(graph, own_home, settings).new] == [
        held["prime numbers"].merge_id
    ]
    # `left ideal` goes with `a`, and its alias counts for itself again.
    planned = pipeline.plan_forget(graph, own_home, ["a"])
    assert planned.merges is not None
    assert planned.merges.new == []
    assert [one.alias for one in planned.merges.taken_back] == ["left ideals"]
    assert canonical.dump(graph) == before
    forget(graph, own_home, ["a"])
    assert [one.alias for one in decisions.merges(graph)] == ["matrices"]


NUMBERS = [
    *corpora.many("a", 3, ["prime number"]),
    *corpora.many("b", 2, ["prime numbers"]),
    corpora.annotation("z", ["t"], ["prime-number"]),
]
ACRONYM = [
    *corpora.many("a", 2, ["principal ideal domain"]),
    corpora.annotation("b", ["t"], ["PID"]),
    corpora.annotation("c", ["t"], ["proportional integral derivative"]),
]
RINGS = corpora.many("x", 2, ["ring"])


def held(graph: Graph) -> list[tuple[str, str, str]]:
    return sorted((one.alias, one.canonical, one.rule) for one in decisions.merges(graph))


def merged(graph: Graph, environment: config.Environment) -> list[tuple[str, str, str]]:
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    return held(graph)


def undo(graph: Graph, alias: str) -> None:
    decisions.undo(graph, [one.merge_id for one in decisions.merges(graph) if one.alias == alias], reject=False)


_SAME = [("concept:alpha", "concept:beta"), ("concept:beta", "concept:gamma")]
_SPELLINGS = [*corpora.many("a", 3, ["alpha"]), *corpora.many("b", 2, ["beta"]), *corpora.many("g", 1, ["gamma"])]


@pytest.mark.parametrize(
    ("annotations", "same", "distinct", "undone", "later"),
    [
        # The undone one bridges a group that reviewers made.
        (_SPELLINGS, _SAME, [], "beta", []),
        # Without the undone one another pair would be free to merge, or an acronym no longer ambiguous.
        (NUMBERS, [], [("concept:prime numbers", "concept:prime-number")], "prime numbers", []),
        (
            [*ACRONYM, *corpora.many("d", 3, ["integral proportional derivative"])],
            [],
            [],
            "proportional integral derivative",
            [],
        ),
        # Loaded since the last merge, and merged by nobody yet.
        (NUMBERS[3:], [], [], "", corpora.many("c", 4, ["prime number"])),
    ],
)
def test_the_going_of_a_document_of_other_things_changes_no_merge(
    graph: Graph,
    own_home: config.Environment,
    tmp_path: Path,
    annotations: list[Annotation],
    same: list[tuple[str, str]],
    distinct: list[tuple[str, str]],
    undone: str,
    later: list[Annotation],
) -> None:
    corpora.load(graph, tmp_path, [*annotations, *RINGS])
    decisions.record(graph, same=same, distinct=distinct)
    assert merged(graph, own_home)
    if undone:
        before = held(graph)
        undo(graph, undone)
        assert len(held(graph)) == len(before) - 1
    if later:
        corpora.load(graph, tmp_path, later)
    before = held(graph)
    forget(graph, own_home, ["x0"])
    assert held(graph) == before


@pytest.mark.parametrize("spelling", ["prime-number", "prime numbers"])
def test_a_batch_that_is_loaded_and_forgotten_leaves_merges_as_they_were(
    graph: Graph, own_home: config.Environment, tmp_path: Path, spelling: str
) -> None:
    corpora.load(graph, tmp_path, NUMBERS)
    before = merged(graph, own_home)
    corpora.load(graph, tmp_path, corpora.many("c", 6, [spelling]))
    forget(graph, own_home, [f"c{number}" for number in range(6)])
    assert held(graph) == before


def test_an_undone_merge_stays_undone_when_counts_turn_and_a_merge_decides_anew(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    corpora.load(graph, tmp_path, [*NUMBERS, *RINGS])
    merged(graph, own_home)
    undo(graph, "prime numbers")
    assert len(decisions.undone_pairs(graph)) == 2
    forget(graph, own_home, ["a0", "a1"])
    left = held(graph)
    assert not {"prime numbers"} & {name for row in left for name in row[:2]}
    forget(graph, own_home, ["x0"])
    assert held(graph) == left
    assert {row[1] for row in merged(graph, own_home)} == {"prime numbers"}
    assert decisions.undone_pairs(graph) == set()


def test_what_could_not_merge_before_merges_when_the_reason_goes(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    without = whole(graph, own_home, tmp_path / "without", ACRONYM[:3])
    whole(graph, own_home, tmp_path / "with", ACRONYM)
    assert held(graph) == []
    forget(graph, own_home, ["c"])
    assert [row[0] for row in held(graph)] == ["PID"]
    assert canonical.dump(graph) == without


def test_a_rejection_stands_over_an_earlier_yes_and_takes_its_merge_back(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    corpora.load(graph, tmp_path, _SPELLINGS)
    decisions.record(graph, same=_SAME[:1], distinct=[])
    (made,) = merged(graph, own_home)
    decisions.undo(graph, [one.merge_id for one in decisions.merges(graph)], reject=True)
    assert (decisions.same_pairs(graph), decisions.distinct_pairs(graph)) == (set(), set(_SAME[:1]))
    forget(graph, own_home, ["b0", "b1"])
    forgotten = read_forgotten(own_home.tombstones, graphs={"test"})
    assert forgotten.verdicts == {_SAME[0]: "no"}
    # The pair comes back, is merged by a yes that somebody else says, which then is a no again.
    corpora.load(graph, tmp_path, _SPELLINGS)
    canonical.run(
        graph, "MATCH (a {id: 'concept:beta'}), (b {id: 'concept:alpha'}) SET a:Alias REMOVE a:Concept CREATE (a)-[:MERGED_INTO {merge_id: 'x', cosine: 1.0, rule: 'review'}]->(b)"
    )  # fmt: skip
    assert pipeline.restore_verdicts(graph, forgotten, lambda _: None) == 1
    assert held(graph) == []
    assert made[2] == "review"


def test_verdicts_are_kept_in_any_order_and_come_back_though_a_load_is_refused(
    graph: Graph, own_home: config.Environment, environment: config.Environment, command_environment, tmp_path: Path
) -> None:
    def kgsynth(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.call("--graph", "test", *arguments, cwd=tmp_path, env=command_environment)

    corpora.load(graph, tmp_path, NUMBERS)
    decisions.set_distinct(graph, "concept:prime number", "concept:prime numbers")
    merged(graph, own_home)
    gone = ("a0", "a1", "b0", "b1")
    try:
        planned = kgsynth("forget", *gone, "--dry-run")
        assert planned.stdout == "question\tlevel\tanswers\ttext\n"
        assert (
            "a reviewer's no on concept:prime number and concept:prime numbers is removed with a term" in planned.stderr
        )
        assert kgsynth("forget", *gone).returncode == 0
        lines = environment.tombstones.read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        for row in rows:
            if "verdict" in row:
                row["first"], row["second"] = row["second"], row["first"]
        environment.tombstones.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert "a reviewer's no on concept:prime number and" in kgsynth("forget", "--list").stderr
        assert kgsynth("forget", "b0", "--allow-again").returncode == 0
        with (tmp_path / "annotations.jsonl").open("a") as file:
            file.write("no annotation\n" * 9)
        refused = kgsynth("load", "--annotations", "annotations.jsonl")
        assert refused.returncode == 3
        assert decisions.distinct_pairs(graph) == {("concept:prime number", "concept:prime numbers")}
        # What was forgotten is no fault of the file.
        corpora.load(graph, tmp_path, NUMBERS[:4])
        assert kgsynth("load", "--annotations", "annotations.jsonl").returncode == 0
    finally:
        environment.tombstones.unlink(missing_ok=True)


def test_what_reviewers_said_comes_back_with_the_documents(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    annotations = [
        corpora.annotation("a", ["t"], ["group", "field", "ring", "heap"]),
        corpora.annotation("b", ["t"], ["group", "field", "tree"]),
    ]
    same, other, apart = (
        ("concept:field", "concept:ring"),
        ("concept:heap", "concept:ring"),
        ("concept:field", "concept:group"),
    )
    corpora.load(graph, tmp_path, annotations, [])
    decisions.record(graph, same=[same], distinct=[other, apart])
    planned = pipeline.plan_forget(graph, own_home, ["a"])
    assert planned.going.verdicts == ((*same, "yes"), (*other, "no"))
    forget(graph, own_home, ["a"])
    assert (decisions.same_pairs(graph), decisions.distinct_pairs(graph)) == (set(), {apart})
    forgotten = read_forgotten(own_home.tombstones, graphs={"test"})
    assert forgotten.verdicts == {same: "yes", other: "no"}
    assert pipeline.restore_verdicts(graph, forgotten, lambda _: None) == 0
    remove_tombstones(own_home.tombstones, ["a"], graph="test")
    corpora.load(graph, tmp_path, annotations, [])
    # What was said since stands.
    decisions.record(graph, same=[other], distinct=[])
    assert pipeline.restore_verdicts(graph, read_forgotten(own_home.tombstones, graphs={"test"}), lambda _: None) == 1
    assert (decisions.same_pairs(graph), decisions.distinct_pairs(graph)) == ({same, other}, {apart})
    assert read_forgotten(own_home.tombstones, graphs={"another"}).verdicts == {}


def test_what_went_with_a_term_is_left_out_of_exports_and_other_graphs_do_not_matter(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    folders = graphs.fill(graph, own_home, tmp_path)
    curated = pipeline.curate(
        own_home,
        CurateSettings(filters=False, max_rejected_share=1.0),
        questions=[folders["answers"]],
        run_dir=tmp_path / "curated",
        report=lambda _: None,
    )
    every = {row["id"] for row in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")}
    documents = [one["id"] for one in canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id")]
    add_tombstones(own_home.tombstones, documents, graph="another", reason="two\u2028lines")
    # A concept that a combination visits, and the documents that mention it.
    (row,) = canonical.run(
        graph,
        """
        MATCH (:Question)-[:WRITTEN_FROM]->(c:Combination)-[:VISITS]->(t:Concept)
        WITH DISTINCT c, t, COLLECT { MATCH (d:Document)-[:MENTIONS]->(t) RETURN d.id } AS mention
        RETURN mention ORDER BY size(mention), mention LIMIT 1
        """,
    )
    forget(graph, own_home, row["mention"])
    left = {one["id"] for one in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")}
    assert left < every
    forgotten = pipeline.forgotten_of(own_home, curated.path)
    assert set(forgotten.documents) == set(row["mention"])
    pipeline.export(
        curated.path,
        ExportSettings(format="jsonl"),
        output=tmp_path / "set",
        overwrite=False,
        forgotten=forgotten,
        report=lambda _: None,
    )
    held = [json.loads(line) for file in (tmp_path / "set").rglob("*.jsonl") for line in file.read_text().splitlines()]
    assert {one["id"] for one in held} == left
    assert remove_tombstones(own_home.tombstones, documents[:1], graph="another") == 1


def test_a_question_of_another_document_goes_with_a_concept_that_it_claims(
    graph: Graph, own_home: config.Environment, tmp_path: Path
) -> None:
    annotations = [
        *corpora.many("a", 2, ["prime number", "ring"]),
        corpora.annotation("b", ["t"], ["prime numbers", "ring", "field"]),
    ]
    whole(graph, own_home, tmp_path / "desk", annotations)
    made = pipeline.generate(
        graph,
        own_home,
        GenerateSettings(domain="mathematics", backend="scripted", seed=3, max_rejected_share=1.0),
        level=2,
        run_dir=tmp_path / "level2",
        report=lambda _: None,
    )
    rows = [row for row in made.rows() if row["documents"] == ["b"]]
    claiming = {row["id"] for row in rows if "concept:prime number" in row["concepts"]}
    others = {row["id"] for row in rows} - claiming
    assert claiming
    assert others
    # The name of the concept is only in `a`, so the question was made from `a` too.
    assert set(pipeline.plan_forget(graph, own_home, ["a0", "a1"]).going.questions) >= claiming
    forget(graph, own_home, ["a0", "a1"])
    assert {row["id"] for row in canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")} == others
    assert read_forgotten(own_home.tombstones, graphs={"test"}).questions >= claiming
    assert pipeline.check(graph, report=lambda _: None) == []


def test_a_document_may_be_allowed_again(
    graph: Graph, own_home: config.Environment, environment: config.Environment, command_environment, tmp_path: Path
) -> None:
    graphs.fill(graph, own_home, tmp_path)

    def kgsynth(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.call("--graph", "test", *arguments, cwd=tmp_path, env=command_environment)

    loading = ("load", "documents.jsonl", "--annotations", "annotations.jsonl", "--max-rejected-share", "1")
    try:
        gone = [row["id"] for row in canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id ORDER BY id LIMIT 2")]
        assert kgsynth("forget", *gone, "--reason", "asked").returncode == 0
        refused = kgsynth(*loading)
        assert refused.returncode == 0, refused.stderr
        assert "2 rejected" in refused.stderr
        assert {gone[0], gone[1], "asked"} <= set(kgsynth("forget", "--list").stdout.split())
        allowed = kgsynth("forget", gone[0], "never forgotten", "--allow-again")
        assert allowed.returncode == 0, allowed.stderr
        assert "1 of 2 documents may be loaded again" in allowed.stderr
        assert gone[0] not in kgsynth("forget", "--list").stdout.split()
        assert "1 rejected" in kgsynth(*loading).stderr
        held = {row["id"] for row in canonical.run(graph, "MATCH (d:Document) RETURN d.id AS id")}
        assert gone[0] in held
        assert gone[1] not in held
        with environment.tombstones.open("a") as file:
            file.write("no tombstone\n")
        broken = kgsynth("forget", gone[1], "--allow-again")
        assert broken.returncode == 1
        assert "no valid tombstone" in broken.stderr
    finally:
        environment.tombstones.unlink(missing_ok=True)
