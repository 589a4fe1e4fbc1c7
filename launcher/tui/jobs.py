"""The one bridge to core: walks its iterators in threads and posts what they yield."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.dom import DOMNode

from launcher.core.errors import LauncherError
from launcher.core.events import Lines
from launcher.tui.messages import PORTION, Done, Failed, Finished, Happened, Inbox

if TYPE_CHECKING:
    from launcher.tui.app import GessoApp

Cancel = threading.Event
#: What core is asked, and how to end it early. An iterator of events is walked; what it ends with is Done's value.
Job = Callable[[Cancel], object]

#: events that may be under way; a child that floods fills its log's file, and neither the memory nor the queue in which
#: a key waits for its turn
_WAITING = 3 * PORTION
#: seconds without one being taken, after which nobody takes them
_PATIENCE = 5.0
#: seconds
_TURN = 0.001


class Jobs:
    """Starts jobs in threads on behalf of `host`, which receives Happened …, Done or Failed, Finished."""

    def __init__(self, host: DOMNode) -> None:
        self._host = host
        self._cancels: dict[str, Cancel] = {}

    @property
    def running(self) -> frozenset[str]:
        """The names of the jobs that have not posted Finished."""
        return frozenset(self._cancels)

    def start(self, name: str, job: Job) -> bool:
        """False while a job of this name runs already."""
        if name in self._cancels:
            return False
        self._cancels[name] = Cancel()
        self._host.run_worker(partial(self._guard, name, job, self._cancels[name]), name=name, thread=True)
        return True

    def cancel(self, name: str | None = None) -> None:
        """Ask one of them to end, or all."""
        for each, cancel in self._cancels.items():
            if name in (None, each):
                cancel.set()

    def ended(self, name: str) -> None:
        """The host has read Finished."""
        self._cancels.pop(name, None)

    def _guard(self, name: str, job: Job, cancel: Cancel) -> None:
        """A named failure is news for the screen; anything else is a bug and ends the app loudly."""
        try:
            value = self._walked(name, job(cancel), cancel)
        except LauncherError as error:
            self._host.post_message(Failed(error, name))
        else:
            self._host.post_message(Done(name, value))
        self._host.post_message(Finished(name))

    def _walked(self, name: str, found: object, cancel: Cancel) -> Any:
        """What an iterator ends with, after its events have been posted; anything else as it is."""
        if not isinstance(found, Iterator):
            return found
        inbox = Inbox(lambda: self._host.post_message(Happened(inbox, name)))
        try:
            while True:
                if inbox.put(self._read(next(found))):
                    self._host.post_message(Happened(inbox, name))
                if len(inbox) >= _WAITING:
                    _until(inbox, PORTION, cancel)
        except StopIteration as end:
            return end.value
        finally:
            # What comes after the events is said after them.
            _until(inbox, PORTION, cancel)

    def _read(self, event: Any) -> Any:
        """Lines that come in numbers are read here, where nobody waits for a key to answer."""
        if not isinstance(event, Lines):
            return event
        # Between two portions of a flood the screen has the interpreter for itself.
        time.sleep(_TURN)
        return cast("GessoApp", self._host.app).log_store.reader.read(event.source, event.texts)


def _until(inbox: Inbox, left: int, cancel: Cancel) -> None:
    """Wait until the screen has taken all but `left` events; a screen that takes none any more is not waited for."""
    before, deadline = len(inbox), time.monotonic() + _PATIENCE
    while len(inbox) > left and not cancel.wait(0.002) and time.monotonic() < deadline:
        if len(inbox) < before:
            before, deadline = len(inbox), time.monotonic() + _PATIENCE
