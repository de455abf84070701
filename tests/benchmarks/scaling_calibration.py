"""How often intervals of a fitted scaling law hold the truth: simulated curves with noise.

    python -m tests.benchmarks.scaling_calibration 200

Two models of the paper's shape share beta; 6 sizes with noise of log L of .2 % or 1 %, 12 sizes with 1 %; 100 draws a fit.
"""

import math
import sys
import time

import numpy as np

from kgsynth.reports import scaling
from kgsynth.reports.scaling import Parameters, Point

_TRUE = {
    "3B": Parameters(beta=0.51, scale=95.6, known=1.27, floor=14.21),
    "8B": Parameters(beta=0.51, scale=42.3, known=0.752, floor=16.18),
}
_SIZES = {
    6: (10, 50, 250, 300, 1000, 4000),
    12: (1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2000, 4000),
}
_AT = (5.0, 500.0, 20_000.0)


def covered(seed: int, noise: float, sizes: tuple[float, ...], level: float) -> dict[str, list[bool]]:
    """Of one simulation: whether each interval holds the truth."""
    rng = np.random.default_rng(seed)
    points = [
        Point(model=model, size=size, error=float(law.error(size)) * math.exp(rng.normal(scale=noise)))
        for model, law in _TRUE.items()
        for size in sizes
    ]
    fitted = scaling.fit(points, law="rectified", is_shared=True, draws=100, seed=seed)
    found: dict[str, list[bool]] = {}
    for model, law in _TRUE.items():
        for name in ("beta", "scale", "known", "floor"):
            low, high = fitted.interval((getattr(draw[model], name) for draw in fitted.draws), level)
            found.setdefault(name, []).append(low <= getattr(law, name) <= high)
        for one in scaling.predict(fitted, model, _AT, level=level):
            true = float(law.error(one["billion_tokens"]))
            found.setdefault(f"L({one['billion_tokens']:g})", []).append(one["low"] <= true <= one["high"])
    return found


def main(count: int) -> None:
    """All settings, one line each."""
    for number, noise in ((6, 0.002), (6, 0.01), (12, 0.01)):
        started = time.monotonic()
        hits: dict[str, list[bool]] = {}
        for seed in range(count):
            for name, own in covered(seed, noise, _SIZES[number], 0.9).items():
                hits.setdefault(name, []).extend(own)
        shares = ", ".join(f"{name} {np.mean(own):.3f}" for name, own in hits.items())
        print(f"{number} sizes, noise {noise:.1%}: {shares} ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
