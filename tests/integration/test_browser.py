"""Neo4j Browser in real headless Chromium: log in, play the guide, run its queries, see nodes and no error.

Screenshots stay in `build/browser`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgsynth import pipeline, queries
from kgsynth.addresses import browser_address, browser_link
from kgsynth.cli.browse import guide, serving
from kgsynth.graph import show
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from tests import corpora, graphs
from tests.conftest import SHOTS

# Slide and query of those that return nodes and relationships.
PICTURES = {"3-1", "4-1", "6-1", "7-1", "8-1", "9-1", "10-1"}


@pytest.fixture(scope="module")
def filled(server: ManagedServer, environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    with server.connect() as graph:
        graphs.fill(graph, environment, tmp_path_factory.mktemp("browser"))
        yield graph


def test_the_guide_runs_in_the_browser(page, server: ManagedServer, filled: Graph) -> None:
    state = server.status()
    values = {**show.guide_values(filled), "graph": "test"}
    assert all(values.values())
    with serving(values, 0, browser=state.browser_url) as address:
        browser = browser_address(state.browser_url, state.bolt_url, state.username)
        url = browser_link(browser, "play", f"{address}/guide")
        assert server.password() not in url
        page.goto(url)
        page.fill("[data-testid=password]", server.password())
        page.click("[data-testid=connect]")
        page.wait_for_selector("text=You are connected as user", timeout=60_000)
        page.wait_for_selector("text=Your graph in 12 steps", timeout=30_000)
        page.wait_for_timeout(500)
        page.screenshot(path=SHOTS / "0-guide.png")
        drawn = {}
        slides = guide(values, address).count("<slide")
        assert slides == 12
        assert "left out" not in guide(values, address)
        for slide in range(slides):
            for place in range(page.locator("pre.runnable").count()):
                name = f"{slide + 1}-{place + 1}"
                drawn[name] = run(page, place, is_picture=name in PICTURES)
                page.screenshot(path=SHOTS / f"{name}.png")
                # The guide's frame is the last but the one of the connection: results stand above it.
                page.locator("article[data-testid=frame]").first.locator("button[title=Close]").click()
            if slide + 1 < slides:
                page.locator("[data-testid=nextSlide]").first.click()
                page.wait_for_timeout(500)
    assert list(drawn) == ["1-1", "1-2", *(f"{slide}-1" for slide in range(2, 12))]
    assert {name for name, nodes in drawn.items() if nodes >= 2} == PICTURES


def test_the_guide_has_only_steps_with_data(graph: Graph, environment, tmp_path: Path) -> None:
    assert not any(show.guide_values(graph).values())
    named = [corpora.annotation(f"d{number}", ["t"], ["ring", "field"]) for number in range(3)]
    corpora.load(graph, tmp_path, named, [])
    pipeline.build(graph)
    values = show.guide_values(graph)
    assert {name: value for name, value in values.items() if value} == {
        "topics": "t",
        "topic": "t",
        "first": "t",
        "concept": "field",
        "document": "d0",
    }
    # What is shown has rows.
    for name in ("topics", "concepts_of_a_topic", "around_a_concept", "hubs", "what_a_document_gave"):
        query = queries.saved(name)
        given = {parameter: values[parameter] for parameter in query.parameters}
        assert list(graph.stream_user(query.text, given, where=name, timeout_s=30))
    # Topics that share concepts need not stand in one document.
    corpora.load(graph, tmp_path, [*named, corpora.annotation("d9", ["u"], ["ring"])], [])
    pipeline.build(graph)
    assert show.guide_values(graph)["second"] == "u"


def run(page, place: int, *, is_picture: bool) -> int:
    """Click a query of the slide, run it, and count the nodes drawn; a frame with an error fails."""
    frames = page.locator("article[data-testid=frame]")
    before = frames.count()
    page.locator("pre.runnable").nth(place).click()
    page.wait_for_timeout(400)
    page.click("[data-testid=editor-Run]")
    page.wait_for_function(
        "before => document.querySelectorAll('article[data-testid=frame]').length > before", arg=before, timeout=30_000
    )
    frame = frames.first
    if is_picture:
        frame.locator("svg g.node").nth(1).wait_for(timeout=30_000)
    else:
        page.wait_for_timeout(2500)
    said = frame.inner_text()
    assert "ERROR" not in said, said[:500]
    assert not re.search(r"Neo\.\w+Error", said), said[:500]
    return int(frame.locator("svg g.node").count())
