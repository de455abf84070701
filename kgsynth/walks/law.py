"""The law of level-3 walks, as numbers that every engine shares.

From a topic, 1 or 2 steps to topics, one step to a concept, 3 or 4 steps to concepts, both lengths uniform. A step goes
to a neighbour of that kind with probability count / sum of counts. A dead end stops its phase. Every walk has the same
nine draws, used or not, so that what one step does never shifts the numbers of another.

Source: SynthLLM, arXiv 2503.19551, section 2.3; ticket tables as DESIGN section 3.
"""

import numpy as np
from numpy.typing import NDArray

from kgsynth.randomness import stream, uniform_rows

# 0: second topic step when >= 0.5; 1, 2: topics; 3: first concept; 4: fourth concept step when >= 0.5; 5-8: concepts.
DRAWS_PER_WALK = 9
STAGE = "walk"
START_STAGE = "walk start"
# Weights of a lens are kept in thousandths, so that tickets stay whole numbers: floor(weight * 1000 + 0.5).
WEIGHT_UNITS = 1000


def draws(seed: int, *, first: int, count: int) -> NDArray[np.float64]:
    """The draws of walks `first` to `first + count`: float64 (count, DRAWS_PER_WALK) in [0, 1)."""
    return uniform_rows(seed, STAGE, first=first, count=count, width=DRAWS_PER_WALK)


class Starts:
    """Where each walk starts: every topic once an epoch, in an order drawn anew for each epoch."""

    def __init__(self, seed: int, topics: list[str]) -> None:
        """Remember the topics.

        Args:
            seed: the run's seed.
            topics: ids; their order does not matter.
        """
        self._seed, self._topics = seed, sorted(topics)
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        """Walks in an epoch."""
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
        """The starts of walks `first` to `first + count`, as places among `topics`; int64 (count,)."""
        length = len(self._topics)
        epochs = range(first // length, (first + count - 1) // length + 1)
        orders = [stream(self._seed, START_STAGE, epoch).permutation(length) for epoch in epochs]
        return np.concatenate(orders)[first - epochs[0] * length :][:count]

    def of(self, walk: int) -> str:
        """The start of walk `walk`, at least 0; fastest when asked in order."""
        epoch, place = divmod(walk, len(self._topics))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = stream(self._seed, START_STAGE, epoch).permutation(len(self._topics))
        return self._topics[int(self._order[place])]
