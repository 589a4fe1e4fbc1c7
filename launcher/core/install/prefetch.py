"""Fetches wheels before they are installed: several at a time, each continued where a killed run left it."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.core.download.door import Address, Route, Wanted, direct, download
from launcher.core.events import Downloaded, Event, Progress
from launcher.core.install.wheelhouse import is_there
from launcher.core.packages.wheels import WheelFile
from launcher.core.process import CancelledError

#: small files wait mostly for the answer of the server, large ones share the line
_AT_ONCE = 4
_EVERY = 0.25
#: addresses of a file, the preferred first
Addresses = Callable[[WheelFile], tuple[Address, ...]]


@dataclass
class _Tally:
    """The bytes of all files together, as one progress under the step's name."""

    name: str
    totals: dict[str, int | None]
    done: dict[str, int] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    said_at: float = 0.0

    def take(self, file: str, progress: Progress) -> Progress | None:
        """Take in one file's progress; the sum, a few times a second."""
        self.done[file] = progress.done
        self.totals[file] = progress.total if progress.total is not None else self.totals.get(file)
        self.rates[file] = progress.rate or 0.0
        if time.monotonic() - self.said_at < _EVERY:
            return None
        self.said_at = time.monotonic()
        return self.sum()

    def finish(self, file: str) -> None:
        self.rates.pop(file, None)
        self.done[file] = self.totals.get(file) or self.done.get(file, 0)

    def sum(self) -> Progress:
        done, rate = sum(self.done.values()), sum(self.rates.values())
        sizes = [size for size in self.totals.values() if size is not None]
        total = sum(sizes) if len(sizes) == len(self.totals) else None
        left = (total - done) / rate if total is not None and rate else None
        return Progress(self.name, done, total, rate=rate or None, seconds_left=left)


def fetch(
    name: str,
    files: Sequence[WheelFile],
    house: Path,
    addresses: Addresses,
    *,
    route: Route = direct,
    cancel: threading.Event | None = None,
    limit: int | None = None,
) -> Iterator[Event]:
    """Bring every file that is not there yet into `house`; Progress of all together as step `name`.

    `limit` in bytes per second holds for all together. The first LauncherError of a download ends the others; what
    each has fetched is kept and continued by the next run.
    """
    missing = [file for file in files if file.local is None and not is_there(house, file)]
    if not missing:
        return
    tally = _Tally(name, {file.name: file.size for file in missing})
    for file, event in _side_by_side(missing, house, addresses, route, cancel, limit):
        if event is None:
            tally.finish(file.name)
        elif isinstance(event, Progress):
            if progress := tally.take(file.name, event):
                yield progress
        elif not isinstance(event, Downloaded):
            yield event
    yield tally.sum()


def _side_by_side(
    files: Sequence[WheelFile],
    house: Path,
    addresses: Addresses,
    route: Route,
    cancel: threading.Event | None,
    limit: int | None,
) -> Iterator[tuple[WheelFile, Event | None]]:
    """The events of each file, None when it is there. The largest are begun first: they take the longest."""
    waiting = sorted(files, key=lambda file: file.size or 0)
    heard: queue.Queue[tuple[WheelFile, Event | Exception | None]] = queue.Queue(1000)
    stop = threading.Event()
    at_once = min(_AT_ONCE, len(waiting)) if limit is None else 1

    def work() -> None:
        while not stop.is_set():
            try:
                file = waiting.pop()
            except IndexError:
                return
            wanted = Wanted(file.name, house / file.name, addresses(file), file.sha256, file.size)
            try:
                for event in download(wanted, route=route, cancel=stop, limit=limit, replace=True):
                    heard.put((file, event))
                heard.put((file, None))
            except Exception as error:  # noqa: BLE001 - raised again by the thread that listens
                heard.put((file, error))
                return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    try:
        yield from _heard(heard, len(files), cancel)
    finally:
        stop.set()
        _let_go(heard, threads)


def _heard(
    heard: queue.Queue[tuple[WheelFile, Event | Exception | None]],
    files: int,
    cancel: threading.Event | None,
) -> Iterator[tuple[WheelFile, Event | None]]:
    while files:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        try:
            file, event = heard.get(timeout=0.1)
        except queue.Empty:
            continue
        if isinstance(event, Exception):
            raise event
        files -= event is None
        yield file, event


def _let_go(
    heard: queue.Queue[tuple[WheelFile, Event | Exception | None]], threads: Sequence[threading.Thread]
) -> None:
    """Wait until every download has put its state away; nobody listens to what they still say."""
    while any(thread.is_alive() for thread in threads):
        with contextlib.suppress(queue.Empty):
            heard.get(timeout=0.05)
