"""Measures mirrors: all at once, each for the very file, within a time that does not depend on any of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from launcher.core.download.door import Route, direct
from launcher.core.events import Event, Probed, Progress
from launcher.core.network.mirror_reading import Asking, Reading, read_mirror
from launcher.core.network.mirror_samples import Sample
from launcher.core.network.mirror_verdicts import Verdict, verdicts
from launcher.core.network.mirrors import Measuring, Mirror
from launcher.core.process import CancelledError

_POLL = 0.05
#: seconds between two words about one mirror
_TOLD_EVERY = 0.2


@dataclass(frozen=True)
class Measurement:
    """How the mirrors of a kind fared with one file."""

    #: of the sample: the kind, for torch with its tag
    key: str
    #: the file
    sample: str
    #: seconds since 1970
    at: float
    verdicts: tuple[Verdict, ...]

    def of(self, name: str) -> Verdict | None:
        return next((each for each in self.verdicts if each.name == name), None)

    @property
    def ranking(self) -> tuple[Verdict, ...]:
        """Those with the right bytes, the fastest first."""
        return tuple(sorted((each for each in self.verdicts if each.usable), key=lambda each: -(each.rate or 0.0)))


def measure(
    sample: Sample,
    mirrors: Sequence[Mirror],
    terms: Measuring,
    *,
    index: str | None = None,
    route: Route = direct,
    cancel: threading.Event | None = None,
) -> Generator[Event, None, Measurement]:
    """Yields Progress (unit "mirrors") and Probed of each, returns the Measurement after `terms.seconds` at the latest.

    `index` is the official index, for packages and torch. Raises CancelledError, nothing else: what a mirror does
    wrong is its verdict.
    """
    stop = threading.Event()
    asking = Asking(route, terms.mib << 20, time.monotonic() + terms.seconds, stop)
    readings = [Reading(mirror) for mirror in mirrors]
    threads = [
        # A daemon: a server that answers one byte in a minute must not keep the program from ending.
        threading.Thread(target=read_mirror, args=(reading, sample, index, asking), daemon=True)
        for reading in readings
    ]
    for thread in threads:
        thread.start()
    try:
        yield from _wait(readings, sample, asking, cancel)
    finally:
        stop.set()
        for reading in readings:
            if not reading.done:
                reading.give_up(terms.seconds / 4)
    for reading in readings:
        if reading.bug is not None:
            raise reading.bug
    return Measurement(sample.key, sample.name, time.time(), verdicts(readings, sample))


def _wait(
    readings: Sequence[Reading], sample: Sample, asking: Asking, cancel: threading.Event | None
) -> Generator[Event, None, None]:
    told = -1
    said: dict[str, Probed] = {}
    said_at = 0.0
    while True:
        done = sum(reading.done for reading in readings)
        news = done != told
        if news:
            told = done
            yield Progress("mirrors", done, len(readings), "mirrors")
        if news or time.monotonic() - said_at > _TOLD_EVERY:
            said_at = time.monotonic()
            yield from _news([_probed(reading, sample, asking) for reading in readings], said)
        if done == len(readings) or time.monotonic() >= asking.until:
            return
        if cancel is not None and cancel.is_set():
            raise CancelledError
        time.sleep(_POLL)


def _news(seen: Iterable[Probed], said: dict[str, Probed]) -> Iterator[Probed]:
    for each in seen:
        if said.get(each.name) != each:
            said[each.name] = each
            yield each


def _probed(reading: Reading, sample: Sample, asking: Asking) -> Probed:
    total = min(asking.most, reading.size or asking.most)
    return Probed(sample.kind, reading.mirror.name, min(reading.read, total), total, reading.rate, reading.done)
