"""Tests of `kgsynth.pipeline.previewing`; tests/integration/test_previewing.py runs it in a real graph."""

import pytest

from kgsynth import pipeline
from kgsynth.config import resolve
from kgsynth.errors import ConfigError
from kgsynth.pipeline import Cost, Preview


def _cost(units: int, kept: int, rejected: int = 0) -> Cost:
    return Cost(
        units=units, kept=kept, rejected=rejected, requests=2 * units, prompt_tokens=300, output_tokens=50, seconds=10.0
    )


def test_costs_grow_with_the_units_and_answers_with_the_questions() -> None:
    config = resolve("[sample]\nseed = 1\ncombinations = 1000\n[generate]\nlevels = [1, 3]\ndocuments = 40\n").config
    seen = Preview(costs={"level1": _cost(5, 10), "level3": _cost(5, 15), "answer": _cost(25, 20)}, documents=30)
    planned = pipeline.plan(config, seen)
    assert planned["level1"] == Cost(
        units=30, kept=60, rejected=0, requests=60, prompt_tokens=1800, output_tokens=300, seconds=60.0
    )
    assert (planned["level3"].units, planned["level3"].kept, planned["level3"].seconds) == (1000, 3000, 2000.0)
    assert planned["answer"].units == 3060
    assert planned["answer"].requests == 2 * 3060


def test_shares_of_kept_rows_replace_those_of_the_sample() -> None:
    text = "[run]\nfilter = true\n[sample]\nseed = 1\ncombinations = 1000\n[generate]\nlevels = [1, 3]\n"
    config = resolve(text).config
    costs = {"level1": _cost(5, 10), "level3": _cost(5, 4, 6), "answer": _cost(14, 7, 7)}
    seen = Preview(costs=costs, documents=100)
    assert pipeline.plan(config, seen)["answer"].units == 200 + 800
    planned = pipeline.plan(config, seen, {"filter": 0.1, "level3": 0.7})
    assert (planned["level1"].units, planned["level1"].kept) == (10, 20)
    assert (planned["level3"].units, planned["level3"].kept, planned["level3"].rejected) == (1000, 1400, 600)
    assert planned["answer"].units == 20 + 1400
    with pytest.raises(ConfigError, match="asks no model in level2"):
        pipeline.plan(config, seen, {"level2": 0.5})


def test_without_a_number_of_combinations_there_is_no_plan() -> None:
    seen = Preview(costs={"level3": _cost(5, 15)}, documents=30)
    assert pipeline.combinations_of(resolve("[sample]\nseed = 1\n[generate]\nlevels = [1]\n").config) == 0
    with pytest.raises(ConfigError, match="the number of combinations is not set"):
        pipeline.plan(resolve("[sample]\nseed = 1\nepochs = 3\n").config, seen)
    limited = resolve("[sample]\nseed = 1\nepochs = 3\n[generate]\ncombinations = 10\n").config
    assert pipeline.plan(limited, seen)["level3"].units == 10
