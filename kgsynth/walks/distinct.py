"""Which walks give a combination that none before gave, on arrays: 16 bytes a combination in a table of hashes.

Two combinations would be taken for one when 128 bits of their hashes agree: once in 10^24 for ten million of them.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kgsynth.walks.tables import PATH_LENGTH

NEW, REPEAT, TOO_SMALL = 0, 1, 2
_FIRST_SIZE = 1 << 16
_MOST_FILLED = 0.7


class Distinct:
    """The combinations seen so far."""

    def __init__(self, first_topic: int, *, min_concepts: int) -> None:
        """None was seen.

        Args:
            first_topic: places from here on are topics; smaller ones are concepts.
            min_concepts: a combination needs as many different concepts.
        """
        self._first_topic, self._min_concepts = first_topic, min_concepts
        self._table = np.zeros((_FIRST_SIZE, 2), dtype=np.uint64)
        self._count = 0

    def judge(self, block: NDArray[np.int32]) -> NDArray[np.int8]:
        """What each walk of a block is, in order: NEW, REPEAT or TOO_SMALL; int8 (walks,)."""
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
    """Whether the key is new; it is in the table afterwards."""
    mask = np.uint64(len(table) - 1)
    place = low & mask
    while table[place, 0] != 0 or table[place, 1] != 0:
        if table[place, 0] == low and table[place, 1] == high:
            return False
        place = (place + np.uint64(1)) & mask
    table[place, 0], table[place, 1] = low, high
    return True


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _move(held: Any, larger: Any) -> None:
    for place in range(len(held)):
        if held[place, 0] != 0 or held[place, 1] != 0:
            _insert(larger, held[place, 0], held[place, 1])


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
            # From 1, so that a combination never looks like the start of another.
            term = np.uint64(own[place] + 1)
            low = _mixed(low + term)
            high = _mixed(high ^ (term * np.uint64(0x9E3779B97F4A7C15)))
        if low == 0 and high == 0:
            low = np.uint64(1)
        is_new = _insert(table, low, high)
        verdicts[row] = NEW if is_new else REPEAT
        new += is_new
    return new
