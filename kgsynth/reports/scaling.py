"""The rectified scaling law: what a model's error will be after so much data, fitted with intervals.

    L(D) = B / (D_l + D^beta) + E        rectified (Lin et al., arXiv 2402.02314; used by arXiv 2503.19551)
    L(D) = B / D^beta + E                plain

D is in billions of tokens, L in percent. D_l is what the model knew before, in the same measure as D^beta; E is what no
amount of this data takes away.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import ConfigError
from kgsynth.randomness import stream
from kgsynth.records import plain

Law = Literal["rectified", "plain"]
Floats = NDArray[np.float64]

# Residuals of log L beyond this many standard deviations count linearly: 99 % of the efficiency of least squares when
# there are no outliers (Huber 1964). Never below .0001, for a table that is rounded.
_HUBER = 2.0
_LEAST_DELTA = 1e-4
_BETAS = (0.15, 0.3, 0.5, 0.8, 1.2)
_LEVELS = (0.1, 0.5, 0.9)  # E as a share of the least error
_KNOWN = (0.03, 0.3, 3.0)  # D_l as a share of the least D^beta
_BETA_BOUNDS = (0.01, 4.0)
_MOST_KNOWN = 1e6
# Beyond so many times the largest size, or below the least by as much, a prediction extrapolates far.
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
    """A law of one model; `known` is D_l, 0 for the plain law, and `floor` is E."""

    beta: float
    scale: float
    known: float
    floor: float

    def error(self, size: float | Floats) -> Any:
        """L(D) in percent, at sizes in billions of tokens."""
        return self.scale / (self.known + np.asarray(size, dtype=float) ** self.beta) + self.floor

    def size(self, error: float) -> float:
        """The size that gives an error; infinite when none does, 0 when none is needed."""
        if error <= self.floor:
            return math.inf
        base = self.scale / (error - self.floor) - self.known
        return base ** (1 / self.beta) if base > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A law fitted to the points of one or more models, and as many fits of simulated points as were drawn.

    `deviation` is the standard deviation of log L around the law, `residuals` the log L of each point minus that of the
    law, in the order of `points`.
    """

    law: Law
    points: tuple[Point, ...]
    parameters: Mapping[str, Parameters]
    draws: tuple[Mapping[str, Parameters], ...]
    deviation: float
    residuals: tuple[float, ...]
    aic: float
    is_shared: bool

    def interval(self, values: Iterable[float], level: float) -> tuple[float, float]:
        """The middle `level` of some values."""
        held = np.sort(np.fromiter(values, dtype=float))
        if not held.size:
            return math.nan, math.nan
        # Without interpolation: between two draws one of which is infinite there is no number.
        low = math.floor((1 - level) / 2 * (held.size - 1))
        return float(held[low]), float(held[held.size - 1 - low])


def read_points(path: Path, *, tokens_per_sample: float | None = None) -> list[Point]:
    """The points of a CSV file.

    Args:
        path: with a size column (`billion_tokens`, `tokens`, or `samples`), an error column (`error_percent` or
            `accuracy_percent`), and, where wanted, `model` and `held_out` (1 for points that the fit may not see).
        tokens_per_sample: for a column of samples.

    Raises:
        ConfigError: a column is missing, a value is no number or out of its range; the message names the line.
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
    points: dict[tuple[str, float], Point] = {}
    for line, row in enumerate(rows, 2):
        where = f"{path}, line {line}"
        size, error = _number(row, sizes[0], where) * unit, _number(row, errors[0], where)
        error = 100 - error if errors[0] == "accuracy_percent" else error
        if size <= 0:
            raise ConfigError(f"{where}: {sizes[0]} is {row[sizes[0]]}: give more than 0")
        if not 0 < error <= 100:
            raise ConfigError(f"{where}: {errors[0]} is {row[errors[0]]}: give percent, so that the error is over 0")
        model = (row.get("model") or "model").strip()
        if (model, size) in points:
            raise ConfigError(f"{where}: {model} has two errors at the same size", hint="Give their mean.")
        held_out = (row.get("held_out") or "0").strip().casefold() in ("1", "true", "yes")
        points[model, size] = Point(model=model, size=size, error=error, held_out=held_out)
    if not points:
        raise ConfigError(f"{path} holds no point")
    return sorted(points.values(), key=lambda one: (one.model, one.size))


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {name} is {row[name]!r}, no number") from None
    if not math.isfinite(value):
        raise ConfigError(f"{where}: {name} is {row[name]}")
    return value


def fit(points: Sequence[Point], *, law: Law, is_shared: bool, draws: int, seed: int) -> Fit:
    """Fit a law by Huber loss on the residuals of log L, from a grid of starts within bounds.

    Intervals come from a parametric bootstrap: points are drawn anew around the fitted law and fitted. The deviation
    they are drawn with is itself drawn, from its own distribution given so few points (n - p degrees of freedom, scaled
    inverse chi-square), as a t interval is wider than a normal one.

    Args:
        points: those that are held out are left out.
        law: which.
        is_shared: one beta for all models.
        draws: simulated fits; 0 for no intervals.
        seed: of the draws.

    Raises:
        ConfigError: there are not more points than parameters.
    """
    used = [one for one in points if not one.held_out]
    unseen = {one.model for one in points} - {one.model for one in used}
    if unseen:
        raise ConfigError(f"all points of {', '.join(sorted(unseen))} are held out", hint="Leave some to the fit.")
    models = sorted({one.model for one in used})
    shape = _Shape(used, models, law=law, is_shared=is_shared and len(models) > 1)
    for model in models:
        own = [one for one in used if one.model == model]
        least = shape.each + (0 if shape.is_shared else 1)
        if len(own) < least:
            raise ConfigError(
                f"{len(own)} points of {model} do not tell {least} parameters of the {law} law",
                hint="Measure more sizes; the plain law needs one less, and several models may share beta.",
            )
    freedom = len(used) - shape.count
    if freedom < 1:
        raise ConfigError(
            f"{len(used)} points do not tell {shape.count} parameters of the {law} law",
            hint="Measure more sizes; the plain law needs one less, and several models may share beta.",
        )
    logs = np.log([one.error for one in used])
    best = shape.solve(logs, shape.starts())
    residuals = shape.residuals(best, logs)
    deviation = float(np.sqrt((residuals**2).sum() / freedom))
    simulated = []
    expected = logs - residuals
    for number in range(draws):
        rng = stream(seed, "scaling", number)
        spread = deviation * math.sqrt(freedom / rng.chisquare(freedom))
        drawn = expected + rng.normal(scale=max(spread, 1e-12), size=len(logs))
        simulated.append(shape.parameters(shape.solve(drawn, [best])))
    return Fit(
        law=law,
        points=tuple(points),
        parameters=shape.parameters(best),
        draws=tuple(simulated),
        deviation=deviation,
        residuals=tuple(float(one) for one in residuals),
        aic=_aic(residuals, shape.count),
        is_shared=shape.is_shared,
    )


def _aic(residuals: Floats, parameters: int) -> float:
    """Akaike's criterion of normal residuals; the deviation is a parameter too.

    Without the correction for few points, which makes the rectified law impossible where two models have 11 points.
    """
    return len(residuals) * math.log(max(float((residuals**2).mean()), 1e-18)) + 2 * (parameters + 1)


class _Shape:
    """A law over the points of some models as one vector of parameters.

    In it stand beta (one, or one a model), then for each model log B, D_l where the law has it, and E.
    """

    def __init__(self, points: Sequence[Point], models: Sequence[str], *, law: Law, is_shared: bool) -> None:
        self.models, self.is_shared = models, is_shared
        self._has_known = law == "rectified"
        self.each = 3 if self._has_known else 2
        self._betas = 1 if is_shared else len(models)
        self.count = self._betas + self.each * len(models)
        self._sizes = np.array([one.size for one in points])
        self._logs = np.log(self._sizes)
        self._model = np.array([models.index(one.model) for one in points])
        self._beta_at = np.zeros(len(points), dtype=int) if is_shared else self._model
        self._at = self._betas + self.each * self._model
        least = [min(one.error for one in points if one.model == model) for model in models]
        self._least = np.array(least)
        self._low = np.concatenate(
            [np.full(self._betas, _BETA_BOUNDS[0]), np.tile([-20.0, *[0.0] * (self.each - 1)], len(models))]
        )
        high = [[30.0, *([_MOST_KNOWN] if self._has_known else []), 100.0] for _ in models]
        self._high = np.concatenate([np.full(self._betas, _BETA_BOUNDS[1]), np.ravel(high)])

    def starts(self) -> list[Floats]:
        """A grid of starts; B is such that the first point of each model is met."""
        known = _KNOWN if self._has_known else (0.0,)
        return [self._start(beta, level, share) for beta, level, share in product(_BETAS, _LEVELS, known)]

    def _start(self, beta: float, level: float, share: float) -> Floats:
        vector = np.empty(self.count)
        vector[: self._betas] = beta
        for number in range(len(self.models)):
            own = self._sizes[self._model == number]
            size, floor = own.min(), level * self._least[number]
            held = share * size**beta
            scale = max(1e-6, (self._least[number] * 1.5 - floor) * (held + size**beta))
            values = [math.log(scale), held, floor] if self._has_known else [math.log(scale), floor]
            first = self._betas + self.each * number
            vector[first : first + self.each] = values
        return vector

    def residuals(self, vector: Floats, logs: Floats) -> Floats:
        """Log L of the points minus that of the law."""
        left: Floats = logs - np.log(self._errors(vector)[0])
        return left

    def _errors(self, vector: Floats) -> tuple[Floats, Floats, Floats]:
        powers = np.exp(vector[self._beta_at] * self._logs)
        held = vector[self._at + 1] if self._has_known else 0.0
        parts: Floats = np.exp(vector[self._at]) / (held + powers)
        return parts + vector[self._at + self.each - 1], parts, powers

    def _slopes(self, vector: Floats) -> Floats:
        errors, parts, powers = self._errors(vector)
        held = vector[self._at + 1] if self._has_known else 0.0
        rows = np.arange(len(self._sizes))
        found = np.zeros((len(rows), self.count))
        bases = held + powers
        found[rows, self._beta_at] = parts / bases * powers * self._logs / errors
        found[rows, self._at] = -parts / errors
        if self._has_known:
            found[rows, self._at + 1] = parts / bases / errors
        found[rows, self._at + self.each - 1] = -1 / errors
        return found

    def solve(self, logs: Floats, starts: Sequence[Floats]) -> Floats:
        """The vector of least Huber loss over all starts; its border is set by the residuals themselves."""
        from scipy.optimize import least_squares

        def solved(start: Floats, delta: float) -> Any:
            inside = np.clip(start, self._low + 1e-9, self._high - 1e-9)
            return least_squares(
                lambda vector: self.residuals(vector, logs),
                inside,
                jac=self._slopes,
                bounds=(self._low, self._high),
                x_scale="jac",
                loss="huber",
                f_scale=delta,
                max_nfev=300,
            )

        first = min((solved(start, 1.0) for start in starts), key=lambda one: one.cost)
        freedom = max(1, len(logs) - self.count)
        delta = max(_LEAST_DELTA, _HUBER * math.sqrt(float((first.fun**2).sum()) / freedom))
        return np.asarray(solved(first.x, delta).x, dtype=float)

    def parameters(self, vector: Floats) -> dict[str, Parameters]:
        """The parameters of each model."""
        found = {}
        for number, model in enumerate(self.models):
            first = self._betas + self.each * number
            found[model] = Parameters(
                beta=float(vector[0 if self.is_shared else number]),
                scale=float(np.exp(vector[first])),
                known=float(vector[first + 1]) if self._has_known else 0.0,
                floor=float(vector[first + self.each - 1]),
            )
        return found


def predict(fitted: Fit, model: str, sizes: Sequence[float], *, level: float) -> list[dict[str, Any]]:
    """The error of a model at some sizes.

    Args:
        fitted: the law.
        model: one of its models.
        sizes: in billions of tokens.
        level: of the intervals, in (0, 1).

    Returns:
        For each size: billion_tokens, error_percent, low, high (of the law, without the noise of a measurement), and
        `far`, when it is more than 4 times beyond what was measured.

    Raises:
        ConfigError: the law has no such model.
    """
    law, draws, measured = _of_model(fitted, model)
    return [
        {
            "billion_tokens": float(size),
            "error_percent": float(law.error(size)),
            **_bounds(fitted, (float(one.error(size)) for one in draws), level),
            "far": size > FAR * measured[-1] or size < measured[0] / FAR,
        }
        for size in sizes
    ]


def size_for(fitted: Fit, model: str, error: float, *, level: float) -> dict[str, Any]:
    """The size that a model needs for an error, as `predict` says it; infinite where no size is enough.

    Raises:
        ConfigError: the law has no such model.
    """
    law, draws, measured = _of_model(fitted, model)
    size = law.size(error)
    return {
        "error_percent": float(error),
        "billion_tokens": size,
        **_bounds(fitted, (one.size(error) for one in draws), level),
        "far": size > FAR * measured[-1] or size < measured[0] / FAR,
    }


def _of_model(fitted: Fit, model: str) -> tuple[Parameters, list[Parameters], list[float]]:
    if model not in fitted.parameters:
        raise ConfigError(
            f"the fit has no model {model!r}", hint=f"It has {', '.join(sorted(fitted.parameters))} (--model)."
        )
    measured = sorted(one.size for one in fitted.points if one.model == model and not one.held_out)
    return fitted.parameters[model], [draw[model] for draw in fitted.draws], measured


def _bounds(fitted: Fit, values: Iterable[float], level: float) -> dict[str, float]:
    low, high = fitted.interval(values, level)
    return {"low": low, "high": high}


def at_bound(law: Parameters, *, law_name: Law) -> list[str]:
    """The parameters that ended where the fit was not allowed to go further, by the letters of the law."""
    found = []
    low, high = _BETA_BOUNDS
    if law.beta <= low * 1.01 or law.beta >= high * 0.99:
        found.append("beta")
    if law_name == "rectified" and law.known >= _MOST_KNOWN * 0.99:
        found.append("D_l")
    return found


def without_largest(
    points: Sequence[Point], *, law: Law, is_shared: bool, draws: int, seed: int, level: float
) -> list[dict[str, Any]]:
    """What the law, fitted without the largest size of each model, says of it; none where too few points are left.

    Returns:
        For each model: model, billion_tokens, error_percent (measured), predicted, low, high; the interval is that of a
        measurement, noise and all.
    """
    used = [one for one in points if not one.held_out]
    largest = {one.model: one for one in sorted(used, key=lambda one: one.size)}
    left = [one for one in used if one is not largest[one.model]]
    try:
        fitted = fit(left, law=law, is_shared=is_shared, draws=draws, seed=seed)
    except ConfigError:
        return []
    noise = stream(seed, "scaling measurement", 0).normal(scale=fitted.deviation, size=max(1, draws))
    found = []
    for model, point in sorted(largest.items()):
        drawn = (
            float(draw[model].error(point.size)) * math.exp(one) for draw, one in zip(fitted.draws, noise, strict=False)
        )
        low, high = fitted.interval(drawn, level)
        found.append(
            {
                "model": model,
                "billion_tokens": point.size,
                "error_percent": point.error,
                "predicted": float(fitted.parameters[model].error(point.size)),
                "low": low,
                "high": high,
            }
        )
    return found


def to_row(fitted: Fit) -> dict[str, Any]:
    """A fit as JSON values, draws and all, so that it can predict later."""
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
    }


def from_row(row: Mapping[str, Any]) -> Fit:
    """A fit from what `to_row` made.

    Raises:
        ConfigError: it is something else.
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
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"not a fit ({error!r})", hint="`kgsynth scaling fit POINTS.csv -o FIT.json` writes one."
        ) from error
