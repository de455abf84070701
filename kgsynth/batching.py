"""Group the items of an iterator into lists of bounded size."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def sized_batches(
    items: Iterable[_Item], size_of: Callable[[_Item], int], *, most: int, most_size: int
) -> Iterator[list[_Item]]:
    """Lists of items; a list ends when it has `most` items or when the sizes of its items sum to `most_size`."""
    batch: list[_Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if len(batch) >= most or size >= most_size:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
