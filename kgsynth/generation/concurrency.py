"""How many requests a server bears at once, found while it works."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Concurrency:
    """How many requests may be in flight: grows while that pays, halves when the server says that it is too many.

    Rates of completions are compared window by window. A window ends when twice as many requests as allowed are done.
    While the rate grows by a tenth or more the limit doubles. When a doubling does not pay it goes back, and from there
    it grows by an eighth as long as that pays, until it has not paid three times.

    Source: slow start and multiplicative decrease of TCP congestion control (RFC 5681), with the rate as the signal.
    """

    most: int
    limit: float = 8.0
    _rate: float = 0.0
    _is_slow_start: bool = True
    _done: int = 0
    _failed_growths: int = 0
    _before: float = 0.0
    _window_began: float = field(default_factory=time.monotonic)
    _halved: float = -1e9

    def __post_init__(self) -> None:
        """Start low, but not over the maximum."""
        self.limit = min(self.limit, float(self.most))

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return max(1, int(self.limit))

    def succeeded(self, now: float) -> None:
        """A request is done."""
        self._done += 1
        if self._done < 2 * self.allowed:
            return
        rate = self._done / max(now - self._window_began, 1e-9)
        self._done, self._window_began = 0, now
        if self._is_slow_start and rate > 1.1 * self._rate:
            self._before, self.limit = self.limit, min(2 * self.limit, float(self.most))
        elif self._is_slow_start:
            # The last doubling did not pay: what was before is enough.
            self._is_slow_start = False
            self.limit = max(self._before, 1.0)
        elif rate > 1.03 * self._rate and self._failed_growths < 3:
            self.limit = min(self.limit + max(1.0, self.limit / 8), float(self.most))
            self._failed_growths = 0
        elif self._failed_growths < 3:
            self._failed_growths += 1
        self._rate = max(rate, 0.9 * self._rate)

    def refused(self, sent: float, now: float) -> None:
        """The server says that there are too many; requests that were in flight at the last halving say nothing new."""
        if sent <= self._halved:
            return
        self.limit, self._is_slow_start, self._halved = max(1.0, self.limit / 2), False, now
        self._done, self._window_began, self._failed_growths, self._rate = 0, now, 0, 0.0
