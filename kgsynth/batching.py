"""Group the items of an iterator into lists of bounded size."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def sized_batches(
    items: Iterable[_Item], size_of: Callable[[_Item], int], *, max_items: int, max_size: int
) -> Iterator[list[_Item]]:
    """Yield lists of items; a list ends at `max_items` items, or when the sum of their sizes reaches `max_size`."""
    batch: list[_Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if len(batch) >= max_items or size >= max_size:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
