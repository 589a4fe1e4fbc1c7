"""How far a step is in bytes, from what uv announces and from what grows in its cache."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from launcher.core.events import Progress
from launcher.core.packages.uv import Downloads

#: uv unpacks while it downloads; a wheel grows about threefold (torch 2.13 for the processor: 183 MiB to 695 MiB)
_GROWTH = 3
_EVERY = 0.5


class Gauge:
    """Measures one step; `total` is the plan's number, replaced by uv's own where that is larger."""

    def __init__(self, name: str, cache: Path, total: int | None) -> None:
        self._name, self._cache, self._total = name, cache, total
        self._downloads = Downloads()
        self._next = 0.0
        self._last: Progress | None = None

    def hear(self, line: str) -> None:
        """Take in one line of uv."""
        self._downloads.hear(line)

    def measure(self) -> Progress | None:
        """The progress, at most twice a second and only when it has changed; it never goes back."""
        now = time.monotonic()
        if now < self._next:
            return None
        here = self._progress()
        # a measurement may not cost more than a twentieth of the time
        self._next = now + max(_EVERY, 20 * (time.monotonic() - now))
        if here == self._last or (here.done == 0 and here.total is None):
            return None
        self._last = here
        return here

    def finish(self) -> Progress | None:
        """The last word of a step that has ended well: everything that was announced is there."""
        total = max(self._total or 0, self._downloads.total)
        return Progress(self._name, total, total) if self._last and total else None

    def _progress(self) -> Progress:
        # of a wheel on this computer uv announces nothing: there the plan's number is all there is
        announced = self._downloads.total or self._total or 0
        total = max(self._total or 0, announced) or None
        coming = min(announced - self._downloads.done, _unfinished(self._cache) // _GROWTH)
        done = max(self._downloads.done + coming, self._last.done if self._last else 0)
        return Progress(self._name, done if total is None else min(done, total), total)


def _unfinished(cache: Path) -> int:
    """Bytes in the folders that uv has under way: `.tmp*` at the top of its cache."""
    try:
        return sum(_size(entry.path) for entry in os.scandir(cache) if entry.name.startswith(".tmp"))
    except OSError:
        return 0


def _size(path: str) -> int:
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - many thousands
    return total
