"""Checkpoints that cannot be read, remembered so that not every job tries them again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from runtime.request import RequestError
from runtime.tasks import Load, Stamp

#: files that are judged at once
_AT_ONCE = 4


class Refusals:
    """Only faults of the file count: memory that ran out may be there the next time. A changed file is forgotten."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, RequestError]] = {}

    def add(self, load: Load, error: RequestError) -> None:
        """Remember why this load failed, if the file itself is at fault."""
        if error.code.startswith("checkpoint-"):
            self._known[load.path] = load.stamp, error

    def of(self, path: Path) -> RequestError | None:
        """Why the file cannot be loaded, as long as it is the same file."""
        stamp, error = self._known.get(path, (None, None))
        return error if stamp == stamp_of(path) else None

    def forget(self) -> None:
        """Everything may be tried again."""
        self._known.clear()


class Verdicts:
    """What files' headers tell, each judged once: a torch file takes a process, and perhaps minutes. For any thread."""

    def __init__(self, judge: Callable[[Path], RequestError | None]) -> None:
        self._judge = judge
        self._known: dict[Path, tuple[Stamp, RequestError | None]] = {}
        self._judging: dict[Path, threading.Lock] = {}
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def of(self, path: Path) -> RequestError | None:
        """Why it cannot be loaded; None if nothing tells of that."""
        # a folder's stamp says nothing of the files in it
        if not path.is_file():
            return self._judge(path)
        with self._judging.setdefault(path, threading.Lock()):
            stamp, bad = self._known.get(path, (None, None))
            if stamp is None or stamp != stamp_of(path):
                with self._places:
                    stamp, bad = stamp_of(path), self._judge(path)
            if bad is None or bad.code.startswith("checkpoint-"):
                self._known[path] = stamp, bad
            return bad

    def forget(self) -> None:
        """Everything may be judged again."""
        self._known.clear()


def stamp_of(path: Path) -> Stamp:
    """Changes when the file's content does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
