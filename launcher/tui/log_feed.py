"""What goes into the log that all screens share: what every job says, and a runtime that nobody here has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.core.events import Notice
from launcher.tui.asks_console import ConsoleAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished, Happened

if TYPE_CHECKING:
    from launcher.tui.app import GessoApp

#: the job that stays with the runtime, as the home screen calls it
LAUNCH = "launch"
FOLLOW = "follow"
#: the one that reads the rules, once there is something to know
RULES = "rules"


class LogFeed:
    """Hears all jobs at the app, where their messages end."""

    def __init__(self, app: GessoApp) -> None:
        self._app, self._jobs = app, Jobs(app)
        self._launched = self._wanted = self._reading = False

    def happened(self, message: Happened) -> None:
        """A screen has taken what a job said; what the app's own job says nobody else takes."""
        if message.name == LAUNCH and not self._launched:
            # From now on the runtime's lines come this way: twice they would be in the log twice.
            self._launched = True
            self._jobs.cancel(FOLLOW)
        if message.name == FOLLOW:
            message.inbox.take()
        self._app.log_store.add(message.inbox.heard())
        if self._app.log_store.end:
            self._read_rules()

    def done(self, message: Done) -> None:
        """The rules have been read."""
        if message.name == RULES:
            self._app.log_store.know(message.value)
            self._app.settled()

    def failed(self, message: Failed) -> None:
        """They could not be read: then no line is known."""
        if message.name == RULES:
            self._app.log_store.add([Notice(RULES, "warning", message.error.message)])

    def finished(self, message: Finished) -> None:
        """After the last of a job's events."""
        if message.name in (FOLLOW, RULES):
            self._jobs.ended(message.name)
        elif message.name == LAUNCH:
            self._launched = False
        self._follow()

    def follow_others(self) -> None:
        """Whatever runs here, whoever has started it, is followed from now on: somebody has opened the console."""
        self._wanted = True
        self._follow()
        self._read_rules()

    def _read_rules(self) -> None:
        """Once, and not before there is something to know."""
        if not self._reading and self._app.wired:
            self._reading = True
            rules = self._app.ask(ConsoleAsks).rules
            self._jobs.start(RULES, lambda _: rules())

    def end(self) -> None:
        """A thread that went on would keep the process alive."""
        self._wanted = False
        self._jobs.cancel()

    def _follow(self) -> None:
        if self._wanted and not self._launched:
            self._jobs.start(FOLLOW, self._app.ask(ConsoleAsks).follow)
