"""One line about work in place: what is done, how far it is, how long still; hidden while nothing is done."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Progress, Step
from launcher.core.text import Text
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.progress import amount, pace


class WorkLine(Static):
    """Draws what it was told last; `say` is given each time, for the language may change."""

    def __init__(self) -> None:
        super().__init__(id="work")
        self._title: Text | None = None
        self._progress: Progress | None = None
        self._remark: tuple[Text, ...] = ()
        self._style = ""

    def begin(self, title: Text, say: Say) -> None:
        """Work of this name has begun."""
        self._title, self._progress, self._remark, self._style = title, None, (), ""
        self.retell(say)

    def hear(self, events: Iterable[Event], say: Say) -> None:
        """What it says on its way."""
        for event in events:
            if isinstance(event, Step) and event.state == "started":
                self._title, self._progress = event.title, None
            elif isinstance(event, Progress):
                self._progress = event
            elif isinstance(event, Notice):
                self._remark = (event.text,)
        self.retell(say)

    def end(self, say: Say, *result: Text) -> None:
        """It is over; the result stays to be read."""
        self._title, self._progress, self._remark, self._style = None, None, result, ""
        self.retell(say)

    def pause(self, say: Say) -> None:
        """It is over and has no result of its own: what was said of the work before stays."""
        self._title, self._progress = None, None
        self.retell(say)

    def fail(self, error: LauncherError, say: Say) -> None:
        """It has failed."""
        self._title, self._progress, self._remark = None, None, (error.message, error.hint)
        self._style = "$text-warning" if error.code == "interrupted" else "bold $text-error"
        self.retell(say)

    def retell(self, say: Say) -> None:
        """In the language of the moment."""
        parts = [Content.styled(plain(say(self._title)), "bold")] if self._title else []
        if self._progress is not None:
            parts += [amount(self._progress), *(Content(plain(say(words))) for words in pace(self._progress))]
        parts += [Content.styled(plain(say(each)), self._style) for each in self._remark]
        self.display = bool(parts)
        self.update(Content("  ").join(parts))
