"""Tests of `kgsynth.generation.scripted`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgsynth import config, pipeline
from kgsynth.generation.backend import Request
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.settings import DocumentsSettings, FilterSettings
from tests.unit.filter_cases import _ROUNDS, Mumbling
from tests.unit.generation.generation_cases import level3


@pytest.mark.slow
def test_what_was_retried_counts_when_the_filter_runs_again(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    values: dict[str, Any] = {**_ROUNDS, "positives": (str(mixed[1]),), "language": ""}
    documents = DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0)
    settings = FilterSettings(domain="mathematics", seed=5, backend="scripted", **values)
    make: Any = lambda *_: Mumbling()  # noqa: E731
    work = tmp_path / "w"
    before = pipeline.run_filter(environment, documents, settings, work_dir=work, report=lambda _: None, make=make)
    assert before["rounds"][0]["ratings"] < 20
    pipeline.retry(environment, work / "round-1" / "ratings", report=lambda _: None)
    after = pipeline.run_filter(environment, documents, settings, work_dir=work, report=lambda _: None, make=make)
    assert after["rounds"][0]["ratings"] == 20


def test_the_scripted_generator_differs_by_seed_and_keeps_latex() -> None:
    (request,) = level3().requests({})
    texts = {one.text for one in ScriptedGenerator().generate(replace(request, seed=n) for n in range(20))}
    assert len(texts) == 20
    assert any("\\theta = \\nabla\\beta" in text and "\\frac" in text for text in texts)
    assert isinstance(request, Request)
