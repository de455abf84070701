"""How many different combinations a graph can still give before most walks repeat one."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What some walks tell: how many gave a combination, how many different ones, and how many were given once.

    `alpha` is Fisher's: after that many walks half of all further ones would repeat a combination, if all were as the
    log-series says. Combinations of real graphs are more uneven: they repeat early and are then long in coming, so the
    alpha of a sample is too small (EXPERIMENTS.md) and a lower bound; infinite where nothing has repeated.
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
        """At least so many different combinations are to be expected from as many walks."""
        if walks <= self.walks or math.isinf(self.alpha):
            return self.different * walks / self.walks if self.walks else float(walks)
        return self.alpha * math.log1p(walks / self.alpha)


def supply(identities: Iterable[str]) -> Supply:
    """Count the combinations of some walks.

    Args:
        identities: the id of the combination of each walk, repeats and all.

    Source: the log-series of Fisher, Corbet and Williams (1943): different = alpha * ln(1 + walks / alpha).
    """
    counts: dict[str, int] = {}
    walks = 0
    for identity in identities:
        counts[identity] = counts.get(identity, 0) + 1
        walks += 1
    return Supply(
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
