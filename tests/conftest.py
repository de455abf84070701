"""Fixtures: a temporary home with the machine's jars, a real Neo4j for the session, an empty graph per test."""

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

# No deadline, so that a busy machine fails no test; derandomized, so that runs repeat.
settings.register_profile("kgsynth", deadline=None, derandomize=True)
settings.load_profile("kgsynth")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their argument: compressed ones hold the time, and each process must name a test alike."""
    del config
    return argname if isinstance(val, bytes) else None


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
    """Return a temporary home that uses the jars and models of this machine."""
    real = config.environment()
    home = tmp_path_factory.mktemp("home")
    real.models.mkdir(parents=True, exist_ok=True)
    (home / "jars").symlink_to(real.jars)
    (home / "models").symlink_to(real.models)
    return config.Environment(
        home=home, java_home=real.java_home, search_path=real.search_path, neo4j_version=real.neo4j_version
    )


@pytest.fixture(scope="session")
def installed_jars(environment: config.Environment) -> None:
    """Fail if the jars of Neo4j are not installed."""
    if jars.missing_jars(environment.jars, version(environment.neo4j_version)):
        pytest.fail("the jars of Neo4j are not installed: run `kgsynth db install` (make test does)")


@pytest.fixture(scope="session")
def server(environment: config.Environment, installed_jars: None) -> Iterator[ManagedServer]:
    """Yield a running Neo4j; its output is shown if it does not start."""
    managed = ManagedServer(environment, "test")
    managed.start()
    yield managed
    managed.stop()


@pytest.fixture
def graph(server: ManagedServer) -> Iterator[Graph]:
    """Yield an empty graph; it is wiped before the test, so that it can be inspected after a failure."""
    with server.connect() as connected:
        canonical.wipe(connected)
        facts.ensure_schema(connected)
        yield connected


@pytest.fixture
def command_environment(environment: config.Environment, server: ManagedServer) -> dict[str, str]:
    """Return environment variables with which the `kgsynth` command finds the test server as graph `test`."""
    del server
    # Java and the version of Neo4j come from the machine, all other variables from the test.
    kept = ("KGSYNTH_JAVA_HOME", "KGSYNTH_NEO4J")
    values = {
        key: value
        for key, value in os.environ.items()
        if key in kept or not key.startswith(("NEO4J_", "KGSYNTH_", "RAY_ADDRESS"))
    }
    return {**values, "KGSYNTH_HOME": str(environment.home), "COLUMNS": "120"}


@pytest.fixture
def planetmath() -> Path:
    """Return the path of the PlanetMath corpus, which is not part of the project."""
    if not PLANETMATH.is_file():
        pytest.skip(f"the PlanetMath corpus is not at {PLANETMATH}")
    return PLANETMATH


@pytest.fixture
def page() -> Iterator[Any]:
    """Yield a page of headless Chromium; screenshots go to `SHOTS`."""
    if not _CHROMIUM:
        pytest.skip("there is no Chromium on PATH (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_CHROMIUM_FLAGS)
        yield browser.new_page(viewport={"width": 1500, "height": 1000})
        browser.close()
