"""All random numbers of kgsynth: counter-based streams, in which each draw depends only on its seed, stage and index.

The functions have no state. A draw does not depend on the batch size, the engine, the number of workers or restarts.
The global generators are not used, because libraries such as vLLM may reseed them.
"""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

# Philox makes four 64-bit numbers for each value of its counter.
_WORDS_PER_COUNTER = 4


def uniform_rows(seed: int, stage: str, *, first: int, count: int, width: int) -> NDArray[np.float64]:
    """Rows `first` to `first + count` (excluded) of the stage's endless table of uniform draws.

    Args:
        seed: the run's seed, 0 <= seed < 2**64.
        stage: name of the stage, for example "walk"; different stages get independent numbers.
        first: index of the first row, at least 0.
        count: number of rows.
        width: number of draws per row; a stage must always use the same width.

    Returns:
        float64 (count, width), each in [0, 1); row i depends only on (seed, stage, width, first + i).

    Source: Philox4x64-10 (Salmon et al., SC 2011) as in NumPy; doubles have 53 random bits.
    """
    counters_per_row = -(-width // _WORDS_PER_COUNTER)
    key = np.array([seed, crc32(stage.encode())], dtype=np.uint64)
    bits = np.random.Philox(key=key, counter=first * counters_per_row)
    table = np.random.Generator(bits).random((count, counters_per_row * _WORDS_PER_COUNTER))
    return table[:, :width]


def stream(seed: int, stage: str, index: int) -> np.random.Generator:
    """A generator for item `index` of a stage, independent of all other items.

    Args:
        seed: the run's seed, at least 0.
        stage: name of the stage.
        index: index of the item, at least 0.

    Source: numpy.random.SeedSequence over (seed, crc32(stage), index).
    """
    return np.random.default_rng((seed, crc32(stage.encode()), index))
