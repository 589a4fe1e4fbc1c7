"""The one bridge to core: walks its iterators in a thread and posts what they yield."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from textual.dom import DOMNode

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.tui.messages import Failed, Finished, Happened, Inbox, Surveyed
from launcher.tui.state import Survey

Cancel = threading.Event
# What was seen, and how to end the work early.
Work = Callable[[Survey, Cancel], Iterator[Event]]


@dataclass(frozen=True)
class Core:
    """What the interface asks of core; the real ones are wired in `wiring`, tests bring their own."""

    look: Callable[[], Survey]
    install: Work
    # Starts the runtime, or follows the one that runs; once cancelled it ends and leaves the runtime alone.
    launch: Work
    stop: Callable[[], object]
    # Shows the page; False where there is no screen to show it on.
    open_page: Callable[[str], bool]
    save_language: Callable[[str], None]


class Jobs:
    """Starts jobs in threads on behalf of `host`, which receives their messages."""

    def __init__(self, core: Core, host: DOMNode) -> None:
        self._core, self._host = core, host
        self._inbox = Inbox()
        self._cancel = Cancel()
        self._running: set[str] = set()

    @property
    def running(self) -> frozenset[str]:
        """The names of the jobs that have not posted Finished."""
        return frozenset(self._running)

    def survey(self) -> None:
        """Look around."""
        self._start("survey", self._look)

    def up(self, survey: Survey) -> None:
        """Install what is missing, then launch."""
        self._cancel = Cancel()
        self._start("up", partial(self._up, survey, self._cancel))

    def follow(self, survey: Survey) -> None:
        """Watch the runtime that runs already."""
        self._cancel = Cancel()
        self._start("up", partial(self._walk, self._core.launch, survey, self._cancel))

    def stop(self) -> None:
        """Stop the runtime."""
        self._start("stop", self._core.stop)

    def cancel(self) -> None:
        """End the install that runs, or stop watching the runtime."""
        self._cancel.set()

    def ended(self, name: str) -> None:
        """The host has read Finished."""
        self._running.discard(name)

    def _start(self, name: str, work: Callable[[], object]) -> None:
        if name in self._running:
            return
        self._running.add(name)
        self._host.run_worker(partial(self._guard, name, work), name=name, thread=True)

    def _guard(self, name: str, work: Callable[[], object]) -> None:
        try:
            work()
        except LauncherError as error:
            self._host.post_message(Failed(error))
        self._host.post_message(Finished(name))

    def _look(self) -> Survey:
        survey = self._core.look()
        self._host.post_message(Surveyed(survey))
        return survey

    def _up(self, survey: Survey, cancel: Cancel) -> None:
        if survey.plan.missing:
            self._walk(self._core.install, survey, cancel)
            if cancel.is_set():
                return
            survey = self._look()
        self._walk(self._core.launch, survey, cancel)

    def _walk(self, work: Work, survey: Survey, cancel: Cancel) -> None:
        for event in work(survey, cancel):
            if self._inbox.put(event):
                self._host.post_message(Happened(self._inbox))
