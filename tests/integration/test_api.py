"""kgsynth in Python: the same graph, walks, queries and traces as the command; the notebook of the documentation runs."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest

import kgsynth
from kgsynth import config, pipeline
from kgsynth.errors import ConfigError, GraphError, QueryError
from kgsynth.graph import show
from kgsynth.graph.server import ManagedServer
from kgsynth.records import StageCount
from kgsynth.settings import SampleSettings
from tests import graphs

NOTEBOOK = Path(__file__).parents[2] / "docs" / "walkthrough.ipynb"


@pytest.fixture(scope="module")
def folders(server, environment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    with server.connect() as graph:
        return graphs.fill(graph, environment, tmp_path_factory.mktemp("api"))


@pytest.fixture
def opened(folders, environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[kgsynth.KnowledgeGraph]:
    for name in ("NEO4J_URI", "KGSYNTH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KGSYNTH_HOME", str(environment.home))
    with kgsynth.open_graph("test") as graph:
        yield graph


def test_importing_costs_nothing_until_a_name_is_used() -> None:
    code = (
        "import sys, kgsynth; heavy = {'neo4j', 'pandas', 'numpy', 'kgsynth.api'};"
        "print(sorted(heavy & set(sys.modules))); kgsynth.open_graph; print('kgsynth.api' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
    with pytest.raises(AttributeError, match="open_grph"):
        kgsynth.open_grph  # noqa: B018
    assert set(kgsynth.__all__) <= set(dir(kgsynth))


def test_combinations_are_those_of_the_pipeline(opened: kgsynth.KnowledgeGraph, server) -> None:
    found = opened.sample(seed=4, combinations=25)
    with server.connect() as graph:
        wanted = list(
            pipeline.sample(
                graph, config.environment(), SampleSettings(seed=4, combinations=25), StageCount(stage="sample")
            )
        )
    assert found == wanted
    count = StageCount(stage="sample")
    assert list(opened.iter_sample(count, seed=4, combinations=25)) == found
    assert count.kept == 25
    frame = kgsynth.to_frame(found)
    assert list(frame["id"]) == [one.id for one in found]
    with pytest.raises(ConfigError, match="seed"):
        opened.sample(combinations=3)
    with pytest.raises(ConfigError, match="combinatons"):
        opened.sample(seed=1, combinatons=3)


def test_answers_are_tables_and_nothing_is_written(opened: kgsynth.KnowledgeGraph) -> None:
    found = opened.query("UNWIND $n AS x RETURN x, toString(x) AS y", {"n": [1, 2, 3]})
    pandas.testing.assert_frame_equal(found, pandas.DataFrame({"x": [1, 2, 3], "y": ["1", "2", "3"]}))
    assert len(opened.query("UNWIND range(1, 100) AS x RETURN x", limit=7)) == 7
    empty = opened.query("MATCH (c:Concept {id: 'none'}) RETURN c.id AS id, c.name AS name")
    assert list(empty.columns) == ["id", "name"]
    node = opened.query("MATCH (c:Concept) RETURN c LIMIT 1")["c"][0]
    assert isinstance(node, kgsynth.GraphNode)
    with pytest.raises(QueryError, match="more than read"):
        opened.query("MATCH (n) DETACH DELETE n")
    hubs = opened.saved("hubs")
    assert list(hubs.columns) == ["concept", "documents", "co_occurrences"]
    assert len(opened.saved("around_a_concept", concept=hubs["concept"][0])) > 0
    with pytest.raises(QueryError, match="concept"):
        opened.saved("around_a_concept")
    with pytest.raises(QueryError, match="no saved query"):
        opened.saved("hub")


def test_a_question_is_traced_to_its_documents(opened: kgsynth.KnowledgeGraph, server) -> None:
    identity = opened.query("MATCH (q:Question {level: 3}) RETURN q.id AS id ORDER BY id LIMIT 1")["id"][0]
    way = opened.trace(identity)
    with server.connect() as graph:
        assert way == show.question(graph, identity)
    assert all(0 < step["chance"] <= 1 for step in way.steps)
    assert way.documents
    name = opened.saved("hubs")["concept"][0]
    assert opened.concept(name.upper()).term["name"] == name
    document = way.documents[0]["id"]
    assert identity in {one["id"] for one in opened.document(document).questions}
    with pytest.raises(GraphError, match="no question"):
        opened.trace("nobody has asked this")


def test_figures_are_those_of_the_report(
    opened: kgsynth.KnowledgeGraph, server, environment, folders, tmp_path: Path
) -> None:
    with server.connect() as graph:
        wanted = pipeline.report(graph, environment, runs=[folders["level3"]], sample=0, seed=1)
    assert opened.report(folders["level3"], sample=0) == wanted
    kgsynth.write_report(wanted, tmp_path / "r.html", json_file=str(tmp_path / "r.json"))
    assert json.loads((tmp_path / "r.json").read_text())["runs"][0]["name"] == folders["level3"].name
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    with pytest.raises(ConfigError, match="more than two runs"):
        opened.report(*3 * [folders["level3"]])
    with pytest.raises(ConfigError, match="limit is -1"):
        opened.query("RETURN 1", limit=-1)
    with pytest.raises(ConfigError, match="limit is 0"):
        opened.concept("concept 1", limit=0)


def test_the_notebook_runs(environment: config.Environment, command_environment, tmp_path: Path) -> None:
    text = NOTEBOOK.read_text()
    shutil.copytree(NOTEBOOK.parent / "tutorial", tmp_path, dirs_exist_ok=True)
    (tmp_path / "w.ipynb").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", "--output=out.ipynb", "w.ipynb"],
        cwd=tmp_path,
        env={**command_environment, "JUPYTER_PLATFORM_DIRS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    ManagedServer(environment, "tutorial").reset()
    assert done.returncode == 0, done.stderr
    cells = [cell for cell in json.loads((tmp_path / "out.ipynb").read_text())["cells"] if cell["cell_type"] == "code"]
    shown = [cell for cell in cells if cell["outputs"]]
    assert len(shown) >= 9
    committed = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    for cell in committed:
        assert not any("Error" in output.get("ename", "") for output in cell["outputs"])
    assert [bool(cell["outputs"]) for cell in committed] == [bool(cell["outputs"]) for cell in cells]
