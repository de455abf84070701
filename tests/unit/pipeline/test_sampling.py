"""Tests of `kgsynth.pipeline.sampling`."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kgsynth import config
from kgsynth.errors import MissingExtraError
from kgsynth.graph import derived, facts
from kgsynth.pipeline import sampling
from kgsynth.progress import Silent
from kgsynth.records import StageCount
from kgsynth.settings import SampleSettings
from kgsynth.walks import steering, walk_tables


@pytest.fixture
def mentions(monkeypatch: pytest.MonkeyPatch) -> int:
    """A graph of 500,000 mentions; it is an error to count them without need."""
    monkeypatch.setattr(facts, "counts", lambda graph: {"mentions": graph})
    return 500_000


@pytest.mark.parametrize(
    ("amount", "has_tables", "has_lens", "is_compiled"),
    [
        (None, True, True, False), (1_999, True, False, False), (2_000, True, False, True), (4_999, False, False, False), (5_000, False, False, True),
        (199, True, True, False), (200, True, True, True), (1_999, True, True, True),
    ],
)  # fmt: skip
def test_the_engine_is_chosen_by_cost(
    mentions: Any, amount: int | None, has_tables: bool, has_lens: bool, is_compiled: bool
) -> None:
    settings = SampleSettings(seed=1)
    chosen = sampling._is_compiled(mentions, settings, amount, has_tables=has_tables, has_lens=has_lens)
    assert chosen is is_compiled


@pytest.mark.parametrize("engine", ["cypher", "compiled"])
def test_a_stated_engine_is_taken(mentions: Any, engine: Any) -> None:
    settings = SampleSettings(seed=1, engine=engine)
    for amount in (None, 1, 10**6):
        chosen = sampling._is_compiled(mentions, settings, amount, has_tables=False, has_lens=False)
        assert chosen is (engine == "compiled")


def test_without_numba_the_cypher_engine_walks(mentions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "find_spec", lambda name: None)
    assert not sampling._is_compiled(mentions, SampleSettings(), 10**6, has_tables=True, has_lens=True)
    with pytest.raises(MissingExtraError):
        sampling._is_compiled(mentions, SampleSettings(engine="compiled"), 10, has_tables=True, has_lens=True)


@pytest.mark.parametrize(("within", "favour"), [(True, False), (False, True), (False, False)])
def test_weights_make_the_tables_needed_anyway(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, within: bool, favour: bool
) -> None:
    asked: dict[str, bool] = {}
    units: Any = object()

    def is_compiled(*_: object, **given: bool) -> bool:
        asked.update(given)
        return True

    monkeypatch.setattr(sampling, "_is_compiled", is_compiled)
    tables: Any = SimpleNamespace(ids=["topic:a"])
    monkeypatch.setattr(sampling, "tables_of", lambda *_: tables)
    monkeypatch.setattr(sampling, "_earlier", lambda *_: iter(()))
    monkeypatch.setattr(derived, "fingerprint", lambda graph: "print")
    monkeypatch.setattr(steering, "units_within", lambda *_: units)
    monkeypatch.setattr(steering, "favouring_unused", lambda *_: units)
    monkeypatch.setattr(steering, "weights_of", lambda *_: {"topic:a": 1})
    monkeypatch.setattr(steering, "chosen_topics", lambda *_: ["topic:a"])
    monkeypatch.setattr(walk_tables, "through_lens", lambda read, _: read)
    settings = SampleSettings(
        seed=1, combinations=300, favour="unused" if favour else "", within="lens.cypher" if within else ""
    )
    environment = config.Environment(home=tmp_path)
    graph: Any = None
    plan = sampling._plan(graph, environment, settings, StageCount(stage="sample"), Silent())
    assert asked == {"has_tables": within or favour, "has_lens": within or favour}
    assert plan.tables is tables
