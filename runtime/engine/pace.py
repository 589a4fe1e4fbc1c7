"""How far the loop runs ahead of the device: far enough that it never waits, near enough to stop when asked."""

from __future__ import annotations

from collections import deque

from runtime.engine.device_queue import DeviceQueue, Mark

#: steps that lie in the device's queue at most, the one that it works on among them
AHEAD = 2


class Pace:
    """Asked after every step; without it a whole picture would be queued at once, and progress told of none of it."""

    def __init__(self, queue: DeviceQueue) -> None:
        self._queue = queue
        self._queued: deque[Mark] = deque()

    def step(self) -> None:
        """One more is queued; wait for the one `AHEAD` before it."""
        self._queued.append(self._queue.mark())
        if len(self._queued) > AHEAD:
            self._queued.popleft().wait()
