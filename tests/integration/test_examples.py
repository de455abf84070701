"""The examples in the docstrings of the stages, run one after the other on the notes of the tutorial."""

import doctest
import shutil
from pathlib import Path

import pytest

from kgsynth import config, pipeline, settings
from kgsynth.graph.session import Graph

NOTES = Path(__file__).parents[2] / "docs" / "tutorial" / "notes"
# Each example uses what those before it have made.
STAGES = (
    *("snapshot", "run_filter", "extract", "extract_with_model", "load", "merge", "build", "check", "sample"),
    *("generate", "answer", "retry", "curate", "export", "report", "forget"),
)


def test_the_examples_of_the_stages(
    graph: Graph, environment: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(NOTES, tmp_path / "notes")
    monkeypatch.chdir(tmp_path)
    names = {"pipeline": pipeline, "Path": Path, "graph": graph, "environment": environment}
    names |= {name: getattr(settings, name) for name in dir(settings) if name.endswith("Settings")}
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    for name in STAGES:
        text = getattr(pipeline, name).__doc__
        example = doctest.DocTestParser().get_doctest(text, names, name, None, None)
        assert example.examples, name
        said: list[str] = []
        failed = runner.run(example, out=said.append, clear_globs=False).failed
        assert not failed, "".join(said)
        names |= example.globs
