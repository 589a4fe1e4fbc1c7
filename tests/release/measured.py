"""What a server and its worker take while something long goes on: memory, open files, threads; and where."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

import psutil

MIB = 2**20


@dataclass(frozen=True)
class Sample:
    """At `seconds` from the beginning: resident MiB, open files and threads of the server, then of its worker."""

    seconds: float
    memory: tuple[float, float]
    files: tuple[int, int]
    threads: tuple[int, int]
    worker: int


@dataclass
class Watching:
    """Looks at a server every few seconds, in a thread, until the end."""

    server: int
    every: float
    samples: list[Sample] = field(default_factory=list)

    def __enter__(self) -> Watching:
        self._began, self._end = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self.every):
            # a worker that is just being replaced
            with contextlib.suppress(psutil.Error, StopIteration):
                self.samples.append(self._look())

    def _look(self) -> Sample:
        server = psutil.Process(self.server)
        worker = next(iter(server.children()))
        both = (server, worker)
        memory = tuple(one.memory_info().rss / MIB for one in both)
        files = tuple(one.num_handles() if os.name == "nt" else one.num_fds() for one in both)
        threads = tuple(one.num_threads() for one in both)
        seconds = time.monotonic() - self._began
        return Sample(seconds, (memory[0], memory[1]), (files[0], files[1]), (threads[0], threads[1]), worker.pid)


def slope(samples: Sequence[Sample], of: int | None = None) -> float:
    """MiB a minute, least squares: of the server (0), of the worker (1), of both."""
    if len(samples) < 2:
        return 0.0
    sizes = [sum(one.memory) if of is None else one.memory[of] for one in samples]
    return statistics.linear_regression([one.seconds / 60 for one in samples], sizes).slope


def growth(numbers: Sequence[int]) -> float:
    """By how much the median of the last third is above the median of the first third."""
    third = max(1, len(numbers) // 3)
    return statistics.median(numbers[-third:]) - statistics.median(numbers[:third])


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def computer() -> dict[str, Any]:
    """Where it was measured, and how busy that was."""
    load = round(psutil.getloadavg()[0], 1)
    versions = {name: version(name) for name in ("uvicorn", "fastapi", "gradio", "torch")}
    return {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(), "load_at_end": load, "versions": versions,
    }  # fmt: skip
