"""Estimate how many different combinations a graph can give before most walks repeat one."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenEstimate:
    """Counts of some walks: walks with a combination, different combinations, and combinations that occur once.

    `alpha` is the parameter of Fisher's log-series: under that model, after `alpha` walks half of all further walks
    repeat a combination. Combinations of real graphs are distributed less evenly, so the estimate is too small
    (docs/figures/scaling-law.md) and is a lower bound. It is infinite if no combination was repeated.
    """

    walks: int
    different: int
    once: int
    alpha: float

    @property
    def new_chance(self) -> float:
        """The chance that the next walk gives a new combination (Good 1953)."""
        return self.once / self.walks if self.walks else 1.0

    def expected(self, walks: int) -> float:
        """A lower bound on the expected number of different combinations from this many walks."""
        if walks <= self.walks or math.isinf(self.alpha):
            return self.different * walks / self.walks if self.walks else float(walks)
        return self.alpha * math.log1p(walks / self.alpha)


def estimate_unseen(identities: Iterable[str]) -> UnseenEstimate:
    """Count the combinations of some walks.

    Args:
        identities: the id of the combination of each walk, including repeats.

    Source: the log-series of Fisher, Corbet and Williams (1943): different = alpha * ln(1 + walks / alpha).
    """
    counts: dict[str, int] = {}
    walks = 0
    for identity in identities:
        counts[identity] = counts.get(identity, 0) + 1
        walks += 1
    return UnseenEstimate(
        walks=walks,
        different=len(counts),
        once=sum(count == 1 for count in counts.values()),
        alpha=_alpha(walks, len(counts)),
    )


def _alpha(walks: int, different: int) -> float:
    if different >= walks:
        return math.inf
    low, high = 1e-9, 1e18
    for _ in range(200):
        middle = math.sqrt(low * high)
        if middle * math.log1p(walks / middle) < different:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)
