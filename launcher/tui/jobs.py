"""The one bridge to core: walks its iterators in threads and posts what they yield."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.dom import DOMNode

from launcher.core.errors import LauncherError
from launcher.tui.messages import Done, Failed, Finished, Happened, Inbox

Cancel = threading.Event
#: What core is asked, and how to end it early. An iterator of events is walked; what it ends with is Done's value.
Job = Callable[[Cancel], object]


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
            value = self._walked(name, job(cancel))
        except LauncherError as error:
            self._host.post_message(Failed(error, name))
        else:
            self._host.post_message(Done(name, value))
        self._host.post_message(Finished(name))

    def _walked(self, name: str, found: object) -> Any:
        """What an iterator ends with, after its events have been posted; anything else as it is."""
        if not isinstance(found, Iterator):
            return found
        inbox = Inbox()
        while True:
            try:
                event = next(found)
            except StopIteration as end:
                return end.value
            if inbox.put(event):
                self._host.post_message(Happened(inbox, name))
