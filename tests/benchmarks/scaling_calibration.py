"""How often intervals of a fitted scaling law hold the truth: simulated curves, published curves, parameters.

    python -m tests.benchmarks.scaling_calibration 400 --part work

Simulated: half of the curves follow the plain law, half the rectified one, with drawn parameters; 5 to 12 sizes, noise of
log L of .5 % to 2 %. Intervals of the curve are asked between sizes and at 1.5, 2 and 4 times the largest size.

Published: fitted to all sizes up to a quarter of the largest, which is forecast. What was measured there has noise, the
intervals have none. Curves are split by a hash of their names into a part to work on and a part to look at once. Sources:

- alabdulmohsin2022 in `scaling_curves.csv`: Alabdulmohsin et al., "Revisiting Neural Scaling Laws in Language and Vision",
  NeurIPS 2022, https://github.com/google-research/google-research/tree/master/revisiting_neural_scaling_laws (data sets of
  that repository are CC BY 4.0); of the long curves, sizes about a factor of two apart.
- qin2025 in `scaling_curves.csv`: Qin et al., "Scaling Laws of Synthetic Data for Language Models", arXiv 2503.19551: the
  12 figures of table 1.
- lin2024, which is not part of this repository: Lin et al., "Selecting Large Language Model to Fine-tune via Rectified
  Scaling Law", ICML 2024, https://proceedings.mlr.press/v235/lin24j.html; loss of 30 models after fine-tuning on so many
  samples, 90 curves. Their figures stand in a repository without a licence, so fetch them yourself: `flan.csv`,
  `gigaword.csv` and `wmt19.csv` of https://github.com/linhaowei1/Fine-tuning-Scaling-Law/tree/main/benchmark, as they are,
  into `build/lin2024/` below the root of this project. A row is a model: `config name`, a column of losses for each number
  of samples (0, 200, 400, ... 1638400), `size`, `family`. Without the files a line says so and their curves are left out.

Parameters: two models of the shape of that table share beta; 6 sizes with noise of .2 % or 1 %, 12 sizes with 1 %.

Width and interval score (Gneiting and Raftery 2007; lower is better) are in percent of the error.
"""

import argparse
import csv
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgsynth.reports import scaling
from kgsynth.reports.scaling import Fit, Mixture, Parameters, Point

_LEVEL = 0.9
_DRAWS = 200
_CURVES = Path(__file__).with_name("scaling_curves.csv")
_FETCHED = Path(__file__).parents[2] / "build" / "lin2024"
_FETCHED_FROM = "https://github.com/linhaowei1/Fine-tuning-Scaling-Law/tree/main/benchmark"
_TRUE = {
    "3B": Parameters(beta=0.51, scale=95.6, known=1.27, floor=14.21),
    "8B": Parameters(beta=0.51, scale=42.3, known=0.752, floor=16.18),
}
_SIZES = {
    6: (10, 50, 250, 300, 1000, 4000),
    12: (1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2000, 4000),
}
_AT = (5.0, 500.0, 20_000.0)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """What was measured, and the truth (or a measurement) at other sizes, by group of sizes."""

    kind: str
    points: list[Point]
    asked: dict[str, list[tuple[float, float]]]


def simulated(count: int, seed: int) -> Iterator[Curve]:
    """Curves of both laws in turn."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        law, sizes = _law(rng, is_plain=number % 2 == 0)
        noise = np.exp(rng.normal(size=len(sizes)) * rng.uniform(0.005, 0.02))
        points = [
            Point(model="model", size=float(size), error=float(error))
            for size, error in zip(sizes, law.error(sizes) * noise, strict=True)
        ]
        between = np.sqrt(sizes[[0, len(sizes) // 2 - 1, -2]] * sizes[[1, len(sizes) // 2, -1]])
        asked = {"between sizes": between, "up to 4 times the largest": sizes[-1] * np.array([1.5, 2, 4])}
        yield Curve(
            "plain truth" if law.known == 0 else "rectified truth",
            points,
            {name: [(float(size), float(law.error(size))) for size in at] for name, at in asked.items()},
        )


def _law(rng: np.random.Generator, *, is_plain: bool) -> tuple[Parameters, Floats]:
    """Drawn parameters and sizes; E is 5 % to 85 % of the error at the least size."""
    number, ratio = int(rng.integers(5, 13)), rng.uniform(1.6, 4)
    places = rng.uniform(-1, 3) * math.log(10) + math.log(ratio) * (np.arange(number) + 0.15 * rng.normal(size=number))
    places.sort()
    beta = rng.uniform(0.2, 1.0)
    known = 0.0 if is_plain else math.exp(beta * rng.uniform(places[0], places[-1])) * rng.uniform(0.3, 1.5)
    first = rng.uniform(20, 80)
    floor = first * rng.uniform(0.05, 0.85)
    scale = (first - floor) * (known + math.exp(beta * places[0]))
    return Parameters(beta=beta, scale=scale, known=known, floor=floor), np.exp(places)


def published(part: str) -> Iterator[Curve]:
    """Curves of the part to `work` on, or of the part to `look` at once."""
    for source, task, model, measured in (*_fetched(), *_own()):
        is_work = int(hashlib.sha256(f"{source}|{task}|{model}".encode()).hexdigest(), 16) % 2 == 0
        points = [Point(model="model", size=size, error=error) for size, error in measured]
        last = points[-1]
        seen = [one for one in points if one.size <= 1.02 * last.size / 4]
        if is_work == (part == "work") and len(seen) >= 5:
            yield Curve(source, seen, {"largest size": [(last.size, last.error)]})


def _own() -> Iterator[tuple[str, str, str, list[tuple[float, float]]]]:
    """Source, task, model, and what was measured at which size, of the curves in this repository."""
    with _CURVES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sizes, errors = (map(float, row[name].split()) for name in ("sizes", "errors"))
            yield row["source"], row["task"], row["model"], list(zip(sizes, errors, strict=True))


def _fetched() -> Iterator[tuple[str, str, str, list[tuple[float, float]]]]:
    """The same of the curves of Lin et al., for each of their files that is there."""
    for task in ("flan", "gigaword", "wmt19"):
        path = _FETCHED / f"{task}.csv"
        if not path.is_file():
            print(f"left out: {path} is not there (no licence to copy it; fetch it from {_FETCHED_FROM})")
            continue
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                sizes = [name for name in row if name.isdigit() and name != "0"]
                measured = [(float(size), round(float(row[size]), 4)) for size in sizes]
                yield "lin2024", task, row["config name"], measured


def forecasters(points: list[Point], seed: int) -> dict[str, Fit | Mixture]:
    """All ways of forecasting that are compared."""
    exact = [
        scaling.fit(points, law=law, is_shared=True, draws=_DRAWS, seed=seed, may_depart=False) for law in scaling.LAWS
    ]
    return {
        "rectified, exact": exact[0],
        "plain, exact": exact[1],
        "lower AIC, exact (before)": min(exact, key=lambda one: one.aic),
        "both by weights, exact": scaling.mix(exact),
        "both by weights, departing (default)": scaling.fit_laws(points, is_shared=True, draws=_DRAWS, seed=seed)[0],
    }


def score(low: float, high: float, value: float) -> float:
    """The interval score of Gneiting and Raftery (2007), of logs."""
    missed = max(0.0, low - value, value - high)
    return high - low + 2 / (1 - _LEVEL) * missed


def table(title: str, curves: Iterator[Curve]) -> None:
    """Print coverage, median width, mean score, median error and share of forecasts that are too high."""
    found: dict[tuple[str, str], list[tuple[bool, float, float, float]]] = {}
    number = 0
    for number, curve in enumerate(curves, 1):
        for name, fitted in forecasters(curve.points, number).items():
            for group, asked in curve.asked.items():
                said = scaling.predict(fitted, "model", [size for size, _ in asked], level=_LEVEL)
                for one, (_, true) in zip(said, asked, strict=True):
                    low, high, value = math.log(one["low"]), math.log(one["high"]), math.log(true)
                    off = math.log(one["error_percent"]) - value
                    row = (low <= value <= high, high - low, score(low, high, value), off)
                    for of in (group, f"{group}, {curve.kind}"):
                        found.setdefault((of, name), []).append(row)
    print(f"\n{title}: {number} curves")
    print(f"{'':48}{'':38}{'held':>7}{'width':>7}{'score':>7}{'error':>7}{'too high':>9}")
    for (group, name), rows in sorted(found.items(), key=lambda one: one[0][0]):
        hits, widths, scores, offs = map(np.array, zip(*rows, strict=True))
        figures = f"{hits.mean():7.3f}{100 * np.median(widths):7.1f}{100 * scores.mean():7.1f}"
        print(f"{group:48}{name:38}{figures}{100 * np.median(abs(offs)):7.1f}{(offs > 0).mean():9.2f}", flush=True)


def covered(seed: int, noise: float, sizes: tuple[float, ...], *, may_depart: bool) -> dict[str, list[bool]]:
    """Of one simulation of the paper's table: whether each interval of the rectified law holds the truth."""
    rng = np.random.default_rng(seed)
    points = [
        Point(model=model, size=size, error=float(law.error(size)) * math.exp(rng.normal(scale=noise)))
        for model, law in _TRUE.items()
        for size in sizes
    ]
    fitted = scaling.fit(points, law="rectified", is_shared=True, draws=100, seed=seed, may_depart=may_depart)
    found: dict[str, list[bool]] = {}
    for model, law in _TRUE.items():
        for name in ("beta", "scale", "known", "floor"):
            low, high = fitted.interval((getattr(draw[model], name) for draw in fitted.draws), _LEVEL)
            found.setdefault(name, []).append(low <= getattr(law, name) <= high)
        for one in scaling.predict(fitted, model, _AT, level=_LEVEL):
            true = float(law.error(one["billion_tokens"]))
            found.setdefault(f"L({one['billion_tokens']:g})", []).append(one["low"] <= true <= one["high"])
    return found


def parameters(count: int) -> None:
    """Print how often intervals of the parameters hold the truth."""
    for number, noise, may_depart in ((6, 0.002, False), (6, 0.01, False), (12, 0.01, False), (12, 0.01, True)):
        hits: dict[str, list[bool]] = {}
        for seed in range(count):
            for name, own in covered(seed, noise, _SIZES[number], may_depart=may_depart).items():
                hits.setdefault(name, []).extend(own)
        shares = ", ".join(f"{name} {np.mean(own):.3f}" for name, own in hits.items())
        print(f"{number} sizes, noise {noise:.1%}, {'departing' if may_depart else 'exact'}: {shares}", flush=True)


def main() -> None:
    """All tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=int, nargs="?", default=400, help="simulated curves; 0 for none")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated curves")
    parser.add_argument("--part", choices=("work", "look", "none"), default="work", help="of the published curves")
    parser.add_argument("--parameters", type=int, default=0, help="simulations of the paper's table")
    asked = parser.parse_args()
    tables: list[Callable[[], None]] = []
    if asked.curves:
        tables.append(lambda: table("simulated", simulated(asked.curves, asked.seed)))
    if asked.part != "none":
        tables.append(lambda: table(f"published, part to {asked.part} on", published(asked.part)))
    if asked.parameters:
        tables.append(lambda: parameters(asked.parameters))
    for one in tables:
        started = time.monotonic()
        one()
        print(f"({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
