"""The one door for files from the network: continued where it ended, checked, and put in place by one rename."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Protocol

from launcher.core.download.disk import disk_error
from launcher.core.download.pace import Brake, Pace
from launcher.core.download.part import PART, Part, beside, occupied, sweep_twin
from launcher.core.download.request import (
    Address,
    Patience,
    Route,
    StoppedError,
    TroubleError,
    Wanted,
    direct,
)
from launcher.core.download.roster import Roster
from launcher.core.download.transfer import Transfer
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded, Event, Notice, Progress
from launcher.core.file_lock import only_one
from launcher.core.process import CancelledError
from launcher.core.text import t

__all__ = ["Address", "Patience", "Route", "Wanted", "direct", "download"]

_POLL = 0.1
#: seconds between two events of progress
_REPORT = 0.5
_CHUNK = 1024 * 1024


class Hash(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes, /) -> None:
        """The next bytes."""


class _BusyError(Exception):
    """Another process holds the lock."""


def download(
    wanted: Wanted,
    *,
    route: Route = direct,
    cancel: threading.Event | None = None,
    limit: int | None = None,
    replace: bool = False,
    patience: Patience | None = None,
) -> Iterator[Event]:
    """Fetch one file to its target: yields Progress and Notice, and Downloaded as the last event.

    What is there already with the right hash is done at once; another file under that name is kept unless `replace`,
    also one that has come there meanwhile.
    A partial file is kept beside the target and continued by the next call. `limit` is in bytes per second; `cancel`
    may be set from any thread. Raises LauncherError: `already-there`, `disk-full`, `no-permission`, `no-address`,
    `download-KIND` when no address is left, and CancelledError.
    """
    stop = cancel or threading.Event()
    with contextlib.ExitStack() as held:
        yield from _alone(wanted, stop, held)
        there = yield from _there(wanted, stop, replace)
        if there is not None:
            sweep_twin(wanted.target)
            yield there
            return
        if not wanted.addresses:
            raise LauncherError(
                "no-address",
                t("No address is known for {name}.", name=wanted.name),
                t("Choose another mirror, or put the file in place by hand."),
            )
        part = Part(wanted)
        try:
            yield from _read(wanted, part.open(), lambda: part.size, stop)
            yield from _fetch(wanted, part, route, stop, limit, patience or Patience(), replace=replace)
        except StoppedError as stopped:
            raise CancelledError from stopped
        finally:
            part.close()


def _fetch(
    wanted: Wanted, part: Part, route: Route, stop: threading.Event, limit: int | None, patience: Patience, *,
    replace: bool,
) -> Iterator[Event]:  # fmt: skip
    """Address after address until the file is whole and right."""
    roster, brake, again, furthest = Roster(wanted, patience), Brake(limit), set[Address](), part.length
    told = set[tuple[str, str]]()
    while True:
        address, ready_at = roster.next(time.monotonic())
        _pause(ready_at, stop)
        transfer = Transfer(wanted, part, address, route, patience, brake, floor=roster.floor(address))
        began = time.monotonic()
        try:
            yield from _watch(wanted, part, transfer, stop, patience)
            yield from _finish(wanted, part, address, replace)
            return
        except TroubleError as trouble:
            if trouble.restart and address not in again:
                again.add(address)
                part.restart()
                yield _said(wanted, address, trouble)
                continue
            # Against the furthest ever: bytes that come again after a new beginning are no progress.
            now = time.monotonic()
            roster.failed(address, trouble, part.length - furthest, now, now - began)
            furthest = max(furthest, part.length)
            # A line that is down fails in the same way again and again.
            if (address.label, trouble.kind) not in told:
                told.add((address.label, trouble.kind))
                yield _said(wanted, address, trouble)
        finally:
            transfer.stop()


def _watch(
    wanted: Wanted, part: Part, transfer: Transfer, stop: threading.Event, patience: Patience
) -> Iterator[Event]:
    """Progress until the attempt has ended; raises what ended it."""
    pace, reported = Pace(part.length, time.monotonic()), 0.0
    while not transfer.wait(_POLL):
        now = time.monotonic()
        if stop.is_set():
            raise StoppedError
        if now - transfer.stirred > patience.connect + patience.silence:
            raise TroubleError("stalled", t("it fell silent"))
        if now - reported >= _REPORT:
            pace.measure(part.length, now)
            yield _progress(wanted, part, pace)
            reported = now
    if transfer.error is not None:
        raise transfer.error
    pace.measure(part.length, time.monotonic())
    yield _progress(wanted, part, pace)


def _progress(wanted: Wanted, part: Part, pace: Pace) -> Progress:
    left = pace.seconds_left(part.length, part.size)
    return Progress(wanted.name, part.length, part.size, rate=pace.rate, seconds_left=left)


def _finish(wanted: Wanted, part: Part, address: Address, replace: bool) -> Iterator[Event]:
    length = part.length
    digest = part.finish(replace=replace)
    if wanted.sha256 is None:
        yield _unverified(wanted, digest)
    yield Downloaded(wanted.name, str(wanted.target), length, digest, wanted.sha256 is not None, address.label)


def _unverified(wanted: Wanted, digest: str) -> Notice:
    sentence = t(
        "No SHA-256 is known for {name}, so its bytes were not checked. It has {digest}.",
        name=wanted.name, digest=digest,
    )  # fmt: skip
    return Notice("download-unverified", "warning", sentence)


def _said(wanted: Wanted, address: Address, trouble: TroubleError) -> Notice:
    sentence = t("{name} from {address}: {why}.", name=wanted.name, address=address.label, why=trouble.why)
    return Notice(f"download-{trouble.kind}", "warning", sentence)


def _pause(until: float, stop: threading.Event) -> None:
    if stop.wait(max(0.0, until - time.monotonic())):
        raise StoppedError


def _alone(wanted: Wanted, stop: threading.Event, held: contextlib.ExitStack) -> Iterator[Event]:
    """Wait until no other process downloads to the same place; `held` keeps it so."""
    if _held(wanted, held):
        return
    sentence = t("Another Gesso is downloading {name} to the same place; waiting for it.", name=wanted.name)
    yield Notice("download-waiting", "info", sentence)
    while not _held(wanted, held):
        if stop.wait(0.2):
            raise CancelledError


def _held(wanted: Wanted, held: contextlib.ExitStack) -> bool:
    try:
        held.enter_context(only_one(beside(wanted.target, f"{PART}.lock"), lambda _: _BusyError(), remove=True))
    except _BusyError:
        return False
    except OSError as error:
        raise disk_error(wanted.target, error) from error
    return True


def _there(wanted: Wanted, stop: threading.Event, replace: bool) -> Generator[Event, None, Downloaded | None]:
    """What lies at the target already, if it is what is wanted."""
    found = hashlib.sha256()
    try:
        if not wanted.target.exists():
            if replace or not wanted.target.is_symlink():
                return None
            raise LauncherError(
                "already-there",
                t("At {file} lies a link that leads nowhere today.", file=wanted.target),
                t("Bring its disk back, or move the link away, then try again."),
            )
        size = wanted.target.stat().st_size
        fits = wanted.target.is_file() and wanted.size in (None, size)
        if fits:
            yield from _read(wanted, _hashed(wanted.target, found), lambda: size, stop)
    except OSError as error:
        raise disk_error(wanted.target, error) from error
    except StoppedError as stopped:
        raise CancelledError from stopped
    if fits and (wanted.sha256 is None or wanted.sha256.lower() == found.hexdigest()):
        return Downloaded(wanted.name, str(wanted.target), size, found.hexdigest(), wanted.sha256 is not None, "")
    if replace and wanted.target.is_file():
        return None
    raise occupied(wanted.target)


def _hashed(file: Path, found: Hash) -> Iterator[int]:
    done = 0
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            found.update(chunk)
            done += len(chunk)
            yield done


def _read(
    wanted: Wanted, lengths: Iterator[int], total: Callable[[], int | None], stop: threading.Event
) -> Iterator[Event]:
    """Progress while what is there already is read; a large file takes its time."""
    done, reported = 0, time.monotonic()
    for done in lengths:
        if stop.is_set():
            raise StoppedError
        if time.monotonic() - reported >= _REPORT:
            reported = time.monotonic()
            yield Progress(wanted.name, done, total())
    if done:
        yield Progress(wanted.name, done, total())
