"""How fast it goes: the rate that is shown, the limit that is kept, and when an address counts as slow."""

from __future__ import annotations

import math
import threading
import time

#: seconds over which the shown rate is smoothed
_MEMORY = 5.0


class Pace:
    """Bytes per second, smoothed exponentially; None until there is something to say."""

    def __init__(self, done: int, now: float) -> None:
        self._done, self._at = done, now
        self.rate: float | None = None

    def measure(self, done: int, now: float) -> None:
        """`done` bytes are there at the time `now`, in seconds; fewer than before: it began again."""
        elapsed = now - self._at
        if elapsed <= 0:
            return
        latest = max(0, done - self._done) / elapsed
        weight = 1 - math.exp(-elapsed / _MEMORY)
        self.rate = latest if self.rate is None else self.rate + weight * (latest - self.rate)
        self._done, self._at = done, now

    def seconds_left(self, done: int, total: int | None) -> float | None:
        """Until `total` at this rate; None where that is unknown."""
        if total is None or not self.rate or self.rate < 1:
            return None
        return max(0, total - done) / self.rate


class Brake:
    """Keeps to `limit` bytes per second, over all addresses of one download."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit if limit and limit > 0 else None
        self._due = time.monotonic()

    def bite(self, most: int) -> int:
        """How many bytes to take at once: an eighth of a second's, so that a low limit still flows."""
        return most if self.limit is None else max(1, min(most, self.limit // 8))

    def after(self, count: int, stop: threading.Event) -> None:
        """Wait as long as `count` bytes are worth, or until `stop`."""
        if self.limit is None:
            return
        now = time.monotonic()
        # A pause of the server is not made up for by a burst.
        self._due = max(self._due, now - 0.25) + count / self.limit
        if self._due > now:
            stop.wait(self._due - now)


class Watch:
    """Tells when an address has been below the slowest rate for too long; a limit of the user's own is no slowness."""

    def __init__(self, floor: float, seconds: float, limit: int | None, now: float) -> None:
        """`floor` and `limit` in bytes per second."""
        self._floor = min(floor, limit // 2) if limit else floor
        self._time, self._since, self._count = seconds, now, 0

    def slow(self, count: int, now: float) -> bool:
        """`count` more bytes have come by `now`, in seconds."""
        self._count += count
        elapsed = now - self._since
        if elapsed < self._time:
            return False
        too_slow = self._count < self._floor * elapsed
        self._since, self._count = now, 0
        return too_slow
