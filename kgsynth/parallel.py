"""Parallel work: in threads with results in order, and on the machines of a Ray cluster."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from kgsynth.config import ray_address, set_defaults
from kgsynth.errors import GeneratorUnavailableError, MissingExtraError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Maximum number of concurrent requests per Ray worker.
RAY_IN_FLIGHT = 128
_RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    # Ray's C++ code logs an error for every pool of workers although nothing is wrong.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # Maximum number of concurrent batches of one block per worker. Ray reads it at import, in this process only.
    "RAY_DATA_DEFAULT_ASYNC_BATCH_UDF_MAX_CONCURRENCY": str(RAY_IN_FLIGHT),
}
# In spite of its name this setting works on all systems: with it a Ray of one machine listens on loopback only. Ray
# reads it at import.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int, ahead: int
) -> Iterator[_Result]:
    """The results of `work` for all items, in the order of the items, which may be endless.

    Args:
        work: the function that the threads call.
        items: read in the calling thread, as needed.
        threads: number of threads.
        ahead: maximum number of items in progress or finished but not yet returned, at least 1.
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
    """Start Ray for this process, or join the cluster at `RAY_ADDRESS` (`auto`: the local one), with little logging.

    Args:
        block_bytes: size of a block of results in bytes; a worker returns its results after each block.

    Raises:
        MissingExtraError: Ray is not installed.
        GeneratorUnavailableError: it does not start.
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
            # Without "local" Ray waits for the cluster that was last started on this machine, even if it has ended.
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise GeneratorUnavailableError(f"Ray does not start: {error}", hint="Check RAY_ADDRESS.") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = block_bytes
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    return ray


def ray_cause(error: Exception) -> str:
    """The cause of an error in a worker, without the stack traces and Ray's advice that follow it."""
    return str(error).partition("\n\nThe above exception")[0][-500:]
