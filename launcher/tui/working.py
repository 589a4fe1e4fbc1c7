"""A screen on which one work at a time is done in place: begun, told in a line, cancelled, ended."""

from __future__ import annotations

from collections.abc import Callable

from textual import on

from launcher.core.text import Text
from launcher.tui.jobs import Job, Jobs
from launcher.tui.messages import Failed, Finished, Happened
from launcher.tui.screens.ask import AskScreen, Question
from launcher.tui.speaking import SpeakingScreen
from launcher.tui.widgets.work_line import WorkLine


class WorkingScreen(SpeakingScreen[None]):
    """Subclasses yield a WorkLine in `body`, hear `Done` themselves, and look again in `ended` where files changed."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = Jobs(self)

    @property
    def busy(self) -> bool:
        """Something is being done."""
        return bool(self.jobs.running)

    @property
    def line(self) -> WorkLine:
        """Where the work is told."""
        return self.query_one(WorkLine)

    def on_unmount(self) -> None:
        """What was begun is ended; the next time it goes on where it can."""
        self.jobs.cancel()

    def retell(self) -> None:
        """The work too."""
        super().retell()
        self.line.retell(self.say)

    def begin(self, name: str, title: Text, job: Job) -> None:
        """Unless something else is being done."""
        if not self.busy and self.jobs.start(name, job):
            self.line.begin(title, self.say)
            self.rekey()

    def ask_for(self, question: Question, then: Callable[[str], None]) -> None:
        """`then` gets what was written; nothing happens after Esc."""

        def answered(answer: str | None) -> None:
            if answer:
                then(answer)

        self.app.push_screen(AskScreen(question, self.say), answered)

    def ended(self, name: str) -> None:
        """A work has ended, well or not."""

    def action_cancel(self) -> None:
        """What was done so far is kept."""
        self.jobs.cancel()

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        self.line.hear(message.inbox.take(), self.say)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.line.fail(message.error, self.say)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self.jobs.ended(message.name)
        self.ended(message.name)
        self.rekey()
