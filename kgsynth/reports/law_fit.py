"""Numerics of scaling laws: Huber regression for many curves at once, and departures of curves from a law.

For each model, sizes are scaled by their geometric mean and errors by the smallest error, so that a fit does not depend
on units. A vector of parameters holds beta (one value, or one per model), then per model log B, D_l if the law has it,
and E. Vectors are rows: (curves, parameters); log errors are (curves, points).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Lower bound of the threshold of Huber's loss, for tables with rounded values.
_MIN_THRESHOLD = 1e-4
_BETAS = (0.15, 0.3, 0.5, 0.8, 1.2)
_LEVELS = (0.1, 0.5, 0.9)  # E as a share of the smallest error
_KNOWN = (0.03, 0.3, 3.0)  # D_l as a share of the smallest D^beta
BETA_BOUNDS = (0.01, 4.0)
MOST_KNOWN = 1e6
_MOST_STEPS = 200
_CURVES_AT_ONCE = 256
# A departure is measured along three powers of ten of the size; its standard deviation there is the square root of
# these ratios times that of the noise, each as likely as another.
_SPAN = math.log(1000)
RATIOS = np.geomspace(3, 3000, 9)


@dataclass(frozen=True, slots=True)
class Layout:
    """The points of all models: log sizes, the number of the model of each point, log errors, all (points,)."""

    log_sizes: Floats
    model: NDArray[np.int64]
    log_errors: Floats


class LawFit:
    """A law over the points of some models."""

    def __init__(self, layout: Layout, models: int, *, has_known: bool, is_shared: bool) -> None:
        self.models, self.is_shared, self.has_known = models, is_shared, has_known
        self.each = 3 if has_known else 2
        self.betas = 1 if is_shared else models
        self.count = self.betas + self.each * models
        own = [layout.model == number for number in range(models)]
        self.centres = np.array([layout.log_sizes[of].mean() for of in own])
        self.least = np.array([layout.log_errors[of].min() for of in own])
        self._own, self._model = own, layout.model
        self._sizes = layout.log_sizes - self.centres[layout.model]
        self.logs: Floats = layout.log_errors - self.least[layout.model]
        self._beta_at = np.zeros(len(self.logs), dtype=int) if is_shared else layout.model
        self._at = self.betas + self.each * layout.model
        each_low = [-40.0, *([0.0] if has_known else []), 0.0]
        self._low = np.concatenate([np.full(self.betas, BETA_BOUNDS[0]), np.tile(each_low, models)])
        high = [[40.0, *([MOST_KNOWN] if has_known else []), 100 / math.exp(least)] for least in self.least]
        self._high = np.concatenate([np.full(self.betas, BETA_BOUNDS[1]), np.ravel(high)])

    def starts(self) -> Floats:
        """A grid of starts, (starts, parameters); B gives 1.5 times the smallest error at the smallest size."""
        known = _KNOWN if self.has_known else (0.0,)
        return np.array([self._start(beta, level, share) for beta, level, share in product(_BETAS, _LEVELS, known)])

    def _start(self, beta: float, level: float, share: float) -> Floats:
        vector = np.empty(self.count)
        vector[: self.betas] = beta
        for number, own in enumerate(self._own):
            power = math.exp(beta * self._sizes[own].min())
            scale = math.log((1.5 - level) * (1 + share) * power)
            first = self.betas + self.each * number
            vector[first : first + self.each] = [scale, share * power, level] if self.has_known else [scale, level]
        return vector

    def expected(self, vectors: Floats) -> Floats:
        """Log errors of the law at the points, (curves, points)."""
        return np.asarray(np.log(self._parts(vectors)[0]))

    def _parts(self, vectors: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        powers = np.exp(vectors[:, self._beta_at] * self._sizes)
        bases = powers + (vectors[:, self._at + 1] if self.has_known else 0.0)
        parts = np.exp(vectors[:, self._at]) / bases
        return parts + vectors[:, self._at + self.each - 1], parts, powers, bases

    def slopes(self, vectors: Floats) -> Floats:
        """Derivatives of the log errors with respect to the parameters, (curves, points, parameters)."""
        errors, parts, powers, bases = self._parts(vectors)
        rows = np.arange(len(self.logs))
        found = np.zeros((len(vectors), len(rows), self.count))
        found[:, rows, self._beta_at] = -parts / bases * powers * self._sizes / errors
        found[:, rows, self._at] = parts / errors
        if self.has_known:
            found[:, rows, self._at + 1] = -parts / bases / errors
        found[:, rows, self._at + self.each - 1] = 1 / errors
        return found

    def best(self, *, huber: float) -> Floats:
        """The vector (parameters,) that fits the points best, over all starts."""
        starts = self.starts()
        vectors, cost = self._descend(np.tile(self.logs, (len(starts), 1)), starts, np.full(len(starts), np.inf))
        return np.asarray(self.refit(self.logs[None], vectors[cost.argmin()], huber=huber)[0])

    def refit(self, logs: Floats, start: Floats, *, huber: float) -> Floats:
        """The vectors (curves, parameters) that best fit other log errors (curves, points), from one start.

        The threshold of Huber's loss is `huber` standard deviations of the least-squares residuals.
        """
        found = []
        for first in range(0, len(logs), _CURVES_AT_ONCE):
            part = logs[first : first + _CURVES_AT_ONCE]
            plain, cost = self._descend(part, np.tile(start, (len(part), 1)), np.full(len(part), np.inf))
            deviation = np.sqrt(2 * cost / max(1, len(self.logs) - self.count))
            found.append(self._descend(part, plain, np.maximum(_MIN_THRESHOLD, huber * deviation))[0])
        return np.concatenate(found)

    def _descend(self, logs: Floats, starts: Floats, border: Floats) -> tuple[Floats, Floats]:
        """Levenberg-Marquardt within bounds, all curves at once, each with its own damping (More 1978).

        A parameter at a bound is fixed for the step if the gradient pushes it outwards. Huber's loss is applied through
        weights that are recomputed at each step.

        Returns:
            The vectors, and their loss.
        """
        vectors = np.clip(starts, self._low, self._high)
        left = logs - self.expected(vectors)
        cost = _loss(left, border)
        damping, quiet = np.full(len(vectors), 1e-2), np.zeros(len(vectors), dtype=int)
        open_ = np.arange(len(vectors))
        for _ in range(_MOST_STEPS):
            tried = self._step(vectors[open_], left[open_], border[open_], damping[open_])
            new_left = logs[open_] - self.expected(tried)
            new_cost = _loss(new_left, border[open_])
            better = new_cost < cost[open_]
            gain = (cost[open_] - new_cost) / np.maximum(cost[open_], 1e-300)
            moved = open_[better]
            vectors[moved], left[moved], cost[moved] = tried[better], new_left[better], new_cost[better]
            damping[open_] = np.where(better, damping[open_] / 5, damping[open_] * 4)
            quiet[open_] = np.where(better, np.where(gain < 1e-6, quiet[open_] + 1, 0), quiet[open_])
            open_ = open_[(quiet[open_] < 3) & (damping[open_] < 1e10)]
            if not len(open_):
                break
        return vectors, cost

    def _step(self, vectors: Floats, left: Floats, border: Floats, damping: Floats) -> Floats:
        slopes = self.slopes(vectors)
        weights = np.minimum(1, border[:, None] / np.maximum(np.abs(left), 1e-300))
        weighted = np.swapaxes(slopes * weights[:, :, None], 1, 2)
        down = (weighted @ left[:, :, None])[:, :, 0]
        normal = weighted @ slopes
        held = ((vectors <= self._low) & (down < 0)) | ((vectors >= self._high) & (down > 0))
        free = (~held).astype(float)
        diagonal = np.einsum("cpp->cp", normal)
        normal = normal * free[:, :, None] * free[:, None, :]
        place = np.arange(self.count)
        normal[:, place, place] += damping[:, None] * diagonal * free + 1e-12 + held
        step = np.linalg.solve(normal, (down * free)[:, :, None])[:, :, 0]
        return np.clip(vectors + step, self._low, self._high)


def _loss(left: Floats, border: Floats) -> Floats:
    """Huber's loss of each curve; half the sum of squares if the threshold is infinite."""
    sizes = np.abs(left)
    inside = np.minimum(sizes, border[:, None])
    return np.asarray((inside * (sizes - inside / 2)).sum(axis=1))


class Departure:
    """Estimates how far curves depart from a law, from the residuals of the law at the points.

    The departure of log L is a smooth Gaussian process of log size, the integrated Wiener process (Wahba 1978: the
    prior whose posterior mean is a cubic smoothing spline), independent between models, beside independent noise. This
    is the model discrepancy of Kennedy and O'Hagan (2001). The ratio of its variance to that of the noise and the noise
    itself are drawn from their distribution given the residuals: the restricted likelihood (Harville 1974), which uses
    only what the parameters of the law cannot explain. Points of one size share their departure, so repeated
    measurements tell the noise.
    """

    def __init__(self, residuals: Floats, slopes: Floats, places: Sequence[Floats], model: NDArray[np.int64]) -> None:
        """Residuals (points,), slopes of the law (points, parameters), log sizes of points, then knots, a model each.

        `places` holds for each model the log sizes of its points and then of its knots.
        """
        count = len(residuals)
        self.residuals, self._points = residuals, count
        self._spare = count - slopes.shape[1]
        self._basis = np.linalg.qr(slopes, mode="complete")[0][:, slopes.shape[1] :]
        own = [np.flatnonzero(model == number) for number in range(len(places))]
        knots = [len(of) - len(points) for of, points in zip(places, own, strict=True)]
        firsts = count + np.concatenate([[0], np.cumsum(knots)])
        self.knots = [np.arange(firsts[place], firsts[place + 1]) - count for place in range(len(places))]
        self._kernel = np.zeros((firsts[-1], firsts[-1]))
        for number, (of, points) in enumerate(zip(places, own, strict=True)):
            rows = np.concatenate([points, self.knots[number] + count])
            self._kernel[np.ix_(rows, rows)] = _integrated_wiener(of, of[: len(points)].min())
        seen = self._basis.T @ self._kernel[:count, :count] @ self._basis
        self._values, axes = np.linalg.eigh(seen)
        self._values = np.maximum(self._values, 0)
        self._squares = (axes.T @ (self._basis.T @ residuals)) ** 2

    def _sums(self) -> Floats:
        """Weighted sums of squares, one per ratio."""
        return np.asarray([max(1e-18, float((self._squares / (1 + q * self._values)).sum())) for q in RATIOS])

    def _log_likelihoods(self) -> Floats:
        sums = self._sums()
        spread = np.array([np.log1p(q * self._values).sum() for q in RATIOS])
        return np.asarray(-spread / 2 - self._spare / 2 * np.log(sums))

    def aic(self) -> float:
        """Akaike's criterion of the law with its departure; the likelihood is the mean over all ratios.

        The noise is a parameter too. Constants that are the same for all laws of the same points are left out.
        """
        count = self._points
        kernel = self._kernel[:count, :count]
        spread = np.array([np.linalg.slogdet(np.eye(count) + q * kernel)[1] for q in RATIOS])
        logs = -(count * np.log(self._sums() / count) + spread) / 2
        likelihood = logs.max() + math.log(np.exp(logs - logs.max()).mean())
        return float(2 * (count - self._spare + 1) - 2 * likelihood)

    def _shares(self) -> Floats:
        logs = self._log_likelihoods()
        shares = np.exp(logs - logs.max())
        return np.asarray(shares / shares.sum())

    def mean(self) -> Floats:
        """The expected departure at the knots of all models, (knots,)."""
        means = np.array([self._pull(q) @ self.residuals for q in RATIOS])
        return np.asarray(self._shares() @ means)

    def _pull(self, ratio: float) -> Floats:
        """Weights that map the residuals at the points to the expected departure at the knots, (knots, points)."""
        count = self._points
        inner = self._kernel[:count, :count] + np.eye(count) / ratio
        return np.asarray(np.linalg.solve(inner, self._kernel[count:, :count].T).T)

    def draw(self, rng: np.random.Generator, number: int) -> "Drawn":
        """Simulate ratios, departures and noise."""
        ratios = rng.choice(len(RATIOS), size=number, p=self._shares())
        variances = self._sums()[ratios] / rng.chisquare(self._spare, size=number)
        size = len(self._kernel)
        root = np.linalg.cholesky(self._kernel + 1e-9 * np.eye(size))
        paths = (rng.normal(size=(number, size)) @ root.T) * np.sqrt(RATIOS[ratios] * variances)[:, None]
        noise = rng.normal(size=(number, self._points)) * np.sqrt(variances)[:, None]
        return Drawn(ratios, paths[:, : self._points] + noise, paths[:, self._points :])

    def given(self, drawn: "Drawn", residuals: Floats) -> Floats:
        """Departures at the knots, (draws, knots), given the residuals of the points.

        Args:
            drawn: what was simulated.
            residuals: of the laws that were fitted to the simulated points, (draws, points).

        A simulation is corrected by its own error of prediction (conditioning by kriging: Journel 1974).
        """
        found = -drawn.at_knots
        for place in np.unique(drawn.ratios):
            rows = drawn.ratios == place
            found[rows] += (self.residuals + residuals[rows]) @ self._pull(RATIOS[place]).T
        return found


@dataclass(frozen=True, slots=True)
class Drawn:
    """Simulated: places in RATIOS (draws,), departure and noise at points (draws, points), departure at knots."""

    ratios: NDArray[np.int64]
    at_points: Floats
    at_knots: Floats


def _integrated_wiener(log_sizes: Floats, origin: float) -> Floats:
    """Covariances of the integrated Wiener process on both sides of an origin; variance 1 at three powers of ten."""
    places = (log_sizes - origin) / _SPAN
    same_side = places[:, None] * places[None] > 0
    sizes = np.abs(places)
    near, far = np.minimum.outer(sizes, sizes), np.maximum.outer(sizes, sizes)
    return np.where(same_side, near**2 * (3 * far - near) / 2, 0.0)
