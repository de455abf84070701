"""Tests of `kgsynth.pipeline`: its names, which are imported when they are first used."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from kgsynth import pipeline


def test_every_name_is_what_the_type_checker_takes_it_for() -> None:
    for file in Path(str(pipeline.__file__)).parent.glob("[a-z]*.py"):
        # The import of a module sets its name in the package.
        importlib.import_module(f"kgsynth.pipeline.{file.stem}")
        assert file.stem not in pipeline.__all__
    assert {"run", "sample", "Graph"} < set(pipeline.__all__)
    for name in pipeline.__all__:
        value = getattr(pipeline, name)
        if isinstance(value, ModuleType):
            assert value.__name__ == f"{pipeline._MODULES[name]}.{name}"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'kgsynth.pipeline' has no attribute 'lode'"):
        _ = pipeline.lode
