"""The log of whatever runtime runs in a workspace, followed without having started it and without judging it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from launcher.core.events import Event, Notice
from launcher.core.paths import Workspace
from launcher.core.process import alive
from launcher.core.running import LOG, Running, Tail, find_running, log_lines
from launcher.core.text import t

#: seconds between two looks: whether a runtime has been started; what it has said; what more, after it said something
_LOOK, _POLL, _SHORT_POLL = 0.5, 0.1, 0.02
#: seconds that the last lines of a runtime that has ended take to the log
_LAST_LINES = 0.2
#: of what it has said before: the part that is shown
_PAST = 65536


def follow(workspace: Workspace, cancel: threading.Event) -> Iterator[Event]:
    """Lines of the runtime of the moment, then of its successor, until `cancel` is set."""
    while True:
        running = find_running(workspace)
        if running is not None:
            yield Notice("already-running", "info", t("It runs already (process {pid}).", pid=running.pid))
            yield from _lines(workspace, running, cancel)
        if cancel.wait(_LOOK):
            return


def _lines(workspace: Workspace, running: Running, cancel: threading.Event) -> Iterator[Event]:
    log = Tail(workspace.logs / LOG, last=_PAST)
    while True:
        gone = not alive(running.pid, running.created)
        pause = _POLL
        if gone:
            cancel.wait(_LAST_LINES)
        for lines in log_lines(log, final=gone):
            pause = _SHORT_POLL
            yield lines
        if gone:
            yield Notice("runtime-gone", "info", t("The runtime (process {pid}) has ended.", pid=running.pid))
            return
        if cancel.wait(pause):
            return
