"""Tests of `kgsynth.reports.plots`."""

from collections.abc import Callable
from itertools import combinations, pairwise
from math import log10
from typing import Any

import numpy as np
import pytest

from kgsynth.reports import plots
from kgsynth.reports.structure import distribution, histogram

LONG = "a run with a name that is far too long for the legend of a plot, $x$ and more"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are drawn, as Matplotlib has them."""
    figures: list[Any] = []
    svg = plots._svg

    def keep(figure: Any, label: str) -> str:
        figures.append(figure)
        return svg(figure, label)

    monkeypatch.setattr(plots, "_svg", keep)
    return figures


def texts(figure: Any) -> list[Any]:
    """The texts of a figure that are seen."""
    (axes,) = figure.axes
    seen = [
        axes.xaxis.label,
        axes.yaxis.label,
        axes.title,
        *(text for one in figure.legends for text in one.get_texts()),
    ]
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        margin = 1e-9 * (high - low)
        for is_minor in (False, True):
            places = axis.get_ticklocs(minor=is_minor)
            labels = axis.get_ticklabels(minor=is_minor)
            seen += [
                label for place, label in zip(places, labels, strict=False) if low - margin <= place <= high + margin
            ]
    return [text for text in [*seen, *axes.texts] if text.get_text()]


def assert_readable(figures: list[Any], *, ticks: int = 1) -> None:
    """No two texts overlap, all are inside the figure, and each axis has some ticks."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    assert figures
    for figure in figures:
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
        for (one, box), (other, other_box) in combinations(boxes, 2):
            assert not box.overlaps(other_box), (one, other)
        for one, box in boxes:
            assert box.x0 >= -1, one
            assert box.x1 <= figure.bbox.x1 + 1, one
        for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
            low, high = sorted(axis.get_view_interval())
            assert sum(low <= place <= high for place in axis.get_ticklocs()) >= ticks


@pytest.mark.parametrize(
    "values",
    [
        [1],
        [7, 7, 7],
        [1, 1, 2],
        range(6, 18),
        [3, 40],
        range(90, 130),
        [9_999, 10_001],
        np.geomspace(1, 3e7, 500).round(),
        [1] * 100_000 + [2, 1_000_000],
    ],
    ids=str,
)
def test_ticks_of_logarithmic_axes_do_not_overlap(drawn: list[Any], values: Any) -> None:
    figures = distribution(list(values))
    plots.tails([("concepts", figures), ("topics", figures), ("none", distribution([0]))], x="terms", label="degrees")
    assert_readable(drawn)
    # Powers of ten with factors would be long.
    assert not [text.get_text() for text in texts(drawn[0]) if "times" in text.get_text()]


@pytest.mark.parametrize(("low", "high"), [(1, 1.0001), (1, 2), (6, 17), (0.97, 1.03), (1, 1e9), (1e-7, 1), (3, 3e4)])
@pytest.mark.parametrize("room", [0.06, 0.16])
def test_ticks_are_round_and_apart(low: float, high: float, room: float) -> None:
    ticks = plots.log_ticks(low, high, room=room)
    assert 1 <= len(ticks) <= 1 / room + 1
    assert ticks == sorted(ticks)
    assert all(low * 0.999999 <= tick <= high * 1.000001 for tick in ticks)
    for one, other in pairwise(ticks):
        assert log10(other / one) >= room * log10(high / low)


@pytest.mark.parametrize("count", [1, 2, 3, 40, 1_234_567])
def test_small_and_large_numbers_of_combinations_have_whole_ticks(drawn: list[Any], count: int) -> None:
    kinds = ("topics", "concepts", "pairs", "documents")
    walks = {
        "coverage": {kind: {"of": 10} for kind in kinds},
        "curve": {"combinations": [0, count], **{kind: [0, 3] for kind in kinds}},
    }
    assert plots.coverage([(LONG, walks), ("two", walks)]).count("<svg") == 4
    assert_readable(drawn)
    for figure in drawn:
        assert all(place == int(place) for place in figure.axes[0].xaxis.get_ticklocs())


def test_long_names_stay_inside_and_cover_nothing(drawn: list[Any]) -> None:
    lines = [(f"{LONG} {number}"[number:], histogram([0.1, 0.5], low=0, high=1)) for number in range(5)]
    plots.histograms([(LONG, lines), ("", lines[:1])], x="cosine similarity of two questions", label="likeness")
    plots.bars([("one", {f"answer: {LONG}": 1, "answer: b": 1}), (LONG, {"c": 2})], x="rejected", label="rejects")
    assert_readable(drawn)


def test_colours_follow_the_page() -> None:
    line = distribution([1, 2, 3, 9])
    text = plots.tails([("concepts", line), ("topics", line)], x="terms", label="degrees")
    assert "currentColor" in text
    assert f"var(--c0, {plots.COLOURS[0].lower()})" in text
    assert "var(--grid, " in text
    assert plots._INK not in text
    assert "#ffffff" not in text
    law = {"name": "m", "size": [1, 10], "error": [9, 3], "low": [8, 2], "high": [10, 4], "last": 10}
    draw: Callable[[str], str | bytes] = plots.law([{**law, "measured": [(1, 9)], "held_out": []}], label="law")
    assert "background: white" in str(draw("svg"))
    assert "background" not in str(draw("html"))
    assert bytes(draw("png")).startswith(b"\x89PNG")
