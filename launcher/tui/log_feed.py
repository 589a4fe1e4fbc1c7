"""What goes into the log that all screens share: what every job says, and a runtime that nobody here has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.tui.asks_console import ConsoleAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Finished, Happened

if TYPE_CHECKING:
    from launcher.tui.app import GessoApp

#: the job that stays with the runtime, as the home screen calls it
LAUNCH = "launch"
FOLLOW = "follow"


class LogFeed:
    """Hears all jobs at the app, where their messages end."""

    def __init__(self, app: GessoApp) -> None:
        self._app, self._jobs = app, Jobs(app)
        self._launched = self._wanted = False

    def happened(self, message: Happened) -> None:
        """A screen has taken what a job said; what the app's own job says nobody else takes."""
        if message.name == LAUNCH and not self._launched:
            # From now on the runtime's lines come this way: twice they would be in the log twice.
            self._launched = True
            self._jobs.cancel(FOLLOW)
        if message.name == FOLLOW:
            message.inbox.take()
        self._app.log_store.add(message.inbox.heard())

    def finished(self, message: Finished) -> None:
        """After the last of a job's events."""
        if message.name == FOLLOW:
            self._jobs.ended(FOLLOW)
        elif message.name == LAUNCH:
            self._launched = False
        self._follow()

    def follow_others(self) -> None:
        """Whatever runs here, whoever has started it, is followed from now on: somebody has opened the console."""
        self._wanted = True
        self._follow()

    def end(self) -> None:
        """A thread that went on would keep the process alive."""
        self._wanted = False
        self._jobs.cancel()

    def _follow(self) -> None:
        if self._wanted and not self._launched:
            self._jobs.start(FOLLOW, self._app.ask(ConsoleAsks).follow)
