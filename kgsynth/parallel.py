"""Work shared out: to threads, taken in order, and to the machines of a Ray cluster."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from kgsynth.config import ray_address, set_defaults
from kgsynth.errors import GeneratorUnavailableError, MissingExtraError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Requests that one worker of Ray has in flight at most.
RAY_IN_FLIGHT = 128
_RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    # Ray's C++ logs an error for every pool of workers, though nothing is wrong.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # Ray reads it when it is imported, in this process only: batches of one block that a worker has in flight.
    "RAY_DATA_DEFAULT_ASYNC_BATCH_UDF_MAX_CONCURRENCY": str(RAY_IN_FLIGHT),
}
# Named for other systems, and true on all: a Ray of one machine listens there only, and not for the whole network. Ray
# reads it when it is imported.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int, ahead: int
) -> Iterator[_Result]:
    """What `work` makes of each item, in their order; items may go on without end.

    Args:
        work: called in the threads.
        items: taken here, as there is room.
        threads: at once.
        ahead: so many results are made or waiting before the first of them is taken, at least 1.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def start_ray(*, block_bytes: int) -> Any:
    """Ray, quiet: started for this process alone, or joined where `RAY_ADDRESS` says (`auto`: what runs here).

    Args:
        block_bytes: after so many a worker hands over what it has.

    Raises:
        MissingExtraError: Ray is not installed; GeneratorUnavailableError: it does not start.
    """
    address = ray_address()
    set_defaults(_RAY_ENVIRONMENT | _LOOPBACK if address == "local" else _RAY_ENVIRONMENT)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(f"Ray is not installed: {error}", hint="pip install 'kgsynth[ray]'") from error
    if not ray.is_initialized():
        try:
            # Without "local" Ray waits for whatever cluster was last started here, though it may be gone.
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise GeneratorUnavailableError(f"Ray does not start: {error}", hint="Is RAY_ADDRESS right?") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = block_bytes
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    return ray


def ray_cause(error: Exception) -> str:
    """What happened in a worker, without the stacks and the advice about Ray that come after it."""
    return str(error).partition("\n\nThe above exception")[0][-500:]
