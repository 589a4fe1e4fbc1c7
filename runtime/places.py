"""The places in the queue: how many jobs may lie there, and how many of them are kept for those who come late."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from runtime.request import RequestError

#: jobs that may wait beside the one that runs
MOST_WAITING = 100
#: and so many more of clients that have fewer than these: a hundred jobs of one do not keep another out
FOR_LATECOMERS, FEW = 20, 4


class Place:
    """One client's place, until `leave` or, once it is held for a job, until that job has ended."""

    def __init__(self, client: str, left: Callable[[str], None]) -> None:
        self.client, self._left = client, left
        self._lock = threading.Lock()
        self._has_left = self._held = False

    def hold(self, job: Future[Any]) -> None:
        """From now on the place is the job's."""
        self._held = True
        job.add_done_callback(lambda _job: self._leave())

    def leave(self) -> None:
        """Nothing comes of it; nothing happens where a job holds it, or it was left before."""
        if not self._held:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            before, self._has_left = self._has_left, True
        if not before:
            self._left(self.client)


class Places:
    """Any thread may ask and enter."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._all = 0
        self._lock = threading.Lock()

    def refuse_if_full(self, client: str) -> None:
        """RequestError `queue-full` where no further job of this client would be taken."""
        if self._all > MOST_WAITING + (FOR_LATECOMERS if self._of[client] < FEW else 0):
            what = f"{MOST_WAITING} jobs are waiting already."
            raise RequestError("queue-full", what, "Try again in a few seconds.")

    def enter(self, client: str) -> Place:
        """A place for one job; RequestError as above."""
        with self._lock:
            self.refuse_if_full(client)
            self._of[client] += 1
            self._all += 1
        return Place(client, self._leave)

    def _leave(self, client: str) -> None:
        with self._lock:
            self._all -= 1
            self._of[client] -= 1
            if not self._of[client]:
                del self._of[client]
