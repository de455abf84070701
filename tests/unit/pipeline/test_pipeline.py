"""Tests of `kgsynth.pipeline`: its names, which are imported when they are first used."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

from kgsynth import pipeline


def declared() -> dict[str, str]:
    """Return the module of each name, as types are checked."""
    tree = ast.parse(Path(str(pipeline.__file__)).read_text())
    return {
        alias.name: node.module or ""
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_name_is_what_the_type_checker_takes_it_for() -> None:
    assert sorted(declared()) == sorted(pipeline.__all__)
    for file in Path(str(pipeline.__file__)).parent.glob("[a-z]*.py"):
        # The import of a module sets its name in the package.
        importlib.import_module(f"kgsynth.pipeline.{file.stem}")
        assert file.stem not in pipeline.__all__
    for name, module in declared().items():
        value = getattr(pipeline, name)
        if isinstance(value, ModuleType):
            assert value.__name__ == f"{module}.{name}"
        else:
            assert value is getattr(importlib.import_module(module), name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'kgsynth.pipeline' has no attribute 'lode'"):
        _ = pipeline.lode
