"""Find the walks that give a new combination, on arrays, with 16 bytes per combination in a hash table.

Two combinations are confused if their 128-bit hashes are equal; for ten million combinations the probability is 10^-24.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.walk_law import PATH_LENGTH

NEW, REPEAT, TOO_SMALL = 0, 1, 2
_FIRST_SIZE = 1 << 16
_MOST_FILLED = 0.7


class Distinct:
    """The combinations seen so far."""

    def __init__(self, first_topic: int, *, min_concepts: int) -> None:
        """Create an empty table.

        Args:
            first_topic: index of the first topic; smaller indices are concepts.
            min_concepts: minimum number of different concepts in a combination.
        """
        self._first_topic, self._min_concepts = first_topic, min_concepts
        self._table = np.zeros((_FIRST_SIZE, 2), dtype=np.uint64)
        self._count = 0

    def judge(self, block: NDArray[np.int32]) -> NDArray[np.int8]:
        """The verdict on each walk of a block, in order: NEW, REPEAT or TOO_SMALL; int8 (walks,)."""
        while self._count + len(block) > _MOST_FILLED * len(self._table):
            larger = np.zeros((2 * len(self._table), 2), dtype=np.uint64)
            _move(self._table, larger)
            self._table = larger
        verdicts = np.empty(len(block), dtype=np.int8)
        self._count += _judge(block, self._table, self._first_topic, self._min_concepts, verdicts)
        return verdicts


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mixed(value: Any) -> Any:
    # The finisher of splitmix64 (Steele, Lea and Flood 2014).
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _insert(table: Any, low: Any, high: Any) -> bool:
    """Insert the key if it is new, and return whether it was."""
    mask = np.uint64(len(table) - 1)
    row = low & mask
    while table[row, 0] != 0 or table[row, 1] != 0:
        if table[row, 0] == low and table[row, 1] == high:
            return False
        row = (row + np.uint64(1)) & mask
    table[row, 0], table[row, 1] = low, high
    return True


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _move(table: Any, larger: Any) -> None:
    for row in range(len(table)):
        if table[row, 0] != 0 or table[row, 1] != 0:
            _insert(larger, table[row, 0], table[row, 1])


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _judge(block: Any, table: Any, first_topic: int, min_concepts: int, verdicts: Any) -> int:
    own = np.empty(PATH_LENGTH, dtype=np.int64)
    new = 0
    for row in range(len(block)):
        count = concepts = 0
        for column in range(PATH_LENGTH):
            term = block[row, column]
            at = count
            while at > 0 and own[at - 1] > term:
                at -= 1
            if term < 0 or (at > 0 and own[at - 1] == term):
                continue
            for later in range(count, at, -1):
                own[later] = own[later - 1]
            own[at] = term
            count += 1
            concepts += term < first_topic
        if concepts < min_concepts:
            verdicts[row] = TOO_SMALL
            continue
        low, high = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
        for place in range(count):
            # Counted from 1, so that no combination has the same hash as a prefix of another.
            term = np.uint64(own[place] + 1)
            low = _mixed(low + term)
            high = _mixed(high ^ (term * np.uint64(0x9E3779B97F4A7C15)))
        if low == 0 and high == 0:
            low = np.uint64(1)
        is_new = _insert(table, low, high)
        verdicts[row] = NEW if is_new else REPEAT
        new += is_new
    return new
