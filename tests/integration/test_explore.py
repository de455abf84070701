"""Asking and looking at a real graph: saved queries, guarded queries, one thing at a time, the way of a question."""

import csv
import gc
import io
import json
import os
import resource
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pandas
import pytest

from kgsynth import cli, config, pipeline, queries
from kgsynth.cli import pictures
from kgsynth.domain_folder import Domain
from kgsynth.errors import GraphError, QueryError
from kgsynth.graph import derived, show
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph, GraphNode, GraphRelationship
from kgsynth.pipeline import generating
from kgsynth.records import StageCount
from kgsynth.settings import CurateSettings, ExportSettings, GenerateSettings, GraphSettings, SampleSettings
from tests import canonical, corpora, graphs, hostile
from tests.conftest import SHOTS
from tests.walker import Context, ReferenceWalker

GRAPH = GraphSettings(name="test")


@pytest.fixture(scope="module")
def filled(server: ManagedServer, environment: config.Environment, tmp_path_factory) -> Iterator[Graph]:
    """A graph with documents, merges, combinations, questions of all levels and answers."""
    with server.connect() as graph:
        graphs.fill(graph, environment, tmp_path_factory.mktemp("explore"))
        yield graph


@pytest.fixture
def kgsynth(
    filled: Graph,
    tmp_path: Path,
    command_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """The command, called in this process."""
    for name in [one for one in os.environ if one.startswith(("NEO4J_", "KGSYNTH_"))]:
        monkeypatch.delenv(name)
    for name, value in command_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, code: int = 0, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "argv", ["kgsynth", "--graph", "test", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said.err[-2000:]
        return said.out + said.err

    return call


@pytest.mark.parametrize(("kept", "said"), [("none", "stores no co-occ"), ("1", "stores only the 1 strongest co-occ")])
def test_a_picture_without_rows_says_which_co_occurrences_are_stored(
    filled: Graph, kgsynth: Callable[..., str], kept: str, said: str
) -> None:
    ask = ("query", "--saved", "bridges", "-p", "first=topic 1", "-p", "second=no topic")
    kgsynth("build", "--co-occurrences", kept)
    assert derived.build_state(filled).co_occurrences == kept
    assert said in kgsynth(*ask)
    assert "co-occ" not in kgsynth("query", "--saved", "hubs")
    kgsynth("build", "--co-occurrences", "all")
    assert "co-occ" not in kgsynth(*ask)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "some", "\N{SUPERSCRIPT TWO}"])
def test_a_number_of_co_occurrences_is_whole_and_positive(kgsynth: Callable[..., str], number: str) -> None:
    assert "give all, none, auto or a number from 1" in kgsynth("build", "--co-occurrences", number, code=2)


def values_of(graph: Graph) -> dict[str, str]:
    (row,) = canonical.run(
        graph,
        "MATCH (q:Question {level: 3})-[:WRITTEN_FROM]->(c:Combination)-[:GROUNDED_IN]->(d:Document) "
        "RETURN q.id AS question, c.id AS combination, d.id AS document ORDER BY q.id, d.id LIMIT 1",
    )
    return {
        **row,
        "concept": "concept 3",
        "topic": "topic 1",
        "term": "concept 3",
        "first": "topic 1",
        "second": "topic 2",
        "node": "concept:concept 3",
        "license": "CC0",
        "attribution": "Somebody",
    }


@pytest.mark.parametrize("query", queries.load_folder("explore"), ids=lambda query: query.name)
def test_a_saved_query_gives_a_small_meaningful_part(filled: Graph, query: queries.Query) -> None:
    values = values_of(filled)
    given = {name: values[name] for name in query.parameters}
    asked = filled.ask_user(query.text, given, where=query.name, timeout_s=30)
    rows = list(asked.rows)
    assert asked.columns == query.columns
    assert 1 <= len(rows) <= 200
    if "as a picture" in query.summary:
        assert any(isinstance(value, GraphNode) for row in rows for value in row.values())
        assert any(isinstance(value, GraphRelationship) for row in rows for value in row.values())


@pytest.mark.parametrize(("name", "text"), hostile.REFUSED.items(), ids=list(hostile.REFUSED))
def test_what_may_do_more_than_read_is_refused_and_nothing_changes(filled: Graph, name: str, text: str) -> None:
    before = canonical.dump(filled)
    with pytest.raises(QueryError) as caught:
        list(filled.ask_user(text, {}, where="the query", timeout_s=20).rows)
    assert str(caught.value).startswith("the query")
    assert "root:" not in str(caught.value)
    assert canonical.dump(filled) == before


@pytest.mark.parametrize("text", hostile.HARMLESS)
def test_what_only_reads_is_answered(filled: Graph, text: str) -> None:
    list(filled.ask_user(text, {}, where="the query", timeout_s=20).rows)


def test_bombs_are_bounded_and_the_server_still_answers(filled: Graph) -> None:
    before = canonical.dump(filled)
    for name, text in hostile.BOMBS.items():
        began = time.monotonic()
        with pytest.raises(QueryError, match=r"memory|longer than 3 s|out of range"):
            list(filled.ask_user(text, {}, where=name, timeout_s=3).rows)
        assert time.monotonic() - began < 120, name
        assert filled.read(queries.load("walk/topics"))
    assert canonical.dump(filled) == before


def test_rows_that_nobody_takes_leave_no_thread(filled: Graph) -> None:
    before = set(threading.enumerate())
    asked = filled.ask_user("UNWIND range(1, 10000000) AS x RETURN x", {}, where="the query", timeout_s=30)
    assert set(threading.enumerate()) > before
    del asked
    gc.collect()
    deadline = time.monotonic() + 20
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not set(threading.enumerate()) - before


def test_a_query_that_is_wrong_shows_the_place(kgsynth: Callable[..., str]) -> None:
    said = kgsynth("query", "MATCH (c:Concept)\nRETURN c.name, foo(c)", code=1)
    assert "line 2, column 16: Unknown function 'foo'" in said
    assert "  RETURN c.name, foo(c)\n                 ^" in said
    said = kgsynth("query", "MATCH (c:Concept RETURN c", code=1)
    assert "line 1, column 18" in said
    assert "needs concept" in kgsynth("query", "--saved", "around_a_concept", code=1)
    assert "Use one of around_a_concept, around_a_node, bridges" in kgsynth("query", "--saved", "nothing", code=1)
    assert "there is no query" in kgsynth("query", code=1)
    assert "'x' is not of type int" in kgsynth("query", "RETURN $n AS n", "-p", "n:int=x", code=1)
    for value, reason in (("9" * 23, "more than 64 bits"), ('{"a":' * 900 + "1" + "}" * 900, "nested too deeply")):
        assert reason in kgsynth("query", "RETURN $n AS n", "-p", f"n={value}", code=1)
    assert "is not of type float" in kgsynth("query", "RETURN $n AS n", "-p", f"n:float={'9' * 400}", code=1)
    for limit in ("inf", "nan", "1e300"):
        assert "is not possible" in kgsynth("query", "RETURN 1", "--timeout", limit, code=1)


def test_names_that_the_graph_does_not_have_are_said(kgsynth: Callable[..., str]) -> None:
    said = kgsynth(
        "query", "MATCH (c:Concpt)-[:MENTION]->(d:Document {titel: 'x'}) WHERE d.titel <> 'y' RETURN c.name AS name"
    )
    assert "the graph has no label 'Concpt': did you mean 'Concept'?" in said
    assert "the graph has no relationship type 'MENTION': did you mean 'MENTIONS'?" in said
    assert said.count("the graph has no property 'titel': did you mean 'title'?") == 1
    # A saved query has no wrong names, but names of what the graph may not have yet.
    assert "the graph has no" not in kgsynth("query", "--saved", "routes_disagree")
    said = kgsynth("query", "MATCH (c:Concept {id: $id}) RETURN c.name AS name", "-p", "id=x", "-p", "idd=y")
    assert "the query has no parameter $idd: did you mean 'id'?" in said
    assert "no label" not in said
    assert "kgsynth query --saved hubs" in kgsynth("query", "hubs", code=1)
    assert "kgsynth query --saved hubs" in kgsynth("query", "hub", code=1)


def test_parameters_have_types_and_results_every_form(kgsynth: Callable[..., str], tmp_path: Path) -> None:
    text = "UNWIND range(1, $n) AS x RETURN x, $word AS word, [x, x + 1] AS pair, x / 2.0 AS half, null AS nothing"
    given = ("-p", "n=3", "-p", "word:str=7")
    assert kgsynth("query", text, *given).splitlines()[:2] == ["x\tword\tpair\thalf\tnothing", "1\t7\t1, 2\t0.5\t"]
    rows = [{"x": x, "word": "7", "pair": [x, x + 1], "half": x / 2, "nothing": None} for x in (1, 2, 3)]
    assert json.loads(kgsynth("query", text, *given, "--format", "json")) == rows
    lines = kgsynth("query", "-", *given, "--format", "jsonl", stdin=text).splitlines()
    assert [json.loads(line) for line in lines] == rows
    (tmp_path / "q.cypher").write_text(text)
    for name in ("a.csv", "a.parquet", "a.json"):
        assert f"3 rows in {name}" in kgsynth("query", "-f", "q.cypher", *given, "-o", name)
    assert json.loads((tmp_path / "a.json").read_text()) == rows
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["1", "7", "[1, 2]", "0.5", ""]
    table = pandas.read_parquet(tmp_path / "a.parquet")
    assert table.x.tolist() == [1, 2, 3]
    assert table.half.tolist() == [0.5, 1.0, 1.5]
    assert table.word.tolist() == ["7"] * 3
    assert "the file ending selects no format" in kgsynth("query", text, *given, "-o", "a.xls", code=1)
    cut = kgsynth("query", "UNWIND range(1, 10) AS x RETURN x", "--limit", "4")
    assert "4 rows; there are more (--limit 4)" in cut
    assert "there are more" not in kgsynth("query", "UNWIND range(1, 4) AS x RETURN x", "--limit", "4")


def test_a_picture_is_read_in_chromium_without_a_network(kgsynth: Callable[..., str], tmp_path: Path, page) -> None:
    kgsynth("query", "--saved", "around_a_concept", "-p", "concept=concept 3", "--html", "around.html")
    said = watch(page)
    page.context.set_offline(True)
    page.goto((tmp_path / "around.html").as_uri())
    drawn = page.evaluate(
        """() => cy.nodes().map(node => {
             const box = node.boundingBox({ includeLabels: true, includeNodes: false });
             return [node.data("name"), node.style("label"), node.style("text-wrap"), box.w > 0];
           })"""
    )
    assert ["concept 3", "concept 3", "wrap", True] in drawn
    assert len(drawn) > 2
    assert page.evaluate("cy.edges().map(edge => edge.style('target-arrow-shape')).every(shape => shape === 'none')")
    # A click shows the node apart, with its properties.
    place = page.evaluate("cy.nodes('[name = \"concept 3\"]').renderedPosition()")
    box = page.locator("#graph").bounding_box()
    page.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
    panel = page.locator("#panel")
    panel.locator("text=document_count").wait_for()
    assert panel.locator("h1").inner_text() == "concept 3"
    assert '"concept:concept 3"' in panel.locator("pre").inner_text()
    assert page.evaluate("cy.nodes('.picked').map(node => node.data('name'))") == ["concept 3"]
    page.screenshot(path=SHOTS / "picture.png")
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    page.fill("#find", "concept 3")
    page.keyboard.press("Enter")
    panel.locator("text=document_count").wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    # The page's policy forbids `wait_for_function`, which evaluates a string in the page.
    for _ in range(50):
        if page.evaluate("document.scrollingElement.scrollWidth") <= 390:
            break
        page.wait_for_timeout(100)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=SHOTS / "picture-phone.png")
    assert said == []
    assert "no node to draw" in kgsynth("query", "RETURN 1 AS one", "--html", "x.html", code=1)
    assert "--serve writes no file" in kgsynth("query", "RETURN 1 AS one", "--html", "x.html", "--serve", code=1)
    assert not (tmp_path / "x.html").exists()


def test_a_double_click_on_a_served_picture_adds_neighbours(filled: Graph, page) -> None:
    values = values_of(filled)
    nodes, relationships, _ = pictures.contents(
        list(
            filled.stream_user(
                "MATCH (d:Document {id: $id}) RETURN d", {"id": values["document"]}, where="x", timeout_s=30
            )
        )
    )
    said = watch(page)
    with pictures.served(filled, nodes, relationships) as address:
        assert len(urlsplit(address).path) > 20
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(address.removesuffix(urlsplit(address).path) + "/around?node=x")
        refused.value.close()
        page.goto(address)
        assert page.evaluate("cy.nodes().length") == 1
        box = page.locator("#graph").bounding_box()
        place = page.evaluate("cy.nodes()[0].renderedPosition()")
        page.mouse.dblclick(box["x"] + place["x"], box["y"] + place["y"])
        page.locator("#hint", has_text="relationships are shown").wait_for()
        assert page.evaluate("cy.nodes().length") > 2
        (held,) = canonical.run(
            filled, "MATCH (d:Document {id: $id}) RETURN COUNT { (d)--() } AS links", id=values["document"]
        )
        assert page.evaluate("cy.edges().length") == min(40, held["links"])
        assert f"of its {held['links']} relationships are shown" in page.locator("#hint").inner_text()
        # The types of most relationships of a document have a direction.
        assert page.evaluate(
            "cy.edges('[title = \"MENTIONS\"]').every(edge => edge.style('target-arrow-shape') === 'triangle')"
        )
        page.screenshot(path=SHOTS / "picture-served.png")
        # A node that is gone is said.
        page.evaluate(
            "cy.add({ data: { id: 'gone', key: 'gone', title: 'gone', name: 'gone', size: 20, colour: '#fff', kind: 'x', properties: [] } })"
        )
        page.evaluate("expand(cy.getElementById('gone'))")
        page.locator("#hint", has_text="cannot be fetched: the query returned no row").wait_for()
    assert [one for one in said if "500" not in one] == []


def watch(page) -> list[str]:
    """What a page says on its console, its errors, and the addresses it asks for beside itself."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "http://localhost:")) else said.append(request.url),
    )
    return said


def test_a_large_result_streams_in_flat_memory(filled: Graph) -> None:
    text = "UNWIND range(1, $n) AS x RETURN x, 'a text of some length that is kept nowhere, number ' + x AS text"
    list(filled.ask_user(text, {"n": 20_000}, where="the query", timeout_s=60).rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(1 for _ in filled.ask_user(text, {"n": 400_000}, where="the query", timeout_s=120).rows)
    assert count == 400_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 * 1024


def test_one_thing_is_shown_with_what_is_around_it(kgsynth: Callable[..., str], filled: Graph) -> None:
    values = values_of(filled)
    said = kgsynth("concept", "concept 3")
    assert said.startswith("concept 3  (concept, concept:concept 3)")
    assert "aliases" in said
    assert "concept-3  (letters" in said
    assert "strongest neighbours" in said
    near = kgsynth("concept", "lone thng")
    assert "no concept has the name 'lone thng'; this is the most similar one" in near
    assert "lone thing  (concept, concept:lone thing)" in near
    wrong = kgsynth("concept", "concept", code=1)
    assert "Did you mean" in wrong
    said = kgsynth("document", values["document"])
    assert "licen" in said
    assert values["question"] in said
    assert f"Title of {values['document']}" in kgsynth("document", f"title of {values['document']}")
    said = kgsynth("question", values["question"])
    assert "shows: concept:" in said
    assert "answer" in said
    assert "this graph has no question 'zzz'" in kgsynth("question", "zzz", code=1)
    # A text of more words than the index takes clauses is looked for all the same.
    assert "this graph has no question" in kgsynth("question", " ".join(f"word{n}" for n in range(1500)), code=1)


def test_what_a_text_shows_of_its_claims_is_told_from_what_is_only_claimed(
    kgsynth: Callable[..., str], filled: Graph, tmp_path: Path
) -> None:
    values = values_of(filled)
    (row,) = canonical.run(
        filled,
        "MATCH (q:Question {id: $id}) RETURN q.concepts AS claimed, q.seen_concepts AS seen, q.claim_evidence AS evidence",
        id=values["question"],
    )
    # The scripted generator names each concept in its question.
    assert row["seen"] == row["claimed"]
    assert set(row["evidence"]) == {"name"}
    first, *others = row["claimed"]
    canonical.run(
        filled,
        "MATCH (q:Question {id: $id}) SET q.seen_concepts = $seen, q.claim_evidence = $evidence, q.foreign_claims = ['field']",
        id=values["question"],
        seen=others,
        evidence=["", *["alias"] * len(others)],
    )
    try:
        for command in ("question", "trace"):
            said = kgsynth(command, values["question"])
            assert f"claims only: {first}\n" in said
            assert f"{others[0]} (by another name)" in said
            assert "claimed, but was not given: field" in said
        unused = {
            one["concept"] for one in json.loads(kgsynth("query", "--saved", "unused_concepts", "--format", "json"))
        }
        used = canonical.run(
            filled, "MATCH (q:Question) WHERE $id IN q.seen_concepts RETURN count(q) AS count", id=first
        )[0]["count"]
        assert (first.partition(":")[2] in unused) == (used == 0)
    finally:
        canonical.run(
            filled,
            "MATCH (q:Question {id: $id}) SET q.seen_concepts = $seen, q.claim_evidence = $evidence, q.foreign_claims = null",
            id=values["question"],
            seen=row["seen"],
            evidence=row["evidence"],
        )


def test_names_that_were_merged_are_names_of_a_claim_and_passages_are_what_a_prompt_showed(
    filled: Graph, environment: config.Environment, tmp_path: Path
) -> None:
    drawn = next(
        pipeline.sample(filled, config.environment(), SampleSettings(seed=5, combinations=1), StageCount(stage="s"))
    )
    merged = "concept:concept 3"
    (source,) = generating._source_combinations(
        filled, [replace(drawn, path=(*drawn.path, merged), concepts=(*drawn.concepts, merged))], Domain(), 1
    )
    assert source.aliases[merged] == ("concept-3",)
    run = tmp_path / "level3"
    settings = GenerateSettings(backend="scripted", domain="mathematics")
    folder = pipeline.generate(
        filled, environment, settings, level=3, combinations=[drawn], run_dir=run, report=lambda _: None,
    )  # fmt: skip
    question = next(folder.rows())
    curated = pipeline.curate(
        environment, CurateSettings(filters=False, language=""), questions=[run], run_dir=tmp_path / "curated", report=lambda _: None
    )  # fmt: skip
    exported = pipeline.export(
        curated.path, ExportSettings(format="jsonl", with_passages=True), output=tmp_path / "out", overwrite=False, graph=filled,
        report=lambda _: None,
    )  # fmt: skip
    row = json.loads((exported.folder / "train-00000.jsonl").read_text().splitlines()[0])
    rows = canonical.run(filled, "MATCH (d:Document) RETURN d.id AS id, d.text AS text")
    texts = {one["id"]: one["text"] for one in rows}
    assert [one["document"] for one in row["passages"]] == question["documents"]
    for one, chars in zip(row["passages"], question["passage_chars"], strict=True):
        assert one["text"] == texts[one["document"]][:chars].strip()
        assert 0 < chars <= len(texts[one["document"]])
        assert (one["license"], one["attribution"]) == ("CC0", "Somebody")


def test_the_trace_of_a_question_is_the_walk_law(kgsynth: Callable[..., str], filled: Graph) -> None:
    values = values_of(filled)
    view = show.question(filled, values["question"])
    held = derived.contexts(filled)
    bounds = pairwise(held.offsets.tolist())
    walker = ReferenceWalker(
        [
            Context(name, [held.terms[place] for place in held.members[first:last]])
            for name, (first, last) in zip(held.documents, bounds, strict=True)
        ]
    )
    path = [step["id"] for step in view.steps]
    assert len(path) >= 4
    for (source, target), step in zip(pairwise(path), view.steps[1:], strict=True):
        steps = walker.steps(source, target.partition(":")[0])
        assert step["chance"] == pytest.approx(dict(steps)[target] / sum(count for _, count in steps))
        assert (target, step["document"]) in {own[:2] for own in walker.runs(source, target.partition(":")[0])}
    assert view.steps[0]["chance"] == pytest.approx(1 / len(filled.read(queries.load("walk/topics"))))
    said = kgsynth("trace", values["question"])
    for step in view.steps:
        assert step["name"] in said
        assert step["step"] == 0 or f"through document {step['document']}" in said
    assert "the whole walk: " in said
    assert f"source: corpus/{values['document']}.txt" in said
    assert "licence: CC0, Somebody" in said
    assert "is seen here" in said
    (first,) = canonical.run(filled, "MATCH (q:Question {level: 1}) RETURN q.id AS id ORDER BY id LIMIT 1")
    assert "written from one document, without a walk" in kgsynth("trace", first["id"])


def test_a_name_that_is_near_several_names_none(filled: Graph) -> None:
    with pytest.raises(GraphError, match="has no concept") as caught:
        show.find(filled, "concept", "concept x")
    assert "Did you mean" in caught.value.hint


def test_a_document_without_a_title_is_found_by_an_id_that_is_nearly_its_own(graph: Graph, tmp_path: Path) -> None:
    named = [corpora.annotation(f"report-2024-{number:03}", ["t"], ["ring"]) for number in (17, 18, 130)]
    corpora.load(graph, tmp_path, named, [])
    with pytest.raises(GraphError, match="has no document") as caught:
        show.find(graph, "document", "report-2024-19")
    assert "report-2024-017" in caught.value.hint
    assert show.find(graph, "document", "reprt 2024 130").id == "report-2024-130"
