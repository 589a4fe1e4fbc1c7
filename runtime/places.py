"""The places in the queue: how many jobs may lie there, and how many of them are kept for those who come late."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any

from runtime.request import RequestError

#: jobs that may wait beside the one that runs
MOST_WAITING = 100
#: and so many more of clients that have fewer than these: a hundred jobs of one do not keep another out
FOR_LATECOMERS, FEW = 20, 4


class Places:
    """Any thread may ask and take."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._all = 0
        self._lock = threading.Lock()

    def refuse_if_full(self, client: str) -> None:
        """RequestError `queue-full` where no further job of this client would be taken."""
        if self._all > MOST_WAITING + (FOR_LATECOMERS if self._of[client] < FEW else 0):
            what = f"{MOST_WAITING} jobs are waiting already."
            raise RequestError("queue-full", what, "Try again in a few seconds.")

    def take(self, client: str, job: Future[Any]) -> None:
        """One place until the job has ended; RequestError as above."""
        with self._lock:
            self.refuse_if_full(client)
            self._of[client] += 1
            self._all += 1
        job.add_done_callback(lambda _job: self._leave(client))

    def _leave(self, client: str) -> None:
        with self._lock:
            self._all -= 1
            self._of[client] -= 1
            if not self._of[client]:
                del self._of[client]
