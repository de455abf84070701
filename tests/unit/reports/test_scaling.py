"""Tests of `kgsynth.reports.scaling`."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kgsynth.cli import cli
from kgsynth.errors import ConfigError
from kgsynth.reports import scaling
from kgsynth.reports.scaling import Parameters, Point

# Table 1 of arXiv 2503.19551: accuracy on MATH in percent at so many billions of tokens.
SIZES = (10, 50, 250, 300, 1000, 4000)


ACCURACY = {"3B": (64.6, 74.7, 80.5, 80.9, 83.1, 84.4), "8B": (73.2, 78.6, 81.4, 81.6, 82.6, 83.2)}


TRUE = {
    "3B": Parameters(beta=0.51, scale=95.6, known=1.27, floor=14.21),
    "8B": Parameters(beta=0.51, scale=42.3, known=0.752, floor=16.18),
}


def paper(**more: bool) -> list[Point]:
    return [
        Point(model=model, size=size, error=100 - value, **more)
        for model, values in ACCURACY.items()
        for size, value in zip(SIZES, values, strict=True)
    ]


def simulated(seed: int, noise: float, sizes: tuple[float, ...] = SIZES) -> list[Point]:
    rng = np.random.default_rng(seed)
    return [
        Point(model=model, size=size, error=float(law.error(size)) * math.exp(rng.normal(scale=noise)))
        for model, law in TRUE.items()
        for size in sizes
    ]


def csv_of(path: Path, points: list[Point], header: str = "model,billion_tokens,error_percent,held_out") -> Path:
    rows = [f"{one.model},{one.size},{one.error},{int(one.held_out)}" for one in points]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_one_beta_meets_the_twelve_points_of_the_paper() -> None:
    fitted = scaling.fit(paper(), law="rectified", is_shared=True, draws=0, seed=1)
    for one in paper():
        assert abs(float(fitted.parameters[one.model].error(one.size)) - one.error) <= 0.03
    assert fitted.parameters["3B"].beta == fitted.parameters["8B"].beta == pytest.approx(0.51, abs=0.02)
    plain = scaling.fit(paper(), law="plain", is_shared=True, draws=0, seed=1)
    worst = max(abs(float(plain.parameters[one.model].error(one.size)) - one.error) for one in paper())
    assert worst > 0.2
    assert fitted.aic < plain.aic
    assert plain.parameters["3B"].known == 0


def test_points_without_noise_give_the_law_back() -> None:
    fitted = scaling.fit(simulated(1, 0), law="rectified", is_shared=True, draws=0, seed=1)
    for model, law in TRUE.items():
        for name in ("beta", "scale", "known", "floor"):
            assert getattr(fitted.parameters[model], name) == pytest.approx(getattr(law, name), rel=0.02)
    own = scaling.fit(simulated(1, 0), law="rectified", is_shared=False, draws=0, seed=1)
    assert not own.is_shared
    assert own.parameters["3B"].beta == pytest.approx(0.51, rel=0.02)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """A small form of `tests/benchmarks/scaling_calibration.py`, whose 200 simulations stand in docs/figures/scaling-law.md."""
    hits = []
    for seed in range(8):
        fitted = scaling.fit(simulated(seed, 0.005), law="rectified", is_shared=True, draws=30, seed=seed)
        for model, law in TRUE.items():
            low, high = fitted.interval((draw[model].floor for draw in fitted.draws), 0.9)
            hits.append(low <= law.floor <= high)
            (one,) = scaling.predict(fitted, model, [500], level=0.9)
            hits.append(one["low"] <= float(law.error(500)) <= one["high"])
    assert 0.7 <= np.mean(hits) <= 1


def test_the_same_seed_gives_the_same_fit_and_it_is_read_back() -> None:
    fits = [scaling.fit(simulated(2, 0.01), law="rectified", is_shared=True, draws=20, seed=5) for _ in range(2)]
    assert fits[0] == fits[1]
    assert scaling.from_row(json.loads(json.dumps(scaling.to_row(fits[0])))) == fits[0]
    with pytest.raises(ConfigError, match="not a fit"):
        scaling.from_row({"law": "rectified"})


def test_an_outlier_moves_the_law_less_than_it_moves_least_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (5, 10, 20, 50, 100, 250, 500, 1000, 2000, 4000)
    points = simulated(4, 0.002, sizes)
    bad = [*points[:7], Point(model="3B", size=points[7].size, error=points[7].error * 1.2), *points[8:]]

    def distance() -> float:
        fitted = scaling.fit(bad, law="rectified", is_shared=True, draws=0, seed=1)
        return max(
            abs(math.log(float(fitted.parameters["3B"].error(size)) / float(TRUE["3B"].error(size)))) for size in sizes
        )

    robust = distance()
    monkeypatch.setattr(scaling, "_HUBER", 1e6)
    assert robust < 0.8 * distance()


def test_a_size_is_found_for_an_error_and_the_floor_is_never_reached() -> None:
    law = TRUE["3B"]
    for size in (1.0, 30.0, 5000.0):
        assert law.size(float(law.error(size))) == pytest.approx(size)
    assert law.size(law.floor) == math.inf
    assert law.size(99) == 0
    fitted = scaling.fit(paper(), law="rectified", is_shared=True, draws=30, seed=1)
    found = scaling.size_for(fitted, "8B", 15, level=0.9)
    assert found["billion_tokens"] == found["low"] == found["high"] == math.inf
    assert scaling.size_for(fitted, "8B", 17, level=0.9)["low"] < 2300 < 2600
    assert [one["far"] for one in scaling.predict(fitted, "8B", [2, 3, 10, 16000, 16001], level=0.9)] == [
        True, False, False, False, True,
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="no model '7B'"):
        scaling.predict(fitted, "7B", [1], level=0.9)


def test_held_out_points_are_not_seen_and_the_largest_is_predicted() -> None:
    points = [*paper()[:-1], Point(model="8B", size=4000, error=50, held_out=True)]
    with_it = scaling.fit(points, law="rectified", is_shared=True, draws=0, seed=1)
    without = scaling.fit(paper()[:-1], law="rectified", is_shared=True, draws=0, seed=1)
    assert with_it.parameters == without.parameters
    checks = scaling.without_largest(paper(), law="rectified", is_shared=True, draws=60, seed=1, level=0.9)
    assert [one["billion_tokens"] for one in checks] == [4000, 4000]
    for one in checks:
        assert abs(one["predicted"] - one["error_percent"]) < 0.1
        assert one["low"] <= one["error_percent"] <= one["high"]
    few = [one for one in paper() if one.size < 300]
    assert scaling.without_largest(few, law="rectified", is_shared=True, draws=5, seed=1, level=0.9) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,size,error\nx,1,2\n", "has the columns model, size, error"),
        ("billion_tokens,error_percent\n", r"has the columns \(none\)"),
        ("billion_tokens,error_percent\n1,x\n", "line 2: error_percent is 'x', no number"),
        ("billion_tokens,error_percent\n1,5\n0,5\n", "line 3: billion_tokens is 0: give more than 0"),
        ("billion_tokens,accuracy_percent\n1,100\n", "line 2: accuracy_percent is 100"),
        ("billion_tokens,error_percent\n1,0.2\n1,0.3\n", r"2 points \(1 without repetitions\) of model do not tell 4"),
        ("samples,error_percent\n1,2\n", "counts samples"),
        ("billion_tokens,error_percent\n1,nan\n", "line 2: error_percent is nan"),
        ("billion_tokens,error_percent\n1,30\n2,20\n", "2 points of model do not tell 4 parameters"),
    ],
)
def test_bad_points_are_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ConfigError, match=said):
        scaling.fit(scaling.read_points(tmp_path / "p.csv"), law="rectified", is_shared=True, draws=0, seed=1)


def test_units_become_billions_of_tokens_and_percent(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("\ufefftokens,accuracy_percent\n5e9,60\n")
    assert scaling.read_points(tmp_path / "p.csv") == [Point(model="model", size=5, error=40)]
    (tmp_path / "p.csv").write_text("samples,error_percent,held_out\n1e6,40,1\n")
    (point,) = scaling.read_points(tmp_path / "p.csv", tokens_per_sample=500)
    assert (point.size, point.error, point.held_out) == (pytest.approx(0.5), 40, True)


def test_the_command_fits_predicts_and_draws(tmp_path: Path) -> None:
    run = CliRunner()
    points = [*paper()[:-1], Point(model="8B", size=4000, error=16.8, held_out=True)]
    file, fit = csv_of(tmp_path / "p.csv", points), tmp_path / "fit.json"
    done = run.invoke(cli, ["scaling", "fit", str(file), "-o", str(fit), "--draws", "20"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "rectified\t8B\tE\t16.2" in done.output
    assert "the lower AIC is better: rectified" in done.output
    done = run.invoke(cli, ["scaling", "predict", str(fit), "--at", "100,1e6", "--error", "15"], catch_exceptions=False)
    assert "8B\tno size is enough\t15" in done.output
    assert "far: more than 4 times" in done.output
    heads = {".png": b"\x89PNG", ".svg": b"<svg", ".html": b"<!doctype html>"}
    for ending, head in heads.items():
        out = tmp_path / f"law{ending}"
        assert run.invoke(cli, ["scaling", "plot", str(fit), "-o", str(out)], catch_exceptions=False).exit_code == 0
        assert head in out.read_bytes()[:200]
    page = (tmp_path / "law.html").read_text()
    assert "held out" in page
    assert "Without the largest size of each model" in page
    for arguments, said in (
        (["plot", str(fit), "-o", "x.pdf"], "give .png, .svg or .html"),
        (["predict", str(fit)], "nothing to predict"),
        (["predict", str(fit), "--at", "a"], "give numbers separated by commas"),
        (["predict", str(file), "--at", "1"], "cannot be read"),
    ):
        failed = run.invoke(cli, ["scaling", *arguments])
        assert said in str(failed.exception)


def test_the_weights_come_from_the_criterion_that_is_shown(tmp_path: Path) -> None:
    file, fit = csv_of(tmp_path / "p.csv", simulated(4, 0.03)), tmp_path / "fit.json"
    arguments = ["scaling", "fit", str(file), "-o", str(fit), "--draws", "20"]
    said = CliRunner().invoke(cli, arguments, catch_exceptions=False).output
    shown = {law: float(re.search(rf"^{law}: AIC (-?[\d.]+),", said, re.MULTILINE)[1]) for law in scaling.LAWS}
    weights = {law: float(re.search(rf"forecasts use .*\b{law} ([\d.]+)%", said)[1]) / 100 for law in scaling.LAWS}
    assert f"the lower AIC is better: {min(shown, key=shown.get)}" in said
    share = 1 / (1 + math.exp((shown["rectified"] - shown["plain"]) / 2))
    assert 0.05 < share < 0.95
    assert weights == {"rectified": pytest.approx(share, abs=0.03), "plain": pytest.approx(1 - share, abs=0.03)}
    page = tmp_path / "law.html"
    CliRunner().invoke(cli, ["scaling", "plot", str(fit), "-o", str(page)], catch_exceptions=False)
    assert f"AIC of the plain law {shown['plain']}" in page.read_text()


def test_a_fit_says_when_it_tells_nothing(tmp_path: Path) -> None:
    def fit(*rows: tuple[object, ...]) -> Result:
        file = tmp_path / "points.csv"
        file.write_text(
            "\n".join(
                ",".join(map(str, row)) for row in (("model", "billion_tokens", "error_percent", "held_out"), *rows)
            )
        )
        arguments = ["scaling", "fit", str(file), "-o", str(tmp_path / "fit.json"), "--draws", "20"]
        return CliRunner().invoke(cli, arguments)

    rising = fit(*[("a", size, 10 + place, 0) for place, size in enumerate((1, 10, 100, 1000, 4000, 9000))])
    assert "warning: plain law: a: the error is no smaller at 9000 than at 1 billion tokens" in rising.output
    assert "ended at a bound" in rising.output
    hidden = fit(("a", 1, 20, 0), ("a", 10, 15, 0), ("a", 100, 12, 0), ("a", 1000, 11, 0), ("b", 1, 9, 1))
    assert isinstance(hidden.exception, ConfigError)
    assert "all points of b are held out" in str(hidden.exception)
    good = fit(*[("a", size, 40 / (1 + size**0.5) + 10, 0) for size in (1, 5, 10, 50, 100, 500, 1000, 4000)])
    assert "warning" not in good.output
    page = CliRunner().invoke(cli, ["scaling", "plot", str(tmp_path / "fit.json"), "-o", str(tmp_path / "law.html")])
    assert page.exit_code == 0, page.output
    text = (tmp_path / "law.html").read_text()
    assert re.search(r'<td class="text">plain</td><td class="text">a</td><td class="count" data-value="4000.0">', text)
