"""Jobs by name: which wait, which run, which have ended; for /internal/progress."""

from __future__ import annotations

import secrets
import string
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, Literal

#: so many ended jobs are remembered
_REMEMBERED = 16
_LETTERS = string.ascii_uppercase + string.digits
State = Literal["unknown", "queued", "active", "completed"]


class TaskBook:
    """A job is opened when it is handed in; it closes itself when its future ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Future[Any]] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)

    def open(self, name: str | None, kind: str, future: Future[Any]) -> str:
        """Note a job under `name`, or under a new one of AUTOMATIC1111's form; returns the name."""
        known = name or f"task({kind}-{''.join(secrets.choice(_LETTERS) for _ in range(15))})"
        with self._lock:
            self._open[known] = future
        future.add_done_callback(lambda done: self._close(known, done))
        return known

    def waiting(self) -> list[str]:
        """Names of the jobs that have not begun, in the order in which they were handed in."""
        with self._lock:
            return list(self._open)

    def state(self, name: str, running: str) -> State:
        """Where the job of this name is, if `running` is the one that runs."""
        with self._lock:
            if name in self._open:
                return "active" if name == running else "queued"
            return "completed" if name in self._ended else "unknown"

    def _close(self, name: str, future: Future[Any]) -> None:
        with self._lock:
            if self._open.get(name) is future:
                del self._open[name]
            self._ended.append(name)
