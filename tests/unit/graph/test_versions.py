"""Tests of `kgsynth.graph.versions`."""

import pytest

from kgsynth.errors import ConfigError
from kgsynth.graph import jars
from kgsynth.graph.versions import DEFAULT, VERSIONS, version


def test_a_version_that_is_not_managed_is_refused() -> None:
    assert version("") is DEFAULT
    assert version("2026.09.0").java == (25,)
    with pytest.raises(ConfigError, match="kgsynth does not manage"):
        version("4.4.0")
    for one in VERSIONS.values():
        assert len(jars.locked_jars(one)) > 200
