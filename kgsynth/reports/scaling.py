"""The rectified scaling law: predict a model's error from the amount of training data, with intervals.

    L(D) = B / (D_l + D^beta) + E        rectified (Lin et al., arXiv 2402.02314; used by arXiv 2503.19551)
    L(D) = B / D^beta + E                plain

D is in billions of tokens, L in percent. D_l is the model's prior knowledge, in the unit of D^beta. E is the error that
remains with any amount of this data.

No curve follows a law exactly. A forecast therefore averages both laws by their Akaike weights (Burnham and Anderson
2002). It also lets the curve depart from each law by as much as the residuals of that law suggest (Kennedy and O'Hagan
2001).
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import ConfigError, quoted
from kgsynth.randomness import stream
from kgsynth.records import plain
from kgsynth.reports.law_fit import BETA_BOUNDS, MOST_KNOWN, Departure, LawFit, Layout

Law = Literal["rectified", "plain"]
LAWS: tuple[Law, ...] = ("rectified", "plain")
Floats = NDArray[np.float64]

# Residuals of log L beyond this many standard deviations count linearly: 99 % of the efficiency of least squares when
# there are no outliers (Huber 1964).
_HUBER = 2.0
# A departure is computed at the measured sizes and at these multiples of the smallest and the largest size. It is
# linear between them.
_BELOW = (1 / 256, 1 / 4)
_BEYOND = (2.0, 4.0, 16.0, 256.0, 65536.0)
# The search for a size extends to this multiple of the largest size, on a grid with this number of sizes.
_REACH = 1e12
_GRID = 2000
# A prediction extrapolates far beyond this multiple of the largest size, or below the smallest size divided by it.
FAR = 4.0
_SIZE_COLUMNS = ("billion_tokens", "tokens", "samples")
_ERROR_COLUMNS = ("error_percent", "accuracy_percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measurement: `size` in billions of tokens, `error` in percent, in (0, 100]."""

    model: str
    size: float
    error: float
    held_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The law of one model; `known` is D_l, which is 0 for the plain law, and `floor` is E."""

    beta: float
    scale: float
    known: float
    floor: float

    def error(self, size: float | Floats) -> Any:
        """L(D) in percent, at sizes in billions of tokens."""
        return self.scale / (self.known + np.asarray(size, dtype=float) ** self.beta) + self.floor

    def size(self, error: float) -> float:
        """The size that gives an error: infinite if no size does, 0 if no data are needed."""
        if error <= self.floor:
            return math.inf
        base = self.scale / (error - self.floor) - self.known
        return base ** (1 / self.beta) if base > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A law fitted to the points of one or more models, with the fits of simulated points in `draws`.

    `deviation` is the standard deviation of log L around the law. `residuals` are the log L of each point minus that of
    the law, in the order of `points`. `knots` are sizes; `departure` is the expected departure of log L from the law at
    these sizes, and `departures` holds the same for each draw. A fit of an exact law has no knots. `aic` is that of the
    law with independent noise, `departing_aic` that of the law with noise and a departure.
    """

    law: Law
    points: tuple[Point, ...]
    parameters: Mapping[str, Parameters]
    draws: tuple[Mapping[str, Parameters], ...]
    deviation: float
    residuals: tuple[float, ...]
    aic: float
    is_shared: bool
    departing_aic: float | None = None
    knots: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    departure: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    departures: tuple[Mapping[str, tuple[float, ...]], ...] = ()

    def interval(self, values: Iterable[float], level: float) -> tuple[float, float]:
        """The central interval that contains the share `level` of the values."""
        return interval(values, level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Several laws fitted to the same points, with weights that sum to 1."""

    fits: tuple[Fit, ...]
    weights: tuple[float, ...]

    @property
    def points(self) -> tuple[Point, ...]:
        """The points of all fits."""
        return self.fits[0].points

    @property
    def criteria(self) -> tuple[float, ...]:
        """Akaike's criterion of each fit that the weights come from (see `mix`)."""
        return _criteria(self.fits)

    @property
    def models(self) -> list[str]:
        """The names of the models, sorted."""
        return sorted(self.fits[0].parameters)


def interval(values: Iterable[float], level: float) -> tuple[float, float]:
    """The central interval that contains the share `level` of the values; NaN if there are none."""
    ordered = np.sort(np.fromiter(values, dtype=float))
    if not ordered.size:
        return math.nan, math.nan
    # The values are not interpolated, because they may be infinite.
    low = math.floor((1 - level) / 2 * (ordered.size - 1))
    return float(ordered[low]), float(ordered[ordered.size - 1 - low])


def read_points(path: Path, *, tokens_per_sample: float | None = None) -> list[Point]:
    """Read the points of a CSV file.

    Args:
        path: a file with a size column (`billion_tokens`, `tokens`, or `samples`), an error column (`error_percent` or
            `accuracy_percent`), and optionally `model` and `held_out` (1 for points that the fit must not use).
            Several errors of a model at one size are repeated measurements.
        tokens_per_sample: required for a column `samples`.

    Raises:
        ConfigError: a column is missing, or a value is not a number or out of range; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
            columns = rows[0].keys() if rows else ()
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise ConfigError(f"{path} cannot be read: {fault}") from fault
    sizes = [name for name in _SIZE_COLUMNS if name in columns]
    errors = [name for name in _ERROR_COLUMNS if name in columns]
    if len(sizes) != 1 or len(errors) != 1:
        raise ConfigError(
            f"{path} has the columns {', '.join(filter(None, columns)) or '(none)'}",
            hint=f"Give one of {', '.join(_SIZE_COLUMNS)} and one of {', '.join(_ERROR_COLUMNS)}; and model where "
            "there are several.",
        )
    if sizes[0] == "samples" and not tokens_per_sample:
        raise ConfigError(f"{path} counts samples", hint="Give --tokens-per-sample, so that sizes are tokens.")
    unit = {"billion_tokens": 1.0, "tokens": 1e-9, "samples": (tokens_per_sample or 0) * 1e-9}[sizes[0]]
    points = []
    for line, row in enumerate(rows, 2):
        where = f"{path}, line {line}"
        size, error = _number(row, sizes[0], where) * unit, _number(row, errors[0], where)
        error = 100 - error if errors[0] == "accuracy_percent" else error
        if size <= 0:
            raise ConfigError(f"{where}: {sizes[0]} is {row[sizes[0]]}: give more than 0")
        if not 0 < error <= 100:
            raise ConfigError(f"{where}: {errors[0]} is {row[errors[0]]}: give percent, so that the error is over 0")
        model = (row.get("model") or "model").strip()
        held_out = (row.get("held_out") or "0").strip().casefold() in ("1", "true", "yes")
        points.append(Point(model=model, size=size, error=error, held_out=held_out))
    if not points:
        raise ConfigError(f"{path} holds no point")
    return sorted(points, key=lambda point: (point.model, point.size))


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {name} is {quoted(row[name])}, no number") from None
    if not math.isfinite(value):
        raise ConfigError(f"{where}: {name} is {row[name]}")
    return value


def fit(points: Sequence[Point], *, law: Law, is_shared: bool, draws: int, seed: int, may_depart: bool = True) -> Fit:
    """Fit a law by Huber loss on the residuals of log L, from a grid of starts within bounds.

    Intervals come from a parametric bootstrap: points are simulated around the fitted law and fitted again. They
    deviate from the law by noise and by a smooth departure of the curve, both drawn from their distribution given the
    residuals (`Departure`). Repeated measurements at one size separate the noise from the departure.

    Args:
        points: measurements; held-out points are not used.
        law: the law to fit.
        is_shared: use one beta for all models.
        draws: number of simulated fits; 0 for no intervals.
        seed: seed of the draws.
        may_depart: whether the curve may depart from the law; if not, all residuals count as noise, and intervals are
            valid only if the law is exact.

    Raises:
        ConfigError: there are not more points than parameters, or there are fewer sizes than parameters.
    """
    used = [one for one in points if not one.held_out]
    unseen = {one.model for one in points} - {one.model for one in used}
    if unseen:
        raise ConfigError(f"all points of {', '.join(sorted(unseen))} are held out", hint="Leave some to the fit.")
    models = sorted({one.model for one in used})
    layout = Layout(
        np.log([one.size for one in used]),
        np.array([models.index(one.model) for one in used]),
        np.log([one.error for one in used]),
    )
    shape = LawFit(layout, len(models), has_known=law == "rectified", is_shared=is_shared and len(models) > 1)
    _demand_enough(used, shape, models, law)
    best = shape.best(huber=_HUBER)
    residuals = shape.logs - shape.expected(best[None])[0]
    deviation = float(np.sqrt((residuals**2).sum() / (len(used) - shape.count)))
    rng = stream(seed, f"scaling {law}", 0)
    held: dict[str, Any] = {}
    if may_depart:
        drawn, held = _departures(used, models, layout, shape, best, draws, rng)
    else:
        drawn = shape.refit(_noisy(shape, best, deviation, draws, rng), best, huber=_HUBER) if draws else best[:0, None]
    return Fit(
        law=law,
        points=tuple(points),
        parameters=_parameters(shape, models, best),
        draws=tuple(_parameters(shape, models, one) for one in drawn),
        deviation=deviation,
        residuals=tuple(float(one) for one in residuals),
        aic=_aic(residuals, shape.count),
        is_shared=shape.is_shared,
        **held,
    )


def _demand_enough(used: Sequence[Point], shape: LawFit, models: Sequence[str], law: Law) -> None:
    hint = "Measure more sizes; the plain law needs one less, and several models may share beta."
    least = shape.each + (0 if shape.is_shared else 1)
    for model in models:
        own = [one.size for one in used if one.model == model]
        if len(set(own)) < least:
            raise ConfigError(f"{_counted(own)} of {model} do not tell {least} parameters of the {law} law", hint=hint)
    places = [(one.model, one.size) for one in used]
    if len(places) <= shape.count or len(set(places)) < shape.count:
        raise ConfigError(f"{_counted(places)} do not tell {shape.count} parameters of the {law} law", hint=hint)


def _counted(places: Sequence[object]) -> str:
    different = len(set(places))
    return f"{len(places)} points" + ("" if different == len(places) else f" ({different} without repetitions)")


def _noisy(shape: LawFit, best: Floats, deviation: float, draws: int, rng: np.random.Generator) -> Floats:
    """Points around the law, (draws, points); the deviation has a scaled inverse chi-square distribution."""
    freedom = len(shape.logs) - shape.count
    spread = deviation * np.sqrt(freedom / rng.chisquare(freedom, size=draws))
    noise = rng.normal(size=(draws, len(shape.logs))) * np.maximum(spread, 1e-12)[:, None]
    return np.asarray(shape.expected(best[None]) + noise)


def _departures(
    used: Sequence[Point],
    models: Sequence[str],
    layout: Layout,
    shape: LawFit,
    best: Floats,
    draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, dict[str, Any]]:
    """Vectors of simulated fits, (draws, parameters), and what a `Fit` says of departures."""
    knots = {model: _knots([one.size for one in used if one.model == model]) for model in models}
    places = [
        np.concatenate([layout.log_sizes[layout.model == number], np.log(knots[model])])
        for number, model in enumerate(models)
    ]
    expected = shape.expected(best[None])
    departure = Departure(shape.logs - expected[0], shape.slopes(best[None])[0], places, layout.model)

    def by_model(values: Floats) -> dict[str, tuple[float, ...]]:
        return {
            model: tuple(round(float(one), 7) for one in values[rows])
            for model, rows in zip(models, departure.knots, strict=True)
        }

    found: list[Mapping[str, tuple[float, ...]]] = []
    vectors = np.empty((0, shape.count))
    if draws:
        drawn = departure.draw(rng, draws)
        logs = expected + drawn.at_points
        vectors = shape.refit(logs, best, huber=_HUBER)
        found = [by_model(one) for one in departure.given(drawn, logs - shape.expected(vectors))]
    return vectors, {
        "departing_aic": departure.aic(),
        "knots": knots,
        "departure": by_model(departure.mean()),
        "departures": tuple(found),
    }


def _knots(sizes: Sequence[float]) -> tuple[float, ...]:
    measured = sorted(set(sizes))
    below, beyond = [measured[0] * one for one in _BELOW], [measured[-1] * one for one in _BEYOND]
    return (*below, *measured, *beyond)


def _parameters(shape: LawFit, models: Sequence[str], vector: Floats) -> dict[str, Parameters]:
    """The parameters of each model, converted to the units of the points."""
    found = {}
    for number, model in enumerate(models):
        first = shape.betas + shape.each * number
        beta = float(vector[0 if shape.is_shared else number])
        power, least = math.exp(beta * shape.centres[number]), math.exp(shape.least[number])
        found[model] = Parameters(
            beta=beta,
            scale=math.exp(vector[first]) * least * power,
            known=float(vector[first + 1]) * power if shape.has_known else 0.0,
            floor=float(vector[first + shape.each - 1]) * least,
        )
    return found


def _aic(residuals: Floats, parameters: int) -> float:
    """Akaike's criterion for normal residuals; the deviation counts as a parameter.

    The correction for few points is not applied, because it would exclude the rectified law for two models with 11
    points.
    """
    return len(residuals) * math.log(max(float((residuals**2).mean()), 1e-18)) + 2 * (parameters + 1)


def mix(fits: Sequence[Fit]) -> Mixture:
    """Combine fits of several laws to the same points by Akaike weights (Burnham and Anderson 2002).

    Akaike's criterion is that of the laws with departures. If a fit has no departure, as for an exact law, it is that
    of the laws with independent noise.

    Raises:
        ConfigError: there is no fit, or the fits have different points or models.
    """
    if not fits or any(
        one.points != fits[0].points or one.parameters.keys() != fits[0].parameters.keys() for one in fits
    ):
        raise ConfigError("the fits of a mixture must have the same points and the same models")
    logs = -np.array(_criteria(fits)) / 2
    shares = np.exp(logs - logs.max())
    return Mixture(fits=tuple(fits), weights=tuple(float(one) for one in shares / shares.sum()))


def _criteria(fits: Sequence[Fit]) -> tuple[float, ...]:
    known = tuple(one.departing_aic for one in fits if one.departing_aic is not None)
    return known if len(known) == len(fits) else tuple(one.aic for one in fits)


def fit_laws(points: Sequence[Point], *, is_shared: bool, draws: int, seed: int) -> tuple[Mixture, list[str]]:
    """Fit all laws for which there are enough points, and mix them.

    Returns:
        The mixture, and for each omitted law the reason.

    Raises:
        ConfigError: there are too few points for the plain law, which needs the fewest.
    """
    fits, left_out = [], []
    for law in LAWS:
        try:
            fits.append(fit(points, law=law, is_shared=is_shared, draws=draws, seed=seed))
        except ConfigError as error:
            if law == "plain":
                raise
            left_out.append(f"no {law} law: {error}")
    return mix(fits), left_out


def predict(fitted: Fit | Mixture, model: str, sizes: Sequence[float], *, level: float) -> list[dict[str, Any]]:
    """Predict the error of a model at some sizes.

    Args:
        fitted: a law, or a mixture of laws.
        model: name of one of its models.
        sizes: sizes in billions of tokens.
        level: level of the intervals, in (0, 1).

    Returns:
        For each size: billion_tokens, error_percent, low, high (of the curve, without the noise of a measurement), and
        `far`, which is true if the size is more than a factor of 4 outside the measured range.

    Raises:
        ConfigError: there is no such model.
    """
    measured = _measured(fitted, model)
    means, drawn = _curves(fitted, model, sizes)
    return [
        {
            "billion_tokens": float(size),
            "error_percent": float(mean),
            **_bounds(of_size, level),
            "far": bool(size > FAR * measured[-1] or size < measured[0] / FAR),
        }
        for size, mean, of_size in zip(sizes, means, drawn.T, strict=True)
    ]


def size_for(fitted: Fit | Mixture, model: str, error: float, *, level: float) -> dict[str, Any]:
    """The smallest size that gives a model an error, as a row like those of `predict`; infinite if no size suffices.

    Raises:
        ConfigError: there is no such model.
    """
    measured = _measured(fitted, model)
    grid = np.geomspace(measured[0] / _REACH, measured[-1] * _REACH, _GRID)
    means, drawn = _curves(fitted, model, grid)
    (size,) = _first_sizes(grid, means[None], error)
    return {
        "error_percent": float(error),
        "billion_tokens": float(size),
        **_bounds(_first_sizes(grid, drawn, error), level),
        "far": bool(size > FAR * measured[-1] or size < measured[0] / FAR),
    }


def _measured(fitted: Fit | Mixture, model: str) -> list[float]:
    one = fitted.fits[0] if isinstance(fitted, Mixture) else fitted
    if model not in one.parameters:
        raise ConfigError(
            f"the fit has no model {quoted(model)}", hint=f"It has {', '.join(sorted(one.parameters))} (--model)."
        )
    return sorted(point.size for point in one.points if point.model == model and not point.held_out)


def _curves(fitted: Fit | Mixture, model: str, sizes: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    """The expected errors at some sizes, (sizes,), and those of the draws, (draws, sizes).

    The expected errors of a mixture are the weighted geometric mean of its laws. Its draws are a share of the draws of
    each law that is proportional to the law's weight.
    """
    if isinstance(fitted, Fit):
        knots, at = fitted.knots.get(model, ()), np.asarray(sizes, dtype=float)
        law = _errors([fitted.parameters[model]], [fitted.departure[model]] if knots else [], knots, at)
        paths = [one[model] for one in fitted.departures]
        return law[0], _errors([one[model] for one in fitted.draws], paths, knots, at)
    logs, drawn = np.zeros(len(sizes)), []
    for one, weight in zip(fitted.fits, fitted.weights, strict=True):
        mean, own = _curves(one, model, sizes)
        logs += weight * np.log(mean)
        drawn.append(own[: round(weight * len(own))])
    return np.exp(logs), np.concatenate(drawn)


def _errors(
    laws: Sequence[Parameters], departures: Sequence[Sequence[float]], knots: Sequence[float], sizes: Floats
) -> Floats:
    """The errors of some curves at some sizes, (curves, sizes); departures are linear in log size between knots."""
    beta, scale, known, floor = (
        np.array([getattr(one, name) for one in laws])[:, None] for name in ("beta", "scale", "known", "floor")
    )
    found: Floats = scale / (known + sizes**beta) + floor
    if departures:
        shares = [np.interp(np.log(sizes), np.log(knots), row) for row in np.eye(len(knots))]
        found = found * np.exp(np.asarray(departures) @ np.asarray(shares))
    return found


def _first_sizes(grid: Floats, errors: Floats, error: float) -> Floats:
    """The size where each curve (curves, grid) first reaches an error; 0 at the grid's start, infinite if nowhere."""
    reached = errors <= error
    at = np.clip(reached.argmax(axis=1), 1, None)
    rows = np.arange(len(errors))
    above, below = np.log(errors[rows, at - 1] / error), np.log(errors[rows, at] / error)
    share = np.clip(above / np.where(above > below, above - below, 1), 0, 1)
    sizes = np.exp(np.log(grid[at - 1]) + share * np.log(grid[at] / grid[at - 1]))
    return np.where(reached[:, 0], 0.0, np.where(reached.any(axis=1), sizes, math.inf))


def _bounds(values: Floats, level: float) -> dict[str, float]:
    low, high = interval(values, level)
    return {"low": low, "high": high}


def at_bound(fitted: Fit, model: str) -> list[str]:
    """The names of the parameters that ended at a bound of the fit."""
    names = []
    law = fitted.parameters[model]
    low, high = BETA_BOUNDS
    if law.beta <= low * 1.01 or law.beta >= high * 0.99:
        names.append("beta")
    centre = np.log(_measured(fitted, model)).mean()
    if law.known >= MOST_KNOWN * 0.99 * math.exp(law.beta * centre):
        names.append("D_l")
    return names


def without_largest(
    points: Sequence[Point], *, law: Law | None = None, is_shared: bool, draws: int, seed: int, level: float
) -> list[dict[str, Any]]:
    """Predict the error at each model's largest size by a fit without it; empty if too few points remain.

    Args:
        points: measurements; held-out points are not used.
        law: the law to fit; None for the mixture of both.
        is_shared: use one beta for all models.
        draws: number of simulated fits.
        seed: seed of the draws.
        level: level of the intervals, in (0, 1).

    Returns:
        For each model: model, billion_tokens, error_percent (measured; the mean of repeated measurements), predicted,
        low, high; the interval is that of a measurement and includes its noise.
    """
    used = [one for one in points if not one.held_out]
    largest = {one.model: one.size for one in sorted(used, key=lambda one: one.size)}
    left = [one for one in used if one.size < largest[one.model]]
    try:
        if law is None:
            fitted: Fit | Mixture = fit_laws(left, is_shared=is_shared, draws=draws, seed=seed)[0]
        else:
            fitted = fit(left, law=law, is_shared=is_shared, draws=draws, seed=seed)
    except ConfigError:
        return []
    fits = fitted.fits if isinstance(fitted, Mixture) else (fitted,)
    deviation = math.exp(sum(math.log(max(one.deviation, 1e-12)) for one in fits) / len(fits))
    rng = stream(seed, "scaling measurement", 0)
    found = []
    for model, size in sorted(largest.items()):
        own = [one.error for one in used if one.model == model and one.size == size]
        means, drawn = _curves(fitted, model, [size])
        noise = rng.normal(scale=deviation / math.sqrt(len(own)), size=len(drawn))
        found.append(
            {
                "model": model,
                "billion_tokens": size,
                "error_percent": sum(own) / len(own),
                "predicted": float(means[0]),
                **_bounds(drawn[:, 0] * np.exp(noise), level),
            }
        )
    return found


def to_row(fitted: Fit) -> dict[str, Any]:
    """A fit as JSON values, including its draws, so that it can be used for predictions later."""
    return {
        "law": fitted.law,
        "units": {"size": "billions of tokens", "error": "percent"},
        "points": [plain(one) for one in fitted.points],
        "parameters": {model: plain(one) for model, one in fitted.parameters.items()},
        "draws": [{model: plain(one) for model, one in draw.items()} for draw in fitted.draws],
        "deviation": fitted.deviation,
        "residuals": list(fitted.residuals),
        "aic": fitted.aic,
        "is_shared": fitted.is_shared,
        "departing_aic": fitted.departing_aic,
        "knots": {model: list(one) for model, one in fitted.knots.items()},
        "departure": {model: list(one) for model, one in fitted.departure.items()},
        "departures": [{model: list(one) for model, one in draw.items()} for draw in fitted.departures],
    }


def from_row(row: Mapping[str, Any]) -> Fit:
    """Read a fit from the result of `to_row`.

    Rows of older versions, without departures, are fits of an exact law.

    Raises:
        ConfigError: the row is not a fit.
    """
    try:
        return Fit(
            law=row["law"],
            points=tuple(Point(**one) for one in row["points"]),
            parameters={model: Parameters(**one) for model, one in row["parameters"].items()},
            draws=tuple({model: Parameters(**one) for model, one in draw.items()} for draw in row["draws"]),
            deviation=row["deviation"],
            residuals=tuple(row["residuals"]),
            aic=row["aic"],
            is_shared=row["is_shared"],
            departing_aic=row.get("departing_aic"),
            knots=_tuples(row.get("knots", {})),
            departure=_tuples(row.get("departure", {})),
            departures=tuple(_tuples(draw) for draw in row.get("departures", ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"not a fit ({error!r})", hint="`kgsynth scaling fit POINTS.csv -o FIT.json` writes one."
        ) from error


def _tuples(values: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, ...]]:
    return {model: tuple(one) for model, one in values.items()}
