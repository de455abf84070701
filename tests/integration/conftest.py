"""Fixtures of the tests that need a Neo4j."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _installed_jars(installed_jars: None) -> None:
    """Fail if the jars of Neo4j are not installed."""
