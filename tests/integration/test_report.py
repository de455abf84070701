"""Reports of a real graph and its runs: the command, the figures against the graph, the page in real Chromium."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.errors import ConfigError, GraphError, MissingExtraError
from kgsynth.graph.session import Graph
from kgsynth.pipeline import reporting
from kgsynth.question_files import read_combinations
from kgsynth.records import Question, StageCount
from kgsynth.run_folder import RunFolder, open_run
from kgsynth.settings import CurateSettings, ExportSettings, SampleSettings
from tests import canonical, commands, corpora, graphs
from tests.conftest import SHOTS


@pytest.fixture(scope="module")
def desk(server, environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("report")
    with server.connect() as graph:
        (folder / "runs").mkdir()
        graphs.fill(graph, environment, folder / "runs")
        for name, more in (
            ("plain", {}),
            ("favoured", {"favour": "unused", "earlier": (str(folder / "first.jsonl"),)}),
        ):
            if name == "plain":
                write(graph, folder / "first.jsonl", SampleSettings(seed=1, combinations=10))
            number = 15 if name == "plain" else 20
            write(graph, folder / f"{name}.jsonl", SampleSettings(seed=2, combinations=number, **more))
    return folder


def write(graph: Graph, path: Path, settings: SampleSettings) -> None:
    drawn = pipeline.sample(graph, config.environment(), settings, StageCount(stage="sample"))
    path.write_text("".join(json.dumps(one.to_row()) + "\n" for one in drawn))


def report(command_environment: dict[str, str], desk: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.call("--graph", "test", "report", *arguments, cwd=desk, env=command_environment)


@pytest.fixture(scope="module")
def figures(server, environment, desk: Path) -> dict:
    with server.connect() as graph:
        return pipeline.report(
            graph, environment, runs=[desk / "runs"], sample=500, seed=1
        )  # fmt: skip


def test_the_figures_are_those_of_the_graph(server, figures: dict) -> None:
    with server.connect() as graph:
        (held,) = canonical.run(
            graph,
            """
            RETURN COUNT { (:Document) } AS documents, COUNT { (:Concept) } AS concepts, COUNT { (:Topic) } AS topics,
                   COUNT { (:Concept)-[:CO_OCCURS_WITH]->(:Concept) } AS pairs,
                   COUNT { ()-[:CO_OCCURS_WITH]->() } AS co_occurrences
            """,
        )
        (degree,) = canonical.run(
            graph,
            "MATCH (c:Concept) WITH COUNT { (c)-[:CO_OCCURS_WITH]-() } AS d RETURN max(d) AS most, avg(d) AS mean",
        )
        rules = canonical.run(graph, "MATCH ()-[m:MERGED_INTO]->() RETURN count(m) AS merges")[0]["merges"]
    assert figures["graph"]["counts"]["documents"] == held["documents"]
    assert figures["graph"]["weight"]["count"] == held["co_occurrences"]
    assert figures["graph"]["degree"]["concepts"]["count"] == held["concepts"]
    assert figures["graph"]["degree"]["concepts"]["max"] == degree["most"]
    assert figures["graph"]["degree"]["concepts"]["mean"] == pytest.approx(degree["mean"])
    assert sum(one["merges"] for one in figures["graph"]["merges"]) == rules > 0
    assert sum(one["documents"] for one in figures["graph"]["licences"]) == held["documents"]
    (run,) = figures["runs"]
    assert run["questions"]["count"] > 50
    assert run["walks"] is None
    assert run["notes"] == ["a level-3 run got its combinations from a program, so they are in no file"]


def test_what_the_graph_holds_is_reported_without_a_run(server, environment, desk: Path, figures: dict) -> None:
    with server.connect() as graph:
        held = pipeline.report(graph, environment, runs=[], sample=500, seed=1)
        visited = canonical.run(
            graph,
            """
            MATCH (:Combination)-[:VISITS]->(t) MATCH (t)-[:MERGED_INTO*0..1]->(c:Concept|Topic)
            RETURN count(DISTINCT CASE WHEN c:Topic THEN c END) AS topics,
                   count(DISTINCT CASE WHEN c:Concept THEN c END) AS concepts
            """,
        )[0]
        pairs = canonical.run(
            graph,
            """
            MATCH (a:Concept)<-[:MERGED_INTO*0..1]-()<-[:VISITS]-(x:Combination)-[:VISITS]->()-[:MERGED_INTO*0..1]->(b:Concept)
            WHERE (a)-[:CO_OCCURS_WITH]->(b)
            RETURN count(DISTINCT [a.id, b.id]) AS n
            """,
        )[0]["n"]
    (own,) = held["runs"]
    assert own["name"] == "in the graph"
    coverage = {kind: one["used"] for kind, one in own["walks"]["coverage"].items()}
    assert (coverage["topics"], coverage["concepts"], coverage["pairs"]) == (
        visited["topics"],
        visited["concepts"],
        pairs,
    )
    (run,) = figures["runs"]
    for level, made in run["questions"]["levels"].items():
        assert own["questions"]["levels"][level]["count"] == made["count"]
        assert own["questions"]["levels"][level]["words"] == made["words"]
    assert own["answers"]["count"] == run["answers"]["count"]
    assert own["answers"]["agreement"] == run["answers"]["agreement"]
    likeness = own["questions"]["likeness"]
    assert {"level 1, same document", "level 3, same combination", "different documents"} <= set(likeness)
    assert own["walks"]["effective"]["combinations"] <= own["walks"]["combinations"]
    assert own["walks"]["effective"]["combinations_by_questions"] > 1
    assert own["questions"]["unshown"]["count"] < figures["graph"]["counts"]["concepts"]


def test_every_stage_is_accounted_for(desk: Path, figures: dict) -> None:
    (run,) = figures["runs"]
    stages = {one["stage"]: one for one in run["stages"]}
    assert list(stages) == ["level1", "level3", "answer"]
    for name, made in stages.items():
        manifest = json.loads(next((desk / "runs").glob(f"{name}*/manifest.json")).read_text())
        (account,) = manifest["stages"]
        assert (made["kept"], made["rejected"]) == (account["kept"], account["rejected"])


def test_two_runs_stand_side_by_side_and_the_gain_of_favour_is_shown(
    command_environment: dict[str, str], desk: Path
) -> None:
    done = report(
        command_environment, desk, "plain.jsonl", "favoured.jsonl", "--after", "first.jsonl", "--json", "two.json",
        "-o", "two.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((desk / "two.json").read_text())
    assert found["equal"]["combinations"] == 15
    sets: dict[str, set[str]] = {
        name: {
            concept
            for place, one in enumerate(read_combinations(desk / f"{name}.jsonl"))
            for concept in one.concepts
            if place < 15
        }
        for name in ("first", "plain", "favoured")
    }
    plain, favoured = found["equal"]["runs"]
    for one in (plain, favoured):
        assert one["new"]["concepts"] == len(sets[one["name"]] - sets["first"])
        assert one["coverage"]["concepts"]["used"] == len(sets[one["name"]] | sets["first"])
    assert favoured["new"]["pairs"] > plain["new"]["pairs"]
    assert [run["walks"]["combinations"] for run in found["runs"]] == [15, 20]
    text = (desk / "two.html").read_text()
    assert "at 15 combinations each" in text
    assert "10 earlier combinations" in text


def test_a_whole_run_is_found_by_its_folder(command_environment: dict[str, str], desk: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "combinations.jsonl").write_text((desk / "plain.jsonl").read_text())
    done = report(
        command_environment, desk, str(work), "-o", str(tmp_path / "r.html"), "--json", str(tmp_path / "r.json")
    )
    assert done.returncode == 0, done.stderr
    (run,) = json.loads((tmp_path / "r.json").read_text())["runs"]
    assert (run["name"], run["walks"]["combinations"], run["questions"]) == ("work", 15, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty"], "contains no runs and no combinations"),
        (["absent"], "does not exist"),
        (["plain.jsonl", "favoured.jsonl", "first.jsonl"], "more than two runs"),
        (["bad.jsonl"], "bad.jsonl, line 1"),
        (["plain.jsonl", "-o", "empty"], "is a directory"),
        (["plain.jsonl", "-o", "plain.jsonl"], "is also an input of the report"),
        (["plain.jsonl", "-o", "x.html", "--json", "x.html"], "are both x.html"),
        (["plain.jsonl", "-o", "/proc/none/x.html"], "could not be written"),
        (["foreign.jsonl"], "this graph has none of the 2 terms of foreign"),
        (["shapes.jsonl"], "shapes.jsonl, line 1: not a combination"),
    ],
)
def test_what_cannot_be_reported_is_said(
    command_environment: dict[str, str], desk: Path, arguments: list[str], said: str
) -> None:
    (desk / "empty").mkdir(exist_ok=True)
    (desk / "bad.jsonl").write_text('{"id": 1}\n')
    foreign = {"id": "c", "seed": 1, "walk": 0, "path": [{"id": "topic:x"}], "topics": ["topic:x"], "documents": []}
    (desk / "foreign.jsonl").write_text(json.dumps({**foreign, "concepts": ["concept:y"]}) + "\n")
    (desk / "shapes.jsonl").write_text(json.dumps({**foreign, "concepts": [["concept:y"]]}) + "\n")
    done = report(command_environment, desk, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_multiplies_what_was_measured(server, desk: Path) -> None:
    levels = pipeline.measure_runs(desk / "runs")
    assert [one.level for one in levels] == [1, 3]
    for one in levels:
        manifest = json.loads((desk / "runs" / f"level{one.level}" / "manifest.json").read_text())
        assert one.questions == manifest["stages"][0]["kept"]
        assert one.units == manifest["stages"][0]["units"]
        assert 0 < one.answered <= 1
        assert one.question_tokens > 10
        assert one.answer_tokens > 10
    answered = [row["level"] for row in open_run(desk / "runs" / "answers").rows()]
    for one in levels:
        assert one.answered * one.questions == pytest.approx(answered.count(one.level))
    with server.connect() as graph:
        found = pipeline.plan_scaling(graph, levels, epochs=2, walks=500, seed=1)
        documents, topics = canonical.run(
            graph, "RETURN COUNT { (:Document) } AS documents, COUNT { (:Topic) } AS topics"
        )[0].values()
    first, third = found["levels"]
    assert first["units"] == documents
    assert third["units"] == found["combinations"] <= 2 * topics
    for row in found["levels"]:
        assert row["tokens"] == pytest.approx(
            row["units"] * row["questions_each"] * row["answered"] * row["tokens_each"]
        )
    assert found["tokens"] == pytest.approx(sum(row["tokens"] for row in found["levels"]))
    assert found["supply"].walks <= 500
    with pytest.raises(ConfigError, match="contains no answers"):
        pipeline.measure_runs(desk / "runs" / "level1")


def test_subsets_of_a_training_set_are_nested_and_balanced(environment, desk: Path) -> None:
    curated = pipeline.curate(
        environment,
        CurateSettings(filters=False, max_rejected_share=1.0),
        questions=[desk / "runs" / "answers"],
        run_dir=desk / "curated",
        report=lambda _: None,
    )
    found = [
        pipeline.subset(
            curated.path,
            ExportSettings(format="jsonl"),
            sizes=[30, 10, 60],
            seed=4,
            output=desk / name,
            overwrite=False,
            report=lambda _: None,
        )
        for name in ("subsets", "again")
    ]
    assert [one["size"] for one in found[0]["subsets"]] == [10, 30, 60]
    assert found[0]["subsets"] == found[1]["subsets"]
    held: list[set[str]] = []
    for one in found[0]["subsets"]:
        rows = [
            json.loads(line)
            for file in (desk / "subsets" / one["folder"]).glob("*.jsonl")
            for line in file.read_text().splitlines()
        ]
        assert len(rows) == one["size"] == sum(one["levels"].values())
        assert max(one["levels"].values()) - min(one["levels"].values()) <= 1
        held.append({row["id"] for row in rows})
    assert held[0] < held[1] < held[2]
    with pytest.raises(ConfigError, match="do not fit"):
        pipeline.subset(
            curated.path,
            ExportSettings(),
            sizes=[10**6],
            seed=1,
            output=desk / "none",
            overwrite=False,
            report=lambda _: None,
        )
    assert not (desk / "none").exists()


def test_what_stands_twice_or_is_gone_is_told(
    server, environment, desk: Path, command_environment: dict[str, str], tmp_path: Path
) -> None:
    runs = tmp_path / "runs $x$ _y"
    shutil.copytree(desk / "runs" / "level1", runs / "level1")
    shutil.copytree(desk / "runs" / "level1", runs / "again")
    shutil.copytree(desk / "runs" / "answers", runs / "answers")
    inside = runs / "again" / "added-1"
    shutil.copytree(desk / "runs" / "level1", inside)
    held = json.loads((inside / "run.json").read_text())
    (inside / "run.json").write_text(json.dumps({**held, "inputs": {**held["inputs"], "added_to": "x", "part": 1}}))
    shutil.copytree(desk / "runs" / "level1", runs / "whole")
    held = json.loads((runs / "whole" / "run.json").read_text())
    (runs / "whole" / "run.json").write_text(json.dumps({**held, "stage": "run", "rows": "none"}))
    (runs / "whole" / "manifest.json").unlink()
    held = json.loads((runs / "level1" / "run.json").read_text())
    gone = {**held["inputs"], "combinations": "/nowhere/combinations.jsonl"}
    (runs / "level1" / "run.json").write_text(json.dumps({**held, "inputs": gone}))
    done = report(command_environment, tmp_path, str(runs), str(runs), "--json", "two.json", "--sample", "0")
    assert done.returncode == 0, done.stderr
    assert "are missing: /nowhere/combinations.jsonl" in done.stderr
    assert "are in several runs and are counted once" in done.stderr
    first, second = json.loads((tmp_path / "two.json").read_text())["runs"]
    assert [first["name"], second["name"]] == ["runs $x$ _y (1)", "runs $x$ _y (2)"]
    answered = {row["id"] for row in open_run(desk / "runs" / "answers").rows()}
    asked = {row["id"] for row in open_run(desk / "runs" / "level1").rows()}
    assert asked < answered
    # Answers to questions that no run here holds bring their questions.
    assert first["questions"]["count"] == len(answered)
    assert first["questions"]["levels"]["1"]["count"] == len(asked)
    assert first["questions"]["likeness"] == {}
    one = open_run(desk / "runs" / "level1").counted()
    rows = {row["where"]: row for row in first["stages"]}
    assert rows["level1"]["kept"] == one["kept"]
    assert rows["again"]["kept"] == 2 * one["kept"]
    assert sum(rows["again"]["rejected"].values()) == 2 * sum(one["rejected"].values())
    assert rows["whole"]["state"] == "not complete"
    shard = runs / "level1" / "questions-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:100])
    done = report(command_environment, tmp_path, str(runs))
    assert "questions-00000.parquet cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    with server.connect() as graph, pytest.raises(ConfigError, match="give 0 or more"):
        pipeline.report(graph, environment, runs=[], sample=-1)


def test_near_duplicates_are_counted_by_level(server, environment, desk: Path, tmp_path: Path) -> None:
    source = open_run(desk / "runs" / "level1")
    rows = source.shard_rows(0)
    words = " ".join(f"word{n}" for n in range(60))
    for place, row in enumerate(rows):
        row["text"] = f"{words} and then {words[:-1]} {place % 7}" if place < 14 else row["text"]
    folder = RunFolder(tmp_path / "run", source.run_id, source.settings, stage="level1", rows_name="questions")
    with folder.opened():
        folder.write_shard(0, rows, [], {"kept": len(rows), "rejected": {}, "totals": {}}, record=Question)
    with server.connect() as graph:
        figures = pipeline.report(graph, environment, runs=[tmp_path], sample=0)
    level = figures["runs"][0]["questions"]["levels"]["1"]
    assert level["repeated_share"] >= 7 / len(rows)
    assert level["near_duplicate_share"] >= 13 / len(rows)


def test_without_its_libraries_a_report_says_what_to_install(
    server, environment, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "find_spec", lambda name: None if name == "scipy" else object())
    with server.connect() as graph, pytest.raises(MissingExtraError, match="a report needs scipy"):
        pipeline.report(graph, environment, runs=[], sample=0)


def test_a_concept_of_the_report_is_opened_in_the_browser(page, server, figures: dict, desk: Path) -> None:
    pipeline.write_report(figures, desk / "linked.html", json_file=None)
    page.goto((desk / "linked.html").as_uri())
    link = page.locator("td a").first
    name, address = link.inner_text(), link.get_attribute("href")
    assert server.password() not in address
    page.goto(address)
    page.fill("[data-testid=password]", server.password())
    page.click("[data-testid=connect]")
    page.wait_for_selector("text=You are connected as user", timeout=60_000)
    page.click("[data-testid=editor-Run]")
    frame = page.locator("article[data-testid=frame]").first
    frame.locator("svg g.node").nth(1).wait_for(timeout=30_000)
    assert name in frame.inner_text()


def test_a_graph_that_is_not_built_is_refused(graph: Graph, environment) -> None:
    with pytest.raises(GraphError, match="never built"):
        pipeline.report(graph, environment, runs=[], sample=0, seed=1)
    with pytest.raises(ConfigError, match="does not exist"):
        pipeline.report(graph, environment, runs=[Path("absent")], sample=0, seed=1)


def test_the_page_is_read_in_chromium_without_a_network(page, figures: dict, desk: Path) -> None:
    pipeline.write_report(figures, desk / "r.html", json_file=None)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.context.set_offline(True)
    page.goto((desk / "r.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    table = page.locator("table.sorts", has_text="degree").first
    head = table.locator("th", has_text="mean")
    head.click()
    assert head.get_attribute("aria-sort") == "descending"
    values = [float(cell.get_attribute("data-value")) for cell in table.locator("tbody td:nth-child(3)").all()]
    assert values == sorted(values, reverse=True)
    assert len(values) > 3
    head.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    values = [float(cell.get_attribute("data-value")) for cell in table.locator("tbody td:nth-child(3)").all()]
    assert values == sorted(values)
    table.locator("th", has_text="what").click()
    names = [cell.inner_text().lower() for cell in table.locator("tbody td:nth-child(2)").all()]
    assert names == sorted(names)
    page.screenshot(path=SHOTS / "report.png", full_page=True)
    for scheme, width in (("light", 390), ("dark", 390), ("dark", 1280)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        assert_fits(page, width)
        ink, back = page.evaluate(
            "[getComputedStyle(document.querySelector('figure svg text')).fill, getComputedStyle(document.body).backgroundColor]"
        )
        assert abs(brightness(ink) - brightness(back)) > 0.6
        assert (brightness(back) < 0.3) == (scheme == "dark")
        page.screenshot(path=SHOTS / f"report-{scheme}-{width}.png", full_page=True)
    assert [one for one in asked if not one.startswith("file:")] == []
    assert said == []


def assert_fits(page, width: int) -> None:
    """The page is not wider than the window, and no two texts of a plot overlap."""
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    overlapping = page.evaluate(
        """() => [...document.querySelectorAll("figure svg")].flatMap(svg => {
             const texts = [...svg.querySelectorAll("text")].map(one => [one.textContent, one.getBoundingClientRect()]);
             return texts.flatMap(([one, box], place) => texts.slice(place + 1)
               .filter(([, other]) => box.left < other.right - 1 && other.left < box.right - 1 && box.top < other.bottom - 2 && other.top < box.bottom - 2)
               .map(([other]) => [svg.getAttribute("aria-label"), one, other]));
           })"""
    )
    assert overlapping == []


def brightness(colour: str) -> float:
    """The mean of the channels of a colour of CSS, from 0 to 1."""
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 765


def test_a_page_before_generation_and_of_an_empty_graph_fits_a_phone(
    page, graph: Graph, environment, tmp_path: Path
) -> None:
    pipeline.build(graph)
    for name in ("empty", "before"):
        if name == "before":
            named = [corpora.annotation(f"d{number}", ["t"], ["ring", f"name {number % 3}"]) for number in range(9)]
            corpora.load(graph, tmp_path, named, [])
            pipeline.build(graph)
        pipeline.write_report(pipeline.report(graph, environment, runs=[], sample=0), tmp_path / f"{name}.html")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto((tmp_path / f"{name}.html").as_uri())
        assert_fits(page, 390)
        text = page.inner_text("body")
        assert "There are no combinations" in text
        assert ("The graph contains no documents" in text) == (name == "empty")
        assert (page.locator("figure").count() == 0) == (name == "empty")
        assert page.locator("tbody:empty").count() == 0
        page.screenshot(path=SHOTS / f"report-{name}.png", full_page=True)
