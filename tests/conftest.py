"""Fixtures: a disposable home with the shared jars, a real Neo4j for the session, an empty graph for a test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from kgsynth import config
from kgsynth.graph import facts, jars
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.graph.versions import version
from tests import canonical

# Busy machines decide no test, and a run repeats.
settings.register_profile("kgsynth", deadline=None, derandomize=True)
settings.load_profile("kgsynth")

PLANETMATH = Path(__file__).parents[2] / "shared" / "data" / "planetmath" / "documents.jsonl.gz"

SHOTS = Path(__file__).parents[1] / "build" / "browser"
_CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
_CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> config.Environment:
    """A home of its own that uses the jars, models and embeddings that the machine has."""
    real = config.environment()
    if jars.missing_jars(real.jars, version(real.neo4j_version)):
        pytest.fail("the jars of Neo4j are not installed: run `kgsynth db install` (make test does)")
    home = tmp_path_factory.mktemp("home")
    real.models.mkdir(parents=True, exist_ok=True)
    (home / "jars").symlink_to(real.jars)
    (home / "models").symlink_to(real.models)
    return config.Environment(
        home=home, java_home=real.java_home, search_path=real.search_path, neo4j_version=real.neo4j_version
    )


@pytest.fixture(scope="session")
def server(environment: config.Environment) -> Iterator[ManagedServer]:
    """A running Neo4j; what it printed is shown when it does not come up."""
    managed = ManagedServer(environment, "test")
    managed.start()
    yield managed
    managed.stop()


@pytest.fixture
def graph(server: ManagedServer) -> Iterator[Graph]:
    """An empty graph; it is wiped before the test, so that a failure can be looked at."""
    with server.connect() as connected:
        canonical.wipe(connected)
        facts.ensure_schema(connected)
        yield connected


@pytest.fixture
def command_environment(environment: config.Environment, server: ManagedServer) -> dict[str, str]:
    """Environment variables with which the `kgsynth` command finds the test server as its graph `test`."""
    del server
    # Where Java is and which Neo4j is tested are the machine's; all else is the test's own.
    kept = ("KGSYNTH_JAVA_HOME", "KGSYNTH_NEO4J")
    values = {
        key: value
        for key, value in os.environ.items()
        if key in kept or not key.startswith(("NEO4J_", "KGSYNTH_", "RAY_ADDRESS"))
    }
    return {**values, "KGSYNTH_HOME": str(environment.home), "COLUMNS": "120"}


@pytest.fixture
def planetmath() -> Path:
    """The PlanetMath corpus, which is not part of the project."""
    if not PLANETMATH.is_file():
        pytest.skip(f"the PlanetMath corpus is not at {PLANETMATH}")
    return PLANETMATH


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of real headless Chromium; its screenshots go to `SHOTS`."""
    if not _CHROMIUM:
        pytest.skip("there is no Chromium on PATH (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_CHROMIUM_FLAGS)
        yield browser.new_page(viewport={"width": 1500, "height": 1000})
        browser.close()
