"""The running log on the home screen: the end of what the console shows whole."""

from __future__ import annotations

from launcher.core.events import Line, Notice
from launcher.core.text import t
from launcher.tui.state import Home
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.log_view import LogView


class LogPane(LogView):
    """Too narrow for the console's signs at the edge."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(signs=False, id=id)

    def show(self, _home: Home, say: Say) -> None:
        """Say everything again: the language may have changed."""
        self.border_title = say(t("Log"))
        self.rebuild()

    def add(self, entries: list[Line | Notice]) -> None:
        """What the screen itself has to say, after what its jobs have said before."""
        self.app.call_later(self.store.add, entries)
