"""Tests of `kgsynth.reports.law_fit`."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kgsynth.cli import cli
from kgsynth.errors import ConfigError
from kgsynth.reports import scaling
from kgsynth.reports.law_fit import Departure, LawFit, Layout
from kgsynth.reports.scaling import Parameters, Point
from tests.benchmarks import scaling_calibration

SIZES = (1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2000, 4000)


RECTIFIED = Parameters(beta=0.6, scale=200, known=8, floor=12)


PLAIN = Parameters(beta=0.3, scale=25, known=0, floor=10)


def measured(law: Parameters, noise: float, seed: int, times: int = 1) -> list[Point]:
    rng = np.random.default_rng(seed)
    return [
        Point(model="m", size=size, error=float(law.error(size)) * math.exp(rng.normal(scale=noise)))
        for size in SIZES
        for _ in range(times)
    ]


def bent(size: float) -> float:
    """A curve that no law meets: its slope changes within the measured sizes."""
    return float(30 * size**-0.02 * (1 + (size / 200) ** 1.5) ** -0.15)


def curve_of(points: list[Point], *, has_known: bool) -> LawFit:
    logs = np.log([[one.size, one.error] for one in points])
    layout = Layout(logs[:, 0], np.zeros(len(points), dtype=int), logs[:, 1])
    return LawFit(layout, 1, has_known=has_known, is_shared=False)


@pytest.mark.parametrize("has_known", [True, False])
def test_many_curves_at_once_are_fitted_as_well_as_each_alone_by_scipy(has_known: bool) -> None:
    from scipy.optimize import least_squares

    shape = curve_of(measured(RECTIFIED, 0.01, 1), has_known=has_known)
    best = shape.best(huber=1e6)
    rng = np.random.default_rng(2)
    logs = shape.expected(best[None]) + rng.normal(scale=0.02, size=(20, len(SIZES)))
    found = shape.refit(logs, best, huber=1e6)
    for own, vector in zip(logs, found, strict=True):
        loss = float(((own - shape.expected(vector[None])[0]) ** 2).sum())
        bounds = ([0.01, -40, *([0] if has_known else []), 0], [4, 40, *([1e6] if has_known else []), 100])
        alone = least_squares(
            lambda tried, own=own: own - shape.expected(tried[None])[0],
            np.clip(best, np.array(bounds[0]) + 1e-9, bounds[1]),
            bounds=bounds,
            x_scale="jac",
            max_nfev=2000,
        )
        assert loss <= 2 * alone.cost * 1.001 + 1e-12


def test_slopes_are_those_of_the_curve() -> None:
    shape = curve_of(measured(RECTIFIED, 0.01, 1), has_known=True)
    vector = shape.best(huber=2.0)
    slopes = shape.slopes(vector[None])[0]
    for place in range(shape.count):
        step = np.zeros(shape.count)
        step[place] = 1e-6
        ends = shape.expected(np.array([vector + step, vector - step]))
        assert slopes[:, place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6)


def test_units_do_not_change_a_fit() -> None:
    points = measured(RECTIFIED, 0.01, 3)
    other = [Point(model="m", size=one.size * 1e9, error=one.error / 20) for one in points]
    first, second = (scaling.fit_laws(of, is_shared=True, draws=40, seed=1)[0] for of in (points, other))
    assert first.weights == pytest.approx(second.weights, abs=1e-4)
    (here,) = scaling.predict(first, "m", [16_000], level=0.9)
    (there,) = scaling.predict(second, "m", [16_000e9], level=0.9)
    for name in ("error_percent", "low", "high"):
        assert here[name] == pytest.approx(20 * there[name], rel=1e-3)


def test_weights_follow_the_law_that_made_the_points() -> None:
    for law, place in ((RECTIFIED, 0), (PLAIN, 1)):
        weights = []
        for seed in range(6):
            mixture, left_out = scaling.fit_laws(measured(law, 0.005, seed), is_shared=True, draws=0, seed=1)
            assert not left_out
            assert [one.law for one in mixture.fits] == ["rectified", "plain"]
            assert sum(mixture.weights) == pytest.approx(1)
            weights.append(mixture.weights[place])
        assert np.mean(weights) > 0.55


def test_a_mixture_lies_between_its_laws_and_takes_draws_by_weight() -> None:
    mixture, _ = scaling.fit_laws(measured(PLAIN, 0.01, 5), is_shared=True, draws=50, seed=1)
    asked: list[scaling.Fit | scaling.Mixture] = [mixture, *mixture.fits]
    said = [scaling.predict(one, "m", [3, 16_000], level=0.9) for one in asked]
    for both, first, second in zip(*said, strict=True):
        ends = sorted((first["error_percent"], second["error_percent"]))
        assert ends[0] <= both["error_percent"] <= ends[1]
    half = scaling.Mixture(fits=mixture.fits, weights=(0.5, 0.5))
    only = scaling.Mixture(fits=mixture.fits, weights=(0.0, 1.0))
    (alone,), (mixed,), (expected,) = (
        scaling.predict(one, "m", [9], level=0.9) for one in (only, half, mixture.fits[1])
    )
    assert alone["error_percent"] == pytest.approx(expected["error_percent"])
    assert (alone["low"], alone["high"]) == (expected["low"], expected["high"])
    assert (alone["low"], alone["high"]) != (mixed["low"], mixed["high"])
    with pytest.raises(ConfigError, match="same points"):
        scaling.mix(
            [mixture.fits[0], scaling.fit(measured(PLAIN, 0.01, 6), law="plain", is_shared=True, draws=0, seed=1)]
        )


def test_a_size_for_an_error_is_where_the_forecast_has_it() -> None:
    mixture, _ = scaling.fit_laws(measured(RECTIFIED, 0.01, 7), is_shared=True, draws=50, seed=1)
    for size in (3.0, 700.0, 9000.0):
        (said,) = scaling.predict(mixture, "m", [size], level=0.9)
        found = scaling.size_for(mixture, "m", said["error_percent"], level=0.9)
        assert found["billion_tokens"] == pytest.approx(size, rel=0.01)
        assert found["low"] <= size <= found["high"]
    assert scaling.size_for(mixture, "m", 1e-9, level=0.9)["low"] == math.inf
    assert scaling.size_for(mixture, "m", 99, level=0.9)["high"] == 0


def test_residuals_that_trend_widen_a_forecast_until_it_holds() -> None:
    points = [Point(model="m", size=size, error=bent(size)) for size in SIZES]
    (exact,) = scaling.predict(
        scaling.fit(points, law="plain", is_shared=True, draws=200, seed=1, may_depart=False), "m", [16_000], level=0.9
    )
    (said,) = scaling.predict(
        scaling.fit(points, law="plain", is_shared=True, draws=200, seed=1), "m", [16_000], level=0.9
    )
    assert not exact["low"] <= bent(16_000) <= exact["high"]
    assert said["low"] <= bent(16_000) <= said["high"]
    off = [abs(math.log(one["error_percent"] / bent(16_000))) for one in (exact, said)]
    assert off[1] < off[0] / 2


def test_repeated_measurements_tell_the_noise_from_a_departure() -> None:
    """The same residuals of the means: noise where measurements of one size differ, a departure where they agree."""
    rng = np.random.default_rng(8)
    wave = 0.01 * np.sin(np.arange(len(SIZES)) * 1.7)

    def share(spread: float) -> float:
        points = [
            Point(model="m", size=size, error=float(PLAIN.error(size)) * math.exp(bend + sign * spread * scale))
            for size, bend, scale in zip(SIZES, wave, rng.uniform(0.5, 1.5, len(SIZES)), strict=True)
            for sign in (-1, 1)
        ]
        fitted = scaling.fit(points, law="plain", is_shared=True, draws=0, seed=1)
        place = fitted.knots["m"].index(SIZES[5])
        return fitted.departure["m"][place] / fitted.residuals[2 * 5 + 1]

    agreeing, differing = share(0.0003), share(0.03)
    assert agreeing > 0.5
    assert abs(differing) < 0.2


def test_repeated_measurements_are_read_and_held_out_together(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    rows = [f"{one.size},{one.error}" for one in measured(PLAIN, 0.01, 9, times=2)]
    file.write_text("\n".join(["billion_tokens,error_percent", *rows]))
    points = scaling.read_points(file)
    assert len(points) == 2 * len(SIZES)
    (check,) = scaling.without_largest(points, is_shared=True, draws=40, seed=1, level=0.9)
    assert check["error_percent"] == pytest.approx(sum(one.error for one in points[-2:]) / 2)
    assert check["low"] < check["error_percent"] < check["high"]
    other = [*points[:-2], *(Point(model="model", size=4000, error=90) for _ in range(2))]
    (again,) = scaling.without_largest(other, is_shared=True, draws=40, seed=1, level=0.9)
    assert (again["error_percent"], again["predicted"]) == (90, check["predicted"])


def test_the_order_of_points_does_not_change_a_departure() -> None:
    points = [*measured(PLAIN, 0.01, 10), *measured(RECTIFIED, 0.01, 11)[:9]]
    model = np.array([0] * 12 + [1] * 9)
    logs = np.log([[one.size, one.error] for one in points])
    knots = np.log([3.0, 16_000.0])
    found = []
    for order in (np.arange(21), np.random.default_rng(1).permutation(21)):
        own, of = logs[order], model[order]
        shape = LawFit(Layout(own[:, 0], of, own[:, 1]), 2, has_known=False, is_shared=True)
        best = shape.best(huber=2.0)
        places = [np.concatenate([own[of == number, 0], knots]) for number in (0, 1)]
        residuals = shape.logs - shape.expected(best[None])[0]
        found.append(Departure(residuals, shape.slopes(best[None])[0], places, of))
    assert found[1].mean() == pytest.approx(found[0].mean(), abs=1e-6)
    assert found[1].aic() == pytest.approx(found[0].aic(), abs=1e-4)


@pytest.mark.slow
def test_intervals_of_the_default_hold_simulated_curves_of_both_laws() -> None:
    """A small form of `tests/benchmarks/scaling_calibration.py`."""
    hits = []
    for number, curve in enumerate(scaling_calibration.simulated(24, seed=11)):
        fitted, _ = scaling.fit_laws(curve.points, is_shared=True, draws=60, seed=number)
        for size, true in (one for asked in curve.asked.values() for one in asked):
            (said,) = scaling.predict(fitted, "model", [size], level=0.9)
            hits.append(said["low"] <= true <= said["high"])
    assert 0.8 <= np.mean(hits) <= 0.99


def test_too_few_points_for_the_rectified_law_leave_the_plain_one() -> None:
    points = [one for one in measured(PLAIN, 0.01, 12) if one.size in (1, 10, 100, 1000)]
    mixture, left_out = scaling.fit_laws(points, is_shared=True, draws=20, seed=1)
    assert [one.law for one in mixture.fits] == ["plain"]
    assert left_out == ["no rectified law: 4 points do not tell 4 parameters of the rectified law"]


def test_fits_of_older_versions_are_read_and_weighed_by_aic(tmp_path: Path) -> None:
    laws = {}
    for law in scaling.LAWS:
        fitted = scaling.fit(measured(PLAIN, 0.01, 13), law=law, is_shared=True, draws=20, seed=1, may_depart=False)
        row = json.loads(json.dumps(scaling.to_row(fitted)))
        for name in ("departing_aic", "knots", "departure", "departures"):
            del row[name]
        laws[law] = {**row, "without_largest": []}
    fits = [scaling.from_row(row) for row in laws.values()]
    share = 1 / (1 + math.exp((fits[0].aic - fits[1].aic) / 2))
    assert scaling.mix(fits).weights[0] == pytest.approx(share)
    file = tmp_path / "fit.json"
    file.write_text(json.dumps({"laws": laws, "level": 0.9, "seed": 1}))
    done = CliRunner().invoke(cli, ["scaling", "predict", str(file), "--at", "100"], catch_exceptions=False)
    assert f"both laws by their weights: rectified {share:.1%}, plain {1 - share:.1%}" in done.output
    alone = CliRunner().invoke(cli, ["scaling", "predict", str(file), "--at", "9", "--law", "plain"])
    assert "the plain law alone" in alone.output


def test_the_command_says_how_the_laws_are_weighed(tmp_path: Path) -> None:
    file, fit = tmp_path / "points.csv", tmp_path / "fit.json"
    rows = [f"{one.size},{one.error}" for one in measured(RECTIFIED, 0.002, 14)]
    file.write_text("\n".join(["billion_tokens,error_percent", *rows]))
    arguments = ["scaling", "fit", str(file), "-o", str(fit), "--draws", "20"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert "forecasts use both laws by their weights: rectified 100.0%, plain 0.0%" in done.output
    assert "\nboth\tmodel\t4000\t" in done.output
    held = json.loads(fit.read_text())
    del held["laws"]["rectified"]
    fit.write_text(json.dumps(held))
    failed = CliRunner().invoke(cli, ["scaling", "predict", str(fit), "--at", "9", "--law", "rectified"])
    assert "has no rectified law" in str(failed.exception)


def test_published_curves_without_a_licence_are_read_where_someone_put_them_and_left_out_aloud_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scaling_calibration, "_FETCHED", tmp_path)
    sizes = [200 * 2**step for step in range(14)]
    (tmp_path / "flan.csv").write_text(
        f"config name,0,{','.join(map(str, sizes))},size,family\n"
        + "".join(f"m{row},9,{','.join(f'{5 - step / 9:.9f}' for step in range(14))},1,f\n" for row in range(4))
    )
    curves = [one for part in ("work", "look") for one in scaling_calibration.published(part)]
    told = capsys.readouterr().out
    fetched = [one for one in curves if one.kind == "lin2024"]
    assert len(fetched) == 4
    assert [one.size for one in fetched[0].points] == sizes[:12]
    assert fetched[0].points[1].error == 4.8889
    assert fetched[0].asked == {"largest size": [(1_638_400.0, 3.5556)]}
    assert {one.kind for one in curves} == {"lin2024", "alabdulmohsin2022", "qin2025"}
    assert told.count("wmt19.csv is not there (no licence to copy it") == 2
    assert "flan.csv" not in told
