"""The random numbers of walks: the start of each walk and the draws of its steps, the same for all engines."""

import numpy as np
from numpy.typing import NDArray

from kgsynth.randomness import stream, uniform_rows
from kgsynth.walk_law import DRAWS_PER_WALK

STAGE = "walk"
START_STAGE = "walk start"
# Weights of a lens are stored in thousandths, so that tickets are integers: floor(weight * 1000 + 0.5).
WEIGHT_UNITS = 1000


def draws(seed: int, *, first: int, count: int) -> NDArray[np.float64]:
    """The draws of walks `first` to `first + count`: float64 (count, DRAWS_PER_WALK) in [0, 1)."""
    return uniform_rows(seed, STAGE, first=first, count=count, width=DRAWS_PER_WALK)


class Starts:
    """The start of each walk: every topic once per epoch, in a different random order in each epoch."""

    def __init__(self, seed: int, topics: list[str]) -> None:
        """Set the topics.

        Args:
            seed: the run's seed.
            topics: ids of topics in any order.
        """
        self._seed, self._topics = seed, sorted(topics)
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        """The number of walks per epoch."""
        return len(self._topics)

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self._seed

    @property
    def topics(self) -> list[str]:
        """The ids, in order."""
        return self._topics

    def places(self, first: int, count: int) -> NDArray[np.int64]:
        """The starts of walks `first` to `first + count` (excluded), as indices into `topics`; int64 (count,)."""
        length = len(self._topics)
        epochs = range(first // length, (first + count - 1) // length + 1)
        orders = [stream(self._seed, START_STAGE, epoch).permutation(length) for epoch in epochs]
        return np.concatenate(orders)[first - epochs[0] * length :][:count]

    def topic_of(self, walk: int) -> str:
        """The start of walk `walk`, at least 0; fastest when called in order."""
        epoch, index = divmod(walk, len(self._topics))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = stream(self._seed, START_STAGE, epoch).permutation(len(self._topics))
        return self._topics[int(self._order[index])]
