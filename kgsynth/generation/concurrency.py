"""Adapt the number of concurrent requests to what a server sustains."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Concurrency:
    """Limit of concurrent requests: it grows while throughput grows, and halves if the server refuses requests.

    Throughput is compared window by window. A window ends when twice as many requests as allowed are done. The limit
    doubles while throughput grows by at least a tenth. Otherwise the last doubling is undone, and the limit grows by an
    eighth per window in which throughput grows, until three consecutive windows bring no growth.

    Source: slow start and multiplicative decrease of TCP congestion control (RFC 5681), with throughput as the signal.
    """

    maximum: int
    limit: float = 8.0
    _rate: float = 0.0
    _is_slow_start: bool = True
    _done: int = 0
    _failed_growths: int = 0
    _limit_before: float = 0.0
    _window_began: float = field(default_factory=time.monotonic)
    _halved_at: float = -1e9

    def __post_init__(self) -> None:
        """Start with a low limit, but not above the maximum."""
        self.limit = min(self.limit, float(self.maximum))

    @property
    def allowed(self) -> int:
        """Number of requests that may be in flight now."""
        return max(1, int(self.limit))

    def succeeded(self, now: float) -> None:
        """Record that a request succeeded; times are in seconds of a monotonic clock."""
        self._done += 1
        if self._done < 2 * self.allowed:
            return
        rate = self._done / max(now - self._window_began, 1e-9)
        self._done, self._window_began = 0, now
        if self._is_slow_start and rate > 1.1 * self._rate:
            self._limit_before, self.limit = self.limit, min(2 * self.limit, float(self.maximum))
        elif self._is_slow_start:
            # The last doubling brought no throughput, so undo it.
            self._is_slow_start = False
            self.limit = max(self._limit_before, 1.0)
        elif rate > 1.03 * self._rate and self._failed_growths < 3:
            self.limit = min(self.limit + max(1.0, self.limit / 8), float(self.maximum))
            self._failed_growths = 0
        elif self._failed_growths < 3:
            self._failed_growths += 1
        self._rate = max(rate, 0.9 * self._rate)

    def refused(self, sent: float, now: float) -> None:
        """Halve the limit because the server refused a request, unless it was sent before the last halving."""
        if sent <= self._halved_at:
            return
        self.limit, self._is_slow_start, self._halved_at = max(1.0, self.limit / 2), False, now
        self._done, self._window_began, self._failed_growths, self._rate = 0, now, 0, 0.0
